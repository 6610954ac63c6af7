//! Hooks and webhooks, asked by real provisioners.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use countersign_ledger::limits::HEARTBEAT;
use countersign_proto::event::Known;
use countersign_proto::v1::Drift;
use parking_lot::Mutex;

use crate::site::{Site, until};

const RESOURCES: &[(&str, &[&str])] = &[("vault", &["read"])];
const HOOK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../docs/examples/provision-hook"
);

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_a_hook_makes_removes_and_mends() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display();
    fs::create_dir(folder.path().join("grants")).expect("room");
    let config = format!(
        r#"
[[provision]]
name = "vault"
inspect_every = "1s"
on_drift = "remove"
deliver = {{ command = ["/bin/sh", "-c", "cat >> {path}/handed; echo >> {path}/handed"] }}
[provision.hook]
command = ["{HOOK}", "{path}/grants"]
access = [{{ resource = "vault", permission = "read" }}]
"#
    );
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&config).await;
    let grant = site.grant("vault", "read", 600).await;
    let made = site.made(grant).await;
    assert_eq!(made.target, format!("file {grant}"));
    assert_eq!(made.credential_sha256.len(), 32);
    let handed = fs::read_to_string(folder.path().join("handed")).expect("it was handed over");
    let lines: Vec<&str> = handed.lines().collect();
    assert_eq!(lines.len(), 1, "once: {handed}");
    let handed: serde_json::Value = serde_json::from_str(lines[0]).expect("JSON");
    assert_eq!(handed["action"], "deliver");
    assert_eq!(handed["grant"]["person"], "ada");
    assert_eq!(handed["grant"]["principal"], "user:ada");

    fs::write(folder.path().join("grants/424242"), "{}").expect("room");
    let stranger = site.drift("file 424242").await;
    assert_eq!((stranger.drift(), stranger.mended), (Drift::Unknown, true));
    site.finish(grant).await;
    assert_eq!(
        site.removed(grant).await,
        format!("file {grant} is not there")
    );
    assert_eq!(
        fs::read_dir(folder.path().join("grants"))
            .expect("there")
            .count(),
        0
    );
    running.stop().await;
}

/// The stream of a ledger is silent for as long after it has sent entries.
#[tokio::test(flavor = "multi_thread")]
async fn access_is_made_at_once_whether_it_was_granted_before_the_start_or_after() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display();
    let config = format!(
        r#"
[[provision]]
name = "vault"
inspect_every = "0s"
deliver = {{ dir = "{path}/out" }}
[provision.hook]
command = ["{HOOK}", "{path}"]
access = [{{ resource = "vault", permission = "read" }}]
"#
    );
    let site = Site::new(RESOURCES).await;
    let soon = HEARTBEAT / 2;
    let before = site.grant("vault", "read", 600).await;
    let running = site.provision(&config).await;
    let made = tokio::time::timeout(soon, site.made(before)).await;
    assert!(made.is_ok(), "the last entry of the log is what grants it");
    running.stop().await;
    // Now the last entry is one that provisioners follow, and it asks for nothing.
    let running = site.provision(&config).await;
    let after = site.grant("vault", "read", 600).await;
    let made = tokio::time::timeout(soon, site.made(after)).await;
    assert!(made.is_ok(), "it is granted just after the start");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_fails_is_an_alarm_and_is_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display();
    fs::create_dir(folder.path().join("grants")).expect("room");
    let config = format!(
        r#"
[[provision]]
name = "vault"
inspect_every = "0s"
deliver = {{ dir = "{path}/out" }}
[provision.hook]
command = ["/bin/sh", "-c", """test -e {path}/works || {{ echo no vault >&2; exit 9; }}
exec {HOOK} {path}/grants"""]
access = [{{ resource = "vault", permission = "read" }}]
"#
    );
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&config).await;
    let grant = site.grant("vault", "read", 600).await;
    let second = site
        .wait(|known| match known {
            Known::ProvisioningFailed(failed) if failed.attempt == 2 => Some(failed.error.clone()),
            _ => None,
        })
        .await;
    assert!(second.contains("no vault"), "{second}");
    fs::write(folder.path().join("works"), "").expect("room");
    site.made(grant).await;
    fs::remove_file(folder.path().join("works")).expect("there");
    site.revoke(grant).await;
    let failed = site
        .wait(|known| match known {
            Known::RemovalFailed(failed) => Some(failed.clone()),
            _ => None,
        })
        .await;
    assert_eq!((failed.grant, failed.attempt), (grant, 1));
    let troubles = site.troubles.all();
    let [trouble] = troubles.as_slice() else {
        panic!("expected the removal, got {troubles:?}");
    };
    assert_eq!(trouble.what, format!("removal of grant {grant}"));
    assert!(trouble.attempts > 0 && trouble.error.contains("no vault"));
    assert!(
        folder
            .path()
            .join("grants")
            .join(grant.to_string())
            .exists()
    );
    fs::write(folder.path().join("works"), "").expect("room");
    site.removed(grant).await;
    assert!(site.troubles.all().is_empty());
    assert!(
        !folder
            .path()
            .join("grants")
            .join(grant.to_string())
            .exists()
    );
    running.stop().await;
}

/// A question with the headers that matter, as raw text.
#[derive(Debug, Clone)]
struct Asked {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
}

/// A service that keeps what it is asked and answers as a hook does.
fn service(listener: TcpListener, asked: Arc<Mutex<Vec<Asked>>>) {
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            answer(stream, &asked);
        }
    });
}

fn answer(mut stream: TcpStream, asked: &Mutex<Vec<Asked>>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    let (head, length) = loop {
        let Ok(read @ 1..) = stream.read(&mut buffer) else {
            return;
        };
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length: usize = header(head, "content-length").parse().expect("a length");
            break (head.to_owned(), length);
        }
    };
    while bytes.len() < head.len() + 4 + length {
        let read = stream.read(&mut buffer).expect("all of it");
        bytes.extend_from_slice(&buffer[..read]);
    }
    let body = String::from_utf8_lossy(&bytes[head.len() + 4..]).into_owned();
    let question: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    asked.lock().push(Asked {
        id: header(&head, "webhook-id"),
        timestamp: header(&head, "webhook-timestamp"),
        signature: header(&head, "webhook-signature"),
        body,
    });
    let said = match question["action"].as_str().expect("an action") {
        "make" => r#"{"target":"seat 7","credential":"hunter2hunter2"}"#,
        "remove" => r#"{"found":true,"proof":"seat 7 is free"}"#,
        _ => "{}",
    };
    let length = said.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{said}"
    )
    .expect("it listens");
}

fn header(head: &str, name: &str) -> String {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_owned()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_so_that_others_can_tell() {
    const CHECK: &str = "
import base64, hashlib, hmac, sys
secret, id, timestamp, signature = sys.argv[1:5]
body = sys.stdin.buffer.read()
key = base64.b64decode(secret.removeprefix('whsec_'))
digest = hmac.new(key, f'{id}.{timestamp}.'.encode() + body, hashlib.sha256).digest()
sys.exit(0 if signature == 'v1,' + base64.b64encode(digest).decode() else 1)";
    let folder = tempfile::tempdir().expect("a folder");
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    fs::write(folder.path().join("secret"), secret).expect("room");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let asked = Arc::new(Mutex::new(Vec::new()));
    service(listener, Arc::clone(&asked));
    let config = format!(
        r#"
[[provision]]
name = "seats"
inspect_every = "0s"
deliver = {{ dir = "{path}/out" }}
[provision.webhook]
url = "http://{address}/provision"
secret_file = "{path}/secret"
access = [{{ resource = "vault", permission = "read" }}]
"#,
        path = folder.path().display()
    );
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&config).await;
    let grant = site.grant("vault", "read", 600).await;
    site.made(grant).await;
    let delivered = folder
        .path()
        .join(format!("out/ada/vault-{grant}.credential"));
    assert_eq!(fs::read(&delivered).expect("delivered"), b"hunter2hunter2");
    site.clock.pass(Duration::from_secs(600));
    assert_eq!(site.removed(grant).await, "seat 7 is free");
    until("nothing delivered", || !delivered.exists()).await;
    let asked = asked.lock().clone();
    assert_eq!(asked.len(), 2, "{asked:?}");
    for one in asked {
        let check = |body: &str| {
            let mut python = Command::new("python3")
                .args(["-c", CHECK, secret, &one.id, &one.timestamp, &one.signature])
                .stdin(Stdio::piped())
                .spawn()
                .expect("python3 starts");
            let mut stdin = python.stdin.take().expect("piped");
            stdin.write_all(body.as_bytes()).expect("it reads");
            drop(stdin);
            python.wait().expect("it ran").success()
        };
        assert!(check(&one.body), "{one:?}");
        assert!(!check(&one.body.replace("ada", "eve")), "somebody else's");
        assert!(one.id.contains(&grant.to_string()), "{one:?}");
    }
    running.stop().await;
}

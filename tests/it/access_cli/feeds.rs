//! Groups that follow a calendar at an address: a real server with TLS, and all that can go wrong
//! with it.

use std::fs;
use std::sync::Arc;

use countersign_tests::process::Served;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::room::{Room, text};

const CALENDAR: &str = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20200101\r\n\
    DTEND:20200102\r\nRRULE:FREQ=DAILY\r\nSUMMARY:On call - eve\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

/// Groups, each of which eve is in, by what its address answers.
const GROUPS: [&str; 5] = ["good", "moved", "gone", "large", "html"];

/// Serves calendars; returns its port and the certificate to trust.
async fn calendars() -> (u16, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a key");
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _from)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(answer(stream));
            }
        }
    });
    (port, made.cert.pem())
}

async fn answer(mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match path {
        "/good" => ("200 OK", CALENDAR.to_owned()),
        "/moved" => ("302 Found\r\nLocation: /good", String::new()),
        "/large" => ("200 OK", "x".repeat((1 << 20) + 1)),
        "/html" => ("200 OK", "<html>Sign in</html>".to_owned()),
        _ => ("404 Not Found", String::new()),
    };
    let length = body.len();
    let close = "Connection: close\r\n\r\n";
    let said = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{close}{body}");
    // Whoever has enough of a large answer goes away.
    drop(stream.write_all(said.as_bytes()).await);
    drop(stream.shutdown().await);
}

fn entities(port: u16) -> String {
    let group = |id: &str| {
        format!(
            r#"{{"uid":{{"type":"Group","id":"{id}"}},
                "attrs":{{"on_call":"https://127.0.0.1:{port}/{id}"}},"parents":[]}},"#
        )
    };
    let groups: String = GROUPS.map(group).concat();
    let parents = GROUPS.map(|id| format!(r#"{{"type":"Group","id":"{id}"}}"#));
    format!(
        r#"[{groups}
  {{"uid":{{"type":"Group","id":"engineers"}},"attrs":{{}},"parents":[]}},
  {{"uid":{{"type":"Person","id":"ada"}},"attrs":{{}},
    "parents":[{{"type":"Group","id":"engineers"}}]}},
  {{"uid":{{"type":"Person","id":"eve"}},"attrs":{{}},"parents":[{}]}},
  {{"uid":{{"type":"Resource","id":"db-prod"}},
    "attrs":{{"environment":"production","sensitivity":"high","permissions":["admin"]}},
    "parents":[]}}]"#,
        parents.join(",")
    )
}

/// Who could decide, by group.
fn reviewers(room: &Room) -> Vec<(String, usize)> {
    let want = ["access", "simulate", "db-prod", "admin", "--for", "1h"];
    let told = room.json("ada", &want);
    let slots = told["reviewers"].as_array().expect("groups").iter();
    let slots = slots.map(|slot| {
        let people = slot["people"].as_array().expect("people").len();
        (slot["group"].as_str().expect("a name").to_owned(), people)
    });
    slots.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_says_who_is_on_call() {
    let (port, pem) = calendars().await;
    let mut room = Room::without_policy().await;
    let roots = room.data.path().with_file_name("roots.pem");
    fs::write(&roots, pem).expect("room");
    room.restart(|dir| Served::start_trusting(dir, &roots));
    let folder = room.data.path().with_file_name("policy");
    fs::create_dir(&folder).expect("room");
    let slots = GROUPS.map(|group| format!("{group}:1")).join(", ");
    let access = format!(
        "@id(\"all\") @approvals(\"{slots}\") @max_duration(\"1h\")\n\
         permit (principal in Group::\"engineers\", action == Action::\"request\", resource);\n\
         @id(\"deciders\") permit (principal, action == Action::\"approve\", resource)\n\
         when {{ principal in context.group }};\n"
    );
    fs::write(folder.join("access.cedar"), access).expect("room");
    fs::write(folder.join("entities.json"), entities(port)).expect("room");
    // One person cannot fill five places, which is of no matter here.
    room.good("admin", &["policy", "put", text(&folder), "--force"]);
    let expected = GROUPS.map(|group| {
        let on_call = matches!(group, "good" | "moved");
        (group.to_owned(), usize::from(on_call))
    });
    let mut sorted = expected.to_vec();
    sorted.sort();
    // They are fetched one after the other, as soon as the policy is in force.
    while reviewers(&room)
        .iter()
        .map(|(_, people)| people)
        .sum::<usize>()
        < 2
    {}
    let printed = room.server_says(&["404", "at most 1048576 bytes", "cannot be read"]);
    assert!(
        !printed.contains("/good"),
        "an address may be a password: {printed}"
    );
    let mut told = reviewers(&room);
    told.sort();
    assert_eq!(told, sorted);

    let case = room.request().to_string();
    let entry = room.json("olga", &["show", &case]);
    let facts = entry["event"]["facts"].to_string();
    assert!(
        facts.contains("eve"),
        "the entry says who was on call: {entry}"
    );
    room.end();
}

//! What a session showed, in the browser of somebody who may see it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use countersign_tests::browser::Browser;
use countersign_tests::inbox::Inbox;
use countersign_tests::process::countersign;
use countersign_tests::stage::text;
use serde_json::{Value, json};

use crate::BAD;

/// Break-glass access of bruno; its case.
async fn access(bruno: &mut Browser) -> String {
    let asked = [
        ("what", "orders-db break-glass"),
        ("duration", "30m"),
        ("reason", "it burns"),
        ("ticket", "T-1"),
        ("severity", "sev1"),
        ("affected", "orders"),
        ("confirm", "yes"),
        ("step", "send"),
    ];
    let sent = bruno.fill("/break-glass", "/break-glass", &asked).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let case = sent.location().split('?').next().unwrap_or_default();
    case.to_owned()
}

/// A recorded session in this case, with markup in what it shows.
fn session(inbox: &Inbox, case: &str) {
    let identity = inbox.stage.beside("user-bruno");
    let spool = inbox.stage.beside("spool");
    let server = inbox.stage.ledger();
    let (number, shown) = (case.replace("/case/", ""), format!("echo 'so {BAD}'"));
    let words = [
        "collector",
        "run",
        "--server",
        &server.endpoint.grpc,
        "--identity",
        text(&identity),
        "--grant",
        &number,
        "--spool",
        text(&spool),
        "--",
        "sh",
        "-c",
        &shown,
    ];
    let ran = countersign(&words).output().expect("the binary starts");
    let why = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{why}");
}

fn views(inbox: &Inbox) -> Vec<Value> {
    inbox.stage.entries(&["--kind", "RecordingViewed"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_shown_to_whom_the_policy_permits_it_and_each_look_is_an_entry() {
    let inbox = Inbox::start(&["bruno", "dana", "ada"], &[]).await;
    let (mut bruno, mut dana) = (inbox.browser(0).await, inbox.browser(1).await);
    let mut ada = inbox.browser(2).await;
    let case = access(&mut bruno).await;
    session(&inbox, &case);
    let page = dana.get(&case).await;
    let start = format!("{case}/session/");
    let (_, rest) = page.body.split_once(&start).expect("a link");
    let number = rest.split('"').next().unwrap_or_default();
    let path = format!("{start}{number}");
    let before = dana.get(&path).await;
    assert!(
        before.status == 200 && !before.body.contains("so &quot;"),
        "{}",
        before.body
    );
    assert_eq!(views(&inbox).len(), 0, "a link alone is no look");

    for browser in [&mut dana, &mut bruno] {
        let looked = browser.fill(&path, &path, &[]).await;
        assert_eq!(looked.status, 200, "{}", looked.body);
        let text = "so &quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;";
        // Once as text, and once for the player.
        assert!(looked.body.matches(text).count() >= 1, "{}", looked.body);
        assert!(looked.body.contains("data-cast"), "{}", looked.body);
        assert!(!looked.body.contains("<script>alert"), "{}", looked.body);
        assert!(
            looked.body.contains("src=\"/player.js\""),
            "{}",
            looked.body
        );
    }
    let entries = views(&inbox);
    let who: Vec<_> = entries.iter().map(|e| (&e["actor"], &e["via"])).collect();
    let via = &"bot:inbox".into();
    assert_eq!(
        who,
        [(&"user:dana".into(), via), (&"user:bruno".into(), via)]
    );

    // Neither who may not, nor without the token of a form, nor of another case.
    let mut forged = dana.get(&path).await.form(&path, &[]);
    forged.insert("csrf".to_owned(), "0".repeat(32));
    assert_eq!(dana.post(&path, &forged).await.status, 403);
    let other = ada.get("/accounts").await.form("/sign-out", &[]);
    for path in [path.clone(), format!("{case}/session/1")] {
        assert_eq!(ada.get(&path).await.status, 404, "{path}");
        assert_eq!(ada.post(&path, &other).await.status, 404, "{path}");
    }
    assert_eq!(dana.get(&format!("{case}/session/1")).await.status, 404);
    assert_eq!(views(&inbox).len(), 2);
    let script = ada.get("/player.js").await;
    assert!(script.head.contains("text/javascript"), "{}", script.head);
    inbox.end();
}

/// What the player shows in a terminal of 10 by 3 after this output, one piece a second.
fn played(outputs: &[&[&str]]) -> Vec<Value> {
    let cast = |pieces: &&[&str]| {
        let mut lines = vec![json!({"version": 2, "width": 10, "height": 3}).to_string()];
        let events = pieces.iter().enumerate();
        lines.extend(events.map(|(at, piece)| json!([at + 1, "o", piece]).to_string()));
        lines.push(json!([600, "i", "typed"]).to_string());
        lines.join("\n") + "\n"
    };
    let casts: Vec<String> = outputs.iter().map(cast).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut node = Command::new("node")
        .arg(root.join("tests/peers/player.cjs"))
        .arg(root.join("chatbot/src/web/player.js"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it is installed");
    let mut input = node.stdin.take().expect("it is piped");
    input
        .write_all(json!(casts).to_string().as_bytes())
        .expect("it reads");
    drop(input);
    let output = node.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn the_player_shows_what_a_terminal_would() {
    let table: &[(&[&str], &str)] = &[
        (&["one\r\ntwo"], "one\ntwo\n"),
        (&["1\r\n2\r\n3\r\n4"], "2\n3\n4"),
        (&["0123456789ab"], "0123456789\nab\n"),
        (&["wrong\rright"], "right\n\n"),
        (&["wrog\u{8}ng"], "wrong\n\n"),
        (&["abc\u{1b}[2Dx\u{1b}[K"], "ax\n\n"),
        (&["a\tb"], "a       b\n\n"),
        (&["\u{1b}[31mred\u{1b}[0m"], "red\n\n"),
        (&["old\u{1b}[2J\u{1b}[Hnew"], "new\n\n"),
        (&["\u{1b}[2;3Hx\u{1b}[1;1Hy"], "y\n  x\n"),
        (&["\u{1b}]0;title\u{7}shown"], "shown\n\n"),
        (&["\u{1b}]52;c;c2VjcmV0\u{1b}\\ok"], "ok\n\n"),
        (&["\u{1b}[", "31mcut"], "cut\n\n"),
        (&["\u{1b}[9999999999Cz"], "         z\n\n"),
        (&["<b>&amp;</b>"], "<b>&amp;</\nb>\n"),
        (&["\u{1f600}é"], "\u{1f600}é\n\n"),
        (&[], "\n\n"),
    ];
    let outputs: Vec<&[&str]> = table.iter().map(|(pieces, _)| *pieces).collect();
    let shown = played(&outputs);
    for ((pieces, expected), shown) in table.iter().zip(&shown) {
        assert_eq!(shown["end"], *expected, "{pieces:?}");
        assert_eq!(shown["sought"], *expected, "{pieces:?}");
        assert_eq!(shown["again"], shown["before"], "{pieces:?}");
        assert_eq!(shown["hidden"], false);
        assert_eq!(shown["playing"], "Play", "it has stopped at the end");
    }
    assert_eq!(shown.len(), table.len());
    println!("{} recordings were played", shown.len());
}

//! Socket Mode against a small server of WebSockets, to which Slack's own client connects as well.

use std::sync::Arc;
use std::time::Duration;

use countersign_tests::node::{peer, python};
use countersign_tests::program::Program;
use countersign_tests::slack::acts::{choice, modal, told};
use countersign_tests::slack::payload::{TEAM, click, hex, shortcut, submission};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, block_in_place};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::scene::Scene;
use crate::waiting;

const PATIENCE: Duration = Duration::from_secs(60);

/// Slack's end of sockets.
struct Server {
    listener: Arc<TcpListener>,
    port: u16,
}

type Socket = WebSocketStream<TcpStream>;

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        Self {
            listener: Arc::new(listener),
            port,
        }
    }

    /// The next call of `apps.connections.open` leads here.
    fn invite(&self, scene: &Scene) {
        let url = format!("ws://127.0.0.1:{}/link", self.port);
        let body = json!({"ok": true, "url": url}).to_string();
        refuse(scene, &body);
    }

    /// The next socket, greeted. It is waited for beside the test.
    fn next(&self) -> JoinHandle<Socket> {
        let listener = Arc::clone(&self.listener);
        tokio::spawn(async move {
            let accepted = timeout(PATIENCE, listener.accept()).await;
            let (stream, _) = accepted.expect("somebody connects").expect("a connection");
            let mut socket = accept_async(stream).await.expect("a handshake");
            send(&mut socket, &json!({"type": "hello", "num_connections": 1})).await;
            socket
        })
    }

    async fn socket(&self) -> Socket {
        self.next().await.expect("a socket")
    }
}

/// The next call of `apps.connections.open` has this answer.
fn refuse(scene: &Scene, body: &str) {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    scene.relay.answer_next("apps.connections.open", &answer);
}

async fn send(socket: &mut Socket, frame: &Value) {
    let text = Message::text(frame.to_string());
    socket.send(text).await.expect("it is open");
}

/// Sends an envelope; its acknowledgement.
async fn taken(socket: &mut Socket, kind: &str, payload: &Value) -> Value {
    let id = format!(
        "{kind}-{}",
        payload["trigger_id"].as_str().unwrap_or_default()
    );
    let frame = json!({
        "type": kind,
        "envelope_id": id,
        "payload": payload,
        "accepts_response_payload": true,
    });
    send(socket, &frame).await;
    let ack = timeout(Duration::from_secs(3), acknowledged(socket)).await;
    let ack = ack.expect("within the time that Slack waits");
    assert_eq!(ack["envelope_id"], id.as_str());
    ack
}

async fn acknowledged(socket: &mut Socket) -> Value {
    loop {
        let message = socket.next().await.expect("it is open").expect("a frame");
        if let Message::Text(text) = message {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

/// Asks for access over a socket; the number of the case.
async fn ask(scene: &Scene, socket: &mut Socket) -> u64 {
    let (seen, trigger) = (scene.relay.seen(), scene.trigger("bruno").await);
    let chosen = shortcut(scene.id("bruno"), &trigger, "request");
    let ack = taken(socket, "interactive", &chosen).await;
    assert_eq!(ack["payload"], Value::Null);
    let view = modal(scene, seen).await;
    let access = choice(&view, "read-only on orders-db");
    let values = [
        ("access", access.as_str()),
        ("duration", "900"),
        ("reason", "to look"),
        ("ticket", "T-1"),
    ];
    let sent = submission(scene.id("bruno"), &view, &values);
    let ack = taken(socket, "interactive", &sent).await;
    let said = told(&ack["payload"]);
    let number = said
        .split("Case ")
        .nth(1)
        .and_then(|rest| rest.split(':').next());
    number.expect("a number").parse().expect("a number")
}

fn typed(scene: &Scene, text: &str) -> Value {
    json!({
        "team_id": TEAM,
        "user_id": scene.id("ada"),
        "channel_id": "C000000001",
        "command": "/access",
        "text": text,
        "trigger_id": format!("1.2.{text}"),
        "response_url": scene.relay.reply_url(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn people_act_through_sockets_that_come_and_go() {
    let mut scene = Scene::without_bot().await;
    let server = Server::start().await;
    // What goes wrong for a while is tried again.
    refuse(&scene, r#"{"ok":false,"error":"internal_error"}"#);
    refuse(&scene, r#"{"ok":true,"url":"ws://192.0.2.1/link"}"#);
    server.invite(&scene);
    let next = server.next();
    block_in_place(|| scene.start_bot(&[("app_token_file", "xapp-1")]));
    let mut first = next.await.expect("a socket");
    let case = ask(&scene, &mut first).await;

    // Slack says that the first one ends: the second one is open before that.
    server.invite(&scene);
    send(
        &mut first,
        &json!({"type": "disconnect", "reason": "refresh_requested"}),
    )
    .await;
    let mut second = server.socket().await;
    let listed = taken(&mut first, "slash_commands", &typed(&scene, "list")).await;
    let line = format!("Case {case}: bruno, read-only on orders-db");
    assert!(listed["payload"].to_string().contains(&line), "{listed}");
    drop(first);

    let card = waiting(&scene, case).await;
    let (seen, trigger) = (scene.relay.seen(), scene.trigger("ada").await);
    let approve = click(scene.id("ada"), &trigger, &card, "approve");
    // Twice, as Slack sends it again when an acknowledgement was lost.
    taken(&mut second, "interactive", &approve).await;
    scene.relay.of(seen, "chat.update").await;
    taken(&mut second, "interactive", &approve).await;
    for garbage in ["{", "[]", r#"{"type":"interactive"}"#] {
        second
            .send(Message::text(garbage))
            .await
            .expect("it is open");
    }
    let bad = json!({"type": "block_actions", "trigger_id": "x"});
    taken(&mut second, "interactive", &bad).await;
    taken(&mut second, "events_api", &json!({"trigger_id": "x"})).await;

    // It ends without a word.
    server.invite(&scene);
    drop(second);
    let mut third = server.socket().await;
    let help = taken(&mut third, "slash_commands", &typed(&scene, "help")).await;
    assert!(
        help["payload"].to_string().contains("/access request"),
        "{help}"
    );

    let entries = scene.entries(case);
    let reviews: Vec<&Value> = entries
        .iter()
        .filter(|entry| entry["name"] == "ReviewRecorded")
        .collect();
    let [review] = reviews[..] else {
        panic!("one decision, not {reviews:?}");
    };
    let evidence = &review["event"]["evidence"];
    assert_eq!(evidence["verified_by"], "slack-socket-mode", "{evidence}");
    assert_eq!(
        evidence["callback_sha256"].as_str().map(str::len),
        Some(hex(&[0; 32]).len())
    );
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_slack_does_not_take_ends_the_bot_with_words() {
    let mut scene = Scene::without_bot().await;
    refuse(&scene, r#"{"ok":false,"error":"invalid_auth"}"#);
    let start =
        || scene.start_bot_that_says("slack.app_token_file", &[("app_token_file", "xapp-1")]);
    block_in_place(start);
    assert!(block_in_place(|| scene
        .bot
        .as_mut()
        .expect("it ran")
        .ended_badly()));

    let server = Server::start().await;
    server.invite(&scene);
    let next = server.next();
    block_in_place(|| scene.start_bot(&[("app_token_file", "xapp-1")]));
    let mut socket = next.await.expect("a socket");
    send(
        &mut socket,
        &json!({"type": "disconnect", "reason": "link_disabled"}),
    )
    .await;
    assert!(block_in_place(|| scene
        .bot
        .as_mut()
        .expect("it ran")
        .ended_badly()));
    scene.end();
}

/// Slack's own client at the same server: what it does there, our bot has to do as well.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_one_that_slacks_own_client_takes() {
    let scene = Scene::without_bot().await;
    let server = Server::start().await;
    server.invite(&scene);
    let next = server.next();
    let mut python = python();
    python.arg(peer("slack_socket.py")).arg(scene.relay.url());
    let program = Program::start(&mut python);
    block_in_place(|| program.prints("connected"));
    let mut socket = next.await.expect("a socket");
    let ack = taken(&mut socket, "slash_commands", &typed(&scene, "help")).await;
    assert_eq!(ack["payload"]["text"], "taken", "{ack}");
    server.invite(&scene);
    send(
        &mut socket,
        &json!({"type": "disconnect", "reason": "refresh_requested"}),
    )
    .await;
    server.socket().await;
    drop(program);
    scene.end();
}

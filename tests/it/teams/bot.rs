//! The real program with a real ledger, and people who use it in Teams.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use countersign_ledger::identity::role::Role;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, countersign, free_port, run};
use reqwest::Client;
use serde_json::{Value, json};

use crate::microsoft::Microsoft;

pub(crate) const APP: &str = "66666666-7777-8888-9999-000000000000";
pub(crate) const TENANT: &str = "11111111-2222-3333-4444-555555555555";

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// The object id of somebody of the policy.
pub(crate) fn object(person: &str) -> String {
    let mut digits: String = person.bytes().map(|byte| format!("{byte:02x}")).collect();
    digits.push_str(&"0".repeat(12));
    format!("aaaaaaaa-0000-0000-0000-{}", &digits[..12])
}

/// A running bot.
pub(crate) struct Bot {
    child: Child,
    pub(crate) server: Option<Served>,
    pub(crate) data: DataFolder,
    pub(crate) microsoft: Microsoft,
    pub(crate) http: Client,
    url: String,
    lines: mpsc::Receiver<String>,
    next: std::cell::Cell<u64>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) took: Duration,
}

impl Bot {
    pub(crate) async fn start() -> Self {
        let data = DataFolder::new().await;
        let identity = data.issue(Role::Bot, "teams").await;
        let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
        let policy = data.path().with_file_name("policy");
        assert!(
            run(&["policy", "starter", "--out", text(&policy)])
                .status
                .success()
        );
        put_teams_ids_into(&policy.join("entities.json"));
        let put = run(&["policy", "put", text(&policy), "--dir", text(&data.path())]);
        assert!(
            put.status.success(),
            "{}",
            String::from_utf8_lossy(&put.stderr)
        );
        let microsoft = Microsoft::start().await;
        let port = free_port();
        let config = data.path().with_file_name("chatbot.toml");
        std::fs::write(data.path().with_file_name("secret"), "hush\n").expect("room");
        let settings = format!(
            "inbox_url = \"https://access.example.com\"\n[teams]\ntenant = \"{TENANT}\"\n\
             app_id = \"{APP}\"\nclient_secret_file = \"secret\"\n\
             listen = \"127.0.0.1:{port}\"\n{}",
            microsoft.settings()
        );
        std::fs::write(&config, settings).expect("room");
        let grpc = server.endpoint.grpc.clone();
        let (child, lines) = spawn(&grpc, &identity, &config);
        wait_until_ready(&lines);
        Self {
            child,
            server: Some(server),
            data,
            microsoft,
            http: Client::builder().no_proxy().build().expect("a client"),
            url: format!("http://127.0.0.1:{port}/api/messages"),
            lines,
            next: std::cell::Cell::new(1),
        }
    }

    /// Starts the bot anew, as after a crash.
    pub(crate) fn restart(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ran");
        let identity = self.data.path().with_file_name("bot-teams");
        let config = self.data.path().with_file_name("chatbot.toml");
        let grpc = self
            .server
            .as_ref()
            .expect("it serves")
            .endpoint
            .grpc
            .clone();
        (self.child, self.lines) = spawn(&grpc, &identity, &config);
        wait_until_ready(&self.lines);
    }

    /// What the bot has said to its operator until it said this.
    pub(crate) fn says(&self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            let line = self.lines.recv_timeout(Duration::from_secs(30));
            assert!(line.is_ok(), "expected {text} after {seen}");
            seen.push_str(&line.unwrap_or_default());
            seen.push('\n');
        }
        seen
    }

    /// A new id of an activity.
    pub(crate) fn id(&self) -> String {
        let id = self.next.get();
        self.next.set(id + 1);
        format!("f:{id}")
    }

    /// Posts a body with a header.
    pub(crate) async fn post(&self, authorization: Option<&str>, body: &Value) -> Reply {
        self.post_bytes(authorization, body.to_string()).await
    }

    pub(crate) async fn post_bytes(&self, authorization: Option<&str>, body: String) -> Reply {
        let mut request = self.http.post(&self.url).body(body);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let begun = tokio::time::Instant::now();
        let answer = request.send().await.expect("it listens");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("text");
        Reply {
            status,
            body: serde_json::from_str(&text).unwrap_or_default(),
            took: begun.elapsed(),
        }
    }

    /// Posts what Teams would, with a good token.
    pub(crate) async fn tell(&self, body: &Value) -> Reply {
        let token = self.microsoft.token(&self.microsoft.service());
        let reply = self.post(Some(&format!("Bearer {token}")), body).await;
        assert_eq!(reply.status, 200, "{body}");
        reply
    }

    /// An activity of somebody in a chat with the bot alone.
    pub(crate) fn activity(&self, person: &str, kind: &str) -> Value {
        json!({
            "type": kind,
            "id": self.id(),
            "timestamp": "2026-11-27T09:00:00.123Z",
            "serviceUrl": self.microsoft.service(),
            "channelId": "msteams",
            "from": {"id": format!("29:{person}"), "aadObjectId": object(person)},
            "recipient": {"id": format!("28:{APP}"), "name": "Countersign"},
            "conversation": {
                "id": format!("a:{}", object(person)),
                "tenantId": TENANT,
                "conversationType": "personal",
            },
            "channelData": {"tenant": {"id": TENANT}},
        })
    }

    /// Somebody writes, and the bot answers with this.
    pub(crate) async fn write(&self, person: &str, words: &str) -> Value {
        let from = self.microsoft.calls();
        let mut body = self.activity(person, "message");
        body["text"] = json!(words);
        self.tell(&body).await;
        let path = format!("/teams/v3/conversations/a:{}/activities", object(person));
        let posted = |call: &crate::microsoft::Call| call.path == path;
        let (number, call) = self.microsoft.wait(from, posted).await;
        assert!(call.authorization.starts_with("Bearer pass-"), "{call:?}");
        let mut said = call.body;
        said["id"] = json!(format!("m{}", number + 1));
        said
    }

    /// A click on a button of a message, with what was filled in.
    pub(crate) fn click(&self, person: &str, message: &Value, button: &Value) -> Value {
        let mut body = self.activity(person, "invoke");
        body["name"] = json!("adaptiveCard/action");
        body["replyToId"] = message["id"].clone();
        body["value"] = json!({
            "action": {"type": "Action.Execute", "verb": button["verb"], "data": button["data"]},
            "trigger": "manual",
        });
        body
    }

    pub(crate) fn entries(&self, case: &str) -> Vec<Value> {
        let dir = self.data.path();
        let listed = run(&["log", "--case", case, "--json", "--dir", text(&dir)]);
        let listed = String::from_utf8(listed.stdout).expect("text");
        listed
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// Stops everything; the log must be intact.
    pub(crate) fn end(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ran");
        if let Some(server) = self.server.take() {
            assert!(server.stop().0.success());
        }
        let key = self.data.vkey.to_string();
        let verdict = run(&["verify", text(&self.data.path()), "--key", &key]);
        let said = String::from_utf8_lossy(&verdict.stdout);
        assert_eq!(verdict.status.code(), Some(0), "{said}");
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(grpc: &str, identity: &Path, config: &Path) -> (Child, mpsc::Receiver<String>) {
    let serve = ["chatbot", "serve", "--web", "127.0.0.1:0", "--server", grpc];
    let more = ["--identity", text(identity), "--chat", text(config)];
    let mut child = countersign(&[&serve[..], &more].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .env("NO_PROXY", "127.0.0.1")
        .spawn()
        .expect("the binary starts");
    let stderr = child.stderr.take().expect("it is piped");
    let (sender, lines) = mpsc::channel();
    drop(std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            // Nobody may read any more, but the pipe must not fill up.
            drop(sender.send(line));
        }
    }));
    (child, lines)
}

/// Waits until the bot listens.
fn wait_until_ready(lines: &mpsc::Receiver<String>) {
    let mut seen = String::new();
    while !seen.contains("taking activities of Teams") {
        let line = lines.recv_timeout(Duration::from_secs(60));
        assert!(line.is_ok(), "the bot did not start: {seen}");
        seen.push_str(&line.unwrap_or_default());
        seen.push('\n');
    }
}

fn put_teams_ids_into(path: &Path) {
    let all = std::fs::read_to_string(path).expect("the starter's");
    let mut all: Value = serde_json::from_str(&all).expect("JSON");
    for entity in all.as_array_mut().expect("a list") {
        if entity["uid"]["type"] == "Person" {
            let person = entity["uid"]["id"].as_str().expect("a name").to_owned();
            entity["attrs"]["teams"] = json!(object(&person));
        }
    }
    std::fs::write(path, all.to_string()).expect("room");
}

/// Every button of a card, those of forms that unfold too.
pub(crate) fn buttons(card: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for action in card["actions"].as_array().into_iter().flatten() {
        match action["type"].as_str() {
            Some("Action.Execute") => found.push(action.clone()),
            _ => found.extend(buttons(&action["card"])),
        }
    }
    found
}

/// The button with a verb.
pub(crate) fn button(card: &Value, verb: &str) -> Value {
    let found = buttons(card)
        .into_iter()
        .find(|button| button["verb"] == verb);
    assert!(found.is_some(), "no button {verb} on {card:#}");
    found.unwrap_or_default()
}

/// The card of an activity, or of an answer.
pub(crate) fn card(said: &Value) -> &Value {
    match said["attachments"].is_array() {
        true => &said["attachments"][0]["content"],
        false => {
            assert_eq!(
                said["type"], "application/vnd.microsoft.card.adaptive",
                "{said:#}"
            );
            &said["value"]
        }
    }
}

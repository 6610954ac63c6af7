//! A company in chats: the ledger and the bot in this process, and the platforms around them.

use std::path::Path;
use std::sync::Arc;

use countersign_chatbot::Clock;
use countersign_chatbot::bot::Bot;
use countersign_chatbot::config::Config;
use countersign_chatbot::serve::{ServeError, serve};
use countersign_client::{Client, Filter};
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_ledger::identity::role::Role;
use countersign_ledger::server::run::{ServeError as LedgerError, ServeOptions, Server};
use countersign_proto::v1;
use countersign_tests::folder::DataFolder;
use countersign_tests::slack::workspace::Workspace;
use countersign_tests::teams::chats::{Chats, object};
use countersign_workflow::policy::starter;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::common::node_settings;

/// People who have the other cases open; nobody of them, nor of those who decide, is in a chat.
const CROWD: u64 = 20;
/// Requests under way while they are made.
const AT_ONCE: u64 = 64;
/// People whose requests are clicked on.
const ASKERS: u64 = 500;

/// What nobody in a chat decides about.
const BULK: &str = r#"
@id("bulk")
@approvals("clerks:1")
@request_ttl("12h")
permit (principal in Group::"crowd", action == Action::"request", resource)
when { resource.environment == "bulk" };
"#;

#[derive(Debug)]
pub(crate) struct Hall {
    pub(crate) slack: Workspace,
    pub(crate) chats: Chats,
    hands: Client,
    next: std::sync::atomic::AtomicU64,
    stop: CancellationToken,
    bot: JoinHandle<Result<(), ServeError>>,
    ledger: (oneshot::Sender<()>, JoinHandle<Result<(), LedgerError>>),
    _data: DataFolder,
}

fn person(id: &str, group: &str) -> Value {
    json!({
        "uid": {"type": "Person", "id": id},
        "attrs": {},
        "parents": [{"type": "Group", "id": group}],
    })
}

fn asker(number: u64) -> String {
    format!("asker-{number:04}")
}

/// The starter policy, with ada in Slack, fatima in Teams, and many who are in neither.
fn entities(text: &str, slack: &Workspace) -> String {
    let mut all: Vec<Value> = serde_json::from_str(text).expect("a list");
    for entity in &mut all {
        let name = entity["uid"]["id"].as_str().expect("a name").to_owned();
        let facts = entity["attrs"].as_object_mut().expect("facts");
        facts.remove("slack");
        match name.as_str() {
            "ada" => drop(facts.insert("slack".to_owned(), json!(slack.id("ada")))),
            "fatima" => drop(facts.insert("teams".to_owned(), json!(object("fatima")))),
            _ => {}
        }
    }
    for group in ["crowd", "clerks"] {
        all.push(json!({"uid": {"type": "Group", "id": group}, "attrs": {}, "parents": []}));
    }
    all.push(json!({
        "uid": {"type": "Resource", "id": "bulk"},
        "attrs": {"environment": "bulk", "sensitivity": "normal", "permissions": ["read-only"]},
        "parents": [],
    }));
    all.push(person("clerk", "clerks"));
    all.extend((0..CROWD).map(|n| person(&format!("crowd-{n:02}"), "crowd")));
    all.extend((0..ASKERS).map(|n| person(&asker(n), "engineers")));
    serde_json::to_string(&all).expect("JSON")
}

async fn put_policy(admin: &Client, slack: &Workspace) {
    let bundle = starter();
    let files = bundle.files().map(|(name, text)| v1::PolicyFile {
        name: name.to_owned(),
        text: match name {
            "entities.json" => entities(text, slack),
            "access.cedar" => format!("{text}{BULK}"),
            _ => text.to_owned(),
        },
    });
    let request = v1::PutPolicyRequest {
        files: files.collect(),
        ..v1::PutPolicyRequest::default()
    };
    admin.put_policy(request).await.expect("a good policy");
}

impl Hall {
    pub(crate) async fn open() -> Self {
        let data = DataFolder::new().await;
        let identity = data.issue(Role::Bot, "chat").await;
        let hands = data.issue(Role::Bot, "hands").await;
        let server = Server::start(ServeOptions {
            dir: data.path(),
            listen: "127.0.0.1:0".parse().expect("an address"),
            http: None,
            hosts: Vec::new(),
            node: node_settings(),
            metrics: None,
        });
        let server = server.await.expect("a free port");
        let url = server.endpoint().grpc.clone();
        let (stop_ledger, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.run(async move {
            drop(stopped.await);
            "bench".to_owned()
        }));
        let folder = data.path().with_file_name("chat");
        let (slack, chats) = (Workspace::start(&folder).await, Chats::start().await);
        put_policy(&data.connect(&url, &data.admin()).await, &slack).await;
        let config = config(&folder, &slack, &chats);
        let time = SystemClock::new();
        let client = data.connect(&url, &identity).await;
        let bot = Bot::open(client, Clock::new(move || time.wall())).await;
        let (bot, stop) = (bot.expect("a ledger"), CancellationToken::new());
        let stopped = stop.clone();
        let bot = tokio::spawn(async move { Box::pin(serve(bot, &config, &stopped)).await });
        let hall = Self {
            hands: data.connect(&url, &hands).await,
            slack,
            chats,
            next: 0.into(),
            stop,
            bot,
            ledger: (stop_ledger, serving),
            _data: data,
        };
        hall.wait_for_doors().await;
        hall
    }

    /// Waits until both platforms can bring what people do.
    async fn wait_for_doors(&self) {
        let teams = self.chats.url();
        let slack = format!("http://127.0.0.1:{}/slack/events", self.slack.port);
        for url in [teams, slack] {
            while self.chats.http.post(&url).send().await.is_err() {
                assert!(!self.bot.is_finished(), "the bot has ended");
                tokio::task::yield_now().await;
            }
        }
    }

    async fn request(hands: &Client, person: &str, resource: &str) -> u64 {
        let ask = v1::Ask {
            resource: resource.to_owned(),
            permission: "read-only".to_owned(),
            duration_seconds: 3_600,
            reason: "to look".to_owned(),
            ticket: "T-1".to_owned(),
            ..v1::Ask::default()
        };
        let request = v1::RequestAccessRequest {
            call: Some(v1::Call {
                on_behalf_of: format!("user:{person}"),
                ..v1::Call::default()
            }),
            ask: Some(ask),
        };
        let changed = hands.request_access(request).await;
        changed.expect("the policy allows it").run.first_index
    }

    /// The next person asks for something that a team lead decides about; the case.
    pub(crate) async fn ask(&self) -> u64 {
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self::request(&self.hands, &asker(number % ASKERS), "orders-db").await
    }

    /// Opens so many cases, and waits until readers see them.
    pub(crate) async fn fill(&self, count: u64) {
        let mut tasks = JoinSet::new();
        for turn in 0..AT_ONCE {
            let hands = self.hands.clone();
            tasks.spawn(async move {
                let mut last = 0;
                let mut number = turn;
                while number < count {
                    let person = format!("crowd-{:02}", number % CROWD);
                    last = Self::request(&hands, &person, "bulk").await;
                    number += AT_ONCE;
                }
                last
            });
        }
        let last = tasks.join_all().await.into_iter().max().unwrap_or_default();
        if count > 0 {
            let mut sealed = self.hands.follow(last, Filter::default());
            sealed.next().await.expect("it goes on").expect("readable");
        }
    }

    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.bot.await.expect("no panic").expect("a good end");
        drop(self.hands);
        drop(self.ledger.0);
        let ended = self.ledger.1.await.expect("no panic");
        ended.expect("an orderly end");
    }
}

fn config(folder: &Path, slack: &Workspace, chats: &Chats) -> Arc<Config> {
    let text = format!("{}{}", slack.http_settings(folder), chats.settings(folder));
    let path = folder.join("chatbot.toml");
    std::fs::write(&path, text).expect("room");
    Arc::new(Config::read(&path).expect("a good configuration"))
}

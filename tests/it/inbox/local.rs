//! An inbox within the test, before a ledger of its own: the test has its bot, and moves its clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_chain::principal::Principal;
use countersign_chain::time::UnixMicros;
use countersign_chatbot::Clock;
use countersign_chatbot::account::Platform;
use countersign_chatbot::bot::Bot;
use countersign_chatbot::oidc::settings::OidcSettings;
use countersign_chatbot::web::{Options, Web, WebError};
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_ledger::identity::role::Role;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, run};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::browser::Browser;

/// The organisation in Slack that the directory's ids belong to.
pub(crate) const TEAM: &str = "T0HOME";

pub(crate) struct Local {
    pub(crate) data: DataFolder,
    pub(crate) server: Served,
    pub(crate) bot: Arc<Bot>,
    pub(crate) url: String,
    /// Sign-in links, in the order of the people.
    links: Vec<String>,
    /// Microseconds that the inbox's clock is ahead.
    ahead: Arc<AtomicU64>,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), WebError>>,
}

impl Local {
    /// With a link for each of these people, and the starter policy as `change` makes it out of
    /// the text of its entities.
    pub(crate) async fn start(people: &[&str], change: impl Fn(&str) -> String) -> Self {
        Self::with(people, change, None).await
    }

    /// As [`Local::start`], with an OpenID provider.
    pub(crate) async fn with(
        people: &[&str],
        change: impl Fn(&str) -> String,
        oidc: Option<OidcSettings>,
    ) -> Self {
        let data = DataFolder::new().await;
        let identity = data.issue(Role::Bot, "inbox").await;
        let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
        let policy = data.path().with_file_name("policy");
        let folder = policy.to_str().expect("a plain path");
        assert!(
            run(&["policy", "starter", "--out", folder])
                .status
                .success()
        );
        let file = policy.join("entities.json");
        let text = std::fs::read_to_string(&file).expect("it is there");
        std::fs::write(&file, change(&text)).expect("room");
        let dir = data.path();
        let put = ["policy", "put", folder, "--dir"];
        let put = run(&[&put[..], &[dir.to_str().expect("a plain path")]].concat());
        assert!(
            put.status.success(),
            "{}",
            String::from_utf8_lossy(&put.stderr)
        );
        let client = data.connect(&server.endpoint.grpc, &identity).await;
        let (system, ahead) = (SystemClock::new(), Arc::new(AtomicU64::new(0)));
        let by = Arc::clone(&ahead);
        let now = move || {
            let now = system
                .wall()
                .get()
                .saturating_add(by.load(Ordering::Relaxed));
            UnixMicros::new(now).expect("before the end of time")
        };
        let bot = Bot::open(client, Clock::new(now)).await.expect("it reads");
        let options = Options {
            listen: "127.0.0.1:0".parse().expect("an address"),
            hosts: Vec::new(),
            tls: None,
            homes: vec![(Platform::Slack, TEAM.to_owned())],
            oidc,
            reader: None,
        };
        let web = Web::bind(Arc::clone(&bot), options).await.expect("a port");
        let url = web.url();
        let invite = |name: &&str| {
            let user = Principal::parse(&format!("user:{name}")).expect("a name");
            web.invite(user).expect("a link").replace(&url, "")
        };
        let links = people.iter().map(invite).collect();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(web.serve(stop.clone()));
        Self {
            data,
            server,
            bot,
            url,
            links,
            ahead,
            stop,
            serving,
        }
    }

    /// A browser in which this one of the people has signed in.
    pub(crate) async fn browser(&self, number: usize) -> Browser {
        let mut browser = Browser::new(&self.url, None);
        let link = &self.links[number];
        let entered = browser.fill(link, link, &[]).await;
        assert_eq!((entered.status, entered.location()), (303, "/"));
        browser
    }

    /// Moves the inbox's clock.
    pub(crate) fn later(&self, seconds: u64) {
        self.ahead.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    /// Entries of a kind, as JSON, in their order.
    pub(crate) fn entries(&self, kind: &str) -> Vec<serde_json::Value> {
        let dir = self.data.path();
        let dir = dir.to_str().expect("a plain path");
        let listed = run(&["log", "--kind", kind, "--json", "--dir", dir]);
        let listed = String::from_utf8(listed.stdout).expect("text");
        let entry = |line: &str| serde_json::from_str(line).expect("JSON");
        listed.lines().map(entry).collect()
    }

    /// Stops everything; the log must be intact.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.serving.await.expect("no panic").expect("a good end");
        assert!(self.server.stop().0.success());
        let (dir, key) = (self.data.path(), self.data.vkey.to_string());
        let dir = dir.to_str().expect("a plain path");
        let verdict = run(&["verify", dir, "--key", &key]);
        let said = String::from_utf8_lossy(&verdict.stdout);
        assert_eq!(verdict.status.code(), Some(0), "{said}");
    }
}

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
use countersign_tests::browser::Browser;
use countersign_tests::inbox::enter;
use countersign_tests::stage::Stage;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The organisation in Slack that the directory's ids belong to.
pub(crate) const TEAM: &str = "T0HOME";

pub(crate) struct Local {
    stage: Stage,
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
    /// With a link for each of these people, and the starter policy, whose people `change` may
    /// alter.
    pub(crate) async fn start(people: &[&str], change: impl FnMut(&str, &mut Value)) -> Self {
        Self::with(people, change, None).await
    }

    /// As [`Local::start`], with an OpenID provider.
    pub(crate) async fn with(
        people: &[&str],
        change: impl FnMut(&str, &mut Value),
        oidc: Option<OidcSettings>,
    ) -> Self {
        let stage = Stage::open("inbox", &[]).await;
        stage.put_starter(change);
        let grpc = &stage.ledger().endpoint.grpc;
        let client = stage.data.connect(grpc, &stage.identity).await;
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
            url: None,
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
            stage,
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
        enter(&self.url, &self.links[number]).await
    }

    /// Moves the inbox's clock.
    pub(crate) fn later(&self, seconds: u64) {
        self.ahead.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    /// Entries of a kind, as JSON, in their order.
    pub(crate) fn entries(&self, kind: &str) -> Vec<Value> {
        self.stage.entries(&["--kind", kind])
    }

    /// Stops everything; the log must be intact.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.serving.await.expect("no panic").expect("a good end");
        self.stage.end();
    }
}

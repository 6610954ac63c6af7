//! A ledger with people, and a bot that carries what they do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_chain::time::UnixMicros;
use countersign_chatbot::Clock;
use countersign_chatbot::account::Platform as Where;
use countersign_chatbot::bot::Bot;
use countersign_chatbot::bot::shelf::Rules;
use countersign_chatbot::delivery::{DeliverError, Fact, Outbox, Who, deliver};
use countersign_client::{CallError, Changed, Client, Draft, Filter, Level};
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_ledger::identity::role::Role;
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, run};
use countersign_tests::talk::{TENANT, Wire};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::platform::Platform;

const ENTITIES: &str = r#"[
  {"uid": {"type": "Group", "id": "security"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Group", "id": "leads"}, "attrs": {"slack": "C-leads"}, "parents": []},
  {"uid": {"type": "Person", "id": "ada"}, "attrs": {"slack": "U-ada"}, "parents": []},
  {"uid": {"type": "Person", "id": "bo"}, "attrs": {"slack": "U-bo"},
   "parents": [{"type": "Group", "id": "security"}]},
  {"uid": {"type": "Person", "id": "cy"}, "attrs": {"slack": "U-cy"},
   "parents": [{"type": "Group", "id": "security"}, {"type": "Group", "id": "leads"}]},
  {"uid": {"type": "Person", "id": "gus"}, "attrs": {},
   "parents": [{"type": "Group", "id": "security"}]},
  {"uid": {"type": "Resource", "id": "db"},
   "attrs": {"environment": "production", "sensitivity": "high", "permissions": ["read"]},
   "parents": []}
]"#;

const CEDAR: &str = r#"
@id("ask") @approvals("security:1, leads:1")
permit (principal, action == Action::"request", resource);
@id("decide")
permit (principal, action == Action::"approve", resource) when { principal in context.group };
"#;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Company {
    pub(crate) data: DataFolder,
    pub(crate) server: Served,
    /// Identity of the bot that delivers.
    pub(crate) bot: PathBuf,
    /// Carries what people do.
    hands: Client,
    /// Index after the newest entry of theirs.
    done: AtomicU64,
}

/// A bot in this process.
pub(crate) struct Delivery {
    stop: CancellationToken,
    task: JoinHandle<Result<(), DeliverError>>,
}

impl Delivery {
    /// Stops it in good order.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        let ended = self.task.await.expect("it does not panic");
        ended.expect("nothing is wrong");
    }

    /// Ends it wherever it is.
    pub(crate) async fn abort(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

impl Company {
    pub(crate) async fn start() -> Self {
        let data = DataFolder::new().await;
        let bot = data.issue(Role::Bot, "chat").await;
        let hands = data.issue(Role::Bot, "hands").await;
        let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
        let policy = data.path().with_file_name("policy");
        std::fs::create_dir(&policy).expect("room");
        std::fs::write(policy.join("entities.json"), ENTITIES).expect("room");
        std::fs::write(policy.join("access.cedar"), CEDAR).expect("room");
        let put = run(&["policy", "put", text(&policy), "--dir", text(&data.path())]);
        assert!(put.status.success(), "{put:?}");
        let hands = data.connect(&server.endpoint.grpc, &hands).await;
        Self {
            data,
            server,
            bot,
            hands,
            done: AtomicU64::new(0),
        }
    }

    /// Starts a bot that delivers; its clock is ahead by so many seconds.
    pub(crate) async fn deliver(&self, platform: &Platform, ahead: u64) -> Delivery {
        let client = self.data.connect(&self.server.endpoint.grpc, &self.bot);
        let time = SystemClock::new();
        let clock = Clock::new(move || {
            let micros = time.wall().get() + ahead * 1_000_000;
            UnixMicros::new(micros).expect("a time")
        });
        let bot = Bot::open(client.await, clock).await.expect("it may read");
        let surface = Wire {
            platform: platform.address,
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move { deliver(bot, surface, &stopped).await });
        Delivery { stop, task }
    }

    fn call(person: &str) -> Option<v1::Call> {
        Some(v1::Call {
            on_behalf_of: format!("user:{person}"),
            ..v1::Call::default()
        })
    }

    /// Ada asks; the case.
    pub(crate) async fn ask(&self) -> u64 {
        let ask = v1::Ask {
            resource: "db".to_owned(),
            permission: "read".to_owned(),
            duration_seconds: 600,
            reason: "because".to_owned(),
            ..v1::Ask::default()
        };
        let request = v1::RequestAccessRequest {
            call: Self::call("ada"),
            ask: Some(ask),
        };
        let changed = self.hands.request_access(request).await;
        self.noted(changed)
    }

    pub(crate) async fn approve(&self, case: u64, person: &str, group: &str) {
        self.review(case, (person, group), v1::Decision::Approve)
            .await;
    }

    pub(crate) async fn deny(&self, case: u64, person: &str) {
        self.review(case, (person, ""), v1::Decision::Deny).await;
    }

    async fn review(&self, case: u64, (person, group): (&str, &str), decision: v1::Decision) {
        let request = v1::ReviewRequest {
            call: Self::call(person),
            request: case,
            decision: decision.into(),
            reason: "fine".to_owned(),
            group: group.to_owned(),
        };
        self.noted(self.hands.review(request).await);
    }

    pub(crate) async fn finish(&self, case: u64) {
        let grant = self.hands.case(case).await.expect("there").grant;
        let request = v1::FinishGrantRequest {
            call: Self::call("ada"),
            grant: grant.expect("it is granted").id,
            reason: String::new(),
        };
        self.noted(self.hands.finish_grant(request).await);
    }

    pub(crate) async fn feedback(&self, case: u64, person: &str) {
        let request = v1::SubmitFeedbackRequest {
            call: Self::call(person),
            case,
            access_sufficient: v1::Rating::Yes.into(),
            wait_acceptable: v1::Rating::Yes.into(),
            comment: String::new(),
        };
        self.noted(self.hands.submit_feedback(request).await);
    }

    /// Somebody's account becomes known.
    pub(crate) async fn link(&self, person: &str, user: &str) {
        let event = v1::IdentityLinked {
            person: person.to_owned(),
            platform: "slack".to_owned(),
            tenant: TENANT.to_owned(),
            user: user.to_owned(),
            proof: "link".to_owned(),
            ended: false,
        };
        let linked = self.hands.append(Draft::new(&event), Level::Sealed).await;
        linked.expect("a bot may");
    }

    /// Remembers how far the log has come; index of the first entry.
    fn noted(&self, changed: Result<Changed, CallError>) -> u64 {
        let run = changed.expect("allowed").run;
        let count = u64::try_from(run.count()).expect("few");
        self.done
            .fetch_max(run.first_index + count, Ordering::Relaxed);
        run.first_index
    }

    /// Waits until readers see everything that people did.
    pub(crate) async fn sealed(&self) {
        let target = self.done.load(Ordering::Relaxed);
        while self.hands.checkpoint().await.expect("there").size() < target {
            tokio::task::yield_now().await;
        }
    }

    /// Everything in the log so far.
    pub(crate) async fn facts(&self) -> Vec<Fact> {
        let mut pages = self.hands.list(Filter::default());
        let mut facts = Vec::new();
        while let Some(page) = pages.next().await.expect("readable") {
            facts.extend(page.entries.iter().filter_map(Fact::of));
        }
        facts
    }

    /// Waits until the log says that nothing is left to tell; the whole log.
    pub(crate) async fn settled(&self) -> Vec<Fact> {
        let target = self.done.load(Ordering::Relaxed);
        let rules = Arc::new(rules());
        let wait = async {
            let mut follow = self.hands.follow(0, Filter::default());
            let mut outbox = Outbox::new(Where::Slack, TENANT);
            let mut facts = Vec::new();
            loop {
                let part = follow.next().await.expect("it goes on").expect("readable");
                for fact in part.entries.iter().filter_map(Fact::of) {
                    if let Some(case) = outbox.take(&fact, Some(Arc::clone(&rules))) {
                        outbox.pass_over(case, &Who::person("gus").expect("a name"));
                    }
                    facts.push(fact);
                }
                if part.next_index >= target && left(&outbox) == 0 {
                    return facts;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.expect("it is told in time")
    }

    /// Stops the ledger; its log must be intact.
    pub(crate) fn end(self) {
        assert!(self.server.stop().0.success());
        let key = self.data.vkey.to_string();
        let verdict = run(&["verify", text(&self.data.path()), "--key", &key]);
        let said = String::from_utf8_lossy(&verdict.stdout);
        assert_eq!(verdict.status.code(), Some(0), "{said}");
    }
}

/// How much is left to tell.
fn left(outbox: &Outbox) -> usize {
    let works = outbox.cases().map(|case| {
        let all = outbox.recipients(case);
        all.filter(|who| outbox.work(case, who).is_some()).count()
    });
    works.sum()
}

fn rules() -> Rules {
    use countersign_workflow::policy::{Bundle, Policy};
    let files = [("access.cedar", CEDAR), ("entities.json", ENTITIES)];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let bundle = Bundle::new(files).expect("names and sizes are fine");
    Rules {
        policy: Policy::compile(&bundle).expect("no faults"),
        zone: jiff::tz::TimeZone::UTC,
    }
}

/// What was told: the entry and its event.
pub(crate) fn told(facts: &[Fact]) -> Vec<(&Fact, &v1::NotificationDelivered)> {
    let all = facts.iter().filter_map(|fact| match &fact.event {
        Known::NotificationDelivered(event) => Some((fact, event)),
        _ => None,
    });
    all.collect()
}

pub(crate) fn failures(facts: &[Fact]) -> Vec<&v1::NotificationFailed> {
    let all = facts.iter().filter_map(|fact| match &fact.event {
        Known::NotificationFailed(event) => Some(event),
        _ => None,
    });
    all.collect()
}

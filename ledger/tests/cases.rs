//! Access cases in an open log: one writer decides, deadlines are kept through stops and steps of
//! the clock, and what a crash takes was told to nobody.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::idem::IdempotencyKey;
use countersign_chain::key::SigningKey;
use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;
use countersign_chain::record::Record;
use countersign_ledger::clock::ManualClock;
use countersign_ledger::fs::Fs;
use countersign_ledger::fs::sim::{SimFs, Survive};
use countersign_ledger::log::{Log, LogSettings, SubmitError, folder};
use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_workflow::command::{Action, Ask, Caller, Command, NewPolicy};
use countersign_workflow::policy::{Bundle, Facts, Policy};

const START: u64 = 1_790_000_000_000_000;
const HOUR: u64 = 3_600;
/// Each has 1,000 open cases at most.
const PEOPLE: usize = 100;

/// Everybody helps themselves on staging; production needs one of the leads.
fn bundle() -> Bundle {
    let policies = r#"
@id("staging") @approvals("") @permissions("read-write") @max_duration("8h")
permit (principal in Group::"engineers", action == Action::"request", resource)
when { resource.environment == "staging" };
@id("production") @approvals("leads:2") @permissions("read-write") @max_duration("2h")
@request_ttl("30m")
permit (principal in Group::"engineers", action == Action::"request", resource)
when { resource.environment == "production" };
@id("leads-decide")
permit (principal, action == Action::"approve", resource) when { principal in context.group };
"#;
    let entity = |kind: &str, id: &str, attrs: &str, parents: &str| {
        format!(
            r#"{{"uid":{{"type":"{kind}","id":"{id}"}},"attrs":{{{attrs}}},"parents":[{parents}]}}"#
        )
    };
    let group = |id: &str| format!(r#"{{"type":"Group","id":"{id}"}}"#);
    let mut entities = vec![
        entity("Group", "engineers", "", ""),
        entity("Group", "leads", "", ""),
    ];
    for n in 0..PEOPLE {
        let parents = format!("{},{}", group("engineers"), group("leads"));
        let mail = format!(r#""email":"p{n}@example.com""#);
        entities.push(entity("Person", &format!("p{n}"), &mail, &parents));
    }
    for (id, place) in [("db", "production"), ("db-staging", "staging")] {
        let attrs = format!(
            r#""environment":"{place}","sensitivity":"normal","permissions":["read-write"]"#
        );
        entities.push(entity("Resource", id, &attrs, ""));
    }
    let mut text = String::from("[");
    write!(text, "{}]", entities.join(",")).expect("memory");
    let files = [
        ("access.cedar", policies.to_owned()),
        ("entities.json", text),
    ];
    Bundle::new(files.map(|(name, text)| (name.to_owned(), text))).expect("a bundle")
}

struct Bench {
    fs: Arc<SimFs>,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let fs = Arc::new(SimFs::new());
        let origin = Origin::parse("example.com/log").expect("an origin");
        let key = SigningKey::from_seed(origin, &[9; 32]).expect("a key");
        folder::create(fs.as_ref(), &key).expect("an empty disk");
        Self {
            fs,
            clock: Arc::new(ManualClock::at(START)),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// An open log whose cases were read.
    async fn open(&self) -> Arc<Log> {
        let settings = LogSettings {
            name: "main".to_owned(),
            folder: self.folder.path().to_owned(),
            segment_bytes: 1 << 20,
            clock: Arc::clone(&self.clock) as _,
        };
        let log = Log::open(Arc::clone(&self.fs) as Arc<dyn Fs>, settings).await;
        let log = log.expect("an intact log");
        while log.cases().read().is_none() {
            tokio::task::yield_now().await;
        }
        log
    }

    fn after_crash(self) -> Self {
        Self {
            fs: Arc::new(self.fs.crash_image(Survive::Nothing)),
            ..self
        }
    }
}

async fn act(log: &Log, who: &str, key: &str, action: Action) -> Result<u64, SubmitError> {
    let caller = Caller {
        actor: Principal::parse(who).expect("a principal"),
        via: None,
    };
    let facts = Facts::default();
    let command = Command {
        caller,
        action,
        facts,
        evidence: None,
    };
    let key = IdempotencyKey::parse(key.as_bytes()).expect("short");
    let runs = log.order(command, key).await?.accepted().await?;
    assert_eq!(runs.len(), 1);
    Ok(runs[0].first_index)
}

async fn put_policy(log: &Log) {
    let bundle = bundle();
    let policy = Policy::compile(&bundle).map_err(|problems| format!("{problems:?}"));
    let new = NewPolicy {
        packed: bundle.pack().expect("small"),
        policy: Arc::new(policy.expect("sound")),
        bundle,
        force: false,
        expected: 0,
    };
    let action = Action::PutPolicy(Box::new(new));
    act(log, "admin:root", "policy", action)
        .await
        .expect("taken");
}

fn ask(resource: &str, duration: u64) -> Action {
    Action::Request(Ask {
        resource: resource.to_owned(),
        permission: "read-write".to_owned(),
        duration,
        reason: "look".to_owned(),
        ..Ask::default()
    })
}

fn approve(request: u64) -> Action {
    Action::Review {
        request,
        approve: true,
        group: None,
        reason: String::new(),
    }
}

/// Time and event of every entry that this version knows.
fn events(log: &Log) -> Vec<(u64, u64, Known)> {
    let (mut all, mut next) = (Vec::new(), 0);
    while next < log.accepted_size() {
        for frame in log.read(next, 1 << 20).expect("durable").frames() {
            let frame = frame.expect("a whole frame");
            for bytes in frame.records() {
                let record = Record::parse(bytes).expect("a record");
                let event = Known::decode(record.kind().get(), record.payload());
                let time = record.time().get();
                all.push((record.index().get(), time, event.expect("a known event")));
            }
            next = frame.size_after();
        }
    }
    all
}

/// Waits until so many grants have expired: the sequencer looks at its clock by itself.
async fn expired(log: &Log, wanted: usize) {
    let deadline = Duration::from_secs(300);
    let all = async {
        loop {
            let found = events(log).into_iter();
            let found = found.filter(|(.., event)| matches!(event, Known::GrantExpired(_)));
            if found.count() >= wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(deadline, all)
        .await
        .expect("every expiry is written");
}

/// Every grant has one expiry. Returns how many there are, and the longest time between the two
/// entries, in microseconds.
fn each_expired_once(log: &Log) -> (usize, u64) {
    let mut issued = BTreeMap::new();
    let mut ends: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (index, time, event) in events(log) {
        match event {
            Known::GrantIssued(_) => {
                issued.insert(index, time);
            }
            Known::GrantExpired(message) => ends.entry(message.grant).or_default().push(time),
            _ => {}
        }
    }
    let mut longest = 0;
    for (grant, from) in &issued {
        let found = ends.get(grant).map_or(&[][..], Vec::as_slice);
        assert_eq!(found.len(), 1, "grant {grant} ends once");
        longest = longest.max(found[0] - from);
    }
    (issued.len(), longest)
}

#[tokio::test(flavor = "multi_thread")]
async fn expiries_that_were_slept_through_are_written_once_each() {
    let long = std::env::var_os("COUNTERSIGN_TEST_LONG").is_some();
    let wanted = if long { 100_000 } else { 10_000 };
    let bench = Bench::new();
    let log = bench.open().await;
    put_policy(&log).await;
    let mut waits = tokio::task::JoinSet::new();
    for n in 0..wanted {
        let log = Arc::clone(&log);
        waits.spawn(async move {
            let who = format!("user:p{}@example.com", n % PEOPLE);
            act(&log, &who, &format!("r{n}"), ask("db-staging", HOUR)).await
        });
    }
    for made in waits.join_all().await {
        made.expect("given at once");
    }
    log.close("test").await.expect("a healthy disk");
    drop(log);
    bench.clock.pass(Duration::from_secs(26 * HOUR));
    let log = bench.open().await;
    expired(&log, wanted).await;
    let (grants, longest) = each_expired_once(&log);
    assert_eq!(grants, wanted);
    assert!(longest >= HOUR * 1_000_000, "none was over before its time");
    // One command is enough to see that nobody has access any more.
    let state = log.cases().read().expect("it was read");
    let now = state.moment(countersign_chain::time::UnixMicros::new(START).expect("a time"));
    assert!(state.access(("p1", "db-staging"), None, now).is_none());
    drop(state);
    log.close("test").await.expect("a healthy disk");
    println!("counted: a server that slept over {wanted} deadlines: {grants} expiries, each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_ends_access_early_and_never_late() {
    let mut counted = Vec::new();
    for (name, step) in [("-1 h", -3_600_i64), ("+10 y", 10 * 365 * 24 * 3_600)] {
        let bench = Bench::new();
        let log = bench.open().await;
        put_policy(&log).await;
        for n in 0..50 {
            let who = format!("user:p{}@example.com", n % PEOPLE);
            let made = act(&log, &who, &format!("r{n}"), ask("db-staging", HOUR)).await;
            made.expect("given at once");
        }
        bench.clock.pass(Duration::from_secs(60));
        let wall = START + 60_000_000;
        let micros = step.unsigned_abs() * 1_000_000;
        bench.clock.set_wall(if step < 0 {
            wall - micros
        } else {
            wall + micros
        });
        // A minute after their grants began, an hour early: the step counts as time that passed.
        expired(&log, 50).await;
        let (grants, longest) = each_expired_once(&log);
        assert_eq!(grants, 50);
        assert_eq!(longest > HOUR * 1_000_000, step > 0, "in ledger time");
        let refused = act(
            &log,
            "user:p1@example.com",
            "later",
            ask("db-staging", HOUR),
        )
        .await;
        match step {
            ..0 => assert!(
                matches!(refused, Err(SubmitError::ClockBehind(_))),
                "ledger time stands still: {refused:?}"
            ),
            _ => assert!(refused.is_ok(), "{refused:?}"),
        }
        log.close("test").await.expect("a healthy disk");
        counted.push(format!("{name}: {grants} of 50 over at once"));
    }
    println!("counted: clock set {}", counted.join(", "));
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_that_come_together_give_one_grant() {
    let bench = Bench::new();
    let log = bench.open().await;
    put_policy(&log).await;
    let made = act(&log, "user:p0@example.com", "ask", ask("db", HOUR)).await;
    let request = made.expect("taken");
    let mut waits = tokio::task::JoinSet::new();
    for n in 0..1_000 {
        let log = Arc::clone(&log);
        waits.spawn(async move {
            let who = format!("user:p{}@example.com", n % PEOPLE);
            (
                n % PEOPLE,
                act(&log, &who, &format!("v{n}"), approve(request)).await,
            )
        });
    }
    let (mut taken, mut codes) = (0, BTreeMap::<&str, usize>::new());
    for (who, answer) in waits.join_all().await {
        match answer {
            Ok(_index) => {
                assert_ne!(who, 0, "the requester decides nothing");
                taken += 1;
            }
            Err(SubmitError::Refused(refusal)) => {
                if who == 0 {
                    let late = [Reason::SelfApproval, Reason::AlreadyDecided];
                    assert!(late.contains(&refusal.reason), "{refusal:?}");
                }
                *codes.entry(refusal.reason.as_str()).or_default() += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(taken, 2);
    let grants = events(&log).into_iter();
    let grants = grants
        .filter(|(.., event)| matches!(event, Known::GrantIssued(_)))
        .count();
    assert_eq!(grants, 1);
    log.close("test").await.expect("a healthy disk");
    println!("counted: 1000 concurrent reviews: {taken} taken, 1 grant, refused {codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_changes_nothing_and_survives_a_crash() {
    let bench = Bench::new();
    let log = bench.open().await;
    put_policy(&log).await;
    let who = "user:p0@example.com";
    let request = act(&log, who, "ask", ask("db", HOUR)).await.expect("taken");
    let own = act(&log, who, "own", approve(request)).await;
    assert!(matches!(&own, Err(SubmitError::Refused(why)) if why.reason == Reason::SelfApproval));
    let size = log.accepted_size();
    assert_eq!(act(&log, who, "ask", ask("db", HOUR)).await, Ok(request));
    let again = act(&log, who, "own", approve(request)).await;
    assert!(matches!(&again, Err(SubmitError::Refused(why)) if why.reason == Reason::SelfApproval));
    // Another command under the same key, of another kind or about something else.
    for other in [
        approve(request),
        ask("db-staging", HOUR),
        ask("db", HOUR + 1),
    ] {
        let other = act(&log, who, "ask", other).await;
        assert!(
            matches!(other, Err(SubmitError::KeyReused { .. })),
            "{other:?}"
        );
    }
    assert_eq!(log.accepted_size(), size, "nothing was written");
    // The process is gone, without a goodbye.
    drop(log);
    let bench = bench.after_crash();
    let log = bench.open().await;
    assert_eq!(act(&log, who, "ask", ask("db", HOUR)).await, Ok(request));
    for (n, expected) in [(1, 3_usize), (2, 4)] {
        let who = format!("user:p{n}@example.com");
        act(&log, &who, "yes", approve(request))
            .await
            .expect("taken");
        let state = log.cases().read().expect("it was read");
        let case = state.case(request).expect("open");
        assert!(case.entries.len() >= expected, "{:?}", case.entries);
    }
    let state = log.cases().read().expect("it was read");
    assert!(state.case(request).and_then(|case| case.grant()).is_some());
    drop(state);
    log.close("test").await.expect("a healthy disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_of_one_caller_fill_no_log() {
    const EACH: usize = 20;
    let bench = Bench::new();
    let log = bench.open().await;
    put_policy(&log).await;
    let (who, stranger) = ("user:p0@example.com", "user:nobody@example.com");
    let request = act(&log, who, "ask", ask("db", HOUR)).await.expect("taken");
    let recorded = || {
        let refused = |(.., event): &(u64, u64, Known)| matches!(event, Known::ActionRefused(_));
        events(&log).iter().filter(|entry| refused(entry)).count()
    };
    for n in 0..EACH + 5 {
        let own = act(&log, who, &format!("own{n}"), approve(request)).await;
        let why = Reason::SelfApproval;
        assert!(matches!(&own, Err(SubmitError::Refused(refusal)) if refusal.reason == why));
        assert_eq!(recorded(), EACH.min(n + 1));
    }
    let other = act(&log, stranger, "yes", approve(request)).await;
    other.expect_err("nobody knows them");
    assert_eq!(recorded(), EACH + 1, "another caller's attempt is told");
    bench.clock.pass(Duration::from_secs(60));
    let later = act(&log, who, "later", approve(request)).await;
    later.expect_err("it is theirs still");
    assert_eq!(recorded(), EACH + 2, "so is the next one of a minute later");
    log.close("test").await.expect("a healthy disk");
}

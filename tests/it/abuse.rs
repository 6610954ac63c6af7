//! Clients with valid certificates who mean harm, against the real server process: each attack
//! leaves honest callers their latency, the server its memory and descriptors, and every refusal
//! its reason.
//!
//! Attackers and servers share the cores of this machine, so latency under attack is compared with
//! latency while the same attackers attack a second server that stands beside the first: the same
//! load, without the aim. Whoever appends waits for the commit that is under way, so what the
//! largest commit takes here is part of what is expected. A noisy moment is not held against the
//! server: one round of some has to be good.

#[path = "abuse/attack.rs"]
mod attack;
#[path = "abuse/calls.rs"]
mod calls;
#[path = "abuse/connections.rs"]
mod connections;
#[path = "abuse/messages.rs"]
mod messages;
#[path = "abuse/siege.rs"]
mod siege;
#[path = "abuse/streams.rs"]
mod streams;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::pin::Pin;

use countersign_proto::reason::Reason;
use countersign_tests::process::is_long;
use countersign_tests::watch;

use tokio::runtime::Runtime;

use crate::attack::{Attack, Target};
use crate::siege::Siege;

/// Memory that an attack may cost beyond what the server uses at rest, in MiB.
const MEMORY: u64 = 256;
/// Descriptors that the log itself opens meanwhile: segments and files of the indexes.
const FILES: usize = 16;

type Start = fn(Target) -> Pin<Box<dyn Future<Output = Attack> + Send>>;

/// An attack, and the refusal that it must meet.
struct Row {
    name: &'static str,
    start: Start,
    reason: Option<Reason>,
}

macro_rules! rows {
    ($($name:literal $start:path => $reason:expr;)*) => {
        [$(Row {
            name: $name,
            start: |target| Box::pin($start(target)),
            reason: $reason,
        }),*]
    };
}

fn rows() -> [Row; 17] {
    use Reason::{
        MessageTooLarge, MetadataTooLarge, TooManyCalls, TooManyConnections, TooManyStreams,
    };
    rows! {
        "slow followers" streams::slow_followers => None;
        "acknowledgements never read" streams::unread_acknowledgements => Some(TooManyStreams);
        "endless streams" streams::endless_streams => None;
        "thousands of follows" streams::many_follows => Some(TooManyStreams);
        "idle connections" connections::idle_connections => Some(TooManyConnections);
        "half-open handshakes" connections::half_open_handshakes => None;
        "connections opened and closed" connections::churn => None;
        "messages of 1 GiB and 64 MiB" messages::huge_messages => Some(MessageTooLarge);
        "messages never finished" messages::unfinished_messages => Some(TooManyCalls);
        "empty drafts" messages::empty_drafts => Some(TooManyCalls);
        "huge metadata" messages::huge_metadata => Some(MetadataTooLarge);
        "pages never read" messages::unread_pages => Some(TooManyCalls);
        "empty frames and resets" messages::empty_frames => None;
        "more calls than the queue holds" calls::flood => Some(TooManyCalls);
        "new keys" calls::new_keys => None;
        "old keys" calls::old_keys => None;
        "selective pages" calls::selective_pages => Some(TooManyCalls);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_clients_with_valid_certificates_harm_nobody_but_themselves() {
    let siege = Siege::open().await;
    let commit = siege.commit;
    println!("counted: abuse: the largest commit at rest: {commit:.1} ms");
    // A part of a name, to try one attack alone.
    let only = std::env::var("COUNTERSIGN_TEST_ONLY").unwrap_or_default();
    let mut failed = Vec::new();
    for row in rows().iter().filter(|row| row.name.contains(&only)) {
        let verdict = judge(&siege, row).await;
        println!("counted: abuse: {}: {}", row.name, verdict.counted);
        failed.extend(verdict.failed);
    }
    assert!(failed.is_empty(), "\n  {}", failed.join("\n  "));
    siege.close();
}

/// An attack with threads of its own. Its connections are closed with them: a client that does not
/// read keeps a connection open for streams that it has dropped, and would still be there in the
/// next attack.
struct Raid {
    attack: Attack,
    runtime: Runtime,
}

impl Raid {
    async fn start(row: &Row, target: Target) -> Self {
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        let runtime = threads.worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads");
        let attack = runtime.spawn((row.start)(target)).await;
        Self {
            attack: attack.expect("it goes as planned"),
            runtime,
        }
    }

    async fn end(self) -> BTreeMap<String, u64> {
        let tally = self.attack.end().await;
        self.runtime.shutdown_background();
        tally
    }
}

/// What an attack did.
struct Verdict {
    counted: String,
    failed: Vec<String>,
}

/// Carries out an attack, and says what it did and what it should not have done.
async fn judge(siege: &Siege, row: &Row) -> Verdict {
    let (rounds, samples) = if is_long() { (5, 1_000) } else { (3, 100) };
    let pid = siege.pid();
    let (files, rest) = (watch::descriptors(pid), watch::memory(pid, "VmRSS"));
    watch::forget_peak(pid);
    let mut tries = Vec::new();
    let (mut tally, mut newcomer) = (BTreeMap::new(), 0.0_f64);
    for _ in 0..rounds {
        let decoy = Raid::start(row, siege.decoy.clone()).await;
        let before = siege.honest.latency(samples).await;
        decoy.end().await;
        let attack = Raid::start(row, siege.target.clone()).await;
        let during = siege.honest.latency(samples).await;
        newcomer = newcomer.max(siege.newcomer().await);
        tally = attack.end().await;
        tries.push((before, during));
        if siege.is_fair(before, during) {
            break;
        }
    }
    // Only the last of them can be a fair one.
    let (before, during) = *tries.last().expect("there was a round");
    let mut failed = unexplained(row, &tally);
    if !siege.is_fair(before, during) {
        failed.push(format!("{}: {tries:?}", row.name));
    }
    let peak = watch::memory(pid, "VmHWM");
    if peak > rest + MEMORY {
        failed.push(format!("{}: {peak} MiB, {rest} at rest", row.name));
    }
    let open = siege.settle(files + FILES).await;
    if open > files + FILES {
        failed.push(format!("{}: {open} descriptors, {files} at rest", row.name));
    }
    let counted = format!(
        "append p50 {:.1} and p99 {:.1} ms beside it, {:.1} and {:.1} ms under it, new client \
         {newcomer:.0} ms; {rest} to {peak} MiB, {files} to {open} files;{}",
        before.p50,
        before.p99,
        during.p50,
        during.p99,
        text(&tally)
    );
    Verdict { counted, failed }
}

/// Answers that are neither good nor a refusal with its reason, and a refusal that did not come.
fn unexplained(row: &Row, tally: &BTreeMap<String, u64>) -> Vec<String> {
    let unclear = tally.keys().filter(|label| label.starts_with('?'));
    let mut wrong: Vec<String> = unclear
        .map(|label| format!("{}: refused without a reason: {label}", row.name))
        .collect();
    if tally.contains_key("not ended") {
        wrong.push(format!("{}: the server puts up with it", row.name));
    }
    if let Some(reason) = row.reason
        && !tally.contains_key(reason.as_str())
    {
        wrong.push(format!("{}: never {reason}:{}", row.name, text(tally)));
    }
    wrong
}

fn text(tally: &BTreeMap<String, u64>) -> String {
    let mut text = String::new();
    for (label, count) in tally {
        write!(text, " {count} {label},").expect("memory");
    }
    text.trim_end_matches(',').to_owned()
}

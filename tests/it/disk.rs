//! The real server on a disk whose calls really fail: strace lets the N-th write or sync of one
//! file return an error. Nothing is acknowledged after that, the process ends within a second with
//! a code of its own, and the next start has everything that was acknowledged.

#[path = "disk/trace.rs"]
mod trace;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use countersign_client::{Client, Draft, Entry, Level};
use countersign_ledger::identity::role::Role;
use countersign_ledger::server::run::EXIT_POISONED;
use countersign_proto::v1::ExternalEvent;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, is_long, tool};
use tokio_util::sync::CancellationToken;

use crate::trace::Trace;

const CALLERS: usize = 4;

/// The file that the disk fails at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// The segment that commits go to.
    Segment,
    /// The durable head.
    Head,
}

/// One failing call.
#[derive(Debug, Clone, Copy)]
struct Case {
    call: &'static str,
    error: &'static str,
    target: Target,
    /// It is the call of this number, from 1, that fails.
    when: u32,
}

const KINDS: [(&str, &str, Target); 5] = [
    ("fdatasync", "EIO", Target::Segment),
    ("pwrite64", "ENOSPC", Target::Segment),
    ("pwrite64", "EIO", Target::Segment),
    ("fdatasync", "EIO", Target::Head),
    ("pwrite64", "EIO", Target::Head),
];

fn cases() -> Vec<Case> {
    let numbers: Vec<u32> = if is_long() {
        (4..=23).collect()
    } else {
        vec![4, 11]
    };
    let case = |(call, error, target), when| Case {
        call,
        error,
        target,
        when,
    };
    let of = |when| KINDS.into_iter().map(move |kind| case(kind, when));
    numbers.into_iter().flat_map(of).collect()
}

fn newest_segment(data: &DataFolder) -> PathBuf {
    let folder = std::fs::read_dir(data.log().join("segments")).expect("a log");
    let paths = folder.map(|entry| entry.expect("readable").path());
    let newest = paths
        .filter(|path| path.extension().is_some_and(|end| end == "seg"))
        .max();
    newest.expect("a log has a segment")
}

/// A server under strace, which writes what happens to `log`.
fn serve(data: &DataFolder, case: Case, file: &Path, log: &Path) -> Result<Served, String> {
    let Case {
        call, error, when, ..
    } = case;
    let mut strace = Command::new(tool("COUNTERSIGN_TEST_STRACE"));
    strace
        .args(["-f", "--seccomp-bpf", "--quiet=attach,personality", "-ttt"])
        .args(["-e", "trace=fdatasync,pwrite64", "-e", "signal=none"])
        .args(["-e", &format!("inject={call}:error={error}:when={when}")])
        .arg("-P")
        .arg(file)
        .arg("-o")
        .arg(log);
    Served::start_by(strace, &data.path(), &[])
}

/// Appends until the server is gone; returns what was acknowledged, by key. A call that takes too
/// long on a busy disk is one without an acknowledgement, and the load goes on.
async fn caller(client: Client, name: String, gone: CancellationToken) -> BTreeMap<String, u64> {
    let mut acknowledged = BTreeMap::new();
    for n in 0_u64.. {
        let key = format!("{name}-{n}");
        let event = ExternalEvent {
            source: "disk".into(),
            raw: key.clone().into_bytes().into(),
            ..Default::default()
        };
        let level = if n % 3 == 0 {
            Level::Sealed
        } else {
            Level::Accepted
        };
        let draft = Draft::new(&event).with_key(key.clone());
        match gone.run_until_cancelled(client.append(draft, level)).await {
            Some(Ok(receipt)) => drop(acknowledged.insert(key, receipt.index)),
            Some(Err(_)) => {}
            None => break,
        }
    }
    acknowledged
}

/// Returns when all that recovery found is sealed: entries are read from then on.
async fn seal(client: &Client) {
    let event = ExternalEvent {
        source: "disk".into(),
        raw: b"again".to_vec().into(),
        ..Default::default()
    };
    let sealed = client.append(Draft::new(&event), Level::Sealed).await;
    sealed.expect("it takes entries again");
}

/// What the cases added up to.
#[derive(Debug, Default)]
struct Counts {
    acknowledged: usize,
    late: usize,
    lost: Vec<String>,
    longest: Duration,
}

/// Lets one call fail under load, and starts again.
async fn run(data: &DataFolder, agent: &Path, number: usize, case: Case, counts: &mut Counts) {
    let file = match case.target {
        Target::Segment => newest_segment(data),
        Target::Head => data.log().join("head"),
    };
    let log = data.path().with_file_name("trace");
    let mut server = serve(data, case, &file, &log).expect("it serves before it fails");
    let config = data.config(&server.endpoint.grpc, agent);
    let mut clients = Vec::new();
    for _ in 0..CALLERS {
        clients.push(Client::connect(config.clone()).await.expect("a server"));
    }
    let gone = CancellationToken::new();
    let mut callers = tokio::task::JoinSet::new();
    for (name, client) in clients.into_iter().enumerate() {
        callers.spawn(caller(client, format!("{number}-{name}"), gone.clone()));
    }
    let ended = tokio::task::spawn_blocking(move || server.wait()).await;
    gone.cancel();
    let (status, printed) = ended.expect("the failing call ends it");
    let acknowledged: BTreeMap<String, u64> =
        callers.join_all().await.into_iter().flatten().collect();
    assert_eq!(
        status.code(),
        Some(i32::from(EXIT_POISONED)),
        "{case:?}: {printed}"
    );
    let trace = Trace::read(&log, case.call);
    counts.longest = counts.longest.max(trace.took);
    counts.acknowledged += acknowledged.len();
    if let (Target::Segment, Some(first)) = (case.target, trace.first_entry(&file)) {
        counts.late += acknowledged
            .values()
            .filter(|index| **index >= first)
            .count();
    }
    // Whether the device took the bytes of a sync that failed, nobody knows.
    if number.is_multiple_of(2) {
        trace.undo(&file);
    }

    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("recovery decides");
    seal(&data.connect(&server.endpoint.grpc, agent).await).await;
    let reader = data.connect(&server.endpoint.grpc, &data.admin()).await;
    for (key, index) in &acknowledged {
        let kept = reader.entry(*index).await;
        let found = kept.as_ref().map(Entry::idempotency_key);
        if found.is_ok_and(|found| found == key.as_bytes()) {
            continue;
        }
        let lost = format!("{case:?}: {key} was acknowledged at {index}, there is {found:?}");
        counts.lost.push(lost);
    }
    let (status, printed) = server.stop();
    assert!(status.success(), "{case:?}: {printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_call_that_fails_ends_the_process_and_loses_nothing() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "disk").await;
    let mut counts = Counts::default();
    let cases = cases();
    for (number, case) in cases.iter().enumerate() {
        run(&data, &agent, number, *case, &mut counts).await;
    }
    let Counts {
        acknowledged,
        late,
        lost,
        longest,
    } = counts;
    println!(
        "counted: failing disk calls: {} by strace, exit code 70 each time and within {} ms, \
         {acknowledged} acknowledged before, {late} after, {lost} lost",
        cases.len(),
        longest.as_millis(),
        lost = lost.len()
    );
    assert_eq!((late, lost), (0, Vec::new()));
    assert!(acknowledged > cases.len(), "there must be a load");
    // How long a shared disk takes says nothing about the program: a quiet machine judges that.
    assert!(
        !is_long() || longest < Duration::from_secs(1),
        "{longest:?}"
    );
    let verdict = countersign_tests::process::run(&[
        "verify",
        data.path().to_str().expect("a plain path"),
        "--key",
        &data.vkey.to_string(),
    ]);
    assert!(
        verdict.status.success(),
        "{}",
        String::from_utf8_lossy(&verdict.stdout)
    );
}

//! kill -9 at any moment of an export: no half file is ever taken for a whole one, and who goes on
//! ends with the same bytes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use countersign_tests::process::{Served, countersign, is_long};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::Instant;

use super::folders::{export, files, filled, filled_with, well};

/// Entries of the log.
const LINES: usize = 20_000;
/// Files of the export, so that there are many moments between two of them.
const ROWS: &str = "1500";

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        // Knuth's MMIX constants.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_half_file_is_taken_for_a_whole_one() {
    let kills: u32 = if is_long() { 200 } else { 12 };
    let data = filled(LINES).await;
    let room = tempfile::tempdir().expect("room");
    let (folder, whole) = (data.path(), room.path().join("whole"));
    let source = folder.to_str().expect("UTF-8");
    let more = ["--unrecorded", "--file-rows", ROWS];
    let start = Instant::now();
    well(&export(source, &whole, &more));
    let took = u64::try_from(start.elapsed().as_micros()).expect("short");
    let reference: BTreeMap<_, _> = files(&whole).into_iter().collect();
    assert!(reference.len() > 10, "{}", reference.len());

    let (mut dice, mut ended, mut resumed, mut seen) = (Dice(7), 0, 0, 0);
    let out = room.path().join("killed");
    for _ in 0..kills {
        let before = files(&out).len();
        let mut child = countersign(&["export", source, "--out"])
            .arg(&out)
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        tokio::time::sleep(Duration::from_micros(dice.below(took))).await;
        child.kill().expect("it is a process of ours");
        child.wait().expect("it ran");
        seen += judge(&out, &reference);
        resumed += u32::from(before > 1);
        if out.join("manifest.json").exists() {
            ended += 1;
            std::fs::remove_dir_all(&out).expect("it is ours");
        }
    }
    well(&export(source, &out, &more));
    let last: BTreeMap<_, _> = files(&out).into_iter().collect();
    assert_eq!(last, reference);
    println!(
        "counted: {kills} kills of an export, {resumed} of them of one that was killed before, \
         {ended} too late; {seen} files looked at, each whole"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_interrupted_says_so_and_goes_on_where_it_was() {
    // Large entries: a ledger is read in windows of 4 MiB, between which a signal counts.
    let data = filled_with(600, 40_000).await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let room = tempfile::tempdir().expect("room");
    let (whole, out) = (room.path().join("whole"), room.path().join("out"));
    let (source, admin) = (server.endpoint.grpc.as_str(), data.admin());
    let admin = admin.to_str().expect("UTF-8");
    let more = ["--unrecorded", "--file-rows", "50", "--identity", admin];
    well(&export(source, &whole, &more));
    let reference: BTreeMap<_, _> = files(&whole).into_iter().collect();
    let mut child = countersign(&["export", source, "--json", "--out"])
        .arg(&out)
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // Behind the first line of progress, there are files.
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    let first: Value = serde_json::from_str(&first).expect("JSON");
    let progress = &first["progress"];
    assert!(progress["entries"].as_u64() > Some(0), "{first}");
    assert!(progress["bytes"].as_u64() > Some(0), "{first}");
    assert!(progress["seconds"].as_f64() > Some(0.0), "{first}");
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a process id"), Signal::INT).expect("it runs");
    let rest: Vec<String> = lines.map(|line| line.expect("text")).collect();
    let output = child.wait_with_output().expect("it ran");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("stopped") && told.contains("the same command goes on"),
        "{told}"
    );
    let last: Value = serde_json::from_str(rest.last().expect("a line")).expect("JSON");
    assert_eq!(last["result"], "failed");
    judge(&out, &reference);
    assert!(!out.join("manifest.json").exists());
    assert!(!out.join(".export.lock").exists());
    well(&export(source, &out, &more));
    let last: BTreeMap<_, _> = files(&out).into_iter().collect();
    assert_eq!(last, reference);
}

/// What has a name is as it is in an export that was not killed. Returns the number of files.
fn judge(out: &Path, reference: &BTreeMap<std::path::PathBuf, Vec<u8>>) -> usize {
    let found = files(out);
    for (name, bytes) in &found {
        if name.as_os_str() != "manifest.partial.json" {
            let same = reference.get(name).is_some_and(|whole| whole == bytes);
            assert!(same, "{} is not whole", name.display());
        }
    }
    found.len()
}

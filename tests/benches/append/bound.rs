//! The least that any log of this kind must do: hash each record into chain and tree, sign once for
//! a group, write, fdatasync. And the disk by itself.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use countersign_chain::commit::{CommitBuilder, Draft, LogHead};
use countersign_chain::frame::Nonce;
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::time::UnixMicros;

use crate::GROUPS;
use crate::common::{RUNS, now, since};
use crate::event::PAYLOAD;
use crate::measure::{Figures, Run, Table, quantile};

/// Bytes of the file that the loop writes to, over and over: written once before.
const FILE: u64 = 64 << 20;

fn file() -> File {
    let file = tempfile::tempfile().expect("a file");
    let block = vec![0_u8; 1 << 20];
    for at in (0..FILE).step_by(1 << 20) {
        file.write_all_at(&block, at).expect("room");
    }
    file.sync_all().expect("a healthy disk");
    file
}

/// Median and 99th percentile of a synced write, into appended and into written space.
pub(crate) fn disk() -> String {
    let appended = tempfile::tempfile().expect("a file");
    let written = file();
    let row = |name: &str, file: &File, bytes: usize| {
        let block = vec![1_u8; bytes];
        let mut waits = Vec::new();
        for n in 0..200_u64 {
            let at = n * u64::try_from(bytes).expect("small") % FILE;
            let start = now();
            file.write_all_at(&block, at).expect("room");
            file.sync_data().expect("a healthy disk");
            waits.push(since(start));
        }
        waits.sort_by(f64::total_cmp);
        let (p50, p99) = (quantile(&waits, 0.5), quantile(&waits, 0.99));
        format!("| {name} | {p50:.2} | {p99:.2} |")
    };
    [
        "| write + fdatasync | p50 ms | p99 ms |\n|---|---|---|".to_owned(),
        row("4 KiB appended", &appended, 4 << 10),
        row("4 KiB into written space", &written, 4 << 10),
        row("256 KiB into written space", &written, 256 << 10),
    ]
    .join("\n")
}

fn groups(group: usize) -> Figures {
    let file = file();
    let origin = Origin::parse("example.com/bound").expect("an origin");
    let key = SigningKey::from_seed(origin, &[7; 32]).expect("a key");
    let payload = vec![b'x'; PAYLOAD];
    let mut head = LogHead::empty();
    let (mut at, mut count, mut waits) = (0, 0_usize, Vec::new());
    let run = Run::start();
    while run.goes_on() {
        let start = now();
        let mut builder = CommitBuilder::after(&head);
        for _ in 0..group {
            let kind = if builder.next_index() == 0 { 1 } else { 140 };
            let draft = Draft {
                kind: Kind::new(kind).expect("a kind"),
                now: UnixMicros::new(builder.next_index()).expect("a time"),
                case: 0,
                actor: "agent:bench",
                via: "",
                idem: b"",
                payload: &payload,
            };
            builder.push(&draft).expect("it fits");
        }
        let mut commit = builder.finish(&key).expect("not empty");
        head = commit.head().clone();
        let frame = commit.seal(&Nonce([1; 16]));
        let len = u64::try_from(frame.len()).expect("small");
        if at + len > FILE {
            at = 0;
        }
        file.write_all_at(frame, at).expect("room");
        file.sync_data().expect("a healthy disk");
        at += len;
        count += group;
        waits.push(since(start));
    }
    run.end(count, waits)
}

pub(crate) fn rows(table: &mut Table) {
    for group in GROUPS {
        let name = format!("bare loop, groups of {group}");
        if table.wants(&name) {
            let runs: Vec<Figures> = (0..RUNS).map(|_| groups(group)).collect();
            table.add(&name, &runs);
        }
    }
}

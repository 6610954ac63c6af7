//! Damage that no crash leaves: flipped bits, files that are cut, gone, swapped or copied. The
//! ledger refuses to start, or says so when the entries are read. It never serves less than the
//! floor, or something else, without a word.

use std::sync::Arc;

use countersign_chain::hash::{self, Hash};
use countersign_chain::segment::file_name;
use countersign_ledger::fs::Fs as _;
use countersign_ledger::fs::sim::{SimFs, Survive};
use countersign_ledger::store::LogStore as _;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::promise::is_long;
use super::script::Step::{Commit, Seal};
use super::script::{End, History, Life, Scene, Workload, open, to_usize};

const SEGMENT_BYTES: u64 = 8_192;

/// Twelve segments, all but the last entry sealed.
fn damaged() -> Workload {
    let steps = vec![
        Commit(1, 40),
        Commit(3, 120),
        Commit(1, 1_400),
        Commit(2, 1_300),
        Commit(1, 2_600),
        Commit(1, 2_500),
        Commit(2, 1_200),
        Commit(1, 2_500),
        Commit(1, 2_400),
        Commit(1, 2_500),
        Commit(2, 1_300),
        Commit(1, 2_600),
        Commit(1, 2_500),
        Commit(4, 100),
        Seal,
        Commit(1, 60),
    ];
    let end = End::Idle;
    Workload {
        name: "damaged".to_owned(),
        segment_bytes: SEGMENT_BYTES,
        lives: vec![Life { steps, end }],
    }
}

/// What a damaged log says.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Refused,
    /// It opens, and says that entries cannot be read or that something was torn.
    Reported,
    /// It serves so many entries, all of them right, without a word.
    Serves(usize),
    /// It serves an entry that nobody wrote.
    Wrong(usize),
}

fn look(disk: &Arc<SimFs>, expected: &[Hash]) -> Outcome {
    let Ok((store, recovery)) = open(disk, SEGMENT_BYTES) else {
        return Outcome::Refused;
    };
    let size = to_usize(store.head().head.size());
    let mut next = 0;
    while next < size {
        let Ok(run) = store.read(u64::try_from(next).expect("small"), 1 << 20) else {
            return Outcome::Reported;
        };
        for frame in run.frames() {
            let Ok(frame) = frame else {
                return Outcome::Reported;
            };
            for record in frame.records() {
                if expected.get(next) != Some(&hash::leaf(record)) {
                    return Outcome::Wrong(next);
                }
                next += 1;
            }
        }
    }
    if recovery.torn.is_some() && size >= to_usize(recovery.floor) {
        return Outcome::Reported;
    }
    Outcome::Serves(size)
}

/// A disk with the log on it, and what it holds.
struct Log {
    disk: SimFs,
    history: History,
    /// Paths of the segments.
    segments: Vec<String>,
}

impl Log {
    fn new() -> Self {
        let scene = Scene::of(damaged()).remove(0);
        let (disk, history) = scene.live(None);
        let mut segments = disk.list("segments").expect("a folder");
        segments.retain(|name| name.ends_with(".seg"));
        assert_eq!(segments.len(), 12);
        Self {
            disk: disk.crash_image(Survive::Everything),
            history,
            segments: segments
                .iter()
                .map(|name| format!("segments/{name}"))
                .collect(),
        }
    }

    /// What the log says once this was done to it.
    fn after(&self, harm: impl FnOnce(&SimFs)) -> Outcome {
        let disk = self.disk.crash_image(Survive::Everything);
        harm(&disk);
        look(&Arc::new(disk), &self.history.tried)
    }

    /// Whether an outcome is an answer that nobody should get.
    fn is_silent(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Refused | Outcome::Reported => false,
            Outcome::Serves(size) => *size < self.history.sealed,
            Outcome::Wrong(_) => true,
        }
    }
}

fn remove(disk: &SimFs, path: &str) {
    disk.remove(path).expect("there");
    disk.sync_dir("segments").expect("a folder");
}

#[test]
fn flipped_bits_are_refused_or_read_as_damage() {
    let log = Log::new();
    let stride = if is_long() { 1 } else { 29 };
    let mut bits = Vec::new();
    for path in &log.segments {
        let bytes = log.disk.read_file(path).expect("there");
        let end = bytes.iter().rposition(|byte| *byte != 0).expect("a header") + 1;
        bits.extend((0..end * 8).step_by(stride).map(|bit| (path, bit)));
    }
    let flips = bits.len();
    let silent = |(path, bit): (&String, usize)| {
        let bit = u64::try_from(bit).expect("small");
        let outcome = log.after(|disk| disk.flip_bit(path, bit).expect("in range"));
        let silent = !matches!(outcome, Outcome::Refused | Outcome::Reported);
        silent.then(|| format!("{path} bit {bit}: {outcome:?}"))
    };
    let silent: Vec<String> = bits.into_par_iter().filter_map(silent).collect();
    println!(
        "counted: rot: {flips} flipped bits, {} unnoticed",
        silent.len()
    );
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

#[test]
fn files_cut_at_any_byte_never_end_below_the_floor_without_a_word() {
    let log = Log::new();
    let stride = if is_long() { 1 } else { 5 };
    let (first, last) = (&log.segments[0], &log.segments[log.segments.len() - 1]);
    let before = &log.segments[log.segments.len() - 2];
    let mut cuts = Vec::new();
    for path in [first, before, last, &"head".to_owned()] {
        let len = log.disk.read_file(path).expect("there").len();
        cuts.extend((0..len).step_by(stride).map(|cut| (path.clone(), cut)));
    }
    let count = cuts.len();
    let silent = |(path, cut): (String, usize)| {
        let cut = u64::try_from(cut).expect("small");
        let outcome = log.after(|disk| disk.truncate(&path, cut).expect("there"));
        let short = log.is_silent(&outcome);
        short.then(|| format!("{path} cut at {cut}: {outcome:?}"))
    };
    let silent: Vec<String> = cuts.into_par_iter().filter_map(silent).collect();
    println!(
        "counted: cut files: {count} lengths of 3 segments and the head, {} silently below the \
         floor",
        silent.len()
    );
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

/// The slots are written in turn, so a crash can tear one of them: the other one is the floor then.
#[test]
fn a_head_with_one_bad_slot_costs_nothing_and_with_two_or_none_it_is_refused() {
    let log = Log::new();
    let all = Outcome::Serves(log.history.tried.len());
    let slot = log.disk.read_file("head").expect("there").len() / 2;
    let stride = if is_long() { 1 } else { 29 };
    let flip = |disk: &SimFs, bit: usize| {
        let bit = u64::try_from(bit).expect("small");
        disk.flip_bit("head", bit).expect("in range");
    };
    let wrong = |bit: usize| {
        let one = log.after(|disk| flip(disk, bit));
        let other = (bit + slot * 8) % (slot * 16);
        let both = log.after(|disk| [bit, other].into_iter().for_each(|bit| flip(disk, bit)));
        let fine = one == all && both == Outcome::Refused;
        (!fine).then(|| format!("bit {bit}: {one:?}, in both slots: {both:?}"))
    };
    let bits: Vec<usize> = (0..slot * 16).step_by(stride).collect();
    let count = bits.len();
    let wrong: Vec<String> = bits.into_par_iter().filter_map(wrong).collect();
    println!(
        "counted: head: {count} flipped bits in one slot and in both, {} not as they must be",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let gone = log.after(|disk| {
        disk.remove("head").expect("there");
        disk.sync_dir("").expect("a folder");
    });
    assert_eq!(gone, Outcome::Refused);
}

/// Every pair of segments, both ways round, and every triple.
#[test]
fn segments_gone_swapped_or_copied_are_noticed() {
    let log = Log::new();
    let names = &log.segments;
    let read = |path: &str| log.disk.read_file(path).expect("there");
    let put = |disk: &SimFs, to: &str, from: &str| {
        disk.write_file(to, &read(from)).expect("a folder");
    };
    let mut outcomes = Vec::new();
    for (at, one) in names.iter().enumerate() {
        outcomes.push((format!("{one} gone"), log.after(|disk| remove(disk, one))));
        for first in [1, 2, 5, 12, 19, 22, 999] {
            let name = format!("segments/{}", file_name(first));
            if !names.contains(&name) {
                let outcome = log.after(|disk| put(disk, &name, one));
                outcomes.push((format!("{one} also as {name}"), outcome));
            }
        }
        for (and, other) in names.iter().enumerate().filter(|(and, _)| *and != at) {
            let copied = log.after(|disk| put(disk, other, one));
            outcomes.push((format!("{one} over {other}"), copied));
            let moved = log.after(|disk| {
                put(disk, other, one);
                remove(disk, one);
            });
            outcomes.push((format!("{one} moved to {other}"), moved));
            let both = log.after(|disk| {
                remove(disk, one);
                remove(disk, other);
            });
            outcomes.push((format!("{one} and {other} gone"), both));
            for third in names.iter().skip(and + 1).filter(|third| *third != one) {
                let turned = log.after(|disk| {
                    put(disk, other, one);
                    put(disk, third, other);
                    put(disk, one, third);
                });
                outcomes.push((format!("{one}, {other}, {third} turned"), turned));
            }
        }
    }
    let silent: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| !matches!(outcome, Outcome::Refused | Outcome::Reported))
        .collect();
    println!(
        "counted: segments gone, swapped, copied: {} cases, {} unnoticed",
        outcomes.len(),
        silent.len()
    );
    assert!(silent.is_empty(), "{silent:#?}");
}

//! Every single bit of a segment is flipped once.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use countersign_verifier::report::Verdict;
use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};

use super::folder::{Log, damage};

/// What is expected when a byte of the segment is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// Exactly this entry was changed.
    Record(u64),
    /// Something was.
    Any,
}

fn expectations(log: &Log, segment: u64) -> Vec<Expect> {
    let len = fs::read(log.segment_path(segment)).expect("readable").len();
    let mut expected = vec![Expect::Any; len];
    for at in log.commits.iter().filter(|at| at.segment == segment) {
        for (index, (start, len)) in (at.first..).zip(&at.records) {
            expected[*start..*start + *len].fill(Expect::Record(index));
        }
    }
    expected
}

/// Flips every `stride`-th bit in parallel, each worker in a copy of its own.
#[expect(clippy::print_stdout, reason = "a test says what it counted")]
fn flip_all(make: impl Fn() -> Log + Sync, segment: u64, bytes: Range<usize>, stride: usize) {
    let expected = expectations(&make(), segment);
    let (first, end) = (bytes.start * 8, bytes.end.min(expected.len()) * 8);
    let failed: Vec<String> = (first..end)
        .into_par_iter()
        .step_by(stride)
        .map_init(
            || {
                let log = make();
                let path = log.segment_path(segment);
                let file = fs::File::options().read(true).write(true).open(path);
                let file = file.expect("there");
                (log, file)
            },
            |(log, file), bit| {
                flip(file, bit);
                let report = log.verify();
                flip(file, bit);
                let right = match expected[bit / 8] {
                    Expect::Record(index) => damage(&report) == [("record-changed", Some(index))],
                    Expect::Any => report.verdict() == Verdict::Findings,
                };
                (!right).then(|| format!("bit {bit}: {:?}", report.findings))
            },
        )
        .flatten()
        .collect();
    println!(
        "counted: bits of a segment of {} bytes: {} flipped, {} without the right finding",
        expected.len(),
        (end - first).div_ceil(stride),
        failed.len()
    );
    let examples: Vec<_> = failed.iter().take(9).map(String::as_str).collect();
    assert!(failed.is_empty(), "{}", examples.join("\n"));
}

fn flip(file: &fs::File, bit: usize) {
    let mut byte = [0];
    let at = u64::try_from(bit / 8).expect("small");
    file.read_exact_at(&mut byte, at).expect("in range");
    byte[0] ^= 1 << (bit % 8);
    file.write_all_at(&byte, at).expect("room");
}

#[test]
fn every_bit_of_a_segment_is_guarded() {
    let make = || {
        let log = Log::of(&[&[1, 2]]);
        log.drop_tree();
        log
    };
    flip_all(make, 0, 0..usize::MAX, 1);
}

/// Every single bit in the long form, else some of all places in a byte.
#[test]
fn every_bit_of_a_segment_of_64_kib_is_found_at_its_entry() {
    let long = std::env::var_os("COUNTERSIGN_TEST_LONG").is_some_and(|value| value == "1");
    let make = || {
        let log = Log::of(&[&[1, 63, 64, 64, 64, 112]]);
        log.drop_tree();
        log.damage(0, |bytes| {
            assert!(
                (60 << 10..64 << 10).contains(&bytes.len()),
                "{}",
                bytes.len()
            );
            bytes.resize(64 << 10, 0);
        });
        log
    };
    flip_all(make, 0, 0..usize::MAX, if long { 1 } else { 127 });
}

#[test]
fn every_bit_of_a_later_header_is_guarded() {
    flip_all(|| Log::of(&[&[1], &[1]]), 1, 0..512, 1);
}

#[test]
fn no_bytes_make_the_verifier_panic() {
    // A cheap source of bytes that look like anything; the same in every run.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let log = Log::of(&[&[2, 3], &[1, 1]]);
    let names = ["head", "checkpoint", "IDENTITY", "tree/level-00"].map(|name| log.path(name));
    let files: Vec<_> = names
        .into_iter()
        .chain([0, 5].map(|first| log.segment_path(first)))
        .collect();
    for round in 0..400 {
        let path = &files[usize::try_from(random() % 6).expect("small")];
        let whole = fs::read(path).expect("readable");
        let mut bad = whole.clone();
        for _ in 0..1 + random() % 20 {
            let at = usize::try_from(random() % u64::try_from(bad.len()).expect("small"));
            let at = at.expect("small");
            let run = usize::try_from(random() % 64)
                .expect("small")
                .min(bad.len() - at);
            for byte in &mut bad[at..at + run] {
                *byte = if round % 3 == 0 {
                    0
                } else {
                    random().to_le_bytes()[0]
                };
            }
        }
        if round % 5 == 0 {
            let len = usize::try_from(random() % u64::try_from(bad.len()).expect("small"));
            bad.truncate(len.expect("small"));
        }
        fs::write(path, &bad).expect("written");
        let report = log.verify_with(&log.pinned());
        assert!(
            report.size <= 7 || report.verdict() == Verdict::Findings,
            "round {round}"
        );
        fs::write(path, &whole).expect("written");
    }
    assert_eq!(log.verify().verdict(), Verdict::Intact);
}

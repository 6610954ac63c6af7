//! What is measured: the verifier on a data folder, with a pinned key.

use std::path::Path;

use countersign_chain::key::VerifierKey;
use countersign_tests::watch::memory;
use countersign_verifier::check::{Request, check};
use countersign_verifier::report::Verdict;
use countersign_verifier::source::folder::Folder;

use crate::child::answer;
use crate::common::{now, since};

pub(crate) fn run(folder: &Path, key: &str) {
    let request = Request {
        key: Some(VerifierKey::parse(key).expect("a key")),
        ..Default::default()
    };
    let start = now();
    let mut source = Folder::open(folder, "main").expect("a log");
    let report = check(&mut source, &request, &mut |_step| {}).expect("a log");
    let took = since(start);
    assert_eq!(report.verdict(), Verdict::Intact);
    assert!(report.complete, "something is missing");
    tell(took, (report.checked.entries, report.checked.bytes));
}

/// Tells the parent how long it took, what there was, and the peak of memory.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) fn tell(took: f64, (entries, bytes): (u64, u64)) {
    let peak = memory(std::process::id(), "VmHWM");
    answer(
        "took",
        &[took / 1e3, entries as f64, bytes as f64, peak as f64],
    );
}

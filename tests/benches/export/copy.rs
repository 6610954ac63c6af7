//! What is measured: a native export of a folder, and the proof of it.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use countersign_chain::key::VerifierKey;
use countersign_export::native::Native;
use countersign_export::preset::Preset;
use countersign_verifier::check::{Request, check};
use countersign_verifier::export::{self, Order};
use countersign_verifier::report::Verdict;
use countersign_verifier::source::folder::Folder;
use countersign_verifier::source::parquet::Parquet;

use crate::common::{now, since};
use crate::subject::tell;

pub(crate) fn export(folder: &Path, key: &str, out: &Path) {
    let key = VerifierKey::parse(key).expect("a key");
    let start = now();
    let counts = walk(folder, &key, out, &Native::new(key.clone()));
    tell(since(start), counts);
}

/// Exports all entries; how many there were, and bytes of files.
pub(crate) fn walk<P: Preset>(
    folder: &Path,
    key: &VerifierKey,
    out: &Path,
    preset: &P,
) -> (u64, u64) {
    let request = request(key);
    let order = Order::whole(out, "main");
    let mut source = Folder::open(folder, "main").expect("a log");
    let stop = AtomicBool::new(false);
    let done = export::export(
        &mut source,
        (&order, &request),
        preset,
        &mut |_far| {},
        &stop,
    );
    let manifest = done.expect("a whole log").manifest.expect("entries");
    let bytes = manifest.files.iter().map(|file| file.bytes).sum();
    (manifest.rows, bytes)
}

pub(crate) fn prove(copy: &Path, key: &str) {
    let request = request(&VerifierKey::parse(key).expect("a key"));
    let start = now();
    let mut source = Parquet::open(copy).expect("an export");
    let report = check(&mut source, &request, &mut |_step| {}).expect("an export");
    let took = since(start);
    assert_eq!(report.verdict(), Verdict::Intact);
    tell(took, (report.checked.entries, report.checked.bytes));
}

fn request(key: &VerifierKey) -> Request {
    Request {
        key: Some(key.clone()),
        ..Default::default()
    }
}

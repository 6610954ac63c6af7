//! Whatever happens to the files, answers stay those of a scan and the index comes back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::samples::{Log, Random, Running, build, copy, files, origin, put_aside};
use crate::projections::Status;
use crate::store::LogStore;

/// Runs a projector over a damaged folder. Returns whether it was put aside.
async fn survives(folder: &Path, log: &Log) -> bool {
    let running = Running::start(folder, Arc::clone(&log.store) as Arc<dyn LogStore>);
    log.assert_answers(&running.projections);
    running.covers(log.size()).await;
    // Damage that only a reader meets is met here; after it the index is built anew.
    log.assert_answers(&running.projections);
    running.covers(log.size()).await;
    log.assert_answers(&running.projections);
    assert_ne!(running.projections.status(), Status::Stopped);
    running.stop();
    put_aside(folder) > 0
}

/// Damages copies of one index. Returns how many of them were put aside.
async fn trials(count: u64, harm: impl Fn(&Path, &mut Random)) -> u64 {
    let mut log = Log::new(9, origin());
    log.grow(5_000);
    let whole = tempfile::tempdir().expect("folder");
    build(whole.path(), &log).await;
    let mut aside = 0;
    for seed in 0..count {
        let folder = tempfile::tempdir().expect("folder");
        copy(whole.path(), folder.path());
        harm(&folder.path().join("projections"), &mut Random(seed));
        aside += u64::from(survives(folder.path(), &log).await);
    }
    aside
}

/// One of the files that are not empty.
fn pick(folder: &Path, random: &mut Random) -> (PathBuf, Vec<u8>) {
    let mut all: Vec<_> = files(folder)
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).expect("file")))
        .filter(|(_, bytes)| !bytes.is_empty())
        .collect();
    let at = random.below(u64::try_from(all.len()).expect("small"));
    all.swap_remove(usize::try_from(at).expect("small"))
}

fn position(bytes: &[u8], random: &mut Random) -> usize {
    let len = u64::try_from(bytes.len()).expect("small");
    usize::try_from(random.below(len)).expect("small")
}

#[tokio::test]
async fn flipped_bits() {
    let aside = trials(40, |folder, random| {
        let (path, mut bytes) = pick(folder, random);
        // Not in the padding, where a flip says nothing.
        let at = loop {
            let at = position(&bytes, random);
            if bytes[at] != 0 {
                break at;
            }
        };
        bytes[at] ^= 1 << random.below(8);
        std::fs::write(path, bytes).expect("file");
    })
    .await;
    assert!(aside > 0, "no flip was noticed");
}

#[tokio::test]
async fn cut_files() {
    let aside = trials(25, |folder, random| {
        let (path, mut bytes) = pick(folder, random);
        bytes.truncate(position(&bytes, random));
        std::fs::write(path, bytes).expect("file");
    })
    .await;
    assert!(aside > 0, "no cut was noticed");
}

#[tokio::test]
async fn zeroed_pages_and_lost_files() {
    trials(12, |folder, random| {
        let (path, mut bytes) = pick(folder, random);
        let start = position(&bytes, random) / 4_096 * 4_096;
        let end = bytes.len().min(start + 4_096);
        bytes[start..end].fill(0);
        std::fs::write(path, bytes).expect("file");
    })
    .await;
    trials(6, |folder, random| {
        std::fs::remove_file(pick(folder, random).0).expect("file");
    })
    .await;
}

#[tokio::test]
async fn things_that_are_no_index() {
    let aside = trials(1, |folder, _random| {
        std::fs::remove_dir_all(folder).expect("folder");
        std::fs::write(folder, b"a file").expect("file");
    })
    .await;
    assert_eq!(aside, 1);
    let aside = trials(1, |folder, _random| {
        std::fs::create_dir(folder.join("db-2")).expect("folder");
    })
    .await;
    assert_eq!(aside, 1);
}

//! What the ledger makes of the files of a log when it opens them. Input: changes of a good log.
#![no_main]

use std::sync::{Arc, LazyLock};

use countersign_chain::commit::LogHead;
use countersign_chain::frame::Nonce;
use countersign_chain::verify::{LogVerifier, examine};
use countersign_fuzz::input::Input;
use countersign_fuzz::log::{changed, image};
use countersign_fuzz::{make, seeds};
use countersign_ledger::fs::sim::SimFs;
use countersign_ledger::store::LogStore as _;
use countersign_ledger::store::segment::recover::{QUARANTINE, open};
use countersign_ledger::store::segment::{self, SegmentStore, Settings};
use libfuzzer_sys::fuzz_target;

/// The files of a good log.
type Files = Vec<(String, Vec<u8>)>;

/// Three segments, of which the last holds two commits that are not sealed.
static GOOD: LazyLock<Files> = LazyLock::new(|| image(&[&[1, 2], &[3], &[1, 1, 2]]));

fn plant() {
    countersign_fuzz::log::plant_changes(&GOOD);
    seeds::plant([Vec::new()]);
}

fn settings() -> Settings {
    Settings {
        origin: make::key().verifier().origin().clone(),
        key: make::key().verifier().clone(),
        segment_bytes: 65_536,
        nonce: |_first| Ok(Nonce([3; 16])),
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let files = changed(&GOOD, &mut input);
    let disk = SimFs::new();
    segment::create(&disk).expect("an empty disk");
    for (name, bytes) in &files {
        if name.starts_with("segments/") || name == "head" {
            disk.write_file(name, bytes).expect("room");
        }
    }
    let Ok((store, found)) = open(Arc::new(disk.clone()), settings()) else {
        assert!(files != *GOOD, "a good log is refused");
        return;
    };
    assert!(found.size >= found.floor, "sealed entries are gone");
    assert!(files != *GOOD || found.torn.is_none());
    let end = store.head().head;
    assert_eq!((end.size(), store.sealed().head.size()), (found.size, found.floor));
    walk(&store, found.floor);
    drop(store);
    // What was torn is put aside once.
    let (again, second) = open(Arc::new(disk.clone()), settings()).expect("it was open just now");
    assert_eq!((second.size, second.floor), (found.size, found.floor));
    assert_eq!(again.head().head, end);
    assert!(second.torn.is_none() || second.torn == found.torn, "torn twice: {QUARANTINE}");
});

/// What lies above the floor was read by recovery: it must be what the key signed.
fn walk(store: &SegmentStore, floor: u64) {
    let end = store.head().head;
    let mut verifier = LogVerifier::from_head(store.sealed().head);
    if floor == 0 {
        verifier = LogVerifier::from_head(LogHead::empty());
    }
    while verifier.head().size() < end.size() {
        let run = store
            .read(verifier.head().size(), 1 << 20)
            .expect("below the end");
        for frame in run.frames() {
            let frame = frame.expect("a frame that recovery accepted");
            if frame.first() < verifier.head().size() {
                continue;
            }
            let examined = examine(&frame, make::key().verifier());
            verifier
                .join(examined.expect("signed"))
                .expect("it follows");
        }
    }
    assert_eq!(*verifier.head(), end);
}

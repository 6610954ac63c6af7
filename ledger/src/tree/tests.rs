//! The tree files against the tree in memory, and after damage.

use std::convert::Infallible;

use countersign_chain::hash;
use countersign_chain::proof;
use countersign_chain::time::UnixMicros;

use super::*;
use crate::fs::real::RealFs;
use crate::fs::sim::{Errno, Fault, SimFs, Survive};

/// A tree in memory, whose proofs are the yardstick.
struct Reference {
    levels: Vec<Vec<Hash>>,
}

impl Reference {
    fn new(count: u32) -> Self {
        let mut levels = vec![leaves(0, count)];
        while levels[levels.len() - 1].len() > 1 {
            let below = &levels[levels.len() - 1];
            let pairs = below.chunks_exact(2);
            levels.push(pairs.map(|pair| hash::node(&pair[0], &pair[1])).collect());
        }
        Self { levels }
    }

    fn root(&self, size: u64) -> Hash {
        proof::root(size, self).expect("in memory")
    }

    fn head(&self, size: u64) -> LogHead {
        let mut frontier = Frontier::new();
        let count = usize::try_from(size).expect("small");
        self.levels[0][..count]
            .iter()
            .for_each(|leaf| frontier.push(*leaf));
        LogHead::new(frontier, UnixMicros::EPOCH, Hash::ZERO)
    }
}

impl HashReader for Reference {
    type Error = Infallible;
    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        Ok(self.levels[usize::from(level)][usize::try_from(index).expect("small")])
    }
}

fn leaves(from: u32, to: u32) -> Vec<Hash> {
    (from..to).map(|i| hash::leaf(&i.to_be_bytes())).collect()
}

fn sim() -> (SimFs, Arc<dyn Fs>) {
    let disk = SimFs::new();
    (disk.clone(), Arc::new(disk))
}

/// Feeds what is missing up to `size`, as the writer would, in steps of `step`.
fn feed(tree: &TreeStore, size: u32, step: u32) {
    let mut at = u32::try_from(tree.size()).expect("small");
    while at < size {
        let to = size.min(at + step);
        tree.append(u64::from(at), &leaves(at, to)).expect("room");
        at = to;
    }
}

/// Inclusion proofs and consistency proofs of one size, every `step`th, are those of the reference.
fn assert_proofs(tree: &TreeStore, reference: &Reference, size: u64, step: usize) {
    let root = reference.root(size);
    for at in (0..size).step_by(step) {
        let expected = proof::inclusion(at, size, reference).expect("in memory");
        let got = tree.inclusion(at, size, &root).expect("stored");
        assert_eq!(got, expected, "inclusion of {at} in {size}");
    }
    for old in (1..=size).step_by(step) {
        let expected = proof::consistency(old, size, reference).expect("in memory");
        let got = tree.consistency(old, size, &root).expect("stored");
        assert_eq!(got, expected, "consistency from {old} to {size}");
    }
}

#[test]
fn all_proofs_up_to_600_are_those_of_the_leaves() {
    let reference = Reference::new(600);
    let (_disk, fs) = sim();
    let tree = TreeStore::open(fs, &LogHead::empty()).expect("new");
    for size in 1..=600_u32 {
        feed(&tree, size, 1);
        let border = size % 256 <= 2 || size % 256 >= 254;
        if size <= 80 || border || size % 43 == 0 {
            assert_proofs(&tree, &reference, u64::from(size), 1);
        }
    }
    // Older sizes out of the larger tree.
    for size in (1..=600).step_by(61) {
        assert_proofs(&tree, &reference, size, 1);
    }
}

#[test]
fn levels_are_tiles_one_after_another_and_chunks_do_not_matter() {
    const COUNT: u32 = 66_200;
    let reference = Reference::new(COUNT);
    let folder = tempfile::tempdir().expect("folder");
    let fs: Arc<dyn Fs> = RealFs::open(folder.path()).expect("folder");
    let tree = TreeStore::open(fs, &LogHead::empty()).expect("new");
    for step in [1, 255, 256, 257, 1_024, 40_000] {
        let size = u32::try_from(tree.size()).expect("small");
        feed(&tree, COUNT.min(size + step * 2), step);
    }
    feed(&tree, COUNT, 1_000);
    for (position, level) in [0_usize, 8, 16].into_iter().enumerate() {
        let path = folder.path().join(level::path(position));
        let stored = std::fs::read(path).expect("stored");
        let expected: Vec<u8> = reference.levels[level]
            .iter()
            .flat_map(|hash| *hash.as_bytes())
            .collect();
        assert!(stored == expected, "level {level}");
    }
    let (size, root) = (u64::from(COUNT), reference.root(u64::from(COUNT)));
    for index in (0..size).step_by(997) {
        let expected = proof::inclusion(index, size, &reference).expect("in memory");
        assert_eq!(
            tree.inclusion(index, size, &root).expect("stored"),
            expected
        );
        let old = index + 1;
        let expected = proof::consistency(old, size, &reference).expect("in memory");
        assert_eq!(
            tree.consistency(old, size, &root).expect("stored"),
            expected
        );
    }
}

#[test]
fn questions_beyond_the_tree_are_refused_and_mark_nothing() {
    let reference = Reference::new(8);
    let (_disk, fs) = sim();
    let tree = TreeStore::open(fs, &LogHead::empty()).expect("new");
    feed(&tree, 8, 3);
    let root = reference.root(8);
    let refused = |error| matches!(error, Some(TreeError::OutOfRange { stored: 8, .. }));
    assert!(refused(tree.inclusion(8, 8, &root).err()));
    assert!(refused(tree.inclusion(0, 9, &root).err()));
    assert!(refused(tree.inclusion(u64::MAX, u64::MAX, &root).err()));
    assert!(refused(tree.consistency(0, 8, &root).err()));
    assert!(refused(tree.consistency(8, 9, &root).err()));
    assert!(refused(tree.consistency(5, 4, &root).err()));
    assert!(refused(tree.subtree(4, 0).err()));
    assert!(refused(tree.subtree(0, 8).err()));
    assert!(refused(tree.subtree(64, 0).err()));
    assert!(refused(tree.subtree(63, u64::MAX).err()));
    assert!(tree.append(9, &leaves(9, 10)).is_err());
    assert!(!tree.needs_rebuild());
    assert_proofs(&tree, &reference, 8, 1);
}

#[test]
fn two_who_feed_the_tree_add_each_leaf_once() {
    let reference = Reference::new(600);
    let (_disk, fs) = sim();
    let tree = TreeStore::open(fs, &LogHead::empty()).expect("new");
    for (from, to) in [
        (0, 300),
        (0, 300),
        (290, 310),
        (310, 310),
        (5, 9),
        (256, 600),
    ] {
        let appended = tree.append(u64::from(from), &leaves(from, to));
        appended.expect("nothing is missing before these");
    }
    assert_eq!(tree.size(), 600);
    assert!(tree.append(601, &leaves(601, 602)).is_err());
    tree.fell_behind(&io::Error::other("a gap"));
    assert!(tree.take_behind() && !tree.take_behind());
    assert_proofs(&tree, &reference, 600, 97);
}

#[test]
fn a_power_loss_at_any_call_leaves_a_tree_that_can_be_fed_to_the_end() {
    let reference = Reference::new(600);
    let run = |fs: Arc<dyn Fs>| -> io::Result<()> {
        let tree = TreeStore::open(fs, &reference.head(600))?;
        for (size, sync) in [(100, true), (300, false), (530, true), (600, false)] {
            let at = u32::try_from(tree.size()).expect("small");
            tree.append(u64::from(at), &leaves(at, size))?;
            if sync {
                tree.make_durable()?;
            }
        }
        Ok(())
    };
    let (disk, fs) = sim();
    run(fs).expect("no fault");
    let calls = disk.ops();
    assert!(calls > 10, "{calls}");
    for call in 0..calls {
        for survive in [
            Survive::Nothing,
            Survive::Everything,
            Survive::Random(7),
            Survive::Random(8),
        ] {
            let (disk, fs) = sim();
            let fault = if call % 2 == 0 {
                Fault::CrashBefore
            } else {
                Fault::CrashAfter
            };
            disk.fail_at(call, fault);
            assert!(run(fs).is_err(), "call {call}");
            let after: Arc<dyn Fs> = Arc::new(disk.crash_image(survive));
            let head = reference.head(600);
            let tree = TreeStore::open(after, &head).expect("opens");
            assert!([0, 100, 530].contains(&tree.size()), "{}", tree.size());
            feed(&tree, 600, 64);
            assert!(
                tree.confirm(&head).expect("readable"),
                "call {call} {survive:?}"
            );
            tree.make_durable().expect("room");
        }
    }
}

#[test]
fn a_clean_stop_keeps_everything_and_another_log_nothing() {
    let reference = Reference::new(600);
    let (_disk, fs) = sim();
    let tree = TreeStore::open(Arc::clone(&fs), &LogHead::empty()).expect("new");
    feed(&tree, 600, 64);
    tree.make_durable().expect("room");
    drop(tree);
    let tree = TreeStore::open(Arc::clone(&fs), &reference.head(600)).expect("opens");
    assert_eq!(tree.size(), 600);
    assert!(tree.confirm(&reference.head(600)).expect("readable"));
    assert_proofs(&tree, &reference, 600, 11);
    drop(tree);
    // A shorter log, and one that differs in its first entry.
    let tree = TreeStore::open(Arc::clone(&fs), &reference.head(599)).expect("opens");
    assert_eq!(tree.size(), 0);
    feed(&tree, 600, 600);
    tree.make_durable().expect("room");
    drop(tree);
    let mut other = Frontier::new();
    other.push(hash::leaf(b"other"));
    leaves(1, 600).iter().for_each(|leaf| other.push(*leaf));
    let other = LogHead::new(other, UnixMicros::EPOCH, Hash::ZERO);
    let tree = TreeStore::open(fs, &other).expect("opens");
    assert_eq!(tree.size(), 0);
}

#[test]
fn wrong_leaves_are_noticed_when_the_head_is_reached() {
    let reference = Reference::new(300);
    let (_disk, fs) = sim();
    let tree = TreeStore::open(fs, &reference.head(300)).expect("new");
    let mut wrong = leaves(0, 300);
    wrong[17] = hash::leaf(b"wrong");
    tree.append(0, &wrong).expect("room");
    assert!(!tree.confirm(&reference.head(300)).expect("readable"));
    assert_eq!(tree.size(), 0);
    feed(&tree, 299, 299);
    assert!(
        !tree.confirm(&reference.head(300)).expect("readable"),
        "one is missing"
    );
    assert_eq!(tree.size(), 299);
    feed(&tree, 300, 1);
    assert!(tree.confirm(&reference.head(300)).expect("readable"));
}

/// Does harm to a clean tree of 600 leaves, then reads, rebuilds where asked to, and compares.
fn survives(harm: impl Fn(&SimFs) -> io::Result<()>) {
    let reference = Reference::new(600);
    let head = reference.head(600);
    let root = reference.root(600);
    let (disk, fs) = sim();
    let tree = TreeStore::open(Arc::clone(&fs), &LogHead::empty()).expect("new");
    feed(&tree, 600, 64);
    tree.make_durable().expect("room");
    drop(tree);
    harm(&disk).expect("harm is done");
    let tree = TreeStore::open(Arc::clone(&fs), &head).expect("opens");
    feed(&tree, 600, 64);
    let mut failed = false;
    for index in (0..600).step_by(3) {
        let expected = proof::inclusion(index, 600, &reference).expect("in memory");
        match tree.inclusion(index, 600, &root) {
            Ok(got) => assert_eq!(got, expected, "index {index}"),
            Err(TreeError::Damaged { .. }) => failed = true,
            Err(error) => panic!("index {index}: {error}"),
        }
    }
    assert_eq!(tree.needs_rebuild(), failed);
    if failed {
        // What is damaged is not vouched for again.
        tree.make_durable().expect("writable");
        assert!(!fs.exists("tree/durable").expect("readable"));
        tree.reset().expect("writable");
        assert_eq!(tree.size(), 0);
        feed(&tree, 600, 64);
    }
    assert!(tree.confirm(&head).expect("readable"));
    tree.make_durable().expect("room");
    assert!(fs.exists("tree/durable").expect("readable"));
    assert_proofs(&tree, &reference, 600, 11);
}

#[test]
fn damaged_files_are_found_out_and_rebuilt() {
    const PATHS: [&str; 3] = ["tree/level-00", "tree/level-08", "tree/durable"];
    for path in PATHS {
        survives(|disk| disk.remove(path));
        for len in [0, 1, 31, 32, 47, 63, 8_192, 16_384, 19_199] {
            survives(|disk| {
                let whole = disk.read_file(path)?.len();
                disk.truncate(path, len.min(u64::try_from(whole).unwrap_or(0)))
            });
        }
        for step in 0..24_u64 {
            survives(|disk| {
                let bits = u64::try_from(disk.read_file(path)?.len()).unwrap_or(0) * 8;
                disk.flip_bit(path, (step * 6_151 + 13) % bits)
            });
        }
    }
    survives(|disk| disk.write_file("tree/durable.tmp", b"left behind"));
}

#[test]
fn a_failed_sync_asks_for_a_rebuild_and_a_failed_write_changes_nothing() {
    let reference = Reference::new(600);
    let (disk, fs) = sim();
    let tree = TreeStore::open(Arc::clone(&fs), &LogHead::empty()).expect("new");
    feed(&tree, 300, 300);
    disk.fail_at(disk.ops(), Fault::NotStored(Errno::IO));
    assert!(tree.append(300, &leaves(300, 600)).is_err());
    assert_eq!(tree.size(), 300);
    assert!(!tree.needs_rebuild());
    feed(&tree, 600, 300);
    disk.fail_at(disk.ops(), Fault::NotStored(Errno::IO));
    assert!(tree.make_durable().is_err());
    assert!(tree.needs_rebuild());
    // Proofs that hold are still given; nothing is vouched for.
    assert_proofs(&tree, &reference, 600, 11);
    tree.make_durable().expect("removes the mark");
    assert!(!fs.exists("tree/durable").expect("readable"));
}

#[test]
fn readers_prove_while_the_writer_appends() {
    let reference = Reference::new(3_000);
    let (_disk, fs) = sim();
    let tree = TreeStore::open(fs, &LogHead::empty()).expect("new");
    std::thread::scope(|scope| {
        for reader in 0..2_u64 {
            let (tree, reference) = (&tree, &reference);
            scope.spawn(move || {
                let mut turn = reader;
                while tree.size() < 3_000 {
                    let size = tree.size();
                    if size > 0 {
                        let index = turn % size;
                        let root = reference.root(size);
                        tree.inclusion(index, size, &root).expect("holds");
                    }
                    turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                }
            });
        }
        feed(&tree, 3_000, 7);
    });
    assert!(!tree.needs_rebuild());
}

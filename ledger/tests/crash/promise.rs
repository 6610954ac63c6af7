//! Holds a disk to what its log promised, and counts.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::sync::Arc;

use countersign_chain::hash::{self, Hash};
use countersign_ledger::fs::sim::{SimFs, Survive};
use countersign_ledger::store::segment::SegmentStore;
use countersign_ledger::store::segment::recover::{self, OpenError, Recovery};
use countersign_ledger::store::{LogStore, Space};

use super::script::{History, commit, open, to_usize};

/// How a promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Something acknowledged is not there.
    Lost,
    /// Something else is there.
    Wrong,
    /// The log cannot be opened, or does not go on.
    Refused,
}

/// A promise that was broken, and how.
#[derive(Debug)]
pub(crate) struct Broken(Kind, String);

#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` gives the error away"
)]
fn lost(why: impl ToString) -> Broken {
    Broken(Kind::Lost, why.to_string())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` gives the error away"
)]
fn wrong(why: impl ToString) -> Broken {
    Broken(Kind::Wrong, why.to_string())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` gives the error away"
)]
fn refused(why: impl ToString) -> Broken {
    Broken(Kind::Refused, why.to_string())
}

/// What a test counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) images: usize,
    pub(crate) lost: usize,
    pub(crate) wrong: usize,
    pub(crate) refused: usize,
    /// The first few that went wrong.
    examples: Vec<String>,
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            lost,
            wrong,
            refused,
            ..
        } = self;
        write!(
            f,
            "{lost} acknowledged lost, {wrong} silently wrong, {refused} refused"
        )
    }
}

impl Tally {
    pub(crate) fn count<T>(&mut self, result: Result<T, Broken>, case: impl FnOnce() -> String) {
        self.images += 1;
        if let Err(Broken(kind, why)) = result {
            match kind {
                Kind::Lost => self.lost += 1,
                Kind::Wrong => self.wrong += 1,
                Kind::Refused => self.refused += 1,
            }
            if self.examples.len() < 5 {
                self.examples.push(format!("{}: {kind:?}: {why}", case()));
            }
        }
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.images += other.images;
        self.lost += other.lost;
        self.wrong += other.wrong;
        self.refused += other.refused;
        self.examples.extend(other.examples);
        self
    }

    #[track_caller]
    pub(crate) fn assert_kept(&self) {
        let broken = self.lost + self.wrong + self.refused;
        assert_eq!(
            broken,
            0,
            "{self:?}, for example:\n{}",
            self.examples.join("\n")
        );
    }
}

/// What opening a disk found, once it was held to the promises.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) size: u64,
    /// What stands in quarantine and was not told.
    pub(crate) pending: Vec<recover::Torn>,
}

/// Opens a disk after a crash, holds it to the promises, and lets the log go on.
pub(crate) fn hold(
    disk: &Arc<SimFs>,
    segment_bytes: u64,
    history: &History,
) -> Result<Found, Broken> {
    let (store, recovery) = start(disk, segment_bytes)?;
    let size = store.head().head.size();
    let found = to_usize(size);
    let (acknowledged, tried) = (history.acknowledged, history.tried.len());
    if found < acknowledged {
        return Err(lost(format!("{found} of {acknowledged} entries")));
    }
    if found > tried {
        return Err(wrong(format!("{found} entries of {tried}")));
    }
    if to_usize(recovery.floor) < history.sealed || recovery.floor > size {
        let (floor, sealed) = (recovery.floor, history.sealed);
        return Err(lost(format!("floor {floor}, sealed {sealed}, size {size}")));
    }
    same(&store, &history.tried[..found])?;
    let pending = recover::pending(disk.as_ref()).map_err(refused)?;
    if recovery.torn.is_some_and(|torn| !pending.contains(&torn)) {
        return Err(lost("what was torn is not in quarantine"));
    }
    // The log goes on, and stays.
    let epoch = store.fence().map_err(refused)?;
    let mut more = commit(&store.head().head, 2, b"after the crash");
    store
        .append(epoch, &mut more, Space::Common)
        .map_err(refused)?;
    let sealed = store.seal().map_err(refused)?.head.size();
    drop(store);
    let later = Arc::new(disk.crash_image(Survive::Nothing));
    let (store, recovery) = open(&later, segment_bytes).map_err(refused)?;
    if (store.head().head.size(), recovery.floor) != (sealed, sealed) {
        return Err(lost(format!("then {recovery:?} of {sealed}")));
    }
    if let Some(torn) = recovery.torn {
        return Err(wrong(format!("{torn:?} after an orderly end")));
    }
    let all = [&history.tried[..found], more.leaves()].concat();
    same(&store, &all)?;
    Ok(Found { size, pending })
}

/// Opens a disk. One that is full may need room first, for what is torn is kept.
fn start(disk: &Arc<SimFs>, segment_bytes: u64) -> Result<(SegmentStore, Recovery), Broken> {
    let opened = match open(disk, segment_bytes) {
        Err(OpenError::Io { error, .. }) if error.kind() == io::ErrorKind::StorageFull => {
            disk.set_capacity(1 << 30);
            open(disk, segment_bytes)
        }
        opened => opened,
    };
    disk.set_capacity(1 << 30);
    opened.map_err(refused)
}

/// Whether the entries of a log are these.
fn same(store: &SegmentStore, expected: &[Hash]) -> Result<(), Broken> {
    let head = store.head();
    let last = expected.last().copied().unwrap_or(Hash::ZERO);
    let signed = head.checkpoint.map_or(0, |checkpoint| checkpoint.size());
    if to_usize(signed) != expected.len() || head.head.last_leaf() != last {
        return Err(wrong("the head is that of another log"));
    }
    let mut rest = expected;
    while !rest.is_empty() {
        let next = u64::try_from(expected.len() - rest.len()).expect("small");
        let run = store.read(next, 1 << 20).map_err(lost)?;
        for frame in run.frames() {
            for record in frame.map_err(lost)?.records() {
                match rest.split_first() {
                    Some((leaf, more)) if hash::leaf(record) == *leaf => rest = more,
                    _ => {
                        let index = expected.len() - rest.len();
                        return Err(wrong(format!("entry {index} is another")));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whether the long form of the tests was asked for.
pub(crate) fn is_long() -> bool {
    std::env::var_os("COUNTERSIGN_TEST_LONG").is_some_and(|value| value == "1")
}

/// Parts of so many pending changes that may survive: all parts where they are at most `most`, else
/// the regular ones and `most` random ones.
pub(crate) fn survivors(pending: usize, most: u64) -> Vec<Survive> {
    match Survive::subsets(pending) {
        Some(subsets) if 1 << pending <= most => subsets.collect(),
        Some(_) | None => Survive::sample(pending, 0..most),
    }
}

impl Found {
    /// Whether a second crash left what one would have: the same entries, and everything that was
    /// torn still in quarantine.
    pub(crate) fn is_left_by(&self, twice: &Self) -> Result<(), Broken> {
        let missing = |torn: &&recover::Torn| !twice.pending.contains(torn);
        if self.size != twice.size || self.pending.iter().any(|torn| missing(&torn)) {
            return Err(wrong(format!("{twice:?} instead of {self:?}")));
        }
        Ok(())
    }
}

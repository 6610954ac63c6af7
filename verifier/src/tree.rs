//! The stored tree hashes of a folder: compared with the entries, and asked for help where entries
//! are damaged. They are derived and signed by nobody; what they say counts only where it leads to
//! a signed root.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use countersign_chain::hash::{self, Hash};
use countersign_chain::run::Run;
use countersign_chain::tree::Frontier;

use crate::finding::{Code, Findings};

/// Levels between two files: `level-00`, `level-08` and so on.
const STEP: u32 = 8;
/// Files that can exist: a tree has at most 63 levels.
const FILES: usize = 8;
/// Bytes of a hash.
const HASH: usize = 32;

/// Whether the hashes of a level are stored.
pub(crate) const fn is_stored(level: u32) -> bool {
    level.is_multiple_of(STEP)
}

fn path_of(folder: &Path, level: u32) -> PathBuf {
    folder.join(format!("level-{level:02}"))
}

/// One file that is compared.
#[derive(Debug)]
struct Level {
    level: u32,
    /// `None` behind the last stored hash.
    reader: Option<BufReader<File>>,
    /// What was read last.
    stored: Vec<u8>,
    position: u64,
    wrong: u64,
    first_wrong: Option<u64>,
}

impl Level {
    fn open(folder: &Path, level: u32) -> Self {
        Self {
            level,
            reader: File::open(path_of(folder, level)).ok().map(BufReader::new),
            stored: Vec::new(),
            position: 0,
            wrong: 0,
            first_wrong: None,
        }
    }

    /// Compares the next stored hashes; how many there were.
    fn compare(&mut self, hashes: &[Hash]) -> u64 {
        let Some(reader) = &mut self.reader else {
            return 0;
        };
        self.stored.clear();
        let len = hashes.len().saturating_mul(HASH);
        let limit = u64::try_from(len).unwrap_or(u64::MAX);
        // What was read before an error is there all the same.
        let whole = reader.take(limit).read_to_end(&mut self.stored).is_ok();
        let mut ended = !whole || self.stored.len() < len;
        let mut compared = 0_u64;
        for (stored, hash) in self.stored.as_chunks::<HASH>().0.iter().zip(hashes) {
            // A file that is behind the log, or room that was only reserved, is no damage: both
            // are written later.
            if *stored == [0; HASH] {
                ended = true;
                break;
            }
            if stored != hash.as_bytes() {
                self.wrong = self.wrong.saturating_add(1);
                self.first_wrong.get_or_insert(self.position);
            }
            self.position = self.position.saturating_add(1);
            compared = compared.saturating_add(1);
        }
        if ended {
            self.reader = None;
        }
        compared
    }
}

/// The folder `tree`, compared entry by entry.
#[derive(Debug)]
pub(crate) struct StoredTree {
    folder: PathBuf,
    leaves: Option<File>,
    frontier: Frontier,
    levels: Vec<Level>,
    comparing: bool,
    compared: u64,
}

impl StoredTree {
    pub(crate) fn open(folder: &Path) -> Self {
        let levels = (0_u32..).step_by(8).take(FILES);
        Self {
            folder: folder.to_owned(),
            leaves: File::open(path_of(folder, 0)).ok(),
            frontier: Frontier::new(),
            levels: levels.map(|level| Level::open(folder, level)).collect(),
            comparing: true,
            compared: 0,
        }
    }

    /// Number of hashes that were compared.
    pub(crate) const fn compared(&self) -> u64 {
        self.compared
    }

    /// Compares what this entry completes.
    pub(crate) fn push(&mut self, leaf: Hash) {
        if !self.comparing {
            return;
        }
        let (levels, mut compared) = (&mut self.levels, 0_u64);
        self.frontier.push_with(leaf, &mut |level, hash| {
            compared = compared.saturating_add(compare(levels, level, &[hash]));
        });
        self.compared = self.compared.saturating_add(compared);
    }

    /// Compares what the entries of a commit complete: their leaf hashes, and `inside`, the stored
    /// subtrees that they make by themselves.
    pub(crate) fn append(&mut self, run: &Run, leaves: &[Hash], inside: &[(u32, Hash)]) {
        if !self.comparing {
            return;
        }
        let levels = &mut self.levels;
        let mut compared = compare(levels, 0, leaves);
        // Of each level, what the first entries complete comes before what is inside the commit.
        let appended = self.frontier.append(run, &mut |level, hash| {
            compared = compared.saturating_add(compare(levels, level, &[hash]));
        });
        for (level, hash) in inside {
            compared = compared.saturating_add(compare(levels, *level, &[*hash]));
        }
        self.compared = self.compared.saturating_add(compared);
        self.comparing = appended.is_ok();
    }

    /// Stops comparing: leaf hashes are not known any more.
    pub(crate) const fn stop(&mut self) {
        self.comparing = false;
    }

    /// Leaf hashes as they are stored.
    pub(crate) fn leaves(&self, first: u64, count: usize) -> Option<Vec<Hash>> {
        let bytes = read(self.leaves.as_ref()?, first, count)?;
        Some(hashes(&bytes))
    }

    /// The tree of the first `size` entries, by the stored hashes.
    pub(crate) fn frontier(&self, size: u64) -> Option<Frontier> {
        let mut parts = Vec::new();
        let mut start = 0_u64;
        for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
            parts.push(self.subtree(start >> level, level)?);
            start = start.saturating_add(1 << level);
        }
        Frontier::from_hashes(size, parts).ok()
    }

    /// Root of a complete subtree, from the file at or below its level.
    fn subtree(&self, index: u64, level: u32) -> Option<Hash> {
        let above = level.checked_rem(STEP)?;
        let file = File::open(path_of(&self.folder, level.saturating_sub(above))).ok()?;
        let count = 1_usize.checked_shl(above)?;
        let mut row = hashes(&read(&file, index.checked_shl(above)?, count)?);
        while row.len() > 1 {
            row = row
                .as_chunks::<2>()
                .0
                .iter()
                .map(|[left, right]| hash::node(left, right))
                .collect();
        }
        row.first().copied()
    }

    /// One note for each file with wrong hashes.
    pub(crate) fn report(&self, findings: &mut Findings) {
        for level in &self.levels {
            let Some(first) = level.first_wrong else {
                continue;
            };
            let leaf = first.checked_shl(level.level);
            let text = format!(
                "tree/level-{:02}: {} hashes are wrong, hash {first} is the first",
                level.level, level.wrong
            );
            findings.add(Code::TreeDamaged, leaf, text);
        }
    }
}

/// Compares hashes of one level with the next ones that are stored, if that level is; how many
/// there were.
fn compare(levels: &mut [Level], level: u32, hashes: &[Hash]) -> u64 {
    let file = levels.iter_mut().find(|file| file.level == level);
    file.map_or(0, |file| file.compare(hashes))
}

fn read(file: &File, first: u64, count: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; count.checked_mul(32)?];
    file.read_exact_at(&mut bytes, first.checked_mul(32)?)
        .ok()?;
    Some(bytes)
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    let (chunks, _) = bytes.as_chunks::<32>();
    chunks
        .iter()
        .map(|chunk| Hash::from_bytes(*chunk))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the stored hashes of these leaves, of which some are wrong, and as many of
    /// each file as are told.
    fn folder(leaves: &[Hash], wrong: &[(u32, usize)], kept: [usize; 2]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("room");
        let mut files = [Vec::new(), Vec::new()];
        let mut tree = Frontier::new();
        for leaf in leaves {
            tree.push_with(*leaf, &mut |level, hash| match level {
                0 => files[0].push(*hash.as_bytes()),
                8 => files[1].push(*hash.as_bytes()),
                _ => {}
            });
        }
        for (level, position) in wrong {
            files[*level as usize / 8][*position][31] ^= 1;
        }
        for (level, (hashes, kept)) in [0, 8].into_iter().zip(files.iter().zip(kept)) {
            let mut bytes = hashes.as_flattened().to_vec();
            bytes.truncate(kept);
            // Room that was only reserved.
            bytes.resize(bytes.len() + 320, 0);
            std::fs::write(path_of(folder.path(), level), bytes).expect("room");
        }
        folder
    }

    /// Everything that a comparison found.
    fn found(tree: &StoredTree) -> (u64, Vec<String>) {
        let mut findings = Findings::default();
        tree.report(&mut findings);
        let notes = findings.notes().iter().map(|note| note.message.clone());
        (tree.compared(), notes.collect())
    }

    #[test]
    fn a_commit_at_a_time_is_compared_like_an_entry_at_a_time() {
        let leaves: Vec<Hash> = (0..2_000u32)
            .map(|i| hash::leaf(&i.to_be_bytes()))
            .collect();
        let all: &[(u32, usize)] = &[(0, 0), (0, 777), (0, 1_999), (8, 1), (8, 4), (8, 6)];
        let whole = [64_000, 224];
        let cases = [
            (&all[..0], whole),
            (all, whole),
            (&all[2..4], whole),
            (&all[4..], [32_000, 100]),
            (&all[1..], [31_990, 0]),
        ];
        for (wrong, kept) in cases {
            let folder = folder(&leaves, wrong, kept);
            let mut single = StoredTree::open(folder.path());
            leaves.iter().for_each(|leaf| single.push(*leaf));
            for size in [1, 2, 3, 37, 255, 256, 257, 600, 1_024, 2_000] {
                let mut tree = StoredTree::open(folder.path());
                for (number, group) in leaves.chunks(size).enumerate() {
                    let mut inside = Vec::new();
                    let first = u64::try_from(number * size).expect("small");
                    let run = Run::new(first, group, &mut |level, hash| {
                        if is_stored(level) {
                            inside.push((level, hash));
                        }
                    });
                    tree.append(&run, group, &inside);
                }
                assert_eq!(found(&tree), found(&single), "{size} at a time, {wrong:?}");
            }
            let (compared, notes) = found(&single);
            assert_eq!(wrong.is_empty(), notes.is_empty());
            assert!(compared > 900, "{compared} were compared");
        }
    }
}

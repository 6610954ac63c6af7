//! Evidence that stands alone: the bytes, checkpoints and proofs of a contradiction, with a text
//! that says how to check them without the log, the ledger or this program.

use std::fs;
use std::io;
use std::path::Path;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::{self, Hash};
use countersign_chain::key::VerifierKey;
use countersign_chain::proof::{self, HashReader};
use countersign_chain::tlog_proof::TlogProof;
use countersign_chain::tree::Frontier;

use crate::finding::Code;

/// Pieces of evidence that are kept; a log with more is ruined, and the first ones show it.
const MAX_EXHIBITS: usize = 64;
/// Bytes of all pieces together.
const MAX_BYTES: usize = 64 * 1_048_576;

/// Evidence of one finding.
#[derive(Debug, Clone)]
pub struct Exhibit {
    /// What it shows.
    pub code: Code,
    /// Entry that it is about.
    pub index: Option<u64>,
    /// Files, by name.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// What the files show and how to check it.
    pub how: String,
}

/// Evidence so far; bounded.
#[derive(Debug, Default)]
pub struct Evidence {
    exhibits: Vec<Exhibit>,
    bytes: usize,
}

impl Evidence {
    /// Keeps a piece of evidence, as long as there is room.
    pub(crate) fn add(&mut self, exhibit: Exhibit) {
        let size = exhibit.files.iter().map(|(_, bytes)| bytes.len());
        let bytes = size.fold(self.bytes, usize::saturating_add);
        if self.exhibits.len() < MAX_EXHIBITS && bytes <= MAX_BYTES {
            self.bytes = bytes;
            self.exhibits.push(exhibit);
        }
    }

    /// All pieces.
    #[must_use]
    pub fn exhibits(&self) -> &[Exhibit] {
        &self.exhibits
    }

    /// Writes each piece into a folder of its own below `folder`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, folder: &Path, key: &VerifierKey) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for (number, exhibit) in (1_usize..).zip(&self.exhibits) {
            let code = exhibit.code.code();
            let name = match exhibit.index {
                Some(index) => format!("{number:03}-{code}-{index}"),
                None => format!("{number:03}-{code}"),
            };
            let place = folder.join(name);
            fs::create_dir_all(&place)?;
            for (file, bytes) in &exhibit.files {
                fs::write(place.join(file), bytes)?;
            }
            fs::write(place.join("README.txt"), exhibit.readme(key))?;
        }
        Ok(())
    }
}

impl Exhibit {
    fn readme(&self, key: &VerifierKey) -> String {
        let mut text = format!(
            "Finding: {}{}\nMeaning: {}\nOrigin: {}\nKey: {key}\n\n{}\n\nFiles:\n",
            self.code.code(),
            self.index
                .map(|index| format!(", entry {index}"))
                .unwrap_or_default(),
            self.code.meaning(),
            key.origin(),
            self.how
        );
        for (name, bytes) in &self.files {
            text.push_str(&format!(
                "  {name}: {} bytes, SHA-256 {}\n",
                bytes.len(),
                hash::digest(bytes)
            ));
        }
        text.push_str(
            "\nCheckpoints are C2SP tlog-checkpoints: notes whose first line is the origin, \
             whose\n\
             second is the number of entries and whose third is their RFC 6962 root. \
             Any tool for C2SP\n\
             signed notes checks them with the key above. The formats are in docs/format.md.\n",
        );
        text
    }
}

/// The tree behind a commit: complete subtrees before it, and its own leaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommitTree<'a> {
    pub(crate) before: &'a Frontier,
    pub(crate) leaves: &'a [Hash],
}

/// A subtree that is not there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Absent;

impl HashReader for CommitTree<'_> {
    type Error = Absent;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Absent> {
        let start = index.checked_shl(u32::from(level)).ok_or(Absent)?;
        let before = self.before.size();
        if start < before
            && let Some(hash) = self.complete(level, start)
        {
            return Ok(hash);
        }
        if let Some(below) = level.checked_sub(1) {
            let left = index.checked_mul(2).ok_or(Absent)?;
            let right = self.subtree(below, left.saturating_add(1))?;
            return Ok(hash::node(&self.subtree(below, left)?, &right));
        }
        let position = start.checked_sub(before).ok_or(Absent)?;
        let position = usize::try_from(position).map_err(|_too_far| Absent)?;
        self.leaves.get(position).copied().ok_or(Absent)
    }
}

impl CommitTree<'_> {
    /// The complete subtree before the commit that starts at this leaf, when it has this level.
    fn complete(&self, level: u8, start: u64) -> Option<Hash> {
        let size = self.before.size();
        let mut hashes = self.before.hashes().iter();
        let mut at = 0_u64;
        for bit in (0..u64::BITS).rev().filter(|bit| size >> bit & 1 == 1) {
            let hash = hashes.next()?;
            if at == start && bit == u32::from(level) {
                return Some(*hash);
            }
            at = at.saturating_add(1 << bit);
        }
        None
    }
}

/// Evidence that an entry is not the one that was signed.
pub(crate) fn changed_record(
    index: u64,
    record: &[u8],
    leaf: &Hash,
    tree: CommitTree<'_>,
    checkpoint: &SignedCheckpoint,
) -> Exhibit {
    let got = hash::leaf(record);
    let mut files = vec![
        ("record.bin", record.to_vec()),
        ("checkpoint", checkpoint.text().as_bytes().to_vec()),
    ];
    let mut how = format!(
        "record.bin is entry {index} as it is stored. \
         Its leaf hash, SHA-256(0x00 | record.bin), is\n{got}\n\
         The log signed another one:\n{leaf}\n"
    );
    if let Ok(hashes) = proof::inclusion(index, checkpoint.size(), &tree) {
        let proof = TlogProof {
            index,
            hashes,
            checkpoint: checkpoint.text().to_owned(),
        };
        files.push(("entry.tlog-proof", proof.to_text().into_bytes()));
        how.push_str(
            "entry.tlog-proof (C2SP tlog-proof) proves the second hash under the checkpoint.",
        );
    }
    Exhibit {
        code: Code::RecordChanged,
        index: Some(index),
        files,
        how,
    }
}

//! C2SP tlog-proof: an inclusion proof with its checkpoint, as one text (docs/format.md, section
//! 10).

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::hash::Hash;
use crate::key::VerifierKey;
use crate::limits::{MAX_PROOF, MAX_U63};
use crate::proof::{self, ProofError};

/// First line.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Why a text is no proof, or proves nothing about the entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Not of the form.
    #[error("not a tlog-proof: {0}")]
    BadForm(&'static str),
    /// The checkpoint is wrong.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes lead elsewhere.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl TlogProofError {
    /// Stable code, as in docs/format.md.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadForm(_) => "bad-proof",
            Self::Checkpoint(error) => error.code(),
            Self::Proof(error) => error.code(),
        }
    }
}

/// A proof that was taken apart but not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Index of the entry.
    pub index: u64,
    /// Siblings from the leaf up.
    pub hashes: Vec<Hash>,
    /// Signed checkpoint, as text.
    pub checkpoint: String,
}

impl TlogProof {
    /// Writes the text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\nindex {}\n", self.index);
        for hash in &self.hashes {
            text.push_str(&hash.to_base64());
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Reads a text; an `extra` line is allowed and not authenticated.
    ///
    /// # Errors
    /// [`TlogProofError::BadForm`].
    pub fn parse(text: &str) -> Result<Self, TlogProofError> {
        let (proof, checkpoint) = text
            .split_once("\n\n")
            .ok_or(TlogProofError::BadForm("no empty line"))?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(TlogProofError::BadForm(
                "first line is not c2sp.org/tlog-proof@v1",
            ));
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(|text| text.parse::<u64>().ok().filter(|n| n.to_string() == text))
            .filter(|index| *index <= MAX_U63)
            .ok_or(TlogProofError::BadForm("no index line"))?;
        let hashes: Option<Vec<Hash>> = lines.map(Hash::parse_base64).collect();
        let hashes = hashes.ok_or(TlogProofError::BadForm("a hash is not base64 of 32 bytes"))?;
        if hashes.len() > MAX_PROOF {
            return Err(TlogProofError::BadForm("more than 64 hashes"));
        }
        Ok(Self {
            index,
            hashes,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// Checks that the key's owner signed a tree that has `leaf` at the index.
    ///
    /// # Errors
    /// [`TlogProofError`] for a wrong checkpoint or proof.
    pub fn verify(
        &self,
        leaf: &Hash,
        key: &VerifierKey,
    ) -> Result<SignedCheckpoint, TlogProofError> {
        let checkpoint = SignedCheckpoint::open(&self.checkpoint, key)?;
        let (size, root) = (checkpoint.size(), checkpoint.root());
        proof::verify_inclusion(leaf, self.index, size, &self.hashes, &root)?;
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;

    #[test]
    fn a_proof_is_written_line_by_line_and_read_back() {
        let proof = TlogProof {
            index: 7,
            hashes: vec![Hash::ZERO, hash::empty_root()],
            checkpoint: "example.com/log\n8\nroot\n\n\u{2014} example.com/log sig\n".to_owned(),
        };
        let text = "c2sp.org/tlog-proof@v1\n\
                    index 7\n\
                    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\
                    47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\
                    \n\
                    example.com/log\n8\nroot\n\n\u{2014} example.com/log sig\n";
        assert_eq!(proof.to_text(), text);
        assert_eq!(TlogProof::parse(text), Ok(proof));
    }
}

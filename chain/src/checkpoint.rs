//! C2SP tlog-checkpoint: the signed size and root of a log (docs/format.md, section 6).

use crate::hash::Hash;
use crate::key::{KeyId, SigningKey, VerifierKey};
use crate::limits::MAX_U63;
use crate::note::{self, Note, NoteError};
use crate::origin::Origin;

/// Why a text is no checkpoint of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a note, or not signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A note, but no checkpoint.
    #[error("not a checkpoint: {0}")]
    BadText(&'static str),
    /// Of another log.
    #[error("checkpoint is of origin {got}; expected {expected}")]
    WrongOrigin {
        /// Origin of the key.
        expected: String,
        /// Origin in the text.
        got: String,
    },
}

impl CheckpointError {
    /// Stable code, as in docs/format.md.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Note(NoteError::BadForm(_)) | Self::BadText(_) => "bad-note",
            Self::Note(NoteError::BadSignature(_)) => "bad-signature",
            Self::Note(NoteError::NoKnownSignature(_)) => "no-known-signature",
            Self::WrongOrigin { .. } => "wrong-origin",
        }
    }
}

/// Size and root of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: Origin,
    /// Number of entries.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            self.root.to_base64()
        )
    }

    /// The note with this one signature, as [`SignedCheckpoint::open`] takes it. Nothing is
    /// checked.
    #[must_use]
    pub fn to_note(&self, id: KeyId, signature: &[u8; 64]) -> String {
        note::signed(&self.to_text(), &self.origin, id, signature)
    }

    /// Reads a note without checking who signed it, to learn what it claims.
    ///
    /// # Errors
    /// [`CheckpointError`] when it is not of the form.
    pub fn peek(note: &str) -> Result<Self, CheckpointError> {
        Self::from_text(Note::parse(note)?.text)
    }

    fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split('\n');
        let mut next = || lines.next().unwrap_or_default();
        let (origin, size, root, end) = (next(), next(), next(), next());
        let origin = Origin::parse(origin)
            .map_err(|_why| CheckpointError::BadText("first line is no origin"))?;
        // A number is taken only if printing it again gives the same text.
        let number = size
            .parse::<u64>()
            .ok()
            .filter(|number| *number <= MAX_U63 && number.to_string() == size)
            .ok_or(CheckpointError::BadText("second line is no size"))?;
        let root = Hash::parse_base64(root).ok_or(CheckpointError::BadText(
            "third line is no base64 of 32 bytes",
        ))?;
        if !end.is_empty() || lines.next().is_some() {
            return Err(CheckpointError::BadText("more than three lines"));
        }
        Ok(Self {
            origin,
            size: number,
            root,
        })
    }
}

/// A checkpoint whose signature by the log was made or checked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: String,
    signer: KeyId,
    signature: [u8; 64],
}

impl SignedCheckpoint {
    /// Signs size and root under the key's own origin.
    #[must_use]
    pub fn sign(size: u64, root: Hash, key: &SigningKey) -> Self {
        let origin = key.verifier().origin().clone();
        let checkpoint = Checkpoint { origin, size, root };
        let signature = key.sign(checkpoint.to_text().as_bytes());
        let signer = key.verifier().id();
        Self {
            note: checkpoint.to_note(signer, &signature),
            checkpoint,
            signer,
            signature,
        }
    }

    /// Reads a note and verifies that the key's owner signed it.
    ///
    /// # Errors
    /// [`CheckpointError`] for a wrong form, origin or signature.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let parsed = Note::parse(note)?;
        let checkpoint = Checkpoint::from_text(parsed.text)?;
        if checkpoint.origin != *key.origin() {
            return Err(CheckpointError::WrongOrigin {
                expected: key.origin().to_string(),
                got: checkpoint.origin.to_string(),
            });
        }
        let signature = parsed.verify(key)?;
        Ok(Self {
            checkpoint,
            note: note.to_owned(),
            signer: key.id(),
            signature,
        })
    }

    /// What was signed.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Root over them.
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.checkpoint.root
    }

    /// Id of the log's key that signed it.
    #[must_use]
    pub const fn signer(&self) -> KeyId {
        self.signer
    }

    /// The Ed25519 signature of the log.
    #[must_use]
    pub const fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// The whole note.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.note
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;

    #[test]
    fn a_note_is_built_again_from_what_was_signed_and_the_signature() {
        let origin = Origin::parse("example.com/log").expect("fine");
        let key = SigningKey::from_seed(origin, &[7; 32]).expect("fine");
        let signed = SignedCheckpoint::sign(9, hash::empty_root(), &key);
        let note = signed
            .checkpoint()
            .to_note(signed.signer(), signed.signature());
        assert_eq!(note, signed.text());
        let opened = SignedCheckpoint::open(&note, key.verifier());
        assert_eq!(opened.as_ref(), Ok(&signed));
        let mut other = *signed.signature();
        other[0] ^= 1;
        let note = signed.checkpoint().to_note(signed.signer(), &other);
        let error = SignedCheckpoint::open(&note, key.verifier()).expect_err("changed");
        assert_eq!(error.code(), "bad-signature");
    }

    #[test]
    fn the_signature_of_the_log_is_told_from_others() {
        let origin = Origin::parse("example.com/log").expect("fine");
        let key = SigningKey::from_seed(origin, &[7; 32]).expect("fine");
        let signed = SignedCheckpoint::sign(9, hash::empty_root(), &key);
        let (text, line) = signed.text().split_once("\n\n").expect("a note");
        let witness = "\u{2014} witness.example AAAAAAE=\n";
        let opened = SignedCheckpoint::open(&format!("{text}\n\n{witness}{line}"), key.verifier());
        let opened = opened.expect("signed");
        assert_eq!(opened.signature(), signed.signature());
        assert_eq!(opened.signer(), key.verifier().id());
    }
}

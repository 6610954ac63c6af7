//! The proof that the log knows an export: a C2SP tlog-proof of its ExportCreated entry, with the
//! record of the entry on the extra line.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::{self, Hash};
use countersign_chain::key::VerifierKey;
use countersign_chain::record::{Record, RecordError};
use countersign_chain::tlog_proof::{HEADER, TlogProof, TlogProofError};
use countersign_proto::event::Known;
use countersign_proto::v1;

const EXTRA: &str = "extra ";

/// An entry that says that an export was made, and what proves the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordProof {
    /// The record of the entry.
    pub record: Vec<u8>,
    /// Where it is in a signed tree.
    pub proof: TlogProof,
}

/// Why a text proves no export.
#[derive(Debug, thiserror::Error)]
pub enum RecordProofError {
    /// Not of the form.
    #[error("the proof has no line `extra` with the record of an entry in base64")]
    NoRecord,
    /// The record is none.
    #[error("the line `extra` holds no record: {0}")]
    Record(#[from] RecordError),
    /// The proof is of another entry than the record.
    #[error("the record is entry {record}; the proof is of entry {proof}")]
    OtherEntry {
        /// Index in the record.
        record: u64,
        /// Index in the proof.
        proof: u64,
    },
    /// The hashes or the signature do not hold.
    #[error(transparent)]
    Proof(#[from] TlogProofError),
    /// The entry says something else.
    #[error("entry {0} does not say that an export was made")]
    OtherKind(u64),
    /// The entry is about another manifest.
    #[error("entry {index} is about the manifest with SHA-256 {got}; expected {expected}")]
    OtherManifest {
        /// Index of the entry.
        index: u64,
        /// The manifest at hand.
        expected: Hash,
        /// The one in the entry.
        got: String,
    },
}

impl RecordProof {
    /// Writes the text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let extra = STANDARD.encode(&self.record);
        let text = self.proof.to_text();
        let rest = text.strip_prefix(HEADER).unwrap_or_default();
        format!("{HEADER}\n{EXTRA}{extra}{rest}")
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`RecordProofError`] when it is not of the form. Nothing is proved yet.
    pub fn parse(text: &str) -> Result<Self, RecordProofError> {
        let proof = TlogProof::parse(text)?;
        let extra = text
            .lines()
            .nth(1)
            .and_then(|line| line.strip_prefix(EXTRA));
        let record = extra.and_then(|extra| STANDARD.decode(extra).ok());
        let record = record.ok_or(RecordProofError::NoRecord)?;
        Ok(Self { record, proof })
    }

    /// Checks that the log of this key says that the export with this manifest was made. Returns
    /// the entry's record and event, and the tree that it was proved in.
    ///
    /// # Errors
    /// [`RecordProofError`] names what does not hold.
    pub fn verify(
        &self,
        manifest: &Hash,
        key: &VerifierKey,
    ) -> Result<(Record<'_>, v1::ExportCreated, SignedCheckpoint), RecordProofError> {
        let record = Record::parse(&self.record)?;
        let index = record.index().get();
        if index != self.proof.index {
            let proof = self.proof.index;
            return Err(RecordProofError::OtherEntry {
                record: index,
                proof,
            });
        }
        let checkpoint = self.proof.verify(&hash::leaf(&self.record), key)?;
        let known = Known::decode(record.kind().get(), record.payload());
        let Ok(Known::ExportCreated(event)) = known else {
            return Err(RecordProofError::OtherKind(index));
        };
        if event.manifest_sha256.as_ref() != manifest.as_bytes() {
            return Err(RecordProofError::OtherManifest {
                index,
                expected: *manifest,
                got: countersign_proto::reading::text::hex(&event.manifest_sha256),
            });
        }
        Ok((record, event, checkpoint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_chain::commit::{CommitBuilder, Draft, LogHead};
    use countersign_chain::key::SigningKey;
    use countersign_chain::kind::Kind;
    use countersign_chain::origin::Origin;
    use countersign_chain::time::UnixMicros;
    use countersign_proto::event::{Event, Kinded};

    fn key() -> SigningKey {
        let origin = Origin::parse("log.example/main").expect("an origin");
        SigningKey::from_seed(origin, &[7; 32]).expect("a key")
    }

    /// A log of one entry, with its proof.
    fn proof<M: Kinded>(message: &M) -> RecordProof {
        let event = Event::from_message(message);
        let (kind, payload) = event.into_parts().expect("one");
        let mut builder = CommitBuilder::after(&LogHead::empty());
        let draft = Draft {
            kind: Kind::new(kind.get()).expect("a kind"),
            now: UnixMicros::new(1).expect("a time"),
            case: 0,
            actor: "auditor:eva",
            via: "",
            idem: b"",
            payload: &payload,
        };
        builder.push(&draft).expect("it fits");
        let commit = builder.finish(&key()).expect("an entry");
        let root = commit.head().frontier().root();
        RecordProof {
            record: commit.record(0).expect("there").to_vec(),
            proof: TlogProof {
                index: 0,
                hashes: Vec::new(),
                checkpoint: SignedCheckpoint::sign(1, root, &key()).text().to_owned(),
            },
        }
    }

    fn created(digest: u8) -> v1::ExportCreated {
        v1::ExportCreated {
            preset: "native".into(),
            end: 1,
            entries: 1,
            manifest_sha256: vec![digest; 32].into(),
            files: 1,
            bytes: 9,
            ..v1::ExportCreated::default()
        }
    }

    #[test]
    fn a_proof_is_written_and_read_and_holds() {
        let proof = proof(&created(5));
        let again = RecordProof::parse(&proof.to_text()).expect("of the form");
        assert_eq!(again, proof);
        // It is a tlog-proof to everybody else.
        assert_eq!(TlogProof::parse(&proof.to_text()), Ok(proof.proof.clone()));
        let (record, event, _) = again
            .verify(&Hash::from_bytes([5; 32]), key().verifier())
            .expect("it holds");
        assert_eq!((record.actor(), event.files), ("auditor:eva", 1));
    }

    #[test]
    fn a_proof_of_something_else_is_refused() {
        let digest = Hash::from_bytes([5; 32]);
        let sound = proof(&created(5));
        let other = sound.verify(&Hash::from_bytes([6; 32]), key().verifier());
        assert!(matches!(other, Err(RecordProofError::OtherManifest { .. })));
        let stopped = v1::LogStopped::default();
        let other = proof(&stopped);
        let other = other.verify(&digest, key().verifier());
        assert!(matches!(other, Err(RecordProofError::OtherKind(0))));
        let mut changed = sound.clone();
        *changed.record.last_mut().expect("bytes") ^= 1;
        assert!(changed.verify(&digest, key().verifier()).is_err());
        let mut moved = sound.clone();
        moved.proof.index = 1;
        let other = moved.verify(&digest, key().verifier());
        assert!(matches!(other, Err(RecordProofError::OtherEntry { .. })));
        let text = sound.proof.to_text();
        assert!(matches!(
            RecordProof::parse(&text),
            Err(RecordProofError::NoRecord)
        ));
        assert!(RecordProof::parse("").is_err());
    }
}

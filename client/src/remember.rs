//! The newest sealed checkpoint that was verified, and the proof that each newer one extends it.
//!
//! A ledger that shows another past than it showed before can be convicted by two of its own
//! signatures. The memory keeps the first of them, in a file that outlives the program. Only sealed
//! checkpoints are kept: an accepted one may be ahead of what the ledger shows to readers.

mod file;

use std::path::PathBuf;
use std::sync::Arc;

use countersign_chain::checkpoint::{CheckpointError, SignedCheckpoint};
use countersign_chain::hash::Hash;
use countersign_chain::key::KeyError;
use countersign_chain::proof::{self, ProofError};

pub(crate) use file::{Memory, Remembered};

/// Why a checkpoint cannot be remembered, or contradicts what is.
///
/// `Forked` and `RolledBack` carry what proves it to others: notes signed by the key of the log.
#[derive(Debug, thiserror::Error)]
pub enum RememberError {
    /// Two checkpoints of the log cannot both be honest.
    #[error(
        "the ledger forked: it signed two histories; keep both notes, stop relying on it and run \
         `verify` with each as --checkpoint:\n{older}\n{newer}"
    )]
    Forked {
        /// The remembered note.
        older: String,
        /// The other note.
        newer: String,
        /// The hashes with which the ledger tried to prove that one extends the other; empty for
        /// equal sizes.
        proof: Vec<Hash>,
    },
    /// The newest checkpoint of the ledger is older than one that it showed before.
    #[error(
        "the ledger was rolled back: it showed {remembered_size} entries before and shows \
         {shown_size} now; keep both notes and ask its operator which backup was \
         restored:\n{remembered}\n{shown}"
    )]
    RolledBack {
        /// The remembered note.
        remembered: String,
        /// Its size.
        remembered_size: u64,
        /// The newest note of the ledger.
        shown: String,
        /// Its size.
        shown_size: u64,
    },
    /// The ledger is remembered under another key.
    #[error(
        "log {origin} is remembered under the key {remembered}, and the trusted key is \
         {trusted}; find out which is right, then move {} away",
        path.display()
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// Name of the log.
        origin: String,
        /// Key in the file.
        remembered: String,
        /// Key of the configuration.
        trusted: String,
    },
    /// Logs of several ledgers have this name.
    #[error(
        "{} remembers more than one log {log}; pin the key, or keep one file for each ledger",
        path.display()
    )]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// Name of the log.
        log: String,
    },
    /// The file cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not one of ours, or damaged. It is replaced whole or not at all, so no crash
    /// does this.
    #[error(
        "{} holds no remembered checkpoints ({why}); verify the log, then move the file away",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: Damage,
    },
    /// The task that wrote the file was stopped.
    #[error("writing the remembered checkpoint was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// What is wrong with a file of checkpoints.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// Not JSON, or another JSON.
    #[error("it does not parse: {0}")]
    Form(#[from] serde_json::Error),
    /// Written by a later version.
    #[error("expected format 1, got {0}")]
    Format(u32),
    /// A key is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A note is not signed by its key.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Larger than such a file gets.
    #[error("it is larger than {0} bytes")]
    Large(u64),
}

/// What is to be done with a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: it is the remembered one, or an older one.
    Keep,
    /// It is newer: it has to be proved that it extends this one.
    Prove(Arc<SignedCheckpoint>),
    /// It is the first.
    First,
}

/// Compares a verified checkpoint with the remembered one.
pub(crate) fn compare(
    remembered: Option<&Arc<SignedCheckpoint>>,
    seen: &SignedCheckpoint,
) -> Result<Next, RememberError> {
    let Some(known) = remembered else {
        return Ok(Next::First);
    };
    if seen.size() == known.size() && seen.root() != known.root() {
        return Err(forked(known, seen, Vec::new()));
    }
    if seen.size() > known.size() {
        return Ok(Next::Prove(Arc::clone(known)));
    }
    Ok(Next::Keep)
}

/// Checks that the newest checkpoint of the ledger, or that of a new entry, is not older than what
/// was remembered when the ledger was asked.
pub(crate) fn newest(
    remembered: Option<&Arc<SignedCheckpoint>>,
    shown: &SignedCheckpoint,
) -> Result<(), RememberError> {
    match remembered {
        Some(known) if shown.size() < known.size() => Err(RememberError::RolledBack {
            remembered: known.text().to_owned(),
            remembered_size: known.size(),
            shown: shown.text().to_owned(),
            shown_size: shown.size(),
        }),
        _ => Ok(()),
    }
}

/// Checks the proof that `new` extends `old`. A proof of another form proves nothing and is no
/// evidence against the log; a proof that leads elsewhere comes from a ledger that cannot give a
/// better one.
pub(crate) fn extends(
    old: &SignedCheckpoint,
    new: &SignedCheckpoint,
    hashes: Vec<Hash>,
) -> Result<(), Extension> {
    let (old_root, new_root) = (old.root(), new.root());
    match proof::verify_consistency(old.size(), new.size(), &old_root, &new_root, &hashes) {
        Ok(()) => Ok(()),
        Err(ProofError::WrongRoot { .. }) => {
            Err(Extension::Forked(Box::new(forked(old, new, hashes))))
        }
        Err(error @ (ProofError::OutOfRange { .. } | ProofError::WrongLength { .. })) => {
            Err(Extension::Form(error))
        }
    }
}

/// Why a checkpoint is not shown to extend another.
#[derive(Debug)]
pub(crate) enum Extension {
    /// The proof is not of the form.
    Form(ProofError),
    /// The proof leads elsewhere.
    Forked(Box<RememberError>),
}

fn forked(old: &SignedCheckpoint, new: &SignedCheckpoint, proof: Vec<Hash>) -> RememberError {
    RememberError::Forked {
        older: old.text().to_owned(),
        newer: new.text().to_owned(),
        proof,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::testing::Log;

    fn seen(log: &Log, size: u64) -> Arc<SignedCheckpoint> {
        Arc::new(log.checkpoint(size))
    }

    #[test]
    fn the_first_checkpoint_is_taken_and_the_same_one_kept() {
        let log = Log::of(5);
        assert_eq!(compare(None, &log.checkpoint(3)).unwrap(), Next::First);
        let known = seen(&log, 3);
        assert_eq!(
            compare(Some(&known), &log.checkpoint(3)).unwrap(),
            Next::Keep
        );
        assert_eq!(
            compare(Some(&known), &log.checkpoint(2)).unwrap(),
            Next::Keep
        );
        let next = compare(Some(&known), &log.checkpoint(5)).unwrap();
        assert_eq!(next, Next::Prove(known));
    }

    #[test]
    fn two_roots_of_one_size_are_a_fork_with_both_notes() {
        let (log, fork) = (Log::of(5), Log::other(5, b"changed"));
        let error = compare(Some(&seen(&log, 5)), &fork.checkpoint(5)).unwrap_err();
        let RememberError::Forked {
            older,
            newer,
            proof,
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!(older, log.checkpoint(5).text());
        assert_eq!(newer, fork.checkpoint(5).text());
        assert!(proof.is_empty());
    }

    #[test]
    fn a_newest_checkpoint_that_shrank_is_a_rollback() {
        let log = Log::of(5);
        let error = newest(Some(&seen(&log, 5)), &log.checkpoint(4)).unwrap_err();
        let RememberError::RolledBack {
            remembered, shown, ..
        } = &error
        else {
            panic!("{error}")
        };
        assert_eq!(*remembered, log.checkpoint(5).text());
        assert_eq!(*shown, log.checkpoint(4).text());
        assert!(
            error
                .to_string()
                .contains("5 entries before and shows 4 now"),
            "{error}"
        );
        assert!(newest(Some(&seen(&log, 4)), &log.checkpoint(4)).is_ok());
        assert!(newest(None, &log.checkpoint(0)).is_ok());
    }

    #[test]
    fn a_newer_checkpoint_must_extend_the_remembered_one() {
        let (log, fork) = (Log::of(9), Log::other(9, b"changed"));
        let hashes = log.consistency(5, 9);
        assert!(extends(&log.checkpoint(5), &log.checkpoint(9), hashes.clone()).is_ok());
        let forked = extends(
            &log.checkpoint(5),
            &fork.checkpoint(9),
            fork.consistency(5, 9),
        );
        let Err(Extension::Forked(error)) = forked else {
            panic!("{forked:?}")
        };
        let RememberError::Forked {
            older,
            newer,
            proof,
        } = *error
        else {
            panic!("{error}")
        };
        assert_eq!(older, log.checkpoint(5).text());
        assert_eq!(newer, fork.checkpoint(9).text());
        assert_eq!(proof, fork.consistency(5, 9));
        let short = extends(&log.checkpoint(5), &log.checkpoint(9), Vec::new());
        assert!(matches!(short, Err(Extension::Form(_))), "{short:?}");
    }
}

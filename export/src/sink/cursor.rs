//! How far a sink is: a file that is replaced behind its batches.

mod stored;

use std::io;
use std::path::{Path, PathBuf};

use countersign_client::{CallError, Client};
use countersign_proto::reason::Reason;
use serde::{Deserialize, Serialize};

use super::report::Told;
use super::store;
pub(super) use stored::Stored;

const FILE: &str = "cursor.json";
const VERSION: u32 = 1;

/// How far a sink is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cursor {
    version: u32,
    /// Name of the log.
    log: String,
    /// Its verifier key, which names its origin.
    key: String,
    /// Everything below was delivered or put aside.
    pub(super) next: u64,
    /// Leaf hash of the entry before, in hexadecimal; nothing when the sink has none yet.
    leaf: Option<String>,
    /// End of the batch that is under way, where it must be the same after a crash.
    pub(super) planned: Option<u64>,
    /// What the sink itself needs to go on.
    pub(super) mark: Option<String>,
    /// What the log was told.
    pub(super) told: Told,
}

/// Why a sink cannot go on where it was.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{}: {why}; it was damaged or is of a newer version: move the folder away, and the sink \
         begins anew at `from`", path.display()
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What the parser says.
        why: String,
    },
    /// The cursor belongs to another log.
    #[error(
        "the cursor belongs to the log {theirs}, and this ledger's is {ours}; connect to that \
         ledger, or give the sink another name or another state folder"
    )]
    OtherLog {
        /// As stored.
        theirs: String,
        /// As connected.
        ours: String,
    },
    /// The log is shorter than what was delivered, or holds something else there.
    #[error(
        "entry {index} was delivered with the leaf hash {delivered}, and the ledger has {got}: it \
         was set back or exchanged; run `countersign verify` before anything else, and keep what \
         the sink has received"
    )]
    SetBack {
        /// The last entry that was delivered.
        index: u64,
        /// Its leaf hash.
        delivered: String,
        /// What the ledger has there.
        got: String,
    },
    /// The ledger did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Cursor {
    /// Reads the file in a folder; begins at `from` when there is none.
    pub(super) fn open(folder: &Path, client: &Client, from: u64) -> Result<Self, CursorError> {
        let begin = Self {
            version: VERSION,
            log: client.log().to_owned(),
            key: client.key().to_string(),
            next: from,
            leaf: None,
            planned: None,
            mark: None,
            told: Told::default(),
        };
        let Some(cursor) = Self::read(folder)? else {
            return Ok(begin);
        };
        if (&cursor.log, &cursor.key) != (&begin.log, &begin.key) {
            return Err(CursorError::OtherLog {
                theirs: format!("{} {}", cursor.log, cursor.key),
                ours: format!("{} {}", begin.log, begin.key),
            });
        }
        Ok(cursor)
    }

    /// Reads the file in a folder, if there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, CursorError> {
        let path = folder.join(FILE);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CursorError::File { path, source }),
        };
        let damaged = |why: String| CursorError::Damaged {
            path: path.clone(),
            why,
        };
        let cursor: Self =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if cursor.version != VERSION {
            let got = cursor.version;
            return Err(damaged(format!("expected version {VERSION}, got {got}")));
        }
        Ok(Some(cursor))
    }

    /// Checks that the log still holds the last entry that was delivered.
    pub(super) async fn check(&self, client: &Client) -> Result<(), CursorError> {
        let (Some(leaf), Some(index)) = (&self.leaf, self.next.checked_sub(1)) else {
            return Ok(());
        };
        let set_back = |got: String| CursorError::SetBack {
            index,
            delivered: leaf.clone(),
            got,
        };
        match client.entry(index).await {
            Ok(entry) if entry.leaf().to_string() == *leaf => Ok(()),
            Ok(entry) => Err(set_back(entry.leaf().to_string())),
            Err(error) if error.reason() == Some(Reason::EntryUnknown) => {
                Err(set_back("no such entry".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Everything up to this entry is dealt with.
    pub(super) fn advance(&mut self, index: u64, leaf: String) {
        self.next = index.saturating_add(1);
        self.leaf = Some(leaf);
        self.planned = self.planned.filter(|end| *end > self.next);
    }

    /// Writes the file, down to the device.
    pub(super) async fn save(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        let path = folder.join(FILE);
        let saved = tokio::task::spawn_blocking(move || store::replace(&path, &text)).await;
        saved.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn cursor() -> Cursor {
        Cursor {
            version: VERSION,
            log: "main".to_owned(),
            key: "k".to_owned(),
            next: 5,
            leaf: None,
            planned: Some(9),
            mark: Some("m".to_owned()),
            told: Told::default(),
        }
    }

    #[tokio::test]
    async fn a_cursor_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Cursor::read(folder.path()).expect("no file").is_none());
        let mut written = cursor();
        written.advance(7, "ab".to_owned());
        assert_eq!((written.next, written.planned), (8, Some(9)));
        written.save(folder.path()).await.expect("room");
        let read = Cursor::read(folder.path()).expect("fine").expect("there");
        assert_eq!(read, written);
        written.advance(8, "cd".to_owned());
        assert_eq!(written.planned, None, "the batch is over");
    }

    #[test]
    fn a_damaged_cursor_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        for text in ["", "{", "{\"version\":1}", "[]"] {
            std::fs::write(folder.path().join(FILE), text).expect("room");
            let error = Cursor::read(folder.path()).expect_err(text).to_string();
            assert!(
                error.contains("cursor.json") && error.contains("anew"),
                "{error}"
            );
        }
        let newer = serde_json::to_string(&Cursor {
            version: 2,
            ..cursor()
        })
        .expect("JSON");
        std::fs::write(folder.path().join(FILE), newer).expect("room");
        let error = Cursor::read(folder.path()).expect_err("newer").to_string();
        assert!(error.contains("version 1, got 2"), "{error}");
    }
}

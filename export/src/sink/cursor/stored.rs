//! The cursor of a sink at work, and the file that follows it.

use std::io;
use std::path::PathBuf;

use tokio::task::JoinHandle;

use super::Cursor;

/// A cursor, and the folder that it is stored in.
#[derive(Debug)]
pub(in crate::sink) struct Stored {
    /// How far the sink is. The file may be behind it.
    pub(in crate::sink) cursor: Cursor,
    folder: PathBuf,
    /// A state of it that is on its way to the disk.
    saving: Option<JoinHandle<io::Result<()>>>,
}

impl Stored {
    pub(in crate::sink) const fn new(cursor: Cursor, folder: PathBuf) -> Self {
        Self {
            cursor,
            folder,
            saving: None,
        }
    }

    /// Waits until nothing is on its way to the disk.
    pub(in crate::sink) async fn settled(&mut self) -> io::Result<()> {
        match self.saving.take() {
            Some(saving) => saving.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }

    /// Stores the cursor.
    pub(in crate::sink) async fn save(&mut self) -> io::Result<()> {
        // What is on its way is older: whether it got there does not matter any more.
        drop(self.settled().await);
        self.cursor.save(&self.folder).await
    }

    /// Begins to store the cursor. Must be [`Stored::settled`].
    pub(in crate::sink) fn begin_saving(&mut self) {
        debug_assert!(self.saving.is_none(), "one after the other");
        let (cursor, folder) = (self.cursor.clone(), self.folder.clone());
        self.saving = Some(tokio::spawn(async move { cursor.save(&folder).await }));
    }
}

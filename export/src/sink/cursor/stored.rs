//! The cursor of a sink at work, and the file that follows it.

use std::io;
use std::path::PathBuf;

use tokio::task::JoinHandle;

use super::Cursor;
use crate::limits::CURSOR_BEHIND;

/// A cursor, and the folder that it is stored in.
#[derive(Debug)]
pub(in crate::sink) struct Stored {
    /// How far the sink is. The file may be behind it.
    pub(in crate::sink) cursor: Cursor,
    folder: PathBuf,
    /// A state of it that is on its way to the disk.
    saving: Option<JoinHandle<io::Result<()>>>,
    /// Batches that the cursor has passed since then.
    behind: u32,
}

impl Stored {
    pub(in crate::sink) const fn new(cursor: Cursor, folder: PathBuf) -> Self {
        Self {
            cursor,
            folder,
            saving: None,
            behind: 0,
        }
    }

    /// The cursor has passed a batch: it is stored when the disk has the state before, and nobody
    /// waits for that until it is [`CURSOR_BEHIND`] batches behind.
    pub(in crate::sink) async fn passed(&mut self) -> io::Result<()> {
        self.behind = self.behind.saturating_add(1);
        let busy = self.saving.as_ref().is_some_and(|it| !it.is_finished());
        if busy && self.behind < CURSOR_BEHIND {
            return Ok(());
        }
        self.landed().await?;
        self.behind = 0;
        let (cursor, folder) = (self.cursor.clone(), self.folder.clone());
        self.saving = Some(tokio::spawn(async move { cursor.save(&folder).await }));
        Ok(())
    }

    /// Waits until the disk has the cursor as it is.
    pub(in crate::sink) async fn settled(&mut self) -> io::Result<()> {
        self.landed().await?;
        match self.behind {
            0 => Ok(()),
            _ => self.save().await,
        }
    }

    /// Stores the cursor.
    pub(in crate::sink) async fn save(&mut self) -> io::Result<()> {
        // What is on its way is older: whether it got there does not matter any more.
        drop(self.landed().await);
        self.cursor.save(&self.folder).await?;
        self.behind = 0;
        Ok(())
    }

    /// Waits until nothing is on its way to the disk.
    async fn landed(&mut self) -> io::Result<()> {
        match self.saving.take() {
            Some(saving) => saving.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

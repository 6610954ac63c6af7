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
    /// Batches that the cursor has passed, and that neither the disk has nor is on its way there.
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

    /// Waits until the disk has the cursor as it is. What did not get there is tried once more.
    pub(in crate::sink) async fn settled(&mut self) -> io::Result<()> {
        let landed = self.landed().await;
        match self.behind {
            0 => landed,
            _ => self.save().await,
        }
    }

    /// Stores the cursor.
    pub(in crate::sink) async fn save(&mut self) -> io::Result<()> {
        // What is on its way is older: whether it got there does not matter any more.
        drop(self.landed().await);
        self.behind = self.behind.max(1);
        self.cursor.save(&self.folder).await?;
        self.behind = 0;
        Ok(())
    }

    /// Waits until nothing is on its way to the disk.
    async fn landed(&mut self) -> io::Result<()> {
        let landed = match self.saving.take() {
            Some(saving) => saving.await.map_err(io::Error::other).flatten(),
            None => Ok(()),
        };
        if landed.is_err() {
            self.behind = self.behind.saturating_add(1);
        }
        landed
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::cursor;
    use super::*;

    #[tokio::test]
    async fn a_cursor_that_did_not_get_to_the_disk_is_not_forgotten() {
        let room = tempfile::tempdir().expect("a folder");
        let folder = room.path().join("sink");
        let mut stored = Stored::new(cursor(), folder.clone());
        stored.cursor.advance(11, "aa".to_owned());
        stored.passed().await.expect("it has begun");
        for _ in 0..2 {
            assert!(stored.settled().await.is_err(), "there is no folder");
            assert!(stored.save().await.is_err());
        }
        stored.cursor.advance(12, "bb".to_owned());
        stored.passed().await.expect("it has begun");
        std::fs::create_dir(&folder).expect("room");
        stored.settled().await.expect("room");
        let read = Cursor::read(&folder).expect("whole").expect("there");
        assert_eq!(read, stored.cursor);
    }

    #[tokio::test]
    async fn the_file_is_never_more_than_some_batches_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut stored = Stored::new(cursor(), folder.path().to_owned());
        for index in 20..200 {
            stored.cursor.advance(index, "cc".to_owned());
            stored.passed().await.expect("room");
            assert!(stored.behind < CURSOR_BEHIND);
        }
        stored.settled().await.expect("room");
        let read = Cursor::read(folder.path()).expect("whole");
        assert_eq!(read.expect("there"), stored.cursor);
    }
}

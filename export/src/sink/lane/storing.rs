//! The cursor behind what was delivered, and its way to the disk.

use std::io;

use super::{Lane, Next};
use crate::sink::Sink;
use crate::sink::parcel::Parcel;

impl<S: Sink> Lane<S> {
    /// Moves the cursor behind entries. It gets to the disk while what comes next is under way; a
    /// crash before that brings them again.
    pub(super) async fn pass(&mut self, done: &[Parcel]) -> Next {
        let Some(last) = done.last() else {
            return Next::On;
        };
        let leaf = last.entry().leaf().to_string();
        let stored = &mut self.parts.stored;
        stored.cursor.advance(last.index(), leaf);
        stored.cursor.told = self.parts.reporter.told.clone();
        if !self.parts.sink.forgets() {
            return match stored.passed().await {
                Ok(()) => Next::On,
                Err(error) => self.not_stored(&error).await,
            };
        }
        if self.save(&[]).await == Next::Stop {
            return Next::Stop;
        }
        let sink = &mut self.parts.sink;
        if let Err(error) = tokio::task::block_in_place(|| sink.forget()) {
            let sink = self.parts.meter.name();
            tracing::warn!(sink, %error, "what is old cannot be removed");
        }
        Next::On
    }

    /// Waits until the disk has the cursor.
    pub(super) async fn settle(&mut self) -> Next {
        match self.parts.stored.settled().await {
            Ok(()) => Next::On,
            Err(error) => self.not_stored(&error).await,
        }
    }

    async fn not_stored(&mut self, error: &io::Error) -> Next {
        tracing::debug!(%error, "the cursor is stored once more");
        self.save(&[]).await
    }

    /// Stores the cursor. A disk that is full is waited for.
    pub(super) async fn save(&mut self, rest: &[Parcel]) -> Next {
        loop {
            let parts = &mut self.parts;
            parts.stored.cursor.told = parts.reporter.told.clone();
            let Err(error) = parts.stored.save().await else {
                return Next::On;
            };
            let why = format!("cannot store the cursor: {error}");
            if Box::pin(self.wait(&why, None, rest)).await == Next::Stop {
                return Next::Stop;
            }
        }
    }
}

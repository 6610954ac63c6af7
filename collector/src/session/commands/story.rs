//! From what was told to entries.

use std::collections::VecDeque;
use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_client::Draft;
use countersign_proto::convert::timestamp;
use countersign_proto::v1;
use tokio::time::Instant;

use crate::limits::{COMMAND_PATIENCE, MAX_COMMAND, MAX_DIRECTORY};
use crate::outlet::Item;
use crate::session::commands::Told;
use crate::session::mask::{Masks, masked};
use crate::session::recorder::Of;

/// Makes a `CommandExecuted` of each command: when it ended, or a moment after it began.
pub(crate) struct Story {
    of: Of,
    source: &'static str,
    masks: Arc<dyn Masks>,
    open: Option<(v1::CommandExecuted, Instant)>,
    number: u64,
    redactions: u64,
    ready: VecDeque<Item>,
}

impl Story {
    pub(crate) fn new(of: Of, source: &'static str, masks: Arc<dyn Masks>) -> Self {
        Self {
            of,
            source,
            masks,
            open: None,
            number: 0,
            redactions: 0,
            ready: VecDeque::new(),
        }
    }

    pub(crate) fn told(&mut self, told: Told, now: Instant, time: UnixMicros) {
        match told {
            Told::Began { directory, command } => {
                self.close(None);
                let command = self.command(&command, &directory, time);
                self.open = Some((command, now));
            }
            Told::Ended(status) => self.close(Some(status)),
            Told::Whole(command) => {
                self.close(None);
                let command = self.command(&command, b"", time);
                self.ready.push_back(self.item(&command));
            }
        }
    }

    /// When [`Story::tick`] is to be called.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.open
            .as_ref()
            .map(|(_, since)| *since + COMMAND_PATIENCE)
    }

    /// A command that takes long is told before it ends.
    pub(crate) fn tick(&mut self, now: Instant) {
        if self.due().is_some_and(|due| due <= now) {
            self.close(None);
        }
    }

    pub(crate) fn finish(&mut self) {
        self.close(None);
    }

    pub(crate) fn take(&mut self) -> Option<Item> {
        self.ready.pop_front()
    }

    /// Commands, and secrets that were taken out of them.
    pub(crate) const fn counts(&self) -> (u64, u64) {
        (self.number, self.redactions)
    }

    fn close(&mut self, exit_status: Option<i32>) {
        if let Some((mut command, _)) = self.open.take() {
            command.exit_status = exit_status;
            self.ready.push_back(self.item(&command));
        }
    }

    fn command(
        &mut self,
        command: &[u8],
        directory: &[u8],
        time: UnixMicros,
    ) -> v1::CommandExecuted {
        let (command, redactions) = masked(self.masks.as_ref(), command);
        let (directory, more) = masked(self.masks.as_ref(), directory);
        self.number += 1;
        self.redactions += redactions + more;
        v1::CommandExecuted {
            session: self.of.session,
            number: self.number,
            command: bounded(&command, MAX_COMMAND),
            source: self.source.to_owned(),
            directory: bounded(&directory, MAX_DIRECTORY),
            started_at: Some(timestamp(time)),
            exit_status: None,
            redactions: redactions + more,
        }
    }

    fn item(&self, command: &v1::CommandExecuted) -> Item {
        Item::new(Draft::new(command).in_case(self.of.case))
    }
}

/// The text of these bytes; a longer one ends with "…".
fn bounded(bytes: &[u8], limit: usize) -> String {
    const CUT: char = '…';
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit - CUT.len_utf8()));
        text.push(CUT);
    }
    text
}

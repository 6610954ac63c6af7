//! Takes secrets out of what a run sends.

use std::path::Path;

use countersign_chain::hash::digest;
use countersign_chain::limits::MAX_IDEM;
use countersign_client::Draft;
use countersign_proto::event::EventError;

use crate::redact::{Events, Redactor};
use crate::tail::content::source;

/// Digits of the digest behind the key of an event from which secrets were taken out. It tells
/// apart how a single line was read, of which there are as many as there were sets of rules.
const DIGITS: usize = 8;

/// What is taken out of the events of a run.
#[derive(Debug)]
pub(super) struct Redaction(Option<Events>);

impl Redaction {
    /// Takes out what this one finds; nothing without one.
    pub(super) fn new(redactor: Option<Redactor>) -> Self {
        Self(redactor.map(Events::new))
    }

    /// Takes the secrets out of a draft. The ledger takes a key for one event only, so what is left
    /// becomes a part of the key.
    pub(super) fn clean(&self, draft: &mut Draft) -> Result<(), EventError> {
        let Some(events) = &self.0 else {
            return Ok(());
        };
        let has_room = draft.idempotency_key.len() + 1 + DIGITS <= MAX_IDEM;
        if events.clean(draft)? && has_room {
            let (_, payload) = draft.event.parts()?;
            let mut left = digest(payload).to_string();
            left.truncate(DIGITS);
            draft.idempotency_key.push_str(&format!("~{left}"));
        }
        Ok(())
    }

    /// Whether the place of a file may move on: not within a private key, whose rest would not be
    /// known without its beginning.
    pub(super) fn may_rest(&self, path: &Path) -> bool {
        let events = self.0.as_ref();
        events.is_none_or(|events| !events.is_in_key(&source(path)))
    }
}

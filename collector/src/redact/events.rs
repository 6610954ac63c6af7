//! Takes secrets out of events on their way to the ledger.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_chain::limits::MAX_PAYLOAD;
use countersign_client::Draft;
use countersign_proto::event::{Event, EventError, Kinded, Known};
use countersign_proto::v1;
use parking_lot::Mutex;

use crate::limits::MAX_REDACT_SOURCES;
use crate::redact::block::Block;
use crate::redact::scan::State;
use crate::redact::stream::Marks;
use crate::redact::{Found, Redactor};

/// Field of an `ExternalEvent` with the number of secrets that were taken out of it.
pub const COUNT_FIELD: &str = "redactions";
/// Field of an `ExternalEvent` with the names of the rules that found them, with commas between.
pub const RULES_FIELD: &str = "redacted_rules";

/// Takes secrets out of events, one after the other.
///
/// It looks at the line and the fields of an `ExternalEvent` and at the command of a
/// `CommandExecuted`. A private key of which each line is an event of its own is found too, as long
/// as the events of a source come in order. Clones share where each source is.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    redactor: Redactor,
    /// Sources that are in the middle of a private key.
    keys: Arc<Mutex<HashMap<String, State>>>,
}

impl Events {
    /// Takes out what this one finds.
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            keys: Arc::default(),
        }
    }

    /// Takes the secrets out of a draft; whether there were some. A draft without keeps its bytes.
    ///
    /// # Errors The event cannot be read.
    pub(crate) fn clean(&self, draft: &mut Draft) -> Result<bool, EventError> {
        let (kind, _) = draft.event.parts()?;
        let looked_at = [v1::ExternalEvent::KIND, v1::CommandExecuted::KIND];
        if !looked_at.contains(&kind.get()) {
            return Ok(false);
        }
        let event = match draft.event.known()? {
            Known::ExternalEvent(event) => self.external(&event),
            Known::CommandExecuted(event) => self.command(&event),
            _ => None,
        };
        let Some(event) = event else {
            return Ok(false);
        };
        draft.event = event;
        Ok(true)
    }

    /// Whether the last event of this source was inside of a private key.
    pub(crate) fn is_in_key(&self, source: &str) -> bool {
        self.keys.lock().contains_key(source)
    }

    /// The event without its secrets; none when it has none.
    fn external(&self, event: &v1::ExternalEvent) -> Option<Event> {
        let mut before = self.keys.lock().remove(&event.source).unwrap_or_default();
        before.block = before.block.map(Block::unmarked);
        let (found, changed, after) = self.of_external(event, before.clone(), Marks::Named);
        if after.block.is_some() {
            let mut keys = self.keys.lock();
            if keys.len() < MAX_REDACT_SOURCES {
                keys.insert(event.source.clone(), after);
            }
        }
        if found.count == 0 {
            return None;
        }
        let event_of = |changed| Event::from_message(&changed);
        let named = event_of(changed);
        if is_small(&named) {
            return Some(named);
        }
        Some(event_of(self.of_external(event, before, Marks::Short).1))
    }

    fn of_external(
        &self,
        event: &v1::ExternalEvent,
        before: State,
        marks: Marks,
    ) -> (Found, v1::ExternalEvent, State) {
        let mut changed = event.clone();
        let (raw, mut found, after) = self.redactor.resume(&event.raw, before, marks);
        changed.raw = raw.into();
        for (name, value) in &mut changed.fields {
            let (text, more) = self.redactor.field(name, value, marks);
            if more.count > 0 {
                *value = text;
                found.add(more);
            }
        }
        let (text, more) = self.redactor.marked(&event.malformed, marks);
        changed.malformed = text;
        found.add(more);
        if found.count > 0 {
            let names: Vec<&str> = found.by_rule.keys().map(String::as_str).collect();
            let count = found.count.to_string();
            changed.fields.insert(COUNT_FIELD.to_owned(), count);
            changed
                .fields
                .insert(RULES_FIELD.to_owned(), names.join(","));
        }
        (found, changed, after)
    }

    fn command(&self, event: &v1::CommandExecuted) -> Option<Event> {
        let of = |marks| {
            let (command, found) = self.redactor.marked(&event.command, marks);
            (found.count > 0).then(|| {
                Event::from_message(&v1::CommandExecuted {
                    command,
                    redactions: event.redactions.saturating_add(found.count),
                    ..event.clone()
                })
            })
        };
        let named = of(Marks::Named)?;
        if is_small(&named) {
            Some(named)
        } else {
            of(Marks::Short)
        }
    }
}

/// Whether the ledger takes an event of this size.
fn is_small(event: &Event) -> bool {
    event
        .parts()
        .is_ok_and(|(_, payload)| payload.len() <= MAX_PAYLOAD)
}

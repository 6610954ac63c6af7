//! What a caller says: drafts of entries, filters, acknowledgement levels.

use countersign_chain::record::Record;
use countersign_chain::sequence::Sequence;
use countersign_chain::time::UnixMicros;
use countersign_proto::convert::timestamp;
use countersign_proto::event::{Event, Kinded};
use countersign_proto::v1;

/// What an acknowledgement promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Durable on the ledger's store, with a signed checkpoint that covers it.
    Accepted,
    /// Also recorded in the durable head and published to readers.
    #[default]
    Sealed,
}

impl Level {
    pub(crate) const fn to_wire(self) -> i32 {
        match self {
            Self::Accepted => v1::AckLevel::Accepted as i32,
            Self::Sealed => v1::AckLevel::Sealed as i32,
        }
    }

    pub(crate) fn from_wire(number: i32) -> Option<Self> {
        match v1::AckLevel::try_from(number) {
            Ok(v1::AckLevel::Accepted) => Some(Self::Accepted),
            Ok(v1::AckLevel::Sealed) => Some(Self::Sealed),
            Ok(v1::AckLevel::Unspecified) | Err(_) => None,
        }
    }
}

/// An event that is to become an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What happened.
    pub event: Event,
    /// Index of the entry that opened the case; 0 for none.
    pub case: u64,
    /// At most 64 bytes, unique per caller; empty lets the client choose one.
    pub idempotency_key: String,
    /// Principal on whose behalf a bot speaks; empty for everyone else.
    pub on_behalf_of: String,
    /// Place in a queue of the caller, instead of a key.
    pub sequence: Option<Sequence>,
}

impl Draft {
    /// A draft of this event, without a case and with a key that the client will choose.
    #[must_use]
    pub fn new<M: Kinded>(message: &M) -> Self {
        Self::of(Event::from_message(message))
    }

    /// As [`Draft::new`], for an event that is encoded already.
    #[must_use]
    pub const fn of(event: Event) -> Self {
        Self {
            event,
            case: 0,
            idempotency_key: String::new(),
            on_behalf_of: String::new(),
            sequence: None,
        }
    }

    /// The draft under this idempotency key.
    #[must_use]
    pub fn with_key(self, key: impl Into<String>) -> Self {
        Self {
            idempotency_key: key.into(),
            ..self
        }
    }

    /// The draft at this place of a queue.
    #[must_use]
    pub fn with_sequence(self, sequence: Sequence) -> Self {
        Self {
            sequence: Some(sequence),
            ..self
        }
    }

    /// The draft as part of a case.
    #[must_use]
    pub fn in_case(self, case: u64) -> Self {
        Self { case, ..self }
    }

    /// About as many bytes as the draft takes on the wire.
    pub(crate) fn weight(&self) -> usize {
        let payload = self.event.parts().map_or(0, |(_, payload)| payload.len());
        payload + self.idempotency_key.len() + self.on_behalf_of.len() + 16
    }
}

impl From<Draft> for v1::EventDraft {
    fn from(draft: Draft) -> Self {
        let Draft {
            event,
            case,
            idempotency_key,
            on_behalf_of,
            sequence,
        } = draft;
        Self {
            event: Some(event),
            case,
            idempotency_key,
            on_behalf_of,
            sequence: sequence.map(|sequence| v1::Sequence {
                queue: sequence.queue.as_bytes().to_vec().into(),
                number: sequence.number,
            }),
        }
    }
}

/// Chooses entries. Conditions are joined by AND; an empty one always holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Entries of this case, the opening entry included; 0 for all.
    pub case: u64,
    /// Entries whose actor or via is this principal; empty for all.
    pub actor: String,
    /// Entries of one of these kinds; empty for all.
    pub kinds: Vec<u16>,
    /// Entries at or after this ledger time.
    pub since: Option<UnixMicros>,
    /// Entries before this ledger time.
    pub until: Option<UnixMicros>,
}

impl Filter {
    /// Whether every entry passes.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a record passes.
    pub(crate) fn matches(&self, record: &Record<'_>) -> bool {
        let case = self.case == 0 || [record.case(), record.index().get()].contains(&self.case);
        let actor = &self.actor;
        let actor = actor.is_empty() || actor == record.actor() || actor == record.via();
        let kind = self.kinds.is_empty() || self.kinds.contains(&record.kind().get());
        let since = self.since.is_none_or(|since| record.time() >= since);
        let until = self.until.is_none_or(|until| record.time() < until);
        case && actor && kind && since && until
    }
}

/// An empty filter is left out of the request.
impl From<&Filter> for Option<v1::EntryFilter> {
    fn from(filter: &Filter) -> Self {
        if filter.is_empty() {
            return None;
        }
        Some(v1::EntryFilter {
            case: filter.case,
            actor: filter.actor.clone(),
            kinds: filter.kinds.iter().map(|kind| u32::from(*kind)).collect(),
            since: filter.since.map(timestamp),
            until: filter.until.map(timestamp),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::testing::Log;

    #[test]
    fn levels_survive_the_wire_and_order_by_what_they_promise() {
        for level in [Level::Accepted, Level::Sealed] {
            assert_eq!(Level::from_wire(level.to_wire()), Some(level));
        }
        assert_eq!(Level::from_wire(0), None);
        assert_eq!(Level::from_wire(9), None);
        assert!(Level::Accepted < Level::Sealed);
    }

    #[test]
    fn a_filter_passes_what_it_says() {
        let log = Log::of(3);
        let bytes = log.record(2);
        let record = Record::parse(&bytes).unwrap();
        let at = record.time().get();
        let time = |micros| Some(UnixMicros::new(micros).unwrap());
        let yes = [
            Filter::default(),
            Filter {
                case: 2,
                ..Filter::default()
            },
            Filter {
                actor: record.actor().into(),
                ..Filter::default()
            },
            Filter {
                kinds: vec![9, 140],
                ..Filter::default()
            },
            Filter {
                since: time(at),
                until: time(at + 1),
                ..Filter::default()
            },
        ];
        let no = [
            Filter {
                case: 1,
                ..Filter::default()
            },
            Filter {
                actor: "user:eve".into(),
                ..Filter::default()
            },
            Filter {
                kinds: vec![141],
                ..Filter::default()
            },
            Filter {
                since: time(at + 1),
                ..Filter::default()
            },
            Filter {
                until: time(at),
                ..Filter::default()
            },
        ];
        assert!(yes.iter().all(|filter| filter.matches(&record)));
        assert!(!no.iter().any(|filter| filter.matches(&record)));
        assert!(Option::<v1::EntryFilter>::from(&yes[0]).is_none());
        assert!(Option::<v1::EntryFilter>::from(&yes[1]).is_some());
    }
}

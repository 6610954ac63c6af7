//! What an input understood of one record, made into events that fit.

use std::collections::BTreeMap;

use bytes::Bytes;
use countersign_client::Draft;
use countersign_proto::v1;
use jiff::Timestamp;

use crate::emit::set_observed_at;
use crate::limits::{MAX_FIELD, MAX_FIELD_BYTES, MAX_FIELDS, MAX_MALFORMED, MAX_RAW};

/// Bytes that a field costs beside its name and value: tags and lengths of the wire format.
const FIELD_COST: usize = 16;

/// A record as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Where it comes from.
    pub(crate) source: String,
    /// Where in the source.
    pub(crate) position: String,
    /// Its bytes.
    pub(crate) raw: Bytes,
    /// What was understood of it.
    pub(crate) understood: Understood,
}

/// What a parser understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Understood {
    /// Fields by name.
    pub fields: Fields,
    /// When it happened according to the source.
    pub observed_at: Option<Timestamp>,
    /// Why it could not be parsed, as a whole or from some place on; empty when it could.
    pub malformed: String,
}

impl Understood {
    /// Nothing, for this reason.
    pub(crate) fn malformed(why: &impl ToString) -> Self {
        Self {
            malformed: why.to_string(),
            ..Self::default()
        }
    }

    /// One more reason.
    pub(crate) fn complain(&mut self, why: &str) {
        if !self.malformed.is_empty() {
            self.malformed.push_str("; ");
        }
        self.malformed.push_str(why);
    }
}

impl Record {
    /// The events of the record, in order. Raw bytes beyond [`MAX_RAW`] go into further events,
    /// which are numbered as parts; the first one has the fields.
    pub(crate) fn into_events(self) -> Vec<v1::ExternalEvent> {
        let Self {
            source,
            position,
            raw,
            understood,
        } = self;
        let Understood {
            fields,
            observed_at,
            mut malformed,
        } = understood;
        malformed.truncate(malformed.floor_char_boundary(MAX_MALFORMED));
        let parts = raw.len().div_ceil(MAX_RAW).max(1);
        let mut fields = fields.into_map();
        let events = (0..parts).map(|at| {
            let (from, to) = (at * MAX_RAW, ((at + 1) * MAX_RAW).min(raw.len()));
            let mut event = v1::ExternalEvent {
                source: source.clone(),
                position: position.clone(),
                raw: raw.slice(from..to),
                fields: std::mem::take(&mut fields),
                malformed: malformed.clone(),
                ..v1::ExternalEvent::default()
            };
            if parts > 1 {
                let more = (at + 1 < parts).to_string();
                event.fields.insert("part".to_owned(), (at + 1).to_string());
                event.fields.insert("more_parts".to_owned(), more);
            }
            if let Some(time) = observed_at {
                set_observed_at(&mut event, time);
            }
            event
        });
        events.collect()
    }

    /// As [`Record::into_events`].
    pub(crate) fn into_drafts(self) -> Vec<Draft> {
        let events = self.into_events();
        events.iter().map(Draft::new).collect()
    }
}

/// Fields of one record. What does not fit is cut or left out, and counted: the raw bytes have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    map: BTreeMap<String, String>,
    bytes: usize,
    cut: u64,
}

impl Fields {
    /// Puts a field in. A name that is there already gets a number: `name#2`.
    pub(crate) fn put(&mut self, name: &str, value: impl AsRef<str>) -> &mut Self {
        let mut unique = name.to_owned();
        let mut number = 1_u64;
        while self.map.contains_key(&unique) {
            number += 1;
            unique = format!("{name}#{number}");
        }
        let value = value.as_ref();
        let room = MAX_FIELD_BYTES.saturating_sub(self.bytes + unique.len() + FIELD_COST);
        if self.map.len() >= MAX_FIELDS || unique.is_empty() || room == 0 {
            self.cut += 1;
            return self;
        }
        let end = value.floor_char_boundary(MAX_FIELD.min(room));
        self.cut += u64::from(end < value.len());
        self.bytes += unique.len() + FIELD_COST + end;
        self.map.insert(unique, value[..end].to_owned());
        self
    }

    /// As [`Fields::put`], unless there is no value.
    pub(crate) fn put_some(&mut self, name: &str, value: Option<impl AsRef<str>>) -> &mut Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    /// As [`Fields::put`], unless the value is empty.
    pub(crate) fn put_text(&mut self, name: &str, value: &str) -> &mut Self {
        self.put_some(name, (!value.is_empty()).then_some(value))
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.map.get(name).map(String::as_str)
    }

    /// Whether something did not fit.
    pub(crate) const fn is_cut(&self) -> bool {
        self.cut > 0
    }

    /// Names and values in order of the names; `fields_cut` counts what did not fit.
    #[must_use]
    pub fn into_map(mut self) -> BTreeMap<String, String> {
        if self.cut > 0 {
            let cut = self.cut.to_string();
            self.map.insert("fields_cut".to_owned(), cut);
        }
        self.map
    }
}

#[cfg(test)]
mod tests {
    use countersign_chain::limits::MAX_PAYLOAD;

    use super::*;

    #[test]
    fn the_largest_record_fits_into_entries_and_loses_no_byte() {
        let mut fields = Fields::default();
        for number in 0..1_000 {
            fields.put(&format!("{number}-{}", "n".repeat(50)), "ä".repeat(5_000));
        }
        let raw: Vec<u8> = (0..=255).cycle().take(2 * MAX_RAW + 7).collect();
        let record = Record {
            source: "s".repeat(4_096),
            position: "p".repeat(512),
            raw: raw.clone().into(),
            understood: Understood {
                fields,
                observed_at: Some(Timestamp::UNIX_EPOCH),
                malformed: "ä".repeat(5_000),
            },
        };
        let drafts = record.clone().into_drafts();
        assert_eq!(drafts.len(), 3);
        for draft in drafts {
            let (_, payload) = draft.event.parts().unwrap();
            assert!(payload.len() <= MAX_PAYLOAD, "{}", payload.len());
        }
        let events = record.into_events();
        let joined: Vec<u8> = events.iter().flat_map(|event| event.raw.to_vec()).collect();
        assert_eq!(joined, raw);
        let part = |at: usize| {
            (
                &events[at].fields["part"][..],
                &events[at].fields["more_parts"][..],
            )
        };
        assert_eq!(
            [part(0), part(1), part(2)],
            [("1", "true"), ("2", "true"), ("3", "false")]
        );
        assert!(events[0].fields["fields_cut"].parse::<u64>().unwrap() > 990);
        assert_eq!(events[1].fields.len(), 2);
    }

    #[test]
    fn a_name_that_comes_twice_keeps_both_values() {
        let mut fields = Fields::default();
        fields
            .put("ip", "a")
            .put("ip", "b")
            .put("ip", "c")
            .put("", "lost");
        assert_eq!(fields.get("ip"), Some("a"));
        assert_eq!(fields.get("ip#2"), Some("b"));
        assert_eq!(fields.get("ip#3"), Some("c"));
        assert_eq!(fields.into_map()["fields_cut"], "1");
    }

    #[test]
    fn a_record_without_bytes_is_one_event() {
        let record = Record {
            source: "s".into(),
            ..Record::default()
        };
        assert_eq!(record.into_events().len(), 1);
    }
}

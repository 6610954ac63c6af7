//! One entry as exports take it, wherever it was read.

use std::borrow::Cow;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::record::Record;
use countersign_proto::event::{EventError, Known, kind_name};
use countersign_proto::reading::{kind_text, summary_of};

use crate::limits::SUMMARY;

/// What stands behind a text that was cut.
const CUT: &str = "…";

/// One entry with what signs it. All of it was verified by whoever read it.
#[derive(Debug)]
pub struct Item<'a> {
    /// The record: what is hashed.
    pub record: Record<'a>,
    /// Its leaf hash.
    pub leaf: Hash,
    /// What it says.
    pub event: Result<Known, EventError>,
    /// The signed checkpoint of its commit.
    pub commit: &'a SignedCheckpoint,
    /// Siblings from the leaf up that lead to the root of `commit`, where the entries beside this
    /// one are not taken along.
    pub proof: Option<Vec<Hash>>,
}

impl<'a> Item<'a> {
    /// An entry whose event is decoded here.
    #[must_use]
    pub fn new(record: Record<'a>, leaf: Hash, commit: &'a SignedCheckpoint) -> Self {
        let event = Known::decode(record.kind().get(), record.payload());
        Self {
            record,
            leaf,
            event,
            commit,
            proof: None,
        }
    }

    /// Name of the kind of its event, or the number of one without a name.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        let kind = self.record.kind().get();
        kind_name(kind).map_or_else(|| kind_text(kind).into(), Cow::Borrowed)
    }

    /// Index of the entry that opened its case; 0 stands for none in a record.
    #[must_use]
    pub fn case(&self) -> Option<u64> {
        Some(self.record.case()).filter(|case| *case != 0)
    }

    /// Who carried it, where that is another one than who acted.
    #[must_use]
    pub fn via(&self) -> Option<&'a str> {
        Some(self.record.via()).filter(|via| !via.is_empty())
    }

    /// Its idempotency key, where there is one.
    #[must_use]
    pub fn key(&self) -> Option<&'a [u8]> {
        Some(self.record.idem()).filter(|key| !key.is_empty())
    }

    /// The event in a few words, of at most [`SUMMARY`] bytes.
    #[must_use]
    pub fn summary(&self) -> String {
        start(summary_of(self.event.as_ref()), SUMMARY)
    }
}

/// The start of a text, of at most so many bytes: one that was cut ends in `…`.
pub(crate) fn start(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most.saturating_sub(CUT.len())));
        text.push_str(CUT);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_cut_keeps_its_characters_and_its_length() {
        assert_eq!(start("12345678".into(), 8), "12345678");
        assert_eq!(start("123456789".into(), 8), "12345…");
        assert_eq!(start("1234äöü".into(), 8), "1234…");
    }
}

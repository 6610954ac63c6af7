//! The digest of a card, which an entry can carry as evidence of what somebody saw.
//!
//! It is SHA-256 over the card as JSON in one fixed form: an array of the fields in the order of
//! [`Card`], without white space, times in microseconds and numbers as strings of digits, so that
//! any program can make it again. Text stands as it does in the card; strings are escaped as
//! `serde_json` does it, which is RFC 8259's shortest form.

use std::fmt;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::card::{Card, Piece};
use crate::text::unhex;

/// Separates this digest from all others, and its versions from each other.
const DOMAIN: &str = "countersign.card.v1";

/// SHA-256 of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CardDigest([u8; 32]);

impl CardDigest {
    /// Reads 64 hexadecimal digits in lower case.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        unhex(digits).map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for CardDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(out, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl Card {
    /// The digest.
    #[must_use]
    pub fn digest(&self) -> CardDigest {
        let bytes = canonical(self).to_string();
        CardDigest(Sha256::digest(bytes.as_bytes()).into())
    }
}

fn canonical(card: &Card) -> Value {
    let facts = card.facts.iter();
    let facts = facts.map(|fact| json!([fact.label, pieces(&fact.value)]));
    let history = card.history.iter().map(|past| {
        let when = past.when.map(|when| when.get().to_string());
        json!([past.what, when, past.why])
    });
    let actions = card.actions.iter();
    let actions = actions.map(|action| json!([action.act.word(), action.target.to_string()]));
    json!([
        DOMAIN,
        card.case.to_string(),
        card.title,
        card.badge.word(),
        pieces(&card.notice),
        facts.collect::<Vec<_>>(),
        card.reason,
        card.approvals,
        history.collect::<Vec<_>>(),
        card.more_time.map(|more| more.seconds().to_string()),
        actions.collect::<Vec<_>>(),
    ])
}

fn pieces(pieces: &[Piece]) -> Vec<Value> {
    let pieces = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => json!(["text", text]),
        Piece::Time(time) => json!(["time", time.get().to_string()]),
    });
    pieces.collect()
}

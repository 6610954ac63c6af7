//! Takes secrets out of text before anything is stored.
//!
//! **Does:** finds keys, tokens, passwords, private keys and card numbers by their form or by the
//! name before them ([`Rules`]), and puts `[redacted:RULE]` in their place: in whole texts
//! ([`Redactor::text`]), in terminal output that is cut anywhere ([`Stream`]), and in events on
//! their way to the ledger ([`Redacting`]).
//!
//! **Does not:** find a secret that has neither a form nor a name, or one that was typed with
//! corrections; docs/redaction.md tells what it cannot do.
//!
//! # How
//!
//! One automaton finds the keywords of all rules in one pass. Only where a keyword stands, its
//! rules are tried, and each looks at nothing but the line of the keyword. Escape sequences are
//! left out of what the rules see, and put back where they were.

mod block;
mod builtin;
mod card;
mod events;
mod header;
mod judge;
mod outlet;
mod rules;
mod scan;
mod settings;
mod stream;
mod value;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use events::Events;
pub use events::{COUNT_FIELD, RULES_FIELD};
pub use outlet::Redacting;
pub use rules::Rules;
pub use settings::{RuleSettings, RulesError, Settings};
pub use stream::Stream;

use crate::redact::scan::State;
use crate::redact::stream::Marks;

/// Takes secrets out by rules. Clones share the rules.
#[derive(Debug, Clone)]
pub struct Redactor {
    rules: Arc<Rules>,
}

/// A text without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// The text, with `[redacted:RULE]` in the place of each secret.
    pub text: String,
    /// Number of secrets.
    pub count: u64,
    /// Number of secrets by the name of the rule that found them.
    pub by_rule: BTreeMap<String, u64>,
}

/// What was found in something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Found {
    count: u64,
    by_rule: BTreeMap<String, u64>,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        for (rule, count) in other.by_rule {
            *self.by_rule.entry(rule).or_default() += count;
        }
    }
}

impl Redactor {
    /// Takes out what these rules find.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules: Arc::new(rules),
        }
    }

    /// The text without its secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> Redacted {
        let (text, Found { count, by_rule }) = self.marked(text, Marks::Named);
        Redacted {
            text,
            count,
            by_rule,
        }
    }

    /// For bytes that come in pieces.
    #[must_use]
    pub fn stream(&self) -> Stream {
        Stream::new(Arc::clone(&self.rules))
    }

    /// The bytes without their secrets, after bytes that left this state.
    fn resume(&self, bytes: &[u8], before: State, marks: Marks) -> (Vec<u8>, Found, State) {
        let mut stream = Stream::resumed(Arc::clone(&self.rules), before, marks);
        let mut out = Vec::with_capacity(bytes.len());
        stream.push(bytes, &mut out);
        stream.flush(&mut out);
        let found = Found {
            count: stream.count(),
            by_rule: stream.by_rule(),
        };
        (out, found, stream.into_state())
    }

    fn marked(&self, text: &str, marks: Marks) -> (String, Found) {
        let (bytes, found, _) = self.resume(text.as_bytes(), State::default(), marks);
        // Only whole characters are taken out.
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        (text, found)
    }

    /// The value of a field without its secrets: all of it, when the name says that it is one.
    fn field(&self, name: &str, value: &str, marks: Marks) -> (String, Found) {
        let (text, found) = self.marked(value, marks);
        if value.is_empty() {
            return (text, found);
        }
        // The value stands between quotes, so that spaces belong to it, and its own quotes do not
        // end it.
        let start = format!("{name}=\"");
        let plain = value.replace(['"', '\\', '\n', '\r'], "_");
        let (line, named) = self.marked(&format!("{start}{plain}\""), Marks::Short);
        if line == format!("{start}*\"") {
            let rule = named.by_rule.keys().next();
            let text = match (marks, rule) {
                (Marks::Named, Some(rule)) => format!("[redacted:{rule}]"),
                _ => "*".to_owned(),
            };
            return (text, named);
        }
        (text, found)
    }
}

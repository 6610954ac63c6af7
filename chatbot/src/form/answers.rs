//! What was filled into a form, before it is read.

use std::collections::BTreeMap;

use countersign_chain::time::UnixMicros;

/// Answers by the key of their field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers(BTreeMap<String, Answer>);

/// What was filled into one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Words, or the value of a choice.
    Words(String),
    /// A point in time.
    Instant(UnixMicros),
}

impl Answers {
    /// Takes an answer; a later one for the same field counts.
    pub fn put(&mut self, key: &str, answer: Answer) {
        self.0.insert(key.to_owned(), answer);
    }

    /// The answer of a field.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Answer> {
        self.0.get(key)
    }
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Nothing in it.
    #[error("please fill this in")]
    Empty,
    /// Too much in it.
    #[error("{length} bytes are too long, at most {max} fit")]
    Long {
        /// Bytes that came.
        length: usize,
        /// Bytes that fit.
        max: usize,
    },
    /// Not one of the list.
    #[error("this is not offered any more: please choose again")]
    Choice,
    /// Not a time.
    #[error("this is no time: expected for example {example}")]
    Instant {
        /// What would be one.
        example: &'static str,
    },
    /// Longer than this access may be.
    #[error("this access is given for {longest} at most")]
    TooLong {
        /// The longest.
        longest: crate::card::span::Span,
    },
    /// Too many names.
    #[error("{count} systems are too many, at most {max} fit")]
    Many {
        /// Names that came.
        count: usize,
        /// Names that fit.
        max: usize,
    },
}

/// Everything that is wrong with a form, by the key of the field, in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} fields of the form are not filled in well", .0.len())]
pub struct FormErrors(pub Vec<(&'static str, FieldError)>);

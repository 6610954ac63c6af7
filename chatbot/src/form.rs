//! Forms that people fill, before any program's way to draw them, and what they filled in.
//!
//! A [`Form`] is made for one person and one thing. The same form that was drawn reads the answers
//! back ([`Form::read`]), so that a choice that was not offered is not accepted. What comes out is
//! typed; what is wrong is said at its field. Whether it is allowed is the ledger's to say.

pub mod answers;
pub mod offer;
mod read;
mod request;
pub mod submission;

use crate::card::action::{Act, Action};
use crate::card::span::Span;
use crate::form::offer::Offer;
use crate::limits::MAX_REASON;

/// A form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What it is for.
    pub purpose: Purpose,
    /// A few words above it.
    pub title: &'static str,
    /// What stands on its button.
    pub submit: &'static str,
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

/// What a form is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To ask for access, of what is offered to this person.
    Request(Vec<Offer>),
    /// To ask for access at once.
    BreakGlass(Vec<Offer>),
    /// To say more about an action on a card.
    About(Action),
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name, for example `reason`.
    pub key: &'static str,
    /// What stands above it.
    pub label: &'static str,
    /// What stands below it; may be empty.
    pub hint: String,
    /// What can be put in.
    pub input: Input,
    /// Whether it may stay empty.
    pub need: Need,
}

/// Whether a field may stay empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It may not.
    Required,
    /// It may.
    Optional,
}

/// What can be put into a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// One line of at most so many bytes.
    Line(usize),
    /// Lines of at most so many bytes.
    Text(usize),
    /// One of a list.
    Choice(Vec<Choice>),
    /// One of a few, all of which are seen.
    Radio(Vec<Choice>),
    /// A point in time.
    Instant,
}

/// One of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What comes back: opaque, at most 75 bytes.
    pub value: String,
    /// What is read; the words may be somebody's.
    pub label: String,
    /// The heading under which it stands; empty for none.
    pub group: String,
}

impl Choice {
    fn new(value: &str, label: &str) -> Self {
        Self {
            value: value.to_owned(),
            label: label.to_owned(),
            group: String::new(),
        }
    }
}

/// Durations that forms offer, in seconds.
const DURATIONS: [u64; 10] = [
    900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200, 604_800, 2_592_000,
];

/// Durations up to a longest one, which is among them.
fn durations(longest: Span) -> Vec<Choice> {
    let shorter = DURATIONS.into_iter().filter(|d| *d < longest.seconds());
    let spans = shorter.filter_map(Span::new).chain([longest]);
    spans
        .map(|span| Choice::new(&span.seconds().to_string(), &span.to_string()))
        .collect()
}

fn reason(label: &'static str, hint: &str, need: Need) -> Field {
    Field {
        key: "reason",
        label,
        hint: hint.to_owned(),
        input: Input::Text(MAX_REASON),
        need,
    }
}

fn radio(key: &'static str, label: &'static str, choices: &[(&str, &str)]) -> Field {
    let choices = choices
        .iter()
        .map(|(value, label)| Choice::new(value, label));
    Field {
        key,
        label,
        hint: String::new(),
        input: Input::Radio(choices.collect()),
        need: Need::Required,
    }
}

impl Form {
    /// To ask for access. Without an offer there is nothing to ask for, and no form.
    #[must_use]
    pub fn request(offers: Vec<Offer>) -> Option<Self> {
        let fields = request::fields(&offers, Need::Optional)?;
        Some(Self {
            purpose: Purpose::Request(offers),
            title: "Request access",
            submit: "Request",
            fields,
        })
    }

    /// To take access at once. Without an offer there is no form.
    #[must_use]
    pub fn break_glass(offers: Vec<Offer>) -> Option<Self> {
        let mut fields = request::fields(&offers, Need::Required)?;
        fields.retain(|field| field.key != "start");
        Some(Self {
            purpose: Purpose::BreakGlass(offers),
            title: "Break glass",
            submit: "Take access now",
            fields,
        })
    }

    /// To say why, for an action that needs it or may have it. An approval can be given without a
    /// word, and has a form for who wants to say one.
    #[must_use]
    pub fn about(action: Action, longest: Span) -> Self {
        let (title, submit) = match action.act {
            Act::Approve => ("Approve", "Approve"),
            Act::Deny => ("Deny", "Deny"),
            Act::Cancel => ("Cancel request", "Take it back"),
            Act::Extend => ("More time", "Ask"),
            Act::Finish => ("Finish access", "I am done"),
            Act::Revoke => ("Revoke access", "Revoke"),
            Act::RetroReview => ("Review break-glass", "Record"),
            Act::Feedback => ("Feedback", "Send"),
        };
        Self {
            purpose: Purpose::About(action),
            title,
            submit,
            fields: about(action.act, longest),
        }
    }
}

fn about(act: Act, longest: Span) -> Vec<Field> {
    let ratings = [("yes", "Yes"), ("partly", "In part"), ("no", "No")];
    match act {
        Act::Approve | Act::Cancel => vec![reason("Reason", "", Need::Optional)],
        Act::Finish => vec![reason("How did it go?", "", Need::Optional)],
        Act::Deny => vec![reason("Reason", "The requester reads it.", Need::Required)],
        Act::Revoke => vec![reason("Reason", "The holder reads it.", Need::Required)],
        Act::Extend => vec![
            Field {
                key: "duration",
                label: "How much more time",
                hint: String::new(),
                input: Input::Choice(durations(longest)),
                need: Need::Required,
            },
            reason("Reason", "Approvers read it.", Need::Required),
        ],
        Act::RetroReview => vec![
            radio(
                "verdict",
                "Was it justified?",
                &[("justified", "Yes"), ("not-justified", "No")],
            ),
            reason("Reason", "", Need::Required),
        ],
        Act::Feedback => vec![
            radio("sufficient", "Was the access what was needed?", &ratings),
            radio("wait", "Was the wait acceptable?", &ratings),
            Field {
                key: "comment",
                label: "Anything else",
                hint: String::new(),
                input: Input::Text(MAX_REASON),
                need: Need::Optional,
            },
        ],
    }
}

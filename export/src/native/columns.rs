//! What events say, as typed columns. The table of the columns is here; which field of which event
//! goes where is an exhaustive match, so that no kind is without.

mod access;
mod other;

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;
use countersign_proto::event::Known;
use prost_types::Timestamp;
use std::borrow::Cow;

use super::cell::{Cell, Flag, Number, Signed, Text, Time};
use super::read::Read;
use super::schema::Column;

/// Makes the table below into the values of a row, their columns, what collects them and what
/// compares them.
macro_rules! facts {
    ($(#[doc = $about:literal] $name:ident: $cell:ident,)*) => {
        /// The typed values of one event. What an event does not say, or leaves empty, is `None`.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Facts<'a> {
            $(
                #[doc = $about]
                pub $name: Option<<$cell as Cell>::Value<'a>>,
            )*
        }

        impl Facts<'_> {
            /// Name, type and meaning of each column, in order.
            pub(super) fn columns() -> Vec<Column> {
                vec![$(Column {
                    name: stringify!($name),
                    data_type: $cell::data_type(),
                    nullable: true,
                    about: $about.trim_ascii(),
                },)*]
            }
        }

        /// Collects the values of a batch.
        #[derive(Debug, Default)]
        pub(super) struct FactColumns {
            $($name: <$cell as Cell>::Builder,)*
        }

        impl FactColumns {
            pub(super) fn append(&mut self, facts: &Facts<'_>) {
                $($cell::append(&mut self.$name, facts.$name.as_ref());)*
            }

            /// The columns, in the order of [`Facts::columns`].
            pub(super) fn finish(self) -> Vec<ArrayRef> {
                vec![$($cell::finish(self.$name),)*]
            }
        }

        /// The columns of rows that were read.
        #[derive(Debug)]
        pub(super) struct ReadFacts<'a> {
            $($name: Read<'a, $cell>,)*
        }

        impl<'a> ReadFacts<'a> {
            /// `None` where one is missing, or of another type.
            pub(super) fn of(batch: &'a RecordBatch) -> Option<Self> {
                Some(Self {
                    $($name: Read::of(batch, stringify!($name))?,)*
                })
            }

            /// Whether a row has these values.
            pub(super) fn are(&self, row: usize, facts: &Facts<'_>) -> bool {
                true $(&& self.$name.is(row, facts.$name.as_ref()))*
            }
        }
    };
}

facts! {
    /// Whom it is about, as the policy knows the person
    person: Text,
    /// What access is for
    resource: Text,
    /// What is allowed there
    permission: Text,
    /// Index of the request, extension or break-glass entry that it is about
    request: Number,
    /// Index of the review that decided
    review: Number,
    /// Index of the grant
    grant: Number,
    /// Index of the request for more time
    extension: Number,
    /// Index of the session
    session: Number,
    /// Index of the policy that it was judged by
    policy: Number,
    /// Index of the delegation by which a reviewer took a place
    delegation: Number,
    /// Index of another entry that it is about
    about: Number,
    /// Decision of a reviewer: approve, deny
    decision: Text,
    /// Groups that decide, that a decision counts for, or that are told
    group: Text,
    /// Who must agree, as group:number
    approvals: Text,
    /// Who gave the place away
    delegate_of: Text,
    /// Why, in the words of who acted
    reason: Text,
    /// What else was said: a comment, a message, what was found
    detail: Text,
    /// Ticket of another system
    ticket: Text,
    /// Severity of the incident
    severity: Text,
    /// Other systems that are affected
    affected: Text,
    /// How long the access is asked for
    duration_seconds: Number,
    /// When it begins
    start: Time,
    /// When it ends
    end: Time,
    /// How it came out
    outcome: Text,
    /// What was tried or done, by its name
    action: Text,
    /// Reason code of a refusal
    code: Text,
    /// Place in a sequence: of a command, a part, a reminder or a try
    number: Number,
    /// Command of a session, without its secrets
    command: Text,
    /// Folder in which it ran
    directory: Text,
    /// Exit status of a command or session
    exit_status: Signed,
    /// Number of secrets that were taken out
    redactions: Number,
    /// Whether sessions must be recorded
    record_session: Flag,
    /// Program that was used
    client: Text,
    /// Where it was used from
    source_address: Text,
    /// What was made, found or named: an account, a role, a key, a principal, a sink
    target: Text,
    /// What went wrong
    error: Text,
    /// Where an event of another system comes from
    source: Text,
    /// Where in the source
    position: Text,
    /// When it happened there
    observed_at: Time,
    /// Chat platform, or web
    platform: Text,
    /// Organisation on the platform
    tenant: Text,
    /// Account on the platform
    account: Text,
    /// Who is told
    recipient: Text,
    /// What proved who acted through a bot, or whose an account is
    verified_by: Text,
    /// Whether the person signed the decision with a passkey
    passkey: Flag,
    /// SHA-256 of what the entry commits to, in hexadecimal
    digest: Text,
    /// Number of bytes of it
    bytes: Number,
    /// Number of entries, events or files that are counted
    count: Number,
    /// Serial number of a certificate
    serial: Text,
    /// What an export or report is made for
    preset: Text,
    /// First entry of a range
    range_first: Number,
    /// Behind the last entry of a range
    range_end: Number,
}

impl<'a> Facts<'a> {
    /// The values of an event.
    #[must_use]
    pub fn of(known: &'a Known) -> Self {
        let mut facts = access::facts(known);
        if let Some(evidence) = known.evidence() {
            facts.platform = text(&evidence.platform);
            facts.tenant = text(&evidence.tenant);
            facts.account = text(&evidence.user);
            facts.verified_by = text(&evidence.verified_by);
            facts.passkey = Some(evidence.passkey.is_some());
        }
        facts
    }
}

/// A text, unless it is empty.
fn text(text: &str) -> Option<Cow<'_, str>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

/// Texts with commas between them, unless there are none.
fn list(texts: &[String]) -> Option<Cow<'_, str>> {
    match texts {
        [] => None,
        [one] => text(one),
        more => Some(Cow::Owned(more.join(", "))),
    }
}

/// An index or a number, unless it is 0, which stands for none.
fn some(number: u64) -> Option<u64> {
    (number != 0).then_some(number)
}

/// Bytes in hexadecimal, unless there are none.
fn hex(bytes: &[u8]) -> Option<Cow<'static, str>> {
    (!bytes.is_empty()).then(|| Cow::Owned(countersign_proto::reading::text::hex(bytes)))
}

/// A time in microseconds, rounded down; none when it is unset or out of range.
fn time(time: Option<&Timestamp>) -> Option<i64> {
    let time = time?;
    let micros = time.seconds.checked_mul(1_000_000)?;
    micros.checked_add(i64::from(time.nanos.div_euclid(1_000)))
}

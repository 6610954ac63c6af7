//! What an entry can do against the rules: one code each. `verify` shows them (docs/findings.md).

use std::fmt;

use countersign_proto::reason::Reason;

use crate::timer::Timer;

/// Makes the table below into an enum and its lookups.
macro_rules! faults {
    ($($variant:ident $code:literal $meaning:literal;)*) => {
        /// A rule that was broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $(
                #[doc = $meaning]
                $variant,
            )*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its stable name.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }
        }
    };
}

faults! {
    GrantWithoutApproval "grant-without-approval"
        "Access was given, or put on the calendar, and nothing before it allows that.";
    ExtensionWithoutApproval "extension-without-approval"
        "Access was made longer, and nothing before it allows that.";
    DenialWithoutReview "denial-without-review"
        "A request was denied, and nobody said no.";
    ClosedEarly "closed-early"
        "A case was closed while something was left to be done.";
    TooEarly "too-early"
        "The ledger wrote what was not due yet, or not any more.";
    GrantMissing "grant-missing"
        "Everybody who must had agreed, and no grant follows at once.";
    ExtensionMissing "extension-missing"
        "Everybody who must had agreed to more time, and it does not follow at once.";
    DenialMissing "denial-missing"
        "Somebody said no, and the end of the request does not follow at once.";
    ClosingMissing "closing-missing"
        "Nothing was left to be done in a case, and it was not closed.";
    ExpiryMissing "expiry-missing"
        "The time of a grant or a request was over, and no entry ended it.";
    StartMissing "start-missing"
        "A grant should have begun, and did not.";
    OverrunMissing "overrun-missing"
        "A session outlived its grant, and no entry tells.";
    ReminderMissing "reminder-missing"
        "People should have been reminded, warned or asked, and were not.";
    WrongActor "wrong-actor"
        "The entry is by somebody who may not make such entries.";
    WrongPerson "wrong-person"
        "The entry names another person than the one whose account or place it was.";
    WrongPolicy "wrong-policy"
        "The entry names another policy than the one that was in force.";
    WrongObligations "wrong-obligations"
        "The entry asks for something else than the policy does.";
    WrongEnd "wrong-end"
        "Access was given until another time than the rules say.";
    WrongCase "wrong-case"
        "The entry stands in another case than the one that it is about.";
    WrongField "wrong-field"
        "A field of the entry is not what the rules make it.";
    SelfApproval "self-approval"
        "Somebody decided on an access of their own.";
    NotAReviewer "not-a-reviewer"
        "Somebody decided who may not.";
    PasskeyMissing "passkey-missing"
        "An approval that needs a passkey has none, or one that does not prove it.";
    ReviewedTwice "reviewed-twice"
        "Somebody decided twice on the same request.";
    DecidedAlready "decided-already"
        "The request waited for no decision any more.";
    NotYours "not-yours"
        "Somebody did what only the holder of the access may do.";
    GrantNotActive "grant-not-active"
        "A grant was used that was over, or had not begun.";
    RequestNotAllowed "request-not-allowed"
        "The policy does not allow the request.";
    TooLong "too-long"
        "The access would last longer than the policy allows.";
    PersonUnknown "person-unknown"
        "The policy knows no person for the one who acted.";
    PolicyMissing "policy-missing"
        "Somebody asked for access before there was a policy.";
    PolicyRefused "policy-refused"
        "The policy should not have come into force, or cannot be used.";
    ExtensionRefused "extension-refused"
        "More time was asked for where the policy allows no more.";
    SessionOver "session-over"
        "The session was over, or never began.";
    FeedbackRefused "feedback-refused"
        "No feedback was waited for in this case, or not from this person.";
    RetroRefused "retro-refused"
        "The case waited for no review afterwards.";
    ProvisioningOrder "provisioning-order"
        "The report does not fit what was known of the grant's access.";
    DelegationRefused "delegation-refused"
        "The place could not be given away like this.";
    NumberUnknown "number-unknown"
        "The entry names something that is not there, or that is something else.";
    TextRefused "text-refused"
        "A text or a time of the entry is missing, too long, or out of range.";
    TooMany "too-many"
        "The ledger keeps a limit that the entry is beyond.";
    RefusalUnknown "refusal-unknown"
        "A refusal was recorded for a reason that does not exist.";
    NotAllowed "not-allowed"
        "The entry does not follow from what stands before it.";
}

impl Fault {
    /// What it is that an entry exists which should have been refused for this reason.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "commands are refused for no other reasons; one to come is not lost"
    )]
    #[must_use]
    pub const fn of_refusal(reason: Reason) -> Self {
        match reason {
            Reason::SelfApproval => Self::SelfApproval,
            Reason::NotAReviewer => Self::NotAReviewer,
            Reason::PasskeyNeeded | Reason::PasskeyInvalid => Self::PasskeyMissing,
            Reason::AlreadyReviewed => Self::ReviewedTwice,
            Reason::AlreadyDecided => Self::DecidedAlready,
            Reason::NotYours => Self::NotYours,
            Reason::GrantNotActive => Self::GrantNotActive,
            Reason::RequestNotAllowed | Reason::ResourceUnknown | Reason::PermissionUnknown => {
                Self::RequestNotAllowed
            }
            Reason::DurationTooLong | Reason::DurationInvalid => Self::TooLong,
            Reason::PersonUnknown => Self::PersonUnknown,
            Reason::RoleNotAllowed | Reason::ActorInvalid => Self::WrongActor,
            Reason::PolicyMissing => Self::PolicyMissing,
            Reason::PolicyInvalid
            | Reason::PolicyUnchanged
            | Reason::PolicyConflict
            | Reason::PolicyLocksOut => Self::PolicyRefused,
            Reason::ExtensionPending | Reason::ExtensionsUsedUp => Self::ExtensionRefused,
            Reason::SessionEnded => Self::SessionOver,
            Reason::FeedbackNotOpen => Self::FeedbackRefused,
            Reason::RetroNotOpen => Self::RetroRefused,
            Reason::ProvisioningOrder => Self::ProvisioningOrder,
            Reason::DelegationInvalid => Self::DelegationRefused,
            Reason::IdUnknown | Reason::IdWrongKind => Self::NumberUnknown,
            Reason::TextInvalid | Reason::StartInvalid => Self::TextRefused,
            Reason::TooManyCases => Self::TooMany,
            _ => Self::NotAllowed,
        }
    }

    /// What it is that this was due and was not written.
    #[must_use]
    pub const fn of_timer(timer: Timer) -> Self {
        match timer {
            Timer::RequestExpires | Timer::GrantExpires => Self::ExpiryMissing,
            Timer::GrantStarts => Self::StartMissing,
            Timer::Overrun => Self::OverrunMissing,
            Timer::Escalate
            | Timer::Remind
            | Timer::Warn
            | Timer::RetroLate
            | Timer::RetroRemind => Self::ReminderMissing,
            Timer::Close => Self::ClosingMissing,
        }
    }

    /// What it is that an event of this kind did not follow.
    #[must_use]
    pub(super) const fn of_missing(kind: u16) -> Self {
        match kind {
            22 => Self::DenialMissing,
            29 => Self::ExtensionMissing,
            39 => Self::ClosingMissing,
            _ => Self::GrantMissing,
        }
    }

    /// What it is that the ledger wrote an event of this kind and nothing led to it.
    #[must_use]
    pub(super) const fn of_unexpected(kind: u16) -> Self {
        match kind {
            22 => Self::DenialWithoutReview,
            27 | 28 => Self::GrantWithoutApproval,
            29 => Self::ExtensionWithoutApproval,
            39 => Self::ClosedEarly,
            _ => Self::TooEarly,
        }
    }

    /// What it is that this field is another than the rules make it.
    #[must_use]
    pub(super) fn of_field(field: &str) -> Self {
        match field {
            "person" | "from" | "delegate_of" | "delegation" => Self::WrongPerson,
            "policy" | "previous" => Self::WrongPolicy,
            "obligations" | "record_session" | "record_input" => Self::WrongObligations,
            "end" => Self::WrongEnd,
            _ => Self::WrongField,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

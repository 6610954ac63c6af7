//! The one table of error reasons, and the statuses that carry them.
//!
//! Every refusal is a `google.rpc.Status` with an `ErrorInfo` of the domain [`DOMAIN`] whose reason
//! stands in the table below; its metadata `hint` tells the caller what to do. Programs branch on
//! the reason and its [`Class`], never on the message. docs/errors.md explains each reason, and a
//! test compares it with the table.

mod status;

use std::fmt;

use tonic::Code;

pub use status::{field_violation, hint_of, reason_of, refusal, with_metadata};

/// Domain of the `ErrorInfo` of every refusal.
pub const DOMAIN: &str = "countersign";

/// Who can do something about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The caller: the same call will be refused again.
    Caller,
    /// Time: the same call, with the same idempotency keys, may succeed later.
    Retry,
    /// The operator of the ledger.
    Fatal,
}

impl Class {
    /// Name in docs/errors.md.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Retry => "retry",
            Self::Fatal => "fatal",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Makes the table below into an enum and its lookups.
macro_rules! reasons {
    ($($variant:ident $name:literal $code:ident $class:ident $summary:literal;)*) => {
        /// Why a call was refused or failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $(
                #[doc = concat!("`", $name, "`: ", $summary, ".")]
                $variant,
            )*
        }

        impl Reason {
            /// Every reason, in the order of docs/errors.md.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The reason as it stands in `ErrorInfo`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The gRPC status code that goes with it.
            #[must_use]
            pub const fn code(self) -> Code {
                match self {
                    $(Self::$variant => Code::$code,)*
                }
            }

            /// Who can do something about it.
            #[must_use]
            pub const fn class(self) -> Class {
                match self {
                    $(Self::$variant => Class::$class,)*
                }
            }

            /// What it means, in one sentence without a full stop.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self {
                    $(Self::$variant => $summary,)*
                }
            }
        }
    };
}

reasons! {
    DeadlineMissing "DEADLINE_MISSING" InvalidArgument Caller
        "the call carries no deadline";
    DeadlineTooLong "DEADLINE_TOO_LONG" InvalidArgument Caller
        "the deadline is further away than the ledger allows";
    LogUnknown "LOG_UNKNOWN" NotFound Caller
        "the ledger has no log of this name";
    LogNameInvalid "LOG_NAME_INVALID" InvalidArgument Caller
        "the text is no name of a log";
    EventMissing "EVENT_MISSING" InvalidArgument Caller
        "the draft holds no event";
    EventConflict "EVENT_CONFLICT" InvalidArgument Caller
        "the draft holds more than one event";
    KindUnknown "KIND_UNKNOWN" InvalidArgument Caller
        "the ledger does not know this kind of event";
    KindNotAllowed "KIND_NOT_ALLOWED" PermissionDenied Caller
        "the caller's role may not append this kind of event";
    PayloadMalformed "PAYLOAD_MALFORMED" InvalidArgument Caller
        "the request or its event is not what the .proto file describes";
    PayloadTooLarge "PAYLOAD_TOO_LARGE" InvalidArgument Caller
        "the event is larger than an entry's payload may be";
    RecordTooLarge "RECORD_TOO_LARGE" InvalidArgument Caller
        "the event with its actor and key does not fit into a record";
    BatchEmpty "BATCH_EMPTY" InvalidArgument Caller
        "the batch holds no draft";
    BatchTooLarge "BATCH_TOO_LARGE" InvalidArgument Caller
        "the batch does not fit into one commit";
    IdempotencyKeyInvalid "IDEMPOTENCY_KEY_INVALID" InvalidArgument Caller
        "the text is no idempotency key";
    IdempotencyKeyReused "IDEMPOTENCY_KEY_REUSED" AlreadyExists Caller
        "the idempotency key belongs to an entry with another event";
    SequencePassed "SEQUENCE_PASSED" AlreadyExists Caller
        "the place in the queue is below one that the log holds already";
    BatchPartlyRepeated "BATCH_PARTLY_REPEATED" FailedPrecondition Caller
        "some drafts of the batch are entries already and others are not";
    ActorInvalid "ACTOR_INVALID" InvalidArgument Caller
        "the text is no principal";
    ActorNotAllowed "ACTOR_NOT_ALLOWED" PermissionDenied Caller
        "the caller may not speak for this principal";
    CaseUnknown "CASE_UNKNOWN" FailedPrecondition Caller
        "the log has no entry of this index that could open a case";
    IndexOutOfRange "INDEX_OUT_OF_RANGE" OutOfRange Caller
        "the index is outside the range that the call allows";
    EntryUnknown "ENTRY_UNKNOWN" NotFound Caller
        "the log has no readable entry at this index";
    ReceiptUnknown "RECEIPT_UNKNOWN" NotFound Caller
        "the caller has no entry under this index or key";
    SizeOutOfRange "SIZE_OUT_OF_RANGE" OutOfRange Caller
        "the log has no tree of this size, or the sizes are in the wrong order";
    PageTokenInvalid "PAGE_TOKEN_INVALID" InvalidArgument Caller
        "the page token is not one that this call gave out";
    PageSizeInvalid "PAGE_SIZE_INVALID" InvalidArgument Caller
        "the page size is above its limit";
    FilterInvalid "FILTER_INVALID" InvalidArgument Caller
        "a condition of the filter cannot be read";
    TimeInvalid "TIME_INVALID" InvalidArgument Caller
        "the timestamp is no time of a ledger";
    MessageTooLarge "MESSAGE_TOO_LARGE" ResourceExhausted Caller
        "the request is larger than the ledger reads";
    MetadataTooLarge "METADATA_TOO_LARGE" ResourceExhausted Caller
        "the header fields of the call are larger than the ledger reads";
    MethodUnknown "METHOD_UNKNOWN" Unimplemented Caller
        "the ledger has no such method";
    RoleNotAllowed "ROLE_NOT_ALLOWED" PermissionDenied Caller
        "the caller's role may not call this method";
    IdentityMissing "IDENTITY_MISSING" Unauthenticated Caller
        "the connection carries no client certificate";
    IdentityInvalid "IDENTITY_INVALID" Unauthenticated Caller
        "the client certificate names no principal of this ledger";
    CertificateRevoked "CERTIFICATE_REVOKED" Unauthenticated Caller
        "the client certificate was revoked";
    CertificateExpired "CERTIFICATE_EXPIRED" Unauthenticated Caller
        "the client certificate is outside its time of validity";
    CertificateUnknown "CERTIFICATE_UNKNOWN" NotFound Caller
        "the log knows no certificate with this serial number";
    CsrInvalid "CSR_INVALID" InvalidArgument Caller
        "the text is no certificate request that the ledger can sign";
    RoleInvalid "ROLE_INVALID" InvalidArgument Caller
        "the text is no role";
    NameInvalid "NAME_INVALID" InvalidArgument Caller
        "the text is no name of a principal";
    ValidityInvalid "VALIDITY_INVALID" InvalidArgument Caller
        "the certificate would be valid for longer than allowed";
    AlreadyRevoked "ALREADY_REVOKED" FailedPrecondition Caller
        "the certificate was revoked before";
    PolicyMissing "POLICY_MISSING" FailedPrecondition Caller
        "no policy is in force";
    PolicyInvalid "POLICY_INVALID" InvalidArgument Caller
        "the bundle is no policy that could be used";
    PolicyUnchanged "POLICY_UNCHANGED" AlreadyExists Caller
        "the bundle is the policy in force already";
    PolicyConflict "POLICY_CONFLICT" Aborted Caller
        "another policy is in force than the one that the new one replaces";
    PolicyLocksOut "POLICY_LOCKS_OUT" FailedPrecondition Caller
        "nobody could get access under the policy";
    PersonUnknown "PERSON_UNKNOWN" PermissionDenied Caller
        "the policy knows no person for this principal";
    ResourceUnknown "RESOURCE_UNKNOWN" NotFound Caller
        "the policy has no resource of this name";
    PermissionUnknown "PERMISSION_UNKNOWN" InvalidArgument Caller
        "the resource has no such permission";
    RequestNotAllowed "REQUEST_NOT_ALLOWED" PermissionDenied Caller
        "the policy does not allow this request";
    DurationTooLong "DURATION_TOO_LONG" InvalidArgument Caller
        "the access would last longer than the policy allows";
    DurationInvalid "DURATION_INVALID" InvalidArgument Caller
        "the duration is no time that access could last";
    StartInvalid "START_INVALID" InvalidArgument Caller
        "the wanted start is past, or too far away";
    TextInvalid "TEXT_INVALID" InvalidArgument Caller
        "a text is missing, too long, or not one of those that are allowed";
    IdUnknown "ID_UNKNOWN" NotFound Caller
        "the number belongs to no case";
    IdWrongKind "ID_WRONG_KIND" InvalidArgument Caller
        "the number belongs to something else than the call is about";
    SelfApproval "SELF_APPROVAL" PermissionDenied Caller
        "nobody decides on an access of their own";
    NotAReviewer "NOT_A_REVIEWER" PermissionDenied Caller
        "the caller may not decide on this";
    PasskeyNeeded "PASSKEY_NEEDED" PermissionDenied Caller
        "the policy wants this decision signed with a passkey";
    PasskeyInvalid "PASSKEY_INVALID" PermissionDenied Caller
        "the passkey's signature does not prove this decision";
    AlreadyReviewed "ALREADY_REVIEWED" FailedPrecondition Caller
        "the caller has decided on this before";
    AlreadyDecided "ALREADY_DECIDED" FailedPrecondition Caller
        "the request or extension waits for no decision any more";
    NotYours "NOT_YOURS" PermissionDenied Caller
        "only the one whose access it is may do this";
    GrantNotActive "GRANT_NOT_ACTIVE" FailedPrecondition Caller
        "the grant is over, or has not begun";
    ExtensionPending "EXTENSION_PENDING" FailedPrecondition Caller
        "an extension of this grant waits for decisions already";
    ExtensionsUsedUp "EXTENSIONS_USED_UP" FailedPrecondition Caller
        "the policy allows no further extension";
    SessionUnknown "SESSION_UNKNOWN" FailedPrecondition Caller
        "the number is no session that the caller may tell of or look at";
    BlobUnknown "BLOB_UNKNOWN" FailedPrecondition Caller
        "the event commits to content that was not stored before";
    SessionEnded "SESSION_ENDED" FailedPrecondition Caller
        "the session is over";
    FeedbackNotOpen "FEEDBACK_NOT_OPEN" FailedPrecondition Caller
        "no feedback is taken for this case now, or from this person";
    RetroNotOpen "RETRO_NOT_OPEN" FailedPrecondition Caller
        "the case waits for no review afterwards";
    ProvisioningOrder "PROVISIONING_ORDER" FailedPrecondition Caller
        "the report does not fit what is known of the grant's access";
    DelegationInvalid "DELEGATION_INVALID" InvalidArgument Caller
        "the place cannot be given away like this";
    AuditNotAllowed "AUDIT_NOT_ALLOWED" PermissionDenied Caller
        "the policy does not permit the caller to read what others did";
    PeriodTooLong "PERIOD_TOO_LONG" InvalidArgument Caller
        "more cases were opened in the period than one answer is made from";
    QueueFull "QUEUE_FULL" ResourceExhausted Retry
        "more events are waiting than the ledger holds";
    TooManyStreams "TOO_MANY_STREAMS" ResourceExhausted Retry
        "more streams are open than the ledger serves";
    TooManyCalls "TOO_MANY_CALLS" ResourceExhausted Retry
        "more calls, or larger ones, are under way than the ledger serves";
    TooManyConnections "TOO_MANY_CONNECTIONS" ResourceExhausted Retry
        "the client has more connections than the ledger keeps for it";
    DiskFull "DISK_FULL" ResourceExhausted Retry
        "the log's file system has too little room for new events";
    TooManyCases "TOO_MANY_CASES" ResourceExhausted Retry
        "more cases are open than the ledger keeps for this person, or in all";
    Replaying "REPLAYING" Unavailable Retry
        "the ledger has just started and reads the cases out of its log";
    ClockBehind "CLOCK_BEHIND" Unavailable Retry
        "the ledger's clock is behind its log, so no access is given";
    OutcomeUnknown "OUTCOME_UNKNOWN" Unavailable Retry
        "the writer failed and the entry may or may not be in the log";
    ShuttingDown "SHUTTING_DOWN" Unavailable Retry
        "the ledger is stopping and takes no new calls";
    StoreDamaged "STORE_DAMAGED" DataLoss Fatal
        "stored bytes are not what was written";
    Internal "INTERNAL" Internal Fatal
        "the ledger broke a rule of its own";
}

impl Reason {
    /// The reason with this name in `ErrorInfo`; `None` when this version does not know it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_error_info() {
        for reason in Reason::ALL {
            let name = reason.as_str();
            // google.rpc.ErrorInfo: at most 63 characters of [A-Z][A-Z0-9_]+[A-Z0-9].
            assert!(
                name.len() <= 63 && !name.starts_with('_') && !name.ends_with('_'),
                "{name}"
            );
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_'),
                "{name}"
            );
            assert_eq!(
                Reason::parse(name),
                Some(*reason),
                "{name} stands in the table twice"
            );
            assert_eq!(format!("{reason:?}").to_uppercase(), name.replace('_', ""));
        }
        assert_eq!(Reason::parse("queue_full"), None);
        assert_eq!(Reason::parse(""), None);
    }

    #[test]
    fn codes_agree_with_classes() {
        for reason in Reason::ALL {
            let class = match reason.code() {
                Code::Unavailable => Some(Class::Retry),
                Code::DataLoss | Code::Internal => Some(Class::Fatal),
                Code::ResourceExhausted => None,
                _ => Some(Class::Caller),
            };
            assert!(
                class.is_none_or(|class| class == reason.class()),
                "{reason}"
            );
            assert_ne!(reason.code(), Code::Ok, "{reason}");
        }
    }
}

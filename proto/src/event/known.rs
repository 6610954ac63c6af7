//! The kinds that this version knows: number, name and message of each, in one table.

use prost::Message;

use crate::event::{Event, EventError, rules};
use crate::v1;

/// A message that is an event.
pub trait Kinded: Message + Default {
    /// Field number in `countersign.v1.Event`, and the entry's kind.
    const KIND: u16;
    /// Name of the kind and of the message.
    const NAME: &'static str;
}

/// Makes the table below into an enum and its lookups.
macro_rules! kinds {
    ($($kind:literal $name:ident,)*) => {
        /// A decoded event.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Known {
            $(
                #[doc = concat!("Kind ", stringify!($kind), ".")]
                $name(v1::$name),
            )*
        }

        $(
            impl Kinded for v1::$name {
                const KIND: u16 = $kind;
                const NAME: &'static str = stringify!($name);
            }

            impl From<v1::$name> for Known {
                fn from(message: v1::$name) -> Self {
                    Self::$name(message)
                }
            }
        )*

        const TABLE: &[(u16, &str)] = &[$(($kind, stringify!($name)),)*];

        impl Known {
            /// Decodes an entry's payload and checks the rules of its kind.
            ///
            /// # Errors
            /// [`EventError`] when the kind is unknown, the bytes are not its message, or a field
            /// breaks a rule.
            pub fn decode(kind: u16, payload: &[u8]) -> Result<Self, EventError> {
                let known = match kind {
                    $($kind => Self::$name(message(payload)?),)*
                    _ => return Err(EventError::UnknownKind { field: u32::from(kind) }),
                };
                rules::check(&known)?;
                Ok(known)
            }

            /// The kind.
            #[must_use]
            pub const fn kind(&self) -> u16 {
                match self {
                    $(Self::$name(_) => $kind,)*
                }
            }

            /// Name of the kind.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }

            /// The event with this message, encoded here.
            #[must_use]
            pub fn to_event(&self) -> Event {
                match self {
                    $(Self::$name(message) => Event::from_message(message),)*
                }
            }
        }
    };
}

kinds! {
    1 LogOpened,
    2 LogRecovered,
    5 ClockStepped,
    6 DiskLow,
    7 LogStopped,
    8 CertificateIssued,
    9 CertificateRevoked,
    10 PolicyChanged,
    20 AccessRequested,
    21 ReviewRecorded,
    22 RequestDenied,
    23 RequestCancelled,
    24 RequestExpired,
    25 ApproversReminded,
    26 RequestEscalated,
    27 GrantScheduled,
    28 GrantIssued,
    29 GrantExtended,
    30 GrantRevoked,
    31 GrantFinished,
    32 GrantExpired,
    33 ExpiryWarned,
    34 ExtensionRequested,
    35 BreakGlassInvoked,
    36 RetroReviewRecorded,
    37 ActionRefused,
    38 FeedbackSubmitted,
    39 CaseClosed,
    40 IdentityLinked,
    41 DelegationChanged,
    60 SessionStarted,
    61 CommandExecuted,
    62 SessionOutput,
    63 SessionEnded,
    64 SessionOverran,
    65 RecordingViewed,
    80 GrantProvisioned,
    81 ProvisioningFailed,
    82 AccessRemoved,
    83 RemovalFailed,
    84 AccessDriftDetected,
    100 NotificationDelivered,
    101 NotificationFailed,
    102 SinkFailed,
    120 ExportCreated,
    121 ReportCreated,
    140 ExternalEvent,
    141 SpoolGap,
    142 AgentStarted,
    143 AgentStopped,
}

/// Name of a kind, for example `ExternalEvent`; `None` when this version does not know the kind.
#[must_use]
pub fn kind_name(kind: u16) -> Option<&'static str> {
    TABLE
        .iter()
        .find(|(number, _)| *number == kind)
        .map(|(_, name)| *name)
}

/// The kind with this name, for example `ExternalEvent`.
#[must_use]
pub fn kind_by_name(name: &str) -> Option<u16> {
    TABLE
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(number, _)| *number)
}

/// Number and name of every known kind, in order of their numbers.
pub fn kinds() -> impl Iterator<Item = (u16, &'static str)> {
    TABLE.iter().copied()
}

fn message<M: Kinded>(payload: &[u8]) -> Result<M, EventError> {
    M::decode(payload).map_err(|source| EventError::Malformed {
        name: M::NAME,
        source,
    })
}

//! Roles, and the one table of what each role may call and which events it may append.
//!
//! A method that is not in [`METHODS`] can be called by nobody, and a kind that is not in [`KINDS`]
//! can be appended by nobody. The kinds of the log itself (1 to 19) are the ledger's alone.

pub mod page;

use std::fmt;

use countersign_chain::kind::Kind;

/// What the owner of a certificate is to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Runs the ledger: certificates, status, all reads.
    Admin,
    /// A person.
    User,
    /// A chat bot; speaks for users it has authenticated.
    Bot,
    /// Collects events near production.
    Agent,
    /// Gives and removes access.
    Provisioner,
    /// Reads everything, and writes only that it did.
    Auditor,
    /// Countersigns checkpoints.
    Witness,
}

/// Why a text is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "role {0:?} is not known; expected admin, user, bot, agent, provisioner, auditor or witness"
)]
pub struct RoleError(pub String);

impl Role {
    /// Every role, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Admin,
        Self::User,
        Self::Bot,
        Self::Agent,
        Self::Provisioner,
        Self::Auditor,
        Self::Witness,
    ];

    /// Reads a role as certificates and requests spell it.
    ///
    /// # Errors
    /// [`RoleError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, RoleError> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| RoleError(text.into()))
    }

    /// The text, as it stands in a principal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
            Self::Bot => "bot",
            Self::Agent => "agent",
            Self::Provisioner => "provisioner",
            Self::Auditor => "auditor",
            Self::Witness => "witness",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a call must say how long its caller waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// Unary calls: `grpc-timeout` is required and bounded.
    Required,
    /// Streams, health and reflection: it may be left out, and may be long.
    Optional,
}

/// One line of the table of methods.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// Path of the HTTP/2 request.
    pub path: &'static str,
    /// Roles that may call it.
    pub roles: &'static [Role],
    /// Whether it needs a deadline.
    pub deadline: Deadline,
}

/// One line of the table of events.
#[derive(Debug, Clone, Copy)]
pub struct KindRule {
    /// Field number in `countersign.v1.Event`.
    pub kind: u16,
    /// Name of the message.
    pub name: &'static str,
    /// Roles that may append it.
    pub roles: &'static [Role],
}

const EVERYONE: &[Role] = &Role::ALL;
const ADMIN: &[Role] = &[Role::Admin];
/// Administrators, and those who watch them.
const OVERSEERS: &[Role] = &[Role::Admin, Role::Auditor];
/// The same, and people whom the policy permits `read_audit`, also when a bot asks for them.
const WATCHERS: &[Role] = &[Role::Admin, Role::User, Role::Bot, Role::Auditor];
/// Bots and provisioners act on what they follow, so they read entries too.
const READERS: &[Role] = &[Role::Admin, Role::Bot, Role::Provisioner, Role::Auditor];
const WRITERS: &[Role] = &[
    Role::Admin,
    Role::User,
    Role::Bot,
    Role::Agent,
    Role::Provisioner,
];
/// People, and bots that speak for them.
const PEOPLE: &[Role] = &[Role::Admin, Role::User, Role::Bot];
/// Those near production, who give and record access.
const KEEPERS: &[Role] = &[Role::Admin, Role::User, Role::Bot, Role::Agent];
const PROVISIONERS: &[Role] = &[Role::Admin, Role::Provisioner];
/// Everybody who has to do with access.
const INVOLVED: &[Role] = &[
    Role::Admin,
    Role::User,
    Role::Bot,
    Role::Agent,
    Role::Provisioner,
    Role::Auditor,
];
/// Auditors add what they took away, one event at a time.
const APPENDERS: &[Role] = INVOLVED;
/// The log writes these itself, from the calls of the access service.
const NOBODY: &[Role] = &[];
/// Those who carry what people say in chat, and what is said to them.
const BOTS: &[Role] = &[Role::Admin, Role::Bot];
const AGENTS: &[Role] = &[Role::Admin, Role::Agent];
/// Those whose events go through a spool, which knows what it lost.
const COLLECTORS: &[Role] = &[Role::Admin, Role::User, Role::Agent, Role::Provisioner];
/// Those who start sessions, but for bots.
const RECORDERS: &[Role] = &[Role::Admin, Role::User, Role::Agent];

/// Which role may call what.
pub const METHODS: &[Method] = &[
    unary("/countersign.v1.LogService/Append", APPENDERS),
    unary("/countersign.v1.LogService/AppendBatch", WRITERS),
    stream("/countersign.v1.LogService/AppendStream", WRITERS),
    unary("/countersign.v1.LogService/GetEntry", READERS),
    unary("/countersign.v1.LogService/ListEntries", READERS),
    stream("/countersign.v1.LogService/Follow", READERS),
    unary("/countersign.v1.LogService/GetReceipt", EVERYONE),
    unary("/countersign.v1.LogService/GetSequence", EVERYONE),
    unary("/countersign.v1.LogService/GetCheckpoint", EVERYONE),
    unary("/countersign.v1.LogService/GetInclusionProof", EVERYONE),
    unary("/countersign.v1.LogService/GetConsistencyProof", EVERYONE),
    unary("/countersign.v1.AdminService/IssueCertificate", ADMIN),
    unary("/countersign.v1.AdminService/RevokeCertificate", ADMIN),
    unary("/countersign.v1.AdminService/ListCertificates", OVERSEERS),
    unary("/countersign.v1.AdminService/Status", OVERSEERS),
    unary("/countersign.v1.AccessService/RequestAccess", PEOPLE),
    unary("/countersign.v1.AccessService/BreakGlass", PEOPLE),
    unary("/countersign.v1.AccessService/Review", PEOPLE),
    unary("/countersign.v1.AccessService/RetroReview", PEOPLE),
    unary("/countersign.v1.AccessService/CancelRequest", PEOPLE),
    unary("/countersign.v1.AccessService/ExtendGrant", PEOPLE),
    unary("/countersign.v1.AccessService/RevokeGrant", PEOPLE),
    unary("/countersign.v1.AccessService/FinishGrant", PEOPLE),
    unary("/countersign.v1.AccessService/StartSession", KEEPERS),
    unary("/countersign.v1.AccessService/EndSession", KEEPERS),
    unary(
        "/countersign.v1.AccessService/ReportProvisioning",
        PROVISIONERS,
    ),
    unary("/countersign.v1.AccessService/SubmitFeedback", PEOPLE),
    unary("/countersign.v1.AccessService/Delegate", PEOPLE),
    unary("/countersign.v1.AccessService/CheckAccess", INVOLVED),
    unary("/countersign.v1.AccessService/GetCase", INVOLVED),
    unary("/countersign.v1.AccessService/ListCases", INVOLVED),
    unary("/countersign.v1.AccessService/Simulate", INVOLVED),
    unary("/countersign.v1.PolicyService/PutPolicy", ADMIN),
    unary("/countersign.v1.PolicyService/GetPolicy", INVOLVED),
    unary("/countersign.v1.PolicyService/ListPolicies", INVOLVED),
    unary("/countersign.v1.RecordingService/PutBlob", RECORDERS),
    stream("/countersign.v1.RecordingService/GetRecording", WATCHERS),
    unary("/countersign.v1.RecordingService/ListSessions", WATCHERS),
    unary("/countersign.v1.InsightsService/GetDelays", WATCHERS),
    unary("/countersign.v1.InsightsService/GetActivity", WATCHERS),
    unary("/countersign.v1.InsightsService/GetOpenIssues", WATCHERS),
    stream("/grpc.health.v1.Health/Check", EVERYONE),
    stream("/grpc.health.v1.Health/Watch", EVERYONE),
    stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        EVERYONE,
    ),
    stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        EVERYONE,
    ),
];

/// Which role may append what.
pub const KINDS: &[KindRule] = &[
    decided(20, "AccessRequested"),
    decided(21, "ReviewRecorded"),
    decided(22, "RequestDenied"),
    decided(23, "RequestCancelled"),
    decided(24, "RequestExpired"),
    decided(25, "ApproversReminded"),
    decided(26, "RequestEscalated"),
    decided(27, "GrantScheduled"),
    decided(28, "GrantIssued"),
    decided(29, "GrantExtended"),
    decided(30, "GrantRevoked"),
    decided(31, "GrantFinished"),
    decided(32, "GrantExpired"),
    decided(33, "ExpiryWarned"),
    decided(34, "ExtensionRequested"),
    decided(35, "BreakGlassInvoked"),
    decided(36, "RetroReviewRecorded"),
    decided(37, "ActionRefused"),
    decided(38, "FeedbackSubmitted"),
    decided(39, "CaseClosed"),
    KindRule {
        kind: 40,
        name: "IdentityLinked",
        roles: BOTS,
    },
    decided(41, "DelegationChanged"),
    decided(60, "SessionStarted"),
    KindRule {
        kind: 61,
        name: "CommandExecuted",
        roles: RECORDERS,
    },
    KindRule {
        kind: 62,
        name: "SessionOutput",
        roles: RECORDERS,
    },
    decided(63, "SessionEnded"),
    decided(64, "SessionOverran"),
    decided(65, "RecordingViewed"),
    decided(80, "GrantProvisioned"),
    decided(81, "ProvisioningFailed"),
    decided(82, "AccessRemoved"),
    decided(83, "RemovalFailed"),
    KindRule {
        kind: 84,
        name: "AccessDriftDetected",
        roles: PROVISIONERS,
    },
    KindRule {
        kind: 100,
        name: "NotificationDelivered",
        roles: BOTS,
    },
    KindRule {
        kind: 101,
        name: "NotificationFailed",
        roles: BOTS,
    },
    KindRule {
        kind: 102,
        name: "SinkFailed",
        roles: OVERSEERS,
    },
    KindRule {
        kind: 120,
        name: "ExportCreated",
        roles: OVERSEERS,
    },
    KindRule {
        kind: 121,
        name: "ReportCreated",
        roles: OVERSEERS,
    },
    KindRule {
        kind: 140,
        name: "ExternalEvent",
        roles: WRITERS,
    },
    KindRule {
        kind: 141,
        name: "SpoolGap",
        roles: COLLECTORS,
    },
    KindRule {
        kind: 142,
        name: "AgentStarted",
        roles: AGENTS,
    },
    KindRule {
        kind: 143,
        name: "AgentStopped",
        roles: AGENTS,
    },
];

/// A kind that only follows from a command.
const fn decided(kind: u16, name: &'static str) -> KindRule {
    KindRule {
        kind,
        name,
        roles: NOBODY,
    }
}

const fn unary(path: &'static str, roles: &'static [Role]) -> Method {
    Method {
        path,
        roles,
        deadline: Deadline::Required,
    }
}

/// A stream, or a probe that tools call without a deadline.
const fn stream(path: &'static str, roles: &'static [Role]) -> Method {
    Method {
        path,
        roles,
        deadline: Deadline::Optional,
    }
}

/// The line of a path, unless nobody may call it.
#[must_use]
pub fn method(path: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.path == path)
}

/// Whether a role may append events of this kind.
#[must_use]
pub fn may_append(role: Role, kind: Kind) -> bool {
    KINDS
        .iter()
        .any(|rule| rule.kind == kind.get() && rule.roles.contains(&role))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use prost::Message as _;
    use prost_types::{FileDescriptorProto, FileDescriptorSet};

    use super::*;

    /// Files of every service that the server offers.
    fn files() -> Vec<FileDescriptorProto> {
        [
            countersign_proto::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ]
        .into_iter()
        .flat_map(|bytes| {
            FileDescriptorSet::decode(bytes)
                .expect("descriptors decode")
                .file
        })
        .collect()
    }

    #[test]
    fn roles_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Ok(role));
        }
        for text in ["", "Admin", "ledger", "admin ", "root"] {
            assert_eq!(Role::parse(text), Err(RoleError(text.into())));
        }
    }

    #[test]
    fn every_method_is_in_the_table_once_and_no_other() {
        let mut declared = BTreeMap::new();
        for file in files() {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    let unary = !method.client_streaming() && !method.server_streaming();
                    declared.insert(path, unary && file.package() == "countersign.v1");
                }
            }
        }
        let table: BTreeMap<_, _> = METHODS
            .iter()
            .map(|method| {
                (
                    method.path.to_owned(),
                    method.deadline == Deadline::Required,
                )
            })
            .collect();
        assert_eq!(table, declared);
        assert_eq!(
            table.len(),
            METHODS.len(),
            "a path stands in the table twice"
        );
    }

    #[test]
    fn every_kind_above_the_logs_own_is_in_the_table_with_its_name() {
        let files = files();
        let event = files
            .iter()
            .filter(|file| file.package() == "countersign.v1")
            .flat_map(|file| &file.message_type)
            .find(|message| message.name() == "Event")
            .expect("the contract has Event");
        let declared: BTreeSet<(i32, &str)> = event
            .field
            .iter()
            .map(|field| {
                (
                    field.number(),
                    field.type_name().trim_start_matches(".countersign.v1."),
                )
            })
            .filter(|(number, _)| *number > 19)
            .collect();
        let table: BTreeSet<(i32, &str)> = KINDS
            .iter()
            .map(|rule| (i32::from(rule.kind), rule.name))
            .collect();
        assert_eq!(table, declared);
        assert_eq!(table.len(), KINDS.len(), "a kind stands in the table twice");
    }

    #[test]
    fn the_logs_own_kinds_are_for_nobody() {
        for number in 1..=19 {
            let kind = Kind::new(number).expect("a kind");
            assert!(
                Role::ALL.into_iter().all(|role| !may_append(role, kind)),
                "kind {number}"
            );
        }
    }

    #[test]
    fn agents_append_intake_and_auditors_append_what_they_read() {
        let roles = |number| {
            let kind = Kind::new(number).expect("a kind");
            Role::ALL
                .into_iter()
                .filter(|role| may_append(*role, kind))
                .collect::<Vec<_>>()
        };
        assert_eq!(roles(140), WRITERS);
        for number in 142..=143 {
            assert_eq!(roles(number), [Role::Admin, Role::Agent]);
        }
        // Whoever has a spool knows what it lost.
        let spools = [Role::Admin, Role::User, Role::Agent, Role::Provisioner];
        assert_eq!(roles(141), spools);
        for method in METHODS
            .iter()
            .filter(|method| method.path.contains("/Append"))
        {
            assert!(!method.roles.contains(&Role::Witness), "{}", method.path);
            let one = method.path.ends_with("/Append");
            assert_eq!(
                method.roles.contains(&Role::Auditor),
                one,
                "{}",
                method.path
            );
        }
        // An auditor adds what was read, and nothing else.
        let added = KINDS
            .iter()
            .filter(|rule| rule.roles.contains(&Role::Auditor));
        let added: Vec<u16> = added.map(|rule| rule.kind).collect();
        assert_eq!(added, [102, 120, 121]);
    }

    #[test]
    fn auditors_call_whatever_reads_and_change_nothing() {
        for method in METHODS {
            let name = method.path.rsplit('/').next().unwrap_or_default();
            let changes = method.path.contains("AccessService/")
                && !["CheckAccess", "GetCase", "ListCases", "Simulate"].contains(&name);
            let writes = name.starts_with("Append") && name != "Append"
                || name.ends_with("eCertificate")
                || name.starts_with("Put")
                || changes;
            assert_eq!(
                method.roles.contains(&Role::Auditor),
                !writes,
                "{}",
                method.path
            );
        }
    }

    #[test]
    fn unknown_paths_have_no_line() {
        assert!(method("/countersign.v1.LogService/append").is_none());
        assert!(method("/countersign.v1.LogService/Append/").is_none());
        assert!(method("/").is_none());
    }
}

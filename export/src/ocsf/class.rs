//! Classes of OCSF events, and what is done in them.

use super::Version;

/// A class of OCSF events. Entries of a log go into six of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// 1007: commands.
    Process,
    /// 3002: sessions.
    Authentication,
    /// 3004: requests, reviews, policies, certificates and whatever else is made and changed.
    Entity,
    /// 3005, from 1.9.0 on 3007: privileges that are given and taken.
    Access,
    /// 6002: the ledger and its agents start, stop and complain.
    Lifecycle,
    /// 6003: what is brought in, sent out and read.
    Api,
}

impl Class {
    /// All of them, in order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Process,
        Self::Authentication,
        Self::Entity,
        Self::Access,
        Self::Lifecycle,
        Self::Api,
    ];

    /// `class_uid`.
    #[must_use]
    pub const fn uid(self, version: Version) -> u16 {
        match (self, version) {
            (Self::Process, _) => 1007,
            (Self::Authentication, _) => 3002,
            (Self::Entity, _) => 3004,
            (Self::Access, Version::V1_3 | Version::V1_8) => 3005,
            (Self::Access, Version::V1_9) => 3007,
            (Self::Lifecycle, _) => 6002,
            (Self::Api, _) => 6003,
        }
    }

    /// `class_name`.
    #[must_use]
    pub const fn name(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Process, _) => "Process Activity",
            (Self::Authentication, _) => "Authentication",
            (Self::Entity, _) => "Entity Management",
            (Self::Access, Version::V1_3 | Version::V1_8) => "User Access Management",
            (Self::Access, Version::V1_9) => "User Management",
            (Self::Lifecycle, _) => "Application Lifecycle",
            (Self::Api, _) => "API Activity",
        }
    }

    /// `category_uid`.
    #[must_use]
    pub const fn category(self) -> u8 {
        match self {
            Self::Process => 1,
            Self::Authentication | Self::Entity | Self::Access => 3,
            Self::Lifecycle | Self::Api => 6,
        }
    }

    /// `category_name`.
    #[must_use]
    pub const fn category_name(self) -> &'static str {
        match self {
            Self::Process => "System Activity",
            Self::Authentication | Self::Entity | Self::Access => "Identity & Access Management",
            Self::Lifecycle | Self::Api => "Application Activity",
        }
    }

    /// A word for names of files and sources.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Authentication => "auth",
            Self::Entity => "entity",
            Self::Access => "access",
            Self::Lifecycle => "app",
            Self::Api => "api",
        }
    }
}

/// What is done, in a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// A command begins.
    Launch,
    /// A session begins.
    Logon,
    /// A session ends.
    Logoff,
    /// Something else about a session, in our words.
    Session(&'static str),
    /// A thing is made.
    Create,
    /// A thing changes.
    Update,
    /// A thing ends.
    Delete,
    /// Something else about a thing, in our words.
    Entity(&'static str),
    /// Privileges are given.
    Assign,
    /// Privileges are taken.
    Revoke,
    /// An application starts.
    Start,
    /// An application stops.
    Stop,
    /// Something else about an application, in our words.
    Application(&'static str),
    /// Something is sent.
    Send,
    /// Something is read.
    Read,
    /// Another call, in our words.
    Call(&'static str),
    /// A call of which nothing is known.
    Unknown,
}

/// `activity_id` of what has no number of its own.
const OTHER: u8 = 99;

impl Activity {
    /// The class.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Launch => Class::Process,
            Self::Logon | Self::Logoff | Self::Session(_) => Class::Authentication,
            Self::Create | Self::Update | Self::Delete | Self::Entity(_) => Class::Entity,
            Self::Assign | Self::Revoke => Class::Access,
            Self::Start | Self::Stop | Self::Application(_) => Class::Lifecycle,
            Self::Send | Self::Read | Self::Call(_) | Self::Unknown => Class::Api,
        }
    }

    /// `activity_id`.
    #[must_use]
    pub const fn id(self, version: Version) -> u8 {
        match (self, version) {
            (Self::Unknown, _) => 0,
            (Self::Launch | Self::Logon | Self::Create | Self::Send, _) => 1,
            (Self::Logoff | Self::Read, _) => 2,
            (Self::Update | Self::Start, _) => 3,
            (Self::Delete | Self::Stop, _) => 4,
            (Self::Assign, Version::V1_3 | Version::V1_8) => 1,
            (Self::Revoke, Version::V1_3 | Version::V1_8) => 2,
            (Self::Assign, Version::V1_9) => 14,
            (Self::Revoke, Version::V1_9) => 15,
            (Self::Session(_) | Self::Entity(_) | Self::Application(_) | Self::Call(_), _) => OTHER,
        }
    }

    /// `activity_name`: the caption in OCSF, or our words where it has none.
    #[must_use]
    pub const fn name(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Unknown, _) => "Unknown",
            (Self::Launch, _) => "Launch",
            (Self::Logon, _) => "Logon",
            (Self::Logoff, _) => "Logoff",
            (Self::Create | Self::Send, _) => "Create",
            (Self::Update, _) => "Update",
            (Self::Delete, _) => "Delete",
            (Self::Assign, _) => "Assign Privileges",
            (Self::Revoke, Version::V1_3 | Version::V1_8) => "Revoke Privileges",
            (Self::Revoke, Version::V1_9) => "Remove Privileges",
            (Self::Start, _) => "Start",
            (Self::Stop, _) => "Stop",
            (Self::Read, _) => "Read",
            (
                Self::Session(name)
                | Self::Entity(name)
                | Self::Application(name)
                | Self::Call(name),
                _,
            ) => name,
        }
    }

    /// `type_uid`: the class times 100 plus the activity.
    #[must_use]
    pub fn type_uid(self, version: Version) -> u32 {
        let class = u32::from(self.class().uid(version));
        class
            .saturating_mul(100)
            .saturating_add(u32::from(self.id(version)))
    }
}

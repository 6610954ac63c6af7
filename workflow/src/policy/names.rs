//! Names of Cedar's types and actions, made once.

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

/// One of the actions that the ledger asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    Request,
    Approve,
    BreakGlass,
    ReadAudit,
}

/// All of them.
pub(crate) const ACTS: [Act; 4] = [Act::Request, Act::Approve, Act::BreakGlass, Act::ReadAudit];

impl Act {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Approve => "approve",
            Self::BreakGlass => "break_glass",
            Self::ReadAudit => "read_audit",
        }
    }

    /// Whether its permits carry obligations.
    pub(crate) const fn asks(self) -> bool {
        matches!(self, Self::Request | Self::BreakGlass)
    }
}

impl From<super::AskKind> for Act {
    fn from(kind: super::AskKind) -> Self {
        match kind {
            super::AskKind::Request => Self::Request,
            super::AskKind::BreakGlass => Self::BreakGlass,
        }
    }
}

/// The name of the one settings entity.
pub(crate) const COMPANY: &str = "company";

/// The types of our schema.
#[derive(Debug, Clone)]
pub(crate) struct Types {
    pub(crate) person: EntityTypeName,
    pub(crate) group: EntityTypeName,
    pub(crate) resource: EntityTypeName,
    pub(crate) settings: EntityTypeName,
    pub(crate) action: EntityTypeName,
}

impl Types {
    /// None only if Cedar no longer takes plain words for type names.
    pub(crate) fn new() -> Option<Self> {
        let of = |name: &str| name.parse::<EntityTypeName>().ok();
        Some(Self {
            person: of("Person")?,
            group: of("Group")?,
            resource: of("Resource")?,
            settings: of("Settings")?,
            action: of("Action")?,
        })
    }

    pub(crate) fn person(&self, id: &str) -> EntityUid {
        uid(&self.person, id)
    }

    pub(crate) fn group(&self, id: &str) -> EntityUid {
        uid(&self.group, id)
    }

    pub(crate) fn resource(&self, id: &str) -> EntityUid {
        uid(&self.resource, id)
    }

    pub(crate) fn company(&self) -> EntityUid {
        uid(&self.settings, COMPANY)
    }

    pub(crate) fn action(&self, act: Act) -> EntityUid {
        uid(&self.action, act.name())
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

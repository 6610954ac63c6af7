//! What the starter policy allows, once more, as a table; and one permit more, that needs three.

/// The seconds of an hour.
pub(crate) const HOUR: u64 = 3_600;

/// What a permit says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Permit {
    pub(crate) id: &'static str,
    /// What its requester asks for in cases about decisions.
    pub(crate) usual: Situation,
    /// How many of which groups decide, by name of the group.
    pub(crate) approvals: &'static [(&'static str, u32)],
    pub(crate) permissions: &'static [&'static str],
    /// The group that may ask.
    pub(crate) who: &'static str,
    pub(crate) max_duration: u64,
    pub(crate) extensions: u32,
    /// Whether it is for access at once, which nobody can request.
    pub(crate) at_once: bool,
    /// When it holds.
    pub(crate) when: fn(&Situation) -> bool,
}

/// What somebody asks for, and how the world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Situation {
    pub(crate) resource: Resource,
    pub(crate) permission: &'static str,
    pub(crate) duration: u64,
    pub(crate) severity: &'static str,
    pub(crate) ticket: bool,
    pub(crate) hour: u8,
    pub(crate) weekday: u8,
    /// Who is on call.
    pub(crate) on_call: &'static str,
}

/// One resource of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Staging,
    Normal,
    High,
    Vault,
}

impl Resource {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Staging => "orders-db-staging",
            Self::Normal => "orders-db",
            Self::High => "payments-db",
            Self::Vault => "vault",
        }
    }

    /// What one can ask for there at all.
    pub(crate) const fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Staging => &["read-only", "read-write"],
            Self::Normal | Self::High => &["read-only", "read-write", "break-glass"],
            Self::Vault => &["open"],
        }
    }

    pub(crate) const fn is_production(self) -> bool {
        matches!(self, Self::Normal | Self::High)
    }
}

/// An hour of a Tuesday morning, with a ticket.
const BY_DAY: Situation = Situation {
    resource: Resource::Normal,
    permission: "read-only",
    duration: HOUR / 2,
    severity: "",
    ticket: true,
    hour: 10,
    weekday: 2,
    on_call: "gustav",
};

impl Situation {
    const fn of(resource: Resource, permission: &'static str) -> Self {
        Self {
            resource,
            permission,
            ..BY_DAY
        }
    }

    /// Whether an incident is worth to be woken up for.
    fn is_grave(&self) -> bool {
        ["sev1", "sev2"].contains(&self.severity)
    }

    fn office_is_empty(&self) -> bool {
        self.weekday >= 6 || !(8..18).contains(&self.hour)
    }

    /// Every situation that the conditions of the starter tell apart, and some that they do not.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let resources = [Resource::Staging, Resource::Normal, Resource::High];
        let permissions = ["read-only", "read-write", "break-glass"];
        let times = [(7, 1), (8, 5), (17, 3), (18, 3), (12, 6)];
        let (severities, people) = (["", "sev1", "sev2", "sev3"], ["chen", "gustav"]);
        let asked = resources
            .into_iter()
            .flat_map(move |resource| permissions.map(move |it| Self::of(resource, it)));
        let asked =
            asked.flat_map(move |base| severities.map(move |severity| Self { severity, ..base }));
        let asked = asked.flat_map(|base| [true, false].map(|ticket| Self { ticket, ..base }));
        let asked = asked.flat_map(move |base| {
            times.map(move |(hour, weekday)| Self {
                hour,
                weekday,
                ..base
            })
        });
        asked.flat_map(move |base| people.map(move |on_call| Self { on_call, ..base }))
    }
}

/// At night, in an incident, asked for by whoever is on call.
const AT_NIGHT: Situation = Situation {
    severity: "sev1",
    ticket: false,
    hour: 3,
    on_call: "chen",
    permission: "read-write",
    ..BY_DAY
};

const TAKEN_AT_ONCE: Situation = Situation {
    permission: "break-glass",
    ..AT_NIGHT
};

/// Who writes in production at night is somebody else's business.
const fn is_open(what: &Situation) -> bool {
    matches!(what.resource, Resource::Normal) && what.ticket
}

fn at_night(what: &Situation) -> bool {
    what.is_grave() && what.office_is_empty()
}

/// Every permit of the starter for requests and for access at once, and one more.
pub(crate) const PERMITS: &[Permit] = &[
    Permit {
        id: "staging",
        usual: Situation::of(Resource::Staging, "read-write"),
        approvals: &[],
        permissions: &["read-only", "read-write"],
        who: "engineers",
        max_duration: 8 * HOUR,
        extensions: 2,
        at_once: false,
        when: |what| matches!(what.resource, Resource::Staging),
    },
    Permit {
        id: "production-read",
        usual: Situation::of(Resource::Normal, "read-only"),
        approvals: &[("team-leads", 1)],
        permissions: &["read-only"],
        who: "engineers",
        max_duration: 4 * HOUR,
        extensions: 1,
        at_once: false,
        when: is_open,
    },
    Permit {
        id: "production-write",
        usual: Situation::of(Resource::Normal, "read-write"),
        approvals: &[("team-leads", 1)],
        permissions: &["read-write"],
        who: "engineers",
        max_duration: HOUR,
        extensions: 1,
        at_once: false,
        when: is_open,
    },
    Permit {
        id: "production-high",
        usual: Situation::of(Resource::High, "read-write"),
        approvals: &[("security", 1), ("team-leads", 1)],
        permissions: &["read-only", "read-write"],
        who: "engineers",
        max_duration: HOUR,
        extensions: 0,
        at_once: false,
        when: |what| matches!(what.resource, Resource::High) && what.ticket,
    },
    Permit {
        id: "on-call-at-night",
        usual: AT_NIGHT,
        approvals: &[("sre-managers", 1)],
        permissions: &["read-write"],
        who: "on-call",
        max_duration: 2 * HOUR,
        extensions: 0,
        at_once: false,
        when: |what| matches!(what.resource, Resource::Normal) && at_night(what),
    },
    Permit {
        id: "break-glass",
        usual: TAKEN_AT_ONCE,
        approvals: &[],
        permissions: &["break-glass"],
        who: "on-call",
        max_duration: HOUR,
        extensions: 0,
        at_once: true,
        when: |what| what.resource.is_production() && what.is_grave(),
    },
    Permit {
        id: "vault",
        usual: Situation::of(Resource::Vault, "open"),
        approvals: &[("security", 2), ("team-leads", 1)],
        permissions: &["open"],
        who: "engineers",
        max_duration: 4 * HOUR,
        extensions: 1,
        at_once: false,
        when: |what| matches!(what.resource, Resource::Vault),
    },
];

/// The permit that a person's request falls under; none when it is not allowed.
pub(crate) fn permit_for(person: (&str, bool), what: &Situation) -> Option<&'static Permit> {
    let (person, is_program) = person;
    if is_program && what.resource.is_production() {
        return None;
    }
    let on_call = what.on_call == person;
    let mut permits = PERMITS.iter().filter(|permit| {
        let by_group = super::people::is_in(person, permit.who);
        let is_wanted = permit.permissions.contains(&what.permission);
        // These two share the nights: who is on call then goes the short way, and only that.
        let by_duty = match permit.id {
            "on-call-at-night" => on_call,
            "production-write" => !(on_call && at_night(what)),
            _ => true,
        };
        !permit.at_once && by_group && is_wanted && by_duty && (permit.when)(what)
    });
    permits.next()
}

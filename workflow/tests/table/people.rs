//! Who acts: one of each kind, in the starter policy and a few people more.

use std::collections::BTreeSet;

/// Who asks for access, in every case.
pub(crate) const REQUESTER: &str = "chen";

/// A person: id, groups, and whether it is a program. The first eight are those of the starter, of
/// which the requester is in more groups here.
pub(crate) type Person = (&'static str, &'static [&'static str], bool);

/// Everybody whom the policy knows.
pub(crate) const PEOPLE: &[Person] = &[
    ("ada", &["engineers", "team-leads"], false),
    ("bruno", &["engineers", "on-call"], false),
    // In every group that decides, so that nothing but the rules is in the way.
    (
        "chen",
        &[
            "engineers",
            "on-call",
            "security",
            "sre-managers",
            "team-leads",
        ],
        false,
    ),
    ("dana", &["security"], false),
    ("emeka", &["security"], false),
    (
        "fatima",
        &["engineers", "team-leads", "sre-managers"],
        false,
    ),
    ("gustav", &["engineers", "on-call"], false),
    ("hana", &["sre-managers"], false),
    ("ivo", &[], false),
    ("lena", &["security", "team-leads"], false),
    ("olaf", &[], false),
    ("petra", &[], false),
    ("quinn", &[], false),
    (
        "robo",
        &["engineers", "security", "team-leads", "sre-managers"],
        true,
    ),
    ("rosa", &[], false),
    ("sven", &[], false),
];

/// Accounts beside id and e-mail address.
pub(crate) const ACCOUNTS: &[(&str, &[&str])] = &[
    ("chen", &["user:chen.wei@example.com", "admin:chen"]),
    ("lena", &["bot:lena-script", "agent:lena-laptop"]),
    ("robo", &["bot:robo"]),
];

/// Places that are given away: whose, to whom, and for how many seconds.
pub(crate) const DELEGATIONS: [(&str, &str, u64); 6] = [
    ("emeka", "olaf", 80 * 86_400),
    ("fatima", "petra", 80 * 86_400),
    ("petra", "rosa", 80 * 86_400),
    ("chen", "quinn", 80 * 86_400),
    ("dana", "sven", 1),
    ("hana", "sven", 1),
];

/// Those of them that hold for as long as a case lasts: the person, and whose place it is.
const IN_PLACE_OF: [(&str, &str); 4] = [
    ("olaf", "emeka"),
    ("petra", "fatima"),
    ("rosa", "petra"),
    ("quinn", "chen"),
];

/// A caller, and the person behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) what: &'static str,
    pub(crate) principal: &'static str,
    pub(crate) via: Option<&'static str>,
    pub(crate) person: Option<&'static str>,
}

const fn role(what: &'static str, principal: &'static str, person: &'static str) -> Role {
    Role {
        what,
        principal,
        via: None,
        person: Some(person),
    }
}

const fn nobody(what: &'static str, principal: &'static str) -> Role {
    Role {
        what,
        principal,
        via: None,
        person: None,
    }
}

/// Every kind of caller.
pub(crate) const ROLES: &[Role] = &[
    role("the requester", "user:chen@example.com", "chen"),
    role("the requester by id", "user:chen", "chen"),
    role(
        "a second account of the requester",
        "user:chen.wei@example.com",
        "chen",
    ),
    role("an admin account of the requester", "admin:chen", "chen"),
    role("security", "user:dana@example.com", "dana"),
    role(
        "security, with a delegate",
        "user:emeka@example.com",
        "emeka",
    ),
    role("a team lead", "user:ada@example.com", "ada"),
    role("a manager", "user:hana@example.com", "hana"),
    role(
        "a lead and manager, with a delegate",
        "user:fatima@example.com",
        "fatima",
    ),
    role(
        "a member of two groups that decide",
        "user:lena@example.com",
        "lena",
    ),
    role("a delegate of security", "user:olaf@example.com", "olaf"),
    role(
        "a delegate of the lead and manager",
        "user:petra@example.com",
        "petra",
    ),
    role(
        "a delegate of that delegate",
        "user:rosa@example.com",
        "rosa",
    ),
    role(
        "a delegate of the requester",
        "user:quinn@example.com",
        "quinn",
    ),
    role(
        "a delegate whose time is over",
        "user:sven@example.com",
        "sven",
    ),
    role("a colleague", "user:bruno@example.com", "bruno"),
    role("somebody of no group", "user:ivo@example.com", "ivo"),
    role("a program", "user:robo@example.com", "robo"),
    role("a program with a bot's certificate", "bot:robo", "robo"),
    role("a bot that is a person's", "bot:lena-script", "lena"),
    role("an agent that is a person's", "agent:lena-laptop", "lena"),
    Role {
        via: Some("bot:slack"),
        ..role("security, through a bot", "user:dana@example.com", "dana")
    },
    Role {
        via: Some("bot:slack"),
        ..role(
            "the requester, through a bot",
            "user:chen@example.com",
            "chen",
        )
    },
    nobody("somebody unknown", "user:stranger@example.com"),
    nobody("an administrator", "admin:root"),
    nobody("an unknown bot", "bot:slack"),
];

impl Role {
    /// Whether it is a program that acts, whomever it belongs to.
    pub(crate) fn is_program(self) -> bool {
        let kind = self.principal.split(':').next().unwrap_or_default();
        ["bot", "agent"].contains(&kind) || self.person.is_some_and(is_program)
    }
}

fn find(person: &str) -> &'static Person {
    let found = PEOPLE.iter().find(|(id, ..)| *id == person);
    found.expect("somebody of the table")
}

/// Whether a person is a program.
pub(crate) fn is_program(person: &str) -> bool {
    find(person).2
}

/// Whether a person is in a group.
pub(crate) fn is_in(person: &str, group: &str) -> bool {
    find(person).1.contains(&group)
}

/// Whose place a person may take.
pub(crate) fn in_place_of(person: &str) -> Option<&'static str> {
    let found = IN_PLACE_OF.iter().find(|(who, _)| *who == person);
    found.map(|(_, whose)| *whose)
}

/// People who could decide for a group: its members, without programs and the requester.
pub(crate) fn could_decide(group: &str) -> BTreeSet<&'static str> {
    let people = PEOPLE
        .iter()
        .filter(|(id, groups, program)| groups.contains(&group) && !program && *id != REQUESTER);
    people.map(|(id, ..)| *id).collect()
}

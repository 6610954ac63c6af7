//! The starter bundle: who may do what under it.

use countersign_workflow::policy::{
    AskKind, Facts, NotAllowed, Obligations, Policy, RequestFacts, lockout, starter,
};

use super::world::{ask, facts, found};

fn policy() -> Policy {
    Policy::compile(&starter()).expect("the starter bundle is a policy")
}

fn day() -> Facts {
    facts(10, 2, &[])
}

#[test]
fn it_has_no_faults() {
    assert_eq!(found(&starter()), (Vec::new(), Vec::new()));
    assert_eq!(lockout(&policy()), None);
}

/// An answer in one word, or the groups that decide.
fn word(result: &Result<Obligations, NotAllowed>) -> String {
    match result {
        Ok(obligations) => {
            let approvals = obligations.approvals.iter();
            let slots: Vec<String> = approvals.map(|(group, n)| format!("{group}:{n}")).collect();
            format!("yes {}", slots.join(" "))
        }
        Err(NotAllowed::NoPermit { .. }) => "no".to_owned(),
        Err(NotAllowed::PermissionNotCovered { .. }) => "other permission".to_owned(),
        Err(NotAllowed::UnknownPermission { .. }) => "no such permission".to_owned(),
        Err(other) => other.to_string(),
    }
}

#[test]
fn requests_are_judged_by_role_and_resource() {
    let policy = policy();
    let (lead, both) = ("yes team-leads:1", "yes security:1 team-leads:1");
    let rows = [
        ("ada", "orders-db-staging", "read-write", "yes "),
        (
            "ada",
            "orders-db-staging",
            "break-glass",
            "no such permission",
        ),
        ("ada", "orders-db", "read-only", lead),
        ("ada", "orders-db", "read-write", lead),
        ("bruno", "orders-db", "read-write", lead),
        ("gustav", "payments-db", "read-only", both),
        ("gustav", "payments-db", "read-write", both),
        ("fatima", "web-frontend", "read-only", lead),
        ("ada", "orders-db", "break-glass", "other permission"),
        ("dana", "orders-db", "read-only", "no"),
        ("dana", "orders-db-staging", "read-only", "no"),
        ("hana", "payments-db", "read-write", "no"),
    ];
    let facts = day();
    for (person, resource, permission, expected) in rows {
        let ask = RequestFacts {
            ticket: "OPS-1",
            ..ask(&facts, person, resource, permission)
        };
        let answer = policy.judge(AskKind::Request, &ask);
        assert_eq!(word(&answer), expected, "{person} {resource} {permission}");
    }
}

#[test]
fn night_and_incidents_change_who_decides() {
    let policy = policy();
    let (lead, manager) = ("yes team-leads:1", "yes sre-managers:1");
    // Hour, weekday, on call, severity, ticket.
    let rows = [
        (10, 2, true, "sev1", "OPS-1", lead),
        (3, 2, true, "sev1", "OPS-1", manager),
        (3, 2, true, "sev2", "", manager),
        (18, 5, true, "sev2", "", manager),
        (10, 6, true, "sev2", "", manager),
        (17, 5, true, "sev2", "", "no"),
        (3, 2, true, "sev3", "", "no"),
        (3, 2, true, "sev3", "OPS-1", lead),
        (3, 2, false, "sev1", "OPS-1", lead),
        (3, 2, false, "sev1", "", "no"),
    ];
    for (hour, weekday, on_call, severity, ticket, expected) in rows {
        let facts = facts(hour, weekday, if on_call { &["bruno"] } else { &["chen"] });
        let ask = RequestFacts {
            severity,
            ticket,
            ..ask(&facts, "bruno", "orders-db", "read-write")
        };
        let answer = policy.judge(AskKind::Request, &ask);
        assert_eq!(
            word(&answer),
            expected,
            "{hour} {weekday} {on_call} {severity} {ticket}"
        );
    }
}

#[test]
fn glass_is_broken_by_people_on_call_in_an_incident() {
    let policy = policy();
    let facts = day();
    for (person, severity, resource, expected) in [
        ("bruno", "sev1", "payments-db", true),
        ("bruno", "sev3", "payments-db", false),
        ("ada", "sev1", "payments-db", false),
    ] {
        let ask = RequestFacts {
            severity,
            ..ask(&facts, person, resource, "break-glass")
        };
        let answer = policy.judge(AskKind::BreakGlass, &ask);
        assert_eq!(answer.is_ok(), expected, "{person} {severity}: {answer:?}");
        if let Ok(obligations) = answer {
            let retro = obligations.retro.expect("break-glass is looked at");
            assert_eq!((retro.group.as_str(), retro.after), ("security", 86_400));
            assert!(obligations.approvals.is_empty());
            assert_eq!(obligations.policies, ["break-glass"]);
        }
    }
}

#[test]
fn refusals_say_what_would_help() {
    let policy = policy();
    let facts = day();
    let judge = |ask: &RequestFacts<'_>| {
        let answer = policy.judge(AskKind::Request, ask);
        answer.expect_err("it is not allowed").to_string()
    };
    let base = ask(&facts, "ada", "orders-db", "read-write");
    assert_eq!(
        judge(&base),
        "no permit matches; it would be allowed with a ticket; permits for this resource: \
         on-call-at-night (for people in on-call), production-high (its conditions do not hold), \
         production-write (its conditions do not hold), staging (its conditions do not hold)"
    );
    let rows = [
        (
            ("aad", "orders-db", "read-write"),
            "the policy knows no person \"aad\"; near by: ada",
        ),
        (
            ("ada", "order-db", "read-write"),
            "the policy knows no resource \"order-db\"; near by: orders-db",
        ),
        (
            ("ada", "orders-db", "write"),
            "orders-db has no permission \"write\"; it has: break-glass, read-only, read-write",
        ),
    ];
    for ((person, resource, permission), expected) in rows {
        assert_eq!(judge(&ask(&facts, person, resource, permission)), expected);
    }
    let long = RequestFacts {
        duration_seconds: 3_601,
        ticket: "OPS-1",
        ..base
    };
    assert_eq!(judge(&long), "1h1s is too long; expected at most 1h");
    // Both have to be different.
    let night = super::world::facts(3, 2, &[]);
    let bruno = ask(&night, "bruno", "orders-db", "read-write");
    assert!(judge(&bruno).contains("with a ticket"), "{}", judge(&bruno));
    let dana = ask(&facts, "dana", "orders-db", "read-write");
    assert!(!judge(&dana).contains("would"), "{}", judge(&dana));
}

#[test]
fn members_of_the_group_decide_but_never_the_requester() {
    let policy = policy();
    let facts = day();
    let ask = RequestFacts {
        ticket: "OPS-1",
        ..ask(&facts, "ada", "payments-db", "read-only")
    };
    let groups = ["security", "team-leads", "on-call", "nobody"];
    let rows: [(&str, &[&str]); 6] = [
        ("dana", &["security"]),
        ("fatima", &["team-leads"]),
        ("ada", &[]),
        // Not on call, so without a say for that group.
        ("bruno", &[]),
        ("hana", &[]),
        ("stranger", &[]),
    ];
    for (person, expected) in rows {
        let may = policy.approver_groups(&ask, person, groups);
        assert!(may.iter().eq(expected), "{person}: {may:?}");
    }
    assert!(policy.eligible(&ask, "team-leads").iter().eq(["fatima"]));
    assert!(
        policy
            .eligible(&ask, "security")
            .iter()
            .eq(["dana", "emeka"])
    );
    assert!(policy.eligible(&ask, "nobody").is_empty());
    let facts = super::world::facts(10, 2, &["bruno", "ada"]);
    let ask = RequestFacts {
        facts: &facts,
        ..ask
    };
    assert!(policy.eligible(&ask, "on-call").iter().eq(["bruno"]));
}

#[test]
fn people_are_known_by_their_principals() {
    let policy = policy();
    let rows = [
        ("user:ada", Some("ada")),
        ("user:ada@example.com", Some("ada")),
        ("user:chen.wei@example.com", Some("chen")),
        ("agent:ada", None),
        ("ada", None),
        ("user:nobody", None),
    ];
    for (principal, expected) in rows {
        assert_eq!(policy.person_of(principal), expected, "{principal}");
    }
    assert!(policy.may_read_audit("dana"));
    assert!(!policy.may_read_audit("ada"));
    assert!(!policy.may_read_audit("nobody"));
    assert_eq!(policy.zone(), "Europe/Berlin");
    assert!(
        policy
            .groups_of("fatima")
            .eq(["engineers", "sre-managers", "team-leads"])
    );
    assert!(policy.members_of("security").eq(["dana", "emeka"]));
    assert_eq!(policy.people().count(), 8);
    assert_eq!(
        policy
            .resource("payments-db")
            .expect("it is there")
            .sensitivity,
        "high"
    );
    assert_eq!(policy.digest(), starter().digest());
}

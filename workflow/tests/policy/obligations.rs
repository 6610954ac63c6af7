//! Obligations as they are written, good and bad.

use countersign_workflow::policy::{AskKind, Deadline, Obligations};

use super::world::{APPROVE, ask, compile, facts, permit, permit_for};

/// What a request is bound to by one permit with these annotations.
fn of(annotations: &str) -> Obligations {
    let policy = compile(&permit("a", annotations)).expect("it is a policy");
    let facts = facts(0, 1, &[]);
    let ask = ask(&facts, "ada", "db", "read");
    policy.judge(AskKind::Request, &ask).expect("it is allowed")
}

#[test]
fn what_a_permit_does_not_say_has_a_default() {
    let expected = Obligations {
        policies: vec!["a".to_owned()],
        ..Obligations::default()
    };
    assert_eq!(of("@approvals(\"\")"), expected);
    assert!(expected.record_session && !expected.record_input);
}

#[test]
fn every_obligation_is_read() {
    let obligations = of(
        "@approvals(\" security : 2 ,leads:1\") @max_duration(\"90m\") @request_ttl(\"20m\")
         @remind(\"5m\") @escalate(\"15m  leads\") @session_recording(\"optional\")
         @input_recording(\"on\") @permissions(\"read\") @warn(\"1m\") @max_extensions(\"3\")
         @feedback(\"2d\") @step_up(\"passkey\")",
    );
    let slots = [("leads".to_owned(), 1), ("security".to_owned(), 2)];
    let expected = Obligations {
        approvals: slots.into(),
        max_duration: 5_400,
        request_ttl: 1_200,
        remind: Some(300),
        escalate: Some(Deadline {
            after: 900,
            group: "leads".to_owned(),
        }),
        record_session: false,
        record_input: true,
        warn: Some(60),
        max_extensions: 3,
        feedback: 172_800,
        retro: None,
        step_up: true,
        policies: vec!["a".to_owned()],
    };
    assert_eq!(obligations, expected);
    assert_eq!(of("@approvals(\"\") @warn(\"off\")").warn, None);
}

#[test]
fn malformed_obligations_are_problems() {
    let rows = [
        ("approvals", "security", "expected group:count"),
        ("step_up", "yes", "expected \"passkey\" or \"none\""),
        ("approvals", "security:", "expected group:count"),
        ("approvals", "security:x", "expected group:count"),
        ("approvals", "security:+1", "expected group:count"),
        ("approvals", "security:-1", "expected group:count"),
        ("approvals", "security:0", "expected 1 to 16"),
        ("approvals", "security:17", "expected 1 to 16"),
        ("approvals", "security:99999999999", "expected group:count"),
        ("approvals", "security:1,", "expected group:count"),
        ("approvals", ",", "expected group:count"),
        ("approvals", ":1", "expected a name"),
        ("approvals", "a b:1", "expected a name"),
        ("approvals", "security:1 leads:1", "expected a name"),
        ("approvals", "security:1,security:2", "twice"),
        (
            "approvals",
            "a:1,b:1,c:1,d:1,e:1,f:1,g:1,h:1,i:1",
            "at most 8 groups",
        ),
        ("max_duration", "", "expected a duration"),
        ("max_duration", "1", "expected a duration"),
        ("max_duration", "one hour", "expected a duration"),
        ("max_duration", "91d", "at most 90d"),
        ("request_ttl", "0m", "expected a duration"),
        ("remind", "never", "expected a duration"),
        ("escalate", "15m", "expected a duration and a group"),
        ("escalate", "leads 15m", "expected a duration"),
        ("escalate", "15m leads security", "expected a name"),
        (
            "session_recording",
            "yes",
            "expected \"required\" or \"optional\"",
        ),
        (
            "session_recording",
            "",
            "expected \"required\" or \"optional\"",
        ),
        ("input_recording", "true", "expected \"on\" or \"off\""),
        ("permissions", "", "expected a name"),
        ("permissions", "read,", "expected a name"),
        ("permissions", "read, read", "twice"),
        ("warn", "no", "expected a duration"),
        ("max_extensions", "-1", "expected 0 to 16"),
        ("max_extensions", "17", "expected 0 to 16"),
        ("max_extensions", "", "expected 0 to 16"),
        ("feedback", "1w", "expected a duration"),
    ];
    for (name, text, expected) in rows {
        let rest = if name == "approvals" {
            ""
        } else {
            "@approvals(\"\")"
        };
        let problems = compile(&permit("a", &format!("{rest} @{name}({text:?})")));
        let problems = problems.map(drop).expect_err("it is malformed");
        let found = problems.iter().any(|problem| problem.contains(expected));
        assert!(found, "@{name}({text:?}): {problems:?}");
        let placed = problems
            .iter()
            .all(|problem| problem.starts_with("access.cedar:1:"));
        assert!(placed, "{problems:?}");
    }
}

#[test]
fn what_stands_in_the_wrong_place_is_a_problem() {
    let glass = |annotations| permit_for("break_glass", "a", annotations, "true");
    let approve = "permit (principal, action == Action::\"approve\", resource);";
    let forbid = "forbid (principal, action == Action::\"request\", resource);";
    let rows = [
        (permit("a", ""), "has no @approvals; write @approvals(\"\")"),
        (glass(""), "has no @retro_review; for example"),
        (
            glass("@retro_review(\"security\")"),
            "expected group:duration",
        ),
        (
            glass("@retro_review(\"security:1\")"),
            "expected a duration",
        ),
        (
            glass("@retro_review(\"security:1h\") @approvals(\"\")"),
            "@approvals says nothing here",
        ),
        (
            permit("a", "@approvals(\"\") @retro_review(\"security:1h\")"),
            "belongs to a permit for",
        ),
        (
            format!("@id(\"a\") @remind(\"5m\") {approve}"),
            "@remind says nothing here",
        ),
        (
            format!("@id(\"a\") @remind(\"5m\") {forbid}"),
            "@remind says nothing here",
        ),
        (
            permit("a", "@approvals(\"\") @max_duraton(\"1h\")"),
            "did you mean \"max_duration\"",
        ),
        (
            permit("a", "@approvals(\"\") @colour(\"red\")"),
            "unknown annotation @colour",
        ),
        (
            permit("a", "@approvals(\"securty:1\")"),
            "there is not; did you mean \"security\"",
        ),
        (
            permit("a", "@approvals(\"\") @escalate(\"5m nobody\")"),
            "names group \"nobody\"",
        ),
        (
            glass("@retro_review(\"nobody:1h\")"),
            "@retro_review names group \"nobody\"",
        ),
    ];
    for (cedar, expected) in rows {
        let problems = compile(&cedar).map(drop).expect_err("something is wrong");
        let found = problems.iter().any(|problem| problem.contains(expected));
        assert!(found, "{cedar}\n{expected}\n{problems:?}");
    }
}

#[test]
fn a_permit_for_both_ways_says_both() {
    let cedar = "@id(\"a\") @approvals(\"security:1\") @retro_review(\"leads:1h\")
        permit (principal, action in [Action::\"request\", Action::\"break_glass\"], resource);";
    let policy = compile(cedar).expect("it is a policy");
    let facts = facts(0, 1, &[]);
    let ask = ask(&facts, "ada", "db", "read");
    let request = policy.judge(AskKind::Request, &ask).expect("it is allowed");
    assert_eq!((request.approvals.len(), request.retro), (1, None));
    let glass = policy
        .judge(AskKind::BreakGlass, &ask)
        .expect("it is allowed");
    assert!(glass.approvals.is_empty() && glass.retro.is_some());
}

#[test]
fn what_cannot_be_evaluated_allows_nothing() {
    let broken = "@id(\"b\") forbid (principal, action == Action::\"request\", resource)
        when { context.duration + 9223372036854775807 > 0 };";
    let cedar = permit("a", "@approvals(\"\")") + APPROVE + broken;
    let policy = compile(&cedar).expect("it is a policy");
    let facts = facts(0, 1, &[]);
    let ask = ask(&facts, "ada", "db", "read");
    let refused = policy
        .judge(AskKind::Request, &ask)
        .expect_err("it fails closed");
    assert!(
        refused.to_string().contains("could not be evaluated"),
        "{refused}"
    );
}

//! Steps, dimensions and issues in words.

use countersign_proto::v1::{Answers, Delay, Dimension, IssueKind, Opinions, Step, Tally};

/// Dimensions by name.
pub const DIMENSIONS: [(&str, Dimension); 5] = [
    ("group", Dimension::Group),
    ("policy", Dimension::Policy),
    ("resource", Dimension::Resource),
    ("weekday", Dimension::Weekday),
    ("hour", Dimension::Hour),
];

/// Days of the week from Monday on.
pub const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Name of a dimension.
#[must_use]
pub fn dimension(by: Dimension) -> &'static str {
    let named = DIMENSIONS.iter().find(|(_, known)| *known == by);
    named.map_or("all", |(name, _)| name)
}

/// A value of a dimension as people read it.
#[must_use]
pub fn key(by: Dimension, key: &str) -> String {
    let day = || {
        let number: usize = key.parse().ok()?;
        WEEKDAYS.get(number.checked_sub(1)?).copied()
    };
    match by {
        Dimension::Weekday => day().unwrap_or(key).to_owned(),
        Dimension::Hour => format!("{key}:00"),
        Dimension::Unspecified | Dimension::Group | Dimension::Policy | Dimension::Resource => {
            key.to_owned()
        }
    }
}

/// A step for programs, and for people.
#[must_use]
pub const fn step(step: Step) -> (&'static str, &'static str) {
    match step {
        Step::Unspecified => ("unknown", "unknown"),
        Step::FirstDecision => ("first_decision", "request to first decision"),
        Step::Quorum => ("quorum", "first to last decision"),
        Step::Grant => ("grant", "last decision to grant"),
        Step::Wait => ("wait", "request to grant"),
        Step::FirstUse => ("first_use", "grant to first session"),
        Step::End => ("end", "first session to end"),
    }
}

/// The step that tells most by a dimension: the decisions of a group are its own, the wait is
/// everybody's.
#[must_use]
pub const fn telling(by: Dimension) -> Step {
    match by {
        Dimension::Group => Step::FirstDecision,
        Dimension::Unspecified
        | Dimension::Policy
        | Dimension::Resource
        | Dimension::Weekday
        | Dimension::Hour => Step::Wait,
    }
}

/// How long a step took.
#[must_use]
pub fn delay_of(delays: &[Delay], step: Step) -> Option<&Delay> {
    delays.iter().find(|delay| delay.step() == step)
}

/// An issue for programs, and for people.
#[must_use]
pub const fn issue(kind: IssueKind) -> (&'static str, &'static str) {
    match kind {
        IssueKind::Unspecified => ("unknown", "unknown"),
        IssueKind::RemovalFailed => ("removal_failed", "access could not be removed"),
        IssueKind::SessionOverruns => ("session_overruns", "a session outlives its grant"),
        IssueKind::NotRemoved => ("not_removed", "access is not removed yet"),
        IssueKind::NotReviewed => ("not_reviewed", "break-glass waits for review"),
        IssueKind::NotProvisioned => ("not_provisioned", "access could not be made"),
        IssueKind::WaitsForDecision => ("waits_for_decision", "waits for decisions"),
        IssueKind::NotUsed => ("not_used", "granted and not used"),
        IssueKind::WaitsForFeedback => ("waits_for_feedback", "waits for feedback"),
    }
}

/// Every sum of a tally: its name for programs, its words for people, and how many.
#[must_use]
pub const fn sums(tally: &Tally) -> [(&'static str, &'static str, u64); 24] {
    [
        ("cases", "cases", tally.cases),
        ("break_glass", "break-glass", tally.break_glass),
        ("granted", "granted", tally.granted),
        ("unused", "granted, never used", tally.unused),
        ("denied", "denied", tally.denied),
        ("cancelled", "taken back", tally.cancelled),
        ("undecided", "not decided in time", tally.undecided),
        ("pending", "waiting for decisions", tally.pending),
        ("expired", "grants that ran out", tally.expired),
        ("finished", "grants finished early", tally.finished),
        ("revoked", "grants revoked", tally.revoked),
        (
            "extensions_asked",
            "extensions asked",
            tally.extensions_asked,
        ),
        ("extended", "extensions given", tally.extended),
        ("sessions", "sessions", tally.sessions),
        ("overran", "sessions that overran", tally.overran),
        ("reminders", "reminders", tally.reminders),
        ("escalated", "escalated", tally.escalated),
        ("delegated", "decided by delegates", tally.delegated),
        ("not_provisioned", "access not made", tally.not_provisioned),
        (
            "removal_failed",
            "access not removed at once",
            tally.removal_failed,
        ),
        ("justified", "break-glass justified", tally.justified),
        (
            "not_justified",
            "break-glass not justified",
            tally.not_justified,
        ),
        (
            "not_reviewed",
            "break-glass not reviewed",
            tally.not_reviewed,
        ),
        ("closed", "closed", tally.closed),
    ]
}

/// What people said: about what and who, and yes, in part and no.
#[must_use]
pub fn opinions(opinions: &Opinions) -> [(&'static str, (u64, u64, u64)); 4] {
    [
        ("access sufficient: requesters", opinions.access_requesters),
        ("access sufficient: deciders", opinions.access_deciders),
        ("wait acceptable: requesters", opinions.wait_requesters),
        ("wait acceptable: deciders", opinions.wait_deciders),
    ]
    .map(|(words, all)| (words, answers(all.as_ref())))
}

/// Answers with yes, in part and no.
#[must_use]
pub const fn answers(answers: Option<&Answers>) -> (u64, u64, u64) {
    match answers {
        Some(Answers { yes, partly, no }) => (*yes, *partly, *no),
        None => (0, 0, 0),
    }
}

/// Milliseconds as people say them, in two units at most.
#[must_use]
pub fn duration(millis: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
    ];
    let Some(first) = UNITS.iter().position(|(_, size)| millis >= *size) else {
        return format!("{millis}ms");
    };
    let units = UNITS.iter().skip(first).take(2);
    let (mut left, mut words) = (millis, Vec::new());
    for (unit, size) in units {
        let count = left / size;
        left %= size;
        if count > 0 {
            words.push(format!("{count}{unit}"));
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        for (millis, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (61_500, "1m 1s"),
            (60_000, "1m"),
            (3_600_000 * 5 + 59_000, "5h"),
            (86_400_000 * 3 + 3_600_000 * 4 + 60_000, "3d 4h"),
        ] {
            assert_eq!(duration(millis), text);
        }
    }

    #[test]
    fn every_dimension_step_and_issue_has_a_name() {
        for number in 1..=5 {
            let by = Dimension::try_from(number).expect("a dimension");
            assert_ne!(dimension(by), "all");
        }
        for number in 1..=6 {
            assert_ne!(step(Step::try_from(number).expect("a step")).0, "unknown");
        }
        for number in 1..=8 {
            assert_ne!(
                issue(IssueKind::try_from(number).expect("one")).0,
                "unknown"
            );
        }
        assert!(Dimension::try_from(6).is_err() && Step::try_from(7).is_err());
        assert!(IssueKind::try_from(9).is_err(), "name the new one");
        assert_eq!(key(Dimension::Weekday, "7"), "Sunday");
        assert_eq!(key(Dimension::Hour, "09"), "09:00");
    }
}

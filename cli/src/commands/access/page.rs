//! A case, and what a policy asks for, in words.

use std::io::{self, Write};

use countersign_proto::v1;

use super::object::status;
use crate::output::{counted, printable};
use crate::span::Span;
use countersign_proto::reading::decision;
use countersign_proto::reading::text::wire;

/// Characters of a text on one line.
const WIDTH: usize = 86;

/// A text with its name, when there is something to say; long ones take several lines.
pub(super) fn row(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    let mut name = name;
    for line in lines(&printable(text)) {
        writeln!(out, "  {name:<10} {line}")?;
        name = "";
    }
    Ok(())
}

/// The words of a text on lines of about the same length.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A case as it stands.
pub(super) fn case(out: &mut dyn Write, case: &v1::Case) -> io::Result<()> {
    let glass = if case.break_glass {
        ", break-glass"
    } else {
        ""
    };
    let state = status(case.status());
    writeln!(out, "case {} ({state}{glass})", case.id)?;
    row(out, "stands", &case.summary)?;
    row(out, "who", &case.person)?;
    row(out, "what", &wanted(case))?;
    row(out, "why", &case.reason)?;
    row(out, "ticket", &case.ticket)?;
    row(out, "severity", &case.severity)?;
    row(out, "affected", &case.affected.join(", "))?;
    row(out, "start", &wire(case.start.as_ref()))?;
    row(out, "opened", &wire(case.opened.as_ref()))?;
    row(out, "decide by", &wire(case.request_expires.as_ref()))?;
    row(out, "policy", &policy(case))?;
    for review in &case.reviews {
        row(out, "review", &review_text(review))?;
    }
    if let Some(grant) = &case.grant {
        row(out, "grant", &grant_text(grant))?;
    }
    if let Some(extension) = &case.extension {
        row(out, "extension", &extension_text(extension))?;
        for review in &extension.reviews {
            row(out, "", &review_text(review))?;
        }
    }
    for session in &case.sessions {
        row(out, "session", &session_text(session))?;
    }
    row(out, "outcome", &case.outcome)?;
    for issue in &case.open_issues {
        row(out, "open", issue)?;
    }
    Ok(())
}

/// What is wanted, as in "admin on db-prod for 1h".
pub(super) fn wanted(case: &v1::Case) -> String {
    let span = Span::of(case.duration_seconds);
    format!("{} on {} for {span}", case.permission, case.resource)
}

fn policy(case: &v1::Case) -> String {
    match &case.obligations {
        Some(obligations) => format!("{}: {}", case.policy, asked(obligations)),
        None => case.policy.to_string(),
    }
}

/// Slots as in "1 of security and 2 of team-leads".
fn who_agrees(slots: &[v1::Slot]) -> String {
    if slots.is_empty() {
        return "nobody".to_owned();
    }
    let slots = slots
        .iter()
        .map(|slot| format!("{} of {}", slot.count, slot.group));
    slots.collect::<Vec<_>>().join(" and ")
}

/// What a policy asks for, as a list of short clauses.
pub(super) fn asked(it: &v1::Obligations) -> String {
    let span = |seconds| Span::of(seconds).to_string();
    let mut all = vec![format!("approval by {}", who_agrees(&it.approvals))];
    let mut say = |holds: bool, text: String| {
        if holds {
            all.push(text);
        }
    };
    let longest = it.max_duration_seconds;
    say(longest > 0, format!("at most {}", span(longest)));
    let ttl = it.request_ttl_seconds;
    say(ttl > 0, format!("{} to decide", span(ttl)));
    let remind = it.remind_seconds;
    say(remind > 0, format!("a reminder every {}", span(remind)));
    let group = &it.escalate_group;
    let escalate = it.escalate_seconds;
    say(
        escalate > 0,
        format!("{group} told after {}", span(escalate)),
    );
    let input = if it.record_input { " with input" } else { "" };
    say(it.record_session, format!("sessions recorded{input}"));
    say(it.step_up, "approvals signed with a passkey".to_owned());
    let extensions = u64::from(it.max_extensions);
    say(
        extensions > 0,
        counted(extensions, "extension", "extensions"),
    );
    let retro = it.retro_seconds;
    let by = format!("reviewed by {} within {}", it.retro_group, span(retro));
    say(retro > 0, by);
    all.join(", ")
}

fn review_text(review: &v1::ReviewState) -> String {
    let group = match review.group.as_str() {
        "" => String::new(),
        group => format!(" for {group}"),
    };
    let reason = match review.reason.as_str() {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    let place = match review.delegate_of.as_str() {
        "" => String::new(),
        of => format!(" in the place of {of}"),
    };
    let word = decision(review.decision());
    format!(
        "{} {word} by {}{place}{group}{reason}",
        review.index, review.person
    )
}

fn grant_text(grant: &v1::Grant) -> String {
    let end = wire(grant.end.as_ref());
    let stands = match (grant.active, grant.issued.is_some()) {
        (true, _) => format!("active until {end}"),
        (false, true) => format!("{} {end}", grant.ended_by),
        (false, false) if grant.ended_by.is_empty() => "not begun".to_owned(),
        (false, false) => format!("{} before it began", grant.ended_by),
    };
    let id = match grant.id {
        0 => String::new(),
        id => format!("{id} "),
    };
    format!("{id}{stands}; provisioning: {}", grant.provisioning)
}

fn extension_text(extension: &v1::Extension) -> String {
    format!(
        "{} {} more, approval by {} until {}: {}",
        extension.id,
        Span::of(extension.duration_seconds),
        who_agrees(&extension.approvals),
        wire(extension.expires.as_ref()),
        extension.reason
    )
}

fn session_text(session: &v1::Session) -> String {
    let with = match session.client.as_str() {
        "" => String::new(),
        client => format!(" {client}"),
    };
    let until = match &session.ended {
        Some(time) => format!(" until {}", wire(Some(time))),
        None => ", running".to_owned(),
    };
    let overran = if session.overran {
        ", OVERRAN its grant"
    } else {
        ""
    };
    let started = wire(session.started.as_ref());
    format!("{}{with} from {started}{until}{overran}", session.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_take_several_lines() {
        let mut told = Vec::new();
        row(&mut told, "why", &"word ".repeat(40)).expect("room");
        let told = String::from_utf8(told).expect("text");
        let widths: Vec<usize> = told.lines().map(str::len).collect();
        assert_eq!(widths, [97, 97, 42], "{told}");
        assert_eq!(lines(""), Vec::<String>::new());
    }

    #[test]
    fn a_case_reads_from_top_to_bottom() {
        let shown = v1::Case {
            id: 12,
            status: v1::CaseStatus::Active.into(),
            summary: "active".into(),
            person: "ada".into(),
            resource: "db-prod".into(),
            permission: "admin".into(),
            duration_seconds: 3_600,
            reason: "index \u{1b}[2J".into(),
            policy: 7,
            obligations: Some(v1::Obligations {
                approvals: vec![v1::Slot {
                    group: "security".into(),
                    count: 1,
                }],
                max_duration_seconds: 7_200,
                record_session: true,
                ..Default::default()
            }),
            grant: Some(v1::Grant {
                id: 14,
                active: true,
                provisioning: "none".into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let mut told = Vec::new();
        case(&mut told, &shown).expect("room");
        let told = String::from_utf8(told).expect("text");
        for line in [
            "case 12 (active)",
            "  what       admin on db-prod for 1h",
            "  why        index \\u{1b}[2J",
            "  policy     7: approval by 1 of security, at most 2h, sessions recorded",
        ] {
            assert!(
                told.lines().any(|shown| shown == line),
                "{line:?} in {told}"
            );
        }
    }
}

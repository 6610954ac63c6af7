//! The report for programs.

use countersign_chain::time::UnixMicros;
use countersign_proto::reading::text::rfc3339;
use serde_json::{Value, json};

use super::Report;
use super::controls::CONTROLS;
use crate::story::{Decided, Exception, Granted, Session, Story};

pub(super) fn object(report: &Report) -> Value {
    let counts = report.counts();
    json!({
        "since": rfc3339(report.since),
        "until": rfc3339(report.until),
        "origin": report.checkpoint.checkpoint().origin.as_str(),
        "size": report.checkpoint.size(),
        "root": report.checkpoint.root().to_string(),
        "counts": {
            "cases": counts.cases,
            "granted": counts.granted,
            "break_glass": counts.break_glass,
            "sessions": counts.sessions,
            "commands": counts.commands,
            "exceptions": counts.exceptions,
        },
        "cases": report.cases.iter().map(case).collect::<Value>(),
        "exceptions": report.exceptions.iter().map(exception).collect::<Value>(),
        "log": report.log.iter().map(|act| json!({
            "index": act.index,
            "time": rfc3339(act.at),
            "name": act.name,
            "actor": act.actor,
            "words": act.words,
        })).collect::<Value>(),
        "controls": CONTROLS.iter().map(|it| json!({
            "standard": it.standard,
            "number": it.number,
            "shown_by": it.shown_by,
        })).collect::<Value>(),
    })
}

fn case(story: &Story) -> Value {
    let asked = &story.asked;
    json!({
        "case": story.case,
        "outcome": story.outcome,
        "asked": {
            "time": asked.at.map(rfc3339),
            "break_glass": asked.break_glass,
            "person": asked.person,
            "resource": asked.resource,
            "permission": asked.permission,
            "duration_seconds": asked.seconds,
            "reason": asked.reason,
            "ticket": asked.ticket,
            "severity": asked.severity,
            "policy": asked.policy,
        },
        "decided": story.decided.iter().map(decided).collect::<Value>(),
        "granted": story.granted.as_ref().map(granted),
        "sessions": story.sessions.iter().map(session).collect::<Value>(),
        "exceptions": story.exceptions.iter().map(exception).collect::<Value>(),
    })
}

fn exception(it: &Exception) -> Value {
    json!({
        "index": it.index,
        "time": rfc3339(it.at),
        "what": it.what,
        "detail": it.detail,
    })
}

fn decided(it: &Decided) -> Value {
    json!({
        "index": it.index,
        "time": rfc3339(it.at),
        "person": it.person,
        "delegate_of": it.delegate_of,
        "group": it.group,
        "verdict": it.verdict,
        "reason": it.reason,
        "known_by": it.known_by,
    })
}

fn granted(it: &Granted) -> Value {
    let ended = it.ended.map(|(at, how)| ended(at, how));
    let removed = it.removed.as_ref();
    json!({
        "grant": it.grant,
        "from": rfc3339(it.from),
        "until": it.until.map(rfc3339),
        "ended": ended,
        "made": it.made,
        "removed": removed.map(|(at, proof)| json!({ "time": rfc3339(*at), "proof": proof })),
    })
}

fn ended(at: UnixMicros, how: &str) -> Value {
    json!({ "time": rfc3339(at), "how": how })
}

fn session(it: &Session) -> Value {
    let ended = it.ended.as_ref();
    json!({
        "session": it.session,
        "person": it.person,
        "client": it.client,
        "source_address": it.source_address,
        "from": rfc3339(it.from),
        "ended": ended.map(|(at, why, status)| json!({
            "time": rfc3339(*at),
            "reason": why,
            "exit_status": status,
        })),
        "commands": it.commands.iter().map(|(index, at, command)| json!({
            "index": index,
            "time": rfc3339(*at),
            "command": command,
        })).collect::<Value>(),
    })
}

//! What somebody asks for, out of a form.

use countersign_proto::v1;
use prost_types::Timestamp;

use crate::bot::shelf::Rules;
use crate::limits::{WEB_AFFECTED, WEB_NAME, WEB_REASON};
use crate::web::form::{Faults, Form};
use crate::web::time::{local, seconds_of};

/// Severities that an incident may have.
pub(super) const SEVERITIES: [&str; 4] = ["sev1", "sev2", "sev3", "sev4"];

/// Reads what is wanted.
pub(super) fn ask(form: &Form, rules: &Rules) -> Result<v1::Ask, Faults> {
    let mut faults = Faults::new();
    let (resource, permission) = form.get("what").split_once(' ').unwrap_or_default();
    let known = rules.policy.resource(resource);
    if !known.is_some_and(|known| known.permissions.contains(permission)) {
        faults.insert("what", "Choose what you need from the list.".to_owned());
    }
    let duration = seconds_of(form.get("duration"));
    if duration.is_none() {
        let words = "Say how long, for example 30m, 1h30m or 2d.";
        faults.insert("duration", words.to_owned());
    }
    let reason = form.get("reason");
    if reason.is_empty() {
        faults.insert("reason", "Say why: those who decide read it.".to_owned());
    }
    longest(&mut faults, "reason", reason, WEB_REASON);
    longest(&mut faults, "ticket", form.get("ticket"), WEB_NAME);
    let severity = form.get("severity");
    if !severity.is_empty() && !SEVERITIES.contains(&severity) {
        faults.insert("severity", "Choose one of the list.".to_owned());
    }
    let affected = affected(form.get("affected"), &mut faults);
    let start = start(form.get("start"), rules, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(v1::Ask {
        resource: resource.to_owned(),
        permission: permission.to_owned(),
        duration_seconds: duration.unwrap_or_default(),
        reason: reason.to_owned(),
        ticket: form.get("ticket").to_owned(),
        severity: severity.to_owned(),
        affected,
        start,
    })
}

/// A text that must not be longer than this.
pub(in crate::web) fn longest(faults: &mut Faults, name: &'static str, text: &str, most: usize) {
    if text.len() > most {
        let words = format!("This has {} bytes; {most} are the most.", text.len());
        faults.insert(name, words);
    }
}

fn affected(text: &str, faults: &mut Faults) -> Vec<String> {
    let names = text.split([',', '\n']).map(str::trim);
    let names: Vec<String> = names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    if names.len() > WEB_AFFECTED {
        let words = format!(
            "These are {} systems; {WEB_AFFECTED} are the most.",
            names.len()
        );
        faults.insert("affected", words);
    }
    if let Some(long) = names.iter().find(|name| name.len() > WEB_NAME) {
        longest(faults, "affected", long, WEB_NAME);
    }
    names
}

fn start(text: &str, rules: &Rules, faults: &mut Faults) -> Option<Timestamp> {
    if text.is_empty() {
        return None;
    }
    let start = local(text, &rules.zone);
    if start.is_none() {
        let words = "Give a date and a time, for example 2026-01-31T12:00, or nothing.";
        faults.insert("start", words.to_owned());
    }
    start
}

#[cfg(test)]
mod tests {
    use countersign_workflow::policy::{Policy, starter};
    use jiff::tz::TimeZone;

    use super::*;

    fn read(text: &str) -> Result<v1::Ask, Faults> {
        let rules = Rules {
            policy: Policy::compile(&starter()).unwrap(),
            zone: TimeZone::UTC,
        };
        ask(&Form::parse(text.as_bytes()).unwrap(), &rules)
    }

    #[test]
    fn a_form_becomes_what_is_asked() {
        let ask = read(
            "what=orders-db+read-write&duration=1h30m&reason=index&ticket=OPS-7&severity=sev2\
             &affected=billing,+mail,,&start=2026-07-01T12:00",
        )
        .unwrap();
        assert_eq!(
            (ask.resource.as_str(), ask.permission.as_str()),
            ("orders-db", "read-write")
        );
        assert_eq!(ask.duration_seconds, 5_400);
        assert_eq!(ask.affected, ["billing", "mail"]);
        assert_eq!(ask.start.unwrap().seconds, 1_782_907_200);
    }

    #[test]
    fn what_is_wrong_is_told_at_its_field() {
        let faults = |text: &str| -> Vec<&str> { read(text).unwrap_err().into_keys().collect() };
        assert_eq!(faults(""), ["duration", "reason", "what"]);
        let good = "what=orders-db+read-only&duration=1h&reason=r";
        assert!(read(good).is_ok());
        let long = "x".repeat(WEB_REASON + 1);
        for (more, field) in [
            ("&severity=high".to_owned(), "severity"),
            ("&start=tomorrow".to_owned(), "start"),
            (format!("&ticket={}", "t".repeat(WEB_NAME + 1)), "ticket"),
            (
                format!("&affected={}", "a,".repeat(WEB_AFFECTED + 1)),
                "affected",
            ),
            (
                format!("&affected={}", "a".repeat(WEB_NAME + 1)),
                "affected",
            ),
        ] {
            assert_eq!(faults(&format!("{good}{more}")), [field]);
        }
        for (form, field) in [
            ("what=orders-db+admin&duration=1h&reason=r", "what"),
            ("what=orders-db&duration=1h&reason=r", "what"),
            (
                "what=orders-db+read-only&duration=soon&reason=r",
                "duration",
            ),
            ("what=orders-db+read-only&duration=1h&reason=+", "reason"),
            (
                &format!("what=orders-db+read-only&duration=1h&reason={long}"),
                "reason",
            ),
        ] {
            assert_eq!(faults(form), [field], "{form}");
        }
    }
}

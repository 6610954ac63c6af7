//! Events of access cases in a few words.

use super::text::{counted, hex, length, wire};
use crate::event::Known;
use crate::v1;

/// Digits of a digest that tell two policies apart.
const DIGEST: usize = 12;

/// A decision as a word.
#[must_use]
pub fn decision(decision: v1::Decision) -> &'static str {
    match decision {
        v1::Decision::Approve => "approve",
        v1::Decision::Deny => "deny",
        v1::Decision::Unspecified => "undecided",
    }
}

/// A rating as a word.
#[must_use]
pub fn rating(rating: v1::Rating) -> &'static str {
    match rating {
        v1::Rating::Yes => "yes",
        v1::Rating::Partly => "partly",
        v1::Rating::No => "no",
        v1::Rating::Unspecified => "unanswered",
    }
}

/// The first digits of a digest.
#[must_use]
pub fn short_digest(digest: &[u8]) -> String {
    hex(digest).chars().take(DIGEST).collect()
}

/// Words behind a separator; nothing without words.
fn after(separator: &str, words: &str) -> String {
    if words.is_empty() {
        String::new()
    } else {
        format!("{separator}{words}")
    }
}

/// A kind of case, session or provisioning in a few words.
pub(super) fn summary(known: &Known) -> String {
    match known {
        Known::PolicyChanged(event) => policy(event),
        Known::AccessRequested(event) => requested(event),
        Known::BreakGlassInvoked(event) => broke_glass(event),
        Known::ReviewRecorded(event) => review(event),
        Known::RequestDenied(event) => {
            format!("request {}, by review {}", event.request, event.review)
        }
        Known::RequestCancelled(event) => {
            format!("request {}{}", event.request, after(": ", &event.reason))
        }
        Known::RequestExpired(event) => {
            format!("request {}: nobody decided in time", event.request)
        }
        Known::ApproversReminded(event) => format!(
            "request {}, reminder {}: waits for {}",
            event.request,
            event.number,
            event.groups.join(", ")
        ),
        Known::RequestEscalated(event) => {
            format!("request {}, to {}", event.request, event.group)
        }
        Known::GrantScheduled(event) => {
            let start = wire(event.start.as_ref());
            format!("request {}, begins {start}", event.request)
        }
        Known::GrantIssued(event) => issued(event),
        Known::ActionRefused(event) => refused(event),
        Known::FeedbackSubmitted(event) => feedback(event),
        Known::DelegationChanged(event) => delegation(event),
        Known::RetroReviewRecorded(event) => format!(
            "{} finds request {} {}{}",
            event.person,
            event.request,
            if event.justified {
                "justified"
            } else {
                "not justified"
            },
            after(": ", &event.reason)
        ),
        Known::CaseClosed(event) => {
            let entries = u64::try_from(event.entries.len()).unwrap_or(u64::MAX);
            format!(
                "{} after {}",
                event.outcome,
                counted(entries, "entry", "entries")
            )
        }
        other => of_grant(other),
    }
}

/// What became of a grant, its sessions and its access.
fn of_grant(known: &Known) -> String {
    match known {
        Known::GrantExtended(event) => {
            format!(
                "grant {}, now until {}",
                event.grant,
                wire(event.end.as_ref())
            )
        }
        Known::GrantRevoked(event) => format!(
            "grant {}{}{}",
            event.grant,
            after(" by ", &event.person),
            after(": ", &event.reason)
        ),
        Known::GrantFinished(event) => {
            format!("grant {}{}", event.grant, after(": ", &event.reason))
        }
        Known::GrantExpired(event) => format!("grant {}: its time is over", event.grant),
        Known::ExpiryWarned(event) => {
            format!("grant {} ends {}", event.grant, wire(event.end.as_ref()))
        }
        Known::ExtensionRequested(event) => format!(
            "grant {}, {} more{}",
            event.grant,
            length(event.duration_seconds),
            after(": ", &event.reason)
        ),
        Known::SessionStarted(event) => format!(
            "{} uses grant {}{}{}",
            event.person,
            event.grant,
            after(" with ", &event.client),
            after(" from ", &event.source_address)
        ),
        Known::SessionEnded(event) => format!(
            "session {}, status {}{}",
            event.session,
            event.exit_status,
            after(": ", &event.reason)
        ),
        Known::SessionOverran(event) => {
            format!("session {} outlives grant {}", event.session, event.grant)
        }
        other => access(other),
    }
}

/// What a session did and showed, and what became of an access.
fn access(known: &Known) -> String {
    match known {
        Known::CommandExecuted(event) => {
            let status = event.exit_status.map(|status| status.to_string());
            let status = after(", status ", &status.unwrap_or_default());
            format!("session {}: {}{status}", event.session, event.command)
        }
        Known::SessionOutput(event) => format!(
            "session {}, part {}: {} bytes shown{}",
            event.session,
            event.part,
            event.output_bytes,
            redacted(event.redactions)
        ),
        Known::RecordingViewed(event) => {
            format!("session {}, to {} it", event.session, event.purpose)
        }
        Known::AccessDriftDetected(event) => format!(
            "{}: {} is {}{}{}",
            event.resource,
            event.target,
            drift(event.drift()),
            after(": ", &event.detail),
            if event.mended { "; mended" } else { "" }
        ),
        Known::GrantProvisioned(event) => format!(
            "grant {}{}{}",
            event.grant,
            after(": ", &event.target),
            after(", works until ", &wire(event.valid_until.as_ref()))
        ),
        Known::ProvisioningFailed(event) => {
            format!(
                "grant {}, attempt {}: {}",
                event.grant, event.attempt, event.error
            )
        }
        Known::AccessRemoved(event) => {
            format!("grant {}{}", event.grant, after(": ", &event.proof))
        }
        Known::RemovalFailed(event) => {
            format!(
                "grant {}, attempt {}: {}",
                event.grant, event.attempt, event.error
            )
        }
        // Every other kind has its words elsewhere.
        other => other.name().to_owned(),
    }
}

/// How what exists differs from what was granted.
#[must_use]
pub const fn drift(drift: v1::Drift) -> &'static str {
    match drift {
        v1::Drift::Unspecified => "unknown drift",
        v1::Drift::Unknown => "granted by nobody",
        v1::Drift::Outlived => "there after its grant",
        v1::Drift::Missing => "missing",
        v1::Drift::Changed => "changed",
    }
}

fn redacted(count: u64) -> String {
    match count {
        0 => String::new(),
        1 => ", 1 secret taken out".to_owned(),
        count => format!(", {count} secrets taken out"),
    }
}

fn policy(event: &v1::PolicyChanged) -> String {
    let forced = if event.forced { " (forced)" } else { "" };
    let replaces = match event.previous {
        0 => "the first one".to_owned(),
        index => format!("replaces {index}"),
    };
    let changes = event.changes.join("; ");
    let digest = short_digest(&event.digest);
    format!(
        "policy {digest}{forced}, {replaces}{}",
        after(": ", &changes)
    )
}

fn requested(event: &v1::AccessRequested) -> String {
    format!(
        "{} asks for {} on {} for {}{}{}{}{}",
        event.person,
        event.permission,
        event.resource,
        length(event.duration_seconds),
        after(" from ", &wire(event.start.as_ref())),
        after(", ", &event.ticket),
        after(", ", &event.severity),
        after(": ", &event.reason)
    )
}

fn broke_glass(event: &v1::BreakGlassInvoked) -> String {
    format!(
        "{} takes {} on {} for {}{}{}{}",
        event.person,
        event.permission,
        event.resource,
        length(event.duration_seconds),
        after(", ", &event.ticket),
        after(", ", &event.severity),
        after(": ", &event.reason)
    )
}

fn review(event: &v1::ReviewRecorded) -> String {
    let verb = match event.decision() {
        v1::Decision::Approve => "approves",
        v1::Decision::Deny => "denies",
        v1::Decision::Unspecified => "says nothing about",
    };
    format!(
        "{}{} {verb} request {}{}{}",
        event.person,
        after(" in the place of ", &event.delegate_of),
        event.request,
        after(" for ", &event.group),
        after(": ", &event.reason)
    )
}

fn issued(event: &v1::GrantIssued) -> String {
    let recorded = match (event.record_session, event.record_input) {
        (_, true) => ", recorded with input",
        (true, false) => ", recorded",
        (false, false) => "",
    };
    format!(
        "{}: {} on {} until {}{recorded}",
        event.person,
        event.permission,
        event.resource,
        wire(event.end.as_ref())
    )
}

fn refused(event: &v1::ActionRefused) -> String {
    let target = match event.target {
        0 => String::new(),
        index => format!(" of {index}"),
    };
    format!(
        "{}{target}{}: {}{}",
        event.action,
        after(" by ", &event.person),
        event.code,
        after(", ", &event.message)
    )
}

fn feedback(event: &v1::FeedbackSubmitted) -> String {
    format!(
        "{}: access sufficient: {}, wait acceptable: {}{}",
        event.person,
        rating(event.access_sufficient()),
        rating(event.wait_acceptable()),
        after(": ", &event.comment)
    )
}

fn delegation(event: &v1::DelegationChanged) -> String {
    format!(
        "{} gives the place to {} from {} until {}{}",
        event.from,
        event.to,
        wire(event.start.as_ref()),
        wire(event.end.as_ref()),
        after(": ", &event.reason)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<M: Into<Known>>(event: M) -> String {
        summary(&event.into())
    }

    #[test]
    fn a_case_tells_its_story() {
        let asked = v1::AccessRequested {
            person: "ada".into(),
            resource: "db-prod".into(),
            permission: "admin".into(),
            duration_seconds: 3_600,
            reason: "index is broken".into(),
            severity: "sev2".into(),
            ..Default::default()
        };
        assert_eq!(
            told(asked),
            "ada asks for admin on db-prod for 1h, sev2: index is broken"
        );
        let review = v1::ReviewRecorded {
            request: 12,
            person: "eve".into(),
            decision: v1::Decision::Approve.into(),
            group: "security".into(),
            delegate_of: "bob".into(),
            ..Default::default()
        };
        assert_eq!(
            told(review),
            "eve in the place of bob approves request 12 for security"
        );
        let refused = v1::ActionRefused {
            action: "review".into(),
            code: "SELF_APPROVAL".into(),
            message: "nobody approves for themselves".into(),
            target: 12,
            person: "ada".into(),
            evidence: None,
        };
        let text = "review of 12 by ada: SELF_APPROVAL, nobody approves for themselves";
        assert_eq!(told(refused), text);
        let closed = v1::CaseClosed {
            outcome: "used".into(),
            entries: vec![12, 13],
        };
        assert_eq!(told(closed), "used after 2 entries");
    }

    #[test]
    fn no_kind_of_a_case_is_without_words() {
        use crate::event::kinds;

        for (kind, name) in kinds().filter(|(kind, _)| *kind == 10 || (20..=99).contains(kind)) {
            // An event without fields breaks the rules of some kinds; those are above.
            if let Ok(known) = Known::decode(kind, &[]) {
                assert_ne!(summary(&known), name);
            }
        }
    }
}

//! What just happened, in a sentence for this reader.

use crate::card::Piece;
use crate::card::audience::Audience;
use crate::card::moment::{ExtensionOver, Moment, Repair, Verdict};
use crate::card::view::{CaseView, Decision, Review, Way};

pub(super) fn notice(case: &CaseView, moment: &Moment, audience: &Audience) -> Vec<Piece> {
    let mine = match audience {
        Audience::Requester(person) | Audience::Reviewer { person, .. } => *person == case.person,
        Audience::Channel { .. } | Audience::Onlooker => false,
    };
    if let Some(pieces) = of_the_request(case, moment, mine) {
        return pieces;
    }
    of_the_grant(case, moment, mine).unwrap_or_else(|| of_the_end(case, moment, mine))
}

fn say(text: &str) -> Vec<Piece> {
    vec![Piece::text(text)]
}

/// A sentence and somebody's words; without them it just ends.
fn because(what: &str, why: &str) -> Vec<Piece> {
    match why.trim() {
        "" => say(&format!("{what}.")),
        why => say(&format!("{what}: {why}")),
    }
}

/// "Your access" or "The access of ada".
fn whose(case: &CaseView, what: &str, mine: bool) -> String {
    match mine {
        true => format!("Your {what}"),
        false => format!("The {what} of {}", case.person),
    }
}

fn last(reviews: &[Review], wanted: Decision) -> Option<&Review> {
    reviews
        .iter()
        .rev()
        .find(|review| review.decision == wanted)
}

fn of_the_request(case: &CaseView, moment: &Moment, mine: bool) -> Option<Vec<Piece>> {
    let request = whose(case, "request", mine);
    Some(match moment {
        Moment::Opened if mine => say("Your request waits for decisions."),
        Moment::Opened => say("A decision is needed."),
        Moment::Reminded { number } => say(&format!("Reminder {number}: a decision is missing.")),
        Moment::Escalated { group } => {
            say(&format!("Nobody has decided in time, so {group} is told."))
        }
        Moment::Reviewed { person } => {
            say(&format!("{person} has decided; more decisions are needed."))
        }
        Moment::Denied => match last(&case.reviews, Decision::Deny) {
            Some(review) => because(
                &format!("{request} was denied by {}", review.person),
                &review.reason,
            ),
            None => say(&format!("{request} was denied.")),
        },
        Moment::Cancelled { reason } => because(&format!("{request} was taken back"), reason),
        Moment::RequestExpired => say(&format!("{request} expired: nobody decided in time.")),
        Moment::Scheduled { start } if case.approvals.is_empty() => vec![
            Piece::text(format!("{request} needs no approval. Access begins ")),
            Piece::Time(*start),
        ],
        Moment::Scheduled { start } => vec![
            Piece::text(format!("{request} is approved. Access begins ")),
            Piece::Time(*start),
        ],
        Moment::Issued => begun(case, mine),
        _ => return None,
    })
}

/// Access has begun: by whose word, and until when.
fn begun(case: &CaseView, mine: bool) -> Vec<Piece> {
    let end = case.grant.as_ref().and_then(|grant| grant.end);
    let (what, until) = match case.way {
        Way::BreakGlass => {
            let who = if mine { "You" } else { case.person.as_str() };
            let what = format!("{who} took access without asking");
            (what, "; it ends ")
        }
        Way::Request if case.approvals.is_empty() => {
            let what = format!("{} began", whose(case, "access", mine));
            (what, "; it ends ")
        }
        Way::Request => {
            let what = format!("{} is approved", whose(case, "request", mine));
            (what, ". Access ends ")
        }
    };
    match end {
        Some(end) => vec![Piece::text(format!("{what}{until}")), Piece::Time(end)],
        None => say(&format!("{what}.")),
    }
}

fn of_the_grant(case: &CaseView, moment: &Moment, mine: bool) -> Option<Vec<Piece>> {
    let access = whose(case, "access", mine);
    Some(match moment {
        Moment::Provisioned { target } => because(&format!("{access} is ready"), target),
        Moment::ProvisioningFailed { error, attempt } => {
            because(&format!("{access} could not be made, try {attempt}"), error)
        }
        Moment::EndNear { left } => say(&format!(
            "{access} ends in {left}. Save your work, finish, or ask for more time."
        )),
        Moment::ExtensionAsked => match &case.extension {
            Some(wish) => because(
                &format!("{} more is asked for; a decision is needed", wish.duration),
                &wish.reason,
            ),
            None => say("More time is asked for."),
        },
        Moment::Extended { end } => vec![
            Piece::text(format!("{access} was extended until ")),
            Piece::Time(*end),
        ],
        Moment::ExtensionOver { how } => say(match how {
            ExtensionOver::Denied => "More time was denied. The end stays as it was.",
            ExtensionOver::Cancelled => "The wish for more time was taken back.",
            ExtensionOver::Expired => "Nobody decided on more time. The end stays as it was.",
        }),
        Moment::SessionOverran => say("A session goes on although its access is over."),
        Moment::Drifted {
            target,
            detail,
            repair,
        } => {
            let done = match repair {
                Repair::Mended => "It was mended.",
                Repair::Open => "Somebody has to look.",
            };
            say(&format!(
                "What exists is not what was granted: {target}: {detail}. {done}"
            ))
        }
        _ => return None,
    })
}

fn of_the_end(case: &CaseView, moment: &Moment, mine: bool) -> Vec<Piece> {
    let access = whose(case, "access", mine);
    match moment {
        Moment::GrantExpired => say(&format!("{access} is over: its time ran out.")),
        Moment::Revoked { person, reason } => {
            let by = person.as_ref().map_or("an administrator", |by| by.as_str());
            because(&format!("{access} was revoked by {by}"), reason)
        }
        Moment::Finished { reason } => because(&format!("{access} was finished"), reason),
        Moment::Removed { proof } => because(&format!("{access} is removed"), proof),
        Moment::RemovalFailed { error, attempt } => because(
            &format!("{access} could NOT be taken away, try {attempt}"),
            error,
        ),
        Moment::BrokeGlass => say(&format!(
            "{} took access without asking. Somebody else has to review it.",
            if mine { "You" } else { case.person.as_str() }
        )),
        Moment::RetroDue => say("Nobody has reviewed this break-glass access yet."),
        Moment::RetroRecorded {
            person,
            verdict,
            reason,
        } => {
            let verdict = match verdict {
                Verdict::Justified => "justified",
                Verdict::NotJustified => "not justified",
            };
            because(&format!("{person} found the access {verdict}"), reason)
        }
        Moment::FeedbackAsked => say("How was it? Two questions, half a minute."),
        Moment::FeedbackGiven => say("Thank you, it is in the log."),
        Moment::Closed => say(&format!(
            "The case is closed. {} entries tell its story.",
            case.entries
        )),
        _ => Vec::new(),
    }
}

//! The command behind an entry, as its fields tell it.

use std::sync::Arc;

use countersign_chain::principal::Principal;
use countersign_proto::event::Known;
use countersign_proto::v1;

use super::fault::Fault;
use crate::command::{Action, Caller, Command, NewPolicy, Report};
use crate::draft::EntryFacts;
use crate::policy::{Bundle, Policy};
use crate::wire;

/// Why there is none.
#[derive(Debug)]
pub(super) struct NoCommand {
    pub(super) fault: Fault,
    pub(super) why: String,
}

/// What an entry is to the workflow.
#[derive(Debug)]
pub(super) enum Origin {
    /// Somebody asked for it.
    Command(Box<Command>),
    /// The ledger wrote it by its rules.
    Ledger,
    /// Somebody asked for it, and was refused.
    Refusal,
    /// Nothing.
    None,
}

/// Where an entry of this event comes from.
///
/// # Errors
/// [`NoCommand`] when it is by a command that could not have been given.
pub(super) fn origin(entry: &EntryFacts<'_>, event: &Known) -> Result<Origin, NoCommand> {
    if event.evidence().is_some() && entry.via.is_empty() {
        return Err(NoCommand {
            fault: Fault::WrongActor,
            why: "it has the evidence of a bot, and no bot carried it".to_owned(),
        });
    }
    if matches!(event, Known::ActionRefused(_)) {
        return Ok(Origin::Refusal);
    }
    if is_of_ledger(event) {
        return Ok(Origin::Ledger);
    }
    let Some((action, facts)) = action(entry, event)? else {
        return Ok(Origin::None);
    };
    let caller = caller(entry)?;
    may(&caller, &action)?;
    Ok(Origin::Command(Box::new(Command {
        caller,
        action,
        facts: wire::facts_of(facts),
        evidence: event.evidence().cloned().map(Box::new),
    })))
}

/// Whether the ledger writes such events by itself, and nobody asks for one.
const fn is_of_ledger(event: &Known) -> bool {
    matches!(
        event,
        Known::RequestDenied(_)
            | Known::RequestExpired(_)
            | Known::ApproversReminded(_)
            | Known::RequestEscalated(_)
            | Known::GrantScheduled(_)
            | Known::GrantIssued(_)
            | Known::GrantExtended(_)
            | Known::GrantExpired(_)
            | Known::ExpiryWarned(_)
            | Known::CaseClosed(_)
            | Known::SessionOverran(_)
    )
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "an event that comes of no command has no place in a workflow"
)]
fn action<'a>(
    entry: &EntryFacts<'_>,
    event: &'a Known,
) -> Result<Option<(Action, Option<&'a v1::Facts>)>, NoCommand> {
    Ok(Some(match event {
        Known::AccessRequested(asked) => {
            (Action::Request(wire::ask_of(asked)), asked.facts.as_ref())
        }
        Known::BreakGlassInvoked(asked) => {
            let ask = wire::break_glass_ask_of(asked);
            (Action::BreakGlass(ask), asked.facts.as_ref())
        }
        Known::ReviewRecorded(review) => (reviewed(review), review.facts.as_ref()),
        Known::ExtensionRequested(asked) => {
            let action = Action::Extend {
                grant: asked.grant,
                duration: asked.duration_seconds,
                reason: asked.reason.clone(),
            };
            (action, asked.facts.as_ref())
        }
        Known::PolicyChanged(changed) => (put_policy(changed)?, None),
        event => match simple(entry, event) {
            Some(action) => (action, None),
            None => return Ok(None),
        },
    }))
}

/// Commands that need no facts.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "an event that comes of no command has no place in a workflow"
)]
fn simple(entry: &EntryFacts<'_>, event: &Known) -> Option<Action> {
    Some(match event {
        Known::RetroReviewRecorded(review) => Action::RetroReview {
            request: review.request,
            justified: review.justified,
            reason: review.reason.clone(),
        },
        Known::RequestCancelled(cancelled) => Action::Cancel {
            request: cancelled.request,
            reason: cancelled.reason.clone(),
        },
        Known::GrantRevoked(revoked) => Action::Revoke {
            grant: revoked.grant,
            reason: revoked.reason.clone(),
        },
        Known::GrantFinished(finished) => Action::Finish {
            grant: finished.grant,
            reason: finished.reason.clone(),
        },
        Known::FeedbackSubmitted(feedback) => Action::Feedback {
            case: entry.case,
            access: feedback.access_sufficient(),
            wait: feedback.wait_acceptable(),
            comment: feedback.comment.clone(),
        },
        Known::DelegationChanged(changed) => Action::Delegate {
            to: changed.to.clone(),
            start: wire::time(changed.start.as_ref()),
            end: wire::time(changed.end.as_ref()).unwrap_or(entry.time),
            reason: changed.reason.clone(),
        },
        Known::SessionStarted(started) => Action::StartSession {
            grant: started.grant,
            client: started.client.clone(),
            source_address: started.source_address.clone(),
        },
        Known::SessionEnded(ended) => Action::EndSession {
            session: ended.session,
            reason: ended.reason.clone(),
            exit_status: ended.exit_status,
            recording: ended.recording,
        },
        Known::GrantProvisioned(report) => Action::Report(Report::Provisioned(report.clone())),
        Known::ProvisioningFailed(report) => Action::Report(Report::Failed(report.clone())),
        Known::AccessRemoved(report) => Action::Report(Report::Removed(report.clone())),
        Known::RemovalFailed(report) => Action::Report(Report::RemovalFailed(report.clone())),
        _ => return None,
    })
}

fn reviewed(review: &v1::ReviewRecorded) -> Action {
    let approve = review.decision() == v1::Decision::Approve;
    // Whoever asked for no group got one.
    let group = Some(&review.group).filter(|group| approve && !group.is_empty());
    Action::Review {
        request: review.request,
        approve,
        group: group.cloned(),
        reason: review.reason.clone(),
    }
}

fn put_policy(changed: &v1::PolicyChanged) -> Result<Action, NoCommand> {
    let refused = |why: String| NoCommand {
        fault: Fault::PolicyRefused,
        why,
    };
    let bundle = Bundle::unpack(&changed.bundle).map_err(|error| refused(error.to_string()))?;
    let policy = Policy::compile(&bundle).map_err(|problems| {
        let first = problems.first().map(ToString::to_string);
        refused(format!(
            "the bundle is no policy: {}",
            first.unwrap_or_default()
        ))
    })?;
    Ok(Action::PutPolicy(Box::new(NewPolicy {
        bundle,
        packed: changed.bundle.to_vec(),
        policy: Arc::new(policy),
        force: changed.forced,
        expected: 0,
    })))
}

/// Who asked, and who carried it.
///
/// # Errors
/// [`NoCommand`] when nobody could have been let in like this.
pub(super) fn caller(entry: &EntryFacts<'_>) -> Result<Caller, NoCommand> {
    let wrong = |why: String| NoCommand {
        fault: Fault::WrongActor,
        why,
    };
    let principal = |text: &str| {
        if text == Principal::ledger().as_str() {
            return Err(wrong(
                "it is by the ledger; expected somebody who asked".to_owned(),
            ));
        }
        Principal::parse(text).map_err(|error| wrong(error.to_string()))
    };
    let actor = principal(entry.actor)?;
    if entry.via.is_empty() {
        return Ok(Caller { actor, via: None });
    }
    let via = principal(entry.via)?;
    if via.role() != "bot" || actor.role() != "user" {
        let why = format!("{via} speaks for {actor}; expected a bot that speaks for a user");
        return Err(wrong(why));
    }
    Ok(Caller {
        actor,
        via: Some(via),
    })
}

/// What a role can never ask for, whatever the policy says.
fn may(caller: &Caller, action: &Action) -> Result<(), NoCommand> {
    let role = caller.actor.role();
    let allowed = action.roles().contains(&role);
    if allowed {
        return Ok(());
    }
    Err(NoCommand {
        fault: Fault::WrongActor,
        why: format!("the role {role} may not call for {}", action.name()),
    })
}

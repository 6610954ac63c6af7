//! What a command means: events, or a refusal. Nothing is changed here.
//!
//! A command leads to one event of its own. What follows from it by the rules (a grant after the
//! last approval, the end of a case) comes after it in the same commit, and is the same whether a
//! person, a timer or a replay asks: [`consequence`].

mod closing;
mod grant;
mod opening;
mod policy;
mod review;

use std::sync::Arc;

use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_proto::v1;

use crate::case::{Case, Stage};
use crate::command::{Action, Caller, Command};
use crate::draft::{At, By, Draft, EntryFacts};
use crate::limits::{MAX_CASE_ENTRIES, MAX_NAME, MAX_REASON};
use crate::moment::{self, Moment};
use crate::policy::Policy;
use crate::refusal::{Refusal, Refused};
use crate::state::{State, Thing};
use crate::{timer, wire};

pub use closing::provisioning;
pub use opening::not_allowed;

/// Decides what a command leads to, if its first entry stands there and then.
///
/// # Errors
/// [`Refused`], with the entry that tells of the attempt when it matters.
pub fn decide(state: &State, command: &Command, at: At) -> Result<Vec<Draft>, Refused> {
    let desk = Desk { state, command, at };
    let first = match &command.action {
        Action::Request(ask) => desk.request(ask),
        Action::BreakGlass(ask) => desk.break_glass(ask),
        Action::Review {
            request,
            approve,
            group,
            reason,
        } => desk.review((*request, *approve), group.as_deref(), reason),
        Action::RetroReview {
            request,
            justified,
            reason,
        } => desk.retro_review((*request, *justified), reason),
        Action::Cancel { request, reason } => desk.cancel(*request, reason),
        Action::Extend {
            grant,
            duration,
            reason,
        } => desk.extend((*grant, *duration), reason),
        Action::Revoke { grant, reason } => desk.revoke(*grant, reason),
        Action::Finish { grant, reason } => desk.finish(*grant, reason),
        Action::StartSession {
            grant,
            client,
            source_address,
        } => desk.start_session(*grant, client, source_address),
        Action::EndSession {
            session,
            reason,
            exit_status,
            recording,
        } => desk.end_session(*session, reason, (*exit_status, *recording)),
        Action::Report(report) => desk.report(report),
        Action::Feedback {
            case,
            access,
            wait,
            comment,
        } => desk.feedback(*case, (*access, *wait), comment),
        Action::Delegate {
            to,
            start,
            end,
            reason,
        } => desk.delegate(to, (*start, *end), reason),
        Action::PutPolicy(new) => desk.put_policy(new),
    };
    match first {
        Ok(draft) => Ok(settle(state, command.caller.actor.as_str(), draft, at)),
        Err(refusal) => Err(desk.refused(refusal)),
    }
}

/// What happens by itself now, with what follows from it; `None` when nothing is due. To be asked
/// again until then, after each was applied.
#[must_use]
pub fn due(state: &State, at: At) -> Option<Vec<Draft>> {
    timer::due(state, at).map(|draft| settle(state, "ledger", draft, at))
}

/// An event and everything that follows from it.
fn settle(state: &State, actor: &str, first: Draft, at: At) -> Vec<Draft> {
    if matches!(first.event, Known::CaseClosed(_)) {
        return vec![first];
    }
    let now = state.moment(at.time);
    let entry = EntryFacts {
        index: at.index,
        time: at.time,
        case: first.case,
        actor,
        via: "",
    };
    let mut case = match state.case(first.case) {
        Some(case) => Some(Case::clone(case)),
        None => Case::open(&entry, &first.event, now),
    };
    let opens = first.case == at.index;
    if let Some(case) = case.as_mut().filter(|_| !opens) {
        // It was decided on this state, so it fits.
        drop(case.apply(&entry, &first.event, now));
    }
    let mut drafts = vec![first];
    while let Some(after) = &mut case {
        let placed = u64::try_from(drafts.len()).unwrap_or(u64::MAX);
        let index = at.index.saturating_add(placed);
        let at = At { index, ..at };
        let Some(event) = consequence(state, after, at) else {
            break;
        };
        let entry = EntryFacts {
            index,
            actor: "ledger",
            ..entry
        };
        let over = matches!(event, Known::CaseClosed(_));
        let fits = after.apply(&entry, &event, now).is_ok();
        drafts.push(Draft {
            case: after.id,
            by: By::Ledger,
            event,
        });
        if over || !fits {
            break;
        }
    }
    drafts
}

/// What must happen to a case next because of what it is, before anything else may.
#[must_use]
pub fn consequence(state: &State, case: &Case, at: At) -> Option<Known> {
    let now = state.moment(at.time);
    match &case.stage {
        Stage::Pending => {
            if let Some(review) = case.round.denial() {
                return Some(denied(case.round.id, review.index));
            }
            let given = case.break_glass || case.round.is_complete(&case.obligations);
            given.then(|| given_access(case, at))
        }
        Stage::Active(grant) => {
            let extension = grant.extension.as_ref()?;
            if let Some(review) = extension.round.denial() {
                return Some(denied(extension.round.id, review.index));
            }
            let complete = extension.round.is_complete(&extension.obligations);
            complete.then(|| {
                v1::GrantExtended {
                    grant: grant.id,
                    extension: extension.round.id,
                    end: Some(wire::timestamp(moment::later(
                        grant.end_time,
                        extension.duration,
                    ))),
                }
                .into()
            })
        }
        Stage::Scheduled(_) => None,
        Stage::Ended(_) | Stage::Refused(_) => timer::closed(case, now).map(Known::from),
    }
}

fn denied(request: u64, review: u64) -> Known {
    v1::RequestDenied { request, review }.into()
}

fn given_access(case: &Case, at: At) -> Known {
    match case.ask.start {
        Some(start) if start > at.time => v1::GrantScheduled {
            request: case.id,
            start: Some(wire::timestamp(start)),
        }
        .into(),
        Some(_) | None => timer::issued(case, at).into(),
    }
}

/// A command on the table.
#[derive(Clone, Copy)]
struct Desk<'a> {
    state: &'a State,
    command: &'a Command,
    at: At,
}

impl<'a> Desk<'a> {
    const fn caller(&self) -> &'a Caller {
        &self.command.caller
    }

    const fn now(&self) -> Moment {
        self.state.moment(self.at.time)
    }

    /// Whether the caller has this role.
    fn is(&self, role: &str) -> bool {
        self.caller().actor.role() == role
    }

    /// The policy in force.
    fn policy(&self) -> Result<(u64, &'a Arc<Policy>), Refusal> {
        let in_force = self.state.policy().ok_or_else(|| {
            Refusal::new(
                Reason::PolicyMissing,
                "this log has no policy",
                "an administrator puts one into force with `countersign policy put`",
            )
        })?;
        Ok((in_force.index, &in_force.policy))
    }

    /// The policy that a case is judged by.
    fn policy_of(&self, case: &Case) -> Result<&'a Arc<Policy>, Refusal> {
        let policy = self.state.policy_at(case.policy);
        policy.map(|in_force| &in_force.policy).ok_or_else(|| {
            let message = format!("case {} names a policy that is not there", case.id);
            Refusal::new(
                Reason::Internal,
                message,
                "the operator runs `countersign verify`",
            )
        })
    }

    /// The caller as a policy knows the person.
    fn person<'p>(&self, policy: &'p Policy) -> Result<&'p str, Refusal> {
        let actor = self.caller().actor.as_str();
        policy.person_of(actor).ok_or_else(|| {
            Refusal::new(
                Reason::PersonUnknown,
                format!("no person of the policy has the account {actor}"),
                "ask those who write the policy to add the person, or the account",
            )
        })
    }

    /// A person who may decide: known, and not a program.
    fn human<'p>(&self, policy: &'p Policy) -> Result<&'p str, Refusal> {
        let person = self.person(policy)?;
        if policy.is_bot(person) || self.is("bot") || self.is("agent") {
            return Err(Refusal::new(
                Reason::NotAReviewer,
                format!("{person} is a program"),
                "decisions are for people; a bot carries them with `on_behalf_of`",
            ));
        }
        Ok(person)
    }

    /// The case of a number that should be one of these things.
    fn find(&self, number: u64, wanted: &[Thing]) -> Result<&'a Arc<Case>, Refusal> {
        let names = wanted
            .iter()
            .map(|thing| thing.name())
            .collect::<Vec<_>>()
            .join(" or ");
        let Some((thing, case)) = self.state.thing(number) else {
            return Err(Refusal::new(
                Reason::IdUnknown,
                format!("{number} is no number of {names} here"),
                "`countersign access list` shows the numbers",
            ));
        };
        if !wanted.contains(&thing) {
            return Err(Refusal::new(
                Reason::IdWrongKind,
                format!("{number} is {}, not {names}", thing.name()),
                format!("it belongs to case {case}; `countersign access show {case}` has them"),
            ));
        }
        self.state.case(case).ok_or_else(|| {
            let closed = self.state.closed_case(case);
            let outcome = closed.map_or("closed", |closed| closed.outcome);
            let reason = match &self.command.action {
                Action::Feedback { .. } => Reason::FeedbackNotOpen,
                Action::RetroReview { .. } => Reason::RetroNotOpen,
                Action::Review { .. } | Action::Cancel { .. } => Reason::AlreadyDecided,
                Action::Request(_)
                | Action::BreakGlass(_)
                | Action::Extend { .. }
                | Action::Revoke { .. }
                | Action::Finish { .. }
                | Action::StartSession { .. }
                | Action::EndSession { .. }
                | Action::Report(_)
                | Action::Delegate { .. }
                | Action::PutPolicy(_) => Reason::GrantNotActive,
            };
            Refusal::new(
                reason,
                format!("case {case} is closed: {outcome}"),
                format!("`countersign access show {case}` tells what became of it"),
            )
        })
    }

    /// A text that may be empty, within its limit.
    fn text(&self, field: &str, text: &str, max: usize) -> Result<(), Refusal> {
        if text.len() > max {
            return Err(Refusal::new(
                Reason::TextInvalid,
                format!("{field} has {} bytes; expected at most {max}", text.len()),
                "shorten it; link to longer texts",
            ));
        }
        let control = |c: &char| c.is_control() && *c != '\n' && *c != '\t';
        match text.chars().find(control) {
            None => Ok(()),
            Some(odd) => Err(Refusal::new(
                Reason::TextInvalid,
                format!("{field} has the control character {odd:?}"),
                "take it out; ends of lines and tabs may stay",
            )),
        }
    }

    /// A reason that somebody must give.
    fn reason(&self, field: &str, text: &str) -> Result<(), Refusal> {
        self.text(field, text, MAX_REASON)?;
        if text.trim().is_empty() {
            return Err(Refusal::new(
                Reason::TextInvalid,
                format!("{field} is empty"),
                "say why; others will read it",
            ));
        }
        Ok(())
    }

    fn name(&self, field: &str, text: &str) -> Result<(), Refusal> {
        self.text(field, text, MAX_NAME)
    }

    /// Whether there is room in a case for another entry that somebody asks for.
    fn room(&self, case: &Case) -> Result<(), Refusal> {
        if case.entries.len() < MAX_CASE_ENTRIES {
            return Ok(());
        }
        Err(Refusal::new(
            Reason::TooManyCases,
            format!("case {} has {MAX_CASE_ENTRIES} entries already", case.id),
            "finish it, and ask for access anew",
        ))
    }

    /// An event of the caller, with what the bot knows that carries it.
    fn draft(&self, case: u64, event: impl Into<Known>) -> Draft {
        let evidence = self.command.evidence.clone();
        Draft {
            case,
            by: By::Caller,
            event: event.into().with_evidence(evidence),
        }
    }

    fn refused(&self, refusal: Refusal) -> Refused {
        let record = refusal.matters().then(|| {
            let target = self.command.action.target();
            let thing = self.state.thing(target);
            let case = thing.and_then(|(_thing, case)| self.state.case(case));
            let case = case.filter(|case| case.entries.len() < MAX_CASE_ENTRIES / 2);
            let policy = self.state.policy();
            let actor = self.caller().actor.as_str();
            let person = policy.and_then(|in_force| in_force.policy.person_of(actor));
            self.draft(
                case.map_or(0, |case| case.id),
                v1::ActionRefused {
                    action: self.command.action.name().to_owned(),
                    code: refusal.reason.as_str().to_owned(),
                    message: refusal.recorded().to_owned(),
                    target,
                    person: person.unwrap_or_default().to_owned(),
                    evidence: None,
                },
            )
        });
        let record = record.map(Box::new);
        Refused { refusal, record }
    }
}

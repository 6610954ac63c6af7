//! What becomes due in a case, and when.

use countersign_proto::event::Known;
use countersign_proto::v1;

use crate::case::{Case, Grant, Round, Stage};
use crate::draft::{At, By, Draft};
use crate::limits::{MAX_REMINDERS, OVERRUN_GRACE};
use crate::moment::{self, Moment};
use crate::policy::Obligations;
use crate::state::State;
use crate::wire;

/// Something that happens by itself. In this order, when several are due at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A request's, or an extension's, time is over.
    RequestExpires,
    /// A grant's time is over.
    GrantExpires,
    /// A grant begins.
    GrantStarts,
    /// A session outlives its grant.
    Overrun,
    /// Others are told that nobody decided.
    Escalate,
    /// Reviewers are reminded.
    Remind,
    /// The holder is warned.
    Warn,
    /// Nobody has reviewed a break-glass access in time.
    RetroLate,
    /// Those who should review it are reminded.
    RetroRemind,
    /// The time for feedback is over.
    Close,
}

/// What is due first, after the clock was set back by so many microseconds in all.
#[must_use]
pub fn next(case: &Case, setbacks: u64) -> Option<(Moment, Timer)> {
    all(case, setbacks).into_iter().min()
}

/// Everything that will be due as the case stands.
pub(crate) fn all(case: &Case, setbacks: u64) -> Vec<(Moment, Timer)> {
    let mut all = Vec::with_capacity(6);
    match &case.stage {
        Stage::Pending => round(&case.round, &mut all),
        Stage::Scheduled(scheduled) => {
            let start = Moment::new(scheduled.start, setbacks);
            all.push((start, Timer::GrantStarts));
        }
        Stage::Active(grant) => active(case, grant, &mut all),
        Stage::Ended(ended) => {
            let open = |session: &crate::case::Session| session.ended.is_none() && !session.overran;
            if case.sessions.iter().any(open) {
                all.push((ended.at.after(OVERRUN_GRACE), Timer::Overrun));
            }
        }
        Stage::Refused(_) => {}
    }
    if let Some(retro) = case.retro.as_ref().filter(|retro| retro.by.is_none()) {
        if !retro.escalated {
            all.push((retro.due, Timer::RetroLate));
        }
        let remind = retro.remind.filter(|_| retro.reminders < MAX_REMINDERS);
        all.extend(remind.map(|moment| (moment, Timer::RetroRemind)));
    }
    if let Some(until) = case.feedback_until()
        && case.open_issues().is_empty()
    {
        all.push((until, Timer::Close));
    }
    all
}

fn round(round: &Round, all: &mut Vec<(Moment, Timer)>) {
    all.push((round.expires, Timer::RequestExpires));
    let remind = round.remind.filter(|_| round.reminders < MAX_REMINDERS);
    all.extend(remind.map(|moment| (moment, Timer::Remind)));
    all.extend(round.escalate.map(|moment| (moment, Timer::Escalate)));
}

fn active(case: &Case, grant: &Grant, all: &mut Vec<(Moment, Timer)>) {
    all.push((grant.end, Timer::GrantExpires));
    let warn = case.obligations.warn.filter(|_| !grant.warned);
    let warn = warn.map(|seconds| grant.end.before(seconds));
    // A grant that is shorter than the warning time is not warned of.
    all.extend(
        warn.filter(|at| *at > grant.since)
            .map(|at| (at, Timer::Warn)),
    );
    if let Some(extension) = &grant.extension {
        round(&extension.round, all);
    }
}

/// What happens first of all that is due now; `None` when nothing is.
#[must_use]
pub fn due(state: &State, at: At) -> Option<Draft> {
    let now = state.moment(at.time);
    let case = state.first_due(now)?;
    let (moment, timer) = next(case, state.setbacks)?;
    if moment > now {
        return None;
    }
    let event = event(case, timer, (at, now))?;
    Some(Draft {
        case: case.id,
        by: By::Ledger,
        event,
    })
}

/// The round that waits for decisions, and what it asks for.
#[must_use]
pub fn open_round(case: &Case) -> Option<(&Round, &Obligations)> {
    match &case.stage {
        Stage::Pending => Some((&case.round, &case.obligations)),
        Stage::Active(grant) => {
            let extension = grant.extension.as_ref()?;
            Some((&extension.round, &extension.obligations))
        }
        Stage::Scheduled(_) | Stage::Ended(_) | Stage::Refused(_) => None,
    }
}

/// What is written when it is due.
pub(crate) fn event(case: &Case, timer: Timer, (at, now): (At, Moment)) -> Option<Known> {
    let open = open_round(case);
    let known = match timer {
        Timer::RequestExpires => v1::RequestExpired {
            request: open?.0.id,
        }
        .into(),
        Timer::GrantExpires => v1::GrantExpired {
            grant: case.grant()?.id,
        }
        .into(),
        Timer::GrantStarts => issued(case, at).into(),
        Timer::Overrun => {
            let mut sessions = case.sessions.iter();
            let session = sessions.find(|session| session.ended.is_none() && !session.overran)?;
            v1::SessionOverran {
                session: session.id,
                grant: case.grant()?.id,
            }
            .into()
        }
        Timer::Escalate => {
            let (round, obligations) = open?;
            v1::RequestEscalated {
                request: round.id,
                group: obligations.escalate.as_ref()?.group.clone(),
            }
            .into()
        }
        Timer::Remind => {
            let (round, obligations) = open?;
            v1::ApproversReminded {
                request: round.id,
                number: round.reminders.saturating_add(1),
                groups: round.open_groups(obligations).map(str::to_owned).collect(),
            }
            .into()
        }
        Timer::Warn => v1::ExpiryWarned {
            grant: case.grant()?.id,
            end: Some(wire::timestamp(case.grant()?.end_time)),
        }
        .into(),
        Timer::RetroLate => v1::RequestEscalated {
            request: case.id,
            group: case.retro.as_ref()?.group.clone(),
        }
        .into(),
        Timer::RetroRemind => {
            let retro = case.retro.as_ref()?;
            v1::ApproversReminded {
                request: case.id,
                number: retro.reminders.saturating_add(1),
                groups: vec![retro.group.clone()],
            }
            .into()
        }
        Timer::Close => closed(case, now)?.into(),
    };
    Some(known)
}

/// The grant of a case that begins now.
#[must_use]
pub fn issued(case: &Case, at: At) -> v1::GrantIssued {
    v1::GrantIssued {
        request: case.id,
        person: case.person.clone(),
        resource: case.ask.resource.clone(),
        permission: case.ask.permission.clone(),
        end: Some(wire::timestamp(moment::later(at.time, case.ask.duration))),
        record_session: case.obligations.record_session,
        record_input: case.obligations.record_input,
    }
}

/// The end of a case, when nothing is left to be done.
#[must_use]
pub fn closed(case: &Case, now: Moment) -> Option<v1::CaseClosed> {
    case.may_close(now).then(|| v1::CaseClosed {
        outcome: case.outcome().to_owned(),
        entries: case.entries.clone(),
    })
}

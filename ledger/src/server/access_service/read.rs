//! What is asked of the cases, without changing them.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::reason::{Reason, field_violation, refusal};
use countersign_proto::v1;
use countersign_workflow::case::Case;
use countersign_workflow::draft::EntryFacts;
use countersign_workflow::policy::{AskKind, Facts, Policy, RequestFacts};
use countersign_workflow::state::State;
use countersign_workflow::{decide, timer, view, wire};
use tonic::Status;

use super::actions;
use crate::identity::peer::Peer;
use crate::identity::role::Role;
use crate::limits::{MAX_CASES_PAGE, USUAL_PAGE};
use crate::log::Log;
use crate::server::readers::{Readers, Reading};
use crate::server::{refuse, world};

/// Whether somebody may use a resource now.
pub(super) fn check(
    log: &Log,
    wall: UnixMicros,
    (peer, request): (&Peer, &v1::CheckAccessRequest),
) -> Result<v1::CheckAccessResponse, Status> {
    let state = log.cases().read().ok_or_else(refuse::replaying)?;
    let person = person(&state, peer, &request.person);
    let permission = Some(request.permission.as_str()).filter(|text| !text.is_empty());
    let now = state.moment(wall);
    let found = state.access((&person, &request.resource), permission, now);
    let Some(case) = found else {
        let why_not = format!("{person} has no active grant for {}", request.resource);
        return Ok(v1::CheckAccessResponse {
            why_not,
            ..v1::CheckAccessResponse::default()
        });
    };
    let view = view::case(&state, case);
    let grant = view.grant.unwrap_or_default();
    Ok(v1::CheckAccessResponse {
        allowed: true,
        grant: grant.id,
        case: case.id,
        permission: view.permission,
        end: grant.end,
        why_not: String::new(),
    })
}

/// The person that is meant: the caller without a name, else whom the name or account stands for.
fn person(state: &State, peer: &Peer, name: &str) -> String {
    let name = if name.is_empty() {
        peer.principal.as_str()
    } else {
        name
    };
    let policy = state.policy();
    let known = policy.and_then(|in_force| in_force.policy.person_of(name));
    known.unwrap_or(name).to_owned()
}

/// One case, open or closed.
pub(super) async fn case(
    log: &Arc<Log>,
    (readers, peer): (&Readers, &Peer),
    (id, facts): (u64, &Facts),
) -> Result<v1::GetCaseResponse, Status> {
    let closed = {
        let state = log.cases().read().ok_or_else(refuse::replaying)?;
        let case = state.thing(id).map_or(id, |(_thing, case)| case);
        if let Some(case) = state.case(case) {
            if !may_see(&state, peer, case, facts) {
                return Err(unknown(id));
            }
            let case = Some(view::case(&state, case));
            return Ok(v1::GetCaseResponse { case });
        }
        let closed = state.closed_case(case).map(|closed| closed.index);
        closed.ok_or_else(|| unknown(id))?
    };
    let log = Arc::clone(log);
    let only = {
        let state = log.cases().read().ok_or_else(refuse::replaying)?;
        (peer.role == Role::User).then(|| person(&state, peer, ""))
    };
    let read = move || {
        let (case, took_part) =
            read_closed(&log, closed, only.as_deref()).map_err(|why| refuse::internal(&why))?;
        if took_part {
            Ok(case)
        } else {
            Err(unknown(id))
        }
    };
    let case = readers
        .run(peer.principal.as_str(), Reading::Short, read)
        .await?;
    let case = Some(case);
    Ok(v1::GetCaseResponse { case })
}

fn unknown(id: u64) -> Status {
    refusal(
        Reason::IdUnknown,
        format!("{id} is no number of a case, or of anything that belongs to one"),
        "`countersign access list` shows the numbers",
    )
}

/// A closed case as its entries tell it, and whether this person took part in it. Blocks.
fn read_closed(log: &Log, index: u64, only: Option<&str>) -> Result<(v1::Case, bool), String> {
    let entry = |index: u64| -> Result<_, String> {
        let (record, _checkpoint) = log.entry(index).map_err(|error| error.to_string())?;
        let parsed = Record::parse(&record).map_err(|error| error.to_string())?;
        let event = Known::decode(parsed.kind().get(), parsed.payload());
        event
            .map(|event| (record.clone(), event))
            .map_err(|error| error.to_string())
    };
    let (_record, last) = entry(index)?;
    let Known::CaseClosed(last) = last else {
        return Err(format!("entry {index} does not close a case"));
    };
    let mut state = State::default();
    let mut id = 0;
    for index in last.entries {
        let (record, event) = entry(index)?;
        let record = Record::parse(&record).map_err(|error| error.to_string())?;
        id = record.case();
        let facts = EntryFacts {
            index,
            time: record.time(),
            case: id,
            actor: record.actor(),
            via: record.via(),
        };
        state
            .apply(&facts, &event)
            .map_err(|error| error.to_string())?;
    }
    let case = state
        .case(id)
        .ok_or_else(|| format!("case {id} has no beginning"))?;
    let took_part = only.is_none_or(|who| case.participants().contains(who));
    Ok((view::closed(&state, case, index), took_part))
}

/// A page of open cases, the newest first. The token is the number to go on below.
pub(super) fn list(
    log: &Log,
    wall: UnixMicros,
    (peer, request): (&Peer, &v1::ListCasesRequest),
) -> Result<v1::ListCasesResponse, Status> {
    let size = match request.page_size {
        0 => USUAL_PAGE,
        size if usize::try_from(size).is_ok_and(|size| size <= MAX_CASES_PAGE) => {
            usize::try_from(size).unwrap_or(USUAL_PAGE)
        }
        size => {
            return Err(field_violation(
                Reason::PageSizeInvalid,
                "page_size",
                format!("expected at most {MAX_CASES_PAGE}, got {size}"),
                "ask for smaller pages",
            ));
        }
    };
    let below = match request.page_token.as_str() {
        "" => u64::MAX,
        token => token.parse().map_err(|_error| {
            field_violation(
                Reason::PageTokenInvalid,
                "page_token",
                "expected a token that this call gave".to_owned(),
                "begin again without one",
            )
        })?,
    };
    let facts = world::facts(log, wall);
    let state = log.cases().read().ok_or_else(refuse::replaying)?;
    let wanted = Wanted::new(&state, peer, request);
    let mut cases: Vec<v1::Case> = Vec::new();
    let mut next_page_token = String::new();
    for case in state.cases().filter(|case| case.id < below) {
        if !wanted.takes(&state, case, &facts) {
            continue;
        }
        if cases.len() == size {
            next_page_token = cases
                .last()
                .map_or_else(String::new, |last| last.id.to_string());
            break;
        }
        cases.push(view::case(&state, case));
    }
    Ok(v1::ListCasesResponse {
        cases,
        next_page_token,
    })
}

/// Which cases are listed.
struct Wanted<'a> {
    requester: Option<String>,
    reviewer: Option<String>,
    resource: &'a str,
    statuses: &'a [i32],
    /// People see what they take part in; others see everything.
    only: Option<String>,
}

impl<'a> Wanted<'a> {
    fn new(state: &State, peer: &Peer, request: &'a v1::ListCasesRequest) -> Self {
        let named = |name: &str| (!name.is_empty()).then(|| person(state, peer, name));
        Self {
            requester: named(&request.requester),
            reviewer: named(&request.reviewer),
            resource: &request.resource,
            statuses: &request.statuses,
            only: (peer.role == Role::User).then(|| person(state, peer, "")),
        }
    }

    fn takes(&self, state: &State, case: &Case, facts: &Facts) -> bool {
        let status: i32 = view::status(case).into();
        let fits = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        (self.resource.is_empty() || self.resource == case.ask.resource)
            && (self.statuses.is_empty() || self.statuses.contains(&status))
            && fits(&self.requester, &case.person)
            && self
                .reviewer
                .as_ref()
                .is_none_or(|who| may_decide(state, case, who, facts))
            && self
                .only
                .as_ref()
                .is_none_or(|who| is_of(state, case, who, facts))
    }
}

/// Whether a case is somebody's business.
fn is_of(state: &State, case: &Case, who: &str, facts: &Facts) -> bool {
    case.participants().contains(who) || may_decide(state, case, who, facts)
}

/// People see cases that they have to do with; other roles see all.
fn may_see(state: &State, peer: &Peer, case: &Case, facts: &Facts) -> bool {
    peer.role != Role::User || is_of(state, case, &person(state, peer, ""), facts)
}

/// Whether somebody could decide on what waits in a case, in an own place.
fn may_decide(state: &State, case: &Case, person: &str, facts: &Facts) -> bool {
    let Some(policy) = state
        .policy_at(case.policy)
        .map(|in_force| &in_force.policy)
    else {
        return false;
    };
    if person == case.person {
        return false;
    }
    if let Some(retro) = case.retro.as_ref().filter(|retro| retro.by.is_none())
        && policy
            .members_of(&retro.group)
            .any(|member| member == person)
    {
        return true;
    }
    let Some((round, obligations)) = timer::open_round(case) else {
        return false;
    };
    let open = round.open_groups(obligations);
    let ask = request_facts(&case.person, case, facts);
    !round.has_decided(person) && !policy.approver_groups(&ask, person, open).is_empty()
}

fn request_facts<'a>(person: &'a str, case: &'a Case, facts: &'a Facts) -> RequestFacts<'a> {
    RequestFacts {
        person,
        resource: &case.ask.resource,
        permission: &case.ask.permission,
        duration_seconds: case.ask.duration,
        severity: &case.ask.severity,
        ticket: &case.ask.ticket,
        affected: &case.ask.affected,
        facts,
    }
}

/// What would come of a request.
pub(super) fn simulate(
    log: &Log,
    wall: UnixMicros,
    (peer, request): (&Peer, &v1::SimulateRequest),
) -> Result<v1::SimulateResponse, Status> {
    let ask = actions::ask(request.ask.clone())?;
    let facts = world::facts(log, wall);
    let state = log.cases().read().ok_or_else(refuse::replaying)?;
    let Some(in_force) = state.policy() else {
        return Err(refusal(
            Reason::PolicyMissing,
            "this log has no policy".to_owned(),
            "an administrator puts one into force with `countersign policy put`",
        ));
    };
    let policy: &Policy = &in_force.policy;
    let person = person(&state, peer, &request.person);
    let wanted = RequestFacts {
        person: &person,
        resource: &ask.resource,
        permission: &ask.permission,
        duration_seconds: ask.duration,
        severity: &ask.severity,
        ticket: &ask.ticket,
        affected: &ask.affected,
        facts: &facts,
    };
    let kind = if request.break_glass {
        AskKind::BreakGlass
    } else {
        AskKind::Request
    };
    let obligations = match policy.judge(kind, &wanted) {
        Ok(obligations) => obligations,
        Err(why) => {
            return Ok(v1::SimulateResponse {
                why_not: decide::not_allowed(&why).message,
                policy: in_force.index,
                ..v1::SimulateResponse::default()
            });
        }
    };
    let groups = obligations.approvals.keys();
    let reviewers = groups.map(|group| {
        let people: BTreeSet<String> = policy.eligible(&wanted, group);
        v1::OnCall {
            group: group.clone(),
            people: people.into_iter().collect(),
        }
    });
    Ok(v1::SimulateResponse {
        allowed: true,
        why_not: String::new(),
        reviewers: reviewers.collect(),
        obligations: Some(wire::obligations(&obligations)),
        policy: in_force.index,
    })
}

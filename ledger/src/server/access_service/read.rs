//! What is asked of the cases, without changing them.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::reason::{Reason, field_violation, refusal};
use countersign_proto::v1;
use countersign_workflow::draft::EntryFacts;
use countersign_workflow::policy::{AskKind, Facts};
use countersign_workflow::state::State;
use countersign_workflow::{decide, view, wire};
use tonic::Status;

use super::actions;
use super::business::{Found, Open, Reviewer, only, person};
use crate::identity::peer::Peer;
use crate::limits::{CASES_AT_A_TIME, MAX_CASES_PAGE, USUAL_PAGE};
use crate::log::Log;
use crate::server::readers::{Readers, Reading};
use crate::server::refuse;
use crate::server::world::World;

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
    let view = view::case(case, state.setbacks());
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

/// One case, open or closed.
pub(super) async fn case(
    log: &Arc<Log>,
    (readers, peer): (&Readers, &Peer),
    (id, world): (u64, &World),
) -> Result<v1::GetCaseResponse, Status> {
    let facts = world.facts(log);
    let (only, found) = {
        let state = log.cases().read().ok_or_else(refuse::replaying)?;
        let case = state.thing(id).map_or(id, |(_thing, case)| case);
        (only(&state, peer, world.wall()), Found::of(&state, case))
    };
    let case = match found {
        Found::Open(open) if open.is_of(only.as_ref(), &facts) => open.view(),
        Found::Open(_) | Found::None => return Err(unknown(id)),
        Found::Closed(index) => {
            let log = Arc::clone(log);
            let read = move || {
                let only = only.as_ref().map(|who| who.person.as_str());
                let read = read_closed(&log, index, only);
                let read = read.map_err(|why| refuse::internal(&why))?;
                read.ok_or_else(|| unknown(id))
            };
            let client = peer.principal.as_str();
            readers.run(client, Reading::Short, read).await?
        }
    };
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

/// A closed case as its entries tell it; `None` when this person took no part in it. Blocks.
fn read_closed(log: &Log, index: u64, only: Option<&str>) -> Result<Option<v1::Case>, String> {
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
    Ok(took_part.then(|| view::closed(case, index)))
}

/// A page of open cases, the newest first. The token is the number to go on below.
pub(super) async fn list(
    log: &Arc<Log>,
    (readers, peer): (&Readers, &Peer),
    (request, world): (v1::ListCasesRequest, &World),
) -> Result<v1::ListCasesResponse, Status> {
    let facts = world.facts(log);
    let size = page_size(request.page_size)?;
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
    let wanted = {
        let state = log.cases().read().ok_or_else(refuse::replaying)?;
        Wanted::new(&state, (peer, world.wall()), request)
    };
    let log = Arc::clone(log);
    let read = move || page(&log, (below, size), &wanted, &facts);
    readers
        .run(peer.principal.as_str(), Reading::Long, read)
        .await
}

fn page_size(wanted: u32) -> Result<usize, Status> {
    match usize::try_from(wanted) {
        Ok(0) => Ok(USUAL_PAGE),
        Ok(size) if size <= MAX_CASES_PAGE => Ok(size),
        _ => Err(field_violation(
            Reason::PageSizeInvalid,
            "page_size",
            format!("expected at most {MAX_CASES_PAGE}, got {wanted}"),
            "ask for smaller pages",
        )),
    }
}

/// Looks at some cases at a time, for the writer waits for whoever reads the state.
fn page(
    log: &Log,
    (mut below, size): (u64, usize),
    wanted: &Wanted,
    facts: &Facts,
) -> Result<v1::ListCasesResponse, Status> {
    let mut cases: Vec<v1::Case> = Vec::new();
    loop {
        let some: Vec<Open> = {
            let state = log.cases().read().ok_or_else(refuse::replaying)?;
            let some = state.cases_below(below).take(CASES_AT_A_TIME);
            some.map(|case| Open::of(&state, case)).collect()
        };
        let Some(last) = some.last() else {
            let next_page_token = String::new();
            return Ok(v1::ListCasesResponse {
                cases,
                next_page_token,
            });
        };
        below = last.case.id;
        for open in some.iter().filter(|open| wanted.takes(open, facts)) {
            if let Some(last) = cases.last().filter(|_| cases.len() == size) {
                let next_page_token = last.id.to_string();
                return Ok(v1::ListCasesResponse {
                    cases,
                    next_page_token,
                });
            }
            cases.push(open.view());
        }
    }
}

/// Which cases are listed.
struct Wanted {
    requester: Option<String>,
    reviewer: Option<Reviewer>,
    resource: String,
    statuses: Vec<i32>,
    only: Option<Reviewer>,
}

impl Wanted {
    fn new(state: &State, (peer, now): (&Peer, UnixMicros), request: v1::ListCasesRequest) -> Self {
        let named = |name: &str| (!name.is_empty()).then(|| person(state, peer, name));
        let reviewer = named(&request.reviewer);
        Self {
            requester: named(&request.requester),
            reviewer: reviewer.map(|who| Reviewer::new(state, who, now)),
            resource: request.resource,
            statuses: request.statuses,
            only: only(state, peer, now),
        }
    }

    fn takes(&self, open: &Open, facts: &Facts) -> bool {
        let case = &open.case;
        let status: i32 = view::status(case).into();
        let requester = self.requester.as_ref();
        let reviewer = self.reviewer.as_ref();
        (self.resource.is_empty() || self.resource == case.ask.resource)
            && (self.statuses.is_empty() || self.statuses.contains(&status))
            && requester.is_none_or(|wanted| *wanted == case.person)
            && reviewer.is_none_or(|who| open.may_be_decided_by(who, facts))
            && open.is_of(self.only.as_ref(), facts)
    }
}

/// There is nothing to judge by.
pub(in crate::server) fn no_policy() -> Status {
    refusal(
        Reason::PolicyMissing,
        "this log has no policy".to_owned(),
        "an administrator puts one into force with `countersign policy put`",
    )
}

/// What would come of a request.
pub(super) fn simulate(
    log: &Log,
    world: &World,
    (peer, request): (&Peer, &v1::SimulateRequest),
) -> Result<v1::SimulateResponse, Status> {
    let ask = actions::ask(request.ask.clone())?;
    let facts = world.facts(log);
    let (in_force, person) = {
        let state = log.cases().read().ok_or_else(refuse::replaying)?;
        let in_force = state.policy().cloned().ok_or_else(no_policy)?;
        (in_force, person(&state, peer, &request.person))
    };
    let policy = &in_force.policy;
    let wanted = ask.facts(&person, &facts);
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

//! The insights service: every call of `insights.proto`. What is told is read from entries anew
//! with each call, so it can be checked against them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use countersign_chain::principal::Principal;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_proto::convert::timestamp;
use countersign_proto::event::Known;
use countersign_proto::reason::{Reason, field_violation, refusal};
use countersign_proto::v1::{self, Dimension};
use countersign_workflow::case::Case;
use countersign_workflow::draft::EntryFacts;
use countersign_workflow::insights::{self, Survey};
use countersign_workflow::moment::Moment;
use countersign_workflow::state::State;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::clock::Clock;
use crate::filter::Filter;
use crate::identity::peer::Peer;
use crate::limits::{CASES_AT_A_TIME, MAX_ISSUES, PAGE_BYTES, SCAN_ENTRIES, USUAL_PERIOD_MICROS};
use crate::log::Log;
use crate::server::log_service::scan::{Bounds, scan};
use crate::server::looker::Looker;
use crate::server::readers::{Readers, Reading};
use crate::server::{Logs, Standing, access_service, peer, refuse};

/// Serves insights into the cases of logs. Clones share everything.
#[derive(Debug, Clone)]
pub struct InsightsService {
    logs: Logs,
    standing: Standing,
    clock: Arc<dyn Clock>,
    readers: Readers,
}

type Answer<T> = Result<Response<T>, Status>;

impl InsightsService {
    /// Serves insights into these logs.
    #[must_use]
    pub const fn new(
        logs: Logs,
        standing: Standing,
        clock: Arc<dyn Clock>,
        readers: Readers,
    ) -> Self {
        Self {
            logs,
            standing,
            clock,
            readers,
        }
    }

    /// The log, and the caller: they, or the person for whom they ask, may see what it holds.
    fn open<T>(
        &self,
        request: &Request<T>,
        (log, on_behalf_of): (&str, &str),
    ) -> Result<(Arc<Peer>, Arc<Log>), Status> {
        let peer = peer(request)?;
        self.standing.check(&peer)?;
        let log = Arc::clone(self.logs.get(log)?);
        let looker = Looker::of(on_behalf_of, &peer)?;
        if looker.is_person {
            may_read_audit(&log, &looker.actor)?;
        }
        Ok((peer, log))
    }

    /// Reads a period, and tells what `tell` makes of it.
    async fn survey<T: Send + 'static>(
        &self,
        (peer, log): (Arc<Peer>, Arc<Log>),
        period: Option<v1::Period>,
        tell: impl FnOnce(&Log, &Survey) -> Result<T, Status> + Send + 'static,
    ) -> Answer<T> {
        let wall = self.clock.wall();
        // Whoever does not wait for the answer any more ends the work for it.
        let stop = CancellationToken::new();
        let waits = stop.clone().drop_guard();
        let work = move || {
            let period = period_of(&log, wall, &period.unwrap_or_default())?;
            tell(&log, &survey(&log, period, &stop)?)
        };
        let answer = self
            .readers
            .run(peer.principal.as_str(), Reading::Long, work)
            .await;
        drop(waits);
        answer.map(Response::new)
    }
}

/// A period with both its ends. Blocks.
fn period_of(
    log: &Log,
    wall: UnixMicros,
    period: &v1::Period,
) -> Result<Range<UnixMicros>, Status> {
    let since = access_service::time("period.since", period.since.as_ref())?;
    let until = access_service::time("period.until", period.until.as_ref())?;
    let until = match until {
        Some(until) => until,
        None => after_all(log, wall)?,
    };
    let usual = until.get().saturating_sub(USUAL_PERIOD_MICROS);
    let since = since.unwrap_or_else(|| UnixMicros::new(usual).unwrap_or(UnixMicros::EPOCH));
    if since >= until {
        return Err(field_violation(
            Reason::TimeInvalid,
            "period",
            format!(
                "expected an end after the begin, got {} to {}",
                timestamp(since),
                timestamp(until)
            ),
            "name an earlier begin or a later end",
        ));
    }
    Ok(since..until)
}

/// A moment that is after every entry. A clock that was set back is behind some.
fn after_all(log: &Log, wall: UnixMicros) -> Result<UnixMicros, Status> {
    let last = log.sealed().size.saturating_sub(1);
    let (record, _checkpoint) = log.entry(last).map_err(|error| refuse::lookup(&error))?;
    let latest = wall.max(parse(last, &record)?.time()).get();
    UnixMicros::new(latest.saturating_add(1)).map_err(|error| refuse::internal(&error))
}

fn parse(index: u64, bytes: &[u8]) -> Result<Record<'_>, Status> {
    Record::parse(bytes).map_err(|error| refuse::damaged(index, error.to_string()))
}

/// People see what others did only when the policy lets them.
fn may_read_audit(log: &Log, user: &Principal) -> Result<(), Status> {
    let state = log.cases().read().ok_or_else(refuse::replaying)?;
    let in_force = state.policy().ok_or_else(access_service::no_policy)?;
    let person = in_force.policy.person_of(user.as_str());
    if person.is_some_and(|person| in_force.policy.may_read_audit(person)) {
        return Ok(());
    }
    Err(refusal(
        Reason::AuditNotAllowed,
        format!("the policy does not permit {user} to read_audit"),
        "ask for a permit of the action read_audit, or call with the role admin or auditor",
    ))
}

/// Reads the cases of a period. Blocks.
fn survey(
    log: &Log,
    period: Range<UnixMicros>,
    stop: &CancellationToken,
) -> Result<Survey, Status> {
    let filter = Filter {
        kinds: insights::KINDS.to_vec(),
        since: Some(period.start.get()),
        ..Filter::default()
    };
    let bounds = Bounds {
        entries: usize::MAX,
        bytes: PAGE_BYTES,
        scanned: SCAN_ENTRIES,
    };
    let mut survey = Survey::new(period);
    let (mut next, end) = (0, log.sealed().size);
    while next < end {
        if stop.is_cancelled() {
            return Err(Status::cancelled("nobody waits for the answer any more"));
        }
        let page = scan(log, &filter, next..end, &bounds);
        let page = page.map_err(|error| refuse::lookup(&error))?;
        for entry in &page.entries {
            see(&mut survey, entry)?;
        }
        next = page.next;
    }
    Ok(survey)
}

fn see(survey: &mut Survey, entry: &v1::Entry) -> Result<(), Status> {
    let record = parse(entry.index, &entry.record)?;
    let event = Known::decode(record.kind().get(), record.payload());
    let event = event.map_err(|error| refuse::damaged(entry.index, error.to_string()))?;
    let facts = EntryFacts {
        index: entry.index,
        time: record.time(),
        case: record.case(),
        actor: record.actor(),
        via: record.via(),
    };
    survey.see(&facts, &event).map_err(|error| {
        field_violation(
            Reason::PeriodTooLong,
            "period",
            error.to_string(),
            "ask for a shorter period, and for several after each other",
        )
    })
}

/// Ids of the permits that were in force at some moment of a period.
fn permits(state: &State, period: &Range<UnixMicros>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // Newest first, so the one before in this order has replaced it.
    let mut replaced = None;
    for in_force in state.policies() {
        let ended = replaced.is_some_and(|at| at <= period.start);
        if in_force.since < period.end && !ended {
            found.extend(in_force.policy.permit_ids().map(str::to_owned));
        }
        replaced = Some(in_force.since);
    }
    found
}

/// What waits for somebody in open cases. Looks at some cases at a time, for the writer waits for
/// whoever reads the state. Blocks.
fn issues(log: &Log, wall: UnixMicros) -> Result<v1::GetOpenIssuesResponse, Status> {
    let mut found = Vec::new();
    let (mut below, mut open_cases) = (u64::MAX, 0_u64);
    loop {
        let (some, now, setbacks) = some_cases(log, below, wall)?;
        let Some(last) = some.last() else {
            break;
        };
        below = last.id;
        for case in &some {
            open_cases = open_cases.saturating_add(1);
            found.extend(insights::issues(case, now, setbacks));
        }
    }
    let since = |issue: &v1::OpenIssue| {
        let since = issue.since.as_ref();
        since.map(|since| (since.seconds, since.nanos))
    };
    found.sort_by_key(|issue| (issue.kind, since(issue), issue.case));
    let left_off = found.len().saturating_sub(MAX_ISSUES);
    found.truncate(MAX_ISSUES);
    Ok(v1::GetOpenIssuesResponse {
        issues: found,
        left_off: u64::try_from(left_off).unwrap_or(u64::MAX),
        open_cases,
    })
}

fn some_cases(
    log: &Log,
    below: u64,
    wall: UnixMicros,
) -> Result<(Vec<Arc<Case>>, Moment, u64), Status> {
    let state = log.cases().read().ok_or_else(refuse::replaying)?;
    let some = state.cases_below(below).take(CASES_AT_A_TIME);
    Ok((
        some.cloned().collect(),
        state.moment(wall),
        state.setbacks(),
    ))
}

/// What cases are told apart by, each once.
fn dimensions(by: &[i32]) -> Result<Vec<Dimension>, Status> {
    let mut found = Vec::new();
    for (position, number) in by.iter().enumerate() {
        let dimension = Dimension::try_from(*number);
        let dimension = dimension.ok().filter(|by| *by != Dimension::Unspecified);
        let Some(dimension) = dimension.filter(|by| !found.contains(by)) else {
            return Err(field_violation(
                Reason::FilterInvalid,
                &format!("by[{position}]"),
                format!("expected each dimension at most once, got {number}"),
                "name group, policy, resource, weekday or hour",
            ));
        };
        found.push(dimension);
    }
    Ok(found)
}

#[tonic::async_trait]
impl v1::insights_service_server::InsightsService for InsightsService {
    async fn get_delays(
        &self,
        request: Request<v1::GetDelaysRequest>,
    ) -> Answer<v1::GetDelaysResponse> {
        let opened = {
            let asked = request.get_ref();
            self.open(&request, (&asked.log, &asked.on_behalf_of))?
        };
        let request = request.into_inner();
        let by = dimensions(&request.by)?;
        let tell = move |_log: &Log, survey: &Survey| Ok(survey.delays(&by));
        self.survey(opened, request.period, tell).await
    }

    async fn get_activity(
        &self,
        request: Request<v1::GetActivityRequest>,
    ) -> Answer<v1::GetActivityResponse> {
        let opened = {
            let asked = request.get_ref();
            self.open(&request, (&asked.log, &asked.on_behalf_of))?
        };
        let period = request.into_inner().period;
        let tell = |log: &Log, survey: &Survey| {
            let permits = {
                let state = log.cases().read().ok_or_else(refuse::replaying)?;
                permits(&state, survey.period())
            };
            Ok(survey.activity(permits.iter().map(String::as_str)))
        };
        self.survey(opened, period, tell).await
    }

    async fn get_open_issues(
        &self,
        request: Request<v1::GetOpenIssuesRequest>,
    ) -> Answer<v1::GetOpenIssuesResponse> {
        let (peer, log) = {
            let asked = request.get_ref();
            self.open(&request, (&asked.log, &asked.on_behalf_of))?
        };
        let wall = self.clock.wall();
        let work = move || issues(&log, wall);
        let answer = self
            .readers
            .run(peer.principal.as_str(), Reading::Long, work)
            .await;
        answer.map(Response::new)
    }
}

//! ListSessions: read from the entries that begin and end sessions.

use std::collections::BTreeMap;

use countersign_chain::record::Record;
use countersign_proto::convert::timestamp;
use countersign_proto::event::{Kinded as _, Known};
use countersign_proto::reason::{Reason, field_violation};
use countersign_proto::v1;
use tonic::Status;

use super::View;
use crate::filter::Filter;
use crate::limits::{DEFAULT_PAGE, MAX_PAGE, PAGE_BYTES, SCAN_ENTRIES};
use crate::log::Log;
use crate::server::log_service::scan::{Bounds, scan};
use crate::server::refuse;

/// A page of sessions, newest first. Blocks.
pub(super) fn list(
    log: &Log,
    view: &View,
    request: &v1::ListSessionsRequest,
) -> Result<v1::ListSessionsResponse, Status> {
    let size = page_size(request.page_size)?;
    let below = below(&request.page_token)?;
    let mut found = read(log, view, request, below)?;
    let more = found.len() > size;
    // The newest ones, in order of their numbers.
    let mut rest = found.split_off(&oldest_of(&found, size));
    let next_page_token = match rest.first_key_value() {
        Some((oldest, _session)) if more => oldest.to_string(),
        _ => String::new(),
    };
    name_resources(log, &mut rest)?;
    Ok(v1::ListSessionsResponse {
        sessions: rest.into_values().rev().collect(),
        next_page_token,
    })
}

fn oldest_of(found: &BTreeMap<u64, v1::SessionSummary>, size: usize) -> u64 {
    let above = found.len().saturating_sub(size);
    found.keys().nth(above).copied().unwrap_or(0)
}

fn page_size(asked: u32) -> Result<usize, Status> {
    let size = if asked == 0 { DEFAULT_PAGE } else { asked };
    if size > MAX_PAGE {
        return Err(field_violation(
            Reason::PageSizeInvalid,
            "page_size",
            format!("expected at most {MAX_PAGE} sessions, got {asked}"),
            "ask for 1 to 1,000 sessions, or 0 for 100",
        ));
    }
    usize::try_from(size).map_err(|error| refuse::internal(&error))
}

/// The page holds sessions with smaller numbers.
fn below(token: &str) -> Result<u64, Status> {
    if token.is_empty() {
        return Ok(u64::MAX);
    }
    token.parse().map_err(|_not_a_number| {
        field_violation(
            Reason::PageTokenInvalid,
            "page_token",
            "the text is no page token of this call".to_owned(),
            "send the token of the page before as it came, or none for the first page",
        )
    })
}

fn read(
    log: &Log,
    view: &View,
    request: &v1::ListSessionsRequest,
    below: u64,
) -> Result<BTreeMap<u64, v1::SessionSummary>, Status> {
    let filter = Filter {
        case: Some(request.case).filter(|case| *case > 0),
        kinds: vec![v1::SessionStarted::KIND, v1::SessionEnded::KIND],
        ..Filter::default()
    };
    let bounds = Bounds {
        entries: usize::MAX,
        bytes: PAGE_BYTES,
        scanned: SCAN_ENTRIES,
    };
    let wanted = |person: &str| {
        let seen = match view {
            View::Everything => true,
            View::Of(own) => own == person,
        };
        seen && (request.person.is_empty() || request.person == person)
    };
    let mut found = BTreeMap::new();
    let (mut next, end) = (0, log.sealed().size);
    while next < end {
        let page = scan(log, &filter, next..end, &bounds);
        let page = page.map_err(|error| refuse::lookup(&error))?;
        for entry in &page.entries {
            see(&mut found, entry, (below, &wanted))?;
        }
        next = page.next;
    }
    Ok(found)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "two kinds were asked for")]
fn see(
    found: &mut BTreeMap<u64, v1::SessionSummary>,
    entry: &v1::Entry,
    (below, wanted): (u64, &impl Fn(&str) -> bool),
) -> Result<(), Status> {
    let damaged = |why: String| refuse::damaged(entry.index, why);
    let record = Record::parse(&entry.record).map_err(|error| damaged(error.to_string()))?;
    let event = Known::decode(record.kind().get(), record.payload());
    match event.map_err(|error| damaged(error.to_string()))? {
        Known::SessionStarted(started) if entry.index < below && wanted(&started.person) => {
            let session = v1::SessionSummary {
                session: entry.index,
                case: record.case(),
                grant: started.grant,
                person: started.person,
                recorder: record.actor().to_owned(),
                client: started.client,
                source_address: started.source_address,
                started_at: Some(timestamp(record.time())),
                ..v1::SessionSummary::default()
            };
            found.insert(entry.index, session);
        }
        Known::SessionEnded(ended) => {
            if let Some(session) = found.get_mut(&ended.session) {
                session.ended_at = Some(timestamp(record.time()));
                session.reason = ended.reason;
                session.exit_status = ended.exit_status;
                session.recording = ended.recording;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The grant says on what a session was.
fn name_resources(
    log: &Log,
    sessions: &mut BTreeMap<u64, v1::SessionSummary>,
) -> Result<(), Status> {
    for session in sessions.values_mut() {
        let index = session.grant;
        let (bytes, _checkpoint) = log.entry(index).map_err(|error| refuse::lookup(&error))?;
        let record = Record::parse(&bytes);
        let record = record.map_err(|error| refuse::damaged(index, error.to_string()))?;
        if let Ok(Known::GrantIssued(grant)) = Known::decode(record.kind().get(), record.payload())
        {
            session.resource = grant.resource;
        }
    }
    Ok(())
}

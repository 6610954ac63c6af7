//! A case as the ledger tells it, read once into types.

use std::collections::BTreeMap;

use countersign_chain::time::UnixMicros;
use countersign_proto::convert::{TimeError, unix_micros};
use countersign_proto::v1;

use crate::card::name::Name;
use crate::card::span::Span;
use crate::limits::{MAX_LISTED, MAX_NAME, MAX_REASON};

/// Why an answer of the ledger is no case that a card could show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// A field that every such case has.
    #[error("case has no {0}: is this ledger older or newer than this program?")]
    Missing(&'static str),
    /// A status of another version.
    #[error("case has the unknown status {0}: is this ledger newer than this program?")]
    Status(i32),
    /// A decision of another version.
    #[error("case has the unknown decision {0}: is this ledger newer than this program?")]
    Decision(i32),
    /// A time that is none.
    #[error("case has a wrong {field}: {why}")]
    Time {
        /// Which.
        field: &'static str,
        /// What is wrong.
        why: TimeError,
    },
    /// A length of time beyond a year.
    #[error("case has a {field} of {seconds} s, expected at most a year")]
    Span {
        /// Which.
        field: &'static str,
        /// What it says.
        seconds: u64,
    },
    /// Longer than the ledger takes.
    #[error("case has a {field} of {length}, expected at most {max}")]
    Long {
        /// Which.
        field: &'static str,
        /// Its bytes or members.
        length: usize,
        /// The limit.
        max: usize,
    },
}

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Waits for decisions.
    Pending,
    /// Approved; begins later.
    Scheduled,
    /// Access is given.
    Active,
    /// Access is over; something is still to be done.
    Ended,
    /// No access was given; feedback is waited for.
    Refused,
    /// Over.
    Closed,
}

/// A number of people of one group who must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The group.
    pub group: Name,
    /// How many of its people.
    pub count: u32,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Index of its entry.
    pub index: u64,
    /// Who.
    pub person: Name,
    /// What.
    pub decision: Decision,
    /// For which group; none when it denies.
    pub group: Option<Name>,
    /// Why; may be empty.
    pub reason: String,
    /// Whose place it was.
    pub delegate_of: Option<Name>,
    /// When, if the entry was seen.
    pub when: Option<UnixMicros>,
}

/// What a reviewer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

/// Access that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its number.
    pub id: u64,
    /// When it began.
    pub issued: Option<UnixMicros>,
    /// When it ends, or ended.
    pub end: Option<UnixMicros>,
    /// How it ended; empty while it runs.
    pub ended_by: String,
    /// Whether access exists, in one word.
    pub provisioning: String,
}

/// A wish for more time that waits for decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its number.
    pub id: u64,
    /// How much more.
    pub duration: Span,
    /// Why; may be empty.
    pub reason: String,
    /// When it expires.
    pub expires: UnixMicros,
    /// Decisions on it.
    pub reviews: Vec<Review>,
    /// Who must agree.
    pub approvals: Vec<Slot>,
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseView {
    /// Its number.
    pub id: u64,
    /// Where it stands.
    pub status: Status,
    /// Who asks.
    pub person: Name,
    /// What for.
    pub resource: Name,
    /// What to be allowed there.
    pub permission: Name,
    /// For how long.
    pub duration: Span,
    /// Why.
    pub reason: String,
    /// Ticket of another system; may be empty.
    pub ticket: String,
    /// Severity; may be empty.
    pub severity: String,
    /// Other systems that are affected.
    pub affected: Vec<String>,
    /// Wanted start; none for at once.
    pub start: Option<UnixMicros>,
    /// How it began.
    pub way: Way,
    /// Index of the policy.
    pub policy: u64,
    /// Ids of the rules of that policy that ask for the approvals.
    pub rules: Vec<String>,
    /// Who must agree.
    pub approvals: Vec<Slot>,
    /// Longest time of the grant, extensions included.
    pub max_duration: Span,
    /// How often the grant may be extended.
    pub max_extensions: u32,
    /// Who looks at a break-glass access afterwards.
    pub retro_group: Option<Name>,
    /// Whether approvals are signed with a passkey, which only the inbox can ask for.
    pub step_up: bool,
    /// When it was opened.
    pub opened: UnixMicros,
    /// When the request expires.
    pub request_expires: Option<UnixMicros>,
    /// Decisions on the request.
    pub reviews: Vec<Review>,
    /// The grant.
    pub grant: Option<Grant>,
    /// The extension that waits.
    pub extension: Option<Extension>,
    /// Number of its sessions.
    pub sessions: usize,
    /// Number of its entries.
    pub entries: usize,
    /// How it ended; empty while it is open.
    pub outcome: String,
    /// What is still to be done, in words.
    pub open_issues: Vec<String>,
    /// Whether somebody still has to look at a break-glass access.
    pub retro_review_open: bool,
}

/// How access was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Asked first.
    Request,
    /// Taken at once, looked at afterwards.
    BreakGlass,
}

impl CaseView {
    /// Reads a case. `times` are those of entries that were seen, by index: a case names its
    /// decisions by their entries and does not say when they were.
    ///
    /// # Errors
    /// [`CaseError`] for what is missing, unknown, or beyond the bounds of the workflow.
    pub fn parse(case: &v1::Case, times: &BTreeMap<u64, UnixMicros>) -> Result<Self, CaseError> {
        let obligations = case.obligations.as_ref();
        let obligations = obligations.ok_or(CaseError::Missing("obligations"))?;
        let opened = time("opened", case.opened.as_ref())?;
        Ok(Self {
            id: case.id,
            status: status(case.status)?,
            person: name("person", &case.person)?,
            resource: name("resource", &case.resource)?,
            permission: name("permission", &case.permission)?,
            duration: span("duration", case.duration_seconds)?,
            reason: words("reason", &case.reason, MAX_REASON)?,
            ticket: words("ticket", &case.ticket, MAX_NAME)?,
            severity: words("severity", &case.severity, MAX_NAME)?,
            affected: all("affected", &case.affected)?,
            start: time("start", case.start.as_ref())?,
            way: match case.break_glass {
                true => Way::BreakGlass,
                false => Way::Request,
            },
            policy: case.policy,
            rules: all("policies", &obligations.policies)?,
            approvals: slots(&obligations.approvals)?,
            max_duration: span("longest duration", obligations.max_duration_seconds)?,
            max_extensions: obligations.max_extensions,
            retro_group: Name::new(&obligations.retro_group),
            step_up: obligations.step_up,
            opened: opened.ok_or(CaseError::Missing("opened"))?,
            request_expires: time("request_expires", case.request_expires.as_ref())?,
            reviews: reviews(&case.reviews, times)?,
            grant: case.grant.as_ref().map(grant).transpose()?,
            extension: match &case.extension {
                Some(wish) => Some(extension(wish, times)?),
                None => None,
            },
            sessions: case.sessions.len(),
            entries: case.entries.len(),
            outcome: words("outcome", &case.outcome, MAX_NAME)?,
            open_issues: all("open_issues", &case.open_issues)?,
            retro_review_open: case.retro_review_open,
        })
    }

    /// How much more time the policy leaves to ask for; none when it leaves none. How often it was
    /// asked before is the ledger's to count.
    #[must_use]
    pub fn more_time(&self) -> Option<Span> {
        let grant = self.grant.as_ref()?;
        let (issued, end) = (grant.issued?, grant.end?);
        let given = end.seconds().saturating_sub(issued.seconds());
        let more = self.max_duration.seconds().saturating_sub(given);
        Span::new(more).filter(|more| more.seconds() > 0 && self.max_extensions > 0)
    }
}

fn status(status: i32) -> Result<Status, CaseError> {
    match v1::CaseStatus::try_from(status) {
        Ok(v1::CaseStatus::Pending) => Ok(Status::Pending),
        Ok(v1::CaseStatus::Scheduled) => Ok(Status::Scheduled),
        Ok(v1::CaseStatus::Active) => Ok(Status::Active),
        Ok(v1::CaseStatus::Ended) => Ok(Status::Ended),
        Ok(v1::CaseStatus::Refused) => Ok(Status::Refused),
        Ok(v1::CaseStatus::Closed) => Ok(Status::Closed),
        Ok(v1::CaseStatus::Unspecified) | Err(_) => Err(CaseError::Status(status)),
    }
}

pub(super) fn name(field: &'static str, text: &str) -> Result<Name, CaseError> {
    if text.is_empty() {
        return Err(CaseError::Missing(field));
    }
    Name::new(text).ok_or(CaseError::Long {
        field,
        length: text.len(),
        max: MAX_NAME,
    })
}

pub(super) fn words(field: &'static str, text: &str, max: usize) -> Result<String, CaseError> {
    match text.len() {
        length if length > max => Err(CaseError::Long { field, length, max }),
        _ => Ok(text.to_owned()),
    }
}

fn few(field: &'static str, length: usize) -> Result<(), CaseError> {
    match length > MAX_LISTED {
        true => Err(CaseError::Long {
            field,
            length,
            max: MAX_LISTED,
        }),
        false => Ok(()),
    }
}

fn all(field: &'static str, texts: &[String]) -> Result<Vec<String>, CaseError> {
    few(field, texts.len())?;
    let texts = texts.iter().map(|text| words(field, text, MAX_NAME));
    texts.collect()
}

pub(super) fn time(
    field: &'static str,
    time: Option<&prost_types::Timestamp>,
) -> Result<Option<UnixMicros>, CaseError> {
    let time = time.map(unix_micros).transpose();
    time.map_err(|why| CaseError::Time { field, why })
}

pub(super) fn span(field: &'static str, seconds: u64) -> Result<Span, CaseError> {
    Span::new(seconds).ok_or(CaseError::Span { field, seconds })
}

fn slots(slots: &[v1::Slot]) -> Result<Vec<Slot>, CaseError> {
    few("approvals", slots.len())?;
    let slots = slots.iter().map(|slot| {
        Ok(Slot {
            group: name("approval group", &slot.group)?,
            count: slot.count,
        })
    });
    slots.collect()
}

fn reviews(
    reviews: &[v1::ReviewState],
    times: &BTreeMap<u64, UnixMicros>,
) -> Result<Vec<Review>, CaseError> {
    few("reviews", reviews.len())?;
    let reviews = reviews.iter().map(|review| {
        Ok(Review {
            index: review.index,
            person: name("reviewer", &review.person)?,
            decision: decision(review.decision)?,
            group: Name::new(&review.group),
            reason: words("reason of a review", &review.reason, MAX_REASON)?,
            delegate_of: Name::new(&review.delegate_of),
            when: times.get(&review.index).copied(),
        })
    });
    reviews.collect()
}

fn decision(decision: i32) -> Result<Decision, CaseError> {
    match v1::Decision::try_from(decision) {
        Ok(v1::Decision::Approve) => Ok(Decision::Approve),
        Ok(v1::Decision::Deny) => Ok(Decision::Deny),
        Ok(v1::Decision::Unspecified) | Err(_) => Err(CaseError::Decision(decision)),
    }
}

fn grant(grant: &v1::Grant) -> Result<Grant, CaseError> {
    Ok(Grant {
        id: grant.id,
        issued: time("issued", grant.issued.as_ref())?,
        end: time("end", grant.end.as_ref())?,
        ended_by: words("ended_by", &grant.ended_by, MAX_NAME)?,
        provisioning: words("provisioning", &grant.provisioning, MAX_NAME)?,
    })
}

fn extension(
    extension: &v1::Extension,
    times: &BTreeMap<u64, UnixMicros>,
) -> Result<Extension, CaseError> {
    let expires = time("expires", extension.expires.as_ref())?;
    Ok(Extension {
        id: extension.id,
        duration: span("duration of the extension", extension.duration_seconds)?,
        reason: words("reason of the extension", &extension.reason, MAX_REASON)?,
        expires: expires.ok_or(CaseError::Missing("end of the extension's time"))?,
        reviews: reviews(&extension.reviews, times)?,
        approvals: slots(&extension.approvals)?,
    })
}

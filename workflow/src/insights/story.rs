//! What a survey keeps of a case.

use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::v1;

use super::Names;
use crate::draft::EntryFacts;

/// One case, as far as a survey looks at it.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) id: u64,
    pub(super) opened: UnixMicros,
    /// Where the company is, 0 to 23.
    pub(super) hour: u8,
    /// Where the company is, 1 is Monday.
    pub(super) weekday: u8,
    pub(super) person: Arc<str>,
    pub(super) resource: Arc<str>,
    pub(super) break_glass: bool,
    /// Ids of the permits that matched.
    pub(super) policies: Vec<Arc<str>>,
    /// Groups that had to agree.
    pub(super) groups: Vec<Arc<str>>,
    /// Decisions on the request.
    pub(super) decisions: Vec<Decision>,
    /// Whether access was asked for a later time.
    pub(super) scheduled: bool,
    /// When everybody had agreed.
    pub(super) agreed: Option<UnixMicros>,
    pub(super) refused: Option<Refused>,
    pub(super) issued: Option<UnixMicros>,
    pub(super) first_use: Option<UnixMicros>,
    pub(super) ended: Option<(UnixMicros, Ended)>,
    pub(super) counts: Counts,
    pub(super) justified: Option<bool>,
    pub(super) closed: bool,
    pub(super) feedback: Vec<Feedback>,
}

/// A decision on a request.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) time: UnixMicros,
    /// The group that it counted for; `None` when it denies.
    pub(super) group: Option<Arc<str>>,
    pub(super) delegated: bool,
}

/// How a request ended without access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Denied,
    Cancelled,
    Undecided,
}

/// How a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Expired,
    Revoked,
    Finished,
}

/// What can happen several times.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) extensions_asked: u64,
    pub(super) extended: u64,
    pub(super) sessions: u64,
    pub(super) overran: u64,
    pub(super) reminders: u64,
    pub(super) escalations: u64,
    /// Reports that access could not be made.
    pub(super) not_provisioned: u64,
    /// Reports that access could not be taken away.
    pub(super) not_removed: u64,
}

/// What one person said.
#[derive(Debug)]
pub(super) struct Feedback {
    pub(super) index: u64,
    pub(super) person: Arc<str>,
    pub(super) access: v1::Rating,
    pub(super) wait: v1::Rating,
    pub(super) comment: String,
}

impl Story {
    /// The case that an entry opens.
    #[expect(clippy::wildcard_enum_match_arm, reason = "two kinds open a case")]
    pub(super) fn open(entry: &EntryFacts<'_>, event: &Known, names: &mut Names) -> Option<Self> {
        let (person, resource, facts, obligations, break_glass) = match event {
            Known::AccessRequested(event) => (
                &event.person,
                &event.resource,
                event.facts.as_ref(),
                event.obligations.as_ref(),
                false,
            ),
            Known::BreakGlassInvoked(event) => (
                &event.person,
                &event.resource,
                event.facts.as_ref(),
                event.obligations.as_ref(),
                true,
            ),
            _ => return None,
        };
        let small = |number: Option<u32>| number.and_then(|number| u8::try_from(number).ok());
        let policies = obligations.into_iter().flat_map(|all| &all.policies);
        let groups = obligations.into_iter().flat_map(|all| &all.approvals);
        Some(Self {
            id: entry.index,
            opened: entry.time,
            hour: small(facts.map(|facts| facts.hour)).unwrap_or(0),
            weekday: small(facts.map(|facts| facts.weekday)).unwrap_or(1),
            person: names.get(person),
            resource: names.get(resource),
            break_glass,
            policies: policies.map(|id| names.get(id)).collect(),
            groups: groups.map(|slot| names.get(&slot.group)).collect(),
            decisions: Vec::new(),
            scheduled: false,
            agreed: None,
            refused: None,
            issued: None,
            first_use: None,
            ended: None,
            counts: Counts::default(),
            justified: None,
            closed: false,
            feedback: Vec::new(),
        })
    }

    /// Takes in a later entry of the case.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what changes no figure is passed over"
    )]
    pub(super) fn see(&mut self, entry: &EntryFacts<'_>, event: &Known, names: &mut Names) {
        let more = |count: &mut u64| *count = count.saturating_add(1);
        match event {
            Known::ReviewRecorded(event) if event.request == self.id => {
                self.decided(entry.time, event, names);
            }
            Known::RequestDenied(event) if event.request == self.id => {
                self.refused = Some(Refused::Denied);
            }
            Known::RequestCancelled(event) if event.request == self.id => {
                self.refused = Some(Refused::Cancelled);
            }
            Known::RequestExpired(event) if event.request == self.id => {
                self.refused = Some(Refused::Undecided);
            }
            Known::ApproversReminded(_) => more(&mut self.counts.reminders),
            Known::RequestEscalated(_) => more(&mut self.counts.escalations),
            Known::GrantScheduled(_) => {
                self.scheduled = true;
                self.agreed = self.last_decision();
            }
            Known::GrantIssued(_) => {
                self.issued = Some(entry.time);
                self.agreed = self.agreed.or_else(|| self.last_decision());
            }
            Known::GrantExtended(_) => more(&mut self.counts.extended),
            Known::GrantRevoked(_) => self.ended = Some((entry.time, Ended::Revoked)),
            Known::GrantFinished(_) => self.ended = Some((entry.time, Ended::Finished)),
            Known::GrantExpired(_) => self.ended = Some((entry.time, Ended::Expired)),
            Known::ExtensionRequested(_) => more(&mut self.counts.extensions_asked),
            Known::RetroReviewRecorded(event) => self.justified = Some(event.justified),
            Known::FeedbackSubmitted(event) => self.feedback.push(Feedback {
                index: entry.index,
                person: names.get(&event.person),
                access: event.access_sufficient(),
                wait: event.wait_acceptable(),
                comment: event.comment.clone(),
            }),
            Known::CaseClosed(_) => self.closed = true,
            Known::SessionStarted(_) => {
                more(&mut self.counts.sessions);
                self.first_use = self.first_use.or(Some(entry.time));
            }
            Known::SessionOverran(_) => more(&mut self.counts.overran),
            Known::ProvisioningFailed(_) => more(&mut self.counts.not_provisioned),
            Known::RemovalFailed(_) => more(&mut self.counts.not_removed),
            _ => {}
        }
    }

    fn decided(&mut self, time: UnixMicros, event: &v1::ReviewRecorded, names: &mut Names) {
        let approves = event.decision() == v1::Decision::Approve;
        self.decisions.push(Decision {
            time,
            group: approves.then(|| names.get(&event.group)),
            delegated: !event.delegate_of.is_empty(),
        });
    }

    fn last_decision(&self) -> Option<UnixMicros> {
        self.decisions.last().map(|decision| decision.time)
    }
}

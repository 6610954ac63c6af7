//! What waits for somebody in a case.

use countersign_chain::time::UnixMicros;
use countersign_proto::v1::{self, IssueKind};

use crate::case::{Case, Ended, Grant, Provisioning, Stage};
use crate::limits::OVERRUN_GRACE;
use crate::moment::Moment;
use crate::{timer, wire};

/// What is open in a case at a moment, after the clock was set back by so many microseconds in all.
#[must_use]
pub fn issues(case: &Case, now: Moment, setbacks: u64) -> Vec<v1::OpenIssue> {
    let look = Look {
        case,
        now,
        setbacks,
    };
    let mut found = Vec::new();
    match &case.stage {
        Stage::Active(grant) => found.extend(look.active(grant)),
        Stage::Ended(ended) => found.extend(look.ended(ended)),
        Stage::Pending | Stage::Scheduled(_) | Stage::Refused(_) => {}
    }
    found.extend(look.not_reviewed());
    found.extend(look.waits_for_decision());
    found.extend(look.waits_for_feedback());
    found
}

struct Look<'a> {
    case: &'a Case,
    now: Moment,
    setbacks: u64,
}

impl Look<'_> {
    fn issue(
        &self,
        kind: IssueKind,
        since: UnixMicros,
        (waits_for, late): (Vec<String>, bool),
    ) -> v1::OpenIssue {
        v1::OpenIssue {
            kind: kind.into(),
            case: self.case.id,
            person: self.case.person.clone(),
            resource: self.case.ask.resource.clone(),
            since: Some(wire::timestamp(since)),
            waits_for,
            late,
        }
    }

    fn requester(&self) -> Vec<String> {
        vec![self.case.person.clone()]
    }

    fn active(&self, grant: &Grant) -> Vec<v1::OpenIssue> {
        let mut found = Vec::new();
        if grant.provisioning == Provisioning::Failed {
            found.push(self.issue(IssueKind::NotProvisioned, grant.issued, (Vec::new(), true)));
        }
        let passed = self.now.seconds_since(grant.since);
        let left = grant.end.seconds_since(self.now);
        if self.case.sessions.is_empty() && passed >= left {
            let who = (self.requester(), false);
            found.push(self.issue(IssueKind::NotUsed, grant.issued, who));
        }
        found
    }

    fn ended(&self, ended: &Ended) -> Vec<v1::OpenIssue> {
        let mut found = Vec::new();
        let late = self.now >= ended.at.after(OVERRUN_GRACE);
        let provisioning = ended.grant.as_ref().map(|grant| grant.provisioning);
        match provisioning {
            Some(Provisioning::RemovalFailed) => {
                let nobody = (Vec::new(), true);
                found.push(self.issue(IssueKind::RemovalFailed, ended.time, nobody));
            }
            Some(Provisioning::Provisioned) => {
                let nobody = (Vec::new(), late);
                found.push(self.issue(IssueKind::NotRemoved, ended.time, nobody));
            }
            Some(Provisioning::None | Provisioning::Failed | Provisioning::Removed) | None => {}
        }
        let mut sessions = self.case.sessions.iter();
        if sessions.any(|session| session.ended.is_none()) {
            let who = (self.requester(), late);
            found.push(self.issue(IssueKind::SessionOverruns, ended.time, who));
        }
        found
    }

    fn not_reviewed(&self) -> Option<v1::OpenIssue> {
        let retro = self.case.retro.as_ref()?;
        if retro.by.is_some() {
            return None;
        }
        let who = (vec![retro.group.clone()], self.now >= retro.due);
        Some(self.issue(IssueKind::NotReviewed, self.case.opened, who))
    }

    fn waits_for_decision(&self) -> Option<v1::OpenIssue> {
        let (round, obligations) = timer::open_round(self.case)?;
        let groups = round.open_groups(obligations).map(str::to_owned);
        let escalated = obligations.escalate.is_some() && round.escalate.is_none();
        let since = round.expires.before(obligations.request_ttl);
        let who = (groups.collect(), round.reminders > 0 || escalated);
        Some(self.issue(
            IssueKind::WaitsForDecision,
            since.ledger_time(self.setbacks),
            who,
        ))
    }

    fn waits_for_feedback(&self) -> Option<v1::OpenIssue> {
        let over = self.case.over_since()?;
        let silent = self.case.participants().into_iter();
        let silent: Vec<String> = silent
            .filter(|person| !self.case.feedback.contains(*person))
            .map(str::to_owned)
            .collect();
        if silent.is_empty() {
            return None;
        }
        Some(self.issue(
            IssueKind::WaitsForFeedback,
            over.ledger_time(self.setbacks),
            (silent, false),
        ))
    }
}

//! A case as its entries made it. Every state holds the facts of that state and no others; only
//! [`crate::apply`] makes one out of another.

use std::collections::BTreeSet;

use countersign_chain::time::UnixMicros;

use crate::command::Ask;
use crate::moment::Moment;
use crate::policy::{Facts, Obligations};

/// A case that is not closed.
#[derive(Debug, Clone)]
pub struct Case {
    /// Index of the entry that opened it.
    pub id: u64,
    /// When that was.
    pub opened: UnixMicros,
    /// Principal that asked.
    pub principal: String,
    /// Who asked, as the policy knows the person.
    pub person: String,
    /// What was asked for.
    pub ask: Ask,
    /// Whether access is taken at once.
    pub break_glass: bool,
    /// Index of the policy that it is judged by.
    pub policy: u64,
    /// What the world looked like.
    pub facts: Facts,
    /// What the policy asks for.
    pub obligations: Obligations,
    /// Decisions on the request.
    pub round: Round,
    /// Where it stands.
    pub stage: Stage,
    /// Uses of the grant.
    pub sessions: Vec<Session>,
    /// What is to be judged afterwards, when access was taken at once.
    pub retro: Option<Retro>,
    /// People who gave feedback.
    pub feedback: BTreeSet<String>,
    /// Indexes of its entries, in order.
    pub entries: Vec<u64>,
}

/// Where a case stands.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Waits for decisions.
    Pending,
    /// Approved, and begins later.
    Scheduled(Scheduled),
    /// Access is given.
    Active(Grant),
    /// Access is over.
    Ended(Ended),
    /// There is no access.
    Refused(RefusedAt),
}

/// A grant that has not begun.
#[derive(Debug, Clone)]
pub struct Scheduled {
    /// Index of the GrantScheduled entry.
    pub id: u64,
    /// When it begins: in ledger time, for a clock that is set back must not make it early.
    pub start: UnixMicros,
}

/// A grant.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Index of the GrantIssued entry.
    pub id: u64,
    /// When it was issued.
    pub issued: UnixMicros,
    /// The same, for deadlines.
    pub since: Moment,
    /// When it ends.
    pub end: Moment,
    /// The same, as its entry tells.
    pub end_time: UnixMicros,
    /// Whether its holder was warned of this end.
    pub warned: bool,
    /// How often it was extended.
    pub extended: u32,
    /// An extension that waits for decisions.
    pub extension: Option<Extension>,
    /// Whether access exists.
    pub provisioning: Provisioning,
}

/// A grant that is over, or was never begun.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The grant; `None` when it was revoked before it began.
    pub grant: Option<Grant>,
    /// How it ended.
    pub by: EndedBy,
    /// When.
    pub at: Moment,
    /// The same in ledger time.
    pub time: UnixMicros,
}

/// How a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// Its time was over.
    Expired,
    /// Somebody took it away.
    Revoked,
    /// Its holder was done.
    Finished,
}

/// How a request ended without access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedBy {
    /// Somebody said no.
    Denied,
    /// Its requester took it back.
    Cancelled,
    /// Nobody decided in time.
    Expired,
}

/// A request without access.
#[derive(Debug, Clone, Copy)]
pub struct RefusedAt {
    /// Why.
    pub by: RefusedBy,
    /// When.
    pub at: Moment,
}

/// Whether access exists, as far as provisioners told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioning {
    /// Nobody told anything.
    None,
    /// It exists.
    Provisioned,
    /// It could not be made.
    Failed,
    /// It is gone.
    Removed,
    /// It could not be taken away.
    RemovalFailed,
}

/// Decisions on a request or an extension.
#[derive(Debug, Clone)]
pub struct Round {
    /// Index of the request or extension.
    pub id: u64,
    /// Decisions, in order.
    pub reviews: Vec<Review>,
    /// When it ends without a decision.
    pub expires: Moment,
    /// When reviewers are reminded next.
    pub remind: Option<Moment>,
    /// How often they were.
    pub reminders: u32,
    /// When others are told; `None` when they were, or never.
    pub escalate: Option<Moment>,
}

/// A decision.
#[derive(Debug, Clone)]
pub struct Review {
    /// Its entry.
    pub index: u64,
    /// Who decided.
    pub person: String,
    /// Yes or no.
    pub approve: bool,
    /// The group that it counts for.
    pub group: String,
    /// Why.
    pub reason: String,
    /// Whose place it was, when it was delegated; else empty.
    pub delegate_of: String,
}

/// A request for more time.
#[derive(Debug, Clone)]
pub struct Extension {
    /// Seconds.
    pub duration: u64,
    /// Why.
    pub reason: String,
    /// What the world looked like.
    pub facts: Facts,
    /// What the policy asks for.
    pub obligations: Obligations,
    /// Decisions on it.
    pub round: Round,
}

/// A use of a grant.
#[derive(Debug, Clone)]
pub struct Session {
    /// Index of the SessionStarted entry.
    pub id: u64,
    /// When it began.
    pub started: UnixMicros,
    /// When it ended.
    pub ended: Option<UnixMicros>,
    /// Whether it outlived its grant.
    pub overran: bool,
    /// With what.
    pub client: String,
}

/// A judgement afterwards.
#[derive(Debug, Clone)]
pub struct Retro {
    /// Whose business it is.
    pub group: String,
    /// Until when.
    pub due: Moment,
    /// When they are reminded next.
    pub remind: Option<Moment>,
    /// How often they were.
    pub reminders: u32,
    /// Whether others were told that it is late.
    pub escalated: bool,
    /// Who did it; `None` until somebody has.
    pub by: Option<String>,
}

impl Round {
    /// How many decisions a group still owes.
    #[must_use]
    pub fn missing(&self, obligations: &Obligations, group: &str) -> u32 {
        let wanted = obligations.approvals.get(group).copied().unwrap_or(0);
        let given = self.reviews.iter();
        let given = given.filter(|review| review.approve && review.group == group);
        wanted.saturating_sub(u32::try_from(given.count()).unwrap_or(u32::MAX))
    }

    /// Groups that owe decisions, in order of their names.
    pub fn open_groups<'a>(
        &'a self,
        obligations: &'a Obligations,
    ) -> impl Iterator<Item = &'a str> + 'a {
        let groups = obligations.approvals.keys().map(String::as_str);
        groups.filter(|group| self.missing(obligations, group) > 0)
    }

    /// Whether everybody who must has agreed.
    #[must_use]
    pub fn is_complete(&self, obligations: &Obligations) -> bool {
        self.denial().is_none() && self.open_groups(obligations).next().is_none()
    }

    /// The decision that ended it.
    #[must_use]
    pub fn denial(&self) -> Option<&Review> {
        self.reviews.iter().find(|review| !review.approve)
    }

    /// Whether this person decided, or somebody in this person's place.
    #[must_use]
    pub fn has_decided(&self, person: &str) -> bool {
        let mut reviews = self.reviews.iter();
        reviews.any(|review| review.person == person || review.delegate_of == person)
    }
}

impl Case {
    /// The grant, while it is active or after it ended.
    #[must_use]
    pub const fn grant(&self) -> Option<&Grant> {
        match &self.stage {
            Stage::Active(grant) => Some(grant),
            Stage::Ended(ended) => ended.grant.as_ref(),
            Stage::Pending | Stage::Scheduled(_) | Stage::Refused(_) => None,
        }
    }

    /// The extension that waits for decisions.
    #[must_use]
    pub fn extension(&self) -> Option<&Extension> {
        match &self.stage {
            Stage::Active(grant) => grant.extension.as_ref(),
            Stage::Pending | Stage::Scheduled(_) | Stage::Ended(_) | Stage::Refused(_) => None,
        }
    }

    /// People who are asked how it was: the requester, and whoever decided.
    pub fn participants(&self) -> BTreeSet<&str> {
        let reviewers = self.round.reviews.iter();
        let mut people: BTreeSet<&str> = reviewers.map(|review| review.person.as_str()).collect();
        people.insert(&self.person);
        people.extend(self.retro.as_ref().and_then(|retro| retro.by.as_deref()));
        people
    }

    /// When access was over, or refused.
    #[must_use]
    pub const fn over_since(&self) -> Option<Moment> {
        match &self.stage {
            Stage::Ended(ended) => Some(ended.at),
            Stage::Refused(refused) => Some(refused.at),
            Stage::Pending | Stage::Scheduled(_) | Stage::Active(_) => None,
        }
    }

    /// What must happen before the case can be closed, beside feedback; in words.
    #[must_use]
    pub fn open_issues(&self) -> Vec<&'static str> {
        let mut issues = Vec::new();
        if self.sessions.iter().any(|session| session.ended.is_none()) {
            issues.push("a session runs");
        }
        match self.grant().map(|grant| grant.provisioning) {
            Some(Provisioning::Provisioned) => issues.push("access is not removed yet"),
            Some(Provisioning::RemovalFailed) => issues.push("access could not be removed"),
            Some(Provisioning::None | Provisioning::Failed | Provisioning::Removed) | None => {}
        }
        if self.waits_for_retro() {
            issues.push("nobody has reviewed the break-glass access");
        }
        issues
    }

    /// Whether somebody still has to look at a break-glass access.
    #[must_use]
    pub fn waits_for_retro(&self) -> bool {
        self.retro.as_ref().is_some_and(|retro| retro.by.is_none())
    }

    /// When the time for feedback is over.
    #[must_use]
    pub fn feedback_until(&self) -> Option<Moment> {
        let over = self.over_since()?;
        Some(over.after(self.obligations.feedback))
    }

    /// Whether nothing is left to be done at this moment.
    #[must_use]
    pub fn may_close(&self, now: Moment) -> bool {
        let Some(until) = self.feedback_until() else {
            return false;
        };
        let heard = self
            .participants()
            .iter()
            .all(|person| self.feedback.contains(*person));
        (heard || now >= until) && self.open_issues().is_empty()
    }

    /// How it ended, in one word.
    #[must_use]
    pub const fn outcome(&self) -> &'static str {
        match &self.stage {
            Stage::Refused(refused) => match refused.by {
                RefusedBy::Denied => "denied",
                RefusedBy::Cancelled => "cancelled",
                RefusedBy::Expired => "expired",
            },
            Stage::Ended(_) if self.sessions.is_empty() => "unused",
            Stage::Ended(_) => "used",
            Stage::Pending | Stage::Scheduled(_) | Stage::Active(_) => "",
        }
    }
}

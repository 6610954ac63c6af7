//! All cases that are not closed, the policies, and what is due next: a replay of entries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_chain::time::UnixMicros;

use crate::case::{Case, Stage};
use crate::moment::Moment;
use crate::policy::{Bundle, Policy};
use crate::timer;

/// What a number stands for, as long as its case is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A request, and the case that it opened.
    Request,
    /// A request for more time.
    Extension,
    /// A decision.
    Review,
    /// A grant.
    Grant,
    /// A session.
    Session,
    /// Any other entry of a case.
    Other,
}

impl Thing {
    /// Its name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "a request",
            Self::Extension => "an extension",
            Self::Review => "a review",
            Self::Grant => "a grant",
            Self::Session => "a session",
            Self::Other => "another entry",
        }
    }
}

/// A policy that is, or was, in force.
#[derive(Debug, Clone)]
pub struct InForce {
    /// Index of its entry.
    pub index: u64,
    /// When it came into force.
    pub since: UnixMicros,
    /// Who put it there.
    pub actor: String,
    /// SHA-256 of the bundle.
    pub digest: [u8; 32],
    /// What was different.
    pub changes: Vec<String>,
    /// Whether an administrator insisted.
    pub forced: bool,
    /// The bundle.
    pub bundle: Arc<Bundle>,
    /// The same, compiled.
    pub policy: Arc<Policy>,
}

/// A place as a reviewer that was given away.
#[derive(Debug, Clone)]
pub struct Delegation {
    /// Its entry.
    pub index: u64,
    /// Whose place.
    pub from: String,
    /// Who takes it.
    pub to: String,
    /// From when.
    pub start: UnixMicros,
    /// Until when.
    pub end: UnixMicros,
}

/// A case that is closed. There is one for every case that ever was, so it is small.
#[derive(Debug, Clone, Copy)]
pub struct Closed {
    /// How it ended, as the case was.
    pub outcome: &'static str,
    /// Index of the CaseClosed entry.
    pub index: u64,
}

/// The state. Cloning it is cheap: cases are shared until they change.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(crate) policies: BTreeMap<u64, Arc<InForce>>,
    pub(crate) cases: BTreeMap<u64, Arc<Case>>,
    pub(crate) closed: BTreeMap<u64, Closed>,
    /// Of closed cases the grants only: who asks for a request finds it in `closed`.
    pub(crate) things: BTreeMap<u64, (Thing, u64)>,
    pub(crate) by_person: BTreeMap<String, BTreeSet<u64>>,
    pub(crate) delegations: BTreeMap<String, Delegation>,
    timers: BTreeSet<(Moment, u64)>,
    deadlines: BTreeMap<u64, Moment>,
    /// Microseconds by which the clock was set back in all.
    pub(crate) setbacks: u64,
}

impl State {
    /// This ledger time on the scale of deadlines.
    #[must_use]
    pub const fn moment(&self, time: UnixMicros) -> Moment {
        Moment::new(time, self.setbacks)
    }

    /// Ledger time at which something is due next.
    #[must_use]
    pub fn next_due(&self) -> Option<UnixMicros> {
        let (moment, _case) = self.timers.first()?;
        Some(moment.ledger_time(self.setbacks))
    }

    /// The first case in which something is due at this moment.
    #[must_use]
    pub fn first_due(&self, now: Moment) -> Option<&Arc<Case>> {
        let (moment, case) = self.timers.first()?;
        if *moment > now {
            return None;
        }
        self.cases.get(case)
    }

    /// Everything that is due at this moment, the earliest first.
    pub fn overdue(&self, now: Moment) -> impl Iterator<Item = (Moment, u64)> + '_ {
        self.timers
            .iter()
            .copied()
            .take_while(move |(moment, _case)| *moment <= now)
    }

    /// Number of cases in which something will be due.
    #[must_use]
    pub fn timers(&self) -> usize {
        self.timers.len()
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Option<&Arc<InForce>> {
        self.policies
            .last_key_value()
            .map(|(_index, policy)| policy)
    }

    /// A policy that is, or was, in force.
    #[must_use]
    pub fn policy_at(&self, index: u64) -> Option<&Arc<InForce>> {
        self.policies.get(&index)
    }

    /// All policies, newest first.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<InForce>> {
        self.policies.values().rev()
    }

    /// A case that is not closed.
    #[must_use]
    pub fn case(&self, id: u64) -> Option<&Arc<Case>> {
        self.cases.get(&id)
    }

    /// Cases below this number that are not closed, newest first.
    pub fn cases_below(&self, number: u64) -> impl Iterator<Item = &Arc<Case>> {
        self.cases.range(..number).rev().map(|(_id, case)| case)
    }

    /// Microseconds by which the clock was set back in all.
    #[must_use]
    pub const fn setbacks(&self) -> u64 {
        self.setbacks
    }

    /// Number of cases that are not closed.
    #[must_use]
    pub fn open(&self) -> usize {
        self.cases.len()
    }

    /// Number of cases that were closed.
    #[must_use]
    pub fn closed(&self) -> usize {
        self.closed.len()
    }

    /// A case that is closed.
    #[must_use]
    pub fn closed_case(&self, id: u64) -> Option<Closed> {
        self.closed.get(&id).copied()
    }

    /// What a number stands for, and its case; also for requests and grants of closed cases.
    #[must_use]
    pub fn thing(&self, index: u64) -> Option<(Thing, u64)> {
        let open = self.things.get(&index).copied();
        open.or_else(|| {
            self.closed
                .contains_key(&index)
                .then_some((Thing::Request, index))
        })
    }

    /// Cases of a person that are not closed.
    pub fn cases_of<'a>(&'a self, person: &str) -> impl Iterator<Item = &'a Arc<Case>> + 'a {
        let ids = self.by_person.get(person).into_iter().flatten();
        ids.filter_map(|id| self.cases.get(id))
    }

    /// The person in whose place this one may decide now, and the delegation.
    pub fn delegated_to<'a>(
        &'a self,
        person: &'a str,
        time: UnixMicros,
    ) -> impl Iterator<Item = &'a Delegation> + 'a {
        self.delegations.values().filter(move |delegation| {
            delegation.to == person && delegation.start <= time && time < delegation.end
        })
    }

    /// Whether this person's place is with somebody else now.
    #[must_use]
    pub fn has_delegated(&self, person: &str, time: UnixMicros) -> bool {
        let delegation = self.delegations.get(person);
        delegation.is_some_and(|given| given.start <= time && time < given.end)
    }

    /// The grant by which a person may use a resource at this moment, the last to end first.
    #[must_use]
    pub fn access(
        &self,
        (person, resource): (&str, &str),
        permission: Option<&str>,
        now: Moment,
    ) -> Option<&Arc<Case>> {
        let fits = |case: &&Arc<Case>| {
            let Stage::Active(grant) = &case.stage else {
                return false;
            };
            let wanted = permission.is_none_or(|wanted| wanted == case.ask.permission);
            case.ask.resource == resource && wanted && now < grant.end
        };
        self.cases_of(person)
            .filter(fits)
            .max_by_key(|case| case.grant().map(|grant| (grant.end, grant.id)))
    }

    /// Starts that are told in ledger time, when that and the scale of deadlines drift apart.
    pub(crate) fn set_deadlines_again(&mut self) {
        let scheduled = self.cases.values();
        let scheduled = scheduled.filter(|case| matches!(case.stage, Stage::Scheduled(_)));
        let next: Vec<_> = scheduled
            .map(|case| (case.id, timer::next(case, self.setbacks)))
            .collect();
        for (id, next) in next {
            self.set_deadline(id, next.map(|(moment, _timer)| moment));
        }
    }

    /// Remembers when something is due next in a case.
    pub(crate) fn set_deadline(&mut self, id: u64, next: Option<Moment>) {
        let before = match next {
            Some(moment) => self.deadlines.insert(id, moment),
            None => self.deadlines.remove(&id),
        };
        if before == next {
            return;
        }
        if let Some(before) = before {
            self.timers.remove(&(before, id));
        }
        if let Some(moment) = next {
            self.timers.insert((moment, id));
        }
    }

    /// Takes a closed case out.
    pub(crate) fn close(&mut self, id: u64, index: u64) {
        self.set_deadline(id, None);
        let Some(case) = self.cases.remove(&id) else {
            return;
        };
        let outcome = case.outcome();
        self.closed.insert(id, Closed { outcome, index });
        if let Some(ids) = self.by_person.get_mut(&case.person) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_person.remove(&case.person);
            }
        }
        let keep = case.grant().map(|grant| grant.id);
        for index in case.entries.iter().filter(|index| Some(**index) != keep) {
            self.things.remove(index);
        }
    }
}

//! What the log says about grants, and what this agent knows of the world: which access should be
//! there, and what is to be done about it.
//!
//! Pure: entries, outcomes and times come in, tasks go out. The log is the memory. What was made
//! and reported is read from GrantProvisioned and AccessRemoved; what a crash left in between is
//! found out by doing it again, which the provisioners allow.

mod failures;
mod held;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use countersign_proto::event::Known;
use prost_types::Timestamp;

use crate::limits::MAX_PAST_GRANTS;
use crate::provision::provisioner::{Ending, Expected, Failure, Grant, Made, Proof, Standing};

pub(crate) use held::{Access, Held};
pub(crate) use report::{Report, ReportError};

/// An entry, as far as it matters here.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) index: u64,
    pub(crate) case: u64,
    pub(crate) actor: String,
    pub(crate) what: Known,
}

/// Something to do for a grant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Task {
    Make(Grant, Anew),
    Extend(Grant),
    Remove(Grant, Ending),
    Report(Report),
}

/// Whether access is made for the first time, as far as the log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anew {
    First,
    Again,
}

/// What became of a task at the access itself.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Made(Result<Made, Failure>),
    Extended(Result<Made, Failure>),
    Removed(Result<Proof, Failure>),
    /// The ledger knows more than was followed, or could not be asked: not now.
    NotNow,
}

/// Which provisioner serves which resource and permission.
pub(crate) type Routes = BTreeMap<(String, String), usize>;

/// All grants that matter.
#[derive(Debug, Default)]
pub(crate) struct Book {
    routes: Routes,
    /// Principals that opened cases about what is served here.
    openings: BTreeMap<u64, String>,
    grants: BTreeMap<u64, Held>,
    /// Grants that are over and done with, the newest ones.
    past: BTreeSet<u64>,
}

impl Book {
    pub(crate) fn new(routes: Routes) -> Self {
        Self {
            routes,
            ..Self::default()
        }
    }

    fn route(&self, resource: &str, permission: &str) -> Option<usize> {
        let key = (resource.to_owned(), permission.to_owned());
        self.routes.get(&key).copied()
    }

    /// Takes an entry in.
    pub(crate) fn hear(&mut self, heard: &Heard) {
        match &heard.what {
            Known::AccessRequested(ask) => self.open(heard, &ask.resource, &ask.permission),
            Known::BreakGlassInvoked(ask) => self.open(heard, &ask.resource, &ask.permission),
            Known::GrantIssued(issued) => {
                if let Some(by) = self.route(&issued.resource, &issued.permission) {
                    let grant = Grant {
                        grant: heard.index,
                        case: heard.case,
                        person: issued.person.clone(),
                        principal: self.openings.get(&heard.case).cloned().unwrap_or_default(),
                        resource: issued.resource.clone(),
                        permission: issued.permission.clone(),
                        end: micros(issued.end.as_ref()),
                        record_session: issued.record_session,
                    };
                    self.grants.insert(heard.index, Held::new(grant, by));
                }
            }
            Known::GrantExtended(extended) => {
                self.with(extended.grant, |held| {
                    held.extend(micros(extended.end.as_ref()));
                });
            }
            Known::GrantRevoked(ended) => self.over(ended.grant, Ending::Revoked),
            Known::GrantFinished(ended) => self.over(ended.grant, Ending::Finished),
            Known::GrantExpired(ended) => self.over(ended.grant, Ending::Expired),
            Known::GrantProvisioned(made) => {
                let until = made.valid_until.as_ref();
                let until = until.and_then(|until| u64::try_from(until.seconds).ok());
                self.with(made.grant, |held| held.heard_made(until));
            }
            Known::ProvisioningFailed(failed) => {
                self.with(failed.grant, |held| held.heard_failed(failed.attempt));
            }
            Known::RemovalFailed(failed) => {
                self.with(failed.grant, |held| {
                    held.heard_removal_failed(failed.attempt);
                });
            }
            Known::AccessRemoved(removed) => self.with(removed.grant, Held::heard_removed),
            Known::CaseClosed(_) => self.close(heard.case),
            _ => {}
        }
        self.forget();
    }

    fn open(&mut self, heard: &Heard, resource: &str, permission: &str) {
        if self.route(resource, permission).is_some() {
            self.openings.insert(heard.index, heard.actor.clone());
        }
    }

    fn with(&mut self, grant: u64, change: impl FnOnce(&mut Held)) {
        if let Some(held) = self.grants.get_mut(&grant) {
            change(held);
        }
    }

    fn over(&mut self, grant: u64, ending: Ending) {
        self.with(grant, |held| held.end(ending));
    }

    /// Nothing more can be reported. What this agent made is taken away all the same.
    fn close(&mut self, case: u64) {
        self.openings.remove(&case);
        for held in self.grants.values_mut() {
            if held.grant().case == case {
                held.close();
            }
        }
    }

    fn forget(&mut self) {
        let done = |held: &Held| held.is_done();
        for (number, _held) in self.grants.extract_if(.., |_, held| done(held)) {
            self.past.insert(number);
        }
        while self.past.len() > MAX_PAST_GRANTS {
            self.past.pop_first();
        }
    }

    /// What is to be done at this time, each with its provisioner. Every task counts as begun:
    /// tell its outcome.
    pub(crate) fn due(&mut self, now: u64) -> Vec<(usize, Task)> {
        let mut tasks = Vec::new();
        for held in self.grants.values_mut() {
            let by = held.served_by();
            let (act, report) = (held.begin_act(now), held.begin_report(now));
            tasks.extend(act.into_iter().chain(report).map(|task| (by, task)));
        }
        tasks
    }

    /// The next time at which something may be due; `None` when only an entry changes anything.
    pub(crate) fn next_due(&self, now: u64) -> Option<u64> {
        let times = self.grants.values().filter_map(|held| held.wakes_at(now));
        times.min()
    }

    /// What became of a task.
    pub(crate) fn done(&mut self, grant: u64, outcome: Outcome, now: u64) {
        self.with(grant, |held| held.acted(outcome, now));
        self.forget();
    }

    /// What became of a report.
    pub(crate) fn reported(&mut self, report: &Report, result: Result<(), ReportError>, now: u64) {
        self.with(report.grant(), |held| held.reported(report, result, now));
        self.forget();
    }

    /// What should be there for the grants of a provisioner.
    pub(crate) fn standing(&self, by: usize, now: u64) -> Vec<Standing> {
        let held = self.grants.values().filter(|held| held.served_by() == by);
        held.map(|held| held.standing(now)).collect()
    }

    /// How often a grant changed; what was found about one that changed meanwhile says nothing.
    pub(crate) fn revisions(&self, by: usize) -> BTreeMap<u64, u64> {
        let held = self
            .grants
            .iter()
            .filter(|(_, held)| held.served_by() == by);
        held.map(|(number, held)| (*number, held.revision()))
            .collect()
    }

    /// Whether a grant was there and is done with.
    pub(crate) fn is_past(&self, grant: u64) -> bool {
        self.past.contains(&grant)
    }

    /// A grant that is known.
    pub(crate) fn grant(&self, grant: u64) -> Option<&Grant> {
        self.grants.get(&grant).map(Held::grant)
    }
}

/// Microseconds of Unix time. A time that is none is over.
fn micros(time: Option<&Timestamp>) -> u64 {
    let Some(time) = time else { return 0 };
    let seconds = u64::try_from(time.seconds).unwrap_or(0);
    let micros = u64::try_from(time.nanos / 1_000).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(micros)
}

/// Whether access should be there.
pub(crate) fn expected(wanted: bool, access: &Access, acting: bool) -> Expected {
    match (wanted, access) {
        _ if acting => Expected::Either,
        (true, Access::There { .. }) => Expected::There,
        (false, Access::Gone(_)) => Expected::Gone,
        (true, Access::Unknown | Access::Gone(_))
        | (false, Access::Unknown | Access::There { .. }) => Expected::Either,
    }
}

#[cfg(test)]
mod tests;

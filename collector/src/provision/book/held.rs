//! One grant: what the log says of it, what is known of its access, and what comes next.

use countersign_proto::v1;

use super::failures::Failures;
use super::{Anew, Outcome, Report, ReportError, Task, expected};
use crate::limits::{MAX_PROVISION_PAUSE, MIN_PROVISION_PAUSE, NOT_NOW};
use crate::provision::clock::micros_of;
use crate::provision::provisioner::{Ending, Failure, Grant, Made, Proof, Standing};

/// What is known of the access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nobody looked since the start, and the log does not tell.
    Unknown,
    /// It exists, until this second by itself.
    There { until: Option<u64> },
    /// It is gone.
    Gone(Proof),
}

/// How far the log knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    Made,
    Removed,
    /// The case is closed: nothing can be told any more.
    Closed,
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Try {
    Make,
    Extend,
    Remove,
}

/// What failed last, and when it is tried again.
#[derive(Debug, Clone, Copy)]
struct Failed {
    what: Try,
    count: u32,
    again: u64,
}

/// A grant that is or was to be served.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    grant: Grant,
    served_by: usize,
    ended: Option<Ending>,
    told: Told,
    access: Access,
    /// Whether this run made it: then this run takes it away, whatever others report.
    own: bool,
    /// Access that was made and is not in the log yet.
    unreported: Option<Report>,
    acting: bool,
    reporting: bool,
    failed: Option<Failed>,
    report_again: u64,
    report_failures: u32,
    making: Failures,
    removing: Failures,
    revision: u64,
}

impl Held {
    pub(super) fn new(grant: Grant, served_by: usize) -> Self {
        Self {
            grant,
            served_by,
            ended: None,
            told: Told::Nothing,
            access: Access::Unknown,
            own: false,
            unreported: None,
            acting: false,
            reporting: false,
            failed: None,
            report_again: 0,
            report_failures: 0,
            making: Failures::default(),
            removing: Failures::default(),
            revision: 0,
        }
    }

    pub(super) const fn grant(&self) -> &Grant {
        &self.grant
    }

    pub(super) const fn served_by(&self) -> usize {
        self.served_by
    }

    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    const fn wanted(&self, now: u64) -> bool {
        self.ended.is_none() && now < self.grant.end
    }

    // What the log says.

    pub(super) const fn extend(&mut self, end: u64) {
        self.grant.end = end;
        self.revision += 1;
    }

    pub(super) const fn end(&mut self, ending: Ending) {
        self.ended = Some(ending);
        self.revision += 1;
    }

    pub(super) fn heard_made(&mut self, until: Option<u64>) {
        self.told = Told::Made;
        self.unreported = None;
        self.making.waiting = None;
        // Of a former run. What this one did is known better.
        if self.access == Access::Unknown {
            self.access = Access::There { until };
        }
    }

    pub(super) fn heard_failed(&mut self, attempt: u32) {
        self.making.heard(attempt);
    }

    pub(super) fn heard_removal_failed(&mut self, attempt: u32) {
        self.removing.heard(attempt);
    }

    pub(super) fn heard_removed(&mut self) {
        self.told = Told::Removed;
        self.unreported = None;
        self.removing.waiting = None;
        if !self.own && !matches!(self.access, Access::Gone(_)) {
            let text = "the log says so".to_owned();
            self.access = Access::Gone(Proof { found: true, text });
        }
    }

    pub(super) fn close(&mut self) {
        self.told = Told::Closed;
        self.ended.get_or_insert(Ending::Expired);
        self.unreported = None;
        self.making.waiting = None;
        self.removing.waiting = None;
        if self.access == Access::Unknown {
            // Without a report nobody made anything; what a crash left is drift.
            let text = "the case is closed".to_owned();
            self.access = Access::Gone(Proof { found: false, text });
        }
    }

    /// Whether nothing can come of this grant any more.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.told, Told::Removed | Told::Closed)
            && matches!(self.access, Access::Gone(_))
            && !self.acting
    }

    // What comes next.

    const fn next_try(&self, now: u64) -> Option<Try> {
        match (self.wanted(now), &self.access) {
            (true, Access::Unknown | Access::Gone(_)) => Some(Try::Make),
            (true, Access::There { until: Some(until) }) if *until < self.grant.end_seconds() => {
                Some(Try::Extend)
            }
            (true, Access::There { .. }) | (false, Access::Gone(_)) => None,
            (false, Access::Unknown | Access::There { .. }) => Some(Try::Remove),
        }
    }

    pub(super) fn begin_act(&mut self, now: u64) -> Option<Task> {
        let next = self.next_try(now).filter(|_| !self.acting)?;
        // A pause holds for what failed: taking away does not wait because making did not work.
        if self
            .failed
            .is_some_and(|failed| failed.what == next && now < failed.again)
        {
            return None;
        }
        self.acting = true;
        self.revision += 1;
        if next == Try::Make {
            // Whatever becomes of it, there may be something from here on.
            self.access = Access::Unknown;
        }
        let grant = self.grant.clone();
        Some(match next {
            Try::Make if self.told == Told::Nothing => Task::Make(grant, Anew::First),
            Try::Make => Task::Make(grant, Anew::Again),
            Try::Extend => Task::Extend(grant),
            Try::Remove => Task::Remove(grant, self.ended.unwrap_or(Ending::Expired)),
        })
    }

    pub(super) fn begin_report(&mut self, now: u64) -> Option<Task> {
        if self.reporting || now < self.report_again {
            return None;
        }
        let report = self.next_report()?;
        self.reporting = true;
        Some(Task::Report(report))
    }

    /// The order is that of the ledger's rules: made, then removed; removal after the end.
    fn next_report(&self) -> Option<Report> {
        let grant = self.grant.grant;
        if matches!(self.told, Told::Removed | Told::Closed) {
            return None;
        }
        if self.told == Told::Nothing {
            if self.unreported.is_some() {
                return self.unreported.clone();
            }
            if let Some((attempt, failure)) = &self.making.waiting {
                return Some(Report::Failed(v1::ProvisioningFailed {
                    grant,
                    error: failure.to_string(),
                    attempt: *attempt,
                }));
            }
        }
        self.ended?;
        match (&self.access, &self.removing.waiting) {
            (Access::Gone(proof), _) if proof.found || self.told == Told::Made => {
                Some(Report::Removed(v1::AccessRemoved {
                    grant,
                    proof: proof.text.clone(),
                }))
            }
            (Access::Unknown | Access::There { .. }, Some((attempt, failure))) => {
                Some(Report::RemovalFailed(v1::RemovalFailed {
                    grant,
                    error: failure.to_string(),
                    attempt: *attempt,
                }))
            }
            (Access::Unknown | Access::There { .. } | Access::Gone(_), _) => None,
        }
    }

    pub(super) fn wakes_at(&self, now: u64) -> Option<u64> {
        let end = self.wanted(now).then_some(self.grant.end);
        let again = self
            .failed
            .filter(|_| !self.acting)
            .map(|failed| failed.again);
        let again = again.filter(|_| self.next_try(now).is_some());
        let report = self.next_report().filter(|_| !self.reporting);
        let report = report.map(|_| self.report_again);
        [end, again, report].into_iter().flatten().min()
    }

    // What became of it.

    pub(super) fn acted(&mut self, outcome: Outcome, now: u64) {
        self.acting = false;
        self.revision += 1;
        match outcome {
            Outcome::Made(Ok(made)) => {
                if self.told == Told::Nothing {
                    self.unreported = Some(Report::made(self.grant.grant, &made));
                }
                self.exists(&made);
            }
            Outcome::Extended(Ok(made)) => self.exists(&made),
            Outcome::Removed(Ok(proof)) => {
                self.failed = None;
                self.access = Access::Gone(proof);
            }
            Outcome::Made(Err(failure)) => {
                let attempt = self.making.add(failure.clone());
                self.fail(Try::Make, &failure, attempt, now);
            }
            Outcome::Extended(Err(failure)) => {
                let attempt = self.failed.map_or(0, |failed| failed.count) + 1;
                self.fail(Try::Extend, &failure, attempt, now);
            }
            Outcome::Removed(Err(failure)) => {
                let attempt = self.removing.add(failure.clone());
                self.fail(Try::Remove, &failure, attempt, now);
            }
            Outcome::NotNow => {
                let again = now.saturating_add(micros_of(NOT_NOW));
                let (what, count) = (self.next_try(now).unwrap_or(Try::Make), 0);
                self.failed = Some(Failed { what, count, again });
            }
        }
    }

    fn exists(&mut self, made: &Made) {
        self.failed = None;
        self.making.waiting = None;
        self.own = true;
        self.access = Access::There {
            until: made.valid_until,
        };
    }

    /// An alarm; failures are told to the ledger too, but not all of them.
    fn fail(&mut self, what: Try, failure: &Failure, attempt: u32, now: u64) {
        let before = self.failed.filter(|failed| failed.what == what);
        let count = before.map_or(0, |failed| failed.count).saturating_add(1);
        let pause = micros_of(MIN_PROVISION_PAUSE) << count.saturating_sub(1).min(16);
        let pause = pause.min(micros_of(MAX_PROVISION_PAUSE));
        let again = now.saturating_add(pause);
        self.failed = Some(Failed { what, count, again });
        let (grant, resource, person) =
            (self.grant.grant, &self.grant.resource, &self.grant.person);
        let pause_seconds = pause / 1_000_000;
        tracing::error!(
            grant, %resource, %person, attempt, %failure, pause_seconds,
            "access could not be {}", match what {
                Try::Make => "made",
                Try::Extend => "extended",
                Try::Remove => "removed",
            }
        );
    }

    pub(super) fn reported(&mut self, report: &Report, result: Result<(), ReportError>, now: u64) {
        self.reporting = false;
        let (grant, key) = (self.grant.grant, report.key());
        match result {
            Ok(()) => {
                tracing::info!(grant, key, "reported");
                self.settled(report);
            }
            Err(error @ ReportError::Settled(_)) => {
                tracing::warn!(grant, key, %error, "a report is not taken");
                self.settled(report);
            }
            Err(error @ ReportError::Later(_)) => {
                self.report_failures = self.report_failures.saturating_add(1);
                let step = self.report_failures.saturating_sub(1).min(5);
                let pause = micros_of(MIN_PROVISION_PAUSE) << step;
                self.report_again = now.saturating_add(pause);
                tracing::warn!(grant, key, %error, "cannot report; trying again");
            }
        }
    }

    fn settled(&mut self, report: &Report) {
        (self.report_again, self.report_failures) = (0, 0);
        match report {
            Report::Made(_) => {
                self.unreported = None;
                if self.told == Told::Nothing {
                    self.told = Told::Made;
                }
            }
            Report::Failed(report) => self.making.settled(report.attempt),
            Report::Removed(_) => self.told = Told::Removed,
            Report::RemovalFailed(report) => self.removing.settled(report.attempt),
        }
    }

    pub(super) fn standing(&self, now: u64) -> Standing {
        let unsettled = self.acting || self.unreported.is_some();
        Standing {
            grant: self.grant.clone(),
            expected: expected(self.wanted(now), &self.access, unsettled),
            ended: self.ended,
        }
    }
}

//! What must come due, and when: plain arithmetic, which asks no code under test.

use std::collections::BTreeSet;

use super::world::{FEEDBACK, HOUR, MINUTE, SECOND, TTL};

/// What becomes of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nobody decides.
    Waits,
    /// Access is given at once, for so long.
    Given { lasts: u64 },
    /// Access begins after so long, and lasts for so long.
    Later { after: u64, lasts: u64 },
    /// Access is taken at once, for so long, and nobody looks at it afterwards.
    Taken { lasts: u64 },
}

impl Way {
    /// The way of a case: all four, with deadlines that are spread and some that are the same.
    pub(crate) const fn of(number: u64) -> Self {
        let spread = (number * 7_919) % 5_000;
        let lasts = 20 * MINUTE + spread * SECOND;
        match number % 4 {
            0 => Self::Waits,
            1 => Self::Given { lasts },
            2 => Self::Later {
                after: 30 * MINUTE + (number % 10_007) * SECOND,
                lasts,
            },
            _ => Self::Taken { lasts },
        }
    }
}

/// Something that comes due: when on the scale of deadlines, in which case, and what is written.
pub(crate) type Due = (u64, u64, &'static str);

/// All that is still to come.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// When, case, place among what is due at once in a case, and what.
    to_come: BTreeSet<(u64, u64, u8, What)>,
    /// Microseconds by which the clock was set back.
    setback: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    RequestExpires,
    GrantExpires(Closes),
    /// And how long the grant lasts then.
    Starts(u64),
    Escalates,
    Warns,
    Closes,
}

/// Whether a case is closed when its grant is over and the time for feedback too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closes {
    Yes,
    /// It waits for a review.
    No,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::RequestExpires => "RequestExpired",
            Self::GrantExpires(_) => "GrantExpired",
            Self::Starts(_) => "GrantIssued",
            Self::Escalates => "RequestEscalated",
            Self::Warns => "ExpiryWarned",
            Self::Closes => "CaseClosed",
        }
    }

    /// The ends of access come before what only tells.
    const fn order(self) -> u8 {
        match self {
            Self::RequestExpires => 0,
            Self::GrantExpires(_) => 1,
            Self::Starts(_) => 2,
            Self::Escalates => 3,
            Self::Warns => 4,
            Self::Closes => 5,
        }
    }
}

impl Plan {
    fn add(&mut self, when: u64, case: u64, what: What) {
        self.to_come.insert((when, case, what.order(), what));
    }

    /// A grant that begins at this moment: its holder is warned ten minutes before the end.
    fn grant(&mut self, now: u64, case: u64, (lasts, closes): (u64, Closes)) {
        if lasts > 10 * MINUTE {
            self.add(now + lasts - 10 * MINUTE, case, What::Warns);
        }
        self.add(now + lasts, case, What::GrantExpires(closes));
    }

    /// A case was opened now.
    pub(crate) fn opened(&mut self, case: u64, way: Way, now: u64) {
        match way {
            Way::Waits => {
                self.add(now + HOUR, case, What::Escalates);
                self.add(now + TTL, case, What::RequestExpires);
            }
            Way::Given { lasts } => self.grant(now, case, (lasts, Closes::Yes)),
            Way::Later { after, lasts } => self.add(now + after, case, What::Starts(lasts)),
            Way::Taken { lasts } => {
                self.add(now + 6 * HOUR, case, What::Escalates);
                self.grant(now, case, (lasts, Closes::No));
            }
        }
    }

    /// The clock is set back: what counts time comes sooner by that, and what is meant for a time
    /// of day does not.
    pub(crate) fn set_back(&mut self, micros: u64) {
        self.setback += micros;
        let all = std::mem::take(&mut self.to_come);
        for (when, case, order, what) in all {
            let when = match what {
                What::Starts(_) => when + micros,
                What::RequestExpires
                | What::GrantExpires(_)
                | What::Escalates
                | What::Warns
                | What::Closes => when,
            };
            self.to_come.insert((when, case, order, what));
        }
    }

    /// Takes out what is due at this ledger time, in order, and puts in what follows from it.
    pub(crate) fn due_by(&mut self, time: u64) -> Vec<Due> {
        let now = time + self.setback;
        let mut due = Vec::new();
        while let Some(first) = self.to_come.first().copied().filter(|it| it.0 <= now) {
            self.to_come.remove(&first);
            let (when, case, _order, what) = first;
            due.push((when, case, what.name()));
            match what {
                What::RequestExpires | What::GrantExpires(Closes::Yes) => {
                    self.add(now + FEEDBACK, case, What::Closes);
                }
                What::Starts(lasts) => self.grant(now, case, (lasts, Closes::Yes)),
                What::GrantExpires(Closes::No) | What::Escalates | What::Warns | What::Closes => {}
            }
        }
        due
    }

    /// How much is still to come.
    pub(crate) fn left(&self) -> usize {
        self.to_come.len()
    }
}

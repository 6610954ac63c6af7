//! What does not work in an agent at this moment, for whoever asks how it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::session::Clock;

/// Something that fails and is tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trouble {
    /// What it is, for example `input audit`.
    pub what: String,
    /// When it failed first, in microseconds since 1970.
    pub since: u64,
    /// How often it failed since then.
    pub attempts: u64,
    /// Why it failed last, in one line.
    pub error: String,
}

/// All that fails now. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Troubles(Arc<Mutex<BTreeMap<String, Trouble>>>);

impl Troubles {
    /// It failed, at this time in microseconds since 1970.
    pub fn failed(&self, what: &str, error: &str, now: u64) {
        let mut all = self.0.lock();
        let trouble = all.entry(what.to_owned()).or_insert_with(|| Trouble {
            what: what.to_owned(),
            since: now,
            ..Trouble::default()
        });
        trouble.attempts = trouble.attempts.saturating_add(1);
        error.clone_into(&mut trouble.error);
    }

    /// It works.
    pub fn works(&self, what: &str) {
        self.0.lock().remove(what);
    }

    /// What fails now, in the order of names.
    #[must_use]
    pub fn all(&self) -> Vec<Trouble> {
        self.0.lock().values().cloned().collect()
    }
}

/// Says of one thing whether it works. The default tells nobody.
#[derive(Debug, Clone, Default)]
pub struct Health(Option<Arc<Patient>>);

#[derive(Debug)]
struct Patient {
    what: String,
    troubles: Troubles,
    clock: Clock,
}

impl Health {
    /// Of this thing, in this list.
    #[must_use]
    pub fn new(what: impl Into<String>, troubles: Troubles, clock: Clock) -> Self {
        let what = what.into();
        Self(Some(Arc::new(Patient {
            what,
            troubles,
            clock,
        })))
    }

    /// It fails now, for this reason.
    pub fn failed(&self, error: &str) {
        if let Some(it) = &self.0 {
            it.troubles.failed(&it.what, error, it.clock.now().get());
        }
    }

    /// It works.
    pub fn works(&self) {
        if let Some(it) = &self.0 {
            it.troubles.works(&it.what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_of_a_thing_is_told_under_its_name_and_that_of_nothing_nowhere() {
        let troubles = Troubles::default();
        let clock = Clock::new(|| countersign_chain::time::UnixMicros::EPOCH);
        let health = Health::new("input a", troubles.clone(), clock);
        health.failed("away");
        assert_eq!(troubles.all()[0].error, "away");
        health.works();
        Health::default().failed("away");
        assert_eq!(troubles.all(), []);
    }

    #[test]
    fn what_fails_is_listed_from_its_first_failure_until_it_works() {
        let troubles = Troubles::default();
        troubles.failed("input b", "in use", 7);
        troubles.clone().failed("input b", "still in use", 9);
        troubles.failed("input a", "away", 8);
        let all = troubles.all();
        assert_eq!(all.len(), 2);
        let b = &all[1];
        assert_eq!((b.what.as_str(), b.since, b.attempts), ("input b", 7, 2));
        assert_eq!(b.error, "still in use");
        troubles.works("input b");
        troubles.works("input c");
        assert_eq!(troubles.all().len(), 1);
    }
}

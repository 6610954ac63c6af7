//! What the world looks like at a moment, as far as the policy may ask: the time of day where the
//! company is, and who is on call.

use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_workflow::policy::{Facts, Policy};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::feeds::FeedBook;
use crate::clock::Clock;
use crate::log::Log;

/// Where the facts come from: a clock, and calendars. Clones share them.
#[derive(Debug, Clone)]
pub struct World {
    clock: Arc<dyn Clock>,
    feeds: Arc<FeedBook>,
}

impl World {
    /// A world with this clock, in which no calendar was fetched yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            feeds: Arc::default(),
        }
    }

    /// Calendars that were fetched.
    pub(super) const fn feeds(&self) -> &Arc<FeedBook> {
        &self.feeds
    }

    /// What the clock shows.
    pub(super) fn wall(&self) -> UnixMicros {
        self.clock.wall()
    }

    /// The facts of this moment for the policy that is in force; plain ones without a policy.
    pub(super) fn facts(&self, log: &Log) -> Facts {
        // Calendars are looked up without holding up the writer.
        let in_force = log.cases().read().and_then(|state| state.policy().cloned());
        in_force.map_or_else(Facts::default, |in_force| self.of_policy(&in_force.policy))
    }

    fn of_policy(&self, policy: &Policy) -> Facts {
        let zone = policy.zone();
        let now = self.wall();
        let (hour, weekday) = local(zone, now);
        Facts {
            on_call: policy.on_call_at(now.get(), &self.feeds.of(policy)),
            hour,
            weekday,
            zone: zone.to_owned(),
        }
    }
}

/// Hour and day of the week in a zone; in UTC when there is no such zone.
fn local(zone: &str, now: UnixMicros) -> (u8, u8) {
    let micros = i64::try_from(now.get()).unwrap_or(i64::MAX);
    let Ok(time) = Timestamp::from_microsecond(micros) else {
        return (0, 1);
    };
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let local = time.to_zoned(zone);
    let hour = u8::try_from(local.hour()).unwrap_or(0);
    let weekday = u8::try_from(local.weekday().to_monday_one_offset()).unwrap_or(1);
    (hour, weekday)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_is_that_of_the_company() {
        // Thursday 2026-07-02T22:30:00Z.
        let now = UnixMicros::new(1_783_031_400_000_000).expect("a time");
        assert_eq!(local("UTC", now), (22, 4));
        assert_eq!(local("Europe/Berlin", now), (0, 5));
        assert_eq!(local("America/New_York", now), (18, 4));
        assert_eq!(local("Nowhere/At_All", now), (22, 4));
    }
}

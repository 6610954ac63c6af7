//! One message is brought up to date by one at a time, and never with what is older.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use crate::limits::TEAMS_LANES;
use crate::surface::Place;

/// Places whose newest turn is remembered in each lane: what is older than these has ended long
/// before.
const KEPT: usize = 64;

type Newest = BTreeMap<Place, u64>;

/// Places share lanes; whoever waits for Teams holds up only those.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<Mutex<Newest>>,
    next: AtomicU64,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            lanes: (0..TEAMS_LANES).map(|_| Mutex::default()).collect(),
            next: AtomicU64::new(1),
        }
    }
}

impl Lanes {
    /// A turn, to be taken when it is known what is to be shown.
    pub(super) fn turn(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until nobody else changes this place; none when something newer stands there. The lane
    /// is held as long as the guard.
    pub(super) async fn enter(&self, place: &Place, turn: u64) -> Option<MutexGuard<'_, Newest>> {
        let mut hasher = DefaultHasher::new();
        place.hash(&mut hasher);
        let lanes = u64::try_from(self.lanes.len()).unwrap_or(1).max(1);
        let number = usize::try_from(hasher.finish() % lanes).unwrap_or_default();
        let mut lane = self.lanes.get(number)?.lock().await;
        if lane.get(place).is_some_and(|newest| *newest > turn) {
            return None;
        }
        if lane.len() >= KEPT
            && let Some(oldest) = lane.iter().min_by_key(|(_, turn)| **turn)
        {
            let oldest = oldest.0.clone();
            lane.remove(&oldest);
        }
        lane.insert(place.clone(), turn);
        Some(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: &str) -> Place {
        Place {
            channel: "a:1".to_owned(),
            id: id.to_owned(),
        }
    }

    #[tokio::test]
    async fn what_is_older_is_not_shown_any_more() {
        let lanes = Lanes::default();
        let (old, new) = (lanes.turn(), lanes.turn());
        drop(
            lanes
                .enter(&place("1"), new)
                .await
                .expect("nothing is newer"),
        );
        assert!(lanes.enter(&place("1"), old).await.is_none());
        assert!(
            lanes.enter(&place("2"), old).await.is_some(),
            "another message"
        );
        let newest = lanes.turn();
        assert!(lanes.enter(&place("1"), newest).await.is_some());
    }
}

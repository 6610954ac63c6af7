//! How many connections, calls, streams or bytes are in use, by each client and in all. Who is
//! above a bound is refused, not kept waiting: it may be holding what it waits for.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// A bound on things of one sort. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Seats(Arc<Room>);

#[derive(Debug)]
struct Room {
    /// What is counted, in messages.
    what: &'static str,
    gauge: &'static str,
    in_all: usize,
    per_client: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by_client: BTreeMap<String, usize>,
}

/// No seat is free.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    /// This client has its share.
    #[error("{client} has {open} of the {limit} {what} that a client may have")]
    Client {
        /// Its principal.
        client: String,
        /// What is counted.
        what: &'static str,
        /// What it has.
        open: usize,
        /// How many it may have.
        limit: usize,
    },
    /// All clients together.
    #[error("{open} of {limit} {what} are in use")]
    InAll {
        /// What is counted.
        what: &'static str,
        /// How many are in use.
        open: usize,
        /// How many there may be.
        limit: usize,
    },
}

/// What a client uses; dropping it makes room.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<Room>,
    client: String,
    count: usize,
}

impl Seats {
    /// Bounds on what, and the gauge that shows how many are taken.
    pub(super) fn new(
        (what, gauge): (&'static str, &'static str),
        in_all: usize,
        per_client: usize,
    ) -> Self {
        let taken = Mutex::default();
        Self(Arc::new(Room {
            what,
            gauge,
            in_all,
            per_client,
            taken,
        }))
    }

    /// Takes a seat for a client.
    pub(super) fn take(&self, client: &str) -> Result<Seat, Full> {
        let mut seat = self.none(client);
        seat.more(1)?;
        Ok(seat)
    }

    /// A seat that grows later.
    pub(super) fn none(&self, client: &str) -> Seat {
        Seat {
            room: Arc::clone(&self.0),
            client: client.to_owned(),
            count: 0,
        }
    }
}

impl Seat {
    /// Takes so many more.
    pub(super) fn more(&mut self, count: usize) -> Result<(), Full> {
        if count == 0 {
            return Ok(());
        }
        let room = &self.room;
        let what = room.what;
        let mut taken = room.taken.lock();
        if taken.in_all.saturating_add(count) > room.in_all {
            let (open, limit) = (taken.in_all, room.in_all);
            return Err(Full::InAll { what, open, limit });
        }
        let open = taken.by_client.get(&self.client).copied().unwrap_or(0);
        if open.saturating_add(count) > room.per_client {
            let (client, limit) = (self.client.clone(), room.per_client);
            return Err(Full::Client {
                client,
                what,
                open,
                limit,
            });
        }
        taken.by_client.insert(self.client.clone(), open + count);
        taken.in_all += count;
        self.count += count;
        metrics::gauge!(room.gauge).increment(as_float(count));
        Ok(())
    }
}

/// A count as a gauge shows it.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
const fn as_float(count: usize) -> f64 {
    count as f64
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.count == 0 {
            return;
        }
        let mut taken = self.room.taken.lock();
        taken.in_all = taken.in_all.saturating_sub(self.count);
        // A client that uses nothing leaves nothing behind: names must not fill the memory.
        match taken.by_client.get_mut(&self.client) {
            Some(open) if *open > self.count => *open -= self.count,
            _ => drop(taken.by_client.remove(&self.client)),
        }
        metrics::gauge!(self.room.gauge).decrement(as_float(self.count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_for_each_client_and_in_all_and_come_back() {
        let seats = Seats::new(("streams", "test_streams"), 3, 2);
        let first = seats.take("agent:a").expect("free");
        let second = seats.take("agent:a").expect("free");
        let refused = seats.take("agent:a").expect_err("its share is taken");
        assert!(matches!(
            refused,
            Full::Client {
                open: 2,
                limit: 2,
                ..
            }
        ));
        let third = seats.take("agent:b").expect("free");
        let refused = seats.take("agent:c").expect_err("all are taken");
        assert_eq!(refused.to_string(), "3 of 3 streams are in use");
        drop(first);
        let again = seats.take("agent:a").expect("one came back");
        drop((second, third, again));
        let mut bytes = seats.none("agent:a");
        bytes.more(2).expect("free");
        bytes.more(1).expect_err("more than its share");
        drop(bytes);
        let taken = seats.0.taken.lock();
        assert_eq!((taken.in_all, taken.by_client.len()), (0, 0));
    }
}

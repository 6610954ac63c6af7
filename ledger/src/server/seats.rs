//! How many streams are open, for each client and in all.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// A bound on streams of one sort. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Seats(Arc<Room>);

#[derive(Debug)]
struct Room {
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
    #[error("{client} has {open} streams open; expected fewer than {limit}")]
    Client {
        /// Its principal.
        client: String,
        /// Streams that it has open.
        open: usize,
        /// How many it may have.
        limit: usize,
    },
    /// All clients together.
    #[error("{open} streams are open; expected fewer than {limit}")]
    InAll {
        /// Streams that are open.
        open: usize,
        /// How many there may be.
        limit: usize,
    },
}

/// One open stream; dropping it makes room.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<Room>,
    client: String,
}

impl Seats {
    /// Bounds, and the gauge that shows how many are taken.
    pub(super) fn new(gauge: &'static str, in_all: usize, per_client: usize) -> Self {
        let taken = Mutex::default();
        Self(Arc::new(Room {
            gauge,
            in_all,
            per_client,
            taken,
        }))
    }

    /// Takes a seat for a client.
    pub(super) fn take(&self, client: &str) -> Result<Seat, Full> {
        let room = &self.0;
        let mut taken = room.taken.lock();
        if taken.in_all >= room.in_all {
            let (open, limit) = (taken.in_all, room.in_all);
            return Err(Full::InAll { open, limit });
        }
        let open = taken.by_client.get(client).copied().unwrap_or(0);
        if open >= room.per_client {
            let (client, limit) = (client.to_owned(), room.per_client);
            return Err(Full::Client {
                client,
                open,
                limit,
            });
        }
        taken.by_client.insert(client.to_owned(), open + 1);
        taken.in_all += 1;
        metrics::gauge!(room.gauge).increment(1);
        Ok(Seat {
            room: Arc::clone(room),
            client: client.to_owned(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.room.taken.lock();
        taken.in_all = taken.in_all.saturating_sub(1);
        // A client without streams leaves nothing behind: names must not fill the memory.
        match taken.by_client.get_mut(&self.client) {
            Some(open) if *open > 1 => *open -= 1,
            _ => drop(taken.by_client.remove(&self.client)),
        }
        metrics::gauge!(self.room.gauge).decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_for_each_client_and_in_all_and_come_back() {
        let seats = Seats::new("test_streams", 3, 2);
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
        assert_eq!(refused, Full::InAll { open: 3, limit: 3 });
        drop(first);
        let again = seats.take("agent:a").expect("one came back");
        drop((second, third, again));
        let taken = seats.0.taken.lock();
        assert_eq!((taken.in_all, taken.by_client.len()), (0, 0));
    }
}

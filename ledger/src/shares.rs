//! Shares of something scarce: each client has as much as any other, and waits for its own.
//!
//! Whoever asks for more than its share waits until something of its own comes back, and holds up
//! nobody else. What all clients together may use is bounded too; only those whose share is free
//! wait for that, in the order in which they came.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A bound for each client and for all. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Shares(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    each: u32,
    all: Arc<Semaphore>,
    clients: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

/// What a client uses; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    own: OwnedSemaphorePermit,
    all: OwnedSemaphorePermit,
    // Fields are dropped in this order: the last one cleans up.
    _member: Member,
}

/// A client that has or waits for a share.
#[derive(Debug)]
struct Member {
    pool: Arc<Pool>,
    client: String,
    own: Option<Arc<Semaphore>>,
}

impl Shares {
    /// `each` for one client, `all` for all of them.
    pub(crate) fn new(each: u32, all: usize) -> Self {
        Self(Arc::new(Pool {
            each,
            all: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))),
            clients: Mutex::default(),
        }))
    }

    /// Waits for so much; more than a whole share counts as one. `None` never comes: nobody closes
    /// the semaphores.
    pub(crate) async fn take(&self, client: &str, amount: u32) -> Option<Share> {
        let pool = &self.0;
        let amount = amount.min(pool.each);
        let own = pool.semaphore(client);
        let member = Member {
            pool: Arc::clone(pool),
            client: client.to_owned(),
            own: Some(Arc::clone(&own)),
        };
        let own = own.acquire_many_owned(amount).await.ok()?;
        let all = Arc::clone(&pool.all);
        let all = all.acquire_many_owned(amount).await.ok()?;
        Some(Share {
            own,
            all,
            _member: member,
        })
    }
}

impl Pool {
    fn semaphore(&self, client: &str) -> Arc<Semaphore> {
        let mut clients = self.clients.lock();
        if let Some(known) = clients.get(client) {
            return Arc::clone(known);
        }
        let each = usize::try_from(self.each).unwrap_or(Semaphore::MAX_PERMITS);
        let new = Arc::new(Semaphore::new(each));
        clients.insert(client.to_owned(), Arc::clone(&new));
        new
    }
}

impl Share {
    /// Gives back what is above `amount`.
    pub(crate) fn shrink(&mut self, amount: usize) {
        for permit in [&mut self.own, &mut self.all] {
            let above = permit.num_permits().saturating_sub(amount);
            drop(permit.split(above));
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut clients = self.pool.clients.lock();
        drop(self.own.take());
        // A client that uses nothing leaves nothing behind: names must not fill the memory.
        let unused = |known: &Arc<Semaphore>| Arc::strong_count(known) == 1;
        if clients.get(&self.client).is_some_and(unused) {
            clients.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn is_ready(future: impl Future<Output = Option<Share>>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(future).poll(&mut context).is_ready()
    }

    #[tokio::test]
    async fn a_client_waits_for_its_own_share_and_holds_up_nobody() {
        let shares = Shares::new(4, 8);
        let mut first = shares.take("agent:a", 3).await.expect("free");
        assert!(!is_ready(shares.take("agent:a", 2)), "its share is used");
        assert!(is_ready(shares.take("agent:b", 4)), "another's is not");
        first.shrink(2);
        assert!(is_ready(shares.take("agent:a", 2)));
        drop(first);
        let whole = shares.take("agent:a", 100).await.expect("a whole share");
        let other = shares.take("agent:b", 4).await.expect("free");
        assert!(!is_ready(shares.take("agent:c", 1)), "all is used");
        drop((whole, other));
        assert!(is_ready(shares.take("agent:c", 4)));
        assert_eq!(shares.0.clients.lock().len(), 0);
        assert_eq!(shares.0.all.available_permits(), 8);
    }
}

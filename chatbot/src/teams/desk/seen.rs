//! Activities that were seen, and what was answered: Teams sends again what took long.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch::{Receiver, Sender, channel};

use crate::limits::TEAMS_SEEN;

/// The newest activities. What was pushed out would be worked on again; the ledger still knows the
/// key of its command.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    answers: BTreeMap<String, Receiver<Option<Value>>>,
    order: VecDeque<String>,
}

impl Seen {
    /// Where the answer will be; the first one who comes also gets the means to give it.
    pub(super) fn enter(
        &self,
        key: &str,
    ) -> (Receiver<Option<Value>>, Option<Sender<Option<Value>>>) {
        let mut inner = self.0.lock();
        if let Some(known) = inner.answers.get(key) {
            return (known.clone(), None);
        }
        if inner.order.len() >= TEAMS_SEEN
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.answers.remove(&oldest);
        }
        let (sender, receiver) = channel(None);
        inner.answers.insert(key.to_owned(), receiver.clone());
        inner.order.push_back(key.to_owned());
        (receiver, Some(sender))
    }

    /// Nothing was done after all.
    pub(super) fn forget(&self, key: &str) {
        let mut inner = self.0.lock();
        inner.answers.remove(key);
        inner.order.retain(|known| known != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_one_works() {
        let seen = Seen::default();
        let (_, first) = seen.enter("a");
        let (repeat, second) = seen.enter("a");
        assert!(second.is_none());
        first.unwrap().send_replace(Some(Value::from(7)));
        assert_eq!(*repeat.borrow(), Some(Value::from(7)));
        seen.forget("a");
        assert!(seen.enter("a").1.is_some());
    }

    #[test]
    fn what_is_remembered_has_bounds() {
        let seen = Seen::default();
        for number in 0..=TEAMS_SEEN {
            drop(seen.enter(&number.to_string()));
        }
        let inner = seen.0.lock();
        assert_eq!(
            (inner.answers.len(), inner.order.len()),
            (TEAMS_SEEN, TEAMS_SEEN)
        );
        assert!(!inner.answers.contains_key("0"));
    }
}

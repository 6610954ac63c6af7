//! An outlet in memory: what was put, what of it is durable, and when it takes no more.

use std::sync::Arc;
use std::time::Duration;

use countersign_proto::event::Known;
use countersign_proto::v1;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::input::{InputConfig, InputError, run};
use crate::outlet::{Item, Outlet, OutletError};
use crate::session::Clock;
use crate::trouble::{Health, Troubles};

/// Ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    items: Mutex<Vec<Item>>,
    changed: Notify,
    /// Items that are taken before it closes.
    room: Mutex<Option<usize>>,
    /// Items that are taken before it keeps the inputs waiting.
    wall: Mutex<Option<usize>>,
    /// While it is held, nothing becomes durable.
    disk: tokio::sync::Mutex<()>,
}

impl Outlet for Memory {
    async fn put(&self, item: Item) -> Result<(), OutletError> {
        assert_eq!(
            item.draft.idempotency_key, "",
            "the outlet numbers what it keeps"
        );
        assert!(
            item.draft.event.known().is_ok(),
            "the ledger would refuse {item:?}"
        );
        let (_, payload) = item.draft.event.parts().unwrap();
        assert!(payload.len() <= countersign_chain::limits::MAX_PAYLOAD);
        let is_full = self
            .0
            .wall
            .lock()
            .is_some_and(|wall| self.0.items.lock().len() >= wall);
        if is_full {
            std::future::pending::<()>().await;
        }
        let mut items = self.0.items.lock();
        if self.0.room.lock().is_some_and(|room| items.len() >= room) {
            return Err(OutletError::Closed("full".to_owned()));
        }
        items.push(item);
        self.0.changed.notify_waiters();
        Ok(())
    }

    async fn durable(&self) -> Result<(), OutletError> {
        drop(self.0.disk.lock().await);
        Ok(())
    }

    fn place(&self, input: &str) -> Option<String> {
        let items = self.0.items.lock();
        let mut places = items.iter().filter_map(|item| item.place.as_ref());
        let place = places.rfind(|place| place.input == input);
        place.map(|place| place.position.clone())
    }
}

impl Memory {
    /// Takes so many items and then no more.
    pub(crate) fn with_room(self, room: usize) -> Self {
        *self.0.room.lock() = Some(room);
        self
    }

    /// Keeps everything from becoming durable while the returned value lives.
    pub(crate) async fn hold_disk(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.disk.lock().await
    }

    /// Takes so many items and then lets the inputs wait.
    pub(crate) fn with_wall(self, wall: usize) -> Self {
        *self.0.wall.lock() = Some(wall);
        self
    }

    /// What a restart finds when only the first items became durable.
    pub(crate) fn first(&self, count: usize) -> Self {
        let kept = Self::default();
        *kept.0.items.lock() = self.0.items.lock()[..count].to_vec();
        kept
    }

    pub(crate) fn items(&self) -> Vec<Item> {
        self.0.items.lock().clone()
    }

    /// What was put, in short.
    pub(crate) fn said(&self) -> Vec<String> {
        self.events().iter().map(short).collect()
    }

    pub(crate) fn events(&self) -> Vec<Known> {
        let items = self.items();
        items
            .iter()
            .map(|item| item.draft.event.known().unwrap())
            .collect()
    }

    /// The external events among them.
    pub(crate) fn external(&self) -> Vec<v1::ExternalEvent> {
        let events = self.events().into_iter().filter_map(|event| match event {
            Known::ExternalEvent(event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    /// Waits until there are so many items.
    pub(crate) async fn holds(&self, count: usize) {
        let wait = async {
            loop {
                let changed = self.0.changed.notified();
                let mut changed = std::pin::pin!(changed);
                changed.as_mut().enable();
                if self.0.items.lock().len() >= count {
                    return;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(
            waited.is_ok(),
            "expected {count} items, got {:#?}",
            self.said()
        );
    }
}

fn short(event: &Known) -> String {
    match event {
        Known::ExternalEvent(event) => {
            let raw = String::from_utf8_lossy(&event.raw).into_owned();
            if event.malformed.is_empty() {
                raw
            } else {
                format!("{raw} ({})", event.malformed)
            }
        }
        Known::SpoolGap(gap) => format!("gap of {}: {}", gap.lost_events, gap.reason),
        other => panic!("{other:?}"),
    }
}

/// An input that runs.
pub(crate) struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), InputError>>,
    troubles: Troubles,
}

impl Running {
    pub(crate) fn start(config: &str, outlet: &Memory) -> Self {
        let stop = CancellationToken::new();
        let config: InputConfig = toml::from_str(config).unwrap();
        let (outlet, token) = (outlet.clone(), stop.clone());
        let troubles = Troubles::default();
        let health = Health::new("input", troubles.clone(), Clock::system());
        let task = tokio::spawn(async move { run(&config, outlet, &health, token).await });
        Self {
            stop,
            task,
            troubles,
        }
    }

    /// Waits until it says why it cannot read, or with `None` that it can.
    pub(crate) async fn until_it_says(&self, why: Option<&str>) {
        let says = |why: Option<&str>| match (self.troubles.all().first(), why) {
            (Some(trouble), Some(why)) => trouble.error.contains(why),
            (None, None) => true,
            _ => false,
        };
        let wait = async {
            while !says(why) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{why:?}: {:?}", self.troubles.all());
    }

    /// Waits for its end, without asking for it.
    pub(crate) async fn end(self) -> Result<(), InputError> {
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.expect("it ends").expect("it does not panic")
    }

    pub(crate) async fn stop(self) -> Result<(), InputError> {
        self.stop.cancel();
        self.end().await
    }
}

/// Runs an input until there are so many items, and stops it.
pub(crate) async fn run_until(config: &str, outlet: &Memory, items: usize) {
    let running = Running::start(config, outlet);
    outlet.holds(items).await;
    running.stop().await.unwrap();
}

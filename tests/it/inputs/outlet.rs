//! An outlet in memory, and an input that runs into it.

use std::sync::Arc;
use std::time::Duration;

use countersign_collector::input::{InputConfig, InputError, run};
use countersign_collector::outlet::{Item, Outlet, OutletError};
use countersign_collector::trouble::Health;
use countersign_proto::event::Known;
use countersign_proto::v1::ExternalEvent;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Ends a test that hangs; every peer answers within seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps what is put, as if it were on disk.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    items: Arc<Mutex<Vec<Item>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            items: Arc::default(),
            count: Arc::new(watch::Sender::new(0)),
        }
    }
}

impl Outlet for Memory {
    async fn put(&self, item: Item) -> Result<(), OutletError> {
        let mut items = self.items.lock();
        items.push(item);
        self.count.send_replace(items.len());
        Ok(())
    }

    async fn durable(&self) -> Result<(), OutletError> {
        Ok(())
    }

    fn place(&self, input: &str) -> Option<String> {
        let items = self.items.lock();
        let mut places = items.iter().filter_map(|item| item.place.as_ref());
        let place = places.rfind(|place| place.input == input);
        place.map(|place| place.position.clone())
    }
}

impl Memory {
    /// Everything that was put.
    pub(crate) fn events(&self) -> Vec<Known> {
        let items = self.items.lock();
        let known = items.iter().map(|item| item.draft.event.known());
        known.map(|event| event.expect("an event")).collect()
    }

    /// The external events among it.
    pub(crate) fn external(&self) -> Vec<ExternalEvent> {
        let events = self.events().into_iter().filter_map(|event| match event {
            Known::ExternalEvent(event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    /// Waits until the events say what the test wants.
    pub(crate) async fn until(&self, enough: impl Fn(&[ExternalEvent]) -> bool) {
        let mut count = self.count.subscribe();
        let wait = async {
            while !enough(&self.external()) {
                count.changed().await.expect("the outlet lives");
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "it did not come: {:#?}", self.events());
    }

    /// Waits until there are so many events, gaps included.
    pub(crate) async fn holds(&self, number: usize) {
        let mut count = self.count.subscribe();
        let waited = tokio::time::timeout(PATIENCE, count.wait_for(|count| *count >= number)).await;
        assert!(
            waited.is_ok(),
            "expected {number} events: {:#?}",
            self.events()
        );
    }
}

/// An input that runs.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), InputError>>,
}

impl Running {
    pub(crate) fn start(config: &str, outlet: &Memory) -> Self {
        let config: InputConfig = toml::from_str(config).expect("a configuration");
        let (stop, outlet) = (CancellationToken::new(), outlet.clone());
        let token = stop.clone();
        let task =
            tokio::spawn(async move { run(&config, outlet, &Health::default(), token).await });
        Self { stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        let ended = ended.expect("it stops").expect("it does not panic");
        assert!(ended.is_ok(), "{ended:?}");
    }
}

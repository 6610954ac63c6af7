//! What was sent and acknowledged, and what the log holds in the end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign_chain::record::Record;
use countersign_client::Draft;
use countersign_ledger::node::Node;
use countersign_proto::v1::ExternalEvent;
use countersign_tests::folder::settings;
use parking_lot::Mutex;
use tokio::sync::watch;

/// Longest wait for acknowledgements, restarts of the server included.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes that one read of the log gives.
const READ: usize = 1 << 20;

/// Every key that was sent, by writer and number, with the index that was acknowledged.
#[derive(Clone)]
pub(crate) struct Journal {
    writers: Arc<Mutex<Vec<Vec<Option<u64>>>>>,
    acknowledged: Arc<watch::Sender<u64>>,
    reads: Arc<AtomicU64>,
}

/// What the log says of the journal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) acknowledged: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    /// Written without an acknowledgement: their writers went away.
    pub(crate) unasked: u64,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            writers: Arc::default(),
            acknowledged: Arc::new(watch::Sender::new(0)),
            reads: Arc::default(),
        }
    }

    /// A place for a writer's keys.
    pub(crate) fn writer(&self) -> usize {
        let mut writers = self.writers.lock();
        writers.push(Vec::new());
        writers.len() - 1
    }

    /// The next event of a writer, and its number.
    pub(crate) fn draft(&self, writer: usize) -> (u64, Draft) {
        let number = {
            let keys = &mut self.writers.lock()[writer];
            keys.push(None);
            number(keys.len() - 1)
        };
        let event = ExternalEvent {
            source: format!("writer-{writer}"),
            raw: Bytes::from(vec![b's'; 200]),
            ..ExternalEvent::default()
        };
        (
            number,
            Draft::new(&event).with_key(format!("soak-{writer}-{number}")),
        )
    }

    /// So many events from this number on are entries from this index on.
    pub(crate) fn acknowledge(&self, writer: usize, first: u64, index: u64, count: usize) {
        {
            let keys = &mut self.writers.lock()[writer];
            for place in 0..number(count) {
                keys[size(first + place)] = Some(index + place);
            }
        }
        self.acknowledged.send_modify(|sum| *sum += number(count));
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        *self.acknowledged.borrow()
    }

    /// Waits until so many are acknowledged.
    pub(crate) async fn reaches(&self, sum: u64) {
        let mut acknowledged = self.acknowledged.subscribe();
        let reached = acknowledged.wait_for(|now| *now >= sum);
        // What is seen is let go at once: as long as it is held, nobody can acknowledge.
        let reached = tokio::time::timeout(PATIENCE, reached).await.is_ok();
        assert!(reached, "nothing is acknowledged any more");
    }

    pub(crate) fn count_read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Compares with the log of a stopped server.
    pub(crate) async fn balance(&self, folder: &Path) -> Balance {
        let node = Node::open(folder, &settings())
            .await
            .expect("it is stopped");
        let log = node.main().expect("every ledger has it");
        let (mut next, end) = (0, log.accepted_size());
        let mut found: Vec<Vec<Option<u64>>> = Vec::new();
        let mut duplicated = 0;
        while next < end {
            let run = log.read(next, READ).expect("an intact log");
            for frame in run.frames() {
                for record in frame.expect("an intact log").records() {
                    let record = Record::parse(record).expect("an intact log");
                    next = record.index().get() + 1;
                    if let Some((writer, number)) = key(record.idem()) {
                        duplicated += note(&mut found, writer, number, record.index().get());
                    }
                }
            }
        }
        node.close("test").await.expect("a healthy disk");
        self.compare(&found, duplicated)
    }

    fn compare(&self, found: &[Vec<Option<u64>>], duplicated: u64) -> Balance {
        let mut balance = Balance {
            acknowledged: 0,
            lost: 0,
            duplicated,
            unasked: 0,
        };
        for (writer, keys) in self.writers.lock().iter().enumerate() {
            for (number, acknowledged) in keys.iter().enumerate() {
                let found = found.get(writer).and_then(|keys| keys.get(number));
                match (acknowledged, found.copied().flatten()) {
                    (Some(index), found) => {
                        balance.acknowledged += 1;
                        balance.lost += u64::from(found != Some(*index));
                    }
                    (None, Some(_)) => balance.unasked += 1,
                    (None, None) => {}
                }
            }
        }
        balance
    }
}

/// Notes an entry of a writer; 1 when there is one under the same key already.
fn note(found: &mut Vec<Vec<Option<u64>>>, writer: usize, number: usize, index: u64) -> u64 {
    if found.len() <= writer {
        found.resize(writer + 1, Vec::new());
    }
    let keys = &mut found[writer];
    if keys.len() <= number {
        keys.resize(number + 1, None);
    }
    u64::from(keys[number].replace(index).is_some())
}

fn key(idem: &[u8]) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(idem).ok()?;
    let (writer, number) = text.strip_prefix("soak-")?.split_once('-')?;
    Some((writer.parse().ok()?, number.parse().ok()?))
}

pub(crate) fn number(size: usize) -> u64 {
    u64::try_from(size).expect("small")
}

fn size(number: u64) -> usize {
    usize::try_from(number).expect("small")
}

//! A ledger in this process: commands go through its sequencer and its store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::idem::IdempotencyKey;
use countersign_chain::record::Record;
use countersign_ledger::clock::Clock;
use countersign_ledger::log::{Log, Pending};
use countersign_ledger::node::{Node, NodeSettings};
use countersign_workflow::command::Command;

use crate::common::node_settings;

/// Bytes of one reading.
const READ: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Ledger {
    node: Node,
    pub(crate) log: Arc<Log>,
    keys: u64,
}

impl Ledger {
    /// Opens it, and waits until commands are taken.
    pub(crate) async fn open(folder: &Path, clock: Arc<dyn Clock>) -> Self {
        let settings = NodeSettings {
            clock,
            ..node_settings()
        };
        let node = Node::open(folder, &settings)
            .await
            .expect("nobody has it open");
        let log = Arc::clone(node.main().expect("there"));
        while log.cases().read().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let keys = log.accepted_size() << 32;
        Self { node, log, keys }
    }

    /// Gives a command.
    pub(crate) async fn order(&mut self, command: Command) -> Pending {
        self.keys += 1;
        let key = IdempotencyKey::parse(&self.keys.to_be_bytes()).expect("short");
        self.log.order(command, key).await.expect("it runs")
    }

    /// Gives a command that nobody refuses, and waits. Index and number of its entries.
    pub(crate) async fn done(&mut self, command: Command) -> (u64, u64) {
        entries(self.order(command).await).await
    }

    /// Shows every record from an index on.
    pub(crate) fn walk(&self, from: u64, mut show: impl FnMut(&Record<'_>)) {
        let mut next = from;
        while next < self.log.accepted_size() {
            let run = self.log.read(next, READ).expect("a healthy disk");
            for frame in run.frames() {
                let frame = frame.expect("a whole frame");
                for bytes in frame.records() {
                    let record = Record::parse(bytes).expect("a record");
                    if record.index().get() >= next {
                        next = record.index().get() + 1;
                        show(&record);
                    }
                }
            }
        }
    }

    pub(crate) async fn close(self) {
        drop(self.log);
        self.node.close("bench").await.expect("a healthy disk");
    }
}

/// Index and number of the entries that a command led to.
pub(crate) async fn entries(pending: Pending) -> (u64, u64) {
    let runs = pending.accepted().await.expect("nobody refuses it");
    assert_eq!(runs.len(), 1, "the entries of a command follow each other");
    let run = &runs[0];
    let count = u64::try_from(run.leaves.len()).expect("few");
    (run.first_index, count)
}

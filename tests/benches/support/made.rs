//! A folder with a log of some size.

use std::sync::Arc;

use countersign_ledger::node::Node;
use countersign_tests::folder::DataFolder;

use crate::common::node_settings;
use crate::fill::{MakeEvent, fill};

/// A log of `size` entries in commits of `group`, closed in order.
#[tokio::main]
pub(crate) async fn made(group: usize, size: u64, event: MakeEvent) -> DataFolder {
    let data = DataFolder::new().await;
    let node = Node::open(&data.path(), &node_settings())
        .await
        .expect("nobody has it open");
    let log = Arc::clone(node.main().expect("there"));
    // The last entry is LogStopped.
    fill(&log, size - 1, group, event).await;
    drop(log);
    node.close("bench").await.expect("a healthy disk");
    data
}

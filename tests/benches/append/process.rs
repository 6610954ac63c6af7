//! The same work without gRPC: sequencer, signatures and segment store in this process.

use std::sync::Arc;

use bytes::Bytes;
use countersign_chain::kind::Kind;
use countersign_chain::principal::Principal;
use countersign_ledger::log::{Log, Mode, NewEntry};
use countersign_ledger::node::Node;
use countersign_tests::folder::DataFolder;

use crate::GROUPS;
use crate::common::{RUNS, node_settings, now, since};
use crate::event::event;
use crate::measure::{Figures, Run, Table};

/// Proposals of `group` entries, two under way: one syncs while the next is made.
async fn groups(log: &Arc<Log>, group: usize) -> Figures {
    let (kind, payload): (Kind, Bytes) = event().into_parts().expect("an event");
    let actor = Principal::parse("agent:bench").expect("a principal");
    let entry = NewEntry::new(kind, actor, payload).expect("small");
    let run = Arc::new(Run::start());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (log, entry, run) = (Arc::clone(log), entry.clone(), Arc::clone(&run));
        tasks.spawn(async move {
            let mut waits = Vec::new();
            while run.goes_on() {
                let sent = now();
                let entries = vec![entry.clone(); group];
                let pending = log.submit(entries, Mode::Each).await.expect("room");
                pending.accepted().await.expect("taken");
                waits.push(since(sent));
            }
            waits
        });
    }
    let waits = tasks.join_all().await.concat();
    let run = Arc::into_inner(run).expect("all tasks are over");
    run.end(waits.len() * group, waits)
}

pub(crate) async fn rows(table: &mut Table) {
    let data = DataFolder::new().await;
    let node = Node::open(&data.path(), &node_settings())
        .await
        .expect("nobody has it open");
    let log = Arc::clone(node.main().expect("there"));
    for group in GROUPS {
        let name = format!("in process, groups of {group}");
        if table.wants(&name) {
            let mut runs = Vec::new();
            for _ in 0..RUNS {
                runs.push(groups(&log, group).await);
            }
            table.add(&name, &runs);
        }
    }
    node.close("bench").await.expect("a healthy disk");
}

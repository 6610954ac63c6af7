//! Calls: more than the queue holds, keys without end, repeats of old keys, pages that cost much.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_proto::v1::{
    AppendBatchRequest, AppendRequest, EntryFilter, EventDraft, ListEntriesRequest,
};
use countersign_tests::process::is_long;

use crate::attack::{Attack, Target, request};
use crate::streams::draft;

/// Keys are never used twice, whatever server they are sent to.
static NEXT_KEY: AtomicU64 = AtomicU64::new(0);

/// An event of so many bytes under a key of its own.
fn keyed(bytes: usize) -> EventDraft {
    let key = NEXT_KEY.fetch_add(1, Ordering::Relaxed);
    EventDraft {
        idempotency_key: format!("mallory-{key}"),
        ..draft(bytes)
    }
}

fn batch(drafts: Vec<EventDraft>) -> tonic::Request<AppendBatchRequest> {
    request(AppendBatchRequest {
        drafts,
        ..AppendBatchRequest::default()
    })
}

/// More appends at the same time than one client may have.
pub(crate) async fn flood(target: Target) -> Attack {
    let mut attack = Attack::new();
    for _ in 0..4 {
        let log = target.log(&target.agent).await;
        for _ in 0..250 {
            let (mut log, tally) = (log.clone(), attack.tally.clone());
            attack.run(async move {
                loop {
                    let append = AppendRequest {
                        draft: Some(draft(100)),
                        ..AppendRequest::default()
                    };
                    tally.answer(log.append(request(append)).await);
                }
            });
        }
    }
    attack.tally.reaches(2_000).await;
    attack
}

/// The largest batches, each event under a new key.
pub(crate) async fn new_keys(target: Target) -> Attack {
    let mut attack = Attack::new();
    for _ in 0..8 {
        let mut log = target.log(&target.agent).await;
        let tally = attack.tally.clone();
        attack.run(async move {
            loop {
                let drafts = (0..1_024).map(|_| keyed(1)).collect();
                tally.answer(log.append_batch(batch(drafts)).await);
            }
        });
    }
    // So many thousand keys.
    let thousands = if is_long() { 1_000 } else { 100 };
    attack.tally.reaches(thousands).await;
    attack
}

/// Batches of keys that are spread over many commits, again and again.
pub(crate) async fn old_keys(target: Target) -> Attack {
    let mut attack = Attack::new();
    let log = target.log(&target.agent).await;
    let mut old = Vec::new();
    for _ in 0..if is_long() { 200 } else { 40 } {
        // All others of the commit are only there to make it expensive to read.
        let mut drafts = vec![draft(900); 900];
        drafts[0] = keyed(900);
        old.push(drafts[0].clone());
        let appended = log.clone().append_batch(batch(drafts)).await;
        appended.expect("a good batch");
    }
    let old = Arc::new(old);
    for _ in 0..8 {
        let (mut log, tally, old) = (log.clone(), attack.tally.clone(), Arc::clone(&old));
        attack.run(async move {
            let repeat = AppendBatchRequest {
                drafts: old.to_vec(),
                ..AppendBatchRequest::default()
            };
            loop {
                tally.answer(log.append_batch(request(repeat.clone())).await);
            }
        });
    }
    attack.tally.reaches(8).await;
    attack
}

/// Pages through a filter that nothing passes and that no index knows.
pub(crate) async fn selective_pages(target: Target) -> Attack {
    let mut attack = Attack::new();
    let until = prost_types::Timestamp {
        seconds: 1,
        nanos: 0,
    };
    let list = ListEntriesRequest {
        filter: Some(EntryFilter {
            actor: "agent:honest".to_owned(),
            until: Some(until),
            ..EntryFilter::default()
        }),
        ..ListEntriesRequest::default()
    };
    for _ in 0..2 {
        let log = target.log(&target.auditor).await;
        for _ in 0..16 {
            let (mut log, tally, list) = (log.clone(), attack.tally.clone(), list.clone());
            attack.run(async move {
                loop {
                    tally.answer(log.list_entries(request(list.clone())).await);
                }
            });
        }
    }
    attack.tally.reaches(200).await;
    attack
}

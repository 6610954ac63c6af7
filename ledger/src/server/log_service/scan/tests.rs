//! Bounds and filters of one reading, on a log in memory.

use std::sync::Arc;

use bytes::Bytes;
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;

use super::*;
use crate::clock::ManualClock;
use crate::fs::Fs;
use crate::fs::sim::SimFs;
use crate::log::{LogSettings, Mode, NewEntry, folder};

const FREE: Bounds = Bounds {
    entries: usize::MAX,
    bytes: usize::MAX,
    scanned: u64::MAX,
};

/// A log of commits of these sizes behind its opening; every third entry is of `agent:third`.
async fn log(commits: &[usize], folder: &tempfile::TempDir) -> Arc<Log> {
    let fs = Arc::new(SimFs::new());
    let origin = Origin::parse("example.com/log").expect("an origin");
    let key = SigningKey::from_seed(origin, &[9; 32]).expect("a key");
    folder::create(fs.as_ref(), &key).expect("an empty disk");
    let settings = LogSettings {
        name: "main".to_owned(),
        folder: folder.path().to_owned(),
        segment_bytes: 64 << 10,
        clock: Arc::new(ManualClock::at(1_790_000_000_000_000)),
    };
    let log = Log::open(fs as Arc<dyn Fs>, settings)
        .await
        .expect("an empty log");
    let mut index = 1;
    for size in commits {
        let entries = (0..*size).map(|_| {
            let actor = if index % 3 == 0 {
                "agent:third"
            } else {
                "agent:other"
            };
            index += 1;
            let actor = Principal::parse(actor).expect("a principal");
            let payload = Bytes::from(vec![b'x'; 500]);
            NewEntry::new(Kind::new(140).expect("a kind"), actor, payload).expect("small")
        });
        let submitted = log.submit(entries.collect(), Mode::AllOrNone).await;
        submitted
            .expect("queued")
            .accepted()
            .await
            .expect("durable");
    }
    log
}

fn indexes(page: &Page) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.index).collect()
}

fn sizes(page: &Page) -> Vec<u64> {
    let peek = |text: &String| Checkpoint::peek(text).expect("a checkpoint").size;
    page.checkpoints.iter().map(peek).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bound_ends_a_page_and_the_next_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = log(&[5, 1, 4, 300], &folder).await;
    let all = Filter::default();
    let whole = scan(&log, &all, 0..311, &FREE).expect("intact");
    assert_eq!((indexes(&whole), whole.next), ((0..311).collect(), 311));
    assert_eq!(sizes(&whole), [1, 6, 7, 11, 311]);

    let bounds = [
        Bounds { entries: 4, ..FREE },
        Bounds {
            bytes: 3_000,
            ..FREE
        },
        Bounds { bytes: 1, ..FREE },
        Bounds { scanned: 3, ..FREE },
    ];
    for bound in bounds {
        let (mut next, mut found) = (0, Vec::new());
        while next < 311 {
            let page = scan(&log, &all, next..311, &bound).expect("intact");
            assert!(page.next > next, "no way on with {bound:?}");
            assert!(page.entries.len() <= bound.entries);
            let bytes: usize = page.entries.iter().map(prost::Message::encoded_len).sum();
            assert!(bytes <= bound.bytes || page.entries.len() == 1);
            assert!(page.next - next <= bound.scanned);
            found.extend(indexes(&page));
            next = page.next;
        }
        assert_eq!(found, (0..311).collect::<Vec<_>>(), "{bound:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_starts_and_ends_inside_commits() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = log(&[5, 1, 4], &folder).await;
    let page = scan(&log, &Filter::default(), 3..8, &FREE).expect("intact");
    assert_eq!((indexes(&page), page.next), (vec![3, 4, 5, 6, 7], 8));
    assert_eq!(sizes(&page), [6, 7, 11]);
    let page = scan(&log, &Filter::default(), 4..4, &FREE).expect("intact");
    assert_eq!((indexes(&page), page.next), (vec![], 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_match_is_counted_and_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = log(&[5, 1, 4], &folder).await;
    let third = Filter {
        actor: Some("agent:third".to_owned()),
        ..Filter::default()
    };
    let page = scan(&log, &third, 0..11, &FREE).expect("intact");
    assert_eq!((indexes(&page), page.next), (vec![3, 6, 9], 11));
    assert_eq!(
        sizes(&page),
        [6, 7, 11],
        "checkpoints of commits without a match are left out"
    );
    let short = Bounds { scanned: 2, ..FREE };
    let page = scan(&log, &third, 0..11, &short).expect("intact");
    assert_eq!((indexes(&page), page.next), (vec![], 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_leaves_no_match_out() {
    let folder = tempfile::tempdir().expect("a folder");
    // 7 bundles and a bit more.
    let log = log(&[1_000, 900], &folder).await;
    log.wait_sealed(1_901).await.expect("sealed");
    let mut indexed = log.projections().indexed();
    let covered = indexed.wait_for(|entries| *entries >= 1_792);
    let covered = tokio::time::timeout(std::time::Duration::from_secs(30), covered).await;
    covered.expect("in time").expect("the projector runs");
    let kind = |kinds: &[u16]| Filter {
        kinds: kinds.to_vec(),
        ..Filter::default()
    };
    let page = scan(&log, &kind(&[1]), 0..1_901, &FREE).expect("intact");
    assert_eq!((indexes(&page), page.next), (vec![0], 1_901));
    let third = Filter {
        actor: Some("agent:third".to_owned()),
        ..Filter::default()
    };
    let page = scan(&log, &third, 0..1_901, &FREE).expect("intact");
    assert_eq!(
        indexes(&page),
        (1..1_901)
            .filter(|index| index % 3 == 0)
            .collect::<Vec<_>>()
    );
    // Nothing of this kind is in a bundle: only the end, which is not indexed, is looked at.
    let bound = Bounds {
        scanned: 200,
        ..FREE
    };
    let page = scan(&log, &kind(&[141]), 0..1_901, &bound).expect("intact");
    assert_eq!((indexes(&page), page.next), (vec![], 1_901));
}

//! Follow.

use std::time::Duration;

use countersign_ledger::limits::{FOLLOW_AHEAD, HEARTBEAT, MAX_FOLLOW_STREAMS_EACH};
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use countersign_proto::v1::log_service_server::LogService as _;
use tokio_stream::StreamExt as _;
use tonic::{Request, Streaming};

use crate::world::{World, by, peer, refused, revoke};

type Batches = Streaming<v1::FollowResponse>;

async fn follow(world: &World, from_index: u64, filter: v1::EntryFilter) -> Batches {
    let request = v1::FollowRequest {
        from_index,
        filter: Some(filter),
        ..v1::FollowRequest::default()
    };
    world
        .client()
        .follow(by("auditor:eve", request))
        .await
        .expect("a stream")
        .into_inner()
}

/// Reads until the cursor is at `end`; returns the indexes.
async fn read_to(world: &World, batches: &mut Batches, mut next: u64, end: u64) -> Vec<u64> {
    let mut indexes = Vec::new();
    while next < end {
        let batch = batches.message().await.expect("open").expect("a batch");
        world.check(&batch.entries, &batch.checkpoints);
        let found = batch.entries.iter().map(|entry| entry.index);
        assert!(
            found
                .clone()
                .all(|index| (next..batch.next_index).contains(&index))
        );
        indexes.extend(found);
        assert!(batch.next_index >= next, "the cursor went back");
        next = batch.next_index;
    }
    assert_eq!(next, end);
    indexes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_gets_what_is_there_and_what_comes() {
    let world = World::start().await;
    world.fill(2_500).await;
    let mut batches = follow(&world, 3, v1::EntryFilter::default()).await;
    let read = read_to(&world, &mut batches, 3, 2_501).await;
    assert_eq!(read, (3..2_501).collect::<Vec<_>>());
    for n in 0..10 {
        world.fill(1).await;
        let read = read_to(&world, &mut batches, 2_501 + n, 2_502 + n).await;
        assert_eq!(read, [2_501 + n]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_leaves_the_cursor_moving() {
    let world = World::start().await;
    world.fill(300).await;
    let filter = v1::EntryFilter {
        case: 200,
        ..v1::EntryFilter::default()
    };
    let mut batches = follow(&world, 0, filter).await;
    let batch = batches.message().await.expect("open").expect("a batch");
    let indexes: Vec<_> = batch.entries.iter().map(|entry| entry.index).collect();
    assert_eq!((indexes, batch.next_index), (vec![200], 301));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_may_be_ahead_but_not_far() {
    let world = World::start().await;
    let mut batches = follow(&world, 5, v1::EntryFilter::default()).await;
    world.fill(6).await;
    let batch = batches.message().await.expect("open").expect("a batch");
    let indexes: Vec<_> = batch.entries.iter().map(|entry| entry.index).collect();
    assert_eq!((indexes, batch.next_index), (vec![5, 6], 7));

    let far = |from_index| {
        by(
            "auditor:eve",
            v1::FollowRequest {
                from_index,
                ..v1::FollowRequest::default()
            },
        )
    };
    assert!(world.client().follow(far(7 + FOLLOW_AHEAD)).await.is_ok());
    for from in [8 + FOLLOW_AHEAD, u64::MAX] {
        refused(
            world.client().follow(far(from)).await,
            Reason::IndexOutOfRange,
        );
    }
}

/// Time stands still but for what the test waits for.
#[tokio::test(start_paused = true)]
async fn a_quiet_stream_shows_that_it_lives() {
    let world = World::start().await;
    let filter = v1::EntryFilter {
        kinds: vec![141],
        ..v1::EntryFilter::default()
    };
    let mut request = Request::new(v1::FollowRequest {
        filter: Some(filter),
        ..v1::FollowRequest::default()
    });
    request
        .extensions_mut()
        .insert(std::sync::Arc::new(peer("auditor:eve")));
    let started = tokio::time::Instant::now();
    let mut batches = world
        .service
        .follow(request)
        .await
        .expect("a stream")
        .into_inner();
    // The first word is that it has caught up.
    for beat in 0..3 {
        let batch = batches.next().await.expect("open").expect("a batch");
        assert!(batch.entries.is_empty() && batch.checkpoints.is_empty());
        assert_eq!(batch.next_index, 1, "entry 0 does not match");
        let passed = started.elapsed();
        assert!(
            passed >= HEARTBEAT * beat && passed < HEARTBEAT * (beat + 1),
            "{passed:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_ends_with_the_server() {
    let world = World::start().await;
    let mut batches = follow(&world, 0, v1::EntryFilter::default()).await;
    read_to(&world, &mut batches, 0, 1).await;
    world.shutdown.cancel();
    refused(batches.message().await, Reason::ShuttingDown);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_ends_with_its_log_after_the_last_entry() {
    let world = World::start().await;
    let mut batches = follow(&world, 0, v1::EntryFilter::default()).await;
    world.log.close("test").await.expect("written");
    assert_eq!(read_to(&world, &mut batches, 0, 2).await, [0, 1]);
    refused(batches.message().await, Reason::ShuttingDown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_hears_that_it_has_caught_up_when_nothing_matches() {
    let world = World::start().await;
    world.fill(20).await;
    let nothing = v1::EntryFilter {
        actor: "user:nobody".to_owned(),
        ..v1::EntryFilter::default()
    };
    let mut batches = follow(&world, 0, nothing).await;
    let first = batches.message().await.expect("open").expect("a batch");
    assert!(first.entries.is_empty());
    assert!(first.next_index > 20, "{}", first.next_index);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_or_expired_certificate_ends_the_stream() {
    let world = World::start().await;
    let mut expired = follow(&world, 0, v1::EntryFilter::default()).await;
    read_to(&world, &mut expired, 0, 1).await;
    let later = Duration::from_secs(3_601);
    world.clock.pass(later);
    world
        .log
        .record(&countersign_proto::event::Event::from_message(
            &v1::DiskLow::default(),
        ))
        .await
        .expect("written");
    refused(expired.message().await, Reason::CertificateExpired);

    let world = World::start().await;
    let mut revoked = follow(&world, 0, v1::EntryFilter::default()).await;
    read_to(&world, &mut revoked, 0, 1).await;
    // Nothing else happens.
    revoke(&world.registry);
    refused(revoked.message().await, Reason::CertificateRevoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_has_its_share_of_streams() {
    let world = World::start().await;
    let mut streams = Vec::new();
    for _ in 0..MAX_FOLLOW_STREAMS_EACH {
        streams.push(follow(&world, 0, v1::EntryFilter::default()).await);
    }
    let request = || v1::FollowRequest::default();
    refused(
        world.client().follow(by("auditor:eve", request())).await,
        Reason::TooManyStreams,
    );
    assert!(
        world
            .client()
            .follow(by("auditor:ada", request()))
            .await
            .is_ok()
    );
    drop(streams);
    let free = async {
        while world
            .client()
            .follow(by("auditor:eve", request()))
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), free)
        .await
        .expect("the seats come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_follower_loses_nothing() {
    let world = World::start().await;
    let mut batches = follow(&world, 0, v1::EntryFilter::default()).await;
    world.fill(5_000).await;
    // Nothing was read until now.
    let read = read_to(&world, &mut batches, 0, 5_001).await;
    assert_eq!(read, (0..5_001).collect::<Vec<_>>());
}

//! AppendStream.

use std::time::Duration;

use countersign_chain::record::Record;
use countersign_ledger::limits::MAX_APPEND_STREAMS_EACH;
use countersign_proto::convert::hash_run;
use countersign_proto::reason::Reason;
use countersign_proto::v1::{self, AckLevel};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::world::{World, by, draft, fact, keyed, refused, revoke};

type Answers = Streaming<v1::AppendStreamResponse>;

fn request(draft: v1::EventDraft, level: AckLevel) -> v1::AppendStreamRequest {
    v1::AppendStreamRequest {
        draft: Some(draft),
        wait_for: level.into(),
        ..v1::AppendStreamRequest::default()
    }
}

/// Gives everything and closes the sending half.
async fn send(world: &World, drafts: Vec<v1::EventDraft>, level: AckLevel) -> Answers {
    let requests: Vec<_> = drafts
        .into_iter()
        .map(|draft| request(draft, level))
        .collect();
    let request = by("agent:db", tokio_stream::iter(requests));
    world
        .client()
        .append_stream(request)
        .await
        .expect("a stream")
        .into_inner()
}

/// Runs that were acknowledged, and how the stream ended.
async fn drain(mut answers: Answers) -> (Vec<v1::ReceiptRun>, Result<(), Status>) {
    let mut runs = Vec::new();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => runs.push(answer.run.expect("a run")),
            Ok(None) => return (runs, Ok(())),
            Err(status) => return (runs, Err(status)),
        }
    }
}

/// Number of events that were acknowledged, after a look whether it was done in order.
fn acknowledged(world: &World, runs: &[v1::ReceiptRun]) -> u64 {
    let mut next = 0;
    for run in runs {
        assert_eq!((run.first_position, run.log.as_str()), (next, "main"));
        let leaves = hash_run(&run.leaf_hashes).expect("hashes");
        let checkpoint = world.checkpoint(&run.checkpoint);
        assert!(checkpoint.size() >= run.first_index + u64::from(run.count));
        for (index, leaf) in (run.first_index..).zip(&leaves) {
            let (bytes, _) = world.log.entry(index).expect("durable");
            assert_eq!(countersign_chain::hash::leaf(&bytes), *leaf);
        }
        assert_eq!(usize::try_from(run.count), Ok(leaves.len()));
        next += u64::from(run.count);
    }
    next
}

/// What stands in the log behind its opening, by position of the source.
fn positions(world: &World) -> Vec<String> {
    let sources = (1..world.log.accepted_size()).map(|index| {
        let (bytes, _) = world.log.entry(index).expect("durable");
        let record = Record::parse(&bytes).expect("a record");
        let event: v1::ExternalEvent =
            prost::Message::decode(record.payload()).expect("an ExternalEvent");
        event.position
    });
    sources.collect()
}

fn numbered(count: usize) -> Vec<v1::EventDraft> {
    (0..count).map(|n| draft(&n.to_string())).collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_appended_and_acknowledged_in_order() {
    let world = World::start().await;
    for level in [AckLevel::Accepted, AckLevel::Sealed] {
        let before = world.log.accepted_size();
        let (runs, end) = drain(send(&world, numbered(3_000), level).await).await;
        assert!(end.is_ok(), "{end:?}");
        assert_eq!(acknowledged(&world, &runs), 3_000);
        assert!(runs.len() < 1_500, "{} runs for 3,000 events", runs.len());
        assert_eq!(world.log.accepted_size(), before + 3_000);
        if level == AckLevel::Sealed {
            assert!(runs.iter().all(|run| run.level() == AckLevel::Sealed));
            assert_eq!(world.log.sealed().size, before + 3_000);
        }
    }
    let twice = [names(3_000), names(3_000)].concat();
    assert_eq!(positions(&world), twice);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_events_ends_well() {
    let world = World::start().await;
    let (runs, end) = drain(send(&world, Vec::new(), AckLevel::Accepted).await).await;
    assert!(runs.is_empty() && end.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_bad_event_ends_the_stream_and_nothing_behind_it_is_appended() {
    let world = World::start().await;
    let bad = [
        (v1::EventDraft::default(), Reason::EventMissing),
        (
            v1::EventDraft {
                case: 1 << 40,
                ..draft("x")
            },
            Reason::CaseUnknown,
        ),
    ];
    for (draft, reason) in bad {
        let before = world.log.accepted_size();
        let mut drafts = numbered(1_000);
        drafts[700] = draft;
        let (runs, end) = drain(send(&world, drafts, AckLevel::Accepted).await).await;
        let status = refused(end, reason);
        assert_eq!(fact(&status, "position").as_deref(), Some("700"));
        assert_eq!(acknowledged(&world, &runs), 700);
        assert_eq!(world.log.accepted_size(), before + 700);
    }
    assert_eq!(positions(&world), [names(700), names(700)].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reused_key_ends_the_stream_behind_what_came_before_it() {
    let world = World::start().await;
    let (runs, _) = drain(send(&world, vec![keyed("old", "key")], AckLevel::Accepted).await).await;
    assert_eq!(acknowledged(&world, &runs), 1);
    let mut drafts = numbered(100);
    drafts[60] = keyed("other", "key");
    drafts.truncate(61);
    let (runs, end) = drain(send(&world, drafts, AckLevel::Sealed).await).await;
    let status = refused(end, Reason::IdempotencyKeyReused);
    assert_eq!(fact(&status, "position").as_deref(), Some("60"));
    assert_eq!(acknowledged(&world, &runs), 60);
    assert_eq!(
        positions(&world),
        [vec!["old".to_owned()], names(60)].concat()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_are_acknowledged_with_their_first_receipts() {
    let world = World::start().await;
    let drafts: Vec<_> = (0..600)
        .map(|n| keyed(&n.to_string(), &format!("k{n}")))
        .collect();
    let (first, _) = drain(send(&world, drafts[..400].to_vec(), AckLevel::Accepted).await).await;
    assert_eq!(acknowledged(&world, &first), 400);
    let (again, end) = drain(send(&world, drafts, AckLevel::Accepted).await).await;
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(acknowledged(&world, &again), 600);
    let repeated = again
        .iter()
        .filter(|run| run.repeated)
        .map(|run| run.count)
        .sum::<u32>();
    assert_eq!(repeated, 400);
    assert_eq!(positions(&world), names(600));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_twice_in_a_stream_is_one_entry_or_a_refusal() {
    let world = World::start().await;
    let same = vec![keyed("a", "k"), draft("b"), keyed("a", "k"), draft("c")];
    let (runs, end) = drain(send(&world, same, AckLevel::Accepted).await).await;
    assert!(end.is_ok(), "{end:?}");
    let facts: Vec<_> = runs
        .iter()
        .map(|run| (run.first_index, run.repeated))
        .collect();
    assert!(facts.contains(&(1, true)), "{facts:?}");
    assert_eq!(positions(&world), ["a", "b", "c"]);

    let other = vec![draft("d"), keyed("e", "m"), draft("f"), keyed("g", "m")];
    let (runs, end) = drain(send(&world, other, AckLevel::Accepted).await).await;
    let status = refused(end, Reason::IdempotencyKeyReused);
    assert_eq!(fact(&status, "position").as_deref(), Some("3"));
    assert_eq!(runs.iter().map(|run| run.count).sum::<u32>(), 3);
    assert_eq!(positions(&world), ["a", "b", "c", "d", "e", "f"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_chooses_the_log() {
    let world = World::start().await;
    let mut first = request(draft("a"), AckLevel::Accepted);
    first.log = "other".to_owned();
    let requests = by("agent:db", tokio_stream::iter([first]));
    let answers = world
        .client()
        .append_stream(requests)
        .await
        .expect("a stream")
        .into_inner();
    let (runs, end) = drain(answers).await;
    let status = refused(end, Reason::LogUnknown);
    assert_eq!(
        (runs.len(), fact(&status, "position").as_deref()),
        (0, Some("0"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_acknowledged_while_the_stream_stays_open() {
    let world = World::start().await;
    let (requests, stream) = mpsc::channel(1);
    let stream = by("agent:db", ReceiverStream::new(stream));
    let mut answers = world
        .client()
        .append_stream(stream)
        .await
        .expect("a stream")
        .into_inner();
    for n in 0..20_u64 {
        let next = request(draft(&n.to_string()), AckLevel::Sealed);
        requests.send(next).await.expect("the stream is open");
        let run = answers
            .message()
            .await
            .expect("open")
            .expect("an answer")
            .run;
        let run = run.expect("a run");
        assert_eq!(
            (run.first_position, run.first_index, run.count),
            (n, n + 1, 1)
        );
    }
    // The server stops: the stream is told so.
    world.shutdown.cancel();
    refused(answers.message().await, Reason::ShuttingDown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_on_which_nothing_happens_ends_with_its_certificate() {
    let world = World::start().await;
    let (requests, stream) = mpsc::channel(1);
    let first = request(draft("a"), AckLevel::Sealed);
    requests.send(first).await.expect("the stream is open");
    let stream = by("agent:db", ReceiverStream::new(stream));
    let mut answers = world
        .client()
        .append_stream(stream)
        .await
        .expect("a stream")
        .into_inner();
    answers.message().await.expect("open").expect("an answer");
    revoke(&world.registry);
    refused(answers.message().await, Reason::CertificateRevoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_its_seat_and_loses_nothing_accepted() {
    let world = World::start().await;
    let mut streams = Vec::new();
    for _ in 0..MAX_APPEND_STREAMS_EACH {
        let (requests, stream) = mpsc::channel::<v1::AppendStreamRequest>(1);
        let stream = by("agent:db", ReceiverStream::new(stream));
        let answers = world
            .client()
            .append_stream(stream)
            .await
            .expect("a seat")
            .into_inner();
        streams.push((requests, answers));
    }
    let another = || async {
        let stream = by(
            "agent:db",
            tokio_stream::iter(Vec::<v1::AppendStreamRequest>::new()),
        );
        world.client().append_stream(stream).await
    };
    refused(another().await, Reason::TooManyStreams);
    let (requests, mut answers) = streams.pop().expect("a stream");
    requests
        .send(request(draft("a"), AckLevel::Accepted))
        .await
        .expect("open");
    let run = answers
        .message()
        .await
        .expect("open")
        .expect("an answer")
        .run
        .expect("a run");
    drop((requests, answers, streams));
    let free = async {
        while another().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), free)
        .await
        .expect("the seats come back");
    assert!(world.log.entry(run.first_index).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_ends_the_stream_with_its_reason() {
    let world = World::start().await;
    let large = v1::EventDraft {
        idempotency_key: "k".repeat(5 << 20),
        ..draft("x")
    };
    let drafts = vec![draft("a"), draft("b"), large];
    let (runs, end) = drain(send(&world, drafts, AckLevel::Accepted).await).await;
    let status = refused(end, Reason::MessageTooLarge);
    assert_eq!(fact(&status, "position").as_deref(), Some("2"));
    assert_eq!(acknowledged(&world, &runs), 2);
}

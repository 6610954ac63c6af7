//! Events at places of a queue, and GetSequence.

use countersign_chain::sequence::Sequence;
use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use tokio_stream::StreamExt as _;

use crate::world::{World, by, draft, field, refused, verified};

const QUEUE: [u8; 16] = [7; 16];

fn at(number: u64, position: &str) -> v1::EventDraft {
    let sequence = v1::Sequence {
        queue: QUEUE.to_vec().into(),
        number,
    };
    v1::EventDraft {
        sequence: Some(sequence),
        ..draft(position)
    }
}

async fn append(world: &World, draft: v1::EventDraft) -> Result<v1::Receipt, tonic::Status> {
    let request = v1::AppendRequest {
        draft: Some(draft),
        ..v1::AppendRequest::default()
    };
    let answer = world.client().append(by("agent:db", request)).await?;
    Ok(answer.into_inner().receipt.expect("a receipt"))
}

async fn sequence(world: &World, caller: &str) -> v1::GetSequenceResponse {
    let request = v1::GetSequenceRequest {
        queue: QUEUE.to_vec().into(),
        ..v1::GetSequenceRequest::default()
    };
    let answer = world.client().get_sequence(by(caller, request)).await;
    answer.expect("a good queue").into_inner()
}

/// Sends over a stream, and returns the indexes of the entries.
async fn stream(world: &World, numbers: &[u64]) -> Result<Vec<u64>, tonic::Status> {
    let requests: Vec<_> = numbers
        .iter()
        .map(|number| v1::AppendStreamRequest {
            draft: Some(at(*number, &number.to_string())),
            ..v1::AppendStreamRequest::default()
        })
        .collect();
    let requests = by("agent:db", tokio_stream::iter(requests));
    let mut answers = world.client().append_stream(requests).await?.into_inner();
    let mut indexes = Vec::new();
    while let Some(answer) = answers.next().await {
        let run = answer?.run.expect("a run");
        indexes.extend((0..u64::from(run.count)).map(|n| run.first_index + n));
    }
    Ok(indexes)
}

async fn entry(world: &World, index: u64) -> (String, Known) {
    let request = v1::GetEntryRequest {
        index,
        ..v1::GetEntryRequest::default()
    };
    let answer = world.client().get_entry(by("auditor:eve", request)).await;
    let entry = answer.expect("sealed").into_inner().entry.expect("there");
    let event = entry.event.expect("an event").known().expect("known");
    (entry.actor, event)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_goes_on_behind_its_newest_sealed_entry() {
    let world = World::start().await;
    assert_eq!(sequence(&world, "agent:db").await.next, 0);
    for number in 0..3 {
        append(&world, at(number, "x")).await.expect("the next one");
    }
    let shown = sequence(&world, "agent:db").await;
    assert_eq!(shown.next, 3);
    let last = shown.last.expect("an entry");
    assert_eq!((last.index, last.actor.as_str()), (3, "agent:db"));
    let place = Sequence::of_key(&last.idempotency_key).expect("a place");
    assert_eq!((place.number, *place.queue.as_bytes()), (2, QUEUE));
    let checkpoint = world.checkpoint(&shown.checkpoint);
    verified(shown.inclusion_proof.as_ref(), &last.leaf_hash, &checkpoint);
    // The queue of another client under the same name is another one.
    assert_eq!(sequence(&world, "agent:web").await.next, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_and_a_place_that_is_passed_is_refused() {
    let world = World::start().await;
    let first = append(&world, at(0, "a")).await.expect("the first");
    let again = append(&world, at(0, "a")).await.expect("the same");
    assert_eq!((again.index, again.repeated), (first.index, true));
    let other = append(&world, at(0, "b")).await;
    let reused = refused(other, Reason::IdempotencyKeyReused);
    assert_eq!(field(&reused).as_deref(), Some("draft.idempotency_key"));
    append(&world, at(5, "f")).await.expect("behind a gap");
    let passed = refused(append(&world, at(4, "e")).await, Reason::SequencePassed);
    assert_eq!(field(&passed).as_deref(), Some("draft.sequence"));
    assert!(passed.message().contains("6 comes next"), "{passed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn places_that_are_left_out_become_a_gap_entry_before_the_next_one() {
    let world = World::start().await;
    let indexes = stream(&world, &[0, 1, 4, 5, 9])
        .await
        .expect("a good stream");
    // Entry 0 opened the log; before 4 and before 9 stands a gap.
    assert_eq!(indexes, [1, 2, 4, 5, 7]);
    world.log.wait_sealed(8).await.expect("sealed");
    for (index, first, lost) in [(3, 2, 2), (6, 6, 3)] {
        let (actor, event) = entry(&world, index).await;
        let Known::SpoolGap(gap) = event else {
            panic!("{event:?}");
        };
        assert_eq!(
            (actor.as_str(), gap.source.as_str()),
            ("ledger", "agent:db")
        );
        assert_eq!(gap.lost_events, lost);
        let place = gap.first.expect("the first that is missing");
        assert_eq!((place.number, &place.queue[..]), (first, &QUEUE[..]));
    }
    // The same again, as after a lost answer: nothing new, and no gap twice.
    assert_eq!(
        stream(&world, &[4, 5, 9]).await.expect("a repeat"),
        [4, 5, 7]
    );
    assert_eq!(world.log.accepted_size(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_has_a_good_queue_and_no_key_beside_it_and_is_in_no_batch() {
    let world = World::start().await;
    let bad = v1::EventDraft {
        sequence: Some(v1::Sequence {
            queue: vec![1; 15].into(),
            number: 0,
        }),
        ..draft("x")
    };
    let short = refused(append(&world, bad).await, Reason::IdempotencyKeyInvalid);
    assert_eq!(field(&short).as_deref(), Some("draft.sequence"));
    let both = v1::EventDraft {
        idempotency_key: "key".to_owned(),
        ..at(0, "x")
    };
    let both = refused(append(&world, both).await, Reason::IdempotencyKeyInvalid);
    assert_eq!(field(&both).as_deref(), Some("draft.sequence"));
    let batch = v1::AppendBatchRequest {
        drafts: vec![draft("x"), at(0, "y")],
        ..v1::AppendBatchRequest::default()
    };
    let batch = world.client().append_batch(by("agent:db", batch)).await;
    let batch = refused(batch, Reason::IdempotencyKeyInvalid);
    assert_eq!(field(&batch).as_deref(), Some("drafts[1].sequence"));
    let nameless = v1::GetSequenceRequest::default();
    let nameless = world.client().get_sequence(by("agent:db", nameless)).await;
    let nameless = refused(nameless, Reason::IdempotencyKeyInvalid);
    assert_eq!(field(&nameless).as_deref(), Some("queue"));
    assert_eq!(world.log.accepted_size(), 1);
}

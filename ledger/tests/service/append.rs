//! Append, AppendBatch and GetReceipt.

use countersign_chain::limits::MAX_COMMIT_ENTRIES;
use countersign_proto::convert::hash_run;
use countersign_proto::event::Event;
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use countersign_proto::v1::get_receipt_request::Entry;

use crate::world::{World, by, draft, fact, field, keyed, refused, verified};

fn append(draft: v1::EventDraft) -> v1::AppendRequest {
    v1::AppendRequest {
        draft: Some(draft),
        ..v1::AppendRequest::default()
    }
}

fn batch(drafts: Vec<v1::EventDraft>) -> v1::AppendBatchRequest {
    v1::AppendBatchRequest {
        drafts,
        ..v1::AppendBatchRequest::default()
    }
}

async fn receipt(world: &World, caller: &str, request: v1::AppendRequest) -> v1::Receipt {
    let answer = world
        .client()
        .append(by(caller, request))
        .await
        .expect("a good event");
    answer.into_inner().receipt.expect("a receipt")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_proves_the_entry() {
    let world = World::start().await;
    for n in 0..5_u64 {
        let request = v1::AppendRequest {
            include_proof: true,
            wait_for: v1::AckLevel::Sealed.into(),
            ..append(draft(&n.to_string()))
        };
        let receipt = receipt(&world, "agent:db", request).await;
        assert_eq!((receipt.log.as_str(), receipt.index), ("main", n + 1));
        assert_eq!(receipt.level(), v1::AckLevel::Sealed);
        assert!(!receipt.repeated);
        assert_eq!(
            world.log.sealed().size,
            n + 2,
            "the answer came before the seal"
        );
        let checkpoint = world.checkpoint(&receipt.checkpoint);
        assert_eq!(checkpoint.size(), n + 2);
        verified(
            receipt.inclusion_proof.as_ref(),
            &receipt.leaf_hash,
            &checkpoint,
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_returns_the_first_receipt_and_a_reused_key_is_refused() {
    let world = World::start().await;
    let first = receipt(&world, "agent:db", append(keyed("a", "key"))).await;
    let again = receipt(&world, "agent:db", append(keyed("a", "key"))).await;
    assert_eq!(
        (again.index, &again.leaf_hash),
        (first.index, &first.leaf_hash)
    );
    assert_eq!(
        (again.time, &again.checkpoint),
        (first.time, &first.checkpoint)
    );
    assert!(again.repeated && !first.repeated);
    // Another caller's keys are other keys.
    let other = receipt(&world, "agent:web", append(keyed("b", "key"))).await;
    assert_eq!((other.index, other.repeated), (first.index + 1, false));

    let answer = world
        .client()
        .append(by("agent:db", append(keyed("b", "key"))))
        .await;
    let status = refused(answer, Reason::IdempotencyKeyReused);
    assert_eq!(field(&status).as_deref(), Some("draft.idempotency_key"));
    assert_eq!(world.log.accepted_size(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_events_are_refused_with_their_field() {
    let world = World::start().await;
    let kind = countersign_chain::kind::Kind::new(8).expect("a kind");
    let own = v1::EventDraft {
        event: Some(Event::new(kind, vec![].into())),
        ..v1::EventDraft::default()
    };
    let spoken = v1::EventDraft {
        on_behalf_of: "user:eve".to_owned(),
        ..draft("a")
    };
    let future = v1::EventDraft {
        case: 7,
        ..draft("a")
    };
    let cases = [
        ("agent:db", own, Reason::KindNotAllowed, "draft.event"),
        (
            "user:ada",
            spoken.clone(),
            Reason::ActorNotAllowed,
            "draft.on_behalf_of",
        ),
        ("agent:db", future, Reason::CaseUnknown, "draft.case"),
        (
            "agent:db",
            keyed("a", &"k".repeat(65)),
            Reason::IdempotencyKeyInvalid,
            "draft.idempotency_key",
        ),
        (
            "agent:db",
            v1::EventDraft::default(),
            Reason::EventMissing,
            "draft.event",
        ),
    ];
    for (caller, draft, reason, path) in cases {
        let answer = world.client().append(by(caller, append(draft))).await;
        assert_eq!(field(&refused(answer, reason)).as_deref(), Some(path));
    }
    assert_eq!(world.log.accepted_size(), 1);

    let spoken = receipt(&world, "bot:slack", append(spoken)).await;
    let (bytes, _) = world.log.entry(spoken.index).expect("durable");
    let record = countersign_chain::record::Record::parse(&bytes).expect("a record");
    assert_eq!((record.actor(), record.via()), ("user:eve", "bot:slack"));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_found_by_name() {
    let world = World::start().await;
    for (log, reason) in [
        ("other", Reason::LogUnknown),
        ("Main", Reason::LogNameInvalid),
    ] {
        let request = v1::AppendRequest {
            log: log.to_owned(),
            ..append(draft("a"))
        };
        refused(world.client().append(by("agent:db", request)).await, reason);
    }
    let request = v1::AppendRequest {
        log: "main".to_owned(),
        ..append(draft("a"))
    };
    assert_eq!(receipt(&world, "agent:db", request).await.index, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_commit() {
    let world = World::start().await;
    let drafts: Vec<_> = (0..40)
        .map(|n| keyed(&n.to_string(), &n.to_string()))
        .collect();
    let request = || by("agent:db", batch(drafts.clone()));
    let answer = world
        .client()
        .append_batch(request())
        .await
        .expect("a good batch");
    let run = answer.into_inner().run.expect("a receipt");
    assert_eq!((run.first_position, run.first_index, run.count), (0, 1, 40));
    let leaves = hash_run(&run.leaf_hashes).expect("hashes");
    let checkpoint = world.checkpoint(&run.checkpoint);
    assert_eq!(
        (leaves.len(), checkpoint.size(), run.repeated),
        (40, 41, false)
    );
    for (index, leaf) in (1..).zip(&leaves) {
        let (bytes, covering) = world.log.entry(index).expect("durable");
        assert_eq!(countersign_chain::hash::leaf(&bytes), *leaf);
        assert_eq!(covering.size(), 41, "another commit");
    }

    let again = world
        .client()
        .append_batch(request())
        .await
        .expect("the same batch");
    let again = again.into_inner().run.expect("a receipt");
    assert!(again.repeated);
    assert_eq!((again.first_index, again.count), (1, 40));
    assert_eq!(
        (&again.leaf_hashes, &again.checkpoint),
        (&run.leaf_hashes, &run.checkpoint)
    );
    assert_eq!(world.log.accepted_size(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_all_or_nothing() {
    let world = World::start().await;
    let send = async |drafts| {
        world
            .client()
            .append_batch(by("agent:db", batch(drafts)))
            .await
    };
    refused(send(Vec::new()).await, Reason::BatchEmpty);
    refused(
        send(vec![draft("a"); MAX_COMMIT_ENTRIES + 1]).await,
        Reason::BatchTooLarge,
    );
    let bad = vec![draft("a"), draft("b"), v1::EventDraft::default()];
    let status = refused(send(bad).await, Reason::EventMissing);
    assert_eq!(field(&status).as_deref(), Some("drafts[2].event"));
    let twice = vec![keyed("a", "k"), keyed("b", "k")];
    let status = refused(send(twice).await, Reason::IdempotencyKeyReused);
    assert_eq!(field(&status).as_deref(), Some("drafts[1].idempotency_key"));
    assert_eq!(world.log.accepted_size(), 1);

    send(vec![keyed("a", "1")]).await.expect("new");
    send(vec![keyed("b", "2")]).await.expect("new");
    let partly = vec![keyed("a", "1"), keyed("c", "3")];
    refused(send(partly).await, Reason::BatchPartlyRepeated);
    let separate = vec![keyed("a", "1"), keyed("b", "2")];
    refused(send(separate).await, Reason::BatchPartlyRepeated);
    assert_eq!(world.log.accepted_size(), 3);
    assert_eq!(
        send(vec![draft("x"); MAX_COMMIT_ENTRIES])
            .await
            .map(|_| ())
            .ok(),
        Some(())
    );
}

async fn ask(
    world: &World,
    caller: &str,
    entry: Option<Entry>,
) -> Result<v1::Receipt, tonic::Status> {
    let request = v1::GetReceiptRequest {
        entry,
        include_proof: true,
        ..v1::GetReceiptRequest::default()
    };
    let answer = world.client().get_receipt(by(caller, request)).await?;
    Ok(answer.into_inner().receipt.expect("a receipt"))
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_for_who_acted_or_oversees() {
    let world = World::start().await;
    let spoken = v1::EventDraft {
        on_behalf_of: "user:ada".to_owned(),
        ..keyed("a", "key")
    };
    let first = receipt(&world, "bot:slack", append(spoken)).await;
    let index = || Some(Entry::Index(first.index));
    for caller in ["user:ada", "bot:slack", "admin:operator", "auditor:eve"] {
        let again = ask(&world, caller, index()).await.expect("allowed");
        assert_eq!(
            (again.index, &again.leaf_hash),
            (first.index, &first.leaf_hash)
        );
        let checkpoint = world.checkpoint(&again.checkpoint);
        verified(
            again.inclusion_proof.as_ref(),
            &again.leaf_hash,
            &checkpoint,
        );
    }
    for caller in ["user:eve", "bot:teams", "agent:db", "witness:w"] {
        let hidden = refused(ask(&world, caller, index()).await, Reason::ReceiptUnknown);
        let absent = refused(
            ask(&world, caller, Some(Entry::Index(first.index + 1))).await,
            Reason::ReceiptUnknown,
        );
        let (hidden, absent) = (hidden.message(), absent.message());
        assert_eq!(hidden.replace("index 1", ""), absent.replace("index 2", ""));
    }
    let key = |key: &str| Some(Entry::IdempotencyKey(key.to_owned()));
    assert_eq!(
        ask(&world, "user:ada", key("key"))
            .await
            .expect("own")
            .index,
        first.index
    );
    refused(
        ask(&world, "user:eve", key("key")).await,
        Reason::ReceiptUnknown,
    );
    refused(
        ask(&world, "user:ada", key("other")).await,
        Reason::ReceiptUnknown,
    );
    refused(
        ask(&world, "user:ada", key("")).await,
        Reason::IdempotencyKeyInvalid,
    );
    refused(
        ask(&world, "user:ada", key(&"k".repeat(65))).await,
        Reason::IdempotencyKeyInvalid,
    );
    refused(ask(&world, "user:ada", None).await, Reason::ReceiptUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_are_refused_with_a_reason() {
    let world = World::start().await;
    let event = v1::ExternalEvent {
        source: "s".to_owned(),
        raw: vec![0; 48_000].into(),
        ..v1::ExternalEvent::default()
    };
    let large = v1::EventDraft {
        event: Some(Event::from_message(&event)),
        ..v1::EventDraft::default()
    };
    // 21 fit one commit of 1 MiB; 22 do not; 88 do not fit one request.
    let send = async |count| {
        world
            .client()
            .append_batch(by("agent:db", batch(vec![large.clone(); count])))
            .await
    };
    assert!(send(21).await.is_ok());
    refused(send(22).await, Reason::BatchTooLarge);
    let status = refused(send(88).await, Reason::MessageTooLarge);
    assert_eq!(
        fact(&status, "hint").as_deref(),
        Some("send smaller requests: fewer or smaller drafts")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_peer_is_refused() {
    let world = World::start().await;
    let answer = world.client().append(append(draft("a"))).await;
    refused(answer, Reason::IdentityMissing);
}

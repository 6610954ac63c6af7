//! GetEntry, ListEntries and the proofs.

use std::os::unix::fs::FileExt as _;

use countersign_chain::hash;
use countersign_chain::proof::verify_consistency;
use countersign_proto::convert::{self, hashes};
use countersign_proto::reason::Reason;
use countersign_proto::v1;

use crate::world::{World, by, draft, fact, field, refused, verified};

async fn get(world: &World, index: u64) -> Result<v1::GetEntryResponse, tonic::Status> {
    let request = v1::GetEntryRequest {
        index,
        include_proof: true,
        ..v1::GetEntryRequest::default()
    };
    let answer = world.client().get_entry(by("auditor:eve", request)).await?;
    Ok(answer.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_come_with_checkpoint_and_proof() {
    let world = World::start().await;
    world.fill(250).await;
    for index in [0, 1, 100, 101, 249, 250] {
        let answer = get(&world, index).await.expect("sealed");
        let entry = answer.entry.expect("an entry");
        let (record, _leaf) = convert::record(&entry).expect("the record's own reading");
        assert_eq!(record.index().get(), index);
        let checkpoint = world.checkpoint(&answer.checkpoint);
        verified(
            answer.inclusion_proof.as_ref(),
            &entry.leaf_hash,
            &checkpoint,
        );
    }
    let status = refused(get(&world, 251).await, Reason::EntryUnknown);
    assert_eq!(fact(&status, "sealed_size").as_deref(), Some("251"));
    assert_eq!(fact(&status, "accepted_size").as_deref(), Some("251"));
    refused(get(&world, u64::MAX).await, Reason::EntryUnknown);
}

async fn page(
    world: &World,
    request: v1::ListEntriesRequest,
) -> Result<v1::ListEntriesResponse, tonic::Status> {
    let answer = world
        .client()
        .list_entries(by("auditor:eve", request))
        .await?;
    Ok(answer.into_inner())
}

/// All pages of a listing: the indexes, and how many pages there were.
async fn list(world: &World, filter: v1::EntryFilter, page_size: u32) -> (Vec<u64>, usize) {
    let (mut indexes, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let request = v1::ListEntriesRequest {
            page_size,
            page_token: token,
            filter: Some(filter.clone()),
            ..v1::ListEntriesRequest::default()
        };
        let answer = page(world, request).await.expect("a page");
        world.check(&answer.entries, &answer.checkpoints);
        let limit = if page_size == 0 { 100 } else { page_size };
        assert!(answer.entries.len() <= usize::try_from(limit).expect("small"));
        indexes.extend(answer.entries.iter().map(|entry| entry.index));
        pages += 1;
        token = answer.next_page_token;
        if token.is_empty() {
            return (indexes, pages);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_entry_once() {
    let world = World::start().await;
    world.fill(350).await;
    let all: Vec<u64> = (0..351).collect();
    for (size, pages) in [(0, 4), (1_000, 1), (351, 1), (350, 2), (7, 51)] {
        let listed = list(&world, v1::EntryFilter::default(), size).await;
        assert_eq!(listed, (all.clone(), pages), "{size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_choose_entries() {
    let world = World::start().await;
    world.fill(300).await;
    let bound = v1::EventDraft {
        case: 7,
        on_behalf_of: "user:ada".to_owned(),
        ..draft("x")
    };
    let request = v1::AppendRequest {
        draft: Some(bound),
        wait_for: v1::AckLevel::Sealed.into(),
        ..v1::AppendRequest::default()
    };
    world
        .client()
        .append(by("bot:slack", request))
        .await
        .expect("a good event");
    let filter = v1::EntryFilter::default;
    let actor = |actor: &str| v1::EntryFilter {
        actor: actor.to_owned(),
        ..filter()
    };
    let kinds = |kinds: &[u32]| v1::EntryFilter {
        kinds: kinds.to_vec(),
        ..filter()
    };
    let case = v1::EntryFilter {
        case: 7,
        ..filter()
    };
    let both = v1::EntryFilter {
        case: 7,
        ..actor("agent:db")
    };
    for size in [3, 1_000] {
        assert_eq!(list(&world, actor("user:ada"), size).await.0, [301]);
        assert_eq!(list(&world, actor("bot:slack"), size).await.0, [301]);
        assert_eq!(list(&world, actor("ledger"), size).await.0, [0]);
        assert_eq!(list(&world, kinds(&[1]), size).await.0, [0]);
        assert_eq!(list(&world, kinds(&[1, 140]), size).await.0.len(), 302);
        assert!(list(&world, kinds(&[141]), size).await.0.is_empty());
        assert_eq!(list(&world, case.clone(), size).await.0, [7, 301]);
        assert_eq!(list(&world, both.clone(), size).await.0, [7]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_ends_where_it_ended_when_it_began() {
    let world = World::start().await;
    world.fill(10).await;
    let first = v1::ListEntriesRequest {
        page_size: 5,
        ..v1::ListEntriesRequest::default()
    };
    let begun = page(&world, first.clone()).await.expect("a page");
    world.fill(10).await;
    let next = v1::ListEntriesRequest {
        page_size: 1_000,
        page_token: begun.next_page_token.clone(),
        ..first.clone()
    };
    let rest = page(&world, next).await.expect("a page");
    assert_eq!(
        rest.entries
            .iter()
            .map(|entry| entry.index)
            .collect::<Vec<_>>(),
        [5, 6, 7, 8, 9, 10]
    );
    assert!(rest.next_page_token.is_empty());

    let filtered = v1::ListEntriesRequest {
        page_token: begun.next_page_token,
        filter: Some(v1::EntryFilter {
            kinds: vec![140],
            ..v1::EntryFilter::default()
        }),
        ..first
    };
    refused(page(&world, filtered).await, Reason::PageTokenInvalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_questions_are_refused_with_their_field() {
    let world = World::start().await;
    let request = v1::ListEntriesRequest::default;
    let filter = |filter| v1::ListEntriesRequest {
        filter: Some(filter),
        ..request()
    };
    let size = v1::ListEntriesRequest {
        page_size: 1_001,
        ..request()
    };
    let token = v1::ListEntriesRequest {
        page_token: "x".to_owned(),
        ..request()
    };
    let actor = filter(v1::EntryFilter {
        actor: "ada".to_owned(),
        ..v1::EntryFilter::default()
    });
    let kind = filter(v1::EntryFilter {
        kinds: vec![140, 400],
        ..v1::EntryFilter::default()
    });
    let since = filter(v1::EntryFilter {
        since: Some(prost_types::Timestamp {
            seconds: -1,
            nanos: 0,
        }),
        ..v1::EntryFilter::default()
    });
    let cases = [
        (size, Reason::PageSizeInvalid, "page_size"),
        (token, Reason::PageTokenInvalid, "page_token"),
        (actor, Reason::FilterInvalid, "filter.actor"),
        (kind, Reason::FilterInvalid, "filter.kinds[1]"),
        (since, Reason::TimeInvalid, "filter.since"),
    ];
    for (request, reason, path) in cases {
        let status = refused(page(&world, request).await, reason);
        assert_eq!(field(&status).as_deref(), Some(path));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_entries_make_short_pages() {
    let world = World::start().await;
    let event = v1::ExternalEvent {
        source: "s".to_owned(),
        raw: vec![7; 48_000].into(),
        ..v1::ExternalEvent::default()
    };
    let large = v1::EventDraft {
        event: Some(countersign_proto::event::Event::from_message(&event)),
        ..v1::EventDraft::default()
    };
    for _ in 0..5 {
        let request = v1::AppendBatchRequest {
            drafts: vec![large.clone(); 20],
            wait_for: v1::AckLevel::Sealed.into(),
            ..v1::AppendBatchRequest::default()
        };
        world
            .client()
            .append_batch(by("agent:db", request))
            .await
            .expect("1 MiB fits");
    }
    // 100 entries of 96,000 bytes on the wire; the client takes 4 MiB at once.
    let (indexes, pages) = list(&world, v1::EntryFilter::default(), 1_000).await;
    assert_eq!(indexes, (0..101).collect::<Vec<_>>());
    assert_eq!(pages, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_hold_for_every_size() {
    let world = World::start().await;
    for n in 0..12 {
        world.fill(1 + n % 3).await;
    }
    let request = by("witness:w", v1::GetCheckpointRequest::default());
    let newest = world
        .client()
        .get_checkpoint(request)
        .await
        .expect("sealed")
        .into_inner();
    let sealed = world.checkpoint(&newest.checkpoint);
    assert_eq!((sealed.size(), newest.size), (25, 25));
    let mut signed = 0;
    for size in 1..=25 {
        for index in [0, size / 2, size - 1] {
            let request = v1::GetInclusionProofRequest {
                index,
                tree_size: size,
                ..v1::GetInclusionProofRequest::default()
            };
            let answer = world
                .client()
                .get_inclusion_proof(by("agent:db", request))
                .await;
            let answer = answer.expect("within the log").into_inner();
            let (bytes, _) = world.log.entry(index).expect("durable");
            assert_eq!(answer.leaf_hash, hash::leaf(&bytes).as_bytes()[..]);
            if !answer.checkpoint.is_empty() {
                let checkpoint = world.checkpoint(&answer.checkpoint);
                assert_eq!(checkpoint.size(), size);
                verified(answer.proof.as_ref(), &answer.leaf_hash, &checkpoint);
                signed += 1;
            }
        }
        let request = v1::GetConsistencyProofRequest {
            old_size: size,
            ..v1::GetConsistencyProofRequest::default()
        };
        let answer = world
            .client()
            .get_consistency_proof(by("agent:db", request))
            .await;
        let answer = answer.expect("within the log").into_inner();
        let new = world.checkpoint(&answer.checkpoint);
        assert_eq!((new.size(), answer.new_size), (25, 25));
        let old_root = world.log.root(size).expect("in the tree");
        let proof = hashes(&answer.hashes).expect("hashes");
        assert_eq!(
            verify_consistency(size, 25, &old_root, &new.root(), &proof),
            Ok(())
        );
    }
    // Thirteen commits: the opening and twelve more, of which some are larger than one entry.
    assert_eq!(signed, 3 * 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_beyond_the_log_are_refused() {
    let world = World::start().await;
    world.fill(4).await;
    let inclusion = async |index, tree_size| {
        let request = v1::GetInclusionProofRequest {
            index,
            tree_size,
            ..v1::GetInclusionProofRequest::default()
        };
        world
            .client()
            .get_inclusion_proof(by("agent:db", request))
            .await
    };
    refused(inclusion(0, 6).await, Reason::SizeOutOfRange);
    refused(inclusion(5, 0).await, Reason::EntryUnknown);
    refused(inclusion(3, 3).await, Reason::IndexOutOfRange);
    let consistency = async |old_size, new_size| {
        let request = v1::GetConsistencyProofRequest {
            old_size,
            new_size,
            ..v1::GetConsistencyProofRequest::default()
        };
        world
            .client()
            .get_consistency_proof(by("agent:db", request))
            .await
    };
    for (old, new) in [(0, 0), (0, 3), (4, 3), (6, 0), (1, 6), (u64::MAX, u64::MAX)] {
        refused(consistency(old, new).await, Reason::SizeOutOfRange);
    }
    assert!(
        consistency(3, 3)
            .await
            .expect("the same tree")
            .into_inner()
            .hashes
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_told_and_never_served() {
    let world = World::start().await;
    world.fill(20).await;
    let marker = b"fill 12";
    for path in world.segments() {
        let bytes = std::fs::read(&path).expect("a segment");
        let Some(at) = bytes
            .windows(marker.len())
            .position(|window| window == marker)
        else {
            continue;
        };
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .expect("a segment");
        file.write_all_at(b"F", u64::try_from(at).expect("small"))
            .expect("written");
    }
    let status = refused(get(&world, 13).await, Reason::StoreDamaged);
    assert_eq!(fact(&status, "index").as_deref(), Some("13"));
    let listing = page(&world, v1::ListEntriesRequest::default()).await;
    let status = refused(listing, Reason::StoreDamaged);
    assert_eq!(
        fact(&status, "index").as_deref(),
        Some("1"),
        "the first entry of its commit"
    );
    assert!(get(&world, 0).await.is_ok(), "another commit is whole");
}

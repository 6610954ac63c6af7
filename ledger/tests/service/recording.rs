//! Blobs, what recorders may bring, and who looks at a recording.

use bytes::Bytes;
use countersign_chain::idem::IdempotencyKey;
use countersign_chain::principal::Principal;
use countersign_ledger::log::{Mode, NewEntry};
use countersign_proto::event::{Event, Kinded, Known};
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use sha2::{Digest as _, Sha256};
use tokio_stream::StreamExt as _;

use crate::world::{World, by, field, refused};

const CASE: u64 = 1;

fn sha256(content: &[u8]) -> Vec<u8> {
    Sha256::digest(content).to_vec()
}

/// An entry that the ledger would write itself.
async fn written<M: Kinded>(world: &World, actor: &str, event: &M) -> u64 {
    let (kind, payload) = Event::from_message(event).into_parts().expect("an event");
    let actor = Principal::parse(actor).expect("a principal");
    let entry = NewEntry::new(kind, actor, payload).expect("small");
    let entry = entry.in_case(CASE).with_key(IdempotencyKey::default());
    let pending = world.log.submit(vec![entry], Mode::Each).await;
    let runs = pending.expect("a place").accepted().await.expect("durable");
    runs[0].first_index
}

/// A grant of ada, and a session that `agent:db` began with it.
async fn session(world: &World) -> u64 {
    let grant = v1::GrantIssued {
        request: CASE,
        person: "ada".to_owned(),
        resource: "orders".to_owned(),
        permission: "read-only".to_owned(),
        end: Some(prost_types::Timestamp::default()),
        ..v1::GrantIssued::default()
    };
    let grant = written(world, "ledger", &grant).await;
    let started = v1::SessionStarted {
        grant,
        person: "ada".to_owned(),
        client: "bash".to_owned(),
        source_address: "192.0.2.7".to_owned(),
    };
    written(world, "agent:db", &started).await
}

async fn put(world: &World, content: &'static [u8]) -> Result<Bytes, tonic::Status> {
    let request = v1::PutBlobRequest {
        content: Bytes::from_static(content),
        ..v1::PutBlobRequest::default()
    };
    let answer = world.recordings().put_blob(by("agent:db", request)).await?;
    Ok(answer.into_inner().sha256)
}

fn output(session: u64, part: u64, content: &[u8]) -> v1::SessionOutput {
    v1::SessionOutput {
        session,
        part,
        blob_sha256: sha256(content).into(),
        blob_bytes: u64::try_from(content.len()).expect("small"),
        encoding: "asciicast-v2+zstd".to_owned(),
        ..v1::SessionOutput::default()
    }
}

async fn append<M: Kinded>(world: &World, caller: &str, event: &M) -> Result<u64, tonic::Status> {
    let draft = v1::EventDraft {
        event: Some(Event::from_message(event)),
        case: CASE,
        ..v1::EventDraft::default()
    };
    let request = v1::AppendRequest {
        draft: Some(draft),
        ..v1::AppendRequest::default()
    };
    let answer = world.client().append(by(caller, request)).await?;
    Ok(answer.into_inner().receipt.expect("a receipt").index)
}

async fn recording(
    world: &World,
    caller: &str,
    session: u64,
    key: &str,
) -> Result<Vec<v1::GetRecordingResponse>, tonic::Status> {
    let request = v1::GetRecordingRequest {
        session,
        purpose: "play".to_owned(),
        idempotency_key: key.to_owned(),
        ..v1::GetRecordingRequest::default()
    };
    let answer = world
        .recordings()
        .get_recording(by(caller, request))
        .await?;
    answer.into_inner().collect().await
}

fn event(answer: &v1::GetRecordingResponse) -> Known {
    let entry = answer.entry.as_ref().expect("an entry");
    let event = entry.event.as_ref().expect("an event");
    event.known().expect("known")
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_taken_behind_its_content_and_from_the_recorder_only() {
    let world = World::start().await;
    let session = session(&world).await;
    let early = append(&world, "agent:db", &output(session, 1, b"hello")).await;
    let early = refused(early, Reason::BlobUnknown);
    assert_eq!(field(&early).as_deref(), Some("draft.event"));
    assert_eq!(
        put(&world, b"hello").await.expect("stored"),
        sha256(b"hello")
    );
    let size = v1::SessionOutput {
        blob_bytes: 4,
        ..output(session, 1, b"hello")
    };
    let size = append(&world, "agent:db", &size).await;
    refused(size, Reason::BlobUnknown);
    let taken = append(&world, "agent:db", &output(session, 1, b"hello")).await;
    taken.expect("what it commits to is there");
    let other = append(&world, "agent:web", &output(session, 2, b"hello")).await;
    refused(other, Reason::SessionUnknown);
    for number in [0, session - 1, session + 1, 9_999] {
        let command = v1::CommandExecuted {
            session: number,
            number: 1,
            command: "ls".to_owned(),
            source: "bash".to_owned(),
            ..v1::CommandExecuted::default()
        };
        let unknown = append(&world, "agent:db", &command).await;
        refused(unknown, Reason::SessionUnknown);
    }
    refused(put(&world, b"").await, Reason::PayloadTooLarge);
    let large = put(&world, &[1; (1 << 20) + 1]).await;
    refused(large, Reason::PayloadTooLarge);
    put(&world, &[1; 1 << 20]).await.expect("just small enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_is_an_entry_before_anything_is_shown() {
    let world = World::start().await;
    let session = session(&world).await;
    put(&world, b"one").await.expect("stored");
    put(&world, b"two").await.expect("stored");
    for (part, content) in [(1, b"one"), (2, b"two")] {
        let taken = append(&world, "agent:db", &output(session, part, content)).await;
        taken.expect("a good part");
    }
    let lost = sha256(b"two");
    let name: String = lost.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = world.folder.path().join("log/blobs");
    std::fs::remove_file(path.join(&name[..2]).join(&name[2..])).expect("it was there");

    let all = recording(&world, "auditor:eve", session, "look").await;
    let all = all.expect("auditors may");
    let kinds: Vec<u16> = all.iter().map(|answer| event(answer).kind()).collect();
    assert_eq!(kinds, [65, 60, 62, 62]);
    let viewed = all[0].entry.as_ref().expect("an entry");
    assert_eq!((viewed.actor.as_str(), viewed.case), ("auditor:eve", CASE));
    assert_eq!(&all[2].content[..], b"one");
    assert!(all[3].content.is_empty() && !all[3].missing.is_empty());
    // The same call again is the same view; another one is another.
    let size = world.log.accepted_size();
    let again = recording(&world, "auditor:eve", session, "look").await;
    assert_eq!(again.expect("again").len(), 4);
    assert_eq!(world.log.accepted_size(), size);
    let other = recording(&world, "auditor:eve", session, "once more").await;
    other.expect("another view");
    assert_eq!(world.log.accepted_size(), size + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_session_or_not_ones_own_is_not_shown_and_leaves_no_entry() {
    let world = World::start().await;
    let session = session(&world).await;
    let size = world.log.accepted_size();
    for number in [0, session - 1, 9_999] {
        let refusal = recording(&world, "auditor:eve", number, "").await;
        refused(refusal, Reason::SessionUnknown);
    }
    let stranger = recording(&world, "user:mallory@example.com", session, "").await;
    refused(stranger, Reason::SessionUnknown);
    let request = v1::GetRecordingRequest {
        session,
        purpose: "fun".to_owned(),
        ..v1::GetRecordingRequest::default()
    };
    let mut recordings = world.recordings();
    let purpose = recordings.get_recording(by("auditor:eve", request)).await;
    let purpose = refused(purpose, Reason::TextInvalid);
    assert_eq!(field(&purpose).as_deref(), Some("purpose"));
    assert_eq!(world.log.accepted_size(), size);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_newest_first_page_by_page() {
    let world = World::start().await;
    let mut all = Vec::new();
    for _session in 0..5 {
        all.push(session(&world).await);
    }
    let ended = v1::SessionEnded {
        session: all[1],
        reason: "exit".to_owned(),
        exit_status: 3,
        recording: Some(v1::Recording {
            parts: 2,
            ..v1::Recording::default()
        }),
    };
    written(&world, "agent:db", &ended).await;
    world
        .log
        .wait_sealed(world.log.accepted_size())
        .await
        .expect("sealed");
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListSessionsRequest {
            page_size: 2,
            page_token: token,
            ..v1::ListSessionsRequest::default()
        };
        let mut recordings = world.recordings();
        let page = recordings.list_sessions(by("auditor:eve", request)).await;
        let page = page.expect("a good page").into_inner();
        seen.extend(page.sessions);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let numbers: Vec<u64> = seen.iter().map(|session| session.session).collect();
    all.reverse();
    assert_eq!(numbers, all);
    let ended = &seen[3];
    assert_eq!((ended.reason.as_str(), ended.exit_status), ("exit", 3));
    assert_eq!(ended.recording.map(|it| it.parts), Some(2));
    assert!(ended.ended_at.is_some() && seen[0].ended_at.is_none());
    assert_eq!(
        (ended.resource.as_str(), ended.person.as_str()),
        ("orders", "ada")
    );
    let other = v1::ListSessionsRequest {
        person: "grace".to_owned(),
        ..v1::ListSessionsRequest::default()
    };
    let mut recordings = world.recordings();
    let none = recordings.list_sessions(by("auditor:eve", other)).await;
    assert!(none.expect("nothing").into_inner().sessions.is_empty());
    let token = v1::ListSessionsRequest {
        page_token: "x".to_owned(),
        ..v1::ListSessionsRequest::default()
    };
    let token = recordings.list_sessions(by("auditor:eve", token)).await;
    refused(token, Reason::PageTokenInvalid);
}

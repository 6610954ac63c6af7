//! Rows of queues, blobs and recordings.

use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_proto::v1;

use crate::cast::{Cast, draft, of_event};
use crate::door::request;
use crate::table::Table;

pub(crate) async fn rows(table: &mut Table<'_>, cast: &Cast) {
    queues(table, cast).await;
    evidence(table, cast).await;
    blobs(table, cast).await;
    looks(table, cast).await;
}

fn at(queue: &[u8]) -> v1::EventDraft {
    v1::EventDraft {
        sequence: Some(v1::Sequence {
            queue: queue.to_vec().into(),
            number: 0,
        }),
        ..draft("x")
    }
}

async fn queues(table: &mut Table<'_>, cast: &Cast) {
    let keyed = v1::EventDraft {
        idempotency_key: "k".to_owned(),
        ..at(&[1; 16])
    };
    for (what, draft) in [
        ("a place in a queue without a name", at(&[])),
        ("a place in a queue of 15 bytes", at(&[1; 15])),
        ("a place in a queue of 17 bytes", at(&[1; 17])),
        ("a place in a queue beside a key", keyed),
    ] {
        let call = cast.agent.append(draft);
        table
            .row(what, &cast.agent, Reason::IdempotencyKeyInvalid, call)
            .await;
    }
    for queue in [&[][..], &[1; 15], &[1; 17]] {
        let asked = v1::GetSequenceRequest {
            queue: queue.to_vec().into(),
            ..v1::GetSequenceRequest::default()
        };
        let call = async { cast.agent.log().get_sequence(request(asked)).await };
        let what = format!("how far a queue of {} bytes has come", queue.len());
        table
            .row(&what, &cast.agent, Reason::IdempotencyKeyInvalid, call)
            .await;
    }
}

/// What recorders bring, about sessions that are none.
async fn evidence(table: &mut Table<'_>, cast: &Cast) {
    let command = |session| v1::CommandExecuted {
        session,
        number: 1,
        command: "ls".to_owned(),
        source: "bash".to_owned(),
        ..v1::CommandExecuted::default()
    };
    let output = v1::SessionOutput {
        session: 1,
        part: 1,
        blob_sha256: vec![0; 32].into(),
        encoding: "asciicast-v2+zstd".to_owned(),
        ..v1::SessionOutput::default()
    };
    let unnumbered = v1::SessionOutput {
        part: 0,
        ..output.clone()
    };
    let undigested = v1::SessionOutput {
        blob_sha256: vec![0; 31].into(),
        ..output.clone()
    };
    let rows = [
        (
            "a command of entry 0",
            Reason::SessionUnknown,
            Known::from(command(0)),
        ),
        (
            "a command of no entry",
            Reason::SessionUnknown,
            Known::from(command(u64::MAX)),
        ),
        (
            "output of no session",
            Reason::SessionUnknown,
            Known::from(output),
        ),
        (
            "output without a part",
            Reason::PayloadMalformed,
            Known::from(unnumbered),
        ),
        (
            "output with half a digest",
            Reason::PayloadMalformed,
            Known::from(undigested),
        ),
    ];
    for (what, reason, event) in rows {
        let call = cast.agent.append(of_event(event.to_event()));
        table.row(what, &cast.agent, reason, call).await;
    }
    let viewed = Known::from(v1::RecordingViewed::default()).to_event();
    let call = cast.admin.append(of_event(viewed));
    table
        .row(
            "a look from an admin",
            &cast.admin,
            Reason::KindNotAllowed,
            call,
        )
        .await;
}

async fn blobs(table: &mut Table<'_>, cast: &Cast) {
    for (what, bytes) in [("an empty blob", 0), ("a blob above 1 MiB", (1 << 20) + 1)] {
        let blob = v1::PutBlobRequest {
            content: vec![1; bytes].into(),
            ..v1::PutBlobRequest::default()
        };
        let call = async { cast.agent.recordings().put_blob(request(blob)).await };
        table
            .row(what, &cast.agent, Reason::PayloadTooLarge, call)
            .await;
    }
}

async fn looks(table: &mut Table<'_>, cast: &Cast) {
    let look = |session, purpose: &str, key: usize| v1::GetRecordingRequest {
        session,
        purpose: purpose.to_owned(),
        idempotency_key: "k".repeat(key),
        ..v1::GetRecordingRequest::default()
    };
    for (what, reason, asked) in [
        (
            "a look at entry 0",
            Reason::SessionUnknown,
            look(0, "play", 1),
        ),
        (
            "a look at no entry",
            Reason::SessionUnknown,
            look(u64::MAX, "play", 1),
        ),
        ("a look for nothing", Reason::TextInvalid, look(0, "", 1)),
        ("a look for fun", Reason::TextInvalid, look(0, "fun", 1)),
        (
            "a look with a long key",
            Reason::IdempotencyKeyInvalid,
            look(0, "grep", 65),
        ),
    ] {
        let call = async {
            cast.auditor
                .recordings()
                .get_recording(request(asked))
                .await
        };
        table.row(what, &cast.auditor, reason, call).await;
    }
    let page = |page_size, token: &str| v1::ListSessionsRequest {
        page_size,
        page_token: token.to_owned(),
        ..v1::ListSessionsRequest::default()
    };
    for (what, reason, asked) in [
        ("1,001 sessions", Reason::PageSizeInvalid, page(1_001, "")),
        (
            "sessions behind no token",
            Reason::PageTokenInvalid,
            page(1, "x"),
        ),
    ] {
        let call = async {
            cast.auditor
                .recordings()
                .list_sessions(request(asked))
                .await
        };
        table.row(what, &cast.auditor, reason, call).await;
    }
}

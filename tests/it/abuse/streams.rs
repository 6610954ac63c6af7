//! Streams: too many, never read, without end.

use bytes::Bytes;
use countersign_proto::event::Event;
use countersign_proto::v1::{
    AppendStreamRequest, EventDraft, ExternalEvent, FollowRequest, FollowResponse,
};
use countersign_tests::process::is_long;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Streaming};

use crate::attack::{Attack, Target};

/// Calls on one connection: below the 256 that HTTP/2 allows there.
const EACH: usize = 250;

/// An event of so many bytes.
pub(crate) fn draft(bytes: usize) -> EventDraft {
    EventDraft {
        event: Some(Event::from_message(&ExternalEvent {
            source: "mallory".to_owned(),
            raw: Bytes::from(vec![b'm'; bytes]),
            ..ExternalEvent::default()
        })),
        ..EventDraft::default()
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).expect("small")
}

/// Follow streams from entry 0 that are opened and held; nobody reads them.
async fn follows(target: &Target, number: usize) -> Attack {
    let mut attack = Attack::new();
    let (opened, mut taken) = mpsc::unbounded_channel::<Streaming<FollowResponse>>();
    for first in (0..number).step_by(EACH) {
        let log = target.log(&target.auditor).await;
        for _ in first..number.min(first + EACH) {
            let (mut log, tally, opened) = (log.clone(), attack.tally.clone(), opened.clone());
            attack.run(async move {
                let call = Request::new(FollowRequest::default());
                if let Some(stream) = tally.answer(log.follow(call).await) {
                    // Fails when the attack is over.
                    drop(opened.send(stream.into_inner()));
                }
                std::future::pending::<()>().await;
            });
        }
    }
    attack.tally.reaches(count(number)).await;
    while let Ok(stream) = taken.try_recv() {
        attack.hold(stream);
    }
    attack
}

/// As many Follow streams as one client may have, and none is read.
pub(crate) async fn slow_followers(target: Target) -> Attack {
    follows(&target, 16).await
}

/// Thousands of Follow streams over some connections.
pub(crate) async fn many_follows(target: Target) -> Attack {
    follows(&target, if is_long() { 10_000 } else { 2_000 }).await
}

/// Whether acknowledgements are taken.
#[derive(Debug, Clone, Copy)]
enum Reads {
    Nothing,
    Everything,
}

/// Append streams that send as fast as they can.
async fn appends(target: &Target, number: usize, reads: Reads) -> Attack {
    let mut attack = Attack::new();
    for _ in 0..number {
        let mut log = target.log(&target.agent).await;
        let (events, requests) = mpsc::channel(64);
        let tally = attack.tally.clone();
        attack.run(async move {
            let requests = Request::new(ReceiverStream::new(requests));
            let Some(answers) = tally.answer(log.append_stream(requests).await) else {
                return;
            };
            let mut answers = answers.into_inner();
            if matches!(reads, Reads::Nothing) {
                std::future::pending::<()>().await;
            }
            while let Some(Some(_)) = tally.answer(answers.message().await) {}
        });
        let event = draft(600);
        attack.run(async move {
            let request = AppendStreamRequest {
                draft: Some(event),
                ..AppendStreamRequest::default()
            };
            while events.send(request.clone()).await.is_ok() {}
        });
    }
    attack.tally.reaches(count(number)).await;
    attack
}

/// Append streams whose acknowledgements are never read: more than one client may have.
pub(crate) async fn unread_acknowledgements(target: Target) -> Attack {
    appends(&target, 20, Reads::Nothing).await
}

/// Streams that send without end.
pub(crate) async fn endless_streams(target: Target) -> Attack {
    let attack = appends(&target, 4, Reads::Everything).await;
    attack.tally.reaches(100).await;
    attack
}

//! No access that is not recorded.

use std::sync::atomic::Ordering;

use super::*;
use crate::limits::{PART_AGE, RECORD_AHEAD};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_stands_still_while_its_recording_is_not_stored() {
    let fixture = Fixture::new();
    let room = Arc::clone(&fixture.outlet.room);
    let held = room.acquire().await.unwrap();
    let mut session = fixture.start(sh("while read line; do echo got $line; done; exit 6"));
    session.type_in("one\n");
    session.shown("got one").await;
    session.told("the session stands still until it can").await;
    let shown = session.screen_now();
    session.type_in("two\n");
    // Longer than a part takes: nothing is typed into the command, and nothing is shown.
    tokio::time::sleep(PART_AGE).await;
    assert_eq!(session.screen_now(), shown);
    drop(held);
    session.told("the session goes on").await;
    session.shown("got two").await;
    session.close_input();
    let ended = session.ended().await.unwrap();
    assert_eq!((ended.reason, ended.exit_status), (Reason::Exit, 6));
    assert_eq!(session.recorded().await, "got one\r\ngot two\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_never_far_ahead_of_what_is_stored() {
    let fixture = Fixture::new();
    let room = Arc::clone(&fixture.outlet.room);
    let held = room.acquire().await.unwrap();
    let mut session = fixture.start(sh("yes | head -c 8000000"));
    session.told("the session stands still").await;
    // What is being cut, what is on its way, and what waits: not more.
    assert!(
        session.screen_now() < 4 * RECORD_AHEAD,
        "{}",
        session.screen_now()
    );
    drop(held);
    let ended = session.ended().await.unwrap();
    assert_eq!(ended.exit_status, 0);
    let screen = session.screen_bytes().await;
    assert_eq!(screen.len(), 12_000_000);
    assert_eq!(ended.recording.output_bytes, 12_000_000);
    assert_eq!(session.recorded().await.len(), 12_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_its_recording_cannot_be_stored() {
    let mut session = Fixture::new().start(sh("trap '' TERM HUP; echo pid $$.; sleep 1000"));
    let pid = session.pid().await;
    session.outlet.fails.store(true, Ordering::SeqCst);
    let error = session.ended().await.unwrap_err();
    assert!(
        matches!(error, SessionError::Outlet { session: 1_042, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    assert!(!alive(pid));
    let end = session.entered_end();
    assert_eq!((end.reason.as_str(), end.recording), ("not recorded", None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_stands_still_ends_with_its_grant() {
    let fixture = Fixture::new();
    let room = Arc::clone(&fixture.outlet.room);
    let held = room.acquire().await.unwrap();
    let mut session = fixture.start(sh("trap '' TERM HUP; echo pid $$.; while :; do yes; done"));
    let pid = session.pid().await;
    session.told("the session stands still").await;
    let begun = Instant::now();
    session.standing.send_replace(Standing::Over {
        reason: Over::Expired,
    });
    at_most(Duration::from_secs(20), async {
        while alive(pid) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    drop(held);
    let ended = session.ended().await.unwrap();
    assert_eq!(ended.reason, Reason::Over(Over::Expired));
    let recorded = session.recorded().await.len();
    assert_eq!(
        ended.recording.output_bytes,
        u64::try_from(recorded).unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_come_within_two_seconds() {
    let mut session = Fixture::new().start(sh("read a; echo one; read b"));
    let count = |session: &fixture::Running| session.entries();
    session.type_in("\n");
    session.shown("one").await;
    let begun = Instant::now();
    at_most(Duration::from_secs(20), async {
        while !session.recorded().await.contains("one") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert!(count(&session) >= 1, "while the session runs");
    session.type_in("\n");
    session.ended().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_that_is_asked_to_end_does_not_wait_for_an_outlet_without_room() {
    for stands_still in [true, false] {
        let fixture = Fixture::new();
        let room = Arc::clone(&fixture.outlet.room);
        let held = room.acquire().await.unwrap();
        let script = if stands_still { "yes" } else { "echo one" };
        let mut session = fixture.start(sh(script));
        session.told("the session stands still").await;
        let begun = Instant::now();
        session.stop.cancel();
        let error = session.ended().await.unwrap_err();
        assert!(matches!(error, SessionError::Unstored { .. }), "{error}");
        assert!(error.to_string().contains("has room"), "{error}");
        assert!(begun.elapsed() < crate::limits::FINISH_PATIENCE / 2);
        assert_eq!(session.entered_end().reason, "not recorded");
        drop(held);
    }
}

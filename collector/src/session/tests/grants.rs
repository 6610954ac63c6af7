//! The end of the grant is the end of the session.

use countersign_chain::time::UnixMicros;
use countersign_proto::convert::timestamp;

use super::fixture::until;
use super::*;

/// What a session may take to end. One that is revoked has half of it for noticing.
const SECOND: Duration = Duration::from_secs(1);

fn over(reason: Over) -> Standing {
    Standing::Over { reason }
}

/// Ends the grant while this runs, and gives the session's end and how long it took until the
/// process was gone.
async fn cut(mut session: fixture::Running, pid: u32, reason: Over) -> (Ended, Duration) {
    let begun = Instant::now();
    session.standing.send_replace(over(reason));
    let gone = async {
        while alive(pid) {
            tokio::task::yield_now().await;
        }
        begun.elapsed()
    };
    let took = at_most(Duration::from_secs(20), gone).await;
    let ended = session.ended().await.unwrap();
    assert_eq!(ended.reason, Reason::Over(reason));
    assert_eq!(session.entered_end().reason, reason.name());
    assert_eq!(ended.left_over, Vec::<u32>::new());
    assert!(
        session
            .markers()
            .await
            .concat()
            .contains("this access is over")
    );
    (ended, took)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ignores_the_end_is_ended_within_a_second() {
    for reason in [Over::Expired, Over::Revoked, Over::Finished] {
        let script = "trap '' TERM HUP INT QUIT; echo pid $$.; while :; do sleep 100; done";
        let mut session = Fixture::new().start(sh(script));
        let pid = session.pid().await;
        let (ended, took) = cut(session, pid, reason).await;
        assert!(took < SECOND, "it took {took:?}");
        assert_eq!(ended.exit_status, 137);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_listens_has_time_to_clean_up() {
    let script = "trap 'echo cleaned; exit 3' TERM; echo pid $$.; while :; do sleep 0.01; done";
    let mut session = Fixture::new().start(sh(script));
    let pid = session.pid().await;
    let begun = Instant::now();
    session.standing.send_replace(over(Over::Expired));
    let ended = session.ended().await.unwrap();
    assert_eq!(ended.exit_status, 3, "after {:?}", begun.elapsed());
    assert!(!alive(pid));
    assert!(session.recorded().await.ends_with("cleaned\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_left_the_session_is_ended_too() {
    let script = "setsid sh -c 'trap \"\" TERM HUP; echo pid $$.; while :; do sleep 100; done' \
                  >&2 & while :; do sleep 100; done";
    let mut session = Fixture::new().start(sh(script));
    let pid = session.pid().await;
    let (_, took) = cut(session, pid, Over::Revoked).await;
    assert!(took < SECOND, "it took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_lost_its_parent_is_known_by_its_environment() {
    let script = "sh -c 'setsid sh -c \"trap : HUP; echo pid \\$\\$.; exec sleep 1000\" &'; \
                  while :; do sleep 100; done";
    let mut session = Fixture::new().start(sh(script));
    let pid = session.pid().await;
    let (_, took) = cut(session, pid, Over::Expired).await;
    assert!(took < SECOND, "it took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_screen_does_not_keep_a_session_alive() {
    let mark = tempfile::tempdir().unwrap();
    let file = mark.path().join("pid");
    let script = format!(
        "trap '' TERM HUP; echo $$ > {0}.new; mv {0}.new {0}; \
                          while :; do yes; done",
        file.display()
    );
    let session = Fixture::new().with_a_full_screen().start(sh(&script));
    let text = at_most(Duration::from_secs(20), async {
        loop {
            match std::fs::read_to_string(&file) {
                Ok(text) => break text,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    let pid = text.await.trim().parse().unwrap();
    let (_, took) = cut(session, pid, Over::Expired).await;
    assert!(took < SECOND, "it took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_comes_by_itself_when_nobody_tells_it() {
    let fixture = Fixture::new();
    let end = Duration::from_millis(1_500);
    fixture.standing.send_replace(until(end));
    let begun = Instant::now();
    let mut session = fixture.start(sh("sleep 1000"));
    let ended = session.ended().await.unwrap();
    let took = begun.elapsed();
    assert_eq!(ended.reason, Reason::Over(Over::Expired));
    assert!(took >= end && took < end + SECOND, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_moves_the_end_and_is_told() {
    let fixture = Fixture::new();
    fixture
        .standing
        .send_replace(until(Duration::from_millis(1_500)));
    let mut session = fixture.start(sh("echo pid $$.; read line; exit 5"));
    session.pid().await;
    session
        .standing
        .send_replace(until(Duration::from_secs(600)));
    session.told("extended").await;
    session.type_in("\n");
    let ended = session.ended().await.unwrap();
    assert_eq!((ended.reason, ended.exit_status), (Reason::Exit, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_is_warned_before_the_end() {
    let mut fixture = Fixture::new();
    fixture.options.warn_before = vec![Duration::from_secs(3_599), Duration::from_secs(3_598)];
    let mut session = fixture.start(sh("read line"));
    session.told("ends in 59 min 59 s").await;
    session.told("ends in 59 min 58 s").await;
    session.type_in("\n");
    session.ended().await.unwrap();
    let warnings = session.markers().await.into_iter();
    assert_eq!(
        warnings
            .filter(|text| text.contains("this access ends"))
            .count(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_which_nobody_knows_ends_after_the_grace() {
    let mut fixture = Fixture::new();
    fixture.options.grace = Duration::from_millis(300);
    let mut session = fixture.start(sh("echo pid $$.; sleep 1000"));
    let pid = session.pid().await;
    let since = Instant::now();
    session.standing.send_replace(Standing::Unknown { since });
    let ended = session.ended().await.unwrap();
    assert_eq!(ended.reason, Reason::LedgerAway);
    assert_eq!(session.entered_end().reason, "ledger away");
    assert!(since.elapsed() >= Duration::from_millis(300));
    assert!(!alive(pid));
    session.told("does not answer").await;
    session.told("waiting up to 30 s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_comes_back_in_time_changes_nothing() {
    let mut fixture = Fixture::new();
    fixture.options.grace = Duration::from_secs(600);
    let mut session = fixture.start(sh("echo pid $$.; read line; exit 4"));
    session.pid().await;
    session.standing.send_replace(Standing::Unknown {
        since: Instant::now(),
    });
    session.told("does not answer").await;
    session
        .standing
        .send_replace(until(Duration::from_secs(3_600)));
    session.told("answers again").await;
    session.type_in("\n");
    assert_eq!(session.ended().await.unwrap().exit_status, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_break_glass_session_outlives_the_ledger_but_not_its_end() {
    let mut fixture = Fixture::new();
    fixture.granted.break_glass = true;
    fixture.options.grace = Duration::from_millis(50);
    let end = Duration::from_secs(2);
    fixture.standing.send_replace(until(end));
    let begun = Instant::now();
    let mut session = fixture.start(sh("echo pid $$.; sleep 1000"));
    session.pid().await;
    session.standing.send_replace(Standing::Unknown {
        since: Instant::now(),
    });
    session.told("this break-glass access goes on").await;
    let ended = session.ended().await.unwrap();
    assert_eq!(ended.reason, Reason::Over(Over::Expired));
    assert!(begun.elapsed() >= end);
}

fn case(active: bool, ended_by: &str) -> v1::Case {
    v1::Case {
        id: 1_000,
        person: "ada".into(),
        resource: "db/prod".into(),
        permission: "readwrite".into(),
        break_glass: true,
        obligations: Some(v1::Obligations {
            record_input: true,
            ..Default::default()
        }),
        grant: Some(v1::Grant {
            id: 1_001,
            end: Some(timestamp(UnixMicros::new(7).unwrap())),
            active,
            ended_by: ended_by.into(),
            ..Default::default()
        }),
        summary: "pending".into(),
        ..Default::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_is_asked_for_every_half_second() {
    let book = fixture::Book::default();
    *book.case.lock() = Some(case(true, ""));
    let (granted, watch) = watch_grant(&book, 1_000).await.unwrap();
    assert_eq!((granted.grant, granted.case), (1_001, 1_000));
    assert!(granted.break_glass && granted.record_input);
    let mut standing = watch.standing();
    let end = UnixMicros::new(7).unwrap();
    assert_eq!(*standing.borrow_and_update(), Standing::Active { end });
    tokio::time::sleep(Duration::from_millis(5_250)).await;
    let asked = book.cases.load(std::sync::atomic::Ordering::SeqCst);
    assert!((11..=13).contains(&asked), "{asked}");
    assert!(!standing.has_changed().unwrap(), "nothing changed");
    let before = Instant::now();
    *book.case.lock() = None;
    standing.changed().await.unwrap();
    let Standing::Unknown { since } = *standing.borrow_and_update() else {
        panic!("{standing:?}");
    };
    assert!(since <= before && before - since < Duration::from_millis(501));
    *book.case.lock() = Some(case(true, ""));
    standing.changed().await.unwrap();
    assert_eq!(*standing.borrow_and_update(), Standing::Active { end });
    let before = Instant::now();
    *book.case.lock() = Some(case(false, "revoked"));
    standing.changed().await.unwrap();
    assert_eq!(*standing.borrow_and_update(), over(Over::Revoked));
    assert!(before.elapsed() <= Duration::from_millis(500));
    assert!(
        standing.changed().await.is_err(),
        "nothing comes behind the end"
    );
}

#[tokio::test]
async fn a_case_says_how_its_grant_ended() {
    let book = fixture::Book::default();
    assert!(matches!(
        watch_grant(&book, 5).await,
        Err(GrantError::Call(_))
    ));
    let cases = [
        ("expired", Over::Expired),
        ("revoked", Over::Revoked),
        ("finished", Over::Finished),
        ("something new", Over::Expired),
    ];
    for (ended_by, reason) in cases {
        *book.case.lock() = Some(case(false, ended_by));
        let (_, watch) = watch_grant(&book, 1_001).await.unwrap();
        assert_eq!(*watch.standing().borrow(), over(reason));
    }
    *book.case.lock() = Some(v1::Case {
        grant: None,
        ..case(true, "")
    });
    let error = watch_grant(&book, 1_000).await.unwrap_err().to_string();
    assert!(error.contains("expected the number of a grant") && error.contains("pending"));
}

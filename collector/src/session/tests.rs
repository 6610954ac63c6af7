//! Sessions with real processes on real pseudo-terminals.

mod alone;
mod fixture;
mod grants;
mod outlets;
mod shells;

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use fixture::{Fixture, Terminals, alive, at_most, sh};

const MULTI: &str = "a session needs threads";

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_and_the_recording_show_the_same() {
    let script = "printf 'h\\303\\251llo \\342\\202\\254 \\360\\237\\230\\200\\n'; seq 1 30000; \
                  printf '\\033[1mbold\\033[0m'";
    let mut session = Fixture::new().start(sh(script));
    let ended = session.ended().await.unwrap();
    assert_eq!(
        (ended.reason, ended.exit_status),
        (Reason::Exit, 0),
        "{MULTI}"
    );
    let screen = session.screen_at_end().await;
    let recorded = session.recorded().await;
    assert!(
        screen.starts_with("héllo € 😀\r\n1\r\n"),
        "{:?}",
        &screen[..80]
    );
    assert_eq!(recorded, screen);
    assert_eq!(
        ended.recording.output_bytes,
        u64::try_from(screen.len()).unwrap()
    );
    let entered = session.entered_end();
    assert_eq!(entered.recording, Some(ended.recording));
    assert_eq!((entered.reason.as_str(), entered.exit_status), ("exit", 0));
    assert_eq!(session.part_count(), ended.recording.parts);
    assert_eq!(session.outlet_was_durable_before_the_end(), Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_reach_the_screen_as_they_are() {
    let mut session = Fixture::new().start(sh("printf 'a\\377b\\303'"));
    session.ended().await.unwrap();
    assert_eq!(session.screen_bytes().await, b"a\xffb\xc3");
    assert_eq!(session.recorded().await, "a\u{fffd}b\u{fffd}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_status_is_that_of_the_command_or_its_signal() {
    let cases = [
        ("exit 0", 0),
        ("exit 7", 7),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
    ];
    for (script, status) in cases {
        let mut session = Fixture::new().start(sh(script));
        let ended = session.ended().await.unwrap();
        assert_eq!(
            (ended.reason, ended.exit_status),
            (Reason::Exit, status),
            "{script}"
        );
        assert_eq!(session.entered_end().exit_status, status);
        assert_eq!(ended.recording.parts, 1, "the banner is recorded");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_has_a_session_and_the_numbers_in_its_environment() {
    let script = "echo $COUNTERSIGN_SESSION $COUNTERSIGN_GRANT; ps -o pid=,pgid=,sid= -p $$; pwd; \
                  test -t 0 && test -t 1 && test -t 2 && echo terminal";
    let mut session = Fixture::new().start(sh(script));
    session.ended().await.unwrap();
    let screen = session.screen_at_end().await;
    let lines: Vec<&str> = screen.lines().collect();
    assert_eq!(lines[0], "1042 1001");
    let numbers: Vec<&str> = lines[1].split_whitespace().collect();
    assert!(
        numbers.iter().all(|number| *number == numbers[0]),
        "{numbers:?}"
    );
    assert_eq!(lines[2], std::env::current_dir().unwrap().to_str().unwrap());
    assert_eq!(lines[3], "terminal");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_piped_input_is_the_end_of_the_commands_input() {
    for (input, shown) in [
        ("one\ntwo\n", "got one\r\ngot two\r\nend\r\n"),
        ("half", "end half\r\n"),
    ] {
        let script = "while read line; do echo \"got $line\"; done; echo end $line";
        let mut session = Fixture::new().start(sh(script));
        session.type_in(input);
        session.close_input();
        session.ended().await.unwrap();
        assert_eq!(session.screen_at_end().await, shown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_recorded_only_when_that_is_asked_for() {
    for keyboard in [Keyboard::AsGranted, Keyboard::Recorded] {
        let mut fixture = Fixture::new();
        fixture.options.keyboard = keyboard;
        let mut session = fixture.start(sh("read line; echo done"));
        session.type_in("hello\n");
        session.ended().await.unwrap();
        let typed = session.events().await.into_iter();
        let typed: String = typed
            .filter(|event| event.code == crate::recording::asciicast::Code::Input)
            .map(|event| event.data)
            .collect();
        let expected = if keyboard == Keyboard::Recorded {
            "hello\n"
        } else {
            ""
        };
        assert_eq!(typed, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_is_told_before_and_the_recording_says_so() {
    let mut session = Fixture::new().start(sh("exit 0"));
    session.ended().await.unwrap();
    let told = session.notices_at_end().await;
    for text in [
        "grant 1001",
        "ada",
        "readwrite on db/prod",
        "case 1000",
        "1 h left",
        "recorded",
    ] {
        assert!(told.contains(text), "{text} is not in {told}");
    }
    assert!(
        session
            .markers()
            .await
            .concat()
            .contains("this session is recorded")
    );
    assert_eq!(
        session.screen_at_end().await,
        "",
        "standard output is the command's alone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_that_was_not_entered() {
    let mark = tempfile::tempdir().unwrap();
    let script = format!("touch {}/started", mark.path().display());
    let over = Standing::Over {
        reason: Over::Revoked,
    };
    let unknown = Standing::Unknown {
        since: Instant::now(),
    };
    for standing in [over, unknown] {
        let fixture = Fixture::new();
        fixture.standing.send_replace(standing);
        let mut session = fixture.start(sh(&script));
        let error = session.ended().await.unwrap_err().to_string();
        assert!(error.contains("grant 1001 cannot be used"), "{error}");
        assert_eq!(session.entries(), 0);
    }
    let fixture = Fixture::new();
    fixture.register.refuse();
    let mut session = fixture.start(sh(&script));
    let error = session.ended().await.unwrap_err().to_string();
    assert!(
        error.contains("nothing was started") && error.contains("not yours"),
        "{error}"
    );
    let mut fixture = Fixture::new();
    fixture.options.command = Vec::new();
    assert!(fixture.start(Vec::new()).ended().await.is_err());
    assert!(!mark.path().join("started").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_ends_the_session_it_entered() {
    let mut session = Fixture::new().start(vec!["/no/such/program".into()]);
    let error = session.ended().await.unwrap_err().to_string();
    assert!(error.contains("/no/such/program"), "{error}");
    let end = session.entered_end();
    assert_eq!((end.reason.as_str(), end.exit_status), ("not started", 127));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_raw_meanwhile_and_as_before_afterwards() {
    let terminals = Terminals::new();
    let before = terminals.mode();
    let mut session = Fixture::new()
        .on(&terminals)
        .start(sh("stty -a; echo now; read line; echo got $line"));
    session.shown("rows 33; columns 99").await;
    session.shown("now").await;
    assert!(!terminals.mode().contains("ICANON"), "{}", terminals.mode());
    terminals.type_in("abc\r");
    let ended = session.ended().await.unwrap();
    assert_eq!(ended.exit_status, 0);
    assert_eq!(terminals.mode(), before);
    let screen = session.shown("got abc").await;
    assert!(
        screen.starts_with("\r\n[countersign] grant 1001"),
        "{screen}"
    );
    assert!(
        session.recorded().await.contains("abc\r\ngot abc\r\n"),
        "the terminal echoes"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_size_reaches_the_command_and_the_recording() {
    let terminals = Terminals::new();
    let script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done";
    let mut session = Fixture::new().on(&terminals).start(sh(script));
    session.shown("ready").await;
    terminals.resize(120, 40);
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::WINCH)
        .unwrap();
    session.ended().await.unwrap();
    assert!(session.recorded().await.contains("40 120"));
    let events = session.events().await;
    let resize = crate::recording::asciicast::Code::Resize;
    let sizes: Vec<&str> = events
        .iter()
        .filter(|event| event.code == resize)
        .map(|event| event.data.as_str())
        .collect();
    assert_eq!(sizes, ["120x40"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_is_gone_ends_the_session() {
    let terminals = Terminals::new();
    let mut session = Fixture::new()
        .on_unseen(&terminals)
        .start(sh("echo ready; sleep 1000"));
    at_most(Duration::from_secs(20), async {
        while !session.recorded().await.contains("ready") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(terminals);
    let ended = session.ended().await.unwrap();
    assert_eq!(ended.reason, Reason::Signal);
    let mut session = Fixture::new()
        .with_a_closed_screen()
        .start(sh("while :; do echo x; done"));
    assert_eq!(session.ended().await.unwrap().reason, Reason::Signal);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_stopped_or_given_up_leaves_no_process() {
    let mut session = Fixture::new().start(sh("trap '' TERM HUP; echo pid $$.; sleep 1000"));
    let pid = session.pid().await;
    session.stop.cancel();
    let ended = session.ended().await.unwrap();
    assert_eq!((ended.reason, ended.exit_status), (Reason::Signal, 137));
    assert!(!alive(pid));
    let terminals = Terminals::new();
    let before = terminals.mode();
    let mut session = Fixture::new()
        .on(&terminals)
        .start(sh("echo; echo pid $$.; sleep 1000"));
    let pid = session.pid().await;
    session.abort();
    at_most(Duration::from_secs(10), async {
        while alive(pid) || terminals.mode() != before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_leaves_behind_is_ended_with_it() {
    let script = "setsid sh -c 'echo pid $$.; trap \"\" HUP; exec sleep 1000' & \
                  while ! test -e $MARK; do sleep 0.01; done";
    let mark = tempfile::tempdir().unwrap();
    let script = script.replace("$MARK", mark.path().join("go").to_str().unwrap());
    let mut session = Fixture::new().start(sh(&script));
    let pid = session.pid().await;
    std::fs::write(mark.path().join("go"), "").unwrap();
    let ended = session.ended().await.unwrap();
    assert_eq!((ended.reason, ended.exit_status), (Reason::Exit, 0));
    assert_eq!(ended.left_over, Vec::<u32>::new());
    assert!(!alive(pid));
}

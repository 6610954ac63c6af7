//! What concerns a whole process, in one of its own: adopting, and signals.

use rustix::process::{Pid, Signal, getpid, kill_process};

use super::*;

/// Set in the process that a test starts of itself.
const INNER: &str = "COUNTERSIGN_TEST_ALONE";

/// Runs this test again, in a process of its own; returns whether this is that process.
fn alone(test: &str) -> bool {
    if std::env::var_os(INNER).is_some() {
        return true;
    }
    let name = format!("session::tests::alone::{test}");
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &name, "--nocapture"])
        .env(INNER, "1");
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 passed"), "{told}");
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_session_and_restores_the_terminal() {
    if !alone("a_signal_ends_the_session_and_restores_the_terminal") {
        return;
    }
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let terminals = Terminals::new();
        let before = terminals.mode();
        let mut session = Fixture::new()
            .on(&terminals)
            .start(sh("echo pid $$.; sleep 1000"));
        session.shown("pid").await;
        assert_ne!(terminals.mode(), before);
        kill_process(getpid(), signal).unwrap();
        let ended = session.ended().await.unwrap();
        assert_eq!(ended.reason, Reason::Signal, "{signal:?}");
        assert_eq!(terminals.mode(), before, "{signal:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_that_adopts_ends_what_left_without_a_trace() {
    if alone("a_recorder_that_adopts_ends_what_left_without_a_trace") {
        adopting().await;
    }
}

async fn adopting() {
    // Another session, an empty environment, and a parent that is gone.
    let script = "env -i /bin/sh -c 'setsid /bin/sh -c \"echo pid \\$\\$.; exec /bin/sleep 1000\" \
                  &'; while :; do sleep 100; done";
    for strays in [Strays::Marked, Strays::Adopted] {
        let mut fixture = Fixture::new();
        fixture.options.strays = strays;
        let mut session = fixture.start(sh(script));
        let pid = session.pid().await;
        session.standing.send_replace(Standing::Over {
            reason: Over::Revoked,
        });
        let begun = Instant::now();
        let ended = session.ended().await.unwrap();
        assert_eq!(ended.left_over, Vec::<u32>::new());
        if strays == Strays::Adopted {
            assert!(!alive(pid), "it was ended");
            assert!(begun.elapsed() < Duration::from_secs(2));
        } else {
            // That is what adopting is for.
            assert!(alive(pid));
            let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            kill_process(pid, Signal::KILL).unwrap();
        }
    }
}

//! Programs that the inputs listen to.

use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal};

/// A program that runs until the value is dropped.
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        Self(child.expect("it is installed"))
    }

    /// Asks for its end in its way, and waits for it.
    pub(crate) fn end(mut self, signal: Signal) {
        self.signal(signal);
        self.0.wait().expect("it ran");
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        // Gone already is as good.
        rustix::process::kill_process(pid.expect("a process id"), signal).ok();
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.runs() {
            // Programs with children of their own end them on this signal.
            self.signal(Signal::TERM);
            drop(self.0.wait());
        }
    }
}

/// Runs a program to its end, without holding up the tasks of the test; what it printed.
pub(crate) async fn done(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.expect("no panic").expect("it is installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}{why}", output.status);
    said
}

//! A program that a test starts, and the lines that it prints.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a program may take for a line that has to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    out: mpsc::Receiver<String>,
    err: mpsc::Receiver<String>,
}

/// Reads a pipe to its end, so that it never fills up.
fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    drop(std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody may want them any more.
            drop(sender.send(line));
        }
    }));
    lines
}

/// Reads until a line has this text; all that was read.
fn until(lines: &mpsc::Receiver<String>, text: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(text) {
        let line = lines.recv_timeout(PATIENCE);
        assert!(line.is_ok(), "expected {text:?} after {seen}");
        seen.push_str(&line.unwrap_or_default());
        seen.push('\n');
    }
    seen
}

impl Program {
    /// Starts it without input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        Self {
            out: lines(child.stdout.take().expect("it is piped")),
            err: lines(child.stderr.take().expect("it is piped")),
            child,
        }
    }

    /// Waits until it prints this text; what it has printed until then.
    ///
    /// # Panics
    /// When it does not within a minute.
    pub fn prints(&self, text: &str) -> String {
        until(&self.out, text)
    }

    /// Waits until its log has this text; what the log has had until then.
    ///
    /// # Panics
    /// When it does not within a minute.
    pub fn says(&self, text: &str) -> String {
        until(&self.err, text)
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a chance to clean up.
    ///
    /// # Panics
    /// When it has ended by itself.
    pub fn kill(&mut self) {
        let ended = self.child.try_wait().expect("it is ours");
        assert_eq!(ended, None, "it runs");
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ran");
    }

    /// Waits for its end; whether that was with an error.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn ended_badly(&mut self) -> bool {
        !self.child.wait().expect("it ran").success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Gone already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

//! This program once more, as a child: what a child does and uses is measured apart from the rest.

#![expect(
    clippy::print_stdout,
    reason = "the lines are what a child tells its parent"
)]

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

/// First argument of a child.
const WORD: &str = "child";

/// What a child is told to do; `None` in the first process.
pub(crate) fn orders() -> Option<Vec<String>> {
    let mut args = std::env::args().skip(1);
    (args.next()? == WORD).then(|| args.collect())
}

/// Tells the parent something: a name and a text.
pub(crate) fn say(name: &str, text: &str) {
    println!("{name} {text}");
    drop(std::io::stdout().flush());
}

/// Tells the parent a name and numbers.
pub(crate) fn answer(name: &str, values: &[f64]) {
    let values: Vec<String> = values.iter().map(f64::to_string).collect();
    say(name, &values.join(" "));
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Kid {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Kid {
    pub(crate) fn start(orders: &[&str]) -> Self {
        let me = std::env::current_exe().expect("a running program has a path");
        let mut child = Command::new(me)
            .arg(WORD)
            .args(orders)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it started before");
        let stdout = child.stdout.take().expect("it is piped");
        Self {
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    /// Waits for the line of this name. Blocks.
    pub(crate) fn text(&mut self, name: &str) -> String {
        let line = self.lines.next().and_then(Result::ok);
        let line = line.expect("the child tells what it did");
        let rest = line.strip_prefix(name).expect("it tells that next");
        rest.trim().to_owned()
    }

    /// Waits for a line of so many numbers. Blocks.
    pub(crate) fn numbers<const N: usize>(&mut self, name: &str) -> [f64; N] {
        let text = self.text(name);
        let numbers = text.split(' ').map(|word| word.parse().expect("a number"));
        let numbers: Vec<f64> = numbers.collect();
        numbers.try_into().expect("as many as were told")
    }

    /// Lets it end in order: a child that serves does when its input ends. Blocks.
    pub(crate) fn stop(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().expect("it ran");
        assert!(status.success(), "the child ended with {status}");
    }
}

impl Drop for Kid {
    fn drop(&mut self) {
        // Gone already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

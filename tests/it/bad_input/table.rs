//! The table: what was sent, what had to come back, and that nothing else happened.

use countersign_proto::reason::{Reason, hint_of, reason_of};
use tonic::Status;

use crate::door::{Caller, Door};

/// Judges rows, and collects what is wrong with them.
pub(crate) struct Table<'a> {
    pub(crate) door: &'a Door,
    rows: usize,
    refused: usize,
    wrong: Vec<String>,
}

impl<'a> Table<'a> {
    pub(crate) const fn new(door: &'a Door) -> Self {
        let wrong = Vec::new();
        Self {
            door,
            rows: 0,
            refused: 0,
            wrong,
        }
    }

    /// One bad call: it is refused for this reason, the log stays as it is, and the next good call
    /// on the same connection succeeds.
    pub(crate) async fn row<T>(
        &mut self,
        what: &str,
        caller: &Caller,
        reason: Reason,
        answer: impl Future<Output = Result<T, Status>>,
    ) {
        self.held((what, caller), (reason, 0), answer).await;
    }

    /// One bad call that others should know of: it is refused for this reason, the log grows by the
    /// entry that says so, and the next good call on the same connection succeeds.
    pub(crate) async fn told<T>(
        &mut self,
        what: &str,
        caller: &Caller,
        reason: Reason,
        answer: impl Future<Output = Result<T, Status>>,
    ) {
        self.held((what, caller), (reason, 1), answer).await;
    }

    async fn held<T>(
        &mut self,
        (what, caller): (&str, &Caller),
        (reason, entries): (Reason, u64),
        answer: impl Future<Output = Result<T, Status>>,
    ) {
        let before = (self.door.size() + entries, caller.connections());
        let mut wrong = judge(answer.await.map(drop), reason);
        if let Err(status) = caller.good().await {
            wrong.push(format!("the next good call failed: {}", brief(&status)));
        }
        let after = (self.door.size(), caller.connections());
        if before != after {
            wrong.push(format!(
                "(size, connections): expected {before:?}, got {after:?}"
            ));
        }
        self.count(what, wrong);
    }

    /// A caller that may do nothing any more: each of its calls is refused for this reason, on the
    /// connection that it has.
    pub(crate) async fn shut_out(&mut self, what: &str, caller: &Caller, reason: Reason) {
        let before = (self.door.size(), caller.connections());
        let mut wrong = judge(caller.good().await, reason);
        wrong.extend(judge(caller.good().await, reason));
        let after = (self.door.size(), caller.connections());
        if before != after {
            wrong.push(format!(
                "(size, connections) went from {before:?} to {after:?}"
            ));
        }
        self.count(what, wrong);
    }

    /// The end of something that went well until then.
    pub(crate) fn end(&mut self, what: &str, reason: Reason, answer: Result<(), Status>) {
        self.count(what, judge(answer, reason));
    }

    fn count(&mut self, what: &str, wrong: Vec<String>) {
        self.rows += 1;
        if wrong.is_empty() {
            self.refused += 1;
        }
        let lines = wrong.into_iter().map(|why| format!("{what}: {why}"));
        self.wrong.extend(lines);
    }

    /// Prints the count.
    #[expect(clippy::print_stdout, reason = "a test says what it counted")]
    pub(crate) fn finish(self, of: &str) {
        let Self {
            rows,
            refused,
            wrong,
            ..
        } = self;
        println!("counted: {of}: {rows} rows, {refused} refused with a reason and a hint");
        let list = wrong.join("\n  ");
        assert!(
            wrong.is_empty(),
            "{} of {rows} rows:\n  {list}",
            rows - refused
        );
    }
}

/// What is wrong with an answer that should be a refusal for this reason.
fn judge(answer: Result<(), Status>, expected: Reason) -> Vec<String> {
    let Err(status) = answer else {
        return vec![format!("expected {expected}, got no error")];
    };
    let mut wrong = Vec::new();
    match reason_of(&status) {
        Some(reason) if reason == expected => {}
        Some(_) => wrong.push(format!("expected {expected}, got {}", brief(&status))),
        None => wrong.push(format!(
            "expected {expected}, got no reason: {}",
            brief(&status)
        )),
    }
    if status.code() != expected.code() {
        let code = expected.code();
        wrong.push(format!("expected code {code:?}, got {}", brief(&status)));
    }
    if hint_of(&status).unwrap_or_default().is_empty() {
        wrong.push(format!("no hint: {}", brief(&status)));
    }
    if status.message().is_empty() {
        wrong.push("no message".to_owned());
    }
    wrong
}

fn brief(status: &Status) -> String {
    let reason = reason_of(status).map_or("none", Reason::as_str);
    format!(
        "{:?}, reason {reason}, {:?}",
        status.code(),
        status.message()
    )
}

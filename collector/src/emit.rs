//! Events as JSON lines.
//!
//! Each line is one object, and becomes one `ExternalEvent`:
//!
//! ```json
//! {"source": "sshd", "position": "17", "observed_at": "2026-11-22T10:00:00Z", "case": 0,
//!  "idempotency_key": "sshd-17", "fields": {"user": "ada"}, "raw": "Accepted publickey for ada"}
//! ```
//!
//! `fields` or `raw` must be there, all else may be left out; other names are errors, so that a
//! misspelt one is not lost. Empty lines are passed over.

mod line;
mod lines;

use std::collections::VecDeque;
use std::io;

use countersign_client::Draft;
use tokio::io::AsyncBufRead;
use tokio_util::sync::CancellationToken;

use crate::limits::{MAX_JSON_LINE, MAX_RUN_ID, STOP_PATIENCE};
use crate::redact::{Events, Redactor};
use crate::sink::{Sink, SinkError};

pub use line::LineError;
pub(crate) use line::{Spoken, set_observed_at};
pub(crate) use lines::{Lines, Text};

/// What to do with a line that is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBadLine {
    /// Report it and go on.
    Skip,
    /// End with an error, after everything before it was acknowledged.
    #[default]
    Stop,
    /// Report it, and send the line as it is with the reason in `malformed`.
    Record,
}

/// How lines are taken.
#[derive(Debug, Clone)]
pub struct Options {
    /// Source of lines that name none; not empty.
    pub source: String,
    /// Names the run in the idempotency keys of lines that have none, 1 to 38 bytes. With the same
    /// name and the same input, a repeated run adds nothing.
    pub run: String,
    /// What to do with a line that is no event.
    pub on_bad_line: OnBadLine,
    /// Takes secrets out of events before they are sent; `None` sends them as they are.
    pub redactor: Option<Redactor>,
}

impl Options {
    /// A run of this name that ends at a line which is no event; the source is `stdin`, and no
    /// secret is taken out.
    #[must_use]
    pub fn new(run: impl Into<String>) -> Self {
        Self {
            source: "stdin".to_owned(),
            run: run.into(),
            on_bad_line: OnBadLine::default(),
            redactor: None,
        }
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Lines that were read, empty ones included.
    pub lines: u64,
    /// Events that were handed over.
    pub sent: u64,
    /// Events that are sealed.
    pub acknowledged: u64,
    /// Lines that were no event.
    pub bad: u64,
}

/// What a run has to tell.
#[derive(Debug)]
pub enum Report<'a> {
    /// A line is no event.
    Bad {
        /// Number of the line, from 1.
        line: u64,
        /// Why.
        reason: &'a LineError,
    },
    /// A line was dealt with, or events were acknowledged.
    Progress(Progress),
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The input failed.
    #[error("cannot read line {line}: {source}")]
    Read {
        /// Number of the line.
        line: u64,
        /// Why.
        source: io::Error,
        /// How far it came.
        progress: Progress,
    },
    /// A line is no event.
    #[error("line {line} is no event: {reason}")]
    Bad {
        /// Number of the line.
        line: u64,
        /// Why.
        reason: LineError,
        /// How far it came.
        progress: Progress,
    },
    /// The name of the run is empty or too long.
    #[error("expected a run name of 1 to {MAX_RUN_ID} bytes, got {0}")]
    Run(usize),
    /// The source is empty.
    #[error("expected a name for the source of lines that name none, got an empty one")]
    Source,
    /// The ledger refused an event or did not answer in time, or the output failed.
    #[error("{source}; line {line} is the first that is not sealed")]
    Sink {
        /// Number of the line whose event is the first that is not acknowledged.
        line: u64,
        /// Why.
        source: SinkError,
        /// How far it came.
        progress: Progress,
    },
    /// The run was asked to stop before the end of the input.
    #[error("stopped after line {}", .0.lines)]
    Stopped(Progress),
    /// The run was asked to stop, and the ledger did not acknowledge everything in time.
    #[error("stopped with {} of {} events sealed", .0.acknowledged, .0.sent)]
    Unacknowledged(Progress),
}

impl EmitError {
    /// How far the run came; `None` when it did not begin.
    #[must_use]
    pub const fn progress(&self) -> Option<Progress> {
        match self {
            Self::Read { progress, .. }
            | Self::Bad { progress, .. }
            | Self::Sink { progress, .. }
            | Self::Stopped(progress)
            | Self::Unacknowledged(progress) => Some(*progress),
            Self::Run(_) | Self::Source => None,
        }
    }
}

/// Sends every line of the input and returns when all events are acknowledged. Asked to stop, it
/// reads no more and ends with [`EmitError::Stopped`].
///
/// # Errors [`EmitError`].
pub async fn emit<R, S>(
    input: R,
    sink: S,
    options: &Options,
    stop: CancellationToken,
    report: &mut (dyn FnMut(Report<'_>) + Send),
) -> Result<Progress, EmitError>
where
    R: AsyncBufRead + Unpin + Send,
    S: Sink,
{
    if options.run.is_empty() || options.run.len() > MAX_RUN_ID {
        return Err(EmitError::Run(options.run.len()));
    }
    if options.source.is_empty() {
        return Err(EmitError::Source);
    }
    let emitter = Emitter {
        sink,
        options,
        redaction: options.redactor.clone().map(Events::new),
        stop,
        report,
        progress: Progress::default(),
        waiting: VecDeque::new(),
    };
    emitter.run(Lines::new(input, MAX_JSON_LINE)).await
}

struct Emitter<'a, S> {
    sink: S,
    options: &'a Options,
    redaction: Option<Events>,
    stop: CancellationToken,
    report: &'a mut (dyn FnMut(Report<'_>) + Send),
    progress: Progress,
    /// Lines whose events are not acknowledged, in order.
    waiting: VecDeque<u64>,
}

impl<S: Sink> Emitter<'_, S> {
    async fn run<R>(mut self, mut lines: Lines<R>) -> Result<Progress, EmitError>
    where
        R: AsyncBufRead + Unpin + Send,
    {
        let mut stopped = false;
        loop {
            let next = tokio::select! {
                () = self.stop.cancelled() => {
                    stopped = true;
                    break;
                }
                next = lines.next() => next,
            };
            let Some(next) = next.transpose() else {
                break;
            };
            self.progress.lines += 1;
            match next {
                Ok(text) => self.line(text).await?,
                Err(source) => return Err(self.unread(source).await?),
            }
            self.tell();
        }
        let (stop, progress) = (self.stop.clone(), self.progress);
        tokio::select! {
            settled = self.settle() => settled?,
            () = patience(&stop) => return Err(EmitError::Unacknowledged(progress)),
        }
        self.sink.close().await;
        if stopped {
            return Err(EmitError::Stopped(self.progress));
        }
        Ok(self.progress)
    }

    /// The error of an input that failed, once everything before is acknowledged.
    async fn unread(&mut self, source: io::Error) -> Result<EmitError, EmitError> {
        self.settle().await?;
        Ok(EmitError::Read {
            line: self.progress.lines,
            source,
            progress: self.progress,
        })
    }

    async fn line(&mut self, mut text: Text) -> Result<(), EmitError> {
        let number = self.progress.lines;
        if number == 1 {
            text.strip_bom();
        }
        if text.is_empty() {
            return Ok(());
        }
        let key = format!("emit:{}:{number}", self.options.run);
        let reason = match line::draft(&text, &self.options.source, &key) {
            Ok(draft) => return self.send(draft).await,
            Err(reason) => reason,
        };
        self.progress.bad += 1;
        (self.report)(Report::Bad {
            line: number,
            reason: &reason,
        });
        match self.options.on_bad_line {
            OnBadLine::Skip => Ok(()),
            OnBadLine::Record => {
                let source = &self.options.source;
                self.send(line::malformed(&text, source, number, &reason).with_key(key))
                    .await
            }
            OnBadLine::Stop => {
                self.settle().await?;
                Err(EmitError::Bad {
                    line: number,
                    reason,
                    progress: self.progress,
                })
            }
        }
    }

    async fn send(&mut self, mut draft: Draft) -> Result<(), EmitError> {
        self.waiting.push_back(self.progress.lines);
        if let Some(redaction) = &self.redaction {
            let cleaned = redaction.clean(&mut draft);
            cleaned.map_err(|error| self.ended(error.into()))?;
        }
        let sent = tokio::select! {
            sent = self.sink.send(draft) => sent,
            () = patience(&self.stop) => return Err(EmitError::Unacknowledged(self.progress)),
        };
        sent.map_err(|source| self.ended(source))?;
        self.progress.sent += 1;
        Ok(())
    }

    /// Waits until everything is acknowledged.
    async fn settle(&mut self) -> Result<(), EmitError> {
        loop {
            let acknowledged = self.sink.acknowledged();
            self.tell();
            if acknowledged >= self.progress.sent {
                return Ok(());
            }
            let waited = self.sink.acknowledged_beyond(acknowledged).await;
            waited.map_err(|source| self.ended(source))?;
        }
    }

    fn ended(&mut self, source: SinkError) -> EmitError {
        self.count();
        EmitError::Sink {
            line: self.waiting.front().copied().unwrap_or(self.progress.lines),
            source,
            progress: self.progress,
        }
    }

    fn tell(&mut self) {
        self.count();
        (self.report)(Report::Progress(self.progress));
    }

    fn count(&mut self) {
        let now = self.sink.acknowledged();
        let new = usize::try_from(now - self.progress.acknowledged).unwrap_or(usize::MAX);
        self.waiting.drain(..new.min(self.waiting.len()));
        self.progress.acknowledged = now;
    }
}

/// Ends when a run that was told to stop has waited long enough for a ledger that is away.
async fn patience(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_PATIENCE).await;
}

#[cfg(test)]
mod tests;

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

use countersign_client::{Draft, random_key};
use tokio::io::AsyncBufRead;
use tokio_util::sync::CancellationToken;

use crate::agent;
use crate::limits::{MAX_RUN_ID, STOP_PATIENCE};
use crate::sink::{Sink, SinkError};

pub use line::LineError;
pub(crate) use line::set_observed_at;
use lines::{Lines, Text};

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

/// Whether the run itself is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Announce {
    /// No.
    #[default]
    Nothing,
    /// With `AgentStarted` and `AgentStopped`, which takes the role agent or admin.
    Run,
}

/// How lines are taken.
#[derive(Debug, Clone)]
pub struct Options {
    /// Source of lines that name none; not empty.
    pub source: String,
    /// Names the run in the idempotency keys of lines that have none, at most 38 bytes. With the
    /// same name and the same input, a repeated run adds nothing. Empty for a random one.
    pub run: String,
    /// What to do with a line that is no event.
    pub on_bad_line: OnBadLine,
    /// Whether the run itself is recorded.
    pub announce: Announce,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source: "stdin".to_owned(),
            run: String::new(),
            on_bad_line: OnBadLine::default(),
            announce: Announce::default(),
        }
    }
}

/// How far a run has come. Counts are of lines and their events, without the entries about the run.
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
    #[error(
        "cannot read line {line}: {source}; {} events before it are sealed",
        .progress.acknowledged
    )]
    Read {
        /// Number of the line.
        line: u64,
        /// Why.
        source: std::io::Error,
        /// How far it came.
        progress: Progress,
    },
    /// A line is no event.
    #[error(
        "line {line} is no event: {reason}; {} events before it are sealed",
        .progress.acknowledged
    )]
    Bad {
        /// Number of the line.
        line: u64,
        /// Why.
        reason: LineError,
        /// How far it came.
        progress: Progress,
    },
    /// The name of the run is too long.
    #[error("expected a run name of at most {MAX_RUN_ID} bytes, got {0}")]
    Run(usize),
    /// The source is empty.
    #[error("expected a name for the source of lines that name none, got an empty one")]
    Source,
    /// The sink ended.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The operating system gave no random bytes for the name of the run.
    #[error("cannot make a name for the run: {0}")]
    Random(std::io::Error),
    /// The run was asked to stop, and the ledger did not acknowledge everything in time.
    #[error(
        "stopped with {} of {} events sealed; run again with the same run name to send the rest",
        .0.acknowledged, .0.sent
    )]
    Unacknowledged(Progress),
}

/// Sends every line of the input and returns when all events are acknowledged, or when it is asked
/// to stop.
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
    if options.run.len() > MAX_RUN_ID {
        return Err(EmitError::Run(options.run.len()));
    }
    if options.source.is_empty() {
        return Err(EmitError::Source);
    }
    let run = if options.run.is_empty() {
        random_key().map_err(EmitError::Random)?
    } else {
        options.run.clone()
    };
    let emitter = Emitter {
        sink,
        options,
        run,
        stop,
        report,
        progress: Progress::default(),
        about: 0,
    };
    emitter.run(Lines::new(input)).await
}

struct Emitter<'a, S> {
    sink: S,
    options: &'a Options,
    run: String,
    stop: CancellationToken,
    report: &'a mut (dyn FnMut(Report<'_>) + Send),
    progress: Progress,
    /// Entries about the run that were sent before the events.
    about: u64,
}

impl<S: Sink> Emitter<'_, S> {
    async fn run<R>(mut self, mut lines: Lines<R>) -> Result<Progress, EmitError>
    where
        R: AsyncBufRead + Unpin + Send,
    {
        if self.options.announce == Announce::Run {
            // A repeated run is a run of its own.
            let started = agent::started(
                &random_key().map_err(EmitError::Random)?,
                vec![self.options.source.clone()],
            );
            self.sink.send(started).await?;
            self.about = 1;
        }
        let why = loop {
            let next = tokio::select! {
                () = self.stop.cancelled() => break agent::Stop::Signal,
                next = lines.next() => next,
            };
            let text = match next {
                Ok(Some(text)) => text,
                Ok(None) => break agent::Stop::EndOfInput,
                Err(source) => {
                    let line = self.progress.lines + 1;
                    self.settle().await?;
                    return Err(EmitError::Read {
                        line,
                        source,
                        progress: self.progress,
                    });
                }
            };
            self.progress.lines += 1;
            self.line(&text).await?;
            self.tell();
        };
        if self.options.announce == Announce::Run {
            let run = random_key().map_err(EmitError::Random)?;
            self.hand_over(agent::stopped(&run, why)).await?;
            self.about += 1;
        }
        let (stop, progress) = (self.stop.clone(), self.progress);
        tokio::select! {
            settled = self.settle() => settled?,
            () = patience(&stop) => return Err(EmitError::Unacknowledged(progress)),
        }
        Ok(self.progress)
    }

    async fn line(&mut self, text: &Text) -> Result<(), EmitError> {
        let number = self.progress.lines;
        if text.is_empty() {
            return Ok(());
        }
        let key = format!("emit:{}:{number}", self.run);
        let reason = match line::draft(text, &self.options.source, &key) {
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
                self.send(line::malformed(text, source, number, &reason).with_key(key))
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

    async fn send(&mut self, draft: Draft) -> Result<(), EmitError> {
        self.hand_over(draft).await?;
        self.progress.sent += 1;
        Ok(())
    }

    async fn hand_over(&mut self, draft: Draft) -> Result<(), EmitError> {
        let sent = tokio::select! {
            sent = self.sink.send(draft) => sent,
            () = patience(&self.stop) => return Err(EmitError::Unacknowledged(self.progress)),
        };
        Ok(sent?)
    }

    /// Waits until everything is acknowledged.
    async fn settle(&mut self) -> Result<(), EmitError> {
        loop {
            let acknowledged = self.sink.acknowledged();
            self.tell();
            if acknowledged >= self.progress.sent + self.about {
                return Ok(());
            }
            self.sink.acknowledged_beyond(acknowledged).await?;
        }
    }

    fn tell(&mut self) {
        let acknowledged = self.sink.acknowledged().saturating_sub(self.about.min(1));
        self.progress.acknowledged = acknowledged.min(self.progress.sent);
        (self.report)(Report::Progress(self.progress));
    }
}

/// Ends when a run that was told to stop has waited long enough for a ledger that is away.
async fn patience(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_PATIENCE).await;
}

#[cfg(test)]
mod tests;

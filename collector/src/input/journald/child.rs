//! The child process: started, read, and started again when it ends.

use std::fmt;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use countersign_proto::v1;
use tokio::io::{AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::JournaldConfig;
use super::entry::Entry;
use crate::emit::{Lines, Text};
use crate::input::error::InputError;
use crate::input::push::Push;
use crate::input::record::{Record, Understood};
use crate::limits::{
    CHILD_LAST_WORDS, CHILD_PAUSE_FIRST, CHILD_PAUSE_LAST, CHILD_QUIET, CHILD_WELL,
    MAX_CHILD_WORDS, MAX_CURSOR, MAX_JOURNAL_LINE,
};
use crate::outlet::{Outlet, OutletError};

const LOST: &str = "the journal does not have the entry any more behind which the agent goes on; \
                    entries after it may be gone with it";

/// Follows the journal until it is stopped.
pub(in crate::input) async fn run<O: Outlet>(
    config: &JournaldConfig,
    push: Push<O>,
    stop: CancellationToken,
) -> Result<(), InputError> {
    let cursor = push.place();
    let good = |cursor: &String| {
        // The place in a file has colons, a cursor has none.
        cursor.len() <= MAX_CURSOR && cursor.contains('=') && !cursor.contains([' ', ':'])
    };
    if let Some(word) = cursor.as_ref().filter(|cursor| !good(cursor)) {
        return Err(InputError::Place {
            input: config.name.clone(),
            why: format!("expected a journal cursor, got {word:?}"),
        });
    }
    let mut reader = Reader {
        config,
        source: format!("journald:{}", config.name),
        push,
        cursor,
        place_is_open: false,
    };
    let mut pause = CHILD_PAUSE_FIRST;
    while !stop.is_cancelled() {
        let started = Instant::now();
        let ended = reader.child(&stop).await?;
        if stop.is_cancelled() {
            break;
        }
        if started.elapsed() >= CHILD_WELL {
            pause = CHILD_PAUSE_FIRST;
        }
        reader.push.health().failed(&ended.to_string());
        ended.tell(pause);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(CHILD_PAUSE_LAST);
    }
    Ok(())
}

/// How a child ended.
enum Ended {
    /// It could not be started, read or waited for.
    Failed(io::Error),
    /// By itself, with these last words.
    Exited(ExitStatus, String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "journalctl cannot be run: {error}"),
            Self::Exited(status, words) if words.is_empty() => {
                write!(f, "journalctl ended: {status}")
            }
            Self::Exited(status, words) => write!(f, "journalctl ended: {status}: {words}"),
        }
    }
}

impl Ended {
    fn tell(&self, pause: Duration) {
        let pause_ms = pause.as_millis();
        match self {
            Self::Failed(error) => {
                tracing::warn!(%error, pause_ms, "journalctl cannot be run; trying again");
            }
            Self::Exited(status, _) => {
                tracing::warn!(%status, pause_ms, "journalctl ended; starting it again");
            }
        }
    }
}

struct Reader<'a, O> {
    config: &'a JournaldConfig,
    source: String,
    push: Push<O>,
    /// Of the last entry that was handed over, or of the place.
    cursor: Option<String>,
    /// Whether the next entry must be that of the cursor.
    place_is_open: bool,
}

impl<O: Outlet> Reader<'_, O> {
    /// Runs one child to its end.
    async fn child(&mut self, stop: &CancellationToken) -> Result<Ended, OutletError> {
        let started = Command::new(&self.config.journalctl)
            .args(self.config.arguments(self.cursor.as_deref()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => return Ok(Ended::Failed(error)),
        };
        self.place_is_open = self.cursor.is_some();
        let (Some(out), Some(words)) = (child.stdout.take(), child.stderr.take()) else {
            let missing = io::Error::other("it was started without pipes");
            return Ok(Ended::Failed(missing));
        };
        let telling = tokio::spawn(tell_words(words));
        let mut lines = Lines::new(BufReader::new(out), MAX_JOURNAL_LINE);
        // One that has nothing to say is well when it does not end at once.
        let mut quiet = std::pin::pin!(tokio::time::sleep(CHILD_QUIET));
        let mut is_quiet = true;
        let broken = loop {
            let line = tokio::select! {
                () = stop.cancelled() => break None,
                line = lines.next() => line,
                () = &mut quiet, if is_quiet => {
                    is_quiet = false;
                    self.push.health().works();
                    continue;
                }
            };
            match line {
                Ok(Some(line)) => {
                    self.push.health().works();
                    self.line(line).await?;
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let ended = end(child, stop, broken.is_some()).await;
        let abort = telling.abort_handle();
        let words = match tokio::time::timeout(CHILD_LAST_WORDS, telling).await {
            Ok(words) => words.unwrap_or_default(),
            Err(_elapsed) => {
                // A process of the child's holds the pipe open.
                abort.abort();
                String::new()
            }
        };
        Ok(match broken {
            Some(error) => Ended::Failed(error),
            None => ended.map_or_else(Ended::Failed, |status| Ended::Exited(status, words)),
        })
    }

    async fn line(&mut self, line: Text) -> Result<(), OutletError> {
        if line.is_empty() {
            return Ok(());
        }
        let parsed = if line.is_cut() {
            let (kept, len) = (line.kept.len(), line.len);
            Err(format!(
                "the line has {len} bytes; the first {kept} are here"
            ))
        } else {
            Entry::parse(&line.kept, &self.config.fields).map_err(|error| error.to_string())
        };
        match parsed {
            Ok(entry) => self.entry(entry).await,
            Err(why) => {
                // Where it stands is not known: after a restart it comes again, with the next one.
                let record = Record {
                    source: self.source.clone(),
                    position: String::new(),
                    raw: line.kept.into(),
                    understood: Understood::malformed(&why),
                };
                self.push.record(record, None).await
            }
        }
    }

    async fn entry(&mut self, entry: Entry) -> Result<(), OutletError> {
        if std::mem::take(&mut self.place_is_open) {
            if self.cursor.as_ref() == Some(&entry.cursor) {
                return Ok(());
            }
            tracing::warn!(source = %self.source, "the journal lost the place to go on from");
            self.push.gap(&self.gap(0, LOST)).await?;
        }
        if let Some(count) = entry.dropped {
            let why = "journald dropped messages of a service that wrote too many";
            self.push.gap(&self.gap(count, why)).await?;
        }
        let record = Record {
            source: self.source.clone(),
            position: entry.cursor.clone(),
            raw: entry.message,
            understood: entry.understood,
        };
        self.push.record(record, Some(entry.cursor.clone())).await?;
        self.cursor = Some(entry.cursor);
        Ok(())
    }

    fn gap(&self, lost_events: u64, reason: &str) -> v1::SpoolGap {
        v1::SpoolGap {
            source: self.source.clone(),
            lost_events,
            reason: reason.to_owned(),
            ..v1::SpoolGap::default()
        }
    }
}

/// Waits for a child that closed its output, or ends one that has not.
async fn end(
    mut child: Child,
    stop: &CancellationToken,
    is_broken: bool,
) -> io::Result<ExitStatus> {
    if is_broken || stop.is_cancelled() {
        child.kill().await?;
    }
    tokio::select! {
        status = child.wait() => return status,
        () = stop.cancelled() => {}
    }
    child.kill().await?;
    child.wait().await
}

/// Passes on what the child complains about; returns the last line of it.
async fn tell_words<R: AsyncRead + Unpin>(words: R) -> String {
    let mut last = String::new();
    let mut lines = Lines::new(BufReader::new(words), MAX_CHILD_WORDS);
    while let Ok(Some(Text { kept, .. })) = lines.next().await {
        let says = String::from_utf8_lossy(&kept).into_owned();
        tracing::warn!(%says, "journalctl complains");
        last = says;
    }
    last
}

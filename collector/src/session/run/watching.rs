//! Waiting for what ends a session, and telling the user meanwhile.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use countersign_chain::time::UnixMicros;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::outlet::Outlet;
use crate::session::notice;
use crate::session::pty;
use crate::session::queue::Piece;
use crate::session::register::Register;
use crate::session::relay::InputEnd;
use crate::session::run::{Session, left};
use crate::session::{Options, Over, Reason, Standing};

/// How the command ended, when it did by itself.
pub(super) type Exit = Option<io::Result<ExitStatus>>;

/// When things are due.
struct Times {
    /// The grant is over.
    end: Instant,
    /// Pauses before the end at which the user is still to be told, longest first.
    warnings: Vec<Duration>,
    /// Nobody could say for too long whether the grant holds.
    patience: Option<Instant>,
}

impl Times {
    fn new(end: Instant, warn_before: &[Duration]) -> Self {
        let mut times = Self {
            end,
            warnings: Vec::new(),
            patience: None,
        };
        times.ends(end, warn_before);
        times
    }

    /// The end is there now.
    fn ends(&mut self, end: Instant, warn_before: &[Duration]) {
        self.end = end;
        let left = end.saturating_duration_since(Instant::now());
        self.warnings = warn_before
            .iter()
            .copied()
            .filter(|before| *before < left)
            .collect();
        self.warnings.sort_unstable();
    }

    fn warning(&self) -> Option<Instant> {
        let before = self.warnings.last()?;
        self.end.checked_sub(*before)
    }
}

impl<R: Register, O: Outlet> Session<R, O> {
    /// Waits until the session is to end.
    pub(super) async fn watch(&mut self, options: &Options, end: UnixMicros) -> (Reason, Exit) {
        let mut times = Times::new(self.instant(end), &options.warn_before);
        let (mut input_open, mut watched) = (true, true);
        loop {
            let patience = times.patience;
            let warning = times.warning();
            tokio::select! {
                biased;
                exit = &mut self.exit => return (Reason::Exit, Some(waited(exit))),
                changed = self.parts.standing.changed(), if watched => {
                    watched = changed.is_ok();
                    if watched && let Some(reason) = self.judge(options, &mut times) {
                        return (reason, None);
                    }
                    if !watched {
                        times.patience = Some(Instant::now() + options.grace);
                        tracing::warn!("nobody says any more whether the grant holds");
                    }
                }
                () = sleep_until(times.end) => return (Reason::Over(Over::Expired), None),
                () = at(patience) => {
                    if let Some(reason) = self.lost_patience(&mut times) {
                        return (reason, None);
                    }
                }
                () = at(warning) => {
                    if let Some(before) = times.warnings.pop() {
                        self.tell(&notice::warning(before));
                    }
                }
                () = self.failed.cancelled() => return (Reason::NotRecorded, None),
                end = &mut self.input, if input_open => {
                    input_open = false;
                    if matches!(end, Ok(InputEnd::Hangup)) {
                        return (Reason::Signal, None);
                    }
                }
                () = self.screen.lost() => return (Reason::Signal, None),
                () = self.signals.ending() => return (Reason::Signal, None),
                () = self.parts.stop.cancelled() => return (Reason::Signal, None),
                () = self.resized.came() => self.resize(),
            }
        }
    }

    /// What a change of the grant means.
    fn judge(&mut self, options: &Options, times: &mut Times) -> Option<Reason> {
        let standing = *self.parts.standing.borrow_and_update();
        match standing {
            Standing::Active { end } => {
                if times.patience.take().is_some() {
                    self.tell("the ledger answers again");
                }
                let end = self.instant(end);
                if end.saturating_duration_since(times.end) > Duration::from_secs(1) {
                    let left = notice::spoken(end.saturating_duration_since(Instant::now()));
                    self.tell(&format!("this access was extended: {left} left"));
                }
                // The clock of this machine may have been set since; a small step warns of nothing.
                if end.max(times.end) - end.min(times.end) > Duration::from_secs(1) {
                    times.ends(end, &options.warn_before);
                } else {
                    times.end = end;
                }
                None
            }
            Standing::Over { reason } => Some(Reason::Over(reason)),
            Standing::Unknown { since } => {
                if times.patience.is_none() {
                    let until = since + options.grace;
                    times.patience = Some(until);
                    let left = until.saturating_duration_since(Instant::now());
                    self.tell(&if self.parts.granted.break_glass {
                        notice::AWAY_BREAK_GLASS.to_owned()
                    } else {
                        notice::away(left)
                    });
                }
                None
            }
        }
    }

    /// Nobody could say for too long whether the grant holds.
    fn lost_patience(&self, times: &mut Times) -> Option<Reason> {
        if !self.parts.granted.break_glass {
            return Some(Reason::LedgerAway);
        }
        // Access that was taken in an emergency goes on until its end: the ledger may be what is
        // being repaired. What is recorded meanwhile waits in the outlet.
        times.patience = Some(times.end + Duration::from_secs(1));
        None
    }

    fn resize(&mut self) {
        let window = self.parts.terminal.window();
        if window == self.window {
            return;
        }
        self.window = window;
        // Recorded first: what the command paints in answer comes behind it.
        self.queue.note(Piece::Resize(window));
        if let Err(error) = self.master.resize(pty::size(window)) {
            tracing::debug!(%error, "the command was not told of the new size");
        }
    }

    /// When a time of day will be.
    fn instant(&self, time: UnixMicros) -> Instant {
        Instant::now() + left(time, self.parts.clock.now())
    }
}

/// How the command ended, or that nobody knows.
pub(super) fn waited(
    exit: Result<io::Result<ExitStatus>, oneshot::error::RecvError>,
) -> io::Result<ExitStatus> {
    exit.unwrap_or_else(|_| Err(io::ErrorKind::NotFound.into()))
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

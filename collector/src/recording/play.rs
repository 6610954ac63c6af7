//! A recording as it was, at its own pace.

use std::io::Write;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::recording::ShowError;
use crate::recording::asciicast::Code;
use crate::recording::cast::{Cast, Source};
use crate::recording::tame::Tamer;

/// How many times faster than it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed(f64);

/// Why a number is no speed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("expected a speed from 0.01 to 1000, got {0}")]
pub struct SpeedError(f64);

impl Speed {
    /// As it was.
    pub const REAL: Self = Self(1.0);

    /// Checks the bounds.
    ///
    /// # Errors
    /// [`SpeedError`].
    pub fn new(factor: f64) -> Result<Self, SpeedError> {
        if (0.01..=1_000.0).contains(&factor) {
            Ok(Self(factor))
        } else {
            Err(SpeedError(factor))
        }
    }
}

/// What happens to escape sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Escapes {
    /// Those that paint pass; those that make a terminal answer, set its title or its clipboard, or
    /// switch it into modes that outlive the player, do not.
    #[default]
    Tamed,
    /// All of them, byte by byte as the session gave them. For files, and terminals that may break.
    Raw,
}

/// How a recording is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// How fast.
    pub speed: Speed,
    /// Longer pauses are shortened to this.
    pub idle_limit: Option<Duration>,
    /// What happens to escape sequences.
    pub escapes: Escapes,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            speed: Speed::REAL,
            idle_limit: None,
            escapes: Escapes::default(),
        }
    }
}

/// How the playing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Played {
    /// To the end.
    Whole,
    /// It was stopped before.
    Stopped,
}

/// Writes what the session showed, at its pace, until the end or until `stop` is cancelled.
///
/// # Errors
/// [`ShowError`].
pub async fn play<S: Source, W: Write>(
    cast: &mut Cast<S>,
    pace: Pace,
    out: &mut W,
    stop: &CancellationToken,
) -> Result<Played, ShowError> {
    let mut tamer = Tamer::default();
    let mut before = 0;
    let mut due = Instant::now();
    while let Some(event) = cast.next().await? {
        if event.code != Code::Output {
            continue;
        }
        let pause = Duration::from_micros(event.at.saturating_sub(before));
        before = event.at;
        let pause = pace.idle_limit.map_or(pause, |limit| pause.min(limit));
        due += pause.div_f64(pace.speed.0);
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Played::Stopped),
            () = sleep_until(due) => {}
        }
        match pace.escapes {
            Escapes::Raw => out.write_all(event.data.as_bytes())?,
            Escapes::Tamed => out.write_all(tamer.tame(&event.data))?,
        }
        out.flush()?;
    }
    Ok(Played::Whole)
}

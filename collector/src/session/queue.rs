//! From the relays to the recorder: what is shown, typed and told, in order, with its time.
//!
//! Bounded: output that is not recorded waits, and with it the session. Held: nothing more goes in
//! at all until what was recorded is stored.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::time::Instant;

use crate::limits::{COALESCE, EVENT_OUTPUT, RECORD_AHEAD};

/// Size of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

/// Something that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The session showed it.
    Output(Vec<u8>),
    /// The user typed it.
    Input(Vec<u8>),
    /// The window has this size now.
    Resize(Window),
    /// The recorder told it to the user.
    Marker(String),
}

/// A piece and its time, in microseconds since the beginning.
pub(crate) type Timed = (u64, Piece);

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// These, at least one.
    Pieces(VecDeque<Timed>),
    /// Nothing, in the time given.
    Nothing,
    /// Nothing, and nothing will.
    Closed,
}

/// Nobody records any more, so nothing may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abandoned;

#[derive(Debug)]
pub(crate) struct Queue {
    start: Instant,
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Timed>,
    bytes: usize,
    hold: Hold,
    phase: Phase,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Hold {
    #[default]
    No,
    Yes,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Pieces come, as many as fit.
    #[default]
    Open,
    /// The processes are gone: their last output is taken, whatever room there is.
    Last,
    /// No more pieces.
    Closed,
    /// Nobody takes pieces any more.
    Abandoned,
}

impl Queue {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            start,
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
        }
    }

    /// Microseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Takes output before it is shown; waits while there is no room.
    pub(crate) fn output(&self, bytes: &[u8]) -> Result<(), Abandoned> {
        self.stream(bytes, Piece::Output)
    }

    /// Takes input before it is passed on; waits while there is no room.
    pub(crate) fn input(&self, bytes: &[u8]) -> Result<(), Abandoned> {
        self.stream(bytes, Piece::Input)
    }

    /// Waits while the session is held.
    pub(crate) fn wait_released(&self) -> Result<(), Abandoned> {
        let mut state = self.state.lock();
        while state.hold == Hold::Yes && state.phase == Phase::Open {
            self.drained.wait(&mut state);
        }
        alive(&state)
    }

    fn stream(&self, bytes: &[u8], make: fn(Vec<u8>) -> Piece) -> Result<(), Abandoned> {
        for bytes in bytes.chunks(EVENT_OUTPUT) {
            let mut state = self.state.lock();
            while state.phase == Phase::Open
                && (state.hold == Hold::Yes || state.bytes >= RECORD_AHEAD)
            {
                self.drained.wait(&mut state);
            }
            alive(&state)?;
            state.bytes += bytes.len();
            let now = self.now();
            if !joined(&mut state, now, &make(Vec::new()), bytes) {
                let mut own = Vec::with_capacity(bytes.len().max(4_096));
                own.extend_from_slice(bytes);
                state.pieces.push_back((now, make(own)));
            }
            self.wake(state);
        }
        Ok(())
    }

    /// Takes a piece that never waits: there are few of them.
    pub(crate) fn note(&self, piece: Piece) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Open | Phase::Last) {
            let now = self.now();
            state.pieces.push_back((now, piece));
            self.wake(state);
        }
    }

    fn wake(&self, state: MutexGuard<'_, State>) {
        drop(state);
        self.filled.notify_one();
    }

    /// Takes all that is there, and waits for it at most so long.
    pub(crate) fn take(&self, wait: Option<Duration>) -> Taken {
        let mut state = self.state.lock();
        while state.pieces.is_empty() {
            if matches!(state.phase, Phase::Closed | Phase::Abandoned) {
                return Taken::Closed;
            }
            match wait {
                None => self.filled.wait(&mut state),
                Some(wait) => {
                    if self.filled.wait_for(&mut state, wait).timed_out() {
                        break;
                    }
                }
            }
        }
        if state.pieces.is_empty() {
            return Taken::Nothing;
        }
        state.bytes = 0;
        let pieces = std::mem::take(&mut state.pieces);
        drop(state);
        self.drained.notify_all();
        Taken::Pieces(pieces)
    }

    /// Lets nothing in until [`Queue::release`].
    pub(crate) fn hold(&self) {
        self.state.lock().hold = Hold::Yes;
    }

    /// Lets things in again.
    pub(crate) fn release(&self) {
        self.state.lock().hold = Hold::No;
        self.drained.notify_all();
    }

    /// The processes are gone: nothing waits any more.
    pub(crate) fn last(&self) {
        self.enter(Phase::Last);
    }

    /// Nothing more comes.
    pub(crate) fn close(&self) {
        self.enter(Phase::Closed);
    }

    /// Nobody records any more.
    pub(crate) fn abandon(&self) {
        self.enter(Phase::Abandoned);
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.state.lock();
        if state.phase != Phase::Abandoned {
            state.phase = phase;
        }
        drop(state);
        self.drained.notify_all();
        self.filled.notify_all();
    }
}

fn alive(state: &State) -> Result<(), Abandoned> {
    match state.phase {
        Phase::Open | Phase::Last => Ok(()),
        Phase::Closed | Phase::Abandoned => Err(Abandoned),
    }
}

/// Adds to the last piece when that is of the same kind, young and small.
fn joined(state: &mut State, now: u64, kind: &Piece, bytes: &[u8]) -> bool {
    let Some((at, last)) = state.pieces.back_mut() else {
        return false;
    };
    let young = Duration::from_micros(now.saturating_sub(*at)) <= COALESCE;
    match (last, kind) {
        (Piece::Output(last), Piece::Output(_)) | (Piece::Input(last), Piece::Input(_))
            if young && last.len() + bytes.len() <= EVENT_OUTPUT =>
        {
            last.extend_from_slice(bytes);
            true
        }
        _ => false,
    }
}

//! What the user sees: the output of the session, and what the recorder has to say.
//!
//! A terminal or a pipe may take nothing for as long as it likes. That holds up the session, never
//! its end: every write looks first whether there is room, and whether it is still wanted.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits::SCREEN_POLL;

/// The most that a pipe takes without blocking, once it has room.
const CHUNK: usize = 4_096;

#[derive(Debug)]
pub(crate) struct Screen {
    output: OwnedFd,
    notices: OwnedFd,
    /// How lines are ended where notices go.
    raw: AtomicBool,
    writing: Mutex<()>,
    waiting: Mutex<Vec<String>>,
    any_waiting: AtomicBool,
    closed: AtomicBool,
    lost: AtomicBool,
    on_lost: Notify,
}

impl Screen {
    pub(crate) fn new(output: OwnedFd, notices: OwnedFd) -> Self {
        Self {
            output,
            notices,
            raw: AtomicBool::new(false),
            writing: Mutex::default(),
            waiting: Mutex::default(),
            any_waiting: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            on_lost: Notify::new(),
        }
    }

    /// The terminal is in raw mode from now on, where a line needs a carriage return.
    pub(crate) fn enter_raw(&self) {
        self.raw.store(true, Ordering::Release);
    }

    /// The terminal is as it was.
    pub(crate) fn leave_raw(&self) {
        self.raw.store(false, Ordering::Release);
    }

    /// Shows output; waits for room until the screen is closed. Output for a screen that is closed
    /// or lost goes nowhere.
    pub(crate) fn show(&self, bytes: &[u8]) {
        let guard = self.writing.lock();
        if self.any_waiting.load(Ordering::Acquire) {
            self.notices_out(&guard);
        }
        if self.lost.load(Ordering::Acquire) {
            return;
        }
        if let Err(error) = self.write(self.output.as_fd(), bytes, None) {
            tracing::info!(%error, "what shows the session is gone");
            self.lost.store(true, Ordering::Release);
            self.on_lost.notify_one();
        }
    }

    /// Returns when output has nowhere to go any more.
    pub(crate) async fn lost(&self) {
        self.on_lost.notified().await;
    }

    /// Says something on a line of its own; at the next chance when the screen takes nothing now.
    pub(crate) fn tell(self: &Arc<Self>, text: &str) {
        self.note(text);
        let screen = Arc::clone(self);
        // Not awaited: nothing depends on when it is read.
        drop(tokio::task::spawn_blocking(move || screen.flush()));
    }

    /// As [`Screen::tell`], and not before it is said or cannot be.
    pub(crate) fn say(&self, text: &str) {
        self.note(text);
        self.flush();
    }

    fn note(&self, text: &str) {
        self.waiting.lock().push(text.to_owned());
        self.any_waiting.store(true, Ordering::Release);
    }

    /// Says what there is to say, if the screen takes it soon.
    pub(crate) fn flush(&self) {
        if let Some(guard) = self.writing.try_lock_for(SCREEN_POLL) {
            self.notices_out(&guard);
        }
    }

    /// Nothing more is shown, and nothing is waited for.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn notices_out(&self, _guard: &MutexGuard<'_, ()>) {
        let texts = std::mem::take(&mut *self.waiting.lock());
        self.any_waiting.store(false, Ordering::Release);
        let raw = self.raw.load(Ordering::Acquire);
        for text in texts {
            let line = if raw {
                format!(
                    "\r\n[countersign] {}\r\n",
                    text.replace('\n', "\r\n[countersign] ")
                )
            } else {
                format!("[countersign] {}\n", text.replace('\n', "\n[countersign] "))
            };
            let limit = Some(Instant::now() + SCREEN_POLL);
            if let Err(error) = self.write(self.notices.as_fd(), line.as_bytes(), limit) {
                tracing::debug!(%error, text, "the user was not told");
            }
        }
    }

    fn write(&self, fd: BorrowedFd<'_>, bytes: &[u8], limit: Option<Instant>) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let ready = writable(fd, SCREEN_POLL)?;
            let late = limit.is_some_and(|limit| Instant::now() >= limit);
            if !ready {
                // A notice may still be said after the screen is closed, if there is room at once.
                if late || (limit.is_none() && self.closed.load(Ordering::Acquire)) {
                    return if late {
                        Err(io::ErrorKind::TimedOut.into())
                    } else {
                        Ok(())
                    };
                }
                continue;
            }
            match rustix::io::write(fd, &rest[..rest.len().min(CHUNK)]) {
                Ok(count) => rest = &rest[count..],
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn writable(fd: BorrowedFd<'_>, wait: Duration) -> io::Result<bool> {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
    match poll(&mut fds, Some(&wait)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

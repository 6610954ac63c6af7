//! The user's side: where input comes from, where output goes, and the mode of the terminal.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};

use crate::limits::WINDOW;
use crate::session::queue::Window;

/// Input and output of the user: a terminal, or pipes.
#[derive(Debug)]
pub struct Terminal {
    pub(crate) input: OwnedFd,
    pub(crate) output: OwnedFd,
    pub(crate) errors: OwnedFd,
}

impl Terminal {
    /// The standard input, output and error of this process.
    ///
    /// # Errors
    /// When one of them is closed.
    pub fn standard() -> io::Result<Self> {
        Ok(Self {
            input: io::stdin().as_fd().try_clone_to_owned()?,
            output: io::stdout().as_fd().try_clone_to_owned()?,
            errors: io::stderr().as_fd().try_clone_to_owned()?,
        })
    }

    /// Other ones. The recorder speaks to the user through `output` when it is a terminal, through
    /// `errors` otherwise.
    #[must_use]
    pub const fn new(input: OwnedFd, output: OwnedFd, errors: OwnedFd) -> Self {
        Self {
            input,
            output,
            errors,
        }
    }

    pub(crate) fn input_is_terminal(&self) -> bool {
        isatty(&self.input)
    }

    /// Size of the window; that of a plain terminal when there is none.
    pub(crate) fn window(&self) -> Window {
        window(&self.output)
            .or_else(|| window(&self.input))
            .unwrap_or(Window {
                columns: WINDOW.0,
                rows: WINDOW.1,
            })
    }

    /// Where the recorder speaks.
    pub(crate) fn notices(&self) -> io::Result<OwnedFd> {
        if isatty(&self.output) {
            self.output.try_clone()
        } else {
            self.errors.try_clone()
        }
    }

    /// Mode of the terminal that input comes from.
    pub(crate) fn mode(&self) -> Option<Termios> {
        tcgetattr(&self.input).ok()
    }
}

fn window(fd: &OwnedFd) -> Option<Window> {
    let size = tcgetwinsize(fd).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(Window {
        columns: size.ws_col,
        rows: size.ws_row,
    })
}

/// A terminal in raw mode; as it was before when this is dropped, whatever the reason.
#[derive(Debug)]
pub(crate) struct RawMode {
    terminal: OwnedFd,
    before: Termios,
}

impl RawMode {
    /// Puts the terminal into raw mode; nothing when input comes from elsewhere.
    pub(crate) fn enter(terminal: &Terminal) -> io::Result<Option<Self>> {
        if !terminal.input_is_terminal() {
            return Ok(None);
        }
        let terminal = terminal.input.try_clone()?;
        let before = tcgetattr(&terminal)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &raw)?;
        Ok(Some(Self { terminal, before }))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(&self.terminal, OptionalActions::Now, &self.before) {
            tracing::debug!(%error, "the terminal is gone, and keeps its mode");
        }
    }
}

//! The command on a terminal of its own.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::oneshot;

use crate::session::queue::Window;

/// What is to run.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Program and arguments.
    pub(crate) argv: Vec<OsString>,
    /// Variables beside those of this process.
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Size of the window.
    pub(crate) window: Window,
    /// Mode of the user's terminal, which the new one gets; without one nothing is echoed.
    pub(crate) mode: Option<Termios>,
}

/// A command that runs.
pub(crate) struct Running {
    /// Its process, which leads a session and a process group.
    pub(crate) pid: u32,
    pub(crate) master: Box<dyn MasterPty + Send>,
    pub(crate) reader: Box<dyn Read + Send>,
    pub(crate) writer: Box<dyn Write + Send>,
    /// How it ended.
    pub(crate) exit: oneshot::Receiver<io::Result<ExitStatus>>,
}

/// Starts the command.
pub(crate) fn start(program: &Program) -> io::Result<Running> {
    let pair = native_pty_system()
        .openpty(size(program.window))
        .map_err(io::Error::other)?;
    prepare(pair.master.as_ref(), program.mode.as_ref())?;
    let mut command = CommandBuilder::from_argv(program.argv.clone());
    // The builder's own idea of the environment has a shell where there may be none.
    command.env_clear();
    for (name, value) in std::env::vars_os().chain(program.env.iter().cloned()) {
        command.env(name, value);
    }
    command.cwd(std::env::current_dir()?);
    let reader = pair.master.try_clone_reader().map_err(io::Error::other)?;
    let writer = pair.master.take_writer().map_err(io::Error::other)?;
    let child = pair.slave.spawn_command(command);
    let child: Box<dyn Child> = child.map_err(|error| io::Error::other(format!("{error:#}")))?;
    let mut child = child
        .downcast::<std::process::Child>()
        .map_err(|child| io::Error::other(format!("expected a child process, got {child:?}")))?;
    let pid = child.id();
    let (sender, exit) = oneshot::channel();
    std::thread::Builder::new()
        .name("wait".to_owned())
        .spawn(move || {
            // Nobody asks any more when the session gave up on a process that cannot be killed.
            drop(sender.send(child.wait()));
        })?;
    Ok(Running {
        pid,
        master: pair.master,
        reader,
        writer,
        exit,
    })
}

/// Gives the terminal its mode before anything reads from it.
fn prepare(master: &dyn MasterPty, mode: Option<&Termios>) -> io::Result<()> {
    let path = master.tty_name().ok_or(io::ErrorKind::NotFound)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = openat(CWD, path, flags, Mode::empty())?;
    let mode = match mode {
        Some(mode) => mode.clone(),
        None => {
            let mut mode = tcgetattr(&slave)?;
            mode.local_modes.remove(LocalModes::ECHO);
            mode
        }
    };
    tcsetattr(&slave, OptionalActions::Now, &mode)?;
    Ok(())
}

pub(crate) fn size(window: Window) -> PtySize {
    PtySize {
        rows: window.rows,
        cols: window.columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// The exit status as shells give it: 128 and the number of the signal for one that was killed.
pub(crate) fn status(exit: ExitStatus) -> i32 {
    let killed = exit.signal().map(|signal| 128 + signal);
    exit.code().or(killed).unwrap_or(-1)
}

//! One session, from its entry to its end.

mod closing;
mod signals;
mod starting;
mod watching;

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::time::UnixMicros;
use countersign_proto::v1;
use portable_pty::MasterPty;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::outlet::{Outlet, OutletError};
use crate::session::cut::Totals;
use crate::session::processes::{self, Hunt};
use crate::session::queue::{Piece, Queue, Window};
use crate::session::recorder::Of;
use crate::session::register::{Register, Use};
use crate::session::relay::{InputEnd, StopInput};
use crate::session::run::signals::{Endings, Wait};
use crate::session::screen::Screen;
use crate::session::terminal::RawMode;
use crate::session::{Ended, Options, Parts, SessionError, Standing};

/// Runs a command as a session of a grant, until it ends or the grant does. Must be called inside a
/// tokio runtime of several threads.
///
/// # Errors
/// [`SessionError`]. What was started is ended in any case, and the user's terminal is as it was.
pub async fn run<R: Register, O: Outlet>(
    options: Options,
    parts: Parts<R, O>,
) -> Result<Ended, SessionError> {
    if options.command.is_empty() {
        return Err(SessionError::NoCommand);
    }
    let grant = parts.granted.grant;
    let end = match *parts.standing.borrow() {
        Standing::Active { end } => end,
        Standing::Over { reason } => {
            let why = reason.name();
            return Err(SessionError::NotActive { grant, why });
        }
        Standing::Unknown { .. } => return Err(SessionError::Unknown(grant)),
    };
    let usage = Use {
        grant,
        client: options.client.clone(),
        source_address: options.source_address.clone(),
    };
    let entered = parts.register.start(usage).await;
    let session = entered.map_err(SessionError::NotEntered)?.session;
    let register = parts.register.clone();
    match starting::start(&options, parts, session, end) {
        Ok(running) => running.run(&options, end).await,
        Err(source) => {
            let end = v1::EndSessionRequest {
                call: None,
                session,
                reason: "not started".to_owned(),
                exit_status: 127,
                recording: None,
            };
            if let Err(error) = register.end(end).await {
                tracing::warn!(%error, session, "the end of the session was not entered");
            }
            let program = options.command[0].to_string_lossy().into_owned();
            Err(SessionError::Start { program, source })
        }
    }
}

/// A session that runs.
struct Session<R, O> {
    parts: Parts<R, O>,
    of: Of,
    queue: Arc<Queue>,
    screen: Arc<Screen>,
    master: Box<dyn MasterPty + Send>,
    raw: Option<RawMode>,
    window: Window,
    hunt: Hunt,
    exit: oneshot::Receiver<io::Result<ExitStatus>>,
    output: oneshot::Receiver<()>,
    stop_input: StopInput,
    input: oneshot::Receiver<InputEnd>,
    totals: oneshot::Receiver<io::Result<Totals>>,
    keeper: JoinHandle<Result<(), OutletError>>,
    listener: JoinHandle<(u64, u64)>,
    stop_listener: DropGuard,
    signals: Endings,
    resized: Wait,
    /// Cancelled when nothing more can be recorded.
    failed: CancellationToken,
}

impl<R: Register, O: Outlet> Session<R, O> {
    async fn run(mut self, options: &Options, end: UnixMicros) -> Result<Ended, SessionError> {
        let guard = Guard(Some((self.hunt.clone(), Arc::clone(&self.queue))));
        let (reason, exit) = self.watch(options, end).await;
        self.close(reason, exit, guard).await
    }

    /// Tells the user, and the recording.
    fn tell(&self, text: &str) {
        self.queue.note(Piece::Marker(text.to_owned()));
        self.screen.tell(text);
    }
}

/// Kills what is left when a session is given up half-way: by an error, a panic, or a caller that
/// does not wait for its end.
struct Guard(Option<(Hunt, Arc<Queue>)>);

impl Guard {
    fn defuse(mut self) {
        self.0 = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((hunt, queue)) = self.0.take() {
            for member in hunt.look() {
                processes::signal(member, &[rustix::process::Signal::KILL]);
            }
            queue.close();
        }
    }
}

/// What is left until then.
fn left(end: UnixMicros, now: UnixMicros) -> Duration {
    Duration::from_micros(end.get().saturating_sub(now.get()))
}

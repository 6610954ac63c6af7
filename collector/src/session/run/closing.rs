//! The end: processes first, then the terminal, then the recording, then the entry.

use countersign_proto::v1;
use tokio::time::{Instant, timeout, timeout_at};

use crate::limits::{DRAIN_PATIENCE, FINISH_PATIENCE, LAST_PATIENCE};
use crate::outlet::{Outlet, OutletError};
use crate::session::ending::end_all;
use crate::session::pty::status;
use crate::session::register::Register;
use crate::session::run::watching::{Exit, waited};
use crate::session::run::{Guard, Session};
use crate::session::{Ended, Reason, SessionError};

/// The last call of a session takes as long as any when the ledger is away.
const WAITING: &str = "waiting up to 30 s, or what --timeout says, for the ledger to take the end \
                       of the session";

impl<R: Register, O: Outlet> Session<R, O> {
    /// Ends what runs, and hands over what was recorded.
    pub(super) async fn close(
        mut self,
        reason: Reason,
        exit: Exit,
        guard: Guard,
    ) -> Result<Ended, SessionError> {
        if let Some(why) = farewell(reason) {
            self.tell(why);
        }
        // Nothing of a session outlives it, also when its command ended by itself.
        let left_over = end_all(&self.hunt).await;
        if !left_over.is_empty() {
            tracing::error!(?left_over, "processes of the session could not be ended");
        }
        guard.defuse();
        let exit = match exit {
            Some(exit) => exit,
            None => match timeout(DRAIN_PATIENCE, &mut self.exit).await {
                Ok(exit) => waited(exit),
                Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
            },
        };
        let exit_status = exit.map_or(-1, status);
        self.drain().await;
        drop(self.raw.take());
        self.screen.leave_raw();
        let session = self.of.session;
        let register = self.parts.register.clone();
        let screen = std::sync::Arc::clone(&self.screen);
        let stored = self.store(reason).await;
        let (reason, recording) = match &stored {
            Ok(recording) => (reason, Some(*recording)),
            Err(_) => (Reason::NotRecorded, None),
        };
        let end = v1::EndSessionRequest {
            call: None,
            session,
            reason: reason.name().to_owned(),
            exit_status,
            recording,
        };
        if reason == Reason::LedgerAway {
            screen.tell(WAITING);
        }
        let unentered = register.end(end).await.err();
        if let Some(error) = &unentered {
            tracing::warn!(%error, session, "the end of the session was not entered");
        }
        Ok(Ended {
            session,
            reason,
            exit_status,
            recording: stored?,
            unentered,
            left_over,
        })
    }

    /// Takes the last output. Nothing writes any more; what a process shows that could not be ended
    /// is not waited for.
    async fn drain(&mut self) {
        self.queue.last();
        let limit = Instant::now() + DRAIN_PATIENCE;
        let shown = timeout_at(limit - DRAIN_PATIENCE / 2, &mut self.output).await;
        if shown.is_err() {
            // The screen takes nothing: the rest is recorded, and not shown.
            self.screen.close();
            if timeout_at(limit, &mut self.output).await.is_err() {
                tracing::warn!("the last output of the session may be missing");
            }
        }
        self.screen.close();
        let screen = std::sync::Arc::clone(&self.screen);
        if tokio::task::spawn_blocking(move || screen.flush())
            .await
            .is_err()
        {
            tracing::debug!("the last notice was not shown");
        }
    }

    /// Waits until everything that was recorded is durable: for some time, and no longer once
    /// somebody asks the recorder to end.
    async fn store(self, reason: Reason) -> Result<v1::Recording, SessionError> {
        let Self {
            of,
            parts,
            mut signals,
            queue,
            stop_input,
            totals,
            mut keeper,
            listener,
            stop_listener,
            ..
        } = self;
        let session = of.session;
        drop(stop_input);
        drop(stop_listener);
        queue.close();
        let gone = || OutletError::Closed("what stores the recording ended".to_owned());
        let all = async {
            let (commands, hidden) = listener.await.unwrap_or_default();
            let totals = totals.await;
            let kept = (&mut keeper).await.unwrap_or_else(|_| Err(gone()));
            (commands, hidden, totals, kept)
        };
        let begun = Instant::now();
        let patience = if reason == Reason::Signal {
            LAST_PATIENCE
        } else {
            FINISH_PATIENCE
        };
        let all = tokio::select! {
            all = timeout(patience, all) => all.ok(),
            () = signals.ending() => None,
            // What ended the session does not also end this.
            () = parts.stop.cancelled(), if reason != Reason::Signal => None,
        };
        let Some((commands, hidden, totals, kept)) = all else {
            keeper.abort();
            let waited = begun.elapsed().as_secs();
            return Err(SessionError::Unstored { session, waited });
        };
        kept.map_err(|source| SessionError::Outlet { session, source })?;
        let totals = totals
            .unwrap_or_else(|_| Err(std::io::ErrorKind::BrokenPipe.into()))
            .map_err(|source| SessionError::Recorder { session, source })?;
        Ok(v1::Recording {
            parts: totals.parts,
            commands,
            output_bytes: totals.output_bytes,
            redactions: totals.redactions + hidden,
        })
    }
}

/// What the user is told when the end is not of their making.
const fn farewell(reason: Reason) -> Option<&'static str> {
    use crate::session::Over;
    match reason {
        Reason::Exit | Reason::Signal => None,
        Reason::Over(Over::Expired) => Some("this access is over: its time has come"),
        Reason::Over(Over::Revoked) => Some("this access is over: it was revoked"),
        Reason::Over(Over::Finished) => Some("this access is over: it was given back"),
        Reason::LedgerAway => Some(
            "this access is over: the ledger does not answer, so nobody can say whether it holds",
        ),
        Reason::NotRecorded => Some("this access is over: it cannot be recorded any more"),
    }
}

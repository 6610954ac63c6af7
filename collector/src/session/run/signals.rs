//! Signals that concern a session. They are waited for before there is a process and a terminal in
//! raw mode: a signal in between would leave both behind.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// One kind of signal; a kind that cannot be waited for never comes.
pub(super) struct Wait(Option<Signal>);

impl Wait {
    fn new(kind: SignalKind) -> Self {
        match signal(kind) {
            Ok(signal) => Self(Some(signal)),
            Err(error) => {
                tracing::warn!(%error, ?kind, "cannot wait for a signal");
                Self(None)
            }
        }
    }

    /// The window changed its size.
    pub(super) fn resized() -> Self {
        Self::new(SignalKind::window_change())
    }

    pub(super) async fn came(&mut self) {
        let came = match &mut self.0 {
            Some(signal) => signal.recv().await.is_some(),
            None => false,
        };
        if !came {
            std::future::pending::<()>().await;
        }
    }
}

/// The signals that end a session.
pub(super) struct Endings([Wait; 4]);

impl Endings {
    pub(super) fn new() -> Self {
        let kinds = [
            SignalKind::terminate(),
            SignalKind::hangup(),
            SignalKind::interrupt(),
            SignalKind::quit(),
        ];
        Self(kinds.map(Wait::new))
    }

    pub(super) async fn ending(&mut self) {
        let [terminate, hangup, interrupt, quit] = &mut self.0;
        tokio::select! {
            () = terminate.came() => {}
            () = hangup.came() => {}
            () = interrupt.came() => {}
            () = quit.came() => {}
        }
    }
}

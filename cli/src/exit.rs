//! Exit codes: 0 fine, 1 findings or refused, 2 could not check or bad usage, 70 poisoned writer.

use std::io::{self, Write as _};
use std::process::ExitCode;

use countersign_client::{CallError, ConnectError, RememberError, StreamError};
use countersign_collector::SinkError;
use countersign_collector::emit::EmitError;
use countersign_collector::tail::TailError;
use countersign_ledger::server::run::{EXIT_POISONED, ServeError};

/// Something was found, or the ledger said no.
const FOUND: u8 = 1;
/// Nothing can be said, or the command makes no sense.
const UNKNOWN: u8 = 2;

/// How a command ended that ran to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Fine,
    /// It reported something that is not.
    Found,
    /// Another crate's command chose the code.
    Code(u8),
}

/// A check that failed: exit code 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

/// Says on stderr what went wrong, and chooses the exit code.
pub(crate) fn finish(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(FOUND),
        Ok(Outcome::Code(code)) => ExitCode::from(code),
        Err(error) => match code(&error) {
            0 => ExitCode::SUCCESS,
            code => {
                // Who closed stderr does not want to read it.
                let (told, remedy) = (text(&error), error.chain().find_map(remedy));
                let remedy = remedy.unwrap_or_default();
                drop(writeln!(io::stderr(), "countersign: {told}{remedy}"));
                ExitCode::from(code)
            }
        },
    }
}

/// The flag that helps, where an error knows of none.
fn remedy(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let call = match error.downcast_ref::<ConnectError>() {
        Some(ConnectError::Call(call) | ConnectError::NoKey(call)) => Some(call),
        _ => error.downcast_ref::<CallError>(),
    };
    matches!(call, Some(CallError::Remember(RememberError::Io { .. }))).then_some(
        "; it keeps what this client saw of the ledger: --remember FILE (COUNTERSIGN_REMEMBER) \
         chooses another place",
    )
}

/// The error and its causes, without those that it names itself.
fn text(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |told, cause| {
            if told.is_empty() {
                cause
            } else if told.contains(&cause) {
                told
            } else {
                format!("{told}: {cause}")
            }
        })
}

/// The code of an error; 0 when the reader of the output has gone away.
fn code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(known).unwrap_or(UNKNOWN)
}

fn known(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return (error.kind() == io::ErrorKind::BrokenPipe).then_some(0);
    }
    if error.is::<Refused>() {
        return Some(FOUND);
    }
    if let Some(error) = error.downcast_ref::<CallError>() {
        return Some(call(error));
    }
    if let Some(error) = error.downcast_ref::<ConnectError>() {
        return Some(match error {
            ConnectError::Call(error) | ConnectError::NoKey(error) => call(error),
            ConnectError::Config(_) => UNKNOWN,
        });
    }
    if let Some(code) = collecting(error) {
        return Some(code);
    }
    match error.downcast_ref::<ServeError>() {
        Some(ServeError::Poisoned) => Some(EXIT_POISONED),
        _ => None,
    }
}

/// Errors of the collector, which show those of their stream as their own.
fn collecting(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    let of_emit = error
        .downcast_ref::<EmitError>()
        .and_then(|error| match error {
            EmitError::Sink { source, .. } => Some(source),
            _ => None,
        });
    let of_tail = error
        .downcast_ref::<TailError>()
        .and_then(|error| match error {
            TailError::Sink(error) => Some(error),
            _ => None,
        });
    match of_emit.or(of_tail)? {
        SinkError::Stream(StreamError::Call { source, .. }) => Some(call(source)),
        SinkError::Write(error) if error.kind() == io::ErrorKind::BrokenPipe => Some(0),
        _ => None,
    }
}

fn call(error: &CallError) -> u8 {
    match error {
        CallError::Refused { .. }
        | CallError::Unverified { .. }
        | CallError::Remember(RememberError::Forked { .. } | RememberError::RolledBack { .. }) => {
            FOUND
        }
        CallError::Remember(_) | CallError::NoAnswer { .. } | CallError::Random(_) => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    fn of(error: impl Into<anyhow::Error>) -> u8 {
        code(&error.into())
    }

    #[test]
    fn codes_are_those_of_the_contract() {
        assert_eq!(of(ServeError::Poisoned), 70);
        assert_eq!(of(Refused("no".into())), 1);
        assert_eq!(of(io::Error::from(io::ErrorKind::BrokenPipe)), 0);
        assert_eq!(of(io::Error::from(io::ErrorKind::NotFound)), 2);
        assert_eq!(of(anyhow::anyhow!("what")), 2);
    }

    #[test]
    fn what_ends_a_stream_chooses_the_code() {
        let ended = |source| {
            let source = std::sync::Arc::new(source);
            SinkError::Stream(StreamError::Call {
                position: 0,
                source,
            })
        };
        let forked = || {
            let (older, newer) = (String::new(), String::new());
            CallError::Remember(RememberError::Forked {
                older,
                newer,
                proof: Vec::new(),
            })
        };
        let no_answer = CallError::NoAnswer {
            call: "Append",
            endpoint: String::new(),
            waited: std::time::Duration::ZERO,
            attempts: 1,
            last: String::new(),
            hint: String::new(),
        };
        let emit = |source| {
            let (line, progress) = (1, countersign_collector::emit::Progress::default());
            EmitError::Sink {
                line,
                source,
                progress,
            }
        };
        assert_eq!(of(emit(ended(forked()))), 1);
        assert_eq!(of(TailError::Sink(ended(forked()))), 1);
        assert_eq!(of(TailError::Sink(ended(no_answer))), 2);
        let gone = SinkError::Write(io::ErrorKind::BrokenPipe.into());
        assert_eq!(of(emit(gone)), 0);
    }

    #[test]
    fn no_cause_is_told_twice() {
        let error = anyhow::anyhow!("disk full").context("cannot write x: disk full");
        assert_eq!(
            text(&error.context("saving")),
            "saving: cannot write x: disk full"
        );
    }

    #[test]
    fn a_file_of_what_is_remembered_comes_with_the_flag_that_chooses_it() {
        let failed = RememberError::Io {
            action: "open",
            path: "/x/remembered.json.lock".into(),
            source: io::ErrorKind::PermissionDenied.into(),
        };
        let error = anyhow::Error::from(ConnectError::Call(CallError::Remember(failed)));
        let remedy = error.chain().find_map(remedy).unwrap();
        assert!(remedy.contains("--remember FILE"), "{remedy}");
        assert!(
            anyhow::anyhow!("what")
                .chain()
                .find_map(super::remedy)
                .is_none()
        );
    }

    #[test]
    fn a_context_does_not_hide_the_code() {
        let result: Result<(), _> = Err(ServeError::Poisoned);
        assert_eq!(code(&result.context("serving").unwrap_err()), 70);
        let forked = RememberError::RolledBack {
            remembered: String::new(),
            remembered_size: 2,
            shown: String::new(),
            shown_size: 1,
        };
        let result: Result<(), _> = Err(ConnectError::Call(CallError::Remember(forked)));
        assert_eq!(code(&result.context("connecting").unwrap_err()), 1);
    }
}

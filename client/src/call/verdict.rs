//! What a status says about trying again.

use std::error::Error as _;

use countersign_proto::reason::{Class, Reason, reason_of};
use tonic::{Code, Status};

/// Whether the same call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Yes, at the same address: it lives and asks for patience.
    Later,
    /// Yes, and another address may know better: this one is gone or going.
    Elsewhere,
    /// No.
    Final,
}

/// Judges a failure by its reason; what has none comes from the transport, a proxy or a newer
/// ledger, and is judged by its code.
pub(crate) fn verdict(status: &Status) -> Verdict {
    let Some(reason) = reason_of(status) else {
        return by_code(status);
    };
    match (reason.class(), reason) {
        (Class::Caller | Class::Fatal, _) => Verdict::Final,
        (Class::Retry, Reason::OutcomeUnknown | Reason::ShuttingDown) => Verdict::Elsewhere,
        (Class::Retry, _) => Verdict::Later,
    }
}

fn by_code(status: &Status) -> Verdict {
    if is_stranger(status) {
        return Verdict::Final;
    }
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Verdict::Elsewhere,
        Code::ResourceExhausted | Code::Aborted => Verdict::Later,
        // A lost connection. A status that the ledger sent has no source on this side.
        Code::Unknown | Code::Internal if status.source().is_some() => Verdict::Elsewhere,
        Code::Ok
        | Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss
        | Code::Unauthenticated => Verdict::Final,
    }
}

/// Whether the other end showed a certificate that the ledger's own CA did not issue: waiting does
/// not mend that.
pub(super) fn is_stranger(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(cause) = source {
        // rustls tells it by type, and tonic hides the type: its words are all there is.
        if cause.to_string().contains("invalid peer certificate") {
            return true;
        }
        source = cause.source();
    }
    false
}

/// The message of a status with what caused it, which for a lost connection says more than the
/// message.
pub(crate) fn describe(status: &Status) -> String {
    let mut text = status.message().to_owned();
    if text.is_empty() {
        text = format!("{:?} without a message", status.code());
    }
    let mut source = status.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use countersign_proto::reason::refusal;

    use super::*;

    fn lost(code: Code) -> Status {
        let mut status = Status::new(code, "transport error");
        status.set_source(std::sync::Arc::new(io::Error::other("connection reset")));
        status
    }

    #[test]
    fn a_stranger_is_not_asked_again() {
        let mut status = Status::new(Code::Unavailable, "transport error");
        let why = io::Error::other("invalid peer certificate: BadSignature");
        status.set_source(std::sync::Arc::new(why));
        assert_eq!(verdict(&status), Verdict::Final);
        assert_eq!(verdict(&lost(Code::Unavailable)), Verdict::Elsewhere);
    }

    #[test]
    fn every_reason_is_judged_by_its_class() {
        for reason in Reason::ALL {
            let judged = verdict(&refusal(*reason, "message", "hint"));
            let passes = judged != Verdict::Final;
            assert_eq!(passes, reason.class() == Class::Retry, "{reason}");
        }
        for (reason, expected) in [
            (Reason::QueueFull, Verdict::Later),
            (Reason::DiskFull, Verdict::Later),
            (Reason::OutcomeUnknown, Verdict::Elsewhere),
            (Reason::ShuttingDown, Verdict::Elsewhere),
            (Reason::IdempotencyKeyReused, Verdict::Final),
            (Reason::StoreDamaged, Verdict::Final),
        ] {
            assert_eq!(
                verdict(&refusal(reason, "message", "hint")),
                expected,
                "{reason}"
            );
        }
    }

    #[test]
    fn what_comes_from_the_transport_passes() {
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled] {
            assert_eq!(
                verdict(&Status::new(code, "")),
                Verdict::Elsewhere,
                "{code:?}"
            );
        }
        for code in [Code::Unknown, Code::Internal] {
            assert_eq!(verdict(&lost(code)), Verdict::Elsewhere, "{code:?}");
            assert_eq!(verdict(&Status::new(code, "")), Verdict::Final, "{code:?}");
        }
        assert_eq!(verdict(&Status::unauthenticated("")), Verdict::Final);
        assert_eq!(verdict(&Status::resource_exhausted("")), Verdict::Later);
    }

    #[test]
    fn a_description_names_the_cause_once() {
        assert_eq!(
            describe(&lost(Code::Unknown)),
            "transport error: connection reset"
        );
        let status = Status::new(Code::Unavailable, "");
        assert_eq!(describe(&status), "Unavailable without a message");
    }
}

//! Refusals of orders for certificates.

use countersign_proto::reason::{Reason, field_violation, refusal, with_metadata};
use tonic::Status;

use super::{internal, submit};
use crate::identity::ca::IssueError;
use crate::identity::desk::DeskError;
use crate::identity::role::RoleError;
use crate::log::NewEntryError;

/// A text that is no role.
pub(in crate::server) fn role(error: &RoleError) -> Status {
    let hint = "use admin, user, bot, agent, provisioner, auditor or witness";
    field_violation(Reason::RoleInvalid, "role", error.to_string(), hint)
}

/// A caller whose certificate was revoked.
pub(in crate::server) fn revoked(message: String) -> Status {
    let hint = "ask an administrator why, and for a new certificate";
    refusal(Reason::CertificateRevoked, message, hint)
}

/// A certificate that was not issued or revoked.
pub(in crate::server) fn desk(error: &DeskError) -> Status {
    let message = error.to_string();
    match error {
        DeskError::Issue(error) => issue(error),
        DeskError::Unknown { .. } => field_violation(
            Reason::CertificateUnknown,
            "serial",
            message,
            "take the serial number from `countersign ca list`",
        ),
        DeskError::AlreadyRevoked { index, .. } => {
            let index = index.to_string();
            let facts = [("revoked_index", index.as_str())];
            let hint = "nothing is to be done: the certificate is refused since that entry";
            with_metadata(Reason::AlreadyRevoked, message, hint, &facts)
        }
        DeskError::Revoked { .. } => revoked(message),
        DeskError::LastAdmin { .. } => refusal(
            Reason::RoleNotAllowed,
            message,
            "issue another certificate of role admin first, and revoke this one with it",
        ),
        DeskError::Entry(NewEntryError::PayloadTooLong(_)) => field_violation(
            Reason::PayloadTooLarge,
            "reason",
            message,
            "say it in fewer words",
        ),
        DeskError::Entry(NewEntryError::ViaIsActor)
        | DeskError::Renew(_)
        | DeskError::Event(_)
        | DeskError::Stopped(_) => internal(error),
        DeskError::Submit(error) => submit(error, |_position| "request".to_owned()),
    }
}

fn issue(error: &IssueError) -> Status {
    let message = error.to_string();
    match error {
        IssueError::Csr(_) => field_violation(
            Reason::CsrInvalid,
            "csr_pem",
            message,
            "send one PKCS #10 request in PEM form",
        ),
        IssueError::Name(_) => field_violation(
            Reason::NameInvalid,
            "name",
            message,
            "use a name without white space and control characters",
        ),
        IssueError::Validity { .. } => field_violation(
            Reason::ValidityInvalid,
            "valid_seconds",
            message,
            "ask for at most 397 days, or 0 for 30 days",
        ),
        IssueError::IssuerExpired { .. }
        | IssueError::Host(_)
        | IssueError::Sign(_)
        | IssueError::Random(_) => internal(error),
    }
}

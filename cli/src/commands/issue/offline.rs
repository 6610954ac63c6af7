//! The authority of a data folder that no server has open: the same desk, in the name of the first
//! administrator.

use countersign_chain::principal::Principal;
use countersign_client::Issued;
use countersign_ledger::identity::ca::{self, FIRST_ADMIN};
use countersign_ledger::identity::desk::{DeskError, IssueOrder, Orderer, RevokeOrder};
use countersign_ledger::identity::registry::CertificateFacts;
use countersign_ledger::identity::role::Role;
use countersign_ledger::node::Node;
use countersign_proto::v1;
use prost_types::Timestamp;

use super::Subject;
use crate::exit::Refused;

/// Whoever can open the folder holds the first administrator's key.
fn orderer() -> anyhow::Result<Orderer> {
    let principal = Principal::parse(&format!("{}:{FIRST_ADMIN}", Role::Admin))?;
    Ok(Orderer::offline(principal))
}

/// Orders that a server would refuse are refused here, too.
fn refused(error: DeskError) -> anyhow::Error {
    match error {
        DeskError::Unknown { .. } => Refused(format!(
            "{error}; `countersign ca list` shows the serial numbers"
        ))
        .into(),
        DeskError::AlreadyRevoked { .. }
        | DeskError::Revoked { .. }
        | DeskError::LastAdmin { .. }
        | DeskError::Issue(_) => Refused(error.to_string()).into(),
        other => other.into(),
    }
}

/// Issues a certificate for a request.
pub(super) async fn issue(node: &Node, csr: &str, subject: &Subject) -> anyhow::Result<Issued> {
    let order = IssueOrder {
        csr_pem: csr.to_owned(),
        role: subject.role,
        name: subject.name.clone(),
        validity: ca::validity(subject.valid_seconds),
    };
    let issued = node.desk().issue(&orderer()?, order).await;
    let (issued, facts) = issued.map_err(refused)?;
    Ok(Issued {
        chain_pem: issued.chain_pem,
        root_pem: issued.root_pem,
        certificate: wire(&facts),
    })
}

/// Revokes a certificate.
pub(super) async fn revoke(
    node: &Node,
    serial: &str,
    reason: &str,
) -> anyhow::Result<v1::Certificate> {
    let order = RevokeOrder {
        serial: serial.to_owned(),
        reason: reason.to_owned(),
    };
    let revoked = node.desk().revoke(&orderer()?, order).await;
    Ok(wire(&revoked.map_err(refused)?))
}

/// Everything that was issued, oldest first.
pub(super) fn list(node: &Node) -> Vec<v1::Certificate> {
    node.desk().list().iter().map(wire).collect()
}

fn wire(facts: &CertificateFacts) -> v1::Certificate {
    let time = |seconds: u64| {
        let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
        Some(Timestamp { seconds, nanos: 0 })
    };
    v1::Certificate {
        principal: facts.principal.clone(),
        serial: facts.serial.clone(),
        not_before: time(facts.not_before),
        not_after: time(facts.not_after),
        issued_index: facts.issued_index,
        revoked_index: facts.revoked_index,
    }
}

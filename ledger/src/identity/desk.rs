//! Issuing and revoking certificates, with the entries that say so.
//!
//! The server and the offline commands come here. An entry is durable before its certificate leaves
//! the desk, and before a revocation is reported as done. One order is worked on at a time, and
//! none is left in the middle when its caller goes away.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::principal::Principal;
use countersign_proto::event::{Event, EventError, Kinded};
use countersign_proto::v1::CertificateRevoked;
use tokio::sync::Mutex;

use super::ca::{self, Ca, IssueError, IssuedCertificate, RenewError};
use super::peer::Peer;
use super::registry::{CertificateFacts, Registry};
use super::role::Role;
use crate::clock::Clock;
use crate::log::{Log, NewEntry, NewEntryError, SubmitError};

/// Why a certificate was not issued or revoked.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The CA says no.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// No such certificate.
    #[error("expected the serial number of a certificate in the log, got {serial:?}")]
    Unknown {
        /// What was asked for.
        serial: String,
    },
    /// It was done before.
    #[error("certificate {serial} was revoked by entry {index}")]
    AlreadyRevoked {
        /// Its serial number.
        serial: String,
        /// The entry.
        index: u64,
    },
    /// The certificate of whoever asks was revoked while the order waited.
    #[error("certificate {serial} of the caller was revoked")]
    Revoked {
        /// Its serial number.
        serial: String,
    },
    /// Nobody would be left who can issue another.
    #[error("certificate {serial} is the caller's own and the last valid one of role admin")]
    LastAdmin {
        /// Its serial number.
        serial: String,
    },
    /// The server's own certificate was not renewed.
    #[error("cannot renew the server certificate: {0}")]
    Renew(#[from] RenewError),
    /// The entry would be too large.
    #[error(transparent)]
    Entry(#[from] NewEntryError),
    /// The event is none; our own mistake.
    #[error("cannot make the event: {0}")]
    Event(#[from] EventError),
    /// The entry could not be written.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The work was cut off; our own mistake, or the process is ending.
    #[error("the work was cut off: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// A certificate that is asked for.
#[derive(Debug, Clone)]
pub struct IssueOrder {
    /// PKCS #10 request, PEM.
    pub csr_pem: String,
    /// Role of its owner.
    pub role: Role,
    /// Name of its owner within the role.
    pub name: String,
    /// How long it is valid.
    pub validity: Duration,
}

/// A certificate that is to be refused from now on.
#[derive(Debug, Clone)]
pub struct RevokeOrder {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Why, for the record.
    pub reason: String,
}

/// Who gives an order.
#[derive(Debug, Clone)]
pub struct Orderer {
    principal: Principal,
    /// Serial number of the certificate that proved it; `None` for whoever has the data folder.
    serial: Option<String>,
}

impl Orderer {
    /// A client that was authenticated.
    #[must_use]
    pub fn client(peer: &Peer) -> Self {
        let serial = Some(peer.serial.clone());
        let principal = peer.principal.clone();
        Self { principal, serial }
    }

    /// Someone who works on the data folder itself.
    #[must_use]
    pub const fn offline(principal: Principal) -> Self {
        Self {
            principal,
            serial: None,
        }
    }
}

/// The desk of one node. Clones share it.
#[derive(Debug, Clone)]
pub struct CertificateDesk(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    ca: Arc<Ca>,
    registry: Arc<Registry>,
    log: Arc<Log>,
    clock: Arc<dyn Clock>,
    /// Held from the look into the registry until it knows the new entry.
    turn: Mutex<()>,
}

impl CertificateDesk {
    /// A desk that writes into this log, which is `main`.
    #[must_use]
    pub fn new(ca: Arc<Ca>, registry: Arc<Registry>, log: Arc<Log>, clock: Arc<dyn Clock>) -> Self {
        let turn = Mutex::new(());
        Self(Arc::new(Desk {
            ca,
            registry,
            log,
            clock,
            turn,
        }))
    }

    /// What the log knows of every certificate, in order of issue.
    #[must_use]
    pub fn list(&self) -> Vec<CertificateFacts> {
        self.0.registry.list()
    }

    /// What the log knows of every certificate, and the size of the log that it is all of.
    pub async fn known(&self) -> (u64, Vec<CertificateFacts>) {
        // No order is between its entry and the registry then.
        let _turn = self.0.turn.lock().await;
        (self.0.log.accepted_size(), self.0.registry.list())
    }

    /// Issues a certificate, and returns it when its entry is durable.
    ///
    /// # Errors
    /// [`DeskError`]; no certificate is given out then.
    pub async fn issue(
        &self,
        orderer: &Orderer,
        order: IssueOrder,
    ) -> Result<(IssuedCertificate, CertificateFacts), DeskError> {
        let (desk, orderer) = (Arc::clone(&self.0), orderer.clone());
        // A task of its own: a caller that goes away between entry and registry must not part them.
        tokio::spawn(async move { desk.issue(orderer, order).await }).await?
    }

    /// Renews the server's own certificate in the data folder `dir` when it is due, and returns it
    /// when its entry is durable.
    ///
    /// # Errors
    /// [`DeskError`]; the old certificate is still in place then.
    pub async fn renew_server(
        &self,
        dir: &Path,
        hosts: &[String],
    ) -> Result<Option<IssuedCertificate>, DeskError> {
        let desk = Arc::clone(&self.0);
        let (dir, hosts) = (dir.to_owned(), hosts.to_owned());
        tokio::spawn(async move { desk.renew_server(&dir, &hosts).await }).await?
    }

    /// Revokes a certificate, and returns what is known of it when the entry is durable and the
    /// certificate is refused.
    ///
    /// # Errors
    /// [`DeskError`]; after [`SubmitError::OutcomeUnknown`] the next start of the log tells.
    pub async fn revoke(
        &self,
        orderer: &Orderer,
        order: RevokeOrder,
    ) -> Result<CertificateFacts, DeskError> {
        let (desk, orderer) = (Arc::clone(&self.0), orderer.clone());
        tokio::spawn(async move { desk.revoke(orderer, order).await }).await?
    }
}

impl Desk {
    async fn issue(
        &self,
        orderer: Orderer,
        order: IssueOrder,
    ) -> Result<(IssuedCertificate, CertificateFacts), DeskError> {
        let _turn = self.turn.lock().await;
        self.check(&orderer)?;
        let IssueOrder {
            csr_pem,
            role,
            name,
            validity,
        } = order;
        let issued = self
            .ca
            .issue(&csr_pem, role, &name, validity, self.clock.wall())?;
        self.record(orderer.principal, &issued).await?;
        // If we stop here, then the entry names a certificate that nobody has.
        let facts = self.facts(&issued.serial)?;
        Ok((issued, facts))
    }

    async fn renew_server(
        &self,
        dir: &Path,
        hosts: &[String],
    ) -> Result<Option<IssuedCertificate>, DeskError> {
        let _turn = self.turn.lock().await;
        let now = self.clock.wall();
        if !ca::server_is_due(dir, now)? {
            return Ok(None);
        }
        let issued = ca::sign_server(dir, hosts, now)?;
        self.record(Principal::ledger(), &issued).await?;
        // If we stop here, then the entry names a certificate that nobody has.
        ca::install_server(dir, &issued)?;
        Ok(Some(issued))
    }

    /// Writes that a certificate was issued.
    async fn record(&self, actor: Principal, issued: &IssuedCertificate) -> Result<(), DeskError> {
        let event = issued.event();
        let index = self.write(actor, &event).await?;
        self.registry.apply_issued(index, &event);
        tracing::info!(index, principal = %issued.principal, "certificate issued");
        Ok(())
    }

    async fn revoke(
        &self,
        orderer: Orderer,
        order: RevokeOrder,
    ) -> Result<CertificateFacts, DeskError> {
        let _turn = self.turn.lock().await;
        self.check(&orderer)?;
        let RevokeOrder { serial, reason } = order;
        let CertificateFacts {
            principal,
            revoked_index: index,
            ..
        } = self.facts(&serial)?;
        if index != 0 {
            return Err(DeskError::AlreadyRevoked { serial, index });
        }
        if orderer.serial.as_deref() == Some(serial.as_str()) && !self.has_other_admin(&serial) {
            return Err(DeskError::LastAdmin { serial });
        }
        let event = CertificateRevoked {
            serial,
            principal,
            reason,
        };
        let index = self.write(orderer.principal, &event).await?;
        // If we stop here, then the next start reads the entry back and refuses the certificate.
        self.registry.apply_revoked(index, &event);
        tracing::info!(index, principal = event.principal, "certificate revoked");
        self.facts(&event.serial)
    }

    /// Whoever was revoked by an order before this one gives no more of them.
    fn check(&self, orderer: &Orderer) -> Result<(), DeskError> {
        match &orderer.serial {
            Some(serial) if self.registry.is_revoked(serial) => Err(DeskError::Revoked {
                serial: serial.clone(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn facts(&self, serial: &str) -> Result<CertificateFacts, DeskError> {
        let serial = serial.to_owned();
        self.registry
            .get(&serial)
            .ok_or(DeskError::Unknown { serial })
    }

    /// Whether an administrator other than the owner of this certificate could act now.
    fn has_other_admin(&self, serial: &str) -> bool {
        let now = self.clock.wall().seconds();
        self.registry.list().iter().any(|facts| {
            let role = facts.principal.split_once(':').map(|(role, _)| role);
            role == Some(Role::Admin.as_str())
                && facts.serial != serial
                && facts.revoked_index == 0
                && (facts.not_before..=facts.not_after).contains(&now)
        })
    }

    /// Writes an entry and returns its index when it is durable.
    async fn write<M: Kinded>(&self, actor: Principal, message: &M) -> Result<u64, DeskError> {
        let event = Event::from_message(message);
        event.known()?;
        let (kind, payload) = event.into_parts()?;
        let run = self
            .log
            .record_as(NewEntry::new(kind, actor, payload)?)
            .await?;
        Ok(run.first_index)
    }
}

//! Whether a client may go on: its certificate is neither revoked nor over.
//!
//! The guard asks when a call begins. The handler asks again when the request has come, which can
//! be much later. A stream may live for months, so it asks with every batch, and waits for a
//! revocation while nothing else happens: a revoked or expired certificate ends it.

use std::sync::Arc;

use countersign_proto::reason::{Reason, refusal};
use tokio::time::timeout;
use tonic::Status;

use crate::identity::clock::UnixClock;
use crate::identity::peer::Peer;
use crate::identity::registry::Registry;
use crate::limits::HEARTBEAT;
use crate::server::refuse;

/// What a certificate is judged by. Clones share it.
#[derive(Debug, Clone)]
pub struct Standing {
    registry: Arc<Registry>,
    clock: UnixClock,
}

impl Standing {
    /// Judges by what the log says and what time it is.
    #[must_use]
    pub const fn new(registry: Arc<Registry>, clock: UnixClock) -> Self {
        Self { registry, clock }
    }

    /// Refuses a client whose certificate was revoked or ran out.
    ///
    /// # Errors
    /// `CERTIFICATE_REVOKED` or `CERTIFICATE_EXPIRED`.
    pub fn check(&self, peer: &Peer) -> Result<(), Status> {
        let Peer {
            principal,
            serial,
            not_after,
            ..
        } = peer;
        if self.registry.is_revoked(serial) {
            let message = format!("certificate {serial} of {principal} was revoked");
            return Err(refuse::revoked(message));
        }
        let now = self.clock.seconds();
        if peer.is_expired(now) {
            return Err(refusal(
                Reason::CertificateExpired,
                format!("certificate {serial} ended at {not_after}; it is {now}"),
                "connect again with a new certificate from `countersign ca issue`",
            ));
        }
        Ok(())
    }

    /// Waits until a client may not go on, for streams on which nothing happens.
    pub async fn lost(&self, peer: &Peer) -> Status {
        let mut revocations = self.registry.watch_revocations();
        loop {
            if let Err(status) = self.check(peer) {
                return status;
            }
            // A revocation, or some time in which the certificate may have run out.
            drop(timeout(HEARTBEAT, revocations.changed()).await);
        }
    }
}

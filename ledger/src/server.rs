//! The door of the ledger: connections, the check of every call, and the services behind it.

pub mod access_service;
pub mod admin_service;
mod feeds;
pub mod guard;
pub mod http;
pub mod insights_service;
pub mod listener;
pub mod log_service;
mod logs;
mod looker;
mod observe;
pub mod policy_service;
pub mod readers;
pub mod recording_service;
mod refuse;
pub mod run;
mod seats;
mod services;
mod standing;
mod throttle;
mod unread;
pub mod world;

use std::sync::Arc;

use countersign_proto::reason::{Reason, refusal};
use tonic::{Request, Status};

use crate::identity::peer::Peer;

pub use self::logs::Logs;
use self::observe::observe;
use self::services::routes;
pub use self::services::{Offer, Services};
pub use self::standing::Standing;

/// Who calls, as the guard left it in the request.
fn peer<T>(request: &Request<T>) -> Result<Arc<Peer>, Status> {
    request
        .extensions()
        .get::<Arc<Peer>>()
        .cloned()
        .ok_or_else(|| {
            refusal(
                Reason::IdentityMissing,
                "the request carries no peer",
                "connect over TLS with a certificate from `countersign ca issue`",
            )
        })
}

/// Runs what waits for a disk on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(refuse::internal(&error)))
}

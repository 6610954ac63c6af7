//! Everything that is served, put together.

use std::sync::Arc;

use countersign_proto::FILE_DESCRIPTOR_SET;
use countersign_proto::v1::access_service_server::AccessServiceServer;
use countersign_proto::v1::admin_service_server::AdminServiceServer;
use countersign_proto::v1::insights_service_server::InsightsServiceServer;
use countersign_proto::v1::log_service_server::LogServiceServer;
use countersign_proto::v1::policy_service_server::PolicyServiceServer;
use countersign_proto::v1::recording_service_server::RecordingServiceServer;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;
use tonic_reflection::server::{Builder, Error};

use super::access_service::AccessService;
use super::admin_service::AdminService;
use super::insights_service::InsightsService;
use super::log_service::LogService;
use super::policy_service::PolicyService;
use super::readers::Readers;
use super::recording_service::RecordingService;
use super::run::ServeError;
use super::unread::Unread;
use super::world::World;
use super::{Logs, Standing, feeds};
use crate::clock::Clock;
use crate::identity::clock::UnixClock;
use crate::limits::MAX_REQUEST_BYTES;
use crate::node::Node;

/// What is served, beside health and reflection.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Entries.
    pub log: LogService,
    /// Certificates and status.
    pub admin: AdminService,
    /// Access cases.
    pub access: AccessService,
    /// Policies.
    pub policy: PolicyService,
    /// How access went.
    pub insights: InsightsService,
    /// What sessions showed.
    pub recording: RecordingService,
}

/// The services of a ledger, for `tonic::transport::Server::add_routes`, and the switch of their
/// health.
#[derive(Debug)]
pub struct Services {
    /// Where calls go.
    pub routes: Routes,
    /// Says that the ledger serves; [`Services::stop`] says that it stops.
    pub health: HealthReporter,
}

impl Services {
    /// Puts log, admin, access, policy, insights, recording, health (`grpc.health.v1`) and
    /// reflection (v1 and v1alpha) together. Health says *serving*.
    ///
    /// # Errors
    /// When the compiled `.proto` files cannot be read, which a test rules out.
    pub async fn new(offer: Offer) -> Result<Self, Error> {
        let (health, health_server) = tonic_health::server::health_reporter();
        health.set_serving::<LogServiceServer<LogService>>().await;
        health
            .set_serving::<AdminServiceServer<AdminService>>()
            .await;
        health
            .set_serving::<AccessServiceServer<AccessService>>()
            .await;
        health
            .set_serving::<PolicyServiceServer<PolicyService>>()
            .await;
        health
            .set_serving::<InsightsServiceServer<InsightsService>>()
            .await;
        health
            .set_serving::<RecordingServiceServer<RecordingService>>()
            .await;
        let Offer {
            log,
            admin,
            access,
            policy,
            insights,
            recording,
        } = offer;
        let log = LogServiceServer::new(log).max_decoding_message_size(MAX_REQUEST_BYTES);
        let admin = AdminServiceServer::new(admin).max_decoding_message_size(MAX_REQUEST_BYTES);
        let access = AccessServiceServer::new(access).max_decoding_message_size(MAX_REQUEST_BYTES);
        let policy = PolicyServiceServer::new(policy).max_decoding_message_size(MAX_REQUEST_BYTES);
        let insights =
            InsightsServiceServer::new(insights).max_decoding_message_size(MAX_REQUEST_BYTES);
        let recording =
            RecordingServiceServer::new(recording).max_decoding_message_size(MAX_REQUEST_BYTES);
        let routes = Routes::new(Unread(log))
            .add_service(Unread(admin))
            .add_service(Unread(access))
            .add_service(Unread(policy))
            .add_service(Unread(insights))
            .add_service(Unread(recording))
            .add_service(health_server)
            .add_service(descriptors().build_v1()?)
            .add_service(descriptors().build_v1alpha()?)
            .prepare();
        Ok(Self { routes, health })
    }

    /// Tells whoever asks for health that the ledger stops serving.
    pub async fn stop(health: &HealthReporter) {
        let stopping = tonic_health::ServingStatus::NotServing;
        health.set_service_status("", stopping).await;
        health
            .set_not_serving::<LogServiceServer<LogService>>()
            .await;
        health
            .set_not_serving::<AdminServiceServer<AdminService>>()
            .await;
        health
            .set_not_serving::<AccessServiceServer<AccessService>>()
            .await;
        health
            .set_not_serving::<PolicyServiceServer<PolicyService>>()
            .await;
        health
            .set_not_serving::<InsightsServiceServer<InsightsService>>()
            .await;
        health
            .set_not_serving::<RecordingServiceServer<RecordingService>>()
            .await;
    }
}

/// The services of a node. When `stop` is cancelled, streams end and health says so.
pub(super) async fn routes(
    node: &Node,
    stop: &CancellationToken,
    (clock, wall): (UnixClock, Arc<dyn Clock>),
) -> Result<Routes, ServeError> {
    let logs = Logs::new(Arc::clone(node.logs()));
    let standing = Standing::new(Arc::clone(node.registry()), clock);
    // A client's turns at reading are the same, whichever service it asks.
    let readers = Readers::default();
    let world = World::new(Arc::clone(&wall));
    let following = feeds::follow(Arc::clone(world.feeds()), logs.clone(), stop.clone());
    drop(tokio::spawn(following));
    let offer = Offer {
        log: LogService::new(
            logs.clone(),
            standing.clone(),
            stop.clone(),
            readers.clone(),
        ),
        admin: AdminService::new(logs.clone(), node.desk().clone()),
        access: AccessService::new(
            logs.clone(),
            standing.clone(),
            world.clone(),
            readers.clone(),
        ),
        policy: PolicyService::new(logs.clone(), standing.clone(), world.clone()),
        insights: InsightsService::new(logs.clone(), standing.clone(), wall, readers.clone()),
        recording: RecordingService::new(logs, standing, readers),
    };
    let services = Services::new(offer).await;
    let Services { routes, health } =
        services.map_err(|error| ServeError::Transport(error.to_string()))?;
    let stop = stop.clone();
    drop(tokio::spawn(async move {
        stop.cancelled().await;
        Services::stop(&health).await;
    }));
    Ok(routes)
}

fn descriptors() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptors_are_read() {
        assert!(descriptors().build_v1().is_ok());
        assert!(descriptors().build_v1alpha().is_ok());
    }
}

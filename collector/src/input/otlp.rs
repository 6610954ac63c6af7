//! Log records of OpenTelemetry: the server's side of OTLP over gRPC.
//!
//! A call is answered when its records are on disk here. A sender that gets no answer, or
//! `UNAVAILABLE`, sends again, as OTLP asks of it; records that were kept before are then there
//! twice. There is no place to go on from: what a sender gives up while nobody answers is lost, and
//! only the sender knows.

mod door;
mod service;
mod text;

use std::net::SocketAddr;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsServiceServer;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::transport::Server;
use tower::limit::GlobalConcurrencyLimitLayer;

use crate::input::error::{ConfigError, InputError};
use crate::input::push::Push;
use crate::input::settings;
use crate::input::tls::{self, TlsConfig};
use crate::limits::{
    MAX_CONNECTIONS, OTLP_CONNECTIONS, OTLP_KEEP_ALIVE, OTLP_REQUEST, OTLP_REQUESTS, STOP_PATIENCE,
};
use crate::outlet::Outlet;

pub use text::{Body, TextError, body};

/// An input that takes log records.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpConfig {
    /// Unique within the agent.
    pub name: String,
    /// Address and port.
    #[serde(default = "address", deserialize_with = "settings::address")]
    pub address: SocketAddr,
    /// Certificates; without them the connection is plain.
    pub tls: Option<TlsConfig>,
    /// Takes plain connections also from other machines. Anybody who reaches the port can then say
    /// anything, and read it on the way.
    #[serde(default)]
    pub plain_from_anywhere: bool,
    /// Connections at a time, 1 to 4,096; more are closed at once.
    #[serde(default = "connections")]
    pub max_connections: usize,
}

/// The port that IANA gave to OTLP over gRPC.
const fn address() -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4_317)
}

const fn connections() -> usize {
    OTLP_CONNECTIONS
}

impl OtlpConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.tls.is_none() && !self.address.ip().is_loopback() && !self.plain_from_anywhere {
            return Err(ConfigError::Plain(self.address, "plain_from_anywhere"));
        }
        if !(1..=MAX_CONNECTIONS).contains(&self.max_connections) {
            let got = self.max_connections;
            return Err(ConfigError::Number(
                "max_connections",
                1,
                MAX_CONNECTIONS,
                got,
            ));
        }
        Ok(())
    }
}

pub(super) async fn run<O: Outlet>(
    config: &OtlpConfig,
    push: Push<O>,
    stop: CancellationToken,
) -> Result<(), InputError> {
    let acceptor = config.tls.as_ref().map(|files| tls::load(files, &[b"h2"]));
    let acceptor = acceptor
        .transpose()?
        .map(|tls| TlsAcceptor::from(std::sync::Arc::new(tls)));
    let failed = |source| InputError::Listen {
        at: config.address.to_string(),
        source,
    };
    let listener = TcpListener::bind(config.address).await.map_err(failed)?;
    tracing::info!(address = %listener.local_addr().map_err(failed)?, "OTLP input listens");
    push.health().works();
    let (service, outcome) =
        service::new(format!("otlp:{}", config.name), push, stop.child_token());
    let service = LogsServiceServer::new(service)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(OTLP_REQUEST);
    // The service ends it when the outlet takes nothing more.
    let ended = outcome.ended();
    let connections = door::connections(listener, acceptor, config.max_connections, ended.clone());
    let serving = Server::builder()
        .layer(GlobalConcurrencyLimitLayer::new(OTLP_REQUESTS))
        .http2_keepalive_interval(Some(OTLP_KEEP_ALIVE))
        .add_service(service)
        .serve_with_incoming_shutdown(connections, ended.clone().cancelled_owned());
    let patience = async {
        ended.cancelled().await;
        tokio::time::sleep(STOP_PATIENCE).await;
    };
    tokio::select! {
        served = serving => served.map_err(|error| InputError::Serve(describe(&error)))?,
        // A client that holds its connection open for ever does not hold the agent.
        () = patience => tracing::info!("OTLP connections were left open at the stop"),
    }
    Ok(outcome.result()?)
}

/// The messages of an error and of what caused it.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;

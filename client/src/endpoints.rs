//! Connections to the addresses of one ledger, and which of them is in use.

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::config::{Config, ConfigError, Identity};
use crate::limits::{CONNECT_TIMEOUT, KEEP_ALIVE};

/// The addresses. All calls use one of them until it fails.
#[derive(Debug)]
pub(crate) struct Endpoints {
    places: Vec<Place>,
    current: AtomicUsize,
}

/// One address and the connection to it.
#[derive(Debug)]
struct Place {
    address: String,
    endpoint: Endpoint,
    channel: Channel,
}

impl Place {
    fn new(address: String, endpoint: Endpoint) -> Self {
        let channel = endpoint.connect_lazy();
        Self {
            address,
            endpoint,
            channel,
        }
    }
}

/// One address, as it was in use when a call began.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) position: usize,
    pub(crate) address: String,
    pub(crate) channel: Channel,
}

impl Endpoints {
    /// Prepares the connections. They are opened by the first call, and again after they were lost.
    pub(crate) fn new(config: &Config, identity: &Identity) -> Result<Self, ConfigError> {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&identity.ca))
            .identity(tonic::transport::Identity::from_pem(
                &identity.cert,
                &identity.key,
            ));
        let places = config
            .endpoints
            .iter()
            .map(|address| {
                let endpoint = endpoint(address, &tls, identity)?;
                Ok(Place::new(address.clone(), endpoint))
            })
            .collect::<Result<Vec<_>, ConfigError>>()?;
        Ok(Self {
            places,
            current: AtomicUsize::new(0),
        })
    }

    /// The same addresses over connections of their own, for a stream that its reader may leave
    /// unread: what waits in it fills the flow control window of its connection, and every other
    /// call there would wait behind it.
    pub(crate) fn apart(&self) -> Self {
        let places = self.places.iter();
        let places = places.map(|place| Place::new(place.address.clone(), place.endpoint.clone()));
        Self {
            places: places.collect(),
            current: AtomicUsize::new(self.current.load(Ordering::Relaxed)),
        }
    }

    /// Number of addresses.
    pub(crate) const fn len(&self) -> usize {
        self.places.len()
    }

    /// The address in use.
    pub(crate) fn route(&self) -> Route {
        let position = self.current.load(Ordering::Relaxed) % self.places.len();
        let place = &self.places[position];
        Route {
            position,
            address: place.address.clone(),
            channel: place.channel.clone(),
        }
    }

    /// Goes on to the next address, unless another call did so already.
    pub(crate) fn leave(&self, route: &Route) {
        let next = (route.position + 1) % self.places.len();
        let (from, order) = (route.position, Ordering::Relaxed);
        // When it fails, another call has moved on: that is as good.
        if self
            .current
            .compare_exchange(from, next, order, order)
            .is_ok()
        {
            tracing::debug!(
                from = route.address,
                to = self.places[next].address,
                "changed address"
            );
        }
    }
}

fn endpoint(
    address: &str,
    tls: &ClientTlsConfig,
    identity: &Identity,
) -> Result<Endpoint, ConfigError> {
    let wrong = |why: String| ConfigError::Address {
        address: address.to_owned(),
        why,
    };
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|error| {
        wrong(
            error
                .source()
                .map_or_else(|| error.to_string(), ToString::to_string),
        )
    })?;
    if endpoint.uri().scheme_str() != Some("https") {
        return Err(wrong("it does not start with https://".to_owned()));
    }
    if endpoint.uri().port().is_none() {
        return Err(wrong("it has no port".to_owned()));
    }
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .user_agent(concat!("countersign-client/", env!("CARGO_PKG_VERSION")))
        .map_err(|error| wrong(error.to_string()))?;
    endpoint
        .tls_config(tls.clone())
        .map_err(|error| ConfigError::Tls {
            folder: identity.folder().to_path_buf(),
            why: error
                .source()
                .map_or_else(|| error.to_string(), ToString::to_string),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str) -> String {
        let folder = std::env::temp_dir();
        let identity = Identity::for_tests(&folder);
        let config = Config::new(vec![address.to_owned()], folder);
        Endpoints::new(&config, &identity).unwrap_err().to_string()
    }

    #[test]
    fn addresses_are_https_with_a_port() {
        assert!(refused("http://localhost:1").contains("https://"));
        assert!(refused("https://localhost").contains("no port"));
        assert!(refused("localhost:1").contains("localhost:1"));
        assert!(refused("").contains("got \"\""));
    }

    #[test]
    fn an_identity_that_is_none_is_refused_before_the_first_call() {
        assert!(refused("https://localhost:1").contains("cannot set up TLS"));
    }
}

//! From settings to a sink.

use std::sync::Arc;

use countersign_client::Client;

use super::clock::Clock;
use super::config::SinkConfig;
use super::file::Files;
use super::https::Https;
use super::object::Objects;
use super::otlp::Otlp;
use super::parcel::Parcel;
use super::splunk::Splunk;
use super::syslog::Syslog;
use super::{Cut, Outcome, Sink};

/// What sinks know of the log that they bring.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// Name of the log.
    pub(super) log: String,
    /// Its origin.
    pub(super) origin: Arc<str>,
}

impl Origin {
    pub(super) fn of(client: &Client) -> Self {
        Self {
            log: client.log().to_owned(),
            origin: client.key().origin().as_str().into(),
        }
    }

    /// What stands before the first `/` of the origin: the host name of the ledger, usually.
    pub(super) fn host(&self) -> &str {
        self.origin.split('/').next().unwrap_or_default()
    }
}

/// Any sink.
#[derive(Debug)]
pub(super) enum Any {
    /// A web service.
    Https(Https),
    /// The HTTP event collector of Splunk.
    Splunk(Splunk),
    /// A syslog server.
    Syslog(Syslog),
    /// Files.
    File(Files),
    /// A store of objects.
    Object(Box<Objects>),
    /// A receiver of OpenTelemetry logs.
    Otlp(Box<Otlp>),
}

impl Any {
    /// Makes the sink that the settings ask for. Nothing is connected yet.
    pub(super) fn open(
        config: &SinkConfig,
        origin: &Origin,
        clock: &Clock,
    ) -> Result<Self, String> {
        let is_json = config.encoding().is_json();
        if let Some(https) = &config.https {
            return Https::new(https, is_json, origin, clock).map(Self::Https);
        }
        if let Some(splunk) = &config.splunk {
            return Splunk::new(splunk, is_json, origin).map(Self::Splunk);
        }
        if let Some(syslog) = &config.syslog {
            return Syslog::new(syslog).map(Self::Syslog);
        }
        if let Some(file) = &config.file {
            return Files::new(file, &config.name).map(Self::File);
        }
        if let Some(object) = &config.object {
            return Objects::new(object, origin).map(|it| Self::Object(Box::new(it)));
        }
        match &config.otlp {
            Some(otlp) => Otlp::new(otlp, origin, clock).map(|it| Self::Otlp(Box::new(it))),
            None => Err("expected one kind of sink, got none".to_owned()),
        }
    }

    /// Whether an entry may be sent again to see that it arrives: an index that comes twice is
    /// nothing new to these receivers.
    pub(super) const fn may_repeat(&self) -> bool {
        match self {
            Self::Https(_) | Self::Splunk(_) | Self::Syslog(_) | Self::Otlp(_) => true,
            Self::File(_) | Self::Object(_) => false,
        }
    }
}

impl Sink for Any {
    async fn deliver(&mut self, parcels: &[Parcel]) -> Outcome {
        match self {
            Self::Https(it) => it.deliver(parcels).await,
            Self::Splunk(it) => it.deliver(parcels).await,
            Self::Syslog(it) => it.deliver(parcels).await,
            Self::File(it) => it.deliver(parcels).await,
            Self::Object(it) => it.deliver(parcels).await,
            Self::Otlp(it) => it.deliver(parcels).await,
        }
    }

    fn resume(&mut self, mark: Option<&str>) -> Result<(), String> {
        match self {
            Self::File(it) => it.resume(mark),
            Self::Https(_) | Self::Splunk(_) | Self::Syslog(_) => Ok(()),
            Self::Object(_) | Self::Otlp(_) => Ok(()),
        }
    }

    async fn probe(&mut self) -> Result<String, String> {
        match self {
            Self::Https(it) => it.probe().await,
            Self::Splunk(it) => it.probe().await,
            Self::Syslog(it) => it.probe().await,
            Self::File(it) => it.probe().await,
            Self::Object(it) => it.probe().await,
            Self::Otlp(it) => it.probe().await,
        }
    }

    fn forgets(&self) -> bool {
        match self {
            Self::File(it) => it.forgets(),
            Self::Https(_) | Self::Splunk(_) | Self::Syslog(_) => false,
            Self::Object(_) | Self::Otlp(_) => false,
        }
    }

    fn forget(&mut self) -> std::io::Result<()> {
        match self {
            Self::File(it) => it.forget(),
            Self::Https(_) | Self::Splunk(_) | Self::Syslog(_) => Ok(()),
            Self::Object(_) | Self::Otlp(_) => Ok(()),
        }
    }

    fn cut(&self) -> Cut {
        match self {
            Self::Object(it) => it.cut(),
            Self::Https(_) | Self::Splunk(_) | Self::Syslog(_) => Cut::Anywhere,
            Self::File(_) | Self::Otlp(_) => Cut::Anywhere,
        }
    }
}

//! A receiver of OpenTelemetry logs over gRPC.
//!
//! A receiver that takes a part of a batch says how many it has rejected, not which, and must not
//! be sent the batch again: all of the batch is put aside then.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use reqwest::Url;
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};

use super::clock::Clock;
use super::config::kinds::{OtlpConfig, TlsConfig};
use super::config::secret::read;
use super::http::address;
use super::open::Origin;
use super::parcel::Parcel;
use super::tls::reach;
use super::{Outcome, Sink, Which};

/// Nanoseconds of a microsecond.
const NANOS: u64 = 1_000;

/// Exports records.
#[derive(Debug)]
pub(super) struct Otlp {
    client: LogsServiceClient<Channel>,
    metadata: MetadataMap,
    resource: Resource,
    url: Url,
    tls: TlsConfig,
    clock: Clock,
}

impl Otlp {
    pub(super) fn new(config: &OtlpConfig, origin: &Origin, clock: &Clock) -> Result<Self, String> {
        let url = address(&config.url)?;
        let endpoint = Endpoint::from_shared(config.url.clone());
        let endpoint = endpoint.map_err(|error| format!("otlp.url: {error}"))?;
        let timeout = config.timeout.get();
        let mut endpoint = endpoint.timeout(timeout).connect_timeout(timeout);
        if url.scheme() == "https" {
            let with_tls = endpoint.tls_config(tls(&config.tls)?);
            endpoint = with_tls.map_err(|error| format!("TLS cannot be set up: {error}"))?;
        }
        let token = config.bearer_token.as_ref();
        let attributes = vec![
            text("service.name", &config.service_name),
            text("countersign.log", &origin.log),
            text("countersign.origin", &origin.origin),
        ];
        Ok(Self {
            client: LogsServiceClient::new(endpoint.connect_lazy()),
            metadata: metadata(&config.headers, token.map(|token| token.expose()))?,
            resource: Resource {
                attributes,
                ..Resource::default()
            },
            url,
            tls: config.tls.clone(),
            clock: clock.clone(),
        })
    }

    fn request(&self, parcels: &[Parcel]) -> Request<ExportLogsServiceRequest> {
        let observed = self.clock.now().get().saturating_mul(NANOS);
        let scope_logs = ScopeLogs {
            scope: Some(InstrumentationScope {
                name: "countersign".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                ..InstrumentationScope::default()
            }),
            log_records: parcels
                .iter()
                .map(|parcel| record(parcel, observed))
                .collect(),
            schema_url: String::new(),
        };
        let resource_logs = ResourceLogs {
            resource: Some(self.resource.clone()),
            scope_logs: vec![scope_logs],
            schema_url: String::new(),
        };
        let mut request = Request::new(ExportLogsServiceRequest {
            resource_logs: vec![resource_logs],
        });
        *request.metadata_mut() = self.metadata.clone();
        request
    }
}

impl Sink for Otlp {
    async fn deliver(&mut self, parcels: &[Parcel]) -> Outcome {
        let request = self.request(parcels);
        match self.client.export(request).await {
            Ok(answer) => taken(answer.into_inner(), parcels.len()),
            Err(status) => failed(&status),
        }
    }

    async fn probe(&mut self) -> Result<String, String> {
        let port = self.url.port_or_known_default().unwrap_or(4317);
        reach(&self.url, port, &self.tls).await
    }
}

/// What an answer says of the records.
fn taken(answer: ExportLogsServiceResponse, count: usize) -> Outcome {
    let partial = answer.partial_success.unwrap_or_default();
    let rejected = usize::try_from(partial.rejected_log_records).unwrap_or(0);
    if rejected == 0 {
        if !partial.error_message.is_empty() {
            let said = partial.error_message;
            tracing::warn!(said, "the receiver of OpenTelemetry logs has a remark");
        }
        return Outcome::done();
    }
    let said = &partial.error_message;
    let why = format!("rejected {rejected} of {count} records, without saying which: {said}");
    Outcome::Refused {
        delivered: 0,
        // One alone is the one; for all of them, less may be taken.
        which: if rejected >= count {
            Which::Some
        } else {
            Which::Unknown
        },
        why,
    }
}

/// What a status means. Only what speaks of the records is a refusal for good.
fn failed(status: &Status) -> Outcome {
    let why = match status.message() {
        "" => format!("{:?}", status.code()),
        message => format!("{:?}: {message}", status.code()),
    };
    match status.code() {
        Code::InvalidArgument => Outcome::Refused {
            delivered: 0,
            which: Which::Some,
            why,
        },
        _ => Outcome::later(why),
    }
}

fn record(parcel: &Parcel, observed: u64) -> LogRecord {
    let entry = parcel.entry();
    let name = countersign_proto::reading::kind_text(entry.kind().get());
    let number = |name: &str, value: u64| KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX))),
        }),
        ..KeyValue::default()
    };
    LogRecord {
        time_unix_nano: entry.time().get().saturating_mul(NANOS),
        observed_time_unix_nano: observed,
        severity_number: SeverityNumber::Info.into(),
        severity_text: "INFO".to_owned(),
        event_name: name.clone(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(parcel.text().to_owned())),
        }),
        attributes: vec![
            number("countersign.index", entry.index()),
            number("countersign.case", entry.case()),
            text("countersign.kind", &name),
            text("countersign.actor", entry.actor()),
            text("countersign.via", entry.via()),
            text("countersign.leaf", &entry.leaf().to_string()),
        ],
        ..LogRecord::default()
    }
}

fn text(name: &str, value: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn metadata(
    headers: &BTreeMap<String, String>,
    token: Option<&str>,
) -> Result<MetadataMap, String> {
    let mut all = MetadataMap::new();
    let bearer = token.map(|token| ("authorization".to_owned(), format!("Bearer {token}")));
    let headers = headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    for (name, value) in headers.chain(bearer) {
        let key = name.parse::<MetadataKey<Ascii>>().ok();
        let value = value.parse::<MetadataValue<Ascii>>().ok();
        let (key, value) = key
            .zip(value)
            .ok_or_else(|| format!("the header {name:?} or its value cannot be sent"))?;
        all.insert(key, value);
    }
    Ok(all)
}

fn tls(config: &TlsConfig) -> Result<ClientTlsConfig, String> {
    let tls = match &config.root_cert {
        None => ClientTlsConfig::new().with_native_roots(),
        Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
    };
    Ok(match (&config.cert, &config.key) {
        (Some(cert), Some(key)) => tls.identity(Identity::from_pem(read(cert)?, read(key)?)),
        _ => tls,
    })
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsPartialSuccess;

    use super::*;

    #[test]
    fn an_answer_is_read_as_the_protocol_has_it() {
        let answer = |rejected, message: &str| ExportLogsServiceResponse {
            partial_success: Some(ExportLogsPartialSuccess {
                rejected_log_records: rejected,
                error_message: message.to_owned(),
            }),
        };
        assert_eq!(
            taken(ExportLogsServiceResponse::default(), 3),
            Outcome::done()
        );
        assert_eq!(taken(answer(0, "a remark"), 3), Outcome::done());
        let which = |outcome| match outcome {
            Outcome::Refused { which, .. } => Some(which),
            Outcome::Delivered { .. } | Outcome::Later { .. } => None,
        };
        assert_eq!(which(taken(answer(3, ""), 3)), Some(Which::Some));
        assert_eq!(which(taken(answer(1, ""), 3)), Some(Which::Unknown));
        assert_eq!(
            which(failed(&Status::invalid_argument("no"))),
            Some(Which::Some)
        );
        for passing in [Status::unavailable(""), Status::unauthenticated("no token")] {
            assert_eq!(which(failed(&passing)), None, "{passing}");
        }
    }
}

//! `opentelemetry.proto.collector.logs.v1.LogsService`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_proto::reading::text::hex;
use countersign_proto::v1;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsService;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::door::Peer;
use super::text::{TextError, body, moment, text};
use crate::input::push::Push;
use crate::input::record::{Fields, Record, Understood};
use crate::limits::MAX_OTLP_RECORDS;
use crate::outlet::{Outlet, OutletError};

/// How the service ended.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    ended: CancellationToken,
    error: Arc<Mutex<Option<OutletError>>>,
}

impl Outcome {
    pub(super) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    pub(super) fn result(&self) -> Result<(), OutletError> {
        self.error.lock().take().map_or(Ok(()), Err)
    }

    /// The caller sends again, to whoever takes our place.
    fn fail(&self, error: OutletError) -> Status {
        let status = Status::unavailable(error.to_string());
        self.error.lock().get_or_insert(error);
        self.ended.cancel();
        status
    }
}

/// Takes records.
#[derive(Debug)]
pub(super) struct Service<O> {
    source: String,
    push: Push<O>,
    outcome: Outcome,
    /// Calls since the start.
    calls: AtomicU64,
}

/// The service, and how it will have ended. `ended` is cancelled too when the outlet fails.
pub(super) fn new<O>(
    source: String,
    push: Push<O>,
    ended: CancellationToken,
) -> (Service<O>, Outcome) {
    let outcome = Outcome {
        ended,
        error: Arc::default(),
    };
    let service = Service {
        source,
        push,
        outcome: outcome.clone(),
        calls: AtomicU64::new(0),
    };
    (service, outcome)
}

#[tonic::async_trait]
impl<O: Outlet> LogsService for Service<O> {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let records = request.into_inner().resource_logs;
        let kept = self.keep(records, peer.as_ref(), call).await;
        let refused = kept.map_err(|error| self.outcome.fail(error))?;
        Ok(Response::new(ExportLogsServiceResponse {
            partial_success: refused.into_answer(),
        }))
    }
}

/// Records that are not kept.
#[derive(Debug, Default)]
struct Refused {
    count: u64,
    /// Why the first one is not.
    why: String,
}

impl Refused {
    fn add(&mut self, why: &TextError) {
        if self.count == 0 {
            self.why = why.to_string();
        }
        self.count += 1;
    }

    fn into_answer(self) -> Option<ExportLogsPartialSuccess> {
        (self.count > 0).then(|| ExportLogsPartialSuccess {
            rejected_log_records: i64::try_from(self.count).unwrap_or(i64::MAX),
            error_message: self.why,
        })
    }
}

impl<O: Outlet> Service<O> {
    /// Hands over the records of a call, and waits until they are on disk.
    async fn keep(
        &self,
        all: Vec<ResourceLogs>,
        peer: Option<&Peer>,
        call: u64,
    ) -> Result<Refused, OutletError> {
        let mut refused = Refused::default();
        let mut number = 0;
        for resource in all {
            let attributes = resource.resource.map(|resource| resource.attributes);
            let attributes = attributes.unwrap_or_default();
            for scope in resource.scope_logs {
                for log in scope.log_records {
                    number += 1;
                    let about = About {
                        peer,
                        resource: &attributes,
                        scope: scope.scope.as_ref(),
                    };
                    let read = if number > MAX_OTLP_RECORDS {
                        Err(TextError::TooMany)
                    } else {
                        self.record(&log, &about, format!("{call}.{number}"))
                    };
                    match read {
                        Ok(record) => self.push.record(record, None).await?,
                        Err(why) => refused.add(&why),
                    }
                }
            }
        }
        if refused.count > 0 {
            let gap = v1::SpoolGap {
                source: self.source.clone(),
                lost_events: refused.count,
                reason: format!("records were refused: {}", refused.why),
                ..v1::SpoolGap::default()
            };
            self.push.gap(&gap).await?;
        }
        self.push.durable().await?;
        Ok(refused)
    }

    fn record(
        &self,
        log: &LogRecord,
        about: &About<'_>,
        position: String,
    ) -> Result<Record, TextError> {
        if *log == LogRecord::default() {
            return Err(TextError::Empty);
        }
        let mut understood = Understood::default();
        let fields = &mut understood.fields;
        about.put_peer(fields);
        fields.put_text("severity", &log.severity_text);
        if log.severity_number != 0 {
            fields.put("severity_number", log.severity_number.to_string());
        }
        fields.put_text("event_name", &log.event_name);
        fields.put_text("trace_id", &hex(&log.trace_id));
        fields.put_text("span_id", &hex(&log.span_id));
        about.put_scope(fields)?;
        put_all(fields, "attr", &log.attributes)?;
        put_all(fields, "resource", about.resource)?;
        if log.dropped_attributes_count > 0 {
            let count = log.dropped_attributes_count.to_string();
            fields.put("dropped_attributes", count);
        }
        let raw = match &log.body {
            Some(value) => {
                let (raw, kind) = body(value)?;
                fields.put("body", kind.name());
                raw
            }
            None => Vec::new(),
        };
        for (name, id, bytes) in [
            ("trace_id", &log.trace_id, 16),
            ("span_id", &log.span_id, 8),
        ] {
            if !id.is_empty() && id.len() != bytes {
                let got = id.len();
                understood.complain(&format!("expected {bytes} bytes in `{name}`, got {got}"));
            }
        }
        let times = [log.time_unix_nano, log.observed_time_unix_nano];
        if let Some(nanos) = times.into_iter().find(|nanos| *nanos != 0) {
            understood.observed_at = moment(nanos);
        }
        Ok(Record {
            source: self.source.clone(),
            position,
            raw: raw.into(),
            understood,
        })
    }
}

/// What a record shares with others.
struct About<'a> {
    peer: Option<&'a Peer>,
    resource: &'a [KeyValue],
    scope: Option<&'a InstrumentationScope>,
}

impl About<'_> {
    fn put_peer(&self, fields: &mut Fields) {
        let address = self.peer.and_then(|peer| peer.tcp.remote_addr());
        fields.put_some("peer.address", address.map(|address| address.to_string()));
        let certificate = self.peer.and_then(|peer| peer.certificate.as_ref());
        fields.put_some("peer.certificate", certificate);
    }

    fn put_scope(&self, fields: &mut Fields) -> Result<(), TextError> {
        let Some(scope) = self.scope else {
            return Ok(());
        };
        fields.put_text("scope.name", &scope.name);
        fields.put_text("scope.version", &scope.version);
        put_all(fields, "scope.attr", &scope.attributes)
    }
}

fn put_all(fields: &mut Fields, prefix: &str, pairs: &[KeyValue]) -> Result<(), TextError> {
    for pair in pairs {
        let value = pair.value.as_ref().map(text).transpose()?;
        fields.put(&format!("{prefix}.{}", pair.key), value.unwrap_or_default());
    }
    Ok(())
}

//! A sink that shows what would be sent, as JSON lines.

use std::future;
use std::io::Write;

use countersign_client::Draft;
use countersign_proto::event::{Known, kind_name};
use countersign_proto::reading::text::hex;
use countersign_proto::v1;
use serde_json::{Map, Value, json};

use crate::sink::{Sink, SinkError};

/// Writes each event as one line of JSON and counts it as acknowledged.
#[derive(Debug)]
pub struct DryRun<W> {
    writer: W,
    written: u64,
}

impl<W: Write + Send> DryRun<W> {
    /// Writes here.
    pub const fn new(writer: W) -> Self {
        Self { writer, written: 0 }
    }

    fn write(&mut self, draft: &Draft) -> Result<(), SinkError> {
        let mut line = serde_json::to_vec(&describe(draft)?).map_err(std::io::Error::from)?;
        line.push(b'\n');
        self.writer.write_all(&line)?;
        self.writer.flush()?;
        self.written += 1;
        Ok(())
    }
}

impl<W: Write + Send> Sink for DryRun<W> {
    fn send(&mut self, draft: Draft) -> impl Future<Output = Result<(), SinkError>> + Send {
        future::ready(self.write(&draft))
    }

    fn acknowledged(&self) -> u64 {
        self.written
    }

    async fn acknowledged_beyond(&mut self, count: u64) -> Result<u64, SinkError> {
        if self.written > count {
            return Ok(self.written);
        }
        // Nothing is on its way here.
        future::pending().await
    }

    async fn close(&mut self) {}
}

fn describe(draft: &Draft) -> Result<Value, SinkError> {
    let (kind, payload) = draft.event.parts()?;
    let mut line = Map::new();
    let name = kind_name(kind.get()).map_or_else(|| json!(kind.get()), |name| json!(name));
    line.insert("kind".into(), name);
    line.insert("idempotency_key".into(), json!(draft.idempotency_key));
    if draft.case != 0 {
        line.insert("case".into(), json!(draft.case));
    }
    let rest = match Known::decode(kind.get(), payload)? {
        Known::ExternalEvent(event) => external(&event),
        Known::SpoolGap(gap) => vec![
            ("source", json!(gap.source)),
            ("lost_events", json!(gap.lost_events)),
            ("lost_bytes", json!(gap.lost_bytes)),
            ("reason", json!(gap.reason)),
        ],
        Known::AgentStarted(agent) => {
            vec![
                ("version", json!(agent.version)),
                ("sources", json!(agent.sources)),
            ]
        }
        Known::AgentStopped(agent) => vec![("reason", json!(agent.reason))],
        other => vec![("event", json!(format!("{other:?}")))],
    };
    line.extend(
        rest.into_iter()
            .map(|(name, value)| (name.to_owned(), value)),
    );
    Ok(Value::Object(line))
}

fn external(event: &v1::ExternalEvent) -> Vec<(&'static str, Value)> {
    let mut rest = vec![
        ("source", json!(event.source)),
        ("position", json!(event.position)),
    ];
    match std::str::from_utf8(&event.raw) {
        Ok(text) => rest.push(("raw", json!(text))),
        Err(_) => {
            rest.push(("raw_hex", json!(hex(&event.raw))));
        }
    }
    if !event.fields.is_empty() {
        rest.push(("fields", json!(event.fields)));
    }
    if let Some(at) = &event.observed_at
        && let Ok(time) = jiff::Timestamp::new(at.seconds, at.nanos)
    {
        rest.push(("observed_at", json!(time.to_string())));
    }
    if !event.malformed.is_empty() {
        rest.push(("malformed", json!(event.malformed)));
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(event: &v1::ExternalEvent) -> Value {
        describe(&Draft::new(event).with_key("k")).unwrap()
    }

    #[test]
    fn an_event_reads_as_one_line_of_json() {
        let mut observed = countersign_proto::convert::timestamp(
            countersign_chain::time::UnixMicros::new(1_767_225_600_000_000).unwrap(),
        );
        observed.nanos = 5;
        let event = v1::ExternalEvent {
            source: "file:/x".into(),
            position: "7".into(),
            raw: "a\"b".into(),
            fields: [("k".to_owned(), "v".to_owned())].into(),
            observed_at: Some(observed),
            malformed: "why".into(),
        };
        let expected = json!({
            "kind": "ExternalEvent", "idempotency_key": "k", "source": "file:/x",
            "position": "7", "raw": "a\"b", "fields": {"k": "v"},
            "observed_at": "2026-01-01T00:00:00.000000005Z", "malformed": "why",
        });
        assert_eq!(shown(&event), expected);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_in_hex() {
        let raw = vec![0xff, 0x00].into();
        let event = v1::ExternalEvent {
            source: "s".into(),
            raw,
            ..Default::default()
        };
        assert_eq!(shown(&event)["raw_hex"], "ff00");
    }
}

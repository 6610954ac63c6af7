//! One line of JSON and the event that it is.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use countersign_chain::limits::{MAX_IDEM, MAX_PAYLOAD};
use countersign_chain::time::UnixMicros;
use countersign_client::Draft;
use countersign_proto::convert::timestamp;
use countersign_proto::v1;
use serde::de::{Error as _, MapAccess, Visitor};

use crate::emit::lines::Text;
use crate::limits::{MAX_JSON_LINE, MAX_RAW};

/// Why a line is no event.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Longer than any event.
    #[error("expected at most {MAX_JSON_LINE} bytes, got {0}")]
    TooLong(u64),
    /// Something else than an object.
    #[error("expected a JSON object, as in {{\"raw\": \"text\"}}, got something else")]
    NoObject,
    /// Not JSON, or not the object that it should be.
    #[error(
        "expected an object with source, position, observed_at, case, idempotency_key, fields or \
         raw: {}", .0.to_string().replace("at line 1 column", "at column")
    )]
    Form(#[from] serde_json::Error),
    /// The event would say nothing.
    #[error("expected `fields` or `raw`, got neither")]
    Empty,
    /// The time is none.
    #[error("expected a time like 2026-11-22T10:00:00Z in `observed_at`, got {got:?}: {why}")]
    Time {
        /// As written.
        got: String,
        /// What is wrong with it.
        why: jiff::Error,
    },
    /// The key does not fit.
    #[error("expected 1 to {MAX_IDEM} bytes in `idempotency_key`, got {0}")]
    Key(usize),
    /// The event does not fit into an entry.
    #[error("expected an event of at most {MAX_PAYLOAD} bytes, got {0}")]
    TooLarge(usize),
    /// The source is there and empty.
    #[error("expected some text in `source`, got none")]
    Source,
}

/// What a line may say.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    source: Option<String>,
    #[serde(default)]
    position: String,
    observed_at: Option<String>,
    #[serde(default)]
    case: u64,
    idempotency_key: Option<String>,
    #[serde(default, deserialize_with = "each_name_once")]
    fields: BTreeMap<String, String>,
    raw: Option<String>,
}

/// Of two values under one name, serde would keep the last and lose the other.
fn each_name_once<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of texts")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = BTreeMap::new();
            while let Some((name, value)) = map.next_entry::<String, String>()? {
                if name.is_empty() {
                    return Err(A::Error::custom("a field without a name"));
                }
                if fields.contains_key(&name) {
                    return Err(A::Error::custom(format!("duplicate field `{name}`")));
                }
                fields.insert(name, value);
            }
            Ok(fields)
        }
    }
    deserializer.deserialize_map(Names)
}

/// What a line says, checked by itself.
#[derive(Debug)]
pub(crate) struct Spoken {
    /// Not empty.
    pub(crate) source: Option<String>,
    pub(crate) position: String,
    pub(crate) observed_at: Option<jiff::Timestamp>,
    /// 0 for none.
    pub(crate) case: u64,
    pub(crate) idempotency_key: Option<String>,
    /// There are some, or raw bytes.
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) raw: String,
}

impl Spoken {
    /// Reads a line without its end.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, LineError> {
        let json = line.trim_ascii_start();
        // An array of the right length would do for serde, and would be no event for anybody else.
        if !json.starts_with(b"{") {
            return Err(LineError::NoObject);
        }
        let line: Line = serde_json::from_slice(json)?;
        if line.fields.is_empty() && line.raw.as_ref().is_none_or(String::is_empty) {
            return Err(LineError::Empty);
        }
        if line.source.as_ref().is_some_and(String::is_empty) {
            return Err(LineError::Source);
        }
        Ok(Self {
            source: line.source,
            position: line.position,
            observed_at: line.observed_at.map(observe).transpose()?,
            case: line.case,
            idempotency_key: line.idempotency_key,
            fields: line.fields,
            raw: line.raw.unwrap_or_default(),
        })
    }
}

/// The event of a line; `source` and `key` stand in when it names none.
pub(super) fn draft(text: &Text, source: &str, key: &str) -> Result<Draft, LineError> {
    if text.is_cut() {
        return Err(LineError::TooLong(text.len));
    }
    let spoken = Spoken::parse(&text.kept)?;
    let key = spoken.idempotency_key.unwrap_or_else(|| key.to_owned());
    if key.is_empty() || key.len() > MAX_IDEM {
        return Err(LineError::Key(key.len()));
    }
    let mut event = v1::ExternalEvent {
        source: spoken.source.unwrap_or_else(|| source.to_owned()),
        position: spoken.position,
        raw: Bytes::from(spoken.raw),
        fields: spoken.fields,
        ..Default::default()
    };
    if let Some(time) = spoken.observed_at {
        set_observed_at(&mut event, time);
    }
    let draft = Draft::new(&event).with_key(key).in_case(spoken.case);
    let size = draft.event.parts().map_or(0, |(_, payload)| payload.len());
    if size > MAX_PAYLOAD {
        return Err(LineError::TooLarge(size));
    }
    Ok(draft)
}

fn observe(text: String) -> Result<jiff::Timestamp, LineError> {
    text.parse()
        .map_err(|why| LineError::Time { got: text, why })
}

/// Times before 1970 have a negative second and, as protobuf asks, nanoseconds that count forward.
pub(crate) fn set_observed_at(event: &mut v1::ExternalEvent, time: jiff::Timestamp) {
    let mut wire = timestamp(UnixMicros::EPOCH);
    (wire.seconds, wire.nanos) = (time.as_second(), time.subsec_nanosecond());
    if wire.nanos < 0 {
        wire.seconds -= 1;
        wire.nanos += 1_000_000_000;
    }
    event.observed_at = Some(wire);
}

/// The event that keeps a line which is none.
pub(super) fn malformed(text: &Text, source: &str, number: u64, reason: &LineError) -> Draft {
    let kept = &text.kept[..text.kept.len().min(MAX_RAW)];
    let mut malformed = reason.to_string();
    if kept.len() < text.kept.len() || text.is_cut() {
        malformed.push_str(&format!(
            "; the first {} of {} bytes are here",
            kept.len(),
            text.len
        ));
    }
    // An error can quote the line.
    malformed.truncate(malformed.floor_char_boundary(1_024));
    Draft::new(&v1::ExternalEvent {
        source: source.to_owned(),
        position: format!("line {number}"),
        raw: Bytes::copy_from_slice(kept),
        malformed,
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use countersign_proto::event::Known;

    use super::*;

    fn text(line: impl AsRef<[u8]>) -> Text {
        let kept = line.as_ref().to_vec();
        Text {
            len: u64::try_from(kept.len()).unwrap(),
            kept,
        }
    }

    fn external(draft: &Draft) -> v1::ExternalEvent {
        match draft.event.known().unwrap() {
            Known::ExternalEvent(event) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_with_everything_is_taken_whole() {
        let line = r#"{"source":"sshd","position":"17","observed_at":"2026-11-22T11:00:00.5+01:00",
            "case":4,"idempotency_key":"k","fields":{"user":"ada"},"raw":"text"}"#;
        let draft = draft(&text(line), "stdin", "emit:r:1").unwrap();
        assert_eq!((draft.case, draft.idempotency_key.as_str()), (4, "k"));
        let event = external(&draft);
        assert_eq!(
            (event.source.as_str(), event.position.as_str()),
            ("sshd", "17")
        );
        assert_eq!(event.fields["user"], "ada");
        assert_eq!(event.raw, "text");
        let at = event.observed_at.unwrap();
        assert_eq!((at.seconds, at.nanos), (1_795_341_600, 500_000_000));
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let draft = draft(&text(r#"{"raw":"x"}"#), "stdin", "emit:r:1").unwrap();
        assert_eq!(
            (draft.case, draft.idempotency_key.as_str()),
            (0, "emit:r:1")
        );
        let event = external(&draft);
        assert_eq!(event.source, "stdin");
        assert!(event.observed_at.is_none() && event.malformed.is_empty());
    }

    #[test]
    fn lines_that_are_no_event_are_refused() {
        let long = format!(r#"{{"raw":"{}"}}"#, "x".repeat(MAX_PAYLOAD));
        let key = format!(r#"{{"raw":"x","idempotency_key":"{}"}}"#, "k".repeat(65));
        let table = [
            ("hello", "expected a JSON object"),
            ("[]", "expected a JSON object"),
            (
                r#"["s","p",null,0,null,{},"raw"]"#,
                "expected a JSON object",
            ),
            ("{", "expected an object"),
            (r#"{"raw":"x"} {}"#, "expected an object"),
            (r#"{"raw":"x","sauce":"y"}"#, "unknown field `sauce`"),
            (r#"{"raw":"x","raw":"y"}"#, "duplicate field `raw`"),
            (r#"{"raw":"x","fields":{"n":1}}"#, "expected an object"),
            (r#"{"fields":{"a":"1","a":"2"}}"#, "duplicate field `a`"),
            (r#"{"fields":{"":"x"}}"#, "a field without a name"),
            (r#"{"raw":"x","case":-1}"#, "expected an object"),
            (r#"{}"#, "expected `fields` or `raw`"),
            (r#"{"raw":"","fields":{}}"#, "expected `fields` or `raw`"),
            (
                r#"{"raw":"x","observed_at":"yesterday"}"#,
                "expected a time like",
            ),
            (
                r#"{"raw":"x","observed_at":"2026-11-22T10:00:00"}"#,
                "expected a time like",
            ),
            (
                r#"{"raw":"x","idempotency_key":""}"#,
                "expected 1 to 64 bytes",
            ),
            (
                r#"{"raw":"x","source":""}"#,
                "expected some text in `source`",
            ),
            (key.as_str(), "expected 1 to 64 bytes"),
            (long.as_str(), "expected an event of at most 49152 bytes"),
        ];
        for (line, says) in table {
            let error = draft(&text(line), "stdin", "k").unwrap_err().to_string();
            assert!(error.contains(says), "{line}: {error}");
        }
        assert!(draft(&text(b"{\"raw\":\"\xff\"}"), "stdin", "k").is_err());
    }

    #[test]
    fn a_time_before_1970_is_as_protobuf_writes_it() {
        let line = r#"{"raw":"x","observed_at":"1969-12-31T23:59:59.25Z"}"#;
        let at = external(&draft(&text(line), "s", "k").unwrap())
            .observed_at
            .unwrap();
        assert_eq!((at.seconds, at.nanos), (-1, 250_000_000));
    }

    #[test]
    fn a_malformed_line_is_kept_as_far_as_it_fits() {
        let line = text(vec![0xff; MAX_RAW + 5]);
        let reason = draft(&line, "s", "k").unwrap_err();
        let event = external(&malformed(&line, "s", 3, &reason));
        assert_eq!(event.raw.len(), MAX_RAW);
        assert_eq!(event.position, "line 3");
        assert!(
            event.malformed.contains("the first 32768 of 32773 bytes"),
            "{}",
            event.malformed
        );
    }
}

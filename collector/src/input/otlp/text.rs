//! Values of OpenTelemetry as text and bytes.

use std::collections::BTreeMap;

use countersign_proto::reading::text::hex;
use jiff::Timestamp;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use serde_json::{Value as Json, json};

use crate::limits::{MAX_DEPTH, MAX_OTLP_RECORDS};

/// Why a record is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Values in values in values.
    #[error("expected values nested at most {MAX_DEPTH} deep, got more")]
    TooDeep,
    /// It would be an event that says nothing.
    #[error("expected a record that says something, got an empty one")]
    Empty,
    /// The call has too many.
    #[error("expected at most {MAX_OTLP_RECORDS} records in a call, got more")]
    TooMany,
}

/// What the raw bytes of an event are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// The text of the body.
    Text,
    /// The bytes of the body.
    Bytes,
    /// The body as JSON: it has parts, or is a number.
    Json,
}

impl Body {
    /// For the field `body`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Json => "json",
        }
    }
}

/// The body of a record.
///
/// # Errors
/// [`TextError::TooDeep`].
pub fn body(value: &AnyValue) -> Result<(Vec<u8>, Body), TextError> {
    Ok(match &value.value {
        Some(Value::StringValue(text)) => (text.clone().into_bytes(), Body::Text),
        Some(Value::BytesValue(bytes)) => (bytes.clone(), Body::Bytes),
        _ => (json(value, 0)?.to_string().into_bytes(), Body::Json),
    })
}

/// The value of an attribute: text as it is, bytes in hexadecimal, the rest as JSON.
pub(super) fn text(value: &AnyValue) -> Result<String, TextError> {
    Ok(match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BytesValue(bytes)) => hex(bytes),
        None => String::new(),
        Some(_) => json(value, 0)?.to_string(),
    })
}

fn json(value: &AnyValue, depth: usize) -> Result<Json, TextError> {
    if depth > MAX_DEPTH {
        return Err(TextError::TooDeep);
    }
    Ok(match &value.value {
        // An index into a table that only profiles have says nothing here.
        None | Some(Value::StringValueStrindex(_)) => Json::Null,
        Some(Value::StringValue(text)) => json!(text),
        Some(Value::BoolValue(value)) => json!(value),
        Some(Value::IntValue(value)) => json!(value),
        Some(Value::DoubleValue(value)) if value.is_finite() => json!(value),
        Some(Value::DoubleValue(value)) => json!(value.to_string()),
        Some(Value::BytesValue(bytes)) => json!(hex(bytes)),
        Some(Value::ArrayValue(array)) => {
            let values = array.values.iter().map(|value| json(value, depth + 1));
            Json::Array(values.collect::<Result<_, _>>()?)
        }
        Some(Value::KvlistValue(list)) => {
            // In order of the keys, whatever the map of serde_json does.
            let mut object = BTreeMap::new();
            for pair in &list.values {
                let value = pair.value.as_ref().map(|value| json(value, depth + 1));
                let value = value.transpose()?.unwrap_or_default();
                // A key that comes twice keeps both values.
                let mut key = pair.key.clone();
                while object.contains_key(&key) {
                    key.push('#');
                }
                object.insert(key, value);
            }
            Json::Object(object.into_iter().collect())
        }
    })
}

/// Nanoseconds since 1970; none beyond the year 9999.
pub(super) fn moment(nanos: u64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(nanos)).ok()
}

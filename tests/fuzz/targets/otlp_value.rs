//! Values of OpenTelemetry (`collector::input::otlp`). Input: an `AnyValue` in protobuf.
#![no_main]

use countersign_collector::input::otlp::{Body, body};
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use prost::Message as _;

fn plant() {
    seeds::plant([
        b"\x0a\x04text".to_vec(),
        b"\x2a\x0a\x0a\x02\x18\x07\x0a\x04\x3a\x02\xff\x00".to_vec(),
        b"\x32\x09\x0a\x07\x0a\x01k\x12\x02\x10\x01".to_vec(),
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let Ok(value) = AnyValue::decode(data) else {
        return;
    };
    match body(&value) {
        Ok((text, Body::Text)) => assert!(String::from_utf8(text).is_ok()),
        Ok((json, Body::Json)) => {
            let read: Result<serde_json::Value, _> = serde_json::from_slice(&json);
            assert!(read.is_ok());
        }
        Ok((_, Body::Bytes)) => {}
        Err(why) => assert!(!why.to_string().is_empty()),
    }
});

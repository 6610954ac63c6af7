//! Payloads that the verifier passes without decoding them. Input: the payload of an
//! `ExternalEvent`.
#![no_main]

use bytes::Bytes;
use countersign_fuzz::seeds;
use countersign_proto::event::{Event, Known};
use countersign_proto::v1;
use libfuzzer_sys::fuzz_target;

#[path = "../../../verifier/src/payload/usual.rs"]
mod usual;

const EXTERNAL_EVENT: u16 = 140;

fn plant() {
    let event = v1::ExternalEvent {
        source: "sshd".to_owned(),
        position: "7".to_owned(),
        raw: Bytes::from_static(b"line"),
        fields: [("user".to_owned(), "ada".to_owned())].into(),
        observed_at: Some(prost_types::Timestamp {
            seconds: 1_790_000_000,
            nanos: 5,
        }),
        malformed: "no".to_owned(),
    };
    let (_kind, payload) = Event::from_message(&event).into_parts().expect("one event");
    seeds::plant([payload.to_vec()]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    if usual::is_usual(EXTERNAL_EVENT, data) {
        let decoded = Known::decode(EXTERNAL_EVENT, data);
        assert!(decoded.is_ok(), "{decoded:?}");
    }
});

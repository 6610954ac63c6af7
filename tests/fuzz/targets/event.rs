//! Events on the wire and in payloads: kept as received, decoded strictly. Input: mode, and an
//! `Event` message or, in odd modes, a kind and its payload.
#![no_main]

use bytes::Bytes;
use countersign_chain::kind::Kind;
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use countersign_proto::convert::timestamp;
use countersign_proto::event::{Event, Known};
use countersign_proto::v1;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

fn plant() {
    let at = Some(timestamp(countersign_chain::time::UnixMicros::EPOCH));
    let samples = [
        Known::from(v1::LogOpened {
            origin: "log.example.com/audit".to_owned(),
            vkey: "k".to_owned(),
            format: 1,
        }),
        Known::from(v1::LogRecovered {
            quarantined_bytes: 1,
            quarantined_sha256: Bytes::from(vec![1; 32]),
            ..v1::LogRecovered::default()
        }),
        Known::from(v1::ClockStepped {
            before: at,
            after: at,
        }),
        Known::from(v1::CertificateIssued {
            principal: "user:ada".to_owned(),
            serial: "0a".to_owned(),
            sha256: Bytes::from(vec![1; 32]),
            not_before: at,
            not_after: at,
        }),
        Known::from(v1::ExternalEvent {
            source: "sshd".to_owned(),
            raw: Bytes::from_static(b"line"),
            fields: [("user".to_owned(), "ada".to_owned())].into(),
            observed_at: at,
            ..v1::ExternalEvent::default()
        }),
        Known::from(v1::AgentStarted {
            version: "1".to_owned(),
            sources: vec!["a".to_owned(), "b".to_owned()],
        }),
    ];
    for known in samples {
        let event = known.to_event();
        let (kind, payload) = event.parts().expect("one event");
        seeds::plant([
            [&[0], event.encode_to_vec().as_slice()].concat(),
            [&[1], &kind.get().to_be_bytes()[..], payload].concat(),
        ]);
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let event = if input.byte().is_multiple_of(2) {
        let Ok(event) = Event::decode(Bytes::copy_from_slice(input.rest())) else {
            return;
        };
        event
    } else {
        let Ok(kind) = Kind::new(input.u16()) else {
            return;
        };
        Event::new(kind, Bytes::copy_from_slice(input.rest()))
    };
    let bytes = event.encode_to_vec();
    assert_eq!(bytes.len(), event.encoded_len());
    let Ok((kind, payload)) = event.parts() else {
        assert!(bytes.is_empty(), "what is no event was encoded");
        return;
    };
    let found = payload.is_empty() || data.windows(payload.len()).any(|part| part == payload);
    assert!(found, "the payload is not what was received");
    assert_eq!(Event::decode(bytes.as_slice()).as_ref(), Ok(&event));
    if let Ok(known) = event.known() {
        assert_eq!(known.kind(), kind.get());
        assert_eq!(known.to_event().known(), Ok(known));
    }
});

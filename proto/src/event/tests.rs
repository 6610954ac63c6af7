//! Tests of the event message against bytes made by hand and against the compiled `.proto` files.

use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{FileDescriptorSet, Timestamp};

use super::*;
use crate::v1;

/// The event as a generated type would have it, for the bytes that other programs send.
#[derive(Clone, PartialEq, prost::Message)]
struct Foreign {
    #[prost(oneof = "ForeignKind", tags = "6, 140, 142")]
    kind: Option<ForeignKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum ForeignKind {
    #[prost(message, tag = "6")]
    DiskLow(v1::DiskLow),
    #[prost(message, tag = "140")]
    ExternalEvent(v1::ExternalEvent),
    #[prost(message, tag = "142")]
    AgentStarted(v1::AgentStarted),
}

fn external() -> v1::ExternalEvent {
    v1::ExternalEvent {
        source: "sshd".to_owned(),
        position: "42".to_owned(),
        raw: Bytes::from_static(b"Accepted publickey for ada"),
        fields: [("user".to_owned(), "ada".to_owned())].into(),
        observed_at: Some(Timestamp {
            seconds: 1_767_225_600,
            nanos: 1,
        }),
        malformed: String::new(),
    }
}

fn refused(bytes: &[u8]) -> EventError {
    Event::decode(bytes)
        .expect("well-formed protobuf decodes")
        .parts()
        .unwrap_err()
}

#[test]
fn bytes_of_a_generated_oneof_survive() {
    let all = [
        ForeignKind::DiskLow(v1::DiskLow {
            free_bytes: 1,
            low_water_bytes: 2,
        }),
        ForeignKind::DiskLow(v1::DiskLow::default()),
        ForeignKind::ExternalEvent(external()),
        ForeignKind::AgentStarted(v1::AgentStarted {
            version: "1".to_owned(),
            sources: vec!["a".to_owned(), "b".to_owned()],
        }),
    ];
    for kind in all {
        let foreign = Foreign { kind: Some(kind) };
        let bytes = foreign.encode_to_vec();
        let event = Event::decode(&bytes[..]).unwrap();
        assert_eq!(event.encoded_len(), bytes.len());
        assert_eq!(event.encode_to_vec(), bytes);
        assert_eq!(event.known().unwrap().to_event(), event);
        assert_eq!(
            Foreign::decode(&event.encode_to_vec()[..]).unwrap(),
            foreign
        );
    }
}

#[test]
fn an_event_inside_a_draft_survives() {
    let event = Event::from_message(&external());
    let draft = v1::EventDraft {
        event: Some(event.clone()),
        case: 9,
        ..Default::default()
    };
    let request = v1::AppendBatchRequest {
        drafts: vec![draft; 3],
        ..Default::default()
    };
    let read = v1::AppendBatchRequest::decode(request.encode_to_vec().as_slice()).unwrap();
    assert_eq!(read, request);
    let (kind, payload) = read.drafts[2].event.clone().unwrap().into_parts().unwrap();
    assert_eq!(kind.get(), 140);
    assert_eq!(payload, external().encode_to_vec());
}

#[test]
fn payload_bytes_are_kept_as_received() {
    // position before source, a field 77 that this version does not know, and a length in more
    // bytes than it needs: an encoder of ours would write none of these.
    let mut payload = b"\x12\x81\x00x\x0a\x01s".to_vec();
    encoding::bytes::encode(77, &b"from the future".to_vec(), &mut payload);
    let mut bytes = Vec::new();
    encoding::bytes::encode(140, &payload, &mut bytes);
    let event = Event::decode(&bytes[..]).unwrap();
    assert_eq!(event.parts().unwrap().1, &payload);
    assert_eq!(event.encode_to_vec(), bytes);
    let Known::ExternalEvent(read) = event.known().unwrap() else {
        panic!("expected an external event");
    };
    assert_eq!((read.source.as_str(), read.position.as_str()), ("s", "x"));
    assert_ne!(
        read.encode_to_vec(),
        payload,
        "the test needs bytes that decoding loses"
    );
}

#[test]
fn the_payload_is_a_view_of_what_was_received() {
    let draft = v1::EventDraft {
        event: Some(Event::from_message(&external())),
        ..Default::default()
    };
    let received = Bytes::from(draft.encode_to_vec());
    let read = v1::EventDraft::decode(received.clone()).unwrap();
    let event = read.event.unwrap();
    assert!(
        received
            .as_ptr_range()
            .contains(&event.parts().unwrap().1.as_ptr())
    );
}

#[test]
fn a_kind_of_a_newer_version_passes_unread() {
    let event = Event::new(Kind::new(77).unwrap(), Bytes::from_static(b"\xff\xff"));
    let read = Event::decode(&event.encode_to_vec()[..]).unwrap();
    assert_eq!(read.kind(), Some(Kind::new(77).unwrap()));
    assert_eq!(read.parts().unwrap().1, &b"\xff\xff"[..]);
    assert_eq!(read.known(), Err(EventError::UnknownKind { field: 77 }));
}

#[test]
fn no_event_is_refused() {
    assert_eq!(refused(b""), EventError::Missing);
    assert_eq!(Event::default().known(), Err(EventError::Missing));
    assert_eq!(Event::default().into_parts(), Err(EventError::Missing));
    assert_eq!(Event::default().encoded_len(), 0);
}

#[test]
fn a_second_field_is_refused() {
    let one = Event::from_message(&v1::DiskLow {
        free_bytes: 1,
        low_water_bytes: 2,
    });
    let two = Event::from_message(&external());
    let bytes = [one.encode_to_vec(), two.encode_to_vec()].concat();
    assert_eq!(
        refused(&bytes),
        EventError::Conflict {
            first: 6,
            second: 140
        }
    );
    let bytes = [two.encode_to_vec(), two.encode_to_vec()].concat();
    assert_eq!(
        refused(&bytes),
        EventError::Conflict {
            first: 140,
            second: 140
        }
    );
    // A third field, a field of another wire type and an unknown number do not undo it.
    let bytes = [
        one.encode_to_vec(),
        b"\x08\x01".to_vec(),
        two.encode_to_vec(),
    ]
    .concat();
    assert_eq!(
        refused(&bytes),
        EventError::Conflict {
            first: 6,
            second: 1
        }
    );
    let bytes = [b"\x80\xc8\x01\x00".to_vec(), one.encode_to_vec()].concat();
    assert_eq!(
        refused(&bytes),
        EventError::Conflict {
            first: 3_200,
            second: 6
        }
    );
    assert!(
        Event::decode(&bytes[..])
            .unwrap()
            .encode_to_vec()
            .is_empty()
    );
}

#[test]
fn two_fields_in_two_parts_of_one_message_conflict_too() {
    // protobuf joins a message field that occurs twice.
    let event = |event| {
        v1::EventDraft {
            event: Some(event),
            ..Default::default()
        }
        .encode_to_vec()
    };
    let one = event(Event::from_message(&v1::DiskLow::default()));
    let bytes = [one, event(Event::from_message(&external()))].concat();
    let draft = v1::EventDraft::decode(&bytes[..]).unwrap();
    let conflict = EventError::Conflict {
        first: 6,
        second: 140,
    };
    assert_eq!(draft.event.unwrap().known(), Err(conflict));
}

#[test]
fn numbers_that_are_no_kind_are_refused() {
    for field in [160, 65_535, 65_536, 65_676, (1 << 29) - 1] {
        let mut bytes = Vec::new();
        encoding::bytes::encode(field, &b"payload".to_vec(), &mut bytes);
        assert_eq!(refused(&bytes), EventError::UnknownKind { field });
    }
}

#[test]
fn other_wire_types_are_refused() {
    let kind = Kind::new(140).unwrap();
    for wire_type in [
        WireType::Varint,
        WireType::SixtyFourBit,
        WireType::ThirtyTwoBit,
    ] {
        let mut bytes = Vec::new();
        encoding::encode_key(140, wire_type, &mut bytes);
        bytes.extend_from_slice(match wire_type {
            WireType::Varint => &[1],
            WireType::SixtyFourBit => &[0; 8],
            _ => &[0; 4],
        });
        assert_eq!(refused(&bytes), EventError::NotAMessage { kind });
    }
    let mut bytes = Vec::new();
    encoding::encode_key(140, WireType::StartGroup, &mut bytes);
    encoding::encode_key(140, WireType::EndGroup, &mut bytes);
    assert_eq!(refused(&bytes), EventError::NotAMessage { kind });
}

#[test]
fn broken_protobuf_does_not_decode() {
    let good = Event::from_message(&external()).encode_to_vec();
    for len in 1..good.len() {
        assert!(Event::decode(&good[..len]).is_err(), "{len} bytes");
    }
    // Field number 0, and wire types 6 and 7.
    for bytes in [&b"\x02\x00"[..], b"\x0e", b"\x0f"] {
        assert!(Event::decode(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn clear_forgets_the_event() {
    let mut event = Event::from_message(&external());
    event.clear();
    assert_eq!(event, Event::default());
}

#[test]
fn every_event_of_the_proto_file_is_known() {
    let files = FileDescriptorSet::decode(crate::FILE_DESCRIPTOR_SET).unwrap();
    let event = files
        .file
        .iter()
        .filter(|file| file.package() == "countersign.v1")
        .flat_map(|file| &file.message_type)
        .find(|message| message.name() == "Event")
        .unwrap();
    let mut pinned: Vec<(u16, String)> = event
        .field
        .iter()
        .map(|field| {
            assert!(field.oneof_index.is_some() && field.r#type() == Type::Message);
            let name = field.type_name().strip_prefix(".countersign.v1.").unwrap();
            (u16::try_from(field.number()).unwrap(), name.to_owned())
        })
        .collect();
    pinned.sort();
    let table: Vec<(u16, String)> = kinds()
        .map(|(kind, name)| (kind, name.to_owned()))
        .collect();
    assert_eq!(table, pinned);
    for (kind, name) in table {
        assert!(Kind::new(kind).is_ok(), "{kind} is in the range of kinds");
        assert_eq!(kind_name(kind), Some(&name[..]));
        assert_eq!(kind_by_name(&name), Some(kind));
    }
    assert_eq!(
        (kind_name(0), kind_name(3), kind_by_name("Event")),
        (None, None, None)
    );
}

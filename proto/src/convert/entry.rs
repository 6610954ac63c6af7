//! Records on the wire: the bytes as they are signed, and a reading of them beside.

use bytes::Bytes;
use countersign_chain::hash::Hash;
use countersign_chain::record::{Record, RecordError};

use crate::convert::hashes::hash_bytes;
use crate::convert::time::timestamp;
use crate::event::Event;
use crate::v1;

/// Bytes of the payload's length prefix, which stands between idempotency key and payload.
const PAYLOAD_LEN: usize = 4;

/// Why an entry is not what its record says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The record is none.
    #[error("expected a record, got other bytes ({code}): {source}", code = source.code())]
    Record {
        /// What is wrong with it.
        #[from]
        source: RecordError,
    },
    /// A field is not a reading of the record.
    #[error("expected `{field}` of entry {index} to be what its record says, got another value")]
    Disagrees {
        /// Index in the record.
        index: u64,
        /// The field.
        field: &'static str,
    },
}

/// The entry of a record. Payload and idempotency key are views of the record's bytes.
///
/// # Errors
/// [`RecordError`] when the bytes are no record.
pub fn entry(bytes: &Bytes) -> Result<v1::Entry, RecordError> {
    let record = Record::parse(bytes)?;
    Ok(build(&record, record.leaf(), bytes.clone()))
}

/// The entry of a record that was parsed, and whose leaf hash this is. Copies its bytes once.
#[must_use]
pub fn entry_of(record: &Record<'_>, leaf: Hash) -> v1::Entry {
    build(record, leaf, Bytes::copy_from_slice(record.bytes()))
}

/// The record of an entry that came over the wire, when the entry's other fields are what it says,
/// and its leaf hash.
///
/// The record is well-formed; nothing about it is verified.
///
/// # Errors
/// [`EntryError`] when it is no record, or when another field disagrees with it.
pub fn record(entry: &v1::Entry) -> Result<(Record<'_>, Hash), EntryError> {
    let record = Record::parse(&entry.record)?;
    let (leaf, parts) = (record.leaf(), Parts::of(&record, &entry.record));
    let checks = [
        ("index", entry.index == record.index().get()),
        ("time", entry.time == Some(timestamp(record.time()))),
        ("actor", entry.actor == record.actor()),
        ("via", entry.via == record.via()),
        ("case", entry.case == record.case()),
        ("idempotency_key", entry.idempotency_key == parts.idem),
        ("event", entry.event == Some(parts.event)),
        ("leaf_hash", entry.leaf_hash == leaf.as_bytes().as_slice()),
    ];
    match checks.iter().find(|(_, agrees)| !agrees) {
        Some((field, _)) => Err(EntryError::Disagrees {
            index: record.index().get(),
            field,
        }),
        None => Ok((record, leaf)),
    }
}

/// Views of the bytes of a record.
struct Parts {
    idem: Bytes,
    event: Event,
}

impl Parts {
    /// `bytes` are those of `record`, here or elsewhere. The payload ends a record, and the
    /// idempotency key stands before it (docs/format.md, section 1).
    fn of(record: &Record<'_>, bytes: &Bytes) -> Self {
        let payload_at = bytes.len() - record.payload().len();
        let idem_end = payload_at - PAYLOAD_LEN;
        let idem_at = idem_end - record.idem().len();
        Self {
            idem: bytes.slice(idem_at..idem_end),
            event: Event::new(record.kind(), bytes.slice(payload_at..)),
        }
    }
}

/// `bytes` are those of `record`, here or elsewhere.
fn build(record: &Record<'_>, leaf: Hash, bytes: Bytes) -> v1::Entry {
    let Parts { idem, event } = Parts::of(record, &bytes);
    v1::Entry {
        index: record.index().get(),
        time: Some(timestamp(record.time())),
        actor: record.actor().to_owned(),
        via: record.via().to_owned(),
        case: record.case(),
        idempotency_key: idem,
        event: Some(event),
        leaf_hash: hash_bytes(&leaf),
        record: bytes,
    }
}

#[cfg(test)]
mod tests {
    use countersign_chain::index::Index;
    use countersign_chain::kind::Kind;
    use countersign_chain::record::Fields;
    use countersign_chain::time::UnixMicros;
    use prost::Message as _;

    use super::*;

    fn bytes(idem: &[u8], payload: &[u8]) -> Bytes {
        let fields = Fields {
            kind: Kind::new(140).unwrap(),
            index: Index::new(7).unwrap(),
            time: UnixMicros::new(1_767_225_600_000_001).unwrap(),
            prev: Hash::from_bytes([9; 32]),
            case: 3,
            actor: "user:ada@example.com",
            via: "bot:slack",
            idem,
            payload,
        };
        let mut out = Vec::new();
        fields.encode_into(&mut out).unwrap();
        Bytes::from(out)
    }

    #[test]
    fn an_entry_reads_as_its_record() {
        for (idem, payload) in [
            (&b""[..], &b""[..]),
            (b"key", b""),
            (b"", b"pay"),
            (b"k", b"load"),
        ] {
            let bytes = bytes(idem, payload);
            let entry = entry(&bytes).unwrap();
            assert_eq!(entry.idempotency_key, idem);
            let (kind, read) = entry.event.as_ref().unwrap().parts().unwrap();
            assert_eq!((kind.get(), &read[..]), (140, payload));
            assert_eq!(entry.case, 3);
            let record = Record::parse(&bytes).unwrap();
            assert_eq!(entry_of(&record, record.leaf()), entry);
            let sent = v1::Entry::decode(entry.encode_to_vec().as_slice()).unwrap();
            let (read, leaf) = super::record(&sent).unwrap();
            assert_eq!((read.bytes(), leaf), (&bytes[..], record.leaf()));
        }
    }

    #[test]
    fn the_payload_is_a_view_of_the_record() {
        let bytes = bytes(b"key", b"payload");
        let entry = entry(&bytes).unwrap();
        let (_, payload) = entry.event.as_ref().unwrap().parts().unwrap();
        assert!(bytes.as_ptr_range().contains(&payload.as_ptr()));
        assert!(
            bytes
                .as_ptr_range()
                .contains(&entry.idempotency_key.as_ptr())
        );
    }

    #[test]
    fn a_reading_that_disagrees_is_found() {
        let good = entry(&bytes(b"key", b"payload")).unwrap();
        let changed = [
            (
                "index",
                v1::Entry {
                    index: 8,
                    ..good.clone()
                },
            ),
            (
                "time",
                v1::Entry {
                    time: None,
                    ..good.clone()
                },
            ),
            (
                "actor",
                v1::Entry {
                    actor: "user:eve".to_owned(),
                    ..good.clone()
                },
            ),
            (
                "via",
                v1::Entry {
                    via: String::new(),
                    ..good.clone()
                },
            ),
            (
                "case",
                v1::Entry {
                    case: 0,
                    ..good.clone()
                },
            ),
            (
                "idempotency_key",
                v1::Entry {
                    idempotency_key: Bytes::new(),
                    ..good.clone()
                },
            ),
            (
                "event",
                v1::Entry {
                    event: None,
                    ..good.clone()
                },
            ),
            (
                "leaf_hash",
                v1::Entry {
                    leaf_hash: Bytes::new(),
                    ..good.clone()
                },
            ),
        ];
        assert!(record(&good).is_ok());
        for (field, entry) in changed {
            let refused = EntryError::Disagrees { index: 7, field };
            assert_eq!(record(&entry).unwrap_err(), refused);
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let mut entry = entry(&bytes(b"key", b"payload")).unwrap();
        entry.record.truncate(20);
        let refused = EntryError::Record {
            source: RecordError::Truncated,
        };
        assert_eq!(record(&entry).unwrap_err(), refused);
    }
}

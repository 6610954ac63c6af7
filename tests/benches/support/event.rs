//! The event that benchmarks append.

use countersign_proto::event::Event;
use countersign_proto::v1::ExternalEvent;

/// Bytes of the payload of an entry.
pub(crate) const PAYLOAD: usize = 512;

/// An event whose message has [`PAYLOAD`] bytes.
pub(crate) fn event() -> Event {
    let raw = vec![b'x'; PAYLOAD - 10].into();
    Event::from_message(&ExternalEvent {
        source: "bench".into(),
        raw,
        ..Default::default()
    })
}

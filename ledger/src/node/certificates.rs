//! The list of certificates, read back from the log.

use std::io;
use std::sync::Arc;

use countersign_chain::record::Record;
use countersign_proto::event::{Kinded, Known};
use countersign_proto::v1::{CertificateIssued, CertificateRevoked};

use crate::identity::registry::Registry;
use crate::limits::READ_BYTES;
use crate::log::Log;
use crate::store::ReadError;

/// Reads back from the log which certificates were issued and revoked.
pub(super) async fn load(log: Arc<Log>) -> Result<Registry, ReadError> {
    let read = move || {
        let registry = Registry::new();
        let size = log.accepted_size();
        let mut next = 0;
        while next < size {
            let run = log.read(next, 4 * READ_BYTES)?;
            for frame in run.frames() {
                let frame = frame.map_err(|error| ReadError::Damaged { index: next, error })?;
                for bytes in frame.records() {
                    apply(&registry, bytes);
                }
                next = frame.size_after();
            }
        }
        Ok(registry)
    };
    let loaded = tokio::task::spawn_blocking(read).await;
    loaded.unwrap_or_else(|error| Err(ReadError::Io(io::Error::other(error))))
}

/// Entries that the registry is made of.
const CERTIFICATE_KINDS: [u16; 2] = [
    <CertificateIssued as Kinded>::KIND,
    <CertificateRevoked as Kinded>::KIND,
];

fn apply(registry: &Registry, bytes: &[u8]) {
    let Ok(record) = Record::parse(bytes) else {
        return;
    };
    let index = record.index().get();
    if !CERTIFICATE_KINDS.contains(&record.kind().get()) {
        return;
    }
    match Known::decode(record.kind().get(), record.payload()) {
        Ok(Known::CertificateIssued(event)) => registry.apply_issued(index, &event),
        Ok(Known::CertificateRevoked(event)) => registry.apply_revoked(index, &event),
        _ => {}
    }
}

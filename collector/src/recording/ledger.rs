//! Parts of a recording as a ledger gives them.

use countersign_chain::hash::Hash;
use countersign_client::RecordingStream;
use countersign_proto::event::Known;

use crate::recording::cast::{Part, Source, SourceError};

/// The parts of one session, each verified against its entry.
#[derive(Debug)]
pub struct LedgerParts(pub RecordingStream);

impl Source for LedgerParts {
    async fn next(&mut self) -> Option<Result<Part, SourceError>> {
        loop {
            let recorded = match self.0.next().await {
                Ok(Some(recorded)) => recorded,
                Ok(None) => return None,
                Err(error) => return Some(Err(SourceError(error.to_string()))),
            };
            if let (Ok(Known::SessionOutput(output)), Some(content)) =
                (recorded.entry.known(), recorded.content)
            {
                return Some(Ok(Part {
                    number: output.part,
                    digest: Hash::from_slice(&output.blob_sha256),
                    content,
                }));
            }
        }
    }
}

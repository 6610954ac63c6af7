//! Recordings of sessions, for who looks at them: played, as text, searched, or as a file.
//!
//! A recording comes in parts, in order, each the blob of one `SessionOutput` entry: zstd of whole
//! lines of an asciicast v2 file ([`asciicast`]). One part is in memory at a time. What a part
//! says is believed only when its digest is that of its entry and every line can be read; otherwise
//! the reader stops with a [`Damage`] that names the part, or goes on behind it when asked to.
//!
//! Whether the entries are what the ledger signed is for the client to verify; it hands over parts
//! with the digest from a verified entry.

pub mod asciicast;
mod cast;
mod export;
mod grep;
mod ledger;
mod part;
mod play;
mod tame;
mod text;

pub use cast::{Cast, CastError, Damage, Harm, OnDamage, Part, Source, SourceError};
pub use export::export;
pub use grep::{Hit, PatternError, grep, pattern};
pub use ledger::LedgerParts;
pub use part::{ENCODING, Packer, UnpackError, unpack};
pub use play::{Escapes, Pace, Played, Speed, SpeedError, play};
pub use text::{Line, text};

/// Why a recording could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// The recording is at fault, or where it comes from.
    #[error(transparent)]
    Cast(#[from] CastError),
    /// The output is at fault.
    #[error("cannot write the recording: {0}")]
    Write(#[from] std::io::Error),
}

#[cfg(test)]
mod tests;

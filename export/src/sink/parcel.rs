//! An entry on its way.

use countersign_client::Entry;

use super::encoding::Encoder;

/// Number of the kind that tells of sinks: see `proto/countersign/v1/export.proto`.
const SINK_FAILED: u16 = 102;

/// A verified entry with its encoded form.
#[derive(Debug, Clone)]
pub struct Parcel {
    entry: Entry,
    text: String,
}

impl Parcel {
    /// Encodes an entry.
    ///
    /// # Errors
    /// A sentence, when its record cannot be read.
    pub(super) fn new(entry: Entry, encoder: &mut Encoder) -> Result<Self, String> {
        let text = encoder.encode(&entry)?;
        Ok(Self { entry, text })
    }

    /// The entry.
    #[must_use]
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The entry again.
    pub(super) fn into_entry(self) -> Entry {
        self.entry
    }

    /// Its index.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.entry.index()
    }

    /// Its encoded form: one line without its end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Bytes that it takes.
    pub(super) fn weight(&self) -> u64 {
        u64::try_from(self.text.len()).unwrap_or(u64::MAX)
    }

    /// Whether it tells of a sink, so that trouble with it is not told in turn.
    pub(super) const fn is_of_sinks(&self) -> bool {
        self.entry.kind().get() == SINK_FAILED
    }
}

/// Index behind the last of these.
pub(super) fn end(parcels: &[Parcel]) -> u64 {
    let last = parcels.last().map_or(0, Parcel::index);
    last.saturating_add(u64::from(!parcels.is_empty()))
}

/// Index of the first of these.
pub(super) fn first(parcels: &[Parcel]) -> u64 {
    parcels.first().map_or(0, Parcel::index)
}

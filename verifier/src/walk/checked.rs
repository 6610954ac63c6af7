//! What a verification looked at, in numbers.

/// What was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Segment files.
    pub segments: u64,
    /// Bytes of commits.
    pub bytes: u64,
    /// Commits.
    pub commits: u64,
    /// Entries.
    pub entries: u64,
    /// Signatures that hold.
    pub signatures: u64,
    /// Stored tree hashes.
    pub tree_hashes: u64,
    /// Checkpoints from elsewhere that the log was compared with.
    pub checkpoints: u64,
    /// Cases that were replayed by the rules.
    pub cases: u64,
    /// Those of them that were closed.
    pub cases_closed: u64,
    /// Policies that came into force.
    pub policies: u64,
    /// Entries that have a place in a queue.
    pub places: u64,
    /// Places that were left out, as the ledger says.
    pub places_missing: u64,
    /// Parts of recordings.
    pub parts: u64,
    /// Commands of sessions.
    pub commands: u64,
    /// Blobs that were looked for.
    pub blobs: u64,
    /// Bytes of those that hold.
    pub blob_bytes: u64,
    /// Blobs that the source cannot show.
    pub blobs_unseen: u64,
}

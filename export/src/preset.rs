//! What an export is made for: a form of rows, and of the files that hold them.
//!
//! Whoever walks along a log cuts the entries into ranges, and each range becomes one file, or one
//! for each shelf of the preset. Rows are made on one core while another one writes.

use countersign_chain::tree::Frontier;

use crate::item::Item;
use crate::sheet::Out;

/// Why rows cannot be made or written.
#[derive(Debug, thiserror::Error)]
pub enum PresetError {
    /// The columns do not fit together.
    #[error("rows cannot be made: {0}")]
    Rows(#[from] arrow::error::ArrowError),
    /// The file cannot be written.
    #[error(transparent)]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The disk says no.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An entry does not fit the form.
    #[error("entry {index}: {reason}")]
    Entry {
        /// Which.
        index: u64,
        /// Why not.
        reason: String,
    },
}

/// Where a range of entries starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Index of its first entry.
    pub first: u64,
    /// Day of its entries, `YYYY-MM-DD`, when files are parted by day.
    pub day: Option<String>,
    /// The tree of the entries before `first`, when every entry from there on comes.
    pub frontier: Option<Frontier>,
}

/// Where a range of entries ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Index behind its last entry.
    pub end: u64,
    /// Signed note of the commit of its last entry.
    pub checkpoint: String,
}

/// Rows for one file.
#[derive(Debug)]
pub struct Shelved<R> {
    /// Folder below the export in which the file lies, with `/` between the names; empty for none.
    pub shelf: String,
    /// The rows.
    pub rows: R,
    /// How many.
    pub count: u64,
}

/// What an export is made for.
pub trait Preset: Sync {
    /// Rows as a file takes them.
    type Rows: Send;
    /// A file that is being written.
    type Sheet: Sheet<Rows = Self::Rows>;

    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// How the names of its files end, without the dot.
    fn extension(&self) -> &'static str;

    /// Whether files never hold entries of two days, whatever is asked for.
    fn by_day(&self) -> bool {
        false
    }

    /// Most entries of the range of one file, whatever is asked for.
    fn file_rows(&self) -> u64 {
        u64::MAX
    }

    /// Most bytes of records of the range of one file, whatever is asked for.
    fn file_bytes(&self) -> u64 {
        u64::MAX
    }

    /// What else decides which bytes are written, as on the command line; empty for nothing.
    fn settings(&self) -> String {
        String::new()
    }

    /// Whether entries of this kind tell what rows of later ones need.
    fn looks_back(&self, _kind: u16) -> bool {
        false
    }

    /// Learns from entries that are not written now, and lie between those that are. Only those
    /// that [`Preset::looks_back`] asks for need to come.
    fn see(&self, _items: &[Item<'_>]) {}

    /// Folder of the files of a day below their shelf.
    fn day_folder(&self, day: &str) -> String {
        format!("day={day}")
    }

    /// Makes rows of entries of one range.
    ///
    /// # Errors
    /// [`PresetError`] when an entry does not fit.
    fn rows(&self, items: &[Item<'_>]) -> Result<Vec<Shelved<Self::Rows>>, PresetError>;

    /// Begins a file for a range.
    ///
    /// # Errors
    /// [`PresetError`] when it cannot be written.
    fn begin(&self, out: Out, start: &Start) -> Result<Self::Sheet, PresetError>;
}

/// A file that is being written.
pub trait Sheet: Send {
    /// What it takes.
    type Rows;

    /// Adds rows.
    ///
    /// # Errors
    /// [`PresetError`] when they cannot be written.
    fn write(&mut self, rows: &Self::Rows) -> Result<(), PresetError>;

    /// Ends the file.
    ///
    /// # Errors
    /// [`PresetError`] when it cannot be written.
    fn finish(self, end: &End) -> Result<Out, PresetError>;
}

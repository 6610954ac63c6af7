//! Recordings, as the inbox shows them.
//!
//! How a recording is stored is the collector's to know, and this crate does not depend on it:
//! whoever starts the inbox brings a [`Reader`].

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use countersign_client::RecordingStream;

/// What a session showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    /// As plain text.
    pub text: String,
    /// As an asciicast v2 file.
    pub cast: String,
    /// Whether there is more than an inbox shows.
    pub is_cut: bool,
    /// What could not be shown, in words.
    pub damages: Vec<String>,
}

/// A transcript that is being read; or why it cannot be.
pub type Reading = Pin<Box<dyn Future<Output = Result<Transcript, String>> + Send>>;

/// Reads recordings.
#[derive(Clone)]
pub struct Reader(Arc<dyn Fn(RecordingStream) -> Reading + Send + Sync>);

impl Reader {
    /// A reader that works like this.
    #[must_use]
    pub fn new(read: impl Fn(RecordingStream) -> Reading + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Reads one.
    pub(crate) fn read(&self, stream: RecordingStream) -> Reading {
        (self.0)(stream)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Reader")
    }
}

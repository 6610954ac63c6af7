//! Saying that a followed file cannot be read, once, and that it can again.

use std::io;
use std::path::Path;

/// Whether the trouble with a file was told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trouble(bool);

impl Trouble {
    /// A file that cannot be read now may be readable later: nothing of it is passed over.
    pub(crate) fn tell(&mut self, path: &Path, error: Option<&io::Error>) {
        let path = path.display();
        match (std::mem::replace(&mut self.0, error.is_some()), error) {
            (false, Some(error)) if error.kind() == io::ErrorKind::NotFound => {
                tracing::warn!(%path, "there is no such file yet; waiting for it");
            }
            (false, Some(error)) => {
                tracing::warn!(%path, %error, "cannot read a followed file; trying again");
            }
            (true, None) => tracing::info!(%path, "the followed file is read now"),
            (true, Some(_)) | (false, None) => {}
        }
    }
}

//! Where the Teams bot lives: the section `[teams]` of the configuration.

use std::path::Path;

use serde::Deserialize;

use crate::config::secret::SecretFile;

/// The section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamsSettings {
    /// Id of the directory tenant that the directory's Teams ids belong to.
    pub tenant: String,
    /// Id of the bot's app registration.
    pub app_id: String,
    /// File of the app's client secret.
    pub client_secret_file: SecretFile,
    /// Whether an account is that of the one person who has its e-mail address. Who can change an
    /// address on the platform can then be anybody.
    #[serde(default)]
    pub match_email: bool,
}

impl TeamsSettings {
    /// Reads its secrets, and checks what it says.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn settle(&mut self, folder: &Path) -> Result<(), String> {
        self.client_secret_file.read(folder)
    }
}

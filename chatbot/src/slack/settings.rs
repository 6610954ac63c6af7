//! Where the Slack app lives: the section `[slack]` of the configuration.

use std::path::Path;

use serde::Deserialize;

use crate::config::secret::SecretFile;

/// The section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackSettings {
    /// Id of the workspace or enterprise that the directory's Slack ids belong to.
    pub team: String,
    /// File of the bot token, which begins with `xoxb-`.
    pub bot_token_file: SecretFile,
    /// Whether an account is that of the one person who has its e-mail address. Who can change an
    /// address on the platform can then be anybody.
    #[serde(default)]
    pub match_email: bool,
}

impl SlackSettings {
    /// Reads its secrets, and checks what it says.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn settle(&mut self, folder: &Path) -> Result<(), String> {
        self.bot_token_file.read(folder)
    }
}

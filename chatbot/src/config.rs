//! The file that says which chat platforms the bot speaks on.

pub mod inbox_url;
pub mod secret;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::account::Platform;
use crate::config::inbox_url::InboxUrl;
use crate::limits::MAX_CONFIG;
use crate::oidc::settings::OidcSettings;
use crate::slack::settings::SlackSettings;
use crate::teams::settings::TeamsSettings;

/// The whole file, in TOML. A platform without its section is not spoken on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address at which people open the inbox, for example `https://access.example.com`; cards and
    /// answers point there, and the inbox takes requests for it. Without it they name the command
    /// line.
    pub inbox_url: Option<InboxUrl>,
    /// Slack.
    pub slack: Option<SlackSettings>,
    /// Microsoft Teams.
    pub teams: Option<TeamsSettings>,
    /// Where people sign in to the inbox.
    pub oidc: Option<OidcSettings>,
}

/// Why a file is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not there, or may not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than any configuration.
    #[error("{} has more than {MAX_CONFIG} bytes, expected a configuration", .0.display())]
    Large(PathBuf),
    /// It is not TOML, or says something that is not known.
    #[error("{}: {why}", path.display())]
    Wrong {
        /// Which.
        path: PathBuf,
        /// What, with its line.
        why: String,
    },
}

impl Config {
    /// Reads a file. Files that it names are looked up from the folder that it is in.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and the line.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        let size = std::fs::metadata(path).map_err(read)?.len();
        if size > MAX_CONFIG {
            return Err(ConfigError::Large(path.to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        let wrong = |why: String| ConfigError::Wrong {
            path: path.to_owned(),
            why,
        };
        let mut config: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        if let Some(slack) = &mut config.slack {
            slack.settle(folder).map_err(wrong)?;
        }
        if let Some(teams) = &mut config.teams {
            teams.settle(folder).map_err(wrong)?;
        }
        if let Some(oidc) = &mut config.oidc {
            oidc.settle(folder).map_err(wrong)?;
        }
        Ok(config)
    }

    /// The address of the inbox, for words and links.
    #[must_use]
    pub fn inbox(&self) -> Option<String> {
        let url = self.inbox_url.as_ref();
        url.map(|url| url.as_str().to_owned())
    }

    /// Platforms that are spoken on, each with the organisation that the directory's ids belong to.
    #[must_use]
    pub fn homes(&self) -> Vec<(Platform, String)> {
        let slack = self
            .slack
            .iter()
            .map(|it| (Platform::Slack, it.team.clone()));
        let teams = self
            .teams
            .iter()
            .map(|it| (Platform::Teams, it.tenant.clone()));
        slack.chain(teams).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chatbot.toml");
        let missing = Config::read(&path).unwrap_err().to_string();
        assert!(missing.contains("chatbot.toml"), "{missing}");
        std::fs::write(&path, "inbox_url = \"https://a.example\"\nslak = 1\n").unwrap();
        let unknown = Config::read(&path).unwrap_err().to_string();
        assert!(
            unknown.contains("line 2") && unknown.contains("slak"),
            "{unknown}"
        );
        std::fs::write(&path, "\ninbox_url = \"inbox.example.com\"\n").unwrap();
        let bare = Config::read(&path).unwrap_err().to_string();
        assert!(
            bare.contains("line 2") && bare.contains("expected https://"),
            "{bare}"
        );
        std::fs::write(&path, "").unwrap();
        let empty = Config::read(&path).unwrap();
        assert!(empty.slack.is_none() && empty.teams.is_none());
        std::fs::write(&path, "#".repeat(70_000)).unwrap();
        assert!(matches!(Config::read(&path), Err(ConfigError::Large(_))));
    }
}

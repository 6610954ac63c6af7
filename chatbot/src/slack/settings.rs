//! Where the Slack app lives: the section `[slack]` of the configuration.

use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use crate::config::secret::SecretFile;
use crate::slack::api;

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
    /// File of the signing secret, for an app that Slack calls over HTTP.
    pub signing_secret_file: Option<SecretFile>,
    /// Where Slack's calls come in: this machine's address, behind a proxy with TLS.
    pub listen: Option<SocketAddr>,
    /// File of the app token, which begins with `xapp-`, for an app in Socket Mode.
    pub app_token_file: Option<SecretFile>,
    /// Address of the Web API; Slack's own without it.
    pub api_url: Option<String>,
}

/// How what people do comes in.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// Slack calls us.
    Http {
        /// Where.
        listen: SocketAddr,
        /// What it signs with.
        secret: &'a SecretFile,
    },
    /// We keep a socket open.
    Socket {
        /// The app token.
        token: &'a SecretFile,
    },
}

impl SlackSettings {
    /// Reads its secrets, and checks what it says.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn settle(&mut self, folder: &Path) -> Result<(), String> {
        let team = self.team.as_str();
        let plain = team.bytes().all(|b| b.is_ascii_alphanumeric());
        if !(team.starts_with(['T', 'E']) && plain && (2..=64).contains(&team.len())) {
            return Err(format!(
                "expected slack.team to be the id of a workspace (T…) or an enterprise (E…), got \
                 {team:?}"
            ));
        }
        if let Some(address) = &self.api_url {
            api::base(address)?;
        }
        self.bot_token_file.read("slack.bot_token_file", folder)?;
        begins("bot_token_file", &self.bot_token_file, "xoxb-")?;
        if let Some(secret) = &mut self.signing_secret_file {
            secret.read("slack.signing_secret_file", folder)?;
        }
        if let Some(token) = &mut self.app_token_file {
            token.read("slack.app_token_file", folder)?;
            begins("app_token_file", token, "xapp-")?;
        }
        self.way().map(drop)
    }

    /// How what people do comes in.
    ///
    /// # Errors
    /// A sentence that says which setting is missing, or one too many.
    pub fn way(&self) -> Result<Way<'_>, String> {
        match (&self.signing_secret_file, &self.app_token_file, self.listen) {
            (Some(secret), None, Some(listen)) => Ok(Way::Http { listen, secret }),
            (None, Some(token), None) => Ok(Way::Socket { token }),
            (Some(_), None, None) => Err(
                "slack.listen is missing: with slack.signing_secret_file Slack calls this \
                 program, so it needs an address, for example \"127.0.0.1:7491\""
                    .to_owned(),
            ),
            (None, Some(_), Some(_)) => Err(
                "slack.listen is of no use with slack.app_token_file: Socket Mode needs no \
                 address; take one of the two away"
                    .to_owned(),
            ),
            (Some(_), Some(_), _) => Err(
                "slack.signing_secret_file is for HTTP and slack.app_token_file for Socket Mode; \
                 take one of the two away"
                    .to_owned(),
            ),
            (None, None, _) => Err(
                "slack.signing_secret_file and slack.app_token_file are both missing: give the \
                 first for HTTP, with slack.listen, or the second for Socket Mode"
                    .to_owned(),
            ),
        }
    }
}

fn begins(setting: &str, secret: &SecretFile, with: &str) -> Result<(), String> {
    match secret.expose().starts_with(with) {
        true => Ok(()),
        false => Err(format!(
            "expected slack.{setting} to name a file with a token that begins with {with}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(more: &str) -> Result<SlackSettings, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("bot", "xoxb-1"), ("app", "xapp-1"), ("secret", "s3cret")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let text = format!("team = \"T1\"\nbot_token_file = \"bot\"\n{more}");
        let mut settings: SlackSettings = toml::from_str(&text).unwrap();
        settings.settle(folder.path())?;
        Ok(settings)
    }

    #[test]
    fn one_way_in_is_enough_and_two_are_too_many() {
        const HTTP: &str = "signing_secret_file = \"secret\"\n";
        const LISTEN: &str = "listen = \"127.0.0.1:0\"\n";
        const SOCKET: &str = "app_token_file = \"app\"\n";
        let http = settled(&format!("{HTTP}{LISTEN}")).unwrap();
        assert!(matches!(http.way(), Ok(Way::Http { .. })));
        let socket = settled(SOCKET).unwrap();
        assert!(matches!(socket.way(), Ok(Way::Socket { .. })));
        assert!(!format!("{socket:?}").contains("xapp-"), "{socket:?}");
        for (more, named) in [
            (HTTP.to_owned(), "slack.listen is missing"),
            (format!("{SOCKET}{LISTEN}"), "slack.listen is of no use"),
            (
                format!("{HTTP}{LISTEN}{SOCKET}"),
                "take one of the two away",
            ),
            (String::new(), "are both missing"),
        ] {
            let error = settled(&more).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_right_is_named() {
        for (more, named) in [
            ("app_token_file = \"bot\"", "xapp-"),
            (
                "app_token_file = \"gone\"",
                "slack.app_token_file: cannot read",
            ),
            (
                "app_token_file = \"app\"\napi_url = \"http://slack.com/api/\"",
                "slack.api_url",
            ),
        ] {
            let error = settled(more).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}

//! Where the Teams bot lives: the section `[teams]` of the configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use serde::Deserialize;

use crate::config::secret::SecretFile;
use crate::teams::cloud::{Addresses, Cloud};

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
    /// Where activities come in, as HTTP; whatever ends TLS before it passes `/api/messages` on.
    #[serde(default = "usual_listen")]
    pub listen: SocketAddr,
    /// Which of Microsoft's clouds; it decides what is not said below.
    #[serde(default)]
    pub cloud: Cloud,
    /// OpenID document that names the keys of inbound tokens.
    pub openid_url: Option<String>,
    /// Issuer of inbound tokens.
    pub issuer: Option<String>,
    /// Where the bot gets its own tokens.
    pub token_url: Option<String>,
    /// What its tokens are for.
    pub scope: Option<String>,
    /// Where a conversation begins with somebody who has not written yet.
    pub service_url: Option<String>,
    /// Hosts that the bot's token may go to, besides those of the cloud.
    #[serde(default)]
    pub service_hosts: Vec<String>,
}

const fn usual_listen() -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 3978)
}

impl TeamsSettings {
    /// Reads its secrets, and checks what it says.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn settle(&mut self, folder: &Path) -> Result<(), String> {
        for (name, id) in [("tenant", &mut self.tenant), ("app_id", &mut self.app_id)] {
            id.make_ascii_lowercase();
            if !is_guid(id) {
                return Err(format!(
                    "expected teams.{name} to be an id such as \
                     11111111-2222-3333-4444-555555555555, got {id:?}"
                ));
            }
        }
        self.addresses()?;
        self.client_secret_file
            .read("teams.client_secret_file", folder)
    }

    /// The addresses of Microsoft's services.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn addresses(&self) -> Result<Addresses, String> {
        Addresses::of(self)
    }
}

/// Whether a text has the form of a GUID.
#[must_use]
pub fn is_guid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: &str = "tenant = \"11111111-2222-3333-4444-55555555555A\"\n\
                       app_id = \"66666666-7777-8888-9999-000000000000\"\n\
                       client_secret_file = \"secret\"\n";

    fn settled(more: &str) -> Result<TeamsSettings, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "hush").unwrap();
        let text = format!("{IDS}{more}");
        let settings = toml::from_str::<TeamsSettings>(&text);
        let mut settings = settings.map_err(|error| error.to_string())?;
        settings.settle(folder.path())?;
        Ok(settings)
    }

    #[test]
    fn three_settings_are_enough() {
        let settings = settled("").unwrap();
        assert_eq!(settings.tenant, "11111111-2222-3333-4444-55555555555a");
        let addresses = settings.addresses().unwrap();
        assert_eq!(addresses.issuer, "https://api.botframework.com");
        let login = "https://login.microsoftonline.com";
        let token = format!("{login}/{}/oauth2/v2.0/token", settings.tenant);
        assert_eq!(addresses.token.as_str(), token);
        assert_eq!(
            addresses.service.as_str(),
            "https://smba.trafficmanager.net/teams/"
        );
    }

    #[test]
    fn every_cloud_has_its_own_addresses() {
        for (cloud, issuer, service) in [
            (
                "gcc",
                "https://api.botframework.com",
                "smba.infra.gcc.teams",
            ),
            (
                "gcc-high",
                "https://api.botframework.us",
                "smba.infra.gov.teams",
            ),
            ("dod", "https://api.botframework.us", "smba.infra.dod.teams"),
        ] {
            let settings = settled(&format!("cloud = \"{cloud}\"")).unwrap();
            let addresses = settings.addresses().unwrap();
            assert_eq!(addresses.issuer, issuer, "{cloud}");
            assert!(addresses.service.as_str().contains(service), "{cloud}");
        }
        let china = settled("cloud = \"china\"").unwrap_err();
        assert!(china.contains("teams.service_url"), "{china}");
        assert!(settled("cloud = \"moon\"").is_err());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (more, name) in [
            ("openid_url = \"http://login.example/x\"", "openid_url"),
            ("token_url = \"ftp://127.0.0.1/x\"", "token_url"),
            ("token_url = \"https://a:b@login.example/x\"", "token_url"),
            ("service_url = \"http://smba.example/teams\"", "service_url"),
            ("service_url = \"https://10.0.0.1/teams\"", "service_url"),
            ("service_hosts = [\"10.0.0.1\"]", "service_hosts"),
            ("service_hosts = [\"https://a.example\"]", "service_hosts"),
            ("validate = false", "validate"),
        ] {
            let why = settled(more).unwrap_err();
            assert!(why.contains(name), "{more}: {why}");
        }
        let text = IDS.replace("66666666-", "");
        let mut settings: TeamsSettings = toml::from_str(&text).unwrap();
        let why = settings.settle(Path::new(".")).unwrap_err();
        assert!(why.contains("teams.app_id"), "{why}");
    }
}

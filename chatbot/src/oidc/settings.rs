//! Where people sign in: the section `[oidc]` of the configuration.

use std::path::Path;

use reqwest::Url;
use serde::Deserialize;

use crate::config::secret::SecretFile;

/// The section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcSettings {
    /// The provider, as its tokens name it, for example `https://login.example.com`.
    pub issuer: String,
    /// What the provider calls the inbox.
    pub client_id: String,
    /// File of the secret that the provider has given to the inbox.
    pub client_secret_file: SecretFile,
    /// The claim of the ID token that names people: what it says behind `user:` is their principal.
    #[serde(default = "email")]
    pub claim: String,
}

fn email() -> String {
    "email".to_owned()
}

impl OidcSettings {
    /// Reads its secret, and checks what it says.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn settle(&mut self, folder: &Path) -> Result<(), String> {
        if !is_safe(&self.issuer) {
            return Err(format!(
                "oidc.issuer is {:?}, expected an https:// address (http:// on loopback only)",
                self.issuer
            ));
        }
        if self.client_id.is_empty() || self.claim.is_empty() {
            return Err("oidc.client_id and oidc.claim must not be empty".to_owned());
        }
        self.client_secret_file
            .read("oidc.client_secret_file", folder)
    }
}

/// Whether an address is spoken to with TLS, or is of this machine.
pub(crate) fn is_safe(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let is_loopback = match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
        }
        None => false,
    };
    url.scheme() == "https" && url.host_str().is_some() || url.scheme() == "http" && is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_tls_or_are_of_this_machine() {
        for good in [
            "https://login.example.com",
            "http://127.0.0.1:9400",
            "http://[::1]:9400/a",
            "http://localhost:9400",
        ] {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "http://login.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1@example.com",
            "ftp://127.0.0.1",
            "login.example.com",
            "",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
    }

    #[test]
    fn a_section_is_checked_before_it_is_used() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "s").unwrap();
        let section = |issuer: &str| -> OidcSettings {
            let text = format!(
                "issuer = \"{issuer}\"\nclient_id = \"c\"\nclient_secret_file = \"secret\"\n"
            );
            toml::from_str(&text).unwrap()
        };
        let mut good = section("https://login.example.com");
        good.settle(folder.path()).unwrap();
        assert_eq!(
            (good.claim.as_str(), good.client_secret_file.expose()),
            ("email", "s")
        );
        let plain = section("http://login.example.com").settle(folder.path());
        assert!(plain.unwrap_err().contains("oidc.issuer"));
    }
}

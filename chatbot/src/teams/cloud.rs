//! Microsoft's clouds, and the addresses of the services that a bot speaks with in each.

use std::net::IpAddr;

use reqwest::Url;
use serde::Deserialize;

use crate::teams::service::{ServiceHosts, ServiceUrl};
use crate::teams::settings::TeamsSettings;

/// One of Microsoft's clouds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// The one that everyone uses.
    #[default]
    Public,
    /// US Government Community Cloud.
    Gcc,
    /// US Government Community Cloud High.
    GccHigh,
    /// US Department of Defense.
    Dod,
    /// Operated in China.
    China,
}

/// What a cloud decides. No public source names a service address in China.
struct Usual {
    openid: &'static str,
    issuer: &'static str,
    login: &'static str,
    scope: &'static str,
    service: Option<&'static str>,
}

impl Cloud {
    const fn usual(self) -> Usual {
        let public = Usual {
            openid: "https://login.botframework.com/v1/.well-known/openidconfiguration",
            issuer: "https://api.botframework.com",
            login: "https://login.microsoftonline.com",
            scope: "https://api.botframework.com/.default",
            service: Some("https://smba.trafficmanager.net/teams/"),
        };
        let us = Usual {
            openid: "https://login.botframework.azure.us/v1/.well-known/openidconfiguration",
            issuer: "https://api.botframework.us",
            login: "https://login.microsoftonline.us",
            scope: "https://api.botframework.us/.default",
            service: Some("https://smba.infra.gov.teams.microsoft.us/teams/"),
        };
        match self {
            Self::Public => public,
            Self::Gcc => Usual {
                service: Some("https://smba.infra.gcc.teams.microsoft.com/teams/"),
                ..public
            },
            Self::GccHigh => us,
            Self::Dod => Usual {
                service: Some("https://smba.infra.dod.teams.microsoft.us/teams/"),
                ..us
            },
            Self::China => Usual {
                openid: "https://login.botframework.azure.cn/v1/.well-known/openidconfiguration",
                issuer: "https://api.botframework.azure.cn",
                login: "https://login.partner.microsoftonline.cn",
                scope: "https://api.botframework.azure.cn/.default",
                service: None,
            },
        }
    }
}

/// Addresses, checked.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// OpenID document that names the keys of inbound tokens.
    pub openid: Url,
    /// Issuer of inbound tokens.
    pub issuer: String,
    /// Where the bot gets its own tokens.
    pub token: Url,
    /// What its tokens are for.
    pub scope: String,
    /// Where a conversation begins with somebody who has not written yet.
    pub service: ServiceUrl,
    /// Where the bot's token may go.
    pub hosts: ServiceHosts,
}

impl Addresses {
    /// Those of the settings, and of their cloud where they say nothing.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn of(settings: &TeamsSettings) -> Result<Self, String> {
        let usual = settings.cloud.usual();
        let token = format!("{}/{}/oauth2/v2.0/token", usual.login, settings.tenant);
        let service = settings.service_url.as_deref().or(usual.service);
        let service = service.ok_or("expected teams.service_url, which this cloud needs")?;
        let mut hosts = ServiceHosts::new(&settings.service_hosts)?;
        if let Some(usual) = usual.service {
            hosts.add(usual);
        }
        if let Some(own) = &settings.service_url {
            hosts.add(own);
        }
        Ok(Self {
            openid: address(
                "openid_url",
                settings.openid_url.as_deref().unwrap_or(usual.openid),
            )?,
            issuer: word(settings.issuer.as_deref(), usual.issuer),
            token: address("token_url", settings.token_url.as_deref().unwrap_or(&token))?,
            scope: word(settings.scope.as_deref(), usual.scope),
            service: hosts
                .admit(service)
                .map_err(|error| format!("teams.service_url: {error}"))?,
            hosts,
        })
    }
}

fn word(own: Option<&str>, usual: &str) -> String {
    own.unwrap_or(usual).to_owned()
}

/// Secrets and keys do not travel in the clear, except on this machine.
fn address(name: &str, text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(is_safe);
    url.ok_or_else(|| {
        format!(
            "expected teams.{name} to be https, or http to a loopback address, without user and \
             password, got {text:?}"
        )
    })
}

/// Whether what is sent there is read by nobody on the way.
pub(super) fn is_safe(url: &Url) -> bool {
    let anonymous = url.username().is_empty() && url.password().is_none();
    anonymous && (url.scheme() == "https" || url.scheme() == "http" && is_loopback(url))
}

/// Whether it is an address, not a name, of this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback())
}

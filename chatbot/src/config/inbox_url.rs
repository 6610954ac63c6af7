//! Where people open the inbox.

use reqwest::Url;
use serde::Deserialize;

use crate::limits::INBOX_URL;
use crate::oidc::settings::is_safe;

/// The address of the inbox as browsers know it: a scheme and a host, with a port unless it is the
/// usual one, and nothing behind it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct InboxUrl {
    whole: String,
    host: String,
    is_secure: bool,
}

/// Why a text is no such address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "inbox_url is {0:?}, expected https:// and a host without a path, for example \
     https://inbox.example.com (http:// on loopback only)"
)]
pub struct InboxUrlError(String);

impl TryFrom<String> for InboxUrl {
    type Error = InboxUrlError;

    fn try_from(text: String) -> Result<Self, InboxUrlError> {
        let url = Url::parse(&text).ok();
        let url = url.filter(|_| is_safe(&text) && text.len() <= INBOX_URL);
        let url = url.and_then(|url| Self::of(&url));
        url.ok_or(InboxUrlError(text))
    }
}

impl InboxUrl {
    fn of(url: &Url) -> Option<Self> {
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let host = match (url.host_str()?, url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        Some(Self {
            whole: format!("{}://{host}", url.scheme()),
            is_secure: url.scheme() == "https",
            host,
        })
    }

    /// The whole, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// What browsers say in their Host header, in lower case.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether browsers speak TLS there.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.is_secure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_inbox_is_a_scheme_and_a_host() {
        for (text, whole, host, is_secure) in [
            (
                "https://Inbox.Example.com/",
                "https://inbox.example.com",
                "inbox.example.com",
                true,
            ),
            (
                "https://a.example:8443",
                "https://a.example:8443",
                "a.example:8443",
                true,
            ),
            (
                "https://a.example:443",
                "https://a.example",
                "a.example",
                true,
            ),
            (
                "http://127.0.0.1:7490",
                "http://127.0.0.1:7490",
                "127.0.0.1:7490",
                false,
            ),
            (
                "http://[::1]:7490",
                "http://[::1]:7490",
                "[::1]:7490",
                false,
            ),
        ] {
            let url = InboxUrl::try_from(text.to_owned()).unwrap();
            assert_eq!((url.as_str(), url.host()), (whole, host), "{text}");
            assert_eq!(url.is_secure(), is_secure, "{text}");
        }
        for bad in [
            "",
            "ftp://x",
            "inbox.example.com",
            "http://inbox.example.com",
            "https://",
            "https://inbox.example.com/access",
            "https://inbox.example.com?a=b",
            "https://inbox.example.com#a",
            "https://ada@inbox.example.com",
        ] {
            let told = InboxUrl::try_from(bad.to_owned()).unwrap_err().to_string();
            assert!(told.contains(&format!("{bad:?}")), "{told}");
        }
        let long = format!("https://{}.example", "a".repeat(INBOX_URL));
        assert!(InboxUrl::try_from(long).is_err());
    }
}

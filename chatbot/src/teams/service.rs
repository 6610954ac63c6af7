//! Where the bot's token may go.
//!
//! Every activity names the address at which the connector takes what the bot says, and the token
//! goes there. Whoever could choose that address would have the token, and a way into the network
//! of the bot. So the address has to be `https` on the usual port of a host that stands in a list,
//! and is written in one plain form: what two programs could read in two ways is refused.

use std::collections::BTreeSet;
use std::fmt;

use reqwest::Url;

use crate::limits::{TEAMS_ID, TEAMS_URL};
use crate::teams::cloud::is_loopback;

/// An address of the connector that the token may go to; it ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrl(Url);

/// Why an address is none of the connector's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServiceUrlError {
    /// Too long.
    #[error("service URL is longer than {TEAMS_URL} bytes")]
    Long,
    /// A character that no plain address has, such as a space, `@`, `%`, `\`, `?` or `#`.
    #[error("service URL has a character that no plain address has")]
    Character,
    /// Not an address.
    #[error("service URL is no URL")]
    Form,
    /// Not `https`.
    #[error("service URL is not https")]
    Scheme,
    /// A user or a password.
    #[error("service URL names a user")]
    User,
    /// A number in place of a name.
    #[error("service URL names its host by a number")]
    Number,
    /// Another port than 443.
    #[error("service URL names a port")]
    Port,
    /// A segment that leads up or nowhere.
    #[error("service URL has a path that is not plain")]
    Path,
    /// A host that is not in the list.
    #[error("host of the service URL is not in the list; teams.service_hosts adds to it")]
    Host,
}

/// Hosts of the connector.
#[derive(Debug, Clone, Default)]
pub struct ServiceHosts {
    names: BTreeSet<String>,
    /// Scheme, address and port of a connector on this machine, as the settings name it.
    local: Option<Url>,
}

impl ServiceHosts {
    /// These hosts.
    ///
    /// # Errors
    /// A sentence that names what is no name of a host.
    pub fn new(names: &[String]) -> Result<Self, String> {
        let mut hosts = Self::default();
        for name in names {
            let plain = name.contains('.')
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
            let url = Url::parse(&format!("https://{name}/")).ok();
            let domain = url.as_ref().and_then(Url::domain).filter(|_| plain);
            let domain = domain.ok_or_else(|| {
                format!("expected names of hosts in teams.service_hosts, got {name:?}")
            })?;
            hosts.names.insert(domain.to_owned());
        }
        Ok(hosts)
    }

    /// Adds what the settings or a cloud name as the address of the connector.
    pub(super) fn add(&mut self, service: &str) {
        let Ok(url) = Url::parse(service) else {
            return;
        };
        if is_loopback(&url) {
            self.local = Some(url);
        } else if let Some(name) = url.domain() {
            self.names.insert(name.to_owned());
        }
    }

    /// Reads an address.
    ///
    /// # Errors
    /// [`ServiceUrlError`] names what is wrong with it.
    pub fn admit(&self, text: &str) -> Result<ServiceUrl, ServiceUrlError> {
        if text.len() > TEAMS_URL {
            return Err(ServiceUrlError::Long);
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b":/.-_[]".contains(&b);
        if text.contains('@') {
            return Err(ServiceUrlError::User);
        }
        if !text.bytes().all(plain) {
            return Err(ServiceUrlError::Character);
        }
        let mut url = Url::parse(text).map_err(|_ignored| ServiceUrlError::Form)?;
        let mut segments = text.split('/').skip(3).peekable();
        while let Some(segment) = segments.next() {
            let last = segments.peek().is_none();
            if [".", ".."].contains(&segment) || segment.is_empty() && !last {
                return Err(ServiceUrlError::Path);
            }
        }
        if !self.is_local(&url) {
            self.is_listed(&url, text)?;
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(ServiceUrl(url))
    }

    fn is_local(&self, url: &Url) -> bool {
        let same = |local: &Url| local.origin() == url.origin();
        self.local.as_ref().is_some_and(same)
    }

    fn is_listed(&self, url: &Url, text: &str) -> Result<(), ServiceUrlError> {
        let Some(rest) = text.get(..8).filter(|s| s.eq_ignore_ascii_case("https://")) else {
            return Err(ServiceUrlError::Scheme);
        };
        let authority = text.get(rest.len()..).unwrap_or_default();
        let authority = authority.split('/').next().unwrap_or_default();
        let Some(domain) = url.domain() else {
            return Err(ServiceUrlError::Number);
        };
        // The parser leaves out a port that is the usual one.
        if authority.contains(':') {
            return Err(ServiceUrlError::Port);
        }
        let same = authority.eq_ignore_ascii_case(domain);
        match same && self.names.contains(domain) {
            true => Ok(()),
            false => Err(ServiceUrlError::Host),
        }
    }
}

impl ServiceUrl {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The address of something below it. Each part is one segment, whatever is in it.
    pub(super) fn below(&self, parts: &[&str]) -> Option<Url> {
        let mut url = self.0.clone();
        for part in parts {
            // These would be taken for a way up.
            if part.is_empty() || part.len() > TEAMS_ID || part.bytes().all(|b| b == b'.') {
                return None;
            }
        }
        url.path_segments_mut().ok()?.pop_if_empty().extend(parts);
        Some(url)
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Whether two texts name the same address: case of scheme and host, and a slash at the end, say
/// nothing.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    let parse = |text: &str| Url::parse(text.trim_end_matches('/')).ok();
    match (parse(one), parse(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> ServiceHosts {
        let mut hosts = ServiceHosts::new(&["smba.infra.example.com".to_owned()]).unwrap();
        hosts.add("https://smba.trafficmanager.net/teams/");
        hosts
    }

    #[test]
    fn addresses_of_listed_hosts_are_taken() {
        for (text, read) in [
            (
                "https://smba.trafficmanager.net/teams",
                "https://smba.trafficmanager.net/teams/",
            ),
            (
                "HTTPS://SMBA.TrafficManager.net/emea/0b1c-2/",
                "https://smba.trafficmanager.net/emea/0b1c-2/",
            ),
            (
                "https://smba.infra.example.com",
                "https://smba.infra.example.com/",
            ),
        ] {
            assert_eq!(hosts().admit(text).unwrap().as_str(), read, "{text}");
        }
    }

    #[test]
    fn each_wrong_address_is_refused_for_its_own_reason() {
        let long = format!("https://smba.trafficmanager.net/{}", "x".repeat(TEAMS_URL));
        for (text, error) in [
            (long.as_str(), ServiceUrlError::Long),
            (
                "https://smba.trafficmanager.net/a b",
                ServiceUrlError::Character,
            ),
            (
                "https://smba.trafficmanager.net\\x",
                ServiceUrlError::Character,
            ),
            ("smba.trafficmanager.net", ServiceUrlError::Form),
            ("http://smba.trafficmanager.net/", ServiceUrlError::Scheme),
            ("https://a@smba.trafficmanager.net/", ServiceUrlError::User),
            ("https://10.0.0.1/", ServiceUrlError::Number),
            ("https://[::1]/", ServiceUrlError::Number),
            ("https://0x7f000001/", ServiceUrlError::Number),
            (
                "https://smba.trafficmanager.net:443/",
                ServiceUrlError::Port,
            ),
            ("https://smba.trafficmanager.net:/", ServiceUrlError::Port),
            (
                "https://smba.trafficmanager.net/../x/",
                ServiceUrlError::Path,
            ),
            ("https://smba.trafficmanager.net//x/", ServiceUrlError::Path),
            ("https://trafficmanager.net/", ServiceUrlError::Host),
            ("https://smba.trafficmanager.net./", ServiceUrlError::Host),
        ] {
            assert_eq!(hosts().admit(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_connector_on_this_machine_has_to_be_named_exactly() {
        let mut hosts = hosts();
        let local = "http://127.0.0.1:4567/";
        assert!(hosts.admit(local).is_err());
        hosts.add(local);
        assert!(hosts.admit("http://127.0.0.1:4567/teams").is_ok());
        for other in [
            "http://127.0.0.1:4568/",
            "https://127.0.0.1:4567/",
            "http://127.0.0.2:4567/",
            "http://localhost:4567/",
            "http://[::1]:4567/",
        ] {
            assert!(hosts.admit(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_part_of_an_address_stays_one_segment() {
        let service = hosts()
            .admit("https://smba.trafficmanager.net/teams/")
            .unwrap();
        let url = service.below(&[
            "v3",
            "conversations",
            "19:a/../b?c#d@thread.tacv2;messageid=1",
        ]);
        assert_eq!(
            url.unwrap().as_str(),
            "https://smba.trafficmanager.net/teams/v3/conversations/\
             19:a%2F..%2Fb%3Fc%23d@thread.tacv2;messageid=1"
        );
        for part in ["", ".", "..", &"x".repeat(TEAMS_ID + 1)] {
            assert_eq!(service.below(&["v3", part]), None, "{part}");
        }
    }

    #[test]
    fn addresses_are_compared_without_case_of_host_and_slash() {
        let one = "https://smba.trafficmanager.net/teams/";
        for (other, is_same) in [
            ("https://SMBA.trafficmanager.net/teams", true),
            ("https://smba.trafficmanager.net/Teams/", false),
            ("https://smba.trafficmanager.net/teams/x", false),
            ("http://smba.trafficmanager.net/teams/", false),
            ("https://smba.trafficmanager.net.evil.example/teams/", false),
            ("", false),
        ] {
            assert_eq!(same(one, other), is_same, "{other}");
        }
        assert!(!same("", ""));
    }
}

//! What ties an answer of the provider to the browser that asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::limits::OIDC_SECONDS;

/// One way to the provider and back. Its text is the cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flow {
    /// Random; only the browser has it.
    secret: String,
    /// When it began, seconds of Unix time.
    began: u64,
    /// A path of the inbox, where it leads.
    pub(crate) next: String,
}

impl Flow {
    /// A way that begins now.
    pub(crate) fn new(secret: String, began: u64, next: &str) -> Self {
        Self {
            secret,
            began,
            next: next.to_owned(),
        }
    }

    /// As the cookie has it.
    pub(crate) fn cookie(&self) -> String {
        format!("{}.{}.{}", self.secret, self.began, self.next)
    }

    /// Reads a cookie; none when it is something else, or its time is over.
    pub(crate) fn parse(cookie: &str, now: u64) -> Option<Self> {
        let mut parts = cookie.splitn(3, '.');
        let (secret, began, next) = (parts.next()?, parts.next()?, parts.next()?);
        let began: u64 = began.parse().ok()?;
        let is_over = now >= began.checked_add(OIDC_SECONDS)?;
        let good = began <= now && !is_over && secret.len() == 32;
        good.then(|| Self::new(secret.to_owned(), began, next))
    }
}

/// Makes what the provider is told, out of the key of this process.
pub(crate) struct Maker(Zeroizing<String>);

impl std::fmt::Debug for Maker {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Maker")
    }
}

impl Maker {
    /// With a random key.
    pub(crate) fn new(key: String) -> Self {
        Self(Zeroizing::new(key))
    }

    fn make(&self, what: &str, flow: &Flow) -> String {
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()) else {
            return String::new();
        };
        mac.update(what.as_bytes());
        mac.update(b"\n");
        mac.update(flow.cookie().as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    /// What comes back in the address.
    pub(crate) fn state(&self, flow: &Flow) -> String {
        self.make("state", flow)
    }

    /// What comes back in the token.
    pub(crate) fn nonce(&self, flow: &Flow) -> String {
        self.make("nonce", flow)
    }

    /// What shows that whoever has the code has also asked for it (RFC 7636).
    pub(crate) fn verifier(&self, flow: &Flow) -> Zeroizing<String> {
        Zeroizing::new(self.make("verifier", flow))
    }
}

/// What the provider is told of a verifier beforehand.
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(
            challenge(verifier),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn a_way_ends_after_ten_minutes_and_leads_where_it_should() {
        let flow = Flow::new("s".repeat(32), 100, "/case/7?a=b.c");
        assert_eq!(Flow::parse(&flow.cookie(), 100), Some(flow.clone()));
        assert_eq!(Flow::parse(&flow.cookie(), 699), Some(flow.clone()));
        assert_eq!(Flow::parse(&flow.cookie(), 700), None, "over");
        assert_eq!(Flow::parse(&flow.cookie(), 99), None, "not begun");
        for bad in [
            "",
            "a.b.c",
            "..",
            "s.100./",
            &format!("{}.x./", "s".repeat(32)),
        ] {
            assert_eq!(Flow::parse(bad, 100), None, "{bad}");
        }
    }

    #[test]
    fn what_is_made_is_of_one_browser_and_one_process() {
        let (one, other) = (Maker::new("k".to_owned()), Maker::new("l".to_owned()));
        let flow = Flow::new("s".repeat(32), 100, "/");
        let all = [
            one.state(&flow),
            one.nonce(&flow),
            one.verifier(&flow).to_string(),
            other.state(&flow),
            one.state(&Flow::new("t".repeat(32), 100, "/")),
            one.state(&Flow::new("s".repeat(32), 101, "/")),
            one.state(&Flow::new("s".repeat(32), 100, "/request")),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(all[2].len(), 43, "as the standard wants it");
    }
}

//! The provider: what it says about itself, and the exchange of a code for a token.

use std::sync::Arc;

use countersign_chain::principal::Principal;
use form_urlencoded::Serializer;
use jsonwebtoken::jwk::JwkSet;
use parking_lot::Mutex;
use reqwest::{Client, RequestBuilder, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::flow::{Flow, Maker, challenge};
use super::settings::{OidcSettings, is_safe};
use super::token::{Expected, TokenError, user};
use crate::causes::causes;
use crate::clock::Clock;
use crate::limits::{OIDC_ANSWER, OIDC_FRESH, OIDC_KEYS_AGAIN, OIDC_TIMEOUT};

const BASIC: &str = "client_secret_basic";
const POST: &str = "client_secret_post";

/// Why nobody can be told from it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    /// It does not answer, or with an error.
    #[error("{what} of the OpenID provider cannot be had: {why}")]
    Http { what: &'static str, why: String },
    /// What it says about itself cannot be used.
    #[error("the OpenID provider says something that cannot be used: {0}")]
    Metadata(String),
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// What a provider says about itself (OpenID Connect Discovery 1.0).
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// What is known of it, since when.
#[derive(Debug)]
struct Known {
    metadata: Metadata,
    keys: JwkSet,
    since: u64,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// A provider.
#[derive(Debug)]
pub(crate) struct Provider {
    settings: OidcSettings,
    clock: Clock,
    http: Client,
    pub(crate) maker: Maker,
    known: Mutex<Option<Arc<Known>>>,
}

impl Provider {
    /// A provider that was not spoken to yet; `key` is random.
    pub(crate) fn new(
        settings: OidcSettings,
        clock: Clock,
        key: String,
    ) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .timeout(OIDC_TIMEOUT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            settings,
            clock,
            http,
            maker: Maker::new(key),
            known: Mutex::default(),
        })
    }

    /// Its name for people: the host.
    pub(crate) fn name(&self) -> String {
        let url = Url::parse(&self.settings.issuer).ok();
        let host = url.as_ref().and_then(Url::host_str);
        host.unwrap_or(&self.settings.issuer).to_owned()
    }

    /// Whether an answer names this provider (RFC 9207); one that names nobody may be of any.
    pub(crate) fn is(&self, issuer: &str) -> bool {
        issuer.is_empty() || issuer == self.settings.issuer
    }

    /// Where a browser goes to sign in, and comes back from to `back`.
    pub(crate) async fn address(&self, flow: &Flow, back: &str) -> Result<String, OidcError> {
        let known = self.known().await?;
        let unusable = |_error| OidcError::Metadata("authorization_endpoint".to_owned());
        let mut url = Url::parse(&known.metadata.authorization_endpoint).map_err(unusable)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", back)
            .append_pair("scope", "openid email profile")
            .append_pair("state", &self.maker.state(flow))
            .append_pair("nonce", &self.maker.nonce(flow))
            .append_pair("code_challenge", &challenge(&self.maker.verifier(flow)))
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Who came back with this code.
    pub(crate) async fn user(
        &self,
        flow: &Flow,
        (code, back): (&str, &str),
    ) -> Result<Principal, OidcError> {
        let known = self.known().await?;
        let tokens = self.exchange(&known.metadata, flow, (code, back)).await?;
        let nonce = self.maker.nonce(flow);
        let expected = Expected {
            issuer: &self.settings.issuer,
            client: &self.settings.client_id,
            nonce: &nonce,
            claim: &self.settings.claim,
        };
        match user(&tokens.id_token, &known.keys, expected) {
            // It may have a new key; but not every unknown one is a reason to ask.
            Err(TokenError::Key) if self.age(&known) >= OIDC_KEYS_AGAIN => {
                let known = self.learn().await?;
                Ok(user(&tokens.id_token, &known.keys, expected)?)
            }
            told => Ok(told?),
        }
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        flow: &Flow,
        (code, back): (&str, &str),
    ) -> Result<Tokens, OidcError> {
        let request = self.question(metadata, flow, (code, back))?;
        read("a token", request).await
    }

    /// Asks for the token of a code.
    fn question(
        &self,
        metadata: &Metadata,
        flow: &Flow,
        (code, back): (&str, &str),
    ) -> Result<RequestBuilder, OidcError> {
        let (id, secret) = (
            &self.settings.client_id,
            self.settings.client_secret_file.expose(),
        );
        let verifier = self.maker.verifier(flow);
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", back)
            .append_pair("code_verifier", &verifier);
        let ways = metadata.token_endpoint_auth_methods_supported.as_deref();
        let takes = |way: &str| ways.is_none_or(|ways| ways.iter().any(|known| known == way));
        let mut request = self.http.post(&metadata.token_endpoint);
        if takes(BASIC) {
            // RFC 6749, section 2.3.1: both are encoded as forms are.
            let encoded = |text: &str| -> String {
                form_urlencoded::byte_serialize(text.as_bytes()).collect()
            };
            request = request.basic_auth(encoded(id), Some(encoded(secret)));
        } else if takes(POST) {
            form.append_pair("client_id", id)
                .append_pair("client_secret", secret);
        } else {
            let why = format!("it takes neither {BASIC} nor {POST}");
            return Err(OidcError::Metadata(why));
        }
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form.finish());
        Ok(request)
    }

    fn age(&self, known: &Known) -> u64 {
        self.clock.seconds().saturating_sub(known.since)
    }

    async fn known(&self) -> Result<Arc<Known>, OidcError> {
        let known = self.known.lock().clone();
        match known.filter(|known| self.age(known) < OIDC_FRESH) {
            Some(known) => Ok(known),
            None => self.learn().await,
        }
    }

    async fn learn(&self) -> Result<Arc<Known>, OidcError> {
        let issuer = self.settings.issuer.trim_end_matches('/');
        let address = format!("{issuer}/.well-known/openid-configuration");
        let metadata: Metadata = read("the description", self.http.get(address)).await?;
        if metadata.issuer != self.settings.issuer {
            let (got, expected) = (&metadata.issuer, &self.settings.issuer);
            let why = format!("expected it to be {expected}, got {got}");
            return Err(OidcError::Metadata(why));
        }
        for address in [
            &metadata.authorization_endpoint,
            &metadata.token_endpoint,
            &metadata.jwks_uri,
        ] {
            if !is_safe(address) {
                let why = format!("expected an address with https://, got {address}");
                return Err(OidcError::Metadata(why));
            }
        }
        let keys = read("the keys", self.http.get(&metadata.jwks_uri)).await?;
        let known = Arc::new(Known {
            metadata,
            keys,
            since: self.clock.seconds(),
        });
        *self.known.lock() = Some(Arc::clone(&known));
        Ok(known)
    }
}

/// Where there was no answer, and why. The rest of the address may have more in it than its reader
/// should see.
fn of(error: &reqwest::Error) -> String {
    let place = error.url().map(|url| url.origin().ascii_serialization());
    let place = place.unwrap_or_default();
    format!("{place}: {}", causes(error))
}

/// Reads an answer in JSON, which is short.
async fn read<T: DeserializeOwned>(
    what: &'static str,
    request: RequestBuilder,
) -> Result<T, OidcError> {
    let failed = |error: reqwest::Error| OidcError::Http {
        what,
        why: of(&error),
    };
    let other = |why: String| OidcError::Http { what, why };
    let mut answer = request.send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(other(format!("the answer is {}", answer.status())));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if bytes.len().saturating_add(chunk.len()) > OIDC_ANSWER {
            return Err(other(format!(
                "expected at most {OIDC_ANSWER} bytes, got more"
            )));
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes).map_err(|error| other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_told_with_where_and_why() {
        // Taken and given back: nobody listens there.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let place = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let http = Client::builder().no_proxy().build().unwrap();
        let asked = http.get(format!("{place}/keys?code=s3cret"));
        let told = read::<JwkSet>("the keys", asked).await.unwrap_err();
        let told = told.to_string();
        assert!(told.contains(&format!("{place}: ")), "{told}");
        assert!(told.contains("refused"), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

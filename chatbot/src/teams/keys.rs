//! The keys with which Microsoft signs the tokens of activities.
//!
//! They are fetched when the first token comes, then once a day, and when a token names a key that
//! is not known, but then at most every [`TEAMS_KEYS_PAUSE`]: whoever makes up names of keys costs
//! two fetches in that time. Tokens whose key is known never wait for a fetch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use parking_lot::RwLock;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::limits::{
    TEAMS_KEYS, TEAMS_KEYS_AGE, TEAMS_KEYS_DOCUMENT, TEAMS_KEYS_FRESH, TEAMS_KEYS_PAUSE,
};
use crate::teams::cloud::is_safe;
use crate::teams::fetch::{self, FetchError};

/// A key.
#[derive(Debug)]
pub struct Key {
    pub(super) decoding: DecodingKey,
    /// Channels for which it may sign, for example `msteams`.
    pub(super) endorsements: BTreeSet<String>,
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The keys were fetched, and none has this name.
    #[error("token is signed with a key that Microsoft does not name")]
    Unknown,
    /// The keys cannot be had now.
    #[error("keys of tokens cannot be fetched: {0}")]
    Fetch(String),
}

type Book = Arc<BTreeMap<String, Arc<Key>>>;

/// The keys, as last fetched.
#[derive(Debug)]
pub struct Keys {
    http: Client,
    openid: Url,
    known: RwLock<Option<(Book, Instant)>>,
    /// When it was tried last; whoever holds it fetches.
    tried: Mutex<Option<Instant>>,
}

#[derive(Deserialize)]
struct OpenId {
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    #[serde(default)]
    kid: String,
    #[serde(default)]
    kty: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    endorsements: Vec<String>,
}

impl Keys {
    pub(super) fn new(http: Client, openid: Url) -> Self {
        Self {
            http,
            openid,
            known: RwLock::new(None),
            tried: Mutex::new(None),
        }
    }

    /// Keys that were just fetched.
    #[cfg(test)]
    pub(super) fn known_to_be(book: BTreeMap<String, Arc<Key>>) -> Self {
        let nowhere = Url::parse("http://127.0.0.1:1/").unwrap();
        let keys = Self::new(Client::new(), nowhere);
        *keys.known.write() = Some((Arc::new(book), Instant::now()));
        *keys.tried.try_lock().unwrap() = Some(Instant::now());
        keys
    }

    /// The key of this name.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn key(&self, kid: &str) -> Result<Arc<Key>, KeyError> {
        if let Some(key) = self.known(kid, TEAMS_KEYS_FRESH) {
            return Ok(key);
        }
        let why = self.refresh(kid).await;
        if let Some(key) = self.known(kid, TEAMS_KEYS_AGE) {
            return Ok(key);
        }
        Err(why.err().unwrap_or(KeyError::Unknown))
    }

    fn known(&self, kid: &str, age: std::time::Duration) -> Option<Arc<Key>> {
        let known = self.known.read();
        let (book, since) = known.as_ref()?;
        let key = book.get(kid)?;
        (since.elapsed() < age).then(|| Arc::clone(key))
    }

    /// Fetches the keys, unless somebody just did.
    async fn refresh(&self, kid: &str) -> Result<(), KeyError> {
        let mut tried = self.tried.lock().await;
        if self.known(kid, TEAMS_KEYS_FRESH).is_some() {
            return Ok(());
        }
        if tried.is_some_and(|last| last.elapsed() < TEAMS_KEYS_PAUSE) {
            return match self.known.read().is_some() {
                true => Err(KeyError::Unknown),
                false => Err(KeyError::Fetch("it was tried a moment ago".to_owned())),
            };
        }
        *tried = Some(Instant::now());
        let fetched = self.fetch().await.inspect_err(|why| {
            tracing::warn!(url = %self.openid, why, "keys of Teams not fetched");
        });
        let book = fetched.map_err(KeyError::Fetch)?;
        *self.known.write() = Some((Arc::new(book), Instant::now()));
        Ok(())
    }

    async fn fetch(&self) -> Result<BTreeMap<String, Arc<Key>>, String> {
        let openid: OpenId = self.json(&self.openid).await?;
        let jwks = Url::parse(&openid.jwks_uri).ok().filter(is_safe);
        let jwks = jwks.ok_or("jwks_uri is not https")?;
        let set: KeySet = self.json(&jwks).await?;
        Ok(book(set))
    }

    async fn json<T: DeserializeOwned>(&self, url: &Url) -> Result<T, String> {
        let answer = self.http.get(url.clone()).send().await;
        let answer = answer.map_err(|error| FetchError::from(error).to_string())?;
        if answer.status() != StatusCode::OK {
            return Err(format!("{url} answers {}", answer.status()));
        }
        let body = fetch::body(answer, TEAMS_KEYS_DOCUMENT).await;
        let body = body.map_err(|error| error.to_string())?;
        serde_json::from_slice(&body).map_err(|error| format!("{url}: {error}"))
    }
}

/// Keys that can be used; others, of other kinds, are left out.
fn book(set: KeySet) -> BTreeMap<String, Arc<Key>> {
    let mut book = BTreeMap::new();
    for jwk in set.keys.into_iter().take(TEAMS_KEYS) {
        if jwk.kty != "RSA" || jwk.kid.is_empty() {
            continue;
        }
        if let Ok(decoding) = DecodingKey::from_rsa_components(&jwk.n, &jwk.e) {
            let endorsements = jwk.endorsements.into_iter().collect();
            let key = Key {
                decoding,
                endorsements,
            };
            book.insert(jwk.kid, Arc::new(key));
        }
    }
    book
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_cannot_verify_are_left_out() {
        let set = serde_json::json!({"keys": [
            {"kid": "good", "kty": "RSA", "n": "sXch", "e": "AQAB", "endorsements": ["msteams"]},
            {"kid": "curve", "kty": "EC", "n": "sXch", "e": "AQAB"},
            {"kid": "", "kty": "RSA", "n": "sXch", "e": "AQAB"},
            {"kid": "text", "kty": "RSA", "n": "!!", "e": "AQAB"},
            {"kid": "bare", "kty": "RSA", "n": "sXch", "e": "AQAB"},
            {},
        ]});
        let book = book(serde_json::from_value(set).unwrap());
        assert!(book.keys().eq(["bare", "good"]), "{:?}", book.keys());
        assert!(book["good"].endorsements.contains("msteams"));
        assert!(book["bare"].endorsements.is_empty());
    }
}

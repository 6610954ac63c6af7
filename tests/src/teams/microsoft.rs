//! Microsoft on loopback: the keys of tokens, the bot's own token, and the connector.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use rcgen::{KeyPair, PKCS_RSA_SHA256, SigningKey as _};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::teams::chats::object;

/// The id of the bot.
pub const APP: &str = "66666666-7777-8888-9999-000000000000";
/// The tenant that it is in.
pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// What the bot has said.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub authorization: String,
    pub body: Value,
}

/// An answer that is given once in place of the usual one.
pub type Scripted = (u16, Vec<(&'static str, String)>, Value);

#[derive(Debug)]
pub struct Inner {
    pub calls: Mutex<Vec<Call>>,
    pub script: Mutex<VecDeque<Scripted>>,
    pub counts: Mutex<BTreeMap<&'static str, usize>>,
    keys: Value,
    base: String,
    grown: watch::Sender<usize>,
}

/// The server. It ends with the test.
#[derive(Debug, Clone)]
pub struct Microsoft {
    pub inner: Arc<Inner>,
    pub key: Arc<KeyPair>,
    /// A key that is named, and endorsed for another channel.
    pub other: Arc<KeyPair>,
}

/// Modulus and exponent of a key: two numbers in a sequence (RFC 8017, A.1.1).
fn components(key: &KeyPair) -> (Vec<u8>, Vec<u8>) {
    fn take(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, rest) = match der[1] {
            short if short < 0x80 => (usize::from(short), &der[2..]),
            long => {
                let count = usize::from(long & 0x7f);
                let digits = der[2..2 + count].iter();
                let length = digits.fold(0, |sum, byte| sum * 256 + usize::from(*byte));
                (length, &der[2 + count..])
            }
        };
        rest.split_at(length)
    }
    let (numbers, _) = take(key.public_key_raw());
    let (n, rest) = take(numbers);
    let (e, _) = take(rest);
    let plain = |n: &[u8]| n.iter().skip_while(|b| **b == 0).copied().collect();
    (plain(n), plain(e))
}

fn jwk(kid: &str, key: &KeyPair, endorsements: &[&str]) -> Value {
    let (n, e) = components(key);
    json!({
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
        "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e),
        "endorsements": endorsements,
    })
}

pub fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key")
}

impl Microsoft {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (key, other) = (Arc::new(new_key()), Arc::new(new_key()));
        let keys = json!({"keys": [
            jwk("teams-1", &key, &["msteams", "skype"]),
            jwk("webchat-1", &other, &["webchat"]),
        ]});
        let inner = Arc::new(Inner {
            calls: Mutex::default(),
            script: Mutex::default(),
            counts: Mutex::default(),
            keys,
            base,
            grown: watch::channel(0).0,
        });
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&inner));
        drop(tokio::spawn(axum::serve(listener, app).into_future()));
        Self { inner, key, other }
    }

    /// Address of the connector.
    pub fn service(&self) -> String {
        format!("{}/teams/", self.inner.base)
    }

    /// The settings that lead here.
    pub fn settings(&self) -> String {
        let base = &self.inner.base;
        format!(
            "openid_url = \"{base}/v1/.well-known/openidconfiguration\"\n\
             token_url = \"{base}/token\"\nservice_url = \"{base}/teams/\"\n"
        )
    }

    pub fn openid(&self) -> String {
        format!("{}/v1/.well-known/openidconfiguration", self.inner.base)
    }

    /// How often something was asked for.
    pub fn count(&self, what: &str) -> usize {
        self.inner.counts.lock().get(what).copied().unwrap_or(0)
    }

    /// Answers given once, in this order, by the connector.
    pub fn script(&self, answers: impl IntoIterator<Item = Scripted>) {
        self.inner.script.lock().extend(answers);
    }

    /// Waits for a call that the test knows when it sees it, from the `from`th on; its number.
    pub async fn wait(&self, from: usize, is: impl Fn(&Call) -> bool) -> (usize, Call) {
        let mut grown = self.inner.grown.subscribe();
        let found = async {
            loop {
                let found = {
                    let calls = self.inner.calls.lock();
                    let mut calls = calls.iter().enumerate().skip(from);
                    let found = calls.find(|(_, call)| is(call));
                    found.map(|(number, call)| (number, call.clone()))
                };
                if let Some(found) = found {
                    return found;
                }
                grown.changed().await.expect("it serves");
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(30), found).await;
        assert!(found.is_ok(), "only {:#?}", self.inner.calls.lock());
        found.expect("it was found")
    }

    /// Changes with every call.
    pub fn grown(&self) -> watch::Receiver<usize> {
        self.inner.grown.subscribe()
    }

    pub fn calls(&self) -> usize {
        self.inner.calls.lock().len()
    }

    /// A token of the connector, for a body of this address.
    pub fn token(&self, service: &str) -> String {
        sign(&self.key, &header("teams-1"), &claims(service))
    }
}

pub fn header(kid: &str) -> Value {
    json!({"typ": "JWT", "alg": "RS256", "kid": kid})
}

pub fn now() -> i64 {
    let now = std::process::Command::new("date").arg("+%s").output();
    let now = String::from_utf8(now.expect("date").stdout).expect("text");
    now.trim().parse().expect("a number")
}

pub fn claims(service: &str) -> Value {
    let now = now();
    json!({
        "iss": "https://api.botframework.com", "aud": APP, "serviceurl": service,
        "nbf": now - 60, "exp": now + 3_600,
    })
}

pub fn signing_input(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

pub fn sign(key: &KeyPair, header: &Value, claims: &Value) -> String {
    let input = signing_input(header, claims);
    let signature = key.sign(input.as_bytes()).expect("it signs");
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What is read of Microsoft and not of the connector.
fn document(inner: &Inner, path: &str, body: &[u8]) -> Option<Value> {
    let count = |what: &'static str| {
        let mut counts = inner.counts.lock();
        let count = counts.entry(what).or_default();
        *count += 1;
        *count
    };
    Some(match path {
        "/v1/.well-known/openidconfiguration" => {
            count("openid");
            let uri = format!("{}/v1/.well-known/keys", inner.base);
            json!({"issuer": "x", "jwks_uri": uri})
        }
        "/v1/.well-known/keys" => {
            count("keys");
            inner.keys.clone()
        }
        "/token" => {
            let number = count("token");
            let text = String::from_utf8_lossy(body);
            assert!(text.contains("client_credentials"), "{text}");
            json!({"access_token": format!("pass-{number}"), "expires_in": 3_600})
        }
        _ => return None,
    })
}

/// The usual answer of the connector to the call of this number.
fn usual(call: &Call, number: usize) -> Value {
    match (&call.method, call.path.ends_with("/v3/conversations")) {
        (&Method::POST, true) => {
            let member = call.body["members"][0]["id"].as_str().unwrap_or_default();
            json!({"id": format!("a:{member}")})
        }
        // A member: 29: and a name, whose address is that name.
        (&Method::GET, _) => {
            let name = call.path.rsplit("29:").next().unwrap_or_default();
            json!({
                "id": format!("29:{name}"),
                "aadObjectId": object(name),
                "email": format!("{name}@example.com"),
            })
        }
        _ => json!({"id": format!("m{number}")}),
    }
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if uri.path() == "/token" && !String::from_utf8_lossy(&body).contains("hush") {
        let refusal = json!({"error": "invalid_client", "error_description": "AADSTS7000215"});
        return (StatusCode::UNAUTHORIZED, refusal.to_string()).into_response();
    }
    if let Some(document) = document(&inner, uri.path(), &body) {
        return document.to_string().into_response();
    }
    let authorization = headers.get("authorization");
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let call = Call {
        method,
        path: uri.path().to_owned(),
        authorization: authorization.unwrap_or_default().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let scripted = inner.script.lock().pop_front();
    let number = {
        let mut calls = inner.calls.lock();
        calls.push(call.clone());
        calls.len()
    };
    inner.grown.send_replace(number);
    let Some((status, headers, body)) = scripted else {
        let status = match call.method {
            Method::GET => StatusCode::OK,
            _ => StatusCode::CREATED,
        };
        return (status, usual(&call, number).to_string()).into_response();
    };
    let status = StatusCode::from_u16(status).expect("a status");
    let mut response = (status, body.to_string()).into_response();
    for (name, value) in headers {
        let value = value.parse().expect("a value");
        response.headers_mut().insert(name, value);
    }
    response
}

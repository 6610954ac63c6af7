//! Tokens and activities that are each wrong in exactly one way, and refused for that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_chain::time::UnixMicros;
use jsonwebtoken::DecodingKey;
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};

use super::*;
use crate::teams::keys::Key;

const APP: &str = "66666666-7777-8888-9999-000000000000";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const ISSUER: &str = "https://api.botframework.com";
const SERVICE: &str = "https://smba.trafficmanager.net/teams/";
const NOW: u64 = 1_795_770_000;

/// Keys that Microsoft names: one for Teams, and one for another channel.
struct Microsoft {
    teams: KeyPair,
    webchat: KeyPair,
}

fn key(pair: &KeyPair, channel: &str) -> Arc<Key> {
    Arc::new(Key {
        decoding: DecodingKey::from_rsa_der(pair.der_bytes()),
        endorsements: BTreeSet::from([channel.to_owned()]),
    })
}

impl Microsoft {
    fn new() -> Self {
        let pair = || KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        Self {
            teams: pair(),
            webchat: pair(),
        }
    }

    fn gate(&self) -> Gate {
        let book = BTreeMap::from([
            ("teams-1".to_owned(), key(&self.teams, CHANNEL)),
            ("webchat-1".to_owned(), key(&self.webchat, "webchat")),
        ]);
        let hosts = ServiceHosts::new(&["smba.trafficmanager.net".to_owned()]).unwrap();
        let now = UnixMicros::new(NOW * 1_000_000).unwrap();
        let clock = Clock::new(move || now);
        Gate::new(Keys::known_to_be(book), ISSUER, (APP, TENANT), hosts, clock)
    }
}

fn signed(pair: &KeyPair, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = pair.sign(input.as_bytes()).unwrap();
    format!("Bearer {input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn header(kid: &str) -> Value {
    json!({"alg": "RS256", "kid": kid})
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": APP, "serviceurl": SERVICE, "nbf": NOW - 60, "exp": NOW + 3_600,
    })
}

fn activity() -> Value {
    json!({
        "type": "message",
        "id": "f:1",
        "serviceUrl": SERVICE,
        "channelId": "msteams",
        "from": {"id": "29:ada", "tenantId": TENANT},
        "recipient": {"id": "28:bot"},
        "conversation": {"id": "a:1", "tenantId": TENANT, "conversationType": "personal"},
        "channelData": {"tenant": {"id": TENANT}},
    })
}

/// What becomes of an activity that comes with a header.
async fn judged(gate: &Gate, authorization: &str, activity: &Value) -> Result<(), TokenError> {
    let proof = gate.verify(Some(authorization)).await?;
    let activity = Activity::parse(activity.to_string().as_bytes()).unwrap();
    gate.admit(&proof, &activity).map(drop)
}

/// A change of something good, and what is said to it.
type Change = (&'static str, fn(&mut Value), Option<TokenError>);

fn remove(value: &mut Value, field: &str) {
    value.as_object_mut().unwrap().remove(field);
}

const CLAIMS: [Change; 17] = [
    ("nothing", |_| {}, None),
    (
        "bot id",
        |c| c["aud"] = json!(format!("api://botid-{APP}")),
        None,
    ),
    (
        "address of the bot",
        |c| c["aud"] = json!(format!("api://{APP}")),
        None,
    ),
    ("no beginning", |c| remove(c, "nbf"), None),
    ("ended 299 s ago", |c| c["exp"] = json!(NOW - 299), None),
    ("begins in 300 s", |c| c["nbf"] = json!(NOW + 300), None),
    (
        "ended 300 s ago",
        |c| c["exp"] = json!(NOW - 300),
        Some(TokenError::Expired),
    ),
    (
        "begins in 301 s",
        |c| c["nbf"] = json!(NOW + 301),
        Some(TokenError::Early),
    ),
    ("no end", |c| remove(c, "exp"), Some(TokenError::NoEnd)),
    (
        "end in words",
        |c| c["exp"] = json!("never"),
        Some(TokenError::Claims),
    ),
    (
        "other issuer",
        |c| c["iss"] = json!("https://evil.example"),
        Some(TokenError::Issuer),
    ),
    ("no issuer", |c| remove(c, "iss"), Some(TokenError::Issuer)),
    (
        "other bot",
        |c| c["aud"] = json!(TENANT),
        Some(TokenError::Audience),
    ),
    (
        "no audience",
        |c| remove(c, "aud"),
        Some(TokenError::Audience),
    ),
    (
        "no address",
        |c| remove(c, "serviceurl"),
        Some(TokenError::NoServiceUrl),
    ),
    (
        "other address",
        |c| c["serviceurl"] = json!("https://smba.trafficmanager.net/emea/"),
        Some(TokenError::OtherServiceUrl),
    ),
    (
        "address with a tail",
        |c| c["serviceurl"] = json!(format!("{SERVICE}x/")),
        Some(TokenError::OtherServiceUrl),
    ),
];

const FOREIGN: &str = "99999999-2222-3333-4444-555555555555";

const BODIES: [Change; 6] = [
    ("nothing", |_| {}, None),
    (
        "other channel",
        |b| b["channelId"] = json!("webchat"),
        Some(TokenError::Channel),
    ),
    (
        "conversation elsewhere",
        |b| b["conversation"]["tenantId"] = json!(FOREIGN),
        Some(TokenError::Tenant),
    ),
    (
        "channel elsewhere",
        |b| b["channelData"]["tenant"]["id"] = json!(FOREIGN),
        Some(TokenError::Tenant),
    ),
    (
        "sender elsewhere",
        |b| b["from"]["tenantId"] = json!(FOREIGN),
        Some(TokenError::Tenant),
    ),
    (
        "no tenant",
        |b| {
            remove(b, "channelData");
            remove(&mut b["conversation"], "tenantId");
            remove(&mut b["from"], "tenantId");
        },
        Some(TokenError::NoTenant),
    ),
];

fn expected(refusal: Option<TokenError>) -> Result<(), TokenError> {
    refusal.map_or(Ok(()), Err)
}

#[tokio::test]
async fn claims_that_are_wrong_in_one_way_are_refused_for_that() {
    let microsoft = Microsoft::new();
    let gate = microsoft.gate();
    for (name, change, refusal) in CLAIMS {
        let mut claims = claims();
        change(&mut claims);
        let token = signed(&microsoft.teams, &header("teams-1"), &claims);
        let judged = judged(&gate, &token, &activity()).await;
        assert_eq!(judged, expected(refusal), "{name}");
    }
}

#[tokio::test]
async fn bodies_that_are_wrong_in_one_way_are_refused_for_that() {
    let microsoft = Microsoft::new();
    let gate = microsoft.gate();
    let token = signed(&microsoft.teams, &header("teams-1"), &claims());
    for (name, change, refusal) in BODIES {
        let mut body = activity();
        change(&mut body);
        assert_eq!(
            judged(&gate, &token, &body).await,
            expected(refusal),
            "{name}"
        );
    }
    // Signed for an address that is on no list: whoever could do this would have the bot's token.
    let far = "https://connector.evil.example/teams/";
    let (mut claims, mut body) = (claims(), activity());
    claims["serviceurl"] = json!(far);
    body["serviceUrl"] = json!(far);
    let token = signed(&microsoft.teams, &header("teams-1"), &claims);
    let refused = judged(&gate, &token, &body).await;
    assert_eq!(refused, Err(TokenError::ServiceUrl(ServiceUrlError::Host)));
}

/// Tokens whose signature, or what says how to check it, is wrong in one way.
fn unsigned(microsoft: &Microsoft) -> Vec<(&'static str, String, TokenError)> {
    let Microsoft { teams, webchat } = microsoft;
    let stranger = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let mut other = claims();
    other["nbf"] = json!(NOW);
    let by = |pair: &KeyPair, kid: &str| signed(pair, &header(kid), &claims());
    let (good, forged) = (
        by(teams, "teams-1"),
        signed(teams, &header("teams-1"), &other),
    );
    let parts: Vec<&str> = good.split('.').collect();
    let middle = forged.split('.').nth(1).unwrap();
    let named = |header: Value| signed(teams, &header, &claims());
    let algorithm = |name: &str| named(json!({"alg": name, "kid": "teams-1"}));
    let changed = format!("{}.{middle}.{}", parts[0], parts[2]);
    let cut = format!("{}.{}.", parts[0], parts[1]);
    let unknown = TokenError::Key(KeyError::Unknown);
    vec![
        ("stranger", by(&stranger, "teams-1"), TokenError::Signature),
        ("other key", by(teams, "webchat-1"), TokenError::Signature),
        ("unknown key", by(teams, "teams-2"), unknown),
        ("no key", named(json!({"alg": "RS256"})), TokenError::NoKey),
        (
            "unendorsed",
            by(webchat, "webchat-1"),
            TokenError::Endorsement,
        ),
        ("PS256", algorithm("PS256"), TokenError::Algorithm),
        ("HS256", algorithm("HS256"), TokenError::Algorithm),
        ("none", algorithm("none"), TokenError::Form),
        ("changed", changed, TokenError::Signature),
        (
            "two parts",
            cut.trim_end_matches('.').to_owned(),
            TokenError::Form,
        ),
        ("cut", cut, TokenError::Signature),
    ]
}

#[tokio::test]
async fn signatures_that_are_wrong_in_one_way_are_refused_for_that() {
    let microsoft = Microsoft::new();
    let gate = microsoft.gate();
    for (name, token, refusal) in unsigned(&microsoft) {
        let judged = judged(&gate, &token, &activity()).await;
        assert_eq!(judged, Err(refusal), "{name}");
    }
}

#[test]
fn only_bearer_tokens_are_read() {
    for (value, error) in [
        (None, TokenError::Missing),
        (Some(""), TokenError::Scheme),
        (Some("Bearer"), TokenError::Scheme),
        (Some("Bearer "), TokenError::Missing),
        (Some("Basic YTpi"), TokenError::Scheme),
        (Some("a.b.c"), TokenError::Scheme),
    ] {
        assert_eq!(bearer(value), Err(error), "{value:?}");
    }
    assert_eq!(bearer(Some("bearer a.b.c")), Ok("a.b.c"));
    let long = format!("Bearer {}", "x".repeat(TEAMS_TOKEN + 1));
    assert_eq!(bearer(Some(&long)), Err(TokenError::Form));
}

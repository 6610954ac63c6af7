//! Tokens: one that is good, and tables of others that are each wrong in exactly one way.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_tests::teams::microsoft::{
    APP, TENANT, claims, header, new_key, now, sign, signing_input,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::bot::Bot;
use crate::judges::vendor_verdicts;

/// A request, and what becomes of it.
struct Attempt {
    name: &'static str,
    authorization: Option<String>,
    body: Value,
    /// What the operator reads; none when it is taken.
    refusal: Option<&'static str>,
    /// Why the vendor's validator says something else, where it does.
    vendor: Option<&'static str>,
}

struct Table<'a> {
    bot: &'a Bot,
    all: Vec<Attempt>,
}

impl Table<'_> {
    fn body(&self) -> Value {
        let mut body = self.bot.activity("ada", "typing");
        body["id"] = json!("fixed");
        body
    }

    fn add(&mut self, name: &'static str, token: impl AsRef<str>, refusal: Option<&'static str>) {
        self.with_body(name, token, self.body(), refusal);
    }

    fn with_body(
        &mut self,
        name: &'static str,
        token: impl AsRef<str>,
        body: Value,
        refusal: Option<&'static str>,
    ) {
        self.all.push(Attempt {
            name,
            authorization: Some(format!("Bearer {}", token.as_ref())),
            body,
            refusal,
            vendor: None,
        });
    }

    /// The last attempt is one that the vendor's validator takes.
    fn vendor_takes(&mut self, why: &'static str) {
        self.all.last_mut().expect("an attempt").vendor = Some(why);
    }

    /// Claims with one change.
    fn claim(
        &mut self,
        name: &'static str,
        change: impl Fn(&mut Value),
        refusal: Option<&'static str>,
    ) {
        let microsoft = &self.bot.microsoft;
        let mut claims = claims(&microsoft.service());
        change(&mut claims);
        let token = sign(&microsoft.key, &header("teams-1"), &claims);
        self.add(name, token, refusal);
    }

    /// A body with one change, below a good token.
    fn changed(
        &mut self,
        name: &'static str,
        change: impl Fn(&mut Value),
        refusal: Option<&'static str>,
    ) {
        let mut body = self.body();
        change(&mut body);
        let token = self.bot.microsoft.token(&self.bot.microsoft.service());
        self.with_body(name, token, body, refusal);
    }
}

fn without(value: &mut Value, field: &str) {
    value.as_object_mut().expect("an object").remove(field);
}

fn of_claims(table: &mut Table<'_>) {
    table.claim("good", |_| {}, None);
    let botid = format!("api://botid-{APP}");
    table.claim("audience api://botid-", |c| c["aud"] = json!(botid), None);
    table.claim(
        "audience api://",
        |c| c["aud"] = json!(format!("api://{APP}")),
        None,
    );
    table.claim("expired 290 s ago", |c| c["exp"] = json!(now() - 290), None);
    table.claim("valid in 290 s", |c| c["nbf"] = json!(now() + 290), None);
    table.claim("no nbf", |c| without(c, "nbf"), None);
    table.claim(
        "expired 310 s ago",
        |c| c["exp"] = json!(now() - 310),
        Some("has expired"),
    );
    table.claim(
        "valid in 320 s",
        |c| c["nbf"] = json!(now() + 320),
        Some("not valid yet"),
    );
    table.claim("no end", |c| without(c, "exp"), Some("has no end"));
    table.vendor_takes("a token without an end");
    table.claim(
        "end in words",
        |c| c["exp"] = json!("tomorrow"),
        Some("cannot be read"),
    );
    let issuer = Some("another issuer");
    table.claim(
        "other issuer",
        |c| c["iss"] = json!("https://evil.example"),
        issuer,
    );
    table.claim("no issuer", |c| without(c, "iss"), issuer);
    table.claim(
        "issuer with a slash",
        |c| c["iss"] = json!("https://api.botframework.com/"),
        issuer,
    );
    let entra = format!("https://sts.windows.net/{TENANT}/");
    table.claim("issuer of Entra", |c| c["iss"] = json!(entra), issuer);
}

fn of_addresses(table: &mut Table<'_>) {
    let audience = Some("another bot");
    table.claim("other audience", |c| c["aud"] = json!(TENANT), audience);
    table.claim("no audience", |c| without(c, "aud"), audience);
    table.claim(
        "issuer as audience",
        |c| c["aud"] = json!("https://api.botframework.com"),
        audience,
    );
    table.claim(
        "no serviceurl",
        |c| without(c, "serviceurl"),
        Some("no claim serviceurl"),
    );
    let other = Some("not that of the token");
    table.claim(
        "other serviceurl",
        |c| c["serviceurl"] = json!("https://smba.trafficmanager.net/x/"),
        other,
    );
    let cut = table
        .bot
        .microsoft
        .service()
        .trim_end_matches('/')
        .to_owned();
    table.claim(
        "serviceurl without slash",
        |c| c["serviceurl"] = json!(cut),
        None,
    );
    table.claim(
        "serviceurl with a tail",
        |c| c["serviceurl"] = json!(format!("{cut}.evil.example/")),
        other,
    );
}

fn of_signatures(table: &mut Table<'_>) {
    let microsoft = &table.bot.microsoft.clone();
    let claims = claims(&microsoft.service());
    let (key, other) = (&microsoft.key, &microsoft.other);
    let stranger = new_key();
    table.add(
        "stranger's key",
        sign(&stranger, &header("teams-1"), &claims),
        Some("signature of"),
    );
    table.add(
        "unknown key",
        sign(key, &header("teams-2"), &claims),
        Some("does not name"),
    );
    table.add(
        "other key's name",
        sign(key, &header("webchat-1"), &claims),
        Some("signature of"),
    );
    let unendorsed = sign(other, &header("webchat-1"), &claims);
    table.add("key of another channel", unendorsed, Some("not endorsed"));
    table.vendor_takes("endorsements");
    table.add(
        "no key",
        sign(key, &json!({"alg": "RS256"}), &claims),
        Some("does not name its key"),
    );
}

fn of_forms(table: &mut Table<'_>) {
    let microsoft = &table.bot.microsoft.clone();
    let claims = claims(&microsoft.service());
    let key = &microsoft.key;
    let token = sign(key, &header("teams-1"), &claims);
    let (head, rest) = token.split_once('.').expect("three parts");
    let (middle, signature) = rest.split_once('.').expect("three parts");
    let mut forged = claims.clone();
    forged["aud"] = json!(format!("api://{APP}"));
    let forged = URL_SAFE_NO_PAD.encode(forged.to_string());
    let wrong = Some("signature of");
    table.add(
        "changed claims",
        format!("{head}.{forged}.{signature}"),
        wrong,
    );
    table.add("no signature", format!("{head}.{middle}."), wrong);
    table.add(
        "half a signature",
        format!("{head}.{middle}.{}", &signature[..100]),
        wrong,
    );
    let none = json!({"alg": "none", "kid": "teams-1"});
    table.add(
        "none",
        format!("{}.", signing_input(&none, &claims)),
        Some("not a signed JWT"),
    );
    let hs = signing_input(&json!({"alg": "HS256", "kid": "teams-1"}), &claims);
    let mut mac = Hmac::<Sha256>::new_from_slice(key.public_key_raw()).expect("a key");
    mac.update(hs.as_bytes());
    let mac = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    table.add(
        "HS256 by the public key",
        format!("{hs}.{mac}"),
        Some("RS256"),
    );
    let pss = json!({"alg": "PS256", "kid": "teams-1"});
    table.add("PS256 by name", sign(key, &pss, &claims), Some("RS256"));
    for (name, token) in [
        ("two parts", format!("{head}.{middle}")),
        ("four parts", format!("{token}.x")),
        ("no base64", "!.!.!".to_owned()),
        ("long", format!("{head}.{}.{signature}", "x".repeat(9_000))),
    ] {
        table.add(name, token, Some("JWT"));
    }
    for (name, authorization, refusal) in [
        ("nothing", None, "no token came"),
        ("Basic", Some("Basic YTpi".to_owned()), "scheme Bearer"),
        ("bare token", Some(token.clone()), "scheme Bearer"),
        ("Bearer alone", Some("Bearer ".to_owned()), "scheme Bearer"),
    ] {
        let body = table.body();
        let refusal = Some(refusal);
        table.all.push(Attempt {
            name,
            authorization,
            body,
            refusal,
            vendor: None,
        });
    }
    let bare = table.all.iter_mut().find(|a| a.name == "bare token");
    bare.expect("it is there").vendor = Some("a token without a scheme");
}

fn of_bodies(table: &mut Table<'_>) {
    let not_that = Some("not that of the token");
    table.changed(
        "body with other service",
        |b| b["serviceUrl"] = json!("https://smba.trafficmanager.net/y/"),
        not_that,
    );
    table.changed(
        "body without service",
        |b| without(b, "serviceUrl"),
        Some("no serviceUrl"),
    );
    table.vendor_takes("a body without serviceUrl");
    let far = "https://connector.evil.example/teams/";
    let mut body = table.body();
    body["serviceUrl"] = json!(far);
    let token = table.bot.microsoft.token(far);
    table.with_body(
        "service of a host that is not listed",
        token,
        body,
        Some("not in the list"),
    );
    table.vendor_takes("any host");
    table.changed(
        "other channel",
        |b| b["channelId"] = json!("webchat"),
        Some("another channel"),
    );
    table.vendor_takes("channelId");
    let tenant = Some("another tenant");
    let foreign = "99999999-2222-3333-4444-555555555555";
    table.changed(
        "conversation of another tenant",
        |b| b["conversation"]["tenantId"] = json!(foreign),
        tenant,
    );
    table.vendor_takes("tenant");
    table.changed(
        "channel data of another tenant",
        |b| b["channelData"]["tenant"]["id"] = json!(foreign),
        tenant,
    );
    table.vendor_takes("tenant");
    table.changed(
        "sender of another tenant",
        |b| b["from"]["tenantId"] = json!(foreign),
        tenant,
    );
    table.vendor_takes("tenant");
    let bare = |b: &mut Value| {
        without(b, "channelData");
        without(&mut b["conversation"], "tenantId");
    };
    table.changed("no tenant", bare, Some("names no tenant"));
    table.vendor_takes("tenant");
    table.changed(
        "tenant in capitals",
        |b| b["conversation"]["tenantId"] = json!(TENANT.to_uppercase()),
        None,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_wrong_in_one_way_are_refused_for_that() {
    let bot = Bot::start().await;
    let mut table = Table {
        bot: &bot,
        all: Vec::new(),
    };
    of_claims(&mut table);
    of_addresses(&mut table);
    of_signatures(&mut table);
    of_forms(&mut table);
    of_bodies(&mut table);
    let (mut taken, mut refused) = (0, 0);
    for attempt in &table.all {
        let reply = bot
            .post(attempt.authorization.as_deref(), &attempt.body)
            .await;
        match attempt.refusal {
            None => {
                assert_eq!(reply.status, 200, "{}", attempt.name);
                taken += 1;
            }
            Some(why) => {
                let line = bot.says("an activity was not taken");
                let told = line.contains(why);
                assert!(told, "{}: expected {why:?}, got {line}", attempt.name);
                assert!([400, 401, 403].contains(&reply.status), "{}", attempt.name);
                assert_eq!(reply.body, Value::Null, "nothing is told to whoever tries");
                refused += 1;
            }
        }
    }
    // One fetch for the first token; one more for the key that nobody has, if it was due.
    assert!(
        bot.microsoft.count("keys") <= 2,
        "{}",
        bot.microsoft.count("keys")
    );
    println!("counted: {taken} tokens taken, {refused} refused, each for its own reason");
    assert!(taken >= 8 && refused >= 40, "{taken} {refused}");

    let asked = table.all.iter().filter_map(|attempt| {
        let authorization = attempt.authorization.clone()?;
        Some(json!({"name": attempt.name, "authorization": authorization, "body": attempt.body}))
    });
    let verdicts = vendor_verdicts(&bot.microsoft.openid(), &asked.collect::<Vec<_>>());
    let (mut same, mut stricter) = (0, 0);
    for attempt in table
        .all
        .iter()
        .filter(|attempt| attempt.authorization.is_some())
    {
        let takes = verdicts[attempt.name].as_bool().expect("a verdict");
        let ours = attempt.refusal.is_none();
        match attempt.vendor {
            None => {
                assert_eq!(takes, ours, "the vendor on {}", attempt.name);
                same += 1;
            }
            Some(why) => {
                assert!(
                    takes && !ours,
                    "no difference any more in {why}: {}",
                    attempt.name
                );
                println!("stricter than the vendor: {} ({why})", attempt.name);
                stricter += 1;
            }
        }
    }
    println!("counted: Microsoft's validator agrees on {same} tokens, and takes {stricter} more");
    bot.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_when_they_are_needed_and_no_more() {
    let bot = Bot::start().await;
    assert_eq!(
        bot.microsoft.count("openid"),
        0,
        "nothing before the first token"
    );
    let body = bot.activity("ada", "typing");
    let claims = claims(&bot.microsoft.service());
    for number in 0..40 {
        let made_up = sign(
            &bot.microsoft.key,
            &header(&format!("key-{number}")),
            &claims,
        );
        let reply = bot.post(Some(&format!("Bearer {made_up}")), &body).await;
        assert_eq!(reply.status, 403);
        bot.tell(&body).await;
    }
    assert_eq!(bot.microsoft.count("keys"), 1, "80 tokens within the pause");
    bot.end();
}

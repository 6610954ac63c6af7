//! Signing in to the inbox with an OpenID provider that somebody else has written.

#[path = "inbox/local.rs"]
mod local;

use countersign_chatbot::oidc::settings::OidcSettings;
use countersign_tests::browser::{Answer, Browser};
use countersign_tests::node::python;
use countersign_tests::program::Program;
use serde_json::Value;

use crate::local::Local;

/// The provider `oidc-provider-mock`, on a free port.
struct Provider {
    _program: Program,
    url: String,
}

impl Provider {
    fn start() -> Self {
        let people = [
            r#"{"sub":"1","email":"ada@example.com","email_verified":true,"nickname":"ada"}"#,
            r#"{"sub":"2","email":"bruno@example.com","email_verified":false}"#,
            r#"{"sub":"3","nickname":"chen"}"#,
        ];
        let mut command = python();
        command.args(["-m", "oidc_provider_mock", "--port", "0"]);
        command.args(["--require-nonce", "true"]);
        for person in people {
            command.args(["--user-claims", person]);
        }
        let program = Program::start(&mut command);
        let said = program.says("running on ");
        let (_, rest) = said.split_once("running on ").expect("it was waited for");
        Self {
            url: rest
                .split_whitespace()
                .next()
                .expect("its address")
                .to_owned(),
            _program: program,
        }
    }

    fn settings(&self, claim: &str) -> OidcSettings {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret"), "s3cret\n").expect("room");
        let text = format!(
            "issuer = \"{}\"\nclient_id = \"inbox\"\nclient_secret_file = \"secret\"\n\
             claim = \"{claim}\"\n",
            self.url
        );
        let mut settings: OidcSettings = toml::from_str(&text).expect("a section");
        settings.settle(folder.path()).expect("a good one");
        settings
    }

    /// Somebody agrees, or does not; where that leads, as a path of the inbox.
    async fn visit(&self, address: &str, field: (&str, &str), inbox: &str) -> String {
        let path = address.strip_prefix(&self.url).expect("the provider's");
        let mut browser = Browser::new(&self.url, None);
        let fields = [field].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let answer = browser.post(path, &fields.into()).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        let back = answer.location().strip_prefix(inbox);
        assert!(back.is_some(), "{}", answer.head);
        back.unwrap_or_default().to_owned()
    }
}

/// The starter's people, ada with the address that the provider knows.
fn entities(person: &str, attributes: &mut Value) {
    if person == "ada" {
        attributes["email"] = "ada@example.com".into();
    }
}

/// A browser that goes to the provider: with its address.
async fn leaves(local: &Local, from: &str) -> (Browser, String) {
    let mut browser = Browser::new(&local.url, None);
    let answer = browser.get(from).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let address = answer.location().to_owned();
    (browser, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_provider_names_is_signed_in_and_so_is_the_evidence() {
    let provider = Provider::start();
    let local = Local::with(&[], entities, Some(provider.settings("email"))).await;
    let mut browser = Browser::new(&local.url, None);
    let door = browser.get("/sign-in?next=%2Frequest").await;
    assert!(
        door.body.contains("href=\"/oidc?next=%2Frequest\""),
        "{}",
        door.body
    );
    let (mut browser, address) = leaves(&local, "/oidc?next=%2Frequest").await;
    for part in [
        "response_type=code",
        "code_challenge_method=S256",
        "nonce=",
        "state=",
    ] {
        assert!(address.contains(part), "{part}: {address}");
    }
    assert!(
        browser.cookie.starts_with("countersign-way="),
        "{}",
        browser.cookie
    );
    let back = provider.visit(&address, ("sub", "1"), &local.url).await;
    let entered = browser.get(&back).await;
    assert_eq!(
        (entered.status, entered.location()),
        (303, "/request"),
        "{}",
        entered.body
    );
    assert!(entered.head.contains("SameSite=Strict"), "{}", entered.head);
    assert!(!browser.cookie.contains("-way"), "{}", browser.cookie);
    let rules = local.bot.rules(0).await.expect("a policy");
    assert_eq!(rules.policy.person_of("user:ada@example.com"), Some("ada"));
    let page = browser.get("/").await;
    assert!(page.body.contains("user:ada@example.com"), "{}", page.body);
    assert!(!page.body.contains("does not know"), "{}", page.body);
    let again = browser.get(&back).await;
    assert_eq!(again.status, 403, "the way is over");

    let asked = [
        ("what", "orders-db read-only"),
        ("duration", "30m"),
        ("reason", "to look"),
        ("ticket", "T-1"),
        ("step", "send"),
    ];
    let sent = browser.fill("/request", "/request", &asked).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let entry = &local.entries("AccessRequested")[0];
    assert_eq!(entry["actor"], "user:ada@example.com");
    assert_eq!(entry["event"]["evidence"]["verified_by"], "oidc", "{entry}");
    let out = browser.fill("/", "/sign-out", &[]).await;
    assert_eq!(out.status, 200);
    assert_eq!(browser.get("/").await.location(), "/sign-in");
    local.end().await;
}

/// What must sign nobody in, with the answer to each.
async fn attempts(local: &Local, provider: &Provider) -> Vec<(&'static str, Answer, Browser)> {
    let mut all = Vec::new();
    let ada = ("sub", "1");
    for (what, who) in [
        ("an address that is not verified", ("sub", "2")),
        ("nobody's address", ("sub", "3")),
        ("a refusal", ("action", "deny")),
    ] {
        let (mut browser, address) = leaves(local, "/oidc").await;
        let back = provider.visit(&address, who, &local.url).await;
        all.push((what, browser.get(&back).await, browser));
    }
    for what in [
        "a browser that did not ask",
        "a browser that asked for itself",
        "another state",
        "no state",
        "a made-up code",
        "no code",
        "the answer of another provider",
        "after ten minutes",
    ] {
        let (mut browser, address) = leaves(local, "/oidc").await;
        let mut back = provider.visit(&address, ada, &local.url).await;
        let (path, query) = back.split_once('?').expect("an answer");
        let (own, code): (Vec<&str>, Vec<&str>) = query
            .split('&')
            .partition(|pair| pair.starts_with("state="));
        let code = code
            .into_iter()
            .find(|pair| pair.starts_with("code="))
            .expect("a code");
        match what {
            "a browser that did not ask" => browser.cookie.clear(),
            "a browser that asked for itself" => browser = leaves(local, "/oidc").await.0,
            "another state" => back = format!("{path}?{code}&state={}", "A".repeat(43)),
            "no state" => back = format!("{path}?{code}"),
            "a made-up code" => back = format!("{path}?{}&code=made-up", own[0]),
            "no code" => back = format!("{path}?{}", own[0]),
            "the answer of another provider" => back += "&iss=https%3A%2F%2Fevil.example",
            _ => local.later(600),
        }
        all.push((what, browser.get(&back).await, browser));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_is_signed_in() {
    let provider = Provider::start();
    let local = Local::with(&[], entities, Some(provider.settings("email"))).await;
    let refused = attempts(&local, &provider).await;
    let count = refused.len();
    for (what, answer, mut browser) in refused {
        assert_eq!(answer.status, 403, "{what}: {}", answer.body);
        assert_eq!(browser.get("/").await.location(), "/sign-in", "{what}");
    }
    println!("{count} ways to sign in were refused");
    local.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_or_another_one_is_not_used() {
    let provider = Provider::start();
    let mut other = provider.settings("nickname");
    other.issuer = other.issuer.replace("127.0.0.1", "localhost");
    // It says that it is another one when it is called by another name.
    other.issuer.push('/');
    let local = Local::with(&[], entities, Some(other)).await;
    let mut browser = Browser::new(&local.url, None);
    assert_eq!(browser.get("/oidc").await.status, 502);
    local.end().await;
    let settings = provider.settings("nickname");
    let url = provider.url.clone();
    drop(provider);
    let local = Local::with(&["ada"], entities, Some(settings)).await;
    let mut browser = Browser::new(&local.url, None);
    let away = browser.get("/oidc").await;
    assert!(
        away.status == 502 && !away.body.contains(&url),
        "{}",
        away.body
    );
    assert_eq!(browser.get("/sign-in").await.status, 200);
    let mut ada = local.browser(0).await;
    assert_eq!(ada.get("/").await.status, 200, "the other ways stay");
    local.end().await;
    let local = Local::start(&[], entities).await;
    assert_eq!(
        Browser::new(&local.url, None).get("/oidc").await.status,
        404
    );
    local.end().await;
}

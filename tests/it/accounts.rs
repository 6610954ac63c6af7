//! Whose a chat account is: links that both sides prove, over HTTP and in a real ledger.

#[path = "inbox/local.rs"]
mod local;

use std::collections::BTreeMap;

use countersign_chatbot::account::{Account, Platform};
use countersign_tests::browser::{Answer, Browser};
use serde_json::Value;

use crate::local::{Local, TEAM};

const BAD: &str = "\"><script>alert(1)</script>";

fn account(user: &str) -> Account {
    Account {
        platform: Platform::Slack,
        tenant: TEAM.to_owned(),
        user: user.to_owned(),
    }
}

/// The starter's people, of whom ada is in Slack by the directory, and two share an address.
fn entities(person: &str, attributes: &mut Value) {
    attributes.as_object_mut().expect("facts").remove("slack");
    let (key, value) = match person {
        "ada" => ("slack", "U0ADA"),
        "bruno" => ("email", "Bruno@Example.com"),
        "chen" | "dana" => ("email", "shared@example.com"),
        _ => return,
    };
    attributes[key] = value.into();
}

impl Local {
    /// The path of a new link for an account.
    fn offer(&self, user: &str, name: &str) -> String {
        let link = self.bot.offer_link(&account(user), name, &self.url);
        link.expect("a place").replace(&self.url, "")
    }

    async fn owner(&self, user: &str) -> Option<String> {
        let rules = self.bot.rules(0).await.expect("a policy");
        let owner = self.bot.owner(&account(user), TEAM, &rules);
        owner.map(|owner| owner.person)
    }
}

/// What stands in the entries that say whose an account is.
fn said(entries: &[Value]) -> Vec<String> {
    let words = |entry: &Value| {
        let (event, text) = (&entry["event"], |value: &Value| {
            value.as_str().unwrap_or_default().to_owned()
        });
        let ended = event["ended"].as_bool() == Some(true);
        format!(
            "{} is {}'s by {}{} ({} via {})",
            text(&event["user"]),
            text(&event["person"]),
            text(&event["proof"]),
            if ended { ", ended" } else { "" },
            text(&entry["actor"]),
            text(&entry["via"]),
        )
    };
    entries.iter().map(words).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_becomes_somebodys_when_both_sides_say_so() {
    let local = Local::start(&["bruno", "chen"], entities).await;
    let (mut bruno, mut chen) = (local.browser(0).await, local.browser(1).await);
    let link = local.offer("U0BRUNO", BAD);
    assert_eq!(local.owner("U0BRUNO").await, None);
    let page = bruno.get(&link).await;
    for words in [
        "Is this your account?",
        "U0BRUNO",
        TEAM,
        "Slack",
        "&lt;script&gt;",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(!page.body.contains("<script>alert"), "{}", page.body);
    assert_eq!(local.owner("U0BRUNO").await, None, "a look changes nothing");
    let linked = bruno.fill(&link, &link, &[]).await;
    assert_eq!(
        (linked.status, linked.location()),
        (303, "/accounts?done=linked")
    );
    assert_eq!(
        local.owner("U0BRUNO").await.as_deref(),
        Some("bruno"),
        "at once"
    );
    let mine = bruno.get("/accounts?done=linked").await;
    assert!(mine.body.contains("Remove U0BRUNO"), "{}", mine.body);

    // Somebody else is told, and nothing changes until bruno has removed it.
    let other = local.offer("U0BRUNO", "bruno");
    let told = chen.get(&other).await;
    assert!(
        told.body.contains("belongs to somebody else"),
        "{}",
        told.body
    );
    let no_form = !told.body.contains(&format!("action=\"{other}\""));
    assert!(no_form && !told.body.contains("bruno's"), "{}", told.body);
    let forced = chen.get("/accounts").await.form("/sign-out", &[]);
    assert_eq!(chen.post(&other, &forced).await.status, 409);
    let removed = bruno.fill("/accounts", "/accounts/remove", &[]).await;
    assert_eq!(
        removed.location(),
        "/accounts?done=removed",
        "{}",
        removed.body
    );
    assert_eq!(local.owner("U0BRUNO").await, None);
    let taken = chen.fill(&other, &other, &[]).await;
    assert_eq!(taken.status, 303, "{}", taken.body);
    assert_eq!(local.owner("U0BRUNO").await.as_deref(), Some("chen"));
    let expected = [
        "U0BRUNO is bruno's by link (user:bruno via bot:inbox)",
        "U0BRUNO is bruno's by inbox, ended (user:bruno via bot:inbox)",
        "U0BRUNO is chen's by link (user:chen via bot:inbox)",
    ];
    assert_eq!(said(&local.entries("IdentityLinked")), expected);
    local.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_directory_says_can_be_taken_back_and_linked_anew() {
    let local = Local::start(&["ada"], entities).await;
    let mut ada = local.browser(0).await;
    assert_eq!(local.owner("U0ADA").await.as_deref(), Some("ada"));
    let mine = ada.get("/accounts").await;
    assert!(
        mine.body.contains("The directory of the policy"),
        "{}",
        mine.body
    );
    let removed = ada.fill("/accounts", "/accounts/remove", &[]).await;
    assert_eq!(removed.status, 303, "{}", removed.body);
    assert_eq!(local.owner("U0ADA").await, None);
    let link = local.offer("U0ADA", "Ada");
    assert_eq!(ada.fill(&link, &link, &[]).await.status, 303);
    assert_eq!(local.owner("U0ADA").await.as_deref(), Some("ada"));
    local.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_links_only_when_it_is_one_persons_and_nobody_has_said_otherwise() {
    let local = Local::start(&["bruno"], entities).await;
    let rules = local.bot.rules(0).await.expect("a policy");
    let by = async |user: &str, email: &str| {
        let account = account(user);
        let found = local.bot.match_email(&account, email, &rules).await;
        found.expect("it answers").map(|owner| owner.person)
    };
    assert_eq!(by("U1", "shared@example.com").await, None, "two have it");
    assert_eq!(by("U1", "nobody@example.com").await, None);
    assert_eq!(by("U1", "").await, None);
    let listed = by("U0ADA", "bruno@example.com").await;
    assert_eq!(listed, None, "the directory says that it is ada's");
    assert_eq!(
        by("U1", "BRUNO@example.COM").await.as_deref(),
        Some("bruno")
    );
    assert_eq!(local.owner("U1").await.as_deref(), Some("bruno"), "at once");
    let mut bruno = local.browser(0).await;
    assert_eq!(
        bruno
            .fill("/accounts", "/accounts/remove", &[])
            .await
            .status,
        303
    );
    assert_eq!(
        by("U1", "bruno@example.com").await,
        None,
        "he has removed it"
    );
    let expected = [
        "U1 is bruno's by email (bot:inbox via )",
        "U1 is bruno's by inbox, ended (user:bruno via bot:inbox)",
    ];
    assert_eq!(said(&local.entries("IdentityLinked")), expected);
    local.end().await;
}

/// What must not link, each with the status that says so.
async fn attempts(
    local: &Local,
    ada: &mut Browser,
    mallory: &mut Browser,
) -> Vec<(&'static str, u16, u16)> {
    let mut all = Vec::new();
    let mut saw = |what, expected, answer: &Answer| all.push((what, expected, answer.status));
    let fields = |answer: &Answer, link: &str| answer.form(link, &[]);

    let link = local.offer("U9", "nine");
    let good = fields(&ada.get(&link).await, &link);
    let mut nobody = Browser::new(&local.url, None);
    saw("nobody signed in", 303, &nobody.post(&link, &good).await);
    saw("the look of nobody", 303, &nobody.get(&link).await);
    saw("no token", 403, &ada.post(&link, &BTreeMap::new()).await);
    let mut forged = good.clone();
    forged.insert("csrf".to_owned(), "0".repeat(32));
    saw("a made-up token", 403, &ada.post(&link, &forged).await);
    saw(
        "another session's token",
        403,
        &mallory.post(&link, &good).await,
    );
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = format!("csrf={}", good["csrf"]);
    let line = format!("POST {link}");
    let evil = format!("{form}Origin: http://evil.example\r\n");
    saw(
        "a page of elsewhere",
        403,
        &ada.send(&line, &evil, &body).await,
    );
    saw(
        "a page of nowhere",
        403,
        &ada.send(&line, form, &body).await,
    );
    let wrong = format!("/link/{}", "0".repeat(32));
    saw("a made-up secret", 410, &ada.post(&wrong, &good).await);
    let upper = link.to_uppercase().replace("/LINK/", "/link/");
    saw("another spelling", 410, &ada.post(&upper, &good).await);
    saw("a person unknown to the policy", 403, &{
        let page = mallory.get("/accounts").await;
        let own = page.form("/sign-out", &[]);
        mallory.post(&link, &own).await
    });
    let newer = local.offer("U9", "nine");
    saw(
        "an older link of the account",
        410,
        &ada.post(&link, &good).await,
    );
    local.later(600);
    saw(
        "a link after ten minutes",
        410,
        &ada.post(&newer, &good).await,
    );
    saw("its look", 410, &ada.get(&newer).await);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_links_but_the_right_person_in_time_once() {
    let local = Local::start(&["ada", "mallory"], entities).await;
    let (mut ada, mut mallory) = (local.browser(0).await, local.browser(1).await);
    let refused = attempts(&local, &mut ada, &mut mallory).await;
    for (what, expected, got) in &refused {
        assert_eq!(expected, got, "{what}");
    }
    assert_eq!(local.owner("U9").await, None);

    // Of many who send the same form at the same time, one succeeds.
    let link = local.offer("U9", "nine");
    let good = ada.get(&link).await.form(&link, &[]);
    let tries: Vec<_> = (0..8)
        .map(|_| {
            let mut again = Browser::new(&local.url, None);
            again.cookie.clone_from(&ada.cookie);
            let (link, good) = (link.clone(), good.clone());
            tokio::spawn(async move { again.post(&link, &good).await.status })
        })
        .collect();
    let (mut linked, mut gone) = (0, 0);
    for one in tries {
        match one.await.expect("no panic") {
            303 => linked += 1,
            410 => gone += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((linked, gone), (1, 7));
    assert_eq!(ada.get(&link).await.status, 410, "used up");
    assert_eq!(local.entries("IdentityLinked").len(), 1);

    // Nobody removes what is not theirs.
    let mine = ada.get("/accounts").await.form("/accounts/remove", &[]);
    let mut others = mine;
    let own = mallory.get("/accounts").await.form("/sign-out", &[]);
    others.insert("csrf".to_owned(), own["csrf"].clone());
    assert_eq!(mallory.post("/accounts/remove", &others).await.status, 403);
    others.insert("csrf".to_owned(), "0".repeat(32));
    assert_eq!(ada.post("/accounts/remove", &others).await.status, 403);
    assert_eq!(local.owner("U9").await.as_deref(), Some("ada"));
    println!(
        "counted: {} ways to link were refused, and 1 of 8 at the same time worked",
        refused.len()
    );
    local.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_from_a_chat_leads_to_its_page_although_the_cookie_stays_behind() {
    let local = Local::start(&["ada"], entities).await;
    let mut ada = local.browser(0).await;
    let link = local.offer("U9", "nine");
    let cookie = std::mem::take(&mut ada.cookie);
    let cross = "Sec-Fetch-Site: cross-site\r\n";
    let first = ada.send(&format!("GET {link}"), cross, "").await;
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"0; url={link}\">");
    assert!(
        first.status == 200 && first.body.contains(&refresh),
        "{}",
        first.body
    );
    let same = "Sec-Fetch-Site: same-origin\r\n";
    let out = ada.send(&format!("GET {link}"), same, "").await;
    let door = format!("/sign-in?next=%2Flink%2F{}", link.replace("/link/", ""));
    assert_eq!((out.status, out.location()), (303, door.as_str()));
    ada.cookie = cookie;
    let shown = ada.send(&format!("GET {link}"), same, "").await;
    assert!(
        shown.body.contains("Is this your account?"),
        "{}",
        shown.body
    );
    local.end().await;
}

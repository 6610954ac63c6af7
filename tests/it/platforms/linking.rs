//! An account that nobody has, and its person, who says so in the inbox.

use countersign_tests::slack::payload::command;
use countersign_tests::teams::card::card;
use serde_json::Value;

use crate::office::Office;

/// What somebody reads who types `/access list` in Slack.
async fn list_in_slack(office: &Office, person: &str) -> Value {
    let slack = &office.slack;
    let typed = command(
        slack.id(person),
        "list",
        "1.2.list",
        &slack.relay.reply_url(),
    );
    slack.taken(&typed).await
}

/// The link in an answer of Slack.
fn link_in(answer: &Value) -> String {
    let link = &answer["blocks"][1]["elements"][0]["elements"][0];
    assert_eq!(link["type"], "link", "{answer}");
    link["url"].as_str().expect("an address").to_owned()
}

/// Somebody who has signed in opens a link and says yes.
async fn agree(office: &Office, number: usize, link: &str) {
    let mut browser = office.browser(number).await;
    let path = link
        .strip_prefix(&office.url)
        .expect("of the inbox")
        .to_owned();
    let page = browser.get(&path).await;
    assert!(page.body.contains("Is this your account?"), "{}", page.body);
    let said = browser.post(&path, &page.form(&path, &[])).await;
    assert_eq!(said.status, 303, "{}", said.body);
}

/// Gives people of the policy addresses, and says whether addresses count.
fn addresses(all: &mut [Value], settings: &str, count: bool) -> String {
    for entity in all {
        let address = match entity["uid"]["id"].as_str() {
            Some("emeka") => "mallory@emulate.dev",
            Some("gustav") => "stranger@example.com",
            _ => continue,
        };
        entity["attrs"]["email"] = address.into();
    }
    let word = format!("match_email = {count}\n");
    let settings = settings.replace("[slack]\n", &format!("[slack]\n{word}"));
    settings.replace("[teams]\n", &format!("[teams]\n{word}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_count_only_where_the_settings_say_so() {
    for count in [false, true] {
        let change = |all: &mut Vec<Value>, settings: String| addresses(all, &settings, count);
        let office = Office::with(&[], 0, change).await;
        let answer = list_in_slack(&office, "mallory").await.to_string();
        assert_eq!(answer.contains("does not know"), !count, "{answer}");
        let said = office.chats.write("stranger", "list").await.to_string();
        assert_eq!(said.contains("I do not know"), !count, "{said}");
        let entries = office.stage.entries(&["--kind", "IdentityLinked"]);
        let by_email = |entry: &&Value| entry["event"]["proof"] == "email";
        let expected = if count { 2 } else { 0 };
        assert_eq!(
            entries.iter().filter(by_email).count(),
            expected,
            "{entries:#?}"
        );
        office.end();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_gets_a_link_and_is_known_after_a_yes_in_the_inbox() {
    let office = Office::open(&["emeka", "gustav"], 0).await;
    let answer = list_in_slack(&office, "mallory").await;
    assert!(answer.to_string().contains("does not know"), "{answer}");
    let first = link_in(&answer);
    let second = link_in(&list_in_slack(&office, "mallory").await);
    assert_ne!(first, second, "each is for once");
    agree(&office, 0, &second).await;
    let answer = list_in_slack(&office, "mallory").await;
    assert!(answer.to_string().contains("To review"), "{answer}");

    // In Teams nobody has this account, for the directory knows gustav by another one.
    let said = office.chats.write("stranger", "list").await;
    let words = said["text"].as_str().expect("words");
    let link = words.rsplit(' ').next().expect("a link");
    agree(&office, 1, link).await;
    let said = office.chats.write("stranger", "list").await;
    assert!(card(&said).to_string().contains("To decide"), "{said}");

    let entries = office.stage.entries(&["--kind", "IdentityLinked"]);
    let linked = |entry: &Value| {
        let event = &entry["event"];
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        (text("person"), text("platform"), text("proof"))
    };
    let all: Vec<_> = entries.iter().map(linked).collect();
    let by_link =
        |person: &str, platform: &str| (person.to_owned(), platform.to_owned(), "link".to_owned());
    assert_eq!(all, [by_link("emeka", "slack"), by_link("gustav", "teams")]);
    println!(
        "counted: {} accounts in chats were linked by both sides",
        all.len()
    );
    office.end();
}

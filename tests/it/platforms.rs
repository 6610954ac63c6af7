//! One bot on three platforms: people ask in one, decide in another, and look in a third. The real
//! program, a real ledger, Slack's Web API as `emulate` has it, Microsoft on loopback, a browser.

#[path = "platforms/channel.rs"]
mod channel;
#[path = "platforms/linking.rs"]
mod linking;
#[path = "platforms/office.rs"]
mod office;

use std::collections::BTreeMap;

use axum::http::Method;
use countersign_tests::slack::acts::{fill, offering, open_form, send_form, told, told_of};
use countersign_tests::slack::payload::{TEAM, hex};
use countersign_tests::slack::relay::Call;
use countersign_tests::stage::without_messages;
use countersign_tests::teams::card::{button, buttons, card, filled};
use countersign_tests::teams::chats::{about, object, path_of};
use countersign_tests::teams::microsoft::{self, TENANT};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::office::Office;

/// What somebody did: the name of the entry, the person, where, and the digest of what came in.
struct Deed {
    entry: &'static str,
    person: &'static str,
    platform: &'static str,
    callback: String,
}

/// What proved on a platform who it was, and the organisation.
fn proof(platform: &str) -> (&'static str, &'static str) {
    match platform {
        "slack" => ("slack-signature-v0", TEAM),
        _ => ("teams-jwt", TENANT),
    }
}

/// Does something with a card in Teams; what came in.
async fn teams(
    office: &Office,
    person: &str,
    (said, verb): (&Value, &str),
    more: &[(&str, &str)],
) -> String {
    let pressed = filled(&button(card(said), verb), more);
    let click = office.chats.click(person, said, &pressed);
    let reply = office.chats.tell(&click).await;
    assert_eq!(reply.body["statusCode"], 200, "{reply:?}");
    hex(&Sha256::digest(click.to_string()))
}

/// Waits until everybody has the card as it is then, with this word; how many copies there are.
async fn copies(office: &Office, case: u64, word: &str) -> usize {
    let (slack, teams) = (&office.slack, &office.chats);
    let channel = format!("channel:{}", slack.channel());
    let in_slack = ["bruno", &channel];
    for recipient in in_slack {
        let place = told_of(slack, recipient, case).await["channel"].clone();
        let says = |call: &Call| {
            let is_it = call.method.starts_with("chat.") && call.body["channel"] == place;
            is_it && call.body.to_string().contains(word)
        };
        slack.relay.call(0, says).await;
    }
    let in_teams = ["bruno", "ada", "fatima"];
    for person in in_teams {
        let path = path_of(person);
        let says = |call: &microsoft::Call| {
            let is_it = call.path.starts_with(&path) && about(&call.body) == Some(case);
            is_it && call.body.to_string().contains(word)
        };
        teams.microsoft.wait(0, says).await;
    }
    in_slack.len() + in_teams.len()
}

/// Waits until no message offers anything any more; how many messages there are.
async fn at_rest(office: &Office, case: u64) -> usize {
    let (slack, microsoft) = (&office.slack, &office.chats.microsoft);
    let posted = slack.relay.calls().into_iter();
    let posted = posted.filter(|call| call.method == "chat.postMessage");
    let stamps: Vec<Value> = posted.map(|call| call.answer["ts"].clone()).collect();
    for stamp in &stamps {
        let rests = |call: &Call| {
            let is_it = call.method == "chat.update" && call.body["ts"] == *stamp;
            is_it && !call.body.to_string().contains("\"action_id\"")
        };
        slack.relay.call(0, rests).await;
    }
    let calls = microsoft.inner.calls.lock().clone();
    let cards = calls.iter().enumerate();
    let cards = cards.filter(|(_, call)| call.method == Method::POST);
    let cards = cards.filter(|(_, call)| about(&call.body) == Some(case));
    let paths: Vec<String> = cards
        .map(|(number, call)| format!("{}/m{}", call.path, number + 1))
        .collect();
    for path in &paths {
        let rests =
            |call: &microsoft::Call| call.path == *path && buttons(card(&call.body)).is_empty();
        microsoft.wait(0, rests).await;
    }
    stamps.len() + paths.len()
}

/// The auditor looks at the case in a browser, and takes the proof of the decision along.
async fn audit(office: &Office, case: u64, decision: u64) {
    let mut dana = office.browser(0).await;
    let page = dana.get(&format!("/case/{case}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    for words in [
        "bruno",
        "ada",
        "active",
        "approved for team-leads",
        "to look at slow orders",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let proof = dana.get(&format!("/case/{case}/proof/{decision}")).await;
    let is_proof = proof.body.starts_with("c2sp.org/tlog-proof@v1\n");
    assert!(is_proof, "{}", proof.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_case_is_asked_for_in_slack_decided_in_teams_and_looked_at_in_a_browser() {
    let office = Office::open(&["dana"], 0).await;
    let (slack, chats) = (&office.slack, &office.chats);
    let mut deeds = Vec::new();
    let mut did = |entry, person, platform, callback| {
        deeds.push(Deed {
            entry,
            person,
            platform,
            callback,
        });
    };
    let view = open_form(slack, "bruno").await;
    let wanted = ("read-only on orders-db", "to look at slow orders");
    let (case, sent) = send_form(slack, "bruno", &view, wanted).await;
    did("AccessRequested", "bruno", "slack", sent.digest());

    let card = chats.told_of("ada", case).await;
    let clicked = teams(&office, "ada", (&card, "approve"), &[]).await;
    did("ReviewRecorded", "ada", "teams", clicked);
    let active = copies(&office, case, "active").await;
    let entries = office.stage.entries(&["--case", &case.to_string()]);
    let review = entries
        .iter()
        .find(|entry| entry["name"] == "ReviewRecorded");
    let review = review.expect("a decision")["index"]
        .as_u64()
        .expect("a number");
    audit(&office, case, review).await;

    let own = told_of(slack, "bruno", case).await["channel"].clone();
    let (card, reason) = (
        offering(slack, &own, "finish").await,
        [("reason", "found it")],
    );
    let (sent, answer) = fill(slack, "bruno", (&card, "finish"), &reason).await;
    assert!(told(&answer).starts_with("It is in the log."), "{answer}");
    did("GrantFinished", "bruno", "slack", sent.digest());
    let words = [("sufficient", "yes"), ("wait", "yes"), ("comment", "")];
    let card = offering(slack, &own, "feedback").await;
    let (sent, answer) = fill(slack, "bruno", (&card, "feedback"), &words).await;
    assert!(told(&answer).starts_with("It is in the log."), "{answer}");
    did("FeedbackSubmitted", "bruno", "slack", sent.digest());
    let asked = chats.write("ada", &format!("case {case}")).await;
    let words = [("feedback.sufficient", "yes"), ("feedback.wait", "yes")];
    let said = teams(&office, "ada", (&asked, "feedback"), &words).await;
    did("FeedbackSubmitted", "ada", "teams", said);
    copies(&office, case, "closed").await;
    let rest = at_rest(&office, case).await;
    let told = story(&office, case, &deeds);
    println!(
        "counted: a case over three platforms: {active} people and channels saw it become \
         active and closed, none of {rest} messages offers anything any more; the log has {} acts \
         and {told} messages, and the decision with the card as it was seen in Teams",
        deeds.len()
    );
    office.end();
}

/// Tells the case as its entries do, which have all of it; the number of messages.
#[expect(clippy::print_stdout, reason = "a test tells its story")]
fn story(office: &Office, case: u64, deeds: &[Deed]) -> usize {
    let entries = office.stage.entries(&["--case", &case.to_string()]);
    let shown = shown_cards(&entries);
    let messages = entries.len() - without_messages(entries.clone()).len();
    let mut deeds = deeds.iter();
    for entry in without_messages(entries) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (name, actor) = (text(&entry["name"]), text(&entry["actor"]));
        if entry["via"] == "" {
            println!("{:>5} {name}: {actor}", entry["index"]);
            continue;
        }
        let deed = deeds.next().expect("nothing else was done");
        let evidence = &entry["event"]["evidence"];
        let (verified_by, tenant) = proof(deed.platform);
        assert_eq!(
            (name.as_str(), text(&entry["via"])),
            (deed.entry, "bot:chat".to_owned())
        );
        assert_eq!(actor, format!("user:{}", deed.person));
        let user = match deed.platform {
            "slack" => office.slack.id(deed.person).to_owned(),
            _ => object(deed.person),
        };
        for (field, value) in [
            ("platform", deed.platform),
            ("tenant", tenant),
            ("user", &user),
            ("verified_by", verified_by),
            ("callback_sha256", &deed.callback),
        ] {
            assert_eq!(evidence[field], value, "{field}: {entry}");
        }
        let (message, seen) = (text(&evidence["message"]), text(&evidence["card_sha256"]));
        if deed.entry == "ReviewRecorded" {
            // What was shown in this message is what was decided on.
            assert_eq!(shown.get(&message), Some(&seen), "{entry}");
        }
        println!(
            "{:>5} {name}: {actor} as {user} of {tenant} in {}, message {message:?}, card {:.8}, \
             callback {:.8}, verified by {verified_by}",
            entry["index"], deed.platform, seen, deed.callback
        );
    }
    assert!(deeds.next().is_none(), "an act is missing");
    messages
}

/// What the log says was first shown in each message.
fn shown_cards(entries: &[Value]) -> BTreeMap<String, String> {
    let told = entries
        .iter()
        .filter(|entry| entry["name"] == "NotificationDelivered");
    let posted = told.filter(|entry| entry["event"]["updated"] != true);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pair = |entry: &Value| {
        let event = &entry["event"];
        (text(&event["message"]["id"]), text(&event["card_sha256"]))
    };
    posted.map(pair).collect()
}

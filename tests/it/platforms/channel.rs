//! A card in a channel, which people click who may decide, who may not, and who are nobody here.

use countersign_tests::slack::acts::{modal, open_form, send_form, told_of};
use countersign_tests::slack::payload::{click, interaction};
use countersign_tests::slack::relay::Call;
use countersign_tests::teams::card::{button, buttons, card, filled, words};
use serde_json::{Value, json};

use crate::office::{CHANNEL, Office};

/// Acts on the card in a channel of those who may decide.
const ACTS: [&str; 2] = ["approve", "deny"];

async fn ask(office: &Office) -> u64 {
    let view = open_form(&office.slack, "bruno").await;
    let wanted = ("read-only on orders-db", "to look");
    send_form(&office.slack, "bruno", &view, wanted).await.0
}

/// Clicks in Slack; what is said to this person alone.
async fn in_slack(office: &Office, person: &str, (message, act): (&Value, &str)) -> String {
    let (slack, seen) = (&office.slack, office.slack.relay.seen());
    let trigger = slack.trigger(person).await;
    let mut payload = click(slack.id(person), &trigger, message, act);
    payload["response_url"] = json!(slack.relay.reply_url());
    assert_eq!(slack.taken(&interaction(&payload)).await, Value::Null);
    if act == "approve" {
        let call = slack.relay.of(seen, "reply").await;
        assert_eq!(call.body["response_type"], "ephemeral");
        assert_eq!(call.body["replace_original"], false);
        let text = call.body["blocks"][0]["text"]["text"].as_str();
        return text.expect("words").to_owned();
    }
    let view = modal(slack, seen).await;
    match view["callback_id"].as_str() {
        Some("notice") => view.to_string(),
        form => format!("form {}", form.unwrap_or_default()),
    }
}

/// What people are told who may not decide, by name, act, and a part of the words.
const NOT_THEIRS: [(&str, &str, &str); 6] = [
    (
        "bruno",
        "approve",
        "You cannot decide on an access of your own",
    ),
    ("chen", "approve", "does not ask you to decide"),
    ("mallory", "approve", "know"),
    ("bruno", "deny", "is not for you to do"),
    ("chen", "deny", "is not for you to do"),
    ("mallory", "deny", "know"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_card_in_a_channel_of_slack_answers_each_person_alone() {
    let office = Office::open(&[], 1).await;
    let case = ask(&office).await;
    let recipient = format!("channel:{}", office.slack.channel());
    let message = told_of(&office.slack, &recipient, case).await;
    let row = message["blocks"].as_array().expect("blocks").iter();
    let row = row.filter(|block| block["type"] == "actions");
    let acts = row.flat_map(|row| row["elements"].as_array().expect("buttons"));
    let acts: Vec<&str> = acts
        .filter_map(|button| button["action_id"].as_str())
        .collect();
    assert_eq!(acts, ACTS, "nothing that only one may do");
    let mut told = 0;
    for (person, act, part) in NOT_THEIRS {
        let said = in_slack(&office, person, (&message, act)).await;
        assert!(said.contains(part), "{person} {act}: {said}");
        told += 1;
    }
    assert_eq!(office.count(case, "ReviewRecorded"), 0);
    assert_eq!(
        in_slack(&office, "ada", (&message, "deny")).await,
        "form deny"
    );
    let said = in_slack(&office, "ada", (&message, "approve")).await;
    assert!(said.contains("Your decision is in the log"), "{said}");
    let updated = |call: &Call| {
        let is_it = call.method == "chat.update" && call.body["ts"] == message["ts"];
        is_it && call.body.to_string().contains("active")
    };
    let shown = office.slack.relay.call(0, updated).await;
    assert!(
        !shown.body.to_string().contains("\"approve\""),
        "{}",
        shown.body
    );
    let said = in_slack(&office, "fatima", (&message, "approve")).await;
    assert!(said.contains("it was decided before"), "{said}");
    let evidence = evidence(&office, case);
    assert_eq!(evidence["channel"], office.slack.channel());
    println!(
        "counted: {told} clicks in a channel of Slack by people who may not decide, each answered \
         alone"
    );
    office.end();
}

fn evidence(office: &Office, case: u64) -> Value {
    let entries = office.stage.entries(&["--case", &case.to_string()]);
    let review = entries
        .iter()
        .find(|entry| entry["name"] == "ReviewRecorded");
    review.expect("a decision")["event"]["evidence"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_in_a_channel_of_teams_answers_each_person_alone() {
    let office = Office::open(&[], 1).await;
    let case = ask(&office).await;
    let path = format!("/teams/v3/conversations/{CHANNEL}/activities");
    let message = office.chats.told_in(&path, case).await;
    let all = buttons(card(&message));
    let acts: Vec<&str> = all
        .iter()
        .filter_map(|button| button["verb"].as_str())
        .collect();
    assert_eq!(acts, ACTS, "nothing that only one may do");
    let place = (CHANNEL, &message);
    let mut told = 0;
    for (person, act, part) in NOT_THEIRS {
        let mut pressed = button(card(&message), act);
        if act == "deny" {
            pressed = filled(&pressed, &[("deny.reason", "no")]);
        }
        let body = office.chats.channel_click(person, place, &pressed);
        let reply = office.chats.tell(&body).await;
        let part = match (person, act) {
            ("bruno", _) => "You cannot decide on an access of your own",
            ("chen", _) => "does not ask you to decide",
            _ => part,
        };
        assert!(words(&reply).contains(part), "{person} {act}: {reply:?}");
        told += 1;
    }
    // Each reader is shown what is theirs, and nothing is said where everyone hears it.
    for (person, expected) in [("bruno", vec!["cancel"]), ("ada", ACTS.to_vec())] {
        let look = json!({"verb": "show", "data": {"action": "show", "target": case.to_string()}});
        let body = office.chats.channel_click(person, place, &look);
        let reply = office.chats.tell(&body).await;
        let all = buttons(card(&reply.body));
        let acts: Vec<&str> = all
            .iter()
            .filter_map(|button| button["verb"].as_str())
            .collect();
        assert_eq!(acts, expected, "{person}");
    }
    assert_eq!(office.count(case, "ReviewRecorded"), 0);
    let approve = button(card(&message), "approve");
    let body = office.chats.channel_click("ada", place, &approve);
    let reply = office.chats.tell(&body).await;
    assert!(
        card(&reply.body).to_string().contains("active"),
        "{reply:?}"
    );
    let late = office.chats.channel_click("fatima", place, &approve);
    let reply = office.chats.tell(&late).await;
    assert!(words(&reply).contains("it was decided before"), "{reply:?}");
    let id = message["id"].as_str().expect("an id");
    let path = format!("{path}/{id}");
    let updated = |call: &countersign_tests::teams::microsoft::Call| {
        call.path == path && call.body.to_string().contains("active")
    };
    office.chats.microsoft.wait(0, updated).await;
    assert!(
        evidence(&office, case)["channel"]
            .as_str()
            .is_some_and(|it| it.starts_with(CHANNEL))
    );
    println!(
        "counted: {told} clicks in a channel of Teams by people who may not decide, each answered \
         alone"
    );
    office.end();
}

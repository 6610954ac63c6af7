//! What people do in Slack, one act at a time.

use serde_json::{Value, json};

use crate::slack::payload::{Signed, click, command, interaction, submission};
use crate::slack::relay::Call;
use crate::slack::workspace::Workspace;

/// The message of a call that posted or updated one.
#[must_use]
pub fn message(call: &Call) -> Value {
    let mut message = call.answer["message"].clone();
    message["channel"] = call.answer["channel"].clone();
    message["ts"] = call.answer["ts"].clone();
    message
}

/// A modal that was opened and then shows something else than that one has to wait.
///
/// # Panics
/// When it does not.
pub async fn modal(slack: &Workspace, seen: usize) -> Value {
    let opened = slack.relay.of(seen, "views.open").await;
    assert_eq!(opened.body["view"]["title"]["text"], "One moment");
    let id = opened.answer["view"]["id"].clone();
    let shown = |call: &Call| call.method == "views.update" && call.body["view_id"] == id;
    slack.relay.call(seen, shown).await.answer["view"].clone()
}

/// What an acknowledgement shows.
#[must_use]
pub fn told(answer: &Value) -> String {
    let text = &answer["view"]["blocks"][0]["text"]["text"];
    text.as_str().unwrap_or_default().to_owned()
}

/// The value that stands for an access that a form offers.
///
/// # Panics
/// When it does not offer it.
#[must_use]
pub fn choice(view: &Value, label: &str) -> String {
    let blocks = view["blocks"].as_array().expect("blocks").iter();
    let mut options = blocks.flat_map(|block| {
        let options = block["element"]["options"].as_array().cloned();
        options.unwrap_or_default()
    });
    let fits = |option: &Value| {
        let label_of = option["text"]["text"].as_str();
        label_of.unwrap_or_default().contains(label)
    };
    let found = options.find(fits);
    assert!(found.is_some(), "no {label} in {view}");
    let found = found.unwrap_or_default();
    found["value"].as_str().expect("a value").to_owned()
}

/// Opens the form of `/access request`.
///
/// # Panics
/// When it does not open.
pub async fn open_form(slack: &Workspace, person: &str) -> Value {
    let (id, seen) = (slack.id(person), slack.relay.seen());
    let trigger = slack.trigger(person).await;
    let typed = command(id, "request", &trigger, &slack.relay.reply_url());
    assert_eq!(slack.taken(&typed).await, Value::Null);
    let view = modal(slack, seen).await;
    assert_eq!(view["callback_id"], "request", "{view}");
    view
}

/// Sends the form of a request for an hour; the number of the case, and what was sent.
///
/// # Panics
/// When it is not taken.
pub async fn send_form(
    slack: &Workspace,
    person: &str,
    view: &Value,
    (access, words): (&str, &str),
) -> (u64, Signed) {
    let access = choice(view, access);
    let values = [
        ("access", access.as_str()),
        ("duration", "3600"),
        ("reason", words),
        ("ticket", words),
        ("affected", words),
    ];
    let sent = interaction(&submission(slack.id(person), view, &values));
    let answer = slack.taken(&sent).await;
    let said = told(&answer);
    assert!(said.starts_with("Your request is in the log."), "{answer}");
    let number = said.split("Case ").nth(1);
    let number = number.and_then(|rest| rest.split(':').next());
    let case = number.expect("a number").parse().expect("a number");
    // The same form again is the same request.
    assert_eq!(told(&slack.taken(&sent).await), said);
    (case, sent)
}

/// Clicks a button that opens a form, fills it in, and sends it; what was sent, and the answer.
///
/// # Panics
/// When the form does not open, or is not taken.
pub async fn fill(
    slack: &Workspace,
    person: &str,
    (message, action): (&Value, &str),
    values: &[(&str, &str)],
) -> (Signed, Value) {
    let (id, seen) = (slack.id(person), slack.relay.seen());
    let trigger = slack.trigger(person).await;
    let clicked = interaction(&click(id, &trigger, message, action));
    assert_eq!(slack.taken(&clicked).await, Value::Null);
    let view = modal(slack, seen).await;
    assert_eq!(view["callback_id"], action, "{view}");
    let sent = interaction(&submission(id, &view, values));
    let answer = slack.taken(&sent).await;
    (sent, answer)
}

/// Approves with one click; what was sent, and the card as it is then.
///
/// # Panics
/// When the click is not taken, or the card stays as it is.
pub async fn approve(slack: &Workspace, person: &str, message: &Value) -> (Signed, Value) {
    let seen = slack.relay.seen();
    let trigger = slack.trigger(person).await;
    let clicked = interaction(&click(slack.id(person), &trigger, message, "approve"));
    assert_eq!(slack.taken(&clicked).await, Value::Null);
    let is_it = |call: &Call| call.method == "chat.update" && call.body["ts"] == message["ts"];
    let updated = slack.relay.call(seen, is_it).await;
    (clicked, updated.body)
}

/// The message in which the bot has told somebody, or a channel, of a case.
///
/// # Panics
/// When it does not within a minute.
pub async fn told_of(slack: &Workspace, recipient: &str, case: u64) -> Value {
    let mark = json!({"about": case.to_string(), "recipient": recipient});
    let is_it = |call: &Call| {
        let payload = &call.body["metadata"]["event_payload"];
        let fits = |key: &str| payload[key] == mark[key];
        call.method == "chat.postMessage" && fits("about") && fits("recipient")
    };
    message(&slack.relay.call(0, is_it).await)
}

/// The newest message in a channel that has this button.
///
/// # Panics
/// When none has within a minute.
pub async fn offering(slack: &Workspace, channel: &Value, action: &str) -> Value {
    let button = json!(action).to_string();
    let is_it = |call: &Call| {
        let written = ["chat.postMessage", "chat.update"].contains(&call.method.as_str());
        let blocks = call.body["blocks"].to_string();
        let offers = blocks.contains(&format!("\"action_id\":{button}"));
        written && call.body["channel"] == *channel && offers
    };
    let call = slack.relay.call(0, is_it).await;
    json!({
        "channel": channel,
        "ts": call.answer["ts"],
        "blocks": call.body["blocks"],
    })
}

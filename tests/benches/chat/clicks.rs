//! One click after the other, each timed until the card shows what came of it.

use axum::http::Method;
use countersign_tests::slack::acts::message;
use countersign_tests::slack::payload::{click, interaction};
use countersign_tests::slack::relay::Call;
use countersign_tests::teams::card::{button, card};
use countersign_tests::teams::chats::{about, path_of};
use countersign_tests::teams::microsoft;
use serde_json::json;

use crate::common::{now, since};
use crate::hall::Hall;

/// Clicks of a row.
const CLICKS: usize = 200;

/// How long people waited for something, in milliseconds.
#[derive(Debug)]
pub(crate) struct Waits {
    pub(crate) what: &'static str,
    pub(crate) ms: Vec<f64>,
}

impl Waits {
    const fn of(what: &'static str) -> Self {
        Self {
            what,
            ms: Vec::new(),
        }
    }
}

/// Ada approves in Slack.
pub(crate) async fn slack(hall: &Hall) -> Vec<Waits> {
    let mut told = Waits::of("Slack: request to the approver's card");
    let mut taken = Waits::of("Slack: click to its acknowledgement");
    let mut shown = Waits::of("Slack: click to the updated card");
    let relay = &hall.slack.relay;
    for number in 0..CLICKS {
        let (seen, begun) = (relay.seen(), now());
        let case = hall.ask().await;
        let is_it = |call: &Call| {
            let payload = &call.body["metadata"]["event_payload"];
            let about = json!(case.to_string());
            call.method == "chat.postMessage" && payload["about"] == about
        };
        let posted = message(&relay.call(seen, is_it).await);
        told.ms.push(since(begun));
        let trigger = format!("{case}.{number}.bench");
        let mut payload = click(hall.slack.id("ada"), &trigger, &posted, "approve");
        payload["response_url"] = json!(relay.reply_url());
        let (clicked, seen) = (interaction(&payload), relay.seen());
        let begun = now();
        hall.slack.taken(&clicked).await;
        taken.ms.push(since(begun));
        let is_it = |call: &Call| {
            call.method == "chat.update"
                && call.body["ts"] == posted["ts"]
                && call.body.to_string().contains("active")
        };
        relay.call(seen, is_it).await;
        shown.ms.push(since(begun));
    }
    vec![told, taken, shown]
}

/// Fatima approves in Teams.
pub(crate) async fn teams(hall: &Hall) -> Vec<Waits> {
    let mut told = Waits::of("Teams: request to the approver's card");
    let mut taken = Waits::of("Teams: click to its answer, with the new card");
    let mut shown = Waits::of("Teams: click to the updated message");
    let (chats, microsoft) = (&hall.chats, &hall.chats.microsoft);
    let path = path_of("fatima");
    for _ in 0..CLICKS {
        let (from, begun) = (microsoft.calls(), now());
        let case = hall.ask().await;
        let is_it = |call: &microsoft::Call| {
            call.method == Method::POST && call.path == path && about(&call.body) == Some(case)
        };
        let (number, call) = microsoft.wait(from, is_it).await;
        told.ms.push(since(begun));
        let id = format!("m{}", number + 1);
        let mut posted = call.body;
        posted["id"] = json!(id);
        let click = chats.click("fatima", &posted, &button(card(&posted), "approve"));
        let token = format!("Bearer {}", microsoft.token(&microsoft.service()));
        let (from, begun) = (microsoft.calls(), now());
        let reply = chats.post(Some(&token), &click).await;
        taken.ms.push(since(begun));
        assert!(
            card(&reply.body).to_string().contains("active"),
            "{reply:?}"
        );
        let updated = format!("{path}/{id}");
        let is_it = |call: &microsoft::Call| {
            call.path == updated && call.body.to_string().contains("active")
        };
        microsoft.wait(from, is_it).await;
        shown.ms.push(since(begun));
    }
    vec![told, taken, shown]
}

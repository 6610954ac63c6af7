//! What the bot says to the connector, and what it makes of its answers.

use axum::http::Method;
use countersign_tests::teams::card::card;
use countersign_tests::teams::chats::object;
use countersign_tests::teams::microsoft::{APP, Call, TENANT};
use serde_json::{Value, json};

use crate::bot::Bot;

#[tokio::test(flavor = "multi_thread")]
async fn the_bot_says_who_it_is_once() {
    let bot = Bot::start().await;
    let from = bot.microsoft.calls();
    for _ in 0..2 {
        let mut came = bot.activity("ada", "conversationUpdate");
        came["membersAdded"] = json!([came["recipient"].clone()]);
        bot.tell(&came).await;
        let mut installed = bot.activity("ada", "installationUpdate");
        installed["action"] = json!("add");
        bot.tell(&installed).await;
        let mut another = bot.activity("ada", "conversationUpdate");
        another["membersAdded"] = json!([{"id": "29:somebody"}]);
        bot.tell(&another).await;
    }
    let said = bot.write("ada", "what?").await;
    assert!(card(&said).to_string().contains("break-glass"), "{said}");
    let calls = bot.microsoft.inner.calls.lock()[from..].to_vec();
    let welcomes = calls
        .iter()
        .filter(|call| call.body.to_string().contains("I carry requests"));
    assert_eq!(welcomes.count(), 1);
    bot.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_is_fetched_for_many_calls_and_a_new_one_when_it_is_refused() {
    let bot = Bot::start().await;
    for _ in 0..5 {
        bot.write("ada", "help").await;
    }
    assert_eq!(bot.microsoft.count("token"), 1);
    bot.microsoft.script([(401, vec![], json!({}))]);
    let from = bot.microsoft.calls();
    bot.write("ada", "help").await;
    let again = |call: &Call| call.authorization == "Bearer pass-2";
    bot.microsoft.wait(from, again).await;
    assert_eq!(bot.microsoft.count("token"), 2);
    bot.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bot_is_patient_when_teams_asks_for_it() {
    let bot = Bot::start().await;
    let wait = || {
        (
            429,
            vec![("retry-after", "0".to_owned())],
            json!({"error": {"code": "Throttled"}}),
        )
    };
    bot.microsoft.script([wait(), wait()]);
    let from = bot.microsoft.calls();
    let mut body = bot.activity("ada", "message");
    body["text"] = json!("help");
    bot.tell(&body).await;
    let third = bot
        .microsoft
        .wait(from + 2, |call| call.method == Method::POST)
        .await;
    assert_eq!(third.0, from + 2);
    // A refusal for good is not repeated.
    let blocked = json!({"error": {"code": "Forbidden", "subCode": "MessageWritesBlocked"}});
    bot.microsoft.script([(403, vec![], blocked)]);
    let from = bot.microsoft.calls();
    let mut body = bot.activity("ada", "message");
    body["text"] = json!("help");
    bot.tell(&body).await;
    bot.says("has blocked the bot");
    assert_eq!(bot.microsoft.calls(), from + 1);
    // A redirect is not followed: the token would go along.
    let away = (
        "location",
        format!("{}v3/elsewhere", bot.microsoft.service()),
    );
    bot.microsoft.script([(307, vec![away], json!({}))]);
    let mut body = bot.activity("ada", "message");
    body["text"] = json!("help");
    bot.tell(&body).await;
    bot.says("an answer in Teams was not posted");
    let calls = bot.microsoft.inner.calls.lock().clone();
    assert!(calls.iter().all(|call| !call.path.contains("elsewhere")));
    bot.end();
}

/// In a channel, what is for one person is said to that person alone; their conversation is
/// created when it is not known, also after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_one_is_not_said_in_a_channel() {
    let mut bot = Bot::start().await;
    bot.restart();
    let from = bot.microsoft.calls();
    let mut body = bot.activity("ada", "message");
    body["text"] = json!("<at>Countersign</at> request");
    body["conversation"] = json!({
        "id": "19:abc@thread.tacv2;messageid=17", "tenantId": TENANT, "conversationType": "channel",
    });
    bot.tell(&body).await;
    let (number, created) = bot.microsoft.wait(from, |_| true).await;
    assert_eq!(created.path, "/teams/v3/conversations");
    let expected = json!({
        "bot": {"id": format!("28:{}", APP)},
        "members": [{"id": object("ada")}],
        "isGroup": false,
        "tenantId": TENANT,
        "channelData": {"tenant": {"id": TENANT}},
    });
    assert_eq!(created.body, expected);
    let (_, form) = bot.microsoft.wait(number + 1, |_| true).await;
    let place = format!("/teams/v3/conversations/a:{}/activities", object("ada"));
    assert_eq!(form.path, place);
    assert!(form.body.to_string().contains("request.access"));
    bot.end();
}

/// The card of an older program sends its data as a message.
#[tokio::test(flavor = "multi_thread")]
async fn a_button_of_an_older_program_works_too() {
    let bot = Bot::start().await;
    let from = bot.microsoft.calls();
    let mut body = bot.activity("ada", "message");
    body["replyToId"] = json!("m9");
    body["value"] = json!({"action": "approve", "target": "1"});
    bot.tell(&body).await;
    let worded = |call: &Call| call.body["text"].is_string();
    let (_, told) = bot.microsoft.wait(from, worded).await;
    assert_ne!(told.body["text"], Value::Null);
    bot.end();
}

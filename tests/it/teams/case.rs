//! A case in Teams from the request to the feedback, and everything that must not work in it.

use std::time::Duration;

use axum::http::Method;
use countersign_tests::teams::card::{button, buttons, card, case_of, filled, wish, words};
use countersign_tests::teams::chats::{Reply, object};
use countersign_tests::teams::microsoft::{Call, TENANT};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::bot::Bot;
use crate::judges::judge_replies;

const BAD: &str = "**bold** [x](https://evil.example) {{DATE(2026-01-01T00:00:00Z)}} <at>all</at>";

/// Everything that the bot has answered to clicks, for Microsoft's own models.
type Replies = Vec<Value>;

fn target(button: &Value) -> &str {
    button["data"]["target"].as_str().expect("a number")
}

async fn clicked(bot: &Bot, replies: &mut Replies, body: &Value) -> Reply {
    let reply = bot.tell(body).await;
    replies.push(reply.body.clone());
    reply
}

/// Asks for access with the form, after mistakes; the message of the form.
async fn ask(bot: &Bot, replies: &mut Replies) -> (Value, Value) {
    let form = bot.write("bruno", "<at>Countersign</at> request").await;
    let send = button(card(&form), "request");
    let empty = clicked(bot, replies, &bot.click("bruno", &form, &send)).await;
    let shown = card(&empty.body).to_string();
    assert!(shown.contains("please fill this in"), "{shown}");
    let click = bot.click(
        "bruno",
        &form,
        &filled(&send, &wish(&form, "orders-db,", BAD)),
    );
    let from = bot.microsoft.calls();
    let asked = clicked(bot, replies, &click).await;
    // The same again, as when the answer was lost on its way: nothing happens twice.
    let again = bot.tell(&click).await;
    assert_eq!(again.body, asked.body, "one request, told twice");
    // Everyone sees the card in the place of the form, also after the answer is gone.
    let id = form["id"].as_str().expect("text");
    let of_the_case =
        |call: &Call| call.method == Method::PUT && call.body.to_string().contains(" case ");
    let (_, put) = bot.microsoft.wait(from, of_the_case).await;
    assert!(put.path.ends_with(id), "{}", put.path);
    let put = &put.body["attachments"][0]["content"];
    assert_eq!(put, card(&asked.body));
    // The case has a message of its own, so this one has nothing to click.
    assert!(
        put.to_string().contains("Your request is in the log"),
        "{put}"
    );
    assert_eq!(buttons(put).len(), 0, "{put}");
    (form, card(&asked.body).clone())
}

/// A case as somebody sees it who asks for it.
async fn see(bot: &Bot, person: &str, case: &str) -> Value {
    let said = bot.write(person, &format!("case {case}")).await;
    let text = said["text"].as_str().unwrap_or_default();
    assert!(said["attachments"].is_array(), "{text}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_in_teams_from_the_request_to_the_feedback() {
    let bot = Bot::start().await;
    let replies = &mut Replies::new();
    let (form, asked) = ask(&bot, replies).await;
    let case = case_of(&asked);
    assert!(
        buttons(&asked)
            .iter()
            .all(|button| button["verb"] != "approve")
    );

    // Neither the requester nor a colleague decides, whatever their program sends.
    let forged = json!({"verb": "approve", "data": {"action": "approve", "target": case}});
    let own = clicked(&bot, replies, &bot.click("bruno", &form, &forged)).await;
    assert!(words(&own).contains("You cannot decide on an access of your own"));
    let colleague = clicked(&bot, replies, &bot.click("chen", &form, &forged)).await;
    assert!(
        words(&colleague).contains("does not ask you"),
        "{colleague:?}"
    );
    let said = bot.write("chen", &format!("case {case}")).await;
    assert!(
        said["text"]
            .as_str()
            .is_some_and(|text| text.contains("no part")),
        "{said}"
    );

    decide(&bot, replies, &case).await;
    more_time_and_the_end(&bot, replies, &case).await;
    println!("{}", has_evidence(&bot, &case));
    println!("{}", judge_replies(replies));
    println!("{}", nothing_is_markup(&bot, replies));
    // The requester's own, a colleague's, one without a reason, two doubled, one that is late.
    println!("counted: 6 clicks in Teams that may do nothing did nothing, each with an answer");
    bot.end();
}

/// No text that Teams parses holds what somebody wrote as markup.
fn nothing_is_markup(bot: &Bot, replies: &[Value]) -> String {
    let (mut literal, mut parsed) = (0, 0);
    let calls = bot.microsoft.inner.calls.lock().clone();
    let said = calls.iter().map(|call| &call.body);
    for said in said.chain(replies) {
        assert!(
            !said.to_string().contains("{{DATE(2026-01-01"),
            "a function of theirs: {said}"
        );
        walk(said, &mut |object| {
            let text = object["text"].as_str().unwrap_or_default();
            let theirs = text.contains("**bold**");
            match object["type"].as_str() {
                Some("TextRun") => literal += usize::from(theirs),
                // Cards and messages in plain text.
                _ if object["textFormat"] == "plain" => {}
                _ => {
                    assert!(!theirs, "Teams parses {object}");
                    parsed += usize::from(!text.is_empty());
                }
            }
        });
    }
    assert!(literal > 10, "{literal} literal ones, {parsed} parsed ones");
    format!(
        "counted: {literal} texts with markup are shown literally in Teams, {parsed} parsed ones \
         hold none"
    )
}

fn walk(value: &Value, see: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(fields) => {
            see(value);
            fields.values().for_each(|value| walk(value, see));
        }
        Value::Array(values) => values.iter().for_each(|value| walk(value, see)),
        _ => {}
    }
}

/// One approves, another comes too late; every click does what it does once.
async fn decide(bot: &Bot, replies: &mut Replies, case: &str) {
    let list = bot.write("ada", "list").await;
    assert!(
        card(&list)
            .to_string()
            .contains(&format!("{case}: bruno wants")),
        "{list:#}"
    );
    let mut stale = Vec::new();
    for person in ["ada", "fatima"] {
        let seen = see(bot, person, case).await;
        assert!(!card(&seen)["actions"].to_string().contains("\"finish\""));
        stale.push((person, seen));
    }
    let seen = &stale[0].1;
    let deny = button(card(seen), "deny");
    let silent = clicked(bot, replies, &bot.click("ada", seen, &deny)).await;
    assert!(
        words(&silent).contains("Reason: please fill this in"),
        "{silent:?}"
    );
    for (person, seen) in &stale[..1] {
        let approve = bot.click(person, seen, &button(card(seen), "approve"));
        let approved = clicked(bot, replies, &approve).await;
        assert!(
            card(&approved.body).to_string().contains("case"),
            "{approved:?}"
        );
        let again = bot.tell(&approve).await;
        assert_eq!(again.body, approved.body, "delivered again");
        let mut late = approve.clone();
        late["id"] = json!(bot.id());
        let twice = clicked(bot, replies, &late).await;
        assert_eq!(
            twice.body["type"],
            "application/vnd.microsoft.activity.message"
        );
    }
    let (late, seen) = &stale[1];
    let from = bot.microsoft.calls();
    let click = bot.click(late, seen, &button(card(seen), "approve"));
    let late = clicked(bot, replies, &click).await;
    assert!(words(&late).contains("it was decided before"), "{late:?}");
    let (_, put) = bot
        .microsoft
        .wait(from, |call| call.method == Method::PUT)
        .await;
    assert!(
        put.body.to_string().contains("active"),
        "the stale card is brought up to date"
    );
}

/// More time is asked for and approved; the access is given back; two people say how it was.
async fn more_time_and_the_end(bot: &Bot, replies: &mut Replies, case: &str) {
    let seen = see(bot, "bruno", case).await;
    let extend = button(card(&seen), "extend");
    let answers = [("extend.duration", "900"), ("extend.reason", BAD)];
    let click = bot.click("bruno", &seen, &filled(&extend, &answers));
    let wished = clicked(bot, replies, &click).await;
    let cancel = button(card(&wished.body), "cancel");
    let seen = see(bot, "fatima", case).await;
    let approve = button(card(&seen), "approve");
    assert_ne!(target(&approve), case, "it is about the extension");
    assert_eq!(target(&approve), target(&cancel));
    let extended = clicked(bot, replies, &bot.click("fatima", &seen, &approve)).await;
    let told = card(&extended.body).to_string();
    assert!(told.contains("was extended until"), "{told}");
    let seen = see(bot, "bruno", case).await;
    let finish = filled(&button(card(&seen), "finish"), &[("finish.reason", BAD)]);
    let done = clicked(bot, replies, &bot.click("bruno", &seen, &finish)).await;
    assert!(card(&done.body).to_string().contains("ended"), "{done:?}");
    for person in ["bruno", "ada"] {
        let seen = see(bot, person, case).await;
        let feedback = button(card(&seen), "feedback");
        let answers = [
            ("feedback.sufficient", "yes"),
            ("feedback.wait", "partly"),
            ("feedback.comment", BAD),
        ];
        let click = bot.click(person, &seen, &filled(&feedback, &answers));
        let said = clicked(bot, replies, &click).await;
        assert_eq!(said.body["statusCode"], 200, "{said:?}");
    }
}

/// What people did says who brought it, and how it is known who it was.
fn has_evidence(bot: &Bot, case: &str) -> String {
    let entries = bot.entries(case);
    let (mut people, mut cards) = (0, 0);
    for entry in entries.iter().filter(|entry| entry["via"] != "") {
        let evidence = &entry["event"]["evidence"];
        let actor = entry["actor"].as_str().expect("somebody");
        let person = actor.strip_prefix("user:").expect("a person");
        assert_eq!(evidence["platform"], "teams", "{entry}");
        assert_eq!(evidence["tenant"], TENANT, "{entry}");
        assert_eq!(evidence["user"], object(person), "{entry}");
        assert_eq!(
            evidence["channel"],
            format!("a:{}", object(person)),
            "{entry}"
        );
        assert_eq!(evidence["verified_by"], "teams-jwt", "{entry}");
        let text = |field: &str| evidence[field].as_str().unwrap_or_default().to_owned();
        assert!(text("message").starts_with('m'), "{entry}");
        assert!(text("callback").starts_with("f:"), "{entry}");
        assert!(
            text("callback_time").starts_with("2026-11-27T09:00:00.123"),
            "{entry}"
        );
        assert_eq!(text("callback_sha256").len(), 64, "{entry}");
        cards += usize::from(text("card_sha256").len() == 64);
        people += 1;
    }
    let reviews = entries
        .iter()
        .filter(|entry| entry["name"] == "ReviewRecorded");
    assert!(reviews.count() >= 2);
    // No card of a case was used for the form of the request and for the two forged approvals.
    assert!(people >= 8 && cards == people - 3, "{people} {cards}");
    format!("counted: {people} entries of people with evidence, {cards} with the digest of a card")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_teams_delivers_again_after_a_restart_does_nothing_twice() {
    let mut bot = Bot::start().await;
    let form = bot.write("bruno", "request").await;
    let send = button(card(&form), "request");
    let click = bot.click(
        "bruno",
        &form,
        &filled(&send, &wish(&form, "orders-db,", BAD)),
    );
    let first = card(&bot.tell(&click).await.body).clone();
    let case = case_of(&first);
    bot.restart();
    let again = card(&bot.tell(&click).await.body).clone();
    assert_eq!(case_of(&again), case);
    let entries = bot.entries(&case);
    let opened: Vec<_> = entries.iter().filter(|entry| entry["via"] != "").collect();
    assert_eq!(opened.len(), 1, "{entries:#?}");
    let digest = Sha256::digest(click.to_string().as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let evidence = &opened[0]["event"]["evidence"];
    assert_eq!(
        evidence["callback_sha256"],
        json!(digest),
        "of the bytes that came in"
    );
    bot.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_are_not_known_are_told_how_to_be() {
    let bot = Bot::start().await;
    let said = bot.write("mallory", "request").await;
    let text = said["text"].as_str().expect("words");
    assert!(
        text.contains(&object("mallory")) && text.contains("access.example.com"),
        "{text}"
    );
    let data = json!({"verb": "approve", "data": {"action": "approve", "target": "1"}});
    let click = bot.click("mallory", &json!({"id": "m1"}), &data);
    let reply = bot.tell(&click).await;
    assert!(words(&reply).contains("I do not know whose Teams account this is"));
    // A name says nothing.
    let mut named = bot.click("mallory", &json!({"id": "m1"}), &data);
    named["from"]["name"] = json!("ada");
    named["from"]["userPrincipalName"] = json!("ada@example.com");
    assert!(words(&bot.tell(&named).await).contains("I do not know"));
    bot.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn buttons_that_are_none_of_ours_are_answered_in_the_form_of_teams() {
    let bot = Bot::start().await;
    let replies = &mut Replies::new();
    let message = json!({"id": "m1"});
    let number = "18446744073709551615";
    let mut tried = 0;
    for (verb, data) in [
        ("approve", json!({"action": "deny", "target": "1"})),
        ("approve", json!({"action": "approve"})),
        ("approve", json!({"action": "approve", "target": "+1"})),
        ("approve", json!({"action": "approve", "target": 1})),
        ("approve", json!(null)),
        ("approve", json!([])),
        ("", json!({})),
        ("drop", json!({"action": "drop", "target": "1"})),
        ("show", json!({"action": "show", "target": "x"})),
        ("show", json!({"action": "show", "target": number})),
        ("approve", json!({"action": "approve", "target": number})),
        ("request", json!({"action": "request", "request.reason": 7})),
        ("extend", json!({"action": "extend", "target": "1"})),
    ] {
        let button = json!({"verb": verb, "data": data});
        let reply = clicked(&bot, replies, &bot.click("ada", &message, &button)).await;
        let status = reply.body["statusCode"].as_u64();
        assert!(
            [Some(200), Some(400)].contains(&status),
            "{verb} {data}: {reply:?}"
        );
        assert!(reply.body["type"].is_string(), "{verb} {data}: {reply:?}");
        tried += 1;
    }
    let mut other = bot.click("ada", &message, &json!({}));
    other["name"] = json!("task/fetch");
    clicked(&bot, replies, &other).await;
    println!("counted: {tried} foreign buttons answered");
    println!("{}", judge_replies(replies));
    bot.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_is_answered_in_time_while_the_ledger_is_away() {
    let mut bot = Bot::start().await;
    let form = bot.write("bruno", "request").await;
    let before = bot.microsoft.calls();
    // The policy is known; the command has nobody to go to.
    bot.stage.kill_ledger();
    let send = button(card(&form), "request");
    let click = bot.click(
        "bruno",
        &form,
        &filled(&send, &wish(&form, "orders-db,", BAD)),
    );
    let reply = bot.tell(&click).await;
    assert!(reply.took < Duration::from_secs(4), "{:?}", reply.took);
    let quick = words(&reply);
    assert!(
        quick.contains("longer than usual") || quick.contains("does not answer"),
        "{quick}"
    );
    // What came of it is told when it is known, and not before.
    if quick.contains("longer than usual") {
        let is_told = |call: &Call| call.body["text"].is_string();
        let told = tokio::time::timeout(Duration::from_secs(60), wait_long(&bot, before, is_told));
        let told = told.await.expect("a word");
        let text = told["text"].as_str().expect("words");
        assert!(text.contains("does not answer"), "{text}");
    }
    bot.end();
}

/// As `Microsoft::wait`, for as long as a call of the client
/// may take.
async fn wait_long(bot: &Bot, from: usize, is: impl Fn(&Call) -> bool + Copy) -> Value {
    let mut grown = bot.microsoft.grown();
    loop {
        let calls = bot.microsoft.inner.calls.lock().clone();
        if let Some(call) = calls.iter().skip(from).find(|call| is(call)) {
            return call.body.clone();
        }
        grown.changed().await.expect("it serves");
    }
}

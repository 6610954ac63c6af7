//! A ledger or a Slack that takes its time, or is away: people are answered all the same.

use std::time::Duration;

use countersign_chatbot::surface::{Mark, SendError, Surface as _};
use countersign_tests::slack::acts::{choice, modal, told};
use countersign_tests::slack::payload::{Signed, click, command, interaction, submission};
use countersign_tests::slack::relay::Call;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::scene::{Scene, to};
use crate::{ask, waiting};

/// Slack waits three seconds.
const SLACK_WAITS: Duration = Duration::from_secs(3);

/// A ledger that stands still until it is woken.
struct Asleep(Pid);

impl Asleep {
    fn put(scene: &Scene) -> Self {
        let ledger = scene.stage.ledger();
        let pid = i32::try_from(ledger.pid()).ok().and_then(Pid::from_raw);
        let pid = pid.expect("a process id");
        kill_process(pid, Signal::STOP).expect("it runs");
        Self(pid)
    }

    fn wake(self) {
        kill_process(self.0, Signal::CONT).expect("it is there");
    }
}

/// Sends it; Slack must not have to wait. The answer.
async fn in_time(scene: &Scene, signed: &Signed) -> Value {
    let started = Instant::now();
    let answer = scene.taken(signed).await;
    let took = started.elapsed();
    assert!(took < SLACK_WAITS, "{took:?}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_stands_still_keeps_nobody_waiting() {
    let scene = Scene::start().await;
    let (case, _) = ask(&scene, "bruno", "to look").await;
    let card = waiting(&scene, case).await;
    let (reply, seen) = (scene.relay.reply_url(), scene.relay.seen());
    let trigger = scene.trigger("chen").await;
    scene
        .taken(&command(scene.id("chen"), "request", &trigger, &reply))
        .await;
    let view = modal(&scene, seen).await;
    let access = choice(&view, "read-only on orders-db");

    let triggers = (scene.trigger("ada").await, scene.trigger("bruno").await);
    let (asleep, seen) = (Asleep::put(&scene), scene.relay.seen());
    // A form: it says to wait.
    let started = Instant::now();
    let typed = command(scene.id("bruno"), "break-glass", &triggers.1, &reply);
    assert_eq!(in_time(&scene, &typed).await, Value::Null);
    let opened = scene.relay.of(seen, "views.open").await;
    assert!(started.elapsed() < SLACK_WAITS);
    // A click: it is told that the ledger is slow.
    let mut clicked = click(scene.id("ada"), &triggers.0, &card, "approve");
    clicked["response_url"] = json!(reply);
    assert_eq!(in_time(&scene, &interaction(&clicked)).await, Value::Null);
    let slow = scene.relay.of(seen, "reply").await;
    assert!(
        slow.body.to_string().contains("has not answered yet"),
        "{}",
        slow.body
    );
    // A list, and a form that is sent.
    let listed = in_time(&scene, &command(scene.id("ada"), "list", "1.2.x", &reply)).await;
    assert!(listed.to_string().contains("One moment"), "{listed}");
    let values = [
        ("access", access.as_str()),
        ("duration", "900"),
        ("reason", "to look too"),
        ("ticket", "T-1"),
    ];
    let sent = interaction(&submission(scene.id("chen"), &view, &values));
    let waits = in_time(&scene, &sent).await;
    assert_eq!(waits["response_action"], "update", "{waits}");
    assert_eq!(waits["view"]["title"]["text"], "One moment");

    asleep.wake();
    // All of it is done, and told.
    let id = &opened.answer["view"]["id"];
    let shown = |call: &Call| call.method == "views.update" && call.body["view_id"] == *id;
    let form = scene.relay.call(seen, shown).await;
    assert_eq!(form.body["view"]["callback_id"], "break-glass");
    scene.relay.of(seen, "chat.update").await;
    let lists = |call: &Call| call.method == "reply" && call.body.to_string().contains("To review");
    scene.relay.call(seen, lists).await;
    let done = |call: &Call| call.method == "views.update" && call.body["view_id"] == view["id"];
    let done = scene.relay.call(seen, done).await;
    assert!(
        told(&done.body).starts_with("Your request is in the log."),
        "{}",
        done.body
    );
    let reviews = scene.entries(case);
    let reviews = reviews
        .iter()
        .filter(|entry| entry["name"] == "ReviewRecorded");
    assert_eq!(reviews.count(), 1);
    println!("counted: 4 kinds of callbacks were answered within 3 s by a bot without its ledger");
    scene.end();
}

/// What the API answers instead.
fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_slack_says_about_a_message_is_sorted() {
    let mut scene = Scene::start().await;
    let (case, _) = ask(&scene, "bruno", "to look").await;
    let teller = scene.teller().await;
    scene.silence();
    let sight = teller.bot.sight(case).await.expect("a case");
    let audience = teller.bot.audience(&sight, "ada").await.expect("an answer");
    let card = sight.card(&audience.expect("a reader"));
    let mark = Mark {
        about: case,
        recipient: "ada by hand".to_owned(),
    };
    let ada = to(scene.id("ada"));
    let method = "chat.postMessage";
    let said = |error: &str| {
        let body = json!({"ok": false, "error": error}).to_string();
        answer("200 OK", "", &body)
    };
    for (given, sorted) in [
        (answer("429 -", "Retry-After: 7\r\n", ""), "later in 7"),
        (said("ratelimited"), "later"),
        (said("token_revoked"), "later"),
        (said("not_in_channel"), "never"),
        (said("internal_error"), "unknown"),
        (answer("502 -", "", "<html>"), "unknown"),
        (answer("200 OK", "", "{"), "unknown"),
        // The connection ends before the answer.
        (String::new(), "unknown"),
    ] {
        scene.relay.answer_next(method, &given);
        let error = teller
            .slack
            .post(&ada, &card, &mark)
            .await
            .expect_err("no message");
        let found = match &error {
            SendError::Later { after, .. } => match after {
                Some(after) => format!("later in {}", after.as_secs()),
                None => "later".to_owned(),
            },
            SendError::Unknown { .. } => "unknown".to_owned(),
            SendError::Never { .. } => "never".to_owned(),
        };
        assert_eq!(found, sorted, "{given:?}: {error}");
        assert!(!error.to_string().contains("xoxb"), "{error}");
    }
    let found = teller.slack.find(&ada, &mark).await;
    assert_eq!(found, Ok(None), "none of them was posted");
    let lost = to("U-GONE");
    let gone = teller
        .slack
        .post(&lost, &card, &mark)
        .await
        .expect_err("nobody");
    assert!(
        matches!(&gone, SendError::Never { why } if why.contains("check the Slack id")),
        "{gone}"
    );

    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slack_that_has_no_time_leaves_nobody_without_an_answer() {
    let scene = Scene::start().await;
    let (case, _) = ask(&scene, "bruno", "to look").await;
    let (seen, trigger) = (scene.relay.seen(), scene.trigger("bruno").await);
    let busy = |seconds: u64| answer("429 -", &format!("Retry-After: {seconds}\r\n"), "");
    scene.relay.answer_next("views.update", &busy(1));
    let reply = scene.relay.reply_url();
    let typed = command(scene.id("bruno"), "request", &trigger, &reply);
    scene.taken(&typed).await;
    let drawn = |call: &Call| call.method == "views.update" && call.answer["ok"] == true;
    scene.relay.call(seen, drawn).await;

    let card = waiting(&scene, case).await;
    let (seen, trigger) = (scene.relay.seen(), scene.trigger("ada").await);
    scene.relay.answer_next("chat.update", &busy(60));
    let clicked = click(scene.id("ada"), &trigger, &card, "approve");
    scene.taken(&interaction(&clicked)).await;
    let told = scene.relay.of(seen, "chat.postEphemeral").await;
    let said = told.body.to_string();
    assert!(said.contains("Your decision is in the log"), "{said}");
    scene.end();
}

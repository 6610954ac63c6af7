//! Everybody approves at once. It is a program of its own, so that no other test takes the time
//! that people wait here.

#[path = "platforms/office.rs"]
#[expect(dead_code, reason = "nobody opens the inbox here")]
mod office;

use std::time::Duration;

use countersign_tests::slack::acts::{open_form, send_form, told_of};
use countersign_tests::slack::payload::{Signed, click, interaction};
use countersign_tests::slack::relay::Call;
use countersign_tests::teams::card::{button, card};
use countersign_tests::wire::post;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::office::{CHANNEL, Office, lead, lead_id};

/// People on each platform; each of them clicks twice.
const PEOPLE: usize = 125;

/// What people wait for at most.
const PATIENCE: Duration = Duration::from_secs(3);

/// What came back for a click, and when.
struct Answer {
    status: u16,
    body: String,
    took: Duration,
}

/// Twice the click of each person on the card in the channel of Slack. Every other one is the same
/// bytes again, as Slack sends them when it has lost the answer.
async fn slack_clicks(office: &Office, case: u64) -> Vec<Signed> {
    let recipient = format!("channel:{}", office.slack.channel());
    let message = told_of(&office.slack, &recipient, case).await;
    let mut clicks = Vec::new();
    for number in 0..PEOPLE {
        for again in 0..2 {
            if again == 1 && number % 2 == 0 {
                clicks.extend(clicks.last().cloned());
                continue;
            }
            let trigger = format!("{number}.{again}.crowd");
            let mut payload = click(&lead_id(number), &trigger, &message, "approve");
            payload["response_url"] = json!(office.slack.relay.reply_url());
            clicks.push(interaction(&payload));
        }
    }
    clicks
}

/// The same in Teams, of other people.
async fn teams_clicks(office: &Office, case: u64) -> Vec<String> {
    let path = format!("/teams/v3/conversations/{CHANNEL}/activities");
    let message = office.chats.told_in(&path, case).await;
    let approve = button(card(&message), "approve");
    let mut clicks: Vec<String> = Vec::new();
    for number in 0..2 * PEOPLE {
        let person = lead(PEOPLE + number / 2);
        match number % 4 {
            1 => clicks.extend(clicks.last().cloned()),
            _ => {
                let place = (CHANNEL, &message);
                let body = office.chats.channel_click(&person, place, &approve);
                clicks.push(body.to_string());
            }
        }
    }
    clicks
}

/// Sends all of them at the same moment.
async fn all_at_once(office: &Office, slack: Vec<Signed>, teams: Vec<String>) -> Vec<Answer> {
    let mut tasks = JoinSet::new();
    let port = office.slack.port;
    for signed in slack {
        tasks.spawn(async move {
            let begun = Instant::now();
            let letter = post(port, signed.path, &signed.headers, &signed.body).await;
            Answer {
                status: letter.status(),
                body: String::new(),
                took: begun.elapsed(),
            }
        });
    }
    let microsoft = &office.chats.microsoft;
    let token = format!("Bearer {}", microsoft.token(&microsoft.service()));
    for body in teams {
        let request = office.chats.http.post(office.chats.url()).body(body);
        let request = request.header("authorization", &token);
        tasks.spawn(async move {
            let begun = Instant::now();
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            Answer {
                status,
                body: answer.text().await.expect("text"),
                took: begun.elapsed(),
            }
        });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_approvals_at_once_are_one_grant() {
    let office = Office::open(&[], 2 * PEOPLE).await;
    let view = open_form(&office.slack, "bruno").await;
    let wanted = ("read-only on orders-db", "to look");
    let (case, _) = send_form(&office.slack, "bruno", &view, wanted).await;
    let (slack, teams) = (
        slack_clicks(&office, case).await,
        teams_clicks(&office, case).await,
    );
    let (in_slack, total) = (slack.len(), slack.len() + teams.len());
    assert_eq!(total, 500);
    let seen = office.slack.relay.seen();
    let answers = all_at_once(&office, slack, teams).await;
    let slowest = answers.iter().map(|answer| answer.took).max();
    let slowest = slowest.expect("answers");
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(slowest < PATIENCE, "{slowest:?}");
    let with = |words: &str| answers.iter().filter(|it| it.body.contains(words)).count();
    let (late, busy) = (
        with("takes longer than usual"),
        with("Too much is going on"),
    );
    // In Slack the words come by themselves, to each alone.
    let is_answer = |call: &Call| ["reply", "chat.postEphemeral"].contains(&call.method.as_str());
    let replies = office.slack.relay.all(seen, in_slack, is_answer).await;
    let unknown = |call: &&Call| call.body.to_string().contains("does not know");
    assert_eq!(replies.iter().filter(unknown).count(), 0);
    let (reviews, grants) = (
        office.count(case, "ReviewRecorded"),
        office.count(case, "GrantIssued"),
    );
    let refused = office.count(case, "ActionRefused");
    assert_eq!((reviews, grants), (1, 1));
    println!(
        "counted: {total} approvals at once, {in_slack} in Slack and {} in Teams, by {} people: \
         {reviews} decision, {grants} grant, {refused} refusals recorded; each answered, the \
         slowest after {} ms; {late} told to wait, {busy} to try again",
        total - in_slack,
        2 * PEOPLE,
        slowest.as_millis()
    );
    office.end();
}

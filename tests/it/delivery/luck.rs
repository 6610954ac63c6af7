//! A bot and a platform that has good days and bad ones.

use std::collections::BTreeSet;

use countersign_chatbot::delivery::Fact;
use countersign_proto::v1;

use crate::company::{Company, failures, told};
use crate::platform::{Fault, Platform};

/// Every message has one entry, and nobody was told twice.
fn assert_once(platform: &Platform, told: &[(&Fact, &v1::NotificationDelivered)]) {
    let state = platform.state.lock();
    let marks: Vec<(&str, &str)> = state
        .messages
        .iter()
        .map(|message| (message.to.as_str(), message.mark.as_str()))
        .collect();
    let different: BTreeSet<_> = marks.iter().collect();
    assert_eq!(different.len(), marks.len(), "told twice: {marks:#?}");
    let posted = told.iter().filter(|(_, event)| !event.updated).count();
    assert_eq!(posted, marks.len());
}

fn badges(platform: &Platform, to: &str, case: u64) -> Vec<String> {
    let messages = platform.messages(to, case);
    let badges = messages.iter().map(|message| &message.card["badge"]);
    badges
        .map(|badge| badge.as_str().expect("a word").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_told_from_the_request_to_the_end() {
    let (company, platform) = (Company::start().await, Platform::start().await);
    let bot = company.deliver(&platform, 0).await;
    let case = company.ask().await;
    company.settled().await;
    for to in ["U-ada", "U-bo", "U-cy", "C-leads"] {
        let all = platform.messages(to, case);
        assert_eq!(all.len(), 1, "{to} {all:#?}");
    }
    let card = &platform.messages("C-leads", case)[0].card;
    let approve = format!("approve {case}");
    let acts = card["actions"].as_array().expect("a list").clone();
    assert!(acts.iter().any(|act| *act == approve.as_str()), "{acts:?}");
    company.approve(case, "bo", "security").await;
    company.settled().await;
    assert_eq!(platform.messages("U-bo", case)[0].edits, 1, "all copies");
    company.approve(case, "cy", "leads").await;
    company.settled().await;
    assert_eq!(badges(&platform, "U-ada", case), ["active", "active"]);
    assert_eq!(badges(&platform, "U-cy", case), ["active"]);
    company.finish(case).await;
    for person in ["ada", "bo", "cy"] {
        company.feedback(case, person).await;
    }
    let facts = company.settled().await;
    assert_eq!(
        badges(&platform, "U-ada", case).last().expect("one"),
        "closed"
    );
    assert_eq!(badges(&platform, "C-leads", case), ["closed"]);
    for to in ["U-ada", "U-bo", "U-cy", "C-leads"] {
        for message in platform.messages(to, case) {
            assert_eq!(message.card["actions"], serde_json::json!([]), "{to}");
        }
    }
    assert_once(&platform, &told(&facts));
    assert_eq!(failures(&facts), Vec::<&v1::NotificationFailed>::new());
    bot.end().await;
    company.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_waited_for_and_told_of_once() {
    let (company, platform) = (Company::start().await, Platform::start().await);
    platform.state.lock().away = true;
    let bot = company.deliver(&platform, 0).await;
    let case = company.ask().await;
    platform
        .until("everybody is tried again", |state| {
            state.calls.values().sum::<u64>() >= 12
        })
        .await;
    company.deny(case, "bo").await;
    let facts = company.facts().await;
    let failed = failures(&facts);
    assert_eq!(
        failed.len(),
        4,
        "one each, however often it was tried: {failed:#?}"
    );
    assert!(
        failed
            .iter()
            .all(|event| event.attempt == 1 && !event.given_up)
    );
    platform.state.lock().away = false;
    let facts = company.settled().await;
    assert_eq!(
        badges(&platform, "U-ada", case),
        ["denied"],
        "the newest state, once"
    );
    assert_eq!(failures(&facts).len(), 4);
    assert_once(&platform, &told(&facts));
    bot.end().await;
    company.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_that_a_platform_asks_for_is_shown() {
    let (company, platform) = (Company::start().await, Platform::start().await);
    platform.state.lock().faults.extend([Fault::Later(50); 5]);
    let bot = company.deliver(&platform, 0).await;
    let case = company.ask().await;
    let facts = company.settled().await;
    assert_once(&platform, &told(&facts));
    assert_eq!(platform.messages("U-ada", case).len(), 1);
    bot.end().await;
    company.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_looked_for() {
    let (company, platform) = (Company::start().await, Platform::start().await);
    let faults = [Fault::Lost, Fault::Dropped, Fault::Lost, Fault::Dropped];
    platform.state.lock().faults.extend(faults);
    let bot = company.deliver(&platform, 0).await;
    let case = company.ask().await;
    let facts = company.settled().await;
    assert_once(&platform, &told(&facts));
    for to in ["U-ada", "U-bo", "U-cy", "C-leads"] {
        assert_eq!(platform.messages(to, case).len(), 1, "{to}");
    }
    assert!(platform.state.lock().calls["find"] >= 4);
    bot.end().await;
    company.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_on_which_nothing_can_be_found_tells_twice_what_it_lost_the_answer_to() {
    let (company, platform) = (Company::start().await, Platform::start().await);
    platform.state.lock().blind = true;
    platform
        .state
        .lock()
        .faults
        .extend([Fault::Lost, Fault::Lost]);
    let bot = company.deliver(&platform, 0).await;
    let case = company.ask().await;
    let facts = company.settled().await;
    let recipients = ["U-ada", "U-bo", "U-cy", "C-leads"];
    let all = recipients.map(|to| platform.messages(to, case).len());
    assert_eq!(all.iter().sum::<usize>(), 4 + 2, "two answers were lost");
    assert!(all.iter().all(|count| *count > 0));
    assert_eq!(told(&facts).len(), 4, "and each of them has one entry");
    bot.end().await;
    company.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_an_account_from_now_on_is_told_of_what_is_open() {
    let (company, platform) = (Company::start().await, Platform::start().await);
    let bot = company.deliver(&platform, 0).await;
    let case = company.ask().await;
    company.settled().await;
    assert_eq!(platform.state.lock().messages.len(), 4, "gus has none");
    company.link("gus", "U-gus").await;
    platform
        .until("gus is asked", |state| {
            let mut all = state.messages.iter();
            all.any(|message| message.to == "U-gus" && message.case() == case)
        })
        .await;
    // Another account of the same person: the newest is used, and nothing comes twice.
    company.link("gus", "U-gus2").await;
    company.deny(case, "gus").await;
    let facts = company.settled().await;
    assert_once(&platform, &told(&facts));
    assert!(platform.messages("U-gus2", case).is_empty());
    bot.end().await;
    company.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_new_begins_with_what_is_open() {
    let (company, platform) = (Company::start().await, Platform::start().await);
    let over = company.ask().await;
    company.deny(over, "bo").await;
    for person in ["ada", "bo"] {
        company.feedback(over, person).await;
    }
    let open = company.ask().await;
    company.sealed().await;
    let bot = company.deliver(&platform, 0).await;
    platform
        .until("all are told of what is open", |state| {
            state.messages.len() >= 4
        })
        .await;
    bot.end().await;
    assert_eq!(platform.messages("U-ada", open).len(), 1);
    assert_eq!(platform.state.lock().messages.len(), 4);
    company.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_gone_is_given_up_and_keeps_nobody_back() {
    let (company, platform) = (Company::start().await, Platform::start().await);
    platform.state.lock().gone.insert("U-bo".to_owned());
    let bot = company.deliver(&platform, 0).await;
    let case = company.ask().await;
    let facts = company.settled().await;
    let failed = failures(&facts);
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert!(failed[0].given_up && failed[0].recipient == "bo" && failed[0].about == case);
    assert_eq!(failed[0].error, "account_inactive");
    assert_eq!(platform.messages("U-cy", case).len(), 1);
    bot.end().await;
    company.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_told_for_a_day_is_given_up() {
    let (company, platform) = (Company::start().await, Platform::start().await);
    let case = company.ask().await;
    platform.state.lock().away = true;
    // Its clock is two days ahead.
    let bot = company.deliver(&platform, 2 * 86_400).await;
    let facts = company.settled().await;
    let failed = failures(&facts);
    assert_eq!(failed.len(), 4, "{failed:#?}");
    assert!(failed.iter().all(|event| event.given_up), "{failed:#?}");
    platform.state.lock().away = false;
    // What happens next is told again.
    bot.end().await;
    let bot = company.deliver(&platform, 0).await;
    company.deny(case, "cy").await;
    company.settled().await;
    assert_eq!(badges(&platform, "U-ada", case), ["denied"]);
    bot.end().await;
    company.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_starts_again_goes_on_where_it_was() {
    let (company, platform) = (Company::start().await, Platform::start().await);
    let mut cases = Vec::new();
    for round in 0..4 {
        let bot = company.deliver(&platform, 0).await;
        let case = company.ask().await;
        cases.push(case);
        platform
            .until("something is told", |state| {
                state.messages.iter().any(|message| message.case() == case)
            })
            .await;
        match round % 2 {
            0 => bot.abort().await,
            _ => bot.end().await,
        }
        // While nobody tells of it.
        company.deny(case, "bo").await;
    }
    let bot = company.deliver(&platform, 0).await;
    let facts = company.settled().await;
    assert_once(&platform, &told(&facts));
    for case in cases {
        let badges = badges(&platform, "U-ada", case);
        assert_eq!(badges.last().expect("ada was told"), "denied", "{case}");
    }
    bot.end().await;
    company.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_bot_does_not_confuse_the_log() {
    let (company, platform) = (Company::start().await, Platform::start().await);
    let first = company.deliver(&platform, 0).await;
    let second = company.deliver(&platform, 0).await;
    let mut cases = Vec::new();
    for _ in 0..5 {
        let case = company.ask().await;
        company.deny(case, "cy").await;
        cases.push(case);
    }
    let facts = company.settled().await;
    let told = told(&facts);
    let posted: Vec<(u64, &str)> = told
        .iter()
        .filter(|(_, event)| !event.updated)
        .map(|(_, event)| (event.about, event.recipient.as_str()))
        .collect();
    let different: BTreeSet<_> = posted.iter().collect();
    assert_eq!(different.len(), posted.len(), "{posted:#?}");
    for case in cases {
        let badges = badges(&platform, "U-ada", case);
        assert!(badges.contains(&"denied".to_owned()), "{badges:?}");
    }
    first.end().await;
    second.end().await;
    company.end();
}

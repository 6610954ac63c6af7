//! Adaptive Cards as people see them: buttons, forms, and words.

use serde_json::{Value, json};

use crate::teams::chats::Reply;

/// Every button of a card, those of forms that unfold too.
#[must_use]
pub fn buttons(card: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for action in card["actions"].as_array().into_iter().flatten() {
        match action["type"].as_str() {
            Some("Action.Execute") => found.push(action.clone()),
            _ => found.extend(buttons(&action["card"])),
        }
    }
    found
}

/// The button with a verb.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn button(card: &Value, verb: &str) -> Value {
    let mut all = buttons(card).into_iter();
    let found = all.find(|button| button["verb"] == verb);
    assert!(found.is_some(), "no button {verb} on {card:#}");
    found.unwrap_or_default()
}

/// A button, with what was filled in beside it.
#[must_use]
pub fn filled(button: &Value, answers: &[(&str, impl AsRef<str>)]) -> Value {
    let mut button = button.clone();
    for (key, words) in answers {
        button["data"][*key] = json!(words.as_ref());
    }
    button
}

/// The card of an activity, or of an answer.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn card(said: &Value) -> &Value {
    match said["attachments"].is_array() {
        true => &said["attachments"][0]["content"],
        false => {
            let kind = "application/vnd.microsoft.card.adaptive";
            assert_eq!(said["type"], kind, "{said:#}");
            &said["value"]
        }
    }
}

/// The words of an answer.
///
/// # Panics
/// When it has none.
#[must_use]
pub fn words(reply: &Reply) -> &str {
    assert_eq!(reply.body["statusCode"], 200, "{reply:?}");
    let kind = "application/vnd.microsoft.activity.message";
    assert_eq!(reply.body["type"], kind, "{reply:?}");
    reply.body["value"].as_str().expect("words")
}

/// The number of the case of a card.
///
/// # Panics
/// When it is no card of a case.
#[must_use]
pub fn case_of(card: &Value) -> String {
    let target = &card["refresh"]["action"]["data"]["target"];
    let target = target.as_str().expect("it can be looked at again");
    target.to_owned()
}

/// Everything that the form of a request needs, for reading on a resource.
///
/// # Panics
/// When the form does not offer it.
#[must_use]
pub fn wish(form: &Value, resource: &str, reason: &str) -> Vec<(&'static str, String)> {
    let body = card(form)["body"].as_array().expect("a body");
    let input = body.iter().find(|input| input["id"] == "request.access");
    let choices = input.expect("a choice")["choices"].as_array();
    let label = format!("read-only on {resource}");
    let wanted = |choice: &&Value| {
        let title = choice["title"].as_str().unwrap_or_default();
        title.starts_with(&label)
    };
    let access = choices.expect("choices").iter().find(wanted);
    let access = access.expect("it is offered")["value"].as_str();
    let access = access.expect("text").to_owned();
    vec![
        ("request.access", access),
        ("request.duration", "900".to_owned()),
        ("request.reason", reason.to_owned()),
        ("request.ticket", reason.to_owned()),
        ("request.affected", reason.to_owned()),
    ]
}

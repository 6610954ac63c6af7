//! Answers to somebody who used a button, in exactly the forms that Teams takes; any other shows
//! "something went wrong". There is no form for "you may not": that is said as a message.

use serde_json::{Value, json};

/// Another card in the place of the one that was used, for whoever used it.
#[must_use]
pub fn card(card: &Value) -> Value {
    json!({
        "statusCode": 200,
        "type": "application/vnd.microsoft.card.adaptive",
        "value": card,
    })
}

/// A few words beside the card, which stays.
#[must_use]
pub fn message(words: &str) -> Value {
    json!({
        "statusCode": 200,
        "type": "application/vnd.microsoft.activity.message",
        "value": words,
    })
}

/// What cannot be understood.
#[must_use]
pub fn error(code: &str, words: &str) -> Value {
    json!({
        "statusCode": 400,
        "type": "application/vnd.microsoft.error",
        "value": {"code": code, "message": words},
    })
}

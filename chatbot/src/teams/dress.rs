//! A card as it goes out: with what its buttons say about it, and a way to look again.

use serde_json::{Value, json};

use crate::card::Card;
use crate::teams::activity::Audience;
use crate::teams::card::adaptive;

/// The Adaptive Card of a card. Each button carries the digest of what was shown, so that evidence
/// can name it; in a place with many readers each of them is shown what they can do themselves.
#[must_use]
pub fn dressed(card: &Card, audience: Audience) -> Value {
    let mut drawn = adaptive(card);
    let digest = card.digest().to_string();
    mark(&mut drawn["actions"], &digest);
    drawn["refresh"] = again_at(card.case, audience);
    drawn
}

/// A way to look at a case again.
pub(super) fn again_at(case: u64, audience: Audience) -> Value {
    let mut again = json!({
        "action": {
            "type": "Action.Execute",
            "verb": "show",
            "data": {"action": "show", "target": case.to_string()},
        },
    });
    if audience == Audience::Alone {
        // Nobody else sees it, so there is nothing to ask for by itself.
        again["userIds"] = json!([]);
    }
    again
}

fn mark(actions: &mut Value, digest: &str) {
    for action in actions.as_array_mut().into_iter().flatten() {
        if action["type"] == "Action.Execute" {
            action["data"]["card"] = json!(digest);
        }
        if let Some(inner) = action.get_mut("card") {
            mark(&mut inner["actions"], digest);
        }
    }
}

/// The digest that a button carries.
#[must_use]
pub fn digest_in(data: &Value) -> Option<Vec<u8>> {
    let text = data["card"].as_str().filter(|text| text.len() == 64)?;
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits?;
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    bytes.collect()
}

/// An activity with a card.
#[must_use]
pub fn with_card(card: &Value) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": card,
        }],
    })
}

/// An activity with words, which are not markup.
#[must_use]
pub fn with_words(words: &str) -> Value {
    json!({"type": "message", "textFormat": "plain", "text": words})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_back_and_nothing_else() {
        let text = "00ff".repeat(16);
        assert_eq!(digest_in(&json!({"card": text})), Some([0, 255].repeat(16)));
        for bad in [
            json!({}),
            json!({"card": 1}),
            json!({"card": "00"}),
            json!([]),
        ] {
            assert_eq!(digest_in(&bad), None, "{bad}");
        }
        assert_eq!(digest_in(&json!({"card": "0g".repeat(32)})), None);
    }
}

//! Elements of Adaptive Cards.

use countersign_chain::time::UnixMicros;
use serde_json::{Value, json};

use crate::card::action::{Action, Weight};
use crate::card::{Piece, Tone};
use crate::limits::TEAMS_TITLE;
use crate::plain::utc;
use crate::text::cut;

/// Words of at most so many units in which braces call no function.
pub(super) fn inert(text: &str, max: usize) -> String {
    let text = cut(text, max);
    let mut apart = String::with_capacity(text.len());
    let mut before = None;
    for c in text.chars() {
        if c == '{' && before == Some('{') {
            apart.push('\u{2060}');
        }
        apart.push(c);
        before = Some(c);
    }
    apart
}

/// A card around its elements.
#[must_use]
pub fn card(body: &[Value], actions: &[Value], fallback: &str) -> Value {
    json!({
        "type": "AdaptiveCard",
        "version": "1.5",
        "fallbackText": fallback,
        "msteams": {"width": "Full"},
        "body": body,
        "actions": actions,
    })
}

/// Words without markup.
#[must_use]
pub fn run(text: &str, max: usize) -> Value {
    json!({"type": "TextRun", "text": inert(text, max)})
}

/// Bold words without markup.
#[must_use]
pub fn bold(text: &str, max: usize) -> Value {
    json!({"type": "TextRun", "text": inert(text, max), "weight": "Bolder"})
}

/// Words that lead to an address of ours.
#[must_use]
pub fn link(text: &str, url: &str, max: usize) -> Value {
    let mut run = run(text, max);
    run["selectAction"] = json!({"type": "Action.OpenUrl", "url": url});
    run
}

/// The large line above a card.
#[must_use]
pub fn title(text: &str, max: usize) -> Value {
    let run = json!({
        "type": "TextRun",
        "text": inert(text, max),
        "weight": "Bolder",
        "size": "Large",
    });
    json!({"type": "RichTextBlock", "inlines": [run]})
}

/// A line in a colour.
#[must_use]
pub fn coloured(text: &str, tone: Tone, max: usize) -> Value {
    let colour = match tone {
        Tone::Waiting => "Warning",
        Tone::Good => "Good",
        Tone::Bad => "Attention",
        Tone::Calm => "Default",
    };
    let run = json!({
        "type": "TextRun",
        "text": inert(text, max),
        "weight": "Bolder",
        "color": colour,
    });
    json!({"type": "RichTextBlock", "spacing": "None", "inlines": [run]})
}

/// A line of words without markup.
#[must_use]
pub fn line(runs: &[Value]) -> Value {
    json!({"type": "RichTextBlock", "spacing": "None", "inlines": runs})
}

/// An instant in the reader's own zone, behind a word of ours.
#[must_use]
pub fn time(label: &str, time: UnixMicros) -> Value {
    let label = match label {
        "" => String::new(),
        label => format!("**{label}:** "),
    };
    json!({
        "type": "TextBlock",
        "spacing": "None",
        "wrap": true,
        "text": format!("{label}{}", instant(time)),
    })
}

/// The functions that Teams replaces; they know years of four digits only.
fn instant(time: UnixMicros) -> String {
    match jiff::Timestamp::from_second(time.seconds().cast_signed()) {
        Ok(at) => format!("{{{{DATE({at}, SHORT)}}}} {{{{TIME({at})}}}}"),
        Err(_) => utc(time),
    }
}

/// A line and its times: words stand in one element, each time in one of its own below.
#[must_use]
pub fn pieces(label: &str, pieces: &[Piece], max: usize) -> Vec<Value> {
    let mut elements = Vec::new();
    let mut runs = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => runs.push(run(text, max)),
            Piece::Time(at) if runs.is_empty() => elements.push(time(label, *at)),
            Piece::Time(at) => {
                elements.push(line(&std::mem::take(&mut runs)));
                elements.push(time("", *at));
            }
        }
    }
    if !runs.is_empty() {
        if !label.is_empty() {
            runs.insert(0, bold(&format!("{label}: "), max));
        }
        elements.push(line(&runs));
    }
    elements
}

/// Whether an action sends the inputs that stand beside it. One that does not is not held up by a
/// required field that somebody else's action needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inputs {
    /// It does.
    Sent,
    /// It does not.
    Kept,
}

/// A button. Programs that do not know `Action.Execute` get the older `Action.Submit`, which sends
/// the same data.
#[must_use]
pub fn execute(title: &str, verb: &str, data: &Value, look: (Weight, Inputs)) -> Value {
    let (weight, inputs) = look;
    let inputs = match inputs {
        Inputs::Sent => "auto",
        Inputs::Kept => "none",
    };
    let title = inert(title, TEAMS_TITLE);
    json!({
        "type": "Action.Execute",
        "title": title,
        "verb": verb,
        "data": data,
        "style": style(weight),
        "associatedInputs": inputs,
        "fallback": {
            "type": "Action.Submit",
            "title": title,
            "data": data,
            "style": style(weight),
            "associatedInputs": inputs,
        },
    })
}

/// A button that unfolds a card.
#[must_use]
pub fn unfold(title: &str, weight: Weight, body: &[Value], actions: &[Value]) -> Value {
    json!({
        "type": "Action.ShowCard",
        "title": inert(title, TEAMS_TITLE),
        "style": style(weight),
        "card": {"type": "AdaptiveCard", "version": "1.5", "body": body, "actions": actions},
    })
}

/// What a button says: the act and the number, and nothing that somebody could gain from changing.
#[must_use]
pub fn data(action: Action) -> Value {
    json!({"action": action.act.word(), "target": action.target.to_string()})
}

const fn style(weight: Weight) -> &'static str {
    match weight {
        Weight::Plain => "default",
        Weight::Positive => "positive",
        Weight::Destructive => "destructive",
    }
}

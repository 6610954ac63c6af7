//! Block Kit objects. Each helper keeps the limits of what it makes.

use countersign_chain::time::UnixMicros;
use serde_json::{Value, json};

use crate::card::Piece;
use crate::card::action::{Action, Weight};
use crate::limits::{SLACK_BUTTON, SLACK_HEADER, SLACK_LABEL, SLACK_OPTION_VALUE, SLACK_SECTION};
use crate::plain::utc;
use crate::text::{cut, cut_escaped};

/// Words that Slack does not parse. Slack refuses empty ones, so a dash stands for them.
fn words(text: &str, max: usize) -> Value {
    let text = match text.trim() {
        "" => "–",
        text => text,
    };
    json!({"type": "plain_text", "text": cut(text, max), "emoji": false})
}

/// A header.
#[must_use]
pub fn header(text: &str) -> Value {
    json!({"type": "header", "text": words(text, SLACK_HEADER)})
}

/// A section of plain words.
#[must_use]
pub fn section(text: &str) -> Value {
    json!({"type": "section", "text": words(text, SLACK_SECTION)})
}

/// Small plain words.
#[must_use]
pub fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [words(text, SLACK_SECTION)]})
}

/// A button whose identifiers say no more than the act and the number.
#[must_use]
pub fn button(action: Action) -> Value {
    let mut button = json!({
        "type": "button",
        "action_id": action.act.word(),
        "text": words(action.act.title(), SLACK_BUTTON),
        "value": action.target.to_string(),
    });
    match action.act.weight() {
        Weight::Plain => {}
        Weight::Positive => button["style"] = json!("primary"),
        Weight::Destructive => button["style"] = json!("danger"),
    }
    button
}

/// A row of buttons; `id` is unique in the message.
#[must_use]
pub fn actions(id: &str, buttons: &[Value]) -> Value {
    json!({"type": "actions", "block_id": id, "elements": buttons})
}

/// A choice of a select or of radio buttons.
#[must_use]
pub fn option(label: &str, value: &str) -> Value {
    json!({"text": words(label, SLACK_BUTTON), "value": cut(value, SLACK_OPTION_VALUE)})
}

/// The heading of a group of choices.
#[must_use]
pub fn group(label: &str, options: &[Value]) -> Value {
    json!({"label": words(label, SLACK_BUTTON), "options": options})
}

/// A label or a hint.
#[must_use]
pub fn label(text: &str) -> Value {
    words(text, SLACK_LABEL)
}

/// Lines of literal text.
#[must_use]
pub fn rich(elements: &[Value]) -> Value {
    json!({"type": "rich_text", "elements": elements})
}

/// A paragraph of literal text.
#[must_use]
pub fn paragraph(runs: &[Value]) -> Value {
    json!({"type": "rich_text_section", "elements": runs})
}

/// A quotation of literal text.
#[must_use]
pub fn quote(runs: &[Value]) -> Value {
    json!({"type": "rich_text_quote", "elements": runs})
}

/// Literal words.
#[must_use]
pub fn run(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// Words that lead to an address.
#[must_use]
pub fn link(url: &str, text: &str) -> Value {
    json!({"type": "link", "url": url, "text": text})
}

/// Bold literal words.
#[must_use]
pub fn bold(text: &str) -> Value {
    json!({"type": "text", "text": text, "style": {"bold": true}})
}

/// An instant in the reader's own zone.
#[must_use]
pub fn date(time: UnixMicros) -> Value {
    json!({
        "type": "date",
        "timestamp": time.seconds(),
        "format": "{date_short_pretty} {time}",
        "fallback": utc(time),
    })
}

/// The runs of a line, its words cut to so many units in all.
#[must_use]
pub fn runs(pieces: &[Piece], max: usize) -> Vec<Value> {
    let runs = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => run(&cut(text, max)),
        Piece::Time(time) => date(*time),
    });
    runs.collect()
}

/// Words in mrkdwn, for the fallback text: escaped, after the characters of formatting became
/// others that look like them, and names and addresses were kept from becoming links.
#[must_use]
pub fn escaped(text: &str, max: usize) -> String {
    let mut inert = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' => inert.push('\u{2217}'),
            '_' => inert.push('\u{ff3f}'),
            '~' => inert.push('\u{223c}'),
            '`' => inert.push('\u{2cb}'),
            ':' | '@' | '#' => inert.extend([c, '\u{2060}']),
            c => inert.push(c),
        }
    }
    cut_escaped(&inert, max)
}

/// A line in mrkdwn, for the fallback text.
#[must_use]
pub fn mrkdwn(pieces: &[Piece], max: usize) -> String {
    let pieces = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => escaped(text, max),
        Piece::Time(time) => format!(
            "<!date^{}^{{date_short_pretty}} {{time}}|{}>",
            time.seconds(),
            utc(*time)
        ),
    });
    pieces.collect()
}

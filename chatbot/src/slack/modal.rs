//! A form as a Slack modal.

use serde_json::{Value, json};

use crate::form::{Choice, Field, Form, Input, Need, Purpose};
use crate::limits::{SLACK_INPUT, SLACK_MODAL_WORD, SLACK_OPTIONS, SLACK_RADIO};
use crate::slack::blocks::{context, group, label, option};
use crate::slack::payload::Seen;
use crate::slack::words::Said;
use crate::text::cut;

/// The view of a form, for `views.open`, `views.push` and `views.update`.
#[must_use]
pub fn view(form: &Form) -> Value {
    let mut blocks: Vec<Value> = form.fields.iter().map(input).collect();
    if let Some(hidden) = form.fields.iter().map(left_out).max().filter(|n| *n > 0) {
        blocks.push(context(&format!(
            "{hidden} more are not shown here; the command line knows them all."
        )));
    }
    let mut view = json!({
        "type": "modal",
        "callback_id": callback(&form.purpose),
        "title": word(form.title),
        "submit": word(form.submit),
        "close": word("Back"),
        "blocks": blocks,
    });
    if let Purpose::About(action) = &form.purpose {
        view["private_metadata"] = json!(action.target.to_string());
    }
    view
}

/// The same, which remembers the card that it was opened from.
#[must_use]
pub fn view_from(form: &Form, seen: &Seen) -> Value {
    let mut view = view(form);
    if let Purpose::About(action) = &form.purpose {
        view["private_metadata"] = json!(seen.keep(&action.target.to_string()));
    }
    view
}

/// What a modal shows while the real one is being made.
#[must_use]
pub fn loading() -> Value {
    notice("One moment", "The ledger is being asked.")
}

/// A modal that only says something, for example why there is nothing to ask for.
#[must_use]
pub fn notice(title: &str, text: &str) -> Value {
    said(title, &text.into())
}

/// The same, with a link behind the words.
pub(super) fn said(title: &str, said: &Said) -> Value {
    json!({
        "type": "modal",
        "callback_id": "notice",
        "title": word(title),
        "close": word("Close"),
        "blocks": said.blocks(),
    })
}

fn word(text: &str) -> Value {
    json!({"type": "plain_text", "text": cut(text, SLACK_MODAL_WORD)})
}

const fn callback(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Request(_) => "request",
        Purpose::BreakGlass(_) => "break-glass",
        Purpose::About(action) => action.act.word(),
    }
}

fn input(field: &Field) -> Value {
    let mut block = json!({
        "type": "input",
        "block_id": field.key,
        "label": label(field.label),
        "optional": field.need == Need::Optional,
        "element": element(field),
    });
    if !field.hint.is_empty() {
        block["hint"] = label(&field.hint);
    }
    block
}

fn element(field: &Field) -> Value {
    let text = |max: usize, many: bool| {
        json!({
            "type": "plain_text_input",
            "action_id": field.key,
            "multiline": many,
            "max_length": max.min(SLACK_INPUT),
        })
    };
    match &field.input {
        Input::Line(max) => text(*max, false),
        Input::Text(max) => text(*max, true),
        Input::Choice(choices) => select(field.key, choices),
        Input::Radio(choices) => json!({
            "type": "radio_buttons",
            "action_id": field.key,
            "options": options(choices.iter().take(SLACK_RADIO)),
        }),
        Input::Instant => json!({"type": "datetimepicker", "action_id": field.key}),
    }
}

fn options<'a>(choices: impl Iterator<Item = &'a Choice>) -> Vec<Value> {
    choices
        .take(SLACK_OPTIONS)
        .map(|choice| option(&choice.label, &choice.value))
        .collect()
}

/// A select; one of more than 100 choices has them in groups.
fn select(key: &str, choices: &[Choice]) -> Value {
    let mut select = json!({"type": "static_select", "action_id": key});
    if choices.len() <= SLACK_OPTIONS {
        select["options"] = json!(options(choices.iter()));
        return select;
    }
    let groups = headings(choices).into_iter().map(|heading| {
        let of_group = choices.iter().filter(|choice| choice.group == heading);
        group(heading, &options(of_group))
    });
    select["option_groups"] = json!(groups.collect::<Vec<_>>());
    select
}

/// The first 100 headings, in the order in which they come.
fn headings(choices: &[Choice]) -> Vec<&str> {
    let mut headings: Vec<&str> = Vec::new();
    for choice in choices {
        if headings.len() < SLACK_OPTIONS && !headings.contains(&choice.group.as_str()) {
            headings.push(&choice.group);
        }
    }
    headings
}

/// How many choices of a field do not fit.
fn left_out(field: &Field) -> usize {
    let Input::Choice(choices) = &field.input else {
        return 0;
    };
    if choices.len() <= SLACK_OPTIONS {
        return 0;
    }
    let shown = headings(choices).into_iter().map(|heading| {
        let of_group = choices.iter().filter(|choice| choice.group == heading);
        of_group.count().min(SLACK_OPTIONS)
    });
    choices.len().saturating_sub(shown.sum())
}

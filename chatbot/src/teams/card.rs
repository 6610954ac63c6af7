//! A card as an Adaptive Card. Whatever needs more than a click unfolds its form in the card.

use serde_json::Value;

use crate::card::action::{Act, Action};
use crate::card::span::Span;
use crate::card::{Card, Past};
use crate::form::Form;
use crate::limits::TEAMS_CARD;
use crate::teams::elements::{
    Inputs, bold, coloured, data, execute, inert, line, pieces, run, time, title, unfold,
};
use crate::teams::{elements, form};
use crate::text::units;

/// How much of long texts is shown. A card is drawn with the first of these in which it fits.
#[derive(Clone, Copy)]
struct Detail {
    value: usize,
    reason: usize,
    history: usize,
    why: usize,
}

/// The last one fits whatever the words are. In UTF-16, with two units for one in JSON and two more
/// where braces are taken apart: 20 facts at 60 with 150 around each, 3 texts at 100, a decision at
/// 200, and 4,500 of four forms are below 13,000 units, 26,000 bytes. A link to the inbox, of 500,
/// stands there in place of the form that approves, of 600.
const DETAILS: [Detail; 4] = [
    Detail {
        value: 400,
        reason: 1_500,
        history: 10,
        why: 200,
    },
    Detail {
        value: 200,
        reason: 800,
        history: 6,
        why: 100,
    },
    Detail {
        value: 100,
        reason: 300,
        history: 3,
        why: 60,
    },
    Detail {
        value: 50,
        reason: 100,
        history: 1,
        why: 40,
    },
];

/// The Adaptive Card of a card; always within the limits of Teams.
#[must_use]
pub fn adaptive(card: &Card) -> Value {
    let mut drawn = Value::Null;
    for detail in DETAILS {
        drawn = draw(card, detail);
        if units(&drawn.to_string()) * 2 <= TEAMS_CARD {
            break;
        }
    }
    drawn
}

fn draw(card: &Card, detail: Detail) -> Value {
    let badge = card.standing();
    let mut body = vec![
        title(&card.title, detail.value),
        coloured(&badge, card.badge.tone(), detail.value),
    ];
    body.extend(pieces("", &card.notice, detail.value));
    for fact in &card.facts {
        body.extend(pieces(fact.label, &fact.value, detail.value));
    }
    if !card.reason.is_empty() {
        body.push(quotation(&card.reason, detail.reason));
    }
    if let Some(url) = &card.inbox {
        let words = format!("case {} in the inbox", card.case);
        let link = elements::link(&words, url, detail.value);
        body.push(line(&[bold("Sign here: ", detail.value), link]));
    }
    if !card.approvals.is_empty() {
        let so_far = run(&card.approvals, detail.value);
        body.push(line(&[bold("Approvals: ", detail.value), so_far]));
    }
    body.extend(history(&card.history, detail));
    let actions: Vec<Value> = card.actions.iter().map(|act| button(*act, card)).collect();
    let fallback = format!("{} ({})", card.title, card.badge.word());
    elements::card(&body, &actions, &inert(&fallback, detail.value))
}

fn quotation(reason: &str, max: usize) -> Value {
    serde_json::json!({
        "type": "Container",
        "style": "emphasis",
        "items": [line(&[run(reason, max)])],
    })
}

fn history(history: &[Past], detail: Detail) -> Vec<Value> {
    let hidden = history.len().saturating_sub(detail.history);
    let mut lines = Vec::new();
    if hidden > 0 {
        lines.push(line(&[run(&format!("({hidden} earlier)"), detail.value)]));
    }
    for past in history.iter().skip(hidden) {
        let mut runs = vec![run(&past.what, detail.value)];
        if !past.why.is_empty() {
            runs.push(run(": ", detail.why));
            runs.push(run(&past.why, detail.why));
        }
        lines.push(line(&runs));
        lines.extend(past.when.map(|when| time("", when)));
    }
    lines
}

/// An approval takes one click, all else says why.
fn button(action: Action, card: &Card) -> Value {
    let (act, weight) = (action.act, action.act.weight());
    if act == Act::Approve {
        return execute(
            act.title(),
            act.word(),
            &data(action),
            (weight, Inputs::Kept),
        );
    }
    let form = Form::about(action, card.more_time.unwrap_or(Span::ZERO));
    let sent = execute(
        form.submit,
        act.word(),
        &data(action),
        (weight, Inputs::Sent),
    );
    unfold(act.title(), weight, &form::inputs(&form), &[sent])
}

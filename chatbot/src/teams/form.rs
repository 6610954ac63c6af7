//! A form as an Adaptive Card, or as the inputs of one.

use serde_json::{Value, json};

use crate::card::Tone;
use crate::card::action::Weight;
use crate::form::answers::{Answer, Answers, FormErrors};
use crate::form::{Choice, Field, Form, Input, Need, Purpose};
use crate::limits::{MAX_REASON, TEAMS_CARD, TEAMS_CHOICE, TEAMS_CHOICES};
use crate::plain::utc;
use crate::teams::activity::Audience;
use crate::teams::dress::again_at;
use crate::teams::elements::{Inputs, card, coloured, data, execute, inert, line, run, title};
use crate::text::{cut, units};

/// Units of a title, hint or complaint.
const WORDS: usize = 300;

/// A card with the form, empty.
#[must_use]
pub fn adaptive(form: &Form) -> Value {
    again(form, &Answers::default(), &FormErrors(Vec::new()))
}

/// A card with the form as it was filled in, and what is wrong below each field.
#[must_use]
pub fn again(form: &Form, answers: &Answers, errors: &FormErrors) -> Value {
    let mut drawn = Value::Null;
    for detail in DETAILS {
        let mut body = vec![title(form.title, WORDS)];
        body.extend(fields(form, answers, errors, detail));
        drawn = card(&body, &[send(form)], form.title);
        if units(&drawn.to_string()) * 2 <= TEAMS_CARD {
            break;
        }
    }
    drawn
}

/// What stands in the place of a form that was taken, with a way to look at its case.
#[must_use]
pub fn over(case: u64) -> Value {
    let words =
        format!("This is case {case}. It has a message of its own, which shows how it stands.");
    let body = [
        title("Your request is in the log", WORDS),
        line(&[run(&words, WORDS)]),
    ];
    let mut drawn = card(&body, &[], "Your request is in the log");
    drawn["refresh"] = again_at(case, Audience::Alone);
    drawn
}

/// How many choices are offered, and how much of what was filled in before is filled in again.
#[derive(Clone, Copy)]
struct Detail {
    choices: usize,
    value: usize,
}

/// The last one fits: in UTF-16, 10 choices of 214 characters, four fields of 100 with two in JSON
/// for one, and 6,000 around them are 9,000 characters, 18,000 bytes.
const DETAILS: [Detail; 3] = [
    Detail {
        choices: TEAMS_CHOICES,
        value: MAX_REASON,
    },
    Detail {
        choices: TEAMS_CHOICES / 2,
        value: 400,
    },
    Detail {
        choices: TEAMS_CHOICES / 6,
        value: 100,
    },
];

fn send(form: &Form) -> Value {
    let (verb, sent, weight) = match &form.purpose {
        Purpose::Request(_) => ("request", json!({"action": "request"}), Weight::Positive),
        Purpose::BreakGlass(_) => (
            "break-glass",
            json!({"action": "break-glass"}),
            Weight::Destructive,
        ),
        Purpose::About(action) => (action.act.word(), data(*action), action.act.weight()),
    };
    execute(form.submit, verb, &sent, (weight, Inputs::Sent))
}

/// The inputs alone, for a card that unfolds.
pub(super) fn inputs(form: &Form) -> Vec<Value> {
    let [detail, ..] = DETAILS;
    fields(form, &Answers::default(), &FormErrors(Vec::new()), detail)
}

fn fields(form: &Form, answers: &Answers, errors: &FormErrors, detail: Detail) -> Vec<Value> {
    let mut elements = Vec::new();
    for field in &form.fields {
        let mut element = input(form, field, detail);
        match answers.get(field.key) {
            Some(Answer::Words(words)) => element["value"] = json!(cut(words, detail.value)),
            Some(Answer::Instant(time)) => element["value"] = json!(utc(*time)),
            None => {}
        }
        elements.push(element);
        if let Some(note) = note(field, detail) {
            elements.push(coloured(&note, Tone::Calm, WORDS));
        }
        for (_, error) in errors.0.iter().filter(|(key, _)| *key == field.key) {
            elements.push(coloured(&error.to_string(), Tone::Bad, WORDS));
        }
    }
    elements
}

/// The name of an input. One card can unfold several forms with a field of the same key.
pub(super) fn id(purpose: &Purpose, key: &str) -> String {
    match purpose {
        Purpose::Request(_) => format!("request.{key}"),
        Purpose::BreakGlass(_) => format!("break-glass.{key}"),
        Purpose::About(action) => format!("{}.{key}", action.act.word()),
    }
}

fn input(form: &Form, field: &Field, detail: Detail) -> Value {
    let mut input = match &field.input {
        // Teams counts characters and we count bytes: what is longer is said afterwards.
        Input::Line(max) => json!({"type": "Input.Text", "maxLength": max}),
        Input::Text(max) => json!({"type": "Input.Text", "maxLength": max, "isMultiline": true}),
        Input::Choice(choices) => choice_set(choices, "compact", detail),
        Input::Radio(choices) => choice_set(choices, "expanded", detail),
        Input::Instant => json!({
            "type": "Input.Text",
            "maxLength": 40,
            "placeholder": "2026-11-27 14:30 UTC",
        }),
    };
    input["id"] = json!(id(&form.purpose, field.key));
    input["label"] = json!(field.label);
    if field.need == Need::Required {
        input["isRequired"] = json!(true);
        input["errorMessage"] = json!("Please fill this in.");
    }
    input
}

fn choice_set(choices: &[Choice], style: &str, detail: Detail) -> Value {
    let choices = choices.iter().take(detail.choices).map(|choice| {
        let label = inert(&choice.label, TEAMS_CHOICE);
        json!({"title": label, "value": choice.value})
    });
    json!({
        "type": "Input.ChoiceSet",
        "style": style,
        "choices": choices.collect::<Vec<_>>(),
    })
}

/// What stands below a field.
fn note(field: &Field, detail: Detail) -> Option<String> {
    let hidden = match &field.input {
        Input::Choice(choices) => choices.len().saturating_sub(detail.choices),
        Input::Line(_) | Input::Text(_) | Input::Radio(_) | Input::Instant => 0,
    };
    if hidden > 0 {
        return Some(format!(
            "{hidden} more are not shown here; the command line knows them all."
        ));
    }
    (!field.hint.is_empty()).then(|| field.hint.clone())
}

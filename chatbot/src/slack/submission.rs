//! What a modal sends back.

use countersign_chain::time::UnixMicros;
use serde_json::{Map, Value, json};

use crate::card::action::{Action, ActionError};
use crate::form::answers::{Answer, Answers, FormErrors};
use crate::limits::{SLACK_MODAL_BLOCKS, SLACK_SECTION};
use crate::slack::payload::Seen;
use crate::text::cut;

/// Which form came back. The form itself is made anew, of what the person may ask for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// That of a request.
    Request,
    /// That of break-glass.
    BreakGlass,
    /// That of an action.
    About(Action),
}

/// Why a submission is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionError {
    /// Another form, or none.
    #[error("unknown form: {0}")]
    Form(#[from] ActionError),
    /// Not the shape that Slack documents.
    #[error("expected {0} in the submission of a form")]
    Shape(&'static str),
}

/// Which form a `view` of a `view_submission` is.
///
/// # Errors
/// [`SubmissionError`] for a form that is none of ours.
pub fn which(view: &Value) -> Result<Which, SubmissionError> {
    let callback = view["callback_id"].as_str();
    match callback.ok_or(SubmissionError::Shape("a callback_id"))? {
        "request" => Ok(Which::Request),
        "break-glass" => Ok(Which::BreakGlass),
        act => {
            let target = view["private_metadata"].as_str();
            let target = target.and_then(Seen::split);
            let (target, _) = target.ok_or(SubmissionError::Shape("private_metadata"))?;
            Ok(Which::About(Action::parse(act, target)?))
        }
    }
}

/// What was filled in.
///
/// # Errors
/// [`SubmissionError::Shape`] when it is not what Slack documents.
pub fn answers(view: &Value) -> Result<Answers, SubmissionError> {
    let values = view["state"]["values"].as_object();
    let values = values.ok_or(SubmissionError::Shape("state.values"))?;
    if values.len() > SLACK_MODAL_BLOCKS {
        return Err(SubmissionError::Shape("at most 100 fields"));
    }
    let mut answers = Answers::default();
    for (key, block) in values {
        let element = block.get(key).unwrap_or(&Value::Null);
        if let Some(answer) = answer(element)? {
            answers.put(key, answer);
        }
    }
    Ok(answers)
}

/// The answer in an element's state; none when it is empty.
fn answer(element: &Value) -> Result<Option<Answer>, SubmissionError> {
    let kind = element["type"].as_str();
    let value = match kind.ok_or(SubmissionError::Shape("the type of a field"))? {
        "plain_text_input" => &element["value"],
        "static_select" | "radio_buttons" => match &element["selected_option"] {
            Value::Null => &Value::Null,
            option => &option["value"],
        },
        "datetimepicker" => return instant(&element["selected_date_time"]),
        _ => return Err(SubmissionError::Shape("a field of ours")),
    };
    match value {
        Value::Null => Ok(None),
        Value::String(words) => Ok(Some(Answer::Words(words.clone()))),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(SubmissionError::Shape("text in a field"))
        }
    }
}

fn instant(seconds: &Value) -> Result<Option<Answer>, SubmissionError> {
    if seconds.is_null() {
        return Ok(None);
    }
    let micros = seconds.as_u64().and_then(|s| s.checked_mul(1_000_000));
    let time = micros.and_then(|micros| UnixMicros::new(micros).ok());
    let time = time.ok_or(SubmissionError::Shape("a time since 1970"))?;
    Ok(Some(Answer::Instant(time)))
}

/// The answer to a submission that says what is wrong at each field.
#[must_use]
pub fn errors(errors: &FormErrors) -> Value {
    let errors = errors.0.iter().map(|(key, error)| {
        let text = cut(&error.to_string(), SLACK_SECTION);
        ((*key).to_owned(), json!(text))
    });
    let errors: Map<String, Value> = errors.collect();
    json!({"response_action": "errors", "errors": errors})
}

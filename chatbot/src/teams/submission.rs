//! What a card sends back.

use serde_json::Value;

use crate::card::action::{Act, Action, ActionError};
use crate::form::Form;
use crate::form::answers::{Answer, Answers};
use crate::teams::form::id;

/// What was clicked. A form is made anew, of what the person may ask for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clicked {
    /// The form of a request.
    Request,
    /// The form of break-glass.
    BreakGlass,
    /// An action on a card, with its form.
    About(Action),
    /// A card that is to be shown as it stands now, by the number of its case.
    Show(u64),
}

/// Why a click is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClickError {
    /// Another button, or none.
    #[error("unknown button: {0}")]
    Button(#[from] ActionError),
    /// Not the shape that our cards send.
    #[error("expected {0} in the data of a button")]
    Shape(&'static str),
    /// The verb says something else than the data.
    #[error("the verb of the button is not that of its data")]
    Verb,
}

/// What was clicked: `verb` and `data` of `Action.Execute`, or the data alone of `Action.Submit`.
///
/// # Errors
/// [`ClickError`] for a button that is none of ours.
pub fn clicked(verb: Option<&str>, data: &Value) -> Result<Clicked, ClickError> {
    let act = data["action"].as_str();
    let act = act.ok_or(ClickError::Shape("an action"))?;
    if verb.is_some_and(|verb| verb != act) {
        return Err(ClickError::Verb);
    }
    match act {
        "request" => Ok(Clicked::Request),
        "break-glass" => Ok(Clicked::BreakGlass),
        act => {
            let target = data["target"].as_str();
            let target = target.ok_or(ClickError::Shape("a target"))?;
            if act == "show" {
                // Numbers are read the same way, whatever is done to them.
                let read = Action::parse(Act::Feedback.word(), target)?;
                return Ok(Clicked::Show(read.target));
            }
            Ok(Clicked::About(Action::parse(act, target)?))
        }
    }
}

/// What was filled into a form.
///
/// # Errors
/// [`ClickError::Shape`] when a field is not text.
pub fn answers(form: &Form, data: &Value) -> Result<Answers, ClickError> {
    let mut answers = Answers::default();
    for field in &form.fields {
        match data.get(id(&form.purpose, field.key)) {
            None | Some(Value::Null) => {}
            Some(Value::String(words)) => answers.put(field.key, Answer::Words(words.clone())),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                return Err(ClickError::Shape("text in a field"));
            }
        }
    }
    Ok(answers)
}

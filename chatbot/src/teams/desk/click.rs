//! What comes of a click.

use countersign_workflow::policy::AskKind;
use serde_json::Value;

use crate::bot::offers::offers;
use crate::bot::sight::{Sight, SightError};
use crate::card::action::{Act, Action};
use crate::card::span::Span;
use crate::form::Form;
use crate::form::answers::{Answers, FormErrors};
use crate::say;
use crate::teams::activity::{Audience, Kind};
use crate::teams::desk::{Desk, Letter, Person};
use crate::teams::submission::{Clicked, answers, clicked};
use crate::teams::{answer, form, words};

/// What came of a click.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// For whoever clicked.
    pub(super) card: Option<Value>,
    /// In the place of the message, which nobody else sees: an answer lasts for a moment only.
    pub(super) put: Option<Value>,
    /// Words for whoever clicked.
    pub(super) words: Option<String>,
    /// Whether it was none of our buttons, or none of their business.
    pub(super) refused: bool,
}

impl Outcome {
    fn words(words: impl Into<String>) -> Self {
        Self {
            words: Some(words.into()),
            ..Self::default()
        }
    }

    /// The answer in the form that Teams takes. What went wrong is told before what is new.
    pub(super) fn answer(&self) -> Value {
        match (&self.words, &self.card) {
            (Some(words), _) if self.refused => answer::error("BadRequest", words),
            (Some(words), _) => answer::message(words),
            (None, Some(card)) => answer::card(card),
            (None, None) => answer::message(words::TAKEN),
        }
    }
}

impl Desk {
    /// Does what a button asks for.
    pub(super) async fn click(&self, letter: &Letter) -> Outcome {
        let value = &letter.activity.value;
        let (verb, data) = match letter.activity.kind {
            Kind::Invoke => {
                let action = &value["action"];
                (action["verb"].as_str(), &action["data"])
            }
            // An older program sends the data alone.
            _ => (None, value),
        };
        let clicked = match clicked(verb, data) {
            Ok(clicked) => clicked,
            Err(error) => {
                tracing::debug!(%error, "a button in Teams that is none of ours");
                return Outcome {
                    refused: true,
                    ..Outcome::words(words::BUTTON)
                };
            }
        };
        let person = match self.person(letter).await {
            Ok(person) => person,
            Err(words) => return Outcome::words(words),
        };
        match clicked {
            Clicked::Request => self.ask(letter, &person, (AskKind::Request, data)).await,
            Clicked::BreakGlass => self.ask(letter, &person, (AskKind::BreakGlass, data)).await,
            Clicked::About(action) => self.act(letter, &person, (action, data)).await,
            Clicked::Show(case) => self.look(letter, &person, case).await,
        }
    }

    /// The form of a request, of what this person may ask for now.
    pub(super) async fn form(&self, kind: AskKind, person: &Person) -> Option<Form> {
        let (rules, name) = (person.rules.clone(), person.owner.person.clone());
        // Up to half a second of work for a large policy.
        let found = tokio::task::spawn_blocking(move || offers(&rules.policy, &name, kind));
        let found = found.await.ok()?;
        match kind {
            AskKind::Request => Form::request(found),
            AskKind::BreakGlass => Form::break_glass(found),
        }
    }

    async fn ask(
        &self,
        letter: &Letter,
        person: &Person,
        (kind, data): (AskKind, &Value),
    ) -> Outcome {
        let Some(form) = self.form(kind, person).await else {
            return Outcome::words(words::NO_OFFER);
        };
        let Ok(given) = answers(&form, data) else {
            return Outcome::words(words::BUTTON);
        };
        let said = match form.read(&given) {
            Ok(said) => said,
            Err(errors) => return again(letter, &form, (&given, &errors)),
        };
        let call = self.call(letter, person, data);
        match self.bot.order(call, said).await {
            Ok(changed) => {
                let case = changed.case.as_ref().map(|case| case.id);
                let case = case.unwrap_or(changed.run.first_index);
                over(letter, case)
            }
            Err(error) => Outcome::words(say::refused(&error)),
        }
    }

    async fn act(
        &self,
        letter: &Letter,
        person: &Person,
        (action, data): (Action, &Value),
    ) -> Outcome {
        let longest = match action.act {
            Act::Extend => match self.bot.sight(action.target).await {
                Ok(sight) => sight.case.more_time().unwrap_or(Span::ZERO),
                Err(error) => return unseen(&error),
            },
            _ => Span::ZERO,
        };
        let form = Form::about(action, longest);
        let Ok(given) = answers(&form, data) else {
            return Outcome::words(words::BUTTON);
        };
        let said = match form.read(&given) {
            Ok(said) => said,
            Err(errors) => return Outcome::words(complaints(&form, &errors)),
        };
        let call = self.call(letter, person, data);
        match self.bot.order(call, said).await {
            Ok(changed) => {
                self.bot.settled(&changed).await;
                self.after(letter, person, action.target).await
            }
            Err(error) => {
                // Whatever the card showed, it may be old.
                let now = self.after(letter, person, action.target).await;
                Outcome {
                    put: now.put,
                    ..Outcome::words(say::refused(&error))
                }
            }
        }
    }

    /// The case after a command.
    async fn after(&self, letter: &Letter, person: &Person, target: u64) -> Outcome {
        match self.sight(letter.activity.audience, person, target).await {
            Ok(Some(seen)) => seen,
            Ok(None) => Outcome::words(words::TAKEN),
            Err(error) => {
                tracing::warn!(%error, "a case cannot be shown in Teams");
                Outcome::words(words::TAKEN)
            }
        }
    }

    /// The case as it stands, for whoever asks; the message stays for the others.
    async fn look(&self, letter: &Letter, person: &Person, case: u64) -> Outcome {
        match self.sight(letter.activity.audience, person, case).await {
            Ok(Some(seen)) => Outcome { put: None, ..seen },
            Ok(None) => Outcome {
                refused: true,
                ..Outcome::words(words::NOT_YOURS)
            },
            Err(error) => unseen(&error),
        }
    }

    /// The card of a case for a person; none when it is none of theirs to see.
    pub(super) async fn sight(
        &self,
        audience: Audience,
        person: &Person,
        target: u64,
    ) -> Result<Option<Outcome>, SightError> {
        let sight: Sight = self.bot.sight(target).await?;
        let reader = self.bot.audience(&sight, &person.owner.person).await?;
        let Some(reader) = reader else {
            return Ok(None);
        };
        let card = self.teams.dressed(&sight.card(&reader), audience);
        // Messages of channels are brought up to date by whoever delivers them, and knows for whom
        // they stand there.
        let put = (audience == Audience::Alone).then(|| card.clone());
        Ok(Some(Outcome {
            card: Some(card),
            put,
            ..Outcome::default()
        }))
    }
}

fn unseen(error: &SightError) -> Outcome {
    Outcome::words(match error {
        SightError::Call(error) => say::refused(error),
        SightError::Rules(_) | SightError::Case(_) => words::POLICY.to_owned(),
    })
}

/// The end of a form that was taken. The case has a message of its own, which whoever tells people
/// posts and keeps up to date.
fn over(letter: &Letter, case: u64) -> Outcome {
    let card = form::over(case);
    let alone = letter.activity.audience == Audience::Alone;
    Outcome {
        put: alone.then(|| card.clone()),
        card: Some(card),
        ..Outcome::default()
    }
}

/// The form as it was filled in, with what is wrong.
fn again(letter: &Letter, form: &Form, (given, errors): (&Answers, &FormErrors)) -> Outcome {
    let card = form::again(form, given, errors);
    let alone = letter.activity.audience == Audience::Alone;
    Outcome {
        put: alone.then(|| card.clone()),
        card: Some(card),
        ..Outcome::default()
    }
}

/// What is wrong with a form, in words, for a card that unfolds and keeps what was filled in.
fn complaints(form: &Form, errors: &FormErrors) -> String {
    let mut words = "Nothing was sent.".to_owned();
    for (key, error) in &errors.0 {
        let field = form.fields.iter().find(|field| field.key == *key);
        let label = field.map_or(*key, |field| field.label);
        words.push_str(&format!(" {}: {error}.", label.trim_end_matches('?')));
    }
    words
}

//! Reading a form back.

use countersign_chain::time::UnixMicros;

use crate::card::action::{Act, Action};
use crate::card::moment::Verdict;
use crate::card::span::Span;
use crate::form::answers::{Answer, Answers, FieldError, FormErrors};
use crate::form::offer::Offer;
use crate::form::submission::{Ask, Rating, Submission};
use crate::form::{Form, Input, Need, Purpose};
use crate::limits::{MAX_AFFECTED, MAX_NAME};

/// What an instant looks like where no picker makes it.
const EXAMPLE: &str = "2026-11-27 14:30 UTC";

/// Answers on their way into a submission. What is wrong is kept, and something harmless stands in
/// for it until all fields were looked at.
struct Reading<'a> {
    form: &'a Form,
    answers: &'a Answers,
    wrong: Vec<(&'static str, FieldError)>,
}

impl Form {
    /// Reads answers to this form.
    ///
    /// # Errors
    /// [`FormErrors`] with everything that is wrong, by field.
    pub fn read(&self, answers: &Answers) -> Result<Submission, FormErrors> {
        let mut reading = Reading {
            form: self,
            answers,
            wrong: Vec::new(),
        };
        let read = match &self.purpose {
            Purpose::Request(offers) => reading.ask(offers).map(Submission::Request),
            Purpose::BreakGlass(offers) => reading.ask(offers).map(Submission::BreakGlass),
            Purpose::About(action) => reading.about(*action),
        };
        match read {
            Some(submission) if reading.wrong.is_empty() => Ok(submission),
            _ => Err(FormErrors(reading.wrong)),
        }
    }
}

impl Reading<'_> {
    fn complain(&mut self, key: &'static str, error: FieldError) {
        if !self.wrong.iter().any(|(wrong, _)| *wrong == key) {
            self.wrong.push((key, error));
        }
    }

    /// The words of a field; none when they are missing or not what the field takes.
    fn words(&mut self, key: &'static str) -> Option<String> {
        let field = self.form.fields.iter().find(|field| field.key == key)?;
        let words = match self.answers.get(key) {
            Some(Answer::Words(words)) => words.trim(),
            Some(Answer::Instant(_)) => {
                self.complain(key, FieldError::Choice);
                return None;
            }
            None => "",
        };
        if words.is_empty() {
            if field.need == Need::Required {
                self.complain(key, FieldError::Empty);
                return None;
            }
            return Some(String::new());
        }
        let error = match &field.input {
            Input::Line(max) | Input::Text(max) if words.len() > *max => FieldError::Long {
                length: words.len(),
                max: *max,
            },
            Input::Choice(choices) | Input::Radio(choices)
                if !choices.iter().any(|choice| choice.value == words) =>
            {
                FieldError::Choice
            }
            Input::Instant => FieldError::Instant { example: EXAMPLE },
            Input::Line(_) | Input::Text(_) | Input::Choice(_) | Input::Radio(_) => {
                return Some(words.to_owned());
            }
        };
        self.complain(key, error);
        None
    }

    /// A time; some none when the field is empty.
    fn instant(&mut self, key: &'static str) -> Option<Option<UnixMicros>> {
        // An answer to what was not asked says nothing.
        let asked = self.form.fields.iter().any(|field| field.key == key);
        match self.answers.get(key).filter(|_| asked) {
            None => Some(None),
            Some(Answer::Instant(time)) => Some(Some(*time)),
            Some(Answer::Words(words)) if words.trim().is_empty() => Some(None),
            Some(Answer::Words(words)) => {
                let time = parse_instant(words.trim());
                if time.is_none() {
                    self.complain(key, FieldError::Instant { example: EXAMPLE });
                }
                time.map(Some)
            }
        }
    }

    fn span(&mut self, key: &'static str) -> Option<Span> {
        let seconds = self.words(key)?.parse().ok();
        let span = seconds.and_then(Span::new);
        if span.is_none() {
            self.complain(key, FieldError::Choice);
        }
        span
    }

    fn ask(&mut self, offers: &[Offer]) -> Option<Ask> {
        let access = self.words("access");
        let offer = access.and_then(|value| offers.iter().find(|offer| offer.value() == value));
        let duration = self.span("duration");
        if let (Some(offer), Some(duration)) = (offer, duration)
            && duration > offer.longest
        {
            let longest = offer.longest;
            self.complain("duration", FieldError::TooLong { longest });
        }
        let reason = self.words("reason");
        let ticket = self.words("ticket");
        let severity = self.words("severity");
        let affected = self.affected();
        let start = self.instant("start");
        let offer = offer?;
        Some(Ask {
            resource: offer.resource.clone(),
            permission: offer.permission.clone(),
            duration: duration?,
            reason: reason?,
            ticket: ticket?,
            severity: severity?,
            affected: affected?,
            start: start?,
        })
    }

    fn affected(&mut self) -> Option<Vec<String>> {
        let words = self.words("affected")?;
        let names = words.split(',').map(str::trim);
        let names: Vec<String> = names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        if let Some(long) = names.iter().find(|name| name.len() > MAX_NAME) {
            let length = long.len();
            self.complain(
                "affected",
                FieldError::Long {
                    length,
                    max: MAX_NAME,
                },
            );
            return None;
        }
        if names.len() > MAX_AFFECTED {
            let (count, max) = (names.len(), MAX_AFFECTED);
            self.complain("affected", FieldError::Many { count, max });
            return None;
        }
        Some(names)
    }

    fn about(&mut self, action: Action) -> Option<Submission> {
        match action.act {
            Act::Approve | Act::Deny | Act::Cancel | Act::Finish | Act::Revoke => {
                let reason = self.words("reason")?;
                Some(Submission::Act { action, reason })
            }
            Act::Extend => {
                let (duration, reason) = (self.span("duration"), self.words("reason"));
                Some(Submission::Extend {
                    action,
                    duration: duration?,
                    reason: reason?,
                })
            }
            Act::RetroReview => {
                let (verdict, reason) = (self.words("verdict"), self.words("reason"));
                Some(Submission::RetroReview {
                    action,
                    verdict: match verdict?.as_str() {
                        "justified" => Verdict::Justified,
                        _ => Verdict::NotJustified,
                    },
                    reason: reason?,
                })
            }
            Act::Feedback => {
                let (sufficient, wait) = (self.rating("sufficient"), self.rating("wait"));
                let comment = self.words("comment");
                Some(Submission::Feedback {
                    action,
                    sufficient: sufficient?,
                    wait: wait?,
                    comment: comment?,
                })
            }
        }
    }

    fn rating(&mut self, key: &'static str) -> Option<Rating> {
        match self.words(key)?.as_str() {
            "yes" => Some(Rating::Yes),
            "partly" => Some(Rating::Partly),
            "no" => Some(Rating::No),
            _ => None,
        }
    }
}

/// RFC 3339, or `2026-11-27 14:30 UTC`.
fn parse_instant(text: &str) -> Option<UnixMicros> {
    let full = match text.strip_suffix("UTC") {
        Some(local) => format!("{}:00Z", local.trim()),
        None => text.to_owned(),
    };
    let time: jiff::Timestamp = full.parse().ok()?;
    UnixMicros::new(u64::try_from(time.as_microsecond()).ok()?).ok()
}

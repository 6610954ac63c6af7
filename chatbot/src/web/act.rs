//! What people do about a case: a form becomes a command of theirs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_client::{CallError, Changed};
use countersign_proto::reason::Reason;
use countersign_proto::v1;

use super::Inbox;
use super::ask::wish::longest;
use super::case::{Said, page};
use super::extract::{Named, Sent};
use super::form::{Faults, Form};
use super::time::seconds_of;
use super::trouble::{self, Trouble};
use super::viewer::Viewer;
use crate::limits::WEB_REASON;
use crate::say;

/// What can be done about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Review,
    Retro,
    Cancel,
    Extend,
    Finish,
    Revoke,
    Feedback,
}

impl Action {
    const ALL: [Self; 7] = [
        Self::Review,
        Self::Retro,
        Self::Cancel,
        Self::Extend,
        Self::Finish,
        Self::Revoke,
        Self::Feedback,
    ];

    /// As it stands in the path.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Retro => "retro-review",
            Self::Cancel => "cancel",
            Self::Extend => "extend",
            Self::Finish => "finish",
            Self::Revoke => "revoke",
            Self::Feedback => "feedback",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Whether it needs a reason in any case.
    const fn needs_reason(self) -> bool {
        matches!(self, Self::Retro | Self::Extend | Self::Revoke)
    }
}

/// What was done, for whoever did it.
const fn done(action: Action) -> &'static str {
    match action {
        Action::Review => "Your decision is in the log.",
        Action::Retro => "Your judgement is in the log.",
        Action::Cancel => "It was taken back.",
        Action::Extend => "You have asked for more time.",
        Action::Finish => "Your access is over.",
        Action::Revoke => "The access was revoked.",
        Action::Feedback => "Thank you, your feedback is in the log.",
    }
}

/// A form that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Order {
    action: Action,
    /// Request, extension, grant or case, by its number.
    target: u64,
    reason: String,
    choice: Choice,
}

/// What was chosen beside the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice {
    None,
    /// A decision for one of the groups, or for whichever is open.
    Decision(v1::Decision, String),
    Justified(bool),
    Seconds(u64),
    Ratings(v1::Rating, v1::Rating),
}

fn read(action: Action, form: &Form) -> Result<Order, Faults> {
    let mut faults = Faults::new();
    let target = form.number("target").filter(|number| *number > 0);
    let reason = form.get("reason");
    longest(&mut faults, "reason", reason, WEB_REASON);
    let choice = choice(action, form, &mut faults);
    let denies = matches!(choice, Choice::Decision(v1::Decision::Deny, _));
    if reason.is_empty() && (action.needs_reason() || denies) {
        faults.insert("reason", "Say why; it stays in the log.".to_owned());
    }
    match target {
        Some(target) if faults.is_empty() => Ok(Order {
            action,
            target,
            reason: reason.to_owned(),
            choice,
        }),
        Some(_) => Err(faults),
        None => {
            faults.insert("target", "The form names nothing.".to_owned());
            Err(faults)
        }
    }
}

fn choice(action: Action, form: &Form, faults: &mut Faults) -> Choice {
    let mut choose = |words: &str| {
        faults.insert("choice", words.to_owned());
        Choice::None
    };
    match action {
        Action::Review => match form.get("choice") {
            "approve" => Choice::Decision(v1::Decision::Approve, form.get("group").to_owned()),
            "deny" => Choice::Decision(v1::Decision::Deny, String::new()),
            _ => choose("Approve or deny."),
        },
        Action::Retro => match form.get("choice") {
            "justified" => Choice::Justified(true),
            "not-justified" => Choice::Justified(false),
            _ => choose("Say whether it was justified."),
        },
        Action::Extend => match seconds_of(form.get("duration")) {
            Some(seconds) => Choice::Seconds(seconds),
            None => {
                let words = "Say how much longer, for example 30m.";
                faults.insert("duration", words.to_owned());
                Choice::None
            }
        },
        Action::Feedback => match (rating(form.get("sufficient")), rating(form.get("wait"))) {
            (Some(one), Some(two)) => Choice::Ratings(one, two),
            _ => choose("Answer both questions."),
        },
        Action::Cancel | Action::Finish | Action::Revoke => Choice::None,
    }
}

fn rating(word: &str) -> Option<v1::Rating> {
    Some(match word {
        "yes" => v1::Rating::Yes,
        "partly" => v1::Rating::Partly,
        "no" => v1::Rating::No,
        _ => return None,
    })
}

pub(super) async fn act(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Named((id, name)): Named<(u64, String)>,
    Sent(body): Sent,
) -> Result<Response, Trouble> {
    let action = Action::parse(&name).ok_or(Trouble::Unknown)?;
    let form = viewer.form(&inbox, &body).await?;
    let order = match read(action, &form) {
        Ok(order) => order,
        Err(faults) => {
            let said = Said {
                alert: Some("Nothing was sent: something below is missing or wrong.".to_owned()),
                faults,
                form,
                action: Some(action),
                ..Said::default()
            };
            let page = page(&inbox, &viewer, id, said).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    match send(&inbox, viewer.call(&form), order).await {
        Ok(changed) => {
            let path = format!("/case/{id}");
            inbox.bot.settled(&changed).await;
            inbox.desk.note(&viewer.secret, &path, done(action));
            Ok(Redirect::to(&path).into_response())
        }
        // The case could not be read either.
        Err(CallError::NoAnswer { .. }) => Err(Trouble::Unsure),
        Err(error) => {
            let said = Said {
                alert: Some(in_words(&error)),
                form,
                action: Some(action),
                ..Said::default()
            };
            let page = page(&inbox, &viewer, id, said).await?;
            Ok((trouble::status(&error), page).into_response())
        }
    }
}

/// Why it was refused, for whoever is on the page of the case.
fn in_words(error: &CallError) -> String {
    match error.reason() {
        Some(Reason::PasskeyNeeded) => {
            "This approval has to be signed with your passkey, and the browser did not ask for \
             it: the page needs JavaScript for that. Allow it, and approve once more. A no needs \
             none."
                .to_owned()
        }
        _ => say::refused(error),
    }
}

/// Gives the command. The ledger judges it, whatever the page has shown.
async fn send(inbox: &Inbox, call: v1::Call, order: Order) -> Result<Changed, CallError> {
    let (client, call) = (inbox.bot.client(), Some(call));
    let (target, reason) = (order.target, order.reason);
    match (order.action, order.choice) {
        (Action::Review, Choice::Decision(decision, group)) => {
            let request = v1::ReviewRequest {
                call,
                request: target,
                decision: decision.into(),
                reason,
                group,
            };
            client.review(request).await
        }
        (Action::Extend, Choice::Seconds(duration_seconds)) => {
            let request = v1::ExtendGrantRequest {
                call,
                grant: target,
                duration_seconds,
                reason,
            };
            client.extend_grant(request).await
        }
        (Action::Feedback, Choice::Ratings(access_sufficient, wait_acceptable)) => {
            let request = v1::SubmitFeedbackRequest {
                call,
                case: target,
                access_sufficient: access_sufficient.into(),
                wait_acceptable: wait_acceptable.into(),
                comment: reason,
            };
            client.submit_feedback(request).await
        }
        (Action::Cancel, _) => {
            let request = v1::CancelRequestRequest {
                call,
                request: target,
                reason,
            };
            client.cancel_request(request).await
        }
        (Action::Finish, _) => {
            let request = v1::FinishGrantRequest {
                call,
                grant: target,
                reason,
            };
            client.finish_grant(request).await
        }
        (Action::Revoke, _) => {
            let request = v1::RevokeGrantRequest {
                call,
                grant: target,
                reason,
            };
            client.revoke_grant(request).await
        }
        // What is left is a judgement: the others have their choice, or were not read.
        (_, choice) => {
            let request = v1::RetroReviewRequest {
                call,
                request: target,
                justified: choice == Choice::Justified(true),
                reason,
            };
            client.retro_review(request).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(action: Action, text: &str) -> Result<Order, Vec<&'static str>> {
        let form = Form::parse(text.as_bytes()).unwrap();
        read(action, &form).map_err(|faults| faults.into_keys().collect())
    }

    #[test]
    fn a_denial_needs_a_reason_and_an_approval_does_not() {
        let order = parse(Action::Review, "target=7&choice=approve&group=security").unwrap();
        let expected = Choice::Decision(v1::Decision::Approve, "security".to_owned());
        assert_eq!((order.target, order.choice), (7, expected));
        assert_eq!(
            parse(Action::Review, "target=7&choice=deny&reason=+"),
            Err(vec!["reason"])
        );
        assert!(parse(Action::Review, "target=7&choice=deny&reason=no").is_ok());
        assert_eq!(parse(Action::Review, "target=7"), Err(vec!["choice"]));
    }

    #[test]
    fn what_is_missing_is_told_at_its_field() {
        for (action, text, fields) in [
            (Action::Extend, "target=7", &["duration", "reason"][..]),
            (Action::Revoke, "target=7", &["reason"]),
            (Action::Retro, "target=7&reason=r", &["choice"]),
            (Action::Feedback, "target=7&sufficient=yes", &["choice"]),
            (Action::Finish, "target=0", &["target"]),
            (Action::Finish, "", &["target"]),
        ] {
            assert_eq!(
                parse(action, text),
                Err(fields.to_vec()),
                "{action:?} {text}"
            );
        }
        let long = format!("target=7&reason={}", "x".repeat(WEB_REASON + 1));
        assert_eq!(parse(Action::Finish, &long), Err(vec!["reason"]));
        assert!(parse(Action::Cancel, "target=7").is_ok());
    }

    #[test]
    fn every_action_has_its_word() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.name()), Some(action));
        }
        assert_eq!(Action::parse("nothing"), None);
    }
}

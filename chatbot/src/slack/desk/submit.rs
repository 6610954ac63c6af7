//! Forms that come back.

use std::sync::Arc;
use std::time::Duration;

use countersign_client::{CallError, Changed};
use countersign_proto::reason::Reason;
use countersign_workflow::policy::AskKind;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::click::in_words;
use super::{Ack, Asker, Desk, Proof};
use crate::form::Form;
use crate::form::answers::FormErrors;
use crate::say;
use crate::slack::modal;
use crate::slack::payload::{Seen, Submitted};
use crate::slack::submission::{Which, answers, errors, which};
use crate::slack::words::STALE;

/// Slack shows the acknowledgement of a form before it shows what we call afterwards, when that is
/// a second later.
const BEHIND_ACK: Duration = Duration::from_secs(1);

/// What came of a form.
#[derive(Debug)]
enum Settled {
    /// Something in it is wrong, by field.
    Wrong(FormErrors),
    /// The ledger says no to one field.
    At(&'static str, String),
    /// Nothing came of it.
    Not(String),
    /// It is in the log.
    Done(String),
}

impl Desk {
    pub(super) async fn submitted(self: &Arc<Self>, submitted: Submitted, proof: Proof) -> Ack {
        let (desk, id) = (Arc::clone(self), submitted.id.clone());
        let work = async move { desk.settle(&submitted, &proof).await };
        let desk = Arc::clone(self);
        let late = |settled: Settled| async move {
            sleep(BEHIND_ACK).await;
            desk.show(&id, &settled.notice()).await;
        };
        match self.in_time(work, late).await {
            Ok(Some(settled)) => Ack::Json(settled.answer()),
            Ok(None) => Ack::Json(json!({"response_action": "update", "view": modal::loading()})),
            Err(busy) => busy,
        }
    }

    async fn settle(self: &Arc<Self>, submitted: &Submitted, proof: &Proof) -> Settled {
        let asker = match self.asker(&submitted.who).await {
            Ok(asker) => asker,
            Err(said) => return Settled::Not(said.text()),
        };
        let view = &submitted.view;
        let (which, answers) = match (which(view), answers(view)) {
            (Ok(which), Ok(answers)) => (which, answers),
            (Err(error), _) | (_, Err(error)) => {
                tracing::info!(%error, "a form of Slack is none of ours");
                return Settled::Not("This form is not known here; nothing was sent.".to_owned());
            }
        };
        let form = match self.form_of(&asker, which).await {
            Ok(form) => form,
            Err(words) => return Settled::Not(words),
        };
        let said = match form.read(&answers) {
            Ok(said) => said,
            Err(errors) => return Settled::Wrong(errors),
        };
        let metadata = view["private_metadata"].as_str().unwrap_or_default();
        let seen = Seen::split(metadata)
            .map(|(_, seen)| seen)
            .unwrap_or_default();
        let evidence = asker.evidence(&submitted.trigger, &seen, proof);
        // The same form sent again with the same words is one command, whatever made it twice.
        let values = view["state"]["values"].to_string();
        let key = asker.key(&["form", &submitted.id, &values]);
        let call = self.bot.call(&asker.owner, &key, evidence);
        let ordered = self.bot.order(call, said).await;
        if let Which::About(action) = which {
            let desk = Arc::clone(self);
            // The card that it was about: after the answer, which is waited for.
            drop(self.start(async move {
                desk.refresh(&asker, action.target, &seen).await;
            }));
        }
        match ordered {
            Ok(changed) => Settled::Done(done(which, &changed)),
            Err(error) => refused(which, &error),
        }
    }

    /// The form, made anew of what the person may do now.
    async fn form_of(&self, asker: &Asker, which: Which) -> Result<Form, String> {
        let form = match which {
            Which::Request => self.form(asker, AskKind::Request).await,
            Which::BreakGlass => self.form(asker, AskKind::BreakGlass).await,
            Which::About(action) => {
                let form = self.form_about(asker, action).await;
                form.map_err(|error| in_words(&error))?
            }
        };
        form.ok_or_else(|| STALE.to_owned())
    }
}

impl Settled {
    /// As the acknowledgement of the form.
    fn answer(&self) -> Value {
        match self {
            Self::Wrong(wrong) => errors(wrong),
            Self::At(field, words) => {
                json!({"response_action": "errors", "errors": {*field: words}})
            }
            // The form stays below it with what was filled in.
            Self::Not(_) => json!({"response_action": "push", "view": self.notice()}),
            Self::Done(_) => json!({"response_action": "update", "view": self.notice()}),
        }
    }

    /// As a modal in the place of the form.
    fn notice(&self) -> Value {
        match self {
            Self::Wrong(wrong) => {
                let lines = wrong
                    .0
                    .iter()
                    .map(|(field, error)| format!("{field}: {error}"));
                let lines: Vec<String> = lines.collect();
                let words = format!("Nothing was sent.\n{}", lines.join("\n"));
                modal::notice("Not sent", &words)
            }
            Self::At(_, words) | Self::Not(words) => modal::notice("Not done", words),
            Self::Done(words) => modal::notice("Done", words),
        }
    }
}

/// What was done, and how the case stands.
fn done(which: Which, changed: &Changed) -> String {
    let what = match which {
        Which::Request => "Your request is in the log.",
        Which::BreakGlass => "Your access is in the log, and others are told of it.",
        Which::About(_) => "It is in the log.",
    };
    match &changed.case {
        Some(case) => format!("{what}\nCase {}: {}", case.id, case.summary),
        None => what.to_owned(),
    }
}

/// At its field where a refusal has one.
fn refused(which: Which, error: &CallError) -> Settled {
    let words = say::refused(error);
    let asks = matches!(which, Which::Request | Which::BreakGlass);
    match error.reason() {
        Some(Reason::DurationTooLong | Reason::DurationInvalid) => Settled::At("duration", words),
        Some(Reason::StartInvalid) if asks => Settled::At("start", words),
        Some(Reason::ResourceUnknown | Reason::PermissionUnknown) if asks => {
            Settled::At("access", words)
        }
        _ => Settled::Not(words),
    }
}

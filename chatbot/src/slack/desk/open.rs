//! Forms that somebody asks for: a request, or break-glass.

use std::sync::Arc;

use countersign_workflow::policy::AskKind;
use serde_json::Value;

use super::{Asker, Desk};
use crate::bot::offers::offers;
use crate::form::Form;
use crate::slack::modal;
use crate::slack::payload::who::Who;
use crate::slack::payload::{Reply, Shortcut};
use crate::slack::words::{NO_BUTTON, NO_FORM, NOTHING};

impl Desk {
    /// Opens a form: first a modal that says to wait, because Slack gives three seconds for that,
    /// and then what the policy offers in it.
    pub(super) async fn open_form(
        &self,
        kind: AskKind,
        who: &Who,
        trigger: &str,
        reply: Option<&Reply>,
    ) {
        let Some(id) = self.open(trigger, reply).await else {
            return;
        };
        let view = match self.asker(who).await {
            Ok(asker) => match self.form(&asker, kind).await {
                Some(form) => modal::view(&form),
                None => modal::notice("Nothing to ask for", NOTHING),
            },
            Err(said) => modal::said("Not possible", &said),
        };
        self.show(&id, &view).await;
    }

    /// Opens the modal that says to wait; its id. Whoever asked is told when Slack does not.
    pub(super) async fn open(&self, trigger: &str, reply: Option<&Reply>) -> Option<String> {
        match self.slack.api().open_view(trigger, &modal::loading()).await {
            Ok(id) => Some(id),
            Err(error) => {
                tracing::warn!(%error, "a form was not opened");
                if let Some(reply) = reply {
                    self.say(reply, NO_FORM).await;
                }
                None
            }
        }
    }

    /// Shows something in an open modal. That somebody has closed it meanwhile is no fault.
    pub(super) async fn show(&self, id: &str, view: &Value) {
        if let Err(error) = self.slack.api().update_view(id, view).await {
            tracing::info!(%error, "a modal was not brought up to date");
        }
    }

    /// The form, of what the policy offers now; none when that is nothing.
    pub(super) async fn form(&self, asker: &Asker, kind: AskKind) -> Option<Form> {
        let (rules, person) = (Arc::clone(&asker.rules), asker.person().to_owned());
        // Thousands of questions to the policy take their time, on a thread that may wait.
        let asked = move || offers(&rules.policy, &person, kind);
        let found = tokio::task::spawn_blocking(asked).await;
        match kind {
            AskKind::Request => Form::request(found.unwrap_or_default()),
            AskKind::BreakGlass => Form::break_glass(found.unwrap_or_default()),
        }
    }

    pub(super) async fn shortcut(&self, shortcut: Shortcut) {
        let kind = match shortcut.name.as_str() {
            "request" => AskKind::Request,
            "break-glass" => AskKind::BreakGlass,
            _ => {
                if let Some(id) = self.open(&shortcut.trigger, None).await {
                    self.show(&id, &modal::notice("Not known", NO_BUTTON)).await;
                }
                return;
            }
        };
        self.open_form(kind, &shortcut.who, &shortcut.trigger, None)
            .await;
    }
}

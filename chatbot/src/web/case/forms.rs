//! What the viewer can do about a case, one form each.

use countersign_proto::v1;
use maud::{Markup, html};

use super::Said;
use crate::web::act::Action;
use crate::web::form::{Faults, Form};
use crate::web::page::{field, hidden};
use crate::web::passkeys;
use crate::web::trouble::Trouble;
use crate::web::viewer::{May, Viewer};

/// One form: of which action, about which number.
struct Sheet<'a> {
    case: &'a v1::Case,
    viewer: &'a Viewer,
    said: &'a Said,
    sign: bool,
    empty: (Form, Faults),
}

pub(super) fn all(
    case: &v1::Case,
    viewer: &Viewer,
    may: May,
    said: &Said,
) -> Result<Markup, Trouble> {
    let sheet = Sheet {
        case,
        viewer,
        said,
        sign: may.sign,
        empty: (Form::default(), Faults::new()),
    };
    let extension = case.extension.as_ref().map(|extension| extension.id);
    let request = extension.unwrap_or(case.id);
    let grant = case.grant.as_ref().map_or(0, |grant| grant.id);
    let nothing = may
        == May {
            see: true,
            ..May::default()
        };
    Ok(html! {
        @if nothing { p.none { "There is nothing for you to do here." } }
        @if may.review { (sheet.review(request)?) }
        @if may.retro { (sheet.retro()?) }
        @if may.feedback { (sheet.feedback()?) }
        @if may.extend { (sheet.extend(grant)?) }
        @if may.finish {
            (sheet.plain((Action::Finish, grant), "Finish", "How did it go?", "I am done")?)
        }
        @if may.cancel {
            @let what = if extension.is_some() { "extension" } else { "request" };
            @let words = format!("Take the {what} back");
            (sheet.plain((Action::Cancel, request), &words, "Why? (optional)", &words)?)
        }
        @if may.revoke {
            (sheet.plain((Action::Revoke, grant), "Revoke", "Why?", "End this access now")?)
        }
    })
}

impl Sheet<'_> {
    /// What was typed into the form of this action, and what was wrong with it.
    fn typed(&self, action: Action) -> (&Form, &Faults) {
        if self.said.action == Some(action) {
            (&self.said.form, &self.said.faults)
        } else {
            (&self.empty.0, &self.empty.1)
        }
    }

    fn form(
        &self,
        action: Action,
        target: u64,
        title: &str,
        inner: &Markup,
    ) -> Result<Markup, Trouble> {
        let (_, faults) = self.typed(action);
        Ok(html! {
            @let path = format!("/case/{}/{}", self.case.id, action.name());
            @let sign = self.sign && matches!(action, Action::Review | Action::Retro);
            @let challenge = format!("/case/{}/challenge", self.case.id);
            form.sheet method="post" action=(path) novalidate
                data-passkey=[sign.then_some("sign")]
                data-challenge=[sign.then_some(challenge)] {
                h2 { (title) }
                (hidden(self.viewer)?)
                input type="hidden" name="target" value=(target);
                @if let Some(fault) = faults.get("choice").or_else(|| faults.get("target")) {
                    p.fault role="alert" { (fault) }
                }
                (inner)
                @if sign { (passkeys::fields(self.case.id)) }
            }
        })
    }

    fn reason(&self, action: Action, label: &str) -> Markup {
        let (form, faults) = self.typed(action);
        let id = format!("{}-reason", action.name());
        let fault = format!("{id}-fault");
        let wrong = faults.get("reason");
        html! {
            div.field.wrong[wrong.is_some()] {
                label for=(id) { (label) }
                textarea id=(id) name="reason" rows="3" aria-invalid=[wrong.map(|_| "true")]
                    aria-describedby=[wrong.map(|_| fault.as_str())] { (form.get("reason")) }
                @if let Some(words) = wrong { p.fault id=(fault) { (words) } }
            }
        }
    }

    fn plain(
        &self,
        (action, target): (Action, u64),
        title: &str,
        label: &str,
        button: &str,
    ) -> Result<Markup, Trouble> {
        let danger = action == Action::Revoke;
        let inner = html! {
            (self.reason(action, label))
            button.danger[danger] type="submit" { (button) }
        };
        self.form(action, target, title, &inner)
    }

    fn review(&self, request: u64) -> Result<Markup, Trouble> {
        let action = Action::Review;
        let asked = match &self.case.extension {
            Some(extension) => extension.approvals.clone(),
            None => self.case.obligations.clone().unwrap_or_default().approvals,
        };
        let title = if self.case.extension.is_some() {
            "Decide on more time"
        } else {
            "Decide"
        };
        let inner = html! {
            @if asked.len() > 1 {
                div.field {
                    label for="group" { "For which group?" }
                    select id="group" name="group" {
                        option value="" { "whichever of mine is open" }
                        @for slot in &asked { option value=(slot.group) { (slot.group) } }
                    }
                }
            }
            (self.reason(action, "Why? (required to deny)"))
            div.buttons {
                button.main type="submit" name="choice" value="approve" data-sign { "Approve" }
                button.danger type="submit" name="choice" value="deny" { "Deny" }
            }
        };
        self.form(action, request, title, &inner)
    }

    fn retro(&self) -> Result<Markup, Trouble> {
        let action = Action::Retro;
        let inner = html! {
            p { "Was it right to take access without asking?" }
            (self.reason(action, "Why?"))
            div.buttons {
                button.main type="submit" name="choice" value="justified" data-sign {
                    "Justified"
                }
                button.danger type="submit" name="choice" value="not-justified" { "Not justified" }
            }
        };
        self.form(
            action,
            self.case.id,
            "Judge this break-glass access",
            &inner,
        )
    }

    fn extend(&self, grant: u64) -> Result<Markup, Trouble> {
        let action = Action::Extend;
        let (form, faults) = self.typed(action);
        let about = (
            "duration",
            "How much more time?",
            "For example 30m. Others decide on it.",
        );
        let inner = html! {
            (field(about, faults, |name, described| html! {
                input id=(name) name=(name) type="text" value=(form.get(name)) autocomplete="off"
                    aria-describedby=[described];
            }))
            (self.reason(action, "Why?"))
            button type="submit" { "Ask for more time" }
        };
        self.form(action, grant, "More time", &inner)
    }

    fn feedback(&self) -> Result<Markup, Trouble> {
        let action = Action::Feedback;
        let (form, _) = self.typed(action);
        let inner = html! {
            (answers("sufficient", "Was the access what was needed?", form))
            (answers("wait", "Was the wait acceptable?", form))
            (self.reason(action, "Anything else? (optional)"))
            button.main type="submit" { "Send" }
        };
        self.form(action, self.case.id, "How was it?", &inner)
    }
}

fn answers(name: &str, question: &str, form: &Form) -> Markup {
    html! {
        fieldset {
            legend { (question) }
            @for (value, words) in [("yes", "Yes"), ("partly", "Partly"), ("no", "No")] {
                label.choice {
                    input type="radio" name=(name) value=(value) checked[form.get(name) == value];
                    " " (words)
                }
            }
        }
    }
}

//! Asking for access, and taking it in need: a form, a dry run, and the request itself.

mod choice;
mod view;
pub(super) mod wish;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_client::CallError;
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use countersign_workflow::policy::AskKind;

use super::Inbox;
use super::extract::Sent;
use super::form::{Faults, Form};
use super::page::signed;
use super::trouble::{self, Trouble};
use super::viewer::Viewer;
use crate::bot::shelf::Rules;
use crate::say;
use view::Told;
pub(super) use view::bounds;

/// For whoever asked.
const DONE: &str = "Your request is in the log.";

/// Which of the two forms it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Ask,
    BreakGlass,
}

impl Way {
    const fn path(self) -> &'static str {
        match self {
            Self::Ask => "/request",
            Self::BreakGlass => "/break-glass",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Ask => "Ask for access",
            Self::BreakGlass => "Break glass",
        }
    }

    const fn kind(self) -> AskKind {
        match self {
            Self::Ask => AskKind::Request,
            Self::BreakGlass => AskKind::BreakGlass,
        }
    }
}

pub(super) async fn form(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
) -> Result<Response, Trouble> {
    empty(&inbox, &viewer, Way::Ask).await
}

pub(super) async fn loud_form(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
) -> Result<Response, Trouble> {
    empty(&inbox, &viewer, Way::BreakGlass).await
}

async fn empty(inbox: &Inbox, viewer: &Viewer, way: Way) -> Result<Response, Trouble> {
    let rules = inbox.bot.rules(0).await?;
    show((viewer, &rules), way, &Form::default(), &Told::default())
}

pub(super) async fn request(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Sent(body): Sent,
) -> Result<Response, Trouble> {
    take(&inbox, &viewer, Way::Ask, &body).await
}

pub(super) async fn break_glass(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Sent(body): Sent,
) -> Result<Response, Trouble> {
    take(&inbox, &viewer, Way::BreakGlass, &body).await
}

/// Reads the form; tries it, or sends it.
async fn take(inbox: &Inbox, viewer: &Viewer, way: Way, body: &[u8]) -> Result<Response, Trouble> {
    let form = viewer.form(inbox, body).await?;
    let rules = inbox.bot.rules(0).await?;
    let who = (viewer, &*rules);
    let ask = match wish::ask(&form, &rules) {
        Ok(ask) => ask,
        Err(faults) => return wrong(who, way, &form, faults),
    };
    match form.get("step") {
        "edit" => show(who, way, &form, &Told::default()),
        "send" if way == Way::BreakGlass && form.get("confirm") != "yes" => {
            let words = "Tick the box: this is for emergencies, and it is told to others.";
            let faults = Faults::from([("confirm", words.to_owned())]);
            rehearse(inbox, who, way, (&form, ask, faults)).await
        }
        "send" => match send(inbox, viewer, way, (&form, ask)).await {
            Ok(id) => {
                let path = format!("/case/{id}");
                inbox.desk.note(&viewer.secret, &path, DONE);
                Ok(Redirect::to(&path).into_response())
            }
            Err(error) => refused(who, way, &form, &error),
        },
        _ => rehearse(inbox, who, way, (&form, ask, Faults::new())).await,
    }
}

/// Sends the request; the number of its case.
async fn send(
    inbox: &Inbox,
    viewer: &Viewer,
    way: Way,
    (form, ask): (&Form, v1::Ask),
) -> Result<u64, CallError> {
    let (call, ask) = (Some(viewer.call(form)), Some(ask));
    let changed = match way {
        Way::Ask => {
            let request = v1::RequestAccessRequest { call, ask };
            inbox.bot.client().request_access(request).await?
        }
        Way::BreakGlass => {
            let request = v1::BreakGlassRequest { call, ask };
            inbox.bot.client().break_glass(request).await?
        }
    };
    inbox.bot.settled(&changed).await;
    Ok(changed.case.map_or(changed.run.first_index, |case| case.id))
}

/// Asks the ledger what would come of it.
async fn rehearse(
    inbox: &Inbox,
    who: (&Viewer, &Rules),
    way: Way,
    (form, ask, faults): (&Form, v1::Ask, Faults),
) -> Result<Response, Trouble> {
    let request = v1::SimulateRequest {
        log: String::new(),
        person: who.0.principal().to_owned(),
        ask: Some(ask),
        break_glass: way == Way::BreakGlass,
    };
    let answer = match inbox.bot.client().simulate(request).await {
        Ok(answer) => answer,
        Err(error) => return refused(who, way, form, &error),
    };
    if !answer.allowed {
        let alert = format!(
            "The policy does not allow this: {}. Nothing was sent.",
            answer.why_not.trim_end_matches('.')
        );
        let told = Told {
            alert: Some(alert),
            ..Told::default()
        };
        return show(who, way, form, &told);
    }
    let status = if faults.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let body = view::preview(who, way, form, (&answer, &faults))?;
    Ok((status, signed(who.0, way.title(), way.path(), &body)).into_response())
}

fn show(who: (&Viewer, &Rules), way: Way, form: &Form, told: &Told) -> Result<Response, Trouble> {
    let body = view::form(who, way, form, told)?;
    Ok(signed(who.0, way.title(), way.path(), &body).into_response())
}

fn wrong(
    who: (&Viewer, &Rules),
    way: Way,
    form: &Form,
    faults: Faults,
) -> Result<Response, Trouble> {
    let told = Told {
        alert: Some("Nothing was sent: something below is missing or wrong.".to_owned()),
        faults,
    };
    let page = show(who, way, form, &told)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// The form again, with what the ledger said, at its field where it has one.
fn refused(
    who: (&Viewer, &Rules),
    way: Way,
    form: &Form,
    error: &CallError,
) -> Result<Response, Trouble> {
    let words = say::refused(error);
    let field = match error.reason() {
        Some(Reason::DurationTooLong | Reason::DurationInvalid) => Some("duration"),
        Some(Reason::StartInvalid) => Some("start"),
        Some(Reason::ResourceUnknown | Reason::PermissionUnknown) => Some("what"),
        _ => None,
    };
    let told = match field {
        Some(field) => Told {
            alert: Some("Nothing was sent: something below is wrong.".to_owned()),
            faults: Faults::from([(field, words)]),
        },
        None => Told {
            alert: Some(words),
            faults: Faults::new(),
        },
    };
    let page = show(who, way, form, &told)?;
    Ok((trouble::status(error), page).into_response())
}

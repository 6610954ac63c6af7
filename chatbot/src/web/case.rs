//! One case: what it is about, where it stands, what the viewer can do, and all that happened.

mod forms;
pub(super) mod session;
mod view;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use countersign_proto::v1;

use super::Inbox;
use super::act::Action;
use super::extract::Named;
use super::form::{Faults, Form};
use super::page::signed;
use super::trouble::Trouble;
use super::viewer::{May, Viewer};
use crate::bot::shelf::Rules;
use view::Look;

/// What a page says beside the case itself: what came of a form, and the form.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// What went wrong.
    pub(super) alert: Option<String>,
    /// What was done.
    pub(super) notice: Option<&'static str>,
    pub(super) faults: Faults,
    pub(super) form: Form,
    /// Whose form it is.
    pub(super) action: Option<Action>,
}

/// A case that the viewer may see.
pub(super) struct Seen {
    pub(super) case: v1::Case,
    pub(super) rules: Arc<Rules>,
    may: May,
}

pub(super) async fn seen(inbox: &Inbox, viewer: &Viewer, id: u64) -> Result<Seen, Trouble> {
    let case = inbox.bot.client().case(id).await?;
    let rules = inbox.bot.rules(case.policy).await?;
    let may_decide = inbox.may_decide(&case, viewer.principal()).await?;
    let may = May::of(&case, viewer.person(&rules), &rules, may_decide);
    if may.see {
        Ok(Seen { case, rules, may })
    } else {
        Err(Trouble::Unknown)
    }
}

pub(super) async fn show(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Named(id): Named<u64>,
) -> Result<Response, Trouble> {
    let said = Said {
        notice: inbox.desk.noted(&viewer.secret, &format!("/case/{id}")),
        ..Said::default()
    };
    Ok(page(&inbox, &viewer, id, said).await?.into_response())
}

/// The page of a case as it stands now.
pub(super) async fn page(
    inbox: &Inbox,
    viewer: &Viewer,
    id: u64,
    said: Said,
) -> Result<Html<String>, Trouble> {
    let Seen {
        case,
        rules,
        mut may,
    } = seen(inbox, viewer, id).await?;
    let entries = inbox.timeline(case.id).await?;
    let person = viewer.person(&rules).to_owned();
    may.sign = (may.review || may.retro) && view::is_signed(&case, &entries);
    may.feedback &= !view::has_answered(&entries, &person);
    let look = Look {
        case: &case,
        rules: &rules,
        now: inbox.bot.clock().now(),
    };
    let body = view::page(&look, viewer, (may, &said), &entries)?;
    Ok(signed(viewer, &format!("Case {}", case.id), "", &body))
}

/// What changes when the case does; the script of the page asks for it.
pub(super) async fn state(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Named(id): Named<u64>,
) -> Result<Response, Trouble> {
    let Seen { case, .. } = seen(&inbox, &viewer, id).await?;
    Ok(view::version(&case).into_response())
}

/// The proof of one of its entries, as a C2SP tlog-proof.
pub(super) async fn proof(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Named((id, index)): Named<(u64, u64)>,
) -> Result<Response, Trouble> {
    let Seen { case, .. } = seen(&inbox, &viewer, id).await?;
    if !case.entries.contains(&index) {
        return Err(Trouble::Unknown);
    }
    let proof = inbox.bot.client().inclusion_proof(index, 0).await?;
    let name = format!("attachment; filename=\"entry-{index}.tlog-proof\"");
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, proof.to_tlog_proof()).into_response())
}

/// The newest signed checkpoint.
pub(super) async fn checkpoint(
    State(inbox): State<Arc<Inbox>>,
    _viewer: Viewer,
) -> Result<Response, Trouble> {
    let checkpoint = inbox.bot.client().checkpoint().await?;
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((headers, checkpoint.text().to_owned()).into_response())
}

/// Whoever reloads the answer to a form, or comes back to it after signing in, sees the case.
pub(super) async fn back(_viewer: Viewer, Named((id, _action)): Named<(u64, String)>) -> Redirect {
    Redirect::to(&format!("/case/{id}"))
}

//! How access went, for people whom the policy permits `read_audit`; the ledger asks it.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_chain::time::UnixMicros;
use countersign_client::CallError;
use countersign_proto::convert::timestamp;
use countersign_proto::v1;
use maud::{Markup, html};

use super::Inbox;
use super::form::Form;
use super::page::signed;
use super::trouble::Trouble;
use super::viewer::Viewer;
use crate::figures::{self, Insights, names};

const PATH: &str = "/insights";
/// Periods that can be chosen, in days; the first is what is shown without a choice.
const PERIODS: [(u64, &str); 4] = [
    (30, "30 days"),
    (7, "7 days"),
    (90, "90 days"),
    (365, "a year"),
];

pub(super) async fn show(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let query = Form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let asked = query.number("days");
    let chosen = PERIODS.iter().find(|(days, _)| Some(*days) == asked);
    let (days, _) = *chosen.unwrap_or(&PERIODS[0]);
    let told = ask(&inbox, viewer.principal(), days).await?;
    let body = html! {
        h1 { "How access went" }
        (periods(days))
        p { "Cases opened " (figures::period(&told.delays)) ", and what came of them." }
        div.figures {
            (figures::head(&told))
            (figures::body(&told))
        }
        p.hint {
            "Read from " (told.delays.entries) " entries of the log, which say the same to whoever "
            "reads them: " code { "countersign insights --since " (days) "d" }
        }
    };
    Ok(signed(&viewer, "How access went", PATH, &body).into_response())
}

fn periods(days: u64) -> Markup {
    html! {
        nav aria-label="Period" {
            @for (some, words) in PERIODS {
                a href=(format!("{PATH}?days={some}"))
                    aria-current=[(some == days).then_some("true")] { (words) }
            }
        }
    }
}

/// Asks the ledger in the name of this user.
async fn ask(inbox: &Inbox, user: &str, days: u64) -> Result<Insights, CallError> {
    let (client, now) = (inbox.bot.client(), inbox.bot.clock().now());
    let since = now
        .get()
        .saturating_sub(days.saturating_mul(86_400_000_000));
    let period = v1::Period {
        since: UnixMicros::new(since).ok().map(timestamp),
        until: None,
    };
    let by = names::DIMENSIONS.map(|(_, by)| by);
    let delays = client.delays(period, &by, user).await?;
    // The same end, so that both tell of the same cases.
    let period = delays.period.unwrap_or(period);
    let activity = client.activity(period, user).await?;
    let open = client.open_issues(user).await?;
    Ok(Insights {
        delays,
        activity,
        open,
    })
}

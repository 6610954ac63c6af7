//! A recorded session of a case: what is known of it, and what it showed. Looking is an entry, so
//! it takes a button, and the ledger asks the policy.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{Html, IntoResponse as _, Response};
use countersign_proto::v1;
use maud::{Markup, html};

use super::{Seen, seen};
use crate::bot::shelf::Rules;
use crate::say;
use crate::text::line;
use crate::transcript::Transcript;
use crate::web::Inbox;
use crate::web::extract::{Named, Sent};
use crate::web::page::{hidden, signed};
use crate::web::time::moment;
use crate::web::trouble::{self, Trouble};
use crate::web::viewer::Viewer;

/// Why the recording is looked at, as the entry says it.
const PURPOSE: &str = "play";

struct Found {
    session: v1::Session,
    case: u64,
    rules: Arc<Rules>,
}

/// A session of a case that the viewer may see.
async fn find(inbox: &Inbox, viewer: &Viewer, (id, number): (u64, u64)) -> Result<Found, Trouble> {
    let Seen { case, rules, may } = seen(inbox, viewer, id).await?;
    let session = case.sessions.iter().find(|session| session.id == number);
    let session = session.filter(|_| may.watch).cloned();
    Ok(Found {
        session: session.ok_or(Trouble::Unknown)?,
        case: case.id,
        rules,
    })
}

pub(in crate::web) async fn show(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Named(numbers): Named<(u64, u64)>,
) -> Result<Response, Trouble> {
    let found = find(&inbox, &viewer, numbers).await?;
    let path = format!("/case/{}/session/{}", found.case, found.session.id);
    let look = html! {
        @if inbox.reader.is_some() {
            form method="post" action=(path) {
                (hidden(&viewer)?)
                p { "Looking at what it showed is an entry of the log, with your name." }
                button.main type="submit" { "Look at the recording" }
            }
        } @else {
            p.none { "This inbox shows no recordings." }
        }
    };
    Ok(page(&viewer, &found, &look).into_response())
}

pub(in crate::web) async fn look(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Named(numbers): Named<(u64, u64)>,
    Sent(body): Sent,
) -> Result<Response, Trouble> {
    viewer.form(&inbox, &body).await?;
    let found = find(&inbox, &viewer, numbers).await?;
    let reader = inbox.reader.as_ref().ok_or(Trouble::Unknown)?;
    let (client, user) = (inbox.bot.client(), viewer.principal());
    let stream = match client.recording(found.session.id, PURPOSE, user).await {
        Ok(stream) => stream,
        Err(error) => {
            let words = html! { p.alert role="alert" { (say::refused(&error)) } };
            return Ok((trouble::status(&error), page(&viewer, &found, &words)).into_response());
        }
    };
    let entry = stream.viewed().index();
    let shown = match reader.read(stream).await {
        Ok(transcript) => recording(&transcript, entry),
        Err(error) => {
            tracing::warn!(error, "a recording cannot be shown");
            html! {
                p.alert role="alert" {
                    "The recording cannot be shown. The operator of the inbox finds the reason in "
                    "its log messages. That you have tried is entry " (entry) "."
                }
            }
        }
    };
    Ok(page(&viewer, &found, &shown).into_response())
}

fn page(viewer: &Viewer, found: &Found, below: &Markup) -> Html<String> {
    let (session, zone) = (&found.session, &found.rules.zone);
    let title = format!("Session {}", session.id);
    let body = html! {
        h1 { (title) }
        p { a href=(format!("/case/{}", found.case)) { "Back to case " (found.case) } }
        dl {
            @if !session.client.is_empty() { div { dt { "With" } dd { (line(&session.client)) } } }
            div { dt { "Began" } dd { (moment(session.started.as_ref(), zone)) } }
            div { dt { "Ended" } dd {
                @if session.ended.is_some() { (moment(session.ended.as_ref(), zone)) }
                @else { "it runs" }
            } }
        }
        (below)
    };
    signed(viewer, &title, "", &body)
}

/// The player, which needs the script, and the text, which needs nothing.
fn recording(transcript: &Transcript, entry: u64) -> Markup {
    html! {
        p.notice role="status" { "That you look at it is entry " (entry) "." }
        @for damage in &transcript.damages {
            p.alert role="alert" { "Not all of it can be shown: " (damage) "." }
        }
        @if transcript.is_cut {
            p.hint {
                "It is longer than what is shown here; " code { "countersign session play" }
                " shows all."
            }
        }
        section.player hidden aria-label="Player" {
            pre.screen role="img" aria-label="The terminal" {}
            div.buttons {
                button type="button" data-do="play" { "Play" }
                label { "Place " input type="range" min="0" max="1000" value="0" data-do="seek"; }
                label { "Speed "
                    select data-do="speed" {
                        @for speed in ["1", "2", "5", "10"] {
                            option value=(speed) { (speed) " ×" }
                        }
                    }
                }
                output data-do="time" { "0 s" }
            }
        }
        h2 { "As text" }
        @if transcript.text.is_empty() { p.none { "It showed nothing." } }
        pre.transcript tabindex="0" { (transcript.text) }
        pre hidden data-cast="" { (transcript.cast) }
        script src="/player.js" defer {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_session_showed_is_never_markup() {
        let bad = "</pre><script>alert(1)</script>".to_owned();
        let shown = recording(
            &Transcript {
                text: bad.clone(),
                cast: bad.clone(),
                is_cut: true,
                damages: vec![bad],
            },
            7,
        );
        let shown = shown.into_string();
        assert_eq!(shown.matches("<script").count(), 1, "{shown}");
        assert_eq!(shown.matches("&lt;script&gt;").count(), 3, "{shown}");
        assert!(shown.contains("entry 7") && shown.contains("countersign session play"));
    }
}

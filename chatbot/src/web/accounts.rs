//! Accounts on chat platforms: saying that one is one's own, and that it is not any more.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};

use super::Inbox;
use super::extract::Sent;
use super::form::Form;
use super::page::{hidden, signed};
use super::trouble::{self, Trouble};
use super::viewer::Viewer;
use crate::account::{Account, Owner, Platform, home};
use crate::bot::shelf::Rules;
use crate::bot::tie::{Claim, TieError};
use crate::say;
use crate::text::line;

const PATH: &str = "/accounts";

impl Inbox {
    fn home(&self, platform: Platform) -> &str {
        home(&self.homes, platform)
    }
}

/// What was done, by the word that the address of the page carries.
fn done(word: &str) -> Option<&'static str> {
    Some(match word {
        "linked" => "The account is yours from now on. The log has it.",
        "removed" => "The account is not yours any more. The log has it.",
        _ => return None,
    })
}

/// One's accounts.
pub(super) async fn show(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let query = Form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let rules = inbox.bot.rules(0).await?;
    let person = viewer.person(&rules);
    let accounts = inbox.bot.accounts(person, &inbox.homes, &rules);
    let body = html! {
        h1 { "Your accounts" }
        @if let Some(words) = done(query.get("done")) { p.notice role="status" { (words) } }
        p {
            "What you do on a chat platform with one of these accounts counts as done by "
            strong { (person) } "."
        }
        @if accounts.is_empty() {
            p.none { "No account of a chat platform is known to be yours." }
        } @else {
            ul.cards {
                @for (account, owner) in &accounts { (card(&viewer, account, owner)?) }
            }
        }
        p.hint {
            "To add one, write to the bot on the platform: it answers with a link for you. "
            "Open it here within ten minutes."
        }
    };
    Ok(signed(&viewer, "Your accounts", PATH, &body).into_response())
}

fn card(viewer: &Viewer, account: &Account, owner: &Owner) -> Result<Markup, Trouble> {
    Ok(html! {
        li.card {
            (facts(account, None))
            p.hint {
                @if owner.link == 0 { "The directory of the policy says so." }
                @else { "Entry " (owner.link) " of the log says so." }
            }
            form method="post" action="/accounts/remove" {
                (hidden(viewer)?)
                input type="hidden" name="platform" value=(account.platform);
                input type="hidden" name="tenant" value=(account.tenant);
                input type="hidden" name="user" value=(account.user);
                button.danger type="submit" { "Remove " (account.user) }
            }
        }
    })
}

fn facts(account: &Account, name: Option<&str>) -> Markup {
    let platform = match account.platform {
        Platform::Slack => "Slack",
        Platform::Teams => "Microsoft Teams",
    };
    html! {
        dl {
            div { dt { "Platform" } dd { strong { (platform) } } }
            @if let Some(name) = name.filter(|name| !name.is_empty()) {
                div { dt { "Called" } dd { strong { (line(name)) } } }
            }
            div { dt { "Account" } dd { code { (account.user) } } }
            div { dt { "Organisation" } dd { code { (account.tenant) } } }
        }
    }
}

/// What a link is about. It is used up by the button, not by programs that look at links.
pub(super) async fn claim(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Path(secret): Path<String>,
) -> Result<Response, Trouble> {
    let rules = inbox.bot.rules(0).await?;
    let Some(claim) = inbox.bot.claim(&secret) else {
        return Ok(refused(&viewer, &TieError::Gone));
    };
    let home = inbox.home(claim.account.platform);
    let owner = inbox.bot.owner(&claim.account, home, &rules);
    let body = question((&inbox, &viewer), &rules, (&secret, &claim), owner.as_ref())?;
    Ok(signed(&viewer, "Link an account", "", &body).into_response())
}

fn question(
    (inbox, viewer): (&Inbox, &Viewer),
    rules: &Rules,
    (secret, claim): (&str, &Claim),
    owner: Option<&Owner>,
) -> Result<Markup, Trouble> {
    let person = rules.policy.person_of(viewer.principal());
    let others = owner.is_some_and(|owner| Some(owner.person.as_str()) != person);
    let error = match person {
        None => Some(TieError::Nobody(viewer.principal().to_owned())),
        Some(_) if others => Some(TieError::Taken),
        Some(_) => None,
    };
    let bot = inbox.bot.client().log();
    Ok(html! {
        h1 { "Is this your account?" }
        (facts(&claim.account, Some(&claim.name)))
        @if let Some(error) = &error {
            p.alert role="alert" { "This account cannot become yours: " (error) "." }
        } @else {
            p.loud {
                "Go on only if it was you who asked the bot for this link, a moment ago. Whoever "
                "holds this account will ask for access and decide in your name, in the log "
                strong { (bot) } "."
            }
            form method="post" action=(format!("/link/{secret}")) {
                (hidden(viewer)?)
                button.main type="submit" { "Yes, it is mine: link it to " (viewer.principal()) }
            }
        }
        p { a href="/" { "No, back to the inbox" } }
    })
}

/// The account becomes the viewer's.
pub(super) async fn tie(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Path(secret): Path<String>,
    Sent(body): Sent,
) -> Result<Response, Trouble> {
    viewer.form(&inbox, &body).await?;
    let rules = inbox.bot.rules(0).await?;
    let Some(claim) = inbox.bot.claim(&secret) else {
        return Ok(refused(&viewer, &TieError::Gone));
    };
    let home = inbox.home(claim.account.platform);
    let user = viewer.principal();
    Ok(match inbox.bot.tie(&secret, (user, home), &rules).await {
        Ok(_) => Redirect::to("/accounts?done=linked").into_response(),
        Err(error) => refused(&viewer, &error),
    })
}

/// An account is not the viewer's any more.
pub(super) async fn untie(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Sent(body): Sent,
) -> Result<Response, Trouble> {
    let form = viewer.form(&inbox, &body).await?;
    let account = Account {
        platform: Platform::parse(form.get("platform")).ok_or(Trouble::Form)?,
        tenant: form.get("tenant").to_owned(),
        user: form.get("user").to_owned(),
    };
    let rules = inbox.bot.rules(0).await?;
    let home = inbox.home(account.platform);
    let user = viewer.principal();
    Ok(
        match inbox.bot.untie(&account, (user, home), &rules).await {
            Ok(()) => Redirect::to("/accounts?done=removed").into_response(),
            Err(error) => refused(&viewer, &error),
        },
    )
}

fn refused(viewer: &Viewer, error: &TieError) -> Response {
    let (status, words) = match error {
        TieError::Gone => (StatusCode::GONE, error.to_string()),
        TieError::Taken | TieError::NotYours => (StatusCode::CONFLICT, error.to_string()),
        TieError::Nobody(_) => (StatusCode::FORBIDDEN, error.to_string()),
        TieError::Full | TieError::Random(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
        }
        TieError::Call(error) => (trouble::status(error), say::refused(error)),
    };
    let body = html! {
        h1 { "Nothing was changed" }
        p.alert role="alert" { (words.trim_end_matches('.')) "." }
        p { a href=(PATH) { "Your accounts" } }
    };
    (status, signed(viewer, "Nothing was changed", "", &body)).into_response()
}

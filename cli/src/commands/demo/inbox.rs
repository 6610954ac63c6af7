//! The demo's inbox, and its people in it: pages are fetched and forms are sent as browsers do.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use countersign_chain::principal::Principal;
use countersign_chatbot::bot::Bot;
use countersign_chatbot::card::Card;
use countersign_chatbot::web::{Options, Web, WebError};
use countersign_chatbot::{Clock, plain};
use countersign_ledger::clock::Clock as _;
use countersign_ledger::identity::role::Role;
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::case::DemoClock;
use super::stage::Stage;
use crate::commands::chatbot::recordings::reader;

/// An inbox that is served while the case is played.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) url: String,
    bot: Arc<Bot>,
    visitors: Vec<Visitor>,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), WebError>>,
}

/// Somebody with a browser.
#[derive(Debug)]
pub(super) struct Visitor {
    name: String,
    link: String,
    url: String,
    http: reqwest::Client,
    cookie: String,
}

/// What came of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It led to this page.
    To(String),
    /// It was refused, in these words.
    Refused(String),
}

impl Inbox {
    /// Opens the inbox under an identity of its own, for these people.
    pub(super) async fn open(
        stage: &Stage,
        clock: &Arc<DemoClock>,
        people: &[&str],
    ) -> anyhow::Result<Self> {
        drop(stage.issue(Role::Bot, "inbox").await?);
        let clock = Arc::clone(clock);
        let clock = Clock::new(move || clock.wall());
        let bot = Bot::open(stage.client(Role::Bot).await?, clock).await?;
        let options = Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            hosts: Vec::new(),
            url: None,
            tls: None,
            homes: Vec::new(),
            oidc: None,
            reader: Some(reader()),
        };
        let web = Web::bind(Arc::clone(&bot), options).await?;
        let url = web.url();
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .build()?;
        let mut visitors = Vec::new();
        for name in people {
            visitors.push(Visitor {
                name: (*name).to_owned(),
                link: web.invite(Principal::parse(&format!("user:{name}"))?)?,
                url: url.clone(),
                http: http.clone(),
                cookie: String::new(),
            });
        }
        let stop = CancellationToken::new();
        let serving = tokio::spawn(web.serve(stop.clone()));
        Ok(Self {
            url,
            bot,
            visitors,
            stop,
            serving,
        })
    }

    /// Somebody who was invited, signed in.
    pub(super) async fn visitor(&mut self, name: &str) -> anyhow::Result<Visitor> {
        let found = self
            .visitors
            .iter()
            .position(|visitor| visitor.name == name);
        let found = found.with_context(|| format!("{name} was not invited"))?;
        let mut visitor = self.visitors.swap_remove(found);
        let link = visitor.link.replace(&visitor.url, "");
        match visitor.send(&link, &link, &[]).await? {
            Sent::To(_) => Ok(visitor),
            Sent::Refused(why) => bail!("the inbox does not let {name} in: {why}"),
        }
    }

    /// What somebody sees of a case in Slack and in Teams.
    pub(super) async fn card(&self, case: u64, person: &str) -> anyhow::Result<Card> {
        let sight = self.bot.sight(case).await?;
        let audience = self.bot.audience(&sight, person).await?;
        let audience = audience.with_context(|| format!("case {case} is none of {person}'s"))?;
        Ok(sight.card(&audience))
    }

    /// Ends it.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.serving.await??)
    }
}

/// A card as text, each line behind a margin.
pub(super) fn drawn(card: &Card) -> String {
    let lines = plain::card(card);
    let lines = lines.lines().map(|line| format!("            | {line}\n"));
    lines.collect()
}

impl Visitor {
    /// Fills in the form of a page that goes to `action`, and sends it.
    pub(super) async fn send(
        &mut self,
        page: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> anyhow::Result<Sent> {
        let shown = self.http.get(format!("{}{page}", self.url));
        let shown = shown.header(COOKIE, &self.cookie).send().await?;
        let status = shown.status();
        let shown = shown.text().await?;
        ensure!(status.is_success(), "{page} is not shown: {status}");
        let mut form =
            hidden(&shown, action).with_context(|| format!("{page} has no form for {action}"))?;
        form.extend(fields.iter().map(|(name, value)| (*name, *value)));
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let sent = self.http.post(format!("{}{action}", self.url));
        let sent = sent
            .header(COOKIE, &self.cookie)
            .header(ORIGIN, &self.url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = sent.send().await?;
        for set in answer.headers().get_all(SET_COOKIE) {
            let pair = set.to_str()?.split(';').next().unwrap_or_default();
            pair.clone_into(&mut self.cookie);
        }
        if let Some(location) = answer.headers().get(LOCATION) {
            return Ok(Sent::To(location.to_str()?.to_owned()));
        }
        let page = answer.text().await?;
        let words = between(&page, "role=\"alert\">", "<");
        Ok(Sent::Refused(
            words.unwrap_or("no reason was given").to_owned(),
        ))
    }
}

/// Hidden fields of the form that goes to `action`.
fn hidden<'a>(page: &'a str, action: &str) -> Option<Vec<(&'a str, &'a str)>> {
    let form = between(page, &format!("action=\"{action}\""), "</form>")?;
    let fields = form.split("type=\"hidden\" name=\"").skip(1);
    let fields = fields.filter_map(|field| {
        let (name, rest) = field.split_once("\" value=\"")?;
        Some((name, rest.split_once('"')?.0))
    });
    Some(fields.collect())
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hidden_fields_of_one_form_are_found() {
        let page = "<form action=\"/a\"><input type=\"hidden\" name=\"x\" value=\"1\"></form>\
                    <form action=\"/b\"><input type=\"hidden\" name=\"y\" value=\"2\"></form>";
        assert_eq!(hidden(page, "/b"), Some(vec![("y", "2")]));
        assert_eq!(hidden(page, "/c"), None);
    }
}

//! Calendars that are fetched: who is on call, as an address says that groups of a policy follow.
//!
//! A calendar that cannot be fetched or read leaves the one before in its place, for a day; then
//! nobody is on call by it. What a decision rested on is in its entry, whatever the address says
//! later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_workflow::policy::{Feeds, Policy};
use parking_lot::Mutex;
use reqwest::{Client, Url, redirect};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::limits::{
    FEED_BYTES, FEED_EVERY, FEED_LOOK, FEED_REDIRECTS, FEED_RETRY, FEED_STALE, FEED_TIMEOUT,
};
use crate::server::Logs;

/// What was fetched, by its address.
#[derive(Debug, Default)]
pub(super) struct FeedBook(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    pages: BTreeMap<String, Page>,
    /// The same, read for the people of a policy, by its digest.
    read: BTreeMap<[u8; 32], Arc<Feeds>>,
}

/// An address that is followed.
#[derive(Debug)]
struct Page {
    text: Option<Arc<str>>,
    /// When that was fetched.
    since: Instant,
    /// When it is fetched next.
    due: Instant,
}

/// Why a calendar could not be fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the address cannot be read")]
    Address,
    #[error("{}", causes(.0))]
    Http(#[from] reqwest::Error),
    #[error("expected at most {FEED_BYTES} bytes, and there are more")]
    Large,
    #[error("expected UTF-8")]
    NoText,
}

/// An error with what is behind it. The address is left out: it may be as good as a password.
fn causes(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    if let Some(status) = error.status() {
        words.push(format!("the answer is {status}"));
    }
    if words.is_empty() {
        words.push("no answer".to_owned());
    }
    words.join(": ")
}

impl FeedBook {
    /// What is known of the addresses that a policy follows.
    pub(super) fn of(&self, policy: &Policy) -> Arc<Feeds> {
        let wanted = policy.feeds();
        if wanted.is_empty() {
            return Arc::default();
        }
        let mut book = self.0.lock();
        if let Some(read) = book.read.get(&policy.digest()) {
            return Arc::clone(read);
        }
        let mut feeds = Feeds::new();
        for address in wanted {
            let page = book.pages.get(address);
            let Some(text) = page.and_then(|page| page.text.as_ref()) else {
                continue;
            };
            if let Ok(feed) = policy.read_feed(address, text) {
                feeds.insert(address.to_owned(), Arc::new(feed));
            }
        }
        let feeds = Arc::new(feeds);
        book.read.insert(policy.digest(), Arc::clone(&feeds));
        feeds
    }

    /// Forgets what nobody follows any more, and what is too old, and says what is due.
    fn due(&self, wanted: BTreeSet<String>, now: Instant) -> Vec<String> {
        let mut book = self.0.lock();
        let Book { pages, read } = &mut *book;
        pages.retain(|address, _page| wanted.contains(address));
        for (address, page) in pages.iter_mut() {
            if page.text.is_some() && now.duration_since(page.since) > FEED_STALE {
                let host = host(address);
                tracing::error!(host, "a calendar is a day old: nobody is on call by it");
                page.text = None;
                read.clear();
            }
        }
        for address in wanted {
            pages.entry(address).or_insert(Page {
                text: None,
                since: now,
                due: now,
            });
        }
        let due = pages.iter().filter(|(_address, page)| page.due <= now);
        due.map(|(address, _page)| address.clone()).collect()
    }

    /// Keeps what came of fetching an address.
    fn keep(&self, address: &str, fetched: Option<String>, now: Instant) {
        let mut book = self.0.lock();
        let Book { pages, read } = &mut *book;
        let Some(page) = pages.get_mut(address) else {
            return;
        };
        page.due = now
            + if fetched.is_some() {
                FEED_EVERY
            } else {
                FEED_RETRY
            };
        if let Some(text) = fetched {
            page.since = now;
            if page.text.as_deref() != Some(&text) {
                page.text = Some(text.into());
                read.clear();
            }
        }
    }
}

/// Where an address leads, for messages.
fn host(address: &str) -> String {
    let url = Url::parse(address).ok();
    let host = url.as_ref().and_then(Url::host_str);
    host.unwrap_or("no host").to_owned()
}

/// Fetches what the policies in force follow, until the server stops.
pub(super) async fn follow(book: Arc<FeedBook>, logs: Logs, stop: CancellationToken) {
    let mut client = None;
    loop {
        let policies = in_force(&logs);
        let wanted = policies.iter().flat_map(|policy| policy.feeds());
        let wanted: BTreeSet<String> = wanted.map(str::to_owned).collect();
        for address in book.due(wanted, Instant::now()) {
            let fetched = tokio::select! {
                () = stop.cancelled() => return,
                fetched = fetch(&mut client, &address) => fetched,
            };
            let fetched = sound(&policies, &address, fetched);
            book.keep(&address, fetched, Instant::now());
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(FEED_LOOK) => {}
        }
    }
}

fn in_force(logs: &Logs) -> Vec<Arc<Policy>> {
    let policies = logs.iter().filter_map(|log| {
        let state = log.cases().read()?;
        state.policy().map(|in_force| Arc::clone(&in_force.policy))
    });
    policies.collect()
}

/// What was fetched, if every policy that follows it can read it; else the operator hears why not.
fn sound(
    policies: &[Arc<Policy>],
    address: &str,
    fetched: Result<String, FetchError>,
) -> Option<String> {
    let host = host(address);
    let text = match fetched {
        Ok(text) => text,
        Err(error) => {
            metrics::counter!("countersign_feeds_failed_total").increment(1);
            tracing::warn!(host, %error, "a calendar cannot be fetched; the one before stays");
            return None;
        }
    };
    let mut followers = policies
        .iter()
        .filter(|policy| policy.feeds().contains(address));
    let problem = followers.find_map(|policy| policy.read_feed(address, &text).err());
    let Some(problems) = problem else {
        metrics::counter!("countersign_feeds_fetched_total").increment(1);
        return Some(text);
    };
    metrics::counter!("countersign_feeds_failed_total").increment(1);
    let first = problems.first();
    let problem = first.map(|problem| problem.message.clone());
    let line = first.and_then(|problem| problem.at).map(|at| at.line);
    tracing::warn!(
        host,
        problem,
        line,
        "a calendar cannot be read; the one before stays"
    );
    None
}

async fn fetch(client: &mut Option<Client>, address: &str) -> Result<String, FetchError> {
    let url = Url::parse(address).map_err(|_unreadable| FetchError::Address)?;
    let client = match client {
        Some(client) => client,
        // Made when it is wanted first: it reads the roots that this machine trusts.
        None => client.insert(
            Client::builder()
                .https_only(true)
                .timeout(FEED_TIMEOUT)
                .redirect(redirect::Policy::limited(FEED_REDIRECTS))
                .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
                .build()?,
        ),
    };
    let mut answer = client.get(url).send().await?.error_for_status()?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len().saturating_add(chunk.len()) > FEED_BYTES {
            return Err(FetchError::Large);
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_no_text| FetchError::NoText)
}

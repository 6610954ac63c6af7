//! The web inbox: what waits for somebody, and what they do about it, in a browser.
//!
//! Pages are made here, with no script needed. Everything that they show is read from the ledger
//! when they are made; what people do goes there as a command of a bot that names them. In memory
//! are sign-ins, and the compiled form of policies.

mod accounts;
mod act;
mod ask;
mod case;
pub(crate) mod door;
mod enter;
mod extract;
mod form;
mod guard;
mod home;
mod insights;
mod page;
mod passkeys;
mod person;
mod provider;
mod read;
mod sign_in;
mod story;
mod time;
mod tls;
mod trouble;
mod viewer;
mod way;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use countersign_chain::principal::Principal;
use countersign_client::random_key;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use sign_in::SignIn;
pub(crate) use sign_in::same;
pub use tls::{TlsError, TlsFiles};

use crate::account::Platform;
use crate::bot::Bot;
use crate::config::inbox_url::InboxUrl;
use crate::limits::{WEB_FORM, WEB_GOODBYE};
use crate::oidc::provider::Provider;
use crate::oidc::settings::OidcSettings;
use crate::transcript::Reader;
use door::{Caller, Door};
use guard::{Place, scheme};
use sign_in::Desk;

/// How the inbox is served.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Names under which browsers may call it, each with a port unless it is the usual one. The
    /// address itself, and localhost where it is that, are among them.
    pub hosts: Vec<String>,
    /// Address at which browsers reach it when that is not its own, for example that of a proxy
    /// with TLS in front of it; its host is one of the names.
    pub url: Option<InboxUrl>,
    /// Files of TLS; without them it speaks plain HTTP, which is for loopback only.
    pub tls: Option<TlsFiles>,
    /// Chat platforms that are spoken on, each with the organisation that the directory's ids
    /// belong to.
    pub homes: Vec<(Platform, String)>,
    /// Where people sign in, beside certificates and links.
    pub oidc: Option<OidcSettings>,
    /// Reads recordings; without it none are shown.
    pub reader: Option<Reader>,
}

/// Why the inbox cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Without TLS for others than this machine.
    #[error(
        "without TLS the inbox listens on loopback only, not on {0}; give a certificate and its \
         key, or listen on 127.0.0.1"
    )]
    Plain(SocketAddr),
    /// Every address of this machine, none of which is a name.
    #[error(
        "no browser can open {0}, so the inbox needs a name there; give one with --host, for \
         example --host inbox.example.com"
    )]
    Unnamed(SocketAddr),
    /// A link for others than this machine.
    #[error("sign-in links are for loopback only, and the inbox listens on {0}")]
    Link(SocketAddr),
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {source}; --web chooses another address for the inbox")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No client for the OpenID provider can be made.
    #[error("the OpenID provider cannot be asked: {0}")]
    Provider(reqwest::Error),
    /// The operating system.
    #[error("cannot serve the inbox: {0}")]
    Io(#[from] io::Error),
}

/// What all pages share.
#[derive(Debug)]
struct Inbox {
    bot: Arc<Bot>,
    desk: Desk,
    place: Place,
    /// Organisations that the directory's ids belong to.
    homes: Vec<(Platform, String)>,
    /// Where people sign in.
    provider: Option<Provider>,
    reader: Option<Reader>,
}

/// An inbox that has its address, and is not served yet.
#[derive(Debug)]
pub struct Web {
    inbox: Arc<Inbox>,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
}

impl Web {
    /// Takes the address.
    ///
    /// # Errors
    /// [`WebError`] when the address or the files cannot be used.
    pub async fn bind(bot: Arc<Bot>, options: Options) -> Result<Self, WebError> {
        let wanted = options.listen;
        if options.tls.is_none() && !wanted.ip().is_loopback() {
            return Err(WebError::Plain(wanted));
        }
        if wanted.ip().is_unspecified() && options.hosts.is_empty() && options.url.is_none() {
            return Err(WebError::Unnamed(wanted));
        }
        let tls = match &options.tls {
            Some(files) => Some(Arc::new(tls::load(files)?)),
            None => None,
        };
        let listener = TcpListener::bind(wanted).await;
        let listener = listener.map_err(|source| WebError::Listen {
            address: wanted,
            source,
        })?;
        let address = listener.local_addr()?;
        let provider = match options.oidc {
            Some(settings) => {
                let provider = Provider::new(settings, bot.clock().clone(), random_key()?);
                Some(provider.map_err(WebError::Provider)?)
            }
            None => None,
        };
        let inbox = Inbox {
            bot,
            desk: Desk::default(),
            place: Place {
                hosts: hosts(
                    (address, tls.is_some()),
                    &options.hosts,
                    options.url.as_ref(),
                ),
                is_tls: tls.is_some(),
            },
            homes: options.homes,
            provider,
            reader: options.reader,
        };
        Ok(Self {
            inbox: Arc::new(inbox),
            listener,
            address,
            tls,
        })
    }

    /// Address of the inbox, without a slash at its end: its own one where a browser can open
    /// that, or else by one of its names.
    #[must_use]
    pub fn url(&self) -> String {
        let place = &self.inbox.place;
        let named = match self.address.ip().is_unspecified() {
            true => place.hosts.first_key_value(),
            false => None,
        };
        match named {
            Some((host, is_secure)) => format!("{}://{host}", scheme(*is_secure)),
            None => format!("{}://{}", scheme(place.is_tls), self.address),
        }
    }

    /// A link that signs this user in, once, within ten minutes.
    ///
    /// # Errors
    /// [`WebError::Link`] when others than this machine could use it; [`WebError::Io`] without
    /// randomness, or when too many wait.
    pub fn invite(&self, user: Principal) -> Result<String, WebError> {
        if !self.address.ip().is_loopback() {
            return Err(WebError::Link(self.address));
        }
        let secret = self
            .inbox
            .desk
            .invite(user, self.inbox.bot.clock().seconds())?;
        Ok(format!("{}/sign-in/{secret}", self.url()))
    }

    /// Serves until `stop` is cancelled.
    ///
    /// # Errors
    /// [`WebError::Io`].
    pub async fn serve(self, stop: CancellationToken) -> Result<(), WebError> {
        let app = routes(&self.inbox).into_make_service_with_connect_info::<Caller>();
        let door = Door::open(self.listener, self.tls.map(TlsAcceptor::from))?;
        let asked = stop.clone();
        let serving = axum::serve(door, app)
            .with_graceful_shutdown(async move { asked.cancelled().await })
            .into_future();
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            () = stop.cancelled() => {}
        }
        match timeout(WEB_GOODBYE, serving).await {
            Ok(ended) => Ok(ended?),
            // Whoever still reads has had time enough.
            Err(_) => Ok(()),
        }
    }
}

/// What a Host header may say, and whether browsers speak TLS there.
fn hosts(
    (address, is_tls): (SocketAddr, bool),
    more: &[String],
    url: Option<&InboxUrl>,
) -> BTreeMap<String, bool> {
    let own = more.iter().map(|host| (host.to_ascii_lowercase(), is_tls));
    let mut all: BTreeMap<String, bool> = own.collect();
    if !address.ip().is_unspecified() {
        all.insert(address.to_string(), is_tls);
    }
    if address.ip().is_loopback() {
        all.insert(format!("localhost:{}", address.port()), is_tls);
    }
    all.extend(url.map(|url| (url.host().to_owned(), url.is_secure())));
    all
}

fn routes(inbox: &Arc<Inbox>) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/request", get(ask::form).post(ask::request))
        .route("/break-glass", get(ask::loud_form).post(ask::break_glass))
        .route("/case/{id}", get(case::show))
        .route("/case/{id}/state", get(case::state))
        .route("/case/{id}/proof/{index}", get(case::proof))
        .route(
            "/case/{id}/session/{session}",
            get(case::session::show).post(case::session::look),
        )
        .route("/case/{id}/{action}", get(case::back).post(act::act))
        .route("/insights", get(insights::show))
        .route("/accounts", get(accounts::show))
        .route(
            "/accounts/remove",
            get(accounts::show).post(accounts::untie),
        )
        .route("/link/{secret}", get(accounts::claim).post(accounts::tie))
        .route("/checkpoint", get(case::checkpoint))
        .route("/oidc", get(provider::go))
        .route("/oidc/callback", get(provider::back_again))
        .route("/sign-in", get(enter::page).post(enter::by_certificate))
        .route("/sign-in/{secret}", get(enter::link).post(enter::by_link))
        .route("/sign-out", get(enter::page).post(enter::sign_out))
        .route("/case/{id}/challenge", post(passkeys::challenge))
        .route("/passkeys", get(passkeys::show).post(passkeys::made))
        .route("/passkey.js", get(page::passkey_script))
        .route("/icon.svg", get(page::icon))
        .route("/style.css", get(page::style))
        .route("/live.js", get(page::script))
        .route("/player.js", get(page::player))
        .fallback(page::nowhere)
        .layer(DefaultBodyLimit::max(WEB_FORM))
        .layer(from_fn_with_state(Arc::clone(inbox), guard::guard))
        .with_state(Arc::clone(inbox))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inbox_answers_to_its_own_names_only() {
        let name = ["Inbox.Example".to_owned()];
        let own = "127.0.0.1:7490".parse().unwrap();
        let local = hosts((own, false), &name, None);
        let expected = ["127.0.0.1:7490", "inbox.example", "localhost:7490"];
        assert!(local.keys().eq(expected.iter()), "{local:?}");
        assert!(local.values().all(|is_tls| !is_tls), "{local:?}");
        let open = hosts(("0.0.0.0:443".parse().unwrap(), true), &name, None);
        assert_eq!(open, BTreeMap::from([("inbox.example".to_owned(), true)]));
        // A proxy speaks TLS, and this machine does not.
        let url = InboxUrl::try_from("https://inbox.example".to_owned()).unwrap();
        let behind = hosts((own, false), &name, Some(&url));
        assert_eq!(behind.get("inbox.example"), Some(&true));
        assert_eq!(behind.get("localhost:7490"), Some(&false));
    }
}

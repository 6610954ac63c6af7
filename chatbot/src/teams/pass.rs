//! The bot's own token, with which it speaks to the connector.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::config::secret::SecretFile;
use crate::limits::{TEAMS_ANSWER, TEAMS_PASS_EARLY, TEAMS_PASS_PAUSE};
use crate::surface::SendError;
use crate::teams::fetch::{self, causes};

/// What the token is asked for with.
pub(super) struct Order {
    pub(super) http: Client,
    pub(super) url: Url,
    pub(super) app: String,
    pub(super) scope: String,
    pub(super) secret: SecretFile,
}

/// The token, as long as it holds. It is fetched once, however many wait for it.
pub(super) struct Pass {
    order: Order,
    kept: Mutex<Option<Kept>>,
}

#[derive(Clone)]
struct Kept {
    token: Zeroizing<String>,
    /// From when on it is fetched anew.
    due: Instant,
    end: Instant,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    expires_in: u64,
}

impl Order {
    fn form(&self) -> Zeroizing<String> {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.app),
            ("client_secret", self.secret.expose()),
            ("scope", &self.scope),
        ];
        let mut form = form_urlencoded::Serializer::new(String::new());
        Zeroizing::new(form.extend_pairs(fields).finish())
    }
}

impl Pass {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            kept: Mutex::new(None),
        }
    }

    /// The token.
    pub(super) async fn token(&self) -> Result<Zeroizing<String>, SendError> {
        let mut kept = self.kept.lock().await;
        let now = Instant::now();
        if let Some(kept) = kept.as_ref().filter(|kept| now < kept.due) {
            return Ok(kept.token.clone());
        }
        match (self.fetch(now).await, kept.as_mut()) {
            (Ok(new), _) => {
                *kept = Some(new.clone());
                Ok(new.token)
            }
            // The old one still holds: there is time to try again.
            (Err(_), Some(old)) if now < old.end => {
                old.due = now + TEAMS_PASS_PAUSE;
                Ok(old.token.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Forgets a token that the connector did not take.
    pub(super) async fn forget(&self, token: &str) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|kept| *kept.token == token) {
            *kept = None;
        }
    }

    async fn fetch(&self, now: Instant) -> Result<Kept, SendError> {
        let order = &self.order;
        let form = order.form();
        let sent = order.http.post(order.url.clone());
        let sent = sent.header("content-type", "application/x-www-form-urlencoded");
        let later = |after, why: String| {
            tracing::warn!(url = %order.url, why, "no token for Teams");
            SendError::Later {
                after,
                why: format!("no token for Teams: {why}"),
            }
        };
        let answer = sent.body(form.to_string()).send().await;
        let answer = answer.map_err(|error| later(None, causes(&error)))?;
        let status = answer.status();
        let body = fetch::body(answer, TEAMS_ANSWER).await;
        let body = body.map_err(|error| later(None, error.to_string()))?;
        let body = Zeroizing::new(body);
        if status != StatusCode::OK {
            return Err(later(
                Some(TEAMS_PASS_PAUSE),
                format!(
                    "{status}{}; check teams.app_id, teams.tenant and the client secret",
                    why(&body)
                ),
            ));
        }
        let given: Given = serde_json::from_slice(&body)
            .map_err(|_ignored| later(None, "the answer is no token".to_owned()))?;
        let life = Duration::from_secs(given.expires_in);
        let early = TEAMS_PASS_EARLY.min(life / 2);
        Ok(Kept {
            token: Zeroizing::new(given.access_token),
            due: now + life.saturating_sub(early),
            end: now + life,
        })
    }
}

/// The code of an error, for example ` invalid_client`; its description may hold more than an
/// operator should find in a log.
fn why(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
    let code = refusal.map(|refusal| refusal.error);
    let plain = |code: &String| {
        code.len() <= 64 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    code.filter(plain)
        .map_or_else(String::new, |code| format!(" {code}"))
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Pass({})", self.order.url)
    }
}

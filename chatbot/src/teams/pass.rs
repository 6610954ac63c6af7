//! The bot's own token, with which it speaks to the connector.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::causes::causes;
use crate::config::secret::SecretFile;
use crate::limits::{TEAMS_ANSWER, TEAMS_PASS_EARLY, TEAMS_PASS_PAUSE};
use crate::surface::SendError;
use crate::teams::fetch;

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
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Whether Microsoft takes the secret.
    ///
    /// # Errors
    /// A sentence, when it does not. That Microsoft is away is none.
    pub(super) async fn check(&self) -> Result<(), String> {
        match self.fetch(Instant::now()).await {
            Ok(new) => {
                *self.kept.lock().await = Some(new);
                Ok(())
            }
            Err(NoPass::Refused(why)) => Err(format!("no token for Teams: {why}")),
            // It was warned of.
            Err(NoPass::Away(_)) => Ok(()),
        }
    }

    /// Forgets a token that the connector did not take.
    pub(super) async fn forget(&self, token: &str) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|kept| *kept.token == token) {
            *kept = None;
        }
    }

    async fn fetch(&self, now: Instant) -> Result<Kept, NoPass> {
        let order = &self.order;
        let form = order.form();
        let sent = order.http.post(order.url.clone());
        let sent = sent.header("content-type", "application/x-www-form-urlencoded");
        let warn = |why: &str| tracing::warn!(url = %order.url, why, "no token for Teams");
        let away = |why: String| {
            warn(&why);
            NoPass::Away(why)
        };
        let answer = sent.body(form.to_string()).send().await;
        let answer = answer.map_err(|error| away(causes(&error)))?;
        let status = answer.status();
        let body = fetch::body(answer, TEAMS_ANSWER).await;
        let body = body.map_err(|error| away(error.to_string()))?;
        let body = Zeroizing::new(body);
        if status != StatusCode::OK {
            let code = code(&body);
            let said = code
                .as_ref()
                .map_or_else(String::new, |code| format!(" {code}"));
            let why = format!(
                "{status}{said}; check teams.app_id, teams.tenant and the client secret in \
                 teams.client_secret_file"
            );
            warn(&why);
            let is_ours = code.is_some_and(|code| OURS.contains(&code.as_str()));
            return Err(match is_ours && status.is_client_error() {
                true => NoPass::Refused(why),
                false => NoPass::Away(why),
            });
        }
        let given: Given = serde_json::from_slice(&body)
            .map_err(|_ignored| away("the answer is no token".to_owned()))?;
        let life = Duration::from_secs(given.expires_in);
        let early = TEAMS_PASS_EARLY.min(life / 2);
        Ok(Kept {
            token: Zeroizing::new(given.access_token),
            due: now + life.saturating_sub(early),
            end: now + life,
        })
    }
}

/// Why there is no token.
#[derive(Debug)]
enum NoPass {
    /// Microsoft does not take what it is asked with.
    Refused(String),
    /// It did not answer, or not as it should.
    Away(String),
}

impl From<NoPass> for SendError {
    fn from(error: NoPass) -> Self {
        let (after, why) = match error {
            NoPass::Refused(why) => (Some(TEAMS_PASS_PAUSE), why),
            NoPass::Away(why) => (None, why),
        };
        Self::Later {
            after,
            why: format!("no token for Teams: {why}"),
        }
    }
}

/// Codes of errors (RFC 6749, 5.2) that say that a setting is wrong.
const OURS: [&str; 4] = [
    "invalid_client",
    "unauthorized_client",
    "invalid_request",
    "invalid_scope",
];

/// The code of an error, for example `invalid_client`; its description may hold more than an
/// operator should find in a log.
fn code(body: &[u8]) -> Option<String> {
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
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Pass({})", self.order.url)
    }
}

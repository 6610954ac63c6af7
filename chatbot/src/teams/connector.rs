//! What a bot tells Teams: the calls of the Azure Bot connector.

use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::causes::causes;
use crate::limits::{TEAMS_ANSWER, TEAMS_ID, TEAMS_MESSAGE, TEAMS_RETRY_AFTER};
use crate::surface::SendError;
use crate::teams::cloud::Addresses;
use crate::teams::fetch;
use crate::teams::pass::{Order, Pass};
use crate::teams::service::ServiceUrl;
use crate::teams::settings::TeamsSettings;

/// The connector.
#[derive(Debug)]
pub struct Connector {
    http: Client,
    pass: Pass,
    app: String,
    tenant: String,
}

/// A member of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The directory's object id.
    pub object: String,
    /// The address of the account, if Teams says one.
    pub email: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    id: Option<String>,
    aad_object_id: Option<String>,
    object_id: Option<String>,
    email: Option<String>,
    error: Refusal,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Refusal {
    code: Option<String>,
    message: Option<String>,
    sub_code: Option<String>,
}

impl Connector {
    pub(super) fn new(http: Client, settings: &TeamsSettings, addresses: &Addresses) -> Self {
        Self {
            pass: Pass::new(Order {
                http: http.clone(),
                url: addresses.token.clone(),
                app: settings.app_id.clone(),
                scope: addresses.scope.clone(),
                secret: settings.client_secret_file.clone(),
            }),
            http,
            app: settings.app_id.clone(),
            tenant: settings.tenant.clone(),
        }
    }

    /// Whether Microsoft takes the secret of the settings.
    ///
    /// # Errors
    /// A sentence, when it does not. That Microsoft is away is none.
    pub async fn check(&self) -> Result<(), String> {
        self.pass.check().await
    }

    /// The conversation of the bot with somebody, by the directory's object id. Asked again, Teams
    /// names the same one.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn create(&self, at: &ServiceUrl, member: &str) -> Result<String, SendError> {
        let wanted = json!({
            "bot": {"id": format!("28:{}", self.app)},
            "members": [{"id": member}],
            "isGroup": false,
            "tenantId": self.tenant,
            "channelData": {"tenant": {"id": self.tenant}},
        });
        let answer = self.call(Method::POST, (at, &["v3", "conversations"]), Some(&wanted));
        named(answer.await?.id)
    }

    /// Posts an activity; its id.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn post(
        &self,
        at: &ServiceUrl,
        conversation: &str,
        activity: &Value,
    ) -> Result<String, SendError> {
        let path = ["v3", "conversations", conversation, "activities"];
        let answer = self.call(Method::POST, (at, &path), Some(activity));
        named(answer.await?.id)
    }

    /// Puts another activity in the place of one.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn put(
        &self,
        at: &ServiceUrl,
        (conversation, id): (&str, &str),
        activity: &Value,
    ) -> Result<(), SendError> {
        let path = ["v3", "conversations", conversation, "activities", id];
        self.call(Method::PUT, (at, &path), Some(activity)).await?;
        Ok(())
    }

    /// Somebody in a conversation, by the id that this bot knows them by.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn member(
        &self,
        at: &ServiceUrl,
        conversation: &str,
        id: &str,
    ) -> Result<Member, SendError> {
        let path = ["v3", "conversations", conversation, "members", id];
        let answer = self.call(Method::GET, (at, &path), None).await?;
        let object = answer.aad_object_id.or(answer.object_id);
        let object = named(object)?.to_ascii_lowercase();
        let email = answer.email.filter(|email| !email.is_empty());
        Ok(Member { object, email })
    }

    async fn call(
        &self,
        method: Method,
        (at, path): (&ServiceUrl, &[&str]),
        body: Option<&Value>,
    ) -> Result<Answer, SendError> {
        let never = |why: &str| SendError::Never {
            why: why.to_owned(),
        };
        let url = at.below(path);
        let url = url.ok_or_else(|| never("no such conversation or message can exist"))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        if crate::text::units(&body) * 2 > TEAMS_MESSAGE {
            return Err(never("the message is larger than Teams takes"));
        }
        let mut tried = false;
        loop {
            let token = self.pass.token().await?;
            let mut request = self.http.request(method.clone(), url.clone());
            request = request.bearer_auth(&*token);
            if !body.is_empty() {
                request = request.header("content-type", "application/json; charset=utf-8");
                request = request.body(body.clone());
            }
            let answer = request.send().await.map_err(|error| lost(&error))?;
            // A token that was withdrawn is fetched anew, once.
            if answer.status() == StatusCode::UNAUTHORIZED && !tried {
                self.pass.forget(&token).await;
                tried = true;
                continue;
            }
            return read(answer).await;
        }
    }
}

/// What it means that no answer came.
fn lost(error: &reqwest::Error) -> SendError {
    let why = causes(error);
    // Nothing was sent before there was a connection.
    match error.is_connect() || error.is_builder() {
        true => SendError::Later { after: None, why },
        false => SendError::Unknown { why },
    }
}

async fn read(answer: Response) -> Result<Answer, SendError> {
    let status = answer.status();
    let after = retry_after(&answer);
    let body = fetch::body(answer, TEAMS_ANSWER).await;
    if status.is_success() {
        let body = body.map_err(|error| SendError::Unknown {
            why: error.to_string(),
        })?;
        // A PUT may answer with nothing.
        return match body.is_empty() {
            true => Ok(Answer::default()),
            false => serde_json::from_slice(&body).map_err(|error| SendError::Unknown {
                why: format!("the answer of Teams cannot be read: {error}"),
            }),
        };
    }
    let refusal = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok());
    let refusal: Answer = refusal.unwrap_or_default();
    Err(refused(status, after, &refusal.error))
}

fn retry_after(answer: &Response) -> Option<Duration> {
    let value = answer.headers().get("retry-after")?.to_str().ok()?;
    let seconds = value.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(TEAMS_RETRY_AFTER))
}

/// What a status means for a message.
fn refused(status: StatusCode, after: Option<Duration>, refusal: &Refusal) -> SendError {
    let mut why = format!("Teams answers {status}");
    let words = [&refusal.code, &refusal.sub_code, &refusal.message];
    for word in words.into_iter().flatten() {
        why.push_str(": ");
        why.push_str(&crate::text::cut(&crate::text::line(word), 200));
    }
    let blocked = [&refusal.code, &refusal.sub_code];
    if blocked
        .into_iter()
        .flatten()
        .any(|code| code == "MessageWritesBlocked")
    {
        why.push_str("; the person has blocked the bot or taken it away");
    }
    match status.as_u16() {
        401 | 408 | 412 | 425 | 429 | 502..=504 => SendError::Later { after, why },
        400..=499 => SendError::Never { why },
        _ => SendError::Unknown { why },
    }
}

/// An id that can be kept in an entry.
fn named(id: Option<String>) -> Result<String, SendError> {
    let fits = |id: &String| !id.is_empty() && id.len() <= TEAMS_ID;
    id.filter(fits).ok_or_else(|| SendError::Unknown {
        why: "the answer of Teams names no id".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_whether_to_try_again() {
        let blocked = Refusal {
            code: Some("BotNotInConversationRoster".to_owned()),
            message: Some("a\nb".to_owned()),
            sub_code: Some("MessageWritesBlocked".to_owned()),
        };
        let say = |status: u16, refusal: &Refusal| {
            let status = StatusCode::from_u16(status).unwrap();
            refused(status, Some(Duration::from_secs(7)), refusal)
        };
        for status in [401, 412, 429, 502, 503, 504] {
            let SendError::Later { after, .. } = say(status, &blocked) else {
                panic!("{status}");
            };
            assert_eq!(after, Some(Duration::from_secs(7)), "{status}");
        }
        for status in [400, 403, 404, 405, 410, 413] {
            let SendError::Never { why } = say(status, &blocked) else {
                panic!("{status}");
            };
            assert!(
                why.contains("blocked the bot") && !why.contains('\n'),
                "{why}"
            );
        }
        for status in [500, 501, 302] {
            let unknown = say(status, &Refusal::default());
            assert!(matches!(unknown, SendError::Unknown { .. }), "{status}");
        }
    }

    #[test]
    fn an_answer_without_an_id_is_not_known() {
        for id in [None, Some(String::new()), Some("x".repeat(TEAMS_ID + 1))] {
            assert!(matches!(named(id), Err(SendError::Unknown { .. })));
        }
        assert_eq!(named(Some("1".to_owned())), Ok("1".to_owned()));
    }
}

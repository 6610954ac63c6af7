//! Reading it.

use serde_json::Value;

use super::who::Who;
use super::{Click, Command, Inbound, PayloadError, Reply, Seen, Shortcut, Submitted};
use crate::card::CardDigest;
use crate::card::action::{Action, ActionError};
use crate::limits::{SLACK_BODY_FIELDS, SLACK_ID, SLACK_LONG_ID};
use crate::slack::message::CARD;

impl Inbound {
    /// Reads a body that came over HTTP.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn parse(content_type: &str, body: &[u8]) -> Result<Self, PayloadError> {
        let text = std::str::from_utf8(body).map_err(|_bytes| PayloadError::Text)?;
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") {
            return Self::event(&json(text, "the body")?);
        }
        let fields: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes())
            .take(SLACK_BODY_FIELDS)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let field = |wanted: &str| {
            let mut all = fields.iter().filter(|(name, _)| name == wanted);
            match (all.next(), all.next()) {
                (Some((_, value)), None) => Some(value.as_str()),
                _ => None,
            }
        };
        if fields.iter().any(|(name, _)| name == "payload") {
            let payload = field("payload").ok_or(PayloadError::Field("payload"))?;
            return Self::interaction(&json(payload, "payload")?);
        }
        match field("ssl_check") {
            Some("1") => Ok(Self::Check),
            _ => command(&field).map(Self::Command),
        }
    }

    /// Reads a command that came over a socket: the fields of a form as JSON.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn command(payload: &Value) -> Result<Self, PayloadError> {
        command(&|name| payload[name].as_str()).map(Self::Command)
    }

    /// Reads what somebody did with a message or a modal.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn interaction(payload: &Value) -> Result<Self, PayloadError> {
        match payload["type"].as_str() {
            Some("block_actions") => click(payload).map(Self::Click),
            Some("view_submission") => submitted(payload).map(Self::Submission),
            Some("shortcut") => Ok(Self::Shortcut(Shortcut {
                who: who(payload)?,
                name: within(&payload["callback_id"], SLACK_ID).unwrap_or_default(),
                trigger: trigger(payload)?,
            })),
            Some(_) => Ok(Self::Other),
            None => Err(PayloadError::Field("type")),
        }
    }

    /// Reads an event. None of them matters to us: what counts happens in the ledger.
    fn event(event: &Value) -> Result<Self, PayloadError> {
        match event["type"].as_str() {
            Some("url_verification") => {
                let challenge = within(&event["challenge"], SLACK_LONG_ID);
                let challenge = challenge.ok_or(PayloadError::Field("challenge"))?;
                Ok(Self::Challenge(challenge))
            }
            Some(_) => Ok(Self::Other),
            None => Err(PayloadError::Field("type")),
        }
    }
}

fn json(text: &str, place: &'static str) -> Result<Value, PayloadError> {
    serde_json::from_str(text).map_err(|_error| PayloadError::Json(place))
}

/// An id of Slack's, or a time that stands for one.
pub(super) fn id(text: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let fits = (1..=SLACK_ID).contains(&text.len()) && text.bytes().all(plain);
    fits.then(|| text.to_owned())
}

fn id_of(value: &Value) -> Option<String> {
    value.as_str().and_then(id)
}

/// Text without spaces and control characters, of at most so many bytes.
fn within(value: &Value, max: usize) -> Option<String> {
    let text = value.as_str()?;
    let fits = (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

fn trigger(payload: &Value) -> Result<String, PayloadError> {
    let trigger = within(&payload["trigger_id"], SLACK_LONG_ID);
    trigger.ok_or(PayloadError::Field("trigger_id"))
}

fn who(payload: &Value) -> Result<Who, PayloadError> {
    let user = &payload["user"];
    let who = Who {
        team: id_of(&payload["team"]["id"]),
        enterprise: id_of(&payload["enterprise"]["id"])
            .or_else(|| id_of(&payload["team"]["enterprise_id"])),
        user: id_of(&user["id"]).ok_or(PayloadError::Field("user.id"))?,
        home: id_of(&user["team_id"]),
    };
    match who.team.is_none() && who.enterprise.is_none() {
        true => Err(PayloadError::Field("team or enterprise")),
        false => Ok(who),
    }
}

fn command<'a>(field: &impl Fn(&str) -> Option<&'a str>) -> Result<Command, PayloadError> {
    let named = |name| field(name).and_then(id);
    let user = named("user_id").ok_or(PayloadError::Field("user_id"))?;
    let who = Who {
        team: named("team_id"),
        enterprise: named("enterprise_id"),
        user: user.clone(),
        home: None,
    };
    if who.team.is_none() && who.enterprise.is_none() {
        return Err(PayloadError::Field("team_id or enterprise_id"));
    }
    let long = |name| within(&Value::from(field(name).unwrap_or_default()), SLACK_LONG_ID);
    Ok(Command {
        who,
        text: field("text").unwrap_or_default().trim().to_owned(),
        trigger: long("trigger_id").ok_or(PayloadError::Field("trigger_id"))?,
        reply: Reply {
            url: long("response_url"),
            channel: named("channel_id").unwrap_or_default(),
            user,
        },
    })
}

fn click(payload: &Value) -> Result<Click, PayloadError> {
    // A click comes alone; several at once are none that a person made.
    let actions = payload["actions"].as_array();
    let [action] = actions.map(Vec::as_slice).unwrap_or_default() else {
        return Err(PayloadError::Field("action"));
    };
    let who = who(payload)?;
    let (container, channel) = (&payload["container"], &payload["channel"]["id"]);
    let channel = id_of(&container["channel_id"]).or_else(|| id_of(channel));
    let message = id_of(&container["message_ts"]).or_else(|| id_of(&payload["message"]["ts"]));
    let block = action["block_id"].as_str().unwrap_or_default();
    let card = block.strip_prefix(CARD).and_then(CardDigest::parse);
    let (act, target) = (action["action_id"].as_str(), action["value"].as_str());
    let action_of = match (act, target) {
        (Some(act), Some(target)) => Action::parse(act, target),
        (Some(_), None) => Err(ActionError::Target),
        (None, _) => Err(ActionError::Act),
    };
    let channel = channel.unwrap_or_default();
    Ok(Click {
        action: action_of,
        at: id_of(&action["action_ts"]).ok_or(PayloadError::Field("action_ts"))?,
        trigger: trigger(payload)?,
        seen: Seen {
            channel: channel.clone(),
            message: message.unwrap_or_default(),
            card,
        },
        reply: Reply {
            url: within(&payload["response_url"], SLACK_LONG_ID),
            channel,
            user: who.user.clone(),
        },
        who,
    })
}

fn submitted(payload: &Value) -> Result<Submitted, PayloadError> {
    let view = &payload["view"];
    Ok(Submitted {
        who: who(payload)?,
        id: id_of(&view["id"]).ok_or(PayloadError::Field("view.id"))?,
        view: view.clone(),
        trigger: trigger(payload)?,
    })
}

#[cfg(test)]
mod tests;

//! What Slack sends, with its signature.

use countersign_ledger::clock::{Clock as _, SystemClock};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The workspace of `emulate`.
pub const TEAM: &str = "T000000001";
pub const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// A request of Slack's.
#[derive(Debug, Clone)]
pub struct Signed {
    pub path: &'static str,
    pub headers: String,
    pub body: Vec<u8>,
}

pub fn now() -> u64 {
    SystemClock::new().wall().seconds()
}

/// The signature of a body.
pub fn signature(secret: &str, time: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(format!("v0:{time}:").as_bytes());
    mac.update(body);
    format!("v0={}", hex(&mac.finalize().into_bytes()))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Signed {
    pub fn new(path: &'static str, body: Vec<u8>) -> Self {
        Self::at(path, body, now(), SECRET)
    }

    pub fn at(path: &'static str, body: Vec<u8>, time: u64, secret: &str) -> Self {
        let signature = signature(secret, time, &body);
        Self {
            path,
            headers: headers(time, &signature),
            body,
        }
    }

    /// As entries name it.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(&self.body))
    }
}

pub fn headers(time: u64, signature: &str) -> String {
    format!(
        "Content-Type: application/x-www-form-urlencoded\r\n\
         X-Slack-Request-Timestamp: {time}\r\nX-Slack-Signature: {signature}\r\n"
    )
}

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    form.finish().into_bytes()
}

/// An interaction.
pub fn interaction(payload: &Value) -> Signed {
    let body = form(&[("payload", &payload.to_string())]);
    Signed::new("/slack/interactions", body)
}

/// `/access` and what stands behind it.
pub fn command(user: &str, text: &str, trigger: &str, reply: &str) -> Signed {
    let fields = [
        ("token", "not-looked-at"),
        ("team_id", TEAM),
        ("team_domain", "emulate"),
        ("channel_id", "C000000001"),
        ("channel_name", "general"),
        ("user_id", user),
        ("user_name", "ada"),
        ("command", "/access"),
        ("text", text),
        ("api_app_id", "A1"),
        ("is_enterprise_install", "false"),
        ("response_url", reply),
        ("trigger_id", trigger),
    ];
    Signed::new("/slack/commands", form(&fields))
}

/// What every interaction says.
fn base(kind: &str, user: &str, trigger: &str) -> Value {
    json!({
        "type": kind,
        "team": {"id": TEAM, "domain": "emulate"},
        "user": {"id": user, "username": "ada", "name": "ada", "team_id": TEAM},
        "api_app_id": "A1",
        "token": "not-looked-at",
        "enterprise": null,
        "is_enterprise_install": false,
        "trigger_id": trigger,
    })
}

/// A click on a button of a message that was posted.
pub fn click(user: &str, trigger: &str, message: &Value, action: &str) -> Value {
    let blocks = message["blocks"].as_array().expect("blocks").iter();
    let mut rows = blocks.filter(|block| block["type"] == "actions");
    let row = rows.next();
    assert!(row.is_some(), "no buttons in {message}");
    let row = row.unwrap_or(message);
    let buttons = row["elements"].as_array().expect("buttons");
    let button = buttons.iter().find(|button| button["action_id"] == action);
    assert!(button.is_some(), "no button {action} in {row}");
    let button = button.unwrap_or(message);
    let mut payload = base("block_actions", user, trigger);
    let (channel, ts) = (&message["channel"], &message["ts"]);
    payload["container"] =
        json!({"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false});
    payload["channel"] = json!({"id": channel, "name": "directmessage"});
    payload["message"] = message.clone();
    payload["state"] = json!({"values": {}});
    let stamp = SystemClock::new().wall().get();
    payload["actions"] = json!([{
        "action_id": action,
        "block_id": row["block_id"],
        "text": button["text"],
        "value": button["value"],
        "type": "button",
        "action_ts": format!("{}.{:06}", stamp / 1_000_000, stamp % 1_000_000),
    }]);
    payload
}

/// A global shortcut.
pub fn shortcut(user: &str, trigger: &str, name: &str) -> Value {
    let mut payload = base("shortcut", user, trigger);
    payload["callback_id"] = json!(name);
    payload["action_ts"] = json!(format!("{}.000001", now()));
    payload
}

/// A form that was filled in. `values` are texts; a value that the form offers is a choice.
pub fn submission(user: &str, view: &Value, values: &[(&str, &str)]) -> Value {
    let mut payload = base("view_submission", user, "1111.2222.abcdef");
    let mut state = serde_json::Map::new();
    for block in view["blocks"].as_array().expect("blocks") {
        if block["type"] != "input" {
            continue;
        }
        let key = block["block_id"].as_str().expect("an id").to_owned();
        let kind = block["element"]["type"].as_str().expect("a type");
        let given = values.iter().find(|(name, _)| *name == key);
        let given = given.map(|(_, value)| *value);
        let element = match kind {
            "plain_text_input" => json!({"type": kind, "value": given}),
            "datetimepicker" => json!({"type": kind, "selected_date_time": null}),
            _ => {
                let option = given.map(|value| json!({"value": value}));
                json!({"type": kind, "selected_option": option})
            }
        };
        state.insert(key.clone(), json!({key: element}));
    }
    let mut view = view.clone();
    view["state"] = json!({"values": state});
    payload["view"] = view;
    payload["response_urls"] = json!([]);
    payload
}

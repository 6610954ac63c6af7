//! What Teams tells a bot, read once into types. Whatever an activity has beside this is left out.

use countersign_chain::time::UnixMicros;
use serde::Deserialize;
use serde_json::Value;

use crate::limits::TEAMS_ID;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody wrote, or used a button of an older program.
    Message,
    /// Somebody used a button, and waits for the answer.
    Invoke,
    /// Somebody, or the bot, came or went.
    ConversationUpdate,
    /// The bot was installed or taken away.
    InstallationUpdate,
    /// Anything else, such as typing and reactions.
    Other,
}

/// Who hears what is said in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// One person and the bot.
    Alone,
    /// More: a group, a channel, or what a later Teams may have.
    Many,
}

/// An activity.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// What happened.
    pub kind: Kind,
    /// The platform's id; empty when there is none.
    pub id: String,
    /// When the platform says that it was sent.
    pub sent: Option<UnixMicros>,
    /// Where the connector is, as the activity says.
    pub service_url: String,
    /// Name of the channel: `msteams`.
    pub channel: String,
    /// Every tenant that it names.
    pub tenants: Vec<String>,
    /// Who did it, by the id that this bot knows them by; may be empty.
    pub from: String,
    /// Who did it, by the directory's object id; empty when Teams does not say.
    pub object: String,
    /// The bot's own id in this conversation.
    pub recipient: String,
    /// Conversation.
    pub conversation: String,
    /// Who hears it.
    pub audience: Audience,
    /// The message that was answered, or whose button was used; may be empty.
    pub reply_to: String,
    /// Name of an invoke; empty for others.
    pub name: String,
    /// What was written.
    pub text: String,
    /// What a button sent.
    pub value: Value,
    /// Whether the bot itself has come, or was installed.
    pub welcomes: bool,
    /// Whether the bot was taken away.
    pub leaves: bool,
}

/// Why bytes are no activity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivityError {
    /// Not JSON, or of other types.
    #[error("activity cannot be read: {0}")]
    Json(String),
    /// A field that every activity of its type has.
    #[error("activity has no {0}")]
    Missing(&'static str),
    /// Longer than any of Teams.
    #[error("activity has a {field} of {length} bytes, expected at most {TEAMS_ID}")]
    Long {
        /// Which.
        field: &'static str,
        /// Its bytes.
        length: usize,
    },
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Raw {
    r#type: Option<String>,
    id: Option<String>,
    timestamp: Option<String>,
    service_url: Option<String>,
    channel_id: Option<String>,
    from: Option<Party>,
    recipient: Option<Party>,
    conversation: Option<Conversation>,
    channel_data: Option<ChannelData>,
    reply_to_id: Option<String>,
    name: Option<String>,
    text: Option<String>,
    value: Value,
    action: Option<String>,
    members_added: Option<Vec<Party>>,
    members_removed: Option<Vec<Party>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Party {
    id: Option<String>,
    aad_object_id: Option<String>,
    tenant_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Conversation {
    id: Option<String>,
    tenant_id: Option<String>,
    conversation_type: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChannelData {
    tenant: Option<Tenant>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tenant {
    id: Option<String>,
}

impl Activity {
    /// Reads an activity.
    ///
    /// # Errors
    /// [`ActivityError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ActivityError> {
        // A list in the order of our fields would be read too.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(ActivityError::Json("expected an object".to_owned()));
        }
        let raw = serde_json::from_slice::<Raw>(bytes);
        let raw = raw.map_err(|error| ActivityError::Json(error.to_string()))?;
        let kind = kind(
            raw.r#type
                .as_deref()
                .ok_or(ActivityError::Missing("type"))?,
        );
        let from = raw.from.unwrap_or_default();
        let recipient = raw.recipient.unwrap_or_default();
        let place = raw.conversation.unwrap_or_default();
        let recipient_id = id("recipient", recipient.id)?;
        let among = |parties: Option<Vec<Party>>| {
            let mut ids = parties.into_iter().flatten().filter_map(|party| party.id);
            !recipient_id.is_empty() && ids.any(|id| id == recipient_id)
        };
        let (came, went) = (among(raw.members_added), among(raw.members_removed));
        let action = raw.action.as_deref();
        let installed = kind == Kind::InstallationUpdate;
        let sent = raw.timestamp.as_deref().and_then(instant);
        let tenant = raw.channel_data.and_then(|data| data.tenant);
        let tenants = [tenant.and_then(|t| t.id), place.tenant_id, from.tenant_id];
        let activity = Self {
            kind,
            id: id("id", raw.id)?,
            sent,
            service_url: raw.service_url.unwrap_or_default(),
            channel: raw.channel_id.unwrap_or_default(),
            tenants: tenants.into_iter().flatten().collect(),
            from: id("from", from.id)?,
            object: id("aadObjectId", from.aad_object_id)?.to_ascii_lowercase(),
            conversation: id("conversation", place.id)?,
            audience: match place.conversation_type.as_deref() {
                Some("personal") => Audience::Alone,
                _ => Audience::Many,
            },
            reply_to: id("replyToId", raw.reply_to_id)?,
            name: raw.name.unwrap_or_default(),
            text: raw.text.unwrap_or_default(),
            value: raw.value,
            welcomes: came || installed && matches!(action, Some("add" | "add-upgrade")),
            leaves: went || installed && matches!(action, Some("remove" | "remove-upgrade")),
            recipient: recipient_id,
        };
        activity.complete()
    }

    fn complete(self) -> Result<Self, ActivityError> {
        let needed = [
            ("serviceUrl", &self.service_url),
            ("channelId", &self.channel),
            ("conversation.id", &self.conversation),
        ];
        let answered = matches!(self.kind, Kind::Message | Kind::Invoke);
        let more = [("id", &self.id), ("from.id", &self.from)];
        let more = more.into_iter().filter(|_| answered);
        for (name, text) in needed.into_iter().chain(more) {
            if text.is_empty() {
                return Err(ActivityError::Missing(name));
            }
        }
        Ok(self)
    }
}

fn kind(word: &str) -> Kind {
    match word {
        "message" => Kind::Message,
        "invoke" => Kind::Invoke,
        "conversationUpdate" => Kind::ConversationUpdate,
        "installationUpdate" => Kind::InstallationUpdate,
        _ => Kind::Other,
    }
}

fn id(field: &'static str, text: Option<String>) -> Result<String, ActivityError> {
    let text = text.unwrap_or_default();
    match text.len() {
        length if length > TEAMS_ID => Err(ActivityError::Long { field, length }),
        _ => Ok(text),
    }
}

fn instant(text: &str) -> Option<UnixMicros> {
    let time: jiff::Timestamp = text.parse().ok()?;
    UnixMicros::new(u64::try_from(time.as_microsecond()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn click() -> Value {
        json!({
            "type": "invoke",
            "name": "adaptiveCard/action",
            "id": "f:1",
            "timestamp": "2026-11-27T09:00:00.123Z",
            "serviceUrl": "https://smba.trafficmanager.net/teams/",
            "channelId": "msteams",
            "from": {"id": "29:1", "aadObjectId": "AAAA", "name": "Ada"},
            "recipient": {"id": "28:bot"},
            "conversation": {"id": "a:1", "tenantId": "t", "conversationType": "personal"},
            "channelData": {"tenant": {"id": "t"}},
            "replyToId": "1700",
            "value": {"action": {"type": "Action.Execute", "verb": "approve", "data": {}}},
        })
    }

    fn parse(value: &Value) -> Result<Activity, ActivityError> {
        Activity::parse(value.to_string().as_bytes())
    }

    #[test]
    fn a_click_is_read() {
        let read = parse(&click()).unwrap();
        assert_eq!((read.kind, read.audience), (Kind::Invoke, Audience::Alone));
        assert_eq!(read.object, "aaaa", "ids of the directory have no case");
        assert_eq!(read.tenants, ["t", "t"]);
        assert_eq!(read.sent.unwrap().get() % 1_000_000, 123_000);
        assert!(!read.welcomes && !read.leaves);
    }

    #[test]
    fn what_every_activity_needs_is_asked_for() {
        for (field, name) in [
            ("type", "type"),
            ("serviceUrl", "serviceUrl"),
            ("channelId", "channelId"),
            ("conversation", "conversation.id"),
            ("id", "id"),
            ("from", "from.id"),
        ] {
            let mut value = click();
            value.as_object_mut().unwrap().remove(field);
            assert_eq!(parse(&value), Err(ActivityError::Missing(name)), "{field}");
        }
        for bad in [
            "",
            "[]",
            "{",
            "null",
            "{\"type\": 1}",
            "{\"type\":\"a\",\"from\":7}",
        ] {
            let read = Activity::parse(bad.as_bytes());
            assert!(
                matches!(read, Err(ActivityError::Json(_))),
                "{bad}: {read:?}"
            );
        }
        let mut value = click();
        value["replyToId"] = json!("x".repeat(TEAMS_ID + 1));
        assert!(matches!(parse(&value), Err(ActivityError::Long { .. })));
    }

    #[test]
    fn unknown_conversations_have_many_ears() {
        for kind in [
            json!("channel"),
            json!("groupChat"),
            json!("Personal"),
            Value::Null,
        ] {
            let mut value = click();
            value["conversation"]["conversationType"] = kind;
            assert_eq!(parse(&value).unwrap().audience, Audience::Many);
        }
    }

    #[test]
    fn the_bot_is_welcome_once_it_has_come_itself() {
        let mut value = click();
        value["type"] = json!("conversationUpdate");
        value["membersAdded"] = json!([{"id": "29:1"}]);
        assert!(!parse(&value).unwrap().welcomes, "somebody else");
        value["membersAdded"] = json!([{"id": "29:1"}, {"id": "28:bot"}]);
        assert!(parse(&value).unwrap().welcomes);
        value["type"] = json!("installationUpdate");
        value["membersAdded"] = Value::Null;
        for (action, welcomes, leaves) in [
            ("add", true, false),
            ("remove", false, true),
            ("other", false, false),
        ] {
            value["action"] = json!(action);
            let read = parse(&value).unwrap();
            assert_eq!((read.welcomes, read.leaves), (welcomes, leaves), "{action}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![any::<String>(), "[a-z:.]{0,400}"].boxed();
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, move |inner| {
            let key = prop_oneof![
                Just("id".to_owned()),
                Just("tenantId".to_owned()),
                text.clone()
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..3).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn whatever_comes_is_refused_or_read_within_bounds(
            number in 0_usize..64,
            value in any_value(),
        ) {
            let mut changed = click();
            let fields: Vec<String> = changed.as_object().unwrap().keys().cloned().collect();
            changed[&fields[number % fields.len()]] = value;
            if let Ok(read) = parse(&changed) {
                let ids = [&read.id, &read.from, &read.object, &read.conversation, &read.reply_to];
                prop_assert!(ids.iter().all(|id| id.len() <= TEAMS_ID));
                prop_assert!(!read.conversation.is_empty() && !read.service_url.is_empty());
            }
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Activity::parse(&bytes).is_err());
        }
    }
}

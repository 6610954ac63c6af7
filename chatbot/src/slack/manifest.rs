//! The app's manifest: what an administrator pastes into Slack to make the app.

use serde_json::{Value, json};

/// How Slack reaches the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// At this address, which is the front of a proxy: `https://…`, without a path.
    Http(String),
    /// Through Socket Mode.
    Socket,
}

/// Scopes of the bot: for cards and answers to one person alone, for `/access` and the shortcuts,
/// for opening a conversation with a person, and for finding a card again after a crash.
const SCOPES: [&str; 6] = [
    "chat:write",
    "commands",
    "im:write",
    "im:history",
    "channels:history",
    "groups:history",
];

/// The manifest, in JSON.
#[must_use]
pub fn manifest(reach: &Reach) -> Value {
    let path = |path: &str| match reach {
        Reach::Http(url) => json!(format!("{}/slack/{path}", url.trim_end_matches('/'))),
        Reach::Socket => Value::Null,
    };
    let shortcut = |name: &str, id: &str, description: &str| {
        json!({
            "name": name,
            "type": "global",
            "callback_id": id,
            "description": description,
        })
    };
    let manifest = json!({
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": "Countersign",
            "description": "Access that is asked for, decided and recorded",
            "background_color": "#1f2937",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": false,
                "messages_tab_enabled": true,
                "messages_tab_read_only_enabled": true,
            },
            "bot_user": {"display_name": "countersign", "always_online": true},
            "shortcuts": [
                shortcut("Request access", "request", "Ask for access to something"),
                shortcut("Break glass", "break-glass", "Take access at once, in an emergency"),
            ],
            "slash_commands": [{
                "command": "/access",
                "url": path("commands"),
                "description": "Ask for access, and see what waits",
                "usage_hint": "request | break-glass | list | help",
                "should_escape": false,
            }],
        },
        "oauth_config": {"scopes": {"bot": SCOPES}},
        "settings": {
            "interactivity": {"is_enabled": true, "request_url": path("interactions")},
            "org_deploy_enabled": false,
            "socket_mode_enabled": *reach == Reach::Socket,
            "token_rotation_enabled": false,
        },
    });
    without_nulls(manifest)
}

/// What has no value is left out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                fields
                    .map(|(name, value)| (name, without_nulls(value)))
                    .collect(),
            )
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_nulls).collect()),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_it_for_http_only() {
        let http = manifest(&Reach::Http("https://access.example.com/".to_owned()));
        let command = &http["features"]["slash_commands"][0];
        assert_eq!(command["url"], "https://access.example.com/slack/commands");
        let interactions = &http["settings"]["interactivity"]["request_url"];
        assert_eq!(
            interactions,
            "https://access.example.com/slack/interactions"
        );
        assert_eq!(http["settings"]["socket_mode_enabled"], false);
        let socket = manifest(&Reach::Socket);
        assert_eq!(socket["settings"]["socket_mode_enabled"], true);
        assert!(!socket.to_string().contains("url\":"), "{socket}");
    }
}

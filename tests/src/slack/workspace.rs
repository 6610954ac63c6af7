//! The Web API of a workspace, and a port at which the bot hears of what its people do.

use std::path::Path;

use serde_json::{Value, json};

use crate::node::{new_node, node_modules};
use crate::process::free_port;
use crate::program::Program;
use crate::slack::payload::{SECRET, Signed, TEAM};
use crate::slack::relay::Relay;
use crate::stage::text;
use crate::wire::{Letter, post};

/// People of the starter policy, and one whom it does not know.
pub const PEOPLE: [&str; 6] = ["ada", "bruno", "chen", "dana", "fatima", "mallory"];
/// The bot's token.
pub const TOKEN: &str = "xoxb-test";
const ME: &str = "countersign";
const CHANNEL: &str = "team-leads";

/// A workspace.
#[derive(Debug)]
pub struct Workspace {
    /// What the bot says to Slack goes through here.
    pub relay: Relay,
    /// Where the bot listens for Slack.
    pub port: u16,
    /// Where the emulated API is.
    pub api: u16,
    users: Vec<(String, String)>,
    channel: String,
    _emulate: Program,
}

impl Workspace {
    /// Starts the emulated API with [`PEOPLE`]; its seed is in this folder.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(folder: &Path) -> Self {
        let api = free_port();
        std::fs::create_dir_all(folder).expect("room");
        let seed = folder.join("emulate.yaml");
        std::fs::write(&seed, seeds()).expect("room");
        let mut emulate = new_node();
        emulate
            .arg(node_modules().join("emulate/dist/index.js"))
            .args(["start", "--service", "slack", "--port", &api.to_string()])
            .args(["--seed", text(&seed)])
            .current_dir(folder);
        let emulate = Program::start(&mut emulate);
        emulate.prints("Ready");
        Self {
            relay: Relay::start(api).await,
            port: free_port(),
            api,
            users: users(api).await,
            channel: channel(api).await,
            _emulate: emulate,
        }
    }

    /// The Slack id of somebody, if there is such a person.
    #[must_use]
    pub fn known(&self, name: &str) -> Option<&str> {
        let found = self.users.iter().find(|(user, _)| user == name);
        found.map(|(_, id)| id.as_str())
    }

    /// The Slack id of somebody.
    ///
    /// # Panics
    /// When there is no such person.
    #[must_use]
    pub fn id(&self, name: &str) -> &str {
        self.known(name).expect("a person of the test")
    }

    /// The id of a channel that everybody is in, the bot too.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// The section of a configuration, whose secrets go into files of this folder.
    ///
    /// # Panics
    /// When they cannot be written.
    #[must_use]
    pub fn settings(&self, folder: &Path, secrets: &[(&str, &str)]) -> String {
        std::fs::create_dir_all(folder).expect("room");
        std::fs::write(folder.join("token"), TOKEN).expect("room");
        let url = self.relay.url();
        let mut settings = format!(
            "[slack]\nteam = \"{TEAM}\"\nbot_token_file = \"token\"\napi_url = \"{url}\"\n"
        );
        for (setting, secret) in secrets {
            std::fs::write(folder.join(setting), secret).expect("room");
            settings.push_str(&format!("{setting} = \"{setting}\"\n"));
            if *setting == "signing_secret_file" {
                settings.push_str(&format!("listen = \"127.0.0.1:{}\"\n", self.port));
            }
        }
        settings
    }

    /// As [`Workspace::settings`], for a bot that Slack calls.
    #[must_use]
    pub fn http_settings(&self, folder: &Path) -> String {
        self.settings(folder, &[("signing_secret_file", SECRET)])
    }

    /// A trigger of somebody's, which lives for three seconds.
    ///
    /// # Panics
    /// When there is none.
    pub async fn trigger(&self, name: &str) -> String {
        let wanted = json!({"user_id": self.id(name)});
        let answer = call(self.api, "views.generateTriggerId", &wanted).await;
        answer["trigger_id"].as_str().expect("a trigger").to_owned()
    }

    /// Sends what Slack would send.
    pub async fn send(&self, signed: &Signed) -> Letter {
        post(self.port, signed.path, &signed.headers, &signed.body).await
    }

    /// Sends it, and it is taken; the answer.
    ///
    /// # Panics
    /// When it is not.
    pub async fn taken(&self, signed: &Signed) -> Value {
        let answer = self.send(signed).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status(), 200, "{} {said}", answer.head);
        answer.json()
    }
}

/// A method of the emulated API, under the bot's token.
///
/// # Panics
/// When it fails.
pub async fn call(api: u16, method: &str, body: &Value) -> Value {
    let headers = format!(
        "Authorization: Bearer {TOKEN}\r\nContent-Type: application/json; charset=utf-8\r\n"
    );
    let (path, body) = (format!("/api/{method}"), body.to_string());
    let answer = post(api, &path, &headers, body.as_bytes()).await.json();
    assert_eq!(answer["ok"], true, "{method}: {answer}");
    answer
}

async fn users(api: u16) -> Vec<(String, String)> {
    let answer = call(api, "users.list", &json!({})).await;
    let members = answer["members"].as_array().expect("members").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    members
        .map(|member| (text(&member["name"]), text(&member["id"])))
        .collect()
}

async fn channel(api: u16) -> String {
    let answer = call(api, "conversations.list", &json!({})).await;
    let mut all = answer["channels"].as_array().expect("channels").iter();
    let found = all.find(|channel| channel["name"] == CHANNEL);
    let id = found.expect("it was asked for")["id"].as_str();
    id.expect("text").to_owned()
}

/// What `emulate` begins with. Its scopes are those of our manifest, and three for the test.
fn seeds() -> String {
    use countersign_chatbot::slack::manifest::{Reach, manifest};
    let scopes = manifest(&Reach::Socket)["oauth_config"]["scopes"]["bot"].clone();
    let mut scopes = scopes.as_array().expect("scopes").clone();
    scopes.extend(["users:read", "users:read.email", "channels:read"].map(Value::from));
    let names = PEOPLE.iter().chain([&ME]);
    let users: Vec<Value> = names.map(|name| json!({"name": name})).collect();
    let token = json!({"token": TOKEN, "user": ME, "scopes": scopes});
    // YAML takes JSON.
    json!({"slack": {
        "users": users,
        "channels": [{"name": CHANNEL}],
        "tokens": [token],
        "strict_scopes": true,
    }})
    .to_string()
}

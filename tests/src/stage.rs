//! A ledger under the starter policy, and the bot before it: where every test of people begins.

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_ledger::identity::role::Role;
use serde_json::Value;

use crate::folder::DataFolder;
use crate::process::{Served, countersign, run};

/// A path as an argument.
///
/// # Panics
/// When it is not plain text.
#[must_use]
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A running ledger, and the identity of a bot.
#[derive(Debug)]
pub struct Stage {
    /// Its data folder.
    pub data: DataFolder,
    /// Identity folder of the bot.
    pub identity: PathBuf,
    ledger: Option<Served>,
}

impl Stage {
    /// A ledger that knows a bot of this name and these users. No policy is in force yet.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn open(bot: &str, users: &[&str]) -> Self {
        let data = DataFolder::new().await;
        let identity = data.issue(Role::Bot, bot).await;
        for user in users {
            data.issue(Role::User, user).await;
        }
        let ledger = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
        Self {
            data,
            identity,
            ledger: Some(ledger),
        }
    }

    /// Puts the starter policy into force, whose people `change` may alter: name and attributes.
    ///
    /// # Panics
    /// When the ledger does not take it.
    pub fn put_starter(&self, mut change: impl FnMut(&str, &mut Value)) {
        self.write_starter();
        self.change_entities(|all| {
            for entity in all {
                if entity["uid"]["type"] == "Person" {
                    let name = entity["uid"]["id"].as_str().expect("a name").to_owned();
                    change(&name, &mut entity["attrs"]);
                }
            }
        });
        self.put_policy();
    }

    /// Writes the starter policy into the folder of the policy.
    ///
    /// # Panics
    /// When one is there.
    pub fn write_starter(&self) {
        let policy = self.policy();
        let starter = run(&["policy", "starter", "--out", text(&policy)]);
        assert!(starter.status.success(), "{starter:?}");
    }

    /// Changes the entities of the policy in its folder.
    ///
    /// # Panics
    /// When there is no policy.
    pub fn change_entities(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let file = self.policy().join("entities.json");
        let old = std::fs::read_to_string(&file).expect("it is there");
        let mut all: Vec<Value> = serde_json::from_str(&old).expect("a list");
        change(&mut all);
        let new = serde_json::to_string(&all).expect("JSON");
        std::fs::write(&file, new).expect("room");
    }

    /// Puts the policy into force as it stands in its folder.
    ///
    /// # Panics
    /// When the ledger does not take it.
    pub fn put_policy(&self) {
        let (policy, dir) = (self.policy(), self.data.path());
        let put = run(&["policy", "put", text(&policy), "--dir", text(&dir)]);
        let why = String::from_utf8_lossy(&put.stderr);
        assert!(put.status.success(), "{why}");
    }

    /// The folder of the policy.
    #[must_use]
    pub fn policy(&self) -> PathBuf {
        self.beside("policy")
    }

    /// A name beside the data folder, where it vanishes with the rest.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.data.path().with_file_name(name)
    }

    /// The ledger.
    ///
    /// # Panics
    /// When it was ended.
    #[must_use]
    pub fn ledger(&self) -> &Served {
        self.ledger.as_ref().expect("it serves")
    }

    /// Ends the ledger without a chance to clean up.
    ///
    /// # Panics
    /// When it was ended before.
    pub fn kill_ledger(&mut self) {
        self.ledger.take().expect("it serves").kill();
    }

    /// The command that serves people, with these arguments as well.
    #[must_use]
    pub fn chatbot(&self, more: &[&str]) -> Command {
        self.chatbot_at("127.0.0.1:0", more)
    }

    /// As [`Stage::chatbot`], with the inbox at this address.
    #[must_use]
    pub fn chatbot_at(&self, web: &str, more: &[&str]) -> Command {
        let mut command = countersign(&["chatbot", "serve", "--web", web]);
        command.args(["--server", &self.ledger().endpoint.grpc]);
        command.args(["--identity", text(&self.identity)]);
        command.args(more).env("NO_PROXY", "127.0.0.1");
        command
    }

    /// Entries of the log that fit these options of `countersign log`.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[must_use]
    pub fn entries(&self, which: &[&str]) -> Vec<Value> {
        let dir = self.data.path();
        let listed = run(&[&["log", "--json", "--dir", text(&dir)][..], which].concat());
        let why = String::from_utf8_lossy(&listed.stderr);
        assert!(listed.status.success(), "{why}");
        let listed = String::from_utf8(listed.stdout).expect("text");
        let entry = |line: &str| serde_json::from_str(line).expect("JSON");
        listed.lines().map(entry).collect()
    }

    /// Stops the ledger, if it still runs; the log must be intact. Who uses it has ended before.
    ///
    /// # Panics
    /// When it is not.
    pub fn end(mut self) {
        if let Some(ledger) = self.ledger.take() {
            assert!(ledger.stop().0.success());
        }
        let key = self.data.vkey.to_string();
        let verdict = run(&["verify", text(&self.data.path()), "--key", &key]);
        let said = String::from_utf8_lossy(&verdict.stdout);
        assert_eq!(verdict.status.code(), Some(0), "{said}");
    }
}

/// Entries, but for those that say what was told: they come when they come.
#[must_use]
pub fn without_messages(entries: Vec<Value>) -> Vec<Value> {
    let of_people = |entry: &Value| {
        let name = entry["name"].as_str().unwrap_or_default();
        !name.starts_with("Notification")
    };
    entries.into_iter().filter(of_people).collect()
}

//! A company whose people are in Slack, in Teams, and at the inbox of one bot.

use countersign_tests::browser::Browser;
use countersign_tests::inbox::{enter, serve};
use countersign_tests::process::free_port;
use countersign_tests::program::Program;
use countersign_tests::slack::workspace::Workspace;
use countersign_tests::stage::{Stage, text};
use countersign_tests::teams::chats::{Chats, object};
use serde_json::{Value, json};

/// Where team leads meet in Teams, when there are many of them.
pub(crate) const CHANNEL: &str = "19:leads@thread.tacv2";

pub(crate) struct Office {
    pub(crate) stage: Stage,
    pub(crate) slack: Workspace,
    pub(crate) chats: Chats,
    program: Program,
    /// Of the inbox.
    pub(crate) url: String,
    links: Vec<String>,
}

/// The name of one of the crowd.
pub(crate) fn lead(number: usize) -> String {
    format!("lead-{number:03}")
}

/// The Slack id of one of the crowd.
pub(crate) fn lead_id(number: usize) -> String {
    format!("ULEAD{number:03}")
}

impl Office {
    /// With sign-in links for these people, and so many team leads more. Team leads have a channel
    /// in Slack, and one in Teams when there are more of them.
    pub(crate) async fn open(people: &[&str], crowd: usize) -> Self {
        Self::with(people, crowd, |_, settings| settings).await
    }

    /// As [`Office::open`], with settings and entities that were changed.
    pub(crate) async fn with(
        people: &[&str],
        crowd: usize,
        change: impl Fn(&mut Vec<Value>, String) -> String,
    ) -> Self {
        let stage = Stage::open("chat", &[]).await;
        let slack = Workspace::start(&stage.beside("emulate")).await;
        let chats = Chats::start().await;
        stage.write_starter();
        let folder = stage.beside("bot");
        let web = format!("127.0.0.1:{}", free_port());
        let (slack_settings, teams_settings) =
            (slack.http_settings(&folder), chats.settings(&folder));
        let mut settings =
            format!("inbox_url = \"http://{web}\"\n{slack_settings}{teams_settings}");
        stage.change_entities(|all| {
            for entity in all.iter_mut() {
                place(entity, &slack, crowd > 0);
            }
            all.extend((0..crowd).map(member));
            settings = change(all, std::mem::take(&mut settings));
        });
        stage.put_policy();
        let config = folder.join("chatbot.toml");
        std::fs::write(&config, settings).expect("room");
        let links = people.iter().flat_map(|name| ["--link", name]);
        let words: Vec<&str> = links.chain(["--chat", text(&config)]).collect();
        let (program, url, links) = serve(&mut stage.chatbot_at(&web, &words), people.len());
        // In whatever order they come.
        let said = program.says("taking activities of Teams");
        if !said.contains("Slack can call") {
            program.says("Slack can call");
        }
        Self {
            stage,
            slack,
            chats,
            program,
            url,
            links,
        }
    }

    /// A browser in which this one of the people has signed in.
    pub(crate) async fn browser(&self, number: usize) -> Browser {
        enter(&self.url, &self.links[number]).await
    }

    /// Entries of a case with this name.
    pub(crate) fn count(&self, case: u64, name: &str) -> usize {
        let entries = self.stage.entries(&["--case", &case.to_string()]);
        entries.iter().filter(|entry| entry["name"] == name).count()
    }

    /// Stops everything; the log must be intact.
    pub(crate) fn end(mut self) {
        self.program.kill();
        self.stage.end();
    }
}

/// Says where somebody is.
fn place(entity: &mut Value, slack: &Workspace, is_crowded: bool) {
    let name = entity["uid"]["id"].as_str().expect("a name").to_owned();
    let is_person = entity["uid"]["type"] == "Person";
    let attributes = &mut entity["attrs"];
    match is_person {
        true => {
            attributes["teams"] = json!(object(&name));
            // Who is not in the workspace has no id there, whatever the starter says.
            attributes.as_object_mut().expect("facts").remove("slack");
            if let Some(id) = slack.known(&name) {
                attributes["slack"] = json!(id);
            }
        }
        false if name == "team-leads" => {
            attributes["slack"] = json!(slack.channel());
            if is_crowded {
                attributes["teams"] = json!(CHANNEL);
            }
        }
        false => {}
    }
}

fn member(number: usize) -> Value {
    let name = lead(number);
    json!({
        "uid": {"type": "Person", "id": name},
        "attrs": {"slack": lead_id(number), "teams": object(&name)},
        "parents": [{"type": "Group", "id": "team-leads"}],
    })
}

//! A ledger, Slack's Web API as `emulate` has it, and the real bot between them.

use std::ops::Deref;

use countersign_chatbot::Clock;
use countersign_chatbot::account::{Account, Platform};
use countersign_chatbot::bot::Bot;
use countersign_chatbot::slack::place::Slack;
use countersign_chatbot::slack::settings::SlackSettings;
use countersign_chatbot::surface::{Mark, Place, Recipient, Surface as _};
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_tests::program::Program;
use countersign_tests::slack::payload::{SECRET, TEAM};
use countersign_tests::slack::workspace::{TOKEN, Workspace};
use countersign_tests::stage::{Stage, text, without_messages};
use serde_json::{Value, json};

pub(crate) struct Scene {
    pub(crate) stage: Stage,
    pub(crate) slack: Workspace,
    pub(crate) bot: Option<Program>,
}

impl Deref for Scene {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.slack
    }
}

impl Scene {
    /// Everything; the bot takes what Slack posts.
    pub(crate) async fn start() -> Self {
        let mut scene = Self::without_bot().await;
        scene.start_bot(&[("signing_secret_file", SECRET)]);
        scene
    }

    /// Everything but the bot. People of the policy have the ids that `emulate` gave them.
    pub(crate) async fn without_bot() -> Self {
        let stage = Stage::open("slack", &[]).await;
        let slack = Workspace::start(&stage.beside("emulate")).await;
        stage.put_starter(|name, attributes| {
            if let Some(id) = slack.known(name) {
                attributes["slack"] = json!(id);
            }
        });
        Self {
            stage,
            slack,
            bot: None,
        }
    }

    /// Starts the bot with these secrets, each in a file of its own.
    pub(crate) fn start_bot(&mut self, secrets: &[(&str, &str)]) {
        let is_http = secrets
            .iter()
            .any(|(setting, _)| *setting == "signing_secret_file");
        let says = match is_http {
            true => "Slack can call",
            false => "a socket to Slack is open",
        };
        self.start_bot_that_says(says, secrets);
    }

    /// Starts the bot, and waits until it says something.
    pub(crate) fn start_bot_that_says(&mut self, says: &str, secrets: &[(&str, &str)]) {
        let folder = self.stage.beside("bot");
        let config = self.slack.settings(&folder, secrets);
        let path = folder.join("chatbot.toml");
        std::fs::write(&path, config).expect("room");
        let bot = Program::start(&mut self.stage.chatbot(&["--chat", text(&path)]));
        bot.says(says);
        self.bot = Some(bot);
    }

    /// A program of ours with the bot's identity, to post cards as the follower does.
    pub(crate) async fn teller(&self) -> Teller {
        let grpc = &self.stage.ledger().endpoint.grpc;
        let client = self.stage.data.connect(grpc, &self.stage.identity).await;
        let clock = SystemClock::new();
        let bot = Bot::open(client, Clock::new(move || clock.wall())).await;
        let folder = self.stage.beside("teller");
        std::fs::create_dir_all(&folder).expect("room");
        for (name, secret) in [("token", TOKEN), ("app", "xapp-1")] {
            std::fs::write(folder.join(name), secret).expect("room");
        }
        let settings = json!({
            "team": TEAM,
            "bot_token_file": "token",
            "app_token_file": "app",
            "api_url": self.relay.url(),
        });
        let mut settings: SlackSettings = serde_json::from_value(settings).expect("settings");
        settings.settle(&folder).expect("good settings");
        Teller {
            bot: bot.expect("a ledger"),
            slack: Slack::new(&settings).expect("good settings"),
        }
    }

    /// The entries of a case.
    pub(crate) fn entries(&self, case: u64) -> Vec<Value> {
        without_messages(self.stage.entries(&["--case", &case.to_string()]))
    }

    /// How many entries the log has, but for those that say what was told.
    pub(crate) fn size(&self) -> usize {
        without_messages(self.stage.entries(&[])).len()
    }

    /// Ends the bot, so that nobody but the test speaks to Slack.
    pub(crate) fn silence(&mut self) {
        self.bot = None;
    }

    /// Stops everything; the log must be intact.
    pub(crate) fn end(mut self) {
        self.bot = None;
        self.stage.end();
    }
}

/// Posts cards.
pub(crate) struct Teller {
    pub(crate) bot: std::sync::Arc<Bot>,
    pub(crate) slack: Slack,
}

impl Teller {
    /// Shows a case to somebody; where it stands.
    pub(crate) async fn show(&self, case: u64, person: &str, account: &str) -> Place {
        let sight = self.bot.sight(case).await.expect("a case");
        let audience = self.bot.audience(&sight, person).await.expect("an answer");
        let card = sight.card(&audience.expect("it is theirs to see"));
        let mark = Mark {
            about: case,
            // Not what the bot itself has told this person.
            recipient: format!("{person} by hand"),
        };
        let to = to(account);
        let place = self
            .slack
            .post(&to, &card, &mark)
            .await
            .expect("it is posted");
        let found = self.slack.find(&to, &mark).await.expect("an answer");
        assert_eq!(found.as_ref(), Some(&place), "the mark leads back");
        place
    }
}

/// Somebody, in a conversation with the bot.
pub(crate) fn to(account: &str) -> Recipient {
    Recipient::Account(Account {
        platform: Platform::Slack,
        tenant: TEAM.to_owned(),
        user: account.to_owned(),
    })
}

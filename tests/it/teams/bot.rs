//! The real program with a real ledger, and people who use it in Teams.

use std::ops::Deref;

use countersign_tests::program::Program;
use countersign_tests::stage::{Stage, text};
use countersign_tests::teams::chats::{Chats, object};
use serde_json::{Value, json};

/// A running bot.
pub(crate) struct Bot {
    program: Program,
    pub(crate) stage: Stage,
    chats: Chats,
}

impl Deref for Bot {
    type Target = Chats;

    fn deref(&self) -> &Chats {
        &self.chats
    }
}

/// Starts the program and waits until it listens.
fn serve(stage: &Stage) -> Program {
    let config = stage.beside("teams").join("chatbot.toml");
    let program = Program::start(&mut stage.chatbot(&["--chat", text(&config)]));
    program.says("taking activities of Teams");
    program
}

impl Bot {
    pub(crate) async fn start() -> Self {
        let stage = Stage::open("teams", &[]).await;
        stage.put_starter(|person, attributes| attributes["teams"] = json!(object(person)));
        let chats = Chats::start().await;
        let folder = stage.beside("teams");
        let settings = chats.settings(&folder);
        let settings = format!("inbox_url = \"https://access.example.com\"\n{settings}");
        std::fs::write(folder.join("chatbot.toml"), settings).expect("room");
        Self {
            program: serve(&stage),
            stage,
            chats,
        }
    }

    /// Starts the bot anew, as after a crash.
    pub(crate) fn restart(&mut self) {
        self.program.kill();
        self.program = serve(&self.stage);
    }

    /// What the bot has said to its operator until it said this.
    pub(crate) fn says(&self, text: &str) -> String {
        self.program.says(text)
    }

    pub(crate) fn entries(&self, case: &str) -> Vec<Value> {
        self.stage.entries(&["--case", case])
    }

    /// Stops everything; the log must be intact.
    pub(crate) fn end(mut self) {
        self.program.kill();
        self.stage.end();
    }
}

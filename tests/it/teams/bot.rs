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

/// A ledger and Microsoft, and the settings for both in a folder.
async fn set_up() -> (Stage, Chats) {
    let stage = Stage::open("teams", &[]).await;
    stage.put_starter(|person, attributes| attributes["teams"] = json!(object(person)));
    let chats = Chats::start().await;
    let folder = stage.beside("teams");
    let settings = chats.settings(&folder);
    let settings = format!("inbox_url = \"https://access.example.com\"\n{settings}");
    std::fs::write(folder.join("chatbot.toml"), settings).expect("room");
    (stage, chats)
}

/// Starts the program, which ends by itself; what it said.
fn refuses(stage: &Stage) -> String {
    let config = stage.beside("teams").join("chatbot.toml");
    let ended = stage.chatbot(&["--chat", text(&config)]).output();
    let ended = ended.expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_cannot_work_says_so_at_the_start() {
    let (stage, chats) = set_up().await;
    let secret = stage.beside("teams").join("teams-secret");
    std::fs::write(&secret, "wrong\n").expect("room");
    let said = tokio::task::block_in_place(|| refuses(&stage));
    for words in ["401", "invalid_client", "teams.client_secret_file"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    std::fs::write(&secret, "hush\n").expect("room");
    let taken = std::net::TcpListener::bind(("127.0.0.1", chats.port)).expect("it is free");
    let said = tokio::task::block_in_place(|| refuses(&stage));
    let words = format!("cannot listen for Teams on 127.0.0.1:{}", chats.port);
    assert!(
        said.contains(&words) && said.contains("teams.listen"),
        "{said}"
    );
    drop(taken);
    std::fs::remove_file(&secret).expect("it is there");
    let said = tokio::task::block_in_place(|| refuses(&stage));
    assert!(
        said.contains("teams.client_secret_file: cannot read"),
        "{said}"
    );
    stage.end();
}

impl Bot {
    pub(crate) async fn start() -> Self {
        let (stage, chats) = set_up().await;
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

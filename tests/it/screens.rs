//! The web inbox in a real browser: a whole case, its pages in light and dark, and an approval that
//! is signed with a passkey.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use countersign_ledger::identity::role::Role;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, countersign, run, tool};
use serde_json::{Value, json};

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A ledger with an inbox under the starter policy.
struct Stage {
    data: DataFolder,
    server: Option<Served>,
    inbox: Child,
    /// By the name of this machine: browsers make no passkeys for an address.
    url: String,
    links: Vec<String>,
    policy: PathBuf,
}

impl Stage {
    async fn open(people: &[&str]) -> Self {
        let data = DataFolder::new().await;
        let bot = data.issue(Role::Bot, "inbox").await;
        let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
        let policy = data.path().with_file_name("policy");
        let starter = ["policy", "starter", "--out", text(&policy)];
        assert!(run(&starter).status.success());
        let mut words = vec!["chatbot", "serve", "--web", "127.0.0.1:0"];
        words.extend(["--server", &server.endpoint.grpc, "--identity", text(&bot)]);
        words.extend(people.iter().flat_map(|name| ["--link", name]));
        let mut inbox = countersign(&words)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(inbox.stdout.take().expect("piped")).lines();
        let mut last = || {
            let line = lines.next().expect("a line").expect("text");
            let word = line.rsplit(' ').next().unwrap_or_default();
            word.replace("127.0.0.1", "localhost")
        };
        let url = last();
        let links = people.iter().map(|_| last()).collect();
        let stage = Self {
            data,
            server: Some(server),
            inbox,
            url,
            links,
            policy,
        };
        stage.put();
        stage
    }

    /// Puts the policy into force as it stands in its folder.
    fn put(&self) {
        let dir = self.data.path();
        let put = run(&["policy", "put", text(&self.policy), "--dir", text(&dir)]);
        assert!(
            put.status.success(),
            "{}",
            String::from_utf8_lossy(&put.stderr)
        );
    }

    /// Approvals of payments are signed, by these people.
    fn ask_for_passkeys(&self, passkeys: &[(&str, &str)]) {
        let access = self.policy.join("access.cedar");
        let old = std::fs::read_to_string(&access).expect("there");
        let new = old.replace(
            "@approvals(\"team",
            "@step_up(\"passkey\") @approvals(\"team",
        );
        assert_ne!(old, new);
        std::fs::write(&access, new).expect("room");
        let people = self.policy.join("entities.json");
        let mut all: Value =
            serde_json::from_slice(&std::fs::read(&people).expect("there")).expect("JSON");
        for (person, passkey) in passkeys {
            let mut entities = all.as_array_mut().expect("a list").iter_mut();
            let found = entities.find(|entity| entity["uid"]["id"] == *person);
            found.expect("a person")["attrs"]["passkeys"] = json!([passkey]);
        }
        std::fs::write(&people, all.to_string()).expect("room");
        self.put();
    }

    /// The log is intact; its entries of this name.
    fn end(mut self, name: &str) -> Vec<Value> {
        let (dir, key) = (self.data.path(), self.data.vkey.to_string());
        let listed = run(&["log", "--kind", name, "--json", "--dir", text(&dir)]);
        let listed = String::from_utf8(listed.stdout).expect("text");
        self.inbox.kill().expect("it runs");
        self.inbox.wait().expect("it ran");
        assert!(self.server.take().expect("it serves").stop().0.success());
        let verdict = run(&["verify", text(&dir), "--key", &key]);
        let said = String::from_utf8_lossy(&verdict.stdout);
        assert_eq!(verdict.status.code(), Some(0), "{said}");
        let lines = listed.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.inbox.kill());
        drop(self.inbox.wait());
    }
}

/// A browser with a context for each person.
struct Browser {
    child: Child,
    orders: Option<ChildStdin>,
    answers: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Browser {
    fn open(url: &str) -> Self {
        let shots = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screens");
        std::fs::create_dir_all(&shots).expect("room");
        let modules = tool("COUNTERSIGN_TEST_BUF");
        let modules = modules
            .parent()
            .and_then(Path::parent)
            .expect("node_modules");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/inbox_screens.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .arg(modules.join("playwright-core/index.js"))
            .arg(tool("COUNTERSIGN_TEST_CHROMIUM"))
            .args([&shots, Path::new(url)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let answers = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self {
            orders: child.stdin.take(),
            child,
            answers,
        }
    }

    fn act(&mut self, who: &str, act: &str, mut rest: Value) -> Value {
        rest["who"] = who.into();
        rest["act"] = act.into();
        let orders = self.orders.as_mut().expect("it is open");
        writeln!(orders, "{rest}").expect("it listens");
        let line = self.answers.next().expect("an answer").expect("text");
        let mut answer: Value = serde_json::from_str(&line).expect("JSON");
        assert!(answer["error"].is_null(), "{rest}: {answer:#}");
        answer["ok"].take()
    }

    fn press(&mut self, who: &str, button: &str) {
        self.act(who, "press", json!({"button": button}));
    }

    fn fill(&mut self, who: &str, label: &str, text: &str) {
        self.act(who, "fill", json!({"label": label, "text": text}));
    }

    fn shot(&mut self, who: &str, name: &str) {
        self.act(who, "shot", json!({"name": name}));
        let dark = format!("{name}-dark");
        self.act(who, "shot", json!({"name": dark, "dark": true}));
    }

    /// Asks for access; the path of the case.
    fn ask(&mut self, who: &str) -> String {
        self.act(who, "open", json!({"path": "/request"}));
        let what = json!({"label": "What do you need?", "value": "orders-db read-only"});
        self.act(who, "choose", what);
        self.fill(who, "For how long?", "30m");
        self.fill(who, "Why?", "orders are late");
        self.fill(who, "Ticket", "OPS-7");
        self.shot(who, "request");
        self.press(who, "Continue");
        self.shot(who, "request-tried");
        self.press(who, "Send the request");
        let path = self.act(who, "where", json!({}));
        path.as_str().expect("a path").to_owned()
    }

    fn reads(&mut self, who: &str, selector: &str) -> String {
        let text = self.act(who, "read", json!({"selector": selector}));
        text.as_str().expect("text").to_owned()
    }

    /// No page broke its own rules; the browser ends.
    fn end(mut self, people: &[&str]) {
        for who in people {
            let complaints = self.act(who, "complaints", json!({}));
            assert_eq!(complaints, json!([]), "{who}");
        }
        drop(self.orders.take());
        assert!(self.child.wait().expect("it ran").success());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_in_a_real_browser_from_the_request_to_a_signed_approval() {
    let people = ["bruno", "ada", "fatima"];
    let stage = Stage::open(&people).await;
    let mut browser = Browser::open(&stage.url);
    for (who, link) in people.iter().zip(&stage.links) {
        browser.act(who, "enter", json!({"link": link}));
    }
    let denied = browser.ask("bruno");
    browser.act("ada", "open", json!({"path": "/"}));
    browser.shot("ada", "inbox");
    browser.act("ada", "open", json!({"path": denied}));
    browser.fill("ada", "Why?", "use the replica");
    browser.press("ada", "Deny");
    browser.shot("ada", "denied");

    browser.act("ada", "authenticator", json!({}));
    browser.act("ada", "open", json!({"path": "/passkeys"}));
    browser.press("ada", "Make a passkey");
    browser.shot("ada", "passkey");
    let passkey = browser.reads("ada", "#passkey");
    stage.ask_for_passkeys(&[("ada", passkey.trim())]);

    let case = browser.ask("bruno");
    browser.act("fatima", "open", json!({"path": case}));
    let words = "the policy has no passkey of yours";
    let tried = json!({"button": "Approve", "words": words});
    browser.act("fatima", "try", tried);
    browser.act("ada", "open", json!({"path": case}));
    browser.fill("ada", "Why?", "seen, \"fine\"\nby me");
    browser.shot("ada", "decide");
    browser.press("ada", "Approve");
    browser.shot("ada", "approved");

    browser.act("bruno", "open", json!({"path": case}));
    browser.fill("bruno", "How did it go?", "found it");
    browser.press("bruno", "I am done");
    browser.act("bruno", "check", json!({"label": "Yes", "nth": 0}));
    browser.act("bruno", "check", json!({"label": "Yes", "nth": 1}));
    browser.shot("bruno", "feedback");
    browser.press("bruno", "Send");
    browser.end(&["bruno", "ada"]);

    let reviews = stage.end("ReviewRecorded");
    assert_eq!(reviews.len(), 2, "{reviews:#?}");
    let [denial, approval] = [&reviews[0]["event"], &reviews[1]["event"]];
    assert!(denial["evidence"]["passkey"].is_null(), "{denial:#}");
    let signed = &approval["evidence"]["passkey"];
    let client = signed["client_data_json"].as_str().expect("it is signed");
    assert!(client.contains("webauthn.get"), "{client}");
    assert_eq!(approval["person"], "ada");
}

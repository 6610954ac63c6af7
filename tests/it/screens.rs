//! The web inbox in a real browser: a whole case, its pages in light and dark, and an approval that
//! is signed with a passkey.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use countersign_tests::inbox::Inbox;
use countersign_tests::node::{node_modules, peer, python};
use countersign_tests::process::tool;
use serde_json::{Value, json};

/// Bytes of a picture of the documentation.
const LARGEST: u64 = 60_000;

/// Pictures of the documentation, and the pages that show them.
const PICTURES: [(&str, &str); 6] = [
    ("inbox", "web.md"),
    ("inbox-dark", "web.md"),
    ("request-tried", "web.md"),
    ("decide", "web.md"),
    ("decide-dark", "web.md"),
    ("teams-card", "teams.md"),
];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn shots() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screens")
}

/// Makes pictures of the documentation out of these, when it was asked for.
#[expect(clippy::print_stdout, reason = "a test says what it made")]
fn regenerate(of: impl Fn(&str) -> bool) {
    if std::env::var_os("COUNTERSIGN_REGENERATE").is_none_or(|value| value != "1") {
        return;
    }
    for (name, _) in PICTURES.iter().filter(|(name, _)| of(name)) {
        let file = format!("{name}.png");
        let made = python()
            .arg(peer("picture.py"))
            .arg(shots().join(&file))
            .arg(docs().join("images").join(&file))
            .args([LARGEST.to_string(), "1000".to_owned()])
            .output()
            .expect("it is installed");
        let said = [made.stdout, made.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(made.status.success(), "{said}");
        print!("{said}");
    }
}

#[test]
fn pictures_of_the_documentation_are_small_and_each_is_shown() {
    let folder = docs().join("images");
    for (name, page) in PICTURES {
        let file = folder.join(format!("{name}.png"));
        let size = std::fs::metadata(&file).expect("it was made").len();
        assert!(size <= LARGEST, "{name}: {size} bytes");
        let text = std::fs::read_to_string(docs().join(page)).expect("a page");
        assert!(
            text.contains(&format!("images/{name}.png")),
            "{name} in {page}"
        );
    }
    let all = std::fs::read_dir(&folder).expect("a folder").count();
    assert_eq!(all, PICTURES.len(), "a picture that nobody shows");
}

#[test]
fn a_card_is_drawn_by_microsofts_renderer_in_a_browser() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../chatbot/tests/golden/teams");
    let text = std::fs::read_to_string(golden.join("opened.json")).expect("it is there");
    let readers: Value = serde_json::from_str(&text).expect("JSON");
    let renderer = node_modules().join("adaptivecards/dist/adaptivecards.min.js");
    let mut browser = Browser::open("http://localhost/");
    let order = json!({"renderer": renderer, "card": readers["reviewer"], "name": "teams-card"});
    let shown = browser.act("teams", "card", order);
    let shown = shown.as_str().expect("text");
    for words in ["Approve", "Deny", "pending", "Requester", "Approvals"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    browser.end(&["teams"]);
    regenerate(|name| name == "teams-card");
}

/// Browsers make no passkeys for an address, so this machine has its name.
fn named(url: &str) -> String {
    url.replace("127.0.0.1", "localhost")
}

/// Approvals of payments are signed, by this person with this passkey.
fn ask_for_passkeys(inbox: &Inbox, person: &str, passkey: &str) {
    let access = inbox.stage.policy().join("access.cedar");
    let old = std::fs::read_to_string(&access).expect("there");
    let new = old.replace(
        "@approvals(\"team",
        "@step_up(\"passkey\") @approvals(\"team",
    );
    assert_ne!(old, new);
    std::fs::write(&access, new).expect("room");
    inbox.stage.change_entities(|all| {
        let found = all.iter_mut().find(|entity| entity["uid"]["id"] == person);
        found.expect("a person")["attrs"]["passkeys"] = json!([passkey]);
    });
    inbox.stage.put_policy();
}

/// A browser with a context for each person.
struct Browser {
    child: Child,
    orders: Option<ChildStdin>,
    answers: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Browser {
    fn open(url: &str) -> Self {
        let shots = shots();
        std::fs::create_dir_all(&shots).expect("room");
        let mut child = Command::new("node")
            .arg(peer("inbox_screens.mjs"))
            .arg(node_modules().join("playwright-core/index.js"))
            .arg(tool("COUNTERSIGN_TEST_CHROMIUM"))
            .arg(&shots)
            .arg(url)
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
    let inbox = Inbox::start(&people, &[]).await;
    let mut browser = Browser::open(&named(&inbox.url));
    for (who, link) in people.iter().zip(&inbox.links) {
        browser.act(who, "enter", json!({"link": named(link)}));
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
    ask_for_passkeys(&inbox, "ada", passkey.trim());

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

    let reviews = inbox.stage.entries(&["--kind", "ReviewRecorded"]);
    inbox.end();
    assert_eq!(reviews.len(), 2, "{reviews:#?}");
    let [denial, approval] = [&reviews[0]["event"], &reviews[1]["event"]];
    assert!(denial["evidence"]["passkey"].is_null(), "{denial:#}");
    let signed = &approval["evidence"]["passkey"];
    let client = signed["client_data_json"].as_str().expect("it is signed");
    assert!(client.contains("webauthn.get"), "{client}");
    assert_eq!(approval["person"], "ada");
    regenerate(|name| name != "teams-card");
}

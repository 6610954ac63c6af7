//! A ledger with a policy, and identities of those who use it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use countersign_ledger::identity::role::Role;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, countersign, run};
use serde_json::Value;

const POLICY: &str = r#"
@id("database")
@approvals("security:1")
@max_duration("2h")
@request_ttl("15m")
@max_extensions("1")
permit (
  principal in Group::"engineers",
  action == Action::"request",
  resource == Resource::"db-prod"
);

@id("database-in-need")
@max_duration("30m")
@retro_review("security:24h")
permit (
  principal in Group::"engineers",
  action == Action::"break_glass",
  resource == Resource::"db-prod"
);

@id("reviewers")
permit (principal, action == Action::"approve", resource)
when { principal in context.group };
"#;

const ENTITIES: &str = r#"[
  {"uid": {"type": "Group", "id": "engineers"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Group", "id": "security"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Person", "id": "ada"}, "attrs": {},
   "parents": [{"type": "Group", "id": "engineers"}]},
  {"uid": {"type": "Person", "id": "bob"}, "attrs": {},
   "parents": [{"type": "Group", "id": "security"}]},
  {"uid": {"type": "Person", "id": "eve"}, "attrs": {},
   "parents": [{"type": "Group", "id": "security"}]},
  {"uid": {"type": "Resource", "id": "db-prod"},
   "attrs": {"environment": "production", "sensitivity": "high",
             "permissions": ["read-only", "admin"]},
   "parents": []},
  {"uid": {"type": "Settings", "id": "company"}, "attrs": {"zone": "UTC"}, "parents": []}
]
"#;

/// What everybody wants.
pub(crate) const WANT: [&str; 6] = [
    "db-prod",
    "admin",
    "--for",
    "1h",
    "--reason",
    "index is broken",
];

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A ledger with a policy, and identities of those who use it.
pub(crate) struct Room {
    pub(crate) data: DataFolder,
    server: Option<Served>,
    people: BTreeMap<&'static str, PathBuf>,
}

impl Room {
    pub(crate) async fn new() -> Self {
        let room = Self::without_policy().await;
        let folder = room.data.path().with_file_name("policy");
        fs::create_dir(&folder).expect("room");
        fs::write(folder.join("access.cedar"), POLICY).expect("room");
        fs::write(folder.join("entities.json"), ENTITIES).expect("room");
        room.good("admin", &["policy", "put", text(&folder)]);
        room
    }

    pub(crate) async fn without_policy() -> Self {
        let data = DataFolder::new().await;
        let mut people = BTreeMap::from([("admin", data.admin())]);
        for (role, name) in [
            (Role::User, "ada"),
            (Role::User, "bob"),
            (Role::User, "eve"),
            (Role::Bot, "slack"),
            (Role::Auditor, "olga"),
        ] {
            people.insert(name, data.issue(role, name).await);
        }
        let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
        Self {
            data,
            server: Some(server),
            people,
        }
    }

    /// Serves the same folder in another way.
    pub(crate) fn restart(&mut self, start: impl FnOnce(&Path) -> Result<Served, String>) {
        let before = self.server.take().expect("it serves");
        assert!(before.stop().0.success());
        self.server = Some(start(&self.data.path()).expect("a server"));
    }

    /// What the server printed until it had said all of this.
    pub(crate) fn server_says(&self, texts: &[&str]) -> String {
        self.server.as_ref().expect("it serves").says(texts)
    }

    pub(crate) fn call<'a>(&'a self, who: &str, words: &[&'a str]) -> Vec<&'a str> {
        let server = self.server.as_ref().expect("it serves");
        let identity = text(&self.people[who]);
        let connect = ["--server", &server.endpoint.grpc, "--identity", identity];
        [words, &connect].concat()
    }

    pub(crate) fn run(&self, who: &str, words: &[&str]) -> Output {
        run(&self.call(who, words))
    }

    /// What a command that must succeed printed.
    pub(crate) fn good(&self, who: &str, words: &[&str]) -> String {
        let output = self.run(who, words);
        let why = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert_eq!(code, Some(0), "{who}: {words:?}: {why}");
        String::from_utf8(output.stdout).expect("text")
    }

    pub(crate) fn json(&self, who: &str, words: &[&str]) -> Value {
        let told = self.good(who, &[words, &["--json"]].concat());
        serde_json::from_str(&told).expect("JSON")
    }

    /// What a command that must be refused said.
    pub(crate) fn refused(&self, who: &str, words: &[&str]) -> String {
        let output = self.run(who, words);
        let said = [&output.stdout[..], &output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(output.status.code(), Some(1), "{who}: {words:?}: {said}");
        said
    }

    /// Starts a command and lets it run.
    pub(crate) fn start(&self, who: &str, words: &[&str]) -> Child {
        countersign(&self.call(who, words))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts")
    }

    pub(crate) fn request(&self) -> u64 {
        let asked = self.json("ada", &[&["access", "request"][..], &WANT].concat());
        assert_eq!(asked["case"]["status"], "pending", "{asked}");
        asked["case"]["id"].as_u64().expect("a number")
    }

    /// The oldest case that is open, once there is one.
    pub(crate) fn first_case(&self) -> u64 {
        loop {
            let open = self.json("eve", &["access", "list", "--to-review"]);
            if let Some(case) = open.as_array().and_then(|all| all.last()) {
                return case["id"].as_u64().expect("a number");
            }
        }
    }

    /// Stops the server; the log must be intact.
    pub(crate) fn end(mut self) {
        let server = self.server.take().expect("it serves");
        assert!(server.stop().0.success());
        let key = self.data.vkey.to_string();
        let verdict = run(&["verify", text(&self.data.path()), "--key", &key]);
        let said = String::from_utf8_lossy(&verdict.stdout);
        assert_eq!(verdict.status.code(), Some(0), "{said}");
    }
}

//! Access cases at the command line: asking, deciding, using, giving back, and the policy behind
//! it, with a real ledger and one identity for each who takes part.

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
const WANT: [&str; 6] = [
    "db-prod",
    "admin",
    "--for",
    "1h",
    "--reason",
    "index is broken",
];

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A ledger with a policy, and identities of those who use it.
struct Room {
    data: DataFolder,
    server: Option<Served>,
    people: BTreeMap<&'static str, PathBuf>,
}

impl Room {
    async fn new() -> Self {
        let room = Self::without_policy().await;
        let folder = room.data.path().with_file_name("policy");
        fs::create_dir(&folder).expect("room");
        fs::write(folder.join("access.cedar"), POLICY).expect("room");
        fs::write(folder.join("entities.json"), ENTITIES).expect("room");
        room.good("admin", &["policy", "put", text(&folder)]);
        room
    }

    async fn without_policy() -> Self {
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

    fn call<'a>(&'a self, who: &str, words: &[&'a str]) -> Vec<&'a str> {
        let server = self.server.as_ref().expect("it serves");
        let identity = text(&self.people[who]);
        let connect = ["--server", &server.endpoint.grpc, "--identity", identity];
        [words, &connect].concat()
    }

    fn run(&self, who: &str, words: &[&str]) -> Output {
        run(&self.call(who, words))
    }

    /// What a command that must succeed printed.
    fn good(&self, who: &str, words: &[&str]) -> String {
        let output = self.run(who, words);
        let why = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert_eq!(code, Some(0), "{who}: {words:?}: {why}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, who: &str, words: &[&str]) -> Value {
        let told = self.good(who, &[words, &["--json"]].concat());
        serde_json::from_str(&told).expect("JSON")
    }

    /// What a command that must be refused said.
    fn refused(&self, who: &str, words: &[&str]) -> String {
        let output = self.run(who, words);
        let said = [&output.stdout[..], &output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(output.status.code(), Some(1), "{who}: {words:?}: {said}");
        said
    }

    /// Starts a command and lets it run.
    fn start(&self, who: &str, words: &[&str]) -> Child {
        countersign(&self.call(who, words))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts")
    }

    fn request(&self) -> u64 {
        let asked = self.json("ada", &[&["access", "request"][..], &WANT].concat());
        assert_eq!(asked["case"]["status"], "pending", "{asked}");
        asked["case"]["id"].as_u64().expect("a number")
    }

    /// The oldest case that is open, once there is one.
    fn first_case(&self) -> u64 {
        loop {
            let open = self.json("eve", &["access", "list", "--to-review"]);
            if let Some(case) = open.as_array().and_then(|all| all.last()) {
                return case["id"].as_u64().expect("a number");
            }
        }
    }

    /// Stops the server; the log must be intact.
    fn end(mut self) {
        let server = self.server.take().expect("it serves");
        assert!(server.stop().0.success());
        let key = self.data.vkey.to_string();
        let verdict = run(&["verify", text(&self.data.path()), "--key", &key]);
        let said = String::from_utf8_lossy(&verdict.stdout);
        assert_eq!(verdict.status.code(), Some(0), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_from_the_request_to_its_end() {
    let room = Room::new().await;
    let wanted = ["access", "simulate", "db-prod", "admin", "--for", "1h"];
    let told = room.good("ada", &wanted);
    assert!(told.contains("approval by 1 of security"), "{told}");
    let told = room.refused("eve", &wanted);
    assert!(told.starts_with("No:"), "{told}");

    let told = room.good("ada", &[&["access", "request"][..], &WANT].concat());
    assert!(told.contains("access show"), "the next command: {told}");
    let case = room.first_case();
    let id = case.to_string();
    let said = room.refused("ada", &["access", "review", &id, "--approve"]);
    assert!(said.contains("SELF_APPROVAL"), "{said}");
    let said = room.refused("ada", &["access", "check", "db-prod"]);
    assert!(said.starts_with("No:"), "{said}");
    let mine = room.json("ada", &["access", "list", "--mine"]);
    assert_eq!(mine.as_array().map(Vec::len), Some(1), "{mine}");
    let none = room.json("ada", &["access", "list", "--to-review"]);
    assert_eq!(none, Value::Array(Vec::new()), "nobody reviews oneself");

    let approve = ["access", "review", &id, "--approve", "--group", "security"];
    let approved = room.json("eve", &approve);
    assert_eq!(approved["case"]["status"], "active", "{approved}");
    let grant = approved["case"]["grant"]["id"].as_u64().expect("a grant");
    let grant = grant.to_string();
    let said = room.refused("bob", &["access", "review", &id, "--approve"]);
    assert!(said.contains("ALREADY_DECIDED"), "{said}");
    let told = room.good(
        "ada",
        &["access", "check", "db-prod", "--permission", "admin"],
    );
    assert!(told.starts_with("Yes:"), "{told}");

    let more = [
        "access", "extend", &grant, "--for", "30m", "--reason", "slow",
    ];
    let extended = room.json("ada", &more);
    let extension = extended["case"]["extension"]["id"].as_u64();
    let extension = extension.expect("an extension").to_string();
    let deny = [
        "access", "review", &extension, "--deny", "--reason", "enough",
    ];
    room.good("bob", &deny);
    room.good("ada", &["access", "finish", &grant, "--reason", "done"]);
    room.refused("ada", &["access", "check", "db-prod"]);
    let fine = ["--sufficient", "yes", "--wait-ok", "partly"];
    room.good("ada", &[&["access", "feedback", &id][..], &fine].concat());
    let last = [&["access", "feedback", &id][..], &fine].concat();
    let closed = room.json("eve", &last);
    assert_eq!(closed["case"]["status"], "closed", "{closed}");
    assert_eq!(closed["case"]["outcome"], "unused", "{closed}");

    let shown = room.json("olga", &["access", "show", &grant]);
    assert_eq!(shown["case"]["id"], case, "a grant leads to its case");
    let indexes: Vec<_> = shown["timeline"]
        .as_array()
        .expect("entries")
        .iter()
        .collect();
    let indexes: Vec<_> = indexes.iter().map(|entry| entry["index"].clone()).collect();
    assert_eq!(Value::from(indexes), shown["case"]["entries"]);
    let told = room.good("olga", &["access", "show", &id]);
    for words in [
        "ada asks for admin on db-prod for 1h",
        "eve approves request",
        "SELF_APPROVAL",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let told = room.good("ada", &["access", "show", &id]);
    assert!(told.contains("your role does not read entries"), "{told}");
    let log = room.good("olga", &["log", "--case", &id]);
    assert!(log.contains("GrantFinished"), "{log}");
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_learns_of_the_decision() {
    let room = Room::new().await;
    let ask = [&["access", "request"][..], &WANT, &["--wait"]].concat();
    let waiting = room.start("ada", &ask);
    let id = room.first_case().to_string();
    room.good("eve", &["access", "review", &id, "--approve"]);
    let output = waiting.wait_with_output().expect("it ran");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("access finish"), "{told}");

    let waiting = room.start("ada", &ask);
    let id = room.first_case().to_string();
    let deny = ["access", "review", &id, "--deny", "--reason", "not today"];
    room.good("bob", &deny);
    let output = waiting.wait_with_output().expect("it ran");
    assert_eq!(output.status.code(), Some(1));
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_changes_nothing_and_a_bot_speaks_for_others() {
    let room = Room::new().await;
    let ask = [&["access", "request"][..], &WANT].concat();
    let keyed = [&ask[..], &["--idempotency-key", "once"]].concat();
    let (one, two) = (room.json("ada", &keyed), room.json("ada", &keyed));
    assert_eq!(one["case"]["id"], two["case"]["id"]);
    assert_eq!(
        (&one["repeated"], &two["repeated"]),
        (&false.into(), &true.into())
    );

    let spoken = [&ask[..], &["--on-behalf-of", "user:ada"]].concat();
    let by_bot = room.json("slack", &spoken);
    assert_eq!(by_bot["case"]["person"], "ada");
    assert_ne!(by_bot["case"]["id"], one["case"]["id"]);
    let said = room.refused("bob", &spoken);
    assert!(said.contains("ACTOR_NOT_ALLOWED"), "{said}");
    let id = by_bot["case"]["id"].to_string();
    let took = room.json("ada", &["access", "cancel", &id, "--reason", "solved"]);
    assert_eq!(took["case"]["status"], "refused", "{took}");
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn access_in_need_is_looked_at_afterwards() {
    let room = Room::new().await;
    let take = [
        "access",
        "break-glass",
        "db-prod",
        "admin",
        "--for",
        "15m",
        "--reason",
        "down",
    ];
    let taken = room.json("ada", &take);
    assert_eq!(
        (&taken["case"]["status"], &taken["case"]["break_glass"]),
        (&"active".into(), &true.into(),)
    );
    let id = taken["case"]["id"].to_string();
    let grant = taken["case"]["grant"]["id"].to_string();
    room.good("ada", &["access", "check", "db-prod"]);
    room.refused("ada", &["access", "revoke", &grant, "--reason", "mine"]);
    room.good(
        "bob",
        &["access", "revoke", &grant, "--reason", "it is over"],
    );
    let judge = [
        "access",
        "retro-review",
        &id,
        "--not-justified",
        "--reason",
        "there was time",
    ];
    room.refused("ada", &judge);
    let judged = room.json("eve", &judge);
    assert_eq!(judged["case"]["grant"]["ended_by"], "revoked", "{judged}");
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_given_away_and_taken_back() {
    let room = Room::new().await;
    let id = room.request().to_string();
    let denies = ["access", "review", &id, "--approve"];
    let give = [
        "access",
        "delegate",
        "ada",
        "--until",
        "1h",
        "--reason",
        "on holiday",
    ];
    room.good("eve", &give);
    let said = room.refused("ada", &denies);
    assert!(
        said.contains("SELF_APPROVAL"),
        "a delegate is no way around: {said}"
    );
    room.good("eve", &["access", "delegate", "ada", "--take-back"]);
    let log = room.good("olga", &["log", "--kind", "DelegationChanged"]);
    assert!(log.contains("eve gives the place to ada"), "{log}");
    room.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_begins_with_the_starter() {
    let room = Room::without_policy().await;
    let said = room.refused("ada", &[&["access", "request"][..], &WANT].concat());
    assert!(said.contains("POLICY_MISSING"), "{said}");
    let folder = room.data.path().with_file_name("starter");
    let folder = text(&folder);
    assert!(
        run(&["policy", "starter", "--out", folder])
            .status
            .success()
    );
    let again = run(&["policy", "starter", "--out", folder]);
    assert_eq!(again.status.code(), Some(2), "nothing is overwritten");
    let checked = run(&["policy", "check", folder]);
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.contains("Sound"), "{said}");

    room.refused("ada", &["policy", "put", folder]);
    let put = room.json("admin", &["policy", "put", folder]);
    let index = put["index"].to_string();
    let said = room.refused("admin", &["policy", "put", folder]);
    assert!(said.contains("POLICY_UNCHANGED"), "{said}");
    let shown = room.json("olga", &["policy", "show", &index]);
    assert_eq!(
        (&shown["digest"], &shown["proved"]),
        (&put["digest"], &true.into())
    );
    let copy = room.data.path().with_file_name("copy");
    room.good("olga", &["policy", "show", "--out", text(&copy)]);
    for name in ["access.cedar", "entities.json"] {
        let (ours, theirs) = (Path::new(folder).join(name), copy.join(name));
        assert_eq!(
            fs::read(ours).expect("there"),
            fs::read(theirs).expect("there")
        );
    }
    let told = room.good("olga", &["policy", "list"]);
    assert_eq!(told.lines().count(), 1, "{told}");

    let broken = Path::new(folder).join("access.cedar");
    fs::write(broken, "permit (principal, action, resource").expect("room");
    let checked = run(&["policy", "check", folder]);
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.code() == Some(1) && said.contains("access.cedar:"),
        "{said}"
    );
    room.refused("admin", &["policy", "put", folder]);
    room.end();
}

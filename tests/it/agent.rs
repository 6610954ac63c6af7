//! The agent as a process: what it reads reaches the ledger once, whoever is killed meanwhile.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use countersign_client::{Client, Filter};
use countersign_ledger::identity::role::Role;
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, countersign, free_port, is_long};

/// Lines that are written between two kills.
const LINES: u64 = 50;

/// An agent that is killed when the test ends.
struct Agent(Child);

impl Agent {
    fn start(file: &Path, url: &str, identity: &Path, memory: &Path) -> Self {
        let path = |path: &Path| path.to_str().expect("text").to_owned();
        let (file, identity, memory) = (path(file), path(identity), path(memory));
        let arguments = [
            "collector",
            "agent",
            &file,
            "--server",
            url,
            "--identity",
            &identity,
            "--remember",
            &memory,
        ];
        let mut command = countersign(&arguments);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let command = command.stderr(Stdio::null());
        Self(command.spawn().expect("the program starts"))
    }

    fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ended");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The number of every line that is in the log, and how often; and how many gaps are told.
async fn found(auditor: &Client) -> (BTreeMap<u64, u64>, u64) {
    let filter = Filter {
        kinds: vec![140, 141],
        ..Filter::default()
    };
    let (mut lines, mut gaps) = (BTreeMap::new(), 0);
    let mut pages = auditor.list(filter);
    while let Some(page) = pages.next().await.expect("readable") {
        for entry in &page.entries {
            match entry.known().expect("an event") {
                Known::ExternalEvent(event) => {
                    let text = String::from_utf8(event.raw.to_vec()).expect("text");
                    let number = text.trim().strip_prefix("line ").expect("a line");
                    let number: u64 = number.parse().expect("a number");
                    *lines.entry(number).or_default() += 1;
                }
                Known::SpoolGap(_) => gaps += 1,
                other => assert_eq!(other.name(), "ExternalEvent", "nothing else was asked for"),
            }
        }
    }
    (lines, gaps)
}

/// Waits until so many entries are sealed, however often the ledger is away meanwhile.
async fn sealed(auditor: &Client, size: u64) {
    loop {
        if let Ok(checkpoint) = auditor.checkpoint().await
            && checkpoint.size() >= size
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_agent_and_ledger_lose_nothing_and_double_nothing() {
    let kills = if is_long() { 300 } else { 20 };
    let data = DataFolder::new().await;
    let identity = data.issue(Role::Agent, "db-1").await;
    let listen = format!("127.0.0.1:{}", free_port());
    let mut server = Served::start(&data.path(), &listen, &[]).expect("a server");
    let url = server.endpoint.grpc.clone();
    let auditor = data.connect(&url, &data.admin()).await;

    let dir = tempfile::tempdir().expect("a folder");
    let log = dir.path().join("app.log");
    let mut file = File::create(&log).expect("a file");
    let config = dir.path().join("agent.toml");
    let (spool, memory) = (dir.path().join("spool"), dir.path().join("remembered"));
    let text = format!(
        "spool.dir = {:?}\n[[input]]\ntype = \"file\"\nname = \"app\"\npath = {:?}\n",
        spool, log
    );
    std::fs::write(&config, text).expect("a configuration");
    let mut agent = Agent::start(&config, &url, &identity, &memory);
    let mut written = 0;
    for kill in 0..kills {
        let before = auditor.checkpoint().await.map_or(0, |it| it.size());
        for _line in 0..LINES {
            writeln!(file, "line {written}").expect("room");
            written += 1;
        }
        // Some of these lines are on their way when one of the two is killed.
        if kill % 2 == 0 {
            sealed(&auditor, before + 1 + kill % LINES).await;
            agent.kill();
            agent = Agent::start(&config, &url, &identity, &memory);
        } else {
            server.kill();
            server = Served::start(&data.path(), &listen, &[]).expect("it recovers");
        }
    }
    let (lines, gaps) = loop {
        let (lines, gaps) = found(&auditor).await;
        let count = u64::try_from(lines.len()).expect("small");
        if count >= written {
            break (lines, gaps);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let lost = (0..written)
        .filter(|line| !lines.contains_key(line))
        .count();
    let doubled = lines.values().filter(|count| **count > 1).count();
    println!(
        "counted: agent and ledger: {kills} kills, {written} lines, {lost} lost, {doubled} \
         duplicated, {gaps} gaps"
    );
    assert_eq!((lost, doubled, gaps), (0, 0, 0));
    agent.kill();
    let (status, printed) = server.stop();
    assert!(status.success(), "{printed}");
}

/// What a dry run of this file says, and its exit code.
fn dry_run(file: &Path, more: &[&str]) -> (Option<i32>, String) {
    let file = file.to_str().expect("text");
    let ran = countersign(&[&["collector", "agent", "--dry-run", file], more].concat())
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let said = [ran.stdout, ran.stderr].concat();
    (ran.status.code(), String::from_utf8(said).expect("text"))
}

/// Two provisioners of which neither could work.
fn unprepared(dir: &Path) -> String {
    let hook = |name: &str, deliver: &str| {
        format!(
            "[[provision]]\nname = {name:?}\ndeliver = {deliver}\n[provision.hook]\ncommand = \
             [\"/bin/echo\", '{{\"existing\":[]}}']\n[[provision.hook.access]]\nresource = \
             {name:?}\npermission = \"raed\"\n"
        )
    };
    let accounts = format!("{{ dir = {dir:?}, accounts = {{ ada = \"nobodyhere\" }} }}");
    let program = "{ command = [\"/no/such\"] }";
    [hook("valt", program), hook("dbs", &accounts)].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_all_that_would_fail_and_changes_nothing() {
    let data = DataFolder::new().await;
    let identity = data.issue(Role::Agent, "db-1").await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let url = server.endpoint.grpc.clone();
    let dir = tempfile::tempdir().expect("a folder");
    let (file, spool) = (dir.path().join("agent.toml"), dir.path().join("spool"));
    let write = |spool: &Path| {
        let text = format!(
            "spool.dir = {spool:?}\n{}",
            unprepared(&dir.path().join("d"))
        );
        std::fs::write(&file, text).expect("room");
    };
    let identity = identity.to_str().expect("text");
    let asked = ["--identity", identity, "--server", &url];
    write(Path::new("/proc/sp"));
    let (code, said) = dry_run(&file, &asked);
    assert_eq!(code, Some(1), "{said}");
    for says in [
        "/agent/db-1: its certificate ends at 20",
        "FAILS  no policy is in force",
        "FAILS  provisioner valt: cannot run /no/such",
        "FAILS  provisioner dbs: this machine has no account nobodyhere",
        "FAILS  cannot make files in /proc/sp",
    ] {
        assert!(said.contains(says), "expected {says}, got {said}");
    }

    // The policy that is in force is asked, as far as there is a ledger.
    let admin = data.connect(&url, &data.admin()).await;
    let starter = countersign_workflow::policy::starter();
    let files = starter.files().map(|(name, text)| v1::PolicyFile {
        name: name.to_owned(),
        text: text.to_owned(),
    });
    let put = v1::PutPolicyRequest {
        files: files.collect(),
        ..v1::PutPolicyRequest::default()
    };
    admin.put_policy(put).await.expect("a policy");
    let (_, said) = dry_run(&file, &asked);
    let says = "provisioner valt: the policy in force has no resource valt";
    assert!(said.contains(says), "{said}");
    std::fs::create_dir(&spool).expect("room");
    let owner = "{\"format\":1,\"identity\":\"spiffe://else\",\"log\":\"main\"}";
    std::fs::write(spool.join("OWNER"), owner).expect("room");
    write(&spool);
    let (_, said) = dry_run(&file, &["--identity", identity]);
    assert!(
        said.contains("no server is named: the ledger is not asked"),
        "{said}"
    );
    assert!(
        said.contains("belongs to spiffe://else for the log main"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(&spool).expect("a folder").count(), 1);
    assert!(!dir.path().join("d").exists());
    assert!(server.stop().0.success());
}

//! The collector as a process: what it says while it waits, how it ends, and that what it was told
//! to repeat is not added twice.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};

use countersign_client::Filter;
use countersign_ledger::identity::role::Role;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, countersign, free_port};
use rustix::process::Signal;

/// A running collector whose input and messages are at hand.
struct Collector {
    child: Child,
    messages: BufReader<ChildStderr>,
}

impl Collector {
    fn start(arguments: &[&str]) -> Self {
        let mut child = countersign(&["collector"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let messages = BufReader::new(child.stderr.take().expect("it is piped"));
        Self { child, messages }
    }

    fn give(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is open");
        stdin.write_all(text.as_bytes()).expect("it reads");
    }

    /// Waits until it says this.
    fn says(&mut self, what: &str) {
        let mut line = String::new();
        loop {
            let before = line.len();
            let read = self.messages.read_line(&mut line).expect("text");
            assert!(read > 0, "it ended without saying {what:?}: {line}");
            if line[before..].contains(what) {
                return;
            }
        }
    }

    fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).ok();
        let pid = pid.and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("a process id"), Signal::TERM).expect("it runs");
    }

    /// Closes its input and waits; what it said in the end, and its exit code.
    fn end(mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.messages.read_to_string(&mut said).expect("text");
        let out = self.child.stdout.as_mut().expect("it is piped");
        out.read_to_string(&mut said).expect("text");
        (self.child.wait().expect("it ran").code(), said)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn emit_and_tail_take_secrets_out_by_rules_that_can_be_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("x.log"), "S-123456 PASSWORD=tailsecret1\n").expect("room");
    let rules = "[[rules]]\nname = \"staff\"\npattern = 'S-\\d{6}'\n";
    std::fs::write(path("rules.toml"), rules).expect("room");
    std::fs::write(path("bad.toml"), "off = [\"no-such\"]\n").expect("room");
    let (log, rules, bad) = (path("x.log"), path("rules.toml"), path("bad.toml"));
    let run = |arguments: &[&str]| {
        let mut collector = Collector::start(arguments);
        if arguments[0] == "emit" {
            collector.give("{\"raw\":\"S-123456 PASSWORD=tailsecret1\"}\n");
        }
        collector.end()
    };
    let table = [
        (vec![], "S-123456 PASSWORD=[redacted:password]"),
        (
            vec!["--redact", text(&rules)],
            "[redacted:staff] PASSWORD=[redacted:password]",
        ),
        (vec!["--no-redact"], "S-123456 PASSWORD=tailsecret1"),
    ];
    for command in [
        &["emit", "--dry-run"][..],
        &["tail", "--once", "--dry-run", text(&log)],
    ] {
        for (more, expected) in &table {
            let (code, said) = run(&[command, more].concat());
            assert_eq!(code, Some(0), "{said}");
            assert!(said.contains(expected), "{command:?} {more:?}: {said}");
        }
    }
    let (code, said) = run(&["tail", "--dry-run", "--redact", text(&bad), text(&log)]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("bad.toml cannot be used: off: there is no rule 'no-such'"),
        "{said}"
    );
}

/// Lines of a scrape that begin like this.
fn metrics(server: &Served, name: &str) -> Vec<String> {
    let address = server.endpoint.http.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = "GET /metrics HTTP/1.0\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let lines = answer.lines().filter(|line| line.starts_with(name));
    lines.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn emit_says_that_it_waits_and_can_be_repeated_when_it_gives_up() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "one").await;
    let listen = format!("127.0.0.1:{}", free_port());
    let serve = || Served::start(&data.path(), &listen, &[]).expect("a server");
    let server = serve();
    let url = server.endpoint.grpc.clone();
    let emit = ["emit", "--server", &url, "--identity", text(&agent)];
    let patient = [&emit[..], &["--timeout", "2"]].concat();
    let mut collector = Collector::start(&patient);
    collector.give("{\"raw\":\"one\"}\n");
    let admin = data.connect(&url, &data.admin()).await;
    let events = Filter {
        actor: "agent:one".to_owned(),
        ..Filter::default()
    };
    let mut entries = admin.follow(0, events);
    while let Some(found) = entries.next().await {
        if !found.expect("it follows").entries.is_empty() {
            break;
        }
    }
    drop(entries);
    assert!(server.stop().0.success());
    collector.give("{\"raw\":\"two\"}\n");
    collector.says("waiting for it");
    let (code, said) = collector.end();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("1 event is sealed"), "{said}");
    assert!(said.contains("line 2 is the first that is not"), "{said}");
    let prefix = said.split_once("--idempotency-prefix ").expect("how").1;
    let prefix = prefix.split([',', ' ']).next().expect("a prefix");

    let server = serve();
    let again = [&emit[..], &["--idempotency-prefix", prefix]].concat();
    let mut collector = Collector::start(&again);
    collector.give("{\"raw\":\"one\"}\n{\"raw\":\"two\"}\n");
    let (code, said) = collector.end();
    assert_eq!(code, Some(0), "{said}");
    let expected = "Sealed 2 events, 1 of them in an earlier run.";
    assert!(said.contains(expected), "{said}");
    let mut streams = metrics(&server, "countersign_rpc_total");
    streams.retain(|line| line.contains("AppendStream"));
    let [stream] = &streams[..] else {
        panic!("one stream, which ended in one way: {streams:?}");
    };
    assert!(stream.contains("code=\"OK\""), "{stream}");
    assert!(server.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_the_ledger_refuses_is_named() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "one").await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let url = server.endpoint.grpc.clone();
    let mut collector = Collector::start(&["emit", "--server", &url, "--identity", text(&agent)]);
    collector.give("{\"raw\":\"one\"}\n\n{\"raw\":\"two\",\"case\":999999}\n");
    let (code, said) = collector.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("line 3 is the first that is not"), "{said}");
    assert!(said.contains("1 event is sealed"), "{said}");

    // A run that is told to stop has not sent its input, and says so.
    let mut collector = Collector::start(&["emit", "--server", &url, "--identity", text(&agent)]);
    collector.give("no event\n{\"raw\":\"one\"}\n");
    collector.says("line 1 is no event");
    assert_eq!(collector.end().0, Some(1));
    let skip = ["--on-bad-line", "skip"];
    let emit = ["emit", "--server", &url, "--identity", text(&agent)];
    let mut collector = Collector::start(&[&emit[..], &skip].concat());
    collector.give("no event\n");
    collector.says("line 1 is no event");
    collector.terminate();
    let mut said = String::new();
    collector.messages.read_to_string(&mut said).expect("text");
    assert!(said.contains("stopped after line 1"), "{said}");
    assert!(said.contains("--idempotency-prefix"), "{said}");
    assert_eq!(collector.end().0, Some(2));
    assert!(server.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_says_what_it_waits_for_and_ends_when_it_is_told() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "one").await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let folder = tempfile::tempdir().expect("a folder");
    let (pipe, late) = (folder.path().join("pipe"), folder.path().join("late"));
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("room");
    let url = server.endpoint.grpc.clone();
    let connection = ["--server", &url, "--identity", text(&agent)];
    let tail = |more: &[&str]| Collector::start(&[&["tail"][..], &connection, more].concat());
    let (code, said) = tail(&["--once", text(&pipe)]).end();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("it is no regular file"), "{said}");

    let mut collector = tail(&[text(&late), text(&pipe)]);
    collector.says("there is no such file yet");
    collector.says("it is no regular file");
    std::fs::write(&late, "one\n").expect("room");
    collector.says("the followed file is read now");
    collector.terminate();
    let (code, said) = collector.end();
    assert_eq!(code, Some(0), "{said}");
    let expected = "Sealed 1 line, and 2 entries about the run.";
    assert!(said.contains(expected), "{said}");
    assert!(server.stop().0.success());
}

//! An agent whose spool is on a disk that is really full: a small file system that another file
//! fills to the last byte. The agent says so and waits, nothing is lost and nothing comes twice.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use countersign_client::{Client, Filter};
use countersign_ledger::identity::role::Role;
use countersign_proto::event::Known;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, binary, free_port, is_long};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

/// The file system: two segments of 4 MiB, and less than a third one.
const DISK: &str = "size=10m";
/// What the spool may take: more than the disk has.
const SPOOL_MIB: u64 = 64;
/// Lines of a round, of some 600 bytes with what is around them: more than a segment takes.
const LINES: u64 = 9_000;
/// Longer than any step takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

const FULL: &str = "the disk of the spool is full; make room on it, then it goes on";
const UNMARKED: &str = "the disk of the spool has no room to note what the ledger sealed";
const ROOM: &str = "the spool has room again";

/// A file system of its own, seen by nobody else. It is gone when the test ends, however it does.
struct Disk {
    holder: Child,
    _stdin: ChildStdin,
    dir: PathBuf,
}

impl Disk {
    fn new(dir: &Path) -> Self {
        std::fs::create_dir(dir).expect("a folder");
        let script = "mount -t tmpfs -o \"$1\" spool \"$2\" && echo mounted && exec cat";
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--mount", "sh", "-c", script, "sh", DISK]);
        let unshare = unshare
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut holder = unshare.spawn().expect("unshare is there");
        let stdin = holder.stdin.take().expect("it is piped");
        let mut line = String::new();
        let mut stdout = BufReader::new(holder.stdout.take().expect("it is piped"));
        stdout.read_line(&mut line).expect("text");
        assert_eq!(line, "mounted\n", "no file system of its own");
        let dir = dir.to_owned();
        Self {
            holder,
            _stdin: stdin,
            dir,
        }
    }

    /// A command inside.
    fn command(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--user", "--mount", "--preserve-credentials", "--target"]);
        command.arg(self.holder.id().to_string()).arg("--");
        command
    }

    fn ballast(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.dir.strip_prefix("/").expect("absolute"))
            .join("ballast")
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let mut file = File::create(self.ballast()).expect("a file");
        let full = loop {
            if let Err(error) = file.write_all(&[1; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::StorageFull, "{full}");
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("it is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}

/// An agent on that disk, killed when the test ends.
struct Agent {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Agent {
    fn start(disk: &Disk, arguments: &[&Path], url: &str) -> Self {
        let mut command = disk.command();
        command.arg(binary()).args(["collector", "agent"]);
        command.args(["--server", url]).args(arguments);
        let command = command.env_remove("COUNTERSIGN_LOG").env_remove("RUST_LOG");
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("nsenter");
        let stderr = child.stderr.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Read on after the test has what it needs: the pipe must not fill up.
                sender.send(line).ok();
            }
        });
        Self { child, lines }
    }

    /// Waits until it says this.
    fn says(&self, text: &str) {
        let mut seen = String::new();
        while !seen.contains(text) {
            let line = self.lines.recv_timeout(PATIENCE);
            assert!(line.is_ok(), "expected {text:?} after {seen}");
            seen.push_str(&line.unwrap_or_default());
            seen.push('\n');
        }
    }

    /// Processor time that it took until now, in ticks of 10 ms.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("it runs");
        let (_name, rest) = stat.rsplit_once(')').expect("a name");
        let field = |n: usize| rest.split_whitespace().nth(n).expect("a field");
        let ticks = [11, 12].map(|n| field(n).parse::<u64>().expect("a number"));
        ticks.iter().sum()
    }

    fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    fn stop(mut self) -> ExitStatus {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process id"), Signal::TERM).expect("it runs");
        self.child.wait().expect("it ended")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// How often every line is in the log, and how many gaps are told.
async fn found(auditor: &Client, written: u64) -> (Vec<u64>, u64) {
    let filter = Filter {
        kinds: vec![140, 141],
        ..Filter::default()
    };
    let (mut counts, mut gaps) = (vec![0; usize::try_from(written).expect("small")], 0);
    let mut pages = auditor.list(filter);
    while let Some(page) = pages.next().await.expect("readable") {
        for entry in &page.entries {
            match entry.known().expect("an event") {
                Known::ExternalEvent(event) => {
                    let text = String::from_utf8(event.raw.to_vec()).expect("text");
                    let number = text.split_whitespace().nth(1).expect("a line");
                    let number: usize = number.parse().expect("a number");
                    counts[number] += 1;
                }
                Known::SpoolGap(_) => gaps += 1,
                other => assert_eq!(other.name(), "ExternalEvent", "nothing else was asked for"),
            }
        }
    }
    (counts, gaps)
}

/// Waits until all lines are sealed.
async fn all(auditor: &Client, written: u64) -> (Vec<u64>, u64) {
    let end = Instant::now() + PATIENCE;
    loop {
        let size = auditor.checkpoint().await.map_or(0, |it| it.size());
        if size >= written {
            let (counts, gaps) = found(auditor, written).await;
            if counts.iter().all(|count| *count > 0) || Instant::now() > end {
                return (counts, gaps);
            }
        }
        assert!(Instant::now() < end, "{size} entries for {written} lines");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The agent's file: one input, and a spool that may take more than there is.
fn configure(config: &Path, spool: &Path, log: &Path) {
    let text = format!(
        "[spool]\ndir = {spool:?}\nmax_mib = {SPOOL_MIB}\n[[input]]\ntype = \"file\"\nname = \
         \"app\"\npath = {log:?}\n"
    );
    std::fs::write(config, text).expect("a configuration");
}

/// How many lines are missing, and how many came twice.
fn faults(counts: &[u64]) -> (usize, usize) {
    let lost = counts.iter().filter(|count| **count == 0).count();
    let doubled = counts.iter().filter(|count| **count > 1).count();
    (lost, doubled)
}

/// Lines with their numbers.
fn lines(first: u64, count: u64) -> String {
    let padding = "x".repeat(512);
    let line = |number: u64| format!("line {number} {padding}\n");
    (first..first + count).map(line).collect()
}

/// Processor time, in ticks of 10 ms, that an agent takes in two seconds of waiting.
async fn waits(agent: &mut Agent) -> u64 {
    let before = agent.ticks();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(agent.runs(), "it ended while the disk was full");
    agent.ticks() - before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_makes_the_agent_wait_and_loses_nothing_and_doubles_nothing() {
    let rounds: u64 = if is_long() { 20 } else { 2 };
    let data = DataFolder::new().await;
    let identity = data.issue(Role::Agent, "db-1").await;
    let listen = format!("127.0.0.1:{}", free_port());
    let mut server = Served::start(&data.path(), &listen, &[]).expect("a server");
    let url = server.endpoint.grpc.clone();
    let auditor = data.connect(&url, &data.admin()).await;

    let dir = tempfile::tempdir().expect("a folder");
    let disk = Disk::new(&dir.path().join("disk"));
    let log = dir.path().join("app.log");
    let mut file = File::create(&log).expect("a file");
    let (config, memory) = (dir.path().join("agent.toml"), dir.path().join("remembered"));
    configure(&config, &disk.dir.join("spool"), &log);
    let arguments = [
        Path::new("--identity"),
        &identity,
        Path::new("--remember"),
        &memory,
        &config,
    ];
    let mut agent = Agent::start(&disk, &arguments, &url);
    let (mut written, mut busiest) = (0, 0);
    let mut write = |count: u64| {
        let text = lines(written, count);
        file.write_all(text.as_bytes()).expect("room");
        written += count;
        written
    };
    for round in 0..rounds {
        // Everything so far is sealed and the spool has a segment; then the ledger goes away.
        let sealed = write(10);
        all(&auditor, sealed).await;
        server.kill();
        disk.fill();
        write(LINES);
        agent.says(FULL);
        if round % 2 == 1 {
            // Asked to stop, it does not wait for room, and what waits is for the next run.
            let status = agent.stop();
            assert_eq!(status.code(), Some(1), "{status}");
            agent = Agent::start(&disk, &arguments, &url);
            agent.says(FULL);
        }
        // It waits: half a second between two looks at the disk costs next to nothing.
        busiest = busiest.max(waits(&mut agent).await);
        // What is in the spool is sealed, and there is no room to note that.
        server = Served::start(&data.path(), &listen, &[]).expect("it recovers");
        agent.says(UNMARKED);
        assert!(
            agent.runs(),
            "it ended, as it could not note what was sealed"
        );
        if round % 2 == 1 {
            agent.kill();
            agent = Agent::start(&disk, &arguments, &url);
            agent.says(FULL);
        }
        disk.free();
        agent.says(ROOM);
        let sealed = write(10);
        all(&auditor, sealed).await;
    }
    let written = write(0);
    let (counts, gaps) = all(&auditor, written).await;
    let (lost, doubled) = faults(&counts);
    println!(
        "counted: spool on a full disk: {rounds} times full, {written} lines, {lost} lost, \
         {doubled} duplicated, {gaps} gaps, at most {busiest} of 200 ticks busy while full"
    );
    assert_eq!((lost, doubled, gaps), (0, 0, 0));
    assert!(busiest < 50, "{busiest} ticks of 200: it spins");
    assert!(agent.stop().success());
    assert!(server.stop().0.success());
}

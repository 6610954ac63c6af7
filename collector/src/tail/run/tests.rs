//! Whole runs against the dry-run sink, across stops and restarts.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::parse::Format;
use crate::redact::{Redactor, Rules, Settings};
use crate::sink::{DryRun, SinkError};
use crate::tail::{LastLine, Watched};

struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let path = self.path(name);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn options(&self, names: &[&str], until: Until) -> Options {
        let watched = |name: &&str| Watched {
            path: self.path(name),
            format: Format::Raw,
        };
        Options {
            state: Some(self.path("state.json")),
            until,
            zone: TimeZone::UTC,
            ..Options::new(names.iter().map(watched).collect(), "db-1")
        }
    }

    async fn run(&self, names: &[&str]) -> (Summary, Vec<Value>) {
        let mut out = Vec::new();
        let options = self.options(names, Until::End(LastLine::Left));
        let stop = CancellationToken::new();
        let summary = tail(&options, DryRun::new(&mut out), stop).await.unwrap();
        (summary, events(&out))
    }
}

fn events(out: &[u8]) -> Vec<Value> {
    let lines = out
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn raw(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| event["raw"].as_str())
        .collect()
}

#[tokio::test]
async fn runs_take_up_where_the_last_one_was_sealed() {
    let world = World::new();
    world.append("a.log", "one\ntwo\n");
    world.append("b.log", "eins\n");
    let (summary, sent) = world.run(&["a.log", "b.log"]).await;
    assert_eq!(
        summary,
        Summary {
            sent: 5,
            acknowledged: 5,
            about: 2,
            ..Summary::default()
        }
    );
    assert_eq!(raw(&sent), ["one", "two", "eins"]);
    assert_eq!(sent[0]["kind"], "AgentStarted");
    assert_eq!(sent[0]["sources"].as_array().unwrap().len(), 2);
    assert_eq!(sent[4]["kind"], "AgentStopped");
    assert_eq!(sent[4]["reason"], "end of input");
    world.append("a.log", "three\n");
    let (_, again) = world.run(&["a.log", "b.log"]).await;
    assert_eq!(raw(&again), ["three"]);
    // The rotated file is finished, and the new one begun.
    world.append("a.log", "four\n");
    fs::rename(world.path("a.log"), world.path("a.log.1")).unwrap();
    world.append("a.log", "five\n");
    let (_, again) = world.run(&["a.log", "b.log"]).await;
    assert_eq!(raw(&again), ["four", "five"]);
    assert!(raw(&world.run(&["a.log", "b.log"]).await.1).is_empty());
}

/// Takes events and acknowledges as many of them as the test says.
struct Slow {
    taken: mpsc::UnboundedSender<String>,
    acknowledged: tokio::sync::watch::Receiver<u64>,
}

impl Sink for Slow {
    async fn send(&mut self, draft: Draft) -> Result<(), SinkError> {
        self.taken.send(draft.idempotency_key).unwrap();
        Ok(())
    }

    fn acknowledged(&self) -> u64 {
        *self.acknowledged.borrow()
    }

    async fn acknowledged_beyond(&mut self, count: u64) -> Result<u64, SinkError> {
        Ok(*self
            .acknowledged
            .wait_for(|acknowledged| *acknowledged > count)
            .await
            .unwrap())
    }

    async fn close(&mut self) {}
}

#[tokio::test(start_paused = true)]
async fn only_what_is_sealed_is_passed_over_by_the_next_run() {
    let world = World::new();
    world.append("a.log", "one\ntwo\nthree\n");
    let (taken, mut seen) = mpsc::unbounded_channel();
    let (acknowledge, acknowledged) = tokio::sync::watch::channel(0);
    let stop = CancellationToken::new();
    let options = world.options(&["a.log"], Until::Stopped);
    let token = stop.clone();
    let run = tokio::spawn(async move {
        tail(
            &options,
            Slow {
                taken,
                acknowledged,
            },
            token,
        )
        .await
    });
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(seen.recv().await.unwrap());
    }
    // The first entry of the run and the first line are sealed; then the ledger is away and the run
    // must end.
    acknowledge.send(2).unwrap();
    stop.cancel();
    let summary = run.await.unwrap().unwrap();
    assert_eq!(
        summary,
        Summary {
            sent: 5,
            acknowledged: 2,
            about: 2,
            ..Summary::default()
        }
    );
    let (_, again) = world.run(&["a.log"]).await;
    assert_eq!(raw(&again), ["two", "three"]);
    let repeated: Vec<&str> = again[1..3]
        .iter()
        .filter_map(|event| event["idempotency_key"].as_str())
        .collect();
    assert_eq!(
        repeated,
        keys[2..4],
        "what was sent before is sent under the same keys"
    );
}

/// Takes an event when there is a permit for it, and acknowledges it at once.
struct Gate {
    permits: std::sync::Arc<tokio::sync::Semaphore>,
    taken: mpsc::UnboundedSender<Draft>,
    count: u64,
}

impl Sink for Gate {
    async fn send(&mut self, draft: Draft) -> Result<(), SinkError> {
        self.permits.acquire().await.unwrap().forget();
        self.taken.send(draft).unwrap();
        self.count += 1;
        Ok(())
    }

    fn acknowledged(&self) -> u64 {
        self.count
    }

    async fn acknowledged_beyond(&mut self, _count: u64) -> Result<u64, SinkError> {
        std::future::pending().await
    }

    async fn close(&mut self) {}
}

#[tokio::test(start_paused = true)]
async fn files_that_come_and_go_while_the_ledger_is_away_are_read_later() {
    let world = World::new();
    world.append("a.log", "one\n");
    let (taken, mut seen) = mpsc::unbounded_channel();
    let permits = std::sync::Arc::new(tokio::sync::Semaphore::new(1));
    let gate = Gate {
        permits: std::sync::Arc::clone(&permits),
        taken,
        count: 0,
    };
    let (stop, options) = (
        CancellationToken::new(),
        world.options(&["a.log"], Until::Stopped),
    );
    let token = stop.clone();
    let run = tokio::spawn(async move { tail(&options, gate, token).await });
    assert!(
        seen.recv()
            .await
            .unwrap()
            .idempotency_key
            .ends_with(":started")
    );
    for text in ["two\n", "three\n"] {
        // The clock stands until everybody waits, so each pause is as many looks.
        tokio::time::sleep(crate::limits::POLL_INTERVAL * 3).await;
        fs::rename(world.path("a.log"), world.path("a.log.1")).unwrap();
        world.append("a.log", text);
    }
    tokio::time::sleep(crate::limits::POLL_INTERVAL * 3).await;
    fs::remove_file(world.path("a.log.1")).unwrap();
    permits.add_permits(4);
    let mut lines = Vec::new();
    for _ in 0..3 {
        let countersign_proto::event::Known::ExternalEvent(event) =
            seen.recv().await.unwrap().event.known().unwrap()
        else {
            panic!("lines only: nothing is lost");
        };
        lines.push(event.raw);
    }
    assert_eq!(lines, ["one", "two", "three"]);
    stop.cancel();
    assert_eq!(run.await.unwrap().unwrap().gaps, 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_follows_until_it_is_stopped() {
    let world = World::new();
    let (taken, mut seen) = mpsc::unbounded_channel();
    let (acknowledge, acknowledged) = tokio::sync::watch::channel(0);
    let stop = CancellationToken::new();
    let options = world.options(&["late.log"], Until::Stopped);
    let token = stop.clone();
    let run = tokio::spawn(async move {
        tail(
            &options,
            Slow {
                taken,
                acknowledged,
            },
            token,
        )
        .await
    });
    assert!(seen.recv().await.unwrap().ends_with(":started"));
    world.append("late.log", "one\n");
    assert!(seen.recv().await.unwrap().ends_with(":0"));
    world.append("late.log", "two\n");
    assert!(seen.recv().await.unwrap().ends_with(":4"));
    stop.cancel();
    assert!(seen.recv().await.unwrap().ends_with(":stopped"));
    acknowledge.send(4).unwrap();
    assert_eq!(
        run.await.unwrap().unwrap(),
        Summary {
            sent: 4,
            acknowledged: 4,
            about: 2,
            ..Summary::default()
        }
    );
    let state = State::load(&world.path("state.json"), "db-1").unwrap();
    assert_eq!(state.get(&world.path("late.log")).unwrap().offset, 8);
}

#[tokio::test]
async fn options_are_checked() {
    let world = World::new();
    let stop = CancellationToken::new;
    let none = world.options(&[], Until::End(LastLine::Left));
    let result = tail(&none, DryRun::new(Vec::new()), stop()).await;
    assert!(matches!(result, Err(TailError::Files(0))));
    let twice = world.options(&["a", "a"], Until::End(LastLine::Left));
    let result = tail(&twice, DryRun::new(Vec::new()), stop()).await;
    assert!(matches!(result, Err(TailError::Twice(_))));
    fs::create_dir(world.path("folder")).unwrap();
    for (name, says) in [("folder", "no regular file"), ("none", "no such file")] {
        let options = world.options(&[name], Until::End(LastLine::Left));
        let result = tail(&options, DryRun::new(Vec::new()), stop()).await;
        let error = result.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test]
async fn a_last_line_that_is_being_written_is_left_for_the_next_run() {
    let world = World::new();
    world.append("a.log", "one\ntw");
    let (summary, sent) = world.run(&["a.log"]).await;
    assert_eq!(raw(&sent), ["one"]);
    assert_eq!((summary.lines(), summary.unfinished), (1, 1));
    world.append("a.log", "o\n");
    let (summary, sent) = world.run(&["a.log"]).await;
    assert_eq!(raw(&sent), ["two"]);
    assert_eq!((summary.lines(), summary.unfinished), (1, 0));
}

#[tokio::test]
async fn gaps_are_counted() {
    let world = World::new();
    world.append("a.log", "one\ntwo\n");
    world.run(&["a.log"]).await;
    fs::write(world.path("a.log"), "new\n").unwrap();
    let (summary, sent) = world.run(&["a.log"]).await;
    assert_eq!(raw(&sent), ["new"]);
    assert_eq!((summary.lines(), summary.gaps), (1, 1));
}

#[tokio::test]
async fn secrets_are_taken_out_of_lines_and_of_keys_that_two_runs_see() {
    let world = World::new();
    let redactor = Redactor::new(Rules::new(&Settings::default()).unwrap());
    let options = Options {
        redactor: Some(redactor),
        ..world.options(&["a.log"], Until::End(LastLine::Left))
    };
    let run = async || {
        let mut out = Vec::new();
        let stop = CancellationToken::new();
        tail(&options, DryRun::new(&mut out), stop).await.unwrap();
        events(&out)
    };
    let (body, rest) = ("Zm9v".repeat(16), "YmFy".repeat(16));
    let begin = "-----BEGIN OPENSSH PRIVATE KEY-----";
    world.append(
        "a.log",
        &format!("x PASSWORD=secret y\nplain\n{begin}\n{body}\n"),
    );
    let first = run().await;
    let gone = "[redacted:private-key]";
    let lines = ["x PASSWORD=[redacted:password] y", "plain", begin, gone];
    assert_eq!(raw(&first), lines);
    // What is left is a part of the key where something was taken out, and only there.
    let keys: Vec<bool> = first[1..=4]
        .iter()
        .map(|event| event["idempotency_key"].as_str().unwrap().contains('~'))
        .collect();
    assert_eq!(keys, [true, false, false, true]);
    // The run that sees the rest begins before the key, and says the same of what was sent.
    world.append(
        "a.log",
        &format!("{rest}\n-----END OPENSSH PRIVATE KEY-----\nmore\n"),
    );
    let again = run().await;
    let end = "-----END OPENSSH PRIVATE KEY-----";
    assert_eq!(raw(&again), [begin, gone, gone, end, "more"]);
    assert_eq!(again[1..=2], first[3..=4]);
    assert!(raw(&run().await).is_empty());
}

//! Whole runs against the dry-run sink, whose writer is looked at afterwards.

use std::io::Write;

use serde_json::Value;

use super::*;
use crate::redact::{Rules, Settings};
use crate::sink::DryRun;

struct Run {
    result: Result<Progress, EmitError>,
    bad: Vec<(u64, String)>,
    sent: Vec<Value>,
}

async fn run(input: &str, options: &Options) -> Run {
    let mut out = Vec::new();
    let mut bad = Vec::new();
    let result = {
        let sink = DryRun::new(&mut out);
        let mut report = |report: Report<'_>| {
            if let Report::Bad { line, reason } = report {
                bad.push((line, reason.to_string()));
            }
        };
        let stop = CancellationToken::new();
        emit(input.as_bytes(), sink, options, stop, &mut report).await
    };
    let lines = out
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let sent = lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    Run { result, bad, sent }
}

fn named(on_bad_line: OnBadLine) -> Options {
    Options {
        on_bad_line,
        ..Options::new("r")
    }
}

const INPUT: &str = "{\"raw\":\"one\"}\n\nnonsense\n{\"raw\":\"two\"}";

#[tokio::test]
async fn a_run_that_skips_reports_and_goes_on() {
    let run = run(INPUT, &named(OnBadLine::Skip)).await;
    let expected = Progress {
        lines: 4,
        sent: 2,
        acknowledged: 2,
        bad: 1,
    };
    assert_eq!(run.result.unwrap(), expected);
    assert_eq!(run.bad.len(), 1);
    assert_eq!(run.bad[0].0, 3);
    let keys: Vec<&str> = run
        .sent
        .iter()
        .filter_map(|event| event["idempotency_key"].as_str())
        .collect();
    assert_eq!(keys, ["emit:r:1", "emit:r:4"]);
}

#[tokio::test]
async fn a_run_that_stops_has_sent_everything_before() {
    let run = run(INPUT, &named(OnBadLine::Stop)).await;
    let error = run.result.unwrap_err();
    let EmitError::Bad {
        line: 3, progress, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(
        *progress,
        Progress {
            lines: 3,
            sent: 1,
            acknowledged: 1,
            bad: 1
        }
    );
    assert_eq!(run.sent.len(), 1);
}

#[tokio::test]
async fn a_run_that_records_keeps_the_line() {
    let run = run(INPUT, &named(OnBadLine::Record)).await;
    assert_eq!(run.result.unwrap().sent, 3);
    assert_eq!(run.sent[1]["raw"], "nonsense");
    assert_eq!(run.sent[1]["idempotency_key"], "emit:r:3");
    assert!(
        run.sent[1]["malformed"]
            .as_str()
            .unwrap()
            .contains("expected a JSON object")
    );
}

#[tokio::test]
async fn a_repeated_run_of_the_same_name_has_the_same_keys() {
    let (one, two) = (
        run(INPUT, &named(OnBadLine::Skip)).await,
        run(INPUT, &named(OnBadLine::Skip)).await,
    );
    assert_eq!(one.sent, two.sent);
    let other = Options {
        run: "s".into(),
        ..named(OnBadLine::Skip)
    };
    let other = run(INPUT, &other).await;
    assert_ne!(
        one.sent[0]["idempotency_key"],
        other.sent[0]["idempotency_key"]
    );
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let run = run("\u{feff}{\"raw\":\"one\"}\n", &named(OnBadLine::Stop)).await;
    assert_eq!(run.result.unwrap().sent, 1);
    assert_eq!(run.sent[0]["raw"], "one");
}

#[tokio::test]
async fn a_stopped_run_ends_without_reading_on() {
    let (input, mut writer) = io::pipe().unwrap();
    writer.write_all(b"{\"raw\":\"one\"}\n").unwrap();
    let stop = CancellationToken::new();
    let mut out = Vec::new();
    // The writer stays open: only the token ends the run, once the first line was seen.
    let file = std::fs::File::from(std::os::fd::OwnedFd::from(input));
    let input = tokio::net::unix::pipe::Receiver::from_file(file).unwrap();
    let token = stop.clone();
    let mut report = |report: Report<'_>| {
        if matches!(
            report,
            Report::Progress(Progress {
                acknowledged: 1,
                ..
            })
        ) {
            token.cancel();
        }
    };
    let options = Options::new("r");
    let input = tokio::io::BufReader::new(input);
    let sink = DryRun::new(&mut out);
    let stopped = emit(input, sink, &options, stop, &mut report).await;
    let Err(EmitError::Stopped(progress)) = stopped else {
        panic!("there may be more to read: {stopped:?}");
    };
    assert_eq!(
        progress,
        Progress {
            lines: 1,
            sent: 1,
            acknowledged: 1,
            bad: 0
        }
    );
}

#[tokio::test]
async fn options_are_checked() {
    for len in [0, 39] {
        let options = Options::new("r".repeat(len));
        let refused = run(INPUT, &options).await.result;
        assert!(matches!(refused, Err(EmitError::Run(got)) if got == len));
    }
    let none = Options {
        source: String::new(),
        ..Options::new("r")
    };
    assert!(matches!(
        run(INPUT, &none).await.result,
        Err(EmitError::Source)
    ));
}

#[tokio::test]
async fn secrets_are_taken_out_of_events_and_of_lines_that_are_none() {
    let input = "{\"raw\":\"x PASSWORD=first-secret y\",\
                 \"fields\":{\"db_password\":\"second one\"}}\n\
                 no event: PASSWORD=third-secret\n{\"raw\":\"plain\"}";
    let redactor = Redactor::new(Rules::new(&Settings::default()).unwrap());
    let options = Options {
        redactor: Some(redactor),
        ..named(OnBadLine::Record)
    };
    let sent = run(input, &options).await.sent;
    assert_eq!(sent[0]["raw"], "x PASSWORD=[redacted:password] y");
    assert_eq!(sent[0]["fields"]["db_password"], "[redacted:password]");
    assert_eq!(sent[0]["fields"]["redactions"], "2");
    assert_eq!(sent[1]["raw"], "no event: PASSWORD=[redacted:password]");
    assert_eq!(sent[2]["raw"], "plain");
    assert!(sent[2].get("fields").is_none(), "{}", sent[2]);
    let sent = run(input, &named(OnBadLine::Record)).await.sent;
    assert_eq!(sent[0]["raw"], "x PASSWORD=first-secret y");
}

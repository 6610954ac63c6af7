//! Entries in every form, and a child that ends, starts again and loses its place: its program is a
//! script.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::input::testing::{Memory, Running, run_until};

fn names() -> Vec<String> {
    ["PRIORITY", "_COMM", "BIN"].map(str::to_owned).to_vec()
}

fn parse(line: &str) -> Result<Entry, String> {
    Entry::parse(line.as_bytes(), &names()).map_err(|error| error.to_string())
}

/// Names and values.
type Pairs<'a> = &'a [(&'a str, &'a str)];

#[test]
fn entries_are_read_in_every_form_that_journalctl_writes() {
    let common = "\"__CURSOR\":\"s=1\",\"__REALTIME_TIMESTAMP\":\"1790000000000005\"";
    let table: [(&str, &[u8], Pairs<'_>, &str); 13] = [
        (
            r#""MESSAGE":"text","PRIORITY":"6""#,
            b"text",
            &[("PRIORITY", "6")],
            "",
        ),
        (r#""MESSAGE":[255,0,10]"#, b"\xff\x00\x0a", &[], ""),
        (r#""MESSAGE":["one","two"]"#, b"one\ntwo", &[], ""),
        (r#""MESSAGE":["one",[255]]"#, b"one\n\xff", &[], ""),
        (r#""MESSAGE":[[255],[0]]"#, b"\xff\n\x00", &[], ""),
        (r#""MESSAGE":null"#, b"", &[], "too large"),
        (r#""MESSAGE":["one",null]"#, b"one", &[], "too large"),
        (r#""MESSAGE":[]"#, b"", &[], ""),
        (r#""MESSAGE":[256]"#, b"[256]", &[], ""),
        (r#""MESSAGE":7"#, b"7", &[], ""),
        (
            r#""_COMM":["a","b"]"#,
            b"",
            &[("_COMM", "a"), ("_COMM#2", "b")],
            "",
        ),
        (r#""BIN":null"#, b"", &[("too_large", "BIN")], ""),
        (
            r#""BIN":[104,255],"OTHER":"x""#,
            b"",
            &[("BIN", "h\u{fffd}")],
            "",
        ),
    ];
    for (fields, message, expected, says) in table {
        let entry = parse(&format!("{{{common},{fields}}}")).unwrap();
        assert_eq!(entry.message, message, "{fields}");
        assert_eq!(entry.cursor, "s=1");
        let time = entry.understood.observed_at.unwrap().as_microsecond();
        assert_eq!(time, 1_790_000_000_000_005);
        assert!(
            entry.understood.malformed.contains(says),
            "{fields}: {entry:?}"
        );
        assert_eq!(
            entry.understood.malformed.is_empty(),
            says.is_empty(),
            "{fields}"
        );
        let found = entry.understood.fields.into_map();
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(found, expected, "{fields}");
    }
}

#[test]
fn what_is_no_entry_is_refused() {
    for (line, says) in [
        ("", "an object of JSON"),
        ("-- Logs begin --", "an object of JSON"),
        ("[]", "an object of JSON"),
        ("{\"MESSAGE\":\"x\"}", "expected a `__CURSOR`"),
        ("{\"__CURSOR\":7}", "expected a `__CURSOR`"),
        ("{\"__CURSOR\":\"\"}", "expected a `__CURSOR`"),
        ("{\"__CURSOR\":\"a b\"}", "expected a `__CURSOR`"),
        (
            &format!("{{\"__CURSOR\":\"{}\"}}", "x".repeat(513)),
            "expected a `__CURSOR`",
        ),
    ] {
        let why = parse(line).unwrap_err();
        assert!(why.contains(says), "{line}: {why}");
    }
    let odd = parse(r#"{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"soon"}"#).unwrap();
    assert!(odd.understood.malformed.contains("microseconds"), "{odd:?}");
}

#[test]
fn only_journald_itself_says_that_messages_were_dropped() {
    let entry = |transport: &str, more: &str| {
        parse(&format!(
            "{{\"__CURSOR\":\"s=1\",\"__REALTIME_TIMESTAMP\":\"1\",\"MESSAGE_ID\":\
             \"a596d6fe7bfa4994828e72309e95d61e\",\"_TRANSPORT\":\"{transport}\"{more}}}"
        ))
    };
    assert_eq!(
        entry("driver", ",\"N_DROPPED\":\"7\"").unwrap().dropped,
        Some(7)
    );
    assert_eq!(entry("driver", "").unwrap().dropped, Some(0));
    assert_eq!(
        entry("journal", ",\"N_DROPPED\":\"7\"").unwrap().dropped,
        None
    );
}

#[test]
fn nothing_in_the_configuration_becomes_another_option() {
    let config: JournaldConfig = toml::from_str(
        "name = \"j\"\nunits = [\"--rotate\", \"ssh.service\"]\nmatches = [\"_COMM=a\"]\n\
         fields = [\"_COMM\"]\nbegin = \"now\"\ndirectory = \"/x\"",
    )
    .unwrap();
    assert_eq!(config.check(), Ok(()));
    let arguments = config.arguments(None);
    assert!(
        arguments.contains(&"--unit=--rotate".to_owned()),
        "{arguments:?}"
    );
    assert!(arguments.contains(&"--lines=0".to_owned()), "{arguments:?}");
    assert_eq!(arguments[arguments.len() - 2..], ["--", "_COMM=a"]);
    let again = config.arguments(Some("s=1"));
    assert!(again.contains(&"--cursor=s=1".to_owned()), "{again:?}");
    // Without it, journalctl gives ten entries and waits for the next write.
    assert!(again.contains(&"--no-tail".to_owned()), "{again:?}");
}

/// A program in the place of journalctl. Each start takes the next of its acts: what it writes, and
/// whether it ends then.
struct Script(tempfile::TempDir);

impl Script {
    fn new(acts: &[(&str, bool)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (number, (text, ends)) in acts.iter().enumerate() {
            fs::write(folder.path().join(format!("act{number}")), text).unwrap();
            if *ends {
                fs::write(folder.path().join(format!("ends{number}")), "").unwrap();
            }
        }
        let program = folder.path().join("journalctl");
        let text = "#!/bin/sh\n\
            cd \"$(dirname \"$0\")\" || exit 9\n\
            number=$(cat count 2>/dev/null || echo 0)\n\
            echo $((number + 1)) >count\n\
            printf '%s\\n' \"$*\" >>arguments\n\
            cat \"act$number\"\n\
            [ ! -e \"ends$number\" ] || { echo 'it went wrong' >&2; exit 1; }\n\
            exec tail -f /dev/null\n";
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn config(&self) -> String {
        config(&self.path("journalctl"))
    }

    fn arguments(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("arguments")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn config(program: &Path) -> String {
    format!("type = \"journald\"\nname = \"j\"\njournalctl = {program:?}")
}

fn entry(cursor: u32, message: &str) -> String {
    format!(
        "{{\"__CURSOR\":\"s=1;i={cursor}\",\"__REALTIME_TIMESTAMP\":\"1790000000000000\",\
         \"MESSAGE\":\"{message}\",\"PRIORITY\":\"6\"}}\n"
    )
}

#[tokio::test]
async fn a_child_that_ends_is_started_behind_the_last_entry() {
    let script = Script::new(&[
        (&(entry(1, "one") + &entry(2, "two")), true),
        ("", true),
        (
            &(entry(2, "two") + "\nno json\n" + &entry(3, "three")),
            false,
        ),
    ]);
    let outlet = Memory::default();
    run_until(&script.config(), &outlet, 4).await;
    let said = outlet.said();
    assert_eq!(said[..2], ["one", "two"]);
    assert!(
        said[2].starts_with("no json (expected an object of JSON"),
        "{said:?}"
    );
    assert_eq!(said[3..], ["three"]);
    let arguments = script.arguments();
    assert!(arguments[0].contains("--no-tail"), "{arguments:?}");
    assert!(arguments[1].contains("--cursor=s=1;i=2 "), "{arguments:?}");
    assert!(arguments[2].contains("--cursor=s=1;i=2 "), "{arguments:?}");
    let event = &outlet.external()[0];
    assert_eq!(
        (event.source.as_str(), event.position.as_str()),
        ("journald:j", "s=1;i=1")
    );
    assert_eq!(event.fields["PRIORITY"], "6");
}

#[tokio::test]
async fn a_restart_goes_on_exactly_behind_the_last_durable_entry() {
    let all = entry(1, "one") + &entry(2, &"x".repeat(70_000)) + &entry(3, "three");
    let script = Script::new(&[(&all, false)]);
    let outlet = Memory::default();
    run_until(&script.config(), &outlet, 5).await;
    // Of the long entry only the first part is durable: it comes again as a whole.
    for (durable, from) in [(1, 1), (2, 1), (4, 2)] {
        let again = outlet.first(durable);
        let rest: Vec<&str> = all.split_inclusive('\n').skip(from - 1).collect();
        let script = Script::new(&[(&rest.concat(), false)]);
        let expected = durable + [4, 4, 1][from.max(durable) / 2];
        run_until(&script.config(), &again, expected).await;
        assert_eq!(again.said().len(), expected);
        assert_eq!(again.said().last().unwrap(), "three");
        let arguments = script.arguments();
        assert!(
            arguments[0].contains(&format!("--cursor=s=1;i={from} ")),
            "{arguments:?}"
        );
    }
}

#[tokio::test]
async fn a_place_that_the_journal_lost_is_a_gap() {
    let outlet = Memory::default();
    let script = Script::new(&[(&entry(1, "one"), false)]);
    run_until(&script.config(), &outlet, 1).await;
    let script = Script::new(&[(&(entry(7, "seven") + &entry(8, "eight")), false)]);
    run_until(&script.config(), &outlet, 4).await;
    let said = outlet.said();
    assert!(
        said[1].starts_with("gap of 0: the journal does not have"),
        "{said:?}"
    );
    assert_eq!(said[2..], ["seven", "eight"]);
}

#[tokio::test]
async fn a_line_that_is_too_long_is_kept_as_far_as_it_goes() {
    let long = entry(1, &"x".repeat(1_100_000)) + &entry(2, "two");
    let script = Script::new(&[(&long, false)]);
    let outlet = Memory::default();
    run_until(&script.config(), &outlet, 33).await;
    let events = outlet.external();
    assert!(
        events[0].malformed.contains("the first 1048576 are here"),
        "{}",
        events[0].malformed
    );
    assert_eq!(events[32].raw, "two");
    assert!(outlet.items()[..32].iter().all(|item| item.place.is_none()));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_waited_for() {
    let outlet = Memory::default();
    let folder = tempfile::tempdir().unwrap();
    let script = Script::new(&[(&entry(1, "one"), false)]);
    let later = folder.path().join("journalctl");
    let running = Running::start(&config(&later), &outlet);
    running
        .until_it_says(Some("journalctl cannot be run"))
        .await;
    // The script looks for its acts beside itself.
    for name in ["act0", "journalctl"] {
        fs::copy(script.path(name), folder.path().join(format!("{name}.new"))).unwrap();
        fs::rename(
            folder.path().join(format!("{name}.new")),
            folder.path().join(name),
        )
        .unwrap();
    }
    outlet.holds(1).await;
    running.until_it_says(None).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_child_that_ends_is_told_with_its_last_words() {
    let script = Script::new(&[("", true), ("", true), ("", true)]);
    let running = Running::start(&script.config(), &Memory::default());
    running
        .until_it_says(Some("exit status: 1: it went wrong"))
        .await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_place_of_a_file_is_no_cursor() {
    let outlet = Memory::default();
    let push = crate::input::push::Push::new(
        outlet.clone(),
        "j".to_owned(),
        tokio_util::sync::CancellationToken::new(),
    );
    let record = crate::input::record::Record {
        source: "s".to_owned(),
        ..Default::default()
    };
    push.record(record, Some("1:2:3:4:5:YWJj=".to_owned()))
        .await
        .unwrap();
    let ended = Running::start(&config(Path::new("/bin/false")), &outlet)
        .end()
        .await;
    assert!(
        ended
            .unwrap_err()
            .to_string()
            .contains("expected a journal cursor")
    );
}

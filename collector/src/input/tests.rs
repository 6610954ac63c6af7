//! Configurations, and what all inputs that follow files have in common.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::testing::{Memory, Running, run_until};
use super::*;

fn config(text: &str) -> Result<InputConfig, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn defaults_are_enough_and_names_are_told() {
    let table = [
        ("type = \"journald\"\nname = \"j\"", "journald:j"),
        ("type = \"otlp\"\nname = \"o\"", "otlp:o"),
        (
            "type = \"syslog\"\nname = \"s\"\ntransport = \"tcp\"\naddress = \"[::1]:601\"",
            "syslog:s",
        ),
        (
            "type = \"syslog\"\nname = \"s\"\ntransport = \"unix-datagram\"\npath = \"/run/x\"",
            "syslog:s",
        ),
        (
            "type = \"csvlog\"\nname = \"p\"\npath = \"/var/log/pg.csv\"",
            "file:/var/log/pg.csv",
        ),
        (
            "type = \"file\"\nname = \"f\"\npath = \"/var/log/x\"",
            "file:/var/log/x",
        ),
        (
            "type = \"jsonl\"\nname = \"l\"\npath = \"/var/log/x\"",
            "file:/var/log/x",
        ),
    ];
    for (text, source) in table {
        let config = config(text).unwrap();
        assert_eq!(config.check(), Ok(()), "{text}");
        assert_eq!(config.source(), source);
    }
}

/// Configurations and what is said of them; `{syslog}` stands for the beginning of one.
const REFUSED: &[(&str, &str)] = &[
    ("type = \"file\"\nname = \"f\"", "missing field `path`"),
    ("type = \"fail\"\nname = \"f\"", "unknown variant"),
    (
        "type = \"file\"\nname = \"f\"\npath = \"/x\"\npfad = 1",
        "unknown field",
    ),
    (
        "type = \"file\"\nname = \"\"\npath = \"/x\"",
        "expected a `name`",
    ),
    (
        "type = \"file\"\nname = \"a b\"\npath = \"/x\"",
        "expected a `name`",
    ),
    (
        "type = \"file\"\nname = \"f\"\npath = \"x\"",
        "expected an absolute path",
    ),
    (
        "type = \"file\"\nname = \"f\"\npath = \"/x/*.log\"",
        "expected no `*` in /x/*.log: only csvlog takes one",
    ),
    (
        "type = \"jsonl\"\nname = \"f\"\npath = \"/x*/a\"",
        "expected no `*`",
    ),
    (
        "type = \"csvlog\"\nname = \"p\"\npath = \"/x/*-*.csv\"",
        "expected no `*`",
    ),
    (
        "type = \"csvlog\"\nname = \"p\"\npath = \"/*/pg-*.csv\"",
        "expected no `*`",
    ),
    (
        "type = \"file\"\nname = \"f\"\npath = \"/x\"\ninterval_ms = 1",
        "`interval_ms`",
    ),
    (
        "type = \"file\"\nname = \"f\"\npath = \"/x\"\nformat = \"xml\"",
        "unknown variant",
    ),
    (
        "type = \"csvlog\"\nname = \"p\"\npath = \"/x\"\nzone = \"Mars\"",
        "an IANA name",
    ),
    (
        "type = \"journald\"\nname = \"j\"\nunits = [\"a b\"]",
        "the name of a unit",
    ),
    (
        "type = \"journald\"\nname = \"j\"\nmatches = [\"--vacuum-size=1\"]",
        "a condition",
    ),
    (
        "type = \"journald\"\nname = \"j\"\nmatches = [\"_COMM\"]",
        "a condition",
    ),
    (
        "type = \"journald\"\nname = \"j\"\nfields = [\"a,b\"]",
        "a journal field",
    ),
    (
        "type = \"journald\"\nname = \"j\"\njournalctl = \"journalctl\"",
        "an absolute path",
    ),
    (
        "type = \"otlp\"\nname = \"o\"\naddress = \"0.0.0.0:4317\"",
        "no loopback address",
    ),
    (
        "type = \"otlp\"\nname = \"o\"\nmax_connections = 0",
        "`max_connections`",
    ),
    ("{syslog}transport = \"tcp\"", "needs `address`"),
    (
        "{syslog}transport = \"tcp\"\naddress = \"0.0.0.0:601\"",
        "no loopback",
    ),
    (
        "{syslog}transport = \"tls\"\naddress = \"0.0.0.0:601\"",
        "transport tls needs `[input.tls]`",
    ),
    (
        "{syslog}transport = \"tcp\"\naddress = \"localhost:601\"",
        "an IP address and a port in `address`",
    ),
    ("{syslog}transport = \"unix-stream\"", "needs `path`"),
    (
        "{syslog}transport = \"unix-stream\"\npath = \"x\"",
        "an absolute path",
    ),
    (
        "{syslog}transport = \"tcp\"\naddress = \"127.0.0.1:1\"\npath = \"/x\"",
        "no use for `path`",
    ),
    (
        "{syslog}transport = \"unix-stream\"\npath = \"/x\"\nmode = 0o7777",
        "`mode`",
    ),
    (
        "{syslog}transport = \"unix-stream\"\npath = \"/x\"\nmax_message_bytes = 1",
        "`max_message_bytes`",
    ),
];

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_opened() {
    for (text, says) in REFUSED {
        let text = text.replace("{syslog}", "type = \"syslog\"\nname = \"s\"\n");
        let refused =
            config(&text).and_then(|config| config.check().map_err(|error| error.to_string()));
        let why = refused.unwrap_err();
        assert!(why.contains(says), "{text}: {why}");
    }
}

#[test]
fn names_are_unique_within_the_agent() {
    let one = config("type = \"otlp\"\nname = \"o\"").unwrap();
    assert_eq!(check(std::slice::from_ref(&one)), Ok(()));
    let twice = check(&[one.clone(), one.clone()]);
    assert_eq!(twice, Err(ConfigError::Twice("o".to_owned())));
    assert_eq!(check(&vec![one; 65]), Err(ConfigError::Inputs(65)));
}

/// The blocks of docs/inputs.md in TOML, in order.
fn examples() -> Vec<InputConfig> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        input: Vec<InputConfig>,
    }
    let page = include_str!("../../../docs/inputs.md");
    let blocks = page.split("```toml\n").skip(1);
    let inputs = blocks.flat_map(|block| {
        let (text, _) = block.split_once("```").unwrap();
        let page: Result<Page, _> = toml::from_str(text);
        page.unwrap_or_else(|error| panic!("{text}: {error}")).input
    });
    inputs.collect()
}

#[test]
fn the_examples_of_the_documentation_are_good_and_tell_the_defaults() {
    let examples = examples();
    for example in &examples {
        assert_eq!(example.check(), Ok(()), "{example:?}");
    }
    let mut pairs = 0;
    for (at, shorter) in examples.iter().enumerate() {
        let namesake = |other: &&InputConfig| other.name() == shorter.name();
        if let Some(longer) = examples[at + 1..].iter().find(namesake) {
            // A format that the name suggests, and the same written out.
            let (mut shorter, longer) = (shorter.clone(), longer);
            if let InputConfig::File(file) = &mut shorter {
                file.format = Some(LineFormat::Raw);
            }
            assert_eq!(&shorter, longer);
            pairs += 1;
        }
    }
    assert_eq!(pairs, 6, "one for each type");
}

struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("x.log")
    }

    fn append(&self, text: impl AsRef<[u8]>) {
        append(&self.path(), text.as_ref());
    }

    fn config(&self, kind: &str) -> String {
        let path = self.path();
        format!("type = {kind:?}\nname = \"in\"\npath = {path:?}\ninterval_ms = 10")
    }
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    file.write_all(bytes).unwrap();
}

#[tokio::test]
async fn a_file_goes_on_exactly_behind_the_last_durable_line() {
    let world = World::new();
    world.append("one\n\ntwo\nthree\n");
    let all = Memory::default();
    run_until(&world.config("file"), &all, 3).await;
    assert_eq!(all.said(), ["one", "two", "three"]);
    for durable in 0..=3 {
        let again = all.first(durable);
        world.append(format!("more after {durable}\n"));
        run_until(&world.config("file"), &again, 4 + durable).await;
        assert_eq!(again.said()[..3], ["one", "two", "three"]);
        let last = again.said().pop().unwrap();
        assert_eq!(last, format!("more after {durable}"));
        assert_eq!(again.said().len(), 4 + durable, "nothing is there twice");
    }
}

#[tokio::test]
async fn a_line_in_parts_is_durable_whole_or_read_again() {
    let world = World::new();
    let long = "x".repeat(70_000);
    world.append(format!("one\n{long}\nlast\n"));
    let all = Memory::default();
    run_until(&world.config("file"), &all, 5).await;
    let whole: Vec<u8> = all
        .external()
        .iter()
        .flat_map(|event| event.raw.to_vec())
        .collect();
    assert_eq!(String::from_utf8(whole).unwrap(), format!("one{long}last"));
    // A restart within the parts gives them again, from the first on.
    let again = all.first(2);
    run_until(&world.config("file"), &again, 6).await;
    let parts = again.external();
    let parts: Vec<&str> = parts
        .iter()
        .filter_map(|event| event.fields.get("part").map(String::as_str))
        .collect();
    assert_eq!(parts, ["1", "1", "2", "3"]);
}

#[tokio::test]
async fn rotation_and_truncation_are_those_of_tail() {
    let world = World::new();
    world.append("one\n");
    let outlet = Memory::default();
    let running = Running::start(&world.config("file"), &outlet);
    outlet.holds(1).await;
    fs::rename(world.path(), world.path().with_extension("log.1")).unwrap();
    append(&world.path().with_extension("log.1"), b"two\n");
    world.append("three\n");
    outlet.holds(3).await;
    fs::write(world.path(), "four\n").unwrap();
    outlet.holds(5).await;
    running.stop().await.unwrap();
    let said = outlet.said();
    assert_eq!(said[..3], ["one", "two", "three"]);
    assert!(said[3].starts_with("gap of 0: the file was"), "{said:?}");
    assert_eq!(said[4], "four");
}

#[tokio::test]
async fn an_outlet_that_closes_ends_the_input() {
    let world = World::new();
    world.append("one\ntwo\nthree\n");
    let outlet = Memory::default().with_room(2);
    let ended = Running::start(&world.config("file"), &outlet).end().await;
    assert!(matches!(ended, Err(InputError::Outlet(_))), "{ended:?}");
    assert_eq!(outlet.said(), ["one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn an_outlet_without_room_holds_an_input_until_it_is_stopped() {
    let world = World::new();
    world.append("one\ntwo\n");
    let outlet = Memory::default().with_wall(1);
    let running = Running::start(&world.config("file"), &outlet);
    outlet.holds(1).await;
    running.stop().await.unwrap();
    assert_eq!(outlet.said(), ["one"]);
    let again = outlet.first(1);
    run_until(&world.config("file"), &again, 2).await;
    assert_eq!(again.said(), ["one", "two"]);
}

#[tokio::test]
async fn a_place_of_another_kind_is_told() {
    let world = World::new();
    let outlet = Memory::default();
    let push = Push::new(outlet.clone(), "in".to_owned(), CancellationToken::new());
    let record = record::Record {
        source: "s".to_owned(),
        ..record::Record::default()
    };
    push.record(record, Some("s=1;i=2".to_owned()))
        .await
        .unwrap();
    let ended = Running::start(&world.config("file"), &outlet).end().await;
    let why = ended.unwrap_err().to_string();
    assert!(why.contains("give the input another name"), "{why}");
}

#[tokio::test]
async fn lines_of_json_become_their_events_and_others_are_kept() {
    let world = World::new();
    let large = format!(r#"{{"fields":{{"a":"{}"}}}}"#, "x".repeat(5_000));
    let lines = [
        "\u{feff}{\"raw\":\"one\",\"source\":\"sshd\",\"position\":\"17\",\
         \"fields\":{\"user\":\"ada\"},\
         \"observed_at\":\"2026-11-22T10:00:00Z\"}",
        r#"{"raw":"two","case":4,"idempotency_key":"k"}"#,
        "no event",
        "   ",
        &large,
        r#"{"raw":"last"}"#,
    ];
    world.append(lines.join("\n") + "\n");
    let outlet = Memory::default();
    run_until(&world.config("jsonl"), &outlet, 5).await;
    let events = outlet.external();
    assert_eq!(
        (events[0].source.as_str(), events[0].position.as_str()),
        ("sshd", "17")
    );
    assert_eq!(events[0].fields["user"], "ada");
    assert!(
        events[0].fields["read_from"].ends_with("x.log@0"),
        "{:?}",
        events[0].fields
    );
    assert_eq!(events[0].observed_at.unwrap().seconds, 1_795_341_600);
    assert_eq!(events[1].fields["case"], "4");
    assert_eq!(events[1].fields["idempotency_key"], "k");
    assert!(outlet.items().iter().all(|item| item.draft.case == 0));
    assert_eq!(
        (&events[2].raw[..], &events[3].raw[..]),
        (&b"no event"[..], large.as_bytes())
    );
    assert!(
        events[2].malformed.contains("expected a JSON object"),
        "{}",
        events[2].malformed
    );
    assert!(
        events[3].malformed.contains("does not fit"),
        "{}",
        events[3].malformed
    );
    assert_eq!(events[4].raw, "last");
    assert!(
        events[4].source.starts_with("file:/"),
        "{}",
        events[4].source
    );
}

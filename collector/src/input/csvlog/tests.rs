//! Records of PostgreSQL in every version, lines of pgaudit, and both formats through a file.

use std::fs;

use jiff::tz::TimeZone;

use super::*;
use crate::input::record::Understood;
use crate::input::testing::{Memory, Running, run_until};

/// A record with so many columns.
fn record(columns: usize) -> String {
    let all = [
        "2026-11-27 02:30:00.123 UTC",
        "\"ada\"",
        "\"orders\"",
        "4711",
        "\"10.0.0.1:5432\"",
        "6747a0b8.1267",
        "3",
        "\"SELECT\"",
        "2026-11-27 02:29:00 UTC",
        "3/7",
        "0",
        "ERROR",
        "42P01",
        "\"relation \"\"nix\"\" does not exist\"",
        "",
        "",
        "",
        "",
        "",
        "\"SELECT *\n  FROM nix;\"",
        "17",
        "",
        "\"psql\"",
        "\"client backend\"",
        "",
        "-1234",
    ];
    all[..columns].join(",")
}

fn read(record: impl AsRef<[u8]>) -> Understood {
    read_csv(record.as_ref(), &TimeZone::UTC)
}

#[test]
fn every_version_has_its_columns() {
    for (columns, last, value) in [
        (23, "application_name", "psql"),
        (24, "backend_type", "client backend"),
        (26, "query_id", "-1234"),
    ] {
        let understood = read(record(columns));
        assert_eq!(understood.malformed, "", "{columns}");
        let time = understood.observed_at.unwrap().to_string();
        assert_eq!(time, "2026-11-27T02:30:00.123Z");
        let fields = understood.fields;
        assert_eq!(fields.get(last), Some(value));
        assert_eq!(
            fields.get("message"),
            Some("relation \"nix\" does not exist")
        );
        assert_eq!(fields.get("query"), Some("SELECT *\n  FROM nix;"));
        assert_eq!(fields.get("detail"), None, "empty columns are left out");
        assert_eq!(fields.get("sql_state_code"), Some("42P01"));
    }
}

#[test]
fn every_cut_of_a_record_is_malformed_until_enough_columns_are_there() {
    let whole = record(26);
    // The cut at which 23 whole columns are there.
    let enough = record(23).len() - "\"psql\"".len();
    for cut in 0..whole.len() {
        let understood = read(&whole[..cut]);
        if cut < enough {
            assert_ne!(understood.malformed, "", "{cut}: {:?}", &whole[..cut]);
        }
    }
    assert!(
        read(format!("{whole},x"))
            .malformed
            .contains("expected 23 to 26 columns, got 27")
    );
    let no_time = whole.replacen("2026-11-27 02:30", "yesterday", 1);
    assert!(
        read(no_time).malformed.contains("expected a time"),
        "it is told"
    );
    let zone = read(whole.replacen(" UTC", " XYZ", 1));
    assert_eq!((zone.observed_at, zone.malformed.as_str()), (None, ""));
    assert_eq!(
        zone.fields.get("log_time"),
        Some("2026-11-27 02:30:00.123 XYZ")
    );
}

fn audit(message: &str) -> Understood {
    let message = message.replace('"', "\"\"");
    read(record(26).replace("relation \"\"nix\"\" does not exist", &message))
}

#[test]
fn messages_of_pgaudit_are_read() {
    let all = audit(
        "AUDIT: SESSION,2,1,WRITE,INSERT,TABLE,public.t,\"insert into t values ('a,\"\"b\"\"'\n)\",\
         \"1,two\",3",
    );
    assert_eq!(all.malformed, "");
    let expected = [
        ("audit.type", Some("SESSION")),
        ("audit.statement_id", Some("2")),
        ("audit.substatement_id", Some("1")),
        ("audit.class", Some("WRITE")),
        ("audit.command", Some("INSERT")),
        ("audit.object_type", Some("TABLE")),
        ("audit.object_name", Some("public.t")),
        (
            "audit.statement",
            Some("insert into t values ('a,\"b\"'\n)"),
        ),
        ("audit.parameter", Some("1,two")),
        ("audit.rows", Some("3")),
    ];
    for (name, value) in expected {
        assert_eq!(all.fields.get(name), value, "{name}");
    }
    let short = audit("AUDIT: OBJECT,1,1,READ,SELECT,,,select 1,<not logged>");
    assert_eq!(
        (short.fields.get("audit.object_name"), &short.malformed[..]),
        (None, "")
    );
    assert_eq!(short.fields.get("audit.parameter"), Some("<not logged>"));
    for (message, says) in [
        (
            "AUDIT: SESSION,1,1",
            "expected 9 to 10 fields of pgaudit, got 3",
        ),
        (
            "AUDIT: SESSION,\"1",
            "in the message of pgaudit: expected a closing quote",
        ),
    ] {
        let odd = audit(message);
        assert!(odd.malformed.contains(says), "{odd:?}");
        assert_eq!(
            odd.fields.get("user_name"),
            Some("ada"),
            "the rest is there"
        );
    }
    let other = audit("audit: SESSION");
    assert_eq!(
        (other.fields.get("audit.type"), &other.malformed[..]),
        (None, "")
    );
}

#[test]
fn a_large_statement_is_cut_in_the_fields_and_whole_in_the_raw_bytes() {
    let long = "x".repeat(20_000);
    let understood = read(record(26).replace("FROM nix", &long));
    let fields = understood.fields.into_map();
    assert!(fields["query"].len() <= 4_096);
    assert_eq!(fields["fields_cut"], "1");
    assert_eq!(fields["backend_type"], "client backend");
}

#[test]
fn jsonlog_gives_the_names_of_csvlog() {
    let line = r#"{"timestamp":"2026-11-27 02:30:00.123 UTC","user":"ada","dbname":"orders","pid":7,
        "remote_host":"10.0.0.1","remote_port":5432,"session_id":"a.b","line_num":3,"ps":"SELECT",
        "error_severity":"LOG","message":"AUDIT: SESSION,1,1,READ,SELECT,,,select 1,<none>",
        "func_name":"f","query_id":0}"#;
    let understood = read_json(line.as_bytes(), &TimeZone::UTC);
    assert_eq!(understood.malformed, "");
    let fields = understood.fields;
    for (name, value) in [
        ("user_name", "ada"),
        ("database_name", "orders"),
        ("process_id", "7"),
        ("connection_from", "10.0.0.1:5432"),
        ("session_line_num", "3"),
        ("command_tag", "SELECT"),
        ("func_name", "f"),
        ("query_id", "0"),
        ("audit.class", "READ"),
    ] {
        assert_eq!(fields.get(name), Some(value), "{name}");
    }
    assert!(understood.observed_at.is_some());
    let local = read_json(
        br#"{"timestamp":"x","remote_host":"[local]"}"#,
        &TimeZone::UTC,
    );
    assert_eq!(local.fields.get("connection_from"), Some("[local]"));
    for (line, says) in [
        ("", "expected a JSON object"),
        ("[]", "expected a JSON object"),
        ("{\"a\":1", "expected a JSON object"),
        ("{}", "expected `timestamp`"),
    ] {
        let odd = read_json(line.as_bytes(), &TimeZone::UTC);
        assert!(odd.malformed.contains(says), "{line}: {odd:?}");
    }
}

struct World(tempfile::TempDir);

impl World {
    fn config(&self, format: &str) -> String {
        let path = self.0.path().join("pg.log");
        format!(
            "type = \"csvlog\"\nname = \"pg\"\npath = {path:?}\nformat = {format:?}\nzone = \
             \"UTC\"\ninterval_ms = 10"
        )
    }

    fn write(&self, text: &str) {
        let path = self.0.path().join("pg.log");
        let old = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, old + text).unwrap();
    }
}

#[tokio::test]
async fn a_restart_goes_on_exactly_behind_the_last_durable_record() {
    let world = World(tempfile::tempdir().unwrap());
    let (one, two) = (record(26), record(26).replace("nix", "nothing"));
    world.write(&format!("{one}\n{two}\n"));
    let outlet = Memory::default();
    run_until(&world.config("csv"), &outlet, 2).await;
    assert_eq!(outlet.said(), [one.clone(), two.clone()]);
    for durable in 0..=2 {
        let again = outlet.first(durable);
        world.write(&format!("{one}\n"));
        run_until(&world.config("csv"), &again, 3 + durable).await;
        assert_eq!(again.said()[..3], [one.clone(), two.clone(), one.clone()]);
    }
}

#[tokio::test]
async fn a_record_that_is_being_written_is_waited_for_and_a_restart_reads_it_whole() {
    let world = World(tempfile::tempdir().unwrap());
    let one = record(26);
    let (half, rest) = one.split_at(one.find("FROM").unwrap());
    world.write(&format!("{one}\n{half}"));
    let outlet = Memory::default();
    run_until(&world.config("csv"), &outlet, 1).await;
    let running = Running::start(&world.config("csv"), &outlet);
    world.write(&format!("{rest}\n"));
    outlet.holds(2).await;
    running.stop().await.unwrap();
    assert_eq!(outlet.said(), [one.clone(), one]);
}

#[tokio::test]
async fn a_record_that_a_rotation_cuts_off_is_kept() {
    let world = World(tempfile::tempdir().unwrap());
    let one = record(26);
    let half = &one[..one.find("  FROM").unwrap()];
    world.write(&format!("{one}\n{half}"));
    let outlet = Memory::default();
    let running = Running::start(&world.config("csv"), &outlet);
    outlet.holds(1).await;
    let path = world.0.path().join("pg.log");
    fs::rename(&path, path.with_extension("log.1")).unwrap();
    world.write(&format!("{one}\n"));
    outlet.holds(3).await;
    running.stop().await.unwrap();
    let said = outlet.said();
    assert!(said[1].contains("ended within the record"), "{said:?}");
    assert_eq!(said[2], one);
}

#[tokio::test]
async fn jsonlog_is_followed_too() {
    let world = World(tempfile::tempdir().unwrap());
    world.write("{\"timestamp\":\"2026-11-27 02:30:00.123 UTC\",\"message\":\"hi\"}\n");
    let outlet = Memory::default();
    run_until(&world.config("json"), &outlet, 1).await;
    assert_eq!(outlet.external()[0].fields["message"], "hi");
}

/// A folder of files that are named by time, each written later than the one before.
struct Dated(tempfile::TempDir, u64);

impl Dated {
    fn config(&self) -> String {
        let path = self.0.path().join("pg-*.csv");
        format!(
            "type = \"csvlog\"\nname = \"pg\"\npath = {path:?}\nzone = \"UTC\"\ninterval_ms = 10"
        )
    }

    fn write(&mut self, name: &str, text: &str) {
        self.1 += 1;
        let path = self.0.path().join(name);
        let old = fs::read_to_string(&path).unwrap_or_default();
        fs::write(&path, old + text).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(self.1);
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
    }
}

#[tokio::test]
async fn files_with_dates_in_their_names_are_read_one_after_the_other() {
    let mut folder = Dated(tempfile::tempdir().unwrap(), 0);
    let of = |text: &str| record(26).replace("nix", text);
    let lines = |text: &str| format!("{}\n", of(text));
    folder.write("pg-2.csv", &lines("old"));
    folder.write("pg-1.csv", &lines("older name, written later"));
    folder.write(
        "pg-3.csv",
        &(lines("three") + "2026-11-27 02:30:00 UTC,\"cut"),
    );
    let outlet = Memory::default();
    let running = Running::start(&folder.config(), &outlet);
    outlet.holds(3).await;
    folder.write("pg-4.csv", &lines("four"));
    outlet.holds(5).await;
    running.stop().await.unwrap();
    let said = outlet.said();
    assert_eq!(
        said[..3],
        [of("old"), of("older name, written later"), of("three")]
    );
    assert!(
        said[3].contains("cut (the file ended within the record"),
        "{said:?}"
    );
    assert_eq!(said[4], of("four"));
    assert!(outlet.external()[4].source.ends_with("/pg-4.csv"));

    // A restart goes on in the file of the place, and then to the ones that came later.
    let again = outlet.first(1);
    run_until(&folder.config(), &again, 5).await;
    assert_eq!(again.said(), said);
    folder.write("pg-4.csv", &lines("more"));
    folder.write("pg-5.csv", &lines("five"));
    run_until(&folder.config(), &again, 7).await;
    assert_eq!(again.said()[5..], [of("more"), of("five")]);

    // The file of the place was removed while nobody read.
    fs::remove_file(folder.0.path().join("pg-5.csv")).unwrap();
    folder.write("pg-6.csv", &lines("six"));
    run_until(&folder.config(), &again, 9).await;
    let said = again.said();
    assert!(
        said[7].starts_with("gap of 0: pg-5.csv was removed"),
        "{said:?}"
    );
    assert_eq!(said[8], of("six"));

    // The place of a series is none of a single file.
    let single = folder.config().replace("pg-*", "pg-6");
    let why = Running::start(&single, &again).end().await.unwrap_err();
    assert!(
        why.to_string().contains("a single file or of a series"),
        "{why}"
    );
}

#[test]
fn a_file_that_cannot_be_read_for_a_time_gives_a_long_record_once() {
    use crate::tail::follower::Follower;

    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join("pg.csv"), folder.path().join("aside"));
    let whole = record(26).replace("FROM nix", &"x".repeat(100_000));
    fs::write(&path, &whole[..80_000]).unwrap();
    let grammar = pgcsv::Csv::new("s".to_owned(), TimeZone::UTC);
    let content = Box::new(Records::new("s".to_owned(), grammar, Ending::Csv));
    let mut follower = Follower::of(path.clone(), content, None);
    // Parts of the line are with the reader of records by now.
    while follower.look().more {}
    fs::rename(&path, &aside).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(follower.look().error.is_some());
    fs::remove_dir(&path).unwrap();
    fs::write(&aside, format!("{whole}\n")).unwrap();
    fs::rename(&aside, &path).unwrap();
    let look = follower.look();
    let events = look.items.iter().filter_map(|item| item.draft.as_ref());
    let raw = events.flat_map(|draft| match draft.event.known() {
        Ok(countersign_proto::event::Known::ExternalEvent(event)) => {
            assert_eq!(event.malformed, "");
            event.raw.to_vec()
        }
        other => panic!("{other:?}"),
    });
    assert!(raw.eq(whole.bytes()), "each byte is there once");
}

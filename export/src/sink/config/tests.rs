//! Settings that are right, and those that are wrong, each with what is said of it.

use super::*;

fn parse(text: &str, folder: &Path) -> Result<Config, String> {
    let env = |name: &str| (name == "TOKEN").then(|| " from-the-environment ".to_owned());
    let place = Place {
        folder,
        env: Some(&env),
    };
    Config::parse(text, &place)
}

const GOOD: &str = r#"
state = "state"
metrics = "127.0.0.1:7481"
[[sink]]
name = "web"
batch = { entries = 100, bytes = "64KiB", wait = "200ms" }
retry = { first = "1s", last = "5m", hold_after = 10 }
report = { after = "5m", every = "2h" }
[sink.https]
url = "https://siem.example.com/in"
body = "lines"
signing_secret = { file = "secret" }
bearer_token = { env = "TOKEN" }
headers = { x-team = "audit" }
compression = "gzip"
[[sink]]
name = "logs"
[sink.syslog]
address = "logs.example.com:6514"
[[sink]]
name = "lake"
[sink.object]
url = "s3://bucket/prefix"
options = { region = "eu-central-1" }
secrets = { secret_access_key = { file = "secret" } }
"#;

#[test]
fn a_file_is_read_with_its_defaults_and_its_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), "whsec_1\n").expect("room");
    let config = parse(GOOD, folder.path()).expect("it is right");
    assert_eq!(config.state, folder.path().join("state"));
    let [web, logs, lake] = &config.sink[..] else {
        panic!("three sinks");
    };
    assert_eq!(config.folder(web), folder.path().join("state/web"));
    assert_eq!((web.limits().entries, web.limits().bytes), (100, 65_536));
    assert_eq!(logs.limits().entries, SINK_BATCH_ENTRIES);
    assert_eq!(lake.limits().wait, OBJECT_WAIT);
    assert_eq!(web.encoding(), Encoding::Json);
    assert_eq!(logs.encoding(), Encoding::Rfc5424);
    let https = web.https.as_ref().expect("there");
    let token = https.bearer_token.as_ref().expect("there");
    assert_eq!(token.expose(), "from-the-environment");
    let told = format!("{config:?}");
    assert!(
        !told.contains("whsec_1") && !told.contains("from-the-env"),
        "{told}"
    );
}

#[test]
fn secrets_are_not_read_for_who_only_looks() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sinks.toml");
    std::fs::write(&path, GOOD).expect("room");
    assert!(Config::outline(&path).is_ok());
    let error = Config::read(&path, &|_| None)
        .expect_err("no secret")
        .to_string();
    assert!(
        error.contains("sinks.toml") && error.contains("cannot read"),
        "{error}"
    );
}

/// Each wrong setting with what has to be said of it.
const WRONG: [(&str, &str, &[&str]); 24] = [
    ("state = \"state\"", "", &["missing field `state`"]),
    (
        "state = \"state\"",
        "stat = 1",
        &["line 2", "unknown field `stat`", "`state`"],
    ),
    (
        "127.0.0.1:7481",
        "localhost",
        &["line 3", "with its port", "127.0.0.1:7481", "localhost"],
    ),
    (
        "name = \"web\"",
        "name = \"Web 1\"",
        &["Web 1", "a-z, 0-9 and -"],
    ),
    ("name = \"web\"", "name = \"\"", &["1 to 32"]),
    (
        "name = \"web\"",
        "name = \"logs\"",
        &["\"logs\"", "there twice"],
    ),
    (
        "entries = 100",
        "entries = 0",
        &["\"web\"", "1 to 10000 in batch.entries", "got 0"],
    ),
    (
        "entries = 100",
        "entries = 20000",
        &["batch.entries", "got 20000"],
    ),
    (
        "\"64KiB\"",
        "\"64 kilo\"",
        &["line 6", "as in \"1MiB\"", "64 kilo"],
    ),
    ("\"64KiB\"", "\"65MiB\"", &["at most 64MiB"]),
    (
        "\"200ms\"",
        "\"0s\"",
        &["line 6", "above 0", "as in \"30s\""],
    ),
    ("wait = \"200ms\"", "wait = 5", &["line 6", "invalid type"]),
    (
        "\"5m\", hold",
        "\"1ms\", hold",
        &["retry.first", "at most retry.last"],
    ),
    (
        "hold_after = 10",
        "hold_after = 0",
        &["1 or more in retry.hold_after"],
    ),
    (
        "after = \"5m\"",
        "soon = \"5m\"",
        &["line 8", "unknown field `soon`"],
    ),
    (
        "[sink.https]",
        "[sink.http]",
        &["unknown field `http`", "`https`"],
    ),
    (
        "body = \"lines\"",
        "body = \"xml\"",
        &["line 11", "unknown variant `xml`", "`lines`"],
    ),
    (
        "{ file = \"secret\" }\nbearer",
        "{ }\nbearer",
        &["exactly one of file and env"],
    ),
    (
        "{ file = \"secret\" }\nbearer",
        "{ file = \"gone\" }\nbearer",
        &["cannot read", "gone"],
    ),
    (
        "{ file = \"secret\" }\nbearer",
        "\"whsec\"\nbearer",
        &["line 12", "where the secret stands", "{ env = \"TOKEN\" }"],
    ),
    (
        "env = \"TOKEN\"",
        "env = \"NONE\"",
        &["the variable NONE is not set", "file"],
    ),
    (
        "[sink.syslog]\naddress = \"logs.example.com:6514\"",
        "",
        &["\"logs\"", "exactly one of"],
    ),
    (
        "[sink.object]",
        "[sink.file]\nfolder = \"x\"\n[sink.object]",
        &["file and object"],
    ),
    (
        "[sink.syslog]",
        "tls = 1\n[sink.syslog]",
        &["unknown field `tls`"],
    ),
];

#[test]
fn what_is_wrong_is_named_with_what_is_right() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), "whsec_1\n").expect("room");
    for (right, wrong, said) in WRONG {
        let text = GOOD.replacen(right, wrong, 1);
        assert_ne!(text, GOOD, "{right}");
        let error = parse(&text, folder.path()).expect_err(wrong);
        for words in said {
            assert!(
                error.contains(words),
                "{wrong}: expected {words:?} in {error}"
            );
        }
    }
    let none = parse("state = \"s\"", folder.path()).expect_err("no sink");
    assert!(none.contains("[[sink]]"), "{none}");
}

#[test]
fn two_sinks_do_not_write_to_one_place() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("copies")).expect("room");
    std::os::unix::fs::symlink("copies", folder.path().join("link")).expect("room");
    let of = |one: &str, two: &str| {
        let sink = |name: &str, kind: &str| format!("[[sink]]\nname = \"{name}\"\n{kind}\n");
        let text = format!("state = \"s\"\n{}{}", sink("one", one), sink("two", two));
        parse(&text, folder.path()).map(|_config| ())
    };
    let file = |folder: &str, more: &str| format!("[sink.file]\nfolder = \"{folder}\"\n{more}");
    let object = |url: &str, more: &str| format!("[sink.object]\nurl = \"{url}\"\n{more}");
    let there = folder.path().join("copies").display().to_string();
    let prefix = "prefix = \"a\"";
    for (one, two) in [
        (file("copies", prefix), file("copies", prefix)),
        (file("copies", prefix), file("./copies/", prefix)),
        (file("copies", "prefix = \"two\""), file(&there, "")),
        (file("copies", prefix), file("link", prefix)),
        (file("new", prefix), file("./new", prefix)),
        (object("s3://b/p", ""), object("s3://b/p/", "")),
        (
            object("s3://b", ""),
            object("s3://b//", "options = { region = \"x\" }"),
        ),
        (object("file:///tmp/x", ""), object("file:///tmp/./x/", "")),
    ] {
        let error = of(&one, &two).expect_err(&two);
        assert!(
            error.contains("\"two\"") && error.contains("\"one\" writes to the same place"),
            "{error}"
        );
    }
    for (one, two) in [
        (file("copies", ""), file("copies", "")),
        (file("copies", prefix), file("others", prefix)),
        (object("s3://b/p", ""), object("s3://b/p/q", "")),
        (object("s3://b/p", ""), object("gs://b/p", "")),
        (
            object("az://c/p", "options = { account_name = \"one\" }"),
            object("az://c/p", "options = { account_name = \"two\" }"),
        ),
    ] {
        of(&one, &two).expect(&two);
    }
}

#[test]
fn files_are_looked_up_beside_the_file_that_names_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "state = \"s\"\n[[sink]]\nname = \"a\"\n[sink.syslog]\ntransport = \"unix\"\n\
                path = \"log.socket\"\n[[sink]]\nname = \"b\"\n[sink.file]\nfolder = \"f\"\n";
    let config = parse(text, folder.path()).expect("it is right");
    let syslog = config.sink[0].syslog.as_ref().expect("there");
    assert_eq!(
        syslog.path.as_deref(),
        Some(&*folder.path().join("log.socket"))
    );
    let file = config.sink[1].file.as_ref().expect("there");
    assert_eq!(file.folder, folder.path().join("f"));
}

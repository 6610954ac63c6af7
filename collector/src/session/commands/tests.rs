//! What shells and psql tell of their commands.

use super::*;
use crate::session::mask::{Mask, NoMask};
use countersign_chain::time::UnixMicros;
use countersign_proto::v1;

fn began(directory: &str, command: &str) -> Told {
    Told::Began {
        directory: directory.into(),
        command: command.into(),
    }
}

fn whole(query: &str) -> Told {
    Told::Whole(query.into())
}

/// What is told, whether the bytes come at once or one by one.
fn told(make: fn() -> Reader, bytes: &[u8]) -> Vec<Told> {
    let mut all = Vec::new();
    for size in [1, 3, bytes.len().max(1)] {
        let (mut reader, mut told) = (make(), Vec::new());
        for piece in bytes.chunks(size) {
            reader.push(piece, &mut told);
        }
        reader.finish(&mut told);
        all.push(told);
    }
    assert!(all.iter().all(|told| *told == all[0]));
    all.remove(0)
}

fn shell() -> Reader {
    Reader::Shell(shell::Reader::default())
}

fn psql() -> Reader {
    Reader::Psql(psql::Reader::default())
}

#[test]
fn what_shells_write_is_read() {
    let bytes = b"B\0/tmp\0ls -l\0E\x000\0B\0/\0printf 'a\nb'\0E\x00127\0";
    let expected = [
        began("/tmp", "ls -l"),
        Told::Ended(0),
        began("/", "printf 'a\nb'"),
        Told::Ended(127),
    ];
    assert_eq!(told(shell, bytes), expected);
}

#[test]
fn nonsense_on_the_pipe_is_passed_over() {
    let bytes = b"x\0\0\0E\0no number\0garbage\0B\0/\0ls\0E\x001\0B\0/\0cut";
    assert_eq!(told(shell, bytes), [began("/", "ls"), Told::Ended(1)]);
    let mut long = b"B\0/\0".to_vec();
    long.extend(std::iter::repeat_n(b'x', 3_000_000));
    long.extend(b"\0E\x000\0");
    let read = told(shell, &long);
    let Told::Began { command, .. } = &read[0] else {
        panic!("{read:?}");
    };
    assert_eq!(command.len(), 32_769, "one more than is kept");
    assert_eq!(read[1], Told::Ended(0));
}

#[test]
fn queries_are_read_from_the_log_of_psql() {
    let old = "********* QUERY **********\nselect 1;\n**************************\n\n \
               ?column? \n----------\n        1\n(1 row)\n\n\
               ********* QUERY **********\nselect\n  '**', 2\n;\n**************************\n\n";
    let expected = [whole("select 1;"), whole("select\n  '**', 2\n;")];
    assert_eq!(told(psql, old.as_bytes()), expected);
    let new = "/******** QUERY *********/\nselect 1;\n/************************/\n\n";
    assert_eq!(told(psql, new.as_bytes()), [whole("select 1;")]);
    let german = "********* ANFRAGE **********\nselect 1;\n**************************\n\n";
    assert_eq!(told(psql, german.as_bytes()), [whole("select 1;")]);
}

#[test]
fn results_that_look_like_queries_hide_none() {
    let log = "********* QUERY **********\nselect note;\n**************************\n\n\
               ********* QUERY **********\nnot a query\n\
               ********* QUERY **********\ndrop table x;\n**************************\n\n";
    let expected = [
        whole("select note;"),
        whole("not a query"),
        whole("drop table x;"),
    ];
    assert_eq!(told(psql, log.as_bytes()), expected);
    let cut = "********* QUERY **********\nselect 1";
    assert_eq!(told(psql, cut.as_bytes()), [whole("select 1")]);
    let none = "***\n* QUERY *\n********* **********\n**************************\nrows\n";
    assert_eq!(told(psql, none.as_bytes()), []);
}

fn arguments(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

#[test]
fn only_interactive_shells_are_changed() {
    let yes: [&[&str]; 5] = [&[], &["-i"], &["-l"], &["--norc"], &["--rcfile", "x", "-i"]];
    let no: [&[&str]; 5] = [
        &["-c", "ls"],
        &["script"],
        &["-x"],
        &["--rcfile"],
        &["-ic", "ls"],
    ];
    assert!(
        yes.iter()
            .all(|words| shell::bash(&arguments(words)).is_some())
    );
    assert!(
        !no.iter()
            .any(|words| shell::bash(&arguments(words)).is_some())
    );
    assert!(shell::zsh(&arguments(&["-l"])).is_some());
    assert!(shell::zsh(&arguments(&["-f"])).is_none());
    let yes: [&[&str]; 3] = [&[], &["-c", "select 1"], &["-l", "--list"]];
    let no: [&[&str]; 5] = [
        &["-L", "x"],
        &["-Lx"],
        &["-aL", "x"],
        &["--log-file=x"],
        &["--log-file", "x"],
    ];
    assert!(
        yes.iter()
            .all(|words| psql::plan(&arguments(words)).is_some())
    );
    assert!(
        !no.iter()
            .any(|words| psql::plan(&arguments(words)).is_some())
    );
}

fn story() -> Story {
    let of = Of {
        session: 7,
        case: 3,
    };
    Story::new(of, "bash", Arc::new(NoMask))
}

fn entries(story: &mut Story) -> Vec<v1::CommandExecuted> {
    let items = std::iter::from_fn(|| story.take());
    items
        .map(|item| {
            assert_eq!(item.draft.case, 3);
            match item.draft.event.known().unwrap() {
                countersign_proto::event::Known::CommandExecuted(command) => command,
                other => panic!("{other:?}"),
            }
        })
        .collect()
}

#[test]
fn a_command_is_told_when_it_ends_or_after_a_second() {
    let mut story = story();
    let time = UnixMicros::new(1_000_000).unwrap();
    let now = Instant::now();
    let second = crate::limits::COMMAND_PATIENCE;
    story.told(began("/tmp", "ls"), now, time);
    assert_eq!(story.due(), Some(now + second));
    story.told(Told::Ended(2), now, time);
    story.told(began("/tmp", "sleep 9"), now, time);
    story.tick(now + second);
    story.told(Told::Ended(0), now + 9 * second, time);
    story.told(began("/tmp", "exit"), now, time);
    story.finish();
    story.told(Told::Ended(1), now, time);
    let entries = entries(&mut story);
    let seen: Vec<(u64, &str, Option<i32>)> = entries
        .iter()
        .map(|entry| (entry.number, entry.command.as_str(), entry.exit_status))
        .collect();
    assert_eq!(
        seen,
        [(1, "ls", Some(2)), (2, "sleep 9", None), (3, "exit", None)]
    );
    assert_eq!(entries[0].started_at.unwrap().seconds, 1);
    assert_eq!(
        (entries[0].session, entries[0].directory.as_str()),
        (7, "/tmp")
    );
    assert_eq!(story.counts(), (3, 0));
}

#[test]
fn a_command_that_is_too_long_is_cut_visibly() {
    let mut story = story();
    let now = Instant::now();
    story.told(whole(&"é".repeat(40_000)), now, UnixMicros::EPOCH);
    let command = entries(&mut story).remove(0).command;
    assert!(
        command.len() <= 32_768 && command.ends_with("é…"),
        "{}",
        command.len()
    );
}

#[test]
fn secrets_are_taken_out_of_commands_and_counted() {
    struct Hides(u64);
    impl Mask for Hides {
        fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
            let text = String::from_utf8_lossy(bytes);
            self.0 += u64::try_from(text.matches("secret").count()).unwrap();
            out.extend_from_slice(text.replace("secret", "[hidden]").as_bytes());
        }
        fn flush_quiet(&mut self, _out: &mut Vec<u8>) {}
        fn finish(&mut self, out: &mut Vec<u8>) {
            out.extend_from_slice(b"!");
        }
        fn count(&self) -> u64 {
            self.0
        }
    }
    impl Masks for Hides {
        fn mask(&self) -> Box<dyn Mask> {
            Box::new(Self(0))
        }
    }
    let of = Of {
        session: 7,
        case: 3,
    };
    let mut story = Story::new(of, "bash", Arc::new(Hides(0)));
    story.told(
        began("/secret", "my secret"),
        Instant::now(),
        UnixMicros::EPOCH,
    );
    story.finish();
    let command = entries(&mut story).remove(0);
    assert_eq!(command.command, "my [hidden]!");
    assert_eq!(
        (command.directory.as_str(), command.redactions),
        ("/[hidden]!", 2)
    );
    assert_eq!(story.counts(), (1, 2));
}

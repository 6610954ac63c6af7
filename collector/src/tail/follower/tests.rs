//! Real files in a temporary folder, and everything that can happen to them between two looks.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use countersign_proto::event::Known;
use countersign_proto::v1;
use tempfile::TempDir;

use super::*;
use crate::limits::MAX_RAW;
use crate::parse::Format;

struct World {
    folder: TempDir,
    /// Each write is at a later second than the one before: files are ordered by that.
    now: u64,
}

impl World {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            now: 1_000_000,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&mut self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path(name))
            .unwrap();
        file.write_all(text.as_ref()).unwrap();
        self.touch(&file);
    }

    fn touch(&mut self, file: &File) {
        self.now += 1;
        file.set_modified(UNIX_EPOCH + Duration::from_secs(self.now))
            .unwrap();
    }

    fn truncate(&mut self, name: &str) {
        let file = OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(self.path(name))
            .unwrap();
        self.touch(&file);
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn follower(&self, until: Until, place: Option<Place>) -> Follower {
        let watched = Watched {
            path: self.path("x.log"),
            format: Format::Raw,
        };
        Follower::new(watched, "db-1".into(), TimeZone::UTC, until, place)
    }
}

/// What was sent, in short, with keys; and the last place.
#[derive(Default)]
struct Seen {
    lines: Vec<String>,
    keys: Vec<String>,
    place: Option<Place>,
}

impl Seen {
    fn take(&mut self, look: Look) {
        for item in look.items {
            if let Some(draft) = item.draft {
                self.keys.push(draft.idempotency_key.clone());
                self.lines.push(match draft.event.known().unwrap() {
                    Known::ExternalEvent(event) => {
                        let mut line = String::from_utf8_lossy(&event.raw).into_owned();
                        line.truncate(20);
                        for (name, value) in event.fields {
                            line.push_str(&format!(" {name}={value}"));
                        }
                        format!("{}:{line}", event.position)
                    }
                    Known::SpoolGap(gap) => format!("gap: {}", gap.reason),
                    other => panic!("{other:?}"),
                });
            }
            self.place = item.place.or(self.place);
        }
    }

    /// Looks until nothing more comes at once.
    fn drain(&mut self, follower: &mut Follower) {
        loop {
            let look = follower.look();
            let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
            assert!(look.error.as_ref().is_none_or(missing), "{look:?}");
            let more = look.more;
            self.take(look);
            if !more {
                return;
            }
        }
    }
}

fn drain(follower: &mut Follower) -> Seen {
    let mut seen = Seen::default();
    seen.drain(follower);
    seen
}

/// As many looks as a renamed file needs to be finished.
fn wait_out(follower: &mut Follower) -> Seen {
    let mut seen = Seen::default();
    for _ in 0..=QUIET_POLLS {
        seen.drain(follower);
    }
    seen
}

#[test]
fn lines_come_as_they_are_written_and_halves_wait() {
    let mut world = World::new();
    let mut follower = world.follower(Until::Stopped, None);
    assert!(
        drain(&mut follower).lines.is_empty(),
        "there is no file yet"
    );
    world.append("x.log", "one\ntwo\nhal");
    assert_eq!(drain(&mut follower).lines, ["0:one", "4:two"]);
    assert!(drain(&mut follower).lines.is_empty());
    world.append("x.log", "f\n\nlast\n");
    assert_eq!(drain(&mut follower).lines, ["8:half", "14:last"]);
}

#[test]
fn keys_tell_files_and_offsets_apart_and_fit() {
    let mut world = World::new();
    world.append("x.log", "same\nsame\n");
    let seen = drain(&mut world.follower(Until::Stopped, None));
    assert_ne!(seen.keys[0], seen.keys[1]);
    let longest = format!("{}{}", seen.keys[0].trim_end_matches('0'), u64::MAX);
    assert!(
        longest.len() <= countersign_chain::limits::MAX_IDEM,
        "{longest}"
    );
}

#[test]
fn a_run_goes_on_where_the_last_was_sealed_with_the_same_keys() {
    let mut world = World::new();
    world.append("x.log", "one\ntwo\nthree\n");
    let all = drain(&mut world.follower(Until::Stopped, None));
    let mut half = world.follower(Until::Stopped, None);
    let place = half.look().items[0].place;
    let rest = drain(&mut world.follower(Until::Stopped, place));
    assert_eq!(rest.lines, ["4:two", "8:three"]);
    assert_eq!(rest.keys, all.keys[1..]);
    let again = drain(&mut world.follower(Until::Stopped, None));
    assert_eq!(again.keys, all.keys, "a lost state file changes no key");
    assert!(
        drain(&mut world.follower(Until::Stopped, all.place))
            .lines
            .is_empty()
    );
}

#[test]
fn a_short_first_line_that_was_flushed_still_identifies_the_file() {
    let mut world = World::new();
    world.append("x.log", "one\ntw");
    let first = drain(&mut world.follower(Until::End(LastLine::Taken), None));
    assert_eq!(first.lines, ["0:one", "4:tw unterminated=true"]);
    world.append("x.log", "o\nthree\n");
    let second = drain(&mut world.follower(Until::End(LastLine::Taken), first.place));
    assert_eq!(second.lines, ["6:o", "8:three"]);

    world.append("y.log", "unfinished");
    let watched = Watched {
        path: world.path("y.log"),
        format: Format::Raw,
    };
    let follower = |place| {
        Follower::new(
            watched.clone(),
            "db-1".into(),
            TimeZone::UTC,
            Until::End(LastLine::Taken),
            place,
        )
    };
    let first = drain(&mut follower(None));
    assert_eq!(first.lines, ["0:unfinished unterminated=true"]);
    world.append("y.log", " line\n");
    assert_eq!(drain(&mut follower(first.place)).lines, ["10: line"]);
}

#[test]
fn a_line_that_grew_after_it_was_flushed_has_another_key() {
    let mut world = World::new();
    world.append("x.log", "one\ntw");
    let flushed = drain(&mut world.follower(Until::End(LastLine::Taken), None));
    world.append("x.log", "o\n");
    // The flushed line was never sealed, so the next run begins before it.
    let grown = drain(&mut world.follower(Until::End(LastLine::Taken), None));
    assert_eq!(grown.lines, ["0:one", "4:two"]);
    assert_eq!(grown.keys[0], flushed.keys[0]);
    assert_ne!(grown.keys[1], flushed.keys[1]);
}

#[test]
fn the_same_line_read_otherwise_has_another_key() {
    let mut world = World::new();
    world.append("x.log", "2026-11-22 10:00:00 startup archives unpack\n");
    let keys = [Format::Raw, Format::Dpkg].map(|format| {
        let watched = Watched {
            path: world.path("x.log"),
            format,
        };
        let zone = TimeZone::UTC;
        drain(&mut Follower::new(
            watched,
            "db-1".into(),
            zone,
            Until::Stopped,
            None,
        ))
        .keys
    });
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn what_was_read_before_an_error_counts() {
    let mut world = World::new();
    world.append("x.log", "one\nhalf");
    let mut follower = world.follower(Until::End(LastLine::Taken), None);
    let mut seen = Seen::default();
    seen.take(follower.look());
    world.rename("x.log", "x.log.1");
    fs::create_dir(world.path("x.log")).unwrap();
    let look = follower.look();
    assert!(look.error.is_some());
    seen.take(look);
    assert_eq!(seen.lines, ["0:one", "4:half unterminated=true"]);
    // The next look begins there, and finds the new file once it can be read.
    assert!(follower.look().error.is_some());
    fs::remove_dir(world.path("x.log")).unwrap();
    world.append("x.log", "new\n");
    assert_eq!(drain(&mut follower).lines, ["0:new"]);
}

#[test]
fn a_run_that_ends_with_its_files_needs_them() {
    let world = World::new();
    let error = world
        .follower(Until::End(LastLine::Taken), None)
        .look()
        .error
        .unwrap();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_long_line_comes_in_parts() {
    let mut world = World::new();
    let long = "x".repeat(2 * MAX_RAW + 5);
    world.append("x.log", format!("{long}\nnext\n"));
    world.append("x.log", format!("{}\n", "y".repeat(MAX_RAW)));
    let mut follower = world.follower(Until::Stopped, None);
    let look = follower.look();
    let places: Vec<bool> = look.items.iter().map(|item| item.place.is_some()).collect();
    assert_eq!(
        places,
        [false, false, true, true, true],
        "a line is sealed whole or not at all"
    );
    let mut seen = Seen::default();
    seen.take(look);
    let x = "x".repeat(20);
    assert_eq!(seen.lines[0], format!("0:{x} more_parts=true part=1"));
    assert_eq!(
        seen.lines[1],
        format!("{MAX_RAW}:{x} more_parts=true part=2")
    );
    assert_eq!(
        seen.lines[2],
        format!("{}:xxxxx more_parts=false part=3", 2 * MAX_RAW)
    );
    assert_eq!(seen.lines[3], format!("{}:next", long.len() + 1));
    assert_eq!(
        seen.lines[4],
        format!("{}:{}", long.len() + 6, "y".repeat(20))
    );
    // The same parts and keys when they are read in pieces.
    let mut other = World::new();
    std::mem::swap(&mut other.folder, &mut world.folder);
    let again = drain(&mut other.follower(Until::Stopped, None));
    assert_eq!(again.keys, seen.keys);
}

#[test]
fn a_long_line_that_is_still_being_written_is_given_out_in_the_same_parts() {
    let mut world = World::new();
    let mut follower = world.follower(Until::Stopped, None);
    world.append("x.log", "x".repeat(MAX_RAW));
    assert!(drain(&mut follower).lines.is_empty(), "it may end here");
    world.append("x.log", "x");
    assert_eq!(drain(&mut follower).lines.len(), 1);
    world.append("x.log", "yz\n");
    let end = drain(&mut follower);
    assert_eq!(
        end.lines,
        [format!("{MAX_RAW}:xyz more_parts=false part=2")]
    );
    assert_eq!(
        end.place.unwrap().offset,
        u64::try_from(MAX_RAW).unwrap() + 4
    );
}

#[test]
fn a_renamed_file_is_read_to_its_end_first() {
    let mut world = World::new();
    world.append("x.log", "one\n");
    let mut follower = world.follower(Until::Stopped, None);
    assert_eq!(drain(&mut follower).lines, ["0:one"]);
    world.rename("x.log", "x.log.1");
    assert!(drain(&mut follower).lines.is_empty(), "no new file yet");
    world.append("x.log", "new\n");
    assert!(
        drain(&mut follower).lines.is_empty(),
        "the writer may still have the old one"
    );
    world.append("x.log.1", "two\nthr");
    assert_eq!(drain(&mut follower).lines, ["4:two"]);
    let seen = wait_out(&mut follower);
    assert_eq!(seen.lines, ["8:thr unterminated=true", "0:new"]);
    assert_eq!(seen.place.unwrap().generation, 1);
    world.append("x.log", "newer\n");
    assert_eq!(drain(&mut follower).lines, ["4:newer"]);
}

#[test]
fn a_new_file_that_is_cut_before_its_turn_is_a_gap() {
    for (rewritten, loss) in [("", Loss::Truncated), ("t1\n", Loss::Rewritten)] {
        let mut world = World::new();
        world.append("x.log", "one\n");
        let mut follower = world.follower(Until::Stopped, None);
        drain(&mut follower);
        world.rename("x.log", "x.log.1");
        world.append("x.log", "n1\n");
        assert!(drain(&mut follower).lines.is_empty(), "the old one first");
        world.truncate("x.log");
        world.append("x.log", rewritten);
        let mut expected = vec![format!("gap: {}", loss.reason())];
        if !rewritten.is_empty() {
            expected.push("0:t1".to_owned());
        }
        let seen = wait_out(&mut follower);
        assert_eq!(seen.lines, expected);
        world.append("x.log", "t2\n");
        assert_eq!(drain(&mut follower).lines.len(), 1);
    }
}

#[test]
fn a_new_file_that_is_removed_before_its_turn_is_read_all_the_same() {
    let mut world = World::new();
    world.append("x.log", "one\n");
    let mut follower = world.follower(Until::Stopped, None);
    drain(&mut follower);
    world.rename("x.log", "x.log.1");
    world.append("x.log", "two\n");
    drain(&mut follower);
    fs::remove_file(world.path("x.log")).unwrap();
    world.append("x.log", "three\n");
    let mut lines = wait_out(&mut follower).lines;
    lines.extend(wait_out(&mut follower).lines);
    assert_eq!(lines, ["0:two", "0:three"]);
}

#[test]
fn files_that_are_rotated_while_the_old_one_is_read_come_in_order() {
    let mut world = World::new();
    world.append("x.log", "one\n");
    let mut follower = world.follower(Until::Stopped, None);
    drain(&mut follower);
    world.rename("x.log", "x.log.1");
    world.append("x.log", "two\n");
    drain(&mut follower);
    world.rename("x.log", "x.log-2");
    world.append("x.log", "three\n");
    world.rename("x.log", "x.log-3");
    world.append("x.log", "four\n");
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.extend(wait_out(&mut follower).lines);
    }
    assert_eq!(lines, ["0:two", "0:three", "0:four"]);
}

#[test]
fn files_that_are_rotated_away_while_others_wait_to_be_sent_are_held() {
    let mut world = World::new();
    world.append("x.log", "one\n");
    let mut follower = world.follower(Until::Stopped, None);
    let mut lines = drain(&mut follower).lines;
    // The ledger is away: nothing is read, and each rotation takes the file before away.
    for text in ["two\n", "three\n", "four\n"] {
        world.rename("x.log", "x.log.1");
        world.append("x.log", text);
        follower.watch().unwrap();
    }
    fs::remove_file(world.path("x.log.1")).unwrap();
    for _ in 0..3 {
        lines.extend(wait_out(&mut follower).lines);
    }
    assert_eq!(lines, ["0:one", "0:two", "0:three", "0:four"]);
}

#[test]
fn an_error_at_the_path_loses_none_of_the_held_files() {
    let mut world = World::new();
    world.append("x.log", "one\n");
    let mut follower = world.follower(Until::Stopped, None);
    drain(&mut follower);
    world.rename("x.log", "x.log.1");
    world.append("x.log", "two\n");
    follower.watch().unwrap();
    fs::remove_file(world.path("x.log")).unwrap();
    fs::create_dir(world.path("x.log")).unwrap();
    assert!(follower.look().error.is_some());
    fs::remove_dir(world.path("x.log")).unwrap();
    world.append("x.log", "three\n");
    let mut lines = wait_out(&mut follower).lines;
    lines.extend(wait_out(&mut follower).lines);
    assert_eq!(lines, ["0:two", "0:three"]);
}

#[test]
fn more_files_than_can_be_held_are_a_gap() {
    let mut world = World::new();
    world.append("x.log", "first\n");
    let mut follower = world.follower(Until::Stopped, None);
    drain(&mut follower);
    for number in 0..HELD_FILES + 3 {
        world.rename("x.log", "x.log.1");
        world.append("x.log", format!("{number}\n"));
        follower.watch().unwrap();
    }
    let mut lines = Vec::new();
    for _ in 0..HELD_FILES {
        lines.extend(wait_out(&mut follower).lines);
    }
    // The last that was rotated still stands beside the path; the one before it is lost.
    let expected = [
        format!("0:{}", HELD_FILES - 1),
        format!("0:{}", HELD_FILES + 1),
        format!("gap: {}", Loss::Overrun.reason()),
        format!("0:{}", HELD_FILES + 2),
    ];
    assert_eq!(lines[HELD_FILES - 1..], expected);
}

#[test]
fn a_file_without_a_size_is_refused() {
    let watched = Watched {
        path: "/proc/self/status".into(),
        format: Format::Raw,
    };
    let mut follower = Follower::new(watched, "db-1".into(), TimeZone::UTC, Until::Stopped, None);
    let error = follower.look().error.unwrap();
    assert!(error.to_string().contains("no size"), "{error}");
}

#[test]
fn a_pipe_is_no_file_and_is_not_waited_for() {
    let world = World::new();
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mkfifoat(rustix::fs::CWD, world.path("x.log"), mode).unwrap();
    let error = world.follower(Until::Stopped, None).look().error.unwrap();
    assert!(error.to_string().contains("no regular file"), "{error}");
}

#[test]
fn a_file_that_was_rotated_while_nobody_read_is_found_beside_it() {
    let mut world = World::new();
    world.append("x.log", "one\ntwo\n");
    let place = world.follower(Until::Stopped, None).look().items[0].place;
    world.rename("x.log", "x.log.1");
    world.append("x.log", "new\n");
    let seen = drain(&mut world.follower(Until::End(LastLine::Taken), place));
    assert_eq!(seen.lines, ["4:two", "0:new"]);
}

#[test]
fn every_rotated_file_since_is_read_in_order() {
    let mut world = World::new();
    world.append("x.log", "one\n");
    world.append("x.log.bak", "a copy\n");
    let place = drain(&mut world.follower(Until::Stopped, None)).place;
    world.rename("x.log", "x.log.1");
    world.append("x.log", "two\n");
    world.rename("x.log.1", "x.log.2");
    world.rename("x.log", "x.log.1");
    world.append("x.log", "three\n");
    let seen = drain(&mut world.follower(Until::End(LastLine::Taken), place));
    assert_eq!(seen.lines, ["0:two", "0:three"]);
    assert_eq!(seen.place.unwrap().generation, 2);
}

#[test]
fn a_file_that_is_gone_is_a_gap() {
    let mut world = World::new();
    world.append("x.log", "one\ntwo\n");
    let place = world.follower(Until::Stopped, None).look().items[0].place;
    // As long as somebody has the file open, no other one gets its inode.
    let held = File::open(world.path("x.log")).unwrap();
    fs::remove_file(world.path("x.log")).unwrap();
    let mut follower = world.follower(Until::Stopped, place);
    assert!(drain(&mut follower).lines.is_empty(), "it may come back");
    world.append("x.log", "new\n");
    let seen = drain(&mut follower);
    assert_eq!(
        seen.lines,
        [format!("gap: {}", Loss::Gone.reason()), "0:new".to_owned()]
    );
    let again = drain(&mut world.follower(Until::Stopped, place));
    assert_eq!(again.keys, seen.keys, "a gap is told once");
    assert_eq!(again.lines, seen.lines);
    drop(held);
}

#[test]
fn a_compressed_file_in_between_is_a_gap() {
    let mut world = World::new();
    world.append("x.log", "one\n");
    let place = drain(&mut world.follower(Until::Stopped, None)).place;
    world.rename("x.log", "x.log.2");
    world.append("x.log.1.gz", "not text");
    world.append("x.log", "three\n");
    let seen = drain(&mut world.follower(Until::End(LastLine::Taken), place));
    assert_eq!(
        seen.lines,
        [
            format!("gap: {}", Loss::Compressed.reason()),
            "0:three".to_owned()
        ]
    );
}

#[test]
fn truncation_begins_the_file_anew() {
    let mut world = World::new();
    world.append("x.log", "one\ntwo\n");
    let mut follower = world.follower(Until::Stopped, None);
    let before = drain(&mut follower);
    world.append("x.log", "half");
    assert!(drain(&mut follower).lines.is_empty());
    world.truncate("x.log");
    world.append("x.log", "one\n");
    let seen = drain(&mut follower);
    assert_eq!(
        seen.lines,
        [
            format!("gap: {}", Loss::Truncated.reason()),
            "0:one".to_owned()
        ]
    );
    assert!(
        !before.keys.contains(&seen.keys[1]),
        "the same line at the same place is new"
    );
    // A run that starts from before finds the same.
    let again = drain(&mut world.follower(Until::Stopped, before.place));
    assert_eq!((again.lines, again.keys), (seen.lines, seen.keys));
}

#[test]
fn truncation_is_seen_when_the_file_grew_beyond_what_was_read() {
    let mut world = World::new();
    world.append("x.log", "one\n");
    let mut follower = world.follower(Until::Stopped, None);
    let before = drain(&mut follower);
    world.truncate("x.log");
    world.append("x.log", "another first line\nsecond\n");
    let expected = [
        format!("gap: {}", Loss::Rewritten.reason()),
        "0:another first line".into(),
        "19:second".into(),
    ];
    assert_eq!(drain(&mut follower).lines, expected);
    assert_eq!(
        drain(&mut world.follower(Until::Stopped, before.place)).lines,
        expected
    );
}

#[test]
fn a_truncated_file_with_nothing_new_moves_the_place() {
    let mut world = World::new();
    world.append("x.log", "one\n");
    let mut follower = world.follower(Until::Stopped, None);
    drain(&mut follower);
    world.truncate("x.log");
    let seen = drain(&mut follower);
    assert_eq!(seen.lines.len(), 1);
    let place = seen.place.unwrap();
    assert_eq!(
        (place.offset, place.generation, place.fingerprint.len),
        (0, 1, 0)
    );
    world.append("x.log", "new\n");
    assert_eq!(drain(&mut follower).lines, ["0:new"]);
    assert_eq!(
        drain(&mut world.follower(Until::Stopped, Some(place))).lines,
        ["0:new"]
    );
}

#[test]
fn another_device_number_is_the_same_file_when_its_beginning_is() {
    let mut world = World::new();
    world.append("x.log", "one\ntwo\n");
    let place = world.follower(Until::Stopped, None).look().items[0]
        .place
        .unwrap();
    let moved = Place {
        device: place.device + 1,
        ..place
    };
    assert_eq!(
        drain(&mut world.follower(Until::Stopped, Some(moved))).lines,
        ["4:two"]
    );
}

#[test]
fn bytes_are_kept_as_they_are() {
    let mut world = World::new();
    world.append("x.log", b"\xff\xfe\r\n");
    let look = world.follower(Until::Stopped, None).look();
    let event = look.items[0].draft.as_ref().unwrap().event.known().unwrap();
    let Known::ExternalEvent(event) = event else {
        panic!("{event:?}")
    };
    assert_eq!(event.raw, &b"\xff\xfe\r"[..]);
    assert!(event.malformed.is_empty());
}

#[test]
fn a_format_fills_fields_or_says_why_not() {
    let mut world = World::new();
    world.append(
        "x.log",
        "2026-11-22 10:00:00 status installed tree:amd64 2.2.1-1\nnonsense\n",
    );
    let watched = Watched {
        path: world.path("x.log"),
        format: Format::Dpkg,
    };
    let mut follower = Follower::new(watched, "a".into(), TimeZone::UTC, Until::Stopped, None);
    let look = follower.look();
    let events: Vec<v1::ExternalEvent> = look
        .items
        .iter()
        .map(
            |item| match item.draft.as_ref().unwrap().event.known().unwrap() {
                Known::ExternalEvent(event) => event,
                other => panic!("{other:?}"),
            },
        )
        .collect();
    assert_eq!(events[0].fields["package"], "tree");
    assert_eq!(
        events[0].observed_at.as_ref().unwrap().seconds,
        1_795_341_600
    );
    assert!(events[1].fields.is_empty());
    assert!(
        events[1].malformed.contains("YYYY-MM-DD"),
        "{}",
        events[1].malformed
    );
}

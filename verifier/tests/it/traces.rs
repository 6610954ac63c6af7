//! Places of queues, recordings and blobs: honest logs, well-signed logs that break one promise,
//! and damaged blobs.

use std::fs;
use std::path::PathBuf;

use countersign_chain::sequence::{QueueId, Sequence};
use countersign_proto::v1;
use countersign_verifier::check::{Request, check};
use countersign_verifier::report::{json, text};
use countersign_workflow::command::Action;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::folder::{Log, Told, assert_damage, notes, payload};
use super::legality::log_entries;
use super::world::{HOUR, MINUTE, World, session};

const AGENT: &str = "agent:db-prod-1";
const OTHER: &str = "agent:db-prod-2";

/// An entry of a client without a case.
fn told<M: countersign_proto::event::Kinded>(actor: &str, message: &M, after: &Told) -> Told {
    let (kind, payload) = payload(message);
    Told {
        actor: actor.to_owned(),
        via: String::new(),
        case: 0,
        idem: Vec::new(),
        kind,
        payload,
        time: after.time,
    }
}

/// What stands in a queue.
#[derive(Clone, Copy)]
enum Item {
    /// A place of a queue of this client.
    At(&'static str, u8, u64),
    /// So many places from this one on were left out, this one says.
    Gap(&'static str, u8, u64, u64),
    /// The same, by this client.
    GapBy(&'static str, u8, u64, u64),
}

use Item::{At, Gap, GapBy};

fn queue_log(items: &[Item], commit: u64) -> Log {
    let base = log_entries(&World::new().log);
    let after = base.last().expect("a policy").clone();
    let mut entries = base;
    for item in items {
        let gap = |actor: &str, source: &str, queue, first, lost_events| {
            let first = Some(v1::Sequence {
                queue: vec![queue; 16].into(),
                number: first,
            });
            let gap = v1::SpoolGap {
                source: source.to_owned(),
                lost_events,
                first,
                ..v1::SpoolGap::default()
            };
            told(actor, &gap, &after)
        };
        entries.push(match *item {
            Gap(source, queue, first, count) => gap("ledger", source, queue, first, count),
            GapBy(source, queue, first, count) => gap(source, source, queue, first, count),
            At(actor, queue, number) => {
                let event = v1::ExternalEvent {
                    source: "sshd".to_owned(),
                    ..v1::ExternalEvent::default()
                };
                let queue = QueueId::new([queue; 16]);
                let idem = Sequence { queue, number }.to_key().expect("a key");
                Told {
                    idem: idem.as_bytes().to_vec(),
                    ..told(actor, &event, &after)
                }
            }
        });
    }
    Log::telling(entries, commit)
}

/// What is wrong, the queue, and codes with positions in it.
type Forged = (
    &'static str,
    &'static [Item],
    &'static [(&'static str, u64)],
);

/// The first entry of a queue's items.
const FIRST: u64 = 2;

#[test]
fn queues_that_keep_their_places_have_no_findings() {
    let turns: Vec<Item> = (0..40)
        .flat_map(|number| {
            [
                At(AGENT, 1, number),
                At(OTHER, 1, number),
                At(AGENT, 2, number),
            ]
        })
        .collect();
    let gaps = [
        At(AGENT, 1, 0),
        Gap(AGENT, 1, 1, 4),
        At(AGENT, 1, 5),
        Gap(OTHER, 1, 0, 9),
        At(OTHER, 1, 9),
        At(AGENT, 1, 6),
    ];
    let mut places = 0;
    for items in [&turns[..], &gaps] {
        for commit in [1, 2, 7, 500] {
            let report = queue_log(items, commit).verify();
            assert_damage(&report, &[], "an honest queue");
            assert_eq!(notes(&report), []);
            let expected = items.iter().filter(|item| matches!(item, At(..))).count();
            assert_eq!(
                report.checked.places,
                u64::try_from(expected).expect("small")
            );
            places += report.checked.places;
        }
    }
    println!("counted: {places} places of honest queues, 0 findings");
}

/// Queues that break one promise each.
const FORGED_QUEUES: &[Forged] = &[
    (
        "a hole",
        &[At(AGENT, 1, 0), At(AGENT, 1, 2), At(AGENT, 1, 3)],
        &[("place-missing", 1)],
    ),
    (
        "a late start",
        &[At(AGENT, 1, 5), At(AGENT, 1, 6)],
        &[("place-missing", 0)],
    ),
    (
        "twice at once",
        &[At(AGENT, 1, 0), At(AGENT, 1, 0), At(AGENT, 1, 1)],
        &[("place-twice", 1)],
    ),
    (
        "twice later",
        &[
            At(AGENT, 1, 0),
            At(AGENT, 1, 1),
            At(AGENT, 1, 2),
            At(AGENT, 1, 1),
        ],
        &[("place-twice", 3)],
    ),
    (
        "a gap that is too short",
        &[At(AGENT, 1, 0), Gap(AGENT, 1, 1, 2), At(AGENT, 1, 5)],
        &[("place-missing", 2)],
    ),
    (
        "a gap that begins too late",
        &[At(AGENT, 1, 0), Gap(AGENT, 1, 2, 2), At(AGENT, 1, 4)],
        &[("place-missing", 1)],
    ),
    (
        "a gap that came after all",
        &[
            At(AGENT, 1, 0),
            Gap(AGENT, 1, 1, 2),
            At(AGENT, 1, 1),
            At(AGENT, 1, 3),
        ],
        &[("place-twice", 2)],
    ),
    (
        "a gap of places that stand",
        &[At(AGENT, 1, 0), At(AGENT, 1, 1), Gap(AGENT, 1, 0, 2)],
        &[("place-twice", 2)],
    ),
    (
        "a gap of another client",
        &[At(AGENT, 1, 0), Gap(OTHER, 1, 0, 2), At(AGENT, 1, 2)],
        &[("place-missing", 2)],
    ),
    (
        "a gap of another queue",
        &[At(AGENT, 1, 0), Gap(AGENT, 2, 0, 2), At(AGENT, 1, 2)],
        &[("place-missing", 2)],
    ),
    (
        "a gap that the client itself tells",
        &[At(AGENT, 1, 0), GapBy(AGENT, 1, 1, 1), At(AGENT, 1, 2)],
        &[("place-missing", 2)],
    ),
    (
        "another client's place between",
        &[
            At(AGENT, 1, 0),
            At(OTHER, 1, 0),
            At(AGENT, 1, 2),
            At(OTHER, 1, 2),
        ],
        &[("place-missing", 2), ("place-missing", 3)],
    ),
];

#[test]
fn a_place_that_is_missing_or_stands_twice_is_found_with_its_entry() {
    let mut found = 0;
    for (name, items, expected) in FORGED_QUEUES {
        for commit in [1, 3, 500] {
            let report = queue_log(items, commit).verify();
            let expected: Vec<_> = expected
                .iter()
                .map(|(code, at)| (*code, Some(FIRST + at)))
                .collect();
            assert_damage(&report, &expected, name);
        }
        found += 1;
    }
    println!(
        "counted: {} forged queues, {found} found",
        FORGED_QUEUES.len()
    );
}

#[test]
fn behind_damage_a_queue_goes_on_where_it_is_met_again() {
    let items: Vec<Item> = (0..9).map(|number| At(AGENT, 1, number)).collect();
    let log = queue_log(&items, 2);
    log.flip_in_record(FIRST + 4, 100);
    let report = log.verify();
    let at = Some(FIRST + 4);
    assert_damage(&report, &[("record-changed", at)], "a changed entry");
    assert!(notes(&report).contains(&("traces-unchecked", at)));
    // A place that was seen before the damage is still seen twice behind it.
    let mut items = items;
    items.push(At(AGENT, 1, 3));
    let log = queue_log(&items, 2);
    log.flip_in_record(FIRST + 4, 100);
    let expected = [("record-changed", at), ("place-twice", Some(FIRST + 9))];
    assert_damage(&log.verify(), &expected, "twice");
}

/// A session with its recording, and the entries that tell of it.
struct Recorded {
    world: World,
    case: u64,
    session: u64,
    blobs: Vec<Vec<u8>>,
}

impl Recorded {
    fn new() -> Self {
        let mut world = World::new();
        let (case, grant) = world.granted(60);
        let session = world.must(AGENT, session(grant));
        Self {
            world,
            case,
            session,
            blobs: Vec::new(),
        }
    }

    fn part(&mut self, part: u64) -> u64 {
        self.part_of(AGENT, self.session, part)
    }

    fn part_of(&mut self, actor: &str, session: u64, part: u64) -> u64 {
        let blob = format!("part {part}").into_bytes();
        let event = v1::SessionOutput {
            session,
            part,
            blob_sha256: Sha256::digest(&blob).to_vec().into(),
            blob_bytes: u64::try_from(blob.len()).expect("small"),
            encoding: "asciicast-v2+zstd".to_owned(),
            output_bytes: 10,
            redactions: 1,
            ..v1::SessionOutput::default()
        };
        self.blobs.push(blob);
        self.world.place(actor, "", self.case, event.into())
    }

    fn command(&mut self, number: u64) -> u64 {
        let event = v1::CommandExecuted {
            session: self.session,
            number,
            command: "ls".to_owned(),
            source: "bash".to_owned(),
            redactions: 2,
            ..v1::CommandExecuted::default()
        };
        self.world.place(AGENT, "", self.case, event.into())
    }

    fn end(&mut self, recording: Option<(u64, u64, u64, u64)>) -> u64 {
        let recording =
            recording.map(
                |(parts, commands, output_bytes, redactions)| v1::Recording {
                    parts,
                    commands,
                    output_bytes,
                    redactions,
                },
            );
        let end = Action::EndSession {
            session: self.session,
            reason: "exit".to_owned(),
            exit_status: 0,
            recording,
        };
        self.world.must(AGENT, end)
    }

    /// The log with its blobs on disk.
    fn log(&self, commit: u64) -> Log {
        let log = Log::telling(log_entries(&self.world.log), commit);
        for blob in &self.blobs {
            let path = blob_path(&log, blob);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, blob).expect("written");
        }
        log
    }
}

fn blob_path(log: &Log, blob: &[u8]) -> PathBuf {
    let name: String = Sha256::digest(blob)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    log.path("blobs").join(&name[..2]).join(&name[2..])
}

/// Three parts and two commands, as a recorder sends them; the last part comes behind the end.
fn honest() -> Recorded {
    let mut story = Recorded::new();
    story.part(1);
    story.command(1);
    story.part(2);
    story.command(2);
    story.end(Some((3, 2, 30, 7)));
    story.part(3);
    story
}

#[test]
fn honest_recordings_have_no_findings() {
    let unrecorded = || {
        let mut story = Recorded::new();
        story.part(1);
        story.end(None);
        story.part(2);
        story
    };
    let running = || {
        let mut story = Recorded::new();
        story.part(1);
        story.command(1);
        story
    };
    let (mut parts, mut blobs) = (0, 0);
    for story in [honest(), unrecorded(), running()] {
        for commit in [1, 4, 500] {
            let report = story.log(commit).verify();
            assert_damage(&report, &[], "an honest recording");
            assert_eq!(notes(&report), []);
            parts += report.checked.parts;
            blobs += report.checked.blobs;
        }
    }
    assert_eq!((parts, blobs), (18, 18));
    println!("counted: {parts} parts and {blobs} blobs of honest recordings, 0 findings");
}

/// What is wrong, the code, and how the recording goes on; it returns the entry of the finding.
type Story = (&'static str, &'static str, fn(&mut Recorded) -> u64);

/// Recordings that break one promise each.
const FORGED_RECORDINGS: &[Story] = &[
    ("a part is missing", "recording-hole", |story| {
        story.part(1);
        story.part(3)
    }),
    ("the first part is missing", "recording-hole", |story| {
        story.part(2)
    }),
    ("a command is missing", "recording-hole", |story| {
        story.command(1);
        story.command(4)
    }),
    ("a part twice", "recording-twice", |story| {
        story.part(1);
        story.part(1)
    }),
    ("a command twice", "recording-twice", |story| {
        story.command(1);
        story.command(1)
    }),
    ("a part of what is no session", "recording-stray", |story| {
        story.part_of(AGENT, story.case, 1)
    }),
    ("a part of a session to come", "recording-stray", |story| {
        story.part_of(AGENT, 9_999, 1)
    }),
    ("a part behind the last one", "recording-stray", |story| {
        story.part(1);
        story.end(Some((1, 0, 10, 1)));
        story.part(2)
    }),
    ("a part by somebody else", "recording-foreign", |story| {
        story.part_of(OTHER, story.session, 1)
    }),
    ("a part in another case", "recording-foreign", |story| {
        story.case = 0;
        story.part(1)
    }),
    ("an end with fewer parts", "recording-mismatch", |story| {
        story.part(1);
        story.part(2);
        story.end(Some((1, 0, 20, 2)))
    }),
    (
        "an end with fewer commands",
        "recording-mismatch",
        |story| {
            story.command(1);
            story.end(Some((0, 0, 0, 2)))
        },
    ),
    ("an end with other bytes", "recording-mismatch", |story| {
        story.part(1);
        story.end(Some((1, 0, 11, 1)))
    }),
    ("an end with other secrets", "recording-mismatch", |story| {
        story.part(1);
        story.command(1);
        story.end(Some((1, 1, 10, 1)))
    }),
    ("a part that never came", "recording-incomplete", |story| {
        story.part(1);
        let end = story.end(Some((2, 0, 20, 2)));
        story.world.wait(25 * HOUR);
        story.world.plain();
        end
    }),
];

#[test]
fn every_forged_recording_is_found_with_its_entry() {
    let mut found = 0;
    for (name, code, tell) in FORGED_RECORDINGS {
        let mut story = Recorded::new();
        let index = tell(&mut story);
        for commit in [1, 5, 500] {
            let report = story.log(commit).verify();
            assert_damage(&report, &[(*code, Some(index))], name);
        }
        found += 1;
    }
    println!(
        "counted: {} forged recordings, {found} found",
        FORGED_RECORDINGS.len()
    );
}

#[test]
fn the_rest_of_a_recording_may_come_for_a_day() {
    let mut story = Recorded::new();
    story.part(1);
    let end = story.end(Some((2, 0, 20, 2)));
    story.world.wait(MINUTE);
    story.world.plain();
    let report = story.log(3).verify();
    assert_damage(&report, &[], "a part on its way");
    assert_eq!(notes(&report), [("recording-awaited", Some(end))]);
    story.part(2);
    let report = story.log(3).verify();
    assert_eq!(notes(&report), []);
}

#[test]
fn behind_damage_a_recording_is_followed_only_as_far_as_it_can_be() {
    let story = honest();
    let log = story.log(1);
    log.flip_in_record(story.session + 1, 120);
    let report = log.verify();
    let at = Some(story.session + 1);
    assert_damage(&report, &[("record-changed", at)], "a changed part");
    assert!(notes(&report).contains(&("traces-unchecked", at)));
}

#[test]
fn every_damage_to_a_blob_is_found_with_its_entry() {
    type Damage = fn(&PathBuf);
    let cases: &[(&str, Damage)] = &[
        ("blob-missing", |path| fs::remove_file(path).expect("gone")),
        ("blob-missing", |path| {
            fs::remove_file(path).expect("gone");
            fs::create_dir(path).expect("a folder in its place");
        }),
        ("blob-missing", |path| {
            fs::remove_dir_all(path.parent().expect("a folder")).expect("gone");
        }),
        ("blob-changed", |path| {
            fs::write(path, "pant 1").expect("written")
        }),
        ("blob-changed", |path| {
            fs::write(path, [0; 6]).expect("written")
        }),
        ("blob-length", |path| fs::write(path, "part").expect("cut")),
        ("blob-length", |path| fs::write(path, "").expect("emptied")),
        ("blob-length", |path| {
            fs::write(path, "part 1 ").expect("grown")
        }),
    ];
    let story = honest();
    let (mut damaged, mut found) = (0, 0);
    for commit in [1, 500] {
        for (code, damage) in cases {
            for (position, blob) in story.blobs.iter().enumerate() {
                let log = story.log(commit);
                damage(&blob_path(&log, blob));
                let index = [1, 3, 6][position] + story.session;
                damaged += 1;
                assert_damage(&log.verify(), &[(*code, Some(index))], code);
                found += 1;
            }
        }
    }
    // A bit of each byte.
    let log = story.log(2);
    let path = blob_path(&log, &story.blobs[1]);
    for at in 0..story.blobs[1].len() {
        let mut bytes = story.blobs[1].clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).expect("written");
        damaged += 1;
        let expected = [("blob-changed", Some(story.session + 3))];
        assert_damage(&log.verify(), &expected, "a bit");
        found += 1;
    }
    println!("counted: {damaged} damaged blobs, {found} found");
}

#[test]
fn the_report_counts_places_parts_and_blobs() {
    let log = honest().log(2);
    let took = std::time::Duration::from_secs(1);
    let report = log.verify();
    let checked: Value = serde_json::from_str(&json::report(&report, took)).expect("JSON");
    let checked = &checked["checked"];
    let counts = [
        ("parts", 3),
        ("commands", 2),
        ("blobs", 3),
        ("blob_bytes", 18),
        ("blobs_unseen", 0),
        ("places", 0),
        ("places_missing", 0),
    ];
    for (name, count) in counts {
        assert_eq!(checked[name], count, "{name}: {checked}");
    }
    let mut written = Vec::new();
    text::report(&mut written, &report, took).expect("written");
    let written = String::from_utf8(written).expect("text");
    let line = "3 parts and 2 commands of sessions, 3 blobs (18 bytes)";
    assert!(written.contains(line), "{written}");
    let report = queue_log(&[Gap(AGENT, 1, 0, 4), At(AGENT, 1, 4)], 9).verify();
    let mut written = Vec::new();
    text::report(&mut written, &report, took).expect("written");
    let written = String::from_utf8(written).expect("text");
    let line = "1 places of queues, 4 told to be left out";
    assert!(written.contains(line), "{written}");
}

/// A folder that shows no blobs, as a server does.
struct Blind(countersign_verifier::source::folder::Folder);

mod blind {
    use countersign_chain::key::VerifierKey;
    use countersign_verifier::finding::Findings;
    use countersign_verifier::source::{Promise, Source, SourceError};
    use countersign_verifier::window::Window;

    impl Source for super::Blind {
        fn name(&self) -> &'static str {
            "server"
        }

        fn vkeys(&self) -> Vec<String> {
            self.0.vkeys()
        }

        fn promises(
            &mut self,
            key: &VerifierKey,
            findings: &mut Findings,
        ) -> Result<Vec<Promise>, SourceError> {
            self.0.promises(key, findings)
        }

        fn next(&mut self, findings: &mut Findings) -> Result<Option<Window>, SourceError> {
            self.0.next(findings)
        }

        fn total_bytes(&self) -> u64 {
            0
        }

        fn tree_folder(&self) -> Option<std::path::PathBuf> {
            None
        }
    }
}

#[test]
fn a_source_without_blobs_says_how_many_it_did_not_look_at() {
    let log = honest().log(2);
    fs::remove_dir_all(log.path("blobs")).expect("gone");
    let folder = countersign_verifier::source::folder::Folder::open(log.dir.path(), "main");
    let mut blind = Blind(folder.expect("opens"));
    let report = check(&mut blind, &Request::default(), &mut |_| {}).expect("checked");
    assert_damage(&report, &[], "blobs that nobody looked at");
    let checked = report.checked;
    assert_eq!((checked.blobs, checked.blobs_unseen), (0, 3));
    let mut written = Vec::new();
    text::report(&mut written, &report, std::time::Duration::ZERO).expect("written");
    let written = String::from_utf8(written).expect("text");
    assert!(written.contains("3 blobs were not looked at"), "{written}");
}

//! Builds the folder of a log with the code that a ledger uses, and damages it.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::{Commit, CommitBuilder, Draft, LogHead};
use countersign_chain::frame::Nonce;
use countersign_chain::hash::{self, Hash};
use countersign_chain::head::HeadSlot;
use countersign_chain::key::{SigningKey, VerifierKey};
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::segment::{SegmentHeader, file_name};
use countersign_chain::time::UnixMicros;
use countersign_chain::tree::Frontier;
use countersign_proto::event::{Event, Kinded};
use countersign_proto::v1;
use countersign_verifier::check::{Request, check};
use countersign_verifier::report::{Report, Verdict};
use countersign_verifier::source::folder::Folder;

/// Bytes of a segment file; the rest behind the frames is zero, as a ledger reserves it.
const ROOM: usize = 64;

/// Where a commit stands.
#[derive(Debug, Clone)]
pub(crate) struct At {
    pub(crate) segment: u64,
    pub(crate) offset: usize,
    pub(crate) len: usize,
    pub(crate) first: u64,
    pub(crate) size: u64,
    pub(crate) checkpoint: SignedCheckpoint,
    /// Offset in the file and length of each record.
    pub(crate) records: Vec<(usize, usize)>,
}

/// The seed of a log with entries of 40 KiB.
pub(crate) const BIG: u8 = 200;

/// An entry that a test made up.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) time: UnixMicros,
    pub(crate) case: u64,
    pub(crate) actor: String,
    pub(crate) via: String,
    pub(crate) idem: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
}

/// A log on disk.
pub(crate) struct Log {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) key: SigningKey,
    pub(crate) commits: Vec<At>,
    pub(crate) head: LogHead,
    leaves: Vec<Hash>,
    seed: u8,
    /// Entries behind the first one; those of a collector when there are none.
    told: Vec<Told>,
}

pub(crate) fn key(seed: u8) -> SigningKey {
    let origin = Origin::parse("log.example/main").expect("an origin");
    SigningKey::from_seed(origin, &[seed; 32]).expect("a key")
}

/// What entry `index` says.
fn event(index: u64, seed: u8, key: &VerifierKey) -> (Kind, Vec<u8>) {
    if index == 0 {
        let opened = v1::LogOpened {
            origin: key.origin().to_string(),
            vkey: key.to_string(),
            format: 1,
        };
        return payload(&opened);
    }
    payload(&v1::ExternalEvent {
        source: "file:/var/log/auth.log".into(),
        position: index.to_string(),
        malformed: if seed == BIG {
            "x".repeat(40_000)
        } else {
            String::new()
        },
        raw: format!("line {index} of {seed}: session opened for user ada")
            .into_bytes()
            .into(),
        ..v1::ExternalEvent::default()
    })
}

pub(crate) fn payload<M: Kinded>(message: &M) -> (Kind, Vec<u8>) {
    let (kind, bytes) = Event::from_message(message)
        .into_parts()
        .expect("one event");
    (kind, bytes.to_vec())
}

impl Log {
    /// A log whose segments hold commits of these numbers of entries.
    pub(crate) fn of(segments: &[&[u64]]) -> Self {
        Self::seeded(segments, 7)
    }

    /// The same with other entries behind the first, under the same key.
    pub(crate) fn seeded(segments: &[&[u64]], seed: u8) -> Self {
        Self::build(segments, seed, key(7))
    }

    /// The same under another key.
    pub(crate) fn with_key(segments: &[&[u64]], other: u8) -> Self {
        Self::build(segments, 7, key(other))
    }

    /// A log of these entries behind the one that opens it, in one segment of commits of this many.
    pub(crate) fn telling(told: Vec<Told>, commit: u64) -> Self {
        let size = u64::try_from(told.len()).expect("small") + 1;
        let mut commits = vec![commit; usize::try_from(size / commit).expect("small")];
        commits.extend(Some(size % commit).filter(|rest| *rest > 0));
        Self::made_of(&[&commits], 7, key(7), told)
    }

    fn build(segments: &[&[u64]], seed: u8, key: SigningKey) -> Self {
        Self::made_of(segments, seed, key, Vec::new())
    }

    fn made_of(segments: &[&[u64]], seed: u8, key: SigningKey, told: Vec<Told>) -> Self {
        let mut log = Self {
            dir: tempfile::tempdir().expect("a folder"),
            key,
            commits: Vec::new(),
            head: LogHead::empty(),
            leaves: Vec::new(),
            seed,
            told,
        };
        fs::create_dir(log.path("segments")).expect("a folder");
        fs::create_dir(log.path("tree")).expect("a folder");
        for commits in segments {
            log.segment(commits);
        }
        log.seal(log.commits.len());
        log.write_tree();
        log
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn segment_path(&self, first: u64) -> PathBuf {
        self.path("segments").join(file_name(first))
    }

    fn segment(&mut self, commits: &[u64]) {
        let first = self.head.size();
        let nonce = Nonce([u8::try_from(first % 250).expect("small") + 1; 16]);
        let header = SegmentHeader {
            origin: self.key.verifier().origin().clone(),
            first,
            prev: self.head.last_leaf(),
            nonce,
        };
        let mut bytes = header.encode();
        for entries in commits {
            let mut commit = self.commit(*entries);
            let start = bytes.len();
            let records: Vec<Vec<u8>> = commit.records().map(<[u8]>::to_vec).collect();
            bytes.extend_from_slice(commit.seal(&nonce));
            let mut at = start + 40;
            let places = records.iter().map(|record| {
                let place = (at + 2, record.len());
                at += 2 + record.len();
                place
            });
            self.commits.push(At {
                segment: first,
                offset: start,
                len: bytes.len() - start,
                first: commit.first(),
                size: commit.head().size(),
                checkpoint: commit.checkpoint().clone(),
                records: places.collect(),
            });
            self.leaves.extend_from_slice(commit.leaves());
            self.head = commit.head().clone();
        }
        bytes.resize(bytes.len() + ROOM, 0);
        fs::write(self.segment_path(first), bytes).expect("written");
    }

    fn commit(&self, entries: u64) -> Commit {
        let mut builder = CommitBuilder::after(&self.head);
        for _ in 0..entries {
            let index = builder.next_index();
            if let Some(told) = self.told_at(index) {
                let draft = Draft {
                    kind: told.kind,
                    now: told.time,
                    case: told.case,
                    actor: &told.actor,
                    via: &told.via,
                    idem: &told.idem,
                    payload: &told.payload,
                };
                builder.push(&draft).expect("fits");
                continue;
            }
            let (kind, payload) = event(index, self.seed, self.key.verifier());
            let draft = Draft {
                kind,
                now: UnixMicros::new(1_767_225_600_000_000 + index).expect("a time"),
                case: index / 2,
                actor: "agent:db-prod-1",
                via: if index % 3 == 2 { "bot:slack" } else { "" },
                idem: if index % 2 == 1 { b"key-1" } else { b"" },
                payload: &payload,
            };
            builder.push(&draft).expect("fits");
        }
        builder.finish(&self.key).expect("not empty")
    }

    fn told_at(&self, index: u64) -> Option<&Told> {
        self.told
            .get(usize::try_from(index.checked_sub(1)?).expect("small"))
    }

    /// Makes the first `count` commits the sealed log: head, checkpoint and IDENTITY.
    pub(crate) fn seal(&self, count: usize) {
        let mut file = Vec::new();
        // The slots are written in turn: the older one is that of the commit before.
        for back in [1, 0] {
            match count.checked_sub(1 + back) {
                Some(commit) => file.extend_from_slice(&self.slot(commit)),
                None => file.resize(4_096, 0),
            }
        }
        let newest = &self.commits[count - 1];
        fs::write(self.path("head"), file).expect("written");
        fs::write(self.path("checkpoint"), newest.checkpoint.text()).expect("written");
        let key = self.key.verifier();
        let identity = format!(
            "format = 1\norigin = \"{}\"\nvkey = \"{key}\"\n",
            key.origin()
        );
        fs::write(self.path("IDENTITY"), identity).expect("written");
    }

    fn slot(&self, commit: usize) -> Vec<u8> {
        let at = &self.commits[commit];
        let size = usize::try_from(at.size).expect("small");
        let mut frontier = Frontier::new();
        self.leaves[..size]
            .iter()
            .for_each(|leaf| frontier.push(*leaf));
        let usual = UnixMicros::new(1_767_225_600_000_000 + at.size - 1).expect("a time");
        let time = self.told_at(at.size - 1).map_or(usual, |told| told.time);
        let slot = HeadSlot {
            head: LogHead::new(frontier, time, self.leaves[size - 1]),
            segment: at.segment,
            offset: u64::try_from(at.offset + at.len).expect("small"),
            checkpoint: at.checkpoint.clone(),
        };
        slot.encode().expect("fits")
    }

    fn write_tree(&self) {
        let mut level = self.leaves.clone();
        let mut files = vec![level.clone()];
        for number in 1..=8 {
            let (pairs, _) = level.as_chunks::<2>();
            level = pairs
                .iter()
                .map(|[left, right]| hash::node(left, right))
                .collect();
            if number == 8 {
                files.push(level.clone());
            }
        }
        for (number, hashes) in files.iter().enumerate() {
            let bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
            let name = format!("tree/level-{:02}", number * 8);
            fs::write(self.path(&name), bytes).expect("written");
        }
    }

    pub(crate) fn drop_tree(&self) {
        fs::remove_dir_all(self.path("tree")).expect("removed");
    }

    /// The commit and the position in it of an entry.
    pub(crate) fn place(&self, index: u64) -> (&At, usize) {
        let at = self
            .commits
            .iter()
            .find(|at| index < at.size)
            .expect("in the log");
        (at, usize::try_from(index - at.first).expect("small"))
    }

    /// Changes the bytes of the segment that starts with this entry.
    pub(crate) fn damage(&self, segment: u64, change: impl FnOnce(&mut Vec<u8>)) {
        change_file(&self.segment_path(segment), change);
    }

    /// Flips the lowest bit of a byte of a record, counted from its start.
    pub(crate) fn flip_in_record(&self, index: u64, byte: usize) {
        let (at, position) = self.place(index);
        let (start, len) = at.records[position];
        assert!(byte < len, "record {index} has {len} bytes");
        self.damage(at.segment, |bytes| bytes[start + byte] ^= 1);
    }

    /// Makes the checksum of a commit fit its bytes, as someone does who knows the format.
    pub(crate) fn fix_checksum(&self, commit: usize) {
        let at = &self.commits[commit];
        self.damage(at.segment, |bytes| {
            let frame = &mut bytes[at.offset..at.offset + at.len];
            let body = usize::try_from(u32::from_be_bytes(
                frame[4..8].try_into().expect("four bytes"),
            ));
            let end = 12 + body.expect("small");
            let crc = crc32c(frame[4..8].iter().chain(&frame[12..end]));
            frame[8..12].copy_from_slice(&crc.to_be_bytes());
        });
    }

    pub(crate) fn verify(&self) -> Report {
        self.verify_with(&Request::default())
    }

    pub(crate) fn verify_with(&self, request: &Request) -> Report {
        let mut folder = Folder::open(self.dir.path(), "main").expect("opens");
        check(&mut folder, request, &mut |_| {}).expect("can be checked")
    }

    pub(crate) fn pinned(&self) -> Request {
        Request {
            key: Some(self.key.verifier().clone()),
            ..Request::default()
        }
    }
}

pub(crate) fn change_file(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("readable");
    change(&mut bytes);
    fs::write(path, bytes).expect("written");
}

/// CRC-32C, bit by bit: the tests share no code with what they test.
fn crc32c<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// Codes and indexes of what makes the verdict.
pub(crate) fn damage(report: &Report) -> Vec<(&'static str, Option<u64>)> {
    codes(report.findings.damage())
}

/// Codes and indexes of notes.
pub(crate) fn notes(report: &Report) -> Vec<(&'static str, Option<u64>)> {
    codes(report.findings.notes())
}

fn codes(findings: &[countersign_verifier::finding::Finding]) -> Vec<(&'static str, Option<u64>)> {
    findings
        .iter()
        .map(|finding| (finding.code.code(), finding.index))
        .collect()
}

/// Fails with everything that was found.
#[track_caller]
pub(crate) fn assert_damage(report: &Report, expected: &[(&str, Option<u64>)], what: &str) {
    let got = damage(report);
    assert_eq!(got, expected, "{what}: {:#?}", report.findings);
    let verdict = if expected.is_empty() {
        Verdict::Intact
    } else {
        Verdict::Findings
    };
    assert_eq!(report.verdict(), verdict, "{what}");
}

//! A good log: its commits as frames, and the image of its folder (docs/format.md, section 11).

use bytes::Bytes;
use countersign_chain::commit::{Commit, CommitBuilder, Draft, LogHead};
use countersign_chain::frame::Nonce;
use countersign_chain::hash::{self, Hash};
use countersign_chain::head::HeadSlot;
use countersign_chain::segment::{SegmentHeader, file_name};
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Event;
use countersign_proto::v1;

use crate::input::Input;
use crate::{make, seeds};

/// Zeros behind the last frame of a segment.
const ROOM: usize = 64;

/// A log that grows commit by commit.
#[derive(Debug)]
pub struct Log {
    /// Its end.
    pub head: LogHead,
    /// All leaves.
    pub leaves: Vec<Hash>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            head: LogHead::empty(),
            leaves: Vec::new(),
        }
    }
}

impl Log {
    /// The next commit, of so many entries.
    pub fn commit(&mut self, entries: u64) -> Commit {
        let key = make::key();
        let mut builder = CommitBuilder::after(&self.head);
        for _ in 0..entries {
            let index = builder.next_index();
            let event = if index == 0 {
                Event::from_message(&v1::LogOpened {
                    origin: key.verifier().origin().to_string(),
                    vkey: key.verifier().to_string(),
                    format: 1,
                })
            } else {
                Event::from_message(&v1::ExternalEvent {
                    source: "test".to_owned(),
                    raw: Bytes::from(format!("line {index}")),
                    ..v1::ExternalEvent::default()
                })
            };
            let (kind, payload) = event.into_parts().expect("one event");
            let draft = Draft {
                kind,
                now: UnixMicros::new(1_790_000_000_000_000 + index).expect("a time"),
                case: 0,
                actor: "agent:db-1",
                via: "",
                idem: b"",
                payload: &payload,
            };
            self.leaves
                .push(builder.push(&draft).expect("a good draft"));
        }
        let commit = builder.finish(key).expect("not empty");
        self.head = commit.head().clone();
        commit
    }

    fn slot(&self, segment: u64, offset: usize, commit: &Commit) -> Vec<u8> {
        let slot = HeadSlot {
            head: commit.head().clone(),
            segment,
            offset: u64::try_from(offset).expect("small"),
            checkpoint: commit.checkpoint().clone(),
        };
        slot.encode().expect("it fits")
    }

    fn levels(&self) -> [Vec<Hash>; 2] {
        let mut level = self.leaves.clone();
        for _ in 0..8 {
            let (pairs, _) = level.as_chunks::<2>();
            level = pairs
                .iter()
                .map(|[left, right]| hash::node(left, right))
                .collect();
        }
        [self.leaves.clone(), level]
    }
}

/// The files of a good log by their paths, whose segments hold commits of these numbers of entries.
/// The last two commits are those of the head slots.
pub fn image(segments: &[&[u64]]) -> Vec<(String, Vec<u8>)> {
    let key = make::key();
    let mut log = Log::default();
    let (mut files, mut slots) = (Vec::new(), Vec::new());
    let mut published = String::new();
    for commits in segments {
        let first = log.head.size();
        let nonce = Nonce([u8::try_from(first % 250).expect("small") + 1; 16]);
        let header = SegmentHeader {
            origin: key.verifier().origin().clone(),
            first,
            prev: log.head.last_leaf(),
            nonce,
        };
        let mut segment = header.encode();
        for entries in *commits {
            let mut commit = log.commit(*entries);
            segment.extend_from_slice(commit.seal(&nonce));
            slots.push(log.slot(first, segment.len(), &commit));
            commit.checkpoint().text().clone_into(&mut published);
        }
        segment.resize(segment.len() + ROOM, 0);
        files.push((format!("segments/{}", file_name(first)), segment));
    }
    for (number, level) in log.levels().iter().enumerate() {
        let bytes = level.iter().flat_map(|hash| *hash.as_bytes()).collect();
        files.push((format!("tree/level-{:02}", number * 8), bytes));
    }
    let (origin, vkey) = (key.verifier().origin(), key.verifier());
    let identity = format!("format = 1\norigin = \"{origin}\"\nvkey = \"{vkey}\"\n");
    files.push(("head".to_owned(), slots[slots.len() - 2..].concat()));
    files.push(("checkpoint".to_owned(), published.into_bytes()));
    files.push(("IDENTITY".to_owned(), identity.into_bytes()));
    files
}

/// The files after the changes that an input asks for: each names a file, an offset and how to go
/// on there.
pub fn changed(good: &[(String, Vec<u8>)], input: &mut Input<'_>) -> Vec<(String, Vec<u8>)> {
    let mut files = good.to_vec();
    while !input.is_empty() && !files.is_empty() {
        let (how, which) = (input.byte(), usize::from(input.byte()) % files.len());
        let (_, bytes) = &mut files[which];
        let at = usize::from(input.u16()) % (bytes.len() + 1);
        match how % 8 {
            0 => {
                let new = input.field();
                let end = (at + new.len()).min(bytes.len());
                bytes.splice(at..end, new.iter().copied());
            }
            1 => bytes.truncate(at),
            2 => bytes.extend_from_slice(input.field()),
            3 => {
                let end = (at + usize::from(input.u16())).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + usize::from(input.u16())).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.extend_from_slice(&copy);
            }
            5 => drop(files.remove(which)),
            6 => repair(bytes),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (how >> 5);
                }
            }
        }
    }
    files
}

/// Puts right checksums into the header and the frames of a segment, as an attacker would.
fn repair(bytes: &mut [u8]) {
    if let Some((header, rest)) = bytes.split_first_chunk_mut::<336>() {
        let crc = crc32c::crc32c(&header[..332]);
        header[332..].copy_from_slice(&crc.to_be_bytes());
        let mut frames = rest.get_mut(176..).unwrap_or_default();
        while let Some((magic, behind)) = frames.split_first_chunk_mut::<12>() {
            let length = [magic[4], magic[5], magic[6], magic[7]];
            let body = usize::try_from(u32::from_be_bytes(length)).expect("64 bits");
            if !magic.starts_with(b"CSMT") || body > behind.len() {
                return;
            }
            let crc = crc32c::crc32c_append(crc32c::crc32c(&length), &behind[..body]);
            magic[8..].copy_from_slice(&crc.to_be_bytes());
            let padded = (12 + body).next_multiple_of(8) - 12;
            frames = behind.get_mut(padded..).unwrap_or_default();
        }
    }
}

/// One seed for each sort of change and each file.
pub fn plant_changes(good: &[(String, Vec<u8>)]) {
    for which in 0..u8::try_from(good.len()).expect("few") {
        let one = |how: u8| vec![0, how, which, 2, 88, 0, 4, 1, 2, 3, 4];
        seeds::plant((0..8).map(one));
        // A changed byte with its checksum put right.
        seeds::plant([vec![0, 7, which, 2, 88, 6, which, 0, 0]]);
    }
}

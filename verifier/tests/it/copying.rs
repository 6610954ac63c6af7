//! Makes copies of a log with the code that exports use.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::{Commit, CommitBuilder, Draft, LogHead};
use countersign_chain::hash::{self, Hash};
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::proof::{self, HashReader};
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_chain::tlog_proof::TlogProof;
use countersign_chain::tree::Frontier;
use countersign_export::item::Item;
use countersign_export::manifest::{self, Manifest, RecordProof};
use countersign_export::native::meta::Meta;
use countersign_export::native::rows::rows;
use countersign_export::native::writer::Writer;
use countersign_proto::event::{Event, Known};
use countersign_proto::v1;
use countersign_verifier::check::{Request, check};
use countersign_verifier::report::Report;
use countersign_verifier::source::parquet::Parquet;

use super::folder::{key, payload};
use super::samples;

/// A log in memory.
pub(crate) struct Entries {
    key: SigningKey,
    head: LogHead,
    commits: Vec<(Commit, SignedCheckpoint)>,
    leaves: Vec<Hash>,
}

impl HashReader for Entries {
    type Error = Infallible;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        let width = 1_usize << level;
        let start = usize::try_from(index).expect("small") * width;
        let mut tree = Frontier::new();
        self.leaves[start..start + width]
            .iter()
            .for_each(|leaf| tree.push(*leaf));
        Ok(tree.root())
    }
}

impl Entries {
    /// A log that was opened.
    pub(crate) fn opened() -> Self {
        let key = key(7);
        let opened = v1::LogOpened {
            origin: key.verifier().origin().to_string(),
            vkey: key.verifier().to_string(),
            format: 1,
        };
        let mut entries = Self {
            key,
            head: LogHead::empty(),
            commits: Vec::new(),
            leaves: Vec::new(),
        };
        entries.commit(&[payload(&opened)]);
        entries
    }

    /// A log with an event of every kind and one of a kind that nobody knows, in commits of this
    /// many behind the first entry.
    pub(crate) fn every_kind(commit: usize) -> Self {
        let mut entries = Self::opened();
        let known = |known: &Known| {
            let (kind, payload) = known.to_event().into_parts().expect("one event");
            (kind, payload.to_vec())
        };
        let mut all: Vec<(Kind, Vec<u8>)> = samples::samples().iter().map(known).collect();
        all.push((Kind::new(159).expect("a kind"), b"unknown".to_vec()));
        all.chunks(commit).for_each(|some| entries.commit(some));
        entries
    }

    /// A log of this many lines that a collector sent, in commits of this many.
    pub(crate) fn lines(count: usize, commit: usize) -> Self {
        let mut entries = Self::opened();
        let line = |number: usize| {
            payload(&v1::ExternalEvent {
                source: "file:/var/log/auth.log".into(),
                position: number.to_string(),
                raw: format!("line {number}").into_bytes().into(),
                ..v1::ExternalEvent::default()
            })
        };
        let all: Vec<_> = (0..count).map(line).collect();
        all.chunks(commit).for_each(|some| entries.commit(some));
        entries
    }

    pub(crate) fn commit(&mut self, events: &[(Kind, Vec<u8>)]) {
        let mut builder = CommitBuilder::after(&self.head);
        for (kind, payload) in events {
            let index = builder.next_index();
            let draft = Draft {
                kind: *kind,
                now: UnixMicros::new(1_790_000_000_000_000 + index).expect("a time"),
                case: index / 2,
                actor: "agent:db-prod-1",
                via: if index.is_multiple_of(3) {
                    "bot:slack"
                } else {
                    ""
                },
                idem: if index.is_multiple_of(2) {
                    b"key-1"
                } else {
                    b""
                },
                payload,
            };
            builder.push(&draft).expect("it fits");
        }
        let commit = builder.finish(&self.key).expect("entries");
        self.head = commit.head().clone();
        self.leaves.extend_from_slice(commit.leaves());
        let checkpoint = commit.checkpoint().clone();
        self.commits.push((commit, checkpoint));
    }

    pub(crate) fn size(&self) -> u64 {
        self.head.size()
    }

    pub(crate) fn frontier(&self, size: u64) -> Frontier {
        let mut tree = Frontier::new();
        let leaves = &self.leaves[..usize::try_from(size).expect("small")];
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        tree
    }

    /// The checkpoints, in order.
    pub(crate) fn checkpoints(&self) -> impl Iterator<Item = &SignedCheckpoint> {
        self.commits.iter().map(|(_, checkpoint)| checkpoint)
    }

    fn items(
        &self,
        wanted: impl Fn(u64) -> bool,
        alone: impl Fn(u64, u64) -> bool,
    ) -> Vec<Item<'_>> {
        let mut items = Vec::new();
        for (commit, signed) in &self.commits {
            for (record, leaf) in commit.records().zip(commit.leaves()) {
                let record = Record::parse(record).expect("a record");
                let index = record.index().get();
                if !wanted(index) {
                    continue;
                }
                let mut item = Item::new(record, *leaf, signed);
                if alone(index, signed.size()) {
                    let hashes = proof::inclusion(index, signed.size(), self).expect("in range");
                    item.proof = Some(hashes);
                }
                items.push(item);
            }
        }
        items
    }

    /// A file of every entry of a range.
    pub(crate) fn whole(&self, first: u64, end: u64) -> Vec<u8> {
        let items = self.items(|index| (first..end).contains(&index), |_, size| size > end);
        self.write(&items, (first, end), Some(self.frontier(first)))
    }

    /// A file of these entries of a range.
    pub(crate) fn chosen(&self, (first, end): (u64, u64), wanted: &[u64]) -> Vec<u8> {
        let items = self.items(|index| wanted.contains(&index), |_, _| true);
        self.write(&items, (first, end), None)
    }

    fn write(
        &self,
        items: &[Item<'_>],
        (first, end): (u64, u64),
        frontier: Option<Frontier>,
    ) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).expect("room");
        writer.write(&rows(items).expect("rows")).expect("room");
        let meta = Meta {
            key: self.key.verifier().clone(),
            first,
            end,
            rows: u64::try_from(items.len()).expect("small"),
            frontier,
            checkpoint: self.covering(end).text().to_owned(),
        };
        writer.finish(&meta).expect("room")
    }

    /// The checkpoint of the commit of the entry before `end`.
    fn covering(&self, end: u64) -> &SignedCheckpoint {
        self.checkpoints()
            .find(|it| it.size() >= end)
            .expect("in range")
    }

    /// The folder of an export, with a file between each two of these; the log records it.
    pub(crate) fn export(&self, cuts: &[u64]) -> Export {
        let dir = tempfile::tempdir().expect("a folder");
        let mut files = Vec::new();
        for pair in cuts.windows(2) {
            let (first, end) = (pair[0], pair[1]);
            let bytes = self.whole(first, end);
            let path = format!("main-{first:012}-{end:012}.parquet");
            std::fs::write(dir.path().join(&path), &bytes).expect("written");
            files.push(manifest::File {
                path,
                first,
                end,
                rows: end - first,
                bytes: u64::try_from(bytes.len()).expect("small"),
                sha256: hash::digest(&bytes).to_string(),
                last_leaf: self.leaves[usize::try_from(end - 1).expect("small")].to_string(),
            });
        }
        let (first, end) = (cuts[0], cuts[cuts.len() - 1]);
        let manifest = Manifest {
            format: manifest::FORMAT.to_owned(),
            preset: "native".to_owned(),
            log: "main".to_owned(),
            vkey: self.key.verifier().to_string(),
            first,
            end,
            filter: String::new(),
            rows: end - first,
            settings: String::new(),
            recorded: true,
            checkpoint: self.covering(end).text().to_owned(),
            files,
        };
        let export = Export { dir };
        std::fs::write(export.path(manifest::FILE), manifest.to_text()).expect("written");
        let proof = self.recorded(&manifest);
        std::fs::write(export.path(manifest::PROOF), proof.to_text()).expect("written");
        export
    }

    /// What the log says of an export: its entry comes behind the others.
    fn recorded(&self, manifest: &Manifest) -> RecordProof {
        let created = v1::ExportCreated {
            preset: manifest.preset.clone(),
            first: manifest.first,
            end: manifest.end,
            entries: manifest.rows,
            filter: manifest.filter.clone(),
            manifest_sha256: manifest.digest().as_bytes().to_vec().into(),
            files: u64::try_from(manifest.files.len()).expect("small"),
            bytes: manifest.bytes(),
        };
        let (kind, payload) = Event::from_message(&created).into_parts().expect("one");
        let mut builder = CommitBuilder::after(&self.head);
        let draft = Draft {
            kind,
            now: UnixMicros::new(1_790_000_100_000_000).expect("a time"),
            case: 0,
            actor: "auditor:eva",
            via: "",
            idem: b"",
            payload: &payload,
        };
        builder.push(&draft).expect("it fits");
        let commit = builder.finish(&self.key).expect("an entry");
        let mut longer = Self::opened();
        longer.leaves = self.leaves.clone();
        longer.leaves.extend_from_slice(commit.leaves());
        let (index, size) = (self.size(), self.size() + 1);
        RecordProof {
            record: commit.record(0).expect("there").to_vec(),
            proof: TlogProof {
                index,
                hashes: proof::inclusion(index, size, &longer).expect("in range"),
                checkpoint: commit.checkpoint().text().to_owned(),
            },
        }
    }
}

/// The folder of an export.
pub(crate) struct Export {
    pub(crate) dir: tempfile::TempDir,
}

impl Export {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn verify(&self) -> Report {
        verify(self.dir.path())
    }
}

/// Verifies a copy under the key of the log.
pub(crate) fn verify(path: &Path) -> Report {
    verify_with(path, &pinned())
}

pub(crate) fn pinned() -> Request {
    Request {
        key: Some(key(7).verifier().clone()),
        ..Request::default()
    }
}

pub(crate) fn verify_with(path: &Path, request: &Request) -> Report {
    let mut copy = Parquet::open(path).expect("it can be read");
    check(&mut copy, request, &mut |_| {}).expect("something can be said")
}

/// Verifies bytes as a file.
pub(crate) fn verify_bytes(bytes: &[u8]) -> Report {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("copy.parquet");
    std::fs::write(&path, bytes).expect("written");
    verify(&path)
}

/// Codes of the damage and the notes of a report.
pub(crate) fn codes(report: &Report) -> (Vec<&'static str>, Vec<&'static str>) {
    let codes = |findings: &[countersign_verifier::finding::Finding]| {
        findings.iter().map(|finding| finding.code.code()).collect()
    };
    (
        codes(report.findings.damage()),
        codes(report.findings.notes()),
    )
}

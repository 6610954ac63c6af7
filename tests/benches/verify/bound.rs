//! The least that a verifier must do: read all commits, hash every record once, check every
//! signature, on all cores. No checksum, no chain, no root, no payload.

use std::fs::File;
use std::hint::black_box;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::frame::{self, Frame, Nonce};
use countersign_chain::hash;
use countersign_chain::key::VerifierKey;
use countersign_chain::limits::SEGMENT_HEADER;
use countersign_chain::segment::{SegmentHeader, parse_file_name};
use parking_lot::Mutex;

use crate::common::{now, since};
use crate::subject::tell;

/// Bytes that a thread takes at once: more than a frame can have.
const WINDOW: usize = 2 << 20;

pub(crate) fn run(folder: &Path, key: &str) {
    let key = VerifierKey::parse(key).expect("a key");
    let start = now();
    let segments = Mutex::new(Segments::open(&folder.join("logs/main/segments")));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let counts = std::thread::scope(|scope| {
        let work = || work(&segments, &key);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let counts = threads
            .into_iter()
            .map(|thread| thread.join().expect("it ran"));
        counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
    });
    tell(since(start), counts);
}

/// Takes commits until there are none; returns the number of entries and bytes.
fn work(segments: &Mutex<Segments>, key: &VerifierKey) -> (u64, u64) {
    let mut bytes = vec![0; WINDOW];
    let (mut entries, mut len) = (0, 0);
    loop {
        let taken = segments.lock().take(&mut bytes);
        let Some((nonce, spans)) = taken else {
            return (entries, len);
        };
        for span in spans {
            let frame = Frame::salvage(&bytes[span], &nonce).expect("a whole log");
            for record in frame.records() {
                black_box(hash::leaf(record));
            }
            SignedCheckpoint::open(frame.note(), key).expect("a signature that holds");
            entries += u64::try_from(frame.records().len()).expect("small");
            len += u64::try_from(frame.len()).expect("small");
        }
    }
}

/// The segments, as far as nobody took them.
struct Segments {
    /// Newest first.
    left: Vec<PathBuf>,
    open: Option<Open>,
}

struct Open {
    file: File,
    nonce: Nonce,
    offset: u64,
}

impl Segments {
    fn open(folder: &Path) -> Self {
        let listed = folder.read_dir().expect("there");
        let paths = listed.map(|entry| entry.expect("readable").path());
        let is_segment = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.and_then(parse_file_name).is_some()
        };
        let mut left: Vec<PathBuf> = paths.filter(is_segment).collect();
        left.sort_by(|a, b| b.cmp(a));
        Self { left, open: None }
    }

    /// Reads the next whole frames into `bytes`, and tells where they stand.
    fn take(&mut self, bytes: &mut [u8]) -> Option<(Nonce, Vec<Range<usize>>)> {
        loop {
            if let Some(open) = &mut self.open {
                let got = open.file.read_at(bytes, open.offset).expect("readable");
                let spans = whole(&bytes[..got]);
                if let Some(last) = spans.last() {
                    open.offset += u64::try_from(last.end).expect("small");
                    return Some((open.nonce, spans));
                }
            }
            self.open = Some(Open::of(&self.left.pop()?));
        }
    }
}

impl Open {
    fn of(path: &Path) -> Self {
        let file = File::open(path).expect("readable");
        let mut head = [0; SEGMENT_HEADER];
        file.read_exact_at(&mut head, 0).expect("readable");
        let header = SegmentHeader::parse(&head).expect("a header");
        Self {
            file,
            nonce: header.nonce,
            offset: u64::try_from(SEGMENT_HEADER).expect("small"),
        }
    }
}

/// The frames that are whole.
fn whole(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut at = 0;
    while let Ok(Some(len)) = frame::peek_len(&bytes[at..]) {
        if at + len > bytes.len() {
            break;
        }
        spans.push(at..at + len);
        at += len;
    }
    spans
}

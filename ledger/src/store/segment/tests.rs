//! What the store does with its segments, seen from inside.

use countersign_chain::commit::{CommitBuilder, Draft, LogHead};
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::time::UnixMicros;

use super::*;
use crate::fs::sim::SimFs;
use crate::limits::INDEX_STRIDE;

fn key() -> SigningKey {
    let origin = Origin::parse("example.com/log").expect("an origin");
    SigningKey::from_seed(origin, &[7; 32]).expect("a key")
}

fn nonce(first: u64) -> io::Result<Nonce> {
    let mut bytes = [9; 16];
    bytes[..8].copy_from_slice(&first.to_be_bytes());
    Ok(Nonce(bytes))
}

fn reopen(disk: &Arc<SimFs>, segment_bytes: u64) -> SegmentStore {
    let key = key().verifier().clone();
    let settings = Settings {
        origin: key.origin().clone(),
        key,
        segment_bytes,
        nonce,
    };
    let opened = recover::open(Arc::clone(disk) as Arc<dyn Fs>, settings);
    opened.expect("an intact log").0
}

fn new(segment_bytes: u64) -> (Arc<SimFs>, SegmentStore) {
    let disk = Arc::new(SimFs::new());
    create(disk.as_ref()).expect("an empty disk");
    let store = reopen(&disk, segment_bytes);
    (disk, store)
}

/// A commit of one entry whose frame has so many bytes.
fn commit(head: &LogHead, frame: usize) -> Commit {
    let build = |payload: usize| {
        let mut builder = CommitBuilder::after(head);
        let mut left = payload;
        loop {
            let opens = builder.next_index() == 0;
            let draft = Draft {
                kind: Kind::new(if opens { 1 } else { 140 }).expect("a kind"),
                now: UnixMicros::EPOCH,
                case: 0,
                actor: "agent:a",
                via: "",
                idem: b"",
                payload: &vec![1; left.min(40_000)],
            };
            builder.push(&draft).expect("a good entry");
            left = left.saturating_sub(40_000);
            if left == 0 {
                return builder.finish(&key()).expect("not empty");
            }
        }
    };
    let least = build(0).frame_len();
    let mut payload = frame.saturating_sub(least);
    loop {
        let commit = build(payload);
        if commit.frame_len() <= frame {
            return commit;
        }
        payload -= commit.frame_len() - frame;
    }
}

fn append(store: &SegmentStore, frame: usize, space: Space) -> Commit {
    let mut commit = commit(&store.head().head, frame);
    let epoch = store.epoch.load(Ordering::Acquire);
    store.append(epoch, &mut commit, space).expect("room");
    commit
}

fn segments(store: &SegmentStore) -> Vec<Arc<Segment>> {
    store.view.read().segments.clone()
}

#[test]
fn only_the_reserve_is_filled_to_the_last_byte_and_nothing_beyond() {
    let header = u64::try_from(SEGMENT_HEADER).expect("small");
    for (frame, space, expected) in [
        (4_096, Space::Common, 1),
        (4_104, Space::Common, 2),
        (8_192, Space::Reserve, 1),
        (8_200, Space::Reserve, 2),
    ] {
        let (disk, store) = new(header + 1_024 + 8_192);
        append(&store, 1_024, Space::Common);
        append(&store, frame, space);
        assert_eq!(segments(&store).len(), expected, "{frame} {space:?}");
        for segment in segments(&store) {
            let path = format!("{FOLDER}/{}", segment::file_name(segment.first));
            let len = disk.read_file(&path).expect("there").len();
            assert_eq!(u64::try_from(len), Ok(segment.bytes), "{frame} {space:?}");
        }
    }
}

#[test]
fn so_many_full_segments_stay_open_and_those_that_were_opened_last() {
    // Every commit has a segment of its own.
    let (disk, store) = new(8_192);
    for _ in 0..OPEN_SEGMENTS + 4 {
        append(&store, 6_000, Space::Common);
    }
    let open = |store: &SegmentStore| -> Vec<bool> {
        let segments = segments(store);
        segments.iter().map(|segment| segment.is_open()).collect()
    };
    let newest = |closed: usize| -> Vec<bool> {
        let all = OPEN_SEGMENTS + 4;
        (0..all).map(|at| at >= closed).collect()
    };
    // The last one is open too, and not counted.
    assert_eq!(open(&store), newest(3));
    store.read(0, 1).expect("durable");
    let mut expected = newest(4);
    expected[0] = true;
    assert_eq!(open(&store), expected);
    // Reading it again opens nothing.
    store.read(0, 1).expect("durable");
    assert_eq!(open(&store), expected);
    drop(store);
    // Recovery walks what was not sealed.
    assert_eq!(open(&reopen(&disk, 8_192)), newest(3));
}

#[test]
fn a_spare_becomes_the_next_segment_unless_that_must_be_larger() {
    let (disk, store) = new(8_192);
    append(&store, 6_000, Space::Common);
    let has_spare = || disk.exists(SPARE).expect("a healthy disk");
    store.make_room().expect("a healthy disk");
    assert!(has_spare());
    append(&store, 12_000, Space::Common);
    assert!(has_spare(), "it is too small for this commit");
    assert_eq!(segments(&store)[1].bytes, 12_000 + 512);
    append(&store, 6_000, Space::Common);
    assert!(!has_spare());
    assert_eq!(segments(&store)[2].bytes, 8_192);
    assert_eq!(segments(&store).len(), 3);
}

/// Reads from every entry on, and expects whole frames: from the one that holds the entry up to
/// the first that fills what was asked for.
fn read_everywhere(store: &SegmentStore, frames: &[(u64, usize)]) {
    for max_bytes in [0, 1, 10_000, 70_000, 300_000] {
        for (at, (first, len)) in frames.iter().enumerate() {
            let (mut expected, mut taken) = (vec![*first], *len);
            for (next, more) in &frames[at + 1..] {
                if taken >= max_bytes {
                    break;
                }
                taken += more;
                expected.push(*next);
            }
            let run = store.read(*first, max_bytes).expect("durable");
            let got: Vec<u64> = run
                .frames()
                .map(|frame| frame.expect("a whole frame").first())
                .collect();
            let short = expected.len() - got.len().min(expected.len());
            // A frame that is cut off where the read ends may be left for the next one.
            assert!(short <= 1 && got == expected[..expected.len() - short]);
            assert!(!got.is_empty(), "{first} {max_bytes}");
        }
    }
}

#[test]
fn runs_are_found_behind_any_stride_of_a_segment_and_are_as_long_as_was_asked() {
    let (disk, store) = new(1 << 20);
    let mut frames = Vec::new();
    let small = [1_000, 30_000, 9_000, 5_000, 40_000, 2_000, 64_000, 1_000];
    let large = [200_000, 1_000, 150_000, 3_000];
    for frame in [&small[..], &small, &large, &small].concat() {
        let commit = append(&store, frame, Space::Common);
        frames.push((commit.first(), commit.frame_len()));
    }
    let places = |store: &SegmentStore| segments(store)[0].places();
    // Every place is a frame, the first of those one stride or more behind the place before.
    let (mut offset, mut expected) = (u64::try_from(SEGMENT_HEADER).expect("small"), Vec::new());
    for (first, len) in &frames {
        let last = expected.last().map_or(0, |(_, offset)| *offset);
        if expected.is_empty() || offset - last >= INDEX_STRIDE {
            expected.push((*first, offset));
        }
        offset += u64::try_from(*len).expect("small");
    }
    assert!(expected.len() > 5);
    assert_eq!(places(&store), (expected.clone(), offset));
    read_everywhere(&store, &frames);
    // The same after recovery, below the floor and above it, and when the segment is surveyed.
    drop(store);
    let store = reopen(&disk, 1 << 20);
    assert_eq!(places(&store), (expected.clone(), offset));
    store.seal().expect("a healthy disk");
    drop(store);
    let store = reopen(&disk, 1 << 20);
    assert_eq!(places(&store), (expected.clone(), offset));
    append(&store, 250_000, Space::Common);
    store.seal().expect("a healthy disk");
    drop(store);
    let store = reopen(&disk, 1 << 20);
    assert_eq!(places(&store).0, []);
    read_everywhere(&store, &frames);
    assert_eq!(places(&store), (expected, offset));
}

//! What a record, a commit, a head slot and a note hold, to the last byte.

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::{CommitBuilder, Draft, LogHead};
use countersign_chain::frame::{Frame, Nonce};
use countersign_chain::hash::Hash;
use countersign_chain::head::HeadSlot;
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::limits::{
    HEAD_SLOT, MAX_COMMIT_BYTES, MAX_COMMIT_ENTRIES, MAX_IDEM, MAX_NOTE, MAX_PAYLOAD, MAX_U63,
};
use countersign_chain::origin::Origin;
use countersign_chain::record::{Record, RecordError};
use countersign_chain::time::UnixMicros;
use countersign_chain::tree::{Frontier, FrontierError};

fn key() -> SigningKey {
    let origin = Origin::parse("example.com/log").expect("an origin");
    SigningKey::from_seed(origin, &[7; 32]).expect("a sound key")
}

fn draft(payload: &[u8]) -> Draft<'_> {
    Draft {
        kind: Kind::new(140).expect("a kind"),
        now: UnixMicros::new(1_790_000_000_000_000).expect("a time"),
        case: 0,
        actor: "agent:a",
        via: "",
        idem: b"",
        payload,
    }
}

/// A first entry must open the log.
fn opening() -> Draft<'static> {
    Draft {
        kind: Kind::new(1).expect("a kind"),
        ..draft(b"")
    }
}

#[test]
fn a_builder_tells_what_it_holds() {
    let mut builder = CommitBuilder::after(&LogHead::empty());
    assert_eq!((builder.count(), builder.next_index()), (0, 0));
    assert_eq!(builder.record(0), None);
    builder.push(&opening()).unwrap();
    for payload in [&b"one"[..], b"two"] {
        builder.push(&draft(payload)).unwrap();
    }
    assert_eq!((builder.count(), builder.next_index()), (3, 3));
    for (position, payload) in [(0, &b""[..]), (1, b"one"), (2, b"two")] {
        let record = Record::parse(builder.record(position).unwrap()).unwrap();
        assert_eq!(record.payload(), payload);
    }
    assert_eq!(builder.record(3), None);
    let mut commit = builder.finish(&key()).unwrap();
    assert_eq!(commit.first(), 0);
    let frame = commit.seal(&Nonce([1; 16])).to_vec();
    assert_eq!(commit.frame_len(), frame.len());
    let parsed = Frame::parse(&frame, &Nonce([1; 16])).unwrap().unwrap();
    assert!(!parsed.is_empty() && parsed.len() == frame.len());

    let mut next = CommitBuilder::after(commit.head());
    assert_eq!((next.count(), next.next_index()), (0, 3));
    next.push(&draft(b"three")).unwrap();
    let next = next.finish(&key()).unwrap();
    assert_eq!(next.first(), 3);
    assert_eq!(next.before(), commit.head().frontier());
}

#[test]
fn fields_that_make_no_record_are_refused_and_leave_the_commit_as_it_was() {
    let mut builder = CommitBuilder::after(&LogHead::empty());
    builder.push(&opening()).unwrap();
    let (idem, payload) = (vec![1; MAX_IDEM + 1], vec![1; MAX_PAYLOAD + 1]);
    let good = draft(b"");
    let refused = [
        (Draft { case: 2, ..good }, "bad-case"),
        (Draft { actor: "", ..good }, "bad-actor"),
        (Draft { via: "a", ..good }, "bad-via"),
        (
            Draft {
                via: good.actor,
                ..good
            },
            "bad-via",
        ),
        (
            Draft {
                idem: &idem,
                ..good
            },
            "bad-idem",
        ),
        (
            Draft {
                payload: &payload,
                ..good
            },
            "payload-too-long",
        ),
    ];
    let before = builder.head().clone();
    for (draft, code) in refused {
        let refused = builder.push(&draft);
        assert_eq!(refused.as_ref().map_err(RecordError::code), Err(code));
        assert_eq!((builder.count(), builder.head()), (1, &before));
    }
    let largest = Draft {
        case: 1,
        idem: &idem[1..],
        payload: &payload[1..],
        ..good
    };
    assert_eq!(Ok(builder.push(&largest).unwrap()), {
        let record = Record::parse(builder.record(1).unwrap());
        assert_eq!(record.as_ref().map(Record::case), Ok(1));
        record.map(|record| record.leaf())
    });
}

#[test]
fn a_tree_may_have_one_leaf_less_than_2_to_the_63() {
    let hashes = vec![Hash::ZERO; 63];
    let last = Frontier::from_hashes(MAX_U63, hashes.clone());
    assert_eq!(last.map(|tree| tree.size()), Ok(MAX_U63));
    let more = Frontier::from_hashes(MAX_U63 + 1, hashes);
    assert_eq!(more, Err(FrontierError::TooLarge(MAX_U63 + 1)));
}

#[test]
fn a_commit_holds_so_many_entries_and_bytes_and_no_more() {
    let mut builder = CommitBuilder::after(&LogHead::empty());
    let fits = |builder: &CommitBuilder, entries, bytes| builder.fits(entries, bytes);
    assert!(fits(&builder, MAX_COMMIT_ENTRIES, 0));
    assert!(!fits(&builder, MAX_COMMIT_ENTRIES + 1, 0));
    // Each record has its length of two bytes before it.
    assert!(fits(&builder, 1, MAX_COMMIT_BYTES - 2));
    assert!(!fits(&builder, 1, MAX_COMMIT_BYTES - 1));
    builder.push(&opening()).unwrap();
    let used = builder.record(0).unwrap().len() + 2;
    assert!(fits(&builder, MAX_COMMIT_ENTRIES - 1, 0));
    assert!(!fits(&builder, MAX_COMMIT_ENTRIES, 0));
    assert!(fits(&builder, 1, MAX_COMMIT_BYTES - used - 2));
    assert!(!fits(&builder, 1, MAX_COMMIT_BYTES - used - 1));
}

/// A checkpoint of the empty log in so many bytes: other signers fill it up.
fn note_of(bytes: usize) -> String {
    let mut note = SignedCheckpoint::sign(0, Hash::ZERO, &key())
        .text()
        .to_owned();
    let line = |name: usize| format!("\u{2014} {} AAAAAAA=\n", "n".repeat(name));
    let least = line(1).len();
    while note.len() < bytes {
        let left = bytes - note.len();
        // The last two lines share what is left, so that none is too short.
        let take = if left < 2 * 1_500 { left } else { 1_500 };
        note.push_str(&line(take + 1 - least));
    }
    assert_eq!(note.len(), bytes);
    note
}

#[test]
fn a_note_may_have_65535_bytes() {
    let key = key();
    let open = |bytes| SignedCheckpoint::open(&note_of(bytes), key.verifier());
    assert!(open(MAX_NOTE).is_ok());
    assert!(open(MAX_NOTE + 1).is_err());
}

#[test]
fn a_slot_holds_a_checkpoint_that_fills_it() {
    let key = key();
    let slot = |bytes: usize| HeadSlot {
        head: LogHead::empty(),
        segment: 0,
        offset: 512,
        checkpoint: SignedCheckpoint::open(&note_of(bytes), key.verifier()).unwrap(),
    };
    // Magic, length and checksum; then size, time, last leaf, segment, offset, no hash, and the
    // length of the note.
    let room = HEAD_SLOT - 16 - (8 + 8 + 32 + 8 + 8 + 1 + 2);
    assert_eq!(slot(room).encode().map(|bytes| bytes.len()), Ok(HEAD_SLOT));
    assert!(slot(room + 1).encode().is_err());
}

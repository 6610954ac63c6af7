//! What is written is read back, what is accepted has one encoding, and no bit of it may change.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use countersign_chain::checkpoint::{Checkpoint, SignedCheckpoint};
use countersign_chain::commit::LogHead;
use countersign_chain::frame::{Frame, FrameError, Nonce};
use countersign_chain::hash::{self, Hash};
use countersign_chain::head::HeadSlot;
use countersign_chain::key::{SigningKey, VerifierKey};
use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;
use countersign_chain::record::Record;
use countersign_chain::segment::{SegmentHeader, file_name, parse_file_name};
use countersign_chain::time::UnixMicros;
use countersign_chain::tree::Frontier;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::samples::{commit, key, origin, principal, saying, u63};

/// Runs a property on so many samples; what it returns is added up.
pub(crate) fn hold<S: Strategy>(
    cases: u32,
    samples: &S,
    property: impl Fn(S::Value) -> Result<u64, TestCaseError>,
) -> u64 {
    let counted = AtomicU64::new(0);
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    };
    let held = TestRunner::new(config).run(samples, |sample| {
        counted.fetch_add(property(sample)?, Relaxed);
        Ok(())
    });
    let why = held.as_ref().err().map(ToString::to_string);
    assert!(held.is_ok(), "{}", why.unwrap_or_default());
    counted.into_inner()
}

/// All that differs from `bytes` in one bit, and all that is cut off them.
fn harmed(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let flipped = (0..bytes.len() * 8).map(|bit| {
        let mut bad = bytes.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        bad
    });
    flipped.chain((0..bytes.len()).map(|len| bytes[..len].to_vec()))
}

fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len() * 9).expect("small")
}

#[test]
fn a_record_comes_back_and_no_bit_of_it_can_change_without_its_leaf() {
    let samples = (saying(), u63(), any::<[u8; 32]>());
    let harms = hold(96, &samples, |(entry, index, prev)| {
        let prev = Hash::from_bytes(prev);
        let fields = entry.at(index, prev);
        let mut bytes = b"before".to_vec();
        fields.encode_into(&mut bytes).expect("a good entry");
        let bytes = &bytes[6..];
        prop_assert_eq!(bytes.len(), fields.encoded_len());
        let record = Record::parse(bytes).expect("our own record");
        prop_assert_eq!(record.bytes(), bytes);
        prop_assert_eq!(record.kind(), fields.kind);
        prop_assert_eq!(record.index(), fields.index);
        prop_assert_eq!(record.time(), fields.time);
        prop_assert_eq!((record.prev(), record.case()), (fields.prev, fields.case));
        prop_assert_eq!((record.actor(), record.via()), (fields.actor, fields.via));
        prop_assert_eq!(
            (record.idem(), record.payload()),
            (fields.idem, fields.payload)
        );
        for bad in harmed(bytes) {
            if let Ok(other) = Record::parse(&bad) {
                prop_assert_eq!(bad.len(), bytes.len(), "a part of a record is a record");
                prop_assert_ne!(other.leaf(), record.leaf());
            }
        }
        Ok(count(bytes))
    });
    println!("counted: {harms} harmed records: each refused, or with another leaf hash");
}

#[test]
fn a_frame_comes_back_and_no_bit_of_it_can_change() {
    let samples = (vec(saying(), 1..=3), any::<[u8; 16]>());
    let harms = hold(24, &samples, |(entries, nonce)| {
        let nonce = Nonce(nonce);
        let mut commit = commit(&LogHead::empty(), &entries, &key(7));
        let bytes = commit.seal(&nonce).to_vec();
        let frame = Frame::parse(&bytes, &nonce)
            .expect("our own frame")
            .expect("not the end of data");
        prop_assert_eq!(frame.len(), bytes.len());
        prop_assert_eq!(
            (frame.first(), frame.note()),
            (0, commit.checkpoint().text())
        );
        prop_assert!(commit.records().eq(frame.records().iter().copied()));
        prop_assert_eq!(Frame::salvage(&bytes, &nonce), Some(frame));
        for bad in harmed(&bytes) {
            let parsed = Frame::parse(&bad, &nonce);
            prop_assert!(!matches!(parsed, Ok(Some(_))), "harmed, and accepted");
        }
        let mut other = nonce;
        other.0[0] ^= 1;
        prop_assert_eq!(Frame::parse(&bytes, &other), Err(FrameError::Foreign));
        Ok(count(&bytes))
    });
    println!("counted: {harms} harmed frames: each refused");
}

#[test]
fn a_segment_header_comes_back_and_no_bit_of_it_can_change() {
    let samples = (origin(), u63(), any::<[u8; 32]>(), any::<[u8; 16]>());
    let harms = hold(48, &samples, |(origin, first, prev, nonce)| {
        let header = SegmentHeader {
            origin: Origin::parse(&origin).expect("an origin"),
            first,
            prev: if first == 0 {
                Hash::ZERO
            } else {
                Hash::from_bytes(prev)
            },
            nonce: Nonce(nonce),
        };
        let bytes = header.encode();
        prop_assert_eq!(SegmentHeader::parse(&bytes), Ok(header));
        prop_assert_eq!(parse_file_name(&file_name(first)), Some(first));
        for bad in harmed(&bytes) {
            prop_assert!(SegmentHeader::parse(&bad).is_err(), "harmed, and accepted");
        }
        Ok(count(&bytes))
    });
    println!("counted: {harms} harmed segment headers: each refused");
}

#[test]
fn a_head_slot_comes_back_and_no_bit_of_it_can_change() {
    let numbers = (0..1_u64 << 12, u63(), any::<u64>(), any::<u64>());
    let samples = (numbers, any::<[u8; 32]>());
    let harms = hold(4, &samples, |((size, time, segment, offset), leaf)| {
        let hashes = (0..size.count_ones())
            .map(|n| hash::node(&Hash::from_bytes(leaf), &hash::leaf(&n.to_be_bytes())));
        let frontier = Frontier::from_hashes(size, hashes.collect()).expect("as many as bits");
        let slot = HeadSlot {
            checkpoint: SignedCheckpoint::sign(size, frontier.root(), &key(7)),
            head: LogHead::new(
                frontier,
                UnixMicros::new(time).expect("in range"),
                Hash::from_bytes(leaf),
            ),
            segment,
            offset,
        };
        let bytes = slot.encode().expect("it fits");
        let (ours, other) = (key(7), key(8));
        prop_assert_eq!(HeadSlot::parse(&bytes, ours.verifier()), Ok(slot));
        prop_assert!(
            HeadSlot::parse(&bytes, other.verifier()).is_err(),
            "any key will do"
        );
        for bad in harmed(&bytes) {
            prop_assert!(
                HeadSlot::parse(&bad, ours.verifier()).is_err(),
                "harmed, and accepted"
            );
        }
        Ok(count(&bytes))
    });
    println!("counted: {harms} harmed head slots: each refused");
}

#[test]
fn a_checkpoint_comes_back_and_no_bit_of_what_is_signed_can_change() {
    let samples = (origin(), any::<[u8; 32]>(), u63(), any::<[u8; 32]>());
    let harms = hold(8, &samples, |(origin, seed, size, root)| {
        let origin = Origin::parse(&origin).expect("an origin");
        let key = SigningKey::from_seed(origin, &seed).expect("a key");
        let signed = SignedCheckpoint::sign(size, Hash::from_bytes(root), &key);
        let note = signed.text();
        let opened = SignedCheckpoint::open(note, key.verifier());
        prop_assert_eq!(opened, Ok(signed.clone()));
        prop_assert_eq!(
            &Checkpoint::peek(note).expect("a note"),
            signed.checkpoint()
        );
        for bad in harmed(note.as_bytes()) {
            let opened = String::from_utf8(bad)
                .ok()
                .and_then(|bad| SignedCheckpoint::open(&bad, key.verifier()).ok());
            prop_assert!(opened.is_none(), "harmed, and accepted: {opened:?}");
        }
        Ok(count(note.as_bytes()))
    });
    println!("counted: {harms} harmed checkpoints: each refused");
}

#[test]
fn keys_and_principals_come_back_and_no_bit_of_a_vkey_can_change() {
    let samples = (origin(), any::<[u8; 32]>(), principal());
    let harms = hold(32, &samples, |(origin, seed, principal)| {
        let parsed = Principal::parse(&principal).expect("a principal");
        prop_assert_eq!(parsed.as_str(), &principal);
        let origin = Origin::parse(&origin).expect("an origin");
        let key = SigningKey::from_seed(origin, &seed).expect("a key");
        let again = SigningKey::parse(&key.to_text()).expect("our own text");
        prop_assert_eq!(again.verifier(), key.verifier());
        let vkey = key.verifier().to_string();
        prop_assert_eq!(VerifierKey::parse(&vkey), Ok(key.verifier().clone()));
        for bad in harmed(vkey.as_bytes()) {
            let parsed = String::from_utf8(bad)
                .ok()
                .and_then(|bad| VerifierKey::parse(&bad).ok());
            prop_assert!(parsed.is_none(), "harmed, and accepted: {parsed:?}");
        }
        Ok(count(vkey.as_bytes()))
    });
    println!("counted: {harms} harmed verifier keys: each refused");
}

//! A log that was changed after it was written is refused, at the change or before it.

use countersign_chain::commit::LogHead;
use countersign_chain::frame::Frame;
use countersign_chain::verify::{LogVerifier, examine};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::codec::hold;
use crate::samples::{NONCE, Saying, commit, frames, key, log, saying};

/// Walks along the frames. Gives the number of entries, or the first fault: its code and entry.
fn walk(frames: &[Vec<u8>]) -> Result<u64, (&'static str, u64)> {
    let (mut verifier, key) = (LogVerifier::from_head(LogHead::empty()), key(7));
    for bytes in frames {
        let before = verifier.head().clone();
        let frame = match Frame::parse(bytes, &NONCE) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(("end", before.size())),
            Err(error) => return Err((error.code(), before.size())),
        };
        let joined = match examine(&frame, key.verifier()) {
            Ok(examined) => verifier.join(examined).map(drop),
            // By itself a frame stands where it says.
            Err(_) if frame.first() != before.size() => return Err(("index-gap", before.size())),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = joined {
            assert_eq!(verifier.head(), &before, "a refusal moved the head");
            return Err((fault.code(), fault.index()));
        }
    }
    Ok(verifier.head().size())
}

/// First entry of the commit at this position.
fn first(log: &[Vec<Saying>], position: usize) -> u64 {
    let before = log[..position].iter().map(Vec::len);
    u64::try_from(before.sum::<usize>()).expect("small")
}

/// Last entry of the commit at this position.
fn last(log: &[Vec<Saying>], position: usize) -> u64 {
    first(log, position + 1) - 1
}

/// The checkpoint of a good frame.
fn note(frame: &[u8]) -> String {
    let frame = Frame::parse(frame, &NONCE).expect("a good frame");
    frame.expect("not the end of data").note().to_owned()
}

/// Puts the right checksum over a frame, as someone who changes it on purpose would.
fn repair(frame: &mut [u8]) {
    let length = u32::from_be_bytes(frame[4..8].try_into().expect("4 bytes"));
    let end = 12 + usize::try_from(length).expect("small");
    let crc = crc32c::crc32c_append(crc32c::crc32c(&frame[4..8]), &frame[12..end]);
    frame[8..12].copy_from_slice(&crc.to_be_bytes());
}

#[test]
fn what_was_written_is_verified() {
    let entries = hold(64, &log(), |log| {
        let size = first(&log, log.len());
        prop_assert_eq!(walk(&frames(&log)), Ok(size));
        Ok(size)
    });
    println!("counted: {entries} entries written and verified");
}

#[test]
fn dropped_doubled_and_swapped_commits_are_refused_where_they_are_missed() {
    let samples = (log(), any::<Index>(), any::<Index>());
    let changes = hold(64, &samples, |(log, one, other)| {
        let good = frames(&log);
        let (one, other) = (one.index(good.len()), other.index(good.len()));
        let mut dropped = good.clone();
        dropped.remove(one);
        // At the end nothing is left to show it: that is what checkpoints elsewhere are for.
        if one + 1 < good.len() {
            prop_assert_eq!(walk(&dropped), Err(("index-gap", first(&log, one))));
        } else {
            prop_assert_eq!(walk(&dropped), Ok(first(&log, one)));
        }
        let mut doubled = good.clone();
        doubled.insert(one + 1, good[other].clone());
        // The commit after the last may stand behind it: that is no change.
        if other != one + 1 {
            prop_assert_eq!(walk(&doubled), Err(("index-gap", first(&log, one + 1))));
        }
        let mut swapped = good.clone();
        swapped.swap(one, other);
        if one != other {
            let at = first(&log, one.min(other));
            prop_assert_eq!(walk(&swapped), Err(("index-gap", at)));
        }
        Ok(3)
    });
    println!("counted: {changes} logs with commits dropped, doubled or swapped: all judged right");
}

#[test]
fn a_changed_byte_is_refused_at_its_commit_even_under_a_right_checksum() {
    let samples = (log(), any::<Index>(), any::<Index>(), 1..=u8::MAX);
    let changes = hold(512, &samples, |(log, commit, offset, change)| {
        let good = frames(&log);
        let commit = commit.index(good.len());
        let mut bad = good.clone();
        let offset = offset.index(bad[commit].len());
        bad[commit][offset] ^= change;
        let (_, at) = walk(&bad).expect_err("accident");
        prop_assert_eq!(
            at,
            first(&log, commit),
            "an accident is found before anything is read"
        );
        if !(12..bad[commit].len() - 8).contains(&offset) {
            return Ok(1);
        }
        repair(&mut bad[commit]);
        let (code, at) = walk(&bad).expect_err("intent");
        let commit = first(&log, commit)..=last(&log, commit);
        prop_assert!(
            commit.contains(&at),
            "{code} at {at}, changed in {commit:?}"
        );
        Ok(2)
    });
    println!("counted: {changes} changed bytes, half of them with a right checksum: all refused");
}

#[test]
fn a_rewritten_entry_is_refused_unless_everything_is_signed_anew() {
    let samples = (log(), any::<Index>(), saying());
    let changes = hold(64, &samples, |(log, pick, saying)| {
        let good = frames(&log);
        let position = pick.index(log.len());
        let mut rewritten = log.clone();
        rewritten[position][0] = saying;
        let others = frames(&rewritten);
        if others[position] == good[position] {
            return Ok(0);
        }
        // The thief has the key: a whole other log is a log, and only checkpoints elsewhere tell.
        prop_assert!(walk(&others).is_ok());
        // One commit of it between the others breaks the chain behind it.
        let mut spliced = good.clone();
        spliced[position].clone_from(&others[position]);
        if position + 1 < good.len() {
            let (code, at) = walk(&spliced).expect_err("another history");
            prop_assert_eq!((code, at), ("chain-broken", first(&log, position + 1)));
        }
        // Without the key, the old checkpoint stands over new entries.
        let (old, new) = (note(&good[position]), note(&others[position]));
        prop_assert_eq!(old.len(), new.len());
        let mut forged = others;
        let frame = &mut forged[position];
        let mut parts = frame.windows(new.len());
        let at = parts
            .rposition(|part| part == new.as_bytes())
            .expect("it is there");
        frame[at..at + old.len()].copy_from_slice(old.as_bytes());
        repair(frame);
        prop_assert_eq!(walk(&forged), Err(("wrong-root", last(&log, position))));
        // Under another key nothing holds.
        let mut head = LogHead::empty();
        for entries in &log[..position] {
            head = commit(&head, entries, &key(7)).head().clone();
        }
        let mut foreign = good.clone();
        let mut signed = commit(&head, &log[position], &key(8));
        foreign[position] = signed.seal(&NONCE).to_vec();
        let refused = walk(&foreign);
        prop_assert_eq!(refused, Err(("no-known-signature", last(&log, position))));
        Ok(3)
    });
    println!("counted: {changes} logs with a commit written anew: all judged right");
}

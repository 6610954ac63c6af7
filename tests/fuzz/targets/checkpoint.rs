//! Signed notes and checkpoints (section 6). Input: mode, and a note or, in odd modes, a text that
//! the key of the log then signs.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_chain::checkpoint::{Checkpoint, SignedCheckpoint};
use countersign_chain::key::VerifierKey;
use countersign_fuzz::input::Input;
use countersign_fuzz::{make, seeds};
use libfuzzer_sys::fuzz_target;

fn plant() {
    for input in seeds::vectors("checkpoint") {
        let note = seeds::text(&input["note"]);
        let text = note.split("\n\n").next().unwrap_or_default();
        seeds::plant([
            [&[0], note.as_bytes()].concat(),
            [&[1], text.as_bytes(), b"\n"].concat(),
        ]);
    }
}

/// Whether a line of the note is the key's strict signature of the text.
fn is_signed(note: &str, text: &str, key: &VerifierKey) -> bool {
    let start = format!("\u{2014} {} ", key.origin());
    note.lines()
        .filter_map(|line| STANDARD.decode(line.strip_prefix(&start)?).ok())
        .filter_map(|data| {
            let (id, signature) = data.split_first_chunk::<4>()?;
            (id == key.id().as_bytes()).then(|| signature.to_vec())
        })
        .any(|signature| {
            let signature = signature.as_slice().try_into();
            signature.is_ok_and(|signature| key.verify(text.as_bytes(), signature).is_ok())
        })
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let signed = input.byte() % 2 == 1;
    let text = input.text();
    let note = if signed { make::note(&text) } else { text };
    let signing = make::key();
    let key = signing.verifier();
    let claims = Checkpoint::peek(&note);
    let opened = SignedCheckpoint::open(&note, key);
    if signed && let Ok(claims) = &claims {
        assert_eq!(opened.is_ok(), claims.origin == *key.origin(), "{opened:?}");
    }
    let Ok(opened) = opened else {
        return;
    };
    assert_eq!(claims.as_ref(), Ok(opened.checkpoint()));
    assert_eq!(opened.text(), note);
    let text = opened.checkpoint().to_text();
    assert!(note.starts_with(&format!("{text}\n\u{2014} ")), "another text was signed");
    assert!(is_signed(&note, &text, key), "nobody signed it");
    // The same size and root, signed anew, are the same checkpoint.
    let again = SignedCheckpoint::sign(opened.size(), opened.root(), signing);
    assert_eq!(again.checkpoint(), opened.checkpoint());
    assert_eq!(SignedCheckpoint::open(again.text(), key), Ok(again));
});

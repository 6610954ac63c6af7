//! The file of remembered checkpoints. Input: mode, and the file or, in odd modes, what is written
//! as the name of a log beside a good checkpoint.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash;
use countersign_chain::key::VerifierKey;
use countersign_client::limits;
use countersign_fuzz::input::Input;
use countersign_fuzz::{make, seeds};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

#[path = "../../../client/src"]
#[allow(dead_code, unused_imports, reason = "only the file is under test")]
mod client {
    //! The place that the source file expects around itself.
    pub mod remember;
}
use client::remember;
use remember::{Memory, RememberError, Remembered};

fn file(log: &str, size: u64) -> Vec<u8> {
    let key = make::key();
    let note = SignedCheckpoint::sign(size, hash::leaf(b"root"), key);
    let known = json!({"log": log, "vkey": key.verifier().to_string(), "checkpoint": note.text()});
    json!({"format": 1, "logs": [known]})
        .to_string()
        .into_bytes()
}

fn plant() {
    seeds::plant([
        [&[0], file("main", 3).as_slice()].concat(),
        b"\x01main".to_vec(),
    ]);
}

/// What the file remembers of the log that `key` signs.
fn remembered(
    path: &Path,
    key: &VerifierKey,
) -> Result<Option<Arc<SignedCheckpoint>>, RememberError> {
    Memory::load(path)?.find(path, key)
}

/// Puts a checkpoint into the file.
fn remember(path: &Path, key: &VerifierKey, checkpoint: SignedCheckpoint) {
    let (log, key, checkpoint) = ("main".to_owned(), key.clone(), Arc::new(checkpoint));
    let new = Remembered {
        log,
        key,
        checkpoint,
    };
    Memory::store(path, new).expect("newer or older, and no fork");
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let bytes = match input.byte() % 2 {
        0 => input.rest().to_vec(),
        _ => file(&input.text(), 7),
    };
    let path = seeds::scratch().join("remembered.json");
    std::fs::write(&path, &bytes).expect("room");
    let signing = make::key();
    let key = signing.verifier();
    let Ok(known) = remembered(&path, key) else {
        return;
    };
    if let Some(known) = &known {
        let opened = SignedCheckpoint::open(known.text(), key);
        assert_eq!(opened.as_ref(), Ok(known.as_ref()), "nobody signed what is remembered");
    }
    // A newer checkpoint takes the place of the known one, and an older one does not.
    let size = known.as_ref().map_or(0, |known| known.size());
    for (new, kept) in [(size + 1, size + 1), (size, size + 1)] {
        let checkpoint = SignedCheckpoint::sign(new, hash::leaf(b"other"), signing);
        remember(&path, key, checkpoint);
        let now = remembered(&path, key).expect("what was written can be read");
        assert_eq!(now.map(|now| now.size()), Some(kept));
    }
});

//! Commit frames (section 7). Input: mode, nonce, and a frame or, in odd modes, the body of one.
#![no_main]

use countersign_chain::frame::{Frame, FrameError, Nonce, peek_len};
use countersign_chain::limits::MAX_COMMIT_ENTRIES;
use countersign_fuzz::input::Input;
use countersign_fuzz::{make, seeds};
use libfuzzer_sys::fuzz_target;

fn plant() {
    for input in seeds::vectors("frame") {
        let (nonce, frame) = (seeds::bytes(&input["nonce"]), seeds::bytes(&input["frame"]));
        let body = frame.get(28..).unwrap_or_default();
        seeds::plant([
            [&[0][..], &nonce, &frame].concat(),
            [&[1][..], &nonce, body].concat(),
        ]);
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let (mode, nonce) = (input.byte(), Nonce(input.array()));
    let bytes = match mode % 2 {
        0 => input.rest().to_vec(),
        _ => make::frame(&[&nonce.0, input.rest()].concat()),
    };
    let peeked = peek_len(&bytes);
    match Frame::parse(&bytes, &nonce) {
        Ok(Some(frame)) => {
            assert_eq!(peeked, Ok(Some(frame.len())));
            accepted(&bytes, &nonce, &frame);
        }
        Ok(None) => {
            assert_eq!(peeked, Ok(None));
            assert!(bytes.len() < 4 || bytes.starts_with(&[0; 4]), "not the end of data");
        }
        Err(_) => {
            // Salvage may read more, and must not fail.
            let salvaged = Frame::salvage(&bytes, &nonce);
            assert!(salvaged.is_none_or(|frame| !frame.records().is_empty()));
        }
    }
});

fn accepted(bytes: &[u8], nonce: &Nonce, frame: &Frame<'_>) {
    assert!((1..=MAX_COMMIT_ENTRIES).contains(&frame.records().len()));
    let body = make::frame_body(nonce, frame.first(), frame.records(), frame.note());
    let len = frame.len();
    assert_eq!(make::frame(&body), bytes[..len], "another encoding");
    assert_eq!(Frame::salvage(bytes, nonce).as_ref(), Some(frame));
    let cut = Frame::parse(&bytes[..len - 1], nonce);
    assert_eq!(cut, Err(FrameError::Truncated));
    let mut other = *nonce;
    other.0[0] ^= 1;
    assert_eq!(Frame::parse(bytes, &other), Err(FrameError::Foreign));
}

//! Page tokens. Input: sealed size, then a text or, where it starts with a zero byte, the bytes of
//! a token.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_chain::hash::Hash;
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

#[path = "../../../ledger/src/server/log_service"]
mod server {
    //! The place that the source file expects around itself.
    mod token;

    use token::{PageToken, TokenError};

    /// Reads a token and writes it again.
    pub fn again(text: &str, query: &super::Hash, sealed: u64) -> Option<(u64, u64, String)> {
        let error = match PageToken::parse(text, query, sealed) {
            Ok(token) => return Some((token.next, token.end, token.to_text(query))),
            Err(error) => error,
        };
        let range = matches!(error, TokenError::Range { .. });
        assert_eq!(range, error.to_string().contains("sealed"));
        None
    }
}

const QUERY: Hash = Hash::from_bytes([7; 32]);

/// The bytes of a token.
fn token(version: u8, next: u64, end: u64) -> Vec<u8> {
    [
        &[version][..],
        &next.to_be_bytes(),
        &end.to_be_bytes(),
        &[7; 16],
    ]
    .concat()
}

fn plant() {
    let sealed = 9_u64.to_be_bytes();
    for token in [token(1, 3, 9), token(1, 3, 10), token(2, 0, 0)] {
        let text = URL_SAFE_NO_PAD.encode(&token);
        seeds::plant([
            [&sealed[..], text.as_bytes()].concat(),
            [&sealed[..], &[0], &token].concat(),
        ]);
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let sealed = input.u64();
    let text = match input.rest().split_first() {
        Some((0, bytes)) => URL_SAFE_NO_PAD.encode(bytes),
        _ => input.text(),
    };
    if let Some((next, end, again)) = server::again(&text, &QUERY, sealed) {
        assert_eq!(again, text, "a token with two spellings");
        assert!(next <= end && end <= sealed, "a page outside of the log");
        assert_eq!(URL_SAFE_NO_PAD.decode(again), Ok(token(1, next, end)));
    }
    let other = Hash::from_bytes([8; 32]);
    assert_eq!(server::again(&text, &other, sealed).filter(|_| token_of_query(&text)), None);
});

/// Whether a text is a token of the listing of [`QUERY`].
fn token_of_query(text: &str) -> bool {
    URL_SAFE_NO_PAD
        .decode(text)
        .is_ok_and(|bytes| bytes.ends_with(&[7; 16]))
}

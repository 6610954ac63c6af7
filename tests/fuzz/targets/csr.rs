//! Certificate requests. Input: mode, and PEM or, in odd modes, DER that is put into PEM.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use countersign_ledger::identity::csr::{CsrError, new_key_and_csr, public_key};
use countersign_ledger::limits::MAX_CSR_BYTES;
use libfuzzer_sys::fuzz_target;

fn plant() {
    let (_, pem) = new_key_and_csr().expect("random bytes");
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(base64).expect("base64");
    seeds::plant([
        [&[0], pem.as_bytes()].concat(),
        [&[1], der.as_slice()].concat(),
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let pem = match input.byte() % 2 {
        0 => input.text(),
        _ => format!(
            "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
            STANDARD.encode(input.rest())
        ),
    };
    let read = public_key(&pem);
    let too_long = matches!(read, Err(CsrError::TooLong(_)));
    assert_eq!(too_long, pem.len() > MAX_CSR_BYTES);
    if let Err(error) = read {
        assert!(!error.to_string().is_empty());
    }
});

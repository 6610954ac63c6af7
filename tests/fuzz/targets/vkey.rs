//! Verifier keys and signing keys as text (section 5). Input: mode, and a text; in odd modes 32
//! bytes that are made into the text of a key with the right id.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_chain::hash;
use countersign_chain::key::{SigningKey, VerifierKey};
use countersign_fuzz::input::Input;
use countersign_fuzz::{make, seeds};
use libfuzzer_sys::fuzz_target;

fn plant() {
    for input in seeds::vectors("vkey") {
        let vkey = seeds::text(&input["vkey"]);
        seeds::plant([[&[0], vkey.as_bytes()].concat()]);
        let data = vkey
            .rsplit('+')
            .next()
            .and_then(|data| STANDARD.decode(data).ok());
        let point = data.as_deref().and_then(|data| data.get(1..));
        seeds::plant(point.map(|point| [&[1], point].concat()));
    }
    seeds::plant([[&[0], make::key().to_text().as_bytes()].concat()]);
}

fn of_point(point: &[u8; 32]) -> String {
    let data = [&[1], point.as_slice()].concat();
    let id = hash::digest(&[b"a\n", data.as_slice()].concat());
    format!("a+{}+{}", &id.to_string()[..8], STANDARD.encode(data))
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let text = match input.byte() % 2 {
        0 => input.text(),
        _ => of_point(&input.array()),
    };
    if let Ok(key) = VerifierKey::parse(&text) {
        assert_eq!(key.to_string(), text, "a key with two spellings");
        // Whoever guesses 64 bytes has signed nothing.
        assert!(key.verify(text.as_bytes(), &input.array()).is_err());
    }
    if let Ok(key) = SigningKey::parse(&text) {
        assert_eq!(key.to_text().as_str().trim_end(), text.trim_end());
        let vkey = key.verifier().to_string();
        assert_eq!(VerifierKey::parse(&vkey).as_ref(), Ok(key.verifier()));
        let signature = key.sign(text.as_bytes());
        assert_eq!(key.verifier().verify(text.as_bytes(), &signature), Ok(()));
    }
});

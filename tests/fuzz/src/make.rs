//! Right checksums and signatures around content that may be wrong, written from docs/format.md
//! and not with the code under test.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_chain::frame::Nonce;
use countersign_chain::hash;
use countersign_chain::key::SigningKey;
use countersign_chain::origin::Origin;

/// The key of chain/vectors, which tests/checker makes in the same way.
pub fn key() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
        let origin = Origin::parse("log.example.com/audit").expect("an origin");
        let seed = hash::digest(b"key of the vectors");
        SigningKey::from_seed(origin, seed.as_bytes()).expect("a key")
    });
    &KEY
}

/// The nonce of chain/vectors.
pub fn nonce() -> Nonce {
    let digest = hash::digest(b"nonce of the vectors");
    Nonce(digest.as_bytes()[..16].try_into().expect("16 bytes"))
}

/// Puts the signature of [`key`] under a text, whatever it says.
pub fn note(text: &str) -> String {
    let key = key();
    let mut data = key.verifier().id().as_bytes().to_vec();
    data.extend_from_slice(&key.sign(text.as_bytes()));
    let (origin, data) = (key.verifier().origin(), STANDARD.encode(data));
    format!("{text}\n\u{2014} {origin} {data}\n")
}

/// Magic, length and checksum before a body, and zeros up to a multiple of `align` behind it.
pub fn sealed(magic: &[u8], body: &[u8], align: usize) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), body).to_be_bytes();
    let mut out = [magic, &length, &crc, body].concat();
    out.resize(out.len().next_multiple_of(align), 0);
    out
}

/// The frame with this body (section 7).
pub fn frame(body: &[u8]) -> Vec<u8> {
    sealed(b"CSMT", body, 8)
}

/// The body of a frame with these records and this note.
pub fn frame_body(nonce: &Nonce, first: u64, records: &[&[u8]], note: &str) -> Vec<u8> {
    let mut body = nonce.0.to_vec();
    body.extend_from_slice(&first.to_be_bytes());
    body.extend_from_slice(&u32::try_from(records.len()).expect("few").to_be_bytes());
    for field in records.iter().copied().chain([note.as_bytes()]) {
        body.extend_from_slice(&u16::try_from(field.len()).expect("short").to_be_bytes());
        body.extend_from_slice(field);
    }
    body
}

/// The head slot with this body (section 9).
pub fn slot(body: &[u8]) -> Vec<u8> {
    sealed(b"CSHEAD1\n", body, 4_096)
}

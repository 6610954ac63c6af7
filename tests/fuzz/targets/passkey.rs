//! Passkeys of a directory, and what an authenticator is said to have signed: nothing that the
//! fuzzer writes proves a decision.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_proto::v1::PasskeyAssertion;
use countersign_workflow::passkey::{Passkey, check};
use libfuzzer_sys::fuzz_target;

/// The generator of P-256 as a compressed point: a public key whose private key is 1.
const KEY: [u8; 33] = [
    0x03, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40,
    0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2,
    0x96,
];

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(passkey) = Passkey::parse(text)
    {
        assert_eq!(Passkey::parse(&passkey.to_string()), Ok(passkey));
    }
    let text = format!("a.example:AQ:{}", URL_SAFE_NO_PAD.encode(KEY));
    let keys = [Passkey::parse(&text).expect("a passkey")];
    let Some((cut, rest)) = data.split_first() else {
        return;
    };
    let (client, rest) = rest.split_at(usize::from(*cut).min(rest.len()));
    let (signature, data) = rest.split_at(rest.len().min(72));
    let assertion = PasskeyAssertion {
        credential: vec![1].into(),
        authenticator_data: data.to_vec().into(),
        client_data_json: client.to_vec().into(),
        signature: signature.to_vec().into(),
    };
    assert!(check(&assertion, &keys, &[7; 32]).is_err());
});

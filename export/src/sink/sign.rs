//! Signatures of bodies, as the Standard Webhooks specification has them: `webhook-signature` is
//! `v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a secret, as the specification has it.
const SECRET: std::ops::RangeInclusive<usize> = 24..=64;

/// Signs bodies.
#[derive(Clone)]
pub(super) struct Signer(Zeroizing<Vec<u8>>);

impl Signer {
    /// A signer with the secret in this text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let bytes = text
            .strip_prefix("whsec_")
            .and_then(|text| STANDARD.decode(text).ok())
            .map(Zeroizing::new)
            .filter(|bytes| SECRET.contains(&bytes.len()));
        bytes.map(Self).ok_or_else(|| {
            "expected https.signing_secret to hold whsec_ and the base64 of 24 to 64 bytes; make \
             one with `echo whsec_$(openssl rand -base64 32)`"
                .to_owned()
        })
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> Result<String, String> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0);
        let mut mac = mac.map_err(|error| format!("cannot sign: {error}"))?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        Ok(format!("v1,{signature}"))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signature was computed with Python's hmac.
    #[test]
    fn a_signature_is_what_others_compute() {
        let signer = Signer::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let signed = signer.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signed.as_deref(), Ok(expected));
        assert_eq!(format!("{signer:?}"), "Signer");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for bad in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
            "whsec_!",
        ] {
            assert!(Signer::parse(bad).is_err(), "{bad}");
        }
    }
}

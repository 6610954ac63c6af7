//! The signature that Slack puts on what it sends over HTTP, in its version v0: HMAC-SHA256 over
//! `v0:`, the time, a colon, and the body as it came in.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::limits::SLACK_SKEW;
use crate::text::unhex;

/// Why a request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing, stands twice, or is not what it should be.
    #[error("expected one {0} header in the form that Slack documents")]
    Header(&'static str),
    /// It is too old, or from the future: an old one that was kept, or a clock that is wrong.
    #[error(
        "signed {seconds} s away from the time of this machine, at most {SLACK_SKEW} are taken"
    )]
    Time {
        /// How far.
        seconds: u64,
    },
    /// Somebody else signed, or the body was changed.
    #[error("the signature is not that of this body under our signing secret")]
    Wrong,
}

/// Checks a request; the seconds of Unix time at which it was signed. `now` is our time.
///
/// # Errors
/// [`SignatureError`].
pub fn verify(
    secret: &str,
    (time, signature): (Option<&str>, Option<&str>),
    body: &[u8],
    now: u64,
) -> Result<u64, SignatureError> {
    const TIME: &str = "X-Slack-Request-Timestamp";
    const SIGNATURE: &str = "X-Slack-Signature";
    let time = time.ok_or(SignatureError::Header(TIME))?;
    let plain = (1..=12).contains(&time.len()) && time.bytes().all(|b| b.is_ascii_digit());
    let seconds = time.parse::<u64>().ok().filter(|_| plain);
    let seconds = seconds.ok_or(SignatureError::Header(TIME))?;
    let signature = signature.and_then(|text| text.strip_prefix("v0="));
    let signature = signature.and_then(unhex);
    let signature = signature.ok_or(SignatureError::Header(SIGNATURE))?;
    let expected = sign(secret, time, body);
    if !bool::from(expected.ct_eq(&signature)) {
        return Err(SignatureError::Wrong);
    }
    match seconds.abs_diff(now) {
        0..=SLACK_SKEW => Ok(seconds),
        seconds => Err(SignatureError::Time { seconds }),
    }
}

fn sign(secret: &str, time: &str, body: &[u8]) -> [u8; 32] {
    let mut mac = keyed(secret.as_bytes());
    mac.update(b"v0:");
    mac.update(time.as_bytes());
    mac.update(b":");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// HMAC takes keys of every length, so there is always one.
fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const TIME: &str = "1531420618";
    const NOW: u64 = 1_531_420_618;
    /// The example of Slack's documentation.
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
                        &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA\
                        &user_name=roadrunner&command=%2Fwebhook-collect&text=\
                        &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J\
                        %2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
                        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn judged(time: &str, signature: &str, body: &str, now: u64) -> Result<u64, SignatureError> {
        verify(SECRET, (Some(time), Some(signature)), body.as_bytes(), now)
    }

    #[test]
    fn slacks_own_example_is_believed() {
        assert_eq!(judged(TIME, SIGNATURE, BODY, NOW), Ok(NOW));
    }

    #[test]
    fn five_minutes_count_in_both_directions() {
        for (now, seconds) in [
            (NOW - 300, None),
            (NOW + 300, None),
            (NOW + 301, Some(301)),
            (NOW - 301, Some(301)),
            (0, Some(NOW)),
        ] {
            let expected = match seconds {
                None => Ok(NOW),
                Some(seconds) => Err(SignatureError::Time { seconds }),
            };
            assert_eq!(judged(TIME, SIGNATURE, BODY, now), expected, "{now}");
        }
    }

    #[test]
    fn what_was_changed_is_not_believed() {
        let wrong = Err(SignatureError::Wrong);
        let changed = BODY.replace("U2CERLKJA", "U2CERLKJB");
        assert_eq!(judged(TIME, SIGNATURE, &changed, NOW), wrong);
        assert_eq!(judged("1531420619", SIGNATURE, BODY, NOW), wrong);
        assert_eq!(judged("01531420618", SIGNATURE, BODY, NOW), wrong);
        let other = SIGNATURE.replace("a211", "b211");
        assert_eq!(judged(TIME, &other, BODY, NOW), wrong);
        let headers = (Some(TIME), Some(SIGNATURE));
        assert_eq!(verify("other", headers, BODY.as_bytes(), NOW), wrong);
    }

    #[test]
    fn headers_have_one_form() {
        let upper = SIGNATURE.to_uppercase().replace("V0", "v0");
        for (time, signature) in [
            ("", SIGNATURE),
            ("+531420618", SIGNATURE),
            ("15314206180000", SIGNATURE),
            ("now", SIGNATURE),
            (TIME, ""),
            (TIME, "v0="),
            (TIME, "v1=a2114d57"),
            (TIME, &SIGNATURE[3..]),
            (TIME, &format!("{SIGNATURE}00")),
            (TIME, &upper),
        ] {
            let judged = judged(time, signature, BODY, NOW);
            assert!(
                matches!(judged, Err(SignatureError::Header(_))),
                "{time} {signature}"
            );
        }
        let missing = verify(SECRET, (None, Some(SIGNATURE)), b"", NOW);
        assert!(matches!(missing, Err(SignatureError::Header(_))));
        let missing = verify(SECRET, (Some(TIME), None), b"", NOW);
        assert!(matches!(missing, Err(SignatureError::Header(_))));
    }
}

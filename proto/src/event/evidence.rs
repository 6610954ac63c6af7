//! What a bot knows about who did what it carries: one place that says which events have it.

use crate::convert::check_timestamp;
use crate::event::{EventError, Known};
use crate::v1;

/// Bytes of each text of an [`v1::Evidence`]. Ids of Slack and Teams have at most some 150.
pub const MAX_EVIDENCE_TEXT: usize = 256;

const SHA256_BYTES: usize = 32;

/// Makes the list below into the two ways to the field.
macro_rules! told {
    ($($name:ident)*) => {
        impl Known {
            /// What a bot knows about who did this; `None` when nobody carried it.
            #[must_use]
            pub fn evidence(&self) -> Option<&v1::Evidence> {
                match self {
                    $(Self::$name(message) => message.evidence.as_deref(),)*
                    _ => None,
                }
            }

            /// The event with this evidence; unchanged when its kind has none.
            #[must_use]
            pub fn with_evidence(mut self, evidence: Option<Box<v1::Evidence>>) -> Self {
                match &mut self {
                    $(Self::$name(message) => message.evidence = evidence,)*
                    _ => {}
                }
                self
            }
        }
    };
}

told! {
    AccessRequested
    ReviewRecorded
    RequestCancelled
    GrantRevoked
    GrantFinished
    ExtensionRequested
    BreakGlassInvoked
    RetroReviewRecorded
    ActionRefused
    FeedbackSubmitted
    DelegationChanged
}

/// Checks evidence before it goes into an entry.
///
/// # Errors
/// [`EventError::Field`] names the field that means nothing.
pub fn check_evidence(evidence: &v1::Evidence) -> Result<(), EventError> {
    let texts = [
        ("platform", &evidence.platform),
        ("tenant", &evidence.tenant),
        ("user", &evidence.user),
        ("channel", &evidence.channel),
        ("message", &evidence.message),
        ("callback", &evidence.callback),
        ("verified_by", &evidence.verified_by),
    ];
    for (field, text) in texts {
        let needed = ["platform", "user", "verified_by"].contains(&field);
        if text.len() > MAX_EVIDENCE_TEXT || (needed && text.is_empty()) {
            let expected = match needed {
                true => "1 to 256 bytes",
                false => "at most 256 bytes",
            };
            return broken(field, expected, format!("{} bytes", text.len()));
        }
    }
    check_passkey(evidence.passkey.as_ref())?;
    let digests = [
        ("card_sha256", &evidence.card_sha256),
        ("callback_sha256", &evidence.callback_sha256),
    ];
    for (field, digest) in digests {
        if ![0, SHA256_BYTES].contains(&digest.len()) {
            return broken(field, "32 bytes or none", format!("{} bytes", digest.len()));
        }
    }
    match evidence.callback_time.as_ref().map(check_timestamp) {
        None | Some(Ok(())) => Ok(()),
        Some(Err(error)) => broken("callback_time", "a time", error.to_string()),
    }
}

/// Checks the lengths of an assertion; whether it proves anything is the workflow's.
fn check_passkey(passkey: Option<&v1::PasskeyAssertion>) -> Result<(), EventError> {
    let Some(passkey) = passkey else {
        return Ok(());
    };
    let parts = [
        (
            "passkey.credential",
            &passkey.credential,
            1_023,
            "1 to 1,023 bytes",
        ),
        (
            "passkey.authenticator_data",
            &passkey.authenticator_data,
            1_024,
            "1 to 1,024 bytes",
        ),
        (
            "passkey.client_data_json",
            &passkey.client_data_json,
            4_096,
            "1 to 4,096 bytes",
        ),
        (
            "passkey.signature",
            &passkey.signature,
            128,
            "1 to 128 bytes",
        ),
    ];
    for (field, bytes, most, expected) in parts {
        if bytes.is_empty() || bytes.len() > most {
            return broken(field, expected, format!("{} bytes", bytes.len()));
        }
    }
    Ok(())
}

fn broken(field: &'static str, expected: &'static str, got: String) -> Result<(), EventError> {
    Err(EventError::Field {
        name: "Evidence",
        field,
        expected,
        got,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use prost_types::Timestamp;

    use super::*;

    fn sound() -> v1::Evidence {
        v1::Evidence {
            platform: "slack".to_owned(),
            tenant: "T1".to_owned(),
            user: "U1".to_owned(),
            card_sha256: Bytes::from(vec![7; 32]),
            verified_by: "slack-signature-v0".to_owned(),
            ..v1::Evidence::default()
        }
    }

    #[test]
    fn evidence_that_means_nothing_is_refused_by_its_field() {
        assert_eq!(check_evidence(&sound()), Ok(()));
        let long = "x".repeat(MAX_EVIDENCE_TEXT + 1);
        let digest = Bytes::from(vec![7; 31]);
        let time = Some(Timestamp {
            seconds: 0,
            nanos: -1,
        });
        type Change<'a> = (&'a str, Box<dyn Fn(&mut v1::Evidence) + 'a>);
        let changes: Vec<Change<'_>> = vec![
            ("platform", Box::new(|e| e.platform.clear())),
            ("user", Box::new(|e| e.user.clear())),
            ("verified_by", Box::new(|e| e.verified_by.clear())),
            ("tenant", Box::new(|e| e.tenant.clone_from(&long))),
            ("channel", Box::new(|e| e.channel.clone_from(&long))),
            ("message", Box::new(|e| e.message.clone_from(&long))),
            ("callback", Box::new(|e| e.callback.clone_from(&long))),
            ("card_sha256", Box::new(|e| e.card_sha256 = digest.clone())),
            (
                "callback_sha256",
                Box::new(|e| e.callback_sha256 = digest.clone()),
            ),
            ("callback_time", Box::new(|e| e.callback_time = time)),
        ];
        for (name, change) in changes {
            let mut evidence = sound();
            change(&mut evidence);
            let refused = check_evidence(&evidence);
            let found = matches!(&refused, Err(EventError::Field { field, .. }) if *field == name);
            assert!(found, "{name}: {refused:?}");
        }
    }

    #[test]
    fn what_people_do_carries_evidence_and_nothing_else_does() {
        let review =
            Known::from(v1::ReviewRecorded::default()).with_evidence(Some(Box::new(sound())));
        assert_eq!(review.evidence(), Some(&sound()));
        let grant = Known::from(v1::GrantIssued::default()).with_evidence(Some(Box::new(sound())));
        assert_eq!(grant.evidence(), None);
    }
}

//! What was told, as entries.

use countersign_client::Draft;
use countersign_proto::reading::text::hex;
use countersign_proto::v1;
use sha2::{Digest as _, Sha256};

use crate::account::Platform;
use crate::delivery::outbox::Work;
use crate::limits::FAILURE_WORDS;
use crate::surface::{Mark, Place};

/// Where a message stands and what it shows.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) place: Place,
    /// The newest entry that is taken into account.
    pub(super) about: u64,
    /// The mark that it was posted with; none when it stood there before.
    pub(super) mark: Option<Mark>,
}

/// The platform and its organisation.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) platform: Platform,
    pub(super) tenant: String,
}

impl Home {
    /// Somebody was told. The key is the same for the same message, so that a repeat after a crash
    /// is the same entry.
    pub(super) fn delivered(&self, work: &Work, shown: &Shown) -> Draft {
        let digest = work.card.digest();
        let event = v1::NotificationDelivered {
            about: shown.about,
            recipient: work.who.to_string(),
            message: Some(v1::ChatMessage {
                platform: self.platform.word().to_owned(),
                tenant: self.tenant.clone(),
                channel: shown.place.channel.clone(),
                id: shown.place.id.clone(),
            }),
            card_sha256: digest.bytes().to_vec().into(),
            updated: shown.mark.is_none(),
        };
        let key = match &shown.mark {
            Some(mark) => self.key(&["posted", &mark.to_string()]),
            None => self.key(&[
                "updated",
                &shown.about.to_string(),
                &work.who.to_string(),
                &shown.place.channel,
                &shown.place.id,
                &digest.to_string(),
            ]),
        };
        Draft::new(&event).in_case(work.case).with_key(key)
    }

    /// Somebody could not be told.
    pub(super) fn failed(&self, work: &Work, (why, attempt): (&str, u32), given_up: bool) -> Draft {
        let event = v1::NotificationFailed {
            about: work.about,
            recipient: work.who.to_string(),
            platform: self.platform.word().to_owned(),
            error: words(why),
            attempt,
            given_up,
        };
        let ending = if given_up { "given up" } else { "failed" };
        let key = self.key(&[ending, &work.about.to_string(), &work.who.to_string()]);
        Draft::new(&event).in_case(work.case).with_key(key)
    }

    /// 64 bytes that no other parts have.
    fn key(&self, parts: &[&str]) -> String {
        let mut hash = Sha256::new();
        let home = [self.platform.word(), self.tenant.as_str()];
        for part in home.iter().chain(parts) {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hex(&hash.finalize())
    }
}

/// At most [`FAILURE_WORDS`] bytes of what was said, and never nothing.
fn words(why: &str) -> String {
    let why = why.trim();
    if why.is_empty() {
        return "the platform did not say why".to_owned();
    }
    why.chars()
        .scan(0_usize, |length, char| {
            *length = length.saturating_add(char.len_utf8());
            (*length <= FAILURE_WORDS).then_some(char)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_few_words() {
        assert_eq!(words(" no \n"), "no");
        assert_eq!(words("  "), "the platform did not say why");
        assert_eq!(words(&"ü".repeat(400)), "ü".repeat(250));
    }

    #[test]
    fn keys_differ_where_their_parts_do() {
        let home = |tenant: &str| Home {
            platform: Platform::Slack,
            tenant: tenant.to_owned(),
        };
        let keys = [
            home("T1").key(&["posted", "5 ada"]),
            home("T1").key(&["posted", "5", " ada"]),
            home("T1").key(&["posted", "51 ada"]),
            home("T").key(&["1posted", "5 ada"]),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(key.len(), 64);
            assert!(!keys[..at].contains(key));
        }
        assert_eq!(keys[0], home("T1").key(&["posted", "5 ada"]));
    }
}

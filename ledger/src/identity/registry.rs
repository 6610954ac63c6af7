//! Which certificates were issued and revoked, as the log tells it.
//!
//! The registry holds nothing of its own: whoever owns the log feeds it `CertificateIssued` and
//! `CertificateRevoked` entries in order, at start and as they are written, and a replay gives the
//! same registry again. A revocation takes effect with the next call of the certificate's owner.

use std::collections::BTreeMap;

use countersign_proto::v1::{CertificateIssued, CertificateRevoked};
use parking_lot::RwLock;
use tokio::sync::watch;

/// What the log knows of one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFacts {
    /// Principal that it names.
    pub principal: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// First second of validity, Unix time; 0 when the log does not say.
    pub not_before: u64,
    /// Last second of validity, Unix time; 0 when the log does not say.
    pub not_after: u64,
    /// Index of its `CertificateIssued` entry; 0 when there is none (entry 0 opens the log).
    pub issued_index: u64,
    /// Index of its `CertificateRevoked` entry; 0 when it is not revoked.
    pub revoked_index: u64,
}

/// Issued and revoked certificates of one log. Shared behind an `Arc`.
#[derive(Debug, Default)]
pub struct Registry {
    by_serial: RwLock<BTreeMap<String, CertificateFacts>>,
    /// Number of revocations; those who wait hear of each.
    revocations: watch::Sender<u64>,
}

impl Registry {
    /// A registry of a log without certificates.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A registry of what was known before.
    #[must_use]
    pub fn of(known: Vec<CertificateFacts>) -> Self {
        let by_serial = known
            .into_iter()
            .map(|facts| (facts.serial.clone(), facts))
            .collect();
        Self {
            by_serial: RwLock::new(by_serial),
            ..Self::default()
        }
    }

    /// Takes over a `CertificateIssued` entry.
    pub fn apply_issued(&self, index: u64, event: &CertificateIssued) {
        let mut by_serial = self.by_serial.write();
        let facts = by_serial.entry(event.serial.clone()).or_default();
        facts.principal.clone_from(&event.principal);
        facts.serial.clone_from(&event.serial);
        facts.not_before = seconds(event.not_before.as_ref().map(|time| time.seconds));
        facts.not_after = seconds(event.not_after.as_ref().map(|time| time.seconds));
        facts.issued_index = index;
    }

    /// Takes over a `CertificateRevoked` entry. The first revocation of a certificate counts; one
    /// of a certificate that the log never issued counts too.
    pub fn apply_revoked(&self, index: u64, event: &CertificateRevoked) {
        let mut by_serial = self.by_serial.write();
        let facts = by_serial
            .entry(event.serial.clone())
            .or_insert_with(|| CertificateFacts {
                principal: event.principal.clone(),
                serial: event.serial.clone(),
                ..CertificateFacts::default()
            });
        if facts.revoked_index == 0 {
            facts.revoked_index = index;
        }
        drop(by_serial);
        self.revocations.send_modify(|count| *count += 1);
    }

    /// Hears of each revocation from now on.
    pub fn watch_revocations(&self) -> watch::Receiver<u64> {
        self.revocations.subscribe()
    }

    /// Whether the certificate was revoked.
    #[must_use]
    pub fn is_revoked(&self, serial: &str) -> bool {
        self.by_serial
            .read()
            .get(serial)
            .is_some_and(|facts| facts.revoked_index != 0)
    }

    /// What the log knows of a certificate.
    #[must_use]
    pub fn get(&self, serial: &str) -> Option<CertificateFacts> {
        self.by_serial.read().get(serial).cloned()
    }

    /// All certificates in order of issue.
    #[must_use]
    pub fn list(&self) -> Vec<CertificateFacts> {
        let mut all: Vec<_> = self.by_serial.read().values().cloned().collect();
        all.sort_by_key(|facts| {
            if facts.issued_index == 0 {
                facts.revoked_index
            } else {
                facts.issued_index
            }
        });
        all
    }
}

/// Seconds of a timestamp; 0 for none, and for times before 1970.
fn seconds(found: Option<i64>) -> u64 {
    found
        .and_then(|seconds| u64::try_from(seconds).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    fn issued(serial: &str) -> CertificateIssued {
        let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
        CertificateIssued {
            principal: "agent:db-prod-1".into(),
            serial: serial.into(),
            sha256: vec![7; 32].into(),
            not_before: time(1_000),
            not_after: time(2_000),
        }
    }

    fn revoked(serial: &str) -> CertificateRevoked {
        CertificateRevoked {
            serial: serial.into(),
            principal: "agent:db-prod-1".into(),
            reason: "lost".into(),
        }
    }

    #[test]
    fn it_lists_in_order_of_issue() {
        let registry = Registry::new();
        registry.apply_issued(1, &issued("ff"));
        registry.apply_issued(4, &issued("aa"));
        registry.apply_revoked(9, &revoked("ff"));
        let listed = registry.list();
        let facts: Vec<_> = listed
            .iter()
            .map(|f| (f.serial.as_str(), f.issued_index, f.revoked_index))
            .collect();
        assert_eq!(facts, [("ff", 1, 9), ("aa", 4, 0)]);
        assert_eq!((listed[0].not_before, listed[0].not_after), (1_000, 2_000));
        assert_eq!(registry.get("aa").as_ref(), listed.get(1));
    }

    #[test]
    fn revocation_is_of_one_serial_and_final() {
        let registry = Registry::new();
        registry.apply_issued(1, &issued("aa"));
        registry.apply_issued(2, &issued("ab"));
        assert!(!registry.is_revoked("aa"));
        registry.apply_revoked(3, &revoked("aa"));
        registry.apply_revoked(8, &revoked("aa"));
        assert!(registry.is_revoked("aa"));
        assert!(!registry.is_revoked("ab"));
        assert!(!registry.is_revoked("a"));
        assert_eq!(registry.get("aa").map(|facts| facts.revoked_index), Some(3));
    }

    #[test]
    fn a_revocation_without_issue_counts() {
        let registry = Registry::new();
        registry.apply_revoked(5, &revoked("cc"));
        assert!(registry.is_revoked("cc"));
        assert_eq!(registry.list()[0].principal, "agent:db-prod-1");
    }

    #[test]
    fn a_replay_gives_the_same_registry() {
        let registry = Registry::new();
        let replay = || {
            registry.apply_issued(1, &issued("aa"));
            registry.apply_revoked(3, &revoked("aa"));
        };
        replay();
        let once = registry.list();
        replay();
        assert_eq!(registry.list(), once);
    }

    #[test]
    fn senseless_times_are_zero() {
        let registry = Registry::new();
        let mut event = issued("aa");
        event.not_before = None;
        event.not_after = Some(Timestamp {
            seconds: -1,
            nanos: 0,
        });
        registry.apply_issued(1, &event);
        let facts = registry.get("aa").expect("it was issued");
        assert_eq!((facts.not_before, facts.not_after), (0, 0));
    }
}

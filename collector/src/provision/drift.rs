//! Which differences are told: each once, until it is another one.

use std::collections::{BTreeMap, BTreeSet};

use countersign_proto::reading::text::hex;
use countersign_proto::v1;
use sha2::{Digest as _, Sha256};

use crate::limits::DRIFT_AGAIN;
use crate::provision::clock::micros_of;
use crate::provision::provisioner::{Drift, Failure, Finding, Grant};
use crate::provision::text::cut;

/// Bytes of what was found, in an entry.
const MAX_TARGET: usize = 256;

/// A difference that is to become an entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Telling {
    pub(crate) drift: v1::AccessDriftDetected,
    pub(crate) key: String,
    pub(crate) digest: String,
}

/// What was found by a provisioner, and whether it was mended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) finding: Finding,
    pub(crate) resource: String,
    /// The grant, while it lasts.
    pub(crate) grant: Option<Grant>,
    pub(crate) mended: bool,
    /// Why it could not be mended, when that was tried.
    pub(crate) unmended: Option<Failure>,
    /// Whether the agent's log says so this time.
    pub(crate) is_loud: bool,
}

/// When the agent's log told of what is still there: once, and then now and then.
#[derive(Debug, Default)]
pub(crate) struct Alarms(BTreeMap<usize, BTreeMap<Finding, u64>>);

impl Alarms {
    /// Says of what an inspection found whether it is told at this time, in microseconds. What is
    /// not found any more is told at once when it comes again.
    pub(crate) fn judge(&mut self, by: usize, seen: &mut [Seen], now: u64) {
        let before = self.0.remove(&by).unwrap_or_default();
        let mut after = BTreeMap::new();
        for one in seen {
            let told = before.get(&one.finding).copied();
            let told = told.filter(|told| now.saturating_sub(*told) < micros_of(DRIFT_AGAIN));
            one.is_loud = told.is_none();
            after.insert(one.finding.clone(), told.unwrap_or(now));
        }
        self.0.insert(by, after);
    }
}

/// What is told already.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// How often each difference came up, as far as the log tells.
    episodes: BTreeMap<String, u64>,
    /// Differences that are there now and told, by provisioner.
    current: BTreeMap<usize, BTreeSet<String>>,
}

impl Watch {
    /// An entry of the log has this key.
    pub(crate) fn hear(&mut self, key: &str) {
        let mut fields = key.split(':');
        if let (Some("d"), Some(digest), Some(episode), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
            && let Ok(episode) = episode.parse::<u64>()
        {
            let known = self.episodes.entry(digest.to_owned()).or_default();
            *known = (*known).max(episode);
        }
    }

    /// What an inspection found: what is new is to be told. What was found before and is not found
    /// any more is new when it comes again.
    pub(crate) fn compare(&mut self, by: (usize, &str), seen: &[Seen]) -> Vec<Telling> {
        let first = !self.current.contains_key(&by.0);
        let current = self.current.entry(by.0).or_default();
        let mut now = BTreeSet::new();
        let mut tellings = Vec::new();
        for seen in seen {
            let digest = digest(by.1, seen);
            if !now.insert(digest.clone()) || current.contains(&digest) {
                continue;
            }
            let episode = self.episodes.get(&digest).copied().unwrap_or(0);
            // After a start it is the one that the log knows.
            if first && episode > 0 {
                continue;
            }
            let episode = episode.saturating_add(1);
            tellings.push(Telling {
                drift: event(seen),
                key: format!("d:{digest}:{episode}"),
                digest,
            });
        }
        *current = now;
        // Until they are in the log, they are not told.
        for telling in &tellings {
            current.remove(&telling.digest);
        }
        tellings
    }

    /// It is in the log.
    pub(crate) fn told(&mut self, by: usize, telling: &Telling) {
        self.hear(&telling.key);
        self.current
            .entry(by)
            .or_default()
            .insert(telling.digest.clone());
    }
}

fn digest(by: &str, seen: &Seen) -> String {
    let Finding {
        target,
        drift,
        grant,
        detail,
    } = &seen.finding;
    let mut hash = Sha256::new();
    let drift = format!("{drift:?}");
    let (grant, mended) = (grant.to_string(), seen.mended.to_string());
    for text in [by, &seen.resource, target, &drift, &grant, detail, &mended] {
        hash.update(text.len().to_be_bytes());
        hash.update(text.as_bytes());
    }
    let hash: [u8; 32] = hash.finalize().into();
    hex(&hash[..16])
}

fn event(seen: &Seen) -> v1::AccessDriftDetected {
    let drift = match seen.finding.drift {
        Drift::Unknown => v1::Drift::Unknown,
        Drift::Outlived => v1::Drift::Outlived,
        Drift::Missing => v1::Drift::Missing,
        Drift::Changed => v1::Drift::Changed,
    };
    v1::AccessDriftDetected {
        resource: seen.resource.clone(),
        target: cut(&seen.finding.target, MAX_TARGET).to_owned(),
        drift: drift.into(),
        grant: seen.finding.grant,
        detail: seen.finding.detail.clone(),
        mended: seen.mended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(target: &str, mended: bool) -> Seen {
        Seen {
            finding: Finding::new(Drift::Unknown, 0, target, "no grant explains it"),
            resource: "db".into(),
            grant: None,
            mended,
            unmended: None,
            is_loud: false,
        }
    }

    fn tell(watch: &mut Watch, found: &[Seen]) -> Vec<String> {
        let tellings = watch.compare((0, "pg"), found);
        for telling in &tellings {
            watch.told(0, telling);
        }
        tellings.into_iter().map(|telling| telling.key).collect()
    }

    #[test]
    fn a_difference_is_told_once_until_it_changes() {
        let mut watch = Watch::default();
        let first = tell(&mut watch, &[seen("role a", false), seen("role b", false)]);
        assert_eq!(first.len(), 2);
        assert!(
            first
                .iter()
                .all(|key| key.len() <= 64 && key.ends_with(":1"))
        );
        let both = [seen("role b", false), seen("role a", false)];
        assert_eq!(tell(&mut watch, &both), Vec::<String>::new());
        let mended = tell(&mut watch, &[seen("role a", true)]);
        assert_eq!(mended.len(), 1, "what was mended is another thing");
        let again = tell(&mut watch, &[seen("role b", false)]);
        assert_eq!(again.len(), 1, "it was gone meanwhile");
        assert!(again[0].ends_with(":2"), "{again:?}");
    }

    #[test]
    fn an_alarm_is_given_at_once_then_every_hour_and_when_something_changes() {
        const HOUR: u64 = 3_600_000_000;
        let mut alarms = Alarms::default();
        let mut loud = |at: u64, found: &[&str]| {
            let mut found: Vec<Seen> = found.iter().map(|target| seen(target, false)).collect();
            alarms.judge(0, &mut found, at);
            found.iter().map(|one| one.is_loud).collect::<Vec<_>>()
        };
        assert_eq!(loud(5, &["a"]), [true]);
        assert_eq!(loud(6, &["a", "b"]), [false, true]);
        assert_eq!(loud(HOUR + 4, &["a", "b"]), [false, false]);
        assert_eq!(loud(HOUR + 5, &["a", "b"]), [true, false]);
        assert_eq!(loud(HOUR + 6, &["a"]), [false]);
        assert_eq!(loud(HOUR + 7, &["a", "b"]), [false, true], "b came again");
        let mut elsewhere = [seen("a", false)];
        alarms.judge(1, &mut elsewhere, HOUR + 8);
        assert!(elsewhere[0].is_loud, "of another provisioner");
    }

    #[test]
    fn a_difference_that_the_log_knows_is_not_told_after_a_start() {
        let mut before = Watch::default();
        let keys = tell(&mut before, &[seen("role a", false)]);
        let mut after = Watch::default();
        for key in keys
            .iter()
            .map(String::as_str)
            .chain(["d:x", "p:1:made", "d:x:y", ""])
        {
            after.hear(key);
        }
        assert!(tell(&mut after, &[seen("role a", false)]).is_empty());
        assert!(tell(&mut after, &[]).is_empty());
        let again = tell(&mut after, &[seen("role a", false)]);
        assert!(again[0].ends_with(":2"), "{again:?}");
    }

    #[test]
    fn what_could_not_be_told_is_told_later() {
        let mut watch = Watch::default();
        assert_eq!(watch.compare((0, "pg"), &[seen("role a", false)]).len(), 1);
        assert_eq!(watch.compare((0, "pg"), &[seen("role a", false)]).len(), 1);
        assert_eq!(
            watch.compare((1, "other"), &[seen("role a", false)]).len(),
            1
        );
    }
}

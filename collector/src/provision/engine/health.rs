//! What the status of the agent says of its provisioners: what fails, since when, and why.

use std::collections::BTreeSet;

use crate::provision::FOLLOWING;
use crate::provision::book::Outcome;
use crate::provision::drift::Seen;
use crate::provision::provisioner::Failure;
use crate::trouble::Troubles;

/// What fails now.
#[derive(Debug, Default)]
pub(super) struct Health {
    troubles: Troubles,
    /// Grants whose access could not be made or prolonged.
    unmade: BTreeSet<u64>,
    /// Provisioners that could not compare what exists.
    blind: BTreeSet<String>,
}

impl Health {
    pub(super) fn new(troubles: Troubles) -> Self {
        Self {
            troubles,
            ..Self::default()
        }
    }

    /// The log is followed.
    pub(super) fn follows(&self) {
        self.troubles.works(FOLLOWING);
    }

    pub(super) fn follows_not(&self, error: &str, now: u64) {
        let why = format!("the log cannot be followed: {error}");
        self.troubles.failed(FOLLOWING, &why, now);
    }

    /// What became of the access of a grant.
    pub(super) fn acted(&mut self, grant: u64, outcome: &Outcome, now: u64) {
        let (making, removing) = (making(grant), format!("removal of grant {grant}"));
        match outcome {
            Outcome::Made(Ok(_)) | Outcome::Extended(Ok(_)) => {
                self.unmade.remove(&grant);
                self.troubles.works(&making);
            }
            Outcome::Made(Err(failure)) | Outcome::Extended(Err(failure)) => {
                self.unmade.insert(grant);
                self.troubles.failed(&making, &failure.to_string(), now);
            }
            Outcome::Removed(Ok(_)) => {
                self.unmade.remove(&grant);
                self.troubles.works(&making);
                self.troubles.works(&removing);
            }
            Outcome::Removed(Err(failure)) => {
                self.troubles.failed(&removing, &failure.to_string(), now);
            }
            Outcome::NotNow => {}
        }
    }

    /// Access of grants that are not known any more is wanted by nobody.
    pub(super) fn forget(&mut self, is_known: impl Fn(u64) -> bool) {
        let troubles = &self.troubles;
        self.unmade.retain(|grant| {
            let stays = is_known(*grant);
            if !stays {
                troubles.works(&making(*grant));
            }
            stays
        });
    }

    /// Whether a provisioner could compare what exists. The log of the agent says so once, and when
    /// it can again.
    pub(super) fn inspected(&mut self, provisioner: &str, failure: Option<&Failure>, now: u64) {
        let what = format!("inspection by {provisioner}");
        match failure {
            Some(failure) => {
                self.troubles.failed(&what, &failure.to_string(), now);
                if self.blind.insert(provisioner.to_owned()) {
                    tracing::error!(provisioner, %failure, "cannot compare what exists");
                } else {
                    tracing::debug!(provisioner, %failure, "still cannot compare what exists");
                }
            }
            None => {
                self.troubles.works(&what);
                if self.blind.remove(provisioner) {
                    tracing::info!(provisioner, "what exists can be compared again");
                }
            }
        }
    }

    /// What differs from what was granted, and was not mended.
    pub(super) fn drifted(&self, provisioner: &str, seen: &[Seen], now: u64) {
        let what = format!("drift at {provisioner}");
        let mut open = seen.iter().filter(|one| !one.mended);
        let Some(first) = open.next() else {
            return self.troubles.works(&what);
        };
        let (target, detail) = (&first.finding.target, &first.finding.detail);
        let why = first.unmended.as_ref();
        let why = why.map_or_else(String::new, |why| format!(" (cannot mend it: {why})"));
        let more = match open.count() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        self.troubles
            .failed(&what, &format!("{target}: {detail}{why}{more}"), now);
    }
}

fn making(grant: u64) -> String {
    format!("access of grant {grant}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::provisioner::{Drift, Finding};

    fn names(troubles: &Troubles) -> Vec<String> {
        troubles.all().into_iter().map(|one| one.what).collect()
    }

    #[test]
    fn access_that_cannot_be_made_is_told_until_its_grant_is_forgotten() {
        let troubles = Troubles::default();
        let mut health = Health::new(troubles.clone());
        health.acted(7, &Outcome::Made(Err(Failure::new("no role"))), 1);
        health.forget(|grant| grant == 7);
        assert_eq!(names(&troubles), ["access of grant 7"]);
        health.forget(|_grant| false);
        assert_eq!(names(&troubles), [""; 0]);
    }

    #[test]
    fn drift_that_is_not_mended_is_told_until_it_is() {
        let troubles = Troubles::default();
        let health = Health::new(troubles.clone());
        let seen = |target: &str, mended: bool| Seen {
            finding: Finding::new(Drift::Unknown, 0, target, "no grant explains it"),
            resource: "db".into(),
            grant: None,
            mended,
            unmended: (target == "b").then(|| Failure::new("no right to")),
            is_loud: false,
        };
        health.drifted(
            "pg",
            &[seen("a", true), seen("b", false), seen("c", false)],
            1,
        );
        let all = troubles.all();
        assert_eq!(all[0].what, "drift at pg");
        assert_eq!(
            all[0].error,
            "b: no grant explains it (cannot mend it: no right to), and 1 more"
        );
        health.drifted("pg", &[seen("b", true)], 2);
        assert_eq!(troubles.all(), []);
    }

    #[test]
    fn a_provisioner_that_cannot_look_is_told_until_it_can() {
        let troubles = Troubles::default();
        let mut health = Health::new(troubles.clone());
        health.follows_not("refused", 1);
        health.inspected("pg", Some(&Failure::new("no connection")), 1);
        health.inspected("pg", Some(&Failure::new("no connection")), 2);
        assert_eq!(names(&troubles), ["inspection by pg", "provisioners"]);
        assert_eq!(troubles.all()[0].attempts, 2);
        health.inspected("pg", None, 3);
        health.follows();
        assert_eq!(names(&troubles), [""; 0]);
    }
}

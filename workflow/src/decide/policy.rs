//! Policies that come into force.

use countersign_proto::reason::Reason;
use countersign_proto::v1;

use super::Desk;
use crate::command::NewPolicy;
use crate::draft::Draft;
use crate::policy::{diff_summary, lockout};
use crate::refusal::Refusal;

impl Desk<'_> {
    pub(super) fn put_policy(&self, new: &NewPolicy) -> Result<Draft, Refusal> {
        if !self.is("admin") {
            return Err(Refusal::new(
                Reason::RoleNotAllowed,
                "policies are put into force by administrators",
                "use a certificate of the role admin",
            ));
        }
        let before = self.state.policy();
        let digest = new.bundle.digest();
        let current = before.map_or(0, |before| before.index);
        if new.expected != 0 && new.expected != current {
            return Err(Refusal::new(
                Reason::PolicyConflict,
                format!("expected policy {}, got {current} in force", new.expected),
                "look at what is in force with `countersign policy show`, and put again",
            ));
        }
        if before.is_some_and(|before| before.digest == digest) {
            return Err(Refusal::new(
                Reason::PolicyUnchanged,
                format!("policy {current} is this bundle already"),
                "nothing to do",
            ));
        }
        let locked = lockout(&new.policy);
        if let Some(why) = locked.as_ref().filter(|_| !new.force) {
            return Err(Refusal::new(
                Reason::PolicyLocksOut,
                why.clone(),
                "mend the bundle; an administrator may insist with `--force`, which is recorded",
            ));
        }
        let changes = before.map(|before| diff_summary(&before.bundle, &new.bundle));
        let event = v1::PolicyChanged {
            digest: digest.to_vec().into(),
            bundle: new.packed.clone().into(),
            previous: current,
            changes: changes.unwrap_or_default(),
            forced: locked.is_some(),
        };
        Ok(self.draft(0, event))
    }
}

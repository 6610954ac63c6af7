//! Who did it, by what never changes about an account.

use crate::account::{Account, Platform};

/// The account and its organisations, as a callback names them. Names that people can change are
/// not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// The workspace in which it was done; none for an app of a whole enterprise.
    pub team: Option<String>,
    /// The enterprise of that workspace.
    pub enterprise: Option<String>,
    /// The account.
    pub user: String,
    /// The account's own workspace, where Slack says it: another one for guests.
    pub home: Option<String>,
}

impl Who {
    /// The account. Its organisation is ours when it was done at ours by one of ours; that of a
    /// guest is the guest's own.
    #[must_use]
    pub fn account(&self, ours: &str) -> Account {
        let here = [self.team.as_deref(), self.enterprise.as_deref()];
        let is_here = |id: &str| here.contains(&Some(id));
        let tenant = match self.home.as_deref() {
            Some(home) if !is_here(home) && home != ours => home,
            _ if is_here(ours) => ours,
            _ => here.into_iter().flatten().next().unwrap_or_default(),
        };
        Account {
            platform: Platform::Slack,
            tenant: tenant.to_owned(),
            user: self.user.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_belongs_to_the_guests_own_organisation() {
        // Workspace, enterprise, the account's own, ours, and whose it is.
        let cases = [
            (Some("T1"), None, None, "T1", "T1"),
            (Some("T1"), None, Some("T1"), "T1", "T1"),
            (Some("T1"), Some("E1"), Some("T1"), "E1", "E1"),
            (Some("T1"), Some("E1"), Some("E1"), "T1", "T1"),
            (None, Some("E1"), None, "E1", "E1"),
            (None, Some("E1"), Some("E1"), "E1", "E1"),
            (Some("T1"), None, Some("T2"), "T1", "T2"),
            (Some("T1"), Some("E1"), Some("T2"), "E1", "T2"),
            (Some("T2"), None, Some("T2"), "T1", "T2"),
            (Some("T2"), None, None, "T1", "T2"),
            (Some("T2"), None, Some("T1"), "T1", "T2"),
            (None, None, None, "T1", ""),
        ];
        for (team, enterprise, home, ours, tenant) in cases {
            let who = Who {
                team: team.map(str::to_owned),
                enterprise: enterprise.map(str::to_owned),
                user: "U1".to_owned(),
                home: home.map(str::to_owned),
            };
            assert_eq!(who.account(ours).tenant, tenant, "{who:?} at {ours}");
        }
    }
}

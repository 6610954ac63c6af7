//! What the role of an identity does not allow an agent.

use std::path::Path;

use countersign_chain::kind::Kind;
use countersign_collector::agent::{AgentConfig, identity_of};
use countersign_ledger::identity::role::{Role, may_append, method};

/// AgentStarted, which goes with AgentStopped.
const STARTED: u16 = 142;
const REPORT: &str = "/countersign.v1.AccessService/ReportProvisioning";

/// The role in the URI of a certificate, `spiffe://example.com/agent/db-1`.
fn role_of(identity: &str) -> Option<Role> {
    Role::parse(identity.rsplit('/').nth(1)?).ok()
}

/// A warning when the ledger will refuse the entries of the agent itself.
pub(super) fn of_agent(identity: &str) -> Option<String> {
    let role = role_of(identity)?;
    let allowed = Kind::new(STARTED).is_ok_and(|kind| may_append(role, kind));
    (!allowed).then(|| {
        format!(
            "{identity} has the role {role}, which may not append AgentStarted and \
             AgentStopped; use an identity with the role agent (docs/roles.md)"
        )
    })
}

/// A warning when the ledger will refuse what a provisioner reports.
pub(super) fn of_provisioner(identity: &str) -> Option<String> {
    let role = role_of(identity)?;
    let allowed = method(REPORT).is_some_and(|method| method.roles.contains(&role));
    (!allowed).then(|| {
        format!(
            "{identity} has the role {role}, which may not report provisioning; name one \
             with the role provisioner in `provisioner_identity` (docs/roles.md)"
        )
    })
}

/// What the ledger will refuse to the identities of an agent. One that cannot be read tells
/// nothing.
pub(super) fn warnings(config: &AgentConfig, identity: &Path) -> Vec<String> {
    let of_agent = identity_of(identity).ok();
    let provisioner = config.provisioner_identity.as_deref().unwrap_or(identity);
    let of_provisioner = (!config.provision.is_empty())
        .then(|| identity_of(provisioner).ok())
        .flatten();
    let agent = of_agent.and_then(|it| self::of_agent(&it));
    let provisioner = of_provisioner.and_then(|it| self::of_provisioner(&it));
    agent.into_iter().chain(provisioner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_may_not_is_warned_of() {
        let of = |role: &str| format!("spiffe://example.com/{role}/db-1");
        for (role, agent, provisioner) in [
            ("user", false, false),
            ("agent", true, false),
            ("provisioner", false, true),
            ("admin", true, true),
            ("auditor", false, false),
        ] {
            let (warned, other) = (of_agent(&of(role)), of_provisioner(&of(role)));
            assert_eq!(warned.is_none(), agent, "{role}");
            assert_eq!(other.is_none(), provisioner, "{role}");
            for text in warned.iter().chain(&other) {
                assert!(text.contains(&format!("has the role {role},")), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_role_is_left_to_the_ledger() {
        for identity in ["", "agent", "spiffe://example.com/king/db-1"] {
            assert_eq!(of_agent(identity), None, "{identity}");
        }
    }
}

//! Who looks at what people did: the caller, or the person for whom a bot asks.

use countersign_chain::principal::Principal;
use countersign_proto::reason::{Reason, field_violation};
use tonic::Status;

use crate::identity::peer::Peer;
use crate::identity::role::Role;
use crate::server::log_service::draft;
use crate::server::refuse;

/// Somebody who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Looker {
    pub(super) actor: Principal,
    /// The bot that asks for them.
    pub(super) via: Option<Principal>,
    /// Whether they are a person, who sees what the policy lets them see. Administrators and
    /// auditors see everything.
    pub(super) is_person: bool,
}

impl Looker {
    /// Of a call. A bot has to name a person, for it sees nothing in its own name.
    pub(super) fn of(on_behalf_of: &str, peer: &Peer) -> Result<Self, Status> {
        if peer.role == Role::Bot && on_behalf_of.is_empty() {
            return Err(field_violation(
                Reason::ActorNotAllowed,
                "on_behalf_of",
                "expected the person for whom the bot asks, got nobody".to_owned(),
                "name the principal of the person, for example user:ada@example.com",
            ));
        }
        let (actor, via) =
            draft::speaker(on_behalf_of, peer).map_err(|error| refuse::draft(&error, ""))?;
        Ok(Self {
            actor,
            is_person: via.is_some() || peer.role == Role::User,
            via,
        })
    }
}

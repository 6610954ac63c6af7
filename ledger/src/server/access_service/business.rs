//! Whose business a case is.

use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_proto::v1;
use countersign_workflow::case::Case;
use countersign_workflow::policy::Facts;
use countersign_workflow::state::{InForce, State};
use countersign_workflow::{timer, view};

use crate::identity::peer::Peer;
use crate::identity::role::Role;

/// The person that is meant: the caller without a name, else whom the name or account stands for.
pub(in crate::server) fn person(state: &State, peer: &Peer, name: &str) -> String {
    match name {
        "" => name_of(state, peer.principal.as_str()),
        name => name_of(state, name),
    }
}

/// The person for whom a name or an account stands; the name itself when it is nobody's.
pub(in crate::server) fn name_of(state: &State, name: &str) -> String {
    let policy = state.policy().map(|in_force| &in_force.policy);
    let known = policy.and_then(|policy| {
        // An address without a role is that of a person.
        let person = || policy.person_of(&format!("user:{name}"));
        policy.person_of(name).or_else(person)
    });
    known.unwrap_or(name).to_owned()
}

/// Somebody, with the places from which decisions can be made: an own one, and those that others
/// gave away.
pub(super) struct Reviewer {
    pub(super) person: String,
    pub(super) places: Vec<String>,
}

impl Reviewer {
    pub(super) fn new(state: &State, person: String, now: UnixMicros) -> Self {
        let given = state.delegated_to(&person, now);
        let given = given.map(|delegation| delegation.from.clone());
        let places = std::iter::once(person.clone()).chain(given).collect();
        Self { person, places }
    }
}

/// Whose cases a caller sees: people those that they have to do with, other roles all.
pub(super) fn only(state: &State, peer: &Peer, now: UnixMicros) -> Option<Reviewer> {
    (peer.role == Role::User).then(|| Reviewer::new(state, person(state, peer, ""), now))
}

/// A case as it was when the state was looked at. It is judged and shown without holding up the
/// writer, who waits for whoever reads the state.
pub(super) struct Open {
    pub(super) case: Arc<Case>,
    pub(super) in_force: Option<Arc<InForce>>,
    pub(super) setbacks: u64,
}

pub(super) enum Found {
    Open(Open),
    /// Index of its last entry.
    Closed(u64),
    None,
}

impl Found {
    pub(super) fn of(state: &State, id: u64) -> Self {
        match (state.case(id), state.closed_case(id)) {
            (Some(case), _) => Self::Open(Open::of(state, case)),
            (None, Some(closed)) => Self::Closed(closed.index),
            (None, None) => Self::None,
        }
    }
}

impl Open {
    pub(super) fn of(state: &State, case: &Arc<Case>) -> Self {
        Self {
            case: Arc::clone(case),
            in_force: state.policy_at(case.policy).cloned(),
            setbacks: state.setbacks(),
        }
    }

    pub(super) fn view(&self) -> v1::Case {
        view::case(&self.case, self.setbacks)
    }

    /// Whether it is this person's business; everybody's without one.
    pub(super) fn is_of(&self, only: Option<&Reviewer>, facts: &Facts) -> bool {
        only.is_none_or(|who| {
            let takes_part = self.case.participants().contains(who.person.as_str());
            takes_part || self.may_be_decided_by(who, facts)
        })
    }

    /// Whether somebody could decide on what waits in it.
    pub(super) fn may_be_decided_by(&self, who: &Reviewer, facts: &Facts) -> bool {
        let (case, person) = (&self.case, who.person.as_str());
        let Some(policy) = self.in_force.as_ref().map(|in_force| &in_force.policy) else {
            return false;
        };
        if person == case.person {
            return false;
        }
        if let Some(retro) = case.retro.as_ref().filter(|retro| retro.by.is_none())
            && policy
                .members_of(&retro.group)
                .any(|member| member == person)
        {
            return true;
        }
        let Some((round, obligations)) = timer::open_round(case) else {
            return false;
        };
        let ask = case.ask.facts(&case.person, facts);
        let is_open = |place: &&String| **place != case.person && !round.has_decided(place);
        let mut places = who.places.iter().filter(is_open);
        !round.has_decided(person)
            && places.any(|place| {
                let open = round.open_groups(obligations);
                !policy.approver_groups(&ask, place, open).is_empty()
            })
    }
}

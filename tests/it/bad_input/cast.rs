//! Who calls, and what they say when they mean well.

use countersign_ledger::identity::role::Role;
use countersign_proto::event::Event;
use countersign_proto::v1::{AppendStreamRequest, EventDraft, ExternalEvent, Receipt};
use prost::Message as _;

use crate::door::{Caller, Door};

/// A caller of each role.
pub(crate) struct Cast {
    pub(crate) admin: Caller,
    pub(crate) user: Caller,
    pub(crate) bot: Caller,
    pub(crate) agent: Caller,
    pub(crate) provisioner: Caller,
    pub(crate) auditor: Caller,
    pub(crate) witness: Caller,
    /// Entry of the agent, under the key `first`.
    pub(crate) mine: Receipt,
    /// Entry of the user, under the key `theirs`.
    pub(crate) theirs: Receipt,
}

impl Cast {
    /// Certificates and connections for all, and an entry each of agent and user.
    pub(crate) async fn of(door: &Door) -> Self {
        let agent = door.caller(Role::Agent, "load").await;
        let user = door.caller(Role::User, "ada@example.com").await;
        let mine = agent.append(keyed("first")).await;
        let theirs = user.append(keyed("theirs")).await;
        Self {
            admin: door.admin.clone(),
            bot: door.caller(Role::Bot, "chat").await,
            provisioner: door.caller(Role::Provisioner, "iam").await,
            auditor: door.caller(Role::Auditor, "eve").await,
            witness: door.caller(Role::Witness, "far").await,
            mine: mine.expect("a good event"),
            theirs: theirs.expect("a good event"),
            agent,
            user,
        }
    }

    pub(crate) const fn of_role(&self, role: Role) -> &Caller {
        match role {
            Role::Admin => &self.admin,
            Role::User => &self.user,
            Role::Bot => &self.bot,
            Role::Agent => &self.agent,
            Role::Provisioner => &self.provisioner,
            Role::Auditor => &self.auditor,
            Role::Witness => &self.witness,
        }
    }
}

/// A good event that says this.
pub(crate) fn external(text: &str) -> ExternalEvent {
    ExternalEvent {
        source: "test".to_owned(),
        raw: text.to_owned().into(),
        ..ExternalEvent::default()
    }
}

/// A draft of this event, under no key.
pub(crate) fn of_event(event: Event) -> EventDraft {
    EventDraft {
        event: Some(event),
        ..EventDraft::default()
    }
}

/// A good draft, under no key.
pub(crate) fn draft(text: &str) -> EventDraft {
    of_event(Event::from_message(&external(text)))
}

/// A good draft that says its key.
pub(crate) fn keyed(key: &str) -> EventDraft {
    EventDraft {
        idempotency_key: key.to_owned(),
        ..draft(key)
    }
}

/// A good event whose payload has exactly so many bytes.
pub(crate) fn sized(bytes: usize) -> Event {
    let mut event = external("");
    let raw = |count: usize| vec![b'x'; count].into();
    event.raw = raw(bytes);
    let above = event.encoded_len() - bytes;
    event.raw = raw(bytes - above);
    // False only where a shorter text has a shorter length prefix.
    assert_eq!(event.encoded_len(), bytes, "no event has this size");
    Event::from_message(&event)
}

/// A message of an append stream.
pub(crate) fn streamed(draft: EventDraft) -> AppendStreamRequest {
    AppendStreamRequest {
        draft: Some(draft),
        ..AppendStreamRequest::default()
    }
}

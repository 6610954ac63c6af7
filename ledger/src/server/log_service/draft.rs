//! From a draft of a request to an entry: who acts, and whether they may.

use std::collections::HashSet;

use countersign_chain::idem::IdempotencyKey;
use countersign_chain::limits::MAX_IDEM;
use countersign_chain::principal::{Principal, PrincipalError};
use countersign_chain::sequence::{QueueId, Sequence};
use countersign_proto::event::{EventError, Known, kind_name};
use countersign_proto::v1::{self, EventDraft};

use crate::identity::peer::Peer;
use crate::identity::role::{Role, may_append};
use crate::log::{NewEntry, NewEntryError};

/// Why a draft is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::server) enum DraftError {
    /// There is none.
    #[error("expected a draft, got none")]
    Missing,
    /// The event is none.
    #[error(transparent)]
    Event(#[from] EventError),
    /// Not for this role.
    #[error("role {role} may not append {name} events")]
    KindNotAllowed {
        /// Role of the caller.
        role: Role,
        /// Name of the kind.
        name: &'static str,
    },
    /// `on_behalf_of` is no principal.
    #[error(transparent)]
    Actor(#[from] PrincipalError),
    /// Only bots speak for others.
    #[error("role {role} may not speak for {actor}; expected a bot")]
    NotABot {
        /// Role of the caller.
        role: Role,
        /// For whom it would speak.
        actor: Principal,
    },
    /// Bots speak for people only.
    #[error("expected a user to speak for, got {actor}")]
    NotAUser {
        /// For whom the bot would speak.
        actor: Principal,
    },
    /// Evidence is what a bot knows.
    #[error("expected evidence from a bot that speaks for a user only, got some")]
    Evidence,
    /// The key is too long.
    #[error("expected an idempotency key of at most {MAX_IDEM} bytes, got {0}")]
    Key(usize),
    /// A place in a queue is a key already.
    #[error("expected an idempotency key or a place in a queue, got both")]
    TwoKeys,
    /// A batch is all or none, and a queue goes on whatever happens.
    #[error("expected no places of queues in a batch, got one")]
    InBatch,
    /// The queue has no name.
    #[error("expected a queue of 16 bytes, got {0}")]
    Queue(usize),
    /// Two drafts of a batch carry it.
    #[error("expected keys that differ within a batch, got the key of draft {first} again")]
    KeyTwice {
        /// Position of the first draft with this key.
        first: usize,
    },
    /// The values make no entry.
    #[error(transparent)]
    Entry(#[from] NewEntryError),
}

/// The entry of a draft, as far as it can be checked without the log.
pub(super) fn entry(draft: Option<EventDraft>, peer: &Peer) -> Result<NewEntry, DraftError> {
    let EventDraft {
        event,
        case,
        idempotency_key,
        on_behalf_of,
        sequence,
    } = draft.ok_or(DraftError::Missing)?;
    let (kind, payload) = event.unwrap_or_default().into_parts()?;
    let Some(name) = kind_name(kind.get()) else {
        let field = u32::from(kind.get());
        return Err(EventError::UnknownKind { field }.into());
    };
    if !may_append(peer.role, kind) {
        let role = peer.role;
        return Err(DraftError::KindNotAllowed { role, name });
    }
    let idem = key(&idempotency_key, sequence)?;
    let (actor, via) = speaker(&on_behalf_of, peer)?;
    // The size is checked before the bytes are decoded.
    let entry = NewEntry::new(kind, actor, payload)?;
    Known::decode(kind.get(), entry.payload())?;
    let entry = entry.in_case(case).with_key(idem);
    match via {
        Some(via) => Ok(entry.via(via)?),
        None => Ok(entry),
    }
}

/// What the entry carries as its key.
fn key(text: &str, sequence: Option<v1::Sequence>) -> Result<IdempotencyKey, DraftError> {
    let long = |_error| DraftError::Key(text.len());
    let Some(v1::Sequence { queue, number }) = sequence else {
        return IdempotencyKey::parse(text.as_bytes()).map_err(long);
    };
    if !text.is_empty() {
        return Err(DraftError::TwoKeys);
    }
    let queue = QueueId::parse(&queue).ok_or(DraftError::Queue(queue.len()))?;
    Sequence { queue, number }.to_key().map_err(long)
}

/// Who acts, and who carries it when that is someone else.
pub(in crate::server) fn speaker(
    on_behalf_of: &str,
    peer: &Peer,
) -> Result<(Principal, Option<Principal>), DraftError> {
    if on_behalf_of.is_empty() {
        return Ok((peer.principal.clone(), None));
    }
    let actor = Principal::parse(on_behalf_of)?;
    if peer.role != Role::Bot {
        let role = peer.role;
        return Err(DraftError::NotABot { role, actor });
    }
    if actor.role() != Role::User.as_str() {
        return Err(DraftError::NotAUser { actor });
    }
    Ok((actor, Some(peer.principal.clone())))
}

/// The idempotency keys that stand together in one proposal. The log compares a proposal with what
/// is in the log; the events of one proposal among each other are compared here.
#[derive(Debug, Default)]
pub(super) struct Keys(HashSet<(Box<str>, IdempotencyKey)>);

impl Keys {
    /// Adds the key of an entry; false when it is there already.
    pub(super) fn insert(&mut self, entry: &NewEntry) -> bool {
        let idem = entry.idem();
        idem.is_empty() || self.0.insert((entry.actor().into(), idem.clone()))
    }
}

/// The entries of a batch. The position of the draft comes with the error.
pub(super) fn entries(
    drafts: Vec<EventDraft>,
    peer: &Peer,
) -> Result<Vec<NewEntry>, (usize, DraftError)> {
    let mut keys = Keys::default();
    let mut entries: Vec<NewEntry> = Vec::with_capacity(drafts.len());
    for (position, draft) in drafts.into_iter().enumerate() {
        if draft.sequence.is_some() {
            return Err((position, DraftError::InBatch));
        }
        let entry = entry(Some(draft), peer).map_err(|error| (position, error))?;
        if !keys.insert(&entry) {
            let same =
                |other: &NewEntry| other.actor() == entry.actor() && other.idem() == entry.idem();
            let first = entries.iter().position(same).unwrap_or_default();
            return Err((position, DraftError::KeyTwice { first }));
        }
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests;

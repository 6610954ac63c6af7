//! What the policy attaches to an access, and how several permits become one answer.

use std::collections::BTreeMap;

use crate::limits::{
    DEFAULT_FEEDBACK, DEFAULT_MAX_DURATION, DEFAULT_MAX_EXTENSIONS, DEFAULT_REQUEST_TTL,
    DEFAULT_WARN,
};

/// What an access is bound to: of all permits that matched, the strictest of each kind.
///
/// All durations are whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obligations {
    /// Who must agree: groups, and how many of each. Empty when nobody has to.
    pub approvals: BTreeMap<String, u32>,
    /// Longest time of the grant, extensions included.
    pub max_duration: u64,
    /// How long the request waits for decisions.
    pub request_ttl: u64,
    /// When approvers are reminded, again and again.
    pub remind: Option<u64>,
    /// When others are told that nobody decided, and which group that is.
    pub escalate: Option<Deadline>,
    /// Whether sessions must be recorded.
    pub record_session: bool,
    /// Whether keyboard input is recorded too.
    pub record_input: bool,
    /// How long before the end the requester is warned.
    pub warn: Option<u64>,
    /// How often the grant may be extended.
    pub max_extensions: u32,
    /// How long feedback is waited for.
    pub feedback: u64,
    /// Who looks at a break-glass access afterwards, and until when. Always there for break-glass,
    /// never for a request.
    pub retro: Option<Deadline>,
    /// Whether approvals need a passkey of the one who gives them.
    pub step_up: bool,
    /// Ids of the permits that matched, in order.
    pub policies: Vec<String>,
}

/// A group that something is due for.
///
/// The earlier is the lesser; at the same time the group's name decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// Seconds from the beginning.
    pub after: u64,
    /// The group.
    pub group: String,
}

impl Default for Obligations {
    /// What holds for a permit that says nothing.
    fn default() -> Self {
        Self {
            approvals: BTreeMap::new(),
            max_duration: DEFAULT_MAX_DURATION,
            request_ttl: DEFAULT_REQUEST_TTL,
            remind: None,
            escalate: None,
            record_session: true,
            record_input: false,
            warn: Some(DEFAULT_WARN),
            max_extensions: DEFAULT_MAX_EXTENSIONS,
            feedback: DEFAULT_FEEDBACK,
            retro: None,
            step_up: false,
            policies: Vec::new(),
        }
    }
}

impl Obligations {
    /// The strictest of each kind of both.
    #[must_use]
    pub fn strictest(mut self, other: &Self) -> Self {
        for (group, count) in &other.approvals {
            let mine = self.approvals.entry(group.clone()).or_insert(*count);
            *mine = (*mine).max(*count);
        }
        self.policies.extend(other.policies.iter().cloned());
        self.policies.sort_unstable();
        self.policies.dedup();
        Self {
            approvals: self.approvals,
            max_duration: self.max_duration.min(other.max_duration),
            request_ttl: self.request_ttl.min(other.request_ttl),
            remind: earliest(self.remind, other.remind),
            escalate: earliest(self.escalate, other.escalate.clone()),
            record_session: self.record_session || other.record_session,
            record_input: self.record_input || other.record_input,
            warn: self.warn.max(other.warn),
            max_extensions: self.max_extensions.min(other.max_extensions),
            feedback: self.feedback.min(other.feedback),
            retro: earliest(self.retro, other.retro.clone()),
            step_up: self.step_up || other.step_up,
            policies: self.policies,
        }
    }
}

/// The lesser of what is there.
fn earliest<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

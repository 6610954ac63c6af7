//! Why no permit matched.

use super::compile::Policy;
use super::refusal::NotAllowed;
use super::{AskKind, RequestFacts};

impl Policy {
    /// The refusal of a request that no permit matched.
    pub(crate) fn no_permit(&self, kind: AskKind, ask: &RequestFacts<'_>) -> NotAllowed {
        let _ = (kind, ask);
        NotAllowed::NoPermit {
            would: Vec::new(),
            permits: Vec::new(),
        }
    }
}

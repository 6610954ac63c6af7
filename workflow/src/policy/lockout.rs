//! Whether a policy locks everyone out.

use super::compile::Policy;
use super::reach::{Reach, Search, kinds_of_resources};
use crate::limits::MAX_PROBES;

/// Why nobody could get access under this policy; none when somebody could.
///
/// It tries requests of all kinds until one could be asked for and decided.
#[must_use]
pub fn lockout(policy: &Policy) -> Option<String> {
    let mut search = Search::new(policy);
    let mut best = Reach::Closed;
    for kind in kinds_of_resources(policy) {
        let Some(resource) = kind.first() else {
            continue;
        };
        best = best.max(search.reach(resource));
        if best >= Reach::Unknown {
            break;
        }
    }
    match best {
        Reach::Open => None,
        Reach::Closed => Some("nobody could ask for any access".to_owned()),
        Reach::Undecided => Some("whoever asks for access, too few people could agree".to_owned()),
        Reach::Unknown => Some(format!(
            "nobody who could get access was found in {MAX_PROBES} tries"
        )),
    }
}

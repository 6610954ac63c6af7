//! Places as a reviewer that were given to somebody else.

use std::collections::BTreeMap;

use countersign_chain::time::UnixMicros;
use countersign_proto::v1;
use countersign_workflow::wire;

/// The newest delegation of each person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<String, Place>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    index: u64,
    to: String,
    start: UnixMicros,
    end: UnixMicros,
}

impl Places {
    /// Takes an entry at this index and time; an older one than what is known changes nothing.
    pub fn take(&mut self, (index, time): (u64, UnixMicros), event: &v1::DelegationChanged) {
        let newest = self
            .0
            .get(&event.from)
            .is_none_or(|known| known.index < index);
        if newest {
            let place = Place {
                index,
                to: event.to.clone(),
                start: wire::time(event.start.as_ref()).unwrap_or(time),
                end: wire::time(event.end.as_ref()).unwrap_or(time),
            };
            self.0.insert(event.from.clone(), place);
        }
    }

    /// Who may decide in a person's place at this time.
    #[must_use]
    pub fn holder(&self, person: &str, time: UnixMicros) -> Option<&str> {
        let place = self.0.get(person)?;
        let holds = place.start <= time && time < place.end;
        holds.then_some(place.to.as_str())
    }
}

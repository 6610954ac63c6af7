//! Which entries a reader asks for.

use countersign_chain::record::Record;

/// Conditions on entries, joined by AND; an empty one always holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Entries of this case, the opening entry included whether it names itself as its case or
    /// none.
    pub case: Option<u64>,
    /// Entries whose actor or via is this principal.
    pub actor: Option<String>,
    /// Entries of one of these kinds; empty for all.
    pub kinds: Vec<u16>,
    /// Entries at or after this ledger time, in Unix microseconds.
    pub since: Option<u64>,
    /// Entries before this ledger time, in Unix microseconds.
    pub until: Option<u64>,
}

impl Filter {
    /// Whether every entry matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether this entry matches.
    #[must_use]
    pub fn matches(&self, record: &Record<'_>) -> bool {
        self.matches_case(record)
            && self
                .actor
                .as_deref()
                .is_none_or(|actor| record.actor() == actor || record.via() == actor)
            && (self.kinds.is_empty() || self.kinds.contains(&record.kind().get()))
            && self.since.is_none_or(|since| record.time().get() >= since)
            && self.until.is_none_or(|until| record.time().get() < until)
    }

    fn matches_case(&self, record: &Record<'_>) -> bool {
        self.case.is_none_or(|case| {
            record.case() == case || (record.case() == 0 && record.index().get() == case)
        })
    }
}

#[cfg(test)]
mod tests {
    use countersign_chain::hash;
    use countersign_chain::index::Index;
    use countersign_chain::kind::Kind;
    use countersign_chain::record::Fields;
    use countersign_chain::time::UnixMicros;

    use super::*;

    fn matches(filter: &Filter, index: u64, case: u64) -> bool {
        let fields = Fields {
            kind: Kind::new(20).expect("in range"),
            index: Index::new(index).expect("in range"),
            time: UnixMicros::new(1_000).expect("in range"),
            prev: hash::leaf(b"before"),
            case,
            actor: "user:ada@example.com",
            via: "bot:slack",
            idem: b"",
            payload: b"",
        };
        let mut bytes = Vec::new();
        fields.encode_into(&mut bytes).expect("valid");
        filter.matches(&Record::parse(&bytes).expect("valid"))
    }

    #[test]
    fn each_condition_can_refuse_and_none_of_them_does_when_empty() {
        assert!(matches(&Filter::default(), 7, 3));
        let actor = |actor: &str| Filter {
            actor: Some(actor.to_owned()),
            ..Filter::default()
        };
        assert!(matches(&actor("user:ada@example.com"), 7, 3));
        assert!(matches(&actor("bot:slack"), 7, 3));
        assert!(!matches(&actor("user:ada"), 7, 3));
        let kinds = |kinds: &[u16]| Filter {
            kinds: kinds.to_vec(),
            ..Filter::default()
        };
        assert!(matches(&kinds(&[1, 20]), 7, 3));
        assert!(!matches(&kinds(&[1, 21]), 7, 3));
        let times = |since, until| Filter {
            since,
            until,
            ..Filter::default()
        };
        assert!(matches(&times(Some(1_000), Some(1_001)), 7, 3));
        assert!(!matches(&times(Some(1_001), None), 7, 3));
        assert!(!matches(&times(None, Some(1_000)), 7, 3));
    }

    #[test]
    fn a_case_holds_its_entries_and_the_one_that_opened_it() {
        let case = |case| Filter {
            case: Some(case),
            ..Filter::default()
        };
        assert!(matches(&case(3), 7, 3));
        assert!(matches(&case(7), 7, 0));
        assert!(matches(&case(7), 7, 7));
        assert!(!matches(&case(7), 7, 3), "an entry of another case");
        assert!(!matches(&case(7), 8, 0));
    }
}

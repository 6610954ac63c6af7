//! Filters of requests. Input: an `EntryFilter` message.
#![no_main]

use countersign_chain::kind::Kind;
use countersign_chain::principal::Principal;
use countersign_fuzz::seeds;
use countersign_ledger::filter;
use countersign_ledger::filter::Filter;
use countersign_proto::convert::timestamp;
use countersign_proto::v1::EntryFilter;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

#[path = "../../../ledger/src/server/log_service"]
mod server {
    //! The place that the source file expects around itself.
    mod filter;

    use countersign_chain::hash::Hash;
    use countersign_proto::v1::EntryFilter;

    use super::Filter;

    /// Reads a filter.
    pub fn parse(filter: EntryFilter) -> Option<Filter> {
        let parsed = filter::parse(Some(filter));
        parsed
            .inspect_err(|error| assert!(!error.to_string().is_empty()))
            .ok()
    }

    /// The digest that page tokens carry.
    pub fn digest(filter: &Filter) -> Hash {
        filter::digest("main", filter)
    }
}

fn plant() {
    let time = |micros| {
        countersign_chain::time::UnixMicros::new(micros)
            .ok()
            .map(timestamp)
    };
    let filter = EntryFilter {
        case: 7,
        actor: "agent:db".to_owned(),
        kinds: vec![143, 140, 143],
        since: time(1_000_001),
        until: time(2_000_000),
    };
    seeds::plant([
        filter.encode_to_vec(),
        EntryFilter::default().encode_to_vec(),
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let Ok(wire) = EntryFilter::decode(data) else {
        return;
    };
    let Some(filter) = server::parse(wire.clone()) else {
        return;
    };
    assert!(filter.kinds.is_sorted() && filter.kinds.iter().all(|kind| Kind::new(*kind).is_ok()));
    assert!(filter.actor.iter().all(|actor| Principal::parse(actor).is_ok()));
    assert!(filter.since.zip(filter.until).is_none_or(|(since, until)| since <= until));
    assert_eq!(filter.is_empty(), wire == EntryFilter::default());
    // The same conditions, asked for again as they were understood, are the same filter.
    let micros = |micros: u64| countersign_chain::time::UnixMicros::new(micros).expect("a time");
    let again = EntryFilter {
        case: filter.case.unwrap_or(0),
        actor: filter.actor.clone().unwrap_or_default(),
        kinds: filter.kinds.iter().copied().map(u32::from).collect(),
        since: filter.since.map(|time| timestamp(micros(time))),
        until: filter.until.map(|time| timestamp(micros(time))),
    };
    let again = server::parse(again);
    assert_eq!(again.as_ref(), Some(&filter));
    assert_eq!(again.map(|again| server::digest(&again)), Some(server::digest(&filter)));
});

//! How a misstep is told.

use countersign_chain::principal::Principal;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;

use super::difference;
use super::{Fault, Misstep, Next};
use crate::draft::EntryFacts;

/// Whether an entry is what must come next, apart from what it says.
pub(super) fn is_same(next: &Next, entry: &EntryFacts<'_>, event: &Known) -> bool {
    next.case == entry.case && next.event.kind() == event.kind()
}

pub(super) fn as_expected(next: &Next, entry: &EntryFacts<'_>, event: &Known) -> Option<Misstep> {
    let name = event.name();
    if entry.time != next.at.time {
        let (expected, got) = (shown(next.at.time), shown(entry.time));
        let why = format!("{name}: time is {got}; expected {expected}, that of its cause");
        return Some(misstep(Fault::WrongField, entry, why));
    }
    if let Some(difference) = difference::between(&next.event, event) {
        let fault = Fault::of_field(difference.field());
        return Some(misstep(fault, entry, format!("{name}: {difference}")));
    }
    must_be_ledger(entry, name)
}

pub(super) fn must_be_ledger(entry: &EntryFacts<'_>, name: &str) -> Option<Misstep> {
    let ledger = entry.actor == Principal::ledger().as_str() && entry.via.is_empty();
    let by = if entry.via.is_empty() {
        entry.actor
    } else {
        entry.via
    };
    (!ledger).then(|| {
        let why = format!("{name} is by {by}; expected the ledger");
        misstep(Fault::WrongActor, entry, why)
    })
}

pub(super) fn in_wrong_case(entry: &EntryFacts<'_>, name: &str, expected: u64) -> Misstep {
    let why = format!("{name} stands in case {}; expected {expected}", entry.case);
    misstep(Fault::WrongCase, entry, why)
}

pub(super) fn missing(next: &Next) -> Misstep {
    let name = next.event.name();
    Misstep {
        fault: Fault::of_missing(next.event.kind()),
        index: next.at.index,
        case: next.case,
        message: format!("{name} of case {} must stand here, and does not", next.case),
    }
}

pub(super) fn misstep(fault: Fault, entry: &EntryFacts<'_>, message: String) -> Misstep {
    Misstep {
        fault,
        index: entry.index,
        case: entry.case,
        message,
    }
}

/// A time in a message.
pub(super) fn shown(time: UnixMicros) -> String {
    let micros = i64::try_from(time.get()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).map_or_else(
        |_out_of_range| time.get().to_string(),
        |time| time.to_string(),
    )
}

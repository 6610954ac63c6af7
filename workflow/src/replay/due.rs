//! What the ledger writes by itself when its time has come.

use countersign_proto::event::Known;

use super::tell::{misstep, must_be_ledger, shown};
use super::{Fault, Misstep, Replay, difference};
use crate::draft::{At, EntryFacts};
use crate::limits::MAX_LATE_TOLD;
use crate::moment::Moment;
use crate::timer;

impl Replay {
    /// An entry that the ledger writes by itself, and that did not follow from the one before.
    pub(super) fn by_ledger(
        &mut self,
        entry: &EntryFacts<'_>,
        event: &Known,
        found: &mut Vec<Misstep>,
    ) {
        let at = At {
            time: entry.time,
            index: entry.index,
        };
        let ready = self.ready(entry.case, at);
        let same = |(_moment, due): &&(Moment, Known)| difference::between(due, event).is_none();
        if let Some((moment, _due)) = ready.iter().find(same) {
            // What comes before it in its own case is overdue as well.
            let first = ready.first().as_ref().is_some_and(same);
            let id = if first {
                entry.case
            } else {
                entry.case.saturating_add(1)
            };
            self.overdue(at, Some((*moment, id)), found);
            found.extend(must_be_ledger(entry, event.name()));
            return;
        }
        let alike = ready
            .iter()
            .find(|(_moment, due)| due.kind() == event.kind());
        match alike.and_then(|(_moment, due)| difference::between(due, event)) {
            Some(difference) => {
                let fault = Fault::of_field(difference.field());
                let why = format!("{}: {difference}", event.name());
                found.push(misstep(fault, entry, why));
            }
            None => found.push(self.unexpected(entry, event)),
        }
    }

    /// Everything that is due in a case, in order.
    fn ready(&self, case: u64, at: At) -> Vec<(Moment, Known)> {
        let now = self.state.moment(at.time);
        let Some(case) = self.state.case(case) else {
            return Vec::new();
        };
        let mut due = timer::all(case, self.state.setbacks);
        due.retain(|(moment, _timer)| *moment <= now);
        due.sort_unstable();
        let event = |(moment, timer)| Some((moment, timer::event(case, timer, (at, now))?));
        due.into_iter().filter_map(event).collect()
    }

    fn unexpected(&self, entry: &EntryFacts<'_>, event: &Known) -> Misstep {
        let standing = match self.state.case(entry.case) {
            None => format!("case {} is not open", entry.case),
            Some(case) => {
                let stage = case.stage.name();
                match timer::next(case, self.state.setbacks) {
                    None => format!("case {} is {stage}", case.id),
                    Some((next, timer)) => format!(
                        "case {} is {stage}; {timer:?} comes next, at {}",
                        case.id,
                        shown(next.ledger_time(self.state.setbacks)),
                    ),
                }
            }
        };
        let why = format!("nothing leads to {} here: {standing}", event.name());
        misstep(Fault::of_unexpected(event.kind()), entry, why)
    }

    /// Tells of what should have been written before this place, each time once: of everything
    /// that is due, or of what comes before something else that is.
    pub(super) fn overdue(
        &mut self,
        at: At,
        before: Option<(Moment, u64)>,
        found: &mut Vec<Misstep>,
    ) {
        let now = self.state.moment(at.time);
        if self.state.first_due(now).is_none() || self.told.len() >= MAX_LATE_TOLD {
            return;
        }
        let mut new = Vec::new();
        for (moment, id) in self.state.overdue(now) {
            if before.is_some_and(|before| (moment, id) >= before) {
                break;
            }
            if self.told.get(&id) == Some(&moment) {
                continue;
            }
            let timer = self
                .state
                .case(id)
                .and_then(|case| timer::next(case, self.state.setbacks));
            let Some((_moment, timer)) = timer else {
                continue;
            };
            let due = shown(moment.ledger_time(self.state.setbacks));
            found.push(Misstep {
                fault: Fault::of_timer(timer),
                index: at.index,
                case: id,
                message: format!("{timer:?} of case {id} was due at {due}, and is not there"),
            });
            new.push((id, moment));
            if self.told.len().saturating_add(new.len()) >= MAX_LATE_TOLD {
                break;
            }
        }
        self.told.extend(new);
    }
}

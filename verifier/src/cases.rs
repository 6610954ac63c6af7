//! The access cases of the log, replayed by the rules of the ledger.

use countersign_chain::commit::LogHead;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_workflow::apply::is_of_workflow;
use countersign_workflow::draft::EntryFacts;
use countersign_workflow::replay::{Misstep, Replay};

use crate::finding::{Code, Findings};
use crate::payload::Oddity;
use crate::walk::Checked;

/// An entry that the replay looks at.
#[derive(Debug)]
pub(crate) enum Step {
    /// It is of the workflow, or tells of a step of the clock.
    Seen(Box<Seen>),
    /// The ledger stopped or started here.
    Paused,
    /// It is of the workflow and cannot be read.
    Lost(u64),
    /// Entries went by up to this one, with its time.
    Passed(u64, UnixMicros),
}

/// Microseconds between two entries of one commit that the replay is told of: commits take less
/// than a second, unless somebody made them up.
const LONG: u64 = 60_000_000;

/// What it says.
#[derive(Debug)]
pub(crate) struct Seen {
    index: u64,
    time: UnixMicros,
    case: u64,
    actor: String,
    via: String,
    event: Known,
}

impl Step {
    /// What the replay is told of entries that it does not look at: where much time goes by between
    /// two of them, and the last one before one that it looks at.
    pub(crate) fn passed(
        before: Option<(u64, UnixMicros)>,
        (index, time): (u64, UnixMicros),
        looked_at: bool,
    ) -> [Option<Self>; 2] {
        let gone = before.map_or(0, |(_, before)| time.get().saturating_sub(before.get()));
        let long = gone >= LONG;
        let before = before.filter(|_| long || looked_at);
        let passed = (long && !looked_at).then_some(Self::Passed(index, time));
        [
            before.map(|(index, time)| Self::Passed(index, time)),
            passed,
        ]
    }

    /// What an entry is to the replay, and what is odd about it.
    pub(crate) fn of(
        record: &Record<'_>,
        read: Result<Known, Oddity>,
    ) -> (Option<Self>, Option<Oddity>) {
        let index = record.index().get();
        let event = match read {
            Ok(event) => event,
            Err(oddity) => {
                let lost = is_of_workflow(record.kind().get()).then_some(Self::Lost(index));
                return (lost, Some(oddity));
            }
        };
        if matches!(event, Known::LogRecovered(_) | Known::LogStopped(_)) {
            return (Some(Self::Paused), None);
        }
        if !is_of_workflow(event.kind()) && !matches!(event, Known::ClockStepped(_)) {
            return (None, None);
        }
        let seen = Seen {
            index,
            time: record.time(),
            case: record.case(),
            actor: record.actor().to_owned(),
            via: record.via().to_owned(),
            event,
        };
        (Some(Self::Seen(Box::new(seen))), None)
    }
}

/// The replay, as far as the entries can be read.
#[derive(Debug, Default)]
pub(crate) struct Cases {
    replay: Replay,
    /// The first entry that could not be read. What it said about cases is not known, so whatever
    /// comes behind it could be right or wrong.
    lost: Option<u64>,
    /// Whether entries of the workflow came behind it.
    missed: bool,
}

impl Cases {
    /// Takes an entry.
    pub(crate) fn step(&mut self, step: &Step, findings: &mut Findings) {
        if self.lost.is_some() {
            self.missed |= matches!(step, Step::Seen(_) | Step::Lost(_));
            return;
        }
        match step {
            Step::Paused => self.replay.paused(),
            Step::Passed(index, time) => tell(self.replay.pass(*index, *time), findings),
            Step::Lost(index) => {
                self.missed = true;
                self.lost(*index);
            }
            Step::Seen(seen) => {
                let entry = EntryFacts {
                    index: seen.index,
                    time: seen.time,
                    case: seen.case,
                    actor: &seen.actor,
                    via: &seen.via,
                };
                tell(self.replay.see(&entry, &seen.event), findings);
            }
        }
    }

    /// Everything up to the end of the log so far passed by.
    pub(crate) fn pass(&mut self, head: &LogHead, findings: &mut Findings) {
        if self.lost.is_none() {
            let last = head.size().saturating_sub(1);
            tell(self.replay.pass(last, head.time()), findings);
        }
    }

    /// This entry cannot be read.
    pub(crate) fn lost(&mut self, index: u64) {
        self.lost.get_or_insert(index);
    }

    /// Reports what is only known at the end.
    pub(crate) fn finish(&mut self, findings: &mut Findings, checked: &mut Checked) {
        let counts = self.replay.counts();
        checked.cases = counts.cases;
        checked.cases_closed = counts.closed;
        checked.policies = counts.policies;
        match self.lost {
            None => tell(self.replay.finish(), findings),
            Some(lost) if self.missed || counts.entries > 0 => {
                let text = format!("cases were not replayed from entry {lost} on");
                findings.add(Code::CasesUnchecked, Some(lost), text);
            }
            Some(_) => {}
        }
    }
}

fn tell(missteps: Vec<Misstep>, findings: &mut Findings) {
    for misstep in missteps {
        let Misstep {
            fault,
            index,
            case,
            message,
        } = misstep;
        let place = match case {
            0 => format!("entry {index}"),
            case => format!("entry {index} (case {case})"),
        };
        findings.add(
            Code::Rule(fault),
            Some(index),
            format!("{place}: {message}"),
        );
    }
}

//! What came of the cases.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_proto::v1::{self, Rating};

use super::story::{Ended, Feedback, Refused, Story};
use super::{Survey, number};
use crate::limits::MAX_REMARKS;
use crate::wire;

const DAY_MICROS: u64 = 86_400 * 1_000_000;
const HOURS_OF_DAY: usize = 24;
const HOURS_OF_WEEK: usize = 7 * HOURS_OF_DAY;

impl Survey {
    /// What came of the cases. `permits` are the ids of those that were in force, so that those
    /// that matched nothing can be told.
    #[must_use]
    pub fn activity<'a>(&self, permits: impl Iterator<Item = &'a str>) -> v1::GetActivityResponse {
        let stories = self.stories.values();
        v1::GetActivityResponse {
            period: Some(self.period_told()),
            tally: Some(stories.fold(v1::Tally::default(), count)),
            refusals: counts(self.refusals.iter().map(|(name, n)| (Arc::clone(name), *n))),
            policies: self.policies(permits),
            days: self.days(),
            hours_of_week: self.hours_of_week(),
            opinions: Some(self.opinions()),
            remarks: self.remarks(),
            entries: self.entries,
        }
    }

    fn policies<'a>(&self, permits: impl Iterator<Item = &'a str>) -> Vec<v1::Count> {
        let mut matched: BTreeMap<Arc<str>, u64> = permits.map(|id| (id.into(), 0)).collect();
        for id in self.stories.values().flat_map(|story| &story.policies) {
            let count = matched.entry(Arc::clone(id)).or_insert(0);
            *count = count.saturating_add(1);
        }
        counts(matched.into_iter())
    }

    fn days(&self) -> Vec<v1::Day> {
        let mut days: BTreeMap<u64, v1::Day> = BTreeMap::new();
        let more = |count: &mut u64, by: bool| *count = count.saturating_add(by.into());
        for story in self.stories.values() {
            let since_midnight = story.opened.get().checked_rem(DAY_MICROS).unwrap_or(0);
            let midnight = story.opened.get().saturating_sub(since_midnight);
            let day = days.entry(midnight).or_insert_with(|| v1::Day {
                day: UnixMicros::new(midnight).ok().map(wire::timestamp),
                ..v1::Day::default()
            });
            more(&mut day.cases, true);
            more(&mut day.break_glass, story.break_glass);
            more(
                &mut day.granted,
                story.issued.is_some() && !story.break_glass,
            );
            more(&mut day.refused, story.refused.is_some());
        }
        days.into_values().collect()
    }

    fn hours_of_week(&self) -> Vec<u64> {
        if self.stories.is_empty() {
            return Vec::new();
        }
        let mut hours = vec![0_u64; HOURS_OF_WEEK];
        for story in self.stories.values() {
            let day = usize::from(story.weekday).saturating_sub(1);
            let hour = day
                .saturating_mul(HOURS_OF_DAY)
                .saturating_add(story.hour.into());
            if let Some(count) = hours.get_mut(hour) {
                *count = count.saturating_add(1);
            }
        }
        hours
    }

    /// Every answer, with its case.
    fn feedback(&self) -> impl Iterator<Item = (&Story, &Feedback)> {
        let stories = self.stories.values();
        stories.flat_map(|story| story.feedback.iter().map(move |said| (story, said)))
    }

    fn opinions(&self) -> v1::Opinions {
        let mut requesters = (v1::Answers::default(), v1::Answers::default());
        let mut deciders = (v1::Answers::default(), v1::Answers::default());
        for (story, said) in self.feedback() {
            let (access, wait) = if said.person == story.person {
                &mut requesters
            } else {
                &mut deciders
            };
            answer(access, said.access);
            answer(wait, said.wait);
        }
        v1::Opinions {
            access_requesters: Some(requesters.0),
            wait_requesters: Some(requesters.1),
            access_deciders: Some(deciders.0),
            wait_deciders: Some(deciders.1),
        }
    }

    fn remarks(&self) -> Vec<v1::Remark> {
        let told = |rating| matches!(rating, Rating::Partly | Rating::No);
        let mut remarks: Vec<_> = self
            .feedback()
            .filter(|(_, said)| told(said.access) || told(said.wait) || !said.comment.is_empty())
            .collect();
        remarks.sort_by_key(|(_story, said)| Reverse(said.index));
        let remarks = remarks.into_iter().take(MAX_REMARKS);
        let remarks = remarks.map(|(story, said)| v1::Remark {
            case: story.id,
            index: said.index,
            person: String::from(&*said.person),
            resource: String::from(&*story.resource),
            access_sufficient: said.access.into(),
            wait_acceptable: said.wait.into(),
            comment: said.comment.clone(),
        });
        remarks.collect()
    }
}

/// The most first, then by name.
fn counts(all: impl Iterator<Item = (Arc<str>, u64)>) -> Vec<v1::Count> {
    let mut all: Vec<_> = all.collect();
    all.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
    let all = all.into_iter().map(|(name, count)| v1::Count {
        name: String::from(&*name),
        count,
    });
    all.collect()
}

fn answer(answers: &mut v1::Answers, rating: Rating) {
    let count = match rating {
        Rating::Unspecified => return,
        Rating::Yes => &mut answers.yes,
        Rating::Partly => &mut answers.partly,
        Rating::No => &mut answers.no,
    };
    *count = count.saturating_add(1);
}

/// Adds a case to the sums.
fn count(mut tally: v1::Tally, story: &Story) -> v1::Tally {
    let ended = story.ended.map(|(_time, by)| by);
    let granted = story.issued.is_some();
    let delegated = story.decisions.iter().filter(|decision| decision.delegated);
    let over = [
        (&mut tally.cases, true),
        (&mut tally.break_glass, story.break_glass),
        (&mut tally.denied, story.refused == Some(Refused::Denied)),
        (
            &mut tally.cancelled,
            story.refused == Some(Refused::Cancelled),
        ),
        (
            &mut tally.undecided,
            story.refused == Some(Refused::Undecided),
        ),
        (&mut tally.pending, story.is_pending()),
        (&mut tally.granted, granted),
        (
            &mut tally.unused,
            granted && ended.is_some() && story.first_use.is_none(),
        ),
        (&mut tally.expired, ended == Some(Ended::Expired)),
        (&mut tally.revoked, ended == Some(Ended::Revoked)),
        (&mut tally.finished, ended == Some(Ended::Finished)),
        (&mut tally.escalated, story.counts.escalations > 0),
        (&mut tally.not_provisioned, story.counts.not_provisioned > 0),
        (&mut tally.removal_failed, story.counts.not_removed > 0),
        (&mut tally.justified, story.justified == Some(true)),
        (&mut tally.not_justified, story.justified == Some(false)),
        (
            &mut tally.not_reviewed,
            story.break_glass && story.justified.is_none(),
        ),
        (&mut tally.closed, story.closed),
    ];
    for (sum, holds) in over {
        *sum = sum.saturating_add(holds.into());
    }
    let counts = &story.counts;
    let sums = [
        (&mut tally.extensions_asked, counts.extensions_asked),
        (&mut tally.extended, counts.extended),
        (&mut tally.sessions, counts.sessions),
        (&mut tally.overran, counts.overran),
        (&mut tally.reminders, counts.reminders),
        (&mut tally.delegated, number(delegated.count())),
    ];
    for (sum, more) in sums {
        *sum = sum.saturating_add(more);
    }
    tally
}

impl Story {
    /// Whether it waits for decisions.
    const fn is_pending(&self) -> bool {
        !self.break_glass
            && self.refused.is_none()
            && self.agreed.is_none()
            && self.issued.is_none()
            && self.ended.is_none()
    }
}

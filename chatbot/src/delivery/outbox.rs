//! What is to be told to whom, read out of the log and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_workflow::wire;

use crate::account::Platform;
use crate::bot::shelf::Rules;
use crate::card::Card;
use crate::delivery::fact::Fact;
use crate::delivery::line::{Need, Standing};
use crate::delivery::places::Places;
use crate::delivery::track::Track;
use crate::delivery::who::Who;
use crate::surface::{Mark, Place};

/// How something is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// In a new message. Its mark is the first of these; a program that ended before the entry was
    /// written may have posted one with any of them.
    Post(Vec<Mark>),
    /// By bringing the message up to date.
    Update(Place),
    /// By taking the buttons from a message that a newer one has taken the place of.
    Rest(Place),
}

/// Something to be told to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Number of the case.
    pub case: u64,
    /// Who is told.
    pub who: Who,
    /// The newest entry that the card takes into account.
    pub about: u64,
    /// How.
    pub step: Step,
    /// What is shown.
    pub card: Card,
    /// When the newest thing happened that is told: an outcome of a minute ago is not given up
    /// because something older has waited for a day.
    pub since: UnixMicros,
    /// Whether a failure is in the log already.
    pub failed: bool,
}

/// The state of delivery on one platform: every case that is open, or has something left to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Outbox {
    platform: Platform,
    tenant: String,
    cases: BTreeMap<u64, Track>,
    places: Places,
    /// Microseconds by which the clock was set back since the first entry that was read.
    setbacks: u64,
    /// Whether anybody was told of anything here.
    spoke: bool,
}

impl Outbox {
    /// An empty one, for an organisation of a platform.
    #[must_use]
    pub fn new(platform: Platform, tenant: &str) -> Self {
        Self {
            platform,
            tenant: tenant.to_owned(),
            cases: BTreeMap::new(),
            places: Places::default(),
            setbacks: 0,
            spoke: false,
        }
    }

    /// The log is read up to now. Cases that were closed before this time are left alone, and all
    /// that are closed when nobody was ever told of anything here: a bot that is new begins with
    /// what is open.
    pub fn begin(&mut self, oldest: UnixMicros) {
        let spoke = self.spoke;
        self.cases.retain(|_, track| match track.closed {
            Some((_, closed)) => spoke && closed >= oldest,
            None => true,
        });
    }

    /// Takes the next entry of the log; `rules` is the policy that an opening entry names
    /// ([`Fact::policy`]). Returns the case for whose recipients something may be to do now.
    pub fn take(&mut self, fact: &Fact, rules: Option<Arc<Rules>>) -> Option<u64> {
        match &fact.event {
            Known::ClockStepped(step) => self.stepped(step),
            Known::DelegationChanged(event) => self.places.take((fact.index, fact.time), event),
            Known::NotificationDelivered(event) => return self.delivered(event, fact.case),
            Known::NotificationFailed(event) => return self.failed(event, fact.case),
            _ => return self.happened(fact, rules),
        }
        None
    }

    fn stepped(&mut self, step: &v1::ClockStepped) {
        let before = wire::time(step.before.as_ref());
        let after = wire::time(step.after.as_ref());
        if let (Some(before), Some(after)) = (before, after) {
            let back = before.get().saturating_sub(after.get());
            self.setbacks = self.setbacks.saturating_add(back);
        }
    }

    fn happened(&mut self, fact: &Fact, rules: Option<Arc<Rules>>) -> Option<u64> {
        let case = match fact.policy() {
            Some(_) => {
                let track = Track::open(fact, rules?, self.setbacks)?;
                self.cases.insert(fact.index, track);
                fact.index
            }
            None => fact.case,
        };
        let track = self.cases.get_mut(&case)?;
        track.take(fact, (&self.places, self.platform), self.setbacks);
        self.settle(case);
        Some(case)
    }

    fn delivered(&mut self, event: &v1::NotificationDelivered, case: u64) -> Option<u64> {
        let message = event.message.as_ref()?;
        if message.platform != self.platform.word() || message.tenant != self.tenant {
            return None;
        }
        self.spoke = true;
        let track = self.cases.get_mut(&case)?;
        let line = track.lines.get_mut(&Who::parse(&event.recipient)?)?;
        let standing = Standing {
            place: Place {
                channel: message.channel.clone(),
                id: message.id.clone(),
            },
            digest: event.card_sha256.to_vec(),
        };
        match event.updated {
            true => line.updated(event.about, standing),
            false => line.posted(event.about, standing),
        }
        self.settle(case);
        Some(case)
    }

    fn failed(&mut self, event: &v1::NotificationFailed, case: u64) -> Option<u64> {
        if event.platform != self.platform.word() {
            return None;
        }
        let track = self.cases.get_mut(&case)?;
        let line = track.lines.get_mut(&Who::parse(&event.recipient)?)?;
        line.failed(event.about, event.given_up);
        self.settle(case);
        Some(case)
    }

    /// What is to be done for a recipient of a case.
    #[must_use]
    pub fn work(&self, case: u64, who: &Who) -> Option<Work> {
        let track = self.cases.get(&case)?;
        let line = track.lines.get(who)?;
        let need = line.need()?;
        let card = match &need {
            Need::Rest(_) => track.rest(self.setbacks),
            Need::Post | Need::Update(_) => track.card(who, line, self.setbacks),
        };
        let card = match card {
            Ok(card) => card,
            Err(error) => {
                tracing::warn!(case, %who, %error, "case cannot be shown");
                return None;
            }
        };
        let mark = |about: &u64| Mark {
            about: *about,
            recipient: who.to_string(),
        };
        let shown = line.standing.as_ref().map(|shown| shown.digest.as_slice());
        let step = match need {
            Need::Post => Step::Post(line.calls.iter().rev().map(mark).collect()),
            // It shows that already.
            Need::Update(_) if shown == Some(card.digest().bytes().as_slice()) => return None,
            Need::Update(place) => Step::Update(place),
            Need::Rest(place) => Step::Rest(place),
        };
        let about = match step {
            Step::Rest(_) => line.told(),
            Step::Post(_) | Step::Update(_) => line.newest.0,
        };
        Some(Work {
            case,
            who: who.clone(),
            about,
            step,
            card,
            since: line.newest.1,
            failed: line.failed,
        })
    }

    /// Everybody who is or was told of a case.
    pub fn recipients(&self, case: u64) -> impl Iterator<Item = &Who> {
        let track = self.cases.get(&case).into_iter();
        track.flat_map(|track| track.lines.keys())
    }

    /// Cases, the oldest first.
    pub fn cases(&self) -> impl Iterator<Item = u64> {
        self.cases.keys().copied()
    }

    /// Leaves out somebody whom the platform does not know, until [`Self::look_again`]: they have
    /// the inbox.
    pub fn pass_over(&mut self, case: u64, who: &Who) {
        let track = self.cases.get_mut(&case);
        if let Some(line) = track.and_then(|track| track.lines.get_mut(who)) {
            line.absent = true;
        }
        self.settle(case);
    }

    /// Takes everybody in again who was left out: somebody may have an account now.
    pub fn look_again(&mut self) {
        for track in self.cases.values_mut() {
            for line in track.lines.values_mut() {
                line.absent = false;
            }
        }
    }

    /// Forgets a message that could not be laid to rest because it is gone.
    pub fn forget(&mut self, case: u64, who: &Who, place: &Place) {
        let track = self.cases.get_mut(&case);
        if let Some(line) = track.and_then(|track| track.lines.get_mut(who)) {
            line.resting.retain(|resting| resting != place);
        }
        self.settle(case);
    }

    /// Number of cases, and of recipients in all of them.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let lines = self.cases.values().map(Track::len).sum();
        (self.cases.len(), lines)
    }

    /// A case that is closed leaves when nothing is left to tell.
    fn settle(&mut self, case: u64) {
        let Some(track) = self.cases.get(&case) else {
            return;
        };
        let over = track.closed.is_some();
        if over && !track.lines.keys().any(|who| self.work(case, who).is_some()) {
            self.cases.remove(&case);
        }
    }
}

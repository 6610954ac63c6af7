//! One case and everybody who is told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_workflow::apply::ApplyError;
use countersign_workflow::case::Case;
use countersign_workflow::moment::Moment as Due;
use countersign_workflow::view;

use crate::account::Platform;
use crate::bot::shelf::Rules;
use crate::card::audience::Audience;
use crate::card::moment::Moment;
use crate::card::view::{CaseError, CaseView};
use crate::card::{Card, Piece, render};
use crate::delivery::fact::Fact;
use crate::delivery::line::Line;
use crate::delivery::places::Places;
use crate::delivery::told::{Part, Scene, told};
use crate::delivery::who::Who;

/// A case that is open, or closed with something still to be told.
#[derive(Debug, Clone)]
pub(super) struct Track {
    case: Case,
    rules: Arc<Rules>,
    /// When its decisions were made.
    decided: BTreeMap<u64, UnixMicros>,
    /// What happened, as far as somebody is still to be shown it.
    moments: BTreeMap<u64, Moment>,
    pub(super) lines: BTreeMap<Who, Line>,
    /// Index of its last entry, and when that was.
    pub(super) closed: Option<(u64, UnixMicros)>,
}

impl Track {
    pub(super) fn open(fact: &Fact, rules: Arc<Rules>, setbacks: u64) -> Option<Self> {
        let case = Case::open(&fact.place(), &fact.event, Due::new(fact.time, setbacks))?;
        Some(Self {
            case,
            rules,
            decided: BTreeMap::new(),
            moments: BTreeMap::new(),
            lines: BTreeMap::new(),
            closed: None,
        })
    }

    /// Takes an entry of the case; the one that opened it, too.
    pub(super) fn take(
        &mut self,
        fact: &Fact,
        (places, platform): (&Places, Platform),
        setbacks: u64,
    ) {
        if let Err(error) = self.apply(fact, setbacks) {
            tracing::warn!(case = self.case.id, index = fact.index, %error, "entry does not fit");
            return;
        }
        let moment = match self.view(setbacks) {
            Ok(view) => Moment::of(&fact.event, fact.time, &view),
            Err(error) => Err(error),
        };
        match moment {
            Ok(Some(moment)) => self.tell(moment, fact, (places, platform)),
            Ok(None) => {}
            Err(error) => {
                let case = self.case.id;
                tracing::warn!(case, index = fact.index, %error, "case cannot be shown");
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "few kinds are not of the case's rules"
    )]
    fn apply(&mut self, fact: &Fact, setbacks: u64) -> Result<(), ApplyError> {
        match &fact.event {
            Known::AccessRequested(_) | Known::BreakGlassInvoked(_) => return Ok(()),
            Known::CaseClosed(_) => {
                self.closed = Some((fact.index, fact.time));
                return Ok(());
            }
            Known::ReviewRecorded(_) => {
                self.decided.insert(fact.index, fact.time);
            }
            // It changes no case.
            Known::AccessDriftDetected(_) => return Ok(()),
            _ => {}
        }
        let now = Due::new(fact.time, setbacks);
        self.case.apply(&fact.place(), &fact.event, now)
    }

    fn view(&self, setbacks: u64) -> Result<CaseView, CaseError> {
        let case = match self.closed {
            Some((index, _)) => view::closed(&self.case, index),
            None => view::case(&self.case, setbacks),
        };
        CaseView::parse(&case, &self.decided)
    }

    fn tell(&mut self, moment: Moment, fact: &Fact, (places, platform): (&Places, Platform)) {
        let scene = Scene {
            case: &self.case,
            policy: &self.rules.policy,
            places,
            platform,
            time: fact.time,
            actor: &fact.actor,
        };
        let mut all = told(&moment, &fact.event, &scene);
        // What one has said of it changes the card of that one only.
        if let Known::FeedbackSubmitted(event) = &fact.event {
            all.retain(|who, _| Who::person(&event.person).as_ref() == Some(who));
            if let Some(line) = Who::person(&event.person).and_then(|who| self.lines.get_mut(&who))
            {
                line.happens((fact.index, fact.time), false);
            }
        } else {
            for (who, line) in &mut self.lines {
                let call = all.get(who).is_some_and(|told| told.call);
                line.happens((fact.index, fact.time), call);
            }
        }
        for (who, told) in all {
            if let Some(line) = self.lines.get_mut(&who) {
                line.part.join(&told.part);
                continue;
            }
            let mut line = Line::new(told.part, fact.time);
            line.happens((fact.index, fact.time), told.call);
            self.lines.insert(who, line);
        }
        self.moments.insert(fact.index, moment);
        let shown: BTreeSet<u64> = self
            .lines
            .values()
            .flat_map(|line| line.calls.iter().copied().chain([line.newest.0]))
            .collect();
        self.moments.retain(|index, _| shown.contains(index));
    }

    /// The card for a recipient as of the newest thing that happened; what needs to be noticed and
    /// was not told yet comes first.
    pub(super) fn card(&self, who: &Who, line: &Line, setbacks: u64) -> Result<Card, CaseError> {
        let calls = line.calls.iter().rev();
        let mut calls = calls.filter_map(|index| self.moments.get(index));
        let moment = calls
            .find(|moment| lasts(moment))
            .or_else(|| self.moments.get(&line.newest.0));
        let moment = moment.unwrap_or(&Moment::Opened);
        Ok(render(
            &self.view(setbacks)?,
            moment,
            &audience(who, &line.part),
        ))
    }

    /// What a message shows that a newer one has taken the place of.
    pub(super) fn rest(&self, setbacks: u64) -> Result<Card, CaseError> {
        let view = self.view(setbacks)?;
        let mut card = render(&view, &Moment::Opened, &Audience::Onlooker);
        card.notice = vec![Piece::Text("This goes on in a newer message.".to_owned())];
        Ok(card)
    }

    /// Number of its lines.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }
}

impl PartialEq for Track {
    /// Cases are compared as they are shown.
    fn eq(&self, other: &Self) -> bool {
        view::case(&self.case, 0) == view::case(&other.case, 0)
            && self.decided == other.decided
            && self.moments == other.moments
            && self.lines == other.lines
            && self.closed == other.closed
    }
}

fn audience(who: &Who, part: &Part) -> Audience {
    match (who, part) {
        (Who::Person(name), Part::Requester) => Audience::Requester(name.clone()),
        (Who::Person(person), Part::Reviewer(groups)) => Audience::Reviewer {
            person: person.clone(),
            groups: groups.clone(),
        },
        (Who::Channel(_), Part::Channel(groups)) => Audience::Channel {
            groups: groups.clone(),
        },
        (Who::Person(_) | Who::Channel(_), _) => Audience::Onlooker,
    }
}

/// Whether what happened has to be said although something else has happened since. What asks for
/// a decision has not: the newest state says whether one is still needed.
const fn lasts(moment: &Moment) -> bool {
    !matches!(
        moment,
        Moment::Opened
            | Moment::BrokeGlass
            | Moment::Reminded { .. }
            | Moment::Escalated { .. }
            | Moment::ExtensionAsked
            | Moment::RetroDue
    )
}

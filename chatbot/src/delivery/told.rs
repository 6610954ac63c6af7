//! Who is told of an entry, and whether they have to notice it.

use std::collections::{BTreeMap, BTreeSet};

use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_workflow::case::{Case, Round};
use countersign_workflow::policy::{Facts, Feeds, Obligations, Policy};

use crate::account::Platform;
use crate::card::moment::{ExtensionOver, Moment};
use crate::card::name::Name;
use crate::delivery::places::Places;
use crate::delivery::who::Who;

/// What somebody has to do with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Asked for it.
    Requester,
    /// Is of these groups, or stands in for one of their people.
    Reviewer(BTreeSet<Name>),
    /// Is the channel of these groups.
    Channel(BTreeSet<Name>),
    /// Is told that nobody has decided.
    Onlooker,
}

impl Part {
    /// Both; whoever asked stays that.
    pub(super) fn join(&mut self, other: &Self) {
        match (self, other) {
            (
                Self::Reviewer(mine) | Self::Channel(mine),
                Self::Reviewer(more) | Self::Channel(more),
            ) => {
                mine.extend(more.iter().cloned());
            }
            (mine @ Self::Onlooker, more) => *mine = more.clone(),
            (Self::Requester | Self::Reviewer(_) | Self::Channel(_), _) => {}
        }
    }
}

/// What an entry is to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The part in the case.
    pub part: Part,
    /// Whether a new message is needed; otherwise those that stand are brought up to date.
    pub call: bool,
}

/// An entry and what the world looks like after it.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The case after the entry.
    pub case: &'a Case,
    /// The policy that it is judged by.
    pub policy: &'a Policy,
    /// Places that were given away.
    pub places: &'a Places,
    /// Where channels are looked for.
    pub platform: Platform,
    /// Time of the entry.
    pub time: UnixMicros,
    /// Principal that acted.
    pub actor: &'a str,
}

/// Why a group is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Its decision is missing.
    Decide,
    /// It judges afterwards, or could end the access: all of its people.
    Look,
    /// Nobody decided in time: all of its people, who need not be able to do anything.
    Know,
}

/// Everybody who is told of an entry and not only shown it in a message that stands.
#[must_use]
pub fn told(moment: &Moment, event: &Known, scene: &Scene<'_>) -> BTreeMap<Who, Told> {
    let mut all: BTreeMap<Who, Told> = BTreeMap::new();
    let actor = scene.policy.person_of(scene.actor);
    if let Some(requester) = Who::person(&scene.case.person) {
        let call = is_news(moment);
        let part = Part::Requester;
        all.insert(requester, Told { part, call });
    }
    for (group, why) in groups(moment, event, scene.case) {
        for (who, part) in scene.reach(group, why) {
            let own = matches!(&who, Who::Person(name) if Some(name.as_str()) == actor);
            let call = !own;
            let known = all.entry(who).or_insert_with(|| Told {
                part: part.clone(),
                call,
            });
            known.part.join(&part);
        }
    }
    all
}

/// Whether the requester has to notice it. What is no more than the requester's own doing is not;
/// an outcome always is, and so is the first card, on which the request can be taken back.
const fn is_news(moment: &Moment) -> bool {
    match moment {
        Moment::Opened
        | Moment::BrokeGlass
        | Moment::Scheduled { .. }
        | Moment::Issued
        | Moment::Denied
        | Moment::Cancelled { .. }
        | Moment::RequestExpired
        | Moment::EndNear { .. }
        | Moment::Extended { .. }
        | Moment::GrantExpired
        | Moment::Revoked { .. }
        | Moment::Finished { .. }
        | Moment::SessionOverran
        | Moment::Drifted { .. }
        | Moment::RetroRecorded { .. } => true,
        Moment::ExtensionOver { how } => !matches!(how, ExtensionOver::Cancelled),
        // The first failure; what is tried again and again would be a message each time.
        Moment::ProvisioningFailed { attempt, .. } | Moment::RemovalFailed { attempt, .. } => {
            *attempt <= 1
        }
        Moment::Reminded { .. }
        | Moment::Escalated { .. }
        | Moment::Reviewed { .. }
        | Moment::Provisioned { .. }
        | Moment::ExtensionAsked
        | Moment::Removed { .. }
        | Moment::RetroDue
        | Moment::FeedbackAsked
        | Moment::FeedbackGiven
        | Moment::Closed => false,
    }
}

/// Groups that have to notice it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other moments are no group's business"
)]
fn groups<'a>(moment: &Moment, event: &'a Known, case: &'a Case) -> Vec<(&'a str, Why)> {
    let of = |obligations: &'a Obligations, why| {
        let groups = obligations.approvals.keys();
        groups.map(move |group| (group.as_str(), why))
    };
    let retro = case.retro.as_ref().map(|retro| retro.group.as_str());
    match moment {
        Moment::Opened => of(&case.obligations, Why::Decide).collect(),
        Moment::ExtensionAsked => {
            let wish = case.extension().into_iter();
            wish.flat_map(|wish| of(&wish.obligations, Why::Decide))
                .collect()
        }
        Moment::BrokeGlass => retro.map(|group| (group, Why::Look)).into_iter().collect(),
        Moment::Reminded { .. } | Moment::Escalated { .. } | Moment::RetroDue => {
            reminded(event, retro)
        }
        Moment::RemovalFailed { attempt, .. } if *attempt > 1 => Vec::new(),
        Moment::RemovalFailed { .. } | Moment::SessionOverran | Moment::Drifted { .. } => {
            let retro = retro.map(|group| (group, Why::Look));
            of(&case.obligations, Why::Look).chain(retro).collect()
        }
        _ => Vec::new(),
    }
}

/// Groups that a reminder or an escalation names.
fn reminded<'a>(event: &'a Known, retro: Option<&str>) -> Vec<(&'a str, Why)> {
    match event {
        Known::ApproversReminded(event) => {
            let why = |group: &str| match Some(group) == retro {
                true => Why::Look,
                false => Why::Decide,
            };
            let groups = event.groups.iter();
            groups.map(|group| (group.as_str(), why(group))).collect()
        }
        Known::RequestEscalated(event) => {
            let why = match Some(event.group.as_str()) == retro {
                true => Why::Look,
                false => Why::Know,
            };
            vec![(event.group.as_str(), why)]
        }
        _ => Vec::new(),
    }
}

impl Scene<'_> {
    /// Where a group is told: in its channel, or each of its people.
    fn reach(&self, group: &str, why: Why) -> Vec<(Who, Part)> {
        let named: BTreeSet<Name> = Name::new(group).into_iter().collect();
        let facts = self.policy.group(group);
        let channel = facts.and_then(|facts| match self.platform {
            Platform::Slack => facts.slack.as_ref(),
            Platform::Teams => facts.teams.as_ref(),
        });
        if let Some(channel) = channel {
            return vec![(Who::Channel(channel.clone()), Part::Channel(named))];
        }
        let people = match why {
            Why::Decide => self.deciders(group),
            Why::Look | Why::Know => self.members(group),
        };
        let part = match why {
            Why::Decide | Why::Look => Part::Reviewer(named),
            Why::Know => Part::Onlooker,
        };
        let people = people.iter().filter_map(|person| Who::person(person));
        people.map(|who| (who, part.clone())).collect()
    }

    /// People of a group, without programs and the requester.
    fn members(&self, group: &str) -> BTreeSet<String> {
        let people = self.policy.members_of(group);
        let people = people.filter(|person| *person != self.case.person);
        let people = people.filter(|person| !self.policy.is_bot(person));
        people.map(str::to_owned).collect()
    }

    /// Those who could decide for a group now, and whoever stands in for one of them; not those who
    /// have decided.
    fn deciders(&self, group: &str) -> BTreeSet<String> {
        let (round, recorded) = self.round();
        let facts = self.facts(recorded);
        let ask = self.case.ask.facts(&self.case.person, &facts);
        let mut people = self.policy.eligible(&ask, group);
        people.retain(|person| !round.has_decided(person));
        let standing_in: BTreeSet<String> = people
            .iter()
            .filter_map(|person| self.places.holder(person, self.time))
            .map(str::to_owned)
            .collect();
        people.extend(standing_in);
        people.retain(|person| *person != self.case.person && !round.has_decided(person));
        people
    }

    /// What waits for decisions.
    fn round(&self) -> (&Round, &Facts) {
        match self.case.extension() {
            Some(wish) => (&wish.round, &wish.facts),
            None => (&self.case.round, &self.case.facts),
        }
    }

    /// What was recorded, with who is on call at this entry; calendars at addresses are as they
    /// were recorded.
    fn facts(&self, recorded: &Facts) -> Facts {
        let mut facts = recorded.clone();
        let elsewhere = |group: &str| {
            let facts = self.policy.group(group);
            let calendar = facts.and_then(|facts| facts.on_call.as_deref());
            calendar.is_some_and(|name| name.starts_with("https://"))
        };
        let now = self.policy.on_call_at(self.time.get(), &Feeds::new());
        facts
            .on_call
            .extend(now.into_iter().filter(|(group, _)| !elsewhere(group)));
        facts
    }
}

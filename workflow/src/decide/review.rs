//! Decisions: on requests, on extensions, and on break-glass access afterwards.

use std::collections::BTreeSet;

use countersign_proto::reason::Reason;
use countersign_proto::v1;

use super::Desk;
use super::opening::list;
use crate::case::{Case, Round, Stage};
use crate::draft::Draft;
use crate::limits::{MAX_NAMED, MAX_REASON};
use crate::passkey::{self, Verdict};
use crate::policy::{Obligations, Policy};
use crate::refusal::Refusal;
use crate::state::{Delegation, Thing};
use crate::{timer, wire};

/// A place that the caller may take.
struct Place<'a> {
    groups: BTreeSet<String>,
    /// Whose it is, when it was delegated.
    delegation: Option<&'a Delegation>,
}

/// What is decided on.
struct Matter<'a> {
    case: &'a Case,
    round: &'a Round,
    obligations: &'a Obligations,
    policy: &'a Policy,
}

impl<'a> Desk<'a> {
    pub(super) fn review(
        &self,
        (request, approve): (u64, bool),
        group: Option<&str>,
        reason: &str,
    ) -> Result<Draft, Refusal> {
        let case = self.find(request, &[Thing::Request, Thing::Extension])?;
        let matter = self.matter(case, request)?;
        let person = self.human(matter.policy)?;
        self.text("reason", reason, MAX_REASON)?;
        self.name("group", group.unwrap_or_default())?;
        if !approve {
            self.reason("reason", reason)?;
        }
        self.carrier(case, matter.policy)?;
        if person == case.person {
            return Err(self_approval(person));
        }
        if matter.round.has_decided(person) {
            return Err(already_reviewed(matter.round, person));
        }
        let wanted = group.filter(|_| approve);
        let place = self.place(&matter, (person, wanted), approve)?;
        let group = match approve {
            true => self.slot(&matter, &place, group)?,
            false => String::new(),
        };
        if approve && matter.obligations.step_up {
            let verdict = Verdict::Approve;
            self.signed(case, (request, verdict), (person, reason), matter.policy)?;
        }
        let decision = match approve {
            true => v1::Decision::Approve,
            false => v1::Decision::Deny,
        };
        let delegation = place.delegation;
        let event = v1::ReviewRecorded {
            request,
            person: person.to_owned(),
            decision: decision.into(),
            group,
            reason: reason.to_owned(),
            delegate_of: delegation.map_or_else(String::new, |given| given.from.clone()),
            delegation: delegation.map_or(0, |given| given.index),
            facts: Some(wire::facts(&self.command.facts)),
            evidence: None,
        };
        Ok(self.draft(case.id, event))
    }

    /// Checks that the person has signed this very decision. The directory of the policy in force
    /// says which keys count: one that was lost is taken out for cases that wait, too.
    fn signed(
        &self,
        case: &Case,
        (request, verdict): (u64, Verdict),
        (person, reason): (&str, &str),
        pinned: &Policy,
    ) -> Result<(), Refusal> {
        let evidence = self.command.evidence.as_ref();
        let Some(assertion) = evidence.and_then(|evidence| evidence.passkey.as_ref()) else {
            return Err(Refusal::new(
                Reason::PasskeyNeeded,
                format!("an approval of {request} has to be signed with a passkey"),
                "decide in the web inbox, which asks for the passkey",
            ));
        };
        let decision = passkey::Decision {
            case: case.id,
            opened: case.opened,
            requester: &case.person,
            resource: &case.ask.resource,
            permission: &case.ask.permission,
            request,
            verdict,
            reviewer: person,
            reason,
        };
        let in_force = self.state.policy().map(|now| &*now.policy);
        let facts = in_force.unwrap_or(pinned).person(person);
        let keys = facts.map(|facts| facts.passkeys.as_slice());
        passkey::check(assertion, keys.unwrap_or_default(), &decision.challenge()).map_err(|error| {
            Refusal::new(
                Reason::PasskeyInvalid,
                format!("the passkey does not prove this approval of {request}: {error}"),
                "decide in the web inbox again; the policy's directory has the passkeys that count",
            )
        })
    }

    fn matter(&self, case: &'a Case, request: u64) -> Result<Matter<'a>, Refusal> {
        let policy = self.policy_of(case)?;
        match timer::open_round(case) {
            Some((round, obligations)) if round.id == request => Ok(Matter {
                case,
                round,
                obligations,
                policy,
            }),
            _ => Err(Refusal::new(
                Reason::AlreadyDecided,
                match request == case.id {
                    true => format!("{request} waits for no decision: {}", standing(case)),
                    // What became of an extension is in the entries.
                    false => format!("extension {request} waits for no decision any more"),
                },
                format!(
                    "`countersign access show {}` tells what became of it",
                    case.id
                ),
            )),
        }
    }

    /// Nobody decides on an access of their own through a program of theirs either.
    fn carrier(&self, case: &Case, policy: &Policy) -> Result<(), Refusal> {
        let via = self.caller().via.as_ref();
        let whose = via.and_then(|via| policy.person_of(via.as_str()));
        match whose {
            Some(person) if person == case.person => Err(self_approval(person)),
            Some(_) | None => Ok(()),
        }
    }

    /// The place that the caller takes: an own one, or one that was delegated; of those, one in the
    /// group that is wanted.
    fn place(
        &self,
        matter: &Matter<'a>,
        (person, wanted): (&'a str, Option<&str>),
        approve: bool,
    ) -> Result<Place<'a>, Refusal> {
        let open: BTreeSet<String> = match approve {
            true => matter
                .round
                .open_groups(matter.obligations)
                .map(str::to_owned)
                .collect(),
            false => matter.obligations.approvals.keys().cloned().collect(),
        };
        let fits = |place: &Place<'_>| wanted.is_none_or(|group| place.groups.contains(group));
        let groups = self.groups(matter, person, &open);
        let delegation = None;
        let mut first = Some(Place { groups, delegation }).filter(|own| !own.groups.is_empty());
        if let Some(own) = first.take_if(|own| fits(own)) {
            return Ok(own);
        }
        for delegation in self.state.delegated_to(person, self.at.time) {
            let from = delegation.from.as_str();
            if from == matter.case.person || matter.round.has_decided(from) {
                continue;
            }
            let groups = self.groups(matter, from, &open);
            if groups.is_empty() {
                continue;
            }
            let delegation = Some(delegation);
            let place = Place { groups, delegation };
            if fits(&place) {
                return Ok(place);
            }
            first = first.or(Some(place));
        }
        if let Some(place) = first {
            return Ok(place);
        }
        let who = open.iter().map(|group| {
            let people = self.named(matter, group);
            format!("{group}: {people}")
        });
        let who = who.collect::<Vec<_>>().join("; ");
        Err(Refusal::new(
            Reason::NotAReviewer,
            format!("{person} may not decide on {}", matter.round.id),
            format!("those who may are {who}"),
        ))
    }

    fn groups(
        &self,
        matter: &Matter<'_>,
        person: &str,
        open: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let case = matter.case;
        let facts = case.ask.facts(&case.person, &self.command.facts);
        let open = open.iter().map(String::as_str);
        matter.policy.approver_groups(&facts, person, open)
    }

    fn eligible(&self, matter: &Matter<'_>, group: &str) -> BTreeSet<String> {
        let case = matter.case;
        let facts = case.ask.facts(&case.person, &self.command.facts);
        matter.policy.eligible(&facts, group)
    }

    /// A few of those who could decide for a group. All of a large one would be asked about on the
    /// thread that everybody waits for, and nobody would read their names.
    fn named(&self, matter: &Matter<'_>, group: &str) -> String {
        let case = matter.case;
        let facts = case.ask.facts(&case.person, &self.command.facts);
        let mut people = matter.policy.each_eligible(&facts, group);
        let some = people.by_ref().take(MAX_NAMED).map(str::to_owned);
        let mut names = list(&some.collect());
        if people.next().is_some() {
            names.push_str(" and others");
        }
        names
    }

    /// The group that an approval counts for: the one that was asked for, or of those that are open
    /// the one that the fewest others could fill.
    fn slot(
        &self,
        matter: &Matter<'_>,
        place: &Place<'_>,
        wanted: Option<&str>,
    ) -> Result<String, Refusal> {
        if let Some(wanted) = wanted {
            if place.groups.contains(wanted) {
                return Ok(wanted.to_owned());
            }
            return Err(Refusal::new(
                Reason::NotAReviewer,
                format!("no place of {wanted} is open to this person"),
                format!("open are {}", list(&place.groups)),
            ));
        }
        // Others need to be counted only if there is a choice.
        if let (1, Some(only)) = (place.groups.len(), place.groups.first()) {
            return Ok(only.clone());
        }
        let scarce = place.groups.iter();
        let scarce = scarce.min_by_key(|group| (self.eligible(matter, group).len(), *group));
        Ok(scarce.cloned().unwrap_or_default())
    }

    pub(super) fn retro_review(
        &self,
        (request, justified): (u64, bool),
        reason: &str,
    ) -> Result<Draft, Refusal> {
        let case = self.find(request, &[Thing::Request])?;
        let policy = self.policy_of(case)?;
        let person = self.human(policy)?;
        self.reason("reason", reason)?;
        let Some(retro) = case.retro.as_ref().filter(|retro| retro.by.is_none()) else {
            return Err(Refusal::new(
                Reason::RetroNotOpen,
                format!("case {request} waits for no review afterwards"),
                "only break-glass access is reviewed afterwards, once",
            ));
        };
        self.carrier(case, policy)?;
        if person == case.person {
            return Err(self_approval(person));
        }
        let members: BTreeSet<String> =
            policy.members_of(&retro.group).map(str::to_owned).collect();
        if !members.contains(person) {
            return Err(Refusal::new(
                Reason::NotAReviewer,
                format!("{person} is not in {}, whose business this is", retro.group),
                format!("those who may are {}", list(&members)),
            ));
        }
        if justified && case.obligations.step_up {
            let verdict = Verdict::Justified;
            self.signed(case, (request, verdict), (person, reason), policy)?;
        }
        let event = v1::RetroReviewRecorded {
            request,
            person: person.to_owned(),
            justified,
            reason: reason.to_owned(),
            evidence: None,
        };
        Ok(self.draft(case.id, event))
    }

    pub(super) fn cancel(&self, request: u64, reason: &str) -> Result<Draft, Refusal> {
        let case = self.find(request, &[Thing::Request, Thing::Extension])?;
        let matter = self.matter(case, request)?;
        let person = self.person(matter.policy)?;
        self.text("reason", reason, MAX_REASON)?;
        if person != case.person {
            return Err(Refusal::new(
                Reason::NotYours,
                format!("{request} is of {}, not of {person}", case.person),
                "deny it if you may review it",
            ));
        }
        let event = v1::RequestCancelled {
            request,
            reason: reason.to_owned(),
            evidence: None,
        };
        Ok(self.draft(case.id, event))
    }
}

fn self_approval(person: &str) -> Refusal {
    Refusal::new(
        Reason::SelfApproval,
        format!("{person} cannot decide on an access of {person}"),
        "ask somebody else; `countersign access show` names who may decide",
    )
}

fn already_reviewed(round: &Round, person: &str) -> Refusal {
    let request = round.id;
    let mut reviews = round.reviews.iter();
    let message = match reviews.find(|review| review.delegate_of == person) {
        Some(by) => format!(
            "{} has decided on {request} in the place of {person}",
            by.person
        ),
        None => format!("{person} has decided on {request} before"),
    };
    Refusal::new(
        Reason::AlreadyReviewed,
        message,
        "nothing to do; the first decision stands",
    )
}

/// Where a case stands, in words.
fn standing(case: &Case) -> String {
    match &case.stage {
        Stage::Pending => "another request is open".to_owned(),
        Stage::Scheduled(_) => "approved, and begins later".to_owned(),
        Stage::Active(grant) => format!("approved; grant {} is active", grant.id),
        Stage::Ended(_) | Stage::Refused(_) => case.outcome().to_owned(),
    }
}

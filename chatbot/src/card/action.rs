//! What a reader can do, and the opaque word that stands for it on a button.

use std::collections::BTreeSet;
use std::fmt;

use crate::card::audience::Audience;
use crate::card::moment::Moment;
use crate::card::name::Name;
use crate::card::view::{CaseView, Grant, Review, Slot, Status};

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Agree.
    Approve,
    /// Refuse, with a reason.
    Deny,
    /// Take back one's own request or extension.
    Cancel,
    /// Ask for more time.
    Extend,
    /// End one's own access.
    Finish,
    /// End somebody's access, with a reason.
    Revoke,
    /// Judge a break-glass access.
    RetroReview,
    /// Say how it was.
    Feedback,
}

/// Everything that can be done, in the order of buttons.
pub const ACTS: [Act; 8] = [
    Act::Approve,
    Act::Deny,
    Act::Extend,
    Act::Finish,
    Act::Cancel,
    Act::RetroReview,
    Act::Revoke,
    Act::Feedback,
];

impl Act {
    /// The word in identifiers: a button's `action_id`, a card's `verb`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Cancel => "cancel",
            Self::Extend => "extend",
            Self::Finish => "finish",
            Self::Revoke => "revoke",
            Self::RetroReview => "retro-review",
            Self::Feedback => "feedback",
        }
    }

    /// The act of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        ACTS.into_iter().find(|act| act.word() == word)
    }

    /// What stands on the button.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Approve => "Approve",
            Self::Deny => "Deny with reason",
            Self::Cancel => "Cancel request",
            Self::Extend => "Ask for more time",
            Self::Finish => "I am done",
            Self::Revoke => "Revoke access",
            Self::RetroReview => "Review break-glass",
            Self::Feedback => "Give feedback",
        }
    }

    /// How the button looks.
    #[must_use]
    pub const fn weight(self) -> Weight {
        match self {
            Self::Approve => Weight::Positive,
            Self::Deny | Self::Revoke => Weight::Destructive,
            Self::Cancel | Self::Extend | Self::Finish | Self::RetroReview | Self::Feedback => {
                Weight::Plain
            }
        }
    }
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// One of several.
    Plain,
    /// Gives something.
    Positive,
    /// Takes something.
    Destructive,
}

/// A button: an act on what has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// What.
    pub act: Act,
    /// Number of the case, the extension or the grant that it is about.
    pub target: u64,
}

/// Why a click is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// No such act.
    #[error("unknown action: expected one of the buttons of a card")]
    Act,
    /// No number.
    #[error("action without the number of what it is about")]
    Target,
}

impl Action {
    /// Reads a button back. The number says only which card was clicked: everything else is asked
    /// from the ledger again.
    ///
    /// # Errors
    /// [`ActionError`] for words that no card of ours has.
    pub fn parse(act: &str, target: &str) -> Result<Self, ActionError> {
        let act = Act::of(act).ok_or(ActionError::Act)?;
        let plain = !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_digit());
        let number = target.parse().ok().filter(|_| plain);
        let target = number.ok_or(ActionError::Target)?;
        Ok(Self { act, target })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.act.word(), self.target)
    }
}

/// What a reader can do about a case now.
pub(super) fn actions(case: &CaseView, moment: &Moment, audience: &Audience) -> Vec<Action> {
    let mut found = match audience {
        Audience::Onlooker => Vec::new(),
        Audience::Requester(person) if *person == case.person => own(case),
        Audience::Requester(_) => Vec::new(),
        // Whoever may decide for others is still the requester of an own case.
        Audience::Reviewer { person, .. } if *person == case.person => own(case),
        Audience::Reviewer { person, groups } => reviewers(case, Some(person), groups),
        Audience::Channel { groups } => reviewers(case, None, groups),
    };
    if matches!(moment, Moment::FeedbackGiven) {
        found.retain(|action| action.act != Act::Feedback);
    }
    found.sort_by_key(|action| ACTS.iter().position(|act| *act == action.act));
    found
}

fn own(case: &CaseView) -> Vec<Action> {
    let on = |act, target| Action { act, target };
    match (case.status, &case.grant) {
        (Status::Pending, _) => vec![on(Act::Cancel, case.id)],
        (Status::Scheduled, Some(grant)) => vec![on(Act::Finish, grant.id)],
        (Status::Active, Some(grant)) => {
            let mut found = vec![on(Act::Finish, grant.id)];
            match &case.extension {
                Some(extension) => found.push(on(Act::Cancel, extension.id)),
                None if case.more_time().is_some() => found.push(on(Act::Extend, grant.id)),
                None => {}
            }
            found
        }
        (Status::Ended | Status::Refused, _) => vec![on(Act::Feedback, case.id)],
        (Status::Scheduled | Status::Active, None) | (Status::Closed, _) => Vec::new(),
    }
}

/// What those of groups can do; without a person, whatever any of them could.
fn reviewers(case: &CaseView, person: Option<&Name>, groups: &BTreeSet<Name>) -> Vec<Action> {
    let may = |slot: &Slot| groups.contains(&slot.group);
    let retro = case.retro_group.as_ref();
    let may_judge = retro.is_some_and(|retro| groups.contains(retro));
    let on = |act, target| Action { act, target };
    let by_person = |review: &Review| Some(&review.person) == person;
    let decide = |id, slots: &[Slot], reviews: &[Review]| {
        let decided = reviews.iter().any(by_person);
        let open = |slot: &Slot| may(slot) && super::past::missing(slot, reviews) > 0;
        let mut found = Vec::new();
        // A chat cannot ask for the passkey that the policy wants.
        if !case.step_up && !decided && slots.iter().any(open) {
            found.push(on(Act::Approve, id));
        }
        // One no ends it, also from a group whose places are filled.
        if !decided && slots.iter().any(&may) {
            found.push(on(Act::Deny, id));
        }
        found
    };
    let mut found = Vec::new();
    match case.status {
        Status::Pending => found.extend(decide(case.id, &case.approvals, &case.reviews)),
        Status::Active | Status::Scheduled => {
            if let Some(wish) = &case.extension {
                found.extend(decide(wish.id, &wish.approvals, &wish.reviews));
            }
            let reviewer = case.approvals.iter().any(&may) || may_judge;
            if let (true, Some(Grant { id, .. })) = (reviewer, &case.grant) {
                found.push(on(Act::Revoke, *id));
            }
        }
        Status::Ended | Status::Refused => {
            if case.reviews.iter().any(by_person) {
                found.push(on(Act::Feedback, case.id));
            }
        }
        Status::Closed => {}
    }
    if may_judge && retro_is_open(case) {
        found.push(on(Act::RetroReview, case.id));
    }
    found
}

/// Whether nobody has looked at a break-glass access yet.
fn retro_is_open(case: &CaseView) -> bool {
    case.retro_review_open && case.status != Status::Closed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_button_is_read_back() {
        for act in ACTS {
            let action = Action { act, target: 1042 };
            let words = action.to_string();
            let (word, target) = words.split_once(' ').expect("two words");
            assert_eq!(Action::parse(word, target), Ok(action));
        }
    }

    #[test]
    fn foreign_buttons_are_refused() {
        let cases = [
            ("", "1", ActionError::Act),
            ("Approve", "1", ActionError::Act),
            ("approve ", "1", ActionError::Act),
            ("approve", "", ActionError::Target),
            ("approve", "+1", ActionError::Target),
            ("approve", " 1", ActionError::Target),
            ("approve", "-1", ActionError::Target),
            ("approve", "1042;drop", ActionError::Target),
            ("approve", "18446744073709551616", ActionError::Target),
        ];
        for (act, target, error) in cases {
            assert_eq!(Action::parse(act, target), Err(error), "{act:?} {target:?}");
        }
    }
}

//! Decisions so far.

use crate::card::Past;
use crate::card::view::{CaseView, Decision, Review, Slot};
use crate::text::{line, lines};

/// How many people of a slot's group have not agreed yet.
pub(super) fn missing(slot: &Slot, reviews: &[Review]) -> u32 {
    let agreed = |review: &&Review| {
        review.decision == Decision::Approve && review.group.as_ref() == Some(&slot.group)
    };
    let given = u32::try_from(reviews.iter().filter(agreed).count()).unwrap_or(u32::MAX);
    slot.count.saturating_sub(given)
}

/// `1 of 2 (security ok, team-leads open)`, of the extension when one waits.
pub(super) fn approvals(case: &CaseView) -> String {
    match &case.extension {
        Some(wish) => tally(&wish.approvals, &wish.reviews),
        None => tally(&case.approvals, &case.reviews),
    }
}

fn tally(slots: &[Slot], reviews: &[Review]) -> String {
    let sum = |count: u64, more: u32| count.saturating_add(u64::from(more));
    let wanted = slots.iter().map(|slot| slot.count).fold(0, sum);
    let open = slots.iter().map(|slot| missing(slot, reviews)).fold(0, sum);
    if wanted == 0 {
        return String::new();
    }
    let groups = slots.iter().map(|slot| {
        let group = line(slot.group.as_str());
        match (missing(slot, reviews), slot.count) {
            (0, _) => format!("{group} ok"),
            (_, 1) => format!("{group} open"),
            (left, count) => format!("{group} {} of {count}", count.saturating_sub(left)),
        }
    });
    let groups: Vec<String> = groups.collect();
    let given = wanted.saturating_sub(open);
    format!("{given} of {wanted} ({})", groups.join(", "))
}

/// All decisions, those on the extension last.
pub(super) fn history(case: &CaseView) -> Vec<Past> {
    let wish = case.extension.iter().flat_map(|wish| &wish.reviews);
    let on_request = case.reviews.iter().map(|review| past(review, ""));
    let on_wish = wish.map(|review| past(review, "the extension "));
    on_request.chain(on_wish).collect()
}

fn past(review: &Review, what: &str) -> Past {
    let person = line(review.person.as_str());
    let mut done = match review.decision {
        Decision::Approve => format!("{person} approved {what}"),
        Decision::Deny => format!("{person} denied {what}"),
    };
    if let Some(group) = &review.group {
        done = format!("{done}for {}", line(group.as_str()));
    }
    if let Some(other) = &review.delegate_of {
        done = format!(
            "{}, in the place of {}",
            done.trim_end(),
            line(other.as_str())
        );
    }
    Past {
        what: done.trim_end().to_owned(),
        when: review.when,
        why: lines(&review.reason).replace('\n', " "),
    }
}

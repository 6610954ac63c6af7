//! What a person sees of a case.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_client::{CallError, Entry, Filter};
use countersign_proto::event::{Known, kinds};
use countersign_proto::v1;

use crate::bot::shelf::{Rules, RulesError};
use crate::bot::{Bot, principal};
use crate::card::audience::Audience;
use crate::card::moment::Moment;
use crate::card::name::Name;
use crate::card::view::{CaseError, CaseView, Status};
use crate::card::{Card, render};

/// Why a case cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum SightError {
    /// The ledger refused, or did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The policy of the case cannot be asked.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The ledger tells of a case in a way that this program does not know.
    #[error(transparent)]
    Case(#[from] CaseError),
}

/// A case as it stands now.
#[derive(Debug, Clone)]
pub struct Sight {
    /// The case.
    pub case: CaseView,
    /// The newest thing that happened that cards tell of.
    pub moment: Moment,
    /// The policy that it was judged by.
    pub rules: Arc<Rules>,
    escalated_to: Option<Name>,
    /// Who has said how it was.
    spoken: BTreeSet<String>,
}

impl Bot {
    /// A case by its number, or that of anything that belongs to it.
    ///
    /// # Errors
    /// [`SightError`].
    pub async fn sight(&self, id: u64) -> Result<Sight, SightError> {
        let case = self.client.case(id).await?;
        let rules = self.rules(case.policy).await?;
        let entries = self.story(case.id).await?;
        Ok(Sight::new(&case, &entries, rules)?)
    }

    /// Entries of a case that cards tell of, the oldest first.
    async fn story(&self, case: u64) -> Result<Vec<Entry>, CallError> {
        let filter = Filter {
            case,
            kinds: told().collect(),
            ..Filter::default()
        };
        let mut pages = self.client.list(filter);
        let mut all = Vec::new();
        while let Some(page) = pages.next().await? {
            all.extend(page.entries);
        }
        Ok(all)
    }

    /// The part that a person has in a case; none when it is none of theirs to see. The ledger is
    /// asked whether somebody decides in another's place.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn audience(
        &self,
        sight: &Sight,
        person: &str,
    ) -> Result<Option<Audience>, CallError> {
        let case = &sight.case;
        let Some(name) = Name::new(person) else {
            return Ok(None);
        };
        if name == case.person {
            return Ok(Some(Audience::Requester(name)));
        }
        let mut groups = sight.groups_of(person);
        let waits = case.status == Status::Pending || case.extension.is_some();
        let user = principal(person);
        let resource = case.resource.as_str();
        if groups.is_empty() && waits && self.decides(case.id, resource, &user).await? {
            groups = case
                .approvals
                .iter()
                .map(|slot| slot.group.clone())
                .collect();
        }
        let decided = case.reviews.iter().any(|review| review.person == name);
        if groups.is_empty() && !decided {
            let policy = &sight.rules.policy;
            let escalated = sight.escalated_to.as_ref();
            let told = escalated.is_some_and(|group| is_member(policy, group, person));
            let sees = told || policy.may_read_audit(person);
            return Ok(sees.then_some(Audience::Onlooker));
        }
        let person = name;
        Ok(Some(Audience::Reviewer { person, groups }))
    }

    /// Whether a user could decide in a case now, in somebody else's place too, as the ledger says.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn decides(&self, case: u64, resource: &str, user: &str) -> Result<bool, CallError> {
        // Cases come in the order of their numbers, so the token of a page that ended above this
        // one leads to it at once.
        let request = v1::ListCasesRequest {
            page_size: 1,
            page_token: case.saturating_add(1).to_string(),
            reviewer: user.to_owned(),
            resource: resource.to_owned(),
            ..v1::ListCasesRequest::default()
        };
        let answer = self.client.cases(request).await?;
        Ok(answer.cases.iter().any(|found| found.id == case))
    }
}

impl Sight {
    /// Puts a case and its entries together.
    ///
    /// # Errors
    /// [`CaseError`].
    pub fn new(case: &v1::Case, entries: &[Entry], rules: Arc<Rules>) -> Result<Self, CaseError> {
        let times: BTreeMap<u64, UnixMicros> = entries
            .iter()
            .map(|entry| (entry.index(), entry.time()))
            .collect();
        let view = CaseView::parse(case, &times)?;
        let mut moment = Moment::Opened;
        let mut spoken = BTreeSet::new();
        for entry in entries {
            if let Ok(Known::FeedbackSubmitted(event)) = entry.known() {
                spoken.insert(event.person);
            }
            if let Ok(event) = entry.known()
                && let Some(newer) = Moment::of(&event, entry.time(), &view)?
            {
                moment = newer;
            }
        }
        let obligations = case.obligations.as_ref();
        let escalate = obligations.map(|asked| asked.escalate_group.as_str());
        Ok(Self {
            case: view,
            moment,
            rules,
            escalated_to: escalate.and_then(Name::new),
            spoken,
        })
    }

    /// Groups of the case that a person is a member of, and that may decide in it.
    #[must_use]
    pub fn groups_of(&self, person: &str) -> BTreeSet<Name> {
        let asked = self.case.approvals.iter().map(|slot| &slot.group);
        let wish = self.case.extension.iter();
        let more = wish.flat_map(|wish| wish.approvals.iter().map(|slot| &slot.group));
        let all = asked.chain(more).chain(&self.case.retro_group);
        all.filter(|group| is_member(&self.rules.policy, group, person))
            .cloned()
            .collect()
    }

    /// The card for a reader, as of the newest thing that happened.
    #[must_use]
    pub fn card(&self, audience: &Audience) -> Card {
        let mut reader = "";
        if let Audience::Requester(person) | Audience::Reviewer { person, .. } = audience {
            reader = person.as_str();
        }
        // That somebody else has said how it was is no thanks to this reader.
        let moment = match &self.moment {
            Moment::FeedbackGiven if !self.spoken.contains(reader) => &Moment::FeedbackAsked,
            moment => moment,
        };
        let mut card = render(&self.case, moment, audience);
        // The case is as it stands, and its entries are those that are sealed: what is said of an
        // older step would contradict what stands beside it.
        if !moment.fits(&self.case) {
            card.notice.clear();
        }
        card
    }
}

/// Kinds of the case and of what was made for it: numbers from 20 to 59 and from 80 to 99.
fn told() -> impl Iterator<Item = u16> {
    let numbers = kinds().map(|(kind, _)| kind);
    numbers.filter(|kind| matches!(kind, 20..60 | 80..100))
}

fn is_member(policy: &countersign_workflow::policy::Policy, group: &Name, person: &str) -> bool {
    policy
        .members_of(group.as_str())
        .any(|member| member == person)
}

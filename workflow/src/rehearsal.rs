//! Past requests under a policy that was not in force then: what would have been decided otherwise.
//!
//! Each request is judged again with the facts that its entry recorded, and its decisions are
//! counted again with theirs. What people would have done under the other policy nobody knows.

use std::collections::{BTreeMap, BTreeSet};

use countersign_proto::event::Known;
use countersign_proto::v1;

use crate::command::Ask;
use crate::draft::EntryFacts;
use crate::policy::duration::write;
use crate::policy::{AskKind, Deadline, NotAllowed, Obligations, Policy};
use crate::wire;

/// The kinds of entries that a rehearsal looks at.
pub const KINDS: [u16; 6] = [20, 21, 22, 27, 28, 35];

/// Requests as they are judged again.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    policy: &'a Policy,
    requests: BTreeMap<u64, Request>,
}

#[derive(Debug)]
struct Request {
    kind: AskKind,
    person: String,
    ask: Ask,
    was: Obligations,
    judged: Result<Obligations, NotAllowed>,
    outcome: Outcome,
    /// Decisions that agree and count for a group, by their groups.
    agreed: BTreeMap<String, u32>,
    /// People whose decision would not have counted.
    unheard: BTreeSet<String>,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Access was given.
    Granted,
    /// Somebody said no.
    Denied,
    /// It was taken back, nobody decided in time, or it still waits.
    Undecided,
}

/// How a request would have gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Otherwise {
    /// Nobody could have asked for it like that.
    Refused,
    /// It was granted, and would have waited for more decisions.
    Waits,
    /// It was not granted, and the decisions that there were would have been enough.
    Granted,
    /// The same was decided, and bound to something else.
    Bound,
}

/// A request that would have gone otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The case.
    pub case: u64,
    /// Whose it was.
    pub person: String,
    /// What for.
    pub resource: String,
    /// What to be allowed there.
    pub permission: String,
    /// Whether access was taken at once.
    pub break_glass: bool,
    /// What came of it.
    pub outcome: Outcome,
    /// How it would have gone.
    pub otherwise: Otherwise,
    /// What is different, in short lines.
    pub changes: Vec<String>,
}

impl<'a> Rehearsal<'a> {
    /// A rehearsal of this policy.
    #[must_use]
    pub const fn new(policy: &'a Policy) -> Self {
        Self {
            policy,
            requests: BTreeMap::new(),
        }
    }

    /// Takes an entry in; they come in order. Those of cases that were opened before are passed
    /// over.
    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds do not matter")]
    pub fn see(&mut self, entry: &EntryFacts<'_>, event: &Known) {
        let case = entry.case;
        match event {
            Known::AccessRequested(event) => {
                let facts = (event.facts.as_ref(), event.obligations.as_ref());
                let asked = (AskKind::Request, event.person.as_str(), wire::ask_of(event));
                self.asked(entry.index, asked, facts);
            }
            Known::BreakGlassInvoked(event) => {
                let facts = (event.facts.as_ref(), event.obligations.as_ref());
                let ask = wire::break_glass_ask_of(event);
                let asked = (AskKind::BreakGlass, event.person.as_str(), ask);
                self.asked(entry.index, asked, facts);
            }
            Known::ReviewRecorded(event) if event.request == case => self.decided(case, event),
            // Those of an extension have another number.
            Known::RequestDenied(event) if event.request == case => {
                self.end(case, Outcome::Denied);
            }
            Known::GrantScheduled(_) | Known::GrantIssued(_) => self.end(case, Outcome::Granted),
            _ => {}
        }
    }

    /// Number of requests that were judged again.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.len()
    }

    /// Those that would have gone otherwise, the gravest first.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let found = self.requests.iter();
        let mut found: Vec<_> = found
            .filter_map(|(case, request)| request.difference(*case))
            .collect();
        found.sort_by_key(|difference| (difference.otherwise, difference.case));
        found
    }

    fn end(&mut self, case: u64, outcome: Outcome) {
        if let Some(request) = self.requests.get_mut(&case) {
            request.outcome = outcome;
        }
    }

    fn asked(
        &mut self,
        case: u64,
        (kind, person, ask): (AskKind, &str, Ask),
        (facts, was): (Option<&v1::Facts>, Option<&v1::Obligations>),
    ) {
        let facts = wire::facts_of(facts);
        let judged = self.policy.judge(kind, &ask.facts(person, &facts));
        let outcome = match kind {
            AskKind::Request => Outcome::Undecided,
            AskKind::BreakGlass => Outcome::Granted,
        };
        let request = Request {
            kind,
            person: person.to_owned(),
            ask,
            was: wire::obligations_of(was),
            judged,
            outcome,
            agreed: BTreeMap::new(),
            unheard: BTreeSet::new(),
        };
        self.requests.insert(case, request);
    }

    fn decided(&mut self, case: u64, event: &v1::ReviewRecorded) {
        let facts = wire::facts_of(event.facts.as_ref());
        let Some(request) = self.requests.get_mut(&case) else {
            return;
        };
        let Ok(obligations) = &request.judged else {
            return;
        };
        if event.decision() != v1::Decision::Approve {
            return;
        }
        let place = match event.delegate_of.as_str() {
            "" => event.person.as_str(),
            of => of,
        };
        let open = obligations.approvals.iter().filter(|(group, wanted)| {
            let given = request.agreed.get(*group).copied().unwrap_or(0);
            given < **wanted
        });
        let open = open.map(|(group, _)| group.as_str());
        let ask = request.ask.facts(&request.person, &facts);
        let groups = self.policy.approver_groups(&ask, place, open);
        // The group that was meant, when it still may be.
        let group = groups.get(&event.group).or_else(|| groups.first());
        if let Some(group) = group {
            let given = request.agreed.entry(group.clone()).or_insert(0);
            *given = given.saturating_add(1);
        } else if request.is_incomplete(obligations) {
            request.unheard.insert(event.person.clone());
        }
    }
}

impl Request {
    fn owed<'a>(&'a self, obligations: &'a Obligations) -> impl Iterator<Item = (&'a str, u32)> {
        let approvals = obligations.approvals.iter();
        approvals.filter_map(|(group, wanted)| {
            let given = self.agreed.get(group).copied().unwrap_or(0);
            let owed = wanted.saturating_sub(given);
            (owed > 0).then_some((group.as_str(), owed))
        })
    }

    fn is_incomplete(&self, obligations: &Obligations) -> bool {
        self.owed(obligations).next().is_some()
    }

    fn difference(&self, case: u64) -> Option<Difference> {
        let (otherwise, changes) = self.otherwise()?;
        Some(Difference {
            case,
            person: self.person.clone(),
            resource: self.ask.resource.clone(),
            permission: self.ask.permission.clone(),
            break_glass: self.kind == AskKind::BreakGlass,
            outcome: self.outcome,
            otherwise,
            changes,
        })
    }

    fn otherwise(&self) -> Option<(Otherwise, Vec<String>)> {
        let obligations = match &self.judged {
            Ok(obligations) => obligations,
            Err(why) => return Some((Otherwise::Refused, vec![why.to_string()])),
        };
        let mut changes = changes(&self.was, obligations);
        let complete = !self.is_incomplete(obligations);
        if self.outcome == Outcome::Granted && !complete {
            let owed = self.owed(obligations);
            let owed: Vec<_> = owed
                .map(|(group, count)| format!("{count} of {group}"))
                .collect();
            changes.push(format!("would still wait for {}", owed.join(", ")));
            for person in &self.unheard {
                changes.push(format!("the decision of {person} would not have counted"));
            }
            return Some((Otherwise::Waits, changes));
        }
        if self.outcome == Outcome::Undecided && complete {
            changes.push("the decisions that there were would have been enough".to_owned());
            return Some((Otherwise::Granted, changes));
        }
        (!changes.is_empty()).then_some((Otherwise::Bound, changes))
    }
}

/// What an access is bound to, before and now, in short lines.
fn changes(was: &Obligations, now: &Obligations) -> Vec<String> {
    let rows = [
        ("approvals", approvals(was), approvals(now)),
        (
            "longest time",
            write(was.max_duration),
            write(now.max_duration),
        ),
        (
            "request waits",
            write(was.request_ttl),
            write(now.request_ttl),
        ),
        ("reminders", seconds(was.remind), seconds(now.remind)),
        (
            "escalation",
            deadline(was.escalate.as_ref()),
            deadline(now.escalate.as_ref()),
        ),
        ("recording", recording(was), recording(now)),
        ("warning", seconds(was.warn), seconds(now.warn)),
        (
            "extensions",
            was.max_extensions.to_string(),
            now.max_extensions.to_string(),
        ),
        ("feedback", write(was.feedback), write(now.feedback)),
        (
            "review afterwards",
            deadline(was.retro.as_ref()),
            deadline(now.retro.as_ref()),
        ),
        ("passkeys", step_up(was), step_up(now)),
    ];
    let rows = rows.into_iter().filter(|(_, was, now)| was != now);
    rows.map(|(what, was, now)| format!("{what}: {was} -> {now}"))
        .collect()
}

fn step_up(obligations: &Obligations) -> String {
    match obligations.step_up {
        true => "needed".to_owned(),
        false => "not needed".to_owned(),
    }
}

fn approvals(obligations: &Obligations) -> String {
    let approvals = obligations.approvals.iter();
    let words: Vec<_> = approvals
        .map(|(group, count)| format!("{group}:{count}"))
        .collect();
    if words.is_empty() {
        return "nobody".to_owned();
    }
    words.join(", ")
}

fn seconds(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| "off".to_owned(), write)
}

fn deadline(deadline: Option<&Deadline>) -> String {
    deadline.map_or_else(
        || "off".to_owned(),
        |deadline| format!("{} to {}", write(deadline.after), deadline.group),
    )
}

fn recording(obligations: &Obligations) -> String {
    let words = match (obligations.record_session, obligations.record_input) {
        (false, _) => "off",
        (true, false) => "sessions",
        (true, true) => "sessions and keyboard",
    };
    words.to_owned()
}

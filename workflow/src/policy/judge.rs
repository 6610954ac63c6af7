//! Judgements: may this person ask for it, and what comes with it.

use std::collections::BTreeSet;

use cedar_policy::{Authorizer, Context, Decision, EntityUid, Request, RestrictedExpression};

use super::compile::{Permit, Policy};
use super::names::Act;
use super::near::nearest;
use super::refusal::NotAllowed;
use super::{AskKind, Obligations, RequestFacts};

/// What Cedar says to one question.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Ids of the permits.
    Yes(BTreeSet<String>),
    /// Ids of the forbids; none when no permit matched.
    No(BTreeSet<String>),
    /// Messages of policies that could not be evaluated.
    Failed(Vec<String>),
}

impl Policy {
    /// Whether a person may ask for this, and what comes with it.
    ///
    /// # Errors
    /// [`NotAllowed`] says why not.
    pub fn judge(&self, kind: AskKind, ask: &RequestFacts<'_>) -> Result<Obligations, NotAllowed> {
        self.check_names(ask)?;
        let resource = self.types.resource(ask.resource);
        let answer = self.ask(
            kind.into(),
            self.types.person(ask.person),
            resource,
            self.context(ask),
        );
        let ids = match answer {
            Answer::Yes(ids) => ids,
            Answer::No(ids) if ids.is_empty() => return Err(self.no_permit(kind, ask)),
            Answer::No(policies) => {
                let policies = policies.into_iter().collect();
                return Err(NotAllowed::Forbidden { policies });
            }
            Answer::Failed(errors) => return Err(NotAllowed::Evaluation { errors }),
        };
        let matched: Vec<&Permit> = ids.iter().filter_map(|id| self.permits.get(id)).collect();
        let covering = matched
            .iter()
            .filter(|permit| permit.covers(ask.permission));
        let merged = covering
            .map(|permit| permit.obligations.clone())
            .reduce(|all, one| all.strictest(&one));
        let Some(mut obligations) = merged else {
            return Err(not_covered(ask, &matched));
        };
        match kind {
            AskKind::Request => obligations.retro = None,
            AskKind::BreakGlass => obligations.approvals.clear(),
        }
        if ask.duration_seconds > obligations.max_duration {
            return Err(NotAllowed::TooLong {
                asked: ask.duration_seconds,
                max: obligations.max_duration,
                policies: obligations.policies,
            });
        }
        Ok(obligations)
    }

    /// Whether a person may read the audit log.
    #[must_use]
    pub fn may_read_audit(&self, person: &str) -> bool {
        if !self.has_person(person) {
            return false;
        }
        let (person, company) = (self.types.person(person), self.types.company());
        let answer = self.ask(Act::ReadAudit, person, company, Some(Context::empty()));
        matches!(answer, Answer::Yes(_))
    }

    fn check_names(&self, ask: &RequestFacts<'_>) -> Result<(), NotAllowed> {
        if !self.has_person(ask.person) {
            return Err(NotAllowed::UnknownPerson {
                person: ask.person.to_owned(),
                near: nearest(ask.person, self.people().map(|(id, _)| id)),
            });
        }
        let Some(resource) = self.resource(ask.resource) else {
            return Err(NotAllowed::UnknownResource {
                resource: ask.resource.to_owned(),
                near: nearest(ask.resource, self.resources().map(|(id, _)| id)),
            });
        };
        if !resource.permissions.contains(ask.permission) {
            return Err(NotAllowed::UnknownPermission {
                resource: ask.resource.to_owned(),
                permission: ask.permission.to_owned(),
                known: resource.permissions.iter().cloned().collect(),
            });
        }
        Ok(())
    }

    /// Asks Cedar. A policy that cannot be evaluated decides nothing, so then there is no answer:
    /// it could have been the one that forbids.
    pub(crate) fn ask(
        &self,
        act: Act,
        principal: EntityUid,
        resource: EntityUid,
        context: Option<Context>,
    ) -> Answer {
        let action = self.types.action(act);
        let request = context.and_then(|context| {
            // Its types are those of the schema: the compiler has asked the schema.
            Request::new(principal, action, resource, context, None).ok()
        });
        let (Some(request), Some(policies)) = (request, self.sets.get(&act)) else {
            return Answer::Failed(vec!["the question could not be put to cedar".to_owned()]);
        };
        let response = Authorizer::new().is_authorized(&request, policies, &self.entities);
        let diagnostics = response.diagnostics();
        let mut errors: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
        if !errors.is_empty() {
            errors.sort_unstable();
            return Answer::Failed(errors);
        }
        let reason = diagnostics.reason().map(|id| id.to_string()).collect();
        match response.decision() {
            Decision::Allow => Answer::Yes(reason),
            Decision::Deny => Answer::No(reason),
        }
    }

    /// The context of a request.
    pub(crate) fn context(&self, ask: &RequestFacts<'_>) -> Option<Context> {
        Context::from_pairs(pairs(ask)).ok()
    }

    /// The context of a decision for a group.
    pub(crate) fn approve_context(&self, ask: &RequestFacts<'_>, group: &str) -> Option<Context> {
        let mut pairs = pairs(ask);
        let requester = self.types.person(ask.person);
        let group = self.types.group(group);
        for (name, uid) in [("requester", requester), ("group", group)] {
            pairs.push((name.to_owned(), RestrictedExpression::new_entity_uid(uid)));
        }
        Context::from_pairs(pairs).ok()
    }
}

/// What every question about an access says of it.
pub(crate) fn pairs(ask: &RequestFacts<'_>) -> Vec<(String, RestrictedExpression)> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let long = |number: u8| RestrictedExpression::new_long(i64::from(number));
    let affected = ask.affected.iter().map(|name| text(name));
    let duration = i64::try_from(ask.duration_seconds).unwrap_or(i64::MAX);
    let on_call = ask.facts.on_call_anywhere(ask.person);
    let pairs = [
        ("permission", text(ask.permission)),
        ("duration", RestrictedExpression::new_long(duration)),
        ("severity", text(ask.severity)),
        ("ticket", text(ask.ticket)),
        (
            "has_ticket",
            RestrictedExpression::new_bool(!ask.ticket.is_empty()),
        ),
        ("affected", RestrictedExpression::new_set(affected)),
        ("on_call", RestrictedExpression::new_bool(on_call)),
        ("hour", long(ask.facts.hour)),
        ("weekday", long(ask.facts.weekday)),
    ];
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn not_covered(ask: &RequestFacts<'_>, matched: &[&Permit]) -> NotAllowed {
    let covered = matched.iter().flat_map(|permit| &permit.permissions);
    let covered: BTreeSet<String> = covered.flatten().cloned().collect();
    NotAllowed::PermissionNotCovered {
        permission: ask.permission.to_owned(),
        covered: covered.into_iter().collect(),
        policies: matched.iter().map(|permit| permit.id.clone()).collect(),
    }
}

//! From a bundle to a policy that can judge.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{
    ActionConstraint, Entities, EntityUid, PolicyId, PolicySet, Schema, ValidationMode, Validator,
};

use super::annotation::Terms;
use super::bundle::Bundle;
use super::directory::Directory;
use super::entities::{self, FILE, Loaded};
use super::names::{ACTS, Act, Types};
use super::near::did_you_mean;
use super::obligation::Obligations;
use super::on_call::{self, Calendars};
use super::problem::Problem;
use super::schema;
use super::source::{Statement, from_cedar, statements};

/// A bundle that is ready to judge.
#[derive(Debug)]
pub struct Policy {
    pub(crate) digest: [u8; 32],
    pub(crate) directory: Directory,
    pub(crate) calendars: Calendars,
    pub(crate) entities: Entities,
    pub(crate) types: Types,
    /// Permits for `request` and `break_glass`, by id.
    pub(crate) permits: BTreeMap<String, Permit>,
    /// The policies that have to do with each action.
    pub(crate) sets: BTreeMap<Act, PolicySet>,
}

/// A permit with what it binds to.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    pub(crate) id: String,
    pub(crate) acts: BTreeSet<Act>,
    /// The permissions that it holds for; all when there are none.
    pub(crate) permissions: Option<BTreeSet<String>>,
    pub(crate) obligations: Obligations,
}

impl Permit {
    /// Whether it holds for a permission.
    pub(crate) fn covers(&self, permission: &str) -> bool {
        let permissions = self.permissions.as_ref();
        permissions.is_none_or(|permissions| permissions.contains(permission))
    }
}

/// What the check needs besides the policy.
#[derive(Debug)]
pub(crate) struct Compiled<'a> {
    pub(crate) policy: Policy,
    pub(crate) statements: Vec<Statement<'a>>,
    pub(crate) loaded: Loaded,
    /// What Cedar's validator finds odd.
    pub(crate) warnings: Vec<Problem>,
}

impl Policy {
    /// Compiles a bundle: parses, validates (strictly) and reads every obligation.
    ///
    /// # Errors
    /// All problems that are found.
    pub fn compile(bundle: &Bundle) -> Result<Self, Vec<Problem>> {
        compile(bundle).map(|compiled| compiled.policy)
    }
}

/// Compiles, and keeps what the check needs.
pub(crate) fn compile(bundle: &Bundle) -> Result<Compiled<'_>, Vec<Problem>> {
    let Some(types) = Types::new() else {
        return Err(vec![Problem::new("", "cedar does not take our type names")]);
    };
    let (statements, mut problems) = statements(bundle);
    problems.extend(check_ids(&statements));
    let schema = schema::load(bundle, &types).map_err(|found| [&problems[..], &found].concat())?;
    let loaded = entities::load(bundle.file(FILE), &schema, &types);
    let loaded = match loaded {
        Ok(loaded) => Some(loaded),
        Err(found) => {
            problems.extend(found);
            None
        }
    };
    let compiler = Compiler::new(&statements, &schema, &types)?;
    let (permits, found) = compiler.permits();
    problems.extend(found);
    let (mut warnings, found) = compiler.validate();
    problems.extend(found);
    let on_call = loaded
        .as_ref()
        .map(|loaded| on_call::load(bundle, loaded, &types));
    let on_call = on_call.unwrap_or_default();
    problems.extend(on_call.problems);
    warnings.extend(on_call.warnings);
    if let Some(loaded) = &loaded {
        problems.extend(compiler.unknown_groups(&permits, &loaded.directory));
    }
    let Some(mut loaded) = loaded.filter(|_| problems.is_empty()) else {
        problems.sort();
        problems.dedup();
        return Err(problems);
    };
    let sets = ACTS.iter().map(|act| (*act, compiler.set(*act)));
    let policy = Policy {
        digest: bundle.digest(),
        directory: std::mem::take(&mut loaded.directory),
        calendars: on_call.calendars,
        entities: loaded.entities.clone(),
        sets: sets.collect(),
        types,
        permits,
    };
    Ok(Compiled {
        policy,
        statements,
        loaded,
        warnings,
    })
}

/// Every statement needs an id of its own.
fn check_ids(statements: &[Statement<'_>]) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for statement in statements {
        let Some(id) = statement.id() else {
            let problem = statement.problem("policy has no @id");
            problems.push(problem.hint("write @id(\"a-name\") before it"));
            continue;
        };
        if !super::annotation::is_name(id) {
            let message = format!("@id {id:?} is empty, long, or has spaces, ',' or ':'");
            problems.push(statement.annotation_problem("id", message));
        }
        if !seen.insert(id) {
            let message = format!("another policy has the @id {id:?} too");
            problems.push(statement.annotation_problem("id", message));
        }
    }
    problems
}

/// The policies of a bundle with the actions that each has to do with.
struct Compiler<'a, 'b> {
    statements: &'a [Statement<'b>],
    acts: Vec<BTreeSet<Act>>,
    schema: &'a Schema,
}

impl<'a, 'b> Compiler<'a, 'b> {
    fn new(
        statements: &'a [Statement<'b>],
        schema: &'a Schema,
        types: &Types,
    ) -> Result<Self, Vec<Problem>> {
        let actions = schema
            .action_entities()
            .map_err(|error| vec![Problem::new("", error.to_string())])?;
        let acts = |statement: &Statement<'_>| {
            let constraint = statement.policy.action_constraint();
            let concerns = |act: &Act| concerns(&constraint, &types.action(*act), &actions);
            ACTS.into_iter().filter(concerns).collect()
        };
        Ok(Self {
            statements,
            acts: statements.iter().map(acts).collect(),
            schema,
        })
    }

    fn each(&self) -> impl Iterator<Item = (&'a Statement<'b>, &BTreeSet<Act>)> {
        self.statements.iter().zip(&self.acts)
    }

    /// Reads the annotations of every statement.
    fn permits(&self) -> (BTreeMap<String, Permit>, Vec<Problem>) {
        let (mut permits, mut problems) = (BTreeMap::new(), Vec::new());
        for (statement, acts) in self.each() {
            let asks = statement.is_permit() && acts.iter().any(|act| act.asks());
            let (mut terms, malformed) = Terms::read(statement.policy.annotations());
            for wrong in malformed {
                let mut problem = statement.annotation_problem(&wrong.name, wrong.message);
                problem.hint = wrong.hint;
                problems.push(problem);
            }
            problems.extend(misplaced(statement, acts, &terms));
            if let (true, Some(id)) = (asks, statement.id()) {
                terms.obligations.policies = vec![id.to_owned()];
                let permit = Permit {
                    id: id.to_owned(),
                    acts: acts.clone(),
                    permissions: terms.permissions,
                    obligations: terms.obligations,
                };
                permits.insert(id.to_owned(), permit);
            }
        }
        (permits, problems)
    }

    /// Groups that permits name in their obligations and that are not there: nobody could do what
    /// is asked of them.
    fn unknown_groups(
        &self,
        permits: &BTreeMap<String, Permit>,
        directory: &Directory,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (statement, _) in self.each() {
            let Some(permit) = statement.id().and_then(|id| permits.get(id)) else {
                continue;
            };
            let obligations = &permit.obligations;
            let asked = obligations
                .approvals
                .keys()
                .map(|group| ("approvals", group));
            let escalate = obligations
                .escalate
                .iter()
                .map(|to| ("escalate", &to.group));
            let retro = obligations
                .retro
                .iter()
                .map(|by| ("retro_review", &by.group));
            for (name, group) in asked.chain(escalate).chain(retro) {
                if !directory.groups.contains_key(group) {
                    let message = format!("@{name} names group {group:?}, which there is not");
                    let mut problem = statement.annotation_problem(name, message);
                    let known = directory.groups.keys().map(String::as_str);
                    problem.hint = did_you_mean(group, known);
                    problems.push(problem);
                }
            }
        }
        problems
    }

    /// Lets Cedar compare all policies with the schema: warnings, then errors.
    fn validate(&self) -> (Vec<Problem>, Vec<Problem>) {
        let set = self.collect(self.statements.iter());
        let result = Validator::new(self.schema.clone()).validate(&set, ValidationMode::Strict);
        let problem = |id: &PolicyId, error: &dyn miette::Diagnostic| {
            let id: &str = id.as_ref();
            let statement = self.statements.iter().find(|s| s.id() == Some(id))?;
            let mut problem = from_cedar(statement.file, statement.text, error);
            if problem.at.is_none() {
                problem.at = statement.problem("").at;
            }
            Some(problem)
        };
        let errors = result.validation_errors();
        let errors = errors
            .filter_map(|error| problem(error.policy_id(), error))
            .collect();
        let warnings = result.validation_warnings();
        let warnings = warnings.filter_map(|warning| problem(warning.policy_id(), warning));
        (warnings.collect(), errors)
    }

    /// The policies that have to do with an action.
    fn set(&self, act: Act) -> PolicySet {
        let concerned = self.each().filter(|(_, acts)| acts.contains(&act));
        self.collect(concerned.map(|(statement, _)| statement))
    }

    /// A set by `@id`. Policies without one, or with that of another, have been complained about.
    fn collect<'s>(&self, statements: impl Iterator<Item = &'s Statement<'b>>) -> PolicySet
    where
        'b: 's,
    {
        let mut set = PolicySet::new();
        for statement in statements {
            if let Some(id) = statement.id() {
                let added = set.add(statement.policy.new_id(PolicyId::new(id)));
                drop(added);
            }
        }
        set
    }
}

/// Whether a scope takes an action.
fn concerns(constraint: &ActionConstraint, action: &EntityUid, actions: &Entities) -> bool {
    match constraint {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => named == action,
        ActionConstraint::In(named) => named
            .iter()
            .any(|named| named == action || actions.is_ancestor_of(named, action)),
    }
}

/// Annotations that say nothing where they stand, and those that are missing.
fn misplaced(statement: &Statement<'_>, acts: &BTreeSet<Act>, terms: &Terms) -> Vec<Problem> {
    let mut problems = Vec::new();
    let asks = statement.is_permit() && acts.iter().any(|act| act.asks());
    let known = super::annotation::known();
    for name in &terms.given {
        let only = match name.as_str() {
            _ if !asks => "a permit for request or break_glass",
            "approvals" if !acts.contains(&Act::Request) => "a permit for request",
            "retro_review" if !acts.contains(&Act::BreakGlass) => "a permit for break_glass",
            _ => continue,
        };
        if known.iter().any(|known| known.name == name) {
            let message = format!("@{name} says nothing here; it belongs to {only}");
            problems.push(statement.annotation_problem(name, message));
        }
    }
    let missing = |act: Act, name: &str| {
        statement.is_permit() && acts.contains(&act) && !terms.given.contains(name)
    };
    if missing(Act::Request, "approvals") {
        let problem = statement.problem("permit for request has no @approvals");
        problems.push(problem.hint("write @approvals(\"\") if nobody has to agree"));
    }
    if missing(Act::BreakGlass, "retro_review") {
        let problem = statement.problem("permit for break_glass has no @retro_review");
        problems.push(problem.hint("for example @retro_review(\"security:24h\")"));
    }
    problems
}

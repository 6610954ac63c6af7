//! `entities.json`: people, groups and resources, checked against the schema.

use std::collections::BTreeSet;

use cedar_policy::{Entities, Entity, EntityUid, EvalResult, Schema};
use countersign_chain::principal;
use serde_json::value::RawValue;

use super::annotation::is_name;
use super::directory::{Directory, GroupFacts, PersonFacts, ResourceFacts, Shared};
use super::names::{COMPANY, Types};
use super::problem::{Position, Problem};
use crate::limits::MAX_CHANNEL;
use crate::passkey::Passkey;

/// The file that holds them.
pub(crate) const FILE: &str = "entities.json";

/// What the file holds.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) entities: Entities,
    pub(crate) directory: Directory,
    /// E-mail addresses that two people have.
    pub(crate) shared_emails: Vec<Shared>,
    /// Where each entity stands.
    pub(crate) places: Vec<(EntityUid, Position)>,
}

impl Loaded {
    /// Where an entity stands.
    pub(crate) fn place(&self, uid: &EntityUid) -> Option<Position> {
        let mut places = self.places.iter();
        places.find(|(known, _)| known == uid).map(|(_, at)| *at)
    }
}

/// Reads the file.
pub(crate) fn load(
    text: Option<&str>,
    schema: &Schema,
    types: &Types,
) -> Result<Loaded, Vec<Problem>> {
    let Some(text) = text else {
        let problem = Problem::new(FILE, "the bundle has no entities.json");
        return Err(vec![problem.hint("it lists people, groups and resources")]);
    };
    let parsed = parse(text, schema)?;
    let places: Vec<(EntityUid, Position)> = parsed
        .iter()
        .map(|(entity, at)| (entity.uid(), *at))
        .collect();
    let list = parsed.into_iter().map(|(entity, _)| entity);
    let entities = Entities::from_entities(list, Some(schema))
        .map_err(|error| vec![Problem::new(FILE, chain(&error))])?;
    let mut reader = Reader {
        types,
        entities: &entities,
        directory: Directory::default(),
        problems: Vec::new(),
    };
    for (uid, at) in &places {
        reader.read(uid, *at);
    }
    let (mut directory, mut problems) = (reader.directory, reader.problems);
    let (shared_emails, shared): (Vec<Shared>, Vec<Shared>) = directory
        .link()
        .into_iter()
        .partition(|shared| shared.only_email);
    let place = |id: &str| {
        let uid = types.person(id);
        places
            .iter()
            .find(|(known, _)| *known == uid)
            .map(|(_, at)| *at)
    };
    problems.extend(shared.iter().map(|shared| {
        let Shared {
            principal,
            first,
            second,
            ..
        } = shared;
        let message = format!("{principal} stands for two people: {first} and {second}");
        Problem::new(FILE, message).at(place(second))
    }));
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Loaded {
        entities,
        directory,
        shared_emails,
        places,
    })
}

/// Entities with their places. Each is parsed alone, so that every one that is wrong is found.
fn parse(text: &str, schema: &Schema) -> Result<Vec<(Entity, Position)>, Vec<Problem>> {
    let raw: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
        let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let at = Position {
            line: place(error.line()),
            column: place(error.column()),
        };
        let message = format!("file is no JSON list of entities: {error}");
        vec![Problem::new(FILE, message).at(Some(at))]
    })?;
    let (mut entities, mut problems) = (Vec::new(), Vec::new());
    let mut place = Places {
        text,
        offset: 0,
        at: Position { line: 1, column: 1 },
    };
    for raw in raw {
        let at = place.next(raw.get());
        match Entity::from_json_str(raw.get(), Some(schema)) {
            Ok(entity) => entities.push((entity, at)),
            Err(error) => problems.push(Problem::new(FILE, chain(&error)).at(Some(at))),
        }
    }
    if problems.is_empty() {
        Ok(entities)
    } else {
        Err(problems)
    }
}

/// An error with its causes: Cedar's outermost says little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

/// Finds the places of values that come in their order.
struct Places<'a> {
    text: &'a str,
    offset: usize,
    at: Position,
}

impl Places<'_> {
    fn next(&mut self, value: &str) -> Position {
        let rest = self.text.get(self.offset..).unwrap_or_default();
        let found = rest.find(value).unwrap_or(0);
        let skipped = Position::of(rest, found);
        let lines = skipped.line.saturating_sub(1);
        let column = if lines == 0 {
            self.at
                .column
                .saturating_add(skipped.column.saturating_sub(1))
        } else {
            skipped.column
        };
        let line = self.at.line.saturating_add(lines);
        self.at = Position { line, column };
        self.offset = self.offset.saturating_add(found);
        self.at
    }
}

/// Takes Cedar's entities into the directory.
struct Reader<'a> {
    types: &'a Types,
    entities: &'a Entities,
    directory: Directory,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn read(&mut self, uid: &EntityUid, at: Position) {
        let Some(entity) = self.entities.get(uid) else {
            return;
        };
        let (kind, id) = (uid.type_name(), uid.id().unescaped().to_owned());
        let found = if *kind == self.types.person {
            self.person(entity, &id)
        } else if *kind == self.types.group {
            self.group(entity, &id)
        } else if *kind == self.types.resource {
            self.resource(entity, &id)
        } else if *kind == self.types.settings {
            self.settings(entity, &id)
        } else {
            Ok(())
        };
        if let Err(message) = found {
            let problem = Problem::new(FILE, format!("{kind} {id:?}: {message}"));
            self.problems.push(problem.at(Some(at)));
        }
    }

    fn person(&mut self, entity: &Entity, id: &str) -> Result<(), String> {
        principal::check(&format!("user:{id}")).map_err(|error| error.to_string())?;
        let ancestors = self.entities.ancestors(&entity.uid()).into_iter().flatten();
        let groups = ancestors.filter(|uid| *uid.type_name() == self.types.group);
        let groups: BTreeSet<String> = groups.map(|uid| uid.id().unescaped().to_owned()).collect();
        let accounts = set(entity, "accounts");
        for account in &accounts {
            principal::check(account).map_err(|error| format!("account {account:?}: {error}"))?;
        }
        let passkeys = set(entity, "passkeys");
        let passkeys = passkeys.iter().map(|text| {
            let passkey = Passkey::parse(text);
            passkey.map_err(|error| format!("passkey {text:?}: {error}"))
        });
        let facts = PersonFacts {
            email: text(entity, "email"),
            slack: text(entity, "slack"),
            teams: text(entity, "teams"),
            accounts,
            passkeys: passkeys.collect::<Result<_, _>>()?,
            bot: matches!(value(entity, "bot"), Some(EvalResult::Bool(true))),
            groups,
        };
        if let Some(email) = &facts.email {
            principal::check(&format!("user:{email}"))
                .map_err(|error| format!("email {email:?}: {error}"))?;
        }
        self.directory.people.insert(id.to_owned(), facts);
        Ok(())
    }

    fn group(&mut self, entity: &Entity, id: &str) -> Result<(), String> {
        named(id)?;
        let facts = GroupFacts {
            on_call: text(entity, "on_call"),
            slack: channel(entity, "slack")?,
            teams: channel(entity, "teams")?,
            members: BTreeSet::new(),
        };
        self.directory.groups.insert(id.to_owned(), facts);
        Ok(())
    }

    fn resource(&mut self, entity: &Entity, id: &str) -> Result<(), String> {
        named(id)?;
        let permissions = set(entity, "permissions");
        for permission in &permissions {
            named(permission)?;
        }
        let must = |name: &str| text(entity, name).ok_or_else(|| format!("has no {name}"));
        let facts = ResourceFacts {
            environment: must("environment")?,
            sensitivity: must("sensitivity")?,
            permissions,
        };
        self.directory.resources.insert(id.to_owned(), facts);
        Ok(())
    }

    fn settings(&mut self, entity: &Entity, id: &str) -> Result<(), String> {
        if id != COMPANY {
            return Err(format!("expected no settings but {COMPANY:?}"));
        }
        let zone = text(entity, "zone").ok_or("has no zone")?;
        self.directory.zone = Some(zone);
        Ok(())
    }
}

fn named(name: &str) -> Result<(), String> {
    if is_name(name) {
        Ok(())
    } else {
        Err(format!(
            "{name:?} cannot be a name: it is long, empty, or has spaces, ',' or ':'"
        ))
    }
}

fn value(entity: &Entity, name: &str) -> Option<EvalResult> {
    entity.attr(name)?.ok()
}

fn text(entity: &Entity, name: &str) -> Option<String> {
    if let Some(EvalResult::String(text)) = value(entity, name) {
        Some(text)
    } else {
        None
    }
}

/// Id of a channel: something that a platform could have given out.
fn channel(entity: &Entity, name: &str) -> Result<Option<String>, String> {
    let Some(id) = text(entity, name) else {
        return Ok(None);
    };
    let plain = |id: &str| id.bytes().all(|byte| byte.is_ascii_graphic());
    if id.is_empty() || id.len() > MAX_CHANNEL || !plain(&id) {
        return Err(format!(
            "{name} is {id:?}, expected the id of a channel: 1 to {MAX_CHANNEL} printable \
             characters without spaces, or no such attribute"
        ));
    }
    Ok(Some(id))
}

fn set(entity: &Entity, name: &str) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    if let Some(EvalResult::Set(set)) = value(entity, name) {
        for item in set.iter() {
            if let EvalResult::String(text) = item {
                texts.insert(text.clone());
            }
        }
    }
    texts
}

//! Whom an event names.

use std::collections::{BTreeMap, BTreeSet};

use super::content::Line;
use super::event::find;
use crate::policy::directory::Directory;

/// What tools write before or after a name.
const ON_CALL: [&str; 3] = ["on call", "on-call", "oncall"];

/// People by the names that calendars know them by.
#[derive(Debug)]
pub(super) struct People<'a> {
    directory: &'a Directory,
    /// Ids and e-mail addresses in small letters. None for one that could be two people.
    names: BTreeMap<String, Option<&'a str>>,
}

impl<'a> People<'a> {
    pub(super) fn of(directory: &'a Directory) -> Self {
        let mut names: BTreeMap<String, Option<&'a str>> = BTreeMap::new();
        for (id, person) in &directory.people {
            for name in [Some(id), person.email.as_ref()].into_iter().flatten() {
                let known = names.entry(name.to_lowercase()).or_insert(Some(id));
                if *known != Some(id) {
                    *known = None;
                }
            }
        }
        Self { directory, names }
    }

    /// The people whom an event names. Attendees say it all if there are any; otherwise the summary
    /// does, and if that names nobody, the organizer: often that is whoever made the event.
    pub(super) fn of_event(&self, lines: &[Line]) -> BTreeSet<String> {
        let mut attendees = lines
            .iter()
            .filter(|line| line.name == "ATTENDEE")
            .peekable();
        if attendees.peek().is_some() {
            let come = attendees.filter(|line| !stays_away(line));
            return owned(come.filter_map(|line| self.address(line)));
        }
        let summary = find(lines, "SUMMARY").map(Line::text).unwrap_or_default();
        let named = owned(self.summary(&summary));
        if named.is_empty() {
            let organizer = find(lines, "ORGANIZER");
            return owned(organizer.and_then(|line| self.address(line)));
        }
        named
    }

    fn find(&self, name: &str) -> Option<&'a str> {
        let name = name.trim();
        let same = self.directory.people.get_key_value(name);
        same.map(|(id, _)| id.as_str())
            .or_else(|| self.names.get(&name.to_lowercase()).copied().flatten())
    }

    /// The person with an address, such as `mailto:ada@example.com`.
    fn address(&self, line: &Line) -> Option<&'a str> {
        let value = line.value.trim();
        let address = match value.split_once(':') {
            Some((scheme, address)) if scheme.eq_ignore_ascii_case("mailto") => address,
            _ => value,
        };
        self.find(address)
            .or_else(|| self.find(line.parameter("EMAIL")?))
    }

    /// The people of a summary: `ada`, `ada, grace`, `On call - Ada`, `grace@example.com on call`.
    /// A summary that does not speak of being on call has to be nothing but names: `ada on holiday`
    /// and `Holiday: ada` say something else.
    fn summary(&self, text: &str) -> Vec<&'a str> {
        if let Some(person) = self.find(text) {
            return vec![person];
        }
        let mut says_so = false;
        let mut parts: Vec<Option<&'a str>> = Vec::new();
        for part in split(text) {
            let rest = without_on_call(part);
            says_so |= rest.is_some();
            let name = rest.unwrap_or(part);
            if !name.is_empty() {
                parts.push(self.find(name));
            }
        }
        if says_so || parts.iter().all(Option::is_some) {
            parts.into_iter().flatten().collect()
        } else {
            Vec::new()
        }
    }
}

fn owned<'a>(people: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    people.into_iter().map(str::to_owned).collect()
}

/// Whether an attendee said no, or sends someone else.
fn stays_away(line: &Line) -> bool {
    let answer = line.parameter("PARTSTAT").unwrap_or_default();
    ["DECLINED", "DELEGATED"]
        .iter()
        .any(|no| answer.eq_ignore_ascii_case(no))
}

/// Parts of a summary, none of them empty.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let around = [" - ", " \u{2013} ", " \u{2014} "];
    let parts = around.into_iter().fold(vec![text], |parts, dash| {
        parts
            .into_iter()
            .flat_map(|part| part.split(dash))
            .collect()
    });
    let single = |c: char| {
        matches!(
            c,
            ':' | ',' | ';' | '|' | '&' | '(' | ')' | '<' | '>' | '\n'
        )
    };
    let parts = parts.into_iter().flat_map(move |part| part.split(single));
    parts.map(str::trim).filter(|part| !part.is_empty())
}

/// What is left of `on call` and something; None if it does not say that.
fn without_on_call(part: &str) -> Option<&str> {
    let ends_word = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    ON_CALL.iter().find_map(|words| {
        let after = part.split_at_checked(words.len()).filter(|(head, tail)| {
            head.eq_ignore_ascii_case(words) && ends_word(tail.chars().next())
        });
        let before = part
            .len()
            .checked_sub(words.len())
            .and_then(|at| part.split_at_checked(at));
        let before = before.filter(|(head, tail)| {
            tail.eq_ignore_ascii_case(words) && ends_word(head.chars().next_back())
        });
        let rest = after
            .map(|(_, rest)| rest)
            .or(before.map(|(rest, _)| rest))?;
        Some(rest.trim_matches([' ', '-']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::directory::PersonFacts;

    fn directory() -> Directory {
        let person = |id: &str, email: &str| {
            let facts = PersonFacts {
                email: Some(email.to_owned()),
                ..PersonFacts::default()
            };
            (id.to_owned(), facts)
        };
        Directory {
            people: BTreeMap::from([
                person("ada", "Ada@example.com"),
                person("grace", "grace@example.com"),
                person("Twin", "twins@example.com"),
                person("twin", "Twins@example.com"),
            ]),
            ..Directory::default()
        }
    }

    #[test]
    fn summaries_name_people() {
        let directory = directory();
        let people = People::of(&directory);
        let named: [(&str, &[&str]); 22] = [
            ("ada", &["ada"]),
            (" ADA@example.COM ", &["ada"]),
            ("ada, grace", &["ada", "grace"]),
            ("On call - Ada", &["ada"]),
            ("On Call \u{2013} ada - Primary", &["ada"]),
            ("on-call: grace@example.com", &["grace"]),
            ("ada on call", &["ada"]),
            ("OnCall (ada & grace)", &["ada", "grace"]),
            ("Oncall -ada", &["ada"]),
            ("on call", &[]),
            ("On call - Zoe", &[]),
            ("ada on holiday", &[]),
            ("Holiday: ada", &[]),
            ("Holiday - ada", &[]),
            ("Adam on call", &[]),
            ("ada oncalling", &[]),
            ("", &[]),
            ("-", &[]),
            ("On call - TWIN", &[]),
            ("Twin", &["Twin"]),
            ("On call - twin", &["twin"]),
            ("twins@example.com", &[]),
        ];
        for (summary, expected) in named {
            assert_eq!(people.summary(summary), expected, "{summary:?}");
        }
    }
}

//! Where an entry differs from what the rules make of it.

use std::fmt;

use countersign_proto::event::Known;

/// Bytes of a value in a message.
const MAX_SHOWN: usize = 120;

/// The first field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// Its name, behind those of the messages that it is in.
    pub(super) path: String,
    expected: String,
    got: String,
}

impl Difference {
    pub(super) fn new(path: &str, expected: &str, got: &str) -> Self {
        Self {
            path: path.to_owned(),
            expected: shown(expected),
            got: shown(got),
        }
    }

    /// The field of the event.
    pub(super) fn field(&self) -> &str {
        self.path
            .split_once('.')
            .map_or(&self.path, |(field, _)| field)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            expected,
            got,
        } = self;
        write!(f, "{path} is {got}; expected {expected}")
    }
}

/// The first field in which an event is not what it should be.
///
/// What a policy changes in words is left out: later versions may say it otherwise.
pub(super) fn between(expected: &Known, got: &Known) -> Option<Difference> {
    let mut expected = expected.clone();
    if let (Known::PolicyChanged(expected), Known::PolicyChanged(got)) = (&mut expected, got) {
        expected.changes.clone_from(&got.changes);
    }
    if expected == *got {
        return None;
    }
    if expected.kind() != got.kind() {
        return Some(Difference::new("the event", expected.name(), got.name()));
    }
    let (expected, got) = (format!("{expected:#?}"), format!("{got:#?}"));
    Some(first(&expected, &got))
}

/// The first line that differs, with the names that it is below.
fn first(expected: &str, got: &str) -> Difference {
    let mut names: Vec<(usize, &str)> = Vec::new();
    let mut others = got.lines();
    for line in expected.lines() {
        let other = others.next().unwrap_or_default();
        let indent = line.len().saturating_sub(line.trim_start().len());
        // The end of a list still belongs to its name.
        let closes = line.trim_start().starts_with([']', ')', '}']);
        names.retain(|(outer, _)| *outer < indent || (closes && *outer == indent));
        let (name, value) = parts(line);
        names.extend(name.map(|name| (indent, name)));
        if line != other {
            let names: Vec<&str> = names.iter().map(|(_, name)| *name).collect();
            return Difference::new(&names.join("."), value, parts(other).1);
        }
    }
    Difference::new("the event", "what the rules make of it", "more")
}

/// `name: value,` in its parts.
fn parts(line: &str) -> (Option<&str>, &str) {
    let line = line.trim().trim_end_matches(',');
    let plain = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    match line.split_once(": ") {
        Some((name, value)) if plain(name) => (Some(name), value),
        Some(_) | None => (None, line),
    }
}

/// A value, cut where it gets long.
fn shown(value: &str) -> String {
    let cut = value
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| *at >= MAX_SHOWN);
    match cut.and_then(|cut| value.get(..cut)) {
        Some(start) => format!("{start}…"),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use countersign_proto::v1;
    use prost_types::Timestamp;

    use super::*;

    fn issued() -> v1::GrantIssued {
        v1::GrantIssued {
            request: 4,
            person: "ada".to_owned(),
            end: Some(Timestamp {
                seconds: 60,
                nanos: 0,
            }),
            ..v1::GrantIssued::default()
        }
    }

    #[test]
    fn the_field_is_named_with_both_values() {
        let expected = Known::from(issued());
        assert_eq!(between(&expected, &expected), None);
        let got = v1::GrantIssued {
            person: "mallory".to_owned(),
            ..issued()
        };
        let found = between(&expected, &got.into()).expect("differs");
        assert_eq!(found.field(), "person");
        assert_eq!(found.to_string(), r#"person is "mallory"; expected "ada""#);
        for end in [None, Some(Timestamp::default())] {
            let got = v1::GrantIssued { end, ..issued() };
            let found = between(&expected, &got.into()).expect("differs");
            assert_eq!(found.field(), "end", "{found}");
        }
    }

    #[test]
    fn fields_of_messages_in_messages_are_found() {
        let with = |group: &str, count| {
            let slot = v1::Slot {
                group: group.to_owned(),
                count,
            };
            let obligations = v1::Obligations {
                approvals: vec![slot],
                ..v1::Obligations::default()
            };
            Known::from(v1::AccessRequested {
                obligations: Some(obligations),
                ..v1::AccessRequested::default()
            })
        };
        let found = between(&with("security", 2), &with("security", 1)).expect("differs");
        assert_eq!(found.path, "obligations.approvals.count");
        assert_eq!(found.field(), "obligations");
        let none = Known::from(v1::AccessRequested::default());
        let found = between(&with("security", 2), &none).expect("differs");
        assert_eq!(found.field(), "obligations");
    }

    #[test]
    fn other_kinds_and_longer_lists_differ() {
        let closed = |entries: &[u64]| {
            Known::from(v1::CaseClosed {
                entries: entries.to_vec(),
                ..v1::CaseClosed::default()
            })
        };
        for other in [&[1, 2][..], &[1, 2, 3, 4], &[1, 3, 3], &[]] {
            let found = between(&closed(&[1, 2, 3]), &closed(other)).expect("differs");
            assert_eq!(found.field(), "entries", "{found}");
        }
        let found = between(&closed(&[]), &issued().into()).expect("differs");
        assert_eq!(
            found.to_string(),
            "the event is GrantIssued; expected CaseClosed"
        );
    }

    #[test]
    fn long_values_are_cut() {
        let reason = |text: &str| {
            Known::from(v1::GrantFinished {
                reason: text.to_owned(),
                ..v1::GrantFinished::default()
            })
        };
        let found = between(&reason("no"), &reason(&"é".repeat(5_000))).expect("differs");
        assert!(found.to_string().len() < 400, "{found}");
    }
}

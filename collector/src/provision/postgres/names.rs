//! Names of roles and their marks, and how names are quoted.

use sha2::{Digest as _, Sha256};

use crate::provision::provisioner::Grant;
use crate::provision::text::{cut, plain};

/// Bytes of a name in PostgreSQL.
const MAX_NAME: usize = 63;

/// How comments on temporary roles begin.
pub(super) const MARK: &str = "countersign grant ";

/// A name as it stands in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as it stands in SQL, with `standard_conforming_strings`.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The schema and the name of a table.
pub(super) fn table(text: &str) -> Option<(&str, &str)> {
    let (schema, table) = text.split_once('.')?;
    (!schema.is_empty() && !table.is_empty() && !table.contains('.')).then_some((schema, table))
}

/// How the roles of a provisioner are told from others.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    prefix: String,
    origin: String,
    name: String,
}

/// What the comment on a role says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It is of this provisioner, for this grant.
    Ours(u64),
    /// It is of another one, or another ledger.
    Others,
    /// It is no mark.
    None,
}

impl Marks {
    pub(super) fn new(prefix: &str, origin: &str, name: &str) -> Self {
        Self {
            prefix: format!("{prefix}_"),
            origin: origin.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The role of a grant: unique by the grant's number, at most 63 bytes.
    pub(super) fn role(&self, grant: &Grant) -> String {
        let number = grant.grant.to_string();
        let person = plain(&grant.person);
        let room = MAX_NAME - self.prefix.len() - 1 - number.len();
        let person = cut(&person, room).trim_end_matches('_');
        let person = if person.is_empty() { "someone" } else { person };
        format!("{}{person}_{number}", self.prefix)
    }

    /// The comment on the role of a grant.
    pub(super) fn mark(&self, grant: u64) -> String {
        let (name, origin) = (&self.name, &self.origin);
        format!("{MARK}{grant} by {name} of {origin}")
    }

    /// Reads a comment.
    pub(super) fn read(&self, comment: Option<&str>) -> Mark {
        let rest = comment.and_then(|comment| comment.strip_prefix(MARK));
        let Some((grant, rest)) = rest.and_then(|rest| rest.split_once(' ')) else {
            return Mark::None;
        };
        match grant.parse() {
            Ok(grant) if rest == format!("by {} of {}", self.name, self.origin) => {
                Mark::Ours(grant)
            }
            Ok(_) => Mark::Others,
            Err(_) => Mark::None,
        }
    }

    /// A number for the lock that whoever works on the role of a grant holds.
    pub(super) fn lock(&self, grant: u64) -> i64 {
        let digest: [u8; 32] = Sha256::digest(self.mark(grant).as_bytes()).into();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        i64::from_be_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::postgres::tests_support::grant;

    #[test]
    fn names_are_quoted_so_that_they_stay_names() {
        assert_eq!(quoted("a\"; DROP ROLE b; --"), "\"a\"\"; DROP ROLE b; --\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(table("public.orders"), Some(("public", "orders")));
        for bad in ["orders", ".orders", "public.", "a.b.c", ""] {
            assert_eq!(table(bad), None, "{bad}");
        }
    }

    #[test]
    fn roles_are_named_after_person_and_grant() {
        let marks = Marks::new("cs", "ledger.test/prod", "orders");
        for (person, role) in [
            ("ada", "cs_ada_1042"),
            ("Ada.L@example.com", "cs_ada_l_example_com_1042"),
            ("Ωλ", "cs_someone_1042"),
            ("\"; DROP ROLE x", "cs_drop_role_x_1042"),
        ] {
            assert_eq!(marks.role(&grant(1_042, person)), role);
        }
        let long = "x".repeat(200);
        let (one, two) = (
            marks.role(&grant(u64::MAX, &long)),
            marks.role(&grant(7, &long)),
        );
        assert_eq!((one.len(), two.len()), (63, 63));
        assert_ne!(one, two);
        assert!(one.ends_with("_18446744073709551615"), "{one}");
    }

    #[test]
    fn marks_tell_whose_a_role_is() {
        let marks = Marks::new("cs", "ledger.test/prod", "orders");
        let other = Marks::new("cs", "ledger.test/prod", "billing");
        let mark = marks.mark(1_042);
        assert_eq!(marks.read(Some(&mark)), Mark::Ours(1_042));
        assert_eq!(other.read(Some(&mark)), Mark::Others);
        for none in [
            None,
            Some(""),
            Some("countersign grant x by y of z"),
            Some("a role"),
        ] {
            assert_eq!(marks.read(none), Mark::None, "{none:?}");
        }
        assert_ne!(marks.lock(1), marks.lock(2));
    }
}

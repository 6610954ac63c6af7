//! What keeps a role from being dropped: rights that only whoever gave them can take back.

use tokio_postgres::Row;

use super::catalog::{Right, Role};
use super::connect::{Session, failure};
use super::names::quoted;
use crate::limits::MAX_HELD_TEXT;
use crate::provision::provisioner::Failure;

/// A right or an object that a role still has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    /// In words of SQL, for example `ALL ON TABLE public.orders`; `None` for what is no right.
    right: Option<String>,
    /// In words, for example `table orders`.
    object: String,
    /// Who gave the right, or whose the object is.
    by: String,
    /// Whether it is seen from every database.
    shared: bool,
}

/// Rights of a role on what this database has, each with who gave it, and then whatever else
/// depends on the role.
const HELD: &str = "
WITH rights(class, object, part, words, grantor) AS (
  SELECT 'pg_class'::regclass, c.oid, 0,
         CASE c.relkind WHEN 'S' THEN 'ALL ON SEQUENCE ' ELSE 'ALL ON TABLE ' END
         || quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.grantor
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
  WHERE a.grantee = $1
  UNION
  SELECT 'pg_class'::regclass, c.oid, t.attnum,
         'ALL (' || quote_ident(t.attname) || ') ON TABLE '
         || quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.grantor
  FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(t.attacl) a
  WHERE a.grantee = $1
  UNION
  SELECT 'pg_namespace'::regclass, n.oid, 0, 'ALL ON SCHEMA ' || quote_ident(n.nspname), a.grantor
  FROM pg_namespace n, aclexplode(n.nspacl) a WHERE a.grantee = $1
  UNION
  SELECT 'pg_database'::regclass, d.oid, 0, 'ALL ON DATABASE ' || quote_ident(d.datname), a.grantor
  FROM pg_database d, aclexplode(d.datacl) a WHERE a.grantee = $1
  UNION
  SELECT 'pg_proc'::regclass, p.oid, 0,
         'ALL ON ROUTINE ' || quote_ident(n.nspname) || '.' || quote_ident(p.proname)
         || '(' || pg_get_function_identity_arguments(p.oid) || ')', a.grantor
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(p.proacl) a
  WHERE a.grantee = $1
)
SELECT r.words, pg_describe_object(r.class, r.object, r.part), g.rolname::text,
       r.class = 'pg_database'::regclass
FROM rights r JOIN pg_roles g ON g.oid = r.grantor
UNION
SELECT NULL, pg_describe_object(s.classid, s.objid, s.objsubid),
       CASE s.deptype WHEN 'o' THEN pg_get_userbyid($1)::text ELSE '' END, s.dbid = 0
FROM pg_shdepend s
WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1
  AND s.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND s.classid <> 'pg_auth_members'::regclass
  AND NOT EXISTS (SELECT 1 FROM rights r WHERE r.class = s.classid AND r.object = s.objid
                  AND s.deptype = 'a')
ORDER BY 1, 2, 3";

impl Session {
    async fn held(&self, oid: u32) -> Result<Vec<Held>, Failure> {
        let rows = self.query(HELD, &[&oid]).await;
        let rows = rows.map_err(|error| failure(&error))?;
        let held = |row: &Row| {
            let object: Option<String> = row.try_get(1)?;
            Ok(Held {
                right: row.try_get(0)?,
                object: object.unwrap_or_else(|| "what has no name any more".to_owned()),
                by: row.try_get(2)?,
                shared: row.try_get(3)?,
            })
        };
        let held = rows.iter().map(held).collect::<Result<_, _>>();
        held.map_err(|error| failure(&error))
    }
}

/// Adds to a failure what the role still holds in these databases, and what a superuser runs so
/// that the next try succeeds.
pub(super) async fn explained(
    role: &Role,
    to: &str,
    databases: &[(String, Session)],
    cause: Failure,
) -> Failure {
    let mut words = Vec::new();
    let mut shared = Vec::new();
    for (database, session) in databases {
        match session.held(role.oid).await {
            Ok(mut held) => {
                held.retain(|one| !shared.contains(one));
                words.extend(told(&role.name, to, database, &held));
                shared.extend(held.into_iter().filter(|one| one.shared));
            }
            // The cause says more.
            Err(failure) => tracing::debug!(database, %failure, "cannot look at what it holds"),
        }
    }
    if words.is_empty() {
        return cause;
    }
    let name = &role.name;
    Failure::new(format!(
        "the role {name} is shut out, but it cannot be dropped while it holds what others gave \
         it; run as a superuser: {} ({cause})",
        fitted(words)
    ))
}

/// As many of these as have room in an error, and how many more there are.
pub(super) fn fitted(words: Vec<String>) -> String {
    let all = words.len();
    let mut room = MAX_HELD_TEXT;
    let mut shown = Vec::new();
    for word in words {
        // The first one is told in any case.
        if !shown.is_empty() && word.len() > room {
            break;
        }
        room = room.saturating_sub(word.len());
        shown.push(word);
    }
    let more = match all.saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{more}", shown.join("; "))
}

/// A right on a table, with the statements that take it back.
pub(super) fn given(role: &str, database: &str, right: &Right) -> String {
    let Right {
        privilege,
        schema,
        table,
        by,
    } = right;
    format!(
        "in {database}, for table {schema}.{table}, given by {by}: `SET ROLE {}; REVOKE \
         {privilege} ON TABLE {}.{} FROM {}; RESET ROLE`",
        quoted(by),
        quoted(schema),
        quoted(table),
        quoted(role)
    )
}

/// What each is, with the statements that take it back.
fn told(role: &str, to: &str, database: &str, held: &[Held]) -> Vec<String> {
    let role = quoted(role);
    let words = held.iter().map(|held| {
        let Held {
            right, object, by, ..
        } = held;
        match right {
            Some(right) => format!(
                "in {database}, for {object}, given by {by}: `SET ROLE {}; REVOKE {right} FROM \
                 {role}; RESET ROLE`",
                quoted(by)
            ),
            None => format!(
                "in {database}, for {object}: `REASSIGN OWNED BY {role} TO {}; DROP OWNED BY \
                 {role}`",
                quoted(to)
            ),
        }
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_takes_a_right_back_as_the_role_that_gave_it() {
        let held = [
            Held {
                right: Some("ALL ON TABLE public.secrets".into()),
                object: "table secrets".into(),
                by: "post\"gres".into(),
                shared: false,
            },
            Held {
                right: None,
                object: "default privileges".into(),
                by: String::new(),
                shared: false,
            },
        ];
        assert_eq!(
            told("cs_ada_7", "keeper", "orders", &held),
            [
                "in orders, for table secrets, given by post\"gres: `SET ROLE \"post\"\"gres\"; \
                 REVOKE ALL ON TABLE public.secrets FROM \"cs_ada_7\"; RESET ROLE`",
                "in orders, for default privileges: `REASSIGN OWNED BY \"cs_ada_7\" TO \
                 \"keeper\"; DROP OWNED BY \"cs_ada_7\"`",
            ]
        );
        assert!(told("cs_ada_7", "keeper", "orders", &[]).is_empty());
    }
}

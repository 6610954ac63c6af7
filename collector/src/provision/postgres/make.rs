//! Making a role, and moving its end.

use zeroize::Zeroizing;

use super::catalog::Role;
use super::connect::Session;
use super::names::{Mark, literal, quoted, table};
use super::prepared::Tables;
use super::{DatabaseAccess, Postgres, PostgresAccess};
use crate::provision::clock::rfc3339;
use crate::provision::credential::{Credential, Part, Secret};
use crate::provision::provisioner::{Failure, Grant, Made};

/// What every temporary role is not.
const NOTHING_ELSE: &str = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS";
/// Random bytes of a password: 192 bits, 32 characters.
const PASSWORD_BYTES: usize = 24;

impl Postgres {
    /// Makes the role, or what is missing of it, with a new password.
    pub(super) async fn make_role(&self, grant: &Grant) -> Result<Made, Failure> {
        let access = self.access(grant)?;
        let name = self.marks.role(grant);
        let role = quoted(&name);
        let session = self.server.session().await?;
        session.lock(self.marks.lock(grant.grant)).await?;
        if self.mine(&session, &name, grant).await?.is_none() {
            let mark = literal(&self.marks.mark(grant.grant));
            let myself = if session.is_superuser().await? {
                String::new()
            } else {
                // To end its sessions and give away what it owns.
                format!("GRANT {role} TO CURRENT_USER;")
            };
            let sql = format!(
                "BEGIN; CREATE ROLE {role} NOLOGIN {NOTHING_ELSE}; \
                 COMMENT ON ROLE {role} IS {mark}; {myself} COMMIT"
            );
            session.run(&sql).await?;
        }
        // If we stop here, there is a role that nobody can use and that says whose it is.
        for database in &access.databases {
            let there = self.server.session_in(&database.name).await?;
            let tables = self.tables(&there, database).await?;
            for tables in tables.iter().filter(|one| !one.left_out.is_empty()) {
                let (left_out, schema) = (tables.left_out.join(", "), &tables.schema);
                let (database, remedy) = (&database.name, self.remedy(tables, database));
                tracing::warn!(
                    name,
                    database,
                    schema,
                    left_out,
                    remedy,
                    "access is made without tables that may not be granted"
                );
            }
            there.run(&rights(&role, database, Some(&tables))).await?;
        }
        // If we stop here, it has its rights, and still nobody can log in.
        let password = password()?;
        session
            .run(&self.opened(&role, access, grant, &password))
            .await?;
        Ok(Made {
            target: format!("role {name}"),
            credential: Some(self.credential(&name, &password)),
            valid_until: Some(grant.end_seconds()),
        })
    }

    /// Statements that let the role in until the end of its grant.
    fn opened(
        &self,
        role: &str,
        access: &PostgresAccess,
        grant: &Grant,
        password: &str,
    ) -> Zeroizing<String> {
        let verifier = postgres_protocol::password::scram_sha_256(password.as_bytes());
        let inherit = if access.member_of.is_empty() {
            "NOINHERIT"
        } else {
            "INHERIT"
        };
        let mut sql = Zeroizing::new(format!(
            "BEGIN; ALTER ROLE {role} {inherit} CONNECTION LIMIT {}; ",
            self.config.connection_limit
        ));
        if let Some(limit) = self.config.statement_timeout {
            let millis = limit.get().as_millis();
            sql.push_str(&format!(
                "ALTER ROLE {role} SET statement_timeout = {millis}; "
            ));
        }
        for group in &access.member_of {
            sql.push_str(&format!("GRANT {} TO {role}; ", quoted(group)));
        }
        sql.push_str(&format!(
            "ALTER ROLE {role} LOGIN PASSWORD {} VALID UNTIL {}; COMMIT",
            literal(&verifier),
            literal(&rfc3339(grant.end))
        ));
        sql
    }

    /// A password file as `psql` and other clients of libpq read it.
    fn credential(&self, role: &str, password: &str) -> Credential {
        let host = self
            .config
            .public_host
            .as_ref()
            .unwrap_or(&self.config.host);
        // The file names a socket's folder as localhost.
        let host = if host.starts_with('/') {
            "localhost"
        } else {
            host
        };
        let host = host.replace('\\', "\\\\").replace(':', "\\:");
        let line = format!("{host}:{}:*:{role}:{password}\n", self.config.port);
        let part = Part {
            name: "pgpass".to_owned(),
            content: Secret::new(line.into_bytes()),
        };
        Credential::new(vec![part], password.as_bytes())
    }

    /// Moves the end. The password stays.
    pub(super) async fn extend_role(&self, grant: &Grant) -> Result<Made, Failure> {
        let name = self.marks.role(grant);
        let session = self.server.session().await?;
        session.lock(self.marks.lock(grant.grant)).await?;
        if self.mine(&session, &name, grant).await?.is_none() {
            return Err(Failure::new(format!(
                "the role {name} is not there any more"
            )));
        }
        let until = literal(&rfc3339(grant.end));
        session
            .run(&format!("ALTER ROLE {} VALID UNTIL {until}", quoted(&name)))
            .await?;
        Ok(Made {
            target: format!("role {name}"),
            credential: None,
            valid_until: Some(grant.end_seconds()),
        })
    }

    /// The role of a grant, when it is there. A role of this name that is somebody else's is left
    /// alone.
    pub(super) async fn mine(
        &self,
        session: &Session,
        name: &str,
        grant: &Grant,
    ) -> Result<Option<Role>, Failure> {
        let Some(role) = session.role(name).await? else {
            return Ok(None);
        };
        if self.marks.read(role.comment.as_deref()) == Mark::Ours(grant.grant) {
            return Ok(Some(role));
        }
        let mark = self.marks.mark(grant.grant);
        Err(Failure::new(format!(
            "the role {name} is not of this grant: expected the comment {mark:?}, got {:?}; rename \
             or drop it",
            role.comment.unwrap_or_default()
        )))
    }
}

/// Statements that give a role its rights in a database: on these tables of the schemas that are
/// meant as a whole, or on whatever is in them.
pub(super) fn rights(role: &str, database: &DatabaseAccess, all: Option<&[Tables]>) -> String {
    let mut sql = format!(
        "BEGIN; GRANT CONNECT ON DATABASE {} TO {role}; ",
        quoted(&database.name)
    );
    let tables: Vec<(&str, &str)> = database
        .tables
        .iter()
        .filter_map(|one| table(one))
        .collect();
    let mut schemas: Vec<&str> = database.schemas.iter().map(String::as_str).collect();
    schemas.extend(database.all_tables_in.iter().map(String::as_str));
    schemas.extend(tables.iter().map(|(schema, _)| *schema));
    schemas.sort_unstable();
    schemas.dedup();
    for schema in schemas {
        sql.push_str(&format!(
            "GRANT USAGE ON SCHEMA {} TO {role}; ",
            quoted(schema)
        ));
    }
    let privileges: Vec<&str> = database.privileges.iter().map(|one| one.sql()).collect();
    let privileges = privileges.join(", ");
    if !privileges.is_empty() {
        for (schema, table) in tables {
            let (schema, table) = (quoted(schema), quoted(table));
            sql.push_str(&format!(
                "GRANT {privileges} ON TABLE {schema}.{table} TO {role}; "
            ));
        }
        for schema in database.all_tables_in.iter().filter(|_| all.is_none()) {
            let schema = quoted(schema);
            sql.push_str(&format!(
                "GRANT {privileges} ON ALL TABLES IN SCHEMA {schema} TO {role}; "
            ));
        }
        for tables in all.unwrap_or_default() {
            for table in &tables.granted {
                let (schema, table) = (quoted(&tables.schema), quoted(table));
                sql.push_str(&format!(
                    "GRANT {privileges} ON TABLE {schema}.{table} TO {role}; "
                ));
            }
        }
    }
    sql.push_str("COMMIT");
    sql
}

/// A random password of letters, digits, `-` and `_`.
fn password() -> Result<Zeroizing<String>, Failure> {
    use base64::Engine as _;
    let mut bytes = Zeroizing::new([0; PASSWORD_BYTES]);
    let filled = getrandom::fill(bytes.as_mut_slice());
    filled.map_err(|error| Failure::new(format!("no randomness for a password: {error}")))?;
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes.as_slice());
    Ok(Zeroizing::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::postgres::Privilege;

    #[test]
    fn rights_are_what_is_configured_and_nothing_else() {
        let database = DatabaseAccess {
            name: "or\"ders".into(),
            schemas: vec!["public".into()],
            tables: vec!["public.orders".into(), "sales.Items".into()],
            all_tables_in: vec!["audit".into()],
            privileges: vec![Privilege::Select, Privilege::Update],
        };
        assert_eq!(
            rights("\"r\"", &database, None),
            "BEGIN; GRANT CONNECT ON DATABASE \"or\"\"ders\" TO \"r\"; \
             GRANT USAGE ON SCHEMA \"audit\" TO \"r\"; GRANT USAGE ON SCHEMA \"public\" TO \"r\"; \
             GRANT USAGE ON SCHEMA \"sales\" TO \"r\"; \
             GRANT SELECT, UPDATE ON TABLE \"public\".\"orders\" TO \"r\"; \
             GRANT SELECT, UPDATE ON TABLE \"sales\".\"Items\" TO \"r\"; \
             GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA \"audit\" TO \"r\"; COMMIT"
        );
    }

    #[test]
    fn of_a_whole_schema_only_what_may_be_granted_is() {
        let database = DatabaseAccess {
            name: "orders".into(),
            schemas: Vec::new(),
            tables: Vec::new(),
            all_tables_in: vec!["public".into()],
            privileges: vec![Privilege::Select],
        };
        let tables = Tables {
            schema: "public".into(),
            granted: vec!["a\"b".into()],
            left_out: vec!["secrets".into()],
        };
        let sql = rights("\"r\"", &database, Some(&[tables]));
        assert!(sql.contains("ON TABLE \"public\".\"a\"\"b\" TO"), "{sql}");
        assert!(
            !sql.contains("secrets") && !sql.contains("ALL TABLES"),
            "{sql}"
        );
    }

    #[test]
    fn passwords_are_long_and_never_the_same() {
        let (one, two) = (password().unwrap(), password().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, two);
    }
}

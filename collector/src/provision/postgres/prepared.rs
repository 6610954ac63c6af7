//! Whether a server is prepared: what can be asked of it before access is made.

use super::catalog::Reach;
use super::connect::Session;
use super::make::rights;
use super::names::{MARK, quoted, table};
use super::{DatabaseAccess, Postgres};
use crate::provision::provisioner::Failure;

/// Tables of one schema, as access is made to all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tables {
    pub(super) schema: String,
    /// Those that the role which makes roles may grant.
    pub(super) granted: Vec<String>,
    /// Those that it may not: they are left out.
    pub(super) left_out: Vec<String>,
}

impl Postgres {
    /// The tables of all schemas that are meant as a whole, as they are now.
    pub(super) async fn tables(
        &self,
        there: &Session,
        database: &DatabaseAccess,
    ) -> Result<Vec<Tables>, Failure> {
        let privileges: Vec<&str> = database.privileges.iter().map(|one| one.sql()).collect();
        let mut all = Vec::new();
        for schema in &database.all_tables_in {
            let (may, may_not): (Vec<_>, Vec<_>) = there
                .tables_in(schema, &privileges)
                .await?
                .into_iter()
                .partition(|(_, may)| *may);
            let names = |some: Vec<(String, bool)>| some.into_iter().map(|(name, _)| name);
            let tables = Tables {
                schema: schema.clone(),
                granted: names(may).collect(),
                left_out: names(may_not).collect(),
            };
            if tables.granted.is_empty() && !tables.left_out.is_empty() {
                let why = "of its tables none may be granted";
                let remedy = self.remedy(&tables, database);
                return Err(Failure::new(format!(
                    "{schema} in {}: {why}; {remedy}",
                    database.name
                )));
            }
            all.push(tables);
        }
        Ok(all)
    }

    /// What lets the tables be granted that are left out.
    pub(super) fn remedy(&self, tables: &Tables, database: &DatabaseAccess) -> String {
        let privileges: Vec<&str> = database.privileges.iter().map(|one| one.sql()).collect();
        format!(
            "run `GRANT {} ON ALL TABLES IN SCHEMA {} TO {} WITH GRANT OPTION` as their owner or a \
             superuser, and see `ALTER DEFAULT PRIVILEGES` in docs/provisioners.md for those that \
             are made later",
            privileges.join(", "),
            quoted(&tables.schema),
            quoted(&self.config.user)
        )
    }

    pub(super) async fn check_server(&self) -> Result<Vec<String>, Failure> {
        let session = self.server.session().await?;
        let roles = session.roles().await?;
        let user = roles.iter().find(|role| role.name == self.config.user);
        if !user.is_some_and(|user| user.superuser || user.create_role) {
            return Err(Failure::new(format!(
                "expected {} to have CREATEROLE; run `ALTER ROLE {} CREATEROLE` as a superuser",
                self.config.user,
                quoted(&self.config.user)
            )));
        }
        let named = self.config.access.iter().flat_map(|one| &one.member_of);
        for name in named.chain(&self.config.reassign_to) {
            if !roles.iter().any(|role| role.name == *name) {
                return Err(Failure::new(format!(
                    "there is no role {name}; make it, or name another in `member_of` or \
                     `reassign_to`"
                )));
            }
        }
        let mut lines = Vec::new();
        for access in &self.config.access {
            for database in &access.databases {
                let there = self.server.session_in(&database.name).await?;
                self.check_reach(&there, database).await?;
                let (permission, resource) = (&access.permission, &access.resource);
                let sql = rights("ROLE", database, None);
                let sql = sql
                    .trim_start_matches("BEGIN; ")
                    .trim_end_matches("; COMMIT");
                lines.push(format!(
                    "{permission} on {resource}, in {}: {sql}",
                    database.name
                ));
                for tables in self.tables(&there, database).await? {
                    if !tables.left_out.is_empty() {
                        lines.push(format!(
                            "left out, because {} may not grant them: {} in {}; {}",
                            self.config.user,
                            tables.left_out.join(", "),
                            tables.schema,
                            self.remedy(&tables, database)
                        ));
                    }
                }
            }
        }
        for role in roles {
            let comment = role.comment.unwrap_or_default();
            if role.name.starts_with(self.marks.prefix()) || comment.starts_with(MARK) {
                lines.push(format!("exists: role {}: {comment}", role.name));
            }
        }
        Ok(lines)
    }

    /// What is named must be there, and this role must be able to give it on.
    async fn check_reach(&self, there: &Session, database: &DatabaseAccess) -> Result<(), Failure> {
        let (in_database, user) = (&database.name, quoted(&self.config.user));
        let lacks = |what: String, privileges: &str| {
            Err(Failure::new(format!(
                "{} may not grant {privileges} on {what} in {in_database}; run `GRANT {privileges} \
                 ON {what} TO {user} WITH GRANT OPTION` as its owner or a superuser",
                self.config.user
            )))
        };
        if there.may_connect(in_database).await? == Reach::Held {
            return lacks(format!("DATABASE {}", quoted(in_database)), "CONNECT");
        }
        let tables = database.tables.iter().filter_map(|one| table(one));
        let mut schemas: Vec<&str> = tables.clone().map(|(schema, _)| schema).collect();
        schemas.extend(database.schemas.iter().map(String::as_str));
        schemas.extend(database.all_tables_in.iter().map(String::as_str));
        for schema in schemas {
            match there.may_use(schema).await? {
                Reach::Granted => {}
                Reach::Held => return lacks(format!("SCHEMA {}", quoted(schema)), "USAGE"),
                Reach::Missing => {
                    let why = format!("there is no schema {schema} in {in_database}");
                    return Err(Failure::new(why));
                }
            }
        }
        for (schema, name) in tables {
            for privilege in &database.privileges {
                match there.may_grant(schema, name, privilege.sql()).await? {
                    Reach::Granted => {}
                    Reach::Held => {
                        let what = format!("{}.{}", quoted(schema), quoted(name));
                        return lacks(what, privilege.sql());
                    }
                    Reach::Missing => {
                        let why = format!("there is no table {schema}.{name} in {in_database}");
                        return Err(Failure::new(why));
                    }
                }
            }
        }
        Ok(())
    }
}

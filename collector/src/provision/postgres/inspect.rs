//! Comparing the roles that exist with the grants that should have one.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Right, Role, marked};
use super::connect::Session;
use super::held::{fitted, given};
use super::names::{Mark, literal, quoted};
use super::{Postgres, PostgresAccess};
use crate::provision::clock::rfc3339;
use crate::provision::provisioner::{Drift, Expected, Failure, Finding, Grant, Standing};

impl Postgres {
    pub(super) async fn inspect_roles(
        &self,
        standing: &[Standing],
    ) -> Result<Vec<Finding>, Failure> {
        let roles = self.server.session().await?.roles().await?;
        let by_grant: BTreeMap<u64, &Standing> =
            standing.iter().map(|one| (one.grant.grant, one)).collect();
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for (role, grant) in marked(&roles, &self.marks) {
            let target = format!("role {}", role.name);
            let Some(number) = grant else {
                let detail = "its name is that of temporary access, and no comment says whose";
                found.push(Finding::new(Drift::Unknown, 0, target, detail));
                continue;
            };
            let one = by_grant
                .get(&number)
                .filter(|one| self.marks.role(&one.grant) == role.name);
            let Some(one) = one else {
                let detail = "its comment names a grant that is not open, or not of this name";
                found.push(Finding::new(Drift::Unknown, number, target, detail));
                continue;
            };
            seen.insert(number);
            match one.expected {
                Expected::Either => {}
                Expected::Gone => {
                    let login = if role.login { "can" } else { "cannot" };
                    let detail = format!("its grant is over, and the role {login} log in");
                    found.push(Finding::new(Drift::Outlived, number, target, &detail));
                }
                Expected::There => {
                    let changes = self.changes(role, &one.grant).await?;
                    if !changes.is_empty() {
                        let detail = changes.join("; ");
                        found.push(Finding::new(Drift::Changed, number, target, &detail));
                    }
                }
            }
        }
        for one in standing {
            let number = one.grant.grant;
            if one.expected == Expected::There && !seen.contains(&number) {
                let target = format!("role {}", self.marks.role(&one.grant));
                let detail = "it was made for its grant, and is not there";
                found.push(Finding::new(Drift::Missing, number, target, detail));
            }
        }
        found.extend(self.strangers(&roles));
        Ok(found)
    }

    /// Roles that may log in and that nobody listed.
    fn strangers(&self, roles: &[Role]) -> Vec<Finding> {
        let Some(known) = &self.config.known_roles else {
            return Vec::new();
        };
        let strange = roles.iter().filter(|role| {
            role.login
                && role.name != self.config.user
                && !known.contains(&role.name)
                && !role.name.starts_with(self.marks.prefix())
                && self.marks.read(role.comment.as_deref()) == Mark::None
        });
        let strange = strange.map(|role| {
            let detail = "it can log in, and is not among known_roles";
            Finding::new(Drift::Unknown, 0, format!("role {}", role.name), detail)
        });
        strange.collect()
    }

    /// How a role differs from what its grant allows.
    async fn changes(&self, role: &Role, grant: &Grant) -> Result<Vec<String>, Failure> {
        let access = self.access(grant)?;
        let mut changes = attributes(role, access, grant, self.config.connection_limit);
        let session = self.server.session().await?;
        let used = session.databases_of(role.oid).await?;
        for database in used {
            let there = self.server.session_in(&database).await?;
            for right in there.table_rights(role.oid).await? {
                if !access.allows(&database, &right) {
                    let Right {
                        privilege,
                        schema,
                        table,
                        ..
                    } = right;
                    let change = format!("may {privilege} {schema}.{table} in {database}");
                    // Two may have given it.
                    if changes.last() != Some(&change) {
                        changes.push(change);
                    }
                }
            }
        }
        Ok(changes)
    }

    /// Removes what nobody granted, and corrects what was changed. A role that is not of temporary
    /// access is shut out only: what it owns is not ours.
    pub(super) async fn mend_role(
        &self,
        finding: &Finding,
        grant: Option<&Grant>,
    ) -> Result<(), Failure> {
        let session = self.server.session().await?;
        let name = finding.target.strip_prefix("role ").unwrap_or_default();
        if finding.grant != 0 {
            // Whoever takes the role away at the end of its grant waits, or has done so.
            session.lock(self.marks.lock(finding.grant)).await?;
        }
        let Some(role) = session.role(name).await? else {
            return Ok(());
        };
        let mark = self.marks.read(role.comment.as_deref());
        match (finding.drift, mark, grant) {
            (Drift::Unknown | Drift::Outlived, Mark::Ours(_), _) => self
                .drop_role(&session, &role, BTreeSet::new())
                .await
                .map(drop),
            (Drift::Unknown | Drift::Outlived, Mark::None, _) => {
                self.shut_out(&session, &role).await?;
                let prefix = self.marks.prefix();
                if !name.starts_with(prefix) {
                    return Ok(());
                }
                Err(Failure::new(format!(
                    "the role {name} is shut out, and not dropped, as no grant made it; drop it, \
                     or give it a name that does not begin with {prefix}"
                )))
            }
            (Drift::Changed, Mark::Ours(_), Some(grant)) => {
                self.restore(&session, &role, grant).await
            }
            (Drift::Missing | Drift::Changed, _, _) | (_, Mark::Others, _) => {
                Err(Failure::new(format!("{name} is not ours to mend")))
            }
        }
    }

    /// Gives a role the attributes, memberships and rights on tables that its grant allows. What
    /// somebody else gave to it may stay: then the error says who takes it back.
    async fn restore(&self, session: &Session, role: &Role, grant: &Grant) -> Result<(), Failure> {
        let access = self.access(grant)?;
        let (name, limit) = (quoted(&role.name), self.config.connection_limit);
        let until = literal(&rfc3339(grant.end));
        let mut sql = format!(
            "BEGIN; ALTER ROLE {name} LOGIN {} CONNECTION LIMIT {limit} VALID UNTIL {until}; ",
            less(role)
        );
        for group in role
            .member_of
            .iter()
            .filter(|group| !access.member_of.contains(group))
        {
            sql.push_str(&format!("REVOKE {} FROM {name}; ", quoted(group)));
        }
        for group in access
            .member_of
            .iter()
            .filter(|group| !role.member_of.contains(group))
        {
            sql.push_str(&format!("GRANT {} TO {name}; ", quoted(group)));
        }
        sql.push_str("COMMIT");
        // Rights on tables are taken back also when this fails.
        let attributes = session.run(&sql).await;
        if attributes.is_err() {
            session.run("ROLLBACK").await?;
        }
        let mut left = Vec::new();
        for database in session.databases_of(role.oid).await? {
            let there = self.server.session_in(&database).await?;
            for right in take_back(&there, &database, role, access).await? {
                left.push(given(&role.name, &database, &right));
            }
        }
        attributes?;
        if left.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "the role {} keeps what others gave it; run as a superuser: {}",
            role.name,
            fitted(left)
        )))
    }
}

/// Takes back the rights on tables of a database that are not configured; what is left of them.
async fn take_back(
    there: &Session,
    database: &str,
    role: &Role,
    access: &PostgresAccess,
) -> Result<Vec<Right>, Failure> {
    let unfit = async || {
        let mut rights = there.table_rights(role.oid).await?;
        rights.retain(|right| !access.allows(database, right));
        Ok::<_, Failure>(rights)
    };
    let name = quoted(&role.name);
    for right in unfit().await? {
        let (schema, table) = (quoted(&right.schema), quoted(&right.table));
        let privilege = &right.privilege;
        let sql = format!("REVOKE {privilege} ON TABLE {schema}.{table} FROM {name}");
        // It also ends well, and does nothing, when another role gave the right.
        if let Err(failure) = there.run(&sql).await {
            tracing::debug!(database, sql, %failure, "a right cannot be taken back");
        }
    }
    unfit().await
}

/// Attributes that differ from those that a role was made with.
fn attributes(role: &Role, access: &PostgresAccess, grant: &Grant, limit: u16) -> Vec<String> {
    let mut changes = Vec::new();
    for (is, what) in [
        (role.superuser, "is a superuser"),
        (role.create_role, "may make roles"),
        (role.create_db, "may make databases"),
        (role.replication, "may replicate"),
        (role.bypass_rls, "passes by row security"),
        (!role.login, "cannot log in"),
    ] {
        if is {
            changes.push(what.to_owned());
        }
    }
    let end = i64::try_from(grant.end_seconds()).unwrap_or(i64::MAX);
    if role.until != Some(end) {
        let seconds = role.until.and_then(|until| u64::try_from(until).ok());
        let until = seconds.map_or_else(|| "for ever".to_owned(), |at| rfc3339(at * 1_000_000));
        changes.push(format!(
            "is valid until {until}, its grant until {}",
            rfc3339(grant.end)
        ));
    }
    if role.connections != i32::from(limit) {
        changes.push(match role.connections {
            1 => format!("may have 1 connection, not {limit}"),
            many => format!("may have {many} connections, not {limit}"),
        });
    }
    for group in &role.member_of {
        if !access.member_of.contains(group) {
            changes.push(format!("is a member of {group}"));
        }
    }
    for group in &access.member_of {
        if !role.member_of.contains(group) {
            changes.push(format!("is no member of {group}"));
        }
    }
    changes
}

/// The words that take attributes away which a role has and must not have. Only a superuser may
/// even name some of them.
fn less(role: &Role) -> String {
    let words = [
        (role.superuser, "NOSUPERUSER"),
        (role.create_role, "NOCREATEROLE"),
        (role.create_db, "NOCREATEDB"),
        (role.replication, "NOREPLICATION"),
        (role.bypass_rls, "NOBYPASSRLS"),
    ];
    let words = words
        .into_iter()
        .filter_map(|(has, word)| has.then_some(word));
    words.collect::<Vec<_>>().join(" ")
}

impl PostgresAccess {
    /// Whether a right on a table of a database is configured.
    fn allows(&self, database: &str, right: &Right) -> bool {
        let table = format!("{}.{}", right.schema, right.table);
        self.databases
            .iter()
            .filter(|allowed| allowed.name == database)
            .any(|allowed| {
                let mut privileges = allowed.privileges.iter();
                let privilege = privileges.any(|one| one.sql() == right.privilege);
                privilege
                    && (allowed.tables.contains(&table)
                        || allowed.all_tables_in.contains(&right.schema))
            })
    }
}

#[cfg(test)]
mod tests;

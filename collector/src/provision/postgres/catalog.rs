//! What the catalog says about roles.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connect::{Session, failure};
use super::names::{Mark, Marks};
use crate::provision::provisioner::Failure;

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the columns of pg_roles"
)]
pub(super) struct Role {
    pub(super) oid: u32,
    pub(super) name: String,
    pub(super) login: bool,
    pub(super) superuser: bool,
    pub(super) create_role: bool,
    pub(super) create_db: bool,
    pub(super) replication: bool,
    pub(super) bypass_rls: bool,
    pub(super) connections: i32,
    /// Seconds of Unix time; `None` for ever.
    pub(super) until: Option<i64>,
    pub(super) comment: Option<String>,
    /// Roles whose member it is, in order.
    pub(super) member_of: Vec<String>,
}

/// What a role may with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Right {
    pub(super) privilege: String,
    pub(super) schema: String,
    pub(super) table: String,
    /// Who gave it.
    pub(super) by: String,
}

/// Whether something can be given on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Granted,
    /// It is there, and not ours to give.
    Held,
    Missing,
}

impl Reach {
    const fn of(may: Option<bool>) -> Self {
        match may {
            Some(true) => Self::Granted,
            Some(false) => Self::Held,
            None => Self::Missing,
        }
    }
}

const ROLES: &str = "
SELECT r.oid, r.rolname::text, r.rolcanlogin, r.rolsuper, r.rolcreaterole, r.rolcreatedb,
       r.rolreplication, r.rolbypassrls, r.rolconnlimit,
       CASE WHEN isfinite(r.rolvaliduntil)
            THEN floor(extract(epoch FROM r.rolvaliduntil))::bigint END,
       shobj_description(r.oid, 'pg_authid'),
       ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
             WHERE m.member = r.oid ORDER BY 1)
FROM pg_roles r";

fn role(row: &Row) -> Result<Role, tokio_postgres::Error> {
    Ok(Role {
        oid: row.try_get(0)?,
        name: row.try_get(1)?,
        login: row.try_get(2)?,
        superuser: row.try_get(3)?,
        create_role: row.try_get(4)?,
        create_db: row.try_get(5)?,
        replication: row.try_get(6)?,
        bypass_rls: row.try_get(7)?,
        connections: row.try_get(8)?,
        until: row.try_get(9)?,
        comment: row.try_get(10)?,
        member_of: row.try_get(11)?,
    })
}

impl Session {
    /// All roles.
    pub(super) async fn roles(&self) -> Result<Vec<Role>, Failure> {
        let rows = self
            .query(ROLES, &[])
            .await
            .map_err(|error| failure(&error))?;
        rows.iter()
            .map(role)
            .collect::<Result<_, _>>()
            .map_err(|error| failure(&error))
    }

    /// The role of this name.
    pub(super) async fn role(&self, name: &str) -> Result<Option<Role>, Failure> {
        let sql = format!("{ROLES} WHERE r.rolname = $1::text");
        let row = self
            .query_opt(&sql, &[&name])
            .await
            .map_err(|error| failure(&error))?;
        row.as_ref()
            .map(role)
            .transpose()
            .map_err(|error| failure(&error))
    }

    /// Runs statements, one after the other, in one transaction when there is no other.
    pub(super) async fn run(&self, sql: &str) -> Result<(), Failure> {
        self.batch_execute(sql)
            .await
            .map_err(|error| failure(&error))
    }

    /// Holds the lock of a grant's role until the session ends.
    pub(super) async fn lock(&self, number: i64) -> Result<(), Failure> {
        let locked = self.query("SELECT pg_advisory_lock($1)", &[&number]).await;
        locked.map(drop).map_err(|error| failure(&error))
    }

    /// Databases in which something depends on a role.
    pub(super) async fn databases_of(&self, oid: u32) -> Result<Vec<String>, Failure> {
        const SQL: &str = "
SELECT DISTINCT d.datname::text FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid
WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1 AND d.datallowconn ORDER BY 1";
        self.names(SQL, oid).await
    }

    /// What a role may with tables of this database.
    pub(super) async fn table_rights(&self, oid: u32) -> Result<Vec<Right>, Failure> {
        const SQL: &str = "
SELECT a.privilege_type, n.nspname::text, c.relname::text, pg_get_userbyid(a.grantor)::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
WHERE a.grantee = $1 AND c.relowner <> $1 ORDER BY 2, 3, 1, 4";
        let rows = self
            .query(SQL, &[&oid])
            .await
            .map_err(|error| failure(&error))?;
        let right = |row: &Row| {
            Ok(Right {
                privilege: row.try_get(0)?,
                schema: row.try_get(1)?,
                table: row.try_get(2)?,
                by: row.try_get(3)?,
            })
        };
        let rights = rows.iter().map(right).collect::<Result<_, _>>();
        rights.map_err(|error| failure(&error))
    }

    /// Tables and views of a schema, in order, and whether all of these privileges on each can be
    /// given on.
    pub(super) async fn tables_in(
        &self,
        schema: &str,
        privileges: &[&str],
    ) -> Result<Vec<(String, bool)>, Failure> {
        const SQL: &str = "
SELECT c.relname::text,
       coalesce((SELECT bool_and(has_table_privilege(c.oid, p || ' WITH GRANT OPTION'))
                 FROM unnest($2::text[]) p), true)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1";
        let rows = self.query(SQL, &[&schema, &privileges]).await;
        let rows = rows.map_err(|error| failure(&error))?;
        let table = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?));
        let tables = rows.iter().map(table).collect::<Result<_, _>>();
        tables.map_err(|error| failure(&error))
    }

    pub(super) async fn may_connect(&self, database: &str) -> Result<Reach, Failure> {
        const SQL: &str = "
SELECT has_database_privilege(oid, 'CONNECT WITH GRANT OPTION') FROM pg_database
WHERE datname = $1::text";
        self.reach(SQL, &[&database]).await
    }

    pub(super) async fn may_use(&self, schema: &str) -> Result<Reach, Failure> {
        const SQL: &str = "
SELECT has_schema_privilege(oid, 'USAGE WITH GRANT OPTION') FROM pg_namespace
WHERE nspname = $1::text";
        self.reach(SQL, &[&schema]).await
    }

    pub(super) async fn may_grant(
        &self,
        schema: &str,
        table: &str,
        privilege: &str,
    ) -> Result<Reach, Failure> {
        const SQL: &str = "
SELECT has_table_privilege(c.oid, $3::text || ' WITH GRANT OPTION')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND c.relname = $2::text";
        self.reach(SQL, &[&schema, &table, &privilege]).await
    }

    async fn reach(&self, sql: &str, of: &[&(dyn ToSql + Sync)]) -> Result<Reach, Failure> {
        let row = self.query_opt(sql, of).await;
        let row = row.map_err(|error| failure(&error))?;
        let may = row.map(|row| row.try_get(0)).transpose();
        Ok(Reach::of(may.map_err(|error| failure(&error))?))
    }

    async fn names(&self, sql: &str, oid: u32) -> Result<Vec<String>, Failure> {
        let rows = self
            .query(sql, &[&oid])
            .await
            .map_err(|error| failure(&error))?;
        let names = rows.iter().map(|row| row.try_get(0));
        names
            .collect::<Result<_, _>>()
            .map_err(|error| failure(&error))
    }

    /// Asks the sessions of a role to end; how many there were.
    pub(super) async fn terminate(&self, oid: u32) -> Result<usize, Failure> {
        const SQL: &str =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = $1";
        let rows = self
            .query(SQL, &[&oid])
            .await
            .map_err(|error| failure(&error))?;
        Ok(rows.len())
    }

    /// Whether the session's role may do everything.
    pub(super) async fn is_superuser(&self) -> Result<bool, Failure> {
        const SQL: &str = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";
        let row = self
            .query_one(SQL, &[])
            .await
            .map_err(|error| failure(&error))?;
        row.try_get(0).map_err(|error| failure(&error))
    }
}

/// Roles that are of temporary access, or look like it.
pub(super) fn marked<'a>(
    roles: &'a [Role],
    marks: &'a Marks,
) -> impl Iterator<Item = (&'a Role, Option<u64>)> {
    roles
        .iter()
        .filter_map(|role| match marks.read(role.comment.as_deref()) {
            Mark::Ours(grant) => Some((role, Some(grant))),
            Mark::Others => None,
            Mark::None => role
                .name
                .starts_with(marks.prefix())
                .then_some((role, None)),
        })
}

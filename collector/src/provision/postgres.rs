//! Temporary roles of PostgreSQL.
//!
//! A grant becomes the role `cs_<person>_<grant>` with a random password, which ends with the
//! grant by `VALID UNTIL` and holds only what is configured for the permission. A comment on the
//! role marks it as that of the grant. At the end the role cannot log in any more, its sessions are
//! ended, what it owns is given away, and it is dropped.
//!
//! The server sees the password as a SCRAM verifier only, so that no log of it holds the password.

mod catalog;
mod connect;
mod held;
mod inspect;
mod make;
mod names;
mod prepared;
mod remove;
mod tls;

use std::path::PathBuf;

use serde::Deserialize;

use crate::provision::config::Interval;
use crate::provision::provisioner::{
    Doing, Ending, Failure, Finding, Grant, Made, Proof, Provisioner, Standing,
};

use connect::Server;
use names::Marks;

/// A PostgreSQL server, and what its temporary roles may.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// Name or address, or the folder of the unix socket.
    pub host: String,
    /// Its port. Default: 5432.
    #[serde(default = "port")]
    pub port: u16,
    /// Role that makes roles: a superuser, or one with CREATEROLE.
    pub user: String,
    /// File with the password of that role; not needed where the server knows the role otherwise.
    pub password_file: Option<PathBuf>,
    /// Certificates in PEM form, one of which the server's must come from. Needed for every server
    /// that is not on this machine: the connection is encrypted then.
    pub root_cert: Option<PathBuf>,
    /// Database to connect to first. Default: `postgres`.
    #[serde(default = "database")]
    pub database: String,
    /// Host that people connect to, in the password file that they get. Default: `host`.
    pub public_host: Option<String>,
    /// Beginning of the roles' names, of a-z and 0-9. Default: `cs`.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// Connections that a role may have at a time. Default: 4.
    #[serde(default = "connections")]
    pub connection_limit: u16,
    /// How long a statement of a role may take; unset for ever.
    pub statement_timeout: Option<Interval>,
    /// Who gets what a role owns at its end. Default: `user`.
    pub reassign_to: Option<String>,
    /// Every role that may log in, besides `user` and temporary ones. When it is set, any other
    /// one is drift.
    pub known_roles: Option<Vec<String>>,
    /// What is served.
    pub access: Vec<PostgresAccess>,
}

const fn port() -> u16 {
    5_432
}

fn database() -> String {
    "postgres".to_owned()
}

fn prefix() -> String {
    "cs".to_owned()
}

const fn connections() -> u16 {
    4
}

/// What a permission on a resource means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresAccess {
    /// The resource, as the policy calls it.
    pub resource: String,
    /// The permission, as the policy calls it.
    pub permission: String,
    /// Roles whose member the temporary role is.
    #[serde(default)]
    pub member_of: Vec<String>,
    /// What it may in databases.
    #[serde(default)]
    pub databases: Vec<DatabaseAccess>,
}

/// What a temporary role may in a database, besides connecting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseAccess {
    /// The database.
    pub name: String,
    /// Schemas that it may use.
    #[serde(default)]
    pub schemas: Vec<String>,
    /// Tables and views, each as `schema.table`.
    #[serde(default)]
    pub tables: Vec<String>,
    /// Schemas all of whose tables and views are meant, as they are when access is made.
    #[serde(default)]
    pub all_tables_in: Vec<String>,
    /// What it may with these tables. Default: `["select"]`.
    #[serde(default = "select")]
    pub privileges: Vec<Privilege>,
}

fn select() -> Vec<Privilege> {
    vec![Privilege::Select]
}

/// A privilege on a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "PostgreSQL's own words")]
pub enum Privilege {
    Select,
    Insert,
    Update,
    Delete,
    Truncate,
    References,
    Trigger,
}

impl Privilege {
    const fn sql(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
            Self::References => "REFERENCES",
            Self::Trigger => "TRIGGER",
        }
    }
}

/// Makes temporary roles.
pub(crate) struct Postgres {
    config: PostgresConfig,
    server: Server,
    marks: Marks,
}

impl Postgres {
    pub(crate) fn new(name: &str, origin: &str, config: &PostgresConfig) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let prefix = &config.prefix;
        if prefix.is_empty() || prefix.len() > 16 || !prefix.chars().all(plain) {
            return Err(format!(
                "expected postgres.prefix to be 1 to 16 of a-z and 0-9, got {prefix:?}"
            ));
        }
        for access in &config.access {
            for table in access
                .databases
                .iter()
                .flat_map(|database| &database.tables)
            {
                if names::table(table).is_none() {
                    return Err(format!("expected a table as schema.table, got {table:?}"));
                }
            }
            if access.member_of.is_empty() && access.databases.is_empty() {
                return Err(format!(
                    "{} on {} allows nothing; give it databases or member_of",
                    access.permission, access.resource
                ));
            }
        }
        Ok(Self {
            server: Server::new(config)?,
            marks: Marks::new(prefix, origin, name),
            config: config.clone(),
        })
    }

    fn access(&self, grant: &Grant) -> Result<&PostgresAccess, Failure> {
        let mut access = self.config.access.iter();
        let found = access.find(|access| {
            access.resource == grant.resource && access.permission == grant.permission
        });
        found.ok_or_else(|| {
            let (permission, resource) = (&grant.permission, &grant.resource);
            Failure::new(format!("{permission} on {resource} is not configured"))
        })
    }
}

impl Provisioner for Postgres {
    fn make<'a>(&'a self, grant: &'a Grant) -> Doing<'a, Made> {
        Box::pin(self.make_role(grant))
    }

    fn extend<'a>(&'a self, grant: &'a Grant) -> Doing<'a, Made> {
        Box::pin(self.extend_role(grant))
    }

    fn remove<'a>(&'a self, grant: &'a Grant, _ending: Ending) -> Doing<'a, Proof> {
        Box::pin(self.remove_role(grant))
    }

    fn inspect<'a>(&'a self, standing: &'a [Standing]) -> Doing<'a, Vec<Finding>> {
        Box::pin(self.inspect_roles(standing))
    }

    fn mend<'a>(&'a self, finding: &'a Finding, grant: Option<&'a Grant>) -> Doing<'a, ()> {
        Box::pin(self.mend_role(finding, grant))
    }

    fn check(&self) -> Doing<'_, Vec<String>> {
        Box::pin(self.check_server())
    }
}

#[cfg(test)]
pub(crate) mod tests_support {
    //! A grant for tests.

    use super::Grant;

    pub(crate) fn grant(number: u64, person: &str) -> Grant {
        Grant {
            grant: number,
            case: number - 1,
            person: person.into(),
            principal: format!("user:{person}"),
            resource: "orders-db".into(),
            permission: "read-only".into(),
            end: 2_000_000_000_000_000,
            record_session: false,
        }
    }
}

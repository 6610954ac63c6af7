//! Taking a role away.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_proto::reading::text::counted;

use super::Postgres;
use super::catalog::Role;
use super::connect::Session;
use super::held::explained;
use super::names::quoted;
use crate::provision::provisioner::{Failure, Grant, Proof};
use crate::provision::text::whole;

/// Pause between two looks at sessions that were told to end.
const LOOK: Duration = Duration::from_millis(20);
/// How long sessions may take to end; one that cannot is stuck in the kernel or in a function.
const PATIENCE: Duration = Duration::from_secs(10);

impl Postgres {
    /// Takes the role of a grant away and says how that was checked.
    pub(super) async fn remove_role(&self, grant: &Grant) -> Result<Proof, Failure> {
        let name = self.marks.role(grant);
        let session = self.server.session().await?;
        session.lock(self.marks.lock(grant.grant)).await?;
        match self.mine(&session, &name, grant).await? {
            None => Ok(Proof {
                found: false,
                text: format!("role {name} was not there; pg_roles has no such name"),
            }),
            Some(role) => {
                let access = self.access(grant)?;
                let databases = access.databases.iter().map(|one| one.name.clone());
                let done = self.drop_role(&session, &role, databases.collect()).await?;
                Ok(Proof {
                    found: true,
                    text: done,
                })
            }
        }
    }

    /// Shuts a role out, ends its sessions, gives away what it owns, and drops it.
    pub(super) async fn drop_role(
        &self,
        session: &Session,
        role: &Role,
        mut databases: BTreeSet<String>,
    ) -> Result<String, Failure> {
        let (name, oid) = (&role.name, role.oid);
        let ended = self.shut_out(session, role).await?;
        databases.extend(session.databases_of(oid).await?);
        // Rights on databases and what else is shared go with any of them.
        databases.insert(self.config.database.clone());
        let to = self
            .config
            .reassign_to
            .as_ref()
            .unwrap_or(&self.config.user);
        let mut sessions = Vec::new();
        for database in &databases {
            let there = self.server.session_in(database).await?;
            sessions.push((database.clone(), there));
        }
        if let Err(cause) = drop_all(session, name, to, &sessions).await {
            return Err(explained(role, to, &sessions, cause).await);
        }
        let late = self.end_sessions(session, oid).await?;
        let left = session.roles().await?;
        if left
            .iter()
            .any(|left| left.oid == oid || left.name == *name)
        {
            return Err(Failure::new(format!(
                "the role {name} is still there after DROP ROLE"
            )));
        }
        let databases: Vec<&str> = databases.iter().map(String::as_str).collect();
        Ok(format!(
            "role {name} (oid {oid}) dropped: login off, {} ended, owned objects \
             reassigned to {to} in {}; pg_roles has neither name nor oid, pg_stat_activity no \
             session of it",
            counted(whole(ended + late), "session", "sessions"),
            databases.join(", ")
        ))
    }

    /// No new sessions, and none that are left; how many there were.
    pub(super) async fn shut_out(&self, session: &Session, role: &Role) -> Result<usize, Failure> {
        let name = quoted(&role.name);
        session.run(&format!("ALTER ROLE {name} NOLOGIN")).await?;
        // If we stop here, nobody gets in any more.
        self.end_sessions(session, role.oid).await
    }

    /// Ends sessions until there are none. One that was just logging in shows up a moment later.
    async fn end_sessions(&self, session: &Session, oid: u32) -> Result<usize, Failure> {
        let all = async {
            let (mut most, mut quiet) = (0, 0);
            while quiet < 2 {
                let found = session.terminate(oid).await?;
                most = most.max(found);
                quiet = if found == 0 { quiet + 1 } else { 0 };
                tokio::time::sleep(LOOK).await;
            }
            Ok(most)
        };
        match tokio::time::timeout(PATIENCE, all).await {
            Ok(ended) => ended,
            Err(_) => Err(Failure::new(format!(
                "sessions of the role with oid {oid} did not end within {PATIENCE:?}"
            ))),
        }
    }
}

/// Gives away what a role owns and takes back what was given to it, in each of these databases;
/// then drops it.
async fn drop_all(
    session: &Session,
    name: &str,
    to: &str,
    databases: &[(String, Session)],
) -> Result<(), Failure> {
    let (role, to) = (quoted(name), quoted(to));
    for (_database, there) in databases {
        // Given away, then without what others gave to it: nothing of its own is lost.
        there
            .run(&format!(
                "BEGIN; REASSIGN OWNED BY {role} TO {to}; DROP OWNED BY {role}; COMMIT"
            ))
            .await?;
    }
    session.run(&format!("DROP ROLE {role}")).await
}

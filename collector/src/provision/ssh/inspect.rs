//! Comparing the files that `sshd` reads with what they should be.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::{Ssh, authorized, session};
use crate::provision::account;
use crate::provision::process::Program;
use crate::provision::provisioner::{Drift, Ending, Expected, Failure, Finding, Grant, Standing};

/// Where the server is on every system that has one; it asks for its full path.
const SSHD: &str = "/usr/sbin/sshd";
const KRL: &str = "revoked.krl";

impl Ssh {
    pub(super) async fn compare(&self, standing: &[Standing]) -> Result<Vec<Finding>, Failure> {
        let mut found = self.compare_grants(standing)?;
        for serial in session::serials(&self.sessions())? {
            if is_open(standing, serial) {
                continue;
            }
            let detail = "a connection with it is open, and its grant is not";
            let target = format!("connection with certificate {serial}");
            let known = standing.iter().any(|one| one.grant.grant == serial);
            let drift = if known {
                Drift::Outlived
            } else {
                Drift::Unknown
            };
            found.push(Finding::new(drift, serial, target, detail));
        }
        found.extend(self.compare_krl(standing).await?);
        for watched in &self.config.watch {
            let path = &watched.path;
            let keys = authorized::fingerprints(path).map_err(|error| {
                Failure::new(format!("cannot read {}: {error}", path.display()))
            })?;
            self.tell_missing(path, keys.is_none());
            for key in keys
                .into_iter()
                .flatten()
                .filter(|key| !watched.known.contains(key))
            {
                let target = format!("key {key} in {}", path.display());
                let detail = "nobody granted it, and it is not among the known ones";
                found.push(Finding::new(Drift::Unknown, 0, target, detail));
            }
        }
        if let Some(config) = &self.config.sshd_config {
            found.extend(self.compare_sshd(config).await?);
        }
        Ok(found)
    }

    /// The log of the agent says once that a watched file is not there, and when it is again.
    fn tell_missing(&self, path: &Path, is_missing: bool) {
        let mut missing = self.missing.lock();
        if is_missing && missing.insert(path.to_owned()) {
            tracing::warn!("{}", authorized::missing(path));
        } else if !is_missing && missing.remove(path) {
            tracing::info!(path = %path.display(), "the watched file is there now");
        }
    }

    fn compare_grants(&self, standing: &[Standing]) -> Result<Vec<Finding>, Failure> {
        let mut found = Vec::new();
        let mut there = BTreeSet::new();
        for name in names(&self.grants()).map_err(|error| self.cannot(&error))? {
            let target = format!("grants/{name}");
            let Ok(serial) = name.parse::<u64>() else {
                let detail = "it is no grant";
                found.push(Finding::new(Drift::Unknown, 0, target, detail));
                continue;
            };
            there.insert(serial);
            let Some(one) = standing.iter().find(|one| one.grant.grant == serial) else {
                let detail = "it opens accounts, and no open grant explains it";
                found.push(Finding::new(Drift::Unknown, serial, target, detail));
                continue;
            };
            let text = fs::read_to_string(self.grants().join(&name)).unwrap_or_default();
            let differs = Self::accounts(self.access(&one.grant)?) != text;
            match one.expected {
                Expected::Gone => {
                    let detail = "it opens accounts, and its grant is over";
                    found.push(Finding::new(Drift::Outlived, serial, target, detail));
                }
                Expected::There if differs => {
                    let accounts = text.split_ascii_whitespace().collect::<Vec<_>>().join(", ");
                    let detail = format!("it opens {accounts}, which is not what is configured");
                    found.push(Finding::new(Drift::Changed, serial, target, &detail));
                }
                Expected::There | Expected::Either => {}
            }
        }
        for one in standing {
            let serial = one.grant.grant;
            if one.expected == Expected::There && !there.contains(&serial) {
                let detail = "the certificate was made, and opens nothing";
                let target = format!("grants/{serial}");
                found.push(Finding::new(Drift::Missing, serial, target, detail));
            }
        }
        Ok(found)
    }

    /// Grants that ended early must be in the list, until nobody remembers them.
    async fn compare_krl(&self, standing: &[Standing]) -> Result<Vec<Finding>, Failure> {
        let Some(listed) = self.listed().await? else {
            if !self.grants().exists() {
                // Nothing was ever made.
                return Ok(Vec::new());
            }
            let detail = "the list of revoked certificates is not there; sshd lets nobody in";
            return Ok(vec![Finding::new(Drift::Changed, 0, KRL, detail)]);
        };
        let lost = early(standing)
            .filter(|serial| !listed.has(*serial))
            .map(|serial| {
                let target = format!("{KRL}, serial {serial}");
                Finding::new(
                    Drift::Changed,
                    serial,
                    target,
                    "the certificate is not revoked any more",
                )
            });
        Ok(lost.collect())
    }

    /// Whether the server still asks the way it was set up.
    async fn compare_sshd(&self, config: &Path) -> Result<Vec<Finding>, Failure> {
        let config = config.to_string_lossy();
        let program = Program::new(SSHD, &["-T", "-f", &config], Duration::from_secs(10));
        let said = program
            .run(b"")
            .await
            .map_err(|error| Failure::new(error.to_string()))?;
        let said = String::from_utf8_lossy(said.expose());
        let value = |key: &str| {
            let mut lines = said.lines().filter_map(|line| line.split_once(' '));
            lines
                .find(|(name, _)| *name == key)
                .map_or("none", |(_, value)| value)
        };
        let mut found = Vec::new();
        let mut differs = |what: &str, detail: &str| {
            let target = format!("{what} in {config}");
            found.push(Finding::new(Drift::Changed, 0, target, detail));
        };
        let authority = self.authority().map_err(Failure::new)?;
        let authority = String::from_utf8_lossy(authority.expose()).into_owned();
        let ours = authorized::fingerprint(&authority);
        let trusted = value("trustedusercakeys");
        let keys = authorized::fingerprints(Path::new(trusted)).ok().flatten();
        let keys = keys.unwrap_or_default();
        if !keys.iter().any(|key| Some(key) == ours.as_ref()) {
            differs(
                "TrustedUserCAKeys",
                "it does not trust the authority of `ca_key`",
            );
        }
        if Path::new(value("revokedkeys")) != self.revoked() {
            differs("RevokedKeys", "it does not name revoked.krl in `state`");
        }
        let state = self.config.state.to_string_lossy();
        let command = value("authorizedprincipalscommand");
        if !command.split_ascii_whitespace().any(|word| word == state) {
            differs(
                "AuthorizedPrincipalsCommand",
                "it does not ask countersign-principals with `state`",
            );
        }
        Ok(found)
    }

    /// Removes what nobody granted. The configuration of the server is not ours to change.
    pub(super) async fn correct(
        &self,
        finding: &Finding,
        grant: Option<&Grant>,
    ) -> Result<(), Failure> {
        let target = &finding.target;
        if target.starts_with(KRL) {
            let serials: &[u64] = if finding.grant == 0 {
                &[]
            } else {
                &[finding.grant]
            };
            return self.revoke_all(serials).await;
        }
        if let Some((key, path)) = target
            .strip_prefix("key ")
            .and_then(|rest| rest.split_once(" in "))
        {
            let taken = authorized::take_out(Path::new(path), key);
            return taken.map_err(|error| Failure::new(format!("cannot change {path}: {error}")));
        }
        let name = target.strip_prefix("grants/");
        match (finding.drift, name, grant) {
            (Drift::Changed, Some(_), Some(grant)) => {
                let accounts = Self::accounts(self.access(grant)?);
                let path = self.grants().join(grant.grant.to_string());
                fs::write(path, accounts).map_err(|error| self.cannot(&error))
            }
            (Drift::Unknown, Some(name), _) if finding.grant == 0 => {
                fs::remove_file(self.grants().join(name)).map_err(|error| self.cannot(&error))
            }
            (Drift::Unknown | Drift::Outlived, _, _) if finding.grant != 0 => self
                .decertify(finding.grant, Ending::Revoked)
                .await
                .map(drop),
            _ => Err(Failure::new(format!("{target} is not ours to mend"))),
        }
    }

    pub(super) async fn look(&self) -> Result<Vec<String>, Failure> {
        let version = Program::new("ssh-keygen", &["-?"], Duration::from_secs(10))
            .run(b"")
            .await;
        if let Err(error @ crate::provision::process::ProgramError::Start { .. }) = version {
            return Err(Failure::new(format!("{error}; it comes with OpenSSH")));
        }
        let mut accounts = Vec::new();
        for access in &self.config.access {
            accounts.extend(access.accounts.iter().map(String::as_str));
        }
        let missing = account::missing(accounts).await?;
        if !missing.is_empty() {
            return Err(Failure::new(format!(
                "this machine has no account {}; make it, or correct `accounts`",
                missing.join(", ")
            )));
        }
        let mut lines = Vec::new();
        for access in &self.config.access {
            let (permission, resource) = (&access.permission, &access.resource);
            let accounts = access.accounts.join(", ");
            lines.push(format!(
                "{permission} on {resource}: a certificate for {accounts}"
            ));
        }
        for name in names(&self.grants()).map_err(|error| self.cannot(&error))? {
            lines.push(format!("exists: certificate {name}"));
        }
        for watched in &self.config.watch {
            let keys = authorized::fingerprints(&watched.path).map_err(|error| {
                Failure::new(format!("cannot read {}: {error}", watched.path.display()))
            })?;
            lines.push(match keys {
                Some(keys) => format!("watches {}: {} keys", watched.path.display(), keys.len()),
                None => authorized::missing(&watched.path),
            });
        }
        self.prepared()?;
        if let Some(config) = &self.config.sshd_config {
            let findings = self.compare_sshd(config).await?;
            let wrong = findings
                .iter()
                .map(|finding| format!("{}: {}", finding.target, finding.detail));
            let wrong: Vec<String> = wrong.collect();
            if !wrong.is_empty() {
                return Err(Failure::new(format!(
                    "{}; prepare the host as docs/provisioners.md says, OpenSSH, and reload sshd",
                    wrong.join("; ")
                )));
            }
        }
        Ok(lines)
    }
}

fn is_open(standing: &[Standing], serial: u64) -> bool {
    let found = standing.iter().find(|one| one.grant.grant == serial);
    found.is_some_and(|one| one.expected != Expected::Gone)
}

/// Serials of grants that ended before their time.
fn early(standing: &[Standing]) -> impl Iterator<Item = u64> {
    let over = standing.iter().filter(|one| {
        one.expected == Expected::Gone
            && matches!(one.ended, Some(Ending::Revoked | Ending::Finished))
    });
    over.map(|one| one.grant.grant)
}

/// Names in a folder, in order; none when it is not there.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| !name.ends_with(".new"));
    names.sort();
    Ok(names)
}

//! Keys and certificates, by OpenSSH's own program.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Ssh, SshAccess};
use crate::provision::credential::{Credential, Part};
use crate::provision::files;
use crate::provision::process::Program;
use crate::provision::provisioner::{Failure, Grant};
use crate::provision::text::told;

/// How long `ssh-keygen` may take.
const LIMIT: Duration = Duration::from_secs(20);
/// A certificate is valid from this much before its grant on: clocks differ.
const BEFORE: u64 = 300;

/// Runs `ssh-keygen`; what it said.
pub(super) async fn keygen(arguments: &[&str]) -> Result<String, Failure> {
    let ran = Program::new("ssh-keygen", arguments, LIMIT).run(b"").await;
    let said = ran.map_err(|error| Failure::new(error.to_string()))?;
    Ok(String::from_utf8_lossy(said.expose()).into_owned())
}

/// A folder for a moment, that nobody else can read.
struct Work(PathBuf);

impl Drop for Work {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::error!(path = %self.0.display(), %error, "cannot remove a work folder");
        }
    }
}

impl Ssh {
    fn work(&self, grant: &Grant) -> Result<Work, Failure> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path = self.config.state.join("work").join(grant.grant.to_string());
        // Of a run that was interrupted: nobody got what is in it.
        if path.exists() {
            fs::remove_dir_all(&path).map_err(|error| self.cannot(&error))?;
        }
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&path);
        made.map_err(|error| self.cannot(&error))?;
        Ok(Work(path))
    }

    /// The public key that a person left, when there is one.
    fn left(&self, person: &str) -> Result<Option<Vec<u8>>, Failure> {
        let Some(folder) = &self.config.keys else {
            return Ok(None);
        };
        let odd = person.is_empty() || person.starts_with('.') || person.contains(['/', '\0']);
        let path = folder.join(format!("{person}.pub"));
        if odd || !path.exists() {
            return Ok(None);
        }
        let key = files::read(&path).map_err(Failure::new)?;
        Ok(Some(key.expose().to_vec()))
    }

    /// Signs the key that the person left, or a new one.
    pub(super) async fn sign(
        &self,
        grant: &Grant,
        access: &SshAccess,
    ) -> Result<Credential, Failure> {
        let work = self.work(grant)?;
        let key = work.0.join("key");
        let (private, public) = (text(&key)?, text(&key.with_extension("pub"))?);
        let left = self.left(&grant.person)?;
        if let Some(left) = &left {
            fs::write(&public, left).map_err(|error| self.cannot(&error))?;
        } else {
            let comment = format!("countersign grant {}", grant.grant);
            let make = [
                "-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f", &private,
            ];
            keygen(&make).await?;
        }
        let arguments = arguments(&text(&self.config.ca_key)?, grant, access, &public)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        keygen(&arguments).await?;
        let certificate = files::read(&work.0.join("key-cert.pub")).map_err(Failure::new)?;
        let mut parts = Vec::new();
        if left.is_none() {
            parts.push(Part {
                name: "key".to_owned(),
                content: files::read(&key).map_err(Failure::new)?,
            });
        }
        let proof = certificate.clone();
        parts.push(Part {
            name: "key-cert.pub".to_owned(),
            content: certificate,
        });
        Ok(Credential::new(parts, proof.expose()))
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::new(format!("expected a path in UTF-8, got {}", path.display())))
}

/// The arguments that sign a certificate for a grant.
fn arguments(
    ca: &str,
    grant: &Grant,
    access: &SshAccess,
    public: &str,
) -> Result<Vec<String>, Failure> {
    let Grant {
        grant: number,
        case,
        person,
        ..
    } = grant;
    let id = told(&format!(
        "countersign grant {number} person {person} case {case}"
    ));
    let end = grant.end_seconds();
    // From long enough ago for clocks that are behind; the end is what counts.
    let validity = format!("-{BEFORE}s:{}", date(end)?);
    let mut arguments = vec!["-q".to_owned()];
    let mut add = |option: &str, value: String| {
        arguments.push(option.to_owned());
        arguments.push(value);
    };
    add("-s", ca.to_owned());
    add("-I", id);
    add("-n", access.accounts.join(","));
    add("-V", validity);
    add("-z", number.to_string());
    add("-O", "clear".to_owned());
    for permit in &access.permit {
        add("-O", permit.option().to_owned());
    }
    if !access.source_address.is_empty() {
        add(
            "-O",
            format!("source-address={}", access.source_address.join(",")),
        );
    }
    if let Some(command) = &access.force_command {
        add("-O", format!("force-command={command}"));
    }
    arguments.push(public.to_owned());
    Ok(arguments)
}

/// A time as `ssh-keygen` reads it in the zone UTC, in which it is run.
fn date(seconds: u64) -> Result<String, Failure> {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_second(seconds);
    let time = time.map_err(|error| Failure::new(format!("the end is no time: {error}")))?;
    Ok(time.strftime("%Y%m%d%H%M%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::ssh::Permit;

    #[test]
    fn a_certificate_says_whose_it_is_and_what_it_may() {
        let grant = Grant {
            grant: 1_042,
            case: 1_040,
            person: "ada".into(),
            principal: String::new(),
            resource: "web".into(),
            permission: "shell".into(),
            end: 1_700_000_000_999_999,
            record_session: true,
        };
        let access = SshAccess {
            resource: "web".into(),
            permission: "shell".into(),
            accounts: vec!["deploy".into(), "www".into()],
            source_address: vec!["10.0.0.0/8".into(), "::1/128".into()],
            force_command: Some("/usr/bin/uptime -p".into()),
            permit: vec![Permit::Pty, Permit::PortForwarding],
        };
        let arguments = arguments("/ca", &grant, &access, "/key.pub").unwrap();
        assert_eq!(
            arguments.join("|"),
            "-q|-s|/ca|-I|countersign grant 1042 person ada case 1040|-n|deploy,www|-V|\
             -300s:20231114221320|-z|1042|-O|clear|-O|permit-pty|-O|permit-port-forwarding|-O|\
             source-address=10.0.0.0/8,::1/128|-O|force-command=/usr/bin/uptime -p|/key.pub"
        );
    }
}

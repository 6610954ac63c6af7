//! Whether the host is prepared: the authority's key, and the folder that `sshd` shares.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Ssh;
use crate::provision::provisioner::Failure;

impl Ssh {
    /// What is missing for the first certificate, all of it in one failure.
    pub(super) fn prepared(&self) -> Result<(), Failure> {
        let mut wrong = Vec::new();
        wrong.extend(private_key(&self.config.ca_key));
        let revoked = self.revoked();
        if !revoked.exists() {
            wrong.push(format!(
                "{} is not there, and sshd lets nobody in without it: run `ssh-keygen -k -f` on it",
                revoked.display()
            ));
        }
        let sessions = self.sessions();
        if !sessions.is_dir() {
            wrong.push(format!(
                "{} is not there: run `install -d -o countersign-ssh -m 755` on it",
                sessions.display()
            ));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let wrong = wrong.join("; ");
        Err(Failure::new(format!(
            "{wrong} (docs/provisioners.md, OpenSSH)"
        )))
    }
}

/// What is wrong with the private key of the authority.
fn private_key(path: &Path) -> Option<String> {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(facts) if facts.permissions().mode() & 0o077 != 0 => Some(format!(
            "{shown} can be read by others, and ssh-keygen refuses it then: run `chmod 600` on it"
        )),
        Ok(_) => match fs::File::open(path) {
            Ok(_file) => None,
            Err(error) => Some(format!("cannot read {shown}: {error}")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some(format!("there is no private key {shown} of the authority"))
        }
        Err(error) => Some(format!("cannot read {shown}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::ssh::SshConfig;

    #[test]
    fn all_that_a_host_lacks_is_said_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("ca.pub"), "ssh-ed25519 AAAA").unwrap();
        let config: SshConfig = toml::from_str(&format!(
            "ca_key = {:?}\nstate = {:?}\naccess = []",
            path("ca"),
            dir.path()
        ))
        .unwrap();
        let ssh = Ssh::new(&config).unwrap();
        let why = ssh.prepared().unwrap_err().to_string();
        for says in [
            "no private key",
            "revoked.krl is not there",
            "sessions is not there",
        ] {
            assert!(why.contains(says), "{why}");
        }
        fs::write(path("ca"), "key").unwrap();
        fs::set_permissions(path("ca"), fs::Permissions::from_mode(0o644)).unwrap();
        let why = ssh.prepared().unwrap_err().to_string();
        assert!(why.contains("can be read by others"), "{why}");
        fs::set_permissions(path("ca"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(path("revoked.krl"), "").unwrap();
        fs::create_dir(path("sessions")).unwrap();
        ssh.prepared().unwrap();
    }
}

//! The list of revoked certificates.

use std::fs;
use std::io;

use super::Ssh;
use super::keygen::keygen;
use crate::provision::provisioner::Failure;

impl Ssh {
    /// Makes an empty list when there is none: `sshd` lets nobody in without the file.
    pub(super) async fn ensure_krl(&self) -> Result<(), Failure> {
        let _alone = self.krl.lock().await;
        if self.revoked().exists() {
            return Ok(());
        }
        self.change(&[]).await
    }

    /// Adds a serial, when it is not in the list.
    pub(super) async fn revoke(&self, serial: u64) -> Result<(), Failure> {
        self.revoke_all(&[serial]).await
    }

    /// Adds those of these serials that are not in the list, and looks whether they are.
    pub(super) async fn revoke_all(&self, serials: &[u64]) -> Result<(), Failure> {
        let _alone = self.krl.lock().await;
        let before = self.listed().await?;
        let missing: Vec<u64> = serials
            .iter()
            .copied()
            .filter(|serial| !before.as_ref().is_some_and(|list| list.has(*serial)))
            .collect();
        if !missing.is_empty() || before.is_none() {
            self.change(&missing).await?;
        }
        let after = self.listed().await?;
        match serials
            .iter()
            .find(|serial| !after.as_ref().is_some_and(|list| list.has(**serial)))
        {
            None => Ok(()),
            Some(serial) => Err(Failure::new(format!(
                "serial {serial} is not in {} after it was added",
                self.revoked().display()
            ))),
        }
    }

    /// Replaces the list by one with these serials more. `sshd` sees the old or the new one.
    async fn change(&self, serials: &[u64]) -> Result<(), Failure> {
        let path = self.revoked();
        let (new, spec) = (path.with_extension("krl.new"), path.with_extension("spec"));
        let lines: String = serials
            .iter()
            .map(|serial| format!("serial: {serial}\n"))
            .collect();
        let prepare = || {
            fs::create_dir_all(&self.config.state)?;
            fs::write(&spec, lines)?;
            if path.exists() {
                fs::copy(&path, &new).map(|_| true)
            } else {
                Ok(false)
            }
        };
        let there = prepare().map_err(|error: io::Error| self.cannot(&error))?;
        let mut ca = self.config.ca_key.as_os_str().to_owned();
        ca.push(".pub");
        let ca = ca.to_string_lossy();
        let (new_text, spec_text) = (new.to_string_lossy(), spec.to_string_lossy());
        let mut arguments = vec!["-q", "-k", "-f", &new_text, "-s", &ca];
        if there {
            arguments.push("-u");
        }
        arguments.push(&spec_text);
        keygen(&arguments).await?;
        let finish = || {
            fs::File::open(&new)?.sync_all()?;
            fs::rename(&new, &path)?;
            fs::remove_file(&spec)?;
            fs::File::open(&self.config.state)?.sync_all()
        };
        finish().map_err(|error| self.cannot(&error))
    }

    /// What the list holds; `None` when there is none.
    pub(super) async fn listed(&self) -> Result<Option<Revoked>, Failure> {
        let path = self.revoked();
        if !path.exists() {
            return Ok(None);
        }
        let said = keygen(&["-Q", "-l", "-f", &path.to_string_lossy()]).await?;
        Ok(Some(Revoked::parse(&said)))
    }
}

/// Serials in a list, as ranges.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Revoked(Vec<(u64, u64)>);

impl Revoked {
    /// Reads what `ssh-keygen -Q -l` prints.
    fn parse(said: &str) -> Self {
        let ranges = said.lines().filter_map(|line| {
            let range = line.strip_prefix("serial: ")?.trim();
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some((first.parse().ok()?, last.parse().ok()?))
        });
        Self(ranges.collect())
    }

    pub(super) fn has(&self, serial: u64) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&serial))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_as_it_is_printed() {
        let said = "# KRL version 0\n# Generated at 20261127T020304\n\n\
                    # CA key ssh-ed25519 SHA256:abc\nserial: 7\nserial: 10-12\nserial: x\nid: y\n";
        let revoked = Revoked::parse(said);
        assert_eq!(revoked, Revoked(vec![(7, 7), (10, 12)]));
        for (serial, has) in [(6, false), (7, true), (10, true), (12, true), (13, false)] {
            assert_eq!(revoked.has(serial), has, "{serial}");
        }
    }
}

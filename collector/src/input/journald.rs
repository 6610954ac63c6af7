//! The journal of systemd, through `journalctl`.
//!
//! A child process follows the journal and writes an object of JSON for each entry. It is started
//! at the kept cursor, not behind it: its first entry then shows whether the journal still has the
//! place. If it is the entry of the cursor, it is passed over; if not, entries between may be lost,
//! and a `SpoolGap` says so. With `--after-cursor`, journalctl would pass over the first entry in
//! either case.
//!
//! `--merge` is there because `--follow` alone shows the entries of this boot only, and those that
//! were written before a restart of the machine would be lost. Journals of other machines in the
//! folder are shown too; a match on `_MACHINE_ID` leaves them out.

mod child;
mod entry;

use std::path::PathBuf;

use serde::Deserialize;

use crate::input::error::ConfigError;
use crate::input::settings;

pub(super) use child::run;
pub use entry::{Entry, EntryError};

/// What most people ask of an entry.
const FIELDS: [&str; 8] = [
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "_SYSTEMD_UNIT",
    "_PID",
    "_UID",
    "_HOSTNAME",
    "_COMM",
    "_EXE",
];
/// Names of fields, units and matches that one input may have; each is an argument.
const MAX_ARGUMENTS: usize = 128;

/// An input that follows the journal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournaldConfig {
    /// Unique within the agent.
    pub name: String,
    /// The program.
    #[serde(default = "journalctl")]
    pub journalctl: PathBuf,
    /// Folder of the journal; that of this machine by default.
    pub directory: Option<PathBuf>,
    /// Units whose entries are taken; all by default. Patterns are read when the child starts, so
    /// that a unit which comes later is not among them.
    #[serde(default)]
    pub units: Vec<String>,
    /// Other conditions, as in `_COMM=sshd`: those with one name are joined by OR, others by AND.
    #[serde(default)]
    pub matches: Vec<String>,
    /// Fields of an entry that become fields of the event.
    #[serde(default = "fields")]
    pub fields: Vec<String>,
    /// Where an input without a place begins.
    #[serde(default)]
    pub begin: Begin,
}

/// Where an input without a place begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Begin {
    /// With the oldest entry that the journal has.
    #[default]
    Oldest,
    /// With the next one.
    Now,
}

fn journalctl() -> PathBuf {
    PathBuf::from("/usr/bin/journalctl")
}

fn fields() -> Vec<String> {
    FIELDS.map(str::to_owned).to_vec()
}

impl JournaldConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        settings::path(&self.journalctl)?;
        self.directory.as_deref().map_or(Ok(()), settings::path)?;
        for (name, list) in [
            ("units", &self.units),
            ("matches", &self.matches),
            ("fields", &self.fields),
        ] {
            if list.len() > MAX_ARGUMENTS {
                return Err(ConfigError::Number(name, 0, MAX_ARGUMENTS, list.len()));
            }
        }
        let refuse = |what, got: &String| Err(ConfigError::Argument(what, got.clone()));
        if let Some(unit) = self.units.iter().find(|unit| !is_word(unit)) {
            return refuse("the name of a unit in `units`", unit);
        }
        let is_match = |text: &&String| match text.split_once('=') {
            Some((name, value)) => is_field(name) && !value.contains('\0'),
            None => false,
        };
        if let Some(other) = self.matches.iter().find(|text| !is_match(text)) {
            return refuse("a condition like _COMM=sshd in `matches`", other);
        }
        if let Some(other) = self.fields.iter().find(|name| !is_field(name)) {
            return refuse("the name of a journal field in `fields`", other);
        }
        Ok(())
    }

    /// Arguments of the child. None of them can be taken for an option that is not meant.
    fn arguments(&self, cursor: Option<&str>) -> Vec<String> {
        let mut shown = self.fields.join(",");
        for needed in entry::NEEDED {
            shown.push(',');
            shown.push_str(needed);
        }
        let mut arguments: Vec<String> = [
            "--output=json",
            "--all",
            "--quiet",
            "--no-pager",
            "--follow",
            "--merge",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--output-fields={shown}"));
        arguments.extend(cursor.map(|cursor| format!("--cursor={cursor}")));
        // With `--follow` alone, ten entries are shown, also behind a cursor: the others would wait
        // for the next write to the journal.
        arguments.push(match (cursor, self.begin) {
            (Some(_), _) | (None, Begin::Oldest) => "--no-tail".to_owned(),
            (None, Begin::Now) => "--lines=0".to_owned(),
        });
        let directory = self.directory.as_deref();
        arguments.extend(directory.map(|path| format!("--directory={}", path.display())));
        arguments.extend(self.units.iter().map(|unit| format!("--unit={unit}")));
        arguments.push("--".to_owned());
        arguments.extend(self.matches.iter().cloned());
        arguments
    }
}

/// journald takes upper-case letters, digits and underscores, at most 64 of them.
fn is_field(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(good)
}

fn is_word(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests;

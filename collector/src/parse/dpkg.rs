//! Lines of `dpkg.log`: local time, an action, and the words that go with it (dpkg(1), option
//! `--log`).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::parse::{ParseError, Parsed};

/// Bytes of `YYYY-MM-DD HH:MM:SS`.
const TIME: usize = 19;
/// What dpkg writes where there is no version.
const NONE: &str = "<none>";

pub(super) fn parse(line: &str, zone: &TimeZone) -> Result<Parsed, ParseError> {
    let (time, rest) = line.split_at_checked(TIME).ok_or(ParseError::NoTime)?;
    let observed_at = Some(instant(time, zone).ok_or(ParseError::NoTime)?);
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let fields = fields(&words).ok_or(ParseError::NoAction)?;
    Ok(Parsed {
        fields,
        observed_at,
    })
}

/// An hour that the clock shows twice is taken the first time, one that it skips is taken after the
/// gap.
fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let local = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    local
        .to_zoned(zone.clone())
        .ok()
        .map(|zoned| zoned.timestamp())
}

fn fields(words: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut fields = Fields::default();
    match *words {
        ["startup", kind, command] => {
            fields
                .put("action", "startup")
                .put("type", kind)
                .put("command", command);
        }
        ["status", state, package, version] => {
            fields.put("action", "status").put("state", state);
            fields.package(package).version("version", version);
        }
        ["conffile", file, decision] => {
            fields
                .put("action", "conffile")
                .put("file", file)
                .put("decision", decision);
        }
        [
            action @ ("install" | "upgrade" | "configure" | "trigproc" | "disappear" | "remove"
            | "purge"),
            package,
            installed,
            available,
        ] => {
            fields.put("action", action).package(package);
            fields.version("installed_version", installed);
            fields.version("available_version", available);
            // The one that counts: what is there after an installation, what was there before a
            // removal.
            let after = matches!(action, "install" | "upgrade");
            fields.version("version", if after { available } else { installed });
        }
        _ => return None,
    }
    Some(fields.0)
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn put(&mut self, name: &str, value: &str) -> &mut Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// `name:architecture`, or the name alone.
    fn package(&mut self, word: &str) -> &mut Self {
        match word.split_once(':') {
            Some((name, architecture)) => {
                self.put("package", name).put("architecture", architecture)
            }
            None => self.put("package", word),
        }
    }

    fn version(&mut self, name: &str, word: &str) -> &mut Self {
        if word == NONE {
            self
        } else {
            self.put(name, word)
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz;

    use super::*;

    fn read(line: &str) -> Result<String, ParseError> {
        let parsed = parse(line, &TimeZone::UTC)?;
        let fields: Vec<String> = parsed
            .fields
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Ok(fields.join(" "))
    }

    #[test]
    fn every_action_has_its_fields() {
        let table = [
            (
                "startup archives unpack",
                "action=startup command=unpack type=archives",
            ),
            (
                "startup packages configure",
                "action=startup command=configure type=packages",
            ),
            (
                "status installed libc6:amd64 2.41-12",
                "action=status architecture=amd64 package=libc6 state=installed version=2.41-12",
            ),
            (
                "status half-configured man-db 2.13.1-1",
                "action=status package=man-db state=half-configured version=2.13.1-1",
            ),
            (
                "install tree:amd64 <none> 2.2.1-1",
                "action=install architecture=amd64 available_version=2.2.1-1 package=tree \
                 version=2.2.1-1",
            ),
            (
                "upgrade tree:amd64 2.2.0-1 2.2.1-1",
                "action=upgrade architecture=amd64 available_version=2.2.1-1 \
                 installed_version=2.2.0-1 package=tree version=2.2.1-1",
            ),
            (
                "remove tree:amd64 2.2.1-1 <none>",
                "action=remove architecture=amd64 installed_version=2.2.1-1 package=tree \
                 version=2.2.1-1",
            ),
            (
                "configure tree:amd64 2.2.1-1 <none>",
                "action=configure architecture=amd64 installed_version=2.2.1-1 package=tree \
                 version=2.2.1-1",
            ),
            (
                "conffile /etc/issue keep",
                "action=conffile decision=keep file=/etc/issue",
            ),
        ];
        for (line, fields) in table {
            let read = read(&format!("2026-11-22 10:00:00 {line}"));
            assert_eq!(read.as_deref(), Ok(fields), "{line}");
        }
    }

    #[test]
    fn other_lines_are_refused() {
        use ParseError::{NoAction, NoTime};
        let table = [
            ("", NoTime),
            ("hello", NoTime),
            ("2026-11-22T10:00:00 status installed a 1", NoTime),
            ("2026-13-22 10:00:00 status installed a 1", NoTime),
            ("2026-11-22 25:00:00 status installed a 1", NoTime),
            ("2026-11-22 10:00:0é status installed a 1", NoTime),
            ("2026-11-22 10:00:00", NoAction),
            ("2026-11-22 10:00:00 status installed a", NoAction),
            ("2026-11-22 10:00:00 explode a 1 2", NoAction),
        ];
        for (line, error) in table {
            assert_eq!(read(line), Err(error), "{line}");
        }
    }

    #[test]
    fn times_are_local() {
        let line = "2026-11-22 10:00:00 startup archives unpack";
        let at = |zone: &TimeZone| parse(line, zone).unwrap().observed_at.unwrap().to_string();
        assert_eq!(at(&TimeZone::UTC), "2026-11-22T10:00:00Z");
        assert_eq!(at(&TimeZone::fixed(tz::offset(2))), "2026-11-22T08:00:00Z");
        assert_eq!(at(&TimeZone::fixed(tz::offset(-5))), "2026-11-22T15:00:00Z");
    }
}

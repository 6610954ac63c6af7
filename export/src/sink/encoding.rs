//! What an entry looks like at the receiver.

use countersign_chain::record::Record;
use countersign_client::{CallError, Client, Entry, Filter};
use countersign_proto::event::kind_by_name;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::item::Item;
use crate::line::{cef, native, syslog};
use crate::ocsf::{Mapper, Version};

/// Kinds that name the parties of a case, which later events of OCSF are given.
const PARTIES: [&str; 3] = ["AccessRequested", "BreakGlassInvoked", "GrantIssued"];
/// Bytes of a line of JSON beside the record and its text: hashes, signature, names of fields.
const JSON_ROOM: usize = 768;
/// Fields of a line of syslog before its structured data.
const HEADER: usize = 6;

/// What an entry looks like at the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The native JSON of an entry, on one line.
    Json,
    /// An OCSF event of this version, as JSON.
    Ocsf(Version),
    /// A line of the Common Event Format.
    Cef,
    /// A line of RFC 5424.
    Rfc5424,
}

impl Encoding {
    /// Whether what it makes is JSON.
    pub(super) const fn is_json(self) -> bool {
        match self {
            Self::Json | Self::Ocsf(_) => true,
            Self::Cef | Self::Rfc5424 => false,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "json" => Some(Self::Json),
            "cef" => Some(Self::Cef),
            "rfc5424" => Some(Self::Rfc5424),
            other => {
                let version = other.strip_prefix("ocsf-")?.parse().ok()?;
                Some(Self::Ocsf(version))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| {
            let ocsf = Version::ALL.map(|version| format!("ocsf-{version}"));
            D::Error::custom(format!(
                "expected json, {}, cef or rfc5424 in `encoding`, got {text:?}",
                ocsf.join(", ")
            ))
        })
    }
}

/// Encodes entries one after the other.
#[derive(Debug)]
pub(super) struct Encoder {
    encoding: Encoding,
    /// What events of OCSF are given from entries before.
    mapper: Option<Mapper>,
    /// Whether lines go to a syslog server, which needs the header of one.
    for_syslog: bool,
}

impl Encoder {
    pub(super) fn new(encoding: Encoding, for_syslog: bool) -> Self {
        let mapper = match encoding {
            Encoding::Ocsf(version) => Some(Mapper::new(version)),
            Encoding::Json | Encoding::Cef | Encoding::Rfc5424 => None,
        };
        Self {
            encoding,
            mapper,
            for_syslog,
        }
    }

    /// Learns what it needs from the entries before this index, so that an entry looks the same
    /// wherever a run begins.
    pub(super) async fn learn(&mut self, client: &Client, next: u64) -> Result<(), CallError> {
        let Some(mapper) = &mut self.mapper else {
            return Ok(());
        };
        let kinds = PARTIES.into_iter().filter_map(kind_by_name).collect();
        let mut pages = client.list(Filter {
            kinds,
            ..Filter::default()
        });
        while let Some(page) = pages.next().await? {
            for entry in page.entries {
                if entry.index() >= next {
                    return Ok(());
                }
                // A record that cannot be read has no parties.
                with_item(&entry, |item| mapper.see(item)).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// The entry as one line without its end.
    ///
    /// # Errors
    /// A sentence, when its record cannot be read.
    pub(super) fn encode(&mut self, entry: &Entry) -> Result<String, String> {
        with_item(entry, |item| self.line(item))
    }

    fn line(&mut self, item: &Item<'_>) -> String {
        let text = match (self.encoding, &mut self.mapper) {
            (Encoding::Cef, _) => cef(item),
            (Encoding::Rfc5424, _) => return syslog(item),
            (Encoding::Ocsf(_), Some(mapper)) => json_of(&mapper.map(item).event, item),
            (Encoding::Json | Encoding::Ocsf(_), _) => json_of(&native(item), item),
        };
        if self.for_syslog {
            wrapped(&syslog(item), &text)
        } else {
            text
        }
    }
}

/// The JSON of an entry in some form.
fn json_of(form: &impl Serialize, item: &Item<'_>) -> String {
    // The record in base64, its text, and what stands around them.
    let room = item.record.bytes().len().saturating_mul(3);
    let mut text = Vec::with_capacity(room.saturating_add(JSON_ROOM));
    // Every value can be written, and is UTF-8.
    serde_json::to_writer(&mut text, form).unwrap_or_default();
    String::from_utf8(text).unwrap_or_default()
}

/// The header of a line of syslog, no structured data, and this text.
fn wrapped(line: &str, text: &str) -> String {
    let header: Vec<&str> = line.split(' ').take(HEADER).collect();
    format!("{} - {text}", header.join(" "))
}

/// A verified entry as exports take it.
pub(super) fn with_item<T>(entry: &Entry, read: impl FnOnce(&Item<'_>) -> T) -> Result<T, String> {
    let record = Record::parse(entry.record());
    let record = record.map_err(|error| format!("entry {}: {error}", entry.index()))?;
    Ok(read(&Item::new(record, entry.leaf(), entry.checkpoint())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_go_by_their_names() {
        for (text, encoding) in [
            ("json", Some(Encoding::Json)),
            ("cef", Some(Encoding::Cef)),
            ("rfc5424", Some(Encoding::Rfc5424)),
            ("ocsf-1.3.0", Some(Encoding::Ocsf(Version::V1_3))),
            ("ocsf-1.9.0", Some(Encoding::Ocsf(Version::V1_9))),
            ("ocsf", None),
            ("ocsf-2.0.0", None),
            ("JSON", None),
        ] {
            assert_eq!(Encoding::parse(text), encoding, "{text}");
        }
    }

    #[test]
    fn what_is_no_line_of_syslog_gets_its_header() {
        let line = "<110>1 2026-01-31T12:00:00.000000Z a.example/log countersign - X [a b=\"c\"] d";
        let header = "<110>1 2026-01-31T12:00:00.000000Z a.example/log countersign - X";
        assert_eq!(wrapped(line, "CEF:0|a b"), format!("{header} - CEF:0|a b"));
    }

    #[test]
    fn kinds_that_name_parties_exist() {
        assert!(PARTIES.into_iter().all(|name| kind_by_name(name).is_some()));
    }
}

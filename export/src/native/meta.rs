//! What the metadata of a file say: which entries it holds, of which log, and what is needed to
//! prove them.

use countersign_chain::hash::Hash;
use countersign_chain::key::{KeyError, VerifierKey};
use countersign_chain::tree::Frontier;

/// Version of the file's form.
pub const FORMAT: &str = "native-1";
/// What the names of our metadata begin with. Other writers may add others.
pub const PREFIX: &str = "countersign.";

/// The names, in the order in which they are written.
const NAMES: [&str; 9] = [
    "countersign.format",
    "countersign.origin",
    "countersign.vkey",
    "countersign.first",
    "countersign.end",
    "countersign.rows",
    "countersign.whole",
    "countersign.frontier",
    "countersign.checkpoint",
];

/// Metadata of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Meta {
    /// The key that the log is signed with; its name is the origin of the log.
    pub key: VerifierKey,
    /// Index of the first entry of the range.
    pub first: u64,
    /// Index behind the last entry of the range.
    pub end: u64,
    /// Number of rows.
    pub rows: u64,
    /// The tree of size `first`, when every entry of the range is there: from here on roots are
    /// computed. `None` when entries were chosen.
    pub frontier: Option<Frontier>,
    /// Signed note of the commit of the last row.
    pub checkpoint: String,
}

/// Why metadata are none of such a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetaError {
    /// Not there.
    #[error("{0} is missing from the metadata of the file")]
    Missing(&'static str),
    /// There is more than one.
    #[error("{0} stands twice in the metadata of the file")]
    Twice(String),
    /// Not of this version.
    #[error("{0} is no name of this version; a newer one may have written the file")]
    Unknown(String),
    /// Of another form.
    #[error("{name} is {got:?}; expected {expected}")]
    Bad {
        /// Name.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// The key is none.
    #[error("countersign.vkey: {0}")]
    Key(#[from] KeyError),
}

impl Meta {
    /// Names and values, in order.
    #[must_use]
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let hashes = self.frontier.as_ref().map(Frontier::hashes);
        let hashes = hashes.unwrap_or_default().iter();
        let values = [
            FORMAT.to_owned(),
            self.key.origin().to_string(),
            self.key.to_string(),
            self.first.to_string(),
            self.end.to_string(),
            self.rows.to_string(),
            self.frontier.is_some().to_string(),
            hashes
                .map(|hash| hash.to_base64())
                .collect::<Vec<_>>()
                .join(" "),
            self.checkpoint.clone(),
        ];
        NAMES.into_iter().zip(values).collect()
    }

    /// Reads names and values. Names that do not begin with [`PREFIX`] are passed over.
    ///
    /// # Errors
    /// [`MetaError`] names what is wrong. Whether the checkpoint is signed is not looked at.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<Self, MetaError> {
        let mut found: [Option<&str>; NAMES.len()] = [None; NAMES.len()];
        for (name, value) in pairs {
            if !name.starts_with(PREFIX) {
                continue;
            }
            let mut places = NAMES.iter().zip(&mut found);
            let Some((_, place)) = places.find(|(known, _)| **known == name) else {
                return Err(MetaError::Unknown(name.to_owned()));
            };
            if place.replace(value.unwrap_or_default()).is_some() {
                return Err(MetaError::Twice(name.to_owned()));
            }
        }
        let mut values = NAMES.into_iter().zip(found);
        let mut next = || match values.next() {
            Some((name, Some(value))) => Ok((name, value)),
            Some((name, None)) => Err(MetaError::Missing(name)),
            None => Err(MetaError::Missing(PREFIX)),
        };
        is(
            next()?,
            FORMAT,
            "the form native-1, which this version reads",
        )?;
        let origin = next()?;
        let key = VerifierKey::parse(next()?.1)?;
        is(
            origin,
            key.origin().as_str(),
            "the name in countersign.vkey",
        )?;
        let (first, end) = (number(next()?)?, next()?);
        let rows = next()?;
        let whole = flag(next()?)?;
        let frontier = frontier(next()?, first, whole)?;
        let meta = Self {
            key,
            first,
            end: number(end)?,
            rows: number(rows)?,
            frontier,
            checkpoint: next()?.1.to_owned(),
        };
        let Some(range) = meta.end.checked_sub(first).filter(|range| *range > 0) else {
            return Err(bad(end, "a number above countersign.first"));
        };
        if meta.rows > range || (whole && meta.rows < range) {
            return Err(bad(
                rows,
                "the number of entries from countersign.first to .end",
            ));
        }
        Ok(meta)
    }
}

fn bad((name, got): (&'static str, &str), expected: &'static str) -> MetaError {
    let got = got.to_owned();
    MetaError::Bad {
        name,
        expected,
        got,
    }
}

fn is(got: (&'static str, &str), value: &str, expected: &'static str) -> Result<(), MetaError> {
    if got.1 == value {
        Ok(())
    } else {
        Err(bad(got, expected))
    }
}

/// A number is taken only if printing it again gives the same text.
fn number(got: (&'static str, &str)) -> Result<u64, MetaError> {
    let number = got.1.parse::<u64>().ok();
    let same = number.filter(|number| *number < 1 << 63 && number.to_string() == got.1);
    same.ok_or_else(|| bad(got, "a number below 2^63"))
}

fn flag(got: (&'static str, &str)) -> Result<bool, MetaError> {
    match got.1 {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(bad(got, "true or false")),
    }
}

fn frontier(
    got: (&'static str, &str),
    first: u64,
    whole: bool,
) -> Result<Option<Frontier>, MetaError> {
    if !whole {
        return is(got, "", "nothing, as entries were chosen").map(|()| None);
    }
    let hashes = got.1.split(' ').filter(|_| !got.1.is_empty());
    let hashes: Option<Vec<Hash>> = hashes.map(Hash::parse_base64).collect();
    hashes
        .and_then(|hashes| Frontier::from_hashes(first, hashes).ok())
        .map(Some)
        .ok_or_else(|| bad(got, "a hash in base64 for each bit of countersign.first"))
}

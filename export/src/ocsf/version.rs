//! Which OCSF.

use std::fmt;
use std::str::FromStr;

/// A version of OCSF that events can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 1.3.0, the newest that Amazon Security Lake takes.
    V1_3,
    /// 1.8.0.
    V1_8,
    /// 1.9.0, the first that has a place for hashes and signatures.
    V1_9,
}

/// Not a version that events can be written in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("OCSF version is {0:?}; expected 1.3.0, 1.8.0 or 1.9.0")]
pub struct VersionError(String);

impl Version {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::V1_3, Self::V1_8, Self::V1_9];

    /// As it stands in `metadata.version`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_3 => "1.3.0",
            Self::V1_8 => "1.8.0",
            Self::V1_9 => "1.9.0",
        }
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let found = Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text);
        found.ok_or_else(|| VersionError(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

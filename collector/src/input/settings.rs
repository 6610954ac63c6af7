//! What configurations of inputs have in common.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::input::error::ConfigError;
use crate::limits::{MAX_INPUT_NAME, MAX_PATH, POLL_INTERVAL};
use crate::parse::Format;

/// Address and port. Names are not looked up: what they stand for may change.
pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_not_one| {
        D::Error::custom(format!(
            "expected an IP address and a port in `address`, as in 127.0.0.1:6514, got {text:?}"
        ))
    })
}

pub(super) fn some_address<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<SocketAddr>, D::Error> {
    address(from).map(Some)
}

/// How the lines of a followed file are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineFormat {
    /// Not at all.
    Raw,
    /// As those of Debian's `dpkg.log`.
    Dpkg,
    /// As words of the form `key=value`.
    KeyValue,
}

impl From<LineFormat> for Format {
    fn from(format: LineFormat) -> Self {
        match format {
            LineFormat::Raw => Self::Raw,
            LineFormat::Dpkg => Self::Dpkg,
            LineFormat::KeyValue => Self::KeyValue,
        }
    }
}

/// A zone by its name; that of the system when none is given.
pub(crate) fn zone(name: Option<&str>) -> Result<TimeZone, ConfigError> {
    match name {
        None => Ok(TimeZone::system()),
        Some(name) => TimeZone::get(name)
            .map_err(|error| ConfigError::Zone(name.to_owned(), error.to_string())),
    }
}

/// Names are in places, which are kept: no two of them may look alike.
pub(crate) fn name(name: &str) -> Result<(), ConfigError> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > MAX_INPUT_NAME || !name.bytes().all(good) {
        return Err(ConfigError::Name(name.to_owned()));
    }
    Ok(())
}

/// The path is part of the source: relative ones would depend on where the agent was started.
pub(crate) fn path(path: &Path) -> Result<(), ConfigError> {
    if !path.is_absolute() || path.as_os_str().len() > MAX_PATH {
        return Err(ConfigError::Path(path.to_path_buf()));
    }
    Ok(())
}

/// The path of one file.
pub(crate) fn one_file(of: &Path) -> Result<(), ConfigError> {
    path(of)?;
    if has_star(of) {
        return Err(ConfigError::Star(of.to_path_buf()));
    }
    Ok(())
}

/// Whether a path has a `*`, which stands for many names wherever it means something.
pub(crate) fn has_star(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().contains(&b'*')
}

/// Milliseconds between two looks at a file that has nothing new.
pub(crate) fn interval(millis: u64) -> Result<Duration, ConfigError> {
    let (least, most) = (10, 3_600_000);
    if !(least..=most).contains(&millis) {
        let got = usize::try_from(millis).unwrap_or(usize::MAX);
        return Err(ConfigError::Number("interval_ms", 10, 3_600_000, got));
    }
    Ok(Duration::from_millis(millis))
}

pub(crate) const fn interval_ms() -> u64 {
    // The pause is far below the range of u64.
    POLL_INTERVAL.as_secs() * 1_000 + POLL_INTERVAL.subsec_millis() as u64
}

//! The file that says where entries are brought.

pub mod kinds;
mod place;
pub(super) mod secret;
pub mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use self::kinds::{
    FileConfig, HttpsConfig, ObjectConfig, OtlpConfig, SplunkConfig, SyslogConfig, TlsConfig,
};
use self::values::{Size, Span};
use crate::limits::{
    HOLD_AFTER, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, MAX_SINK_CONFIG, MAX_SINK_NAME, MAX_SINKS,
    OBJECT_BYTES, OBJECT_ENTRIES, OBJECT_WAIT, REPORT_AFTER, REPORT_EVERY, RETRY_FIRST, RETRY_LAST,
    SINK_BATCH_BYTES, SINK_BATCH_ENTRIES, SINK_BATCH_WAIT,
};
use crate::sink::encoding::Encoding;

/// The whole file, in TOML.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder for cursors, status and what was put aside, one folder in it for each sink.
    pub state: PathBuf,
    /// Address of `/metrics` and `/healthz`, in plain HTTP; none without.
    #[serde(default, deserialize_with = "values::address")]
    pub metrics: Option<SocketAddr>,
    /// The sinks.
    #[serde(default)]
    pub sink: Vec<SinkConfig>,
}

/// One sink. Exactly one of `https`, `splunk`, `syslog`, `file`, `object` and `otlp` is set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// Its name, in messages, metrics and entries; unique, and the same for ever.
    pub name: String,
    /// What an entry looks like there. Default: `json`; `rfc5424` for syslog.
    pub encoding: Option<Encoding>,
    /// Index of the first entry, when the sink has no cursor yet. Default: 0.
    #[serde(default)]
    pub from: u64,
    /// How much is brought at once.
    #[serde(default)]
    pub batch: BatchConfig,
    /// How failures are met.
    #[serde(default)]
    pub retry: RetryConfig,
    /// When the log is told of failures.
    #[serde(default)]
    pub report: ReportConfig,
    /// A web service.
    pub https: Option<HttpsConfig>,
    /// The HTTP event collector of Splunk.
    pub splunk: Option<SplunkConfig>,
    /// A syslog server.
    pub syslog: Option<SyslogConfig>,
    /// Files.
    pub file: Option<FileConfig>,
    /// A store of objects.
    pub object: Option<ObjectConfig>,
    /// A receiver of OpenTelemetry logs.
    pub otlp: Option<OtlpConfig>,
}

/// How much is brought at once: a batch is full at the first of these. Its defaults are larger for
/// stores of objects, where a batch is an object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchConfig {
    /// Entries. Default: 500; 10000 for objects.
    pub entries: Option<usize>,
    /// Bytes of encoded entries. Default: `1MiB`; `16MiB` for objects.
    pub bytes: Option<Size>,
    /// How long its first entry waits for others. Default: `1s`; `60s` for objects.
    pub wait: Option<Span>,
}

/// How failures are met.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// The first pause. Default: `500ms`.
    pub first: Span,
    /// The longest pause; a receiver may ask for more. Default: `60s`.
    pub last: Span,
    /// Entries that are put aside one after the other, without one that gets through, before the
    /// sink is held to be at fault and waits. Default: 100.
    pub hold_after: u32,
}

/// When the log is told of failures.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportConfig {
    /// How long a failure lasts before. Default: `60s`.
    pub after: Span,
    /// How often again. Default: `1h`.
    pub every: Span,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            first: Span::of(RETRY_FIRST),
            last: Span::of(RETRY_LAST),
            hold_after: HOLD_AFTER,
        }
    }
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self {
            after: Span::of(REPORT_AFTER),
            every: Span::of(REPORT_EVERY),
        }
    }
}

/// How much a batch may hold, with the defaults filled in.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchLimits {
    pub(super) entries: usize,
    pub(super) bytes: u64,
    pub(super) wait: std::time::Duration,
}

/// Where relative names are looked up, and the environment.
pub(super) struct Place<'a> {
    folder: &'a Path,
    /// Without it, secrets are not read.
    env: Option<Env<'a>>,
}

/// Reads a variable of the environment.
type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why a file is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not there, or may not be read.
    #[error("cannot read {}: {source}; docs/sinks.md has one to begin with", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than any configuration.
    #[error("{} has more than {MAX_SINK_CONFIG} bytes, expected a configuration", .0.display())]
    Large(PathBuf),
    /// It is not TOML, or says something that is not known or makes no sense.
    #[error("{}: {why}", path.display())]
    Wrong {
        /// Which.
        path: PathBuf,
        /// What, and where.
        why: String,
    },
}

impl Config {
    /// Reads a file and the secrets that it names. Files that it names are looked up from the
    /// folder that it is in; `env` reads the environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and the place in it.
    pub fn read(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::load(path, Some(env))
    }

    /// Reads a file without the secrets that it names, for who only looks.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn outline(path: &Path) -> Result<Self, ConfigError> {
        Self::load(path, None)
    }

    fn load(path: &Path, env: Option<Env<'_>>) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        let size = std::fs::metadata(path).map_err(read)?.len();
        if size > MAX_SINK_CONFIG {
            return Err(ConfigError::Large(path.to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        Self::parse(&text, &Place { folder, env }).map_err(|why| ConfigError::Wrong {
            path: path.to_owned(),
            why,
        })
    }

    fn parse(text: &str, place: &Place<'_>) -> Result<Self, String> {
        let mut config: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        config.state = place.folder.join(&config.state);
        if config.sink.is_empty() || config.sink.len() > MAX_SINKS {
            let count = config.sink.len();
            return Err(format!(
                "expected 1 to {MAX_SINKS} sinks, got {count}; each begins with a line [[sink]]"
            ));
        }
        let mut names = BTreeSet::new();
        let mut places = BTreeMap::new();
        for sink in &mut config.sink {
            let settled = sink.settle(place);
            settled.map_err(|why| format!("sink {:?}: {why}", sink.name))?;
            if !names.insert(sink.name.clone()) {
                return Err(format!(
                    "sink {:?}: the name is there twice; cursors and entries go by it, choose \
                     another",
                    sink.name
                ));
            }
            let Some(place) = place::of(sink) else {
                continue;
            };
            if let Some(other) = places.insert(place.clone(), sink.name.clone()) {
                return Err(format!(
                    "sink {:?}: sink {other:?} writes to the same place, {place}, and one would \
                     write over what the other wrote; give one of them another folder or prefix",
                    sink.name
                ));
            }
        }
        Ok(config)
    }

    /// The folder of one sink.
    #[must_use]
    pub fn folder(&self, sink: &SinkConfig) -> PathBuf {
        self.state.join(&sink.name)
    }
}

impl SinkConfig {
    fn settle(&mut self, place: &Place<'_>) -> Result<(), String> {
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let name = &self.name;
        if name.is_empty() || name.len() > MAX_SINK_NAME || !name.bytes().all(good) {
            return Err(format!(
                "expected 1 to {MAX_SINK_NAME} of a-z, 0-9 and - in name, got {name:?}"
            ));
        }
        let kinds = [
            ("https", self.https.is_some()),
            ("splunk", self.splunk.is_some()),
            ("syslog", self.syslog.is_some()),
            ("file", self.file.is_some()),
            ("object", self.object.is_some()),
            ("otlp", self.otlp.is_some()),
        ];
        let there: Vec<&str> = kinds.iter().filter(|it| it.1).map(|it| it.0).collect();
        if there.len() != 1 {
            let all = kinds.map(|(name, _)| name).join(", ");
            return Err(format!(
                "expected exactly one of {all}, as in [sink.https], got {}",
                if there.is_empty() {
                    "none".to_owned()
                } else {
                    there.join(" and ")
                }
            ));
        }
        self.check_numbers()?;
        self.settle_files(place)
    }

    fn check_numbers(&self) -> Result<(), String> {
        let limits = self.limits();
        if limits.entries == 0 || limits.entries > MAX_BATCH_ENTRIES {
            return Err(format!(
                "expected 1 to {MAX_BATCH_ENTRIES} in batch.entries, got {}",
                limits.entries
            ));
        }
        if limits.bytes > MAX_BATCH_BYTES {
            return Err(format!(
                "expected at most 64MiB in batch.bytes, got {} bytes",
                limits.bytes
            ));
        }
        if self.retry.first.get() > self.retry.last.get() {
            return Err(format!(
                "expected retry.first to be at most retry.last, got {:?} and {:?}",
                self.retry.first, self.retry.last
            ));
        }
        if self.retry.hold_after == 0 {
            return Err("expected 1 or more in retry.hold_after, got 0".to_owned());
        }
        Ok(())
    }

    fn settle_files(&mut self, place: &Place<'_>) -> Result<(), String> {
        if let Some(https) = &mut self.https {
            settle("https.signing_secret", &mut https.signing_secret, place)?;
            settle("https.bearer_token", &mut https.bearer_token, place)?;
            https.tls.settle(place)?;
        }
        if let Some(splunk) = &mut self.splunk {
            splunk.token.settle("splunk.token", place)?;
            splunk.tls.settle(place)?;
        }
        if let Some(syslog) = &mut self.syslog {
            syslog.tls.settle(place)?;
            if let Some(path) = &mut syslog.path {
                *path = place.folder.join(&path);
            }
        }
        if let Some(file) = &mut self.file {
            file.folder = place.folder.join(&file.folder);
        }
        if let Some(object) = &mut self.object {
            for (name, secret) in &mut object.secrets {
                secret.settle(&format!("object.secrets.{name}"), place)?;
            }
        }
        if let Some(otlp) = &mut self.otlp {
            settle("otlp.bearer_token", &mut otlp.bearer_token, place)?;
            otlp.tls.settle(place)?;
        }
        Ok(())
    }

    /// What entries look like there.
    pub(super) fn encoding(&self) -> Encoding {
        let usual = match self.syslog {
            Some(_) => Encoding::Rfc5424,
            None => Encoding::Json,
        };
        self.encoding.unwrap_or(usual)
    }

    pub(super) fn limits(&self) -> BatchLimits {
        let (entries, bytes, wait) = match self.object {
            Some(_) => (OBJECT_ENTRIES, OBJECT_BYTES, OBJECT_WAIT),
            None => (SINK_BATCH_ENTRIES, SINK_BATCH_BYTES, SINK_BATCH_WAIT),
        };
        BatchLimits {
            entries: self.batch.entries.unwrap_or(entries),
            bytes: self.batch.bytes.map_or(bytes, Size::get),
            wait: self.batch.wait.map_or(wait, Span::get),
        }
    }
}

impl TlsConfig {
    fn settle(&mut self, place: &Place<'_>) -> Result<(), String> {
        if self.cert.is_some() != self.key.is_some() {
            return Err("expected tls.cert and tls.key together, got one of them".to_owned());
        }
        let files = [&mut self.root_cert, &mut self.cert, &mut self.key];
        for path in files.into_iter().flatten() {
            *path = place.folder.join(&path);
        }
        Ok(())
    }
}

fn settle(
    what: &str,
    secret: &mut Option<secret::Secret>,
    place: &Place<'_>,
) -> Result<(), String> {
    secret
        .as_mut()
        .map_or(Ok(()), |secret| secret.settle(what, place))
}

#[cfg(test)]
mod tests;

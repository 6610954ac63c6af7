//! The settings of each kind of sink.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::secret::Secret;
use super::values::{Size, Span};
use crate::limits::{SINK_FILE_BYTES, TRY_LIMIT};

/// Certificates of a connection. Files are in PEM form.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificates, one of which the receiver's must come from; without it those that the system
    /// trusts.
    pub root_cert: Option<PathBuf>,
    /// Certificate of this sink with its chain, for receivers that ask for one.
    pub cert: Option<PathBuf>,
    /// Private key of that certificate.
    pub key: Option<PathBuf>,
}

/// How entries stand in the body of a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// One JSON array.
    #[default]
    Array,
    /// One line each.
    Lines,
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// With gzip.
    Gzip,
}

/// A web service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpsConfig {
    /// Its address: `https`, or `http` to a loopback address.
    pub url: String,
    /// How entries stand in the body. Default: `array`.
    #[serde(default)]
    pub body: Body,
    /// Signs each body: `whsec_` and the base64 of 24 to 64 bytes.
    pub signing_secret: Option<Secret>,
    /// Goes with each call as `Authorization: Bearer …`.
    pub bearer_token: Option<Secret>,
    /// Other headers of each call.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Compression of bodies. Default: `none`.
    #[serde(default)]
    pub compression: Compression,
    /// How long one call may take. Default: `30s`.
    #[serde(default = "try_limit")]
    pub timeout: Span,
    /// Certificates.
    #[serde(default)]
    pub tls: TlsConfig,
}

/// The HTTP event collector of Splunk.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplunkConfig {
    /// Its address, for example `https://splunk.example.com:8088/services/collector/event`.
    pub url: String,
    /// Token of the collector.
    pub token: Secret,
    /// Index that the events go into. Default: that of the token.
    pub index: Option<String>,
    /// Source type. Default: `countersign:entry`.
    #[serde(default = "sourcetype")]
    pub sourcetype: String,
    /// Source. Default: `countersign:` and the origin of the log.
    pub source: Option<String>,
    /// Host. Default: what stands before the first `/` of the origin.
    pub host: Option<String>,
    /// Compression of bodies. Default: `none`.
    #[serde(default)]
    pub compression: Compression,
    /// How long one call may take. Default: `30s`.
    #[serde(default = "try_limit")]
    pub timeout: Span,
    /// Certificates.
    #[serde(default)]
    pub tls: TlsConfig,
}

/// How lines get to a syslog server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// TLS, as RFC 5425 has it.
    #[default]
    Tls,
    /// TCP without TLS, to a loopback address.
    Tcp,
    /// A socket of this machine.
    Unix,
}

/// How it is known that a syslog server has taken a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirm {
    /// Each batch has a connection of its own, whose orderly end by the server says that it read
    /// everything.
    #[default]
    Close,
    /// Not at all: what was written into the connection counts as taken.
    None,
}

/// A syslog server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogConfig {
    /// How lines get there. Default: `tls`.
    #[serde(default)]
    pub transport: Transport,
    /// Host and port, for `tls` and `tcp`.
    pub address: Option<String>,
    /// Path of the socket, for `unix`.
    pub path: Option<PathBuf>,
    /// Name that its certificate must carry. Default: the host of the address.
    pub server_name: Option<String>,
    /// How it is known that a batch was taken. Default: `close`.
    #[serde(default)]
    pub confirm: Confirm,
    /// How long a connection and a batch may take. Default: `30s`.
    #[serde(default = "try_limit")]
    pub timeout: Span,
    /// Certificates.
    #[serde(default)]
    pub tls: TlsConfig,
}

/// Files of one line for each entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// Folder of the files. It is made when it is not there.
    pub folder: PathBuf,
    /// Beginning of their names. Default: the name of the sink.
    pub prefix: Option<String>,
    /// Size at which a new file begins. Default: `100MiB`.
    #[serde(default = "file_bytes")]
    pub max_bytes: Size,
    /// Ledger time that one file covers; a new one begins at each multiple of it. Default: `1d`.
    #[serde(default = "day")]
    pub rotate_every: Span,
    /// Number of files that are kept; the oldest ones are removed. Default: all.
    pub keep: Option<u32>,
}

/// A store of objects.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectConfig {
    /// `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, or `file:///folder`.
    pub url: String,
    /// Settings of the store by the names that `object_store` gives them, for example `region`,
    /// `endpoint` or `account_name`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Settings that are secret, for example `secret_access_key`.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// Whether what the environment says counts as well (`AWS_*`, `GOOGLE_*`, `AZURE_*`): keys,
    /// and the roles of machines. Default: false.
    #[serde(default)]
    pub use_environment: bool,
    /// Level of zstd, 1 to 19. Default: 3.
    #[serde(default = "level")]
    pub level: i32,
    /// How long one upload may take. Default: `30s`.
    #[serde(default = "try_limit")]
    pub timeout: Span,
}

/// A receiver of OpenTelemetry logs over gRPC.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpConfig {
    /// Its address: `https://host:port`, or `http://` to a loopback address.
    pub url: String,
    /// Goes with each call as `authorization: Bearer …`.
    pub bearer_token: Option<Secret>,
    /// Other metadata of each call.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Name of the service that the entries come from. Default: `countersign`.
    #[serde(default = "service")]
    pub service_name: String,
    /// How long one call may take. Default: `30s`.
    #[serde(default = "try_limit")]
    pub timeout: Span,
    /// Certificates.
    #[serde(default)]
    pub tls: TlsConfig,
}

fn try_limit() -> Span {
    Span::of(TRY_LIMIT)
}

fn sourcetype() -> String {
    "countersign:entry".to_owned()
}

fn service() -> String {
    "countersign".to_owned()
}

fn file_bytes() -> Size {
    Size::of(SINK_FILE_BYTES)
}

fn day() -> Span {
    Span::of(std::time::Duration::from_secs(86_400))
}

const fn level() -> i32 {
    3
}

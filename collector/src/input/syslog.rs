//! Syslog: RFC 5424 and what follows RFC 3164, over TLS (RFC 5425), TCP (RFC 6587) and local
//! sockets.
//!
//! Each message is one event. Its position counts the messages of its connection, and begins anew
//! with each: syslog has no way to ask a sender for a message again, so there is no place to go on
//! from. What a sender sent while nobody listened, and what was on its way when a connection or the
//! agent ended, is lost unless the sender keeps it; RFC 5424 has no acknowledgements.

mod datagram;
mod frames;
mod listen;
mod message;
mod rfc3164;
mod rfc5424;
mod stream;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::input::error::{ConfigError, InputError};
use crate::input::settings::{self, zone};
use crate::input::tls::TlsConfig;
use crate::limits::{
    MAX_CONNECTIONS, MAX_IDLE, MAX_PATH, MAX_SYSLOG_MESSAGE, SYSLOG_CONNECTIONS, SYSLOG_IDLE,
    SYSLOG_MESSAGE,
};

pub use frames::{Flaw, Frame, Frames};
pub(super) use listen::run;
pub use message::{Arrival, MessageError, parse};

/// RFC 5424, section 6.1: every receiver must take so many bytes.
const LEAST_MESSAGE: usize = 480;

/// An input that takes syslog messages.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogConfig {
    /// Unique within the agent.
    pub name: String,
    /// Over what messages come.
    pub transport: Transport,
    /// Address and port, for `tls` and `tcp`.
    #[serde(default, deserialize_with = "settings::some_address")]
    pub address: Option<SocketAddr>,
    /// Path of the socket, for `unix-datagram` and `unix-stream`. What is there from an earlier run
    /// is replaced, if it is a socket that nobody listens to.
    pub path: Option<PathBuf>,
    /// Permissions of the socket, as in `0o660`. By default only this user and root can write.
    #[serde(default = "owner_only")]
    pub mode: u32,
    /// Certificates, for `tls`.
    pub tls: Option<TlsConfig>,
    /// Takes plain TCP also from other machines. Anybody who reaches the port can then say
    /// anything, and read it on the way.
    #[serde(default)]
    pub plain_from_anywhere: bool,
    /// Bytes of a message that are kept, 480 to 1,048,576.
    #[serde(default = "message_bytes")]
    pub max_message_bytes: usize,
    /// Connections at a time, 1 to 4,096; more are closed at once.
    #[serde(default = "connections")]
    pub max_connections: usize,
    /// A connection that says nothing for so many seconds is closed; 1 to 604,800.
    #[serde(default = "idle_seconds")]
    pub idle_seconds: u64,
    /// Zone of times that name none, an IANA name; that of the system by default.
    pub zone: Option<String>,
}

/// Over what messages come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// TLS over TCP.
    Tls,
    /// TCP, from this machine unless it is said otherwise.
    Tcp,
    /// A local socket for messages, as `/dev/log` is one.
    UnixDatagram,
    /// A local socket for connections.
    UnixStream,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "tls",
            Self::Tcp => "tcp",
            Self::UnixDatagram => "unix-datagram",
            Self::UnixStream => "unix-stream",
        })
    }
}

const fn owner_only() -> u32 {
    0o600
}

const fn message_bytes() -> usize {
    SYSLOG_MESSAGE
}

const fn connections() -> usize {
    SYSLOG_CONNECTIONS
}

const fn idle_seconds() -> u64 {
    SYSLOG_IDLE.as_secs()
}

/// Where messages come from, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Door {
    Tls(SocketAddr, TlsConfig),
    Tcp(SocketAddr),
    Datagram(PathBuf),
    Stream(PathBuf),
}

impl SyslogConfig {
    /// The door that the configuration describes; nothing is opened.
    pub(super) fn door(&self) -> Result<Door, ConfigError> {
        let Self {
            transport,
            address,
            path,
            tls,
            ..
        } = self;
        let needs = |what| ConfigError::Needs(*transport, what);
        let excess = |is_there: bool, what| match is_there {
            true => Err(ConfigError::Excess(*transport, what)),
            false => Ok(()),
        };
        excess(tls.is_some() && *transport != Transport::Tls, "tls")?;
        match transport {
            Transport::Tls | Transport::Tcp => {
                excess(path.is_some(), "path")?;
                let address = address.ok_or_else(|| needs("address"))?;
                if *transport == Transport::Tls {
                    let tls = tls.clone().ok_or_else(|| needs("[input.tls]"))?;
                    return Ok(Door::Tls(address, tls));
                }
                if !address.ip().is_loopback() && !self.plain_from_anywhere {
                    return Err(ConfigError::Plain(address, "plain_from_anywhere"));
                }
                Ok(Door::Tcp(address))
            }
            Transport::UnixDatagram | Transport::UnixStream => {
                excess(address.is_some(), "address")?;
                let path = path.clone().ok_or_else(|| needs("path"))?;
                if path.as_os_str().len() > MAX_PATH || !path.is_absolute() {
                    return Err(ConfigError::Path(path));
                }
                Ok(match transport {
                    Transport::UnixStream => Door::Stream(path),
                    _ => Door::Datagram(path),
                })
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.door()?;
        zone(self.zone.as_deref())?;
        let numbers = [
            (
                "max_message_bytes",
                self.max_message_bytes,
                LEAST_MESSAGE,
                MAX_SYSLOG_MESSAGE,
            ),
            ("max_connections", self.max_connections, 1, MAX_CONNECTIONS),
            (
                "idle_seconds",
                small(self.idle_seconds),
                1,
                small(MAX_IDLE.as_secs()),
            ),
            ("mode", small(u64::from(self.mode)), 0, 0o777),
        ];
        for (name, got, least, most) in numbers {
            if !(least..=most).contains(&got) {
                return Err(ConfigError::Number(name, least, most, got));
            }
        }
        Ok(())
    }

    /// What reading needs to know.
    fn habits(&self) -> Result<Habits, InputError> {
        Ok(Habits {
            source: format!("syslog:{}", self.name),
            zone: zone(self.zone.as_deref())?,
            max_message: self.max_message_bytes,
            idle: Duration::from_secs(self.idle_seconds),
        })
    }
}

/// How messages are read.
#[derive(Debug, Clone)]
struct Habits {
    source: String,
    zone: TimeZone,
    max_message: usize,
    idle: Duration,
}

fn small(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;

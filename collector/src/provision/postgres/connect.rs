//! Connections to the server as the role that makes roles.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Connection, NoTls};

use super::PostgresConfig;
use super::tls::Tls;
use crate::provision::files;
use crate::provision::provisioner::Failure;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Where the server is.
pub(super) struct Server {
    config: Config,
    password_file: Option<PathBuf>,
    tls: Option<Tls>,
    /// Host and port, or the socket, for messages.
    at: String,
}

/// A connection that ends with its value.
pub(super) struct Session {
    client: Client,
    task: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::ops::Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// What the server says, in one line; the client's own words are "db error".
pub(super) fn failure(error: &tokio_postgres::Error) -> Failure {
    if let Some(said) = error.as_db_error() {
        let detail = said.detail().map(|detail| format!(": {detail}"));
        let detail = detail.unwrap_or_default();
        let code = said.code().code();
        return Failure::new(format!("PostgreSQL: {} ({code}){detail}", said.message()));
    }
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    Failure::new(format!("PostgreSQL: {words}"))
}

fn is_here(host: &str) -> bool {
    let loopback = host
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    host.starts_with('/') || host == "localhost" || loopback
}

impl Server {
    pub(super) fn new(settings: &PostgresConfig) -> Result<Self, String> {
        let host = &settings.host;
        let tls = match &settings.root_cert {
            Some(path) => {
                let pem = files::read(path)?;
                let tls = Tls::new(pem.expose());
                Some(tls.map_err(|error| format!("{}: {error}", path.display()))?)
            }
            None if is_here(host) => None,
            None => {
                return Err(format!(
                    "expected postgres.root_cert, because {host} is not on this machine"
                ));
            }
        };
        let mut config = Config::new();
        config
            .host(host)
            .port(settings.port)
            .user(&settings.user)
            .dbname(&settings.database)
            .application_name("countersign")
            .options("-c standard_conforming_strings=on -c search_path=pg_catalog")
            .ssl_mode(if tls.is_some() {
                SslMode::Require
            } else {
                SslMode::Disable
            })
            .connect_timeout(CONNECT);
        Ok(Self {
            config,
            password_file: settings.password_file.clone(),
            tls,
            at: match host.strip_suffix('/').unwrap_or(host) {
                folder if folder.starts_with('/') => format!("{folder}/.s.PGSQL.{}", settings.port),
                host if host.contains(':') => format!("[{host}]:{}", settings.port),
                host => format!("{host}:{}", settings.port),
            },
        })
    }

    /// Connects to the first database.
    pub(super) async fn session(&self) -> Result<Session, Failure> {
        self.open(self.config.clone()).await
    }

    /// Connects to another database.
    pub(super) async fn session_in(&self, database: &str) -> Result<Session, Failure> {
        let mut config = self.config.clone();
        config.dbname(database);
        self.open(config).await
    }

    async fn open(&self, mut config: Config) -> Result<Session, Failure> {
        if let Some(path) = &self.password_file {
            let text = files::read(path).map_err(Failure::new)?;
            let end = text.expose().iter().position(|byte| *byte == b'\n');
            let line = &text.expose()[..end.unwrap_or(text.expose().len())];
            config.password(line.strip_suffix(b"\r").unwrap_or(line));
        }
        let opened = match &self.tls {
            None => config.connect(NoTls).await.map(session),
            Some(tls) => config.connect(tls.clone()).await.map(session),
        };
        opened.map_err(|error| self.not_opened(&error))
    }

    /// Which server it is, and what usually helps.
    fn not_opened(&self, error: &tokio_postgres::Error) -> Failure {
        let code = error.as_db_error().map(|said| said.code().code());
        let hint = match (code, self.at.starts_with('/')) {
            // invalid_authorization_specification: how pg_hba.conf lets the role in.
            (Some("28000"), true) => {
                "; let the role log in with its password at the socket: `local all <role> \
                 scram-sha-256` before other `local` lines of pg_hba.conf (docs/provisioners.md)"
            }
            (Some("28000"), false) => "; let the role log in from here, in pg_hba.conf",
            (Some("28P01"), _) => "; see that `password_file` holds the password of the role",
            _ => "",
        };
        Failure::new(format!("{} at {}{hint}", failure(error), self.at))
    }
}

fn session<S, T>((client, connection): (Client, Connection<S, T>)) -> Session
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to PostgreSQL ended");
        }
    });
    Session { client, task }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_this_machine_needs_no_encryption() {
        for host in ["/var/run/postgresql", "localhost", "127.0.0.1", "::1"] {
            assert!(is_here(host), "{host}");
        }
        for host in ["db.example.com", "10.0.0.1", "localhost.example.com", ""] {
            assert!(!is_here(host), "{host}");
        }
    }
}

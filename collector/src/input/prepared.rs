//! Whether an input could begin now: files, programs and addresses, without taking any of them.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;

use crate::input::error::{ConfigError, InputError};
use crate::input::series::Series;
use crate::input::syslog::Door;
use crate::input::{InputConfig, tls};

/// Says what is worth knowing before an input runs, in lines.
///
/// # Errors
/// [`InputError`] when it cannot begin as things are.
pub fn prepared(config: &InputConfig) -> Result<Vec<String>, InputError> {
    config.check()?;
    match config {
        InputConfig::Journald(config) => {
            program(&config.journalctl)?;
            config.directory.as_deref().map_or(Ok(()), folder)?;
            Ok(Vec::new())
        }
        InputConfig::Syslog(config) => match config.door()? {
            Door::Tls(address, files) => {
                tls::load(&files, &[])?;
                listens(address)
            }
            Door::Tcp(address) => listens(address),
            Door::Stream(path) | Door::Datagram(path) => socket(&path),
        },
        InputConfig::Otlp(config) => {
            if let Some(files) = &config.tls {
                tls::load(files, &[b"h2"])?;
            }
            listens(config.address)
        }
        InputConfig::Csvlog(config) => match Series::of(&config.path) {
            Some(series) => match series.oldest() {
                Ok(Some(_)) => Ok(Vec::new()),
                Ok(None) => Ok(vec![absent(&config.path)]),
                Err(source) => Err(not_read(&config.path, source)),
            },
            None => file(&config.path),
        },
        InputConfig::File(config) => file(&config.path),
        InputConfig::Jsonl(config) => file(&config.path),
    }
}

fn not_read(path: &Path, source: io::Error) -> InputError {
    InputError::Read {
        path: path.to_owned(),
        source,
    }
}

fn absent(path: &Path) -> String {
    format!("there is no {} yet; it is waited for", path.display())
}

/// A file may come later.
fn file(path: &Path) -> Result<Vec<String>, InputError> {
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(facts) if facts.is_file() => Ok(Vec::new()),
        Ok(_) => Err(not_read(path, io::Error::other("it is no file"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(vec![absent(path)]),
        Err(error) => Err(not_read(path, error)),
    }
}

fn folder(path: &Path) -> Result<(), InputError> {
    fs::read_dir(path)
        .map(drop)
        .map_err(|error| not_read(path, error))
}

fn program(path: &Path) -> Result<(), InputError> {
    let facts = fs::metadata(path).map_err(|error| not_read(path, error))?;
    if facts.is_file() && facts.permissions().mode() & 0o111 != 0 {
        return Ok(());
    }
    let why = io::Error::other("it is no program that can be run");
    Err(not_read(path, why))
}

/// An address that is in use may be so by the agent that runs now.
fn listens(address: SocketAddr) -> Result<Vec<String>, InputError> {
    match TcpListener::bind(address) {
        Ok(_listener) => Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(vec![format!(
            "{address} is in use now; unless an agent with this file runs, it cannot listen there"
        )]),
        Err(source) => Err(InputError::Listen {
            at: address.to_string(),
            source,
        }),
    }
}

fn socket(path: &Path) -> Result<Vec<String>, InputError> {
    match fs::symlink_metadata(path) {
        Ok(facts) if facts.file_type().is_socket() => return Ok(Vec::new()),
        Ok(_) => return Err(ConfigError::Occupied(path.to_owned()).into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(not_read(path, error)),
    }
    folder(path.parent().unwrap_or(Path::new("/")))?;
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(config: &str) -> Result<Vec<String>, String> {
        let config: InputConfig = toml::from_str(config).unwrap();
        prepared(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_series_without_a_file_is_waited_for_and_one_without_a_folder_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let series = |name: &str| {
            let path = dir.path().join(name);
            said(&format!("type = \"csvlog\"\nname = \"f\"\npath = {path:?}"))
        };
        assert!(series("pg-*.csv").unwrap()[0].contains("waited for"));
        assert!(series("none/pg-*.csv").unwrap_err().contains("cannot read"));
    }

    fn check(config: &str, expected: Result<&str, &str>) {
        match (said(config), expected) {
            (Ok(lines), Ok("")) => assert!(lines.is_empty(), "{config}: {lines:?}"),
            (Ok(lines), Ok(says)) => assert!(lines[0].contains(says), "{config}: {lines:?}"),
            (Err(why), Err(says)) => assert!(why.contains(says), "{config}: {why}"),
            (got, _) => panic!("{config}: {got:?}"),
        }
    }

    #[test]
    fn what_an_input_lacks_is_said_before_it_runs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("plain"), "x").unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let (plain, none, folder) = (at("plain"), at("none"), dir.path());
        let sender = "type = \"syslog\"\nname = \"s\"\ntransport";
        let table = [
            (
                format!("type = \"file\"\nname = \"f\"\npath = {plain:?}"),
                Ok(""),
            ),
            (
                format!("type = \"file\"\nname = \"f\"\npath = {none:?}"),
                Ok("waited for"),
            ),
            (
                format!("type = \"jsonl\"\nname = \"f\"\npath = {folder:?}"),
                Err("it is no file"),
            ),
            (
                format!("type = \"journald\"\nname = \"j\"\njournalctl = {plain:?}"),
                Err("no program that can be run"),
            ),
            (
                format!("type = \"journald\"\nname = \"j\"\njournalctl = {none:?}"),
                Err("cannot read"),
            ),
            (
                format!("{sender} = \"tcp\"\naddress = \"{address}\""),
                Ok("is in use now"),
            ),
            (
                format!(
                    "{sender} = \"tcp\"\naddress = \"192.0.2.1:5\"\nplain_from_anywhere = true"
                ),
                Err("cannot listen at 192.0.2.1:5"),
            ),
            (
                format!("{sender} = \"unix-stream\"\npath = {plain:?}"),
                Err("something else than a socket"),
            ),
            (
                format!(
                    "{sender} = \"unix-datagram\"\npath = {:?}",
                    at("none/socket")
                ),
                Err("cannot read"),
            ),
            (
                format!(
                    "{sender} = \"tls\"\naddress = \"127.0.0.1:0\"\n[tls]\ncertificate = \
                     {none:?}\nkey = {none:?}"
                ),
                Err("cannot read"),
            ),
        ];
        for (config, expected) in table {
            check(&config, expected);
        }
    }
}

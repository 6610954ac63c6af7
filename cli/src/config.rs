//! Connection settings: flags, then what `--dir` finds, then `COUNTERSIGN_*` variables, then
//! `countersign.toml`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

/// Name of the file.
const FILE: &str = "countersign.toml";
/// Name of the log when none is given.
pub(crate) const MAIN: &str = "main";

/// What one source says. What it does not say, the next one may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    /// Addresses of the ledger.
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) server: Vec<String>,
    /// Folder with `cert.pem`, `key.pem` and `ca.pem`.
    pub(crate) identity: Option<PathBuf>,
    /// Name of the log.
    pub(crate) log: Option<String>,
    /// Verifier key of the log.
    pub(crate) key: Option<String>,
    /// File that remembers checkpoints.
    pub(crate) remember: Option<PathBuf>,
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Servers {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Servers::deserialize(from)? {
        Servers::One(server) => vec![server],
        Servers::Many(servers) => servers,
    })
}

impl Layer {
    /// What this layer says, completed by a weaker one.
    pub(crate) fn or(self, weaker: Self) -> Self {
        Self {
            server: if self.server.is_empty() {
                weaker.server
            } else {
                self.server
            },
            identity: self.identity.or(weaker.identity),
            log: self.log.or(weaker.log),
            key: self.key.or(weaker.key),
            remember: self.remember.or(weaker.remember),
        }
    }

    /// The variables. An empty one counts as not set.
    pub(crate) fn from_env(get: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Self> {
        let value = |name: &str| get(name).filter(|value| !value.is_empty());
        let text = |name: &str| {
            let value = value(name).map(OsString::into_string).transpose();
            value.map_err(|_value| anyhow::anyhow!("{name} is not UTF-8; set it again or unset it"))
        };
        let servers = text("COUNTERSIGN_SERVER")?.unwrap_or_default();
        let servers = servers
            .split(',')
            .map(str::trim)
            .filter(|server| !server.is_empty());
        Ok(Self {
            server: servers.map(str::to_owned).collect(),
            identity: value("COUNTERSIGN_IDENTITY").map(PathBuf::from),
            log: text("COUNTERSIGN_LOG")?,
            key: text("COUNTERSIGN_KEY")?,
            remember: value("COUNTERSIGN_REMEMBER").map(PathBuf::from),
        })
    }

    /// A file. Its relative paths start at its own folder.
    pub(crate) fn from_file(path: &Path) -> anyhow::Result<Self> {
        let text = crate::files::read_text(path)?;
        let read = Self::parse(&text, path.parent().unwrap_or_else(|| Path::new("")));
        read.with_context(|| format!("{} is no configuration", path.display()))
    }

    fn parse(text: &str, folder: &Path) -> anyhow::Result<Self> {
        let mut layer: Self = toml::from_str(text)?;
        for path in [&mut layer.identity, &mut layer.remember]
            .into_iter()
            .flatten()
        {
            *path = folder.join(&*path);
        }
        Ok(layer)
    }
}

/// The configuration file: the given one, else the first that exists.
pub(crate) fn find_file(
    given: Option<&Path>,
    get: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    if let Some(path) = given {
        return Some(path.to_owned());
    }
    let base = get("XDG_CONFIG_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let base = base.or_else(|| Some(PathBuf::from(get("HOME")?).join(".config")));
    let home = base.map(|base| base.join("countersign").join(FILE));
    [Some(PathBuf::from(FILE)), home]
        .into_iter()
        .flatten()
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into())
        }
    }

    fn layer(server: &str, log: Option<&str>) -> Layer {
        let server = server.split_whitespace().map(str::to_owned).collect();
        Layer {
            server,
            log: log.map(str::to_owned),
            ..Layer::default()
        }
    }

    #[test]
    fn the_stronger_source_wins_setting_by_setting() {
        let merged = layer("https://flag:1", None)
            .or(layer("https://env:1", Some("env")))
            .or(Layer {
                key: Some("file".into()),
                ..layer("https://file:1", Some("file"))
            });
        assert_eq!(merged.server, ["https://flag:1"]);
        assert_eq!(merged.log.as_deref(), Some("env"));
        assert_eq!(merged.key.as_deref(), Some("file"));
        assert_eq!(merged.identity, None);
    }

    #[test]
    fn variables_are_read_and_empty_ones_are_not_set() {
        let read = Layer::from_env(env(&[
            ("COUNTERSIGN_SERVER", "https://a:1, https://b:1"),
            ("COUNTERSIGN_IDENTITY", "/id"),
            ("COUNTERSIGN_LOG", ""),
        ]))
        .expect("UTF-8");
        assert_eq!(read.server, ["https://a:1", "https://b:1"]);
        assert_eq!(read.identity, Some("/id".into()));
        assert_eq!(read.log, None);
    }

    #[test]
    fn files_name_one_server_or_many_and_their_paths_are_relative_to_them() {
        let read = |text: &str| Layer::parse(text, Path::new("/etc/cs"));
        let one =
            read("server = \"https://a:1\"\nidentity = \"id\"\nremember = \"/r\"").expect("good");
        assert_eq!(one.server, ["https://a:1"]);
        assert_eq!(one.identity, Some("/etc/cs/id".into()));
        assert_eq!(one.remember, Some("/r".into()));
        let many = read("server = [\"https://a:1\", \"https://b:1\"]").expect("good");
        assert_eq!(many.server.len(), 2);
        assert!(read("sever = \"https://a:1\"").is_err());
    }

    #[test]
    fn a_given_file_is_taken_even_when_it_is_missing() {
        let given = Path::new("/no/such/file.toml");
        assert_eq!(find_file(Some(given), env(&[])), Some(given.to_owned()));
        assert_eq!(find_file(None, env(&[("HOME", "/no/such/home")])), None);
        assert!(Layer::from_file(given).is_err());
    }
}

//! Where a sink writes what stays there, so that no two sinks write over each other.

use std::path::{Component, Path, PathBuf};

use reqwest::Url;

use super::SinkConfig;
use super::kinds::{FileConfig, ObjectConfig};

/// The place in words, equal for two sinks whose files or objects have the same names; `None` for
/// receivers that keep both.
pub(super) fn of(sink: &SinkConfig) -> Option<String> {
    match (&sink.file, &sink.object) {
        (Some(file), _) => Some(files(file, &sink.name)),
        (_, Some(object)) => Some(objects(object)),
        _ => None,
    }
}

fn files(config: &FileConfig, name: &str) -> String {
    let prefix = config.prefix.as_deref().unwrap_or(name);
    format!("{} with the prefix {prefix:?}", folder(&config.folder))
}

fn objects(config: &ObjectConfig) -> String {
    let Ok(url) = Url::parse(&config.url) else {
        // It is refused with words of its own.
        return config.url.clone();
    };
    if let Ok(path) = url.to_file_path() {
        return format!("file://{}", folder(&path));
    }
    let host = url.host_str().unwrap_or_default();
    let segments = url.path().split('/').filter(|part| !part.is_empty());
    let path: Vec<&str> = segments.collect();
    let place = format!("{}://{host}/{}", url.scheme(), path.join("/"));
    // Stores of two owners have buckets of the same name.
    let told = |name: &str| name.ends_with("endpoint") || name.ends_with("account_name");
    let store = config.options.iter().filter(|(name, _)| told(name));
    store.fold(place, |place, (_, value)| {
        format!("{place} at {}", value.trim_end_matches('/'))
    })
}

/// The folder by its one name, as far as that can be known before it is there.
fn folder(path: &Path) -> String {
    let plain: PathBuf = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect();
    let known = plain.canonicalize().unwrap_or(plain);
    known.display().to_string()
}

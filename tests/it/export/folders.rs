//! Ledgers with entries, runs of the command, and what it leaves.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use countersign_ledger::identity::role::Role;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, countersign};

/// A data folder with these many entries of an agent behind its own.
pub(crate) async fn filled(lines: usize) -> DataFolder {
    filled_with(lines, 0).await
}

/// The same, each with so many more bytes.
pub(crate) async fn filled_with(lines: usize, more: usize) -> DataFolder {
    let tail = "x".repeat(more);
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "db-prod-1").await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let mut child = countersign(&["collector", "emit", "--server", &server.endpoint.grpc])
        .arg("--identity")
        .arg(agent)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    for n in 0..lines {
        let raw = format!("line {n}: session opened for user {}{tail}", n % 97);
        writeln!(stdin, "{{\"source\":\"sshd\",\"raw\":\"{raw}\"}}").expect("it reads");
    }
    drop(stdin);
    assert!(child.wait().expect("it ran").success());
    assert!(server.stop().0.success());
    data
}

/// Runs `countersign export`.
pub(crate) fn export(source: &str, out: &Path, more: &[&str]) -> Output {
    let mut command = countersign(&["export", source, "--no-progress"]);
    command.arg("--out").arg(out).args(more);
    command.output().expect("the binary starts")
}

/// What it printed, when it went well.
pub(crate) fn well(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Code and words of a refusal.
pub(crate) fn refused(output: &Output) -> (i32, String) {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("it was not killed"), error)
}

/// Names and bytes of the files of an export: those that a program would take for whole.
pub(crate) fn files(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut files, mut folders) = (Vec::new(), vec![out.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("readable").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.starts_with('.') {
                let inside = path.strip_prefix(out).expect("inside").to_owned();
                files.push((inside, std::fs::read(&path).expect("readable")));
            }
        }
    }
    files.sort();
    files
}

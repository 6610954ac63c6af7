//! `journalctl` on a real journal, which `systemd-journal-remote` writes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_proto::event::Known;
use countersign_tests::process::tool;

use crate::outlet::{Memory, Running};
use crate::program::done;

/// A folder with a journal.
struct Journal(tempfile::TempDir);

impl Journal {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("test.journal")
    }

    /// Writes these entries behind those that are there. Every third one is of the next boot.
    async fn write(&self, numbers: std::ops::Range<u64>) {
        let mut export = String::new();
        for number in numbers {
            let (time, boot) = (1_790_000_000_000_000 + number * 1_000_000, number / 3 + 1);
            write!(
                export,
                "__REALTIME_TIMESTAMP={time}\n__MONOTONIC_TIMESTAMP={time}\n_BOOT_ID={boot:032x}\n\
                 MESSAGE=entry {number}\nPRIORITY={}\nSYSLOG_IDENTIFIER=test\n_COMM=sh\n\n",
                number % 8
            )
            .expect("text");
        }
        let text = self.0.path().join("export");
        std::fs::write(&text, export).expect("room");
        let mut command = Command::new(tool("COUNTERSIGN_TEST_JOURNAL_REMOTE"));
        command.arg("-o").arg(self.file()).arg(&text);
        done(command).await;
    }
}

fn config(folder: &Path, more: &str) -> String {
    format!(
        "type = \"journald\"\nname = \"j\"\njournalctl = {:?}\ndirectory = {folder:?}\n{more}",
        tool("COUNTERSIGN_TEST_JOURNALCTL")
    )
}

fn messages(outlet: &Memory) -> Vec<String> {
    let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
    outlet
        .external()
        .iter()
        .map(|event| text(&event.raw))
        .collect()
}

fn entries(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|number| format!("entry {number}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_is_read_over_boots_and_on_from_the_place() {
    let journal = Journal::new();
    journal.write(0..7).await;
    let outlet = Memory::default();
    let config = config(journal.0.path(), "");
    let running = Running::start(&config, &outlet);
    outlet.holds(7).await;
    running.stop().await;
    assert_eq!(messages(&outlet), entries(0..7));
    let event = &outlet.external()[6];
    assert_eq!(event.fields["PRIORITY"], "6");
    assert_eq!(event.fields["_COMM"], "sh");
    assert_eq!(event.observed_at.expect("a time").seconds, 1_790_000_006);

    let running = Running::start(&config, &outlet);
    journal.write(7..10).await;
    outlet.holds(10).await;
    running.stop().await;
    assert_eq!(messages(&outlet), entries(0..10), "each is there once");
    let gaps = outlet
        .events()
        .into_iter()
        .filter(|event| matches!(event, Known::SpoolGap(_)));
    assert_eq!(gaps.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_waits_behind_the_place_comes_without_another_write() {
    let journal = Journal::new();
    journal.write(0..3).await;
    let outlet = Memory::default();
    let config = config(journal.0.path(), "");
    let running = Running::start(&config, &outlet);
    outlet.holds(3).await;
    running.stop().await;
    journal.write(3..53).await;
    let running = Running::start(&config, &outlet);
    outlet.holds(53).await;
    running.stop().await;
    assert_eq!(messages(&outlet), entries(0..53));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_lost_the_place_is_a_gap() {
    let journal = Journal::new();
    journal.write(0..3).await;
    let outlet = Memory::default();
    let config = config(journal.0.path(), "matches = [\"_COMM=sh\"]");
    let running = Running::start(&config, &outlet);
    outlet.holds(3).await;
    running.stop().await;
    std::fs::remove_file(journal.file()).expect("it is there");
    journal.write(20..22).await;
    let running = Running::start(&config, &outlet);
    outlet.holds(6).await;
    running.stop().await;
    let events = outlet.events();
    assert!(matches!(&events[3], Known::SpoolGap(gap) if gap.reason.contains("does not have")));
    assert_eq!(messages(&outlet)[3..], entries(20..22));
}

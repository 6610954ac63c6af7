//! Starting a server on a log: until it serves a read, until it acknowledges an append, until its
//! projections are complete.

use std::path::Path;
use std::sync::Arc;

use countersign_client::{Client, Draft, Level};
use countersign_ledger::server::run::{ServeOptions, Server};
use countersign_tests::folder::DataFolder;
use countersign_tests::watch::memory;

use crate::child::{Kid, answer, say};
use crate::common::{median, node_settings, now, since};
use crate::disk;
use crate::event::event;
use crate::lag::caught_up;
use crate::sheet::Sheet;
use crate::words::Words;

/// How often each start is measured.
const STARTS: usize = 3;

/// What was before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// `kill -9`, with the projections complete.
    Kill,
    /// An orderly end.
    Stop,
    /// An orderly end, and nothing of the log is in the page cache any more.
    Cold,
    /// An orderly end, and the projections were removed.
    Removed,
}

impl Before {
    const ALL: [Self; 4] = [Self::Kill, Self::Stop, Self::Cold, Self::Removed];

    fn name(self, size: u64) -> String {
        let before = match self {
            Self::Kill => "after kill -9",
            Self::Stop => "after an orderly end",
            Self::Cold => "with a cold page cache",
            Self::Removed => "without projections",
        };
        format!("{size} entries, {before}")
    }

    fn prepare(self, data: &DataFolder) {
        match self {
            Self::Kill | Self::Stop => {}
            Self::Cold => disk::forget(&data.path()),
            Self::Removed => {
                std::fs::remove_dir_all(data.log().join("projections")).expect("nobody uses them");
            }
        }
    }
}

/// What one start showed, in milliseconds and MiB.
#[derive(Debug, Clone, Copy)]
struct Figures {
    serving: f64,
    read: f64,
    append: f64,
    indexed: f64,
    resident: f64,
    peak: f64,
}

pub(crate) fn sheet() -> Sheet {
    let start = format!("start, median of {STARTS}");
    Sheet::new(&[
        &start,
        "ms until it listens",
        "until a read is answered (goal below 2000)",
        "until an append is acknowledged",
        "until projections are complete",
        "resident MiB then",
        "peak MiB",
    ])
}

/// Resolves when the parent has nothing more to say.
pub(crate) async fn end_of_input() {
    let read = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    let read = tokio::task::spawn_blocking(read).await.expect("it ran");
    read.expect("a pipe");
}

/// In the child: serves until the end of its input.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) async fn serve(folder: &Path) {
    let begin = now();
    let server = Server::start(ServeOptions {
        dir: folder.to_owned(),
        listen: "127.0.0.1:0".parse().expect("an address"),
        http: None,
        hosts: Vec::new(),
        node: node_settings(),
        metrics: None,
    });
    let server = server.await.expect("a whole log");
    say("serving", &server.endpoint().grpc);
    let log = Arc::clone(server.node().main().expect("there"));
    let watching = tokio::spawn(async move {
        caught_up(&log).await;
        let took = since(begin);
        let used = ["VmRSS", "VmHWM"].map(|field| memory(std::process::id(), field) as f64);
        answer("indexed", &[took, used[0], used[1]]);
    });
    let end = async {
        end_of_input().await;
        "bench".to_owned()
    };
    server.run(end).await.expect("a healthy disk");
    watching.await.expect("it ran");
}

/// In the parent: one start. Returns the child as well, to be ended one way or the other.
async fn start(data: &DataFolder, index: u64) -> (Figures, Kid) {
    let (folder, begin) = (data.path(), now());
    let mut kid = Kid::start(&["serve", folder.to_str().expect("a plain path")]);
    let url = tokio::task::block_in_place(|| kid.text("serving"));
    let serving = since(begin);
    let client: Client = data.connect(&url, &data.admin()).await;
    drop(client.entry(index).await.expect("it is there"));
    let read = since(begin);
    let receipt = client.append(Draft::of(event()), Level::Accepted).await;
    drop(receipt.expect("taken"));
    let append = since(begin);
    let [indexed, resident, peak] = tokio::task::block_in_place(|| kid.numbers("indexed"));
    let figures = Figures {
        serving,
        read,
        append,
        indexed,
        resident,
        peak,
    };
    (figures, kid)
}

/// Whether a row of this size is wanted.
pub(crate) fn is_wanted(words: &Words, size: u64) -> bool {
    let mut names = Before::ALL.into_iter().map(|before| before.name(size));
    names.any(|name| words.wants(&name))
}

/// One row for each thing that may have been before.
pub(crate) async fn rows(sheet: &mut Sheet, words: &Words, data: &DataFolder, size: u64) {
    for before in Before::ALL {
        let name = before.name(size);
        let wanted = words.wants(&name);
        let times = match before {
            _ if wanted => STARTS,
            // The log was left by a kill, and what follows needs an orderly end.
            Before::Kill => 1,
            Before::Stop | Before::Cold | Before::Removed => 0,
        };
        let mut starts = Vec::new();
        for time in 1..=times {
            before.prepare(data);
            let (figures, kid) = start(data, size / 3).await;
            starts.push(figures);
            if before == Before::Kill && time < times {
                drop(kid);
            } else {
                tokio::task::block_in_place(|| kid.stop());
            }
        }
        if wanted {
            sheet.add(&row(name, &starts));
        }
    }
}

fn row(name: String, starts: &[Figures]) -> Vec<String> {
    let pick = |pick: fn(&Figures) -> f64| {
        let values = starts.iter().map(pick).collect();
        format!("{:.0}", median(values))
    };
    vec![
        name,
        pick(|start| start.serving),
        pick(|start| start.read),
        pick(|start| start.append),
        pick(|start| start.indexed),
        pick(|start| start.resident),
        pick(|start| start.peak),
    ]
}

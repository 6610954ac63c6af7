//! Several sinks of one process, each at its own pace, and none in the place of another.

use countersign_client::{Draft, Level};
use countersign_proto::v1;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::site::{HURRY, Site, text, until};

/// Bytes of an event, of which two dozen fit into one call.
const LARGE: usize = 40_000;

/// Appends large events, sealed; the size of the log then.
async fn append_large(site: &Site, count: usize) -> u64 {
    let draft = |number: usize| {
        Draft::new(&v1::ExternalEvent {
            source: "test".to_owned(),
            raw: vec![b'a' + u8::try_from(number % 26).expect("small"); LARGE].into(),
            ..v1::ExternalEvent::default()
        })
    };
    let drafts: Vec<Draft> = (0..count).map(draft).collect();
    for drafts in drafts.chunks(20) {
        let run = site.admin.append_batch(drafts.to_vec(), Level::Sealed);
        run.await.expect("a ledger that seals");
    }
    site.size().await
}

fn file(name: &str) -> String {
    format!("[[sink]]\nname = \"{name}\"\n{HURRY}[sink.file]\nfolder = \"{name}\"\n")
}

/// Where the cursor of a sink is.
fn next(site: &Site, config: &str, sink: &str) -> u64 {
    let cursor = site
        .folder()
        .join(format!("{config}-state/{sink}/cursor.json"));
    let text = std::fs::read_to_string(cursor).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    value["next"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn sinks_that_are_far_behind_do_not_stall_each_other() {
    let site = Site::start().await;
    // It takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = silent.local_addr().expect("bound");
    let end = append_large(&site, 500).await;
    let mut sinks = format!(
        "[[sink]]\nname = \"silent\"\n[sink.https]\nurl = \"http://{address}/\"\n\
         timeout = \"1h\"\n"
    );
    let healthy = ["one", "two", "three", "four", "five"];
    for name in healthy {
        sinks += &file(name);
    }
    let config = site.config("many", &sinks);
    let running = site.run(&config);
    let begin = tokio::time::Instant::now();
    until("the healthy ones have everything", || {
        healthy.iter().all(|name| next(&site, "many", name) >= end)
    })
    .await;
    // A call that no answer reaches is given up after 30 s.
    let took = begin.elapsed();
    assert!(took.as_secs() < 30, "{took:?}");
    assert_eq!(next(&site, "many", "silent"), 0);
    until("the status says so", || {
        let status = site.ask(&["status", text(&config), "--json"]);
        let all: Value = serde_json::from_slice(&status.stdout).expect("JSON");
        let mut sinks = all.as_array().expect("sinks").iter();
        sinks.all(|it| (it["behind_entries"] == 0) != (it["sink"] == "silent"))
    })
    .await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_do_not_write_files_of_one_name() {
    let site = Site::start().await;
    let end = site.append(10).await;
    let sinks = file("copy").replace("folder = \"copy\"", "folder = \"copies\"\nprefix = \"a\"");
    let (one, two) = (site.config("one", &sinks), site.config("two", &sinks));
    let running = site.run(&one);
    until("everything is there", || next(&site, "one", "copy") == end).await;
    // It has a state of its own, and the same place.
    assert_eq!(site.run(&two).ended(), Some(1));
    let status = site.ask(&["status", text(&two), "--json"]);
    let all: Value = serde_json::from_slice(&status.stdout).expect("JSON");
    let failed = all[0]["failed"].as_str().unwrap_or_default();
    assert!(failed.contains("another sink writes files"), "{failed}");
    running.stop();
    let running = site.run(&two);
    until("now it may", || next(&site, "two", "copy") == end).await;
    running.stop();
}

//! OTLP: a gRPC server of Python with the messages and the service of OpenTelemetry.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use countersign_tests::process::{free_port, tool};
use serde_json::Value;

use crate::site::{HURRY, Site, until};

struct Receiver(Child);

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_what_a_receiver_in_python_reads() {
    let site = Site::start().await;
    let end = site.append(300).await;
    let (port, out) = (free_port(), site.folder().join("records.jsonl"));
    let receiver = Command::new(tool("COUNTERSIGN_TEST_PYTHON"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/otlp_receiver.py"))
        .arg(port.to_string())
        .arg(&out)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .spawn();
    let _receiver = Receiver(receiver.expect("python starts"));
    let sinks = format!(
        "[[sink]]\nname = \"otel\"\n{HURRY}batch = {{ entries = 20, wait = \"10ms\" }}\n\
         [sink.otlp]\nurl = \"http://127.0.0.1:{port}\"\ntimeout = \"2s\"\nheaders = {{ x-team = \
         \"audit\" }}\n"
    );
    let running = site.run(&site.config("otel", &sinks));
    let cursor = site.folder().join("otel-state/otel/cursor.json");
    until("everything is there", || {
        let text = std::fs::read_to_string(&cursor).unwrap_or_default();
        serde_json::from_str::<Value>(&text).is_ok_and(|it| it["next"].as_u64() >= Some(end))
    })
    .await;
    running.stop();
    let entries = site.entries().await;
    let text = std::fs::read_to_string(&out).expect("there");
    let records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let mut next = 0;
    let mut twice = 0;
    for record in &records {
        let index = record["attributes"]["countersign.index"]
            .as_u64()
            .expect("a number");
        twice += u64::from(index < next);
        assert!(index <= next, "{index} after {next}");
        next = next.max(index + 1);
        let entry = &entries[usize::try_from(index).expect("few")];
        assert_eq!(record["time"].as_u64(), Some(entry.time().get() * 1_000));
        assert_eq!(record["attributes"]["countersign.actor"], entry.actor());
        assert_eq!(record["resource"]["service.name"], "countersign");
        assert_eq!(record["metadata"], "audit");
        let body: Value =
            serde_json::from_str(record["body"].as_str().expect("text")).expect("JSON");
        assert_eq!(body["leaf"], entry.leaf().to_string());
    }
    println!(
        "counted: sink over OTLP: {next} entries in {} records, {twice} came twice",
        records.len()
    );
    assert!(next >= end);
    // The receiver says "unavailable" now and then before it takes anything: nothing comes twice.
    assert_eq!(twice, 0);
}

//! The SDK of OpenTelemetry for Python sends to the OTLP input.

use std::path::Path;
use std::process::Command;

use countersign_tests::process::{free_port, tool};

use crate::outlet::{Memory, Running};
use crate::program::done;
use crate::syslog::{authority, issue};

fn peer(arguments: &[&str]) -> Command {
    let mut command = Command::new(tool("COUNTERSIGN_TEST_PYTHON"));
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/otlp.py"))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_sends_records_and_is_answered() {
    let outlet = Memory::default();
    let address = format!("127.0.0.1:{}", free_port());
    let config = format!("type = \"otlp\"\nname = \"apps\"\naddress = \"{address}\"");
    let running = Running::start(&config, &outlet);
    assert_eq!(done(peer(&[&address, "20"])).await, "sent\n");
    // Answered is kept: nothing is waited for here.
    let events = outlet.external();
    assert_eq!(events.len(), 20);
    let event = &events[0];
    assert_eq!(event.raw, "card was refused");
    assert_eq!(event.observed_at.expect("a time").nanos, 5);
    for (name, value) in [
        ("severity", "WARN"),
        ("severity_number", "13"),
        ("event_name", "payment.refused"),
        ("trace_id", "00000000000000000000000000abcdef"),
        ("span_id", "0000000000000042"),
        ("scope.name", "payments"),
        ("scope.version", "2.1"),
        ("scope.attr.team", "orders"),
        ("resource.service.name", "shop"),
        ("resource.replicas", "3"),
        ("attr.user", "ada"),
        ("attr.amount", "12.5"),
        ("attr.retry", "true"),
        ("attr.codes", "[5,7]"),
    ] {
        assert_eq!(
            event.fields.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
    assert_eq!(events[19].raw, "{\"number\":20}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_sends_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let outlet = Memory::default();
    let ca = authority();
    let files = issue(&ca, "localhost", folder.path());
    let port = free_port();
    let config = format!(
        "type = \"otlp\"\nname = \"apps\"\naddress = \"127.0.0.1:{port}\"\n[tls]\ncertificate = \
         {:?}\nkey = {:?}",
        files.certificate, files.key
    );
    let running = Running::start(&config, &outlet);
    let ca = files.ca.to_str().expect("a plain path");
    let sent = done(peer(&[&format!("localhost:{port}"), "2", ca])).await;
    assert_eq!((sent.as_str(), outlet.external().len()), ("sent\n", 2));
    running.stop().await;
}

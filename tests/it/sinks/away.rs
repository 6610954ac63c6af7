//! A ledger that does not answer, and what is said of that meanwhile.

use countersign_tests::process::{Served, free_port};
use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::peer::Peer;
use crate::site::{Site, text, until};
use crate::trouble::page;
use crate::web::https;

fn kill(server: &Served) {
    let pid = i32::try_from(server.endpoint.pid)
        .ok()
        .and_then(Pid::from_raw);
    rustix::process::kill_process(pid.expect("a process id"), Signal::KILL).expect("it runs");
}

/// Code of `sink status`, and what it says of the first sink.
fn status(site: &Site, config: &std::path::Path) -> (Option<i32>, Value) {
    let output = site.ask(&["status", text(config), "--json"]);
    let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    (output.status.code(), all[0].clone())
}

fn tells_of_ledger(status: &Value) -> bool {
    let trouble = status["trouble"].as_str();
    trouble.is_some_and(|it| it.contains("ledger"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_lost_is_told_until_it_is_back() {
    let site = Site::start().await;
    let peer = Peer::start(1, 0).await;
    let end = site.append(20).await;
    let port = free_port();
    let sinks = format!(
        "metrics = \"127.0.0.1:{port}\"\n{}",
        https("lost", &peer, "")
    );
    let config = site.config("lost", &sinks);
    let running = site.run(&config);
    until("everything comes", || peer.has(end)).await;
    until("all is well", || status(&site, &config).0 == Some(0)).await;
    kill(&site.server);
    until("the status says so", || {
        let (code, status) = status(&site, &config);
        code == Some(1) && tells_of_ledger(&status)
    })
    .await;
    let metrics = page(port).await;
    assert!(
        metrics.contains("countersign_sink_up{sink=\"lost\"} 0"),
        "{metrics}"
    );
    let address = site.server.endpoint.grpc.replace("https://", "");
    let listen = address.replace("localhost", "127.0.0.1");
    let _server = Served::start(&site.data.path(), &listen, &[]).expect("a server");
    until("all is well again", || status(&site, &config).0 == Some(0)).await;
    assert_eq!(running.stop().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sinks_that_never_found_their_ledger_say_what_they_wait_for() {
    let site = Site::start().await;
    let peer = Peer::start(1, 0).await;
    let config = site.config("never", &https("never", &peer, ""));
    kill(&site.server);
    let running = site.run(&config);
    until("the status says so", || {
        let (code, status) = status_or_none(&site, &config);
        let unknown = status["behind_entries"].is_null() && status["size"].is_null();
        code == Some(1) && status["running"] == true && tells_of_ledger(&status) && unknown
    })
    .await;
    // Nobody else takes these sinks meanwhile.
    assert_eq!(site.run(&config).ended(), Some(2));
    assert_eq!(running.stop().0, Some(0));
}

/// As [`status`], for sinks whose folders may be not there yet.
fn status_or_none(site: &Site, config: &std::path::Path) -> (Option<i32>, Value) {
    let output = site.ask(&["status", text(config), "--json"]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), all[0].clone())
}

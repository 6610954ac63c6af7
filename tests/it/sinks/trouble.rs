//! Receivers that are away, ledgers that were set back, and what is said of both.

use std::time::Duration;

use countersign_client::{Draft, Level};
use countersign_proto::v1;
use countersign_tests::process::{Served, free_port};
use serde_json::Value;

use crate::peer::Peer;
use crate::site::{Site, text, until};
use crate::web::https;

#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_lasts_is_told_and_so_is_its_end() {
    let site = Site::start().await;
    let peer = Peer::start(1, 0).await;
    peer.state.lock().status = Some(503);
    let end = site.append(40).await;
    let sinks = https("away", &peer, "");
    let sinks = sinks.replace(
        "[sink.https]",
        "report = { after = \"300ms\", every = \"1h\" }\n[sink.https]",
    );
    let port = free_port();
    let sinks = format!("metrics = \"127.0.0.1:{port}\"\n{sinks}");
    let config = site.config("away", &sinks);
    let running = site.run(&config);
    let mut told = site.told().await;
    while told.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        told = site.told().await;
    }
    assert_eq!((told[0].sink.as_str(), told[0].index), ("away", 0));
    assert!(
        told[0].error.contains("503") && told[0].attempt > 1,
        "{told:?}"
    );
    // Who asks is told as well.
    let status = || {
        let output = site.ask(&["status", text(&config), "--json"]);
        let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), all[0].clone())
    };
    until("the status says so", || {
        let (code, status) = status();
        code == Some(1)
            && status["trouble"]
                .as_str()
                .is_some_and(|it| it.contains("503"))
    })
    .await;
    let page = page(port).await;
    for line in [
        "countersign_sink_up{sink=\"away\"} 0",
        "countersign_sink_next_index{sink=\"away\"} 0",
    ] {
        assert!(page.contains(line), "{line} in {page}");
    }
    let retries = page
        .lines()
        .find(|line| line.starts_with("countersign_sink_retries_total"));
    assert!(retries.is_some_and(|line| !line.ends_with(" 0")), "{page}");
    // It gets well: entries come, also those that told of it, and nothing more is told.
    peer.state.lock().status = None;
    until("everything comes", || peer.has(end + 1)).await;
    let mut told = site.told().await;
    while told.len() < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        told = site.told().await;
    }
    assert!(told[1].recovered, "{told:?}");
    let size = site.size().await;
    until("what was told comes as well", || peer.has(size)).await;
    until("all is well", || status().0 == Some(0)).await;
    assert_eq!(site.told().await.len(), 2);
    running.stop();
}

pub(crate) async fn page(port: u16) -> String {
    let answer = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await;
    answer.expect("a page").text().await.expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_refuses_what_tells_of_sinks_does_not_go_round_in_circles() {
    let site = Site::start().await;
    let peer = Peer::start(1, 0).await;
    let end = site.append(10).await;
    // The first of these is an entry of the test, the others are what the sink says of it.
    peer.state.lock().refuses = (end - 1..end + 50).collect();
    let sinks = https("loop", &peer, "").replace(
        "[sink.https]",
        "report = { after = \"1ms\", every = \"1ms\" }\n[sink.https]",
    );
    let config = site.config("loop", &sinks);
    let running = site.run(&config);
    until("the sink is through with everything", || {
        let cursor = site.folder().join("loop-state/loop/cursor.json");
        let text = std::fs::read_to_string(cursor).unwrap_or_default();
        serde_json::from_str::<Value>(&text).is_ok_and(|it| it["next"] == end + 1)
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        site.told().await.len(),
        1,
        "one entry was put aside, told once"
    );
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sink_that_fails_does_not_stop_the_others() {
    let site = Site::start().await;
    let (good, bad) = (Peer::start(1, 0).await, Peer::start(1, 0).await);
    bad.state.lock().status = Some(401);
    let end = site.append(300).await;
    let config = site.config("two", &(https("bad", &bad, "") + &https("good", &good, "")));
    let running = site.run(&config);
    until("the good one has everything", || good.has(end)).await;
    // A wrong token is no reason to put the log aside.
    let letters = site.ask(&["dead-letters", text(&config), "bad"]);
    assert!(String::from_utf8_lossy(&letters.stdout).contains("Nothing is put aside"));
    bad.state.lock().status = None;
    until("and then the bad one, too", || bad.has(end)).await;
    let (code, took) = running.stop();
    assert!(
        code == Some(0) && took < Duration::from_secs(1),
        "{code:?} {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_refuses_everything_is_held_to_be_at_fault() {
    let site = Site::start().await;
    let peer = Peer::start(1, 0).await;
    let end = site.append(60).await;
    peer.state.lock().refuses = (0..end).collect();
    let sinks = https("wrong", &peer, "").replace("first = ", "hold_after = 5, first = ");
    let config = site.config("wrong", &sinks);
    let running = site.run(&config);
    let count = || {
        let letters = site
            .ask(&["dead-letters", text(&config), "wrong", "--json"])
            .stdout;
        letters.iter().filter(|byte| **byte == b'\n').count()
    };
    until("some are put aside", || count() == 5).await;
    let status = || site.ask(&["status", text(&config)]).stdout;
    until("it is told", || {
        String::from_utf8_lossy(&status()).contains("refuses everything")
    })
    .await;
    assert_eq!(count(), 5, "and no more");
    peer.state.lock().refuses.clear();
    until("the others come", || {
        (5..end).all(|index| peer.taken().iter().any(|it| it.0 == index))
    })
    .await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_set_back_is_noticed() {
    let site = Site::start().await;
    let peer = Peer::start(1, 0).await;
    let end = site.append(30).await;
    let config = site.config("back", &https("back", &peer, ""));
    let running = site.run(&config);
    until("everything comes", || peer.has(end)).await;
    let cursor = site.folder().join("back-state/back/cursor.json");
    until("the cursor is there", || {
        let text = std::fs::read_to_string(&cursor).unwrap_or_default();
        serde_json::from_str::<Value>(&text).is_ok_and(|it| it["next"] == end)
    })
    .await;
    running.stop();
    // Another entry stood there, or more of them.
    let good = std::fs::read_to_string(&cursor).expect("there");
    let value: Value = serde_json::from_str(&good).expect("JSON");
    let leaf = value["leaf"].as_str().expect("a hash");
    let exchanged = good.replace(leaf, &"ab".repeat(32));
    let longer = good.replace(
        &format!("\"next\": {end}"),
        &format!("\"next\": {}", end + 900),
    );
    let other = good.replace("\"log\": \"main\"", "\"log\": \"second\"");
    for (text, said) in [
        (exchanged, "set back or exchanged"),
        (longer, "set back or exchanged"),
        (other, "another log"),
        (good[..good.len() / 2].to_owned(), "damaged"),
    ] {
        std::fs::write(&cursor, text).expect("room");
        assert_eq!(site.run(&config).ended(), Some(1), "{said}");
        let status = site.ask(&["status", crate::site::text(&config), "--json"]);
        let all: Value = serde_json::from_slice(&status.stdout).expect("JSON");
        let failed = all[0]["failed"].as_str().unwrap_or_default().to_owned();
        assert!(
            failed.contains(said) || said == "another log" && failed.contains("belongs"),
            "{failed}"
        );
    }
    assert!(
        peer.has(end) && !peer.has(end + 1),
        "nothing was sent meanwhile"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_away_is_waited_for() {
    let site = Site::start().await;
    let peer = Peer::start(1, 0).await;
    let end = site.append(20).await;
    let config = site.config("wait", &https("wait", &peer, ""));
    let running = site.run(&config);
    until("everything comes", || peer.has(end)).await;
    let Site { data, server, .. } = site;
    let address = server.endpoint.grpc.replace("https://", "");
    server.kill();
    let listen = address.replace("localhost", "127.0.0.1");
    let server = Served::start(&data.path(), &listen, &[]).expect("a server");
    let admin = data.connect(&server.endpoint.grpc, &data.admin()).await;
    let event = v1::ExternalEvent {
        source: "test".to_owned(),
        raw: b"after".to_vec().into(),
        ..v1::ExternalEvent::default()
    };
    let receipt = admin.append(Draft::new(&event), Level::Sealed).await;
    let new = receipt.expect("a ledger that seals").index;
    assert!(new >= end);
    until("what is new comes", || peer.has(new + 1)).await;
    let (code, took) = running.stop();
    assert!(
        code == Some(0) && took < Duration::from_secs(1),
        "{code:?} {took:?}"
    );
    drop(server);
}

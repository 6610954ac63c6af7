//! HTTPS and Splunk: nothing is lost, order is kept, and what comes twice has a reason.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::peer::{Deed, Peer};
use crate::site::{HURRY, Site, text, until};

/// A sink of this peer, in a hurry.
pub(crate) fn https(name: &str, peer: &Peer, more: &str) -> String {
    format!(
        "[[sink]]\nname = \"{name}\"\n{HURRY}batch = {{ entries = 20, wait = \"10ms\" }}\n\
         [sink.https]\nurl = \"http://{}/in\"\ntimeout = \"200ms\"\n{more}\n",
        peer.address
    )
}

/// What was taken: each index at its first time in order, and twice only after a lost answer.
pub(crate) fn judge(peer: &Peer, end: u64) -> (usize, usize) {
    let taken = peer.taken();
    let (mut seen, mut unsure, mut twice) = (BTreeSet::new(), BTreeSet::new(), 0);
    let mut highest = None;
    for (index, answered) in taken {
        if seen.insert(index) {
            assert!(highest < Some(index), "{index} came after {highest:?}");
            highest = Some(index);
        } else {
            assert!(
                unsure.contains(&index),
                "{index} was answered and came again"
            );
            twice += 1;
        }
        if answered {
            unsure.remove(&index);
        } else {
            unsure.insert(index);
        }
    }
    let refuses = peer.state.lock().refuses.clone();
    let lost = (0..end)
        .filter(|index| !seen.contains(index) && !refuses.contains(index))
        .count();
    (lost, twice)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_drops_delays_and_repeats_loses_nothing() {
    let site = Site::start().await;
    for seed in 1..=4 {
        let peer = Peer::start(seed, 45).await;
        let end = site.append(600).await;
        let body = if seed % 2 == 0 {
            "body = \"lines\""
        } else {
            ""
        };
        let config = site.config(&format!("luck-{seed}"), &https("luck", &peer, body));
        let running = site.run(&config);
        until("everything comes", || peer.has(end)).await;
        let (code, took) = running.stop();
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_secs(1), "stopped after {took:?}");
        let (lost, twice) = judge(&peer, end);
        let batches = peer.state.lock().batches.len();
        println!(
            "counted: sink over https, seed {seed}: {end} entries, {batches} batches, {} dropped, \
             {} unanswered, {} late, {} \
             busy, {} broken: {lost} lost, {twice} came twice after a lost answer",
            peer.count(Deed::Dropped),
            peer.count(Deed::Unanswered),
            peer.count(Deed::Late),
            peer.count(Deed::Busy),
            peer.count(Deed::Broken),
        );
        assert_eq!(lost, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_receiver_gets_every_entry_once_also_over_a_restart() {
    let site = Site::start().await;
    let peer = Peer::start(1, 0).await;
    let config = site.config("healthy", &https("healthy", &peer, ""));
    for _ in 0..3 {
        let running = site.run(&config);
        let end = site.append(137).await;
        until("everything comes", || peer.has(end)).await;
        // The cursor follows the answer.
        let cursor = site.folder().join("healthy-state/healthy/cursor.json");
        until("the cursor moves", || {
            let text = std::fs::read_to_string(&cursor).unwrap_or_default();
            serde_json::from_str::<Value>(&text).is_ok_and(|it| it["next"] == end)
        })
        .await;
        assert_eq!(running.stop().0, Some(0));
    }
    assert_eq!(judge(&peer, site.size().await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_signed_and_holds_what_the_log_holds() {
    const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let site = Site::start().await;
    let peer = Peer::start(1, 0).await;
    let end = site.append(25).await;
    let secret = site.folder().join("secret");
    std::fs::write(&secret, format!("whsec_{SECRET}\n")).expect("room");
    let more = "signing_secret = { file = \"secret\" }\nheaders = { x-team = \"audit\" }";
    let config = site.config("signed", &https("signed", &peer, more));
    let running = site.run(&config);
    until("everything comes", || peer.has(end)).await;
    running.stop();
    let key = STANDARD.decode(SECRET).expect("base64");
    let entries = site.entries().await;
    let batches = peer.state.lock().batches.clone();
    for batch in &batches {
        let header = |name: &str| {
            let line = batch.head.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(": "))
                .expect("a header")
                .1
        };
        let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        mac.update(format!("{id}.{time}.").as_bytes());
        mac.update(&batch.body);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(header("webhook-signature"), expected);
        assert_eq!(header("x-team"), "audit");
        let all: Vec<Value> = serde_json::from_slice(&batch.body).expect("an array");
        for value in all {
            let index = value["index"].as_u64().expect("a number");
            let entry = &entries[usize::try_from(index).expect("few")];
            assert_eq!(value["leaf"], entry.leaf().to_string());
            assert_eq!(value["prev"], entry.prev().to_string());
            assert_eq!(value["actor"], entry.actor());
            assert_eq!(value["kind"], entry.kind().get());
            assert_eq!(value["origin"], countersign_tests::folder::ORIGIN);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn splunk_gets_events_with_their_time() {
    let site = Site::start().await;
    let peer = Peer::start(3, 30).await;
    let end = site.append(120).await;
    std::fs::write(site.folder().join("token"), "0a1b-2c3d\n").expect("room");
    let sinks = format!(
        "[[sink]]\nname = \"splunk\"\n{HURRY}batch = {{ entries = 20, wait = \"10ms\" }}\n\
         [sink.splunk]\nurl = \"http://{}/services/collector/event\"\ntoken = {{ file = \"token\" \
         }}\ntimeout = \"200ms\"\nindex = \"audit\"\n",
        peer.address
    );
    let running = site.run(&site.config("splunk", &sinks));
    until("everything comes", || peer.has(end)).await;
    running.stop();
    let (lost, twice) = judge(&peer, end);
    println!(
        "counted: sink into Splunk's form: {end} entries, {lost} lost, \
         {twice} came twice after a lost answer"
    );
    assert_eq!(lost, 0);
    let entries = site.entries().await;
    let batches = peer.state.lock().batches.clone();
    assert!(batches[0].head.contains("authorization: Splunk 0a1b-2c3d"));
    let events = serde_json::Deserializer::from_slice(&batches[0].body).into_iter::<Value>();
    for event in events.map(|event| event.expect("JSON")) {
        let index = event["event"]["index"].as_u64().expect("a number");
        let entry = &entries[usize::try_from(index).expect("few")];
        let seconds = event["time"].as_f64().expect("a number");
        let micros = u64::try_from(jiff::SignedDuration::from_secs_f64(seconds).as_micros());
        assert!(micros.expect("after 1970").abs_diff(entry.time().get()) <= 1);
        assert_eq!(event["sourcetype"], "countersign:entry");
        assert_eq!(event["index"], "audit");
        assert_eq!(event["host"], "ledger.test");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_put_aside_and_can_be_sent_again() {
    let site = Site::start().await;
    let peer = Peer::start(5, 10).await;
    let end = site.append(200).await;
    let bad: BTreeSet<u64> = [7, 50, 51, 52, 180].into();
    peer.state.lock().refuses = bad.clone();
    let config = site.config("aside", &https("aside", &peer, ""));
    let running = site.run(&config);
    let list = || site.ask(&["dead-letters", text(&config), "aside", "--json"]);
    until("everything comes", || peer.has(end)).await;
    until("all are put aside", || {
        list().stdout.iter().filter(|byte| **byte == b'\n').count() == bad.len()
    })
    .await;
    let output = list();
    assert_eq!(output.status.code(), Some(1));
    let letters = String::from_utf8(output.stdout).expect("text");
    let letters: Vec<Value> = letters
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let indexes: BTreeSet<u64> = letters
        .iter()
        .filter_map(|it| it["index"].as_u64())
        .collect();
    assert_eq!(indexes, bad);
    for letter in &letters {
        let reason = letter["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("400"), "{letter}");
        assert_eq!(letter["entry"]["index"], letter["index"]);
    }
    assert_eq!(judge(&peer, end).0, 0);
    // The log says so, once.
    let told = site.told().await;
    assert!(!told.is_empty() && told.len() <= 2, "{told:?}");
    assert_eq!(told[0].sink, "aside");
    assert!(
        told[0].put_aside >= 1 && told[0].error.contains("400"),
        "{told:?}"
    );
    // Once the receiver takes them, they leave the list; the sink runs meanwhile.
    peer.state.lock().refuses.clear();
    peer.state.lock().bad = 0;
    let again = site.ask(&["dead-letters", text(&config), "aside", "--retry"]);
    assert!(again.status.success(), "{again:?}");
    assert!(list().stdout.is_empty());
    assert!(peer.has(end));
    running.stop();
}

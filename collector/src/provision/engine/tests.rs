//! The engine with a scripted ledger and a scripted world, crashed at every step.

mod stage;

use std::time::Duration;

use countersign_proto::v1;

use super::*;
use stage::{END, GRANT, Stage, sha256};

#[tokio::test(start_paused = true)]
async fn access_is_made_reported_removed_and_reported() {
    let mut stage = Stage::new();
    stage.issue();
    stage.start();
    stage.wait_for("GrantProvisioned").await;
    assert_eq!(stage.world.lock().access.len(), 1);
    stage.revoke();
    stage.wait_for("AccessRemoved").await;
    assert!(stage.world.lock().access.is_empty());
    assert_eq!(stage.told(), ["GrantProvisioned", "AccessRemoved"]);
    stage.stop().await;
}

/// Every step at which the engine can be stopped: before and after each effect.
#[tokio::test(start_paused = true)]
async fn a_crash_at_any_step_leaves_one_access_and_one_report() {
    let mut steps = 0;
    loop {
        let mut stage = Stage::new();
        stage.crash_at(steps + 1);
        stage.issue();
        stage.start();
        stage.wait_for("GrantProvisioned").await;
        stage.settle().await;
        let (access, sha) = (stage.world.lock().access.clone(), stage.reported_sha());
        assert_eq!(access.len(), 1, "crash at {steps}");
        let delivered = stage.world.lock().delivered.last().cloned();
        let password = access.get(&GRANT).cloned().expect("there").password;
        assert_eq!(
            Some(&password),
            delivered.as_ref(),
            "crash at {steps}: it opens"
        );
        assert_eq!(
            sha,
            sha256(&password),
            "crash at {steps}: the log has its digest"
        );
        stage.revoke();
        stage.wait_for("AccessRemoved").await;
        stage.settle().await;
        assert!(stage.world.lock().access.is_empty(), "crash at {steps}");
        assert_eq!(
            stage.told(),
            ["GrantProvisioned", "AccessRemoved"],
            "crash at {steps}"
        );
        stage.stop().await;
        if !stage.crashed() {
            break;
        }
        steps += 1;
    }
    assert_eq!(
        steps, 10,
        "make, deliver, report, remove and report, before and after each"
    );
}

#[tokio::test(start_paused = true)]
async fn access_ends_on_time_while_the_ledger_is_away_and_after_the_clock_was_set_back() {
    let mut stage = Stage::new();
    stage.issue();
    stage.start();
    stage.wait_for("GrantProvisioned").await;
    stage.ledger_away(true);
    stage.clock.set_back(900_000_000);
    tokio::time::sleep(Duration::from_micros(END - 1_000_000_000) - Duration::from_secs(2)).await;
    assert_eq!(stage.world.lock().access.len(), 1, "not yet");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(stage.world.lock().access.is_empty());
    assert_eq!(stage.told(), ["GrantProvisioned"]);
    stage.ledger_away(false);
    stage.expire();
    stage.wait_for("AccessRemoved").await;
    stage.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_extension_prolongs_what_exists() {
    let mut stage = Stage::new();
    stage.issue();
    stage.start();
    stage.wait_for("GrantProvisioned").await;
    stage.extend(END + 60_000_000);
    stage.settle().await;
    let access = stage.world.lock().access[&GRANT].clone();
    assert_eq!(access.end, (END + 60_000_000) / 1_000_000);
    assert_eq!(stage.world.lock().delivered.len(), 1, "the password stays");
    stage.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_told_and_tried_again() {
    let mut stage = Stage::new();
    stage.world.lock().failures = 3;
    stage.issue();
    stage.start();
    stage.wait_for("GrantProvisioned").await;
    stage.world.lock().failures = 2;
    stage.revoke();
    stage.wait_for("AccessRemoved").await;
    let told = stage.told();
    let count = |name| told.iter().filter(|told| **told == name).count();
    assert_eq!(
        (count("ProvisioningFailed"), count("RemovalFailed")),
        (3, 2),
        "{told:?}"
    );
    stage.stop().await;
}

#[tokio::test(start_paused = true)]
async fn drift_is_told_once_and_mended_when_that_is_wanted() {
    for (on_drift, mended) in [(OnDrift::Report, false), (OnDrift::Remove, true)] {
        let mut stage = Stage::new();
        stage.on_drift = on_drift;
        stage.issue();
        stage.start();
        stage.wait_for("GrantProvisioned").await;
        stage.add_stranger(99);
        tokio::time::sleep(Duration::from_secs(35)).await;
        assert_eq!(stage.world.lock().access.contains_key(&99), !mended);
        // Another run knows what was told.
        stage.restart();
        tokio::time::sleep(Duration::from_secs(35)).await;
        let drifts = stage.drifts();
        let [drift] = drifts.as_slice() else {
            panic!("once: {drifts:?}");
        };
        assert_eq!((drift.grant, drift.mended), (99, mended));
        assert_eq!(drift.drift(), v1::Drift::Unknown);
        assert_eq!(drift.resource, "db");
        stage.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_inspection_that_failed_is_made_again_soon() {
    let mut stage = Stage::new();
    stage.world.lock().blind = 2;
    stage.add_stranger(99);
    stage.start();
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(stage.world.lock().blind, 0);
    assert_eq!(stage.drifts().len(), 1, "before the next one is due");
    stage.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_mended_in_part_is_not_mended() {
    let mut stage = Stage::new();
    stage.on_drift = OnDrift::Remove;
    stage.world.lock().stubborn = true;
    stage.add_stranger(99);
    stage.start();
    tokio::time::sleep(Duration::from_secs(15)).await;
    let drifts = stage.drifts();
    assert!(drifts.iter().all(|drift| !drift.mended), "{drifts:?}");
    assert_eq!(drifts[1].detail, "nobody granted the rest of it");
    stage.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_that_the_ledger_has_ended_already() {
    let mut stage = Stage::new();
    stage.issue();
    stage.end_unseen();
    stage.start();
    stage.settle().await;
    assert!(stage.world.lock().access.is_empty());
    assert!(stage.told().is_empty());
    stage.stop().await;
}

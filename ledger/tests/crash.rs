//! The segment store on the simulated disk: power loss and failing calls at every operation of
//! every workload, and damage.
//!
//! The promise: what was acknowledged is there after any crash, nothing is there that was not
//! written, and no honest crash keeps a log from being opened. `COUNTERSIGN_TEST_LONG=1` makes more
//! images of the same crashes; `tests/nightly` sets it.

#[path = "crash/damage.rs"]
mod damage;
#[path = "crash/promise.rs"]
mod promise;
#[path = "crash/script.rs"]
mod script;
#[path = "crash/workloads.rs"]
mod workloads;

use std::sync::Arc;

use countersign_ledger::fs::sim::{Call, Errno, Fault, SimFs, Survive};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use promise::{Tally, hold, is_long, survivors};
use script::{History, Scene, open};

/// The lives of the scripted workloads, and of so many random ones.
fn scenes(random: u64) -> Vec<Scene> {
    let all = workloads::scripted()
        .into_iter()
        .chain((0..random).map(workloads::random));
    all.flat_map(Scene::of).collect()
}

/// Every operation of every life of every workload; with `or_end`, the moment after the last too.
fn moments(scenes: &[Scene], or_end: usize) -> Vec<(&Scene, usize)> {
    let all = |scene: &'_ Scene| 0..scene.trace.len() + or_end;
    let moments = scenes
        .iter()
        .flat_map(|scene| all(scene).map(move |op| (scene, op)));
    moments.collect()
}

fn workloads(scenes: &[Scene]) -> usize {
    scenes.iter().filter(|scene| scene.life == 0).count()
}

fn image(disk: &SimFs, survive: Survive) -> Arc<SimFs> {
    Arc::new(disk.crash_image(survive))
}

#[test]
fn the_workloads_do_what_they_are_for() {
    let scenes = scenes(0);
    let calls = |call: Call| {
        let all = scenes.iter().flat_map(|scene| &scene.trace);
        all.filter(|op| op.call == call).count()
    };
    let quarantined = scenes.iter().flat_map(|scene| &scene.trace);
    let quarantined = quarantined
        .filter(|op| op.path.ends_with(".pending"))
        .count();
    assert!(calls(Call::Rename) > 30, "segments roll");
    assert!(calls(Call::Remove) > 5, "half-made segments are removed");
    assert!(quarantined >= 5, "torn commits are kept: {quarantined}");
    for scene in &scenes {
        let (disk, history) = scene.live(None);
        assert!(history.done && history.late == 0);
        let held = hold(&disk, scene.workload.segment_bytes, &history);
        let found = held.expect("no fault, no failure");
        assert_eq!(
            usize::try_from(found.size).expect("small"),
            history.acknowledged
        );
    }
}

#[test]
fn power_loss_at_every_operation_loses_nothing_acknowledged() {
    let (random, most) = if is_long() { (240, 256) } else { (12, 64) };
    let scenes = scenes(random);
    let moments = moments(&scenes, 1);
    let (operations, workloads) = (moments.len(), workloads(&scenes));
    // A crash after an operation is the crash before the next one, with less promised.
    let one = |(scene, op): (&Scene, usize)| {
        let (disk, history) = scene.live(Some((op, Fault::CrashBefore)));
        let mut tally = Tally::default();
        for survive in survivors(disk.pending(), most) {
            let image = image(&disk, survive);
            let held = hold(&image, scene.workload.segment_bytes, &history);
            tally.count(held, || scene.case(op, survive));
        }
        tally
    };
    let tally = moments.into_par_iter().map(one);
    let tally = tally.reduce(Tally::default, Tally::and);
    let images = tally.images;
    println!(
        "counted: power loss: {workloads} workloads, every one of {operations} operations, \
         {images} crash images, {tally}"
    );
    tally.assert_kept();
    assert!(
        images > if is_long() { 200_000 } else { 10_000 },
        "only {images}"
    );
}

/// Whether the disk after a failed call is one that a machine can go on with. File systems log
/// names: when that fails they stop, and only a power cycle brings them back.
fn goes_on(call: Call, fault: Fault) -> bool {
    call != Call::SyncDir || matches!(fault, Fault::ButStored(_))
}

/// Lets the call fail, and looks at the disk after a restart of the process and after power losses.
fn fail(scene: &Scene, op: usize, fault: Fault, most: u64) -> (Tally, usize, usize) {
    let (disk, history) = scene.live(Some((op, fault)));
    let segment_bytes = scene.workload.segment_bytes;
    let mut tally = Tally::default();
    for survive in survivors(disk.pending(), most) {
        let held = hold(&image(&disk, survive), segment_bytes, &history);
        tally.count(held, || scene.case(op, (fault, survive)));
    }
    let mut restarts = 0;
    if goes_on(scene.trace[op].call, fault) {
        restarts = 1;
        let held = hold(&disk, segment_bytes, &history);
        tally.count(held, || scene.case(op, (fault, "restart")));
    }
    (tally, restarts, history.late)
}

#[test]
fn every_call_that_fails_stored_or_not_ends_acknowledgement_and_loses_nothing() {
    let (random, most) = if is_long() { (60, 64) } else { (0, 8) };
    let faults = [
        Fault::NotStored(Errno::IO),
        Fault::ButStored(Errno::IO),
        Fault::NotStored(Errno::NOSPC),
        Fault::ButStored(Errno::NOSPC),
        Fault::Short,
    ];
    let scenes = scenes(random);
    let moments = moments(&scenes, 0);
    let rows = moments.len() * faults.len();
    let one = |(scene, op)| {
        let all = faults.iter().map(|fault| fail(scene, op, *fault, most));
        all.reduce(|one, other| (one.0.and(other.0), one.1 + other.1, one.2 + other.2))
            .expect("there are faults")
    };
    let both = |one: (Tally, usize, usize), other: (Tally, usize, usize)| {
        (one.0.and(other.0), one.1 + other.1, one.2 + other.2)
    };
    let (tally, restarts, late) = moments
        .into_par_iter()
        .map(one)
        .reduce(|| (Tally::default(), 0, 0), both);
    let images = tally.images;
    println!(
        "counted: failing calls: {rows} rows (every operation, {} faults), {restarts} restarts and \
         {} crash images, {late} acknowledged after a failure, {tally}",
        faults.len(),
        images - restarts
    );
    tally.assert_kept();
    assert_eq!(late, 0);
}

/// Crashes recovery at each of its operations and expects what one crash would have left.
fn crash_again(scene: &Scene, once: &SimFs, history: &History, most: u64, case: &str) -> Tally {
    let segment_bytes = scene.workload.segment_bytes;
    let mut tally = Tally::default();
    let probe = image(once, Survive::Everything);
    drop(open(&probe, segment_bytes));
    let single = hold(&image(once, Survive::Everything), segment_bytes, history);
    for second in 0..probe.ops() {
        let again = image(once, Survive::Everything);
        again.fail_at(second, Fault::CrashBefore);
        drop(open(&again, segment_bytes));
        for survive in survivors(again.pending(), most) {
            let twice = hold(&image(&again, survive), segment_bytes, history);
            let held = twice.and_then(|twice| match &single {
                Ok(single) => single.is_left_by(&twice),
                Err(_) => Ok(()),
            });
            tally.count(held, || format!("{case}, then {second} {survive:?}"));
        }
    }
    tally
}

#[test]
fn a_second_crash_inside_recovery_is_like_the_first() {
    let (step, first, most) = if is_long() { (1, 8, 16) } else { (8, 1, 2) };
    let scenes = scenes(0);
    let moments: Vec<_> = moments(&scenes, 1).into_iter().step_by(step).collect();
    let one = |(scene, op): (&Scene, usize)| {
        let (disk, history) = scene.live(Some((op, Fault::CrashBefore)));
        let mut tally = Tally::default();
        for survive in Survive::sample(disk.pending(), 0..first)
            .iter()
            .step_by(step)
        {
            let case = scene.case(op, survive);
            let once = disk.crash_image(*survive);
            tally = tally.and(crash_again(scene, &once, &history, most, &case));
        }
        tally
    };
    let tally = moments.into_par_iter().map(one);
    let tally = tally.reduce(Tally::default, Tally::and);
    let images = tally.images;
    println!("counted: crash inside recovery: {images} images, {tally}");
    tally.assert_kept();
    assert!(
        images > if is_long() { 20_000 } else { 500 },
        "only {images}"
    );
}

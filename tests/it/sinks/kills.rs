//! `kill -9` at any moment.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::peer::Peer;
use crate::site::{Site, until};
use crate::web::https;
use countersign_export::limits::CURSOR_BEHIND;
use countersign_tests::random::Random;

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_is_killed_a_hundred_times_loses_nothing() {
    const KILLS: usize = 110;
    let site = Site::start().await;
    let peer = Peer::start(9, 0).await;
    let mut random = Random::new(2026);
    let sinks = https("killed", &peer, "").replace("entries = 20", "entries = 7");
    let config = site.config("killed", &sinks);
    let mut end = site.append(2_000).await;
    let (mut working, mut unlike) = (0, BTreeSet::new());
    for kill in 0..KILLS {
        if kill % 2 == 0 {
            // So that there is something to do, however fast this machine is.
            end = site.append(12 * 7).await;
        }
        let before = peer.state.lock().batches.len();
        let running = site.run(&config);
        // Half of them when it has begun, so many batches later; the others whenever.
        if kill % 2 == 0 {
            let more = 1 + usize::try_from(random.below(12)).expect("few");
            until("it works", || {
                peer.state.lock().batches.len() >= before + more
            })
            .await;
        } else {
            tokio::time::sleep(Duration::from_micros(random.below(160_000))).await;
        }
        running.kill();
        let after = peer.state.lock().batches.len();
        working += usize::from(after > before);
        unlike.insert(after - before);
    }
    let running = site.run(&config);
    until("everything comes", || peer.has(end)).await;
    running.stop();
    let taken: Vec<u64> = peer.taken().into_iter().map(|(index, _)| index).collect();
    let different: BTreeSet<u64> = taken.iter().copied().collect();
    let lost = (0..end).filter(|index| !different.contains(index)).count();
    let twice = taken.len() - different.len();
    println!(
        "counted: sink over https: {KILLS} kills, {working} while it worked, after {} different \
         numbers of batches: {end} entries, {lost} lost, {twice} came twice",
        unlike.len()
    );
    assert_eq!(lost, 0);
    // What came twice are the batches that got through while the cursor was stored, and the one
    // that was under way.
    let most = usize::try_from(CURSOR_BEHIND).expect("few") + 1;
    assert!(twice <= KILLS * most * 7, "{twice} of {KILLS} kills");
    // Each run goes on where one before was: the first time of each index is in order.
    let mut highest = None;
    let mut seen = BTreeSet::new();
    for index in taken {
        if seen.insert(index) {
            assert!(highest < Some(index), "{index} after {highest:?}");
            highest = Some(index);
        }
    }
}

//! A spool and its sender against a ledger that fails in every way, chosen by a seed.

mod ledger;

use std::time::Duration;

use countersign_client::Draft;
use countersign_proto::v1;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::*;
use ledger::{Dice, SimLedger};

const PATIENCE: Patience = Patience {
    retry: Duration::ZERO,
    stop: Duration::from_secs(60),
};

fn owner() -> Owner {
    Owner {
        identity: "spiffe://example.com/agent/db".to_owned(),
        log: "main".to_owned(),
    }
}

fn item(number: u64) -> Item {
    let event = v1::ExternalEvent {
        source: "test".to_owned(),
        raw: number.to_string().into_bytes().into(),
        ..v1::ExternalEvent::default()
    };
    Item::new(Draft::new(&event)).at("input", number.to_string())
}

/// One of 40,000 bytes: a hundred fill the spool.
fn large(number: u64) -> Item {
    let event = v1::ExternalEvent {
        source: "test".to_owned(),
        raw: format!("{number:040000}").into_bytes().into(),
        ..v1::ExternalEvent::default()
    };
    Item::new(Draft::new(&event))
}

/// Where the files of many short lives are: in memory when the machine has a place for that.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        return tempfile::tempdir_in(memory).expect("a folder");
    }
    tempfile::tempdir().expect("a folder")
}

fn open(dir: &Path, full: Full) -> (Spool, Recovered) {
    let options = Options {
        full,
        max_bytes: MIN_SPOOL_BYTES,
        ..Options::new(dir)
    };
    Spool::open(&options, &owner()).expect("a good spool")
}

async fn drain(spool: &Spool, ledger: &SimLedger) {
    spool.durable().await.expect("a good disk");
    let stop = CancellationToken::new();
    stop.cancel();
    let (trouble, _told) = watch::channel(None);
    let shipped = ship((spool, &PATIENCE), ledger, stop, &trouble).await;
    shipped.expect("everything is sealed");
}

/// One life of an agent: it puts items while the ledger fails, and stops without a word or in
/// order. Returns how many faults there were.
async fn life(dir: &Path, ledger: &SimLedger, (dice, next): (&mut Dice, &mut u64)) {
    let (spool, _) = open(dir, Full::Block);
    // The input goes on behind its last durable item.
    *next = spool
        .place("input")
        .map_or(0, |place| place.parse::<u64>().expect("a number") + 1);
    let stop = CancellationToken::new();
    let (sender, token) = (spool.clone(), stop.clone());
    let ledger = ledger.clone();
    let shipping = tokio::spawn(async move {
        let (trouble, _told) = watch::channel(None);
        ship((&sender, &PATIENCE), &ledger, token, &trouble).await
    });
    for _put in 0..dice.below(30) {
        spool.put(item(*next)).await.expect("room");
        *next += 1;
        if dice.one_in(5) {
            spool.durable().await.expect("a good disk");
        }
        if dice.one_in(7) {
            tokio::task::yield_now().await;
        }
    }
    if dice.one_in(2) {
        spool.durable().await.expect("a good disk");
    }
    shipping.abort();
    drop(shipping.await);
    spool.close().await;
}

/// What the lives of one seed came to.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    lives: u64,
    faults: u64,
    items: u64,
}

async fn lives(seed: u64) -> Count {
    let dir = folder();
    let mut dice = Dice::new(seed);
    let ledger = SimLedger::new(seed);
    let (mut next, mut lives) = (0, 0);
    for _life in 0..1 + dice.below(3) {
        life(dir.path(), &ledger, (&mut dice, &mut next)).await;
        lives += 1;
    }
    let (spool, recovered) = open(dir.path(), Full::Block);
    let lost = (recovered.lost, recovered.lost_at_end);
    assert_eq!(lost, (0, 0), "seed {seed}");
    let items = spool
        .place("input")
        .map_or(0, |place| place.parse::<u64>().expect("a number") + 1);
    ledger.heal();
    drain(&spool, &ledger).await;
    let expected: Vec<String> = (0..items).map(|n| n.to_string()).collect();
    assert_eq!(ledger.texts(), expected, "seed {seed}");
    assert_eq!(ledger.gaps(), 0, "seed {seed}");
    Count {
        lives,
        faults: ledger.faults(),
        items,
    }
}

#[test]
fn two_thousand_seeds_of_faults_lose_and_double_nothing() {
    const THREADS: u64 = 8;
    let work = |first: u64| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let seeds = (first..2_000).step_by(usize::try_from(THREADS).expect("small"));
        let mut all = Count::default();
        for seed in seeds {
            let count = runtime.block_on(lives(seed));
            all.lives += count.lives;
            all.faults += count.faults;
            all.items += count.items;
        }
        all
    };
    let counts: Vec<Count> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|first| scope.spawn(move || work(first)))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|count| count.expect("every seed holds"))
            .collect()
    });
    let sum = |of: fn(&Count) -> u64| counts.iter().map(of).sum::<u64>();
    let (lives, faults) = (sum(|it| it.lives), sum(|it| it.faults));
    let items = sum(|it| it.items);
    println!(
        "counted: spool under network faults: 2000 seeds, {lives} lives, {faults} faults, {items} \
         items, 0 lost, 0 duplicated, 0 gaps"
    );
    assert!(faults > 2_000, "{faults}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_away_for_the_whole_spool_makes_inputs_wait_and_then_gets_everything() {
    let dir = folder();
    let (spool, _) = open(dir.path(), Full::Block);
    let mut full = spool.watch();
    let putting = spool.clone();
    let put = tokio::spawn(async move {
        for number in 0..500 {
            putting.put(large(number)).await.expect("room at last");
        }
        putting.durable().await.expect("a good disk");
    });
    full.wait_for(|standing| standing.is_full)
        .await
        .expect("full");
    assert!(!put.is_finished());
    let ledger = SimLedger::new(1);
    ledger.heal();
    let stop = CancellationToken::new();
    let (trouble, _told) = watch::channel(None);
    let shipping = ship((&spool, &PATIENCE), &ledger, stop.clone(), &trouble);
    let (_shipped, _put) = tokio::join!(shipping, async {
        put.await.expect("all were taken");
        stop.cancel();
    });
    assert_eq!(ledger.texts().len(), 500);
    assert_eq!((ledger.gaps(), spool.standing().dropped), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_that_drops_says_in_its_place_how_much() {
    let dir = folder();
    let (spool, _) = open(dir.path(), Full::Drop);
    let mut number = 0;
    while spool.standing().dropped == 0 {
        spool.put(large(number)).await.expect("dropped or taken");
        number += 1;
        if number % 50 == 0 {
            spool.durable().await.expect("a good disk");
        }
    }
    spool.durable().await.expect("a good disk");
    let dropped = spool.standing().dropped;
    let ledger = SimLedger::new(2);
    ledger.heal();
    drain(&spool, &ledger).await;
    spool.put(large(number)).await.expect("room again");
    spool.durable().await.expect("a good disk");
    drain(&spool, &ledger).await;
    let kept = u64::try_from(ledger.texts().len()).expect("small");
    assert_eq!(kept + dropped, number + 1);
    assert_eq!(ledger.lost(), dropped);
    assert_eq!(ledger.texts().last(), Some(&format!("{number:040000}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_as_lost_is_not_read_again_after_a_restart() {
    let dir = folder();
    let (spool, _) = open(dir.path(), Full::Drop);
    let mut number = 0;
    while spool.standing().dropped < 70 {
        let item = large(number).at("input", number.to_string());
        spool.put(item).await.expect("dropped or taken");
        number += 1;
        if number % 50 == 0 {
            spool.durable().await.expect("a good disk");
        }
    }
    spool.durable().await.expect("a good disk");
    let dropped = spool.standing().dropped;
    let ledger = SimLedger::new(6);
    ledger.heal();
    drain(&spool, &ledger).await;
    // It had room to tell of the loss before it was closed.
    spool.close().await;
    let (spool, _) = open(dir.path(), Full::Drop);
    drain(&spool, &ledger).await;
    assert_eq!(ledger.lost(), dropped);
    assert_eq!(spool.place("input"), Some((number - 1).to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_ledger_refuses_becomes_a_gap_and_the_rest_goes_on() {
    let dir = folder();
    let (spool, _) = open(dir.path(), Full::Block);
    for number in 0..10 {
        spool.put(item(number)).await.expect("room");
    }
    let ledger = SimLedger::new(3);
    ledger.heal();
    ledger.refuse("4");
    drain(&spool, &ledger).await;
    assert_eq!(
        ledger.texts(),
        ["0", "1", "2", "3", "5", "6", "7", "8", "9"]
    );
    assert_eq!((ledger.lost(), spool.standing().lost), (1, 1));
}

/// Flips a bit within the text of an item.
fn damage(dir: &Path, text: &str) {
    let segments = std::fs::read_dir(dir.join("segments")).expect("a folder");
    let file = segments.flatten().next().expect("a segment").path();
    let mut bytes = std::fs::read(&file).expect("a segment");
    let found = bytes
        .windows(text.len())
        .position(|at| at == text.as_bytes());
    bytes[found.expect("it is there")] ^= 1;
    std::fs::write(&file, bytes).expect("room");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_rotted_in_the_spool_is_counted_once_as_lost() {
    for reopened in [false, true] {
        let dir = folder();
        let (mut spool, _) = open(dir.path(), Full::Block);
        for number in 1_000_000..1_000_010 {
            spool.put(item(number)).await.expect("room");
        }
        spool.durable().await.expect("a good disk");
        damage(dir.path(), "1000004");
        if reopened {
            spool.close().await;
            spool = open(dir.path(), Full::Block).0;
            assert_eq!(spool.standing().lost, 1, "at the start");
        }
        let ledger = SimLedger::new(5);
        ledger.heal();
        drain(&spool, &ledger).await;
        drain(&spool, &ledger).await;
        assert_eq!(ledger.texts().len(), 9);
        assert_eq!(spool.standing().lost, 1, "reopened: {reopened}");
        spool.close().await;
        let (spool, _) = open(dir.path(), Full::Block);
        assert_eq!(spool.standing().lost, 0, "it was told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_is_too_large_is_refused_at_once() {
    let dir = folder();
    let (spool, _) = open(dir.path(), Full::Block);
    let large = item(0).with_blob(vec![0; 2 << 20].into());
    let refused = spool.put(large).await;
    assert!(matches!(refused, Err(OutletError::Unfit(_))), "{refused:?}");
    let blob = item(1).with_blob(vec![7; 1 << 20].into());
    spool.put(blob).await.expect("the largest blob fits");
    let ledger = SimLedger::new(4);
    ledger.heal();
    drain(&spool, &ledger).await;
    assert_eq!(ledger.blobs(), 1);
}

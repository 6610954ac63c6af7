//! How fast items become durable in a spool.

use countersign_client::Draft;
use countersign_collector::outlet::{Item, Outlet as _};
use countersign_collector::spool::{Options, Owner, Spool};
use countersign_proto::v1::ExternalEvent;

use crate::common::{RUNS, median, now, since};
use crate::range;
use crate::sheet::Sheet;

/// Items of a run.
const ITEMS: u64 = 400_000;
/// Inputs that hand them over at the same time.
const INPUTS: [u64; 2] = [1, 8];

fn item(payload: usize) -> Item {
    let event = ExternalEvent {
        source: "bench".to_owned(),
        raw: vec![b'x'; payload].into(),
        ..ExternalEvent::default()
    };
    Item::new(Draft::new(&event)).at("bench", "1")
}

pub(crate) async fn rows(sheet: &mut Sheet, max: u64) {
    for inputs in INPUTS {
        let mut rates = Vec::new();
        for _run in 0..RUNS {
            rates.push(run(inputs, ITEMS.min(max)).await);
        }
        let name = format!("durable, {inputs} at the same time");
        let middle = format!("{:.0}", median(rates.clone()));
        sheet.add(&[name, middle, range(&rates)]);
    }
}

/// Items that become durable in a second.
async fn run(inputs: u64, items: u64) -> f64 {
    let dir = tempfile::tempdir().expect("a folder");
    let owner = Owner {
        identity: "bench".to_owned(),
        log: "main".to_owned(),
    };
    let (spool, _) = Spool::open(&Options::new(dir.path()), &owner).expect("an empty spool");
    let started = now();
    let mut tasks = tokio::task::JoinSet::new();
    for _input in 0..inputs {
        let spool = spool.clone();
        tasks.spawn(async move {
            let item = item(500);
            for _item in 0..items / inputs {
                spool.put(item.clone()).await.expect("room");
            }
            spool.durable().await.expect("a good disk");
        });
    }
    tasks.join_all().await;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let rate = items as f64 * 1_000.0 / since(started);
    spool.close().await;
    rate
}

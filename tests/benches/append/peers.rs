//! What others would use instead, on the same disk: the same record in a table with a hash chain,
//! one durable commit for each group. None of them signs anything, serves anything or keeps a tree.

#[path = "peers/postgres.rs"]
mod postgres;
#[path = "peers/sled.rs"]
mod sled;
#[path = "peers/sqlite.rs"]
mod sqlite;

use countersign_chain::hash::{self, Hash};
use countersign_chain::index::Index;
use countersign_chain::kind::Kind;
use countersign_chain::record::Fields;
use countersign_chain::time::UnixMicros;

use crate::GROUPS;
use crate::common::{RUNS, now, since};
use crate::event::PAYLOAD;
use crate::measure::{Figures, Run, Table};

/// One row of the chain.
pub(crate) struct Row {
    pub(crate) index: u64,
    pub(crate) prev: Hash,
    pub(crate) leaf: Hash,
    pub(crate) record: Vec<u8>,
}

/// Makes rows, each with the hash of the one before.
struct Chain {
    next: u64,
    prev: Hash,
    payload: Vec<u8>,
}

impl Chain {
    fn new() -> Self {
        Self {
            next: 0,
            prev: Hash::ZERO,
            payload: vec![b'x'; PAYLOAD],
        }
    }

    fn rows(&mut self, group: usize) -> Vec<Row> {
        std::iter::repeat_with(|| self.row()).take(group).collect()
    }

    fn row(&mut self) -> Row {
        let (index, prev) = (self.next, self.prev);
        let fields = Fields {
            kind: Kind::new(140).expect("a kind"),
            index: Index::new(index).expect("small"),
            time: UnixMicros::new(1 + index).expect("small"),
            prev,
            case: 0,
            actor: "agent:bench",
            via: "",
            idem: b"",
            payload: &self.payload,
        };
        let mut record = Vec::with_capacity(fields.encoded_len());
        fields.encode_into(&mut record).expect("it fits");
        let leaf = hash::leaf(&record);
        (self.next, self.prev) = (index + 1, leaf);
        Row {
            index,
            prev,
            leaf,
            record,
        }
    }
}

/// Somewhere to put rows.
trait Peer {
    /// Makes these rows durable together.
    fn commit(&mut self, rows: &[Row]);
}

fn groups(peer: &mut dyn Peer, chain: &mut Chain, group: usize) -> Figures {
    let (mut count, mut waits) = (0, Vec::new());
    let run = Run::start();
    while run.goes_on() {
        let start = now();
        let rows = chain.rows(group);
        peer.commit(&rows);
        count += group;
        waits.push(since(start));
    }
    run.end(count, waits)
}

fn measure(table: &mut Table, name: &str, make: impl FnOnce() -> Option<Box<dyn Peer>>) {
    let row = |group: &usize| format!("{name}, groups of {group}");
    let wanted: Vec<usize> = GROUPS
        .into_iter()
        .filter(|group| table.wants(&row(group)))
        .collect();
    if wanted.is_empty() {
        return;
    }
    let Some(mut peer) = make() else {
        return;
    };
    let mut chain = Chain::new();
    for group in wanted {
        let runs: Vec<_> = (0..RUNS)
            .map(|_| groups(peer.as_mut(), &mut chain, group))
            .collect();
        table.add(&row(&group), &runs);
    }
}

pub(crate) fn rows(table: &mut Table) {
    measure(table, "SQLite", || Some(Box::new(sqlite::Sqlite::open())));
    measure(table, "PostgreSQL", || {
        postgres::Postgres::start().map(|peer| Box::new(peer) as Box<dyn Peer>)
    });
    measure(table, "sled", || Some(Box::new(sled::Sled::open())));
}

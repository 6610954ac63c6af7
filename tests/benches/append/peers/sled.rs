//! sled, flushed after every group. Its flush does not reach the device (docs/adr/0001): the row is
//! faster than a durable one could be.

use super::{Peer, Row};

pub(crate) struct Sled {
    tree: sled::Db,
    _folder: tempfile::TempDir,
}

impl Sled {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            tree: sled::open(folder.path().join("log")).expect("a new database"),
            _folder: folder,
        }
    }
}

impl Peer for Sled {
    fn commit(&mut self, rows: &[Row]) {
        let mut batch = sled::Batch::default();
        for row in rows {
            let hashes = [&row.prev.as_bytes()[..], &row.leaf.as_bytes()[..]].concat();
            let value = [&hashes[..], &row.record].concat();
            batch.insert(&row.index.to_be_bytes(), value);
        }
        self.tree.apply_batch(batch).expect("room");
        self.tree.flush().expect("a healthy disk");
    }
}

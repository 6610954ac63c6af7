//! SQLite with a write-ahead log and `synchronous = FULL`: every commit is synced.

use rusqlite::Connection;

use super::{Peer, Row};

pub(crate) struct Sqlite {
    connection: Connection,
    _folder: tempfile::TempDir,
}

impl Sqlite {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = Connection::open(folder.path().join("log.db")).expect("a new database");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE log (idx INTEGER PRIMARY KEY, prev BLOB NOT NULL, leaf BLOB NOT NULL,
                                   record BLOB NOT NULL)",
            )
            .expect("a new table");
        Self {
            connection,
            _folder: folder,
        }
    }
}

impl Peer for Sqlite {
    fn commit(&mut self, rows: &[Row]) {
        let transaction = self.connection.transaction().expect("no other");
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO log VALUES (?1, ?2, ?3, ?4)")
                .expect("the table");
            for row in rows {
                let index = i64::try_from(row.index).expect("small");
                let values = (index, row.prev.as_bytes(), row.leaf.as_bytes(), &row.record);
                insert.execute(values).expect("a new row");
            }
        }
        transaction.commit().expect("a healthy disk");
    }
}

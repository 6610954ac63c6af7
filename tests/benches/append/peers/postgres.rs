//! PostgreSQL on a Unix socket, as Debian configures it but for `synchronous_commit = on` said
//! aloud: one INSERT of the whole group, in arrays.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::{Peer, Row};

const INSERT: &str = "INSERT INTO log SELECT * FROM UNNEST($1::int8[], $2::bytea[], $3::bytea[], \
                      $4::bytea[])";

pub(crate) struct Postgres {
    client: Client,
    insert: Statement,
    runtime: Runtime,
    server: Child,
    _folder: tempfile::TempDir,
}

/// The newest server that Debian's package installed.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|bin| bin.join("postgres").is_file())
        .collect();
    found.sort();
    found.pop()
}

/// PostgreSQL refuses to run as root, so root steps down to the owner of the folder.
fn command(program: &Path, owner: Option<&str>) -> Command {
    let mut command = match owner {
        None => Command::new(program),
        Some(owner) => {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid", owner, "--regid", owner, "--clear-groups"])
                .arg(program);
            command
        }
    };
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

impl Postgres {
    /// `None` when no server is installed.
    pub(crate) fn start() -> Option<Self> {
        let bin = programs()?;
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let is_root = rustix::process::geteuid().is_root();
        let owner = is_root.then_some("postgres");
        if let Some(owner) = owner {
            let owned = Command::new("chown").arg(owner).arg(folder.path()).status();
            assert!(owned.expect("coreutils").success());
        }
        let made = command(&bin.join("initdb"), owner)
            .args(["--auth=trust", "--username=bench", "-D"])
            .arg(&data)
            .status();
        assert!(made.expect("util-linux").success(), "initdb failed");
        let server = command(&bin.join("postgres"), owner)
            .arg("-D")
            .arg(&data)
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "synchronous_commit=on",
                "-k",
            ])
            .arg(folder.path())
            .spawn()
            .expect("it is installed");
        let runtime = Runtime::new().expect("a runtime");
        let (client, insert) = runtime.block_on(connect(folder.path()));
        Some(Self {
            client,
            insert,
            runtime,
            server,
            _folder: folder,
        })
    }
}

async fn connect(socket: &Path) -> (Client, Statement) {
    let mut config = Config::new();
    config.host_path(socket).user("bench").dbname("postgres");
    let (client, connection) = loop {
        // The socket is there when the server is; until then there is nothing to wait for.
        match config.connect(NoTls).await {
            Ok(connected) => break connected,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    tokio::spawn(connection);
    let table = "CREATE TABLE log (idx bigint PRIMARY KEY, prev bytea NOT NULL, \
                 leaf bytea NOT NULL, record bytea NOT NULL)";
    client.batch_execute(table).await.expect("a new table");
    let insert = client.prepare(INSERT).await.expect("the table");
    (client, insert)
}

impl Peer for Postgres {
    fn commit(&mut self, rows: &[Row]) {
        let index: Vec<i64> = rows
            .iter()
            .map(|row| i64::try_from(row.index).expect("small"))
            .collect();
        let prev: Vec<&[u8]> = rows.iter().map(|row| &row.prev.as_bytes()[..]).collect();
        let leaf: Vec<&[u8]> = rows.iter().map(|row| &row.leaf.as_bytes()[..]).collect();
        let record: Vec<&[u8]> = rows.iter().map(|row| &row.record[..]).collect();
        let values: [&(dyn ToSql + Sync); 4] = [&index, &prev, &leaf, &record];
        let insert = self.client.execute(&self.insert, &values);
        let inserted = self.runtime.block_on(insert).expect("a healthy disk");
        assert_eq!(usize::try_from(inserted).expect("small"), rows.len());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Gone already is as good.
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

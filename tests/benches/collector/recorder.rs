//! What recording costs a session that shows a lot.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_client::CallError;
use countersign_collector::outlet::{Item, Outlet, OutletError};
use countersign_collector::redact::{Redactor, Rules, Settings};
use countersign_collector::session::{
    self, Clock, Entered, Granted, Masks, NoMask, Options, Parts, Register, Standing, Terminal, Use,
};
use countersign_proto::v1;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::common::{median, now, since};
use crate::range;
use crate::sheet::Sheet;

/// Bytes of the file.
const BYTES: u64 = 1_000_000_000;
const RUNS: usize = 3;

/// Whoever says that all is well.
#[derive(Debug, Clone, Copy)]
struct Yes;

impl Register for Yes {
    async fn case(&self, _grant: u64) -> Result<v1::Case, CallError> {
        Ok(v1::Case::default())
    }

    async fn start(&self, _usage: Use) -> Result<Entered, CallError> {
        Ok(Entered { session: 1 })
    }

    async fn end(&self, _end: v1::EndSessionRequest) -> Result<(), CallError> {
        Ok(())
    }
}

/// Takes parts and forgets them: the spool has figures of its own.
#[derive(Debug, Clone, Copy)]
struct Nowhere;

impl Outlet for Nowhere {
    async fn put(&self, _item: Item) -> Result<(), OutletError> {
        Ok(())
    }

    async fn durable(&self) -> Result<(), OutletError> {
        Ok(())
    }

    fn place(&self, _input: &str) -> Option<String> {
        None
    }
}

/// Lines as a server logs them.
fn write(path: &Path) {
    let mut file = BufWriter::new(File::create(path).expect("room"));
    let (mut written, mut number) = (0_u64, 0_u64);
    while written < BYTES {
        let line = format!(
            "2026-01-31T10:{:02}:{:02}Z app[{}]: GET /orders/{number} 200 {} ms\n",
            number / 60 % 60,
            number % 60,
            number % 32_768,
            number % 997
        );
        file.write_all(line.as_bytes()).expect("room");
        written += u64::try_from(line.len()).expect("small");
        number += 1;
    }
    file.flush().expect("room");
}

pub(crate) async fn rows(sheet: &mut Sheet) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("shown");
    write(&path);
    let rules = Rules::new(&Settings::default()).expect("the built-in ones");
    let masks: [(&str, Arc<dyn Masks>); 2] = [
        ("the recorder", Arc::new(Redactor::new(rules))),
        ("the recorder without redaction", Arc::new(NoMask)),
    ];
    let mut rates = vec![Vec::new(); 3];
    for _run in 0..RUNS {
        rates[0].push(script(&path, dir.path()));
        for (place, (_name, masks)) in masks.iter().enumerate() {
            rates[place + 1].push(recorded(&path, Arc::clone(masks)).await);
        }
    }
    let names = ["script", masks[0].0, masks[1].0];
    let base = median(rates[0].clone());
    for (name, rates) in names.iter().zip(&rates) {
        let middle = median(rates.clone());
        let cells = [
            (*name).to_owned(),
            format!("{middle:.0}"),
            range(rates),
            format!("{:.2}", middle / base),
        ];
        sheet.add(&cells);
    }
}

fn megabytes_per_second(millis: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let megabytes = BYTES as f64 / 1e6;
    megabytes * 1_000.0 / millis
}

/// `script` writes what it copies to a file, as the recorder's spool would.
fn script(path: &Path, dir: &Path) -> f64 {
    let command = format!("cat {}", path.display());
    let typescript = dir.join("typescript");
    let started = now();
    let ran = Command::new("script")
        .args(["-q", "-e", "-c", &command])
        .arg(&typescript)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .expect("script of util-linux");
    let rate = megabytes_per_second(since(started));
    assert!(ran.success());
    std::fs::remove_file(typescript).expect("it was written");
    rate
}

async fn recorded(path: &Path, masks: Arc<dyn Masks>) -> f64 {
    let null = || File::options().read(true).write(true).open("/dev/null");
    let null = || null().expect("a null device");
    let end = UnixMicros::new(u64::MAX >> 1).expect("in range");
    let (_holds, standing) = watch::channel(Standing::Active { end });
    let parts = Parts {
        register: Yes,
        outlet: Nowhere,
        granted: Granted {
            grant: 1,
            case: 1,
            person: "ada".to_owned(),
            resource: "bench".to_owned(),
            permission: "read-only".to_owned(),
            break_glass: false,
            record_input: false,
        },
        standing,
        masks,
        terminal: Terminal::new(null().into(), null().into(), null().into()),
        clock: Clock::system(),
        stop: CancellationToken::new(),
    };
    let options = Options::new(vec!["cat".into(), path.into()]);
    let started = now();
    let ended = session::run(options, parts).await.expect("it runs");
    let rate = megabytes_per_second(since(started));
    assert_eq!(ended.exit_status, 0);
    assert!(ended.recording.output_bytes >= BYTES);
    rate
}

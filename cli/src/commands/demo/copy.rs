//! The auditor of the demo takes a copy away: files for a warehouse that prove themselves.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use countersign_chain::key::VerifierKey;
use countersign_export::native::Native;
use countersign_ledger::identity::role::Role;
use countersign_ledger::node::MAIN;
use countersign_verifier::check::{Request, check};
use countersign_verifier::export::{Exported, Order, Recorded, export, record};
use countersign_verifier::source::parquet::Parquet;
use countersign_verifier::source::server::{Address, Server};

use super::auditor;
use super::stage::Stage;
use crate::output::{counted, grouped};

/// Takes the copy of the running ledger into this folder.
pub(super) async fn take(stage: &Stage, out: &mut dyn Write) -> anyhow::Result<PathBuf> {
    writeln!(out, "6. The auditor takes a copy for the warehouse")?;
    let folder = stage.root.join("export");
    let host = stage.address().trim_start_matches("https://").to_owned();
    let (identity, key) = (stage.identity(Role::Auditor), stage.key.clone());
    let to = folder.clone();
    let take = move || written(&host, &identity, &key, &to);
    let (exported, recorded) = tokio::task::spawn_blocking(take)
        .await
        .context("the export panicked")??;
    let manifest = exported.manifest.context("the log has no entries")?;
    let files = u64::try_from(manifest.files.len())?;
    writeln!(
        out,
        "   {} in {}, {} bytes, in {}",
        counted(manifest.rows, "entry", "entries"),
        counted(files, "Parquet file", "Parquet files"),
        grouped(manifest.bytes()),
        folder.display()
    )?;
    writeln!(
        out,
        "   entry {} tells who took it, and signs the list of its files",
        recorded.index
    )?;
    Ok(folder)
}

fn written(
    host: &str,
    identity: &Path,
    key: &VerifierKey,
    out: &Path,
) -> anyhow::Result<(Exported, Recorded)> {
    let address = Address {
        host,
        log: MAIN,
        identity,
        key: Some(key),
        remembered: None,
    };
    let order = Order {
        recorded: true,
        ..Order::whole(out, MAIN)
    };
    let request = Request {
        key: Some(key.clone()),
        ..Request::default()
    };
    let mut source = Server::connect(&address)?;
    let (preset, stop) = (Native::new(key.clone()), AtomicBool::new(false));
    let what = (&order, &request);
    let exported = export(&mut source, what, &preset, &mut |_far| {}, &stop)?;
    drop(source);
    let manifest = exported.manifest.as_ref();
    let recorded = record(&address, out, manifest.context("the log has no entries")?)?;
    Ok((exported, recorded))
}

/// Verifies the copy with nothing but the key; whether it is intact.
pub(super) async fn prove(
    stage: &Stage,
    folder: &Path,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let (path, key) = (folder.to_owned(), stage.key.clone());
    let verify = move || {
        let mut source = Parquet::open(&path)?;
        let request = Request {
            key: Some(key),
            ..Request::default()
        };
        anyhow::Ok(check(&mut source, &request, &mut |_step| {})?)
    };
    let report = tokio::task::spawn_blocking(verify)
        .await
        .context("the verifier panicked")??;
    writeln!(out, "   and the copy, without the log")?;
    auditor::tell(out, &report)?;
    writeln!(out)?;
    Ok(report.verdict() == countersign_verifier::report::Verdict::Intact)
}

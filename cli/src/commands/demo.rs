//! `countersign demo`: a ledger, an agent, an auditor and a cheat on this machine, with real input.

mod auditor;
mod case;
mod copy;
mod damage;
mod inbox;
mod rewrite;
mod segments;
mod session;
mod stage;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use countersign_client::StreamOptions;
use countersign_collector::parse::Format;
use countersign_collector::tail::{LastLine, Options, Until, Watched};
use countersign_ledger::identity::role::Role;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::auditor::{Remembered, Trial};
use self::stage::Stage;
use super::{show, tail};
use crate::exit::Outcome;
use crate::files::{self, Access};
use crate::output::{counted, grouped};
use crate::redact::redactor;
use crate::render;
use crate::when::rfc3339;
use crate::words;

/// Entries that are shown from each end.
const SHOWN: u64 = 3;

/// Show the whole story on this machine: append, prove, tamper, detect
///
/// Shows the whole story with a real file of this machine: a ledger starts, an agent sends every
/// line over mutual TLS, somebody asks for access to production in the web inbox, others see what a
/// chat would show them and decide, and the access ends by itself; an auditor checks receipts,
/// proofs and the whole log, and takes a copy away that proves itself. Then copies of the log are
/// damaged in five ways, the last with the log's own key, and the verifier finds each of them.
///
/// The exit code is 0 only if the log was intact and all five damages were found. The folder is
/// kept.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign demo
  countersign demo --dir ./demo --input /var/log/auth.log")]
pub(crate) struct DemoArgs {
    /// Folder to make; otherwise a new one among the temporary files
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// File whose lines are sent; otherwise /var/log/dpkg.log, /var/log/syslog, or any other text
    /// in /var/log
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
}

pub(crate) async fn run(args: DemoArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let start = Instant::now();
    let input = stage::input(args.input)?;
    let mut stage = Stage::set(args.dir).await?;
    writeln!(
        out,
        "Countersign demo. Everything is real and stays in {}\n",
        stage.root.display()
    )?;
    writeln!(out, "1. A ledger with its own certificate authority")?;
    writeln!(out, "   serves   {} (mutual TLS)", stage.address())?;
    writeln!(out, "   signs as {}\n", stage.key)?;

    let sent = ingest(&stage, &input, out).await?;
    look(&stage, &sent, out).await?;
    case::play(&stage, &stage.clock, out).await?;
    let remembered = remember(&mut stage, &sent, out).await?;
    let copy = copy::take(&stage, out).await?;
    let told = stage.stop().await?;
    writeln!(out, "   {told}\n")?;

    let intact = audit(&stage, &remembered, out).await? & copy::prove(&stage, &copy, out).await?;
    let trials = cheat(&stage, &remembered, &sent, out).await?;
    conclude(out, &stage, intact, &trials)?;
    let found = trials.iter().filter(|trial| trial.shown.is_some()).count();
    writeln!(out, "\nTook {:.1} s.", start.elapsed().as_secs_f64())?;
    let held = intact && found == trials.len();
    Ok(if held { Outcome::Fine } else { Outcome::Found })
}

/// An agent sends every line of the input.
async fn ingest(
    stage: &Stage,
    input: &stage::Input,
    out: &mut dyn Write,
) -> anyhow::Result<tail::Sent> {
    let certificate = stage.issue(Role::Agent, "demo-host").await?;
    writeln!(
        out,
        "2. An agent, {}, certified by entry {}",
        certificate.principal, certificate.issued_index
    )?;
    writeln!(
        out,
        "   reads    {} ({})",
        input.path.display(),
        counted(input.lines, "line", "lines")
    )?;
    out.flush()?;
    let format = Format::guess(&input.path);
    let watched = Watched {
        path: input.path.clone(),
        format,
    };
    let mut options = Options::new(vec![watched], "demo-host");
    options.until = Until::End(LastLine::Taken);
    options.redactor = Some(redactor(None)?);
    let client = stage.client(Role::Agent).await?;
    let (start, stop) = (Instant::now(), CancellationToken::new());
    let sent = tail::send(
        &client,
        &options,
        StreamOptions::default(),
        stop,
        Some(input.lines),
    )
    .await?;
    let took = start.elapsed();
    writeln!(
        out,
        "   sent     {} entries in {:.2} s, each durable and signed before it was acknowledged",
        grouped(sent.summary.acknowledged),
        took.as_secs_f64()
    )?;
    anyhow::ensure!(
        sent.summary.acknowledged == sent.summary.sent,
        "not every entry is sealed"
    );
    let last = sent
        .size
        .checked_sub(1)
        .context("nothing was sent; give another file with --input")?;
    let receipt = client.receipt(last).await?;
    writeln!(
        out,
        "   receipt  of its last entry {last}: leaf {},\n            \
         in a signed tree of {} entries, proved by {}\n",
        receipt.leaf,
        grouped(receipt.checkpoint.size()),
        show::hashes(receipt.proof.len())
    )?;
    Ok(sent)
}

/// An auditor reads the first and the last lines, and one entry with its proof.
async fn look(stage: &Stage, sent: &tail::Sent, out: &mut dyn Write) -> anyhow::Result<()> {
    let certificate = stage.issue(Role::Auditor, "demo-auditor").await?;
    let client = stage.client(Role::Auditor).await?;
    writeln!(
        out,
        "3. An auditor, {}, looks at the entries",
        certificate.principal
    )?;
    let middle = sent.size.saturating_sub(SHOWN).max(sent.first + SHOWN);
    for index in (sent.first..sent.size.min(sent.first + SHOWN)).chain(middle..sent.size) {
        if index == middle {
            writeln!(out, "        …")?;
        }
        writeln!(out, "{}", render::line(&client.entry(index).await?))?;
    }
    let index = sent.first + (sent.size - sent.first) / 2;
    let (entry, proof) = (
        client.entry(index).await?,
        client.inclusion_proof(index, 0).await?,
    );
    writeln!(out, "\n   One of them with everything that is known of it:")?;
    let mut page = Vec::new();
    show::page(&mut page, &entry, &proof)?;
    for line in String::from_utf8_lossy(&page).lines() {
        writeln!(out, "   {line}")?;
    }
    let path = stage.root.join("entry.proof");
    files::write_new(&path, proof.to_tlog_proof().as_bytes(), Access::Public)?;
    let path_of_record = stage.root.join("entry.bin");
    files::write_new(&path_of_record, entry.record(), Access::Public)?;
    writeln!(
        out,
        "   Its proof stands alone in {} (C2SP tlog-proof).\n",
        path.display()
    )?;
    Ok(())
}

/// The auditor keeps a checkpoint; then the ledger stops and starts, and must still stand by it.
async fn remember(
    stage: &mut Stage,
    sent: &tail::Sent,
    out: &mut dyn Write,
) -> anyhow::Result<Remembered> {
    let client = stage.client(Role::Auditor).await?;
    let old = client.checkpoint().await?;
    let last = client.entry(sent.size - 1).await?;
    let path = stage.root.join("remembered.checkpoint");
    files::write_new(&path, old.text().as_bytes(), Access::Public)?;
    writeln!(out, "5. The ledger stops and starts again")?;
    writeln!(
        out,
        "   the auditor remembers the checkpoint of {} entries in {}",
        grouped(old.size()),
        path.display()
    )?;
    drop(client);
    stage.restart().await?;
    let client = stage.client(Role::Auditor).await?;
    let again = client.entry(last.index()).await?;
    anyhow::ensure!(
        again.record() == last.record(),
        "entry {} is another one now",
        last.index()
    );
    let proof = client.consistency_proof(&old, 0).await?;
    writeln!(
        out,
        "   entry {} of {} is the same;\n   \
         {} prove that the log of {} entries extends the remembered one",
        last.index(),
        rfc3339(last.time()),
        show::hashes(proof.hashes.len()),
        grouped(proof.new.size())
    )?;
    Ok(Remembered {
        path,
        note: old.text().to_owned(),
    })
}

async fn audit(
    stage: &Stage,
    remembered: &Remembered,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    writeln!(
        out,
        "7. The auditor verifies the whole log, without the ledger"
    )?;
    writeln!(
        out,
        "   {} verify {} --key '{}' --checkpoint {}",
        words::program(),
        stage.data.display(),
        stage.key,
        remembered.path.display()
    )?;
    out.flush()?;
    let report = auditor::verify(&stage.log(), &stage.key, Some(remembered)).await?;
    auditor::tell(out, &report)?;
    writeln!(out)?;
    Ok(auditor::is_intact(&report))
}

async fn cheat(
    stage: &Stage,
    remembered: &Remembered,
    sent: &tail::Sent,
    out: &mut dyn Write,
) -> anyhow::Result<Vec<Trial>> {
    writeln!(
        out,
        "8. Someone with root on the ledger's machine cheats, each time on a fresh copy of the log"
    )?;
    let near = sent.first + (sent.size - sent.first) / 2;
    let folder = stage.root.join("damaged");
    files::make_folder(&folder)?;
    let mut trials = Vec::new();
    for damage in damage::Damage::ALL {
        let copy = folder.join(damage.name());
        files::copy_folder(&stage.log(), &copy)?;
        let trial = auditor::attempt(damage, &copy, near, (&stage.key, remembered)).await?;
        auditor::tell_trial(out, &trial)?;
        trials.push(trial);
    }
    Ok(trials)
}

fn conclude(
    out: &mut dyn Write,
    stage: &Stage,
    intact: bool,
    trials: &[Trial],
) -> anyhow::Result<()> {
    let found = trials.iter().filter(|trial| trial.shown.is_some()).count();
    writeln!(out, "\nSummary")?;
    let verdict = if intact { "INTACT" } else { "NOT INTACT" };
    writeln!(out, "   {:<22} {verdict}", "the log and its copy")?;
    for trial in trials {
        let shown = match &trial.shown {
            None => "NOT FOUND".to_owned(),
            Some(shown) => match shown.index {
                None => format!("found: {}", shown.code),
                Some(index) => format!("found: {} at entry {index}", shown.code),
            },
        };
        writeln!(out, "   {:<22} {shown}", trial.damage.name())?;
    }
    let copy = stage
        .root
        .join("damaged")
        .join(damage::Damage::Letter.name());
    writeln!(
        out,
        "\n{} of {} damages were found. Look for yourself:\n   \
         {program} verify {} --key '{}'\n   \
         {program} proof --check {root}/entry.proof --record {root}/entry.bin --key '{key}'",
        found,
        trials.len(),
        copy.display(),
        stage.key,
        program = words::program(),
        root = stage.root.display(),
        key = stage.key
    )?;
    writeln!(
        out,
        "\nThe copy is for DuckDB and everything else that reads Parquet:\n   \
         {program} verify {root}/export --key '{key}'\n   \
         duckdb -c \"SELECT time, actor, summary FROM '{root}/export/*.parquet' \
         WHERE name = 'GrantIssued'\"",
        program = words::program(),
        root = stage.root.display(),
        key = stage.key
    )?;
    Ok(())
}

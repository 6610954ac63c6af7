//! The command line of `verify`, for its own binary and for `countersign verify`.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use countersign_chain::key::VerifierKey;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::bundle;
use crate::check::{Request, Step, check};
use crate::remember;
use crate::report::{Report, Verdict, json, text};
use crate::source::Source;
use crate::source::folder::Folder;
use crate::source::parquet::{self, Parquet, is_copy};
use crate::source::server::{Address, Server};

/// Prove that nothing in a ledger, or in a copy of it, was changed, removed or forked.
///
/// Exit code 0: intact. 1: findings. 2: could not check.
#[derive(Debug, Clone, Args)]
pub struct Verify {
    /// Folder of a server or of one log; a Parquet file of an export, or the folder of one; the
    /// evidence of a case (a .zip file); or the address of a server: grpc://HOST:PORT, or https://
    /// as for other commands
    pub source: String,
    /// Verifier key that the log must be signed with, or @FILE that holds it; `countersign verify`
    /// also takes it from COUNTERSIGN_KEY or countersign.toml
    #[arg(long, value_name = "VKEY|@FILE")]
    pub key: Option<String>,
    /// Signed checkpoint that the log must contain; may be given several times
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    /// File with the newest verified checkpoint, a signed note: compared, and replaced when the log
    /// is intact
    #[arg(long, value_name = "FILE")]
    pub remember: Option<PathBuf>,
    /// Name of the log
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub log: String,
    /// Folder for evidence of what is found
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
    /// Print the report as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Show no progress
    #[arg(long)]
    pub no_progress: bool,
    /// Folder with the identity of the caller, when the source is a server
    #[arg(long, alias = "cert", value_name = "DIR", env = "COUNTERSIGN_IDENTITY")]
    pub identity: Option<PathBuf>,
}

/// Verifies and writes the report; returns the exit code. It blocks, and must not be called inside
/// an async runtime.
///
/// # Errors
/// What the writer says.
pub fn run(args: &Verify, out: &mut dyn Write) -> io::Result<u8> {
    let start = Instant::now();
    parquet::quiet();
    match verify(args) {
        Ok(report) => {
            let took = start.elapsed();
            if args.json {
                writeln!(out, "{}", json::report(&report, took))?;
            } else {
                text::report(out, &report, took)?;
            }
            out.flush()?;
            match keep(args, &report) {
                Ok(()) => Ok(report.verdict().exit_code()),
                Err(error) => {
                    writeln!(io::stderr(), "verify: {error:#}")?;
                    Ok(Verdict::Unknown.exit_code())
                }
            }
        }
        Err(error) => {
            let reason = format!("{error:#}");
            if args.json {
                writeln!(out, "{}", json::unknown(&reason))?;
            } else {
                text::unknown(out, &reason)?;
            }
            Ok(Verdict::Unknown.exit_code())
        }
    }
}

fn verify(args: &Verify) -> anyhow::Result<Report> {
    let request = request(args)?;
    let path = Path::new(&args.source);
    let mut source = match bundle::is_bundle(path) {
        true => None,
        false => Some(open(args, &request)?),
    };
    let total = match &source {
        Some(source) => source.total_bytes(),
        None => path.metadata().map_or(0, |file| file.len()),
    };
    let bar = progress(args, total);
    let mut entries = 0_u64;
    let mut step = |step: Step| {
        entries = entries.saturating_add(step.entries);
        bar.inc(step.bytes);
        let millis = u64::try_from(bar.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let speed = entries.saturating_mul(1_000).checked_div(millis);
        bar.set_message(format!("{} entries/s", speed.unwrap_or(0)));
    };
    let report = match &mut source {
        Some(source) => check(source.as_mut(), &request, &mut step),
        None => bundle::check(path, &request, &mut step),
    };
    bar.finish_and_clear();
    Ok(report?)
}

/// Keeps what the next verification needs, and the evidence.
fn keep(args: &Verify, report: &Report) -> anyhow::Result<()> {
    if let Some(folder) = &args.evidence {
        let written = report.evidence.write(folder, &report.key);
        written.with_context(|| format!("cannot write evidence to {}", folder.display()))?;
    }
    args.remember
        .as_deref()
        .map_or(Ok(()), |path| remember_newest(path, report))
}

/// Remembers the newest checkpoint of a log that is intact.
///
/// # Errors
/// When the file cannot be replaced.
pub fn remember_newest(path: &Path, report: &Report) -> anyhow::Result<()> {
    if let (Verdict::Intact, Some(newest)) = (report.verdict(), &report.promised) {
        let written = remember::replace(path, newest);
        written.with_context(|| format!("cannot replace {}", path.display()))?;
    }
    Ok(())
}

/// What was remembered in a file: its name and bytes; `None` when there is none yet.
///
/// # Errors
/// When it cannot be read.
pub fn remembered(path: &Path) -> anyhow::Result<Option<(String, Vec<u8>)>> {
    let name = path.display().to_string();
    let read = remember::read(path).with_context(|| format!("cannot read {name}"))?;
    Ok(read.map(|bytes| (name, bytes)))
}

fn request(args: &Verify) -> anyhow::Result<Request> {
    let key = args.key.as_deref().map(read_key).transpose()?;
    let mut supplied = Vec::new();
    for path in &args.checkpoint {
        let name = path.display().to_string();
        match remember::read(path).with_context(|| format!("cannot read {name}"))? {
            Some(bytes) => supplied.push((name, bytes)),
            None => bail!("cannot read {name}: no such file"),
        }
    }
    let path = args.remember.as_deref();
    Ok(Request {
        key,
        supplied,
        remembered: path.map(remembered).transpose()?.flatten(),
    })
}

/// A key as text, or `@` and the name of the file that holds it.
///
/// # Errors
/// When there is no such file, or no key in it.
pub fn read_key(text: &str) -> anyhow::Result<VerifierKey> {
    let text = match text.strip_prefix('@') {
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?
        }
        None => text.to_owned(),
    };
    VerifierKey::parse(text.trim()).context("--key")
}

/// Host and port of a source that is a running ledger; `None` for a folder.
#[must_use]
pub fn host_of(source: &str) -> Option<&str> {
    let mut schemes = ["grpc://", "https://"].iter();
    schemes.find_map(|scheme| source.strip_prefix(scheme))
}

fn open(args: &Verify, request: &Request) -> anyhow::Result<Box<dyn Source>> {
    let Some(host) = host_of(&args.source) else {
        let path = Path::new(&args.source);
        if is_copy(path)? {
            return Ok(Box::new(Parquet::open(path)?));
        }
        return Ok(Box::new(Folder::open(path, &args.log)?));
    };
    let Some(identity) = &args.identity else {
        bail!("a server as the source needs --identity, the folder with the caller's certificate");
    };
    let address = Address {
        host,
        log: &args.log,
        identity,
        key: request.key.as_ref(),
        remembered: request.remembered_note(),
    };
    Ok(Box::new(Server::connect(&address)?))
}

/// A bar on a terminal, nothing elsewhere.
fn progress(args: &Verify, total: u64) -> ProgressBar {
    let hidden = args.json || args.no_progress || !io::stderr().is_terminal();
    if hidden {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let template = "{bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec}  {msg} {elapsed}";
    // A template that cannot be read leaves the bar as it is by default.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

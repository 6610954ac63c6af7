//! `countersign collector tail`: the lines of files into a ledger.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use countersign_chain::origin::Origin;
use countersign_client::{Client, StreamOptions};
use countersign_collector::parse::Format;
use countersign_collector::tail::{self, LastLine, Options, Summary, Until, Watched};
use countersign_collector::{DryRun, LedgerSink};
use countersign_ledger::identity::peer::Peer;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_util::sync::CancellationToken;

use super::collector::{repeats, sealed, stop_token};
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::{Progress, counted, grouped};
use crate::redact::RedactArgs;

/// How often the line of progress is drawn.
const REDRAW: Duration = Duration::from_millis(100);

/// How lines are read.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LineFormat {
    /// Not at all: the line is kept as it is
    Raw,
    /// The log of Debian's package manager
    Dpkg,
    /// Words of the form key=value
    KeyValue,
}

/// Follow files and send their lines
///
/// Follows files through rotation and restarts; each line becomes one entry, once. It takes the
/// role agent or admin.
///
/// Lines that are known to be lost become a SpoolGap entry. With --state, a run goes on where the
/// last one was sealed. A file that is not there, and a ledger that is away or full, are waited
/// for, and that is told. SIGTERM and SIGINT end it in order.
///
/// Secrets are taken out of the lines, as an agent does, unless --no-redact is given. Empty lines
/// are passed over. A line of more than 32 KiB becomes several entries with the fields
/// "part" and "more_parts".
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign collector tail --state ./tail.state /var/log/auth.log /var/log/dpkg.log
  countersign collector tail --once --dry-run /var/log/dpkg.log")]
pub(crate) struct TailArgs {
    /// Files to follow; give a path the same way each time
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Read to the end of the files and stop; a last line without line end is left for the next run
    /// with --state, and sent as it is without
    #[arg(long)]
    pub(crate) once: bool,
    /// File that keeps how far each file is sealed
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// How lines are read; otherwise the file's name decides
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<LineFormat>,
    /// Print what would be sent instead
    #[arg(long, conflicts_with = "state")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) redact: RedactArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

impl TailArgs {
    fn options(&self, agent: &str) -> anyhow::Result<Options> {
        let watched = |path: &PathBuf| Watched {
            path: path.clone(),
            format: match self.format {
                None => Format::guess(path),
                Some(LineFormat::Raw) => Format::Raw,
                Some(LineFormat::Dpkg) => Format::Dpkg,
                Some(LineFormat::KeyValue) => Format::KeyValue,
            },
        };
        let mut options = Options::new(self.files.iter().map(watched).collect(), agent);
        options.state.clone_from(&self.state);
        options.until = match (self.once, &self.state) {
            (true, Some(_)) => Until::End(LastLine::Left),
            (true, None) => Until::End(LastLine::Taken),
            (false, _) => Until::Stopped,
        };
        options.redactor = self.redact.redactor()?;
        Ok(options)
    }
}

pub(crate) async fn run(args: TailArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    anyhow::ensure!(
        !args.files.iter().any(|file| file.as_os_str() == "-"),
        "tail follows files; `collector emit` reads the standard input"
    );
    let stop = stop_token()?;
    if args.dry_run {
        tail::tail(&args.options("dry-run")?, DryRun::new(io::stdout()), stop).await?;
        return Ok(Outcome::Fine);
    }
    let config = args.connect.client_config()?;
    let identity = config.identity.clone();
    let client = Client::connect(config).await?;
    let options = args.options(&own_name(&client, &identity)?)?;
    // A job ends; an agent waits for its ledger.
    let stream = if args.once {
        args.connect.patient_stream()
    } else {
        StreamOptions::default()
    };
    let done = send(&client, &options, stream, stop, None).await?;
    tell(&done, out)?;
    Ok(if done.summary.acknowledged == done.summary.sent {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

fn tell(done: &Sent, out: &mut dyn Write) -> io::Result<()> {
    let Summary {
        sent,
        acknowledged,
        about,
        gaps,
        unfinished,
    } = done.summary;
    if acknowledged < sent {
        let sent = counted(sent, "entry", "entries");
        let sealed = grouped(acknowledged);
        return writeln!(
            out,
            "Sealed {sealed} of {sent}; the next run sends the rest."
        );
    }
    let lines = sealed(done.summary.lines(), "line", done.before);
    let about = counted(about, "entry", "entries");
    write!(out, "{lines}, and {about} about the run")?;
    if gaps > 0 {
        let gaps = counted(gaps, "time", "times");
        write!(out, "; lines were lost {gaps}, see `log --kind SpoolGap`")?;
    }
    if unfinished > 0 {
        let files = counted(unfinished, "file", "files");
        write!(
            out,
            "; {files} ended within a line, which the next run reads"
        )?;
    }
    writeln!(out, ".")
}

/// Name in the certificate of an identity.
fn own_name(client: &Client, identity: &Path) -> anyhow::Result<String> {
    let path = identity.join("cert.pem");
    let read = || {
        let pem = std::fs::read(&path)?;
        let der = CertificateDer::from_pem_slice(&pem)
            .map_err(|error| anyhow::anyhow!("it is not in PEM form: {error}"))?;
        // Certificates are of the origin of `main`; other logs have their names behind it.
        let origin = client.key().origin();
        let below = format!("/{}", client.log());
        let main = origin
            .as_str()
            .strip_suffix(&below)
            .and_then(|main| Origin::parse(main).ok());
        let peer = main.and_then(|main| Peer::parse(&der, &main).ok());
        let peer = peer.map_or_else(|| Peer::parse(&der, origin), Ok)?;
        anyhow::Ok(peer.principal.name().to_owned())
    };
    read().with_context(|| format!("cannot read the name in {}", path.display()))
}

/// What a run sent, and where it is in the log.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) summary: Summary,
    /// Index of the first entry.
    pub(crate) first: u64,
    /// Number of entries of the log that it takes to hold the last one.
    pub(crate) size: u64,
    /// Number of entries that an earlier run had sealed.
    pub(crate) before: u64,
}

/// Sends files to a ledger with a line of progress; `total` is the number of lines, where it is
/// known.
pub(crate) async fn send(
    client: &Client,
    options: &Options,
    stream: StreamOptions,
    stop: CancellationToken,
    total: Option<u64>,
) -> anyhow::Result<Sent> {
    let (sealed, first, size, before) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(u64::MAX)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let (acked, low, high) = (Arc::clone(&sealed), Arc::clone(&first), Arc::clone(&size));
    let repeated = Arc::clone(&before);
    let sink = LedgerSink::new(client, stream, move |ack| {
        repeated.fetch_add(repeats(ack), Ordering::Relaxed);
        let count = u64::try_from(ack.run.count()).unwrap_or(0);
        acked.fetch_add(count, Ordering::Relaxed);
        low.fetch_min(ack.run.first_index, Ordering::Relaxed);
        high.fetch_max(ack.run.first_index.saturating_add(count), Ordering::Relaxed);
    });
    let mut progress = Progress::new();
    let mut redraw = tokio::time::interval(REDRAW);
    let mut sending = std::pin::pin!(tail::tail(options, sink, stop));
    let summary = loop {
        tokio::select! {
            summary = &mut sending => break summary?,
            _ = redraw.tick() => {
                let sealed = grouped(sealed.load(Ordering::Relaxed));
                let of = total.map(|total| format!(" of {}", grouped(total))).unwrap_or_default();
                progress.show(&format!("   {sealed}{of} lines sealed"));
            }
        }
    };
    let (first, size) = (first.load(Ordering::Relaxed), size.load(Ordering::Relaxed));
    Ok(Sent {
        summary,
        first,
        size,
        before: before.load(Ordering::Relaxed),
    })
}

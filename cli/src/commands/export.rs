//! `countersign export`: entries as files that can be proved.

mod preset;
mod tell;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, bail};
use clap::Args;
use countersign_chain::kind::Kind;
use countersign_collector::agent::identity_of;
use countersign_export::limits::{FILE_BYTES, FILE_ROWS};
use countersign_export::native::Native;
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_ledger::identity::role::{Role, may_append};
use countersign_verifier::check::{self, Request};
use countersign_verifier::command::{host_of, read_key, remember_newest, remembered};
use countersign_verifier::export::{
    self, ExportError, Exported, Layout, Mode, Order, RecordError, Recorded,
};
use countersign_verifier::source::Source;
use countersign_verifier::source::folder::Folder;
use countersign_verifier::source::server::{Address, Server};
use tokio::runtime::Builder;

use super::serve::stop_signal;
use crate::config::MAIN;
use crate::connect::ConnectArgs;
use crate::exit::{Outcome, Refused};
use crate::when::When;
use preset::{Chosen, PresetArgs};
use tell::Teller;

/// Kind of the entry that tells of an export.
const EXPORT_CREATED: u16 = 120;
/// Bytes of 1 MiB.
const MIB: u64 = 1 << 20;

/// Take entries away as files that can be proved
///
/// Verifies the whole log, and writes its entries to files in a folder, with a manifest. Every row
/// holds what proves it. Files get their names when they are whole; the same command goes on where
/// one was stopped, and writes the same bytes again.
///
/// SOURCE is a running ledger, grpc://host:port, or a data folder. A ledger is told of the export:
/// an entry says who took what, and manifest.proof beside the manifest is the proof of that entry.
/// It needs an identity with the role auditor or admin. A folder cannot be told, so --unrecorded
/// must be given.
///
/// Exit code 0: exported; 1: the log does not verify, or the ledger refused; 2: it could not be
/// done. docs/export.md tells what is in each column, and how to query and verify.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign export grpc://ledger.example.com:7443 --identity ./auditor --out ./audit
  countersign export grpc://ledger.example.com:7443 --identity ./auditor --out ./audit \
    --since-last --remember ./ledger.checkpoint
  countersign export /var/lib/countersign/data --out ./case-1042 --case 1042 --unrecorded
  countersign export ./backup --out ./lake --partition-by-day --since 2026-01-01 --unrecorded
  countersign export ./backup --out ./siem --preset jsonl --ocsf 1.8.0 --unrecorded
  countersign export ./backup --out ./asl --preset security-lake --lake-region eu-central-1 \
    --unrecorded")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct ExportArgs {
    /// Address of a ledger, grpc://HOST:PORT, or the folder of a server or of one log
    pub(crate) source: String,
    /// Folder for the files; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) preset: PresetArgs,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// Add what came since the export that is in the folder
    #[arg(long)]
    pub(crate) since_last: bool,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// Tell no ledger of the export; the manifest says so
    #[arg(long)]
    pub(crate) unrecorded: bool,
    /// Print progress and the result as JSON objects, one a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress: bool,
    /// Verifier key that the log must be signed with, or @FILE that holds it [env: COUNTERSIGN_KEY]
    #[arg(long, value_name = "VKEY|@FILE")]
    pub(crate) key: Option<String>,
    /// File with the newest verified checkpoint, a signed note, as `verify` keeps it: compared, and
    /// replaced when the export is whole
    #[arg(long, value_name = "FILE")]
    pub(crate) remember: Option<PathBuf>,
    /// Name of the log [env: COUNTERSIGN_LOG] [default: main]
    #[arg(long, value_name = "NAME")]
    pub(crate) log: Option<String>,
    /// Folder with the identity of the caller, when the source is a ledger [env:
    /// COUNTERSIGN_IDENTITY]
    #[arg(long, value_name = "DIR")]
    pub(crate) identity: Option<PathBuf>,
    /// File with connection settings [default: countersign.toml, then
    /// ~/.config/countersign/countersign.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Which entries.
#[derive(Debug, Args)]
pub(crate) struct ChoiceArgs {
    /// Index of the first entry
    #[arg(long, value_name = "INDEX", default_value_t = 0, value_parser = index)]
    pub(crate) from: u64,
    /// Index of the last entry [default: the newest one]
    #[arg(long, value_name = "INDEX", value_parser = index)]
    pub(crate) to: Option<u64>,
    /// Entries at or after this time: RFC 3339, a date, or how long ago (15m, 1h30m, 2d)
    #[arg(long, value_name = "T", value_parser = When::parse)]
    pub(crate) since: Option<When>,
    /// Entries before this time, in the same forms
    #[arg(long, value_name = "T", value_parser = When::parse)]
    pub(crate) until: Option<When>,
    /// Entries of the case that this entry opened; each row carries its proof
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) case: Option<u64>,
}

/// How entries are put into files.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// Part files by the day of their entries, in folders like day=2026-01-31
    #[arg(long)]
    pub(crate) partition_by_day: bool,
    /// Rows after which a new file begins, behind the end of a commit
    #[arg(long, value_name = "N", default_value_t = FILE_ROWS)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) file_rows: u64,
    /// MiB of records after which a new file begins, behind the end of a commit
    #[arg(long, value_name = "N", default_value_t = FILE_BYTES / MIB)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub(crate) file_mib: u64,
}

/// Indexes are below 2^63.
fn index(text: &str) -> Result<u64, String> {
    let index = text.parse::<u64>().ok().filter(|index| *index < 1 << 63);
    index.ok_or_else(|| "expected the index of an entry, a number below 2^63".to_owned())
}

/// Who asks, and whom.
struct Connection {
    log: String,
    identity: Option<PathBuf>,
    request: Request,
}

pub(crate) fn run(args: &ExportArgs) -> anyhow::Result<Outcome> {
    let mut teller = Teller::new(args.json, args.no_progress);
    let exported = export(args, &mut teller).and_then(|it| {
        // Behind the entry: the export is whole without it.
        if let Some(path) = &args.remember {
            remember_newest(path, &it.0.report)?;
        }
        Ok(it)
    });
    match exported {
        Ok((exported, recorded)) => {
            teller.end(&mut io::stdout(), &args.out, &exported, recorded)?;
            Ok(Outcome::Fine)
        }
        Err(error) => {
            teller.failed(&mut io::stdout(), &error)?;
            Err(error)
        }
    }
}

fn export(args: &ExportArgs, teller: &mut Teller) -> anyhow::Result<(Exported, Option<Recorded>)> {
    let chosen = args.preset.chosen()?;
    let connection = connection(args)?;
    let host = host_of(&args.source);
    let order = order(args, &connection.log)?;
    match (host, &connection.identity) {
        (None, _) if !args.unrecorded => bail!(
            "nothing can be written to the log in a folder, so no entry will tell of this export; \
             give --unrecorded, or the address of the running ledger"
        ),
        (Some(_), None) => bail!(
            "a ledger as the source needs --identity, the folder with the caller's certificate; an \
             administrator makes one with `countersign ca issue --role auditor`"
        ),
        (Some(_), Some(identity)) if !args.unrecorded => must_be_allowed(identity)?,
        _ => {}
    }
    let stop = stop_on_signal()?;
    let mut source = open(args, &connection)?;
    let key = check::key_of(source.as_ref(), &connection.request)?;
    teller.begin(source.total_bytes());
    let mut step = |far| teller.step(far);
    let what = (&order, &connection.request);
    let source_of = source.as_mut();
    let exported = match &chosen {
        Chosen::Native => {
            let preset = Native::new(key);
            export::export(source_of, what, &preset, &mut step, &stop)
        }
        Chosen::Lake(preset) => export::export(source_of, what, preset, &mut step, &stop),
        Chosen::Lines(preset) => export::export(source_of, what, preset, &mut step, &stop),
    };
    let exported = exported.map_err(refusal)?;
    drop(source);
    let (Some(host), Some(identity), Some(manifest)) =
        (host, &connection.identity, &exported.manifest)
    else {
        return Ok((exported, None));
    };
    if args.unrecorded {
        return Ok((exported, None));
    }
    let address = Address {
        host,
        log: &connection.log,
        identity,
        key: None,
        remembered: None,
    };
    let recorded = export::record(&address, &args.out, manifest);
    Ok((exported, Some(recorded.map_err(not_recorded)?)))
}

fn connection(args: &ExportArgs) -> anyhow::Result<Connection> {
    let settings = ConnectArgs {
        config: args.config.clone(),
        ..ConnectArgs::default()
    }
    .settings()?;
    let key = args.key.clone().or(settings.key);
    let log = args.log.clone().or(settings.log);
    let request = Request {
        key: key.as_deref().map(read_key).transpose()?,
        remembered: args
            .remember
            .as_deref()
            .map(remembered)
            .transpose()?
            .flatten(),
        ..Request::default()
    };
    Ok(Connection {
        log: log.unwrap_or_else(|| MAIN.to_owned()),
        identity: args.identity.clone().or(settings.identity),
        request,
    })
}

fn order(args: &ExportArgs, log: &str) -> anyhow::Result<Order> {
    let now = SystemClock::new().wall();
    let time = |when: &Option<When>| when.as_ref().map(|when| when.resolve(now));
    let ChoiceArgs { from, to, case, .. } = args.choice;
    if let Some(to) = to.filter(|to| *to < from) {
        bail!("--to {to} is before --from {from}; it is the index of the last entry");
    }
    Ok(Order {
        out: args.out.clone(),
        log: log.to_owned(),
        from,
        end: to.map(|to| to.saturating_add(1)),
        since: time(&args.choice.since),
        until: time(&args.choice.until),
        case,
        mode: match args.since_last {
            true => Mode::SinceLast,
            false => Mode::Same,
        },
        layout: Layout {
            rows: args.files.file_rows,
            bytes: args.files.file_mib.saturating_mul(MIB),
            by_day: args.files.partition_by_day,
        },
        recorded: !args.unrecorded,
    })
}

fn open(args: &ExportArgs, connection: &Connection) -> anyhow::Result<Box<dyn Source>> {
    let log = &connection.log;
    let (Some(host), Some(identity)) = (host_of(&args.source), &connection.identity) else {
        return Ok(Box::new(Folder::open(Path::new(&args.source), log)?));
    };
    Ok(Box::new(Server::connect(&Address {
        host,
        log,
        identity,
        key: connection.request.key.as_ref(),
        remembered: connection.request.remembered_note(),
    })?))
}

/// Refuses before anything is read what the ledger would refuse at the end. An identity that cannot
/// be read tells nothing.
fn must_be_allowed(identity: &Path) -> anyhow::Result<()> {
    let Ok(name) = identity_of(identity) else {
        return Ok(());
    };
    let role = name
        .rsplit('/')
        .nth(1)
        .and_then(|role| Role::parse(role).ok());
    let kind = Kind::new(EXPORT_CREATED);
    match role {
        Some(role) if !kind.is_ok_and(|kind| may_append(role, kind)) => {
            let text = format!(
                "{name} has the role {role}; exports are recorded in the log, which needs the role \
                 auditor or admin: give --identity of one, made with `countersign ca issue --role \
                 auditor`"
            );
            Err(Refused(text).into())
        }
        _ => Ok(()),
    }
}

/// The files are there, and the entry is not.
fn not_recorded(error: RecordError) -> anyhow::Error {
    const WHOLE: &str = "the files are whole, and the log was not told of them; run the same \
                         command again, and only the entry is made";
    match error {
        RecordError::Role(_) => Refused(error.to_string()).into(),
        RecordError::Call(error) => anyhow::Error::new(*error).context(WHOLE),
        RecordError::Connect(error) => anyhow::Error::new(*error).context(WHOLE),
        other => anyhow::Error::new(other),
    }
}

/// A log that does not verify is a finding.
fn refusal(error: ExportError) -> anyhow::Error {
    match error {
        ExportError::Damaged { .. } => Refused(error.to_string()).into(),
        other => anyhow::Error::new(other).context("cannot export"),
    }
}

/// A mark that is set when somebody asks the process to stop.
fn stop_on_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot listen for signals")?;
    let stop = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&stop);
    let signal = {
        let _inside = runtime.enter();
        stop_signal()?
    };
    thread::spawn(move || {
        runtime.block_on(signal);
        mark.store(true, Ordering::Relaxed);
    });
    Ok(stop)
}

//! `countersign case`: what is taken away of a case.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::tlog_proof::TlogProof;
use countersign_client::{Client, Draft, Filter, Level};
use countersign_export::evidence::{BundleWriter, Evidence, Manifest, Proved, names};
use countersign_export::manifest::RecordProof;
use countersign_proto::event::Known;
use countersign_proto::v1;
use serde_json::json;

use super::access::number;
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::files::must_be_free;
use crate::output::{Progress, counted, grouped, json_page};

/// Digits of the manifest's digest in an idempotency key: a bundle that is taken again is one
/// entry.
const KEY_DIGITS: usize = 40;

/// Take the evidence of a case away
#[derive(Debug, Subcommand)]
pub(crate) enum CaseCommand {
    Export(ExportArgs),
}

/// Write everything about a case into one file that proves itself
///
/// The file is a zip archive: the case as a page to read or to print, every entry with its proof,
/// the policies that judged, what sessions showed, and a manifest that the log signs. `countersign
/// verify FILE.zip` proves it with nothing but the log's key. Taking it is an entry of the log, and
/// so is looking at each recording. It takes the role auditor or admin.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign case export 1042 --out case-1042.zip
  countersign case export 1042 --out case-1042.zip --no-recordings
  countersign verify case-1042.zip --key @log.vkey")]
pub(crate) struct ExportArgs {
    /// Number of the case, or of anything that belongs to it
    #[arg(value_name = "ID", value_parser = number())]
    id: u64,
    /// The file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Leave out what sessions showed
    #[arg(long)]
    no_recordings: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// What was taken.
#[derive(Debug)]
struct Taken {
    case: u64,
    entries: usize,
    sessions: usize,
    missing: usize,
    closed: bool,
    /// Index of the entry that says so.
    report: u64,
}

impl CaseCommand {
    pub(crate) async fn run(self, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        match self {
            Self::Export(args) => export(args, out).await,
        }
    }
}

async fn export(args: ExportArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    must_be_free(&args.out)?;
    let client = args.connect.client().await?;
    let case = client.case(args.id).await?;
    let part = Unfinished::new(&args.out)?;
    let mut writer = BundleWriter::new(part.open()?);
    let taken = take(&client, case.id, &mut writer, args.no_recordings).await?;
    let (taken, signed) = taken;
    let file = writer.finish(&signed)?;
    part.keep(&file, &args.out)?;
    tell(&args, &taken, out)
}

async fn take(
    client: &Client,
    case: u64,
    writer: &mut BundleWriter<File>,
    no_recordings: bool,
) -> anyhow::Result<(Taken, RecordProof)> {
    let mut progress = Progress::new();
    let (mut sessions, mut missing) = (0_usize, 0_usize);
    // Looking at a recording is an entry, which must not tell of one who may not read the case.
    progress.show("whether the case may be read");
    client.entry(case).await?;
    if !no_recordings {
        for session in recorded(client, case).await? {
            progress.show(&format!("the recording of session {session}"));
            missing += recording(client, session, writer).await?;
            sessions += 1;
        }
    }
    progress.show("the entries of the case");
    let told = gather(client, case, &mut progress).await?;
    progress.show("the log signs the manifest");
    let manifest = writer.tell(&told)?;
    let (report, signed) = sign(client, case, &manifest).await?;
    progress.clear();
    let closed = Manifest::parse(&manifest)?.closed;
    let entries = told.entries.len();
    let taken = Taken {
        case,
        entries,
        sessions,
        missing,
        closed,
        report,
    };
    Ok((taken, signed))
}

/// Sessions of the case of which something was recorded.
async fn recorded(client: &Client, case: u64) -> anyhow::Result<Vec<u64>> {
    let mut found = Vec::new();
    let mut request = v1::ListSessionsRequest {
        case,
        ..Default::default()
    };
    loop {
        let page = client.sessions(request.clone()).await?;
        found.extend(page.sessions.iter().map(|it| it.session));
        if page.next_page_token.is_empty() {
            found.sort_unstable();
            return Ok(found);
        }
        request.page_token = page.next_page_token;
    }
}

/// Copies what a session showed, part by part; returns how many parts are missing.
async fn recording(
    client: &Client,
    session: u64,
    writer: &mut BundleWriter<File>,
) -> anyhow::Result<usize> {
    let mut stream = client.recording(session, "export", "").await?;
    let (mut begun, mut missing) = (false, 0_usize);
    while let Some(next) = stream.next().await? {
        let (Ok(Known::SessionOutput(output)), Some(content)) = (next.entry.known(), next.content)
        else {
            continue;
        };
        if !begun {
            writer.recording(session)?;
            begun = true;
        }
        missing += usize::from(content.is_err());
        writer.part(output.part, content.as_deref().map_err(String::as_str))?;
    }
    Ok(missing)
}

/// The entries of the case and those that it builds on, with proofs in one signed tree.
async fn gather(client: &Client, case: u64, progress: &mut Progress) -> anyhow::Result<Evidence> {
    let filter = Filter {
        case,
        ..Filter::default()
    };
    let mut pages = client.list(filter);
    let mut indexes = vec![0];
    let mut policies = Vec::new();
    while let Some(page) = pages.next().await? {
        for entry in page.entries {
            indexes.push(entry.index());
            let Ok(event) = entry.known() else { continue };
            indexes.extend(names(&event));
            policies.extend(policy_of(&event));
        }
    }
    indexes.sort_unstable();
    indexes.dedup();
    policies.sort_unstable();
    policies.dedup();
    let checkpoint = client.checkpoint().await?;
    let mut entries = Vec::with_capacity(indexes.len());
    for index in &indexes {
        let done = entries.len();
        progress.show(&format!("proofs: {done} of {}", indexes.len()));
        entries.push(prove(client, *index, &checkpoint).await?);
    }
    let mut texts = Vec::new();
    for index in policies {
        let (_, files) = client.policy(index).await?;
        let files = files.into_iter().map(|file| (file.name, file.text));
        texts.push((index, files.collect()));
    }
    Ok(Evidence {
        case,
        key: client.key().clone(),
        checkpoint,
        entries,
        policies: texts,
    })
}

fn policy_of(event: &Known) -> Option<u64> {
    match event {
        Known::AccessRequested(it) => Some(it.policy),
        Known::BreakGlassInvoked(it) => Some(it.policy),
        Known::ExtensionRequested(it) => Some(it.policy),
        _ => None,
    }
}

async fn prove(
    client: &Client,
    index: u64,
    checkpoint: &Arc<SignedCheckpoint>,
) -> anyhow::Result<Proved> {
    let entry = client.entry(index).await?;
    let proof = client.inclusion_proof(index, checkpoint.size()).await?;
    anyhow::ensure!(
        proof.leaf == entry.leaf() && proof.checkpoint.root() == checkpoint.root(),
        "the ledger proved another entry than it showed; run `verify`"
    );
    let record = entry.record().to_vec();
    Ok(Proved::new(record, proof.hashes, &proof.checkpoint)?)
}

/// Adds the entry that names the manifest's digest; returns its index, and what proves it.
async fn sign(client: &Client, case: u64, manifest: &[u8]) -> anyhow::Result<(u64, RecordProof)> {
    let digest: Hash = Manifest::digest(manifest);
    let event = v1::ReportCreated {
        report: "case".to_owned(),
        about: case,
        sha256: digest.as_bytes().to_vec().into(),
        bytes: u64::try_from(manifest.len())?,
        ..Default::default()
    };
    let digits: String = digest.to_string().chars().take(KEY_DIGITS).collect();
    let draft = Draft::new(&event).with_key(format!("case-export-{digits}"));
    let receipt = client.append(draft, Level::Sealed).await.context(
        "the log could not sign the manifest; taking evidence away needs the role auditor or admin",
    )?;
    let entry = client.entry(receipt.index).await?;
    let proof = client.inclusion_proof(receipt.index, 0).await?;
    let signed = RecordProof {
        record: entry.record().to_vec(),
        proof: TlogProof {
            index: proof.index,
            hashes: proof.hashes,
            checkpoint: proof.checkpoint.text().to_owned(),
        },
    };
    Ok((receipt.index, signed))
}

fn tell(args: &ExportArgs, taken: &Taken, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let file = args.out.display().to_string();
    if args.json {
        let value = json!({
            "case": taken.case,
            "file": file,
            "entries": taken.entries,
            "recordings": taken.sessions,
            "missing_parts": taken.missing,
            "closed": taken.closed,
            "report": taken.report,
        });
        json_page(out, &value)?;
        return Ok(Outcome::Fine);
    }
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    writeln!(
        out,
        "Wrote case {} to {file}: {} with their proofs, {}.",
        taken.case,
        counted(number(taken.entries), "entry", "entries"),
        counted(number(taken.sessions), "recording", "recordings"),
    )?;
    if taken.missing > 0 {
        let count = grouped(number(taken.missing));
        writeln!(
            out,
            "{count} parts of recordings are not kept any more; the manifest names them."
        )?;
    }
    if !taken.closed {
        writeln!(out, "The case is open: more may come.")?;
    }
    writeln!(out, "The log says who took it in entry {}.", taken.report)?;
    writeln!(out, "\nNext:\n  countersign verify {file} --key KEY")?;
    Ok(Outcome::Fine)
}

/// A file that is not whole yet: it has another name, and goes when it is not kept.
#[derive(Debug)]
struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    fn new(whole: &Path) -> anyhow::Result<Self> {
        let name = whole
            .file_name()
            .context("give the name of a file with --out")?;
        let name = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
        Ok(Self {
            path: whole.with_file_name(name),
        })
    }

    fn open(&self) -> anyhow::Result<File> {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&self.path);
        opened.map_err(|error| {
            let advice = match error.kind() {
                io::ErrorKind::NotFound => "make its folder first",
                _ => "give another place",
            };
            let path = self.path.display();
            anyhow::Error::from(error).context(format!("cannot make {path}; {advice}"))
        })
    }

    fn keep(self, file: &File, whole: &Path) -> anyhow::Result<()> {
        file.sync_all()?;
        must_be_free(whole)?;
        fs::rename(&self.path, whole)
            .with_context(|| format!("cannot give {} its name", whole.display()))?;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Half a bundle must not pass for one; where there is none, nothing is to be removed.
        fs::remove_file(&self.path).ok();
    }
}

//! `countersign show`: one entry with everything that is known of it, checked.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use countersign_client::{Entry, InclusionProof};
use serde_json::json;

use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::files::{self, Access};
use crate::output::{counted, grouped, hex, json_page, printable, shorten};
use crate::render;
use crate::when::rfc3339;
use countersign_proto::reading;

/// Characters of an event in one line.
const SAYS: usize = 160;

/// Explain one entry and check it
///
/// Explains one entry: all of its fields, the event as JSON, the signed checkpoint of its commit,
/// and the proof that it is in the newest signed tree. Everything is checked before it is shown.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign show 1042
  countersign show 1042 --record entry.bin && countersign proof 1042 -o entry.proof")]
pub(crate) struct ShowArgs {
    /// Index of the entry
    #[arg(value_name = "INDEX")]
    pub(crate) index: u64,
    /// Write the record's bytes, which is what is hashed and signed, to a new file
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

pub(crate) async fn run(args: ShowArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.connect.client().await?;
    let entry = client.entry(args.index).await?;
    let proof = client.inclusion_proof(args.index, 0).await?;
    if proof.leaf != entry.leaf() {
        let (expected, got) = (entry.leaf(), proof.leaf);
        return Err(crate::exit::Refused(format!(
            "the ledger proved another entry than it showed: \
             expected leaf {expected}, got {got}; run `verify`"
        ))
        .into());
    }
    if let Some(path) = &args.record {
        files::write_new(path, entry.record(), Access::Public)?;
    }
    if args.json {
        let mut value = render::object(&entry);
        value["checkpoint"] = json!(entry.checkpoint().text());
        value["proof"] = json!({
            "verified": true,
            "tree_size": proof.checkpoint.size(),
            "root": proof.checkpoint.root().to_string(),
            "hashes": proof.hashes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "key": client.key().to_string(),
        });
        json_page(out, &value)?;
    } else {
        page(out, &entry, &proof)?;
        writeln!(out, "  key        {}", client.key())?;
    }
    Ok(Outcome::Fine)
}

/// So many hashes.
pub(crate) fn hashes(count: usize) -> String {
    counted(u64::try_from(count).unwrap_or(u64::MAX), "hash", "hashes")
}

/// The key of a client as text; in hexadecimal when it is none.
fn key(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => hex(bytes),
    }
}

/// The entry and its proofs for people.
pub(crate) fn page(
    out: &mut dyn Write,
    entry: &Entry,
    proof: &InclusionProof,
) -> anyhow::Result<()> {
    let or_dash = |text: &str| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            printable(text).into_owned()
        }
    };
    let case = if entry.case() == 0 {
        "-".to_owned()
    } else {
        entry.case().to_string()
    };
    let idem = key(entry.idempotency_key());
    let event = serde_json::to_string_pretty(&reading::event(&entry.event()))?;
    let lines = event.lines().map(printable).collect::<Vec<_>>();
    let event = lines.join("\n");
    let commit = entry.checkpoint();
    writeln!(out, "entry {}", entry.index())?;
    writeln!(out, "  time       {}", rfc3339(entry.time()))?;
    writeln!(
        out,
        "  kind       {} ({})",
        reading::kind_text(entry.kind().get()),
        entry.kind().get()
    )?;
    let says = reading::summary(&entry.event());
    writeln!(out, "  says       {}", shorten(&says, SAYS))?;
    writeln!(out, "  actor      {}", or_dash(entry.actor()))?;
    writeln!(out, "  via        {}", or_dash(entry.via()))?;
    writeln!(out, "  case       {case}")?;
    writeln!(out, "  key given  {}", or_dash(&idem))?;
    writeln!(
        out,
        "  event      {}",
        event.replace('\n', "\n             ")
    )?;
    writeln!(out, "  previous   {}", entry.prev())?;
    writeln!(out, "  leaf       {}", entry.leaf())?;
    writeln!(
        out,
        "  signed     with its commit: size {}, root {} (verified)",
        grouped(commit.size()),
        commit.root()
    )?;
    writeln!(
        out,
        "  proved     in the newest checkpoint: size {}, root {}, by {} (verified)",
        grouped(proof.checkpoint.size()),
        proof.checkpoint.root(),
        hashes(proof.hashes.len())
    )?;
    Ok(())
}

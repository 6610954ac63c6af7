//! `policy show` and `policy list`: policies that are or were in force.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use countersign_client::Client;
use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use countersign_workflow::policy::Bundle;
use serde_json::{Value, json};

use crate::connect::ConnectArgs;
use crate::exit::{Outcome, Refused};
use crate::files::{self, Access};
use crate::output::{hex, json_page, printable};
use countersign_proto::reading::short_digest;
use countersign_proto::reading::text::wire;

/// Show a policy, or write its files
///
/// Without INDEX it is the one in force. The files are held against the digest in the log's entry,
/// where the caller's role may read entries, and against what the ledger says otherwise.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign policy show
  countersign policy show 57 --out ./policy-57")]
pub(crate) struct ShowArgs {
    /// Number of the policy
    #[arg(value_name = "INDEX", value_parser = clap::value_parser!(u64).range(1..))]
    index: Option<u64>,
    /// Write its files into this new folder instead
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// List the policies that are or were in force, newest first
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign policy list
  countersign policy list --json | jq '.[0].index'")]
pub(crate) struct ListArgs {
    /// A JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) async fn run(args: ShowArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.connect.client().await?;
    let (policy, files) = client.policy(args.index.unwrap_or(0)).await?;
    let bundle = Bundle::new(files.into_iter().map(|file| (file.name, file.text)));
    let bundle = bundle.context("the ledger showed files that are no policy")?;
    let entry = digest_of_entry(&client, policy.index).await?;
    for digest in [Some(&policy.digest[..]), entry.as_deref()] {
        held(&bundle, digest)?;
    }
    if let Some(folder) = &args.out {
        write(folder, &bundle)?;
    }
    if args.json {
        let mut value = object(&policy);
        value["proved"] = json!(entry.is_some());
        value["files"] = bundle.files().collect();
        json_page(out, &value)?;
        return Ok(Outcome::Fine);
    }
    page(out, &policy, entry.is_some())?;
    match &args.out {
        Some(folder) => writeln!(out, "  files    written to {}", folder.display())?,
        None => texts(out, &bundle)?,
    }
    Ok(Outcome::Fine)
}

/// The digest in the entry of a policy; `None` when the caller's role may not read entries.
async fn digest_of_entry(client: &Client, index: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let entry = match client.entry(index).await {
        Ok(entry) => entry,
        Err(error) if error.reason() == Some(Reason::RoleNotAllowed) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match entry.event().known() {
        Ok(Known::PolicyChanged(event)) => Ok(Some(event.digest.to_vec())),
        Ok(_) | Err(_) => Err(Refused(format!(
            "the ledger names entry {index} as a policy, and it is none; run `verify`"
        ))
        .into()),
    }
}

fn held(bundle: &Bundle, digest: Option<&[u8]>) -> anyhow::Result<()> {
    let got = bundle.digest();
    match digest {
        Some(expected) if expected != got => Err(Refused(format!(
            "the ledger showed other files than those of the policy: expected digest {}, got {}; \
             run `verify`",
            hex(expected),
            hex(&got)
        ))
        .into()),
        _ => Ok(()),
    }
}

/// Writes the files of a bundle into a folder, over none that is there.
pub(super) fn write(folder: &Path, bundle: &Bundle) -> anyhow::Result<()> {
    for (name, _) in bundle.files() {
        files::must_be_free(&folder.join(name))?;
    }
    files::make_folder(folder)?;
    for (name, text) in bundle.files() {
        files::write_new(&folder.join(name), text.as_bytes(), Access::Public)?;
    }
    files::sync_folder(folder)
}

fn page(out: &mut dyn Write, policy: &v1::Policy, proved: bool) -> std::io::Result<()> {
    let proved = if proved {
        "as in its entry (verified)"
    } else {
        "as the ledger says; your role does not read its entry"
    };
    let forced = if policy.forced { ", forced" } else { "" };
    writeln!(out, "policy {}{forced}", policy.index)?;
    writeln!(out, "  since    {}", wire(policy.since.as_ref()))?;
    writeln!(out, "  by       {}", printable(&policy.actor))?;
    writeln!(out, "  digest   {} {proved}", hex(&policy.digest))?;
    for change in &policy.changes {
        writeln!(out, "  change   {}", printable(change))?;
    }
    Ok(())
}

fn texts(out: &mut dyn Write, bundle: &Bundle) -> std::io::Result<()> {
    for (name, text) in bundle.files() {
        writeln!(out, "\n--- {}", printable(name))?;
        for line in text.lines() {
            writeln!(out, "{}", printable(line))?;
        }
    }
    Ok(())
}

pub(super) async fn list(args: ListArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.connect.client().await?;
    let policies = client.policies().await?;
    if args.json {
        let all: Value = policies.iter().map(object).collect();
        json_page(out, &all)?;
        return Ok(Outcome::Fine);
    }
    if policies.is_empty() {
        writeln!(
            out,
            "No policy is in force. `countersign policy starter` writes one to begin with."
        )?;
    }
    for policy in &policies {
        writeln!(
            out,
            "{:>8}  {}  {}  {:<24}  {}{}",
            policy.index,
            wire(policy.since.as_ref()),
            short_digest(&policy.digest),
            printable(&policy.actor),
            printable(&policy.changes.join("; ")),
            if policy.forced { " (forced)" } else { "" }
        )?;
    }
    Ok(Outcome::Fine)
}

/// A policy as a JSON object, without its files.
pub(super) fn object(policy: &v1::Policy) -> Value {
    json!({
        "index": policy.index,
        "digest": hex(&policy.digest),
        "since": wire(policy.since.as_ref()),
        "actor": policy.actor,
        "changes": policy.changes,
        "forced": policy.forced,
    })
}

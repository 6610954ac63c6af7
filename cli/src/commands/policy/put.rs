//! `policy put`: a policy comes into force.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use countersign_client::PolicyPut;
use countersign_proto::v1;
use countersign_workflow::policy::check;
use serde_json::json;

use super::{check, files, show};
use crate::connect::ConnectArgs;
use crate::exit::{Outcome, Refused};
use crate::output::{json_page, printable};
use crate::words::program;
use countersign_proto::reading::short_digest;

/// Put a policy into force
///
/// Checks it here first. Requests from now on are judged by it; open cases keep the policy by which
/// they were judged. It takes the role admin, and is an entry of the log.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign policy put ./policy --dir /var/lib/countersign/data
  countersign policy put access.cedar entities.json --expected 57")]
pub(crate) struct PutArgs {
    /// Files of the policy, or the folder with them
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
    /// Insist on a policy under which nobody could get access; this is recorded
    #[arg(long)]
    force: bool,
    /// Number of the policy that it replaces; refused when another one is in force
    #[arg(
        long,
        value_name = "INDEX",
        default_value = "0",
        hide_default_value = true
    )]
    expected: u64,
    /// Text by which a repeat is known, which then changes nothing and tells the first outcome
    #[arg(long, value_name = "TEXT", default_value = "")]
    idempotency_key: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) async fn run(args: PutArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let bundle = files::read(&args.paths)?;
    let report = check(&bundle);
    if !report.problems.is_empty() {
        check::tell(&mut std::io::stderr(), &report)?;
        return Err(Refused("the policy was not put into force; mend it first".into()).into());
    }
    let client = args.connect.client().await?;
    let file = |(name, text): (&str, &str)| v1::PolicyFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let request = v1::PutPolicyRequest {
        call: Some(v1::Call {
            idempotency_key: args.idempotency_key.clone(),
            ..v1::Call::default()
        }),
        files: bundle.files().map(file).collect(),
        force: args.force,
        expected: args.expected,
    };
    let put = client.put_policy(request).await?;
    if put.policy.digest != bundle.digest().as_slice() {
        let (expected, got) = (
            short_digest(&bundle.digest()),
            short_digest(&put.policy.digest),
        );
        return Err(Refused(format!(
            "the ledger put another policy into force than it was given: expected digest \
             {expected}, got {got}; run `verify`"
        ))
        .into());
    }
    if args.json {
        let mut value = show::object(&put.policy);
        value["warnings"] = json!(put.warnings);
        value["repeated"] = json!(put.run.repeated);
        json_page(out, &value)?;
    } else {
        tell(out, &put)?;
    }
    Ok(Outcome::Fine)
}

fn tell(out: &mut dyn Write, put: &PolicyPut) -> std::io::Result<()> {
    let (policy, digest) = (&put.policy, short_digest(&put.policy.digest));
    let before = if put.run.repeated { ", as before" } else { "" };
    let index = policy.index;
    writeln!(out, "Policy {index} (digest {digest}) is in force{before}.")?;
    for change in &policy.changes {
        writeln!(out, "  {}", printable(change))?;
    }
    for warning in &put.warnings {
        writeln!(out, "warning: {}", printable(warning))?;
    }
    let program = program();
    writeln!(
        out,
        "\nNext:\n  {program} policy show {index}\n  \
         {program} access simulate RESOURCE PERMISSION --for 1h --person PERSON"
    )
}

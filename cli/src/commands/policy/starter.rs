//! `policy starter`: a policy to begin with.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use countersign_workflow::policy::starter;

use super::show::write;
use crate::exit::Outcome;
use crate::words::{program, quoted};

/// Write a policy to begin with
///
/// Writes the policy of a small company, with comments. Put your own people and resources into its
/// entities.json, check it, and put it into force.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign policy starter --out ./policy")]
pub(crate) struct StarterArgs {
    /// Folder to write; files that are there are never overwritten
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(args: &StarterArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let bundle = starter();
    write(&args.out, &bundle)?;
    let (folder, program) = (quoted(&args.out), program());
    let names: Vec<&str> = bundle.files().map(|(name, _)| name).collect();
    writeln!(
        out,
        "Wrote {} to {}.

Next:
  edit {}      your people, groups and resources
  {program} policy check {folder}
  {program} policy put {folder}",
        names.join(", "),
        args.out.display(),
        quoted(&args.out.join("entities.json")),
    )?;
    Ok(Outcome::Fine)
}

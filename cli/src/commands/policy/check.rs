//! `policy check`: what is wrong with a policy, without any ledger.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use countersign_workflow::policy::{Bundle, Policy, Problem, Report, check, lockout};
use serde_json::{Value, json};

use super::files;
use crate::exit::Outcome;
use crate::output::{counted, hex, json_page, printable};
use countersign_proto::reading::short_digest;

/// Tell what is wrong with a policy, offline
///
/// Names file, line and remedy of everything that keeps it from being used. The exit code is 1 when
/// there is something, or when nobody could get access, and 0 when there are warnings at most.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign policy check ./policy
  countersign policy check access.cedar entities.json --json")]
pub(crate) struct CheckArgs {
    /// Files of the policy, or the folder with them
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let bundle = files::read(&args.paths)?;
    let report = check(&bundle);
    let sound = report.problems.is_empty();
    let locks_out = Policy::compile(&bundle)
        .ok()
        .and_then(|policy| lockout(&policy));
    if args.json {
        let value = json!({
            "sound": sound,
            "digest": hex(&bundle.digest()),
            "problems": objects(&report.problems),
            "warnings": objects(&report.warnings),
            "locks_out": locks_out,
        });
        json_page(out, &value)?;
    } else {
        tell(out, &report)?;
        if let Some(why) = &locks_out {
            let why = printable(why);
            writeln!(
                out,
                "warning: nobody could get access: {why}; `put` takes it with --force"
            )?;
        }
        writeln!(out, "{}", verdict(&bundle, &report))?;
    }
    Ok(if sound && locks_out.is_none() {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

/// Everything that was found, a line each.
pub(super) fn tell(out: &mut dyn Write, report: &Report) -> std::io::Result<()> {
    for problem in &report.problems {
        writeln!(out, "error: {}", printable(&problem.to_string()))?;
    }
    for warning in &report.warnings {
        writeln!(out, "warning: {}", printable(&warning.to_string()))?;
    }
    Ok(())
}

fn verdict(bundle: &Bundle, report: &Report) -> String {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    if report.problems.is_empty() {
        let files = counted(number(bundle.files().count()), "file", "files");
        let warnings = counted(number(report.warnings.len()), "warning", "warnings");
        let digest = short_digest(&bundle.digest());
        format!("Sound: {files}, {warnings}, digest {digest}.")
    } else {
        let problems = number(report.problems.len());
        format!("Not usable: {}.", counted(problems, "error", "errors"))
    }
}

fn objects(problems: &[Problem]) -> Value {
    let object = |problem: &Problem| {
        json!({
            "file": problem.file,
            "line": problem.at.map(|at| at.line),
            "column": problem.at.map(|at| at.column),
            "message": problem.message,
            "hint": problem.hint,
        })
    };
    problems.iter().map(object).collect()
}

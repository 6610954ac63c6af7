//! What a change led to, in words and as JSON.

use std::io::Write;

use countersign_client::{Changed, ReceiptRun};
use serde_json::{Value, json};

use super::{next, object};
use crate::output::{json_page, printable};

/// Tells what was done, where the case stands now, and what to do next.
pub(super) fn changed(
    out: &mut dyn Write,
    what: &str,
    changed: &Changed,
    json: bool,
) -> anyhow::Result<()> {
    let case = &changed.case;
    if json {
        let mut value = run_object(&changed.run);
        value["case"] = object::case(case);
        return json_page(out, &value);
    }
    writeln!(out, "{what} ({}).", entries(&changed.run))?;
    writeln!(out, "Case {}: {}.", case.id, printable(&case.summary))?;
    let commands = next::commands(case);
    if !commands.is_empty() {
        writeln!(out, "\nNext:")?;
    }
    for command in commands {
        writeln!(out, "  {command}")?;
    }
    Ok(())
}

/// The entries of a receipt in words.
pub(super) fn entries(run: &ReceiptRun) -> String {
    let last = last(run);
    let text = if run.first_index == last {
        format!("entry {last}")
    } else {
        format!("entries {} to {last}", run.first_index)
    };
    if run.repeated {
        format!("{text}, as before")
    } else {
        text
    }
}

/// A receipt as a JSON object.
pub(super) fn run_object(run: &ReceiptRun) -> Value {
    json!({
        "entries": (run.first_index..=last(run)).collect::<Vec<_>>(),
        "repeated": run.repeated,
        "checkpoint": run.checkpoint.text(),
    })
}

fn last(run: &ReceiptRun) -> u64 {
    let more = u64::try_from(run.count())
        .unwrap_or(u64::MAX)
        .saturating_sub(1);
    run.first_index.saturating_add(more)
}

//! What a change led to, in words and as JSON.

use std::io::Write;

use countersign_client::{Changed, Client, ReceiptRun};
use countersign_proto::reason::Reason;
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
    if json {
        let mut value = run_object(&changed.run);
        value["case"] = changed.case.as_ref().map(object::case).into();
        return json_page(out, &value);
    }
    writeln!(out, "{what} ({}).", entries(&changed.run))?;
    let Some(case) = &changed.case else {
        return Ok(());
    };
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

/// The same change with its case, which the answer leaves out when it is closed by now; `about` is
/// the number of something that belongs to it.
pub(super) async fn with_case(
    client: &Client,
    mut changed: Changed,
    about: u64,
) -> anyhow::Result<Changed> {
    if changed.case.is_some() {
        return Ok(changed);
    }
    changed.case = match client.case(about).await {
        Ok(case) => Some(case),
        Err(error) if error.reason() == Some(Reason::IdUnknown) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(changed)
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

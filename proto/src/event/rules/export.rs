//! Rules of the events of reading.

use super::{broken, present, sha256, time};
use crate::event::{EventError, Known};
use crate::v1;

/// Checks an event that tells what was read; any other one passes.
pub(super) fn check(event: &Known) -> Result<(), EventError> {
    match event {
        Known::ExportCreated(message) => {
            present::<v1::ExportCreated>("preset", &message.preset)?;
            sha256::<v1::ExportCreated>("manifest_sha256", &message.manifest_sha256)?;
            let range = message.end.saturating_sub(message.first);
            if message.entries > range {
                let got = format!("{} of {range}", message.entries);
                return broken::<v1::ExportCreated>("entries", "at most those of the range", got);
            }
            Ok(())
        }
        Known::ReportCreated(message) => report(message),
        Known::SinkFailed(message) => {
            present::<v1::SinkFailed>("sink", &message.sink)?;
            if message.recovered == message.error.is_empty() {
                return Ok(());
            }
            let got = format!("recovered {}", message.recovered);
            broken::<v1::SinkFailed>("error", "what went wrong, or recovered,", got)
        }
        _ => Ok(()),
    }
}

fn report(message: &v1::ReportCreated) -> Result<(), EventError> {
    sha256::<v1::ReportCreated>("sha256", &message.sha256)?;
    match message.report.as_str() {
        "case" => Ok(()),
        "period" => {
            time::<v1::ReportCreated>("since", message.since.as_ref())?;
            time::<v1::ReportCreated>("until", message.until.as_ref())
        }
        other => broken::<v1::ReportCreated>("report", "case or period", format!("{other:?}")),
    }
}

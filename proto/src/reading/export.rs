//! What was taken out of the log.

use super::field::{Fields, fields};
use super::text::{counted, hex, wire};
use crate::event::Known;
use crate::v1;

/// An event of reading in a few words; `None` for any other one.
pub(super) fn summary(known: &Known) -> Option<String> {
    match known {
        Known::ExportCreated(event) => Some(format!(
            "{} of {} to {} as {} in {}",
            counted(event.entries, "entry", "entries"),
            event.first,
            event.end.saturating_sub(1),
            event.preset,
            counted(event.files, "file", "files"),
        )),
        Known::ReportCreated(event) => Some(match event.report.as_str() {
            "case" => format!("evidence of case {}", event.about),
            _ => format!(
                "report from {} to {}",
                wire(event.since.as_ref()),
                wire(event.until.as_ref())
            ),
        }),
        Known::SinkFailed(event) => Some(sink(event)),
        _ => None,
    }
}

fn sink(event: &v1::SinkFailed) -> String {
    let aside = match event.put_aside {
        0 => String::new(),
        count => format!(", {} put aside", counted(count, "entry", "entries")),
    };
    let what = match event.recovered {
        true => "entries get through again".to_owned(),
        false => format!("try {}: {}", event.attempt, event.error),
    };
    format!("{} from entry {}: {what}{aside}", event.sink, event.index)
}

/// An event of reading by its fields; `None` for any other one.
pub(super) fn of(known: &Known) -> Option<Fields<'_>> {
    match known {
        Known::ExportCreated(event) => Some(fields! {
            "preset": &event.preset,
            "first": &event.first,
            "end": &event.end,
            "entries": &event.entries,
            "filter": &event.filter,
            "manifest_sha256": hex(&event.manifest_sha256),
            "files": &event.files,
            "bytes": &event.bytes,
        }),
        Known::ReportCreated(event) => Some(fields! {
            "report": &event.report,
            "about": &event.about,
            "since": wire(event.since.as_ref()),
            "until": wire(event.until.as_ref()),
            "sha256": hex(&event.sha256),
            "bytes": &event.bytes,
        }),
        Known::SinkFailed(event) => Some(fields! {
            "sink": &event.sink,
            "index": &event.index,
            "error": &event.error,
            "attempt": &event.attempt,
            "put_aside": &event.put_aside,
            "recovered": &event.recovered,
        }),
        _ => None,
    }
}

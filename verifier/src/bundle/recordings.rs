//! What sessions showed: the parts of each recording stand one behind the other in one file.

use std::collections::BTreeMap;
use std::io::Read;

use countersign_chain::hash::Hash;
use countersign_export::evidence::{MissingPart, recording_name};
use countersign_proto::event::Known;
use countersign_proto::v1;
use sha2::{Digest as _, Sha256};

use super::Check;
use super::entries::Shown;
use crate::check::Step;
use crate::finding::{Code, Flaw};
use crate::source::SourceError;

/// A part as its entry tells.
type Part<'a> = (u64, &'a v1::SessionOutput);

pub(super) fn judge(
    check: &mut Check<'_>,
    shown: &BTreeMap<u64, Shown>,
    step: &mut dyn FnMut(Step),
) -> Result<(), SourceError> {
    let mut sessions: BTreeMap<u64, Vec<Part<'_>>> = BTreeMap::new();
    for (index, entry) in shown {
        match &entry.event {
            Ok(Known::SessionOutput(part)) => {
                sessions
                    .entry(part.session)
                    .or_default()
                    .push((*index, part));
            }
            Ok(Known::CommandExecuted(_)) => {
                check.checked.commands = check.checked.commands.saturating_add(1);
            }
            _ => {}
        }
    }
    for (session, mut parts) in sessions {
        parts.sort_by_key(|(_, part)| part.part);
        parts_of(check, session, &parts)?;
        step(Step {
            bytes: 0,
            entries: u64::try_from(parts.len()).unwrap_or(u64::MAX),
        });
    }
    Ok(())
}

fn parts_of(check: &mut Check<'_>, session: u64, parts: &[Part<'_>]) -> Result<(), SourceError> {
    let count = u64::try_from(parts.len()).unwrap_or(u64::MAX);
    check.checked.parts = check.checked.parts.saturating_add(count);
    let name = recording_name(session);
    let missing = check.manifest.missing.clone();
    let Check {
        archive,
        findings,
        checked,
        ..
    } = check;
    let Some(mut file) = archive.file(&name)? else {
        checked.blobs_unseen = checked.blobs_unseen.saturating_add(count);
        let text =
            format!("{name} is not in the bundle: what session {session} showed was not judged");
        findings.add(Code::Copy(Flaw::CopyPartial), Some(session), text);
        return Ok(());
    };
    for (index, part) in parts {
        if let Some(why) = told_missing(&missing, part) {
            let text = format!(
                "part {} of session {session} is not kept any more: {why}",
                part.part
            );
            findings.add(Code::Copy(Flaw::CopyPartial), Some(*index), text);
            continue;
        }
        checked.blobs = checked.blobs.saturating_add(1);
        let mut content = Vec::new();
        let read = file
            .by_ref()
            .take(part.blob_bytes)
            .read_to_end(&mut content);
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let place = format!(
            "entry {index}: part {} of session {session} in {name}",
            part.part
        );
        if read.is_err() || length != part.blob_bytes {
            let text = format!("{place} has {length} bytes; expected {}", part.blob_bytes);
            findings.add(Code::BlobLength, Some(*index), text);
            return Ok(());
        }
        let got = Hash::from_bytes(Sha256::digest(&content).into());
        if part.blob_sha256 == got.as_bytes().as_slice() {
            checked.blob_bytes = checked.blob_bytes.saturating_add(length);
        } else {
            let text = format!("{place} has SHA-256 {got}, and its entry commits to another one");
            findings.add(Code::BlobChanged, Some(*index), text);
        }
    }
    let mut rest = [0_u8; 1];
    if file.read(&mut rest).is_ok_and(|count| count > 0) {
        let text = format!("{name} goes on behind the last part that an entry tells of");
        findings.add(Code::BlobLength, Some(session), text);
    }
    Ok(())
}

fn told_missing<'a>(missing: &'a [MissingPart], part: &v1::SessionOutput) -> Option<&'a str> {
    missing
        .iter()
        .find(|it| it.session == part.session && it.part == part.part)
        .map(|it| it.why.as_str())
}

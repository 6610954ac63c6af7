//! What a manifest says, compared with the files, with itself and with what the log says of it.

use std::collections::BTreeMap;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::key::VerifierKey;
use countersign_export::manifest::{FILE, File, Manifest};
use countersign_proto::v1::ExportCreated;

use super::file::NativeFile;
use crate::finding::{Code, Findings, Flaw};

/// The preset whose files prove their rows.
pub(super) const NATIVE: &str = "native";

/// The files of a manifest, by their paths.
pub(super) fn by_path(manifest: &Manifest) -> BTreeMap<&str, &File> {
    let files = manifest.files.iter();
    files.map(|file| (file.path.as_str(), file)).collect()
}

/// Judges what a manifest says. Whether the files have the right bytes is judged elsewhere.
pub(super) fn judge(
    manifest: &Manifest,
    key: &VerifierKey,
    files: &[NativeFile],
    findings: &mut Findings,
) {
    let named = key.to_string();
    if manifest.vkey != named {
        let text = format!("{FILE}: vkey is {}; expected {named}", manifest.vkey);
        findings.add(Code::WrongKey, None, text);
    }
    if manifest.preset == NATIVE {
        ranges(manifest, findings);
        let listed = by_path(manifest);
        for file in files {
            if let Some(listed) = listed.get(file.name.as_str()) {
                compare((manifest, listed), file, findings);
            }
        }
    }
    let mut bad = |text: String| {
        findings.add(
            Code::Copy(Flaw::BadManifest),
            None,
            format!("{FILE}: {text}"),
        )
    };
    let mut paths: Vec<&str> = manifest
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    paths.sort_unstable();
    for pair in paths.windows(2) {
        if let [one, other] = pair
            && one == other
        {
            bad(format!("{one} is listed twice"));
        }
    }
    match SignedCheckpoint::open(&manifest.checkpoint, key) {
        Ok(checkpoint) if checkpoint.size() < manifest.end => bad(format!(
            "checkpoint is of size {}; the range ends at {}",
            checkpoint.size(),
            manifest.end
        )),
        Ok(_) => {}
        Err(error) => {
            let code = Code::of_format(error.code(), Code::BadNote);
            findings.add(code, None, format!("{FILE}: checkpoint: {error}"));
        }
    }
    last(manifest, files, findings);
}

/// The last file and the manifest end with the same commit.
fn last(manifest: &Manifest, files: &[NativeFile], findings: &mut Findings) {
    let end = files.iter().find(|file| file.meta.end == manifest.end);
    let differs = end.filter(|file| file.meta.checkpoint != manifest.checkpoint);
    if let Some(file) = differs {
        let text = format!(
            "{FILE}: checkpoint is another one than that of {}",
            file.name
        );
        findings.add(Code::Copy(Flaw::BadManifest), None, text);
    }
}

/// The files lie in the range, one behind the other, and have all rows; those of all entries fill
/// it.
fn ranges(manifest: &Manifest, findings: &mut Findings) {
    let mut bad = |text: String| {
        findings.add(
            Code::Copy(Flaw::BadManifest),
            None,
            format!("{FILE}: {text}"),
        )
    };
    // Files of chosen entries are about those; between them there may be others.
    let whole = manifest.filter.is_empty();
    let mut next = manifest.first;
    for file in &manifest.files {
        if file.first < next || (whole && file.first > next) {
            bad(format!(
                "{} begins with entry {}; expected {next}",
                file.path, file.first
            ));
        }
        next = file.end;
    }
    if next > manifest.end || (whole && next < manifest.end) {
        bad(format!("end is {}; its files end at {next}", manifest.end));
    }
    let rows = manifest.files.iter().map(|file| file.rows);
    let rows = rows.fold(0, u64::saturating_add);
    if rows != manifest.rows {
        bad(format!("rows is {}; its files have {rows}", manifest.rows));
    }
}

/// A file holds what the manifest says.
fn compare((manifest, listed): (&Manifest, &File), file: &NativeFile, findings: &mut Findings) {
    let name = &file.name;
    let meta = &file.meta;
    let pairs = [
        ("first", listed.first, meta.first),
        ("end", listed.end, meta.end),
        ("rows", listed.rows, meta.rows),
    ];
    for (what, said, is) in pairs {
        if said != is {
            let text = format!("{FILE}: {what} of {name} is {said}; its metadata say {is}");
            findings.add(Code::Copy(Flaw::BadManifest), None, text);
        }
    }
    if manifest.filter.is_empty() != meta.frontier.is_some() {
        let text = format!(
            "{FILE}: filter is {:?}; countersign.whole of {name} is {}",
            manifest.filter,
            meta.frontier.is_some()
        );
        findings.add(Code::Copy(Flaw::BadManifest), None, text);
    }
}

/// Where the entry of an export says something else than its manifest.
pub(super) fn differs(manifest: &Manifest, event: &ExportCreated) -> Option<String> {
    let files = u64::try_from(manifest.files.len()).unwrap_or(u64::MAX);
    let numbers = [
        ("first", event.first, manifest.first),
        ("end", event.end, manifest.end),
        ("entries", event.entries, manifest.rows),
        ("files", event.files, files),
        ("bytes", event.bytes, manifest.bytes()),
    ];
    let texts = [
        ("preset", &event.preset, &manifest.preset),
        ("filter", &event.filter, &manifest.filter),
    ];
    let numbers = numbers
        .into_iter()
        .filter(|(_, got, expected)| got != expected);
    let texts = texts
        .into_iter()
        .filter(|(_, got, expected)| got != expected);
    let mut found = numbers
        .map(|(what, got, expected)| format!("{what} is {got}; the manifest says {expected}"))
        .chain(texts.map(|(what, got, expected)| {
            format!("{what} is {got:?}; the manifest says {expected:?}")
        }));
    found.next()
}

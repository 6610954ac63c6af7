//! The evidence of a case: an archive that proves itself (docs/evidence.md).
//!
//! Every record is led to a signed checkpoint by its own proof; the case says itself which entries
//! it has, once it is closed; the entries commit to the policies and to what sessions showed; and
//! the log signed the manifest, which lists every file.

mod archive;
mod entries;
mod recordings;

use std::collections::BTreeMap;
use std::path::Path;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::key::VerifierKey;
use countersign_chain::record::Record;
use countersign_export::evidence::{MANIFEST, MANIFEST_PROOF, Manifest, POLICIES};
use countersign_export::manifest::RecordProof;
use countersign_proto::event::Known;
use countersign_workflow::policy::Bundle;

use self::archive::Archive;
use self::entries::Shown;
use crate::check::{CheckError, Request, Step};
use crate::evidence::Evidence;
use crate::finding::{Code, Findings, Flaw};
use crate::report::{Report, Trust};
use crate::source::SourceError;
use crate::walk::Checked;

/// What the source is called in reports.
const NAME: &str = "bundle";

/// Whether a file begins as a zip archive does.
#[must_use]
pub fn is_bundle(path: &Path) -> bool {
    archive::is_zip(path)
}

/// A bundle under examination.
struct Check<'k> {
    archive: Archive,
    manifest: Manifest,
    key: &'k VerifierKey,
    findings: Findings,
    checked: Checked,
}

/// Verifies a bundle. `step` is told how far it is.
///
/// # Errors
/// [`CheckError`] when nothing can be said about it.
pub fn check(
    path: &Path,
    request: &Request,
    step: &mut dyn FnMut(Step),
) -> Result<Report, CheckError> {
    let mut archive = Archive::open(path)?;
    let bytes = archive.must(MANIFEST)?;
    let manifest = Manifest::parse(&bytes);
    let manifest = manifest.map_err(|error| archive.unreadable(&error.to_string()))?;
    let (key, trust) = match &request.key {
        Some(key) => (key.clone(), Trust::Pinned),
        None => match VerifierKey::parse(&manifest.vkey) {
            Ok(key) => (key, Trust::Unpinned(NAME)),
            Err(error) => return Err(CheckError::BadKey { name: NAME, error }),
        },
    };
    let mut check = Check {
        archive,
        manifest,
        key: &key,
        findings: Findings::default(),
        checked: Checked::default(),
    };
    check.names_its_key();
    check.files(step)?;
    check.signed(&bytes)?;
    let checkpoint = check.checkpoint()?;
    let shown = entries::read(&mut check, checkpoint.as_ref())?;
    entries::judge(&mut check, &shown);
    check.policies(&shown)?;
    recordings::judge(&mut check, &shown, step)?;
    check.elsewhere(request, checkpoint.as_ref());
    let complete = check.manifest.closed && check.findings.damage_total() == 0;
    let Check {
        findings, checked, ..
    } = check;
    Ok(Report {
        trust,
        size: checked.entries,
        root: checkpoint.as_ref().map(SignedCheckpoint::root),
        promised: None,
        floor: None,
        checkpoint,
        complete,
        copied: None,
        findings,
        evidence: Evidence::default(),
        checked,
        key,
    })
}

impl Check<'_> {
    fn names_its_key(&mut self) {
        let expected = self.key.to_string();
        if self.manifest.vkey != expected {
            let got = &self.manifest.vkey;
            let text = format!("{MANIFEST} names key {got}; expected {expected}");
            self.findings.add(Code::WrongKey, None, text);
        }
        if self.manifest.origin != self.key.origin().as_str() {
            let (got, expected) = (&self.manifest.origin, self.key.origin());
            let text = format!("{MANIFEST} names origin {got:?}; expected {expected}");
            self.findings.add(Code::WrongOrigin, None, text);
        }
    }

    /// Every file is the one that the manifest lists, and no other one is there.
    fn files(&mut self, step: &mut dyn FnMut(Step)) -> Result<(), SourceError> {
        for file in self.manifest.files.clone() {
            match self.archive.digest(&file.name)? {
                None => {
                    let text = format!("{} is listed in {MANIFEST}, and is not there", file.name);
                    self.findings.add(Code::Copy(Flaw::FileMissing), None, text);
                }
                Some(Ok((bytes, sha256))) if bytes == file.bytes && sha256 == file.sha256 => {
                    self.checked.bytes = self.checked.bytes.saturating_add(bytes);
                    step(Step { bytes, entries: 0 });
                }
                Some(Ok((bytes, sha256))) => {
                    let text = format!(
                        "{} has {bytes} bytes with SHA-256 {sha256}; {MANIFEST} lists {} bytes \
                         with {}",
                        file.name, file.bytes, file.sha256
                    );
                    self.findings.add(Code::Copy(Flaw::FileChanged), None, text);
                }
                Some(Err(why)) => {
                    let text = format!("{} cannot be read: {why}", file.name);
                    self.findings.add(Code::Copy(Flaw::FileChanged), None, text);
                }
            }
        }
        let mut listed: Vec<&str> = vec![MANIFEST, MANIFEST_PROOF];
        listed.extend(self.manifest.files.iter().map(|file| file.name.as_str()));
        listed.sort_unstable();
        for name in self.archive.names() {
            if listed.binary_search(&name.as_str()).is_err() {
                let text = format!("{name:?} is not listed in {MANIFEST}");
                self.findings
                    .add(Code::Copy(Flaw::FileUnlisted), None, text);
            }
        }
        if let Some(pair) = listed.array_windows().find(|[a, b]| a == b) {
            let text = format!("{MANIFEST} lists {} twice", pair[0]);
            self.findings.add(Code::Copy(Flaw::BadManifest), None, text);
        }
        Ok(())
    }

    /// The log holds the digest of the manifest.
    fn signed(&mut self, manifest: &[u8]) -> Result<(), SourceError> {
        let proof = self.archive.read(MANIFEST_PROOF)?;
        let signed = match &proof {
            Some(proof) => self.signs(proof, manifest),
            None => Err("it is missing".to_owned()),
        };
        if let Err(why) = signed {
            let text = format!("{MANIFEST_PROOF}: {why}");
            self.findings
                .add(Code::Copy(Flaw::ManifestUnproved), None, text);
        }
        Ok(())
    }

    fn signs(&mut self, proof: &[u8], manifest: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(proof).map_err(|_why| "it is no text".to_owned())?;
        let proof = RecordProof::parse(text).map_err(|error| error.to_string())?;
        let record = Record::parse(&proof.record).map_err(|error| error.to_string())?;
        let index = record.index().get();
        if index != proof.proof.index {
            let text = format!("its proof is that of entry {}", proof.proof.index);
            return Err(text);
        }
        let verified = proof.proof.verify(&record.leaf(), self.key);
        verified.map_err(|error| error.to_string())?;
        self.checked.signatures = self.checked.signatures.saturating_add(1);
        let event = Known::decode(record.kind().get(), record.payload());
        let Ok(Known::ReportCreated(event)) = event else {
            return Err(format!("entry {index} is no ReportCreated"));
        };
        let expected = Manifest::digest(manifest);
        let is_it = event.sha256 == expected.as_bytes().as_slice()
            && event.report == "case"
            && event.about == self.manifest.case;
        if is_it {
            return Ok(());
        }
        Err(format!(
            "entry {index} tells of another manifest than the one of case {} with SHA-256 \
             {expected}",
            self.manifest.case
        ))
    }

    /// The checkpoint that the proofs lead to.
    fn checkpoint(&mut self) -> Result<Option<SignedCheckpoint>, SourceError> {
        let Some(bytes) = self.archive.read("checkpoint.txt")? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&bytes);
        match SignedCheckpoint::open(&text, self.key) {
            Ok(checkpoint) if checkpoint.size() == self.manifest.size => Ok(Some(checkpoint)),
            Ok(checkpoint) => {
                let (got, expected) = (checkpoint.size(), self.manifest.size);
                let text = format!("checkpoint.txt is of size {got}; {MANIFEST} says {expected}");
                self.findings.add(Code::Copy(Flaw::BadManifest), None, text);
                Ok(Some(checkpoint))
            }
            Err(error) => {
                let code = Code::of_format(error.code(), Code::BadNote);
                self.findings
                    .add(code, None, format!("checkpoint.txt: {error}"));
                Ok(None)
            }
        }
    }

    /// The policies are those that their entries brought into force.
    fn policies(&mut self, shown: &BTreeMap<u64, Shown>) -> Result<(), SourceError> {
        for (index, shown) in shown {
            let Ok(Known::PolicyChanged(event)) = &shown.event else {
                continue;
            };
            self.checked.policies = self.checked.policies.saturating_add(1);
            let Ok(bundle) = Bundle::unpack(&event.bundle) else {
                let text = format!("entry {index}: its policy cannot be unpacked");
                self.findings.add(Code::BadPayload, Some(*index), text);
                continue;
            };
            for (name, text) in bundle.files() {
                let name = format!("{POLICIES}{index:012}/{name}");
                let there = self.archive.read(&name)?;
                if there.as_deref() != Some(text.as_bytes()) {
                    let text = format!("{name} is not the file of the policy of entry {index}");
                    self.findings
                        .add(Code::Copy(Flaw::FileChanged), Some(*index), text);
                }
            }
        }
        Ok(())
    }

    /// What the auditor brought along can be compared only with the checkpoint of the bundle.
    fn elsewhere(&mut self, request: &Request, ours: Option<&SignedCheckpoint>) {
        for (name, bytes) in request.supplied.iter().chain(&request.remembered) {
            let Some(theirs) = open(bytes, self.key) else {
                let text = format!("{name} is no checkpoint that this key signed");
                self.findings.add(Code::BadNote, None, text);
                continue;
            };
            self.checked.checkpoints = self.checked.checkpoints.saturating_add(1);
            match ours {
                Some(ours) if ours.size() == theirs.size() && ours.root() != theirs.root() => {
                    let text = format!(
                        "{name} signs root {} for size {}; the checkpoint of the bundle signs {}",
                        theirs.root(),
                        theirs.size(),
                        ours.root()
                    );
                    self.findings.add(Code::Forked, None, text);
                }
                Some(ours) if ours.size() == theirs.size() => {}
                _ => {
                    let text = format!(
                        "{name} is of size {}: only the whole log can be compared with it",
                        theirs.size()
                    );
                    self.findings.add(Code::Copy(Flaw::NotCovered), None, text);
                }
            }
        }
    }
}

/// A checkpoint from elsewhere, when this key signed it.
fn open(bytes: &[u8], key: &VerifierKey) -> Option<SignedCheckpoint> {
    let text = std::str::from_utf8(bytes).ok()?;
    SignedCheckpoint::open(text, key).ok()
}

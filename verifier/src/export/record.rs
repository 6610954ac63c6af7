//! The entry that says that an export was made, and the proof of it beside the manifest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign_chain::hash::Hash;
use countersign_chain::tlog_proof::TlogProof;
use countersign_client::{CallError, Client, Config, ConnectError, Draft, Level, TrustedKey};
use countersign_export::manifest::{self, Manifest, ManifestError, RecordProof, RecordProofError};
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use tokio::runtime::Builder;

use super::folder::{FolderError, replace};
use crate::source::server::Address;

/// Why the log was not told of an export.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The caller may not.
    #[error(
        "the files are whole, and the ledger refuses to record who took them: {0}; exports need an \
         identity with the role auditor or admin: run the same command with one, and only the \
         entry is made"
    )]
    Role(Box<CallError>),
    /// The ledger says no, or nothing.
    #[error(
        "the files are whole, and the log was not told of them: {0}; run the same command again"
    )]
    Call(#[from] Box<CallError>),
    /// There is no connection.
    #[error(
        "the files are whole, and the log was not told of them: {0}; run the same command again"
    )]
    Connect(#[from] Box<ConnectError>),
    /// The folder says no.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// What the ledger gave proves nothing.
    #[error("the entry of the export cannot be proved: {0}; run `countersign verify` on the log")]
    Proof(#[from] RecordProofError),
    /// The system says no.
    #[error("cannot start: {0}")]
    Runtime(#[from] io::Error),
}

/// The entry of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Its index.
    pub index: u64,
    /// Whether it was there already.
    pub repeated: bool,
}

/// Tells the log of an export, and keeps the proof beside the manifest. What was told already is
/// not told again. It blocks, and must not be called inside an async runtime.
///
/// # Errors
/// [`RecordError`]. The files stay as they are.
pub fn record(
    address: &Address<'_>,
    folder: &Path,
    manifest: &Manifest,
) -> Result<Recorded, RecordError> {
    let digest = manifest.digest();
    if let Some(index) = kept(folder, manifest, &digest)? {
        return Ok(Recorded {
            index,
            repeated: true,
        });
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (proof, recorded) = runtime.block_on(tell(address, manifest, &digest))?;
    proof.verify(&digest, &manifest.key()?)?;
    replace(folder, manifest::PROOF, &proof.to_text())?;
    Ok(recorded)
}

/// Index of the entry, when its proof lies there and holds.
fn kept(folder: &Path, manifest: &Manifest, digest: &Hash) -> Result<Option<u64>, RecordError> {
    let path: PathBuf = folder.join(manifest::PROOF);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        // One that cannot be read as text is made again.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::InvalidData
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(FolderError::Io { path, error }.into()),
    };
    let key = manifest.key()?;
    let proof = RecordProof::parse(&text).ok();
    let held = proof.as_ref().and_then(|it| it.verify(digest, &key).ok());
    Ok(held.map(|(record, _, _)| record.index().get()))
}

async fn tell(
    address: &Address<'_>,
    manifest: &Manifest,
    digest: &Hash,
) -> Result<(RecordProof, Recorded), RecordError> {
    let mut config = Config::new(vec![format!("https://{}", address.host)], address.identity);
    address.log.clone_into(&mut config.log);
    config.trust = TrustedKey::Pinned(Box::new(manifest.key()?));
    let client = Client::connect(config).await.map_err(Box::new)?;
    let draft = Draft::new(&event(manifest, digest)).with_key(digest.to_string());
    let receipt = client.append(draft, Level::Sealed).await.map_err(refused)?;
    let entry = client.entry(receipt.index).await.map_err(Box::new)?;
    let proof = client.inclusion_proof(receipt.index, 0).await;
    let proof = proof.map_err(Box::new)?;
    let recorded = Recorded {
        index: receipt.index,
        repeated: receipt.repeated,
    };
    let proof = RecordProof {
        record: entry.record().to_vec(),
        proof: TlogProof {
            index: proof.index,
            hashes: proof.hashes,
            checkpoint: proof.checkpoint.text().to_owned(),
        },
    };
    Ok((proof, recorded))
}

fn event(manifest: &Manifest, digest: &Hash) -> v1::ExportCreated {
    v1::ExportCreated {
        preset: manifest.preset.clone(),
        first: manifest.first,
        end: manifest.end,
        entries: manifest.rows,
        filter: manifest.filter.clone(),
        manifest_sha256: digest.as_bytes().to_vec().into(),
        files: u64::try_from(manifest.files.len()).unwrap_or(u64::MAX),
        bytes: manifest.bytes(),
    }
}

/// Tells a role that may not from everything else.
fn refused(error: CallError) -> RecordError {
    match error.reason() {
        Some(Reason::RoleNotAllowed | Reason::KindNotAllowed) => RecordError::Role(Box::new(error)),
        _ => RecordError::Call(Box::new(error)),
    }
}

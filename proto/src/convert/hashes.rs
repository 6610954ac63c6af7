//! Hashes on the wire: one field of 32 bytes, a list of such fields, or a run in one field.

use bytes::Bytes;
use countersign_chain::hash::Hash;
use countersign_chain::limits::{MAX_COMMIT_ENTRIES, MAX_PROOF};

const HASH_BYTES: usize = 32;

/// Why bytes are not the hashes they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashesError {
    /// A hash has its length.
    #[error("expected a hash of 32 bytes, got {0} bytes")]
    Length(usize),
    /// A run is whole.
    #[error("expected a multiple of 32 bytes, got {0} bytes")]
    Run(usize),
    /// A run belongs to one commit.
    #[error("expected at most {MAX_COMMIT_ENTRIES} hashes in a run, got {0}")]
    LongRun(usize),
    /// A proof has its limit.
    #[error("expected at most {MAX_PROOF} hashes in a proof, got {0}")]
    LongList(usize),
}

/// The hash in a field.
///
/// # Errors
/// [`HashesError::Length`] unless there are 32 bytes.
pub fn hash(field: &[u8]) -> Result<Hash, HashesError> {
    Hash::from_slice(field).ok_or(HashesError::Length(field.len()))
}

/// A field with one hash.
#[must_use]
pub fn hash_bytes(hash: &Hash) -> Bytes {
    Bytes::copy_from_slice(hash.as_bytes())
}

/// The hashes of a proof.
///
/// # Errors
/// [`HashesError::LongList`] above the limit of a proof, [`HashesError::Length`] as in [`hash`].
pub fn hashes(fields: &[Bytes]) -> Result<Vec<Hash>, HashesError> {
    if fields.len() > MAX_PROOF {
        return Err(HashesError::LongList(fields.len()));
    }
    fields.iter().map(|field| hash(field)).collect()
}

/// One field for each hash, all in one allocation.
#[must_use]
pub fn hash_list(hashes: &[Hash]) -> Vec<Bytes> {
    let mut run = hash_run_bytes(hashes);
    hashes.iter().map(|_| run.split_to(HASH_BYTES)).collect()
}

/// The leaf hashes of a run of entries, which stand one after the other in one field.
///
/// # Errors
/// [`HashesError::Run`] unless they are whole, [`HashesError::LongRun`] above one commit.
pub fn hash_run(field: &[u8]) -> Result<Vec<Hash>, HashesError> {
    let (chunks, rest) = field.as_chunks::<HASH_BYTES>();
    if !rest.is_empty() {
        return Err(HashesError::Run(field.len()));
    }
    if chunks.len() > MAX_COMMIT_ENTRIES {
        return Err(HashesError::LongRun(chunks.len()));
    }
    Ok(chunks
        .iter()
        .map(|chunk| Hash::from_bytes(*chunk))
        .collect())
}

/// One field with all hashes, one after the other.
#[must_use]
pub fn hash_run_bytes(hashes: &[Hash]) -> Bytes {
    let mut run = Vec::with_capacity(hashes.len() * HASH_BYTES);
    for hash in hashes {
        run.extend_from_slice(hash.as_bytes());
    }
    Bytes::from(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: u8) -> Vec<Hash> {
        (0..count)
            .map(|byte| Hash::from_bytes([byte; 32]))
            .collect()
    }

    #[test]
    fn lists_and_runs_survive_the_wire() {
        for count in [0, 1, 2, 64] {
            let all = some(count);
            assert_eq!(hashes(&hash_list(&all)), Ok(all.clone()));
            assert_eq!(hash_run(&hash_run_bytes(&all)), Ok(all));
        }
        assert_eq!(hash(&hash_bytes(&Hash::ZERO)), Ok(Hash::ZERO));
    }

    #[test]
    fn broken_hashes_are_refused() {
        assert_eq!(hash(&[0; 31]), Err(HashesError::Length(31)));
        assert_eq!(hash(&[0; 33]), Err(HashesError::Length(33)));
        assert_eq!(hash_run(&[0; 65]), Err(HashesError::Run(65)));
        assert_eq!(
            hash_run(&vec![0; 1_025 * 32]),
            Err(HashesError::LongRun(1_025))
        );
        assert_eq!(
            hashes(&vec![Bytes::new(); 65]),
            Err(HashesError::LongList(65))
        );
        assert_eq!(
            hashes(&[Bytes::from_static(b"x")]),
            Err(HashesError::Length(1))
        );
    }
}

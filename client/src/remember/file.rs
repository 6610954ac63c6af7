//! The memory itself: one checkpoint for each log, in a file that is replaced whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::key::VerifierKey;

use crate::limits::MAX_REMEMBER_FILE;
use crate::remember::{Damage, Next, RememberError, compare};

const FORMAT: u32 = 1;

/// What the file holds.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    logs: Vec<StoredLog>,
}

/// One log in the file. Size and root are in the note.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLog {
    log: String,
    vkey: String,
    checkpoint: String,
}

/// The newest checkpoint of one log, verified under the key beside it.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    /// Name of the log at its ledger.
    pub(crate) log: String,
    /// The key that signed.
    pub(crate) key: VerifierKey,
    /// What it signed.
    pub(crate) checkpoint: Arc<SignedCheckpoint>,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    logs: Vec<Remembered>,
}

impl Memory {
    /// Reads the file; one that is not there holds nothing.
    pub(crate) fn load(path: &Path) -> Result<Self, RememberError> {
        let mut bytes = Vec::new();
        match File::open(path).map(|file| file.take(MAX_REMEMBER_FILE + 1)) {
            Ok(mut file) => file.read_to_end(&mut bytes).map_err(failed("read", path))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(failed("open", path)(source)),
        };
        Self::parse(&bytes).map_err(|why| RememberError::Damaged {
            path: path.into(),
            why,
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self, Damage> {
        if u64::try_from(bytes.len()).map_or(true, |len| len > MAX_REMEMBER_FILE) {
            return Err(Damage::Large(MAX_REMEMBER_FILE));
        }
        let stored: Stored = serde_json::from_slice(bytes)?;
        if stored.format != FORMAT {
            return Err(Damage::Format(stored.format));
        }
        let open = |log: &StoredLog| {
            let key = VerifierKey::parse(&log.vkey)?;
            let checkpoint = Arc::new(SignedCheckpoint::open(&log.checkpoint, &key)?);
            Ok::<_, Damage>(Remembered {
                log: log.log.clone(),
                key,
                checkpoint,
            })
        };
        Ok(Self {
            logs: stored.logs.iter().map(open).collect::<Result<_, _>>()?,
        })
    }

    /// The key of the log with this name, when there is one and no other ledger has a log of the
    /// name.
    pub(crate) fn key_of(
        &self,
        path: &Path,
        log: &str,
    ) -> Result<Option<VerifierKey>, RememberError> {
        let mut named = self.logs.iter().filter(|known| known.log == log);
        let first = named.next();
        if named.next().is_some() {
            return Err(RememberError::Ambiguous {
                path: path.into(),
                log: log.to_owned(),
            });
        }
        Ok(first.map(|known| known.key.clone()))
    }

    /// The checkpoint of the log that this key signs.
    pub(crate) fn find(
        &self,
        path: &Path,
        key: &VerifierKey,
    ) -> Result<Option<Arc<SignedCheckpoint>>, RememberError> {
        match self
            .logs
            .iter()
            .find(|known| known.key.origin() == key.origin())
        {
            None => Ok(None),
            Some(known) if known.key == *key => Ok(Some(Arc::clone(&known.checkpoint))),
            Some(known) => Err(RememberError::OtherKey {
                path: path.into(),
                origin: key.origin().to_string(),
                remembered: known.key.to_string(),
                trusted: key.to_string(),
            }),
        }
    }

    /// Puts a checkpoint that extends the one in memory of this process into the file, unless
    /// another process put a newer one there.
    pub(crate) fn store(path: &Path, new: Remembered) -> Result<(), RememberError> {
        let _alone = lock(path)?;
        let mut memory = Self::load(path)?;
        let known = memory.find(path, &new.key)?;
        // Two processes that remember different pasts of one size meet here at the latest.
        if compare(known.as_ref(), &new.checkpoint)? == Next::Keep {
            return Ok(());
        }
        memory
            .logs
            .retain(|other| other.key.origin() != new.key.origin());
        memory.logs.push(new);
        let stored = |known: &Remembered| StoredLog {
            log: known.log.clone(),
            vkey: known.key.to_string(),
            checkpoint: known.checkpoint.text().to_owned(),
        };
        let stored = Stored {
            format: FORMAT,
            logs: memory.logs.iter().map(stored).collect(),
        };
        let text = serde_json::to_vec_pretty(&stored).map_err(|why| RememberError::Damaged {
            path: path.into(),
            why: why.into(),
        })?;
        replace(path, &text)
    }
}

/// One process at a time replaces the file. The lock goes with the returned value.
fn lock(path: &Path) -> Result<File, RememberError> {
    let path = beside(path, ".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed("open", &path))?;
    file.lock().map_err(failed("lock", &path))?;
    Ok(file)
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), RememberError> {
    let fresh = beside(path, ".new");
    let mut file = File::create(&fresh).map_err(failed("create", &fresh))?;
    file.write_all(bytes).map_err(failed("write", &fresh))?;
    file.sync_all().map_err(failed("sync", &fresh))?;
    // If we stop here, the old file is in place and the new one is written over next time.
    fs::rename(&fresh, path).map_err(failed("rename", &fresh))?;
    // If we stop here, a power loss may bring the old file back: it is older, not wrong.
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed("sync", folder))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RememberError {
    let path = path.to_path_buf();
    move |source| RememberError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use countersign_chain::key::SigningKey;
    use countersign_chain::origin::Origin;

    use super::*;
    use crate::verify::testing::Log;

    fn store(path: &Path, log: &Log, size: u64) -> Result<(), RememberError> {
        Memory::store(path, remembered("main", &log.key, log.checkpoint(size)))
    }

    fn remembered(log: &str, key: &SigningKey, checkpoint: SignedCheckpoint) -> Remembered {
        let (key, checkpoint) = (key.verifier().clone(), Arc::new(checkpoint));
        Remembered {
            log: log.to_owned(),
            key,
            checkpoint,
        }
    }

    fn size(path: &Path, log: &Log) -> Option<u64> {
        let memory = Memory::load(path).unwrap();
        memory
            .find(path, log.key.verifier())
            .unwrap()
            .map(|checkpoint| checkpoint.size())
    }

    #[test]
    fn the_newest_checkpoint_survives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("remembered.json");
        let log = Log::of(9);
        assert_eq!(size(&path, &log), None);
        for (stored, kept) in [(3, 3), (9, 9), (5, 9), (9, 9)] {
            store(&path, &log, stored).unwrap();
            assert_eq!(size(&path, &log), Some(kept));
        }
    }

    #[test]
    fn logs_stand_beside_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("remembered.json");
        let log = Log::of(3);
        let origin = Origin::parse("other.example/log").unwrap();
        let other = SigningKey::from_seed(origin, &[9; 32]).unwrap();
        let first = SignedCheckpoint::sign(0, countersign_chain::hash::empty_root(), &other);
        Memory::store(&path, remembered("other", &other, first.clone())).unwrap();
        store(&path, &log, 2).unwrap();
        store(&path, &log, 3).unwrap();
        let memory = Memory::load(&path).unwrap();
        assert_eq!(
            memory
                .find(&path, other.verifier())
                .unwrap()
                .unwrap()
                .size(),
            0
        );
        assert_eq!(size(&path, &log), Some(3));
        assert_eq!(
            memory.key_of(&path, "main").unwrap().as_ref(),
            Some(log.key.verifier())
        );
        assert_eq!(memory.key_of(&path, "none").unwrap(), None);

        let origin = Origin::parse("third.example/log").unwrap();
        let third = SigningKey::from_seed(origin, &[9; 32]).unwrap();
        let same_name = SignedCheckpoint::sign(0, first.root(), &third);
        Memory::store(&path, remembered("main", &third, same_name)).unwrap();
        let error = Memory::load(&path)
            .unwrap()
            .key_of(&path, "main")
            .unwrap_err();
        assert!(matches!(error, RememberError::Ambiguous { .. }), "{error}");
    }

    #[test]
    fn a_fork_that_another_process_saw_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("remembered.json");
        store(&path, &Log::of(4), 4).unwrap();
        let error = store(&path, &Log::other(4, b"changed"), 4).unwrap_err();
        assert!(matches!(error, RememberError::Forked { .. }), "{error}");
    }

    #[test]
    fn another_key_for_the_same_log_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("remembered.json");
        let log = Log::of(4);
        store(&path, &log, 4).unwrap();
        let origin = log.key.verifier().origin().clone();
        let other = SigningKey::from_seed(origin, &[9; 32]).unwrap();
        let memory = Memory::load(&path).unwrap();
        let error = memory.find(&path, other.verifier()).unwrap_err();
        assert!(matches!(error, RememberError::OtherKey { .. }), "{error}");
    }

    #[test]
    fn every_torn_or_changed_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("remembered.json");
        let log = Log::of(4);
        store(&path, &log, 4).unwrap();
        let good = fs::read(&path).unwrap();
        let trimmed = good.trim_ascii_end().len();
        for cut in 0..trimmed {
            fs::write(&path, &good[..cut]).unwrap();
            let error = Memory::load(&path).unwrap_err();
            assert!(
                matches!(error, RememberError::Damaged { .. }),
                "{cut}: {error}"
            );
        }
        let text = String::from_utf8(good).unwrap();
        for (from, to) in [
            ("\"format\": 1", "\"format\": 2"),
            ("\\n4\\n", "\\n5\\n"),
            ("\"vkey\"", "\"vkez\""),
            ("log.example/main+", "log.example/mine+"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            fs::write(&path, changed).unwrap();
            let error = Memory::load(&path).unwrap_err();
            assert!(
                matches!(error, RememberError::Damaged { .. }),
                "{from}: {error}"
            );
        }
        let error = store(&path, &log, 4).unwrap_err();
        assert!(
            matches!(error, RememberError::Damaged { .. }),
            "nothing is built on damage"
        );
    }

    #[test]
    fn what_an_interrupted_write_left_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("remembered.json");
        let log = Log::of(4);
        store(&path, &log, 3).unwrap();
        fs::write(beside(&path, ".new"), b"{\"format\":").unwrap();
        assert_eq!(size(&path, &log), Some(3));
        store(&path, &log, 4).unwrap();
        assert_eq!(size(&path, &log), Some(4));
        assert!(!beside(&path, ".new").exists());
    }
}

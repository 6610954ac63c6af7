//! The places up to which files are sealed, in a file that is replaced whole.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use countersign_chain::hash::{Hash, digest};

use crate::limits::{FINGERPRINT_BYTES, MAX_STATE_FILE};

const FORMAT: u32 = 1;

/// Why places cannot be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The operating system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another run follows with this state file.
    #[error("{} is in use by another run; stop it, or use another state file", .0.display())]
    InUse(PathBuf),
    /// It is the file of another agent.
    #[error("{} belongs to agent {got}; give another --state file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The agent that it names.
        got: String,
    },
    /// The folder for it is not there.
    #[error(
        "there is no folder {} for the state file; make it, or give another path",
        .0.display()
    )]
    NoFolder(PathBuf),
    /// Not one of ours, or damaged. It is replaced whole or not at all, so no crash does this.
    #[error(
        "{} holds no places of files ({why}); move it away to read the files from their beginning",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// The beginning of a file. It stays while the file only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// Number of bytes that are hashed: the first line, at most 256; 0 while there is none.
    pub(crate) len: usize,
    /// SHA-256 of them.
    pub(crate) sha256: Hash,
}

impl Fingerprint {
    /// Of a file that has nothing yet.
    pub(crate) fn none() -> Self {
        Self {
            len: 0,
            sha256: digest(&[]),
        }
    }

    /// Of the beginning of a file, up to the end of its first line.
    pub(crate) fn of(beginning: &[u8]) -> Self {
        let beginning = &beginning[..beginning.len().min(FINGERPRINT_BYTES)];
        let newline = beginning.iter().position(|byte| *byte == b'\n');
        let len = newline.map_or(beginning.len(), |at| at + 1);
        Self {
            len,
            sha256: digest(&beginning[..len]),
        }
    }
}

/// A file, and how far it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Device, when the file was first seen. It can change when the machine starts anew.
    pub(crate) device: u64,
    /// Inode.
    pub(crate) inode: u64,
    /// Beginning of the file.
    pub(crate) fingerprint: Fingerprint,
    /// How often the file at this path was replaced or truncated.
    pub(crate) generation: u64,
    /// Number of bytes that are read; the beginning of a line.
    pub(crate) offset: u64,
}

impl Place {
    /// Names the file in idempotency keys, together with other parts: 32 hexadecimal digits.
    pub(crate) fn id(&self, parts: &[&[u8]]) -> String {
        let mut text = b"countersign-tail-v1".to_vec();
        // Each part with its length, so that no two lists of parts give the same bytes.
        for part in parts {
            text.extend_from_slice(&part.len().to_be_bytes());
            text.extend_from_slice(part);
        }
        for number in [self.device, self.inode, self.generation] {
            text.extend_from_slice(&number.to_be_bytes());
        }
        text.extend_from_slice(&self.fingerprint.len.to_be_bytes());
        text.extend_from_slice(self.fingerprint.sha256.as_bytes());
        let mut id = digest(&text).to_string();
        id.truncate(32);
        id
    }
}

/// As one word: device, inode, generation, offset, and the fingerprint.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            device,
            inode,
            fingerprint,
            generation,
            offset,
        } = self;
        let (len, sha256) = (fingerprint.len, fingerprint.sha256.to_base64());
        write!(f, "{device}:{inode}:{generation}:{offset}:{len}:{sha256}")
    }
}

/// Why a word is no place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected device:inode:generation:offset:length:digest")]
pub(crate) struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(word: &str) -> Result<Self, NoPlace> {
        let parts: Vec<&str> = word.split(':').collect();
        let [device, inode, generation, offset, len, sha256] = parts[..] else {
            return Err(NoPlace);
        };
        let number = |text: &str| text.parse::<u64>().ok().ok_or(NoPlace);
        let len: usize = len.parse().ok().ok_or(NoPlace)?;
        let sha256 = Hash::parse_base64(sha256).filter(|_| len <= FINGERPRINT_BYTES);
        Ok(Self {
            device: number(device)?,
            inode: number(inode)?,
            fingerprint: Fingerprint {
                len,
                sha256: sha256.ok_or(NoPlace)?,
            },
            generation: number(generation)?,
            offset: number(offset)?,
        })
    }
}

/// What the file holds.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    agent: String,
    files: Vec<StoredPlace>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPlace {
    path: String,
    device: u64,
    inode: u64,
    fingerprint_bytes: usize,
    fingerprint_sha256: String,
    generation: u64,
    offset: u64,
}

/// The places by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct State {
    places: Vec<(String, Place)>,
}

impl State {
    /// Reads the file; one that is not there holds nothing.
    pub(crate) fn load(path: &Path, agent: &str) -> Result<Self, StateError> {
        let mut bytes = Vec::new();
        match File::open(path).map(|file| file.take(MAX_STATE_FILE + 1)) {
            Ok(mut file) => file.read_to_end(&mut bytes).map_err(failed("read", path))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(failed("open", path)(source)),
        };
        let path = || path.to_path_buf();
        let (owner, state) =
            Self::parse(&bytes).map_err(|why| StateError::Damaged { path: path(), why })?;
        if owner == agent {
            Ok(state)
        } else {
            let (path, got) = (path(), owner);
            Err(StateError::Foreign { path, got })
        }
    }

    /// The agent that a file belongs to, and its places.
    fn parse(bytes: &[u8]) -> Result<(String, Self), String> {
        if u64::try_from(bytes.len()).map_or(true, |len| len > MAX_STATE_FILE) {
            return Err(format!("it is larger than {MAX_STATE_FILE} bytes"));
        }
        let stored: Stored = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if stored.format != FORMAT {
            return Err(format!("expected format {FORMAT}, got {}", stored.format));
        }
        let read = |place: StoredPlace| {
            let sha256 = Hash::parse_base64(&place.fingerprint_sha256)
                .filter(|_| place.fingerprint_bytes <= FINGERPRINT_BYTES)
                .ok_or_else(|| format!("the fingerprint of {} is none", place.path))?;
            let fingerprint = Fingerprint {
                len: place.fingerprint_bytes,
                sha256,
            };
            let StoredPlace {
                path,
                device,
                inode,
                generation,
                offset,
                ..
            } = place;
            Ok::<_, String>((
                path,
                Place {
                    device,
                    inode,
                    fingerprint,
                    generation,
                    offset,
                },
            ))
        };
        let places = stored
            .files
            .into_iter()
            .map(read)
            .collect::<Result<_, _>>()?;
        Ok((stored.agent, Self { places }))
    }

    /// The place in a file.
    pub(crate) fn get(&self, path: &Path) -> Option<Place> {
        let name = name(path);
        self.places
            .iter()
            .find(|(path, _)| *path == name)
            .map(|(_, place)| *place)
    }

    /// Moves the place in a file.
    pub(crate) fn set(&mut self, path: &Path, place: Place) {
        let name = name(path);
        match self.places.iter_mut().find(|(path, _)| *path == name) {
            Some((_, known)) => *known = place,
            None => self.places.push((name, place)),
        }
    }

    /// Stores the places.
    pub(crate) fn save(&self, path: &Path, agent: &str) -> Result<(), StateError> {
        let stored = |(path, place): &(String, Place)| StoredPlace {
            path: path.clone(),
            device: place.device,
            inode: place.inode,
            fingerprint_bytes: place.fingerprint.len,
            fingerprint_sha256: place.fingerprint.sha256.to_base64(),
            generation: place.generation,
            offset: place.offset,
        };
        let files = self.places.iter().map(stored).collect();
        let stored = Stored {
            format: FORMAT,
            agent: agent.to_owned(),
            files,
        };
        let bytes = serde_json::to_vec_pretty(&stored)
            .map_err(|error| failed("encode", path)(error.into()))?;
        replace(path, &bytes)
    }
}

/// Keeps other runs from the file as long as the returned value lives. A lock goes with its
/// process.
pub(crate) fn lock(path: &Path) -> Result<File, StateError> {
    let lock = beside(path, ".lock");
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).open(&lock);
    let file = file.map_err(|error| match lock.parent() {
        Some(folder) if error.kind() == io::ErrorKind::NotFound => {
            StateError::NoFolder(folder.to_path_buf())
        }
        _ => failed("open", &lock)(error),
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateError::InUse(path.to_path_buf())),
        Err(TryLockError::Error(source)) => Err(failed("lock", &lock)(source)),
    }
}

/// Bytes of a path that are no UTF-8 are written as `\xNN`, and a backslash as two: JSON has no
/// bytes.
fn name(path: &Path) -> String {
    let chunks = path.as_os_str().as_encoded_bytes().utf8_chunks();
    let mut name = String::new();
    for chunk in chunks {
        name.push_str(&chunk.valid().replace('\\', "\\\\"));
        name.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    name
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let fresh = beside(path, ".new");
    let mut file = File::create(&fresh).map_err(failed("create", &fresh))?;
    file.write_all(bytes).map_err(failed("write", &fresh))?;
    file.sync_all().map_err(failed("sync", &fresh))?;
    // If we stop here, the old places are in force: some lines are sent again under the same keys.
    fs::rename(&fresh, path).map_err(failed("rename", &fresh))?;
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

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_path_buf();
    move |source| StateError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    fn place(offset: u64) -> Place {
        let fingerprint = Fingerprint::of(b"first line\nsecond");
        Place {
            device: 1,
            inode: 2,
            fingerprint,
            generation: 3,
            offset,
        }
    }

    #[test]
    fn a_fingerprint_is_that_of_the_first_line() {
        assert_eq!(Fingerprint::of(b"one\ntwo").len, 4);
        assert_eq!(Fingerprint::of(b"one\ntwo"), Fingerprint::of(b"one\nother"));
        assert_ne!(Fingerprint::of(b"one\n"), Fingerprint::of(b"One\n"));
        assert_eq!(Fingerprint::of(&[b'x'; 1_000]).len, FINGERPRINT_BYTES);
        assert_eq!(Fingerprint::of(b""), Fingerprint::none());
    }

    #[test]
    fn every_part_of_a_place_but_the_offset_is_in_its_id() {
        let parts: [&[u8]; 2] = [b"db-1", b"/var/log/x"];
        let id = place(0).id(&parts);
        assert_eq!(id.len(), 32);
        assert_eq!(id, place(99).id(&parts));
        let fingerprint = Fingerprint::of(b"other line\n");
        let others = [
            Place {
                device: 9,
                ..place(0)
            }
            .id(&parts),
            Place {
                inode: 9,
                ..place(0)
            }
            .id(&parts),
            Place {
                generation: 9,
                ..place(0)
            }
            .id(&parts),
            Place {
                fingerprint,
                ..place(0)
            }
            .id(&parts),
            place(0).id(&[b"db-2", b"/var/log/x"]),
            place(0).id(&[b"db-1/", b"var/log/x"]),
            place(0).id(&[b"db-1", b"/var/log/x", b""]),
        ];
        assert!(!others.contains(&id));
    }

    #[test]
    fn a_place_is_one_word_and_survives_it() {
        let word = place(u64::MAX).to_string();
        assert_eq!(word.parse(), Ok(place(u64::MAX)));
        assert!(!word.contains(' '), "{word}");
        for cut in 0..word.len() {
            assert_eq!(word[..cut].parse::<Place>(), Err(NoPlace), "{cut}");
        }
        for other in ["1:2:3:4:5:6:7", "1:2:3:4:257:x", "-1:2:3:4:5:6", "s=1;i=2"] {
            assert_eq!(other.parse::<Place>(), Err(NoPlace), "{other}");
        }
        let long = word.replace(":11:", ":257:");
        assert_eq!(long.parse::<Place>(), Err(NoPlace), "{long}");
    }

    #[test]
    fn places_survive() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        assert_eq!(State::load(&file, "a").unwrap(), State::default());
        let odd = Path::new(OsStr::from_bytes(b"/odd/\xff\\name"));
        let mut state = State::default();
        state.set(Path::new("/x"), place(1));
        state.set(odd, place(2));
        state.set(Path::new("/x"), place(5));
        state.save(&file, "a").unwrap();
        let read = State::load(&file, "a").unwrap();
        assert_eq!(read, state);
        assert_eq!(read.get(Path::new("/x")), Some(place(5)));
        assert_eq!(read.get(odd), Some(place(2)));
        assert_eq!(read.get(Path::new("/y")), None);
    }

    #[test]
    fn one_run_at_a_time_has_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        let held = lock(&file).unwrap();
        assert!(matches!(lock(&file), Err(StateError::InUse(_))));
        drop(held);
        assert!(lock(&file).is_ok());
    }

    #[test]
    fn a_damaged_file_or_that_of_another_agent_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        let mut state = State::default();
        state.set(Path::new("/x"), place(1));
        state.save(&file, "a").unwrap();
        let foreign = State::load(&file, "b").unwrap_err().to_string();
        assert!(foreign.contains("belongs to agent a"), "{foreign}");
        let nowhere = lock(&folder.path().join("no/state.json")).unwrap_err();
        assert!(
            nowhere.to_string().contains("there is no folder"),
            "{nowhere}"
        );
        let good = fs::read(&file).unwrap();
        for cut in 0..good.len() {
            fs::write(&file, &good[..cut]).unwrap();
            let error = State::load(&file, "a").unwrap_err();
            assert!(
                matches!(error, StateError::Damaged { .. }),
                "{cut}: {error}"
            );
        }
        let text = String::from_utf8(good).unwrap();
        for (from, to) in [
            ("\"format\": 1", "\"format\": 2"),
            ("\"fingerprint_bytes\": 11", "\"fingerprint_bytes\": 999"),
            ("\"offset\"", "\"offzet\""),
        ] {
            assert!(text.contains(from), "{from}");
            fs::write(&file, text.replace(from, to)).unwrap();
            assert!(State::load(&file, "a").is_err(), "{from}");
        }
    }
}

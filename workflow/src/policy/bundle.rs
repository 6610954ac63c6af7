//! A bundle: the files of a policy, their canonical bytes and their digest.
//!
//! ```text
//! bundle = version u8 (=1) | count u16 | file…        integers big-endian, files sorted by name
//! file   = name u8-len | text u32-len                 the name is ASCII, the text UTF-8
//! digest = SHA-256("countersign policy bundle\n" | bundle)
//! packed = version u8 (=1) | bytes of bundle u32 | DEFLATE (RFC 1951) of bundle
//! ```

use std::collections::BTreeMap;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use sha2::{Digest as _, Sha256};

use crate::limits::{MAX_BUNDLE, MAX_BUNDLE_FILE_NAME, MAX_BUNDLE_FILES, MAX_PACKED_BUNDLE};

const VERSION: u8 = 1;
const DOMAIN: &[u8] = b"countersign policy bundle\n";

/// Bytes before the stream of a packed bundle.
const PACKED_HEADER: usize = 5;

/// Why files are no bundle, or bytes hold none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Name of a file.
    #[error(
        "file name {0:?} is not 1 to {MAX_BUNDLE_FILE_NAME} of a-z, 0-9, '.', '_' and '-', \
         the first one no dot"
    )]
    Name(String),
    /// Same name twice.
    #[error("file {0} is there twice")]
    Twice(String),
    /// Number of files.
    #[error("bundle has {0} files; expected 1 to {MAX_BUNDLE_FILES}")]
    Files(usize),
    /// Size.
    #[error("bundle has {0} bytes; expected at most {MAX_BUNDLE}")]
    TooLarge(usize),
    /// Size when packed.
    #[error("packed bundle has {0} bytes; expected at most {MAX_PACKED_BUNDLE}")]
    PackedTooLarge(usize),
    /// Version byte.
    #[error("bundle has version {0}; expected {VERSION}")]
    Version(u8),
    /// The end came early.
    #[error("bundle ends after {0} bytes, in the middle of {1}")]
    Truncated(usize, &'static str),
    /// The end did not come.
    #[error("bundle has {0} bytes after its end")]
    Trailing(usize),
    /// Order of the files.
    #[error("file {0} stands out of order")]
    Order(String),
    /// Encoding.
    #[error("a name or text of the bundle is not UTF-8")]
    NotUtf8,
    /// The DEFLATE stream.
    #[error("packed bundle is damaged: expected {expected} bytes, got {got}")]
    Stream {
        /// What the header says.
        expected: usize,
        /// What the stream held.
        got: u64,
    },
}

/// Named files that are, or may become, a policy (docs/policy.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, String>,
}

impl Bundle {
    /// Takes files with their names.
    ///
    /// # Errors
    /// [`BundleError`] when a name, their number or their size is outside the limits.
    pub fn new(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, BundleError> {
        let mut taken = BTreeMap::new();
        for (name, text) in files {
            check_name(&name)?;
            if taken.contains_key(&name) {
                return Err(BundleError::Twice(name));
            }
            taken.insert(name, text);
        }
        let bundle = Self { files: taken };
        let (count, size) = (bundle.files.len(), bundle.encoded_len());
        if count == 0 || count > MAX_BUNDLE_FILES {
            return Err(BundleError::Files(count));
        }
        if size > MAX_BUNDLE {
            return Err(BundleError::TooLarge(size));
        }
        Ok(bundle)
    }

    /// Takes files of ours, which keep the limits.
    pub(crate) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let files = files.into_iter();
        Self {
            files: files
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .collect(),
        }
    }

    /// The files with their texts, in order of their names.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter();
        files.map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Files whose names end so, in order of their names.
    pub fn with_extension<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files().filter(move |(name, _)| name.ends_with(end))
    }

    /// The text of a file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(String::as_str)
    }

    fn encoded_len(&self) -> usize {
        let sizes = self.files.iter().map(|(name, text)| {
            let lengths = 5_usize;
            lengths
                .saturating_add(name.len())
                .saturating_add(text.len())
        });
        sizes.fold(3, usize::saturating_add)
    }

    /// Canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        out.push(VERSION);
        // The limits that every bundle keeps make all three lengths fit.
        let count = u16::try_from(self.files.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for (name, text) in &self.files {
            out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(name.as_bytes());
            let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out
    }

    /// Reads canonical bytes; there is one encoding of a bundle, and no other is taken.
    ///
    /// # Errors
    /// [`BundleError`] says what is wrong with the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(BundleError::TooLarge(bytes.len()));
        }
        let mut reader = Reader {
            rest: bytes,
            len: bytes.len(),
        };
        let [version] = reader.array("the version")?;
        if version != VERSION {
            return Err(BundleError::Version(version));
        }
        let count = usize::from(u16::from_be_bytes(reader.array("the count")?));
        if count == 0 || count > MAX_BUNDLE_FILES {
            return Err(BundleError::Files(count));
        }
        let mut files: Vec<(String, String)> = Vec::with_capacity(count);
        for _ in 0..count {
            let [len] = reader.array("a name")?;
            let name = reader.text(usize::from(len), "a name")?;
            let len = u32::from_be_bytes(reader.array("a text")?);
            let text = reader.text(usize::try_from(len).unwrap_or(usize::MAX), "a text")?;
            if files.last().is_some_and(|(before, _)| *before >= name) {
                return Err(BundleError::Order(name));
            }
            files.push((name, text));
        }
        match reader.rest.len() {
            0 => Self::new(files),
            trailing => Err(BundleError::Trailing(trailing)),
        }
    }

    /// SHA-256 of the canonical bytes.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let hash = Sha256::new().chain_update(DOMAIN);
        hash.chain_update(self.encode()).finalize().into()
    }

    /// Deflates the bundle for its entry.
    ///
    /// # Errors
    /// [`BundleError::PackedTooLarge`].
    pub fn pack(&self) -> Result<Vec<u8>, BundleError> {
        let bytes = self.encode();
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut out = Vec::with_capacity(bytes.len().saturating_add(1_024));
        out.push(VERSION);
        out.extend_from_slice(&len.to_be_bytes());
        let mut stream = Compress::new(Compression::best(), false);
        let status = stream.compress_vec(&bytes, &mut out, FlushCompress::Finish);
        // A stream that does not end in a buffer larger than its input is too large in any case.
        if !matches!(status, Ok(Status::StreamEnd)) || out.len() > MAX_PACKED_BUNDLE {
            return Err(BundleError::PackedTooLarge(out.len()));
        }
        Ok(out)
    }

    /// Reads what [`Self::pack`] wrote. It never takes more memory than the largest bundle.
    ///
    /// # Errors
    /// [`BundleError`] says what is wrong with the bytes.
    pub fn unpack(packed: &[u8]) -> Result<Self, BundleError> {
        if packed.len() > MAX_PACKED_BUNDLE {
            return Err(BundleError::PackedTooLarge(packed.len()));
        }
        let truncated = || BundleError::Truncated(packed.len(), "the header");
        let (header, stream) = packed
            .split_first_chunk::<PACKED_HEADER>()
            .ok_or_else(truncated)?;
        let [version, len @ ..] = *header;
        if version != VERSION {
            return Err(BundleError::Version(version));
        }
        let expected = usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX);
        if expected > MAX_BUNDLE {
            return Err(BundleError::TooLarge(expected));
        }
        Self::decode(&inflate(stream, expected)?)
    }
}

/// Inflates a stream that must hold so many bytes, and nothing after them.
fn inflate(stream: &[u8], expected: usize) -> Result<Vec<u8>, BundleError> {
    // One byte more than expected, so that a stream that goes on is seen to do so.
    let mut out = Vec::with_capacity(expected.saturating_add(1));
    let mut inflater = Decompress::new(false);
    let status = inflater.decompress_vec(stream, &mut out, FlushDecompress::Finish);
    let whole = u64::try_from(stream.len()).ok() == Some(inflater.total_in());
    if matches!(status, Ok(Status::StreamEnd)) && whole && out.len() == expected {
        return Ok(out);
    }
    let got = inflater.total_out();
    Err(BundleError::Stream { expected, got })
}

fn check_name(name: &str) -> Result<(), BundleError> {
    let plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    let length = 1..=MAX_BUNDLE_FILE_NAME;
    if length.contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.') {
        Ok(())
    } else {
        Err(BundleError::Name(name.to_owned()))
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], BundleError> {
        let truncated = BundleError::Truncated(self.len, what);
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], BundleError> {
        let taken = self.take(N, what)?;
        <[u8; N]>::try_from(taken).or(Err(BundleError::Truncated(self.len, what)))
    }

    fn text(&mut self, len: usize, what: &'static str) -> Result<String, BundleError> {
        let text = std::str::from_utf8(self.take(len, what)?);
        text.map(str::to_owned).or(Err(BundleError::NotUtf8))
    }
}

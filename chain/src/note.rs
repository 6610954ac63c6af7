//! C2SP signed-note: text, an empty line, signature lines (docs/format.md, section 6).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::key::{KeyId, VerifierKey};
use crate::limits::{MAX_NOTE, MAX_NOTE_SIGNATURES};
use crate::origin::Origin;

/// Why a text is no note, or is not signed by the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not of the form.
    #[error("not a signed note: {0}")]
    BadForm(&'static str),
    /// A signature under the known key is wrong.
    #[error("signature by {0} does not hold")]
    BadSignature(String),
    /// No signature under the known key.
    #[error("no signature by {0}")]
    NoKnownSignature(String),
}

/// A note that was taken apart but not verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note<'a> {
    /// What is signed, with its last newline.
    pub(crate) text: &'a str,
    signatures: &'a str,
}

impl<'a> Note<'a> {
    pub(crate) fn parse(note: &'a str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::BadForm("longer than 65,535 bytes"));
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::BadForm("holds a control character"));
        }
        // Text and signatures part at the last empty line.
        let at = note
            .rfind("\n\n")
            .ok_or(NoteError::BadForm("no empty line"))?;
        let (text, rest) = note
            .split_at_checked(at.saturating_add(1))
            .ok_or(NoteError::BadForm("no empty line"))?;
        let signatures = rest.strip_prefix('\n').unwrap_or_default();
        if !signatures.ends_with('\n') {
            return Err(NoteError::BadForm("no newline at the end"));
        }
        let parsed = Self { text, signatures };
        let mut count = 0_usize;
        for line in parsed.lines() {
            line?;
            count = count.saturating_add(1);
        }
        match count {
            1..=MAX_NOTE_SIGNATURES => Ok(parsed),
            _ => Err(NoteError::BadForm("expected 1 to 64 signatures")),
        }
    }

    fn lines(self) -> impl Iterator<Item = Result<(&'a str, KeyId, Vec<u8>), NoteError>> {
        self.signatures.split_terminator('\n').map(signature_line)
    }

    /// Checks every signature under `key`; at least one must be there. Returns the first.
    pub(crate) fn verify(self, key: &VerifierKey) -> Result<[u8; 64], NoteError> {
        let name = key.origin().as_str();
        let mut first = None;
        for line in self.lines() {
            let (signer, id, signature) = line?;
            if signer != name || id != key.id() {
                continue;
            }
            let signature = <[u8; 64]>::try_from(signature.as_slice()).ok();
            let held = signature
                .filter(|signature| key.verify(self.text.as_bytes(), signature).is_ok())
                .ok_or_else(|| NoteError::BadSignature(key.to_string()))?;
            first.get_or_insert(held);
        }
        first.ok_or_else(|| NoteError::NoKnownSignature(key.to_string()))
    }
}

/// `— name base64(key id | signature)`
fn signature_line(line: &str) -> Result<(&str, KeyId, Vec<u8>), NoteError> {
    let rest = line
        .strip_prefix("\u{2014} ")
        .ok_or(NoteError::BadForm("bad signature line"))?;
    let (name, data) = rest
        .split_once(' ')
        .ok_or(NoteError::BadForm("bad signature line"))?;
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c == '+') {
        return Err(NoteError::BadForm("bad name of a signer"));
    }
    let data = STANDARD
        .decode(data)
        .map_err(|_why| NoteError::BadForm("signature is not base64"))?;
    let (id, signature) = data
        .split_first_chunk::<4>()
        .ok_or(NoteError::BadForm("signature too short"))?;
    if signature.is_empty() {
        return Err(NoteError::BadForm("signature too short"));
    }
    Ok((name, KeyId::from_bytes(*id), signature.to_vec()))
}

/// The note of `text`, which ends in a newline, with one signature.
pub(crate) fn signed(text: &str, name: &Origin, id: KeyId, signature: &[u8; 64]) -> String {
    let mut data = id.as_bytes().to_vec();
    data.extend_from_slice(signature);
    format!("{text}\n\u{2014} {name} {}\n", STANDARD.encode(data))
}

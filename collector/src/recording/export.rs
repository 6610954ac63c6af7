//! A recording as an asciicast v2 file.

use std::io::Write;

use crate::recording::ShowError;
use crate::recording::asciicast::write_header;
use crate::recording::cast::{Cast, Source, plain};

/// Writes the lines of all parts as they were stored; returns how many bytes. Without its first
/// part a recording gets the header of a plain terminal. The cast must be a new one.
///
/// # Errors
/// [`ShowError`].
pub async fn export<S: Source, W: Write>(
    cast: &mut Cast<S>,
    out: &mut W,
) -> Result<u64, ShowError> {
    let mut bytes: u64 = 0;
    while let Some(part) = cast.next_part().await? {
        if bytes == 0 && part.header.is_none() {
            let mut line = Vec::new();
            write_header(&plain(), &mut line);
            out.write_all(&line)?;
            bytes += len(&line);
        }
        out.write_all(&part.lines)?;
        bytes += len(&part.lines);
    }
    out.flush()?;
    Ok(bytes)
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

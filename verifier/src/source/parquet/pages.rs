//! How large the pages of a column are, by their headers: asked before anything is unpacked, so
//! that a small file cannot fill the memory.
//!
//! A header is a struct of Thrift's compact protocol (parquet-format, `PageHeader`). Its second and
//! third fields are the sizes; the rest is passed over.

pub(super) mod footer;

use bytes::Bytes;
use parquet::file::reader::ChunkReader;

/// The longest header: the statistics in one are cut at 64 bytes by writers, two of them and a
/// dozen numbers are some 300.
const MAX_HEADER: u64 = 65_536;
/// Structs in structs; a page header has three.
const MAX_DEPTH: u8 = 8;

/// Why pages cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum PagesError {
    /// No page header stands there.
    #[error("no page header at offset {0}")]
    Header(u64),
    /// The chunk ends inside a page.
    #[error("the page at offset {0} ends behind its column")]
    TooShort(u64),
    /// It would be too large.
    #[error("the page at offset {at} would have {bytes} bytes; expected at most {most}")]
    TooLarge {
        /// Where it starts.
        at: u64,
        /// Its size when unpacked.
        bytes: u64,
        /// The limit.
        most: u64,
    },
    /// The disk says no.
    #[error(transparent)]
    Read(#[from] parquet::errors::ParquetError),
}

/// Bytes of the largest page in a stretch of a file, when unpacked; none may be above `most`.
pub(super) fn largest(
    file: &impl ChunkReader,
    (start, len): (u64, u64),
    most: u64,
) -> Result<u64, PagesError> {
    let end = start.saturating_add(len);
    let (mut at, mut largest) = (start, 0);
    while at < end {
        let left = end.saturating_sub(at);
        let window = usize::try_from(left.min(MAX_HEADER)).unwrap_or(0);
        // Most headers are short: the first read is, too.
        let short = file.get_bytes(at, window.min(256))?;
        let header = match Header::parse(&short) {
            Some(header) => header,
            None => {
                let long: Bytes = file.get_bytes(at, window)?;
                Header::parse(&long).ok_or(PagesError::Header(at))?
            }
        };
        if header.unpacked > most {
            return Err(PagesError::TooLarge {
                at,
                bytes: header.unpacked,
                most,
            });
        }
        largest = largest.max(header.unpacked);
        let next = at.saturating_add(header.len).saturating_add(header.packed);
        if next > end {
            return Err(PagesError::TooShort(at));
        }
        at = next;
    }
    Ok(largest)
}

/// What a page header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    /// Bytes of the header.
    len: u64,
    /// Bytes of the page when unpacked.
    unpacked: u64,
    /// Bytes of the page in the file.
    packed: u64,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Compact { bytes, at: 0 };
        let (mut unpacked, mut packed) = (None, None);
        let mut field = 0;
        while let Some(kind) = reader.field(&mut field)? {
            match (field, kind) {
                (2, I32) => unpacked = Some(u64::try_from(reader.number()?).ok()?),
                (3, I32) => packed = Some(u64::try_from(reader.number()?).ok()?),
                _ => reader.skip(kind, 0)?,
            }
        }
        Some(Self {
            len: u64::try_from(reader.at).ok()?,
            unpacked: unpacked?,
            packed: packed?,
        })
    }
}

// Types of fields in the compact protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const STRUCT: u8 = 12;

/// Reads the compact protocol; `None` where the bytes end or are of another form.
struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied()?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64_u32).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A number in zigzag form.
    fn number(&mut self) -> Option<i64> {
        let value = self.varint()?;
        let half = i64::try_from(value >> 1).ok()?;
        Some(if value & 1 == 0 { half } else { !half })
    }

    /// The type of the next field, whose number `field` becomes; `Some(None)` at the end.
    fn field(&mut self, field: &mut i64) -> Option<Option<u8>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        let step = i64::from(head >> 4);
        *field = if step == 0 {
            self.number()?
        } else {
            field.checked_add(step)?
        };
        Some(Some(head & 0x0f))
    }

    fn jump(&mut self, len: u64) -> Option<()> {
        let at = self.at.checked_add(usize::try_from(len).ok()?)?;
        (at <= self.bytes.len()).then(|| self.at = at)
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.jump(1),
            I16 | I32 | I64 => self.number().map(drop),
            DOUBLE => self.jump(8),
            BINARY => {
                let len = self.varint()?;
                self.jump(len)
            }
            LIST | SET => self.list(depth),
            STRUCT if depth < MAX_DEPTH => {
                let mut field = 0;
                while let Some(kind) = self.field(&mut field)? {
                    self.skip(kind, depth.saturating_add(1))?;
                }
                Some(())
            }
            _ => None,
        }
    }

    fn list(&mut self, depth: u8) -> Option<()> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        if depth >= MAX_DEPTH {
            return None;
        }
        for _ in 0..count {
            match head & 0x0f {
                // In lists each takes a byte.
                TRUE | FALSE => self.jump(1)?,
                kind => self.skip(kind, depth.saturating_add(1))?,
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Page type 0, 300 bytes unpacked, 5 packed, then a struct and a boolean.
    const HEADER: [u8; 14] = [
        0x15, 0, 0x15, 0xd8, 4, 0x15, 10, 0x2c, 0x15, 2, 0x11, 0, 0, 0xff,
    ];

    #[test]
    fn sizes_are_read_out_of_a_header() {
        let header = Header::parse(&HEADER).expect("a header");
        let expected = Header {
            len: 13,
            unpacked: 300,
            packed: 5,
        };
        assert_eq!(header, expected);
        for cut in 0..13 {
            assert_eq!(Header::parse(&HEADER[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn pages_must_fill_their_column_and_stay_small() {
        let page = |unpacked: u8| {
            let mut page = vec![0x15, 0, 0x15, unpacked * 2, 0x15, 4, 0];
            page.extend_from_slice(&[9, 9]);
            page
        };
        let file = Bytes::from([page(10), page(30)].concat());
        let len = u64::try_from(file.len()).expect("small");
        assert_eq!(largest(&file, (0, len), 30).expect("fine"), 30);
        let error = largest(&file, (0, len), 29)
            .expect_err("too large")
            .to_string();
        assert!(error.contains("would have 30 bytes"), "{error}");
        let error = largest(&file, (0, len - 1), 30)
            .expect_err("cut")
            .to_string();
        assert!(error.contains("ends behind its column"), "{error}");
        let error = largest(&file, (1, len - 1), 30).expect_err("shifted");
        assert!(matches!(
            error,
            PagesError::Header(_) | PagesError::TooShort(_)
        ));
    }

    #[test]
    fn headers_that_never_end_are_none() {
        assert_eq!(Header::parse(&[0x1c; 300]), None);
        assert_eq!(
            Header::parse(&[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f]),
            None
        );
        assert_eq!(Header::parse(&[0xff; 64]), None);
    }
}

//! How many fields a request has, counted while its bytes come.
//!
//! A repeated field of two bytes becomes a message of a hundred when it is decoded, so the bytes
//! alone do not say how much memory a request takes. Only the fields of the outermost message are
//! counted: what is inside an event stays bytes until it is judged, one event after the other.

/// Where the count stands in the stream of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before a message: so many bytes of its flag and length are read (gRPC over HTTP/2, 5 bytes).
    Frame(u8),
    /// In the key of a field; what it is so far, and the bits of it.
    Key(u64, u32),
    /// In a number of variable length.
    Number,
    /// In the length of a field.
    Length(u64, u32),
    /// In bytes that say nothing here; so many are left.
    Inside(u64),
    /// What came is no protobuf: the decoder will say so.
    Lost,
}

/// Counts the fields of one request.
#[derive(Debug)]
pub(super) struct Fields(At);

impl Default for Fields {
    fn default() -> Self {
        Self(At::Frame(0))
    }
}

impl Fields {
    /// Number of fields that begin in the next bytes of the request.
    pub(super) fn count(&mut self, mut bytes: &[u8]) -> usize {
        let mut fields = 0;
        while let Some((&byte, rest)) = bytes.split_first() {
            if let At::Inside(left) = self.0 {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                bytes = bytes.get(here..).unwrap_or_default();
                let left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
                self.0 = if left == 0 {
                    At::Key(0, 0)
                } else {
                    At::Inside(left)
                };
                continue;
            }
            fields += usize::from(self.0 == At::Key(0, 0));
            self.0 = self.0.after(byte);
            bytes = rest;
        }
        fields
    }
}

impl At {
    const fn after(self, byte: u8) -> Self {
        match self {
            Self::Frame(4) => Self::Key(0, 0),
            Self::Frame(read) => Self::Frame(read + 1),
            Self::Key(key, bits) => match more(key, bits, byte) {
                Varint::More(key, bits) => Self::Key(key, bits),
                Varint::Long => Self::Lost,
                Varint::Whole(key) => match key & 7 {
                    0 => Self::Number,
                    1 => Self::Inside(8),
                    2 => Self::Length(0, 0),
                    5 => Self::Inside(4),
                    _ => Self::Lost,
                },
            },
            Self::Number if byte & 0x80 != 0 => Self::Number,
            Self::Number => Self::Key(0, 0),
            Self::Length(len, bits) => match more(len, bits, byte) {
                Varint::More(len, bits) => Self::Length(len, bits),
                Varint::Long => Self::Lost,
                Varint::Whole(0) => Self::Key(0, 0),
                Varint::Whole(len) => Self::Inside(len),
            },
            Self::Inside(_) | Self::Lost => self,
        }
    }
}

/// A number of variable length after one more byte.
enum Varint {
    More(u64, u32),
    Whole(u64),
    /// Ten bytes hold any number of 64 bits.
    Long,
}

const fn more(value: u64, bits: u32, byte: u8) -> Varint {
    if bits >= 70 {
        return Varint::Long;
    }
    #[expect(clippy::as_conversions, reason = "u64::from is not const")]
    let part = (byte & 0x7f) as u64;
    let value = match part.checked_shl(bits) {
        Some(part) => value | part,
        None => value,
    };
    if byte & 0x80 == 0 {
        Varint::Whole(value)
    } else {
        Varint::More(value, bits + 7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FIELD_BYTES;
    use countersign_proto::v1;

    fn framed(message: &impl prost::Message) -> Vec<u8> {
        let body = message.encode_to_vec();
        let len = u32::try_from(body.len()).unwrap();
        [&[0][..], &len.to_be_bytes(), &body].concat()
    }

    fn batch(drafts: Vec<v1::EventDraft>) -> Vec<u8> {
        framed(&v1::AppendBatchRequest {
            log: "main".to_owned(),
            drafts,
            ..v1::AppendBatchRequest::default()
        })
    }

    #[test]
    fn fields_are_counted_wherever_the_bytes_are_parted() {
        let draft = v1::EventDraft {
            case: u64::MAX,
            idempotency_key: "k".repeat(300),
            ..v1::EventDraft::default()
        };
        let request = batch(vec![draft; 5]);
        for size in 1..request.len() {
            let mut fields = Fields::default();
            let counted: usize = request.chunks(size).map(|part| fields.count(part)).sum();
            assert_eq!(counted, 6, "{size}");
        }
    }

    #[test]
    fn empty_drafts_count() {
        assert!(size_of::<v1::EventDraft>() <= FIELD_BYTES);
        let request = batch(vec![v1::EventDraft::default(); 1_000]);
        assert!(request.len() < 2_100);
        assert_eq!(Fields::default().count(&request), 1_001);
    }

    #[test]
    fn numbers_of_every_kind_are_passed_over() {
        // Fields 1 to 4: a number, eight bytes, four bytes, and text.
        let body = [
            0x08, 0xff, 0xff, 0x01, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1d, 1, 2, 3, 4, 0x22, 1, b'x',
        ];
        let mut fields = Fields::default();
        assert_eq!(fields.count(&[0; 5]), 0);
        assert_eq!(fields.count(&body), 4);
    }

    #[test]
    fn what_is_no_protobuf_ends_the_count() {
        let mut fields = Fields::default();
        assert_eq!(fields.count(&[0, 0, 0, 0, 9, 0x0b, 0x08, 0x08]), 1);
        let mut fields = Fields::default();
        assert_eq!(fields.count(&[0; 5]), 0);
        assert_eq!(fields.count(&[0xff; 64]), 1);
    }
}

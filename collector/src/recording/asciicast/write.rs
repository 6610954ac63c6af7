//! Lines of an asciicast file, made without a JSON library: output comes by the gigabyte.

use crate::recording::asciicast::{Code, Header};

/// Which bytes JSON wants escaped.
const ESCAPED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends the header.
pub fn write_header(header: &Header, out: &mut Vec<u8>) {
    let Header {
        width,
        height,
        timestamp,
        term,
        shell,
    } = header;
    out.extend_from_slice(b"{\"version\": 2, \"width\": ");
    number(u64::from(*width), 1, out);
    out.extend_from_slice(b", \"height\": ");
    number(u64::from(*height), 1, out);
    out.extend_from_slice(b", \"timestamp\": ");
    number(*timestamp, 1, out);
    out.extend_from_slice(b", \"env\": {\"TERM\": \"");
    escape(term, out);
    out.extend_from_slice(b"\", \"SHELL\": \"");
    escape(shell, out);
    out.extend_from_slice(b"\"}}\n");
}

/// Appends an event at so many microseconds since the beginning.
pub fn write_event(at: u64, code: Code, data: &str, out: &mut Vec<u8>) {
    out.push(b'[');
    number(at / 1_000_000, 1, out);
    out.push(b'.');
    number(at % 1_000_000, 6, out);
    out.extend_from_slice(match code {
        Code::Output => b", \"o\", \"",
        Code::Input => b", \"i\", \"",
        Code::Resize => b", \"r\", \"",
        Code::Marker => b", \"m\", \"",
        Code::Other => b", \"x\", \"",
    });
    escape(data, out);
    out.extend_from_slice(b"\"]\n");
}

/// Appends a number with at least so many digits.
fn number(mut value: u64, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut from = digits.len();
    while value > 0 || digits.len() - from < width {
        from -= 1;
        digits[from] = HEX[usize::try_from(value % 10).unwrap_or(0)];
        value /= 10;
    }
    out.extend_from_slice(&digits[from..]);
}

/// Appends text as the inside of a JSON string. Runs without anything special are copied whole.
fn escape(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if !ESCAPED[usize::from(*byte)] {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            other => {
                let (high, low) = (usize::from(other >> 4), usize::from(other & 15));
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[high], HEX[low]]);
            }
        }
    }
    out.extend_from_slice(&bytes[from..]);
}

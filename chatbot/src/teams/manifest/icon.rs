//! The two icons of the app, as PNG: a tick in a coloured square, and its outline.

use std::io::{self, Write as _};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

/// Side of the coloured icon in pixels, as Teams wants it.
const LARGE: u16 = 192;
/// Side of the outline in pixels.
const SMALL: u16 = 32;

/// The tick in white on this colour.
pub(super) fn color([red, green, blue]: [u8; 3]) -> io::Result<Vec<u8>> {
    png(LARGE, |on| match on {
        true => [255, 255, 255, 255],
        false => [red, green, blue, 255],
    })
}

/// The tick in white on nothing.
pub(super) fn outline() -> io::Result<Vec<u8>> {
    png(SMALL, |on| match on {
        true => [255, 255, 255, 255],
        false => [255, 255, 255, 0],
    })
}

/// Whether a pixel is of the tick: two strokes, in a square of 32 by 32.
fn is_tick(x: u16, y: u16, side: u16) -> bool {
    // Twice as fine, so that the middle of a pixel counts.
    let place = |n: u16| (i32::from(n) * 2 + 1) * 32 / i32::from(side);
    let (x, y) = (place(x), place(y));
    let down = (12..=28).contains(&x) && (y - x - 18).abs() <= 6;
    let up = (24..=52).contains(&x) && (y + x - 70).abs() <= 6;
    down || up
}

/// A PNG of 8 bits for each of red, green, blue and opacity (W3C PNG, sections 5 and 11).
fn png(side: u16, paint: impl Fn(bool) -> [u8; 4]) -> io::Result<Vec<u8>> {
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::best());
    for y in 0..side {
        // No filter.
        rows.write_all(&[0])?;
        for x in 0..side {
            rows.write_all(&paint(is_tick(x, y, side)))?;
        }
    }
    let edge = u32::from(side).to_be_bytes();
    let header = [&edge[..], &edge, &[8, 6, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &header)?;
    chunk(&mut png, *b"IDAT", &rows.finish()?)?;
    chunk(&mut png, *b"IEND", &[])?;
    Ok(png)
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) -> io::Result<()> {
    let length = u32::try_from(content.len()).map_err(io::Error::other)?;
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(content);
    png.extend_from_slice(&length.to_be_bytes());
    png.extend_from_slice(&kind);
    png.extend_from_slice(content);
    png.extend_from_slice(&crc.sum().to_be_bytes());
    Ok(())
}

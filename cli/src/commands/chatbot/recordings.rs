//! Recordings for the inbox, read as the collector stores them.

use std::io::{self, Write};

use countersign_chatbot::transcript::{Reader, Transcript};
use countersign_client::RecordingStream;
use countersign_collector::recording::{self, Cast, LedgerParts, OnDamage, Part, Source as _};

/// Bytes of a recording that a browser gets, as text and once more as asciicast: 2 MiB, which is
/// some 20,000 lines. The rest is for `countersign session play`.
const SHOWN: usize = 2 * 1024 * 1024;

/// Reads recordings for the inbox.
pub(crate) fn reader() -> Reader {
    Reader::new(|stream| Box::pin(read(stream)))
}

async fn read(stream: RecordingStream) -> Result<Transcript, String> {
    let mut parts = LedgerParts(stream);
    let (mut kept, mut bytes, mut is_cut) = (Vec::new(), 0_usize, false);
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| error.to_string())?;
        bytes = bytes.saturating_add(part.content.as_ref().map_or(0, |content| content.len()));
        kept.push(part);
        if bytes > SHOWN {
            is_cut = true;
            break;
        }
    }
    let mut text = Bounded::default();
    let mut cast = Cast::new(kept.clone().into_iter(), OnDamage::PassOver);
    let told = recording::text(&mut cast, &mut text).await;
    told.map_err(|error| error.to_string())?;
    let damages = cast.damages().iter();
    let damages = damages.map(|damage| format!("part {}: {}", damage.part, damage.harm));
    let damages = damages.collect();
    let lines = lines(kept).await?;
    Ok(Transcript {
        is_cut: is_cut || text.is_full || lines.is_full,
        text: text.whole_lines(),
        cast: lines.whole_lines(),
        damages,
    })
}

async fn lines(parts: Vec<Part>) -> Result<Bounded, String> {
    let mut lines = Bounded::default();
    let mut cast = Cast::new(parts.into_iter(), OnDamage::PassOver);
    let told = recording::export(&mut cast, &mut lines).await;
    told.map_err(|error| error.to_string())?;
    Ok(lines)
}

/// Keeps so much and no more.
#[derive(Debug, Default)]
struct Bounded {
    bytes: Vec<u8>,
    is_full: bool,
}

impl Bounded {
    /// The text up to the last line that is whole.
    fn whole_lines(mut self) -> String {
        if self.is_full {
            let end = self.bytes.iter().rposition(|byte| *byte == b'\n');
            self.bytes.truncate(end.map_or(0, |end| end + 1));
        }
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = SHOWN.saturating_sub(self.bytes.len());
        self.is_full |= bytes.len() > room;
        self.bytes.extend(bytes.iter().take(room));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_ends_with_a_whole_line() {
        let mut kept = Bounded::default();
        let line = [b'x'; 1_000];
        for _ in 0..SHOWN / 1_000 + 10 {
            kept.write_all(&line).expect("it takes all");
            kept.write_all(b"\n").expect("it takes all");
        }
        assert!(kept.is_full);
        let text = kept.whole_lines();
        assert!(text.len() <= SHOWN && text.ends_with("x\n"));
        assert_eq!(text.len() % 1_001, 0);
        let mut short = Bounded::default();
        short.write_all(b"no end").expect("it takes all");
        assert_eq!(short.whole_lines(), "no end");
    }
}

//! Pieces become events, and events become parts. Time is given with each piece.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::Bytes;

use crate::limits::{COALESCE, EVENT_OUTPUT, PART_AGE, PART_LINES, PART_OUTPUT, QUIET};
use crate::recording::Packer;
use crate::recording::asciicast::{Code, Header, write_event, write_header};
use crate::session::mask::{Mask, Masks};
use crate::session::queue::Piece;
use crate::session::utf8::Decoder;

/// A part that is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CutPart {
    /// From 1.
    pub(crate) number: u64,
    /// Compressed lines.
    pub(crate) blob: Bytes,
    /// Bytes that the session showed meanwhile.
    pub(crate) output_bytes: u64,
    /// Time of its first event.
    pub(crate) from: u64,
    /// Time of its last event.
    pub(crate) to: u64,
    /// Secrets that were taken out meanwhile.
    pub(crate) redactions: u64,
}

/// What all parts together are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub(crate) parts: u64,
    pub(crate) output_bytes: u64,
    pub(crate) redactions: u64,
}

/// One stream of bytes on its way to events.
struct Stream {
    code: Code,
    mask: Box<dyn Mask>,
    decoder: Decoder,
    /// Text of the event that is being gathered.
    text: String,
    /// Time of its first text.
    at: u64,
    /// When bytes came last, until the mask was asked for what it held back.
    quiet_since: Option<u64>,
}

impl Stream {
    fn new(code: Code, masks: &dyn Masks) -> Self {
        Self {
            code,
            mask: masks.mask(),
            decoder: Decoder::default(),
            text: String::new(),
            at: 0,
            quiet_since: None,
        }
    }
}

/// Cuts a recording into parts.
pub(crate) struct Cutter {
    output: Stream,
    input: Stream,
    scratch: Vec<u8>,
    packer: Packer,
    lines: Vec<u8>,
    /// Times of the first and the last event of the part that is open.
    span: Option<(u64, u64)>,
    /// Output since the part was opened.
    shown: usize,
    told_redactions: u64,
    totals: Totals,
    ready: VecDeque<CutPart>,
}

impl Cutter {
    pub(crate) fn new(header: &Header, masks: &dyn Masks) -> io::Result<Self> {
        let mut lines = Vec::with_capacity(2 * PART_OUTPUT);
        write_header(header, &mut lines);
        Ok(Self {
            output: Stream::new(Code::Output, masks),
            input: Stream::new(Code::Input, masks),
            scratch: Vec::new(),
            packer: Packer::new()?,
            lines,
            span: None,
            shown: 0,
            told_redactions: 0,
            totals: Totals::default(),
            ready: VecDeque::new(),
        })
    }

    /// Takes a piece that came at this time; times do not go back.
    pub(crate) fn push(&mut self, at: u64, piece: &Piece) -> io::Result<()> {
        self.tick(at)?;
        match piece {
            Piece::Output(bytes) => {
                for bytes in bytes.chunks(EVENT_OUTPUT) {
                    if self.shown + bytes.len() > PART_OUTPUT {
                        self.close()?;
                    }
                    self.shown += bytes.len();
                    self.bytes(at, Code::Output, bytes)?;
                }
            }
            Piece::Input(bytes) => {
                for bytes in bytes.chunks(EVENT_OUTPUT) {
                    self.bytes(at, Code::Input, bytes)?;
                }
            }
            Piece::Resize(window) => {
                let size = format!("{}x{}", window.columns, window.rows);
                self.single(at, Code::Resize, &size)?;
            }
            Piece::Marker(text) => self.single(at, Code::Marker, text)?,
        }
        Ok(())
    }

    /// When [`Cutter::tick`] is to be called next.
    pub(crate) fn due(&self) -> Option<u64> {
        let age = self.opened().map(|from| from + micros(PART_AGE));
        let quiet = |stream: &Stream| stream.quiet_since.map(|since| since + micros(QUIET));
        let dues = [age, quiet(&self.output), quiet(&self.input)];
        dues.into_iter().flatten().min()
    }

    /// Does what is due at this time.
    pub(crate) fn tick(&mut self, now: u64) -> io::Result<()> {
        for code in [Code::Output, Code::Input] {
            let stream = self.stream(code);
            if stream
                .quiet_since
                .is_some_and(|since| since + micros(QUIET) <= now)
            {
                stream.quiet_since = None;
                self.masked(now, code, |mask, out| mask.flush_quiet(out))?;
            }
        }
        if self
            .opened()
            .is_some_and(|from| from + micros(PART_AGE) <= now)
        {
            self.close()?;
        }
        Ok(())
    }

    /// Takes everything out of the masks and closes the last part.
    pub(crate) fn finish(&mut self, now: u64) -> io::Result<Totals> {
        for code in [Code::Output, Code::Input] {
            self.masked(now, code, |mask, out| mask.finish(out))?;
            let stream = self.stream(code);
            if stream.text.is_empty() {
                stream.at = now;
            }
            stream.decoder.finish(&mut stream.text);
        }
        self.flush_event(Code::Output)?;
        self.flush_event(Code::Input)?;
        if self.span.is_none() && (self.shown > 0 || self.totals.parts == 0) {
            // Everything was taken out of what was shown, or nothing was shown at all.
            self.line(now, Code::Output, "")?;
        }
        self.close()?;
        Ok(self.totals)
    }

    /// The next part that is closed.
    pub(crate) fn take(&mut self) -> Option<CutPart> {
        self.ready.pop_front()
    }

    /// Time of the oldest event that is not in a closed part.
    fn opened(&self) -> Option<u64> {
        let waiting = |stream: &Stream| (!stream.text.is_empty()).then_some(stream.at);
        let open = [
            self.span.map(|(from, _)| from),
            waiting(&self.output),
            waiting(&self.input),
        ];
        open.into_iter().flatten().min()
    }

    const fn stream(&mut self, code: Code) -> &mut Stream {
        match code {
            Code::Input => &mut self.input,
            Code::Output | Code::Resize | Code::Marker | Code::Other => &mut self.output,
        }
    }

    fn bytes(&mut self, at: u64, code: Code, bytes: &[u8]) -> io::Result<()> {
        // Events are written in the order of their times.
        self.flush_event(match code {
            Code::Input => Code::Output,
            _ => Code::Input,
        })?;
        self.stream(code).quiet_since = Some(at);
        self.masked(at, code, |mask, out| mask.push(bytes, out))
    }

    /// Gathers what a mask gives.
    fn masked(
        &mut self,
        at: u64,
        code: Code,
        step: impl FnOnce(&mut dyn Mask, &mut Vec<u8>),
    ) -> io::Result<()> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let stream = self.stream(code);
        step(stream.mask.as_mut(), &mut scratch);
        if !scratch.is_empty() {
            let age = at.saturating_sub(stream.at);
            let full = stream.text.len() + scratch.len() > EVENT_OUTPUT;
            if age > micros(COALESCE) || full {
                self.flush_event(code)?;
            }
            let stream = self.stream(code);
            if stream.text.is_empty() {
                stream.at = at;
            }
            stream.decoder.push(&scratch, &mut stream.text);
        }
        self.scratch = scratch;
        Ok(())
    }

    /// Writes the event that is being gathered.
    fn flush_event(&mut self, code: Code) -> io::Result<()> {
        let stream = self.stream(code);
        if stream.text.is_empty() {
            return Ok(());
        }
        let (at, code) = (stream.at, stream.code);
        let mut text = std::mem::take(&mut stream.text);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (event, more) = rest.split_at(rest.floor_char_boundary(EVENT_OUTPUT));
            self.line(at, code, event)?;
            rest = more;
        }
        text.clear();
        self.stream(code).text = text;
        Ok(())
    }

    fn single(&mut self, at: u64, code: Code, text: &str) -> io::Result<()> {
        self.flush_event(Code::Output)?;
        self.flush_event(Code::Input)?;
        let text = &text[..text.floor_char_boundary(EVENT_OUTPUT)];
        self.line(at, code, text)
    }

    /// Writes a line; closes the part before it when it would become too large.
    fn line(&mut self, at: u64, code: Code, text: &str) -> io::Result<()> {
        let at = at.max(self.span.map_or(0, |(_, to)| to));
        let before = self.lines.len();
        write_event(at, code, text, &mut self.lines);
        if self.lines.len() > PART_LINES {
            let line = self.lines.split_off(before);
            self.pack()?;
            self.lines = line;
        }
        let from = self.span.map_or(at, |(from, _)| from);
        self.span = Some((from, at));
        Ok(())
    }

    /// Closes the part, with the events that are being gathered.
    fn close(&mut self) -> io::Result<()> {
        self.flush_event(Code::Output)?;
        self.flush_event(Code::Input)?;
        self.pack()
    }

    fn pack(&mut self) -> io::Result<()> {
        let Some((from, to)) = self.span.take() else {
            return Ok(());
        };
        let blob = Bytes::from(self.packer.pack(&self.lines)?);
        self.lines.clear();
        let count = self.output.mask.count() + self.input.mask.count();
        let redactions = count.saturating_sub(self.told_redactions);
        self.told_redactions = count;
        let output_bytes = u64::try_from(std::mem::take(&mut self.shown)).unwrap_or(u64::MAX);
        self.totals.parts += 1;
        self.totals.output_bytes += output_bytes;
        self.totals.redactions += redactions;
        self.ready.push_back(CutPart {
            number: self.totals.parts,
            blob,
            output_bytes,
            from,
            to,
            redactions,
        });
        Ok(())
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

//! Where secrets are taken out of what is recorded.

use std::fmt;

use crate::redact::{Redactor, Stream};

/// Takes secrets out of a stream of bytes. What it holds back, because it may be the beginning of
/// a secret, is recorded when it is released.
pub trait Mask: Send {
    /// Takes bytes, and appends to `out` what may be recorded.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>);

    /// Nothing came for a while: appends what is unlikely to become a secret any more, for example
    /// a prompt.
    fn flush_quiet(&mut self, out: &mut Vec<u8>);

    /// Nothing comes any more: appends the rest.
    fn finish(&mut self, out: &mut Vec<u8>);

    /// Number of secrets that were taken out so far.
    fn count(&self) -> u64;
}

/// Makes masks: one for the output of a session, one for its input, one for each command.
pub trait Masks: Send + Sync {
    /// A mask for a stream that begins now.
    fn mask(&self) -> Box<dyn Mask>;
}

/// Takes nothing out.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMask;

impl Mask for NoMask {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
    }

    fn flush_quiet(&mut self, _out: &mut Vec<u8>) {}

    fn finish(&mut self, _out: &mut Vec<u8>) {}

    fn count(&self) -> u64 {
        0
    }
}

impl Masks for NoMask {
    fn mask(&self) -> Box<dyn Mask> {
        Box::new(Self)
    }
}

impl Mask for Stream {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        Self::push(self, bytes, out);
    }

    fn flush_quiet(&mut self, out: &mut Vec<u8>) {
        Self::flush_quiet(self, out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.flush(out);
    }

    fn count(&self) -> u64 {
        Self::count(self)
    }
}

impl Masks for Redactor {
    fn mask(&self) -> Box<dyn Mask> {
        Box::new(self.stream())
    }
}

impl fmt::Debug for dyn Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masks")
    }
}

/// A whole text without its secrets, and how many they were.
pub(crate) fn masked(masks: &dyn Masks, text: &[u8]) -> (Vec<u8>, u64) {
    let mut mask = masks.mask();
    let mut out = Vec::with_capacity(text.len());
    mask.push(text, &mut out);
    mask.finish(&mut out);
    (out, mask.count())
}

//! The bytes of one simulated file: sparse pages shared between copies until written.

use std::sync::Arc;

/// What a disk writes whole or not at all.
pub(super) const SECTOR: usize = 512;
/// Unit of sharing, a multiple of [`SECTOR`].
const PAGE: usize = 4096;

pub(super) type Sector = [u8; SECTOR];

/// A file's length and bytes. Cloning costs one reference count; pages that were never written are
/// zeros.
#[derive(Clone, Default)]
pub(super) struct Image {
    len: usize,
    pages: Arc<Vec<Option<Arc<[u8; PAGE]>>>>,
}

impl Image {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Sets the length. Bytes past it stay until [`Image::trim`].
    pub(super) fn set_len(&mut self, len: usize) {
        self.len = len;
    }

    /// Zeros what lies past the length, so that growing again shows zeros.
    pub(super) fn trim(&mut self) {
        let keep = self.len.div_ceil(PAGE);
        if self.pages.len() > keep {
            Arc::make_mut(&mut self.pages).truncate(keep);
        }
        let tail = self.len % PAGE;
        let last = self.len / PAGE;
        let page = self.pages.get(last).and_then(Option::as_ref);
        if page.is_some_and(|page| page[tail..].iter().any(|byte| *byte != 0)) {
            self.page_mut(last)[tail..].fill(0);
        }
    }

    /// Copies bytes from `offset` up to the end of the file or of `buf`; returns how many.
    pub(super) fn read(&self, buf: &mut [u8], offset: usize) -> usize {
        let count = self.len.saturating_sub(offset).min(buf.len());
        let mut rest = &mut buf[..count];
        let mut at = offset;
        while !rest.is_empty() {
            let within = at % PAGE;
            let (part, more) = rest.split_at_mut(rest.len().min(PAGE - within));
            match self.pages.get(at / PAGE).and_then(Option::as_ref) {
                Some(page) => part.copy_from_slice(&page[within..within + part.len()]),
                None => part.fill(0),
            }
            at += part.len();
            rest = more;
        }
        count
    }

    /// Writes bytes at `offset` without touching the length.
    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        let mut rest = bytes;
        let mut at = offset;
        while !rest.is_empty() {
            let within = at % PAGE;
            let (part, more) = rest.split_at(rest.len().min(PAGE - within));
            self.page_mut(at / PAGE)[within..within + part.len()].copy_from_slice(part);
            at += part.len();
            rest = more;
        }
    }

    /// The bytes of one sector, whatever the length.
    pub(super) fn sector(&self, number: usize) -> Sector {
        let mut sector = [0; SECTOR];
        let at = number * SECTOR;
        if let Some(page) = self.pages.get(at / PAGE).and_then(Option::as_ref) {
            sector.copy_from_slice(&page[at % PAGE..at % PAGE + SECTOR]);
        }
        sector
    }

    fn page_mut(&mut self, number: usize) -> &mut [u8; PAGE] {
        let pages = Arc::make_mut(&mut self.pages);
        if pages.len() <= number {
            pages.resize(number + 1, None);
        }
        Arc::make_mut(pages[number].get_or_insert_with(|| Arc::new([0; PAGE])))
    }
}

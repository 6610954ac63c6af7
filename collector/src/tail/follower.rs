//! What happens to one path: lines come, the file is rotated or truncated, and the next one takes
//! its place.
//!
//! The follower looks at files and makes events; it does not send, store or wait, so that every
//! order of things that can happen to a file can be tried.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use bytes::Bytes;
use countersign_client::Draft;
use countersign_proto::v1;
use jiff::tz::TimeZone;

use crate::emit::set_observed_at;
use crate::limits::{QUIET_POLLS, READING};
use crate::parse;
use crate::tail::file::{self, Line, LineEnd, Open};
use crate::tail::siblings::{Packed, siblings, written};
use crate::tail::state::Place;
use crate::tail::{Until, Watched};

/// Truncation with the file in place, as `copytruncate` of logrotate does it.
const TRUNCATED: &str = "the file was truncated; lines between the last look and that are not here";
/// Rotation while nobody read.
const GONE: &str = "the file was rotated and removed or compressed before it was read to its end";
const COMPRESSED: &str = "a later rotated file was compressed before it was read";

/// A step in the life of a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Item {
    /// What is to be sent; `None` when only the place moves.
    pub(crate) draft: Option<Draft>,
    /// Where to go on once this and everything before is sealed; `None` within a line.
    pub(crate) place: Option<Place>,
}

/// What one look gave.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Steps in order. They count also when the look ended in an error.
    pub(crate) items: Vec<Item>,
    /// Whether there may be more right now.
    pub(crate) more: bool,
    /// Why the look ended early. The next one begins where this one ended.
    pub(crate) error: Option<io::Error>,
}

/// Follows one path.
#[derive(Debug)]
pub(crate) struct Follower {
    watched: Watched,
    agent: String,
    zone: TimeZone,
    until: Until,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// No file is open; the last run came this far.
    Closed(Option<Place>),
    /// Lines are read. `quiet` counts the looks without anything new since the file was renamed.
    Reading { open: Open, quiet: u32 },
}

impl Follower {
    pub(crate) const fn new(
        watched: Watched,
        agent: String,
        zone: TimeZone,
        until: Until,
        place: Option<Place>,
    ) -> Self {
        Self {
            watched,
            agent,
            zone,
            until,
            stage: Stage::Closed(place),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.watched.path
    }

    /// Looks at the file once. Reads a bounded number of bytes.
    pub(crate) fn look(&mut self) -> Look {
        let mut look = Look::default();
        let (mut open, quiet) = match std::mem::replace(&mut self.stage, Stage::Closed(None)) {
            Stage::Reading { open, quiet } => (open, quiet),
            Stage::Closed(place) => match self.open(place, &mut look.items) {
                Ok(Some(open)) => (open, 0),
                other => {
                    self.stage = Stage::Closed(place);
                    look.error = other.err();
                    return look;
                }
            },
        };
        let next = match self.read(&mut open, &mut look.items) {
            Ok(0) => self.at_end(&mut open, quiet, &mut look.items),
            Ok(_) => Ok(Next::Same {
                quiet: 0,
                more: true,
            }),
            Err(error) => Err(error),
        };
        match next {
            Ok(Next::Same { quiet, more }) => {
                self.stage = Stage::Reading { open, quiet };
                look.more = more;
            }
            Ok(Next::Other(other)) => {
                look.items.push(Item {
                    draft: None,
                    place: Some(other.place()),
                });
                self.stage = Stage::Reading {
                    open: other,
                    quiet: 0,
                };
                look.more = true;
            }
            // Parts of a line that were given out come again, under the same keys.
            Err(error) => {
                self.stage = Stage::Closed(Some(open.place()));
                look.error = Some(error);
            }
        }
        look
    }

    /// Opens the file of a place, or, when it is gone, the one at the path.
    fn open(&self, place: Option<Place>, items: &mut Vec<Item>) -> io::Result<Option<Open>> {
        let at_path = file::open(self.path())?;
        let Some(place) = place else {
            if at_path.is_none() && self.until == Until::End {
                return Err(io::ErrorKind::NotFound.into());
            }
            return at_path.map(|file| Open::begin(file, 0)).transpose();
        };
        if let Some(file) = &at_path
            && file::same_inode(&file.metadata()?, &place)
        {
            let holds = file::holds(file, &place, place.offset)?;
            let mut open = Open::at(file.try_clone()?, place);
            if !holds {
                self.restart(&mut open, items);
            }
            return Ok(Some(open));
        }
        for sibling in siblings(self.path())? {
            if sibling.packed == Packed::No
                && file::same_inode(&sibling.meta, &place)
                && let Some(file) = file::open(&sibling.path)?
                && file::holds(&file, &place, place.offset)?
            {
                return Ok(Some(Open::at(file, place)));
            }
        }
        // While nothing new is at the path, the old file may still come back.
        let Some(file) = at_path else { return Ok(None) };
        let open = Open::begin(file, place.generation + 1)?;
        items.push(self.gap(&place, open.place(), GONE));
        Ok(Some(open))
    }

    /// Reads what is new; returns the number of bytes.
    fn read(&self, open: &mut Open, items: &mut Vec<Item>) -> io::Result<usize> {
        if open.is_truncated()? {
            self.restart(open, items);
        }
        let read = open.fill()?;
        while let Some(line) = open.next_line() {
            items.push(self.item(open, &line));
        }
        Ok(read)
    }

    /// The file has nothing new: is it still the one at the path?
    fn at_end(&self, open: &mut Open, quiet: u32, items: &mut Vec<Item>) -> io::Result<Next> {
        let meta = match fs::metadata(self.path()) {
            Ok(meta) => Some(meta),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let place = open.place();
        let replaced = meta.is_some_and(|meta| !file::same_inode(&meta, &place));
        let last_look = match self.until {
            Until::End => true,
            Until::Stopped => replaced && quiet + 1 >= QUIET_POLLS,
        };
        if last_look && let Some(line) = open.last_line() {
            items.push(self.item(open, &line));
        }
        if !(replaced && last_look) {
            let quiet = if replaced { quiet + 1 } else { 0 };
            return Ok(Next::Same { quiet, more: false });
        }
        match self.next_file(open, items)? {
            Some(other) => Ok(Next::Other(other)),
            None => Ok(Next::Same { quiet, more: false }),
        }
    }

    /// The file after a finished one: the oldest that was rotated since, else the one at the path.
    fn next_file(&self, open: &Open, items: &mut Vec<Item>) -> io::Result<Option<Open>> {
        let (meta, place) = (open.metadata()?, open.place());
        let generation = place.generation + 1;
        let Some(at_path) = file::open(self.path())? else {
            return Ok(None);
        };
        let current = at_path.metadata()?.ino();
        let later = siblings(self.path())?.into_iter().filter(|sibling| {
            sibling.written() > written(&meta)
                && ![meta.ino(), current].contains(&sibling.meta.ino())
        });
        let mut next = at_path;
        let mut lost = false;
        for sibling in later {
            match sibling.packed {
                Packed::Compressed => lost = true,
                Packed::No => {
                    if let Some(file) = file::open(&sibling.path)? {
                        next = file;
                        break;
                    }
                }
            }
        }
        let next = Open::begin(next, generation)?;
        if lost {
            items.push(self.gap(&place, next.place(), COMPRESSED));
        }
        Ok(Some(next))
    }

    fn restart(&self, open: &mut Open, items: &mut Vec<Item>) {
        let old = open.place();
        open.restart();
        items.push(self.gap(&old, open.place(), TRUNCATED));
    }

    /// Names the file, and how its lines are read: the same line read otherwise is another event.
    fn id(&self, place: &Place) -> String {
        let format = self.watched.format;
        place.id(&[
            self.agent.as_bytes(),
            self.path().as_os_str().as_encoded_bytes(),
            format!("{format:?} {READING}").as_bytes(),
            self.zone.iana_name().unwrap_or_default().as_bytes(),
        ])
    }

    fn source(&self) -> String {
        format!("file:{}", self.path().display())
    }

    /// Says that lines of `old` are missing, and goes on at `new`. It is the same event whenever it
    /// is found, so that its key stays good.
    fn gap(&self, old: &Place, new: Place, reason: &str) -> Item {
        let gap = v1::SpoolGap {
            source: self.source(),
            reason: reason.to_owned(),
            ..v1::SpoolGap::default()
        };
        let id = self.id(old);
        let draft = Draft::new(&gap).with_key(format!("g:{id}:{}", new.generation));
        Item {
            draft: Some(draft),
            place: Some(new),
        }
    }

    fn item(&self, open: &Open, line: &Line) -> Item {
        let place = (line.end != LineEnd::Part).then(|| open.place());
        if line.bytes.is_empty() && line.part == 0 {
            return Item { draft: None, place };
        }
        let mut key = format!("t:{}:{}", self.id(&open.place()), line.offset);
        if line.end == LineEnd::File {
            // The line may still grow, and is another event then.
            key.push_str(&format!("+{}", line.bytes.len()));
        }
        Item {
            draft: Some(Draft::new(&self.event(line)).with_key(key)),
            place,
        }
    }

    fn event(&self, line: &Line) -> v1::ExternalEvent {
        let mut event = v1::ExternalEvent {
            source: self.source(),
            position: line.offset.to_string(),
            raw: Bytes::clone(&line.bytes),
            ..v1::ExternalEvent::default()
        };
        if line.part > 0 {
            let more = if line.end == LineEnd::Part {
                "true"
            } else {
                "false"
            };
            event
                .fields
                .insert("part".to_owned(), line.part.to_string());
            event
                .fields
                .insert("more_parts".to_owned(), more.to_owned());
        } else {
            match parse::parse(self.watched.format, &line.bytes, &self.zone) {
                Ok(parsed) => {
                    event.fields = parsed.fields;
                    if let Some(time) = parsed.observed_at {
                        set_observed_at(&mut event, time);
                    }
                }
                Err(error) => event.malformed = error.to_string(),
            }
        }
        if line.end == LineEnd::File {
            event
                .fields
                .insert("unterminated".to_owned(), "true".to_owned());
        }
        event
    }
}

/// Which file comes next.
enum Next {
    Same { quiet: u32, more: bool },
    Other(Open),
}

#[cfg(test)]
mod tests;

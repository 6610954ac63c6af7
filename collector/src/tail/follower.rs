//! What happens to one path: lines come, the file is rotated or truncated, and the next one takes
//! its place.
//!
//! The follower looks at files and makes events; it does not send, store or wait, so that every
//! order of things that can happen to a file can be tried.

mod events;

use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use countersign_client::Draft;
use jiff::tz::TimeZone;

use crate::limits::{HELD_FILES, QUIET_POLLS};
use crate::tail::content::{Content, Lines, source};
use crate::tail::file::{self, Contents, Open};
use crate::tail::loss::Loss;
use crate::tail::siblings::{Packed, siblings, written};
use crate::tail::state::Place;
use crate::tail::successor::Successor;
use crate::tail::{LastLine, Until, Watched};

/// A step in the life of a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Item {
    /// What is to be sent; `None` when only the place moves.
    pub(crate) draft: Option<Draft>,
    /// Where to go on once this and everything before is sealed; `None` within a line.
    pub(crate) place: Option<Place>,
    /// Whether the event says that lines are lost.
    pub(crate) is_gap: bool,
}

impl Item {
    /// Only the place moves.
    pub(super) const fn moved(place: Place) -> Self {
        Self {
            draft: None,
            place: Some(place),
            is_gap: false,
        }
    }
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
    path: PathBuf,
    agent: String,
    until: Until,
    content: Box<dyn Content>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// No file is open; the last run came this far.
    Closed(Option<Place>),
    /// Lines are read.
    Reading(Reading),
}

/// A file that is read, and those that have taken its place since, the oldest first.
#[derive(Debug)]
struct Reading {
    open: Open,
    /// Number of looks without anything new since the file was renamed.
    quiet: u32,
    later: VecDeque<Successor>,
    /// Whether files came that could not be held.
    overrun: bool,
}

impl Reading {
    const fn new(open: Open, later: VecDeque<Successor>, overrun: bool) -> Self {
        Self {
            open,
            quiet: 0,
            later,
            overrun,
        }
    }

    /// Holds what is at the path now, unless it is known: a file that waits for its turn must not
    /// be lost with the next rotation, nor be cut without a trace.
    fn watch(&mut self, path: &Path) -> io::Result<()> {
        for successor in &mut self.later {
            successor.look()?;
        }
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let place = self.open.place();
        let newest = self.later.back().map_or(&place, Successor::seen);
        if file::same_inode(&meta, newest) {
            return Ok(());
        }
        if self.later.len() >= HELD_FILES {
            self.overrun = true;
        } else if let Some(file) = file::open(path)? {
            let after_gap = std::mem::take(&mut self.overrun);
            self.later.push_back(Successor::new(file, after_gap)?);
        }
        Ok(())
    }
}

impl Follower {
    /// Follows a file whose lines are events.
    pub(crate) fn new(
        watched: Watched,
        agent: String,
        zone: TimeZone,
        until: Until,
        place: Option<Place>,
    ) -> Self {
        let Watched { path, format } = watched;
        let lines = Lines::new(source(&path), format, zone);
        Self {
            agent,
            until,
            ..Self::of(path, Box::new(lines), place)
        }
    }

    /// Follows a file until it is dropped. The keys of its events are of no use.
    pub(crate) const fn of(path: PathBuf, content: Box<dyn Content>, place: Option<Place>) -> Self {
        Self {
            path,
            agent: String::new(),
            until: Until::Stopped,
            content,
            stage: Stage::Closed(place),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file that is read ends within a line.
    pub(crate) fn is_within_line(&self) -> bool {
        match &self.stage {
            Stage::Reading(reading) => reading.open.is_within_line(),
            Stage::Closed(_) => false,
        }
    }

    /// The file gets no more: what is left of it, a line or record without an end.
    pub(crate) fn finish(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        match std::mem::replace(&mut self.stage, Stage::Closed(None)) {
            Stage::Reading(mut reading) => {
                if let Some(line) = reading.open.last_line() {
                    self.take(&reading.open, &line, &mut items);
                }
                self.give_up(&reading.open.place(), &mut items);
                self.stage = Stage::Reading(reading);
            }
            closed @ Stage::Closed(_) => self.stage = closed,
        }
        items
    }

    /// Notices what becomes of the path while what was read waits to be sent.
    pub(crate) fn watch(&mut self) -> io::Result<()> {
        match &mut self.stage {
            Stage::Reading(reading) => reading.watch(&self.path),
            Stage::Closed(_) => Ok(()),
        }
    }

    /// Looks at the file once. Reads a bounded number of bytes.
    pub(crate) fn look(&mut self) -> Look {
        let mut look = Look::default();
        let mut reading = match std::mem::replace(&mut self.stage, Stage::Closed(None)) {
            Stage::Reading(reading) => reading,
            Stage::Closed(place) => match self.open(place, &mut look.items) {
                Ok(open) => Reading::new(open, VecDeque::new(), false),
                Err(error) => {
                    self.stage = Stage::Closed(place);
                    look.error = Some(error);
                    return look;
                }
            },
        };
        let next = match self.read(&mut reading.open, &mut look.items) {
            Ok(0) => self.at_end(&mut reading, &mut look.items),
            Ok(_) => {
                reading.quiet = 0;
                look.more = true;
                Ok(None)
            }
            Err(error) => Err(error),
        };
        self.stage = match next {
            Ok(None) => Stage::Reading(reading),
            Ok(Some(next)) => {
                look.items.push(Item::moved(next.open.place()));
                look.more = true;
                Stage::Reading(next)
            }
            Err(error) => {
                look.error = Some(error);
                if reading.later.is_empty() && !self.content.is_begun() {
                    // Parts of a line that were given out come again, under the same keys.
                    Stage::Closed(Some(reading.open.place()))
                } else {
                    // What is held must not be lost for it, nor be read twice.
                    Stage::Reading(reading)
                }
            }
        };
        look
    }

    /// Opens the file of a place, or, when it is gone, the one at the path.
    fn open(&mut self, place: Option<Place>, items: &mut Vec<Item>) -> io::Result<Open> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "there is no such file");
        let at_path = file::open(self.path())?;
        let Some(place) = place else {
            return Open::begin(at_path.ok_or_else(missing)?, 0);
        };
        if let Some(file) = &at_path
            && file::same_inode(&file.metadata()?, &place)
        {
            let contents = file::contents(file, &place, place.offset)?;
            let mut open = Open::at(file.try_clone()?, place);
            self.restart_unless_kept(contents, &mut open, items);
            return Ok(open);
        }
        for sibling in siblings(self.path())? {
            if sibling.packed == Packed::No
                && file::same_inode(&sibling.meta, &place)
                && let Some(file) = file::open(&sibling.path)?
                && file::contents(&file, &place, place.offset)? == Contents::Kept
            {
                return Ok(Open::at(file, place));
            }
        }
        // While nothing new is at the path, the old file may still come back.
        let open = Open::begin(at_path.ok_or_else(missing)?, place.generation + 1)?;
        self.give_up(&place, items);
        items.push(self.gap(&place, open.place(), Loss::Gone));
        Ok(open)
    }

    /// Reads what is new; returns the number of bytes.
    fn read(&mut self, open: &mut Open, items: &mut Vec<Item>) -> io::Result<usize> {
        self.restart_unless_kept(open.contents()?, open, items);
        let read = open.fill()?;
        while let Some(line) = open.next_line() {
            self.take(open, &line, items);
        }
        Ok(read)
    }

    /// The file has nothing new: is it still the one at the path? Returns the next one when it is
    /// finished.
    fn at_end(
        &mut self,
        reading: &mut Reading,
        items: &mut Vec<Item>,
    ) -> io::Result<Option<Reading>> {
        let watched = reading.watch(self.path());
        let replaced = watched.is_err() || !reading.later.is_empty();
        let last_look = match self.until {
            Until::End(_) => true,
            // Its writer has left it when the next file has been left too.
            Until::Stopped if reading.later.len() > 1 => true,
            Until::Stopped => replaced && reading.quiet + 1 >= QUIET_POLLS,
        };
        let whole = replaced || self.until == Until::End(LastLine::Taken);
        if last_look
            && whole
            && let Some(line) = reading.open.last_line()
        {
            self.take(&reading.open, &line, items);
        }
        watched?;
        if replaced && last_look {
            return self.next_file(reading, items);
        }
        reading.quiet = if replaced { reading.quiet + 1 } else { 0 };
        Ok(None)
    }

    /// The file after a finished one: the oldest that was rotated since, else the one that took its
    /// place.
    fn next_file(
        &mut self,
        reading: &mut Reading,
        items: &mut Vec<Item>,
    ) -> io::Result<Option<Reading>> {
        let Some(newer) = reading.later.front().map(Successor::metadata) else {
            return Ok(None);
        };
        let place = reading.open.place();
        let generation = place.generation + 1;
        let (between, compressed) = self.between(&reading.open.metadata()?, &newer?)?;
        let mut losses = Vec::new();
        let file = match (between, reading.later.pop_front()) {
            (Some(file), successor) => {
                reading.later.extend(successor);
                reading.later.rotate_right(1);
                file
            }
            (None, Some(mut successor)) => {
                successor.look()?;
                losses.extend(successor.is_after_gap().then_some(Loss::Overrun));
                losses.extend(Loss::of(successor.contents()));
                successor.into_file()
            }
            (None, None) => return Ok(None),
        };
        losses.extend(compressed.then_some(Loss::Compressed));
        let open = Open::begin(file, generation)?;
        self.give_up(&place, items);
        for loss in losses {
            items.push(self.gap(&place, open.place(), loss));
        }
        let later = std::mem::take(&mut reading.later);
        Ok(Some(Reading::new(open, later, reading.overrun)))
    }

    /// The oldest file that was rotated between two others, and whether one before it was
    /// compressed.
    fn between(&self, old: &Metadata, new: &Metadata) -> io::Result<(Option<File>, bool)> {
        let at_path = fs::metadata(self.path()).is_ok_and(|meta| meta.ino() == new.ino());
        let mut compressed = false;
        for sibling in siblings(self.path())? {
            let later = sibling.written() > written(old);
            let earlier = at_path || sibling.written() < written(new);
            let other = ![old.ino(), new.ino()].contains(&sibling.meta.ino());
            if !(later && earlier && other) {
                continue;
            }
            match sibling.packed {
                Packed::Compressed => compressed = true,
                Packed::No => {
                    if let Some(file) = file::open(&sibling.path)? {
                        return Ok((Some(file), compressed));
                    }
                }
            }
        }
        Ok((None, compressed))
    }

    fn restart_unless_kept(&mut self, contents: Contents, open: &mut Open, items: &mut Vec<Item>) {
        if let Some(loss) = Loss::of(contents) {
            let old = open.place();
            open.restart();
            self.give_up(&old, items);
            items.push(self.gap(&old, open.place(), loss));
        }
    }
}

#[cfg(test)]
mod tests;

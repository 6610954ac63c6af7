//! A recording, part by part.

use bytes::Bytes;
use countersign_chain::hash::{Hash, digest};

use crate::limits::{MAX_DAMAGES, WINDOW};
use crate::recording::asciicast::{self, Event, Header, LineError};
use crate::recording::part::{UnpackError, unpack};

/// A part as it comes from where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its place among the parts, from 1.
    pub number: u64,
    /// Digest that the entry commits to; none for a part of a file.
    pub digest: Option<Hash>,
    /// The blob, or why there is none.
    pub content: Result<Bytes, String>,
}

/// Why the next part cannot be got.
#[derive(Debug, thiserror::Error)]
#[error("cannot read on: {0}")]
pub struct SourceError(pub String);

/// Gives the parts of one recording, in order.
pub trait Source: Send {
    /// The next part; none after the last.
    fn next(&mut self) -> impl Future<Output = Option<Result<Part, SourceError>>> + Send;
}

/// Parts that are there already.
impl Source for std::vec::IntoIter<Part> {
    async fn next(&mut self) -> Option<Result<Part, SourceError>> {
        Iterator::next(self).map(Ok)
    }
}

/// Parts that another task brings.
impl Source for tokio::sync::mpsc::Receiver<Result<Part, SourceError>> {
    async fn next(&mut self) -> Option<Result<Part, SourceError>> {
        self.recv().await
    }
}

/// What is wrong with a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Harm {
    /// Its content was erased or is lost.
    #[error("its content is missing: {0}")]
    Missing(String),
    /// Its content is not what the entry commits to.
    #[error("its content has the digest {got}, and its entry commits to {expected}")]
    Digest {
        /// That of the entry.
        expected: Hash,
        /// That of the content.
        got: Hash,
    },
    /// It cannot be unpacked.
    #[error(transparent)]
    Packed(#[from] UnpackError),
    /// A line is none.
    #[error("line {line}: {why}")]
    Line {
        /// From 1, within the part.
        line: usize,
        /// Why.
        why: LineError,
    },
    /// It is not there at all, and a later one is, or more were recorded.
    #[error("it is not there")]
    Absent,
    /// It was there before, or comes too late.
    #[error("it comes after part {0}")]
    Order(u64),
}

/// A part that cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("part {part} of the recording is damaged: {harm}")]
pub struct Damage {
    /// Its place among the parts, from 1.
    pub part: u64,
    /// What is wrong.
    pub harm: Harm,
}

/// Why a recording cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// A part is damaged, and damaged parts are not passed over.
    #[error("{0}; the parts before it are fine, and the others can be shown without it")]
    Damaged(Damage),
    /// The parts do not come.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// What is done about a damaged part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDamage {
    /// Nothing behind it is shown.
    #[default]
    Stop,
    /// It is remembered, and the next one is shown.
    PassOver,
}

/// One part that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadPart {
    /// Its lines, the header included.
    pub(crate) lines: Vec<u8>,
    /// Its events.
    pub(crate) events: Vec<Event>,
    /// The header, in the first part.
    pub(crate) header: Option<Header>,
}

/// Reads a recording; holds one part in memory.
#[derive(Debug)]
pub struct Cast<S> {
    source: S,
    on_damage: OnDamage,
    expected: Option<u64>,
    part: u64,
    header: Option<Header>,
    events: std::vec::IntoIter<Event>,
    damages: Vec<Damage>,
    ended: bool,
}

impl<S: Source> Cast<S> {
    /// The recording whose parts come from there.
    pub fn new(source: S, on_damage: OnDamage) -> Self {
        Self {
            source,
            on_damage,
            expected: None,
            part: 0,
            header: None,
            events: Vec::new().into_iter(),
            damages: Vec::new(),
            ended: false,
        }
    }

    /// The recording is known to have so many parts, as `SessionEnded` says.
    #[must_use]
    pub fn expecting(self, parts: u64) -> Self {
        let expected = Some(parts);
        Self { expected, ..self }
    }

    /// Parts that were passed over, at most 1,000 of them.
    #[must_use]
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// The header. A recording that is without its first part has that of a plain terminal. Events
    /// are not lost by asking.
    ///
    /// # Errors
    /// [`CastError`].
    pub async fn header(&mut self) -> Result<Header, CastError> {
        while self.header.is_none() && self.part == 0 {
            match self.next_part().await? {
                Some(part) => self.events = part.events.into_iter(),
                None => break,
            }
        }
        Ok(self.header.clone().unwrap_or_else(plain))
    }

    /// The next event; none at the end.
    ///
    /// # Errors
    /// [`CastError`].
    pub async fn next(&mut self) -> Result<Option<Event>, CastError> {
        loop {
            if let Some(event) = self.events.next() {
                return Ok(Some(event));
            }
            match self.next_part().await? {
                Some(part) => self.events = part.events.into_iter(),
                None => return Ok(None),
            }
        }
    }

    /// The next part that is whole.
    pub(crate) async fn next_part(&mut self) -> Result<Option<ReadPart>, CastError> {
        while !self.ended {
            let Some(part) = self.source.next().await else {
                self.ended = true;
                let last = self.expected.unwrap_or(0);
                self.absent(last.saturating_add(1))?;
                break;
            };
            let part = part?;
            let number = part.number;
            if number <= self.part {
                self.damaged(number, Harm::Order(self.part))?;
                continue;
            }
            self.absent(number)?;
            match read(&part) {
                Ok(read) => {
                    if let Some(header) = &read.header {
                        self.header = Some(header.clone());
                    }
                    return Ok(Some(read));
                }
                Err(harm) => self.damaged(number, harm)?,
            }
        }
        Ok(None)
    }

    /// Notes what is missing before this part, and that it is here.
    fn absent(&mut self, next: u64) -> Result<(), CastError> {
        let first = self.part.saturating_add(1);
        self.part = self.part.max(next.saturating_sub(u64::from(self.ended)));
        for missing in first..next {
            if self.damages.len() >= MAX_DAMAGES {
                break;
            }
            self.damaged(missing, Harm::Absent)?;
        }
        Ok(())
    }

    fn damaged(&mut self, part: u64, harm: Harm) -> Result<(), CastError> {
        let damage = Damage { part, harm };
        match self.on_damage {
            OnDamage::Stop => {
                self.ended = true;
                Err(CastError::Damaged(damage))
            }
            OnDamage::PassOver => {
                tracing::warn!(%damage, "a damaged part is passed over");
                if self.damages.len() < MAX_DAMAGES {
                    self.damages.push(damage);
                }
                Ok(())
            }
        }
    }
}

/// The header of a recording that lost its own.
pub(crate) fn plain() -> Header {
    let (width, height) = WINDOW;
    Header {
        width,
        height,
        ..Header::default()
    }
}

fn read(part: &Part) -> Result<ReadPart, Harm> {
    let content = part
        .content
        .as_ref()
        .map_err(|why| Harm::Missing(why.clone()))?;
    if let Some(expected) = part.digest {
        let got = digest(content);
        if got != expected {
            return Err(Harm::Digest { expected, got });
        }
    }
    let lines = unpack(content)?;
    let mut events = Vec::new();
    let mut header = None;
    for (at, line) in lines.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let harm = |why| Harm::Line { line: at + 1, why };
        if part.number == 1 && at == 0 {
            header = Some(asciicast::header(line).map_err(harm)?);
        } else {
            events.push(asciicast::event(line).map_err(harm)?);
        }
    }
    Ok(ReadPart {
        lines,
        events,
        header,
    })
}

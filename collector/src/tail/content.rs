//! What is made of the lines of a file.

use std::fmt;
use std::path::Path;

use bytes::Bytes;
use countersign_proto::v1;
use jiff::tz::TimeZone;

use crate::emit::set_observed_at;
use crate::limits::READING;
use crate::parse::{self, Format};
use crate::tail::file::{Line, LineEnd};

/// Events of a line, or of the lines that end with it.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// In order; none for an empty line, or when more lines belong to it.
    pub(crate) events: Vec<v1::ExternalEvent>,
    /// Whether nothing is begun: a next run can go on behind this line.
    pub(crate) is_whole: bool,
}

/// Makes events of lines. It may hold what is begun until its end comes.
pub(crate) trait Content: fmt::Debug + Send {
    /// Takes the next line, or the next part of a long one.
    fn take(&mut self, line: &Line) -> Taken;

    /// The file ends, or goes on with something else: what is begun gets no end.
    fn give_up(&mut self) -> Vec<v1::ExternalEvent>;

    /// Whether something is begun whose end has not come.
    fn is_begun(&self) -> bool;

    /// Stands in keys: the same line read otherwise is another event.
    fn reading(&self) -> String;

    /// Stands in keys, for the same reason: the zone of times that name none.
    fn zone(&self) -> &str;
}

/// The source of what a file says.
pub(crate) fn source(path: &Path) -> String {
    format!("file:{}", path.display())
}

/// Each line is one event, and each part of a long one.
#[derive(Debug)]
pub(crate) struct Lines {
    source: String,
    format: Format,
    zone: TimeZone,
}

impl Lines {
    pub(crate) const fn new(source: String, format: Format, zone: TimeZone) -> Self {
        Self {
            source,
            format,
            zone,
        }
    }

    fn event(&self, line: &Line) -> v1::ExternalEvent {
        let mut event = v1::ExternalEvent {
            source: self.source.clone(),
            position: line.offset.to_string(),
            raw: Bytes::clone(&line.bytes),
            ..v1::ExternalEvent::default()
        };
        let mut put = |name: &str, value: String| event.fields.insert(name.to_owned(), value);
        if line.part > 0 {
            put("part", line.part.to_string());
            put("more_parts", (line.end == LineEnd::Part).to_string());
        } else {
            match parse::parse(self.format, &line.bytes, &self.zone) {
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
            let unterminated = ("unterminated".to_owned(), "true".to_owned());
            event.fields.extend([unterminated]);
        }
        event
    }
}

impl Content for Lines {
    fn take(&mut self, line: &Line) -> Taken {
        let is_empty = line.bytes.is_empty() && line.part == 0;
        Taken {
            events: (!is_empty).then(|| self.event(line)).into_iter().collect(),
            is_whole: true,
        }
    }

    fn give_up(&mut self) -> Vec<v1::ExternalEvent> {
        Vec::new()
    }

    fn is_begun(&self) -> bool {
        false
    }

    fn reading(&self) -> String {
        format!("{:?} {READING}", self.format)
    }

    fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or_default()
    }
}

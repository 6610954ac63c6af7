//! What a follower has to say: lines, and that lines are lost.

use bytes::Bytes;
use countersign_client::Draft;
use countersign_proto::v1;

use super::{Follower, Item};
use crate::emit::set_observed_at;
use crate::limits::READING;
use crate::parse;
use crate::tail::file::{Line, LineEnd, Open};
use crate::tail::loss::Loss;
use crate::tail::state::Place;

impl Follower {
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

    /// Says that lines of `old`, or of files after it, are missing, and goes on at `new`. It is the
    /// same event whenever it is found, so that its key stays good.
    pub(super) fn gap(&self, old: &Place, new: Place, loss: Loss) -> Item {
        let gap = v1::SpoolGap {
            source: self.source(),
            reason: loss.reason().to_owned(),
            ..v1::SpoolGap::default()
        };
        let id = self.id(old);
        let draft = Draft::new(&gap).with_key(format!("g:{}:{id}:{}", loss.tag(), new.generation));
        Item {
            draft: Some(draft),
            place: Some(new),
            is_gap: true,
        }
    }

    pub(super) fn item(&self, open: &Open, line: &Line) -> Item {
        let place = (line.end != LineEnd::Part).then(|| open.place());
        if line.bytes.is_empty() && line.part == 0 {
            return Item {
                draft: None,
                place,
                is_gap: false,
            };
        }
        let mut key = format!("t:{}:{}", self.id(&open.place()), line.offset);
        if line.end == LineEnd::File {
            // The line may still grow, and is another event then.
            key.push_str(&format!("+{}", line.bytes.len()));
        }
        Item {
            draft: Some(Draft::new(&self.event(line)).with_key(key)),
            place,
            is_gap: false,
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

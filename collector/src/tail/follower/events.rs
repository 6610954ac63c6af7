//! What a follower has to say: lines, and that lines are lost.

use countersign_client::Draft;
use countersign_proto::v1;

use super::{Follower, Item};
use crate::tail::content::{Taken, source};
use crate::tail::file::{Line, LineEnd, Open};
use crate::tail::loss::Loss;
use crate::tail::state::Place;

impl Follower {
    /// Names the file, and how its lines are read: the same line read otherwise is another event.
    fn id(&self, place: &Place) -> String {
        place.id(&[
            self.agent.as_bytes(),
            self.path().as_os_str().as_encoded_bytes(),
            self.content.reading().as_bytes(),
            self.content.zone().as_bytes(),
        ])
    }

    /// Says that lines of `old`, or of files after it, are missing, and goes on at `new`. It is the
    /// same event whenever it is found, so that its key stays good.
    pub(super) fn gap(&self, old: &Place, new: Place, loss: Loss) -> Item {
        let gap = v1::SpoolGap {
            source: source(self.path()),
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

    /// Makes events of a line. The last of them carries the place, once nothing is begun.
    pub(super) fn take(&mut self, open: &Open, line: &Line, items: &mut Vec<Item>) {
        let Taken { events, is_whole } = self.content.take(line);
        let whole = is_whole && line.end != LineEnd::Part;
        let place = whole.then(|| open.place());
        if events.is_empty() {
            items.extend(place.map(Item::moved));
            return;
        }
        let mut key = format!("t:{}:{}", self.id(&open.place()), line.offset);
        if line.end == LineEnd::File {
            // The line may still grow, and is another event then.
            key.push_str(&format!("+{}", line.bytes.len()));
        }
        let last = events.len() - 1;
        for (at, event) in events.into_iter().enumerate() {
            let number = if at == 0 {
                String::new()
            } else {
                format!(".{at}")
            };
            items.push(Item {
                draft: Some(Draft::new(&event).with_key(format!("{key}{number}"))),
                place: place.filter(|_| at == last),
                is_gap: false,
            });
        }
    }

    /// Makes events of what is begun and has no end, because the file ended before. They carry no
    /// place: what comes next has one.
    pub(super) fn give_up(&mut self, old: &Place, items: &mut Vec<Item>) {
        let id = self.id(old);
        for (at, event) in self.content.give_up().into_iter().enumerate() {
            let key = format!("u:{id}:{}.{at}", event.position);
            items.push(Item {
                draft: Some(Draft::new(&event).with_key(key)),
                place: None,
                is_gap: false,
            });
        }
    }
}

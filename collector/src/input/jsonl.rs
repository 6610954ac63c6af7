//! Events as lines of JSON in a file, in the form of `collector emit`.
//!
//! Two things differ from there, because whoever may write into the file must not stop the agent by
//! it: `case` and `idempotency_key` become fields. Which case an event belongs to is for the agent
//! to say, and its queue numbers what it keeps.

use std::path::PathBuf;

use bytes::Bytes;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::emit::Spoken;
use crate::input::error::{ConfigError, InputError};
use crate::input::follow::{Followed, follow};
use crate::input::push::Push;
use crate::input::record::{Fields, Record, Understood};
use crate::input::records::{Ending, Grammar, Records};
use crate::input::settings;
use crate::limits::{MAX_CURSOR, MAX_PATH};
use crate::outlet::Outlet;
use crate::tail::content::source;

/// Nothing of the line is lost for it: the event has all of it as raw bytes.
const TOO_LARGE: &str = "the event does not fit: expected fields of at most 8,192 bytes with 4,096 \
                         bytes for each, 4,096 bytes of source and 512 of position";

/// An input that follows a file of events.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonlConfig {
    /// Unique within the agent.
    pub name: String,
    /// The file; absolute.
    pub path: PathBuf,
    /// Milliseconds between two looks when there is nothing new, 10 to 3,600,000.
    #[serde(default = "settings::interval_ms")]
    pub interval_ms: u64,
}

impl JsonlConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        settings::one_file(&self.path)?;
        settings::interval(self.interval_ms).map(drop)
    }
}

pub(super) async fn run<O: Outlet>(
    config: &JsonlConfig,
    push: Push<O>,
    stop: CancellationToken,
) -> Result<(), InputError> {
    let followed = Followed {
        input: config.name.clone(),
        path: config.path.clone(),
        interval: settings::interval(config.interval_ms)?,
        series: None,
        content: Box::new(|path| {
            let grammar = Events(source(path));
            Box::new(Records::new(source(path), grammar, Ending::Line))
        }),
    };
    follow(followed, &push, &stop).await
}

/// Reads lines; the source stands in when a line names none.
#[derive(Debug)]
struct Events(String);

impl Grammar for Events {
    fn record(&self, raw: Bytes, position: u64) -> Record {
        // Some programs begin a file with a byte order mark.
        let line = match raw.strip_prefix(b"\xef\xbb\xbf") {
            Some(line) if position == 0 => raw.slice_ref(line),
            Some(_) | None => raw,
        };
        let read_from = format!("{}@{position}", self.0);
        let unread = |understood| Record {
            source: self.0.clone(),
            position: position.to_string(),
            raw: line.clone(),
            understood,
        };
        let spoken = match Spoken::parse(&line) {
            Ok(spoken) => spoken,
            Err(why) => return unread(Understood::malformed(&why)),
        };
        let mut fields = Fields::default();
        // Who wrote the line can name any source; where it stood is not theirs to say.
        fields.put("read_from", read_from);
        for (name, value) in &spoken.fields {
            fields.put(name, value);
        }
        let case = (spoken.case != 0).then(|| spoken.case.to_string());
        fields.put_some("case", case);
        fields.put_some("idempotency_key", spoken.idempotency_key);
        let source = spoken.source.unwrap_or_else(|| self.0.clone());
        if fields.is_cut() || source.len() > MAX_PATH || spoken.position.len() > MAX_CURSOR {
            return unread(Understood::malformed(&TOO_LARGE));
        }
        Record {
            source,
            position: spoken.position,
            raw: spoken.raw.into(),
            understood: Understood {
                fields,
                observed_at: spoken.observed_at,
                malformed: String::new(),
            },
        }
    }

    fn begins(&self, line: &[u8]) -> bool {
        line.starts_with(b"{")
    }
}

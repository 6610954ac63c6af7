//! Entries as events of the Open Cybersecurity Schema Framework.
//!
//! One entry is one event, in the class that says best what happened (docs/siem/README.md has the
//! table). What proves the entry goes along: `raw_data` is the record in base64, and `unmapped` has
//! its position, hashes and signature as flat texts, in every version alike. From 1.9.0 on the
//! profile `record_integrity` holds them, too.
//!
//! Everything here is pure: the same entry, version and [`Context`] give the same event.

mod class;
pub mod columns;
mod context;
mod envelope;
pub mod file;
pub mod lake;
mod map;
pub mod model;
mod version;

use self::map::Scene;
use self::model::Event;
use crate::item::Item;

pub use self::class::{Activity, Class};
pub use self::context::{Context, Parties};
pub use self::version::{Version, VersionError};

/// What an entry is in OCSF, and the whole event.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// Class and activity.
    pub activity: Activity,
    /// The event.
    pub event: Event,
}

/// Maps an entry. `context` has seen the entries before this one, and this one.
#[must_use]
pub fn map(item: &Item<'_>, version: Version, context: &Context) -> Mapped {
    let scene = Scene {
        record: item.record,
        origin: item.commit.checkpoint().origin.as_str(),
        version,
        parties: context.parties(item),
    };
    let (activity, mut event) = match &item.event {
        Ok(known) => map::map(known, &scene),
        Err(error) => map::unreadable(&error.to_string(), &scene),
    };
    envelope::close(&mut event, activity, item, version);
    Mapped { activity, event }
}

/// Maps entries one after the other, and remembers what later ones need.
#[derive(Debug)]
pub struct Mapper {
    version: Version,
    context: Context,
}

impl Mapper {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(version: Version) -> Self {
        Self {
            version,
            context: Context::new(),
        }
    }

    /// The version that events are written in.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Learns from an entry that is not written itself.
    pub fn see(&mut self, item: &Item<'_>) {
        self.context.see(item);
    }

    /// Maps the next entry.
    pub fn map(&mut self, item: &Item<'_>) -> Mapped {
        self.context.see(item);
        map(item, self.version, &self.context)
    }
}

//! Presets whose files are Parquet of OCSF events, one class in each.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use parking_lot::Mutex;

use super::file::{Packing, Writer, batch};
use super::{Class, Context, Mapper, Version};
use crate::item::Item;
use crate::limits::{PANTHER_BYTES, PANTHER_ROWS, SOURCE_NAME};
use crate::preset::{End, Preset, PresetError, Sheet, Shelved, Start};
use crate::sheet::Out;

/// Where files for Amazon Security Lake lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    source: String,
    region: String,
    account: String,
}

/// Why a place is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Names of sources are the given one with `-` and the word of the class behind it.
    #[error(
        "source is {0:?}; expected 1 to 12 characters of a-z, A-Z, 0-9, _, -, : and ., so that \
         {0}-process has at most 20"
    )]
    Source(String),
    /// Not a region.
    #[error("region is {0:?}; expected something like eu-central-1")]
    Region(String),
    /// Not an account.
    #[error("account is {0:?}; expected 12 digits, external or external_ and an id")]
    Account(String),
}

impl Place {
    /// Checks the names that become folders.
    ///
    /// # Errors
    /// [`PlaceError`] names the part that Security Lake would not take.
    pub fn new(source: &str, region: &str, account: &str) -> Result<Self, PlaceError> {
        let longest = Class::ALL.into_iter().map(|class| class.word().len()).max();
        let most = SOURCE_NAME.saturating_sub(longest.unwrap_or(0).saturating_add(1));
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.');
        if source.is_empty() || source.len() > most || !source.chars().all(fits) {
            return Err(PlaceError::Source(source.to_owned()));
        }
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.is_empty() || region.len() > 32 || !region.chars().all(fits) {
            return Err(PlaceError::Region(region.to_owned()));
        }
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let outside = account.strip_prefix("external");
        let named = |rest: &str| {
            let id = rest.strip_prefix('_').unwrap_or_default();
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            rest.is_empty() || (!id.is_empty() && id.len() <= 64 && id.chars().all(fits))
        };
        if !digits && !outside.is_some_and(named) {
            return Err(PlaceError::Account(account.to_owned()));
        }
        let [source, region, account] = [source, region, account].map(str::to_owned);
        Ok(Self {
            source,
            region,
            account,
        })
    }

    fn shelf(&self, class: Class) -> String {
        let (source, region) = (&self.source, &self.region);
        let (word, account) = (class.word(), &self.account);
        format!("ext/{source}-{word}/region={region}/accountId={account}")
    }
}

/// Parquet files of OCSF events.
#[derive(Debug)]
pub struct Lake {
    /// One caller makes rows, in order; the lock is never waited for.
    mapper: Mutex<Mapper>,
    version: Version,
    /// Where files for Amazon Security Lake lie; those for Panther have none.
    place: Option<Place>,
}

impl Lake {
    /// Files as Amazon Security Lake takes them from custom sources: OCSF 1.3.0, zstd, one source a
    /// class, one day a folder.
    #[must_use]
    pub fn security_lake(place: Place) -> Self {
        Self {
            mapper: Mutex::new(Mapper::new(Version::V1_3)),
            version: Version::V1_3,
            place: Some(place),
        }
    }

    /// Files as Panther takes them: snappy, one class a folder, below 100 MB.
    #[must_use]
    pub fn panther(version: Version) -> Self {
        Self {
            mapper: Mutex::new(Mapper::new(version)),
            version,
            place: None,
        }
    }
}

/// Rows of one class.
#[derive(Debug)]
pub struct ClassRows {
    class: Class,
    batch: RecordBatch,
}

/// A file of one class that is being written.
#[derive(Debug)]
pub struct ClassSheet {
    version: Version,
    packing: Packing,
    state: State,
}

/// The class is known when the first rows come.
#[derive(Debug)]
enum State {
    Begun(Out),
    Writing(Box<Writer<Out>>),
    /// Writing failed; nothing more can be done.
    Broken,
}

impl Preset for Lake {
    type Rows = ClassRows;
    type Sheet = ClassSheet;

    fn name(&self) -> &'static str {
        match self.place {
            Some(_) => "security-lake",
            None => "panther",
        }
    }

    fn extension(&self) -> &'static str {
        "parquet"
    }

    fn by_day(&self) -> bool {
        self.place.is_some()
    }

    fn day_folder(&self, day: &str) -> String {
        match self.place {
            Some(_) => format!("eventDay={}", day.replace('-', "")),
            None => format!("day={day}"),
        }
    }

    fn file_rows(&self) -> u64 {
        match self.place {
            Some(_) => u64::MAX,
            None => PANTHER_ROWS,
        }
    }

    fn file_bytes(&self) -> u64 {
        match self.place {
            Some(_) => u64::MAX,
            None => PANTHER_BYTES,
        }
    }

    fn settings(&self) -> String {
        match &self.place {
            Some(Place {
                source,
                region,
                account,
            }) => {
                format!("--lake-source {source} --lake-region {region} --lake-account {account}")
            }
            None => format!("--ocsf {}", self.version),
        }
    }

    fn looks_back(&self, kind: u16) -> bool {
        Context::learns_from(kind)
    }

    fn see(&self, items: &[Item<'_>]) {
        let mut mapper = self.mapper.lock();
        items.iter().for_each(|item| mapper.see(item));
    }

    fn rows(&self, items: &[Item<'_>]) -> Result<Vec<Shelved<ClassRows>>, PresetError> {
        let mut by_class = BTreeMap::<Class, Vec<_>>::new();
        let mut mapper = self.mapper.lock();
        for item in items {
            let mapped = mapper.map(item);
            let events = by_class.entry(mapped.activity.class()).or_default();
            events.push(mapped.event);
        }
        drop(mapper);
        let shelved = |(class, events): (Class, Vec<_>)| {
            Ok(Shelved {
                shelf: match &self.place {
                    Some(place) => place.shelf(class),
                    None => class.word().to_owned(),
                },
                count: u64::try_from(events.len()).unwrap_or(u64::MAX),
                rows: ClassRows {
                    class,
                    batch: batch(&events, class, self.version)?,
                },
            })
        };
        by_class.into_iter().map(shelved).collect()
    }

    fn begin(&self, out: Out, _start: &Start) -> Result<ClassSheet, PresetError> {
        Ok(ClassSheet {
            version: self.version,
            packing: match self.place {
                Some(_) => Packing::Zstd,
                None => Packing::Snappy,
            },
            state: State::Begun(out),
        })
    }
}

impl Sheet for ClassSheet {
    type Rows = ClassRows;

    fn write(&mut self, rows: &ClassRows) -> Result<(), PresetError> {
        let mut writer = match std::mem::replace(&mut self.state, State::Broken) {
            State::Begun(out) => {
                let writer = Writer::new(out, rows.class, self.version, self.packing)?;
                Box::new(writer)
            }
            State::Writing(writer) => writer,
            State::Broken => return Err(broken()),
        };
        writer.write(&rows.batch)?;
        self.state = State::Writing(writer);
        Ok(())
    }

    fn finish(self, _end: &End) -> Result<Out, PresetError> {
        match self.state {
            State::Writing(writer) => Ok(writer.finish()?),
            State::Begun(_) => {
                let text = "a file without rows has no class; give it some first";
                Err(std::io::Error::other(text).into())
            }
            State::Broken => Err(broken()),
        }
    }
}

fn broken() -> PresetError {
    std::io::Error::other("the file could not be written before; begin a new one").into()
}

//! Presets whose files are lines: JSON, CEF, syslog.

use std::io::Write as _;

use parking_lot::Mutex;

use crate::item::Item;
use crate::line::{cef, native, syslog};
use crate::ocsf::{Context, Mapper, Version};
use crate::preset::{End, Preset, PresetError, Sheet, Shelved, Start};
use crate::sheet::Out;

/// Files of lines, one for each entry.
#[derive(Debug)]
pub struct Lines {
    form: Form,
}

#[derive(Debug)]
enum Form {
    Native,
    /// One caller makes rows, in order; the lock is never waited for.
    Ocsf(Mutex<Mapper>),
    Cef,
    Syslog,
}

impl Lines {
    /// JSON lines with the record, its hashes, its signature and the event.
    #[must_use]
    pub const fn json() -> Self {
        Self { form: Form::Native }
    }

    /// JSON lines of OCSF events.
    #[must_use]
    pub fn ocsf(version: Version) -> Self {
        Self {
            form: Form::Ocsf(Mutex::new(Mapper::new(version))),
        }
    }

    /// Lines of the Common Event Format.
    #[must_use]
    pub const fn cef() -> Self {
        Self { form: Form::Cef }
    }

    /// Lines of syslog, RFC 5424.
    #[must_use]
    pub const fn syslog() -> Self {
        Self { form: Form::Syslog }
    }

    /// Adds the line of an entry, without its end.
    fn line(&self, item: &Item<'_>, to: &mut Vec<u8>) -> Result<(), PresetError> {
        let written = match &self.form {
            Form::Native => serde_json::to_writer(to, &native(item)),
            Form::Ocsf(mapper) => serde_json::to_writer(to, &mapper.lock().map(item).event),
            Form::Cef => {
                to.extend_from_slice(cef(item).as_bytes());
                Ok(())
            }
            Form::Syslog => {
                to.extend_from_slice(syslog(item).as_bytes());
                Ok(())
            }
        };
        written.map_err(|error| PresetError::Entry {
            index: item.record.index().get(),
            reason: error.to_string(),
        })
    }
}

/// A file of lines that is being written.
#[derive(Debug)]
pub struct LineSheet {
    out: Out,
}

impl Preset for Lines {
    type Rows = Vec<u8>;
    type Sheet = LineSheet;

    fn name(&self) -> &'static str {
        match &self.form {
            Form::Native | Form::Ocsf(_) => "jsonl",
            Form::Cef => "cef",
            Form::Syslog => "syslog",
        }
    }

    fn extension(&self) -> &'static str {
        match &self.form {
            Form::Native | Form::Ocsf(_) => "jsonl",
            Form::Cef => "cef",
            Form::Syslog => "log",
        }
    }

    fn settings(&self) -> String {
        match &self.form {
            Form::Ocsf(mapper) => format!("--ocsf {}", mapper.lock().version()),
            Form::Native | Form::Cef | Form::Syslog => String::new(),
        }
    }

    fn looks_back(&self, kind: u16) -> bool {
        matches!(self.form, Form::Ocsf(_)) && Context::learns_from(kind)
    }

    fn see(&self, items: &[Item<'_>]) {
        if let Form::Ocsf(mapper) = &self.form {
            let mut mapper = mapper.lock();
            items.iter().for_each(|item| mapper.see(item));
        }
    }

    fn rows(&self, items: &[Item<'_>]) -> Result<Vec<Shelved<Vec<u8>>>, PresetError> {
        let mut rows = Vec::new();
        for item in items {
            self.line(item, &mut rows)?;
            rows.push(b'\n');
        }
        Ok(vec![Shelved {
            shelf: String::new(),
            rows,
            count: u64::try_from(items.len()).unwrap_or(u64::MAX),
        }])
    }

    fn begin(&self, out: Out, _start: &Start) -> Result<LineSheet, PresetError> {
        Ok(LineSheet { out })
    }
}

impl Sheet for LineSheet {
    type Rows = Vec<u8>;

    fn write(&mut self, rows: &Vec<u8>) -> Result<(), PresetError> {
        Ok(self.out.write_all(rows)?)
    }

    fn finish(self, _end: &End) -> Result<Out, PresetError> {
        Ok(self.out)
    }
}

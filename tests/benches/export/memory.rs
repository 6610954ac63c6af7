//! What it is measured against: parquet-rs writes the same rows with the same settings, when all of
//! them are in memory already.

use std::path::Path;

use countersign_chain::key::VerifierKey;
use countersign_export::item::Item;
use countersign_export::native::Native;
use countersign_export::preset::{End, Preset, PresetError, Sheet, Shelved, Start};
use countersign_export::sheet::Out;
use parking_lot::Mutex;

use crate::common::{now, since};
use crate::copy::walk;
use crate::subject::tell;

type Rows = <Native as Preset>::Rows;

pub(crate) fn run(folder: &Path, key: &str, out: &Path) {
    let key = VerifierKey::parse(key).expect("a key");
    let preset = Held {
        inner: Native::new(key.clone()),
    };
    TOOK.lock().clear();
    let counts = walk(folder, &key, out, &preset);
    tell(TOOK.lock().iter().sum(), counts);
}

/// Milliseconds that each file took.
static TOOK: Mutex<Vec<f64>> = Mutex::new(Vec::new());

/// The native preset, with files that are written when all their rows are there.
#[derive(Debug)]
struct Held {
    inner: Native,
}

/// A file whose rows wait.
#[derive(Debug)]
struct HeldSheet {
    inner: <Native as Preset>::Sheet,
    rows: Vec<Rows>,
}

impl Preset for Held {
    type Rows = Rows;
    type Sheet = HeldSheet;

    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn extension(&self) -> &'static str {
        self.inner.extension()
    }

    fn rows(&self, items: &[Item<'_>]) -> Result<Vec<Shelved<Rows>>, PresetError> {
        self.inner.rows(items)
    }

    fn begin(&self, out: Out, start: &Start) -> Result<HeldSheet, PresetError> {
        Ok(HeldSheet {
            inner: self.inner.begin(out, start)?,
            rows: Vec::new(),
        })
    }
}

impl Sheet for HeldSheet {
    type Rows = Rows;

    fn write(&mut self, rows: &Rows) -> Result<(), PresetError> {
        self.rows.push(rows.clone());
        Ok(())
    }

    fn finish(mut self, end: &End) -> Result<Out, PresetError> {
        let start = now();
        for rows in &self.rows {
            self.inner.write(rows)?;
        }
        let out = self.inner.finish(end)?;
        TOOK.lock().push(since(start));
        Ok(out)
    }
}

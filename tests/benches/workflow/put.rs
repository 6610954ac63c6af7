//! A policy that comes into force: it is compiled by whoever puts it, and everybody else waits
//! while it is decided on and applied.

use crate::common::{RUNS, median, now, since};
use crate::company::{COMPANY, Company, People};
use crate::pure::Core;
use crate::sheet::Sheet;

/// Engineers.
const SIZES: [u64; 2] = [1_000, 3_000];

pub(crate) fn sheet() -> Sheet {
    let policy = format!("policy, median of {RUNS}");
    Sheet::new(&[
        &policy,
        "ms to compile it",
        "ms to decide",
        "ms to apply",
        "KiB in its entry",
    ])
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) fn rows(sheet: &mut Sheet) {
    for engineers in SIZES {
        let company = Company::of(People {
            engineers,
            ..COMPANY
        });
        let (command, packed) = company.put();
        let (mut compiling, mut deciding, mut applying) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let begin = now();
            drop(company.compile());
            compiling.push(since(begin));
            let mut core = Core::new();
            let begin = now();
            let drafts = core.decide(&command);
            deciding.push(since(begin));
            let begin = now();
            core.apply(&drafts, "admin:bench");
            applying.push(since(begin));
        }
        let people = company.policy.people().count();
        let mut row = vec![format!("{people} people")];
        let figures = [compiling, deciding, applying].map(median);
        row.extend(figures.map(|ms| format!("{ms:.0}")));
        row.push(format!("{:.1}", packed as f64 / 1_024.0));
        sheet.add(&row);
    }
}

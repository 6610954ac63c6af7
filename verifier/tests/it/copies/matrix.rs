//! Damage to a copy that holds an event of every kind: each value of each row, each row, each of
//! its metadata. What is damaged is named.

use countersign_verifier::finding::Finding;
use countersign_verifier::report::Report;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::super::copying::{Entries, verify_bytes};
use super::rewrite::{Change, Table};

/// Columns that say what signs a row. Changed in every row at once, they sign another log.
const OF_COMMIT: [&str; 4] = ["commit_size", "commit_root", "signature", "proof"];

/// A copy of all but the first entry, so that it is intact: what no ledger would write in this
/// order is legal for all that it says. It ends inside a commit.
fn sample() -> Table {
    let log = Entries::every_kind(6);
    let file = log.whole(1, log.size() - 1);
    let report = verify_bytes(&file);
    assert_eq!(report.findings.damage(), &[], "the sample is sound");
    let alone = report.copied.map(|copied| copied.alone);
    assert!(alone > Some(1), "its end is proved row by row: {alone:?}");
    Table::read(&file)
}

#[expect(clippy::print_stdout, reason = "a test says what it counted")]
fn count(what: &str, tried: usize, failed: &[String]) {
    println!("counted: {what}: {tried} tried, {} not named", failed.len());
    assert!(tried > 0, "{what}: nothing was tried");
    let examples: Vec<_> = failed.iter().take(9).map(String::as_str).collect();
    assert!(failed.is_empty(), "{what}:\n{}", examples.join("\n"));
}

fn names(report: &Report, wanted: impl Fn(&Finding) -> bool) -> bool {
    report.findings.damage().iter().any(wanted)
}

fn told(report: &Report) -> String {
    let findings = report.findings.damage().iter().take(3);
    let lines = findings.map(|finding| format!("{}: {}", finding.code.code(), finding.message));
    lines.collect::<Vec<_>>().join("; ")
}

/// Changes a typed column in all rows at once; each one must be named with its column.
fn typed(table: &Table, column: &str, change: Change) -> (usize, Vec<String>) {
    let rows: Vec<usize> = (0..table.len())
        .filter(|row| table.changed(column, &[*row], change).is_some())
        .collect();
    let Some(changed) = table
        .changed(column, &rows, change)
        .filter(|_| !rows.is_empty())
    else {
        return (0, Vec::new());
    };
    let report = verify_bytes(&changed.write());
    let missed = rows.iter().filter(|row| {
        let index = table.index(**row);
        let start = format!("entry {index}: column {column} is ");
        !names(&report, |finding| {
            finding.index == Some(index)
                && finding.code.code() == "column-changed"
                && finding.message.starts_with(&start)
        })
    });
    let missed = missed.map(|row| format!("{column} of row {row}, {change:?}: {}", told(&report)));
    (rows.len(), missed.collect())
}

/// Changes one value; the row must be named, and its column as far as it alone tells.
fn alone(table: &Table, column: &str, row: usize, change: Change) -> Option<Option<String>> {
    let changed = table.changed(column, &[row], change)?;
    let report = verify_bytes(&changed.write());
    let index = table.index(row);
    let named = names(&report, |finding| {
        let column = finding.message.contains(&format!("column {column}"));
        let known = ["bad-signature", "record-changed"].contains(&finding.code.code());
        finding.index == Some(index) && (column || known)
    });
    Some((!named).then(|| format!("{column} of row {row}, {change:?}: {}", told(&report))))
}

#[test]
fn every_value_of_every_row_is_guarded() {
    let table = sample();
    let jobs: Vec<(String, Change)> = table
        .columns()
        .into_iter()
        .filter(|(name, _)| !OF_COMMIT.contains(&name.as_str()) && name != "record")
        .flat_map(|(name, nullable)| {
            let nothing = nullable.then(|| (name.clone(), Change::Nothing));
            [Some((name, Change::Other)), nothing].into_iter().flatten()
        })
        .collect();
    let done: Vec<_> = jobs
        .into_par_iter()
        .map(|(column, change)| typed(&table, &column, change))
        .collect();
    let tried = done.iter().map(|(tried, _)| tried).sum();
    let failed: Vec<String> = done.into_iter().flat_map(|(_, missed)| missed).collect();
    count(
        "values of columns that are read out of records",
        tried,
        &failed,
    );
}

#[test]
fn every_value_that_signs_a_row_is_guarded() {
    let table = sample();
    let mut jobs = Vec::new();
    for column in OF_COMMIT
        .into_iter()
        .chain(["record", "leaf", "prev", "index"])
    {
        for row in 0..table.len() {
            jobs.push((column, row, Change::Other));
            if column == "proof" {
                jobs.push((column, row, Change::Nothing));
            }
        }
    }
    let done: Vec<_> = jobs
        .into_par_iter()
        .filter_map(|(column, row, change)| alone(&table, column, row, change))
        .collect();
    let failed: Vec<String> = done.iter().flatten().cloned().collect();
    count("values that prove rows, one at a time", done.len(), &failed);
}

/// Verifies rows in another order; something must be said of one of the rows that moved.
fn moved(table: &Table, places: &[usize], rows: &[usize]) -> Option<String> {
    let report = verify_bytes(&table.reordered(places).write());
    let indexes: Vec<u64> = rows.iter().map(|row| table.index(*row)).collect();
    let named = names(&report, |finding| {
        let at = finding.index.is_some_and(|index| indexes.contains(&index));
        at && finding.code.code() == "index-gap"
    });
    (!named).then(|| format!("rows {rows:?}: {}", told(&report)))
}

#[test]
fn rows_that_are_dropped_doubled_or_moved_are_named() {
    let table = sample();
    let all: Vec<usize> = (0..table.len()).collect();
    let mut jobs: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for row in 0..table.len() {
        let mut without = all.clone();
        without.remove(row);
        // A row is missed where the one behind it stands.
        jobs.push((without, vec![row]));
        let mut twice = all.clone();
        twice.insert(row, row);
        jobs.push((twice, vec![row]));
        for other in [row + 1, row + 7] {
            if other < table.len() {
                let mut swapped = all.clone();
                swapped.swap(row, other);
                jobs.push((swapped, vec![row, other]));
            }
        }
    }
    jobs.push((all.iter().rev().copied().collect(), all.clone()));
    let tried = jobs.len();
    let failed: Vec<String> = jobs
        .into_par_iter()
        .filter_map(|(places, rows)| moved(&table, &places, &rows))
        .collect();
    count(
        "rows dropped, doubled, swapped and turned around",
        tried,
        &failed,
    );
}

#[test]
fn chosen_rows_are_guarded_one_by_one() {
    let log = Entries::every_kind(6);
    let wanted: Vec<u64> = (3..log.size()).step_by(5).collect();
    let table = Table::read(&log.chosen((0, log.size()), &wanted));
    let columns = table.columns();
    let mut jobs = Vec::new();
    for (column, nullable) in &columns {
        for row in 0..table.len() {
            jobs.push((column.as_str(), row, Change::Other));
            if *nullable {
                jobs.push((column.as_str(), row, Change::Nothing));
            }
        }
    }
    let done: Vec<_> = jobs
        .into_par_iter()
        .filter_map(|(column, row, change)| {
            let changed = table.changed(column, &[row], change)?;
            let report = verify_bytes(&changed.write());
            let index = table.index(row);
            let named = names(&report, |finding| {
                let of_commit = ["bad-signature", "record-changed"].contains(&finding.code.code());
                finding.index == Some(index)
                    && (of_commit || finding.message.contains(&format!("column {column}")))
            });
            Some((!named).then(|| format!("{column} of row {row}, {change:?}: {}", told(&report))))
        })
        .collect();
    let failed: Vec<String> = done.iter().flatten().cloned().collect();
    count("values of chosen rows", done.len(), &failed);
    let all: Vec<usize> = (0..table.len()).collect();
    let mut failed = Vec::new();
    for row in 0..table.len() {
        let mut without = all.clone();
        without.remove(row);
        let report = verify_bytes(&table.reordered(&without).write());
        let named = names(&report, |finding| {
            finding.message.contains("countersign.rows")
        });
        failed.extend((!named).then(|| format!("without row {row}: {}", told(&report))));
        let mut twice = all.clone();
        twice.insert(row, row);
        failed.extend(moved(&table, &twice, &[row]));
        if row > 0 {
            let mut swapped = all.clone();
            swapped.swap(row, row - 1);
            failed.extend(moved(&table, &swapped, &[row, row - 1]));
        }
    }
    count(
        "chosen rows dropped, doubled and swapped",
        table.len() * 3 - 1,
        &failed,
    );
}

#[test]
fn every_key_of_the_metadata_is_guarded() {
    let table = sample();
    let mut tried = 0;
    let mut failed = Vec::new();
    let unnamed = |what: &str, name: &str, changed: &Table| {
        let report = verify_bytes(&changed.write());
        let part = name.trim_start_matches("countersign.");
        let named = names(&report, |finding| finding.message.contains(part));
        (!named).then(|| format!("{what} {name}: {}", told(&report)))
    };
    for (at, (name, value)) in table.meta.clone().into_iter().enumerate() {
        let value = value.unwrap_or_default();
        let mut without = table.clone();
        without.meta.remove(at);
        failed.extend(unnamed("without", &name, &without));
        let mut twice = table.clone();
        twice.meta.push((name.clone(), Some(value.clone())));
        failed.extend(unnamed("twice", &name, &twice));
        tried += 2;
        let digits = value.parse::<u64>().ok();
        let mut others = vec![String::new(), format!("{value}x"), format!(" {value}")];
        others.extend(
            digits
                .iter()
                .flat_map(|n| [n + 1, n - 1, n + 1_000])
                .map(|n| n.to_string()),
        );
        others.extend((value == "true").then(|| "false".to_owned()));
        others.push(value.replacen('a', "b", 1));
        others.retain(|other| *other != value);
        for other in others {
            let mut changed = table.clone();
            changed.meta[at].1 = Some(other.clone());
            let report = verify_bytes(&changed.write());
            tried += 1;
            if report.findings.damage_total() == 0 {
                failed.push(format!("{name} as {other:?} was taken"));
            }
        }
    }
    for name in ["countersign.more", "ARROW:schema", "pandas"] {
        let mut more = table.clone();
        more.meta.push((name.to_owned(), Some("x".to_owned())));
        let report = verify_bytes(&more.write());
        tried += 1;
        let named = names(&report, |finding| finding.message.contains(name));
        failed.extend((!named).then(|| format!("{name} was added: {}", told(&report))));
    }
    count(
        "metadata removed, doubled, changed and added",
        tried,
        &failed,
    );
}

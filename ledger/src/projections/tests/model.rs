//! The index against a model: bundles with known terms, over several folded chunks.

use std::path::Path;
use std::sync::Arc;

use countersign_chain::hash::{self, Hash};

use super::samples::{Random, copy, files, origin};
use crate::filter::Filter;
use crate::projections::bundle::{Source, Span, Summary, Term};
use crate::projections::db::{Db, Row};
use crate::projections::index::{Index, IndexError, LeafCheck};
use crate::projections::{BUNDLE_ENTRIES, CHUNK_BUNDLES, rows};

/// What is in a bundle.
struct Bundle {
    actors: Vec<u64>,
    kinds: Vec<u16>,
    cases: Vec<u64>,
    span: Span,
}

fn leaf(index: u64) -> Hash {
    hash::leaf(&index.to_be_bytes())
}

fn check() -> LeafCheck {
    Arc::new(|index| Some(leaf(index)))
}

fn actor(number: u64) -> String {
    format!("user:person-{number}@example.com")
}

fn bundles(count: u64) -> Vec<Bundle> {
    let mut random = Random(count);
    let mut time = 0;
    (0..count)
        .map(|number| {
            let mut few = |count: u64, bound: u64| -> Vec<u64> {
                (0..1 + random.below(count))
                    .map(|_| random.below(bound))
                    .collect()
            };
            let actors = few(25, 300);
            let kinds = few(15, 40)
                .into_iter()
                .map(|kind| u16::try_from(kind).expect("small") + 1);
            let kinds = kinds.collect();
            let first = number * BUNDLE_ENTRIES;
            let cases = few(25, 600)
                .into_iter()
                .map(|back| (first + 255).saturating_sub(back) + 1);
            let cases = cases.collect();
            let min = time + random.below(5);
            time = min + random.below(50);
            let span = Span { min, max: time };
            Bundle {
                actors,
                kinds,
                cases,
                span,
            }
        })
        .collect()
}

fn summary(number: u64, bundle: &Bundle) -> Summary {
    let mut terms: Vec<Term> = bundle
        .actors
        .iter()
        .map(|number| Term::actor(&actor(*number)))
        .collect();
    terms.extend(bundle.kinds.iter().map(|kind| Term::kind(*kind)));
    terms.extend(bundle.cases.iter().map(|case| Term::case(*case)));
    terms.sort_unstable();
    terms.dedup();
    let index = number * BUNDLE_ENTRIES + BUNDLE_ENTRIES - 1;
    let source = Source {
        index,
        leaf: leaf(index),
    };
    Summary {
        number,
        source,
        span: bundle.span,
        terms,
    }
}

fn fill(index: &Index, bundles: &[Bundle]) {
    let start = usize::try_from(index.bundle_count()).expect("small");
    let summaries: Vec<Summary> = (index.bundle_count()..)
        .zip(&bundles[start..])
        .map(|(number, bundle)| summary(number, bundle))
        .collect();
    for batch in summaries.chunks(5) {
        index.apply(batch).expect("in order");
    }
}

fn expected(filter: &Filter, bundles: &[Bundle], from: u64) -> Vec<u64> {
    let holds = |number: u64, bundle: &Bundle| {
        let case = filter.case.is_none_or(|case| {
            case == 0 || bundle.cases.contains(&case) || case / BUNDLE_ENTRIES == number
        });
        let person = |name: &String| bundle.actors.iter().any(|number| actor(*number) == *name);
        number >= from
            && case
            && filter.actor.as_ref().is_none_or(person)
            && (filter.kinds.is_empty() || filter.kinds.iter().any(|k| bundle.kinds.contains(k)))
            && filter.since.is_none_or(|since| bundle.span.max >= since)
            && filter.until.is_none_or(|until| bundle.span.min < until)
    };
    (0..)
        .zip(bundles)
        .filter(|(number, bundle)| holds(*number, bundle))
        .map(|(number, _)| number)
        .collect()
}

fn filters(count: u64, end: u64) -> Vec<Filter> {
    let mut random = Random(17);
    let mut some = |odds: u64, bound: u64| (random.below(odds) == 0).then(|| random.below(bound));
    (0..120)
        .map(|_| Filter {
            case: some(3, count * BUNDLE_ENTRIES),
            actor: some(2, 301).map(actor),
            kinds: [some(2, 45), some(3, 45)]
                .into_iter()
                .flatten()
                .map(|kind| u16::try_from(kind).expect("small"))
                .collect(),
            since: some(4, end),
            until: some(4, end),
        })
        .collect()
}

fn assert_exact(index: &Index, bundles: &[Bundle]) {
    let count = u64::try_from(bundles.len()).expect("small");
    let end = bundles.last().map_or(1, |bundle| bundle.span.max + 10);
    for (turn, filter) in (0..).zip(filters(count, end)) {
        let from = if turn % 2 == 0 { 0 } else { turn * 37 % count };
        let (mut found, mut at) = (Vec::new(), from);
        loop {
            let answer = index.bundles(&filter, at, 100).expect("whole");
            let (page, covered) = answer.expect("known to the log");
            assert_eq!(covered, count * BUNDLE_ENTRIES);
            found.extend_from_slice(&page);
            match page.last() {
                Some(last) if page.len() == 100 => at = last + 1,
                _ => break,
            }
        }
        assert_eq!(
            found,
            expected(&filter, bundles, from),
            "{filter:?} from {from}"
        );
    }
    assert!(!index.is_broken());
}

fn open(folder: &Path) -> Result<Index, IndexError> {
    Index::open(folder, &origin(), check())
}

#[test]
fn candidates_are_exact_across_chunks_and_after_opening_again() {
    let all = bundles(2 * CHUNK_BUNDLES + 300);
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("db");
    let index = open(&path).expect("new");
    for count in [40, 2_047, 2_048, 2_049, all.len()] {
        fill(&index, &all[..count]);
        assert_exact(&index, &all[..count]);
    }
    index.flush().expect("room");
    let bytes: u64 = files(&path)
        .iter()
        .map(|path| std::fs::metadata(path).expect("file").len())
        .sum();
    let per_entry = bytes / index.entries();
    assert!(
        per_entry < 20,
        "{per_entry} bytes for each entry, {bytes} in all"
    );
    drop(index);
    assert_exact(&open(&path).expect("closed cleanly"), &all);
}

#[test]
fn bundles_are_taken_in_order_only() {
    let all = bundles(3);
    let folder = tempfile::tempdir().expect("folder");
    let index = open(&folder.path().join("db")).expect("new");
    assert!(index.apply(&[summary(1, &all[1])]).is_err());
    assert!(
        index
            .apply(&[summary(0, &all[0]), summary(2, &all[2])])
            .is_err()
    );
    assert_eq!(index.bundle_count(), 0);
    fill(&index, &all);
    assert!(index.apply(&[summary(2, &all[2])]).is_err());
}

/// Changes rows of a copy behind the back of the index, and asks it afterwards.
fn after(whole: &Path, rows: Vec<Row>, filter: &Filter) -> Result<(), IndexError> {
    let folder = tempfile::tempdir().expect("folder");
    copy(whole, folder.path());
    let db = Db::open(folder.path())?;
    db.write(rows)?;
    drop(db);
    let index = open(folder.path())?;
    let found = index.bundles(filter, 0, 5_000).map(drop);
    assert_eq!(found.is_err(), index.is_broken());
    found
}

#[test]
fn rows_that_do_not_fit_are_never_believed() {
    let everything = Filter::default();
    // A term that is in the first block, for there is none before it.
    let all = bundles(CHUNK_BUNDLES + 10);
    let folder = tempfile::tempdir().expect("folder");
    let whole = folder.path();
    fill(&open(whole).expect("new"), &all);
    let folded = &all[..usize::try_from(CHUNK_BUNDLES).expect("small")];
    let cases = folded.iter().flat_map(|bundle| &bundle.cases);
    let by_case = Filter {
        case: cases.copied().min_by_key(|case| Term::case(*case)),
        ..Filter::default()
    };
    after(whole, Vec::new(), &everything).expect("untouched");
    after(whole, Vec::new(), &by_case).expect("untouched");
    // A wrong checksum: of a bundle, a chunk, a block, the state.
    for key in [
        rows::bundle_key(CHUNK_BUNDLES + 3),
        rows::chunk_key(0),
        rows::block_key(0, Term(0)),
        rows::STATE.to_vec(),
    ] {
        let row = (key, vec![0; 64]);
        assert!(
            after(whole, vec![row.clone()], &by_case).is_err(),
            "{row:?}"
        );
    }
    // Rows that are well made, from other entries.
    let end = CHUNK_BUNDLES * BUNDLE_ENTRIES - 1;
    let right = Source {
        index: end,
        leaf: leaf(end),
    };
    let earlier = Source {
        index: end - 1,
        leaf: leaf(end - 1),
    };
    let forked = Source {
        index: end,
        leaf: leaf(0),
    };
    let span = Span { min: 0, max: 0 };
    for wrong in [earlier, forked] {
        let head = rows::chunk_row(0, &wrong, span);
        assert!(after(whole, vec![head], &everything).is_err());
        let ends = (Term(0), Term(u64::MAX));
        let block = rows::block_row(0, &wrong, ends, &[]);
        assert!(after(whole, vec![block], &by_case).is_err());
    }
    let moved = rows::bundle_row(&summary(1, &all[1])).1;
    let row = (rows::bundle_key(CHUNK_BUNDLES + 3), moved);
    assert!(after(whole, vec![row], &everything).is_err());
    // A block that ends before the term: the next one is missing.
    let short = rows::block_row(0, &right, (Term(0), Term(0)), &[]);
    assert!(matches!(
        after(whole, vec![short.clone()], &by_case),
        Err(IndexError::Damaged("block row is missing"))
    ));
    assert!(rows::find_in_block(0, Term(0), Some(short.clone())).is_ok());
    assert!(rows::find_in_block(1, Term(0), Some(short)).is_err());
    assert!(rows::find_in_block(0, Term(0), None).is_err());
}

//! How many entries one core turns into what SIEMs take, in a second.
//!
//! `cargo bench -p countersign-export --bench ocsf` prints a line for each form. The entries are
//! one of every kind with every field, again and again: they are larger than those of a usual day.
//! Each figure is the median of five runs over the same entries, decoding included, by the time
//! that the core worked for it (Linux tells, in nanoseconds).

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark measures, prints, and stops at the first surprise"
)]

#[path = "../tests/siem/messages.rs"]
mod messages;
#[expect(dead_code, reason = "tests use the rest")]
#[path = "../tests/siem/samples.rs"]
mod samples;

use std::hint::black_box;
use std::time::Duration;

use countersign_export::item::Item;
use countersign_export::limits::BATCH_ROWS;
use countersign_export::lines::Lines;
use countersign_export::ocsf::Version;
use countersign_export::ocsf::lake::Lake;
use countersign_export::preset::Preset;

use samples::Samples;

/// Entries of a run: some 57 thousand.
const ROUNDS: usize = 1_000;
const RUNS: usize = 5;

fn main() {
    // `cargo test` runs benchmarks, too, to see that they work.
    let rounds = if std::env::args().any(|word| word == "--bench") {
        ROUNDS
    } else {
        1
    };
    let samples = Samples::many(rounds, 1_000_000);
    let bytes: usize = samples
        .items()
        .iter()
        .map(|item| item.record.bytes().len())
        .sum();
    println!(
        "{} entries, {} bytes each",
        samples.names.len(),
        bytes / samples.names.len()
    );
    for version in Version::ALL {
        tell(&format!("OCSF {version}, JSON"), &samples, |items| {
            lines(&Lines::ocsf(version), items)
        });
    }
    tell("OCSF 1.8.0, rows of Parquet", &samples, |items| {
        let lake = Lake::panther(Version::V1_8);
        let rows = items
            .chunks(BATCH_ROWS)
            .map(|some| lake.rows(some).expect("rows").len());
        rows.sum()
    });
    tell("native JSON", &samples, |items| {
        lines(&Lines::json(), items)
    });
    tell("CEF", &samples, |items| lines(&Lines::cef(), items));
    tell("syslog", &samples, |items| lines(&Lines::syslog(), items));
}

/// Writes lines in batches, as an export does; how many bytes they have.
fn lines(preset: &Lines, items: &[Item<'_>]) -> usize {
    let rows = |some| preset.rows(some).expect("lines");
    let bytes = |some| rows(some).iter().map(|it| it.rows.len()).sum::<usize>();
    items.chunks(BATCH_ROWS).map(bytes).sum()
}

/// How long a core worked for this thread.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let worked = text.split(' ').next().and_then(|it| it.parse().ok());
    Duration::from_nanos(worked.expect("a number"))
}

fn tell(what: &str, samples: &Samples, run: impl Fn(&[Item<'_>]) -> usize) {
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let begin = cpu();
        let items = samples.items();
        black_box(run(&items));
        let seconds = (cpu() - begin).as_secs_f64();
        let count = u32::try_from(items.len()).expect("few");
        rates.push(f64::from(count) / seconds);
    }
    rates.sort_by(f64::total_cmp);
    println!("{what}: {:.0} entries/s", rates[RUNS / 2]);
}

//! Processor time, timed runs, and the table of their medians.

#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark measures time, counts and prints"
)]

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::common::{RUNS, median, now};

/// Length of one run.
pub(crate) const RUN_TIME: Duration = Duration::from_secs(3);

/// Processor time of this process so far, of all its threads, in seconds. The kernel counts it in
/// hundredths.
pub(crate) fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat
        .rsplit(") ")
        .next()
        .expect("a name in brackets")
        .split(' ')
        .collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number") as f64;
    (ticks(11) + ticks(12)) / 100.0
}

/// What one run showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Entries, messages or calls per second.
    pub(crate) rate: f64,
    /// Milliseconds from sending to the acknowledgement.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Microseconds of processor time for each, of both ends.
    pub(crate) cpu: f64,
}

/// Measures one run.
#[derive(Debug)]
pub(crate) struct Run {
    start: Instant,
    cpu: f64,
}

impl Run {
    pub(crate) fn start() -> Self {
        Self {
            start: now(),
            cpu: cpu(),
        }
    }

    pub(crate) fn goes_on(&self) -> bool {
        self.start.elapsed() < RUN_TIME
    }

    /// Ends the run. `waits` are in milliseconds.
    pub(crate) fn end(self, count: usize, mut waits: Vec<f64>) -> Figures {
        let (took, used) = (self.start.elapsed().as_secs_f64(), cpu() - self.cpu);
        waits.sort_by(f64::total_cmp);
        Figures {
            rate: count as f64 / took,
            p50: quantile(&waits, 0.5),
            p99: quantile(&waits, 0.99),
            cpu: used * 1e6 / count as f64,
        }
    }
}

/// Of sorted values.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = (sorted.len().saturating_sub(1) as f64 * q) as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// Rows of one table, each the medians of its runs.
#[derive(Debug)]
pub(crate) struct Table {
    wanted: Vec<String>,
    rows: Vec<(String, Figures)>,
}

impl Table {
    /// Prints the head of the table. Only rows whose names hold one of the arguments are measured;
    /// all of them without arguments.
    pub(crate) fn new(what: &str) -> Self {
        println!("| {what} | per second, median of {RUNS} | range | p50 ms | p99 ms | CPU µs |");
        println!("|---|---|---|---|---|---|");
        let wanted = std::env::args().skip(1).filter(|arg| !arg.starts_with('-'));
        Self {
            wanted: wanted.collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|word| name.contains(word.as_str()))
    }

    /// Adds a row and prints it.
    pub(crate) fn add(&mut self, name: &str, runs: &[Figures]) {
        let pick = |f: fn(&Figures) -> f64| median(runs.iter().map(f).collect());
        let (low, high) = runs.iter().fold((f64::MAX, 0.0_f64), |(low, high), run| {
            (low.min(run.rate), high.max(run.rate))
        });
        let figures = Figures {
            rate: pick(|run| run.rate),
            p50: pick(|run| run.p50),
            p99: pick(|run| run.p99),
            cpu: pick(|run| run.cpu),
        };
        let Figures {
            rate,
            p50,
            p99,
            cpu,
        } = figures;
        println!("| {name} | {rate:.0} | {low:.0} to {high:.0} | {p50:.2} | {p99:.2} | {cpu:.1} |");
        drop(std::io::stdout().flush());
        self.rows.push((name.to_owned(), figures));
    }

    /// A row that was measured.
    pub(crate) fn get(&self, name: &str) -> Option<Figures> {
        let row = self.rows.iter().find(|(other, _)| other == name);
        row.map(|(_, figures)| *figures)
    }
}

/// Prints a line of the summary: a ratio and what it is held against.
pub(crate) fn ratio(what: &str, value: Option<f64>, goal: &str) {
    if let Some(value) = value {
        println!("| {what} | {value:.2} | {goal} |");
    }
}

//! Insights on a terminal: tables and small plots.

use std::io::{self, Write};

use countersign_proto::v1;

use super::bars::{bar, range, shade};
use crate::output::{counted, grouped, printable, shorten};
use crate::words::program;
use countersign_chatbot::figures::Insights;
use countersign_chatbot::figures::names::{self, duration};
use countersign_proto::reading::rating;
use countersign_proto::reading::text::wire;

/// Characters of the longest bar.
const BAR: u64 = 24;
/// Rows of a breakdown, a list of remarks or of issues; `--json` has more.
const ROWS: usize = 20;
/// Characters of a name.
const NAME: usize = 28;

pub(super) fn page(out: &mut dyn Write, told: &Insights) -> io::Result<()> {
    head(out, &told.delays)?;
    delays(out, "How long it took", &told.delays.delays)?;
    for breakdown in &told.delays.breakdowns {
        by(out, breakdown)?;
    }
    tally(out, &told.activity.tally.unwrap_or_default())?;
    counts(out, "Refused attempts", &told.activity.refusals)?;
    policies(out, &told.activity.policies)?;
    week(out, &told.activity.hours_of_week)?;
    opinions(out, &told.activity)?;
    issues(out, &told.open)
}

fn head(out: &mut dyn Write, delays: &v1::GetDelaysResponse) -> io::Result<()> {
    let period = delays.period.as_ref();
    let moment = |time: Option<&prost_types::Timestamp>| {
        let text = wire(time);
        text.get(..19)
            .map_or(text.clone(), |text| format!("{text}Z"))
    };
    writeln!(
        out,
        "{} opened from {} to {}, read from {}.",
        counted(delays.cases, "case", "cases"),
        moment(period.and_then(|period| period.since.as_ref())),
        moment(period.and_then(|period| period.until.as_ref())),
        counted(delays.entries, "entry", "entries"),
    )
}

fn title(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "\n{text}")
}

/// A name in a column of its own.
fn name(text: &str) -> String {
    let text = printable(text);
    format!("{:<NAME$}", shorten(&text, NAME))
}

fn delays(out: &mut dyn Write, what: &str, delays: &[v1::Delay]) -> io::Result<()> {
    if delays.is_empty() {
        return Ok(());
    }
    title(out, what)?;
    let (step, cases) = ("", "cases");
    writeln!(
        out,
        "  {step:<NAME$} {cases:>7}  {:>9}  {:>9}  {:>9}",
        "half", "95 %", "slowest"
    )?;
    let most = delays.iter().map(|delay| delay.p95_millis).max();
    for delay in delays {
        writeln!(
            out,
            "  {} {:>7}  {:>9}  {:>9}  {:>9}  {}",
            name(names::step(delay.step()).1),
            grouped(delay.cases),
            duration(delay.p50_millis),
            duration(delay.p95_millis),
            duration(delay.max_millis),
            range(delay.p50_millis, delay.p95_millis, most.unwrap_or(0), BAR),
        )?;
    }
    Ok(())
}

/// How long people waited, by one dimension.
fn by(out: &mut dyn Write, breakdown: &v1::Breakdown) -> io::Result<()> {
    if breakdown.rows.is_empty() {
        return Ok(());
    }
    let by = breakdown.by();
    let step = names::telling(by);
    let words = names::step(step).1;
    title(out, &format!("By {}: {words}", names::dimension(by)))?;
    let rows = breakdown.rows.iter().take(ROWS);
    let most = rows
        .clone()
        .filter_map(|row| names::delay_of(&row.delays, step))
        .map(|delay| delay.p95_millis)
        .max();
    for row in rows {
        let key = name(&names::key(by, &row.key));
        let cases = grouped(row.cases);
        match names::delay_of(&row.delays, step) {
            Some(delay) => writeln!(
                out,
                "  {key} {cases:>7}  {:>9}  {:>9}  {:>9}  {}",
                duration(delay.p50_millis),
                duration(delay.p95_millis),
                duration(delay.max_millis),
                range(delay.p50_millis, delay.p95_millis, most.unwrap_or(0), BAR),
            )?,
            None => writeln!(out, "  {key} {cases:>7}  {:>9}", "-")?,
        }
    }
    more(out, breakdown.rows.len(), breakdown.left_off)
}

/// How many rows are not shown.
fn more(out: &mut dyn Write, rows: usize, left_off: u64) -> io::Result<()> {
    let beyond = u64::try_from(rows.saturating_sub(ROWS)).unwrap_or(u64::MAX);
    match beyond.saturating_add(left_off) {
        0 => Ok(()),
        more => writeln!(out, "  … {} more, with --json", grouped(more)),
    }
}

fn tally(out: &mut dyn Write, tally: &v1::Tally) -> io::Result<()> {
    title(out, "What came of it")?;
    for (_, words, sum) in names::sums(tally) {
        if sum > 0 {
            let bar = bar(sum, tally.cases.max(sum), BAR);
            writeln!(out, "  {} {:>7}  {bar}", name(words), grouped(sum))?;
        }
    }
    if tally.cases == 0 {
        writeln!(out, "  nothing: no case was opened")?;
    }
    Ok(())
}

fn counts(out: &mut dyn Write, what: &str, counts: &[v1::Count]) -> io::Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    title(out, what)?;
    let most = counts.iter().map(|count| count.count).max().unwrap_or(0);
    for count in counts.iter().take(ROWS) {
        let bar = bar(count.count, most, BAR);
        let sum = grouped(count.count);
        writeln!(out, "  {} {sum:>7}  {bar}", name(&count.name))?;
    }
    more(out, counts.len(), 0)
}

fn policies(out: &mut dyn Write, all: &[v1::Count]) -> io::Result<()> {
    let (used, never): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|one| one.count > 0);
    counts(out, "Policies that matched", &used)?;
    if never.is_empty() {
        return Ok(());
    }
    title(out, "Policies that never matched")?;
    for policy in never.iter().take(ROWS) {
        writeln!(out, "  {}", printable(&policy.name))?;
    }
    more(out, never.len(), 0)
}

/// Hours of the week as shades.
fn week(out: &mut dyn Write, hours: &[u64]) -> io::Result<()> {
    let Some(most) = hours.iter().max() else {
        return Ok(());
    };
    title(out, "When cases were opened (hours of the company's zone)")?;
    writeln!(out, "  {:<10}0     6     12    18   ", "")?;
    for (day, hours) in names::WEEKDAYS.iter().zip(hours.chunks(24)) {
        let shades: String = hours.iter().map(|count| shade(*count, *most)).collect();
        let sum = grouped(hours.iter().sum());
        writeln!(out, "  {day:<10}{shades}  {sum:>5}")?;
    }
    Ok(())
}

fn opinions(out: &mut dyn Write, activity: &v1::GetActivityResponse) -> io::Result<()> {
    let opinions = activity.opinions.unwrap_or_default();
    let rows = names::opinions(&opinions);
    if rows.iter().all(|(_, answers)| *answers == (0, 0, 0)) {
        return Ok(());
    }
    title(out, "What people said")?;
    writeln!(
        out,
        "  {:<NAME$} {:>7} {:>7} {:>7}",
        "good enough?", "yes", "partly", "no"
    )?;
    for (words, (yes, partly, no)) in rows {
        writeln!(out, "  {} {yes:>7} {partly:>7} {no:>7}", name(words))?;
    }
    for remark in activity.remarks.iter().take(ROWS) {
        writeln!(
            out,
            "  case {}, {}: access {}, wait {}{}",
            remark.case,
            printable(&remark.person),
            rating(remark.access_sufficient()),
            rating(remark.wait_acceptable()),
            match remark.comment.as_str() {
                "" => String::new(),
                comment => format!(": {}", shorten(&printable(comment), 80)),
            }
        )?;
    }
    more(out, activity.remarks.len(), 0)
}

fn issues(out: &mut dyn Write, open: &v1::GetOpenIssuesResponse) -> io::Result<()> {
    let cases = counted(open.open_cases, "case is", "cases are");
    title(out, &format!("What waits for somebody ({cases} open)"))?;
    for issue in open.issues.iter().take(ROWS) {
        let late = if issue.late { "late" } else { "" };
        writeln!(
            out,
            "  {} case {:<8} {:<4}  since {}  {}",
            name(names::issue(issue.kind()).1),
            issue.case,
            late,
            wire(issue.since.as_ref()).get(..16).unwrap_or_default(),
            printable(&match issue.waits_for.join(", ").as_str() {
                "" => format!("{} of {}", issue.resource, issue.person),
                who => format!("{} of {}, for {who}", issue.resource, issue.person),
            })
        )?;
    }
    more(out, open.issues.len(), open.left_off)?;
    match open.issues.first() {
        None => writeln!(out, "  nothing"),
        Some(issue) => writeln!(out, "\nNext:\n  {} access show {}", program(), issue.case),
    }
}

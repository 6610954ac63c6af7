//! How access went, as tables and plots: of the report of the command line, and of the inbox.
//!
//! All of it is HTML and SVG without scripts and without styles in attributes, so it can be shown
//! under the strictest policy of contents. Beside every plot stands a table that says the same.

pub mod names;
mod plots;
mod scale;

use countersign_proto::reading::rating;
use countersign_proto::reading::text::{grouped, wire};
use countersign_proto::v1;
use maud::{Markup, html};
use names::duration;
pub use scale::scaled;

use crate::text::lines;

/// Everything that is told.
#[derive(Debug)]
pub struct Insights {
    /// How long each step took.
    pub delays: v1::GetDelaysResponse,
    /// What came of it.
    pub activity: v1::GetActivityResponse,
    /// What waits for somebody.
    pub open: v1::GetOpenIssuesResponse,
}

/// The first figures, large.
#[must_use]
pub fn head(told: &Insights) -> Markup {
    tiles(&told.activity.tally.unwrap_or_default(), &told.delays)
}

/// All of it, in sections.
#[must_use]
pub fn body(told: &Insights) -> Markup {
    let Insights {
        delays,
        activity,
        open,
    } = told;
    let tally = activity.tally.unwrap_or_default();
    html! {
        section { h2 { "Cases by day" } (plots::days(&activity.days)) }
        section { h2 { "How long each step took" } (steps(&delays.delays)) }
        @for breakdown in &delays.breakdowns { (by(breakdown)) }
        section {
            h2 { "When cases were opened" }
            p.note { "Hours of the company's zone." }
            (plots::week(&activity.hours_of_week))
        }
        section { h2 { "What came of them" } (sums(&tally)) }
        section {
            h2 { "Policies" }
            (counts(&activity.policies, "no policy was in force"))
            p.note { "A policy that matched no case may not be needed." }
        }
        section {
            h2 { "Refused attempts" }
            (counts(&activity.refusals, "none"))
        }
        section { h2 { "What people said" } (said(activity)) }
        section { h2 { "What waits for somebody" } (issues(open)) }
    }
}

/// The period in words.
#[must_use]
pub fn period(delays: &v1::GetDelaysResponse) -> String {
    let period = delays.period.as_ref();
    let minute = |time: Option<&prost_types::Timestamp>| {
        let text = wire(time).replace('T', " ");
        text.get(..16).unwrap_or(&text).to_owned()
    };
    format!(
        "from {} to {} UTC",
        minute(period.and_then(|period| period.since.as_ref())),
        minute(period.and_then(|period| period.until.as_ref()))
    )
}

fn tiles(tally: &v1::Tally, delays: &v1::GetDelaysResponse) -> Markup {
    let wait = names::delay_of(&delays.delays, v1::Step::Wait);
    let wait = wait.map_or_else(|| "–".to_owned(), |wait| duration(wait.p50_millis));
    let tiles = [
        ("cases", grouped(tally.cases)),
        ("granted", grouped(tally.granted)),
        ("break-glass", grouped(tally.break_glass)),
        ("waited, half of them at most", wait),
    ];
    html! {
        div.tiles {
            @for (words, value) in tiles { div { strong { (value) } span { (words) } } }
        }
    }
}

fn steps(delays: &[v1::Delay]) -> Markup {
    let most = delays.iter().map(|delay| delay.p95_millis).max();
    html! {
        @if delays.is_empty() { p.none { "no case has gone a step" } } @else {
            table {
                thead { tr {
                    th { "step" } th.n { "cases" } th.n { "half within" } th.n { "95 % within" }
                    th.n { "slowest" } th { }
                } }
                @for delay in delays {
                    (timed(names::step(delay.step()).1, delay.cases, Some(delay), most))
                }
            }
        }
    }
}

/// A row of a table of delays.
fn timed(what: &str, cases: u64, delay: Option<&v1::Delay>, most: Option<u64>) -> Markup {
    html! {
        tr {
            td { (what) }
            td.n { (grouped(cases)) }
            @if let Some(delay) = delay {
                td.n { (duration(delay.p50_millis)) }
                td.n { (duration(delay.p95_millis)) }
                td.n { (duration(delay.max_millis)) }
                td { (plots::range(delay, most.unwrap_or(0))) }
            } @else { td.n { "–" } td.n { "–" } td.n { "–" } td { } }
        }
    }
}

/// The step that tells most by a dimension.
fn by(breakdown: &v1::Breakdown) -> Markup {
    let by = breakdown.by();
    let step = names::telling(by);
    let rows = breakdown.rows.iter();
    let rows: Vec<_> = rows
        .map(|row| (row, names::delay_of(&row.delays, step)))
        .collect();
    let most = rows
        .iter()
        .filter_map(|(_, delay)| delay.map(|delay| delay.p95_millis));
    let most = most.max();
    html! {
        section {
            h2 { "By " (names::dimension(by)) ": " (names::step(step).1) }
            @if rows.is_empty() { p.none { "no cases" } } @else {
                table {
                    thead { tr {
                        th { (names::dimension(by)) } th.n { "cases" } th.n { "half within" }
                        th.n { "95 % within" } th.n { "slowest" } th { }
                    } }
                    @for (row, delay) in &rows {
                        (timed(&names::key(by, &row.key), row.cases, *delay, most))
                    }
                }
            }
            @if breakdown.left_off > 0 { p.note { (grouped(breakdown.left_off)) " more." } }
        }
    }
}

fn sums(tally: &v1::Tally) -> Markup {
    let sums = names::sums(tally);
    html! {
        table {
            @for (_, words, sum) in sums.iter().filter(|(_, _, sum)| *sum > 0) {
                tr {
                    td { (words) }
                    td.n { (grouped(*sum)) }
                    td { (plots::bar(*sum, tally.cases.max(*sum))) }
                }
            }
        }
    }
}

fn counts(counts: &[v1::Count], none: &str) -> Markup {
    let most = counts.iter().map(|count| count.count).max().unwrap_or(0);
    html! {
        @if counts.is_empty() { p.none { (none) } } @else {
            table {
                @for count in counts {
                    tr {
                        td { (count.name) }
                        td.n { (grouped(count.count)) }
                        td { (plots::bar(count.count, most)) }
                    }
                }
            }
        }
    }
}

fn said(activity: &v1::GetActivityResponse) -> Markup {
    let opinions = activity.opinions.unwrap_or_default();
    let rows = names::opinions(&opinions);
    html! {
        table {
            thead { tr { th { } th.n { "yes" } th.n { "in part" } th.n { "no" } th { } } }
            @for (words, (yes, partly, no)) in rows {
                tr {
                    td { (words) } td.n { (yes) } td.n { (partly) } td.n { (no) }
                    td { (plots::answers(yes, partly, no)) }
                }
            }
        }
        @for remark in &activity.remarks {
            blockquote {
                p { @if remark.comment.is_empty() { "–" } @else { (lines(&remark.comment)) } }
                footer {
                    (remark.person) " on case " (remark.case) " (" (remark.resource) "): access "
                    (rating(remark.access_sufficient())) ", wait "
                    (rating(remark.wait_acceptable())) ", entry " (remark.index)
                }
            }
        }
    }
}

fn issues(open: &v1::GetOpenIssuesResponse) -> Markup {
    html! {
        @if open.issues.is_empty() { p.none { "nothing" } } @else {
            table {
                thead { tr {
                    th { "what" } th.n { "case" } th { "whose" } th { "on" } th { "since" }
                    th { "waits for" }
                } }
                @for issue in &open.issues {
                    tr.late[issue.late] {
                        td { (names::issue(issue.kind()).1) }
                        td.n { (issue.case) }
                        td { (issue.person) }
                        td { (issue.resource) }
                        td { (wire(issue.since.as_ref())) }
                        td { (issue.waits_for.join(", ")) }
                    }
                }
            }
        }
        @if open.left_off > 0 { p.note { (grouped(open.left_off)) " more." } }
    }
}

//! Plots as SVG inside a page.

use countersign_proto::v1;
use maud::{Markup, html};

use super::names::{self, duration};
use super::{scaled, wire};

/// Width of a bar in a table, in CSS pixels.
const BAR: u64 = 160;
/// Width and height of the plot of days.
const DAYS: (u64, u64) = (960, 160);
/// Widest bar of a day.
const DAY: u64 = 40;
/// A cell of the plot of a week.
const CELL: (u64, u64) = (34, 20);
/// Room for the names of days.
const NAMES: u64 = 84;

/// A bar in a table.
pub(super) fn bar(value: u64, most: u64) -> Markup {
    html! {
        svg width=(BAR) height="14" role="img" aria-label=(value) {
            rect.solid y="2" width=(scaled(value, most, BAR)) height="10" {}
        }
    }
}

/// Half of the cases dark, 95 of 100 light.
pub(super) fn range(delay: &v1::Delay, most: u64) -> Markup {
    let (half, nearly_all) = (duration(delay.p50_millis), duration(delay.p95_millis));
    let words = format!("half within {half}, 95 % within {nearly_all}");
    html! {
        svg width=(BAR) height="14" role="img" aria-label=(words) {
            title { (words) }
            rect.light y="2" width=(scaled(delay.p95_millis, most, BAR)) height="10" {}
            rect.solid y="2" width=(scaled(delay.p50_millis, most, BAR)) height="10" {}
        }
    }
}

/// Yes, in part and no, of all answers.
pub(super) fn answers(yes: u64, partly: u64, no: u64) -> Markup {
    let all = yes.saturating_add(partly).saturating_add(no);
    let yes = scaled(yes, all, BAR);
    let partly = scaled(partly, all, BAR);
    html! {
        svg width=(BAR) height="14" aria-hidden="true" {
            @if all > 0 { rect.bad y="2" width=(BAR) height="10" {} }
            rect.light y="2" width=(if no == 0 && all > 0 { BAR } else { yes + partly })
                height="10" {}
            rect.solid y="2" width=(yes) height="10" {}
        }
    }
}

/// A bar for each day on which something was opened.
pub(super) fn days(days: &[v1::Day]) -> Markup {
    let (width, height) = DAYS;
    let count = u64::try_from(days.len()).unwrap_or(u64::MAX).max(1);
    let step = (width / count).clamp(1, DAY);
    let most = days.iter().map(|day| day.cases).max().unwrap_or(0);
    let edge = |day: Option<&v1::Day>| {
        let text = wire(day.and_then(|day| day.day.as_ref()));
        text.get(..10).unwrap_or_default().to_owned()
    };
    html! {
        @if days.is_empty() { p.none { "no cases" } } @else {
            svg viewBox=(format!("0 0 {width} {}", height + 20)) role="img"
                aria-label="cases by day" {
                @for (place, day) in (0_u64..).zip(days) {
                    (one_day(day, place * step, step, most))
                }
                line.axis x1="0" x2=(width) y1=(height) y2=(height) {}
                text x="0" y=(height + 15) { (edge(days.first())) }
                @if days.len() > 1 {
                    text x=((count * step).max(150)) y=(height + 15) text-anchor="end" {
                        (edge(days.last()))
                    }
                }
            }
            p.note {
                "Dark: granted after decisions. Orange: break-glass. Red: denied, taken back or \
                 not decided. Light: still open, or not begun. At most "
                (most) " a day."
            }
            details {
                summary { "Days as a table" }
                table {
                    thead { tr {
                        th { "day" } th.n { "cases" } th.n { "granted" } th.n { "break-glass" }
                        th.n { "refused" }
                    } }
                    @for day in days {
                        tr {
                            td { (edge(Some(day))) } td.n { (day.cases) } td.n { (day.granted) }
                            td.n { (day.break_glass) } td.n { (day.refused) }
                        }
                    }
                }
            }
        }
    }
}

/// The parts of a day on top of each other.
fn one_day(day: &v1::Day, x: u64, step: u64, most: u64) -> Markup {
    let height = DAYS.1;
    let granted = scaled(day.granted, most, height);
    let glass = granted + scaled(day.break_glass, most, height);
    let refused = glass + scaled(day.refused, most, height);
    let all = scaled(day.cases, most, height).max(refused).min(height);
    let wide = step.saturating_sub(1).max(1);
    let parts = [
        ("light", all),
        ("bad", refused),
        ("glass", glass),
        ("solid", granted),
    ];
    let words = format!(
        "{}: {} cases, {} granted, {} break-glass, {} refused",
        wire(day.day.as_ref()).get(..10).unwrap_or_default(),
        day.cases,
        day.granted,
        day.break_glass,
        day.refused
    );
    html! {
        g {
            title { (words) }
            @for (class, top) in parts {
                @let top = top.min(height);
                rect class=(class) x=(x) y=(height - top) width=(wide) height=(top) {}
            }
        }
    }
}

/// A square for each hour of the week.
pub(super) fn week(hours: &[u64]) -> Markup {
    let most = hours.iter().max().copied().unwrap_or(0);
    let (wide, high) = CELL;
    let size = format!("0 0 {} {}", NAMES + 24 * wide, 8 * high);
    html! {
        @if most == 0 { p.none { "no cases" } } @else {
            svg viewBox=(size) role="img" aria-label="cases by hour of the week" {
                @for hour in (0_u64..24).step_by(3) {
                    text x=(NAMES + hour * wide) y="13" { (format!("{hour:02}:00")) }
                }
                @for ((row, day), hours) in
                    (1_u64..).zip(names::WEEKDAYS).zip(hours.chunks(24)) {
                    text x="0" y=(row * high + 14) { (day) }
                    @for (hour, count) in (0_u64..).zip(hours) {
                        @let words = format!("{day} {hour:02}:00: {count}");
                        rect.solid x=(NAMES + hour * wide) y=(row * high) width=(wide - 2)
                            height=(high - 2) fill-opacity=(opacity(*count, most)) {
                            title { (words) }
                        }
                    }
                }
            }
            (week_table(hours))
        }
    }
}

/// Hours in which something was opened.
fn week_table(hours: &[u64]) -> Markup {
    let days = names::WEEKDAYS.iter().zip(hours.chunks(24));
    let all = days.flat_map(|(day, hours)| (0_u64..).zip(hours).map(move |(h, n)| (day, h, n)));
    html! {
        details {
            summary { "Hours as a table" }
            table {
                thead { tr { th { "hour" } th.n { "cases" } } }
                @for (day, hour, count) in all.filter(|(_, _, count)| **count > 0) {
                    tr { td { (day) " " (format!("{hour:02}:00")) } td.n { (count) } }
                }
            }
        }
    }
}

/// How dark a square is, as CSS says it.
fn opacity(count: u64, most: u64) -> String {
    // Nothing is shown as nearly nothing, so that the grid is seen.
    format!("0.{:02}", 5 + scaled(count, most, 94))
}

//! Cards in plain text, for logs, terminals and people without a chat: what a reader of Slack or
//! Teams would see, on one screen.

use countersign_chain::time::UnixMicros;

use crate::card::{Card, Piece};
use crate::text::cut;

/// Columns of a line.
const WIDTH: usize = 100;
/// Lines of the reason.
const REASON_LINES: usize = 6;
/// Decisions, the newest.
const HISTORY: usize = 6;

/// The card, a line feed behind every line, at most 100 columns each.
#[must_use]
pub fn card(card: &Card) -> String {
    let mut lines = vec![
        card.title.clone(),
        format!("[{}] case {}", card.badge.word(), card.case),
    ];
    if !card.notice.is_empty() {
        lines.push(pieces(&card.notice));
    }
    for fact in &card.facts {
        lines.push(format!("  {:<14}{}", fact.label, pieces(&fact.value)));
    }
    let reason: Vec<&str> = card.reason.lines().collect();
    let shown = reason.iter().take(REASON_LINES);
    lines.extend(shown.map(|line| format!("  > {line}")));
    if reason.len() > REASON_LINES {
        lines.push("  > …".to_owned());
    }
    lines.extend(card.inbox.iter().map(|url| format!("In the inbox: {url}")));
    if !card.approvals.is_empty() {
        lines.push(format!("Approvals: {}", card.approvals));
    }
    let hidden = card.history.len().saturating_sub(HISTORY);
    if hidden > 0 {
        lines.push(format!("  ({hidden} earlier)"));
    }
    for past in card.history.iter().skip(hidden) {
        let mut line = format!("  - {}", past.what);
        if let Some(when) = past.when {
            line = format!("{line}, {}", utc(when));
        }
        if !past.why.is_empty() {
            line = format!("{line}: {}", past.why);
        }
        lines.push(line);
    }
    let buttons: Vec<String> = card
        .actions
        .iter()
        .map(|action| format!("[ {} ]", action.act.title()))
        .collect();
    if !buttons.is_empty() {
        lines.push(buttons.join(" "));
    }
    let mut text = String::new();
    for line in lines {
        text.push_str(&cut(&line, WIDTH));
        text.push('\n');
    }
    text
}

/// A line with its times in UTC.
pub(crate) fn pieces(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(words) => text.push_str(words),
            Piece::Time(time) => text.push_str(&utc(*time)),
        }
    }
    text
}

/// `2026-11-27 06:40 UTC`; a time beyond the year 9999 in seconds.
pub(crate) fn utc(time: UnixMicros) -> String {
    let seconds = time.seconds();
    match jiff::Timestamp::from_second(seconds.cast_signed()) {
        Ok(instant) => instant.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => format!("second {seconds}"),
    }
}

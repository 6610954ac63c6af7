//! What the user is told.

use std::time::Duration;

use crate::session::grant::Granted;

/// Before the command starts. `left` is the time that the grant has left.
pub(crate) fn banner(granted: &Granted, session: u64, left: Duration, tells: &str) -> String {
    let Granted {
        grant,
        case,
        person,
        resource,
        permission,
        break_glass,
        ..
    } = granted;
    let how = if *break_glass {
        "break-glass grant"
    } else {
        "grant"
    };
    let left = spoken(left);
    format!(
        "{how} {grant} of {person}: {permission} on {resource}, {left} left (case {case})\n\
         this session is recorded (session {session}): what it shows{tells}"
    )
}

/// Some time before the end.
pub(crate) fn warning(left: Duration) -> String {
    let left = spoken(left);
    format!("this access ends in {left}; ask for an extension, or finish what you do")
}

/// The ledger does not answer; the session ends after this time.
pub(crate) fn away(left: Duration) -> String {
    let left = spoken(left);
    format!("the ledger does not answer; this session ends in {left} if it does not come back")
}

/// The ledger does not answer, and the session goes on.
pub(crate) const AWAY_BREAK_GLASS: &str = "the ledger is away; this break-glass access goes on \
    until its end, and what is recorded is kept here until the ledger is back";

/// A time in the words of people: "1 h 5 min", "4 min 30 s", "12 s".
pub(crate) fn spoken(time: Duration) -> String {
    let seconds = (time.as_millis() + 500) / 1_000;
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let parts = [(hours, "h"), (minutes, "min"), (rest, "s")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .take(2)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if parts.is_empty() {
        "0 s".to_owned()
    } else {
        parts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spoken_in_two_units() {
        let cases = [
            (0, "0 s"),
            (499, "0 s"),
            (1_000, "1 s"),
            (59_600, "1 min"),
            (270_000, "4 min 30 s"),
            (3_600_000, "1 h"),
            (3_900_000, "1 h 5 min"),
            (90_061_000, "25 h 1 min"),
        ];
        for (millis, text) in cases {
            assert_eq!(spoken(Duration::from_millis(millis)), text, "{millis}");
        }
    }
}

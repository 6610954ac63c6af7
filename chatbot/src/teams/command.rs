//! What people write to the bot.

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// To know what there is, or something that is not understood.
    Help,
    /// The form of a request.
    Request,
    /// The form of break-glass.
    BreakGlass,
    /// What is open.
    List,
    /// A case, by its number.
    Case(u64),
}

impl Command {
    /// Reads what was written: the first words count, mentions do not.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let plain = without_mentions(text).replace("&nbsp;", " ");
        let lower = plain.to_lowercase();
        let mut words = lower.split_whitespace();
        let first = words.next().unwrap_or_default().trim_start_matches('/');
        match first {
            "request" => Self::Request,
            "break-glass" | "breakglass" => Self::BreakGlass,
            "break" if words.next() == Some("glass") => Self::BreakGlass,
            "list" => Self::List,
            "case" => {
                let number = words.next().map(|word| word.trim_start_matches('#'));
                let plain = number.filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
                let number = plain.and_then(|number| number.parse().ok());
                number.map_or(Self::Help, Self::Case)
            }
            _ => Self::Help,
        }
    }
}

/// Teams writes a mention as `<at>name</at>`.
fn without_mentions(text: &str) -> String {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, mention)) = rest.split_once("<at") {
        left.push_str(before);
        left.push(' ');
        rest = match mention.split_once("</at>") {
            Some((_, after)) => after,
            None => "",
        };
    }
    left.push_str(rest);
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_however_they_are_written() {
        for (text, command) in [
            ("help", Command::Help),
            ("", Command::Help),
            ("Request", Command::Request),
            (" /request please\n", Command::Request),
            ("<at>Countersign</at> request", Command::Request),
            ("<at id=\"0\">Counter sign</at>&nbsp;list", Command::List),
            ("break glass", Command::BreakGlass),
            ("BREAK-GLASS", Command::BreakGlass),
            ("break it", Command::Help),
            ("list\u{a0}all", Command::List),
            ("case 1042", Command::Case(1_042)),
            ("case #7", Command::Case(7)),
            ("case +7", Command::Help),
            ("case 18446744073709551616", Command::Help),
            ("case", Command::Help),
            ("<at>request", Command::Help),
            ("requests", Command::Help),
        ] {
            assert_eq!(Command::parse(text), command, "{text:?}");
        }
    }
}

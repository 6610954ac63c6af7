//! CSV as PostgreSQL writes it: fields in double quotes that are doubled inside, no quotes in other
//! fields (RFC 4180).

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// Something stands behind a closing quote.
    #[error("expected a comma behind a closing quote, got something else")]
    BehindQuote,
    /// A quote stands within a field that does not begin with one.
    #[error("expected quotes around a field that has some, got one within it")]
    WithinPlain,
    /// The last field has no closing quote.
    #[error("expected a closing quote, got the end of the record")]
    Open,
}

/// Follows quotes through the bytes of a record, in pieces of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scanner {
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// At the beginning of a field.
    #[default]
    Begin,
    /// In a field without quotes.
    Plain,
    /// Behind an opening quote.
    Quoted,
    /// Behind a quote that closes the field, or is the first of two.
    Quote,
}

/// What a byte means.
enum Meaning {
    Text,
    Markup,
    NextField,
}

impl Scanner {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`CsvError`] at the first byte that cannot be there; the scanner is then of no use.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), CsvError> {
        bytes.iter().try_for_each(|byte| self.step(*byte).map(drop))
    }

    /// Whether a line end would be text.
    #[must_use]
    pub const fn is_quoted(&self) -> bool {
        matches!(self.state, State::Quoted)
    }

    fn step(&mut self, byte: u8) -> Result<Meaning, CsvError> {
        let (state, meaning) = match (self.state, byte) {
            (State::Begin | State::Plain | State::Quote, b',') => {
                (State::Begin, Meaning::NextField)
            }
            (State::Begin, b'"') => (State::Quoted, Meaning::Markup),
            (State::Plain, b'"') => return Err(CsvError::WithinPlain),
            (State::Begin | State::Plain, _) => (State::Plain, Meaning::Text),
            (State::Quoted, b'"') => (State::Quote, Meaning::Markup),
            (State::Quoted, _) => (State::Quoted, Meaning::Text),
            (State::Quote, b'"') => (State::Quoted, Meaning::Text),
            (State::Quote, _) => return Err(CsvError::BehindQuote),
        };
        self.state = state;
        Ok(meaning)
    }
}

/// The fields of a whole record without its line end. A field in quotes that is empty and one that
/// is not there are the same here: PostgreSQL's log makes no use of the difference.
///
/// # Errors
/// [`CsvError`].
pub fn split(record: &[u8]) -> Result<Vec<Vec<u8>>, CsvError> {
    let mut scanner = Scanner::default();
    let mut fields = Vec::new();
    let mut field = Vec::new();
    for byte in record {
        match scanner.step(*byte)? {
            Meaning::Text => field.push(*byte),
            Meaning::Markup => {}
            Meaning::NextField => fields.push(std::mem::take(&mut field)),
        }
    }
    if scanner.is_quoted() {
        return Err(CsvError::Open);
    }
    fields.push(field);
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_and_their_quotes_taken_away() {
        let table: [(&str, &[&str]); 9] = [
            ("a,b", &["a", "b"]),
            ("", &[""]),
            (",", &["", ""]),
            (r#""a,b",c"#, &["a,b", "c"]),
            (r#""say ""hi""",c"#, &[r#"say "hi""#, "c"]),
            ("\"\"\",\"\"\",x", &["\",\"", "x"]),
            ("\"two\nlines\",x", &["two\nlines", "x"]),
            ("\"\",\"\"", &["", ""]),
            (" a , b ", &[" a ", " b "]),
        ];
        for (record, expected) in table {
            let fields = split(record.as_bytes());
            let expected: Vec<Vec<u8>> = expected
                .iter()
                .map(|field| field.as_bytes().to_vec())
                .collect();
            assert_eq!(fields, Ok(expected), "{record}");
        }
    }

    #[test]
    fn broken_quotes_are_refused() {
        for (record, error) in [
            ("a\"b", CsvError::WithinPlain),
            ("\"a\"b", CsvError::BehindQuote),
            ("\"a\" ,b", CsvError::BehindQuote),
            ("\"a", CsvError::Open),
            ("a,\"", CsvError::Open),
            ("\"a\"\"", CsvError::Open),
        ] {
            assert_eq!(split(record.as_bytes()), Err(error), "{record}");
        }
    }

    #[test]
    fn pieces_make_no_difference() {
        let record = b"a,\"b \"\"c\"\"\n,\",,\"\"";
        for at in 0..=record.len() {
            let mut scanner = Scanner::default();
            scanner.feed(&record[..at]).unwrap();
            scanner.feed(&record[at..]).unwrap();
            assert!(!scanner.is_quoted(), "{at}");
        }
    }
}

//! The words behind `--`: which rows are measured, and up to which size.

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Words {
    wanted: Vec<String>,
    max: u64,
}

impl Words {
    /// `--max NUMBER` limits the entries of a log; any other word that is no option names rows.
    pub(crate) fn read() -> Self {
        let mut words = Self {
            wanted: Vec::new(),
            max: u64::MAX,
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            if arg == "--max" {
                let number = args.next().and_then(|number| number.parse().ok());
                words.max = number.expect("a number of entries behind --max");
            } else if !arg.starts_with('-') {
                words.wanted.push(arg);
            }
        }
        words
    }

    /// Whether a row is wanted: its name holds one of the words, or there are none.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|word| name.contains(word.as_str()))
    }

    /// Most entries of a log.
    pub(crate) const fn max(&self) -> u64 {
        self.max
    }
}

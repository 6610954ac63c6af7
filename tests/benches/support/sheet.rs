//! Tables that grow side by side and are printed at the end; each row is told when it comes.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the tables are what a benchmark is for, and whoever waits wants to know how far it is"
)]

/// One table.
#[derive(Debug)]
pub(crate) struct Sheet {
    head: String,
    rows: Vec<String>,
}

fn line(cells: &[&str]) -> String {
    format!("| {} |", cells.join(" | "))
}

impl Sheet {
    pub(crate) fn new(columns: &[&str]) -> Self {
        let rule = "|---".repeat(columns.len());
        Self {
            head: format!("{}\n{rule}|", line(columns)),
            rows: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, cells: &[String]) {
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let row = line(&cells);
        tell(&row);
        self.rows.push(row);
    }

    /// Prints it, unless it has no rows.
    pub(crate) fn print(&self) {
        if !self.rows.is_empty() {
            println!("{}\n{}\n", self.head, self.rows.join("\n"));
        }
    }
}

/// Tells how far it is.
pub(crate) fn tell(what: &str) {
    eprintln!("{what}");
}

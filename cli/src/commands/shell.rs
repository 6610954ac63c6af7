//! `countersign completions` and `countersign man`: what shells and `man` want to know.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Cli;
use crate::exit::Outcome;
use crate::files;

/// Print shell completions
///
/// Prints the completions of a shell.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  source <(countersign completions bash)
  countersign completions zsh > ~/.zfunc/_countersign")]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: Shell,
}

/// Print the manual page, or write all of them
///
/// Prints the manual page of `countersign`, or writes those of all commands into a folder.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign man | man -l -
  countersign man --out /usr/local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Folder for one page of each command
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

pub(crate) fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "countersign", &mut text);
    out.write_all(&text)?;
    Ok(Outcome::Fine)
}

pub(crate) fn man(args: &ManArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let mut command = Cli::command();
    command.build();
    match &args.out {
        None => Man::new(command).render(out)?,
        Some(folder) => {
            files::make_folder(folder)?;
            let count = pages(&command, "", folder)?;
            writeln!(out, "Wrote {count} pages to {}.", folder.display())?;
        }
    }
    Ok(Outcome::Fine)
}

fn pages(command: &Command, parent: &str, folder: &Path) -> anyhow::Result<usize> {
    let name = match parent {
        "" => command.get_name().to_owned(),
        parent => format!("{parent}-{}", command.get_name()),
    };
    let mut page = Vec::new();
    // A page is named after the whole command; clap wants names that live as long as the program.
    Man::new(command.clone().display_name(name.clone()))
        .title(name.to_uppercase())
        .render(&mut page)?;
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    let below = command
        .get_subcommands()
        .filter(|below| below.get_name() != "help");
    below
        .map(|below| pages(below, &name, folder))
        .sum::<anyhow::Result<usize>>()
        .map(|count| count + 1)
}

//! The commands, and the runtime that the asynchronous ones run on.

pub(crate) mod access;
pub(crate) mod agent;
pub(crate) mod ca;
pub(crate) mod case;
pub(crate) mod chatbot;
pub(crate) mod collector;
pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod export;
pub(crate) mod insights;
pub(crate) mod issue;
pub(crate) mod ledger;
pub(crate) mod list;
pub(crate) mod policy;
pub(crate) mod proof;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod serve;
pub(crate) mod session;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod sink;
pub(crate) mod status;
pub(crate) mod tail;
pub(crate) mod verify;

use std::io;

use anyhow::Context as _;

use crate::args::{Cli, Command};
use crate::exit::Outcome;
use crate::logging::{self, LogFormat};

/// Runs one command.
pub(crate) fn run(cli: Cli) -> anyhow::Result<Outcome> {
    let (format, filter) = match &cli.command {
        Command::Ledger(ledger::LedgerCommand::Serve(args)) => (args.log_format, "info"),
        // Somebody works in this terminal; the session itself says what matters.
        Command::Collector(collector::CollectorCommand::Run(_)) => (LogFormat::Text, "error"),
        // It stops its own ledger and starts it again; what fails ends it.
        Command::Demo(_) => (LogFormat::Text, "error"),
        // What an agent waits for.
        Command::Collector(_) => (
            LogFormat::Text,
            "error,countersign_client=info,countersign_collector=info",
        ),
        // Who signs in, and what is in the way.
        Command::Chatbot(_) => (
            LogFormat::Text,
            "error,countersign_client=info,countersign_chatbot=info",
        ),
        // What is in the way of entries.
        Command::Sink(_) => (LogFormat::Text, "error,countersign=info"),
        _ => (LogFormat::Text, "error,countersign_client=warn"),
    };
    logging::start(format, filter)?;
    match cli.command {
        // These bring their own threads.
        Command::Verify(args) => verify::run(args),
        Command::Export(args) => export::run(&args),
        Command::Completions(args) => shell::completions(&args, &mut io::stdout()),
        Command::Man(args) => shell::man(&args, &mut io::stdout()),
        command => block_on(command),
    }
}

fn block_on(command: Command) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("cannot start threads")?;
    let result = runtime.block_on(dispatch(command));
    // A write that hangs in the kernel must not keep a process alive whose writer has failed.
    runtime.shutdown_background();
    result
}

async fn dispatch(command: Command) -> anyhow::Result<Outcome> {
    let out = &mut io::stdout();
    match command {
        Command::Demo(args) => Box::pin(demo::run(args, out)).await,
        Command::Dev(args) => Box::pin(dev::run(args, out)).await,
        Command::Ledger(command) => Box::pin(ledger::run(command, out)).await,
        Command::Access(command) => Box::pin(access::run(command, out)).await,
        Command::Policy(command) => Box::pin(command.run(out)).await,
        Command::Case(command) => Box::pin(command.run(out)).await,
        Command::Insights(args) => Box::pin(insights::run(args, out)).await,
        Command::Report(args) => Box::pin(report::run(args, out)).await,
        Command::Ca(command) => Box::pin(ca::run(command, out)).await,
        Command::Collector(command) => Box::pin(collector::run(command, out)).await,
        Command::Chatbot(command) => Box::pin(chatbot::run(command, out)).await,
        Command::Sink(command) => Box::pin(sink::run(command, out)).await,
        Command::Session(command) => Box::pin(command.run(out)).await,
        Command::Log(args) => Box::pin(list::run(args, out)).await,
        Command::Show(args) => Box::pin(show::run(args, out)).await,
        Command::Proof(args) => Box::pin(proof::run(args, out)).await,
        Command::Status(args) => Box::pin(status::run(args, out)).await,
        Command::Verify(_) | Command::Export(_) | Command::Completions(_) | Command::Man(_) => {
            Ok(Outcome::Fine)
        }
    }
}

//! The arguments of every command. What a command does with them is in `commands`.

use clap::{Parser, Subcommand};

use crate::commands::{
    access, ca, case, chatbot, collector, demo, dev, export, insights, ledger, list, policy, proof,
    report, session, shell, show, sink, status,
};

const AFTER_HELP: &str = "\
Settings come from flags, then COUNTERSIGN_* variables, then countersign.toml.
Exit codes: 0 fine, 1 findings or refused, 2 could not check or bad usage, 70 a writer that
stopped because a write failed.

Start here:
  countersign demo                 the whole story on this machine, in seconds
  countersign dev --dir ./play     a ledger to play with, kept running";

/// An append-only audit ledger: every entry chained, signed, durable before it is acknowledged, and
/// provable.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, after_help = AFTER_HELP, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::DemoArgs),
    Dev(dev::DevArgs),
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    #[command(subcommand)]
    Access(access::AccessCommand),
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    Insights(insights::InsightsArgs),
    #[command(subcommand)]
    Case(case::CaseCommand),
    Report(report::ReportArgs),
    #[command(subcommand)]
    Ca(ca::CaCommand),
    #[command(subcommand)]
    Collector(collector::CollectorCommand),
    #[command(subcommand)]
    Chatbot(chatbot::ChatbotCommand),
    #[command(subcommand)]
    Sink(sink::SinkCommand),
    #[command(subcommand)]
    Session(session::SessionCommand),
    Log(list::LogArgs),
    Show(show::ShowArgs),
    Proof(proof::ProofArgs),
    Verify(crate::commands::verify::VerifyArgs),
    Export(export::ExportArgs),
    Status(status::StatusArgs),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_tree_of_commands_is_sound() {
        Cli::command().debug_assert();
    }

    /// Lines that scripts and people rely on.
    const CONTRACT: &[&str] = &[
        "countersign demo",
        "countersign demo --dir d --input f",
        "countersign dev --dir d",
        "countersign ledger init --dir d --origin example.com/log --host a --host b",
        "countersign ledger create-log --dir d --name second",
        "countersign ledger serve --dir d --listen 127.0.0.1:0 --http 127.0.0.1:0",
        "countersign ledger serve --dir d --no-http --log-format json --segment-bytes 65536",
        "countersign access request db admin --for 1h30m --reason r --ticket T --severity sev2",
        "countersign access request db admin --for 1h --reason r --affected a --affected b",
        "countersign access request db admin --for 1h --reason r --start 2h --wait --json",
        "countersign access break-glass db admin --for 15m --reason r --on-behalf-of user:ada",
        "countersign access review 3 --approve --group security",
        "countersign access review 3 --deny --reason r --idempotency-key k",
        "countersign access retro-review 3 --not-justified --reason r",
        "countersign access cancel 3",
        "countersign access extend 4 --for 30m --reason r",
        "countersign access revoke 4 --reason r",
        "countersign access finish 4",
        "countersign access feedback 3 --sufficient yes --wait-ok partly --comment c",
        "countersign access delegate eve --from 2026-01-31 --until 14d --reason r",
        "countersign access delegate eve --take-back",
        "countersign access list --mine --to-review --status pending --json",
        "countersign access list --all",
        "countersign access list --requester ada --resource db -n 5",
        "countersign access show 3 --json",
        "countersign access simulate db admin --for 1h --person ada --break-glass",
        "countersign access check db --permission admin --person ada",
        "countersign insights",
        "countersign insights --since 90d --until 2026-01-31 --by group --by hour --json",
        "countersign insights --report f.html",
        "countersign case export 3 --out f.zip --no-recordings --json",
        "countersign report --from 90d --to 2026-01-31 --out f.html",
        "countersign report --from 2026-01-01 --json",
        "countersign policy starter --out d",
        "countersign policy check f g --json",
        "countersign policy put d --force --expected 57 --json",
        "countersign policy replay f g --since 4w --json",
        "countersign policy show 57 --out d",
        "countersign policy list --json",
        "countersign ca issue --dir d --role agent --name db-1 --out o --days 7",
        "countersign ca revoke --dir d 0a1b --reason lost",
        "countersign ca list --server https://a:1 --identity i --json",
        "countersign collector emit --on-bad-line record --idempotency-prefix p -",
        "countersign collector tail --once --state s f g",
        "countersign collector tail --dry-run f",
        "countersign collector run --grant 7 --keyboard --no-commands -- psql -c x",
        "countersign collector agent --dry-run f",
        "countersign collector status d --json",
        "countersign chatbot serve --web 127.0.0.1:0 --link ada --link bruno",
        "countersign chatbot serve --host a --tls-cert c --tls-key k --identity i",
        "countersign sink run f --server https://a:1 --identity i",
        "countersign sink check f --send",
        "countersign sink status f --json",
        "countersign sink dead-letters f siem --json",
        "countersign sink dead-letters f siem --retry",
        "countersign session list --person ada --case 3 -n 5 --json",
        "countersign session play 5 --speed 2.5 --idle-limit 1",
        "countersign session play 5 --text",
        "countersign session grep x 5 6 --json",
        "countersign session export 5 -o f",
        "countersign log --follow --case 3 --actor user:ada --kind 140 --kind LogOpened",
        "countersign log --since 1h --until 2026-01-31T12:00:00Z",
        "countersign log --dir d --until 2026-01-31 --limit 5 --json",
        "countersign show 3 --json",
        "countersign proof 3 -o f",
        "countersign proof --check f --leaf 00 --key k",
        "countersign proof --check f --record r --key k",
        "countersign verify d --key k --checkpoint c --checkpoint c2 --json",
        "countersign export d --out o --unrecorded",
        "countersign export grpc://h:1 --out o --preset native --from 5 --to 9 --identity i",
        "countersign export grpc://h:1 --out o --since 2026-01-01 --until 7d --key k --json",
        "countersign export d --out o --case 3 --partition-by-day --unrecorded",
        "countersign export d --out o --since-last --file-rows 1000 --file-mib 64",
        "countersign export d --out o --preset security-lake --lake-region r --lake-account 1",
        "countersign export d --out o --preset panther --ocsf 1.9.0",
        "countersign export d --out o --preset jsonl",
        "countersign export d --out o --preset cef",
        "countersign export d --out o --preset syslog",
        "countersign status --json",
        "countersign completions bash",
        "countersign man --out d",
    ];

    #[test]
    fn the_contract_parses() {
        for line in CONTRACT {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
        }
    }

    #[test]
    fn nonsense_is_refused_with_code_2() {
        for line in [
            "countersign",
            "countersign nothing",
            "countersign ledger init --dir d",
            "countersign access request db admin --reason r",
            "countersign access request db admin --for soon --reason r",
            "countersign access request db admin --for 1h",
            "countersign access request db admin --for 1h --reason r --severity high",
            "countersign access review 3",
            "countersign access review 3 --approve --deny --reason r",
            "countersign access review 3 --deny",
            "countersign access review 0 --approve",
            "countersign access feedback 3 --sufficient maybe --wait-ok yes",
            "countersign access delegate eve",
            "countersign access list --all --mine",
            "countersign insights --by moon",
            "countersign insights --json --report f",
            "countersign access show x",
            "countersign case export 3",
            "countersign case export 0 --out f",
            "countersign report --from 90d",
            "countersign report --from 90d --json --out f",
            "countersign policy check",
            "countersign policy starter",
            "countersign policy show 0",
            "countersign ca issue --dir d --role king --name x --out o",
            "countersign ca revoke --dir d 0a1b",
            "countersign log --dir d --server https://a:1",
            "countersign log --since yesterday",
            "countersign log --kind Nothing",
            "countersign show",
            "countersign proof",
            "countersign proof --check f --key k",
            "countersign proof --check f --leaf 00 --record r --key k",
            "countersign export",
            "countersign export d",
            "countersign export d --out o --preset nothing",
            "countersign export d --out o --preset jsonl --ocsf 1.4.0",
            "countersign export d --out o --case 0",
            "countersign export d --out o --since yesterday",
            "countersign export d --out o --file-rows 0",
            "countersign ledger serve --dir d --http 127.0.0.1:1 --no-http",
            "countersign collector tail",
            "countersign collector run --grant 7",
            "countersign collector run -- psql",
            "countersign collector agent",
            "countersign chatbot",
            "countersign chatbot serve --tls-cert c",
            "countersign chatbot serve --web nowhere",
            "countersign sink",
            "countersign sink run",
            "countersign sink dead-letters f",
            "countersign sink dead-letters f siem --retry --json",
            "countersign session play",
            "countersign session grep x",
            "countersign session export 5",
            "countersign collector tail --dry-run --state s f",
        ] {
            assert_eq!(parse(line).expect_err(line).exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn what_one_of_two_is_needed_of_is_told_with_both() {
        let missing = parse("countersign chatbot manifest slack").expect_err("neither");
        let told = missing.to_string();
        assert!(told.contains("--url <URL>|--socket-mode"), "{told}");
        let both = "countersign chatbot manifest slack --socket-mode --url https://a.example";
        assert_eq!(parse(both).expect_err("both").exit_code(), 2);
        parse("countersign chatbot manifest slack --socket-mode").expect("one of them");
    }

    #[test]
    fn every_command_explains_itself_with_an_example() {
        fn walk(command: &clap::Command, path: &str) {
            let name = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{name} has no about");
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{name}: {} has no help",
                    argument.get_id()
                );
            }
            if command.get_subcommands().next().is_none() && command.get_name() != "help" {
                let help = command.clone().render_long_help().to_string();
                assert!(help.contains("Example"), "{name} has no example");
            }
            command
                .get_subcommands()
                .for_each(|command| walk(command, &name));
        }
        walk(&Cli::command(), "");
    }
}

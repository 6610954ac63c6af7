//! `countersign ca`: issues, revokes and lists certificates.

use std::io::Write;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use countersign_chain::principal::Principal;
use countersign_ledger::identity::role::Role;
use countersign_proto::v1;
use serde_json::json;

use super::issue::{self, Authority, Subject};
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::{json_page, printable};
use countersign_proto::reading::text::wire;

const DAY: u64 = 86_400;

/// Issue, revoke and list certificates
#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    Issue(IssueArgs),
    Revoke(RevokeArgs),
    List(ListArgs),
}

/// A name that a principal may have.
fn name(text: &str) -> Result<String, String> {
    let principal = Principal::parse(&format!("agent:{text}"));
    principal
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

fn roles() -> impl clap::builder::TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|text| Role::parse(&text))
}

/// Make an identity: a new key and a certificate for it
///
/// Makes a new key in --out, has it certified, and writes what clients need beside it: key.pem
/// (mode 0600), cert.pem, ca.pem and log.vkey. The key leaves the folder never; the certificate is
/// an entry of the log.
///
/// With --dir it works with and without a running server; with --server it takes an administrator's
/// identity. docs/roles.md says what each role may do.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign ca issue --dir /var/lib/countersign/data --role agent --name db-prod-1 \\
    --out ./db-prod-1
  countersign collector tail --server https://ledger.example.com:7443 --identity ./db-prod-1 \\
    /var/log/auth.log")]
pub(crate) struct IssueArgs {
    /// What the owner may do
    #[arg(long, value_name = "ROLE", value_parser = roles())]
    pub(crate) role: Role,
    /// Name within the role, for example db-prod-1 or ada@example.com
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) name: String,
    /// Folder to write
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Days of validity
    #[arg(long, value_name = "N", default_value = "30")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=397))]
    pub(crate) days: u64,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// Refuse a certificate from the next call on
///
/// The next call of its owner is refused, and the revocation is an entry of the log.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign ca list --dir /var/lib/countersign/data
  countersign ca revoke --dir /var/lib/countersign/data 3f0c52d0a1b2c3d4e5f60718293a4b5c \\
    --reason 'laptop lost'")]
pub(crate) struct RevokeArgs {
    /// Serial number, as `ca list` shows it
    #[arg(value_name = "SERIAL")]
    pub(crate) serial: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// List what was issued and revoked
///
/// Lists every certificate that the log knows, oldest first, with its state.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign ca list --dir /var/lib/countersign/data
  countersign ca list --json | jq -r '.[] | select(.revoked_index == 0) | .principal'")]
pub(crate) struct ListArgs {
    /// A JSON array
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

pub(crate) async fn run(command: CaCommand, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    match command {
        CaCommand::Issue(args) => issue(args, out).await,
        CaCommand::Revoke(args) => revoke(args, out).await,
        CaCommand::List(args) => list(args, out).await,
    }
}

async fn issue(args: IssueArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let authority = Authority::open(&args.connect).await?;
    let valid_seconds = args.days.saturating_mul(DAY);
    let subject = Subject {
        role: args.role,
        name: args.name,
        valid_seconds,
    };
    let certificate = issue::issue(&authority, &subject, &args.out).await?;
    authority.close().await?;
    writeln!(
        out,
        "Issued {} (serial {}, until {}) as entry {}; the identity is in {}.",
        printable(&certificate.principal),
        printable(&certificate.serial),
        wire(certificate.not_after.as_ref()),
        certificate.issued_index,
        args.out.display()
    )?;
    Ok(Outcome::Fine)
}

async fn revoke(args: RevokeArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let authority = Authority::open(&args.connect).await?;
    let certificate = authority.revoke(&args.serial, &args.reason).await?;
    authority.close().await?;
    writeln!(
        out,
        "Revoked {} (serial {}) as entry {}.",
        printable(&certificate.principal),
        printable(&certificate.serial),
        certificate.revoked_index
    )?;
    Ok(Outcome::Fine)
}

async fn list(args: ListArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let certificates = Authority::open(&args.connect).await?.list().await?;
    if args.json {
        let all: Vec<_> = certificates.iter().map(object).collect();
        json_page(out, &json!(all))?;
        return Ok(Outcome::Fine);
    }
    for certificate in &certificates {
        let state = match certificate.revoked_index {
            0 => String::new(),
            index => format!("  REVOKED by entry {index}"),
        };
        writeln!(
            out,
            "{}  {:<28}  until {}  entry {}{state}",
            printable(&certificate.serial),
            printable(&certificate.principal),
            wire(certificate.not_after.as_ref()),
            certificate.issued_index
        )?;
    }
    Ok(Outcome::Fine)
}

fn object(certificate: &v1::Certificate) -> serde_json::Value {
    json!({
        "principal": certificate.principal,
        "serial": certificate.serial,
        "not_before": wire(certificate.not_before.as_ref()),
        "not_after": wire(certificate.not_after.as_ref()),
        "issued_index": certificate.issued_index,
        "revoked_index": certificate.revoked_index,
    })
}

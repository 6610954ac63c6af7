//! `access request` and `access break-glass`: what opens a case.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use clap::builder::PossibleValuesParser;
use countersign_client::{Changed, Client};
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_proto::convert::timestamp;
use countersign_proto::v1;

use super::{SayArgs, told};
use crate::exit::Outcome;
use crate::output::{Progress, printable};
use crate::span::Span;
use crate::when::Ahead;

/// Between two looks at a case that waits for decisions.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Severities that an incident may have.
const SEVERITIES: [&str; 4] = ["sev1", "sev2", "sev3", "sev4"];

/// What is wanted, and what for.
#[derive(Debug, Args)]
pub(crate) struct WantArgs {
    /// Resource, as the policy names it
    #[arg(value_name = "RESOURCE")]
    resource: String,
    /// Permission on it, as the policy names it
    #[arg(value_name = "PERMISSION")]
    permission: String,
    /// How long, for example 90s, 15m, 1h30m or 2d
    #[arg(long = "for", value_name = "SPAN", value_parser = Span::parse)]
    span: Span,
    /// Ticket of another system
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// Severity of the incident
    #[arg(long, value_name = "SEV", value_parser = PossibleValuesParser::new(SEVERITIES))]
    severity: Option<String>,
    /// Another system that is affected; may be repeated
    #[arg(long, value_name = "SYSTEM")]
    affected: Vec<String>,
}

impl WantArgs {
    /// As the ledger is asked.
    pub(super) fn ask(&self, reason: &str, start: Option<&Ahead>) -> anyhow::Result<v1::Ask> {
        let start = start.map(|start| start.resolve(SystemClock::new().wall()));
        Ok(v1::Ask {
            resource: self.resource.clone(),
            permission: self.permission.clone(),
            duration_seconds: self.span.seconds(),
            reason: reason.to_owned(),
            ticket: self.ticket.clone().unwrap_or_default(),
            severity: self.severity.clone().unwrap_or_default(),
            affected: self.affected.clone(),
            start: start.transpose()?.map(timestamp),
        })
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        let (what, on) = (printable(&self.permission), printable(&self.resource));
        format!("{what} on {on} for {}", self.span)
    }
}

/// Ask for access
///
/// Opens a case, which waits for those whom the policy asks to agree. Access begins when the last
/// of them has, or at --start; its time is counted from there.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign access request orders-db read-only --for 1h --reason 'index is broken'
  countersign access request orders-db read-write --for 30m --reason 'restore' --ticket OPS-7 \\
    --severity sev2 --affected billing --wait && psql -h orders-db")]
pub(crate) struct RequestArgs {
    #[command(flatten)]
    want: WantArgs,
    /// Why, for those who decide and for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// When it is wanted: RFC 3339, a date, or how long from now; as soon as approved without it
    #[arg(long, value_name = "TIME", value_parser = Ahead::parse)]
    start: Option<Ahead>,
    /// Wait for the decision; the exit code is 1 when no access comes of it
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    say: SayArgs,
}

/// Take access at once, to be reviewed afterwards
///
/// Access begins at once where the policy allows it. Others are told, and somebody else has to say
/// afterwards whether it was justified.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign access break-glass orders-db break-glass --for 30m --severity sev1 \\
    --reason 'checkout is down, nobody of security answers'")]
pub(crate) struct BreakGlassArgs {
    #[command(flatten)]
    want: WantArgs,
    /// Why, for the review and for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    say: SayArgs,
}

pub(super) async fn request(args: RequestArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.say.connect.client().await?;
    let ask = args.want.ask(&args.reason, args.start.as_ref())?;
    let request = v1::RequestAccessRequest {
        call: Some(args.say.call()),
        ask: Some(ask),
    };
    let changed = client.request_access(request).await?;
    let about = changed.run.first_index;
    let mut changed = told::with_case(&client, changed, about).await?;
    if args.wait {
        let case = changed.case.as_ref().map_or(about, |case| case.id);
        writeln!(std::io::stderr(), "Case {case} waits for decisions.")?;
        changed = decided(&client, changed).await.with_context(|| {
            format!("case {case} goes on; `countersign access show {case}` tells how")
        })?;
    }
    let what = format!("Asked for {}", args.want.text());
    told::changed(out, &what, &changed, args.say.json)?;
    Ok(
        if args.wait && changed.case.as_ref().is_some_and(is_without_access) {
            Outcome::Found
        } else {
            Outcome::Fine
        },
    )
}

pub(super) async fn break_glass(
    args: BreakGlassArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Outcome> {
    let client = args.say.connect.client().await?;
    let request = v1::BreakGlassRequest {
        call: Some(args.say.call()),
        ask: Some(args.want.ask(&args.reason, None)?),
    };
    let changed = client.break_glass(request).await?;
    let about = changed.run.first_index;
    let changed = told::with_case(&client, changed, about).await?;
    let what = format!("Took {}", args.want.text());
    told::changed(out, &what, &changed, args.say.json)?;
    Ok(Outcome::Fine)
}

/// The same change with its case once nobody has to decide any more.
async fn decided(client: &Client, mut changed: Changed) -> anyhow::Result<Changed> {
    let mut progress = Progress::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    let waits = |case: &&v1::Case| case.status() == v1::CaseStatus::Pending;
    while let Some(case) = changed.case.as_ref().filter(waits) {
        let (id, summary) = (case.id, printable(&case.summary));
        progress.show(&format!("case {id}: {summary}"));
        look.tick().await;
        changed.case = Some(client.case(id).await?);
    }
    Ok(changed)
}

/// Whether a case that was decided gave no access.
fn is_without_access(case: &v1::Case) -> bool {
    match case.status() {
        v1::CaseStatus::Refused => true,
        v1::CaseStatus::Closed => case.grant.is_none(),
        v1::CaseStatus::Pending
        | v1::CaseStatus::Scheduled
        | v1::CaseStatus::Active
        | v1::CaseStatus::Ended
        | v1::CaseStatus::Unspecified => false,
    }
}

//! `access feedback`: how it was for those who took part.

use std::io::Write;

use clap::{Args, ValueEnum};
use countersign_proto::v1;

use super::{SayArgs, number, told};
use crate::exit::Outcome;

/// An answer of few words.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Answer {
    /// Yes
    Yes,
    /// In part
    Partly,
    /// No
    No,
}

impl Answer {
    fn to_wire(self) -> i32 {
        let rating = match self {
            Self::Yes => v1::Rating::Yes,
            Self::Partly => v1::Rating::Partly,
            Self::No => v1::Rating::No,
        };
        rating.into()
    }
}

/// Say how it was
///
/// Those who took part in a case say once whether the access was what was needed, and whether the
/// wait was acceptable.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign access feedback 1042 --sufficient yes --wait-ok partly --comment 'took 20 minutes'")]
pub(crate) struct FeedbackArgs {
    /// Number of the case
    #[arg(value_name = "CASE", value_parser = number())]
    case: u64,
    /// Whether the access was what was needed
    #[arg(long, value_name = "ANSWER")]
    sufficient: Answer,
    /// Whether the wait was acceptable
    #[arg(long, value_name = "ANSWER")]
    wait_ok: Answer,
    /// Anything else
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
    #[command(flatten)]
    say: SayArgs,
}

pub(super) async fn run(args: FeedbackArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.say.connect.client().await?;
    let request = v1::SubmitFeedbackRequest {
        call: Some(args.say.call()),
        case: args.case,
        access_sufficient: args.sufficient.to_wire(),
        wait_acceptable: args.wait_ok.to_wire(),
        comment: args.comment,
    };
    let changed = client.submit_feedback(request).await?;
    let changed = told::with_case(&client, changed, args.case).await?;
    let what = format!("Took feedback on case {}", args.case);
    told::changed(out, &what, &changed, args.say.json)?;
    Ok(Outcome::Fine)
}

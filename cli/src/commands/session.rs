//! `countersign session`: recorded sessions, and looking at them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use countersign_client::Client;
use countersign_collector::recording::{
    self, Cast, Escapes, LedgerParts, OnDamage, Pace, Played, Speed,
};
use countersign_proto::v1;
use serde_json::{Value, json};

use super::collector::stop_token;
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::{counted, grouped, json_line, json_page, printable};
use countersign_proto::reading::recording as recorded;
use countersign_proto::reading::text::wire;

/// Sessions of a page.
const PAGE: u32 = 500;

/// List recorded sessions, and look at their recordings
#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    List(ListArgs),
    Play(PlayArgs),
    Grep(GrepArgs),
    Export(ExportArgs),
}

/// List sessions, newest first
///
/// Administrators, auditors and people whom the policy permits `read_audit` see all of them, others
/// their own.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign session list --person ada")]
pub(crate) struct ListArgs {
    /// Sessions of this person
    #[arg(long, value_name = "PERSON", default_value = "")]
    person: String,
    /// Sessions of this case
    #[arg(long, value_name = "N", default_value = "0")]
    case: u64,
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", default_value = "50")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// A JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Play a recording in the terminal
///
/// Shows what the session showed, at its pace. Looking at it is an entry of the log, written before
/// anything is shown. Escape sequences that make a terminal answer or change its settings are left
/// out.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign session play 1047 --speed 4 --idle-limit 1
  countersign session play 1047 --text | less")]
pub(crate) struct PlayArgs {
    /// Number of the session
    #[arg(value_name = "N")]
    session: u64,
    /// Times faster
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    speed: f64,
    /// Longest pause, in seconds, also in parts of one
    #[arg(long, value_name = "SECONDS", value_parser = pause)]
    idle_limit: Option<Duration>,
    /// Plain text, at once, without colours and cursor movements
    #[arg(long)]
    text: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Seconds, as in 2 or 0.5.
fn pause(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok();
    let pause = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    pause.ok_or_else(|| "expected seconds, as in 2 or 0.5".to_owned())
}

/// Search what sessions showed
///
/// Prints the lines that match, with the time since the session began. Each session that is
/// searched is an entry of the log. The exit code is 1 when nothing matches.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign session grep 'DELETE FROM' 1047 1051")]
pub(crate) struct GrepArgs {
    /// Regular expression
    #[arg(value_name = "PATTERN")]
    pattern: String,
    /// Numbers of sessions
    #[arg(value_name = "N", required = true)]
    sessions: Vec<u64>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Write a recording as an asciicast v2 file
///
/// Players of asciinema read it. Exporting is an entry of the log.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign session export 1047 --out 1047.cast")]
pub(crate) struct ExportArgs {
    /// Number of the session
    #[arg(value_name = "N")]
    session: u64,
    /// File to write; one that exists is left alone
    #[arg(long, short = 'o', value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl SessionCommand {
    pub(crate) async fn run(self, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        match self {
            Self::List(args) => list(args, out).await,
            Self::Play(args) => play(args).await,
            Self::Grep(args) => grep(args, out).await,
            Self::Export(args) => export(args, out).await,
        }
    }
}

async fn list(args: ListArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.connect.client().await?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut request = v1::ListSessionsRequest {
        person: args.person,
        case: args.case,
        page_size: PAGE.min(args.limit),
        ..v1::ListSessionsRequest::default()
    };
    let mut sessions = Vec::new();
    loop {
        let page = client.sessions(request.clone()).await?;
        sessions.extend(page.sessions);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() || sessions.len() >= limit {
            break;
        }
    }
    sessions.truncate(limit);
    if args.json {
        let all: Value = sessions.iter().map(object).collect();
        json_page(out, &all)?;
        return Ok(Outcome::Fine);
    }
    for session in &sessions {
        writeln!(out, "{}", line(session))?;
    }
    match sessions.first() {
        None => writeln!(out, "No session matches.")?,
        Some(first) => writeln!(out, "\nNext:\n  countersign session play {}", first.session)?,
    }
    Ok(Outcome::Fine)
}

fn object(session: &v1::SessionSummary) -> Value {
    json!({
        "session": session.session,
        "case": session.case,
        "grant": session.grant,
        "person": session.person,
        "recorder": session.recorder,
        "resource": session.resource,
        "client": session.client,
        "source_address": session.source_address,
        "started_at": wire(session.started_at.as_ref()),
        "ended_at": wire(session.ended_at.as_ref()),
        "reason": session.reason,
        "exit_status": session.exit_status,
        "recording": recorded(session.recording.as_ref()),
    })
}

fn line(session: &v1::SessionSummary) -> String {
    let end = if session.ended_at.is_none() {
        // It lasts, or its recorder was killed: the log knows no more.
        "not ended".to_owned()
    } else {
        format!("{}, status {}", session.reason, session.exit_status)
    };
    let recording = session.recording.map_or_else(String::new, |recording| {
        let commands = counted(recording.commands, "command", "commands");
        format!(", {commands}, {} bytes", grouped(recording.output_bytes))
    });
    format!(
        "{:>8}  {}  {:<20}  {:<20}  {:<10}  {}{recording}",
        session.session,
        wire(session.started_at.as_ref()),
        printable(&session.person),
        printable(&session.resource),
        printable(&session.client),
        printable(&end),
    )
}

async fn cast(
    client: &Client,
    session: u64,
    purpose: &str,
    on_damage: OnDamage,
) -> anyhow::Result<Cast<LedgerParts>> {
    let stream = client.recording(session, purpose, "").await?;
    Ok(Cast::new(LedgerParts(stream), on_damage))
}

async fn play(args: PlayArgs) -> anyhow::Result<Outcome> {
    let speed = Speed::new(args.speed)?;
    let client = args.connect.client().await?;
    let mut cast = cast(&client, args.session, "play", OnDamage::PassOver).await?;
    let mut out = io::stdout();
    if args.text {
        recording::text(&mut cast, &mut out).await?;
    } else {
        let pace = Pace {
            speed,
            idle_limit: args.idle_limit,
            escapes: Escapes::Tamed,
        };
        let played = recording::play(&mut cast, pace, &mut out, &stop_token()?).await?;
        if played == Played::Stopped {
            return Ok(Outcome::Fine);
        }
    }
    damaged(&cast)
}

/// What could not be shown is told, and is not nothing.
fn damaged(cast: &Cast<LedgerParts>) -> anyhow::Result<Outcome> {
    for damage in cast.damages() {
        let why = damage.harm.to_string();
        let told = format!("countersign: part {}: {}", damage.part, printable(&why));
        writeln!(io::stderr(), "{told}")?;
    }
    Ok(if cast.damages().is_empty() {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

async fn grep(args: GrepArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let pattern = recording::pattern(&args.pattern)?;
    let client = args.connect.client().await?;
    let mut found = Outcome::Found;
    for session in args.sessions {
        let mut cast = cast(&client, session, "grep", OnDamage::PassOver).await?;
        let mut hits = Vec::new();
        let each = |hit| {
            hits.push(hit);
            ControlFlow::Continue(())
        };
        recording::grep(&mut cast, &pattern, each).await?;
        for hit in hits {
            found = Outcome::Fine;
            if args.json {
                let text = &hit.text;
                let value = json!({
                    "session": session, "line": hit.number, "at_micros": hit.at, "text": text,
                });
                json_line(out, &value)?;
            } else {
                let seconds = Duration::from_micros(hit.at).as_secs_f64();
                writeln!(out, "{session}:{seconds:.1}s: {}", printable(&hit.text))?;
            }
        }
        damaged(&cast)?;
    }
    Ok(found)
}

fn make(path: &Path) -> anyhow::Result<File> {
    File::create_new(path).map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::NotFound => "make its folder first",
            io::ErrorKind::AlreadyExists => "give a file that is not there",
            _ => "give another file",
        };
        let path = path.display();
        anyhow::Error::from(error).context(format!("cannot make {path}; {advice}"))
    })
}

async fn export(args: ExportArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let path = args.out.display();
    let file = make(&args.out)?;
    let client = args.connect.client().await?;
    let exported = async {
        let mut cast = cast(&client, args.session, "export", OnDamage::PassOver).await?;
        let mut file = BufWriter::new(&file);
        recording::export(&mut cast, &mut file).await?;
        file.flush()?;
        damaged(&cast)
    };
    let exported = exported.await;
    if exported.is_err() {
        // Half a recording must not pass for one.
        std::fs::remove_file(&args.out).ok();
    } else {
        writeln!(out, "Wrote {path}.")?;
    }
    exported
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_made_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        std::fs::write(&there, "precious").unwrap();
        let why = |path: &Path| make(path).unwrap_err().to_string();
        assert!(why(&there).contains("that is not there"));
        assert!(why(&folder.path().join("no/such")).contains("make its folder first"));
        assert_eq!(std::fs::read_to_string(&there).unwrap(), "precious");
    }

    #[test]
    fn a_session_without_an_end_is_not_said_to_last() {
        let text = line(&v1::SessionSummary::default());
        assert!(text.contains("not ended"), "{text}");
    }
}

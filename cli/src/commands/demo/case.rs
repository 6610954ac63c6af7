//! The demo's access case: asked for, refused, approved, used, over, and looked back at.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use countersign_chain::time::UnixMicros;
use countersign_client::{CallError, Client, Filter};
use countersign_ledger::clock::{Clock, SystemClock};
use countersign_ledger::identity::role::Role;
use countersign_proto::v1::{self, CaseStatus, Decision};
use countersign_workflow::policy;
use parking_lot::Mutex;

use super::inbox::{Inbox, Sent, Visitor, drawn};
use super::{session, stage::Stage};
use crate::render;

/// How often a deadline's entry is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// How long it may take: the ledger looks at its clock four times a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// This machine's clock, moved on by the demo, so that nobody has to wait an hour for the end of an
/// access.
#[derive(Debug, Default)]
pub(super) struct DemoClock {
    system: SystemClock,
    ahead: Mutex<Duration>,
}

impl DemoClock {
    fn step(&self, time: Duration) {
        *self.ahead.lock() += time;
    }
}

impl Clock for DemoClock {
    fn wall(&self) -> UnixMicros {
        let ahead = u64::try_from(self.ahead.lock().as_micros()).unwrap_or(0);
        let now = self.system.wall();
        UnixMicros::new(now.get().saturating_add(ahead)).unwrap_or(now)
    }

    fn monotonic(&self) -> Duration {
        self.system.monotonic() + *self.ahead.lock()
    }
}

/// Plays a case, and shows it from the log.
pub(super) async fn play(
    stage: &Stage,
    clock: &Arc<DemoClock>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    writeln!(out, "4. Bruno needs to look into a production database")?;
    put_policy(stage, out).await?;
    let mut inbox = Inbox::open(stage, clock, &["bruno", "dana", "ada"]).await?;
    writeln!(
        out,
        "   inbox    {} (open while the case is played)",
        inbox.url
    )?;
    let bruno = stage.person("bruno").await?;
    let mut visitor = inbox.visitor("bruno").await?;
    let case = ask(&mut visitor, out).await?;
    approve_own(&bruno, case, out).await?;
    decide(&mut inbox, &bruno, case, out).await?;
    let session = session::record(stage, &bruno, case, out).await?;
    clock.step(Duration::from_secs(3_600));
    wait(&bruno, case, CaseStatus::Ended).await?;
    writeln!(
        out,
        "   an hour passes (the demo moves the clock): access ends by itself"
    )?;
    let feedback = [
        ("sufficient", "yes"),
        ("wait", "yes"),
        ("reason", "found the stuck payment"),
    ];
    let page = format!("/case/{case}");
    match visitor
        .send(&page, &format!("{page}/feedback"), &feedback)
        .await?
    {
        Sent::To(_) => {}
        Sent::Refused(why) => anyhow::bail!("bruno could not say how it was: {why}"),
    }
    inbox.close().await?;
    clock.step(Duration::from_secs(25 * 3_600));
    wait(&bruno, case, CaseStatus::Closed).await?;
    writeln!(
        out,
        "   bruno says how it was, a day passes, and the case is closed. In the log:\n"
    )?;
    timeline(stage, case, out).await?;
    session::play(stage, session, out).await
}

/// The policy of a small company comes into force.
async fn put_policy(stage: &Stage, out: &mut dyn Write) -> anyhow::Result<()> {
    let admin = stage.admin().await?;
    let files = policy::starter();
    let files = files.files().map(|(name, text)| v1::PolicyFile {
        name: name.to_owned(),
        text: text.to_owned(),
    });
    let put = v1::PutPolicyRequest {
        files: files.collect(),
        ..v1::PutPolicyRequest::default()
    };
    let put = admin.put_policy(put).await?;
    writeln!(
        out,
        "   policy   entry {}: that of a small company (Cedar)",
        put.policy.index
    )?;
    Ok(())
}

/// Two people see what a chat would show them, and approve in the inbox.
async fn decide(
    inbox: &mut Inbox,
    bruno: &Client,
    case: u64,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let review = format!("/case/{case}/review");
    for name in ["dana", "ada"] {
        let card = inbox.card(case, name).await?;
        writeln!(
            out,
            "   {name:<8} is told; in Slack and in Teams that would be"
        )?;
        write!(out, "{}", drawn(&card))?;
        let mut reviewer = inbox.visitor(name).await?;
        let yes = [("choice", "approve"), ("reason", "seen")];
        match reviewer
            .send(&format!("/case/{case}"), &review, &yes)
            .await?
        {
            Sent::To(_) => {}
            Sent::Refused(why) => anyhow::bail!("{name} could not approve: {why}"),
        }
        let now = bruno.case(case).await?;
        writeln!(
            out,
            "   {name:<8} approves in the inbox; the case is {}",
            now.summary
        )?;
    }
    Ok(())
}

async fn ask(bruno: &mut Visitor, out: &mut dyn Write) -> anyhow::Result<u64> {
    let wish = [
        ("what", "payments-db read-only"),
        ("duration", "1h"),
        ("reason", "a payment is stuck"),
        ("ticket", "PAY-17"),
        ("severity", "sev2"),
        ("step", "send"),
    ];
    let path = match bruno.send("/request", "/request", &wish).await? {
        Sent::To(path) => path,
        Sent::Refused(why) => anyhow::bail!("bruno could not ask: {why}"),
    };
    let number = path.trim_start_matches("/case/").split('?').next();
    let case = number.unwrap_or_default().parse();
    let case = case.with_context(|| format!("expected the page of a case, got {path}"))?;
    writeln!(
        out,
        "   bruno    asks in the inbox for payments-db, read-only, for an hour: case {case}"
    )?;
    Ok(case)
}

fn yes(request: u64) -> v1::ReviewRequest {
    v1::ReviewRequest {
        request,
        decision: Decision::Approve.into(),
        ..v1::ReviewRequest::default()
    }
}

async fn approve_own(bruno: &Client, case: u64, out: &mut dyn Write) -> anyhow::Result<()> {
    match bruno.review(yes(case)).await {
        Err(CallError::Refused {
            reason: Some(reason),
            message,
            ..
        }) => {
            writeln!(out, "   bruno    approves it himself: {reason}, {message}")?;
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(_changed) => anyhow::bail!("the ledger let bruno approve his own request"),
    }
}

/// Waits until the ledger has written what is due.
async fn wait(client: &Client, case: u64, status: CaseStatus) -> anyhow::Result<()> {
    let reached = async {
        while client.case(case).await?.status() != status {
            tokio::time::sleep(LOOK).await;
        }
        Ok::<_, CallError>(())
    };
    Ok(tokio::time::timeout(PATIENCE, reached).await??)
}

/// The entries of the case, as an auditor reads them.
async fn timeline(stage: &Stage, case: u64, out: &mut dyn Write) -> anyhow::Result<()> {
    let auditor = stage.client(Role::Auditor).await?;
    let filter = Filter {
        case,
        ..Filter::default()
    };
    let mut pages = auditor.list(filter);
    while let Some(page) = pages.next().await? {
        for entry in page.entries {
            writeln!(out, "{}", render::line_of_case(&entry))?;
        }
    }
    writeln!(
        out,
        "\n   `{} access show {case}` shows it while the ledger runs.\n",
        crate::words::program()
    )?;
    Ok(())
}

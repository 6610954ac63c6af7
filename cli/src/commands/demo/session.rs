//! The demo's session: a real shell under the grant, recorded, and played back.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write};
use std::sync::Arc;

use anyhow::Context as _;
use countersign_client::Client;
use countersign_collector::outlet::Outlet as _;
use countersign_collector::recording::{self, Cast, LedgerParts, OnDamage};
use countersign_collector::redact::Redacting;
use countersign_collector::session::{self, Clock, Options, Parts, Terminal, watch_grant};
use countersign_collector::spool::{self, LedgerUplink, Owner, Patience, Spool, ship};
use countersign_ledger::identity::role::Role;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::stage::Stage;
use crate::output::{counted, printable};
use crate::redact::redactor;

/// What bruno types. The password is none.
const TYPED: &str = "\
uname -sr
export PGPASSWORD=correct-horse-battery-staple
echo \"1 payment is stuck\"
exit
";

/// Runs the shell, and returns the number of the session.
pub(super) async fn record(
    stage: &Stage,
    bruno: &Client,
    case: u64,
    out: &mut dyn Write,
) -> anyhow::Result<u64> {
    let redactor = redactor(None)?;
    let (granted, watching) = watch_grant(bruno, case).await?;
    let grant = granted.grant;
    let dir = stage.root.join("bruno-spool");
    let owner = Owner {
        identity: "bruno".to_owned(),
        log: bruno.log().to_owned(),
    };
    let (spool, _) = Spool::open(&spool::Options::new(dir), &owner)?;
    let stop = CancellationToken::new();
    let sending = {
        let (spool, uplink, stop) = (spool.clone(), LedgerUplink(bruno.clone()), stop.clone());
        tokio::spawn(async move {
            let (trouble, _told) = watch::channel(None);
            ship((&spool, &Patience::default()), &uplink, stop, &trouble).await
        })
    };
    let (typed, mut shown) = (file(TYPED)?, file("")?);
    let parts = Parts {
        register: bruno.clone(),
        outlet: Redacting::new(spool.clone(), redactor.clone()),
        granted,
        standing: watching.standing(),
        masks: Arc::new(redactor),
        terminal: Terminal::new(typed.into(), shown.try_clone()?.into(), file("")?.into()),
        clock: Clock::system(),
        stop: CancellationToken::new(),
    };
    let shell = if std::path::Path::new("/bin/bash").exists() {
        "/bin/bash"
    } else {
        "/bin/sh"
    };
    let options = Options::new(vec![shell.into(), "-i".into()]);
    let ended = session::run(options, parts).await?;
    spool.durable().await?;
    stop.cancel();
    sending.await??;
    shown.rewind()?;
    let mut text = Vec::new();
    shown.read_to_end(&mut text)?;
    anyhow::ensure!(
        String::from_utf8_lossy(&text).contains("1 payment is stuck"),
        "the shell did not show what it was asked for"
    );
    let recorded = &ended.recording;
    writeln!(
        out,
        "   grant    {grant}, used in session {} with {shell}: {}, {} taken out",
        ended.session,
        counted(recorded.commands, "command", "commands"),
        counted(recorded.redactions, "secret", "secrets"),
    )?;
    Ok(ended.session)
}

/// A file without a name, with this text to be read from it.
fn file(text: &str) -> anyhow::Result<File> {
    let mut file = tempfile::tempfile().context("cannot make a file for the session")?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// Plays the recording as text, as an auditor sees it.
pub(super) async fn play(stage: &Stage, session: u64, out: &mut dyn Write) -> anyhow::Result<()> {
    let auditor = stage.client(Role::Auditor).await?;
    let stream = auditor.recording(session, "play", "").await?;
    let viewed = stream.viewed().index();
    let mut cast = Cast::new(LedgerParts(stream), OnDamage::Stop);
    let mut text = Vec::new();
    recording::text(&mut cast, &mut text).await?;
    let text = String::from_utf8_lossy(&text);
    writeln!(
        out,
        "   an auditor plays session {session}, which is entry {viewed}:\n"
    )?;
    for line in text.lines() {
        writeln!(out, "   | {}", printable(line))?;
    }
    anyhow::ensure!(
        text.contains("1 payment is stuck") && !text.contains("correct-horse"),
        "the recording is not what the session showed without its secret"
    );
    writeln!(out)?;
    Ok(())
}

//! The web inbox of a ledger to play with.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use countersign_chain::principal::Principal;
use countersign_chatbot::bot::Bot;
use countersign_chatbot::web::{Options, Web};
use countersign_client::Client;
use countersign_ledger::server::run::Server;
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use countersign_workflow::policy::starter;
use tokio_util::sync::CancellationToken;

use crate::commands::chatbot::{clock, recordings};
use crate::connect::ConnectArgs;

/// People of the starter policy, and what each of them is good for.
const PEOPLE: [(&str, &str); 3] = [
    ("bruno", "asks, and is on call in turn"),
    ("ada", "leads a team, and approves"),
    ("dana", "is of security, and reads everything"),
];

/// Puts the starter policy into force, if there is none.
pub(super) async fn policy(dir: &Path) -> anyhow::Result<()> {
    let admin = ConnectArgs::for_dir(dir, dir).client().await?;
    match admin.policy(0).await {
        Ok(_) => Ok(()),
        Err(error) if error.reason() == Some(Reason::PolicyMissing) => {
            let bundle = starter();
            let files = bundle.files().map(|(name, text)| v1::PolicyFile {
                name: name.to_owned(),
                text: text.to_owned(),
            });
            let request = v1::PutPolicyRequest {
                files: files.collect(),
                ..v1::PutPolicyRequest::default()
            };
            let put = admin.put_policy(request).await;
            put.context("cannot put the starter policy into force")?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens the inbox under the bot's identity.
pub(super) async fn open(dir: &Path, listen: SocketAddr) -> anyhow::Result<Web> {
    let mut config = ConnectArgs::for_dir(dir, dir).client_config()?;
    config.identity = dir.join("bot");
    // Two clients do not share the file of what they remember.
    config.remember = Some(dir.join("remembered.inbox.json"));
    let client = Client::connect(config).await?;
    let options = Options {
        listen,
        hosts: Vec::new(),
        url: None,
        tls: None,
        homes: Vec::new(),
        oidc: None,
        reader: Some(recordings::reader()),
    };
    let bot = Bot::open(client, clock()).await?;
    Ok(Web::bind(bot, options).await?)
}

/// Says where the inbox is, and how to get in.
pub(super) fn tell(out: &mut dyn Write, web: &Web) -> anyhow::Result<()> {
    writeln!(out, "The inbox is at {}", web.url())?;
    writeln!(
        out,
        "Each link signs one person in, once, within ten minutes; use a private window for the \
         second one:\n"
    )?;
    for (name, what) in PEOPLE {
        let link = web.invite(Principal::parse(&format!("user:{name}"))?)?;
        writeln!(out, "  {name:<6} {link}  ({what})")?;
    }
    writeln!(out)?;
    Ok(out.flush()?)
}

/// Serves both until they are told to stop, the inbox no longer than the ledger.
pub(super) async fn beside(
    web: Web,
    server: Server,
    stop: impl Future<Output = String> + Send + 'static,
) -> anyhow::Result<()> {
    let over = CancellationToken::new();
    let serving = tokio::spawn(web.serve(over.clone()));
    let asked = over.clone();
    let stop = async move {
        let why = stop.await;
        asked.cancel();
        why
    };
    let served = server.run(stop).await;
    over.cancel();
    serving.await??;
    Ok(served?)
}

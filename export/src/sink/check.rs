//! A dry run: whether each sink can be set up and its receiver reached.

use countersign_client::limits::CALL_TIMEOUT;
use countersign_client::{CallError, Client, Filter};

use super::clock::Clock;
use super::config::{Config, SinkConfig};
use super::open::{Any, Origin};
use super::parcel::Parcel;
use super::serve::encoder;
use super::{Outcome, Sink as _, store};

/// Whether something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Send {
    /// Nothing.
    Nothing,
    /// The first entry of the log, which a receiver takes for a repeat.
    First,
}

/// What was found out about a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Its name.
    pub sink: String,
    /// What was seen, or what is wrong.
    pub found: Result<String, String>,
}

/// Checks every sink of a configuration.
///
/// # Errors
/// [`CallError`] when the ledger does not let this identity follow the log, so that no sink can
/// run.
pub async fn check(
    client: &Client,
    config: &Config,
    clock: &Clock,
    send: Send,
) -> Result<Vec<Checked>, CallError> {
    may_follow(client).await?;
    let mut all = Vec::new();
    for sink in &config.sink {
        all.push(Checked {
            sink: sink.name.clone(),
            found: one(client, config, sink, (clock, send)).await,
        });
    }
    Ok(all)
}

/// Asks for what a run asks for first: the log as it is followed.
async fn may_follow(client: &Client) -> Result<(), CallError> {
    let mut follow = client.follow(0, Filter::default());
    match tokio::time::timeout(CALL_TIMEOUT, follow.next()).await {
        Ok(Some(Err(error))) => Err(error),
        // A ledger that does not answer any more is what each sink is told of.
        Ok(Some(Ok(_)) | None) | Err(_) => Ok(()),
    }
}

async fn one(
    client: &Client,
    config: &Config,
    sink: &SinkConfig,
    (clock, send): (&Clock, Send),
) -> Result<String, String> {
    let folder = config.folder(sink);
    store::make_folder(&folder)
        .and_then(|()| {
            let probe = folder.join("probe");
            store::replace(&probe, b"countersign\n")?;
            std::fs::remove_file(probe)
        })
        .map_err(|error| format!("cannot write in {}: {error}", folder.display()))?;
    let origin = Origin::of(client);
    let mut opened = Any::open(sink, &origin, clock)?;
    let seen = opened.probe().await?;
    if send == Send::Nothing {
        return Ok(seen);
    }
    if !opened.may_repeat() {
        return Ok(format!(
            "{seen}; nothing is sent, since it would stay there"
        ));
    }
    let entry = client.entry(0).await.map_err(|error| error.to_string())?;
    let parcel = Parcel::new(entry, &mut encoder(sink))?;
    match opened.deliver(&[parcel]).await {
        Outcome::Delivered { .. } => Ok(format!("{seen}; it has taken entry 0")),
        Outcome::Later { why, .. } => Err(format!("entry 0 was not taken: {why}")),
        Outcome::Refused { why, .. } => Err(format!("entry 0 was refused: {why}")),
    }
}

//! Sending again what was put aside, once its receiver takes it.

use std::path::PathBuf;

use countersign_client::{CallError, Client};

use super::clock::Clock;
use super::config::{Config, SinkConfig};
use super::letters::Letters;
use super::open::{Any, Origin};
use super::parcel::Parcel;
use super::serve::encoder;
use super::{Outcome, Sink as _};

/// Why nothing, or not all, could be sent again.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// The file cannot be read or written.
    #[error("{}: {source}", folder.display())]
    File {
        /// Folder of the sink.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The sink cannot be set up.
    #[error("{0}")]
    Open(String),
    /// The ledger does not give the entry.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The receiver does not answer as it should.
    #[error("the receiver takes nothing now: {0}; those that it has taken are out of the file")]
    Away(String),
}

/// What became of what was put aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resent {
    /// Indexes that the receiver has taken.
    pub delivered: Vec<u64>,
    /// Indexes that it refuses again, with what it says.
    pub refused: Vec<(u64, String)>,
}

/// Sends each entry that was put aside again, alone, read anew from the ledger. What the receiver
/// takes leaves the file. The sink may run meanwhile.
///
/// # Errors
/// [`ResendError`].
pub async fn resend(
    client: &Client,
    config: &Config,
    sink: &SinkConfig,
    clock: &Clock,
) -> Result<Resent, ResendError> {
    let folder = config.folder(sink);
    let file = |source| ResendError::File {
        folder: folder.clone(),
        source,
    };
    let letters = Letters::new(&folder);
    let origin = Origin::of(client);
    let mut opened = Any::open(sink, &origin, clock).map_err(ResendError::Open)?;
    let mut resent = Resent::default();
    let mut away = None;
    let indexes: Vec<u64> = letters.read().map_err(file)?.into_keys().collect();
    let mut encoder = encoder(sink);
    encoder
        .learn(
            client,
            indexes.last().map_or(0, |last| last.saturating_add(1)),
        )
        .await?;
    for index in indexes {
        let entry = client.entry(index).await?;
        let parcel = Parcel::new(entry, &mut encoder);
        match opened.deliver(&[parcel.map_err(ResendError::Open)?]).await {
            Outcome::Delivered { .. } => resent.delivered.push(index),
            Outcome::Refused { why, .. } => resent.refused.push((index, why)),
            Outcome::Later { why, .. } => {
                away = Some(why);
                break;
            }
        }
    }
    letters.remove(&resent.delivered).map_err(file)?;
    away.map_or(Ok(resent), |why| Err(ResendError::Away(why)))
}

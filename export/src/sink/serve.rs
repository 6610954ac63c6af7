//! All sinks of a configuration at work, until they are told to stop.

use std::path::PathBuf;
use std::sync::Arc;

use countersign_client::Client;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Sink as _;
use super::backoff::Backoff;
use super::clock::Clock;
use super::config::{Config, SinkConfig};
use super::cursor::{Cursor, CursorError, Stored};
use super::encoding::Encoder;
use super::feed::{Feed, Rules};
use super::lane::{Lane, LaneError, Parts};
use super::letters::Letters;
use super::meter::Meter;
use super::open::{Any, Origin};
use super::report::Reporter;
use super::store::{self, Owner};
use crate::limits::{HEAD_EVERY, STATUS_EVERY};

/// Why no sink can be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Its folder cannot be made or locked.
    #[error("sink {sink:?}: {}: {source}", folder.display())]
    Folder {
        /// Name of the sink.
        sink: String,
        /// Its folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process runs it.
    #[error("sink {sink:?}: another process has {}; stop that one first", folder.display())]
    Taken {
        /// Name of the sink.
        sink: String,
        /// Its folder.
        folder: PathBuf,
    },
    /// It cannot be set up.
    #[error("sink {sink:?}: {why}")]
    Open {
        /// Name of the sink.
        sink: String,
        /// Why.
        why: String,
    },
}

/// A sink that has stopped for good, and why.
#[derive(Debug)]
pub struct Stopped {
    /// Name of the sink.
    pub sink: String,
    /// Why.
    pub why: LaneError,
}

/// Sinks whose folders are taken, before the ledger has answered.
#[derive(Debug)]
pub struct Standby {
    sinks: Vec<Place>,
}

/// A sink and what it has on this machine.
#[derive(Debug)]
struct Place {
    config: SinkConfig,
    folder: PathBuf,
    meter: Arc<Meter>,
    owner: Owner,
}

impl Standby {
    /// Takes the folders of all sinks of a configuration, so that no other process runs them.
    ///
    /// # Errors
    /// [`ServeError`] names the sink.
    pub fn take(config: &Config) -> Result<Self, ServeError> {
        let sinks = config.sink.iter();
        let sinks = sinks.map(|sink| Place::take(sink, config.folder(sink)));
        Ok(Self {
            sinks: sinks.collect::<Result<_, _>>()?,
        })
    }

    /// Says in the status of all sinks why they do not begin.
    pub fn waits(&self, why: &str, clock: &Clock) {
        for place in &self.sinks {
            place.meter.ledger(Some(why));
            place.meter.write(&place.folder, clock, None);
        }
    }

    /// Brings entries to all sinks until `stop` is cancelled. One that fails does not stop the
    /// others; those that have stopped for good are returned.
    ///
    /// # Errors
    /// [`ServeError`] before any sink has begun.
    pub async fn serve(
        self,
        client: &Client,
        clock: &Clock,
        stop: &CancellationToken,
    ) -> Result<Vec<Stopped>, ServeError> {
        let origin = Origin::of(client);
        let mut ready = Vec::new();
        for place in self.sinks {
            let opened = Any::open(&place.config, &origin, clock);
            let sink = opened.map_err(|why| ServeError::Open {
                sink: place.config.name.clone(),
                why,
            })?;
            ready.push((place, sink));
        }
        let watched = ready.iter();
        let watched = watched.map(|(it, _)| (it.folder.clone(), Arc::clone(&it.meter)));
        let watched = watched.collect();
        let over = CancellationToken::new();
        let watcher = tokio::spawn(watch(client.clone(), clock.clone(), watched, over.clone()));
        let mut lanes = JoinSet::new();
        for ready in ready {
            let (client, clock, stop) = (client.clone(), clock.clone(), stop.clone());
            let (name, meter) = (ready.0.config.name.clone(), Arc::clone(&ready.0.meter));
            lanes.spawn(async move {
                let ran = run(ready, client, &clock, stop).await;
                ran.map_err(|why| {
                    let sink = name.as_str();
                    tracing::error!(sink, error = %why, "the sink has stopped, the others go on");
                    meter.failed(why.to_string());
                    Stopped { sink: name, why }
                })
            });
        }
        let mut stopped = Vec::new();
        while let Some(ended) = lanes.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(failed)) => stopped.push(failed),
                Err(error) => tracing::error!(%error, "a sink has ended without a word"),
            }
        }
        over.cancel();
        if let Err(error) = watcher.await {
            tracing::error!(%error, "the status of the sinks is not written any more");
        }
        Ok(stopped)
    }
}

impl Place {
    fn take(sink: &SinkConfig, folder: PathBuf) -> Result<Self, ServeError> {
        let name = || sink.name.clone();
        let failed = |source| ServeError::Folder {
            sink: name(),
            folder: folder.clone(),
            source,
        };
        store::make_folder(&folder).map_err(failed)?;
        let owner = Owner::take(&folder).map_err(failed)?;
        let owner = owner.ok_or_else(|| ServeError::Taken {
            sink: name(),
            folder: folder.clone(),
        })?;
        let meter = Meter::new(&sink.name);
        // One that is damaged is told of when the sink begins.
        if let Ok(Some(cursor)) = Cursor::read(&folder) {
            meter.is_at(cursor.next, None);
        }
        Ok(Self {
            config: sink.clone(),
            meter: Arc::new(meter),
            folder,
            owner,
        })
    }
}

async fn run(
    (place, sink): (Place, Any),
    client: Client,
    clock: &Clock,
    stop: CancellationToken,
) -> Result<(), LaneError> {
    let Place {
        config,
        folder,
        meter,
        owner,
    } = place;
    let cursor = Cursor::open(&folder, &client, config.from)?;
    meter.is_at(cursor.next, None);
    let mut encoder = encoder(&config);
    let say = |why: Option<&str>| meter.ledger(why);
    if !check((&cursor, &mut encoder), &client, (&config, &say), &stop).await? {
        return Ok(());
    }
    let (next, name) = (cursor.next, config.name.as_str());
    tracing::info!(sink = name, next, "bringing entries");
    let rules = Rules {
        limits: config.limits(),
        cut: sink.cut(),
        encoder,
    };
    let feed = Feed::open(&client, cursor.next, rules);
    let lane = Lane::new(Parts {
        reporter: Reporter::new(&config.name, &config.report, cursor.told.clone()),
        backoff: Backoff::new(config.retry.first.get(), config.retry.last.get()),
        hold_after: config.retry.hold_after,
        sink,
        client,
        clock: clock.clone(),
        letters: Letters::new(&folder),
        stored: Stored::new(cursor, folder),
        meter,
        stop,
    });
    let ran = lane.run(feed).await;
    drop(owner);
    ran
}

/// What makes lines of entries for a sink.
pub(super) fn encoder(config: &SinkConfig) -> Encoder {
    Encoder::new(config.encoding(), config.syslog.is_some())
}

/// Compares the cursor with the log, and learns what the lines need from it. A ledger that does not
/// answer is asked until it does; false when it is time to stop.
async fn check(
    (cursor, encoder): (&Cursor, &mut Encoder),
    client: &Client,
    (config, say): (&SinkConfig, &impl Fn(Option<&str>)),
    stop: &CancellationToken,
) -> Result<bool, CursorError> {
    use countersign_client::CallError;
    let mut backoff = Backoff::new(config.retry.first.get(), config.retry.last.get());
    loop {
        let check = async {
            cursor.check(client).await?;
            encoder.learn(client, cursor.next).await?;
            Ok::<(), CursorError>(())
        };
        let checked = tokio::select! {
            checked = check => checked,
            () = stop.cancelled() => return Ok(false),
        };
        let error = match checked {
            Ok(()) => {
                say(None);
                return Ok(true);
            }
            Err(CursorError::Call(error @ CallError::NoAnswer { .. })) => error,
            Err(error) => return Err(error),
        };
        tracing::warn!(sink = config.name.as_str(), %error, "the ledger does not answer");
        say(Some(&error.to_string()));
        let pause = backoff.next(getrandom::u64().unwrap_or(0), None);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return Ok(false),
        }
    }
}

/// Writes the status of all sinks each second, and measures how far they are behind.
async fn watch(
    client: Client,
    clock: Clock,
    sinks: Vec<(PathBuf, Arc<Meter>)>,
    over: CancellationToken,
) {
    let size = Mutex::new(None);
    let head = async {
        loop {
            match client.checkpoint().await {
                Ok(head) => *size.lock() = Some(head.size()),
                Err(error) => tracing::debug!(%error, "the size of the log is not known"),
            }
            tokio::time::sleep(HEAD_EVERY).await;
        }
    };
    let write = || {
        for (folder, meter) in &sinks {
            meter.write(folder, &clock, *size.lock());
        }
    };
    let status = async {
        loop {
            write();
            tokio::time::sleep(STATUS_EVERY).await;
        }
    };
    tokio::select! {
        () = head => {}
        () = status => {}
        () = over.cancelled() => {}
    }
    write();
}

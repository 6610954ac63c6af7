//! A run: looks at the files in turn, sends what they give, and stores the places that are sealed.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use countersign_client::{Draft, random_key};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::agent::{self, Stop};
use crate::limits::{SAVE_EVERY, STOP_PATIENCE};
use crate::sink::{Sink, SinkError};
use crate::tail::follower::{Follower, Look};
use crate::tail::redaction::Redaction;
use crate::tail::state::{self, Place, State};
use crate::tail::trouble::Trouble;
use crate::tail::{Options, Summary, TailError, Until};

/// Follows the files until they end or `stop` is cancelled. A ledger that is away is waited for;
/// after `stop`, for 5 s: what is not sealed then is sent again by the next run.
///
/// # Errors [`TailError`].
pub async fn tail<S: Sink>(
    options: &Options,
    sink: S,
    stop: CancellationToken,
) -> Result<Summary, TailError> {
    options.check()?;
    let _alone = options.state.as_deref().map(state::lock).transpose()?;
    let sealed = match &options.state {
        Some(path) => State::load(path, &options.agent)?,
        None => State::default(),
    };
    let followers: Vec<Follower> = options
        .files
        .iter()
        .map(|watched| {
            let place = sealed.get(&watched.path);
            let (agent, zone) = (options.agent.clone(), options.zone.clone());
            Follower::new(watched.clone(), agent, zone, options.until, place)
        })
        .collect();
    let ledger = Places {
        sealed,
        waiting: VecDeque::new(),
        changed: false,
        saved: None,
    };
    let run = random_key().map_err(TailError::Random)?;
    let mut tail = Tail {
        options,
        sink,
        stop,
        trouble: vec![Trouble::default(); followers.len()],
        followers,
        redaction: Redaction::new(options.redactor.clone()),
        places: ledger,
        watch_at: Instant::now() + options.interval,
        sent: 0,
        about: 0,
        gaps: 0,
    };
    let result = tail.run(&run).await;
    // Whatever happened: what is sealed need not be sent again.
    tail.places.acknowledge(tail.sink.acknowledged());
    let saved = tail.places.save(options);
    result?;
    saved?;
    let unfinished = tail.followers.iter().filter(|one| one.is_within_line());
    let unfinished = u64::try_from(unfinished.count()).unwrap_or(u64::MAX);
    Ok(Summary {
        sent: tail.sent,
        acknowledged: tail.sink.acknowledged(),
        about: tail.about,
        gaps: tail.gaps,
        unfinished,
    })
}

struct Tail<'a, S> {
    options: &'a Options,
    sink: S,
    stop: CancellationToken,
    followers: Vec<Follower>,
    redaction: Redaction,
    /// What was told of each file.
    trouble: Vec<Trouble>,
    /// When the files are looked at again while an event waits to be sent.
    watch_at: Instant,
    places: Places,
    sent: u64,
    /// How many of these are about the run.
    about: u64,
    /// How many of these say that lines are lost.
    gaps: u64,
}

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Go {
    On,
    Stop,
}

impl<S: Sink> Tail<'_, S> {
    async fn run(&mut self, run: &str) -> Result<(), TailError> {
        let sources = self.options.files.iter();
        let sources = sources
            .map(|file| format!("file:{}", file.path.display()))
            .collect();
        let mut go = self.send(agent::started(run, sources)).await?;
        self.about = self.sent;
        let mut end = Stop::Signal;
        while go == Go::On {
            let more;
            (go, more) = self.round().await?;
            self.keep_places(more)?;
            if go == Go::On && !more {
                if self.options.until != Until::Stopped {
                    end = Stop::EndOfInput;
                    break;
                }
                go = self.rest().await?;
            }
        }
        self.finish(agent::stopped(run, end)).await
    }

    /// Looks at each file once.
    async fn round(&mut self) -> Result<(Go, bool), TailError> {
        let mut any = false;
        for at in 0..self.followers.len() {
            let follower = &mut self.followers[at];
            let path = follower.path().to_path_buf();
            let Look { items, more, error } = follower.look();
            any |= more;
            for item in items {
                if let Some(draft) = item.draft
                    && self.send(draft).await? == Go::Stop
                {
                    return Ok((Go::Stop, any));
                }
                self.gaps += u64::from(item.is_gap);
                if let Some(place) = item.place.filter(|_| self.redaction.may_rest(&path)) {
                    self.places.wait_for(self.sent, &path, place);
                }
            }
            self.judge(at, path, error)?;
        }
        Ok((Go::On, any))
    }

    /// A run that ends with the files has no later in which a file may be readable.
    fn judge(
        &mut self,
        at: usize,
        path: PathBuf,
        error: Option<io::Error>,
    ) -> Result<(), TailError> {
        match error {
            Some(source) if self.options.until != Until::Stopped => {
                Err(TailError::Read { path, source })
            }
            error => {
                self.trouble[at].tell(&path, error.as_ref());
                Ok(())
            }
        }
    }

    async fn send(&mut self, mut draft: Draft) -> Result<Go, TailError> {
        self.redaction.clean(&mut draft).map_err(SinkError::from)?;
        let mut sending = std::pin::pin!(self.sink.send(draft));
        loop {
            let sent = tokio::select! {
                // An event that the sink can take is sent, also when the run is to stop.
                biased;
                sent = timeout_at(self.watch_at, &mut sending) => sent,
                () = self.stop.cancelled() => return Ok(Go::Stop),
            };
            match sent {
                Ok(sent) => break sent?,
                // The ledger is slow or away: the files are not.
                Err(_elapsed) => {
                    self.watch_at = Instant::now() + self.options.interval;
                    for follower in &mut self.followers {
                        if let Err(error) = follower.watch() {
                            let path = follower.path().display();
                            tracing::debug!(%path, %error, "cannot look at a followed file");
                        }
                    }
                }
            }
        }
        self.sent += 1;
        Ok(if self.stop.is_cancelled() {
            Go::Stop
        } else {
            Go::On
        })
    }

    /// Moves the places to what is sealed, and stores them now and then.
    fn keep_places(&mut self, busy: bool) -> Result<(), TailError> {
        self.places.acknowledge(self.sink.acknowledged());
        let rested = self
            .places
            .saved
            .is_none_or(|at| at.elapsed() >= SAVE_EVERY);
        if self.places.changed && (rested || !busy) {
            self.places.save(self.options)?;
        }
        Ok(())
    }

    /// Waits until it is time for another look.
    async fn rest(&mut self) -> Result<Go, TailError> {
        let wake = Instant::now() + self.options.interval;
        loop {
            let acknowledged = self.sink.acknowledged();
            tokio::select! {
                () = self.stop.cancelled() => return Ok(Go::Stop),
                () = tokio::time::sleep_until(wake) => return Ok(Go::On),
                more = self.sink.acknowledged_beyond(acknowledged) => {
                    more?;
                    self.keep_places(true)?;
                }
            }
        }
    }

    /// Sends the last entry and waits until everything is sealed.
    async fn finish(&mut self, last: Draft) -> Result<(), TailError> {
        let stop = self.stop.clone();
        let patience = async {
            stop.cancelled().await;
            tokio::time::sleep(STOP_PATIENCE).await;
        };
        let all = async {
            self.sink.send(last).await?;
            self.sent += 1;
            self.about += 1;
            while self.sink.acknowledged() < self.sent {
                let acknowledged = self.sink.acknowledged();
                self.sink.acknowledged_beyond(acknowledged).await?;
            }
            self.sink.close().await;
            Ok(())
        };
        tokio::select! {
            done = all => done,
            () = patience => {
                tracing::warn!("the ledger did not seal everything before the stop");
                Ok(())
            }
        }
    }
}

/// Places that are sealed, and those that wait for their events to be.
struct Places {
    sealed: State,
    /// Number of events that must be acknowledged, file, and where it then stands.
    waiting: VecDeque<(u64, PathBuf, Place)>,
    changed: bool,
    saved: Option<Instant>,
}

impl Places {
    fn wait_for(&mut self, events: u64, path: &Path, place: Place) {
        self.waiting.push_back((events, path.to_path_buf(), place));
    }

    fn acknowledge(&mut self, events: u64) {
        while let Some((needed, path, place)) = self.waiting.pop_front() {
            if needed > events {
                self.waiting.push_front((needed, path, place));
                return;
            }
            self.sealed.set(&path, place);
            self.changed = true;
        }
    }

    fn save(&mut self, options: &Options) -> Result<(), TailError> {
        if let Some(path) = options.state.as_ref().filter(|_| self.changed) {
            self.sealed.save(path, &options.agent)?;
        }
        self.changed = false;
        self.saved = Some(Instant::now());
        Ok(())
    }
}

#[cfg(test)]
mod tests;

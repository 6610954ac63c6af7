//! Running the follower of `tail` for an outlet: the place of the last durable item is where the
//! next run goes on.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use countersign_proto::v1;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::input::error::InputError;
use crate::input::push::Push;
use crate::input::series::Series;
use crate::limits::{MISSING_PATIENCE, QUIET_POLLS};
use crate::outlet::{Outlet, OutletError};
use crate::tail::content::{Content, source};
use crate::tail::follower::{Follower, Item, Look};
use crate::tail::state::Place;
use crate::tail::trouble::Trouble;

/// Makes what reads the lines of a file.
pub(crate) type MakeContent = Box<dyn Fn(&Path) -> Box<dyn Content> + Send + Sync>;

/// A file to follow, or a series of them.
pub(crate) struct Followed {
    /// Name of the input.
    pub(crate) input: String,
    /// Where it is; for a series with a `*` in the file name.
    pub(crate) path: PathBuf,
    /// Which it is.
    pub(crate) series: Option<Series>,
    /// Pause between two looks when there is nothing new.
    pub(crate) interval: Duration,
    /// What is made of its lines.
    pub(crate) content: MakeContent,
}

/// A place, and for a series the name of the file that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Position {
    place: Place,
    file: Option<String>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{} {file}", self.place),
            None => self.place.fmt(f),
        }
    }
}

/// Follows a file, or one after the other of a series, until it is stopped.
pub(crate) async fn follow<O: Outlet>(
    followed: Followed,
    push: &Push<O>,
    stop: &CancellationToken,
) -> Result<(), InputError> {
    let kept = match push.place() {
        Some(word) => Some(position(&word, &followed)?),
        None => None,
    };
    let mut trouble = Trouble::default();
    let mut missing: Option<Instant> = None;
    let mut walk = Walk {
        followed: &followed,
        push,
        kept,
        open: None,
        quiet: 0,
    };
    while !stop.is_cancelled() {
        let (more, error) = walk.step().await?;
        trouble.tell(&followed.path, error.as_ref());
        match &error {
            None => {
                missing = None;
                push.health().works();
            }
            // A rotation takes the file away for a moment.
            Some(error) if error.kind() == io::ErrorKind::NotFound => {
                if missing.get_or_insert_with(Instant::now).elapsed() >= MISSING_PATIENCE {
                    push.health().failed(&told(&followed.path, error));
                }
            }
            Some(error) => push.health().failed(&told(&followed.path, error)),
        }
        if !more {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(followed.interval) => {}
            }
        }
    }
    Ok(())
}

fn told(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

fn position(word: &str, followed: &Followed) -> Result<Position, InputError> {
    let wrong = |why: &dyn fmt::Display| InputError::Place {
        input: followed.input.clone(),
        why: format!("{why}, got {word:?}"),
    };
    let (place, file) = match word.split_once(' ') {
        Some((place, file)) => (place, Some(file.to_owned())),
        None => (word, None),
    };
    if file.is_some() != followed.series.is_some() {
        return Err(wrong(
            &"it is that of a single file or of a series, whichever this is not",
        ));
    }
    let place = place.parse().map_err(|why| wrong(&why))?;
    Ok(Position { place, file })
}

/// Where a run is.
struct Walk<'a, O> {
    followed: &'a Followed,
    push: &'a Push<O>,
    /// Where the last run was, until it is looked for.
    kept: Option<Position>,
    /// The file that is read.
    open: Option<Follower>,
    /// Looks without anything new since a later file is there.
    quiet: u32,
}

impl<O: Outlet> Walk<'_, O> {
    /// One look; returns whether there may be more, and what is wrong.
    async fn step(&mut self) -> Result<(bool, Option<io::Error>), InputError> {
        if self.open.is_none()
            && let Err(error) = self.begin().await?
        {
            return Ok((false, Some(error)));
        }
        let Some(follower) = &mut self.open else {
            let missing = io::Error::new(io::ErrorKind::NotFound, "there is no such file");
            return Ok((false, Some(missing)));
        };
        let Look { items, more, error } = follower.look();
        self.hand_over(items).await?;
        if more {
            self.quiet = 0;
            return Ok((true, error));
        }
        match self.move_on().await? {
            Ok(moved) => Ok((moved, error)),
            Err(later) => Ok((false, error.or(Some(later)))),
        }
    }

    /// Finds the file to begin with. `Ok` without a file when there is none yet.
    async fn begin(&mut self) -> Result<io::Result<()>, OutletError> {
        let Some(series) = &self.followed.series else {
            let place = self.kept.take().map(|kept| kept.place);
            self.open_at(&self.followed.path, place);
            return Ok(Ok(()));
        };
        let Some(Position { place, file }) = self.kept.clone() else {
            return Ok(series.oldest().map(|file| {
                if let Some(file) = file {
                    self.open_at(&file, None);
                }
            }));
        };
        let name = file.unwrap_or_default();
        if let Some(path) = series.file(&name).filter(|path| path.exists()) {
            self.open_at(&path, Some(place));
            return Ok(Ok(()));
        }
        let next = match series.after_missing(&name) {
            Ok(Some(next)) => next,
            // Nothing new is there, so the old file may still come back.
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        let gap = v1::SpoolGap {
            source: source(&self.followed.path),
            reason: format!("{name} was removed, perhaps before it was read to its end"),
            ..v1::SpoolGap::default()
        };
        self.push.gap(&gap).await?;
        self.open_at(&next, None);
        Ok(Ok(()))
    }

    fn open_at(&mut self, path: &Path, place: Option<Place>) {
        let content = (self.followed.content)(path);
        self.open = Some(Follower::of(path.to_path_buf(), content, place));
        self.quiet = 0;
        self.kept = None;
    }

    /// Goes on to the next file of a series once the writer has left this one; returns whether.
    async fn move_on(&mut self) -> Result<io::Result<bool>, OutletError> {
        let (Some(series), Some(follower)) = (&self.followed.series, &mut self.open) else {
            return Ok(Ok(false));
        };
        let (next, are_more) = match series.after(follower.path()) {
            Ok(Some(next)) => next,
            Ok(None) => {
                self.quiet = 0;
                return Ok(Ok(false));
            }
            Err(error) => return Ok(Err(error)),
        };
        self.quiet += 1;
        // It has left this file when it has left the next one too.
        if !are_more && self.quiet < QUIET_POLLS {
            return Ok(Ok(false));
        }
        let last = follower.finish();
        self.hand_over(last).await?;
        self.open_at(&next, None);
        Ok(Ok(true))
    }

    /// A place without an event has nothing to travel with. The next event brings a later one;
    /// until then a restart reads empty lines again.
    async fn hand_over(&mut self, items: Vec<Item>) -> Result<(), OutletError> {
        let Some(follower) = &mut self.open else {
            return Ok(());
        };
        let name = self
            .followed
            .series
            .as_ref()
            .and(follower.path().file_name());
        let name = name.and_then(|name| name.to_str()).map(str::to_owned);
        for Item { draft, place, .. } in items {
            let Some(draft) = draft else { continue };
            let file = name.clone();
            let position = place.map(|place| Position { place, file }.to_string());
            let put = std::pin::pin!(self.push.draft(draft, position));
            watching(put, follower, self.followed.interval).await?;
        }
        Ok(())
    }
}

/// While the outlet has no room, the file is watched: a rotation must not go unnoticed.
async fn watching(
    mut put: Pin<&mut impl Future<Output = Result<(), OutletError>>>,
    follower: &mut Follower,
    interval: Duration,
) -> Result<(), OutletError> {
    loop {
        if let Ok(done) = tokio::time::timeout(interval, put.as_mut()).await {
            return done;
        }
        if let Err(error) = follower.watch() {
            let path = follower.path().display();
            tracing::debug!(%path, %error, "cannot look at a followed file");
        }
    }
}

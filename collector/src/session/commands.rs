//! Commands of a session, where the shell or the client tells them.
//!
//! This is what the shell tells: a user can switch it off, and a program that is no shell of ours
//! tells nothing. The output is the record; commands make it easier to read.

mod psql;
mod shell;
mod story;

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::limits::DRAIN_PATIENCE;
use crate::outlet::Item;
use crate::session::grant::Clock;
use crate::session::mask::Masks;
use crate::session::recorder::Of;

pub(crate) use story::Story;

/// Whether commands are recorded beside the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Commands {
    /// Where the program tells: bash, zsh, psql.
    #[default]
    Told,
    /// Not at all; the program is started as it is.
    Left,
}

/// Something that a shell or a client told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// A command begins.
    Began {
        directory: Vec<u8>,
        command: Vec<u8>,
    },
    /// The command that began last ended with this status.
    Ended(i32),
    /// A command, of which nothing more is told.
    Whole(Vec<u8>),
}

/// Who tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Teller {
    Bash,
    Zsh,
    Psql,
}

impl Teller {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Psql => "psql",
        }
    }
}

/// Reads what is told.
enum Reader {
    Shell(shell::Reader),
    Psql(psql::Reader),
}

impl Reader {
    fn push(&mut self, bytes: &[u8], told: &mut Vec<Told>) {
        match self {
            Self::Shell(reader) => reader.push(bytes, told),
            Self::Psql(reader) => reader.push(bytes, told),
        }
    }

    fn finish(&mut self, told: &mut Vec<Told>) {
        match self {
            Self::Shell(_) => {}
            Self::Psql(reader) => reader.finish(told),
        }
    }
}

/// A program that will tell its commands.
pub(crate) struct Telling {
    pub(crate) teller: Teller,
    /// Program and arguments, changed so that it tells.
    pub(crate) argv: Vec<OsString>,
    /// Variables that it needs for that.
    pub(crate) env: Vec<(OsString, OsString)>,
    pipe: pipe::Receiver,
    reader: Reader,
    /// Keeps the folder with the pipe and the start files.
    _folder: Folder,
}

/// A folder of the user's own, gone when it is dropped.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let name = format!("countersign-{}", countersign_client::random_key()?);
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            let path = self.0.display();
            tracing::debug!(%error, %path, "a temporary folder stays");
        }
    }
}

/// Makes the program tell its commands, if it is one that can. Must be called inside a tokio
/// runtime.
pub(crate) fn prepare(argv: &[OsString]) -> io::Result<Option<Telling>> {
    let Some((program, arguments)) = argv.split_first() else {
        return Ok(None);
    };
    let name = Path::new(program)
        .file_name()
        .and_then(|name| name.to_str());
    let (teller, plan) = match name {
        Some("bash") => (Teller::Bash, shell::bash(arguments)),
        Some("zsh") => (Teller::Zsh, shell::zsh(arguments)),
        Some("psql") => (Teller::Psql, psql::plan(arguments)),
        Some(_) | None => return Ok(None),
    };
    let Some(plan) = plan else {
        return Ok(None);
    };
    let folder = Folder::new()?;
    let pipe = folder.0.join("commands");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    for (name, text) in plan.files {
        fs::write(folder.0.join(name), text)?;
    }
    let mut changed = vec![program.clone()];
    let place = |text: OsString| fill(text, &folder.0);
    changed.extend(plan.arguments.into_iter().map(place));
    let env = plan.env.into_iter();
    let env = env.map(|(name, value)| (OsString::from(name), fill(value, &folder.0)));
    Ok(Some(Telling {
        teller,
        argv: changed,
        env: env.collect(),
        // Open for both directions: a writer finds a reader, and a reader no end.
        pipe: pipe::OpenOptions::new()
            .read_write(true)
            .open_receiver(&pipe)?,
        reader: match teller {
            Teller::Bash | Teller::Zsh => Reader::Shell(shell::Reader::default()),
            Teller::Psql => Reader::Psql(psql::Reader::default()),
        },
        _folder: folder,
    }))
}

/// How a program is started so that it tells. `@` at the beginning of an argument or a value
/// stands for the folder.
#[derive(Debug, Default)]
struct Plan {
    arguments: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    files: Vec<(&'static str, String)>,
}

fn fill(text: OsString, folder: &Path) -> OsString {
    match text.to_str().and_then(|text| text.strip_prefix('@')) {
        Some("") => folder.as_os_str().to_owned(),
        Some(name) => folder.join(name).into_os_string(),
        None => text,
    }
}

/// What commands are made with.
pub(crate) struct Telephone {
    pub(crate) of: Of,
    pub(crate) masks: Arc<dyn Masks>,
    pub(crate) clock: Clock,
    pub(crate) items: mpsc::Sender<Item>,
}

/// Hands commands over as they are told, until `stop` is cancelled and the pipe is empty. Returns
/// how many there were, and how many secrets were taken out of them.
pub(crate) async fn listen(
    telling: Telling,
    with: Telephone,
    stop: CancellationToken,
) -> (u64, u64) {
    let Telling {
        teller,
        pipe,
        mut reader,
        _folder,
        ..
    } = telling;
    let mut story = Story::new(with.of, teller.name(), with.masks);
    let mut told = Vec::new();
    loop {
        let due = story.due();
        tokio::select! {
            ready = pipe.readable() => {
                if ready.is_err() {
                    break;
                }
                take(&pipe, &mut reader, &mut told);
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                story.tick(Instant::now());
            }
            () = stop.cancelled() => break,
        }
        tell(&mut story, &mut told, &with.clock);
        if !hand_over(&mut story, &with.items).await {
            return story.counts();
        }
    }
    take(&pipe, &mut reader, &mut told);
    reader.finish(&mut told);
    tell(&mut story, &mut told, &with.clock);
    story.finish();
    let limit = Instant::now() + DRAIN_PATIENCE;
    if timeout_at(limit, hand_over(&mut story, &with.items))
        .await
        .is_err()
    {
        // The outlet takes nothing; the session will say so.
        tracing::warn!("the last commands of the session could not be stored");
    }
    story.counts()
}

fn take(pipe: &pipe::Receiver, reader: &mut Reader, told: &mut Vec<Told>) {
    let mut buffer = [0; 16_384];
    // A pipe holds 64 KiB unless somebody made it larger; whoever writes on and on has to wait.
    for _ in 0..16 {
        match pipe.try_read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => reader.push(&buffer[..count], told),
        }
    }
}

fn tell(story: &mut Story, told: &mut Vec<Told>, clock: &Clock) {
    for told in told.drain(..) {
        story.told(told, Instant::now(), clock.now());
    }
}

async fn hand_over(story: &mut Story, items: &mpsc::Sender<Item>) -> bool {
    while let Some(item) = story.take() {
        if items.send(item).await.is_err() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests;

//! `countersign collector run`: a command under a grant, recorded.

mod end;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use clap::Args;
use countersign_client::{Client, random_key};
use countersign_collector::agent::identity_of;
use countersign_collector::limits::STOP_PATIENCE;
use countersign_collector::outlet::Outlet as _;
use countersign_collector::redact::Redacting;
use countersign_collector::session::{
    self, Clock, Commands, Ended, GrantError, Keyboard, Options, Parts, Reason, Strays, Terminal,
    watch_grant,
};
use countersign_collector::spool::{self, LedgerUplink, Owner, Patience, Spool, ship};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::collector::stop_token;
use crate::connect::ConnectArgs;
use crate::exit::{Outcome, Refused};
use crate::output::{counted, printable};
use crate::redact::redactor;

/// Run a command under a grant, recorded
///
/// Checks the grant with the ledger, enters a session, and runs the command on a terminal of its
/// own. What it shows is recorded, without secrets, and reaches the ledger while it runs; commands
/// too, where bash, zsh or psql tell them. What is typed is recorded only when the policy asks for
/// it.
///
/// When the grant ends or is revoked, everything that the command started is ended within a second.
/// Without the ledger nothing starts, and a running session ends after 10 s, unless the grant is
/// break-glass: then it goes on, and the recording is sent later.
///
/// The exit code is that of the command; 1 when the session was refused or ended from outside.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign collector run --grant 1042 -- psql service=orders
  countersign collector run --grant 1042 -- bash")]
pub(crate) struct RunArgs {
    /// Number of the grant, or of its case
    #[arg(long, value_name = "N")]
    pub(crate) grant: u64,
    /// Record what is typed, also when the policy does not ask for it
    #[arg(long)]
    pub(crate) keyboard: bool,
    /// Record no commands beside the output
    #[arg(long)]
    pub(crate) no_commands: bool,
    /// TOML file with rules for secrets, like the table "redact" in the file of an agent
    #[arg(long, value_name = "FILE")]
    pub(crate) redact: Option<PathBuf>,
    /// Folder below which recordings wait for the ledger [default:
    /// ~/.local/state/countersign/sessions]
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

fn spools(args: &RunArgs) -> anyhow::Result<PathBuf> {
    if let Some(dir) = &args.spool {
        return Ok(dir.clone());
    }
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let state = state.or_else(home);
    let state = state.context("there is no home folder; give --spool DIR")?;
    Ok(state.join("countersign/sessions"))
}

/// Where a recording waits, and who sends it.
struct Sending {
    spool: Spool,
    dir: PathBuf,
    stop: CancellationToken,
    task: JoinHandle<Result<(), spool::ShipError>>,
}

impl Sending {
    /// Opens the spool in this folder; `with_room` when it is for a session that begins.
    fn start(
        (dir, with_room): (PathBuf, bool),
        owner: &Owner,
        client: &Client,
    ) -> anyhow::Result<Self> {
        let options = spool::Options {
            with_room,
            ..spool::Options::new(&dir)
        };
        let (spool, _) = Spool::open(&options, owner)?;
        let stop = CancellationToken::new();
        let (shipped, client, token) = (spool.clone(), client.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let (trouble, _told) = watch::channel(None);
            let uplink = LedgerUplink(client);
            ship((&shipped, &Patience::default()), &uplink, token, &trouble).await
        });
        Ok(Self {
            spool,
            dir,
            stop,
            task,
        })
    }

    /// Waits until everything is sealed, and removes the folder then. Returns what is not.
    async fn finish(self) -> anyhow::Result<u64> {
        // A disk that is full takes nothing more; what is on it is sent all the same.
        let durable = timeout(STOP_PATIENCE, self.spool.durable()).await;
        self.stop.cancel();
        let shipped = self.task.await?;
        let Ok(durable) = durable else {
            let standing = self.spool.standing();
            return Ok(standing.next.saturating_sub(standing.sealed));
        };
        durable?;
        match shipped {
            Ok(()) => {
                self.spool.close().await;
                std::fs::remove_dir_all(&self.dir)?;
                Ok(0)
            }
            Err(spool::ShipError::Unsealed { waiting }) => Ok(waiting),
            Err(error) => Err(error.into()),
        }
    }
}

/// The spool of a session that begins. Nothing starts when there is no room to record it.
fn start_spool(dir: &Path, owner: &Owner, client: &Client) -> anyhow::Result<Sending> {
    let started = Sending::start((dir.to_owned(), true), owner, client);
    if started.is_err() {
        // Nothing was recorded in it; without room it may not even be whole.
        std::fs::remove_dir_all(dir).ok();
    }
    started.context("nothing was started, as it could not be recorded (--spool DIR chooses where)")
}

/// The spool of a session that begins; what earlier ones left may take the room, and goes first.
async fn begin(
    (below, dir): (&Path, &Path),
    owner: &Owner,
    client: &Client,
) -> anyhow::Result<Sending> {
    if let Ok(sending) = start_spool(dir, owner, client) {
        return Ok(sending);
    }
    let left = Left::default();
    let sweeping = sweep((below, dir), owner, client, &left);
    if timeout(STOP_PATIENCE, sweeping).await.is_err() {
        tracing::debug!("earlier recordings are not sent yet");
    }
    start_spool(dir, owner, client)
}

/// What earlier sessions left behind: how many recordings are still to be sent.
#[derive(Debug, Clone, Default)]
struct Left(Arc<AtomicU64>);

/// Sends what earlier sessions left behind, one after the other.
async fn sweep((below, own): (&Path, &Path), owner: &Owner, client: &Client, left: &Left) {
    let Ok(folders) = std::fs::read_dir(below) else {
        return;
    };
    let folders = folders.flatten().map(|folder| folder.path());
    let folders: Vec<PathBuf> = folders
        .filter(|path| path.is_dir() && path != own)
        .collect();
    let count = u64::try_from(folders.len()).unwrap_or(u64::MAX);
    left.0.store(count, Ordering::Relaxed);
    for folder in folders {
        let Ok(sending) = Sending::start((folder.clone(), false), owner, client) else {
            // One in use, or of somebody else, is left alone.
            left.0.fetch_sub(1, Ordering::Relaxed);
            continue;
        };
        let sent = async {
            let is_entered = end::enter(&folder, client).await?;
            anyhow::Ok(is_entered && sending.finish().await? == 0)
        };
        match sent.await {
            Ok(true) => drop(left.0.fetch_sub(1, Ordering::Relaxed)),
            Ok(false) => {}
            Err(error) => {
                let folder = folder.display().to_string();
                tracing::warn!(folder, %error, "the recording of an earlier session was not sent");
            }
        }
    }
}

/// Gives what earlier sessions left behind some time, and says what still waits.
async fn swept(sweeping: JoinHandle<()>, left: &Left, below: &Path) {
    let abort = sweeping.abort_handle();
    if timeout(STOP_PATIENCE, sweeping).await.is_err() {
        abort.abort();
    }
    let count = left.0.load(Ordering::Relaxed);
    if count > 0 {
        let recordings = counted(count, "recording", "recordings");
        let below = below.display();
        let told = format!(
            "countersign: {recordings} of earlier sessions in {below} are not sent yet; the next \
             `countersign collector run` goes on"
        );
        writeln!(io::stderr(), "{told}").ok();
    }
}

pub(crate) async fn run(args: RunArgs) -> anyhow::Result<Outcome> {
    let redactor = redactor(args.redact.as_deref())?;
    let config = args.connect.client_config()?;
    let owner = Owner {
        identity: identity_of(&config.identity)?,
        log: config.log.clone(),
    };
    let client = Client::connect(config).await?;
    let watched = watch_grant(&client, args.grant).await;
    let (granted, watching) = watched.map_err(no_grant)?;
    let below = spools(&args)?;
    let dir = below.join(random_key().context("cannot make a name for the recording")?);
    let sending = begin((&below, &dir), &owner, &client).await?;
    let left = Left::default();
    let sweeping = {
        let (below, owner, client) = (below.clone(), owner.clone(), client.clone());
        let (dir, left) = (dir.clone(), left.clone());
        tokio::spawn(async move { sweep((&below, &dir), &owner, &client, &left).await })
    };
    let options = Options {
        keyboard: if args.keyboard {
            Keyboard::Recorded
        } else {
            Keyboard::AsGranted
        },
        commands: if args.no_commands {
            Commands::Left
        } else {
            Commands::default()
        },
        strays: Strays::Adopted,
        ..Options::new(args.command)
    };
    let parts = Parts {
        register: client.clone(),
        outlet: Redacting::new(sending.spool.clone(), redactor.clone()),
        granted,
        standing: watching.standing(),
        masks: Arc::new(redactor),
        terminal: Terminal::standard().context("the standard streams cannot be used")?,
        clock: Clock::system(),
        stop: stop_token()?,
    };
    let ended = session::run(options, parts).await;
    let waiting = sending.finish().await;
    if let Ok(ended) = &ended
        && ended.unentered.is_some()
    {
        end::keep(&dir, ended).context("the end of the session cannot be kept")?;
    }
    swept(sweeping, &left, &below).await;
    // Why the session ended says more than what became of its spool.
    let waiting = if ended.is_err() {
        waiting.unwrap_or(0)
    } else {
        waiting?
    };
    if waiting > 0 {
        let waiting = counted(waiting, "item", "items");
        let told = format!(
            "countersign: {waiting} of the recording are not sealed yet; they are in {} and are \
             sent by the next `countersign collector run`",
            below.display()
        );
        writeln!(io::stderr(), "{told}").ok();
    }
    finish(ended)
}

/// The ledger's own refusal, or what the number is instead of a grant.
fn no_grant(error: GrantError) -> anyhow::Error {
    match error {
        GrantError::Call(error) => error.into(),
        error @ GrantError::NoGrant { .. } => Refused(error.to_string()).into(),
    }
}

fn finish(ended: Result<Ended, session::SessionError>) -> anyhow::Result<Outcome> {
    let ended = match ended {
        Ok(ended) => ended,
        Err(session::SessionError::NotEntered(error)) => {
            return Err(anyhow::Error::from(error).context("nothing was started"));
        }
        Err(error @ session::SessionError::NotActive { .. }) => {
            return Err(Refused(error.to_string()).into());
        }
        Err(error) => return Err(error.into()),
    };
    let recorded = &ended.recording;
    let told = format!(
        "countersign: session {} is over ({}): {}, {}, {} taken out",
        ended.session,
        ended.reason.name(),
        counted(recorded.parts, "part", "parts"),
        counted(recorded.commands, "command", "commands"),
        counted(recorded.redactions, "secret", "secrets"),
    );
    writeln!(io::stderr(), "{told}").ok();
    if let Some(error) = &ended.unentered {
        let text = error.to_string();
        writeln!(
            io::stderr(),
            "countersign: its end was not entered: {}; the next `collector run` enters it",
            printable(&text)
        )
        .ok();
    }
    Ok(match ended.reason {
        Reason::Exit => Outcome::Code(u8::try_from(ended.exit_status).unwrap_or(1)),
        _ => Outcome::Found,
    })
}

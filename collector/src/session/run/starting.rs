//! The beginning: everything is there before the command is, so that its first byte is recorded.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::limits::ITEMS_AHEAD;
use crate::outlet::Outlet;
use crate::recording::asciicast::Header;
use crate::session::commands::{self, Commands, Telephone, Telling};
use crate::session::cut::Cutter;
use crate::session::keeper::{Keeping, keep};
use crate::session::notice;
use crate::session::processes::{self, Hunt, Strays};
use crate::session::pty::{self, Program};
use crate::session::queue::{Piece, Queue, Window};
use crate::session::recorder::{Of, record};
use crate::session::register::Register;
use crate::session::relay::{self, Input, Typed};
use crate::session::run::signals::{Endings, Wait};
use crate::session::run::{Guard, Session, left};
use crate::session::screen::Screen;
use crate::session::terminal::RawMode;
use crate::session::{Keyboard, Options, Parts};

/// Everything but the command.
struct Stage {
    of: Of,
    window: Window,
    queue: Arc<Queue>,
    screen: Arc<Screen>,
    cutter: Cutter,
    telling: Option<Telling>,
    typed: Typed,
    raw: Option<RawMode>,
    program: Program,
    marker: String,
    own_children: Option<BTreeSet<u32>>,
}

/// Tells the user, and starts the command.
pub(super) fn start<R: Register, O: Outlet>(
    options: &Options,
    parts: Parts<R, O>,
    session: u64,
    end: UnixMicros,
) -> io::Result<Session<R, O>> {
    let (signals, resized) = (Endings::new(), Wait::resized());
    let mut stage = set(options, &parts, session)?;
    announce(&stage, &parts, end);
    let from = parts.terminal.input.try_clone()?;
    let running = pty::start(&stage.program)?;
    // From here on there is a process: whatever fails, the guard ends it.
    let hunt = Hunt::new(running.pid, &stage.marker, stage.own_children.take());
    let guard = Guard(Some((hunt.clone(), Arc::clone(&stage.queue))));
    let Stage {
        of,
        window,
        queue,
        screen,
        cutter,
        telling,
        typed,
        raw,
        ..
    } = stage;
    let failed = CancellationToken::new();
    let (items, received) = mpsc::channel(ITEMS_AHEAD);
    let totals = record(
        of,
        cutter,
        (Arc::clone(&queue), failed.clone()),
        items.clone(),
    )?;
    let output = relay::output(running.reader, Arc::clone(&queue), Arc::clone(&screen))?;
    let input = Input {
        from,
        to: running.writer,
        is_terminal: parts.terminal.input_is_terminal(),
        typed,
    };
    let (stop_input, input) = relay::input(input, Arc::clone(&queue))?;
    let with = Keeping {
        queue: Arc::clone(&queue),
        screen: Arc::clone(&screen),
        failed: failed.clone(),
    };
    let keeper = tokio::spawn(keep(parts.outlet.clone(), received, with));
    let stop = CancellationToken::new();
    let with = Telephone {
        of,
        masks: Arc::clone(&parts.masks),
        clock: parts.clock.clone(),
        items,
    };
    let listener = tokio::spawn(listen(telling, with, stop.clone()));
    guard.defuse();
    Ok(Session {
        parts,
        of,
        queue,
        screen,
        master: running.master,
        raw,
        window,
        hunt,
        exit: running.exit,
        output,
        stop_input,
        input,
        totals,
        keeper,
        listener,
        stop_listener: stop.drop_guard(),
        signals,
        resized,
        failed,
    })
}

fn set<R, O>(options: &Options, parts: &Parts<R, O>, session: u64) -> io::Result<Stage> {
    let window = parts.terminal.window();
    let cutter = Cutter::new(&header(window, parts), parts.masks.as_ref())?;
    let output = parts.terminal.output.try_clone()?;
    let screen = Arc::new(Screen::new(output, parts.terminal.notices()?));
    let telling = match options.commands {
        Commands::Told => commands::prepare(&options.command)?,
        Commands::Left => None,
    };
    // The number of a session is unique in its log only; processes are known by this.
    let mark = countersign_client::random_key()?;
    let marker = format!("COUNTERSIGN_MARK={mark}");
    let grant = parts.granted.grant;
    let mut env: Vec<(OsString, OsString)> = vec![
        ("COUNTERSIGN_MARK".into(), mark.into()),
        ("COUNTERSIGN_SESSION".into(), session.to_string().into()),
        ("COUNTERSIGN_GRANT".into(), grant.to_string().into()),
    ];
    let mut argv = options.command.clone();
    if let Some(telling) = &telling {
        env.extend(telling.env.iter().cloned());
        argv.clone_from(&telling.argv);
    }
    let program = Program {
        argv,
        env,
        window,
        mode: parts.terminal.mode(),
    };
    let raw = RawMode::enter(&parts.terminal)?;
    if raw.is_some() {
        screen.enter_raw();
    }
    let asked = options.keyboard == Keyboard::Recorded || parts.granted.record_input;
    Ok(Stage {
        of: Of {
            session,
            case: parts.granted.case,
        },
        window,
        queue: Arc::new(Queue::new(Instant::now())),
        screen,
        cutter,
        telling,
        typed: if asked {
            Typed::Recorded
        } else {
            Typed::Passed
        },
        raw,
        program,
        marker,
        own_children: (options.strays == Strays::Adopted)
            .then(adopt)
            .transpose()?,
    })
}

/// Tells the user what begins, and the recording that the user was told.
fn announce<R, O>(stage: &Stage, parts: &Parts<R, O>, end: UnixMicros) {
    let left = left(end, parts.clock.now());
    let banner = notice::banner(&parts.granted, stage.of.session, left, &told(stage));
    stage.queue.note(Piece::Marker(banner.clone()));
    stage.screen.say(&banner);
}

/// What is recorded beside what the session shows, in words.
fn told(stage: &Stage) -> String {
    let keys = match stage.typed {
        Typed::Recorded => ", what you type",
        Typed::Passed => "",
    };
    let commands = stage.telling.as_ref().map_or_else(String::new, |telling| {
        format!(", the commands that {} tells", telling.teller.name())
    });
    format!("{keys}{commands}")
}

async fn listen(telling: Option<Telling>, with: Telephone, stop: CancellationToken) -> (u64, u64) {
    match telling {
        Some(telling) => commands::listen(telling, with, stop).await,
        None => (0, 0),
    }
}

fn header<R, O>(window: Window, parts: &Parts<R, O>) -> Header {
    let variable = |name| std::env::var(name).unwrap_or_default();
    Header {
        width: window.columns,
        height: window.rows,
        timestamp: parts.clock.now().seconds(),
        term: variable("TERM"),
        shell: variable("SHELL"),
    }
}

/// Becomes the parent of processes that lose theirs; tells the children that are there before.
fn adopt() -> io::Result<BTreeSet<u32>> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(processes::children())
}

//! A session with everything around it in memory.

use std::fs::File;
use std::io::{Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use parking_lot::Mutex;
use portable_pty::{MasterPty, PtySize, native_pty_system};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::outlet::{Item, Outlet};
use crate::recording::asciicast::{Code, Event};
use crate::recording::{Cast, OnDamage, Part};

/// Longer than anything takes, so that a test that hangs says where.
const PATIENCE: Duration = Duration::from_secs(30);
const START: u64 = 1_782_000_000_000_000;

pub(super) async fn at_most<T>(time: Duration, future: impl Future<Output = T>) -> T {
    timeout(time, future).await.expect("it comes in time")
}

pub(super) fn sh(script: &str) -> Vec<OsString> {
    vec!["sh".into(), "-c".into(), script.into()]
}

/// Whether a process runs; one that waits to be asked for its status does not.
pub(super) fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

/// Keeps items; can be closed for a while, and can fail.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    pub(super) items: Arc<Mutex<Vec<Item>>>,
    pub(super) room: Arc<Semaphore>,
    pub(super) fails: Arc<AtomicBool>,
    pub(super) durable: Arc<AtomicBool>,
}

impl Memory {
    fn new() -> Self {
        Self {
            items: Arc::default(),
            room: Arc::new(Semaphore::new(1)),
            fails: Arc::default(),
            durable: Arc::default(),
        }
    }
}

impl Outlet for Memory {
    async fn put(&self, item: Item) -> Result<(), OutletError> {
        let room = self.room.acquire().await;
        drop(room.expect("it is never closed"));
        if self.fails.load(Ordering::SeqCst) {
            return Err(OutletError::Closed("the disk is gone".into()));
        }
        self.items.lock().push(item);
        Ok(())
    }

    async fn durable(&self) -> Result<(), OutletError> {
        self.durable.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn place(&self, _input: &str) -> Option<String> {
        None
    }
}

/// Enters sessions nowhere.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    refuses: Arc<AtomicBool>,
    pub(super) cases: Arc<AtomicU64>,
    pub(super) case: Arc<Mutex<Option<v1::Case>>>,
    pub(super) ends: Arc<Mutex<Vec<v1::EndSessionRequest>>>,
    durable: Option<Arc<AtomicBool>>,
    durable_at_end: Arc<Mutex<Option<bool>>>,
}

impl Book {
    pub(super) fn refuse(&self) {
        self.refuses.store(true, Ordering::SeqCst);
    }
}

pub(super) fn away() -> CallError {
    CallError::NoAnswer {
        call: "GetCase",
        endpoint: "nowhere".into(),
        waited: Duration::ZERO,
        attempts: 1,
        last: "refused".into(),
        hint: "start it".into(),
    }
}

impl Register for Book {
    async fn case(&self, _grant: u64) -> Result<v1::Case, CallError> {
        self.cases.fetch_add(1, Ordering::SeqCst);
        self.case.lock().clone().ok_or_else(away)
    }

    async fn start(&self, usage: Use) -> Result<Entered, CallError> {
        assert_eq!(usage.grant, 1_001);
        if self.refuses.load(Ordering::SeqCst) {
            return Err(CallError::Random(io::Error::other(
                "the grant is not yours",
            )));
        }
        Ok(Entered { session: 1_042 })
    }

    async fn end(&self, end: v1::EndSessionRequest) -> Result<(), CallError> {
        let durable = self
            .durable
            .as_ref()
            .map(|durable| durable.load(Ordering::SeqCst));
        *self.durable_at_end.lock() = durable;
        self.ends.lock().push(end);
        Ok(())
    }
}

/// A user's terminal, seen from the other side.
pub(super) struct Terminals {
    master: Box<dyn MasterPty + Send>,
    writer: Mutex<Box<dyn Write + Send>>,
}

impl Terminals {
    pub(super) fn new() -> Self {
        let size = PtySize {
            rows: 33,
            cols: 99,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let writer = Mutex::new(pair.master.take_writer().unwrap());
        Self {
            master: pair.master,
            writer,
        }
    }

    fn open(&self) -> OwnedFd {
        let path = self.master.tty_name().unwrap();
        File::options()
            .read(true)
            .write(true)
            .open(path)
            .unwrap()
            .into()
    }

    pub(super) fn mode(&self) -> String {
        format!("{:?}", rustix::termios::tcgetattr(self.open()).unwrap())
    }

    pub(super) fn type_in(&self, text: &str) {
        self.writer.lock().write_all(text.as_bytes()).unwrap();
    }

    pub(super) fn resize(&self, cols: u16, rows: u16) {
        let size = PtySize {
            rows,
            cols,
            ..PtySize::default()
        };
        self.master.resize(size).unwrap();
    }
}

/// What a session will be started with.
pub(super) struct Fixture {
    pub(super) options: Options,
    pub(super) granted: Granted,
    pub(super) register: Book,
    pub(super) outlet: Memory,
    pub(super) standing: watch::Sender<Standing>,
    pub(super) masks: Arc<dyn Masks>,
    terminal: Option<(Terminal, Box<dyn Read + Send>)>,
    reads_screen: bool,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let outlet = Memory::new();
        let register = Book {
            durable: Some(Arc::clone(&outlet.durable)),
            ..Book::default()
        };
        Self {
            options: Options::new(Vec::new()),
            granted: Granted {
                grant: 1_001,
                case: 1_000,
                person: "ada".into(),
                resource: "db/prod".into(),
                permission: "readwrite".into(),
                break_glass: false,
                record_input: false,
            },
            register,
            outlet,
            standing: watch::Sender::new(until(Duration::from_secs(3_600))),
            masks: Arc::new(NoMask),
            terminal: None,
            reads_screen: true,
        }
    }

    /// With a terminal instead of pipes.
    pub(super) fn on(mut self, terminals: &Terminals) -> Self {
        let open = || terminals.open();
        let reader = terminals.master.try_clone_reader().unwrap();
        self.terminal = Some((Terminal::new(open(), open(), open()), reader));
        self
    }

    /// With a terminal that is gone once these are dropped: nobody sees what is shown.
    pub(super) fn on_unseen(mut self, terminals: &Terminals) -> Self {
        let open = || terminals.open();
        let nothing = Box::new(io::empty());
        self.terminal = Some((Terminal::new(open(), open(), open()), nothing));
        self
    }

    /// With output that nobody reads, and whose reader is gone.
    pub(super) fn with_a_closed_screen(mut self) -> Self {
        let (input, _) = pipe().unwrap();
        let (_, output) = pipe().unwrap();
        let (_, errors) = pipe().unwrap();
        let terminal = Terminal::new(input.into(), output.into(), errors.into());
        self.terminal = Some((terminal, Box::new(io::empty())));
        self
    }

    /// Nobody reads what the session shows.
    pub(super) fn with_a_full_screen(mut self) -> Self {
        self.reads_screen = false;
        self
    }

    pub(super) fn start(mut self, command: Vec<OsString>) -> Running {
        if !command.is_empty() {
            self.options.command = command;
        }
        let (input, keyboard) = pipe().unwrap();
        let (errors, told) = pipe().unwrap();
        let (terminal, screen) = self.terminal.unwrap_or_else(|| {
            let (reader, output) = pipe().unwrap();
            let terminal = Terminal::new(input.into(), output.into(), told.into());
            (terminal, Box::new(reader))
        });
        let (screen, kept) = if self.reads_screen {
            (gather(screen), None)
        } else {
            (
                watch::Sender::new(Seen::default()).subscribe(),
                Some(screen),
            )
        };
        let stop = CancellationToken::new();
        let parts = Parts {
            register: self.register.clone(),
            outlet: self.outlet.clone(),
            granted: self.granted,
            standing: self.standing.subscribe(),
            masks: self.masks,
            terminal,
            clock: clock(),
            stop: stop.clone(),
        };
        Running {
            task: Some(tokio::spawn(run(self.options, parts))),
            stop,
            standing: self.standing,
            register: self.register,
            outlet: self.outlet,
            keyboard: Some(OwnedFd::from(keyboard).into()),
            screen,
            notices: gather(Box::new(errors)),
            _kept: kept,
        }
    }
}

/// A clock of which tests know the time at the start.
fn clock() -> Clock {
    let begun = Instant::now();
    Clock::new(move || {
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap();
        UnixMicros::new(START + micros).unwrap()
    })
}

/// Active, for this long after the start.
pub(super) fn until(time: Duration) -> Standing {
    let micros = u64::try_from(time.as_micros()).unwrap();
    Standing::Active {
        end: UnixMicros::new(START + micros).unwrap(),
    }
}

#[derive(Debug, Default, Clone)]
struct Seen {
    bytes: Vec<u8>,
    ended: bool,
}

fn gather(mut from: Box<dyn Read + Send>) -> watch::Receiver<Seen> {
    let (sender, receiver) = watch::channel(Seen::default());
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(count) = from.read(&mut buffer)
            && count > 0
        {
            sender.send_modify(|seen| seen.bytes.extend_from_slice(&buffer[..count]));
        }
        sender.send_modify(|seen| seen.ended = true);
    });
    receiver
}

/// A session that runs.
pub(super) struct Running {
    task: Option<JoinHandle<Result<Ended, SessionError>>>,
    pub(super) stop: CancellationToken,
    pub(super) standing: watch::Sender<Standing>,
    pub(super) register: Book,
    pub(super) outlet: Memory,
    keyboard: Option<File>,
    screen: watch::Receiver<Seen>,
    notices: watch::Receiver<Seen>,
    _kept: Option<Box<dyn Read + Send>>,
}

impl Running {
    pub(super) async fn ended(&mut self) -> Result<Ended, SessionError> {
        let task = self.task.take().expect("it is waited for once");
        at_most(PATIENCE, task).await.unwrap()
    }

    pub(super) fn abort(&mut self) {
        self.task.take().unwrap().abort();
    }

    pub(super) fn type_in(&mut self, text: &str) {
        self.keyboard
            .as_mut()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    pub(super) fn close_input(&mut self) {
        self.keyboard = None;
    }

    /// Waits until the screen shows this; gives all that it shows.
    pub(super) async fn shown(&mut self, text: &str) -> String {
        wait_for(&mut self.screen, text).await
    }

    pub(super) async fn told(&mut self, text: &str) -> String {
        wait_for(&mut self.notices, text).await
    }

    pub(super) fn screen_now(&self) -> usize {
        self.screen.borrow().bytes.len()
    }

    /// The number in `pid N.`.
    pub(super) async fn pid(&mut self) -> u32 {
        let mut screen = self.shown("pid ").await;
        while !screen
            .split("pid ")
            .nth(1)
            .is_some_and(|rest| rest.contains('.'))
        {
            self.screen.changed().await.unwrap();
            screen = String::from_utf8_lossy(&self.screen.borrow().bytes).into_owned();
        }
        let number = screen
            .split("pid ")
            .nth(1)
            .unwrap()
            .split('.')
            .next()
            .unwrap();
        number.parse().unwrap()
    }

    pub(super) async fn screen_bytes(&mut self) -> Vec<u8> {
        let ended = self.screen.wait_for(|seen| seen.ended);
        at_most(PATIENCE, ended).await.unwrap().bytes.clone()
    }

    pub(super) async fn screen_at_end(&mut self) -> String {
        String::from_utf8(self.screen_bytes().await).unwrap()
    }

    pub(super) async fn notices_at_end(&mut self) -> String {
        let ended = self.notices.wait_for(|seen| seen.ended);
        let bytes = at_most(PATIENCE, ended).await.unwrap().bytes.clone();
        String::from_utf8(bytes).unwrap()
    }

    pub(super) fn entered_end(&self) -> v1::EndSessionRequest {
        let ends = self.register.ends.lock();
        assert_eq!(ends.len(), 1);
        assert_eq!(ends[0].session, 1_042);
        ends[0].clone()
    }

    pub(super) fn outlet_was_durable_before_the_end(&self) -> Option<bool> {
        *self.register.durable_at_end.lock()
    }

    pub(super) fn entries(&self) -> usize {
        self.outlet.items.lock().len()
    }

    pub(super) fn part_count(&self) -> u64 {
        u64::try_from(self.parts().len()).unwrap()
    }

    /// The parts that were stored, checked against their entries.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for item in self.outlet.items.lock().iter() {
            assert_eq!(item.draft.case, 1_000);
            if let Known::SessionOutput(output) = item.draft.event.known().unwrap() {
                let blob = item.blob.clone().unwrap();
                assert_eq!(output.session, 1_042);
                assert_eq!(output.blob_bytes, u64::try_from(blob.len()).unwrap());
                assert_eq!(output.encoding, crate::recording::ENCODING);
                assert!(output.from_micros <= output.to_micros);
                parts.push(Part {
                    number: output.part,
                    digest: countersign_chain::hash::Hash::from_slice(&output.blob_sha256),
                    content: Ok(blob),
                });
            }
        }
        parts
    }

    pub(super) fn commands(&self) -> Vec<v1::CommandExecuted> {
        let items = self.outlet.items.lock();
        let known = items.iter().map(|item| item.draft.event.known().unwrap());
        let commands = known.filter_map(|known| match known {
            Known::CommandExecuted(command) => Some(command),
            _ => None,
        });
        commands.collect()
    }

    pub(super) async fn events(&self) -> Vec<Event> {
        let mut cast = Cast::new(self.parts().into_iter(), OnDamage::Stop);
        let mut events = Vec::new();
        while let Some(event) = cast.next().await.unwrap() {
            events.push(event);
        }
        events
    }

    async fn of(&self, code: Code) -> Vec<String> {
        let events = self.events().await.into_iter();
        events
            .filter(|event| event.code == code)
            .map(|event| event.data)
            .collect()
    }

    /// What the recording shows.
    pub(super) async fn recorded(&self) -> String {
        self.of(Code::Output).await.concat()
    }

    pub(super) async fn markers(&self) -> Vec<String> {
        self.of(Code::Marker).await
    }
}

async fn wait_for(seen: &mut watch::Receiver<Seen>, text: &str) -> String {
    let shows = |seen: &Seen| String::from_utf8_lossy(&seen.bytes).contains(text);
    if let Ok(Ok(seen)) = timeout(PATIENCE, seen.wait_for(shows)).await {
        return String::from_utf8_lossy(&seen.bytes).into_owned();
    }
    let bytes = seen.borrow().bytes.clone();
    panic!("{text} is not shown in {}", String::from_utf8_lossy(&bytes))
}

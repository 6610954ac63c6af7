//! Workloads for the simulated disk, and the one that carries them out and notes what was promised.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use countersign_chain::commit::{Commit, CommitBuilder, Draft, LogHead};
use countersign_chain::frame::Nonce;
use countersign_chain::hash::Hash;
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::time::UnixMicros;
use countersign_ledger::fs::Fs;
use countersign_ledger::fs::sim::{Call, Fault, Op, SimFs, Survive};
use countersign_ledger::store::segment::recover::{self, OpenError, Recovery};
use countersign_ledger::store::segment::{self, SegmentStore, Settings};
use countersign_ledger::store::{AppendError, LogStore, Space};

/// One step of a workload.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// A commit of so many entries with so many bytes of payload each.
    Commit(usize, usize),
    /// The same from the space that only the ledger's own entries may use.
    Last(usize, usize),
    /// A commit whose payload holds the first commit, frame and all, at every alignment.
    Echo,
    /// What is durable becomes the floor.
    Seal,
    /// The housekeeper's visit. Not having room is not a failure of the log.
    Room,
    /// The log is closed and opened without a crash.
    Reopen,
    /// What recovery put into quarantine is told in an entry.
    Tell,
    /// From now on the disk has room for so many bytes.
    Capacity(u64),
}

/// How the machine goes down between two lives.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// After the last step; what was not synced is lost.
    Idle,
    /// Before the last sync; this part of what was not synced survives.
    Torn(Survive),
}

/// The steps from one start of the machine to its end.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
}

/// What is done to a log.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) segment_bytes: u64,
    pub(crate) lives: Vec<Life>,
}

/// What a log promised, and what it was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// Leaf hashes of every entry that is in the log or may be, by index.
    pub(crate) tried: Vec<Hash>,
    /// Entries that someone was told are durable.
    pub(crate) acknowledged: usize,
    /// Entries that someone was told are sealed.
    pub(crate) sealed: usize,
    /// Commits that were tried: it makes the contents of each another.
    commits: usize,
    /// Whether every step was done.
    pub(crate) done: bool,
    /// Calls that went well after one that failed.
    pub(crate) late: usize,
}

/// One life of a workload, ready to be lived again and again.
pub(crate) struct Scene {
    pub(crate) workload: Arc<Workload>,
    pub(crate) life: usize,
    /// The disk at the start of the life, with nothing pending.
    start: SimFs,
    before: History,
    /// The changing calls of a life without faults.
    pub(crate) trace: Vec<Op>,
}

impl Scene {
    /// The lives of a workload.
    pub(crate) fn of(workload: Workload) -> Vec<Self> {
        let workload = Arc::new(workload);
        let blank = SimFs::new();
        segment::create(&blank).expect("an empty disk");
        let mut start = blank.crash_image(Survive::Everything);
        let mut before = History::default();
        let mut scenes = Vec::new();
        for (life, Life { end, .. }) in workload.lives.iter().enumerate() {
            let mut scene = Self {
                workload: Arc::clone(&workload),
                life,
                start,
                before,
                trace: Vec::new(),
            };
            let (mut disk, mut history) = scene.live(None);
            assert!(history.done, "{} must run without faults", workload.name);
            scene.trace = disk.trace();
            let mut survive = Survive::Nothing;
            if let End::Torn(some) = end {
                let sync = |op: &Op| op.call == Call::SyncData;
                let last = scene.trace.iter().rposition(sync).expect("it syncs");
                (disk, history) = scene.live(Some((last, Fault::CrashBefore)));
                survive = *some;
            }
            start = disk.crash_image(survive);
            before = history;
            scenes.push(scene);
        }
        scenes
    }

    /// Lives it once more. A fault past the last call never comes.
    pub(crate) fn live(&self, fault: Option<(usize, Fault)>) -> (Arc<SimFs>, History) {
        let disk = Arc::new(self.start.crash_image(Survive::Everything));
        if let Some((op, fault)) = fault {
            disk.fail_at(op, fault);
        }
        let mut history = self.before.clone();
        history.done = false;
        let steps = &self.workload.lives[self.life].steps;
        if let Some(mut log) = Log::open(&disk, &self.workload, &mut history) {
            history.done = steps.iter().all(|step| {
                log.step(&disk, &self.workload, &mut history, *step)
                    .is_continue()
            });
        }
        (disk, history)
    }

    /// Name of a case, for messages.
    pub(crate) fn case(&self, op: usize, more: impl std::fmt::Debug) -> String {
        let call = self.trace.get(op);
        format!(
            "{}, life {}, op {op} {call:?}: {more:?}",
            self.workload.name, self.life
        )
    }
}

/// An open log.
struct Log {
    store: SegmentStore,
    epoch: u64,
}

impl Log {
    /// What opening finds is durable for everyone who asks from now on.
    fn open(disk: &Arc<SimFs>, workload: &Workload, history: &mut History) -> Option<Self> {
        let (store, recovery) = open(disk, workload.segment_bytes).ok()?;
        let size = to_usize(store.head().head.size());
        assert!(
            size >= history.acknowledged,
            "{}: {size} of {} after a restart",
            workload.name,
            history.acknowledged
        );
        history.tried.truncate(size);
        history.acknowledged = size;
        history.sealed = to_usize(recovery.floor);
        let epoch = store.fence().ok()?;
        Some(Self { store, epoch })
    }

    fn step(
        &mut self,
        disk: &Arc<SimFs>,
        workload: &Workload,
        history: &mut History,
        step: Step,
    ) -> ControlFlow<()> {
        match step {
            Step::Commit(entries, len) => {
                let payload = payload(history.commits, len);
                self.append(history, Space::Common, entries, &payload)
            }
            Step::Last(entries, len) => {
                let payload = payload(history.commits, len);
                self.append(history, Space::Reserve, entries, &payload)
            }
            Step::Echo => {
                let Ok(run) = self.store.read(0, 1) else {
                    return ControlFlow::Break(());
                };
                let mut payload = Vec::new();
                for _ in 0..8 {
                    payload.extend_from_slice(run.bytes());
                    payload.push(1);
                }
                self.append(history, Space::Common, 1, &payload)
            }
            Step::Seal => self.seal(history),
            Step::Room => {
                drop(self.store.make_room());
                ControlFlow::Continue(())
            }
            Step::Reopen => match Self::open(disk, workload, history) {
                Some(log) => {
                    *self = log;
                    ControlFlow::Continue(())
                }
                None => ControlFlow::Break(()),
            },
            Step::Tell => self.tell(disk, history),
            Step::Capacity(bytes) => {
                disk.set_capacity(bytes);
                ControlFlow::Continue(())
            }
        }
    }

    fn append(
        &mut self,
        history: &mut History,
        space: Space,
        entries: usize,
        payload: &[u8],
    ) -> ControlFlow<()> {
        let mut commit = commit(&self.store.head().head, entries, payload);
        let before = history.tried.len();
        history.commits += 1;
        history.tried.extend_from_slice(commit.leaves());
        let mut stored = self.store.append(self.epoch, &mut commit, space);
        if matches!(stored, Err(AppendError::Full { .. })) {
            stored = self.store.append(self.epoch, &mut commit, space);
        }
        match stored {
            Ok(()) => history.acknowledged = history.tried.len(),
            // Running out of space changes nothing.
            Err(AppendError::Full { .. }) => history.tried.truncate(before),
            Err(AppendError::Poisoned(_) | AppendError::Conflict { .. }) => {
                return self.failed(history);
            }
        }
        ControlFlow::Continue(())
    }

    fn seal(&mut self, history: &mut History) -> ControlFlow<()> {
        match self.store.seal() {
            Ok(head) => {
                history.sealed = to_usize(head.head.size());
                ControlFlow::Continue(())
            }
            Err(_) => self.failed(history),
        }
    }

    fn tell(&mut self, disk: &Arc<SimFs>, history: &mut History) -> ControlFlow<()> {
        let Ok(pending) = recover::pending(disk.as_ref()) else {
            return ControlFlow::Break(());
        };
        for torn in pending {
            self.append(history, Space::Reserve, 1, torn.sha256.as_bytes())?;
            if recover::told(disk.as_ref(), &torn).is_err() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// After a failure nothing may go well any more.
    fn failed(&mut self, history: &mut History) -> ControlFlow<()> {
        let mut more = commit(&self.store.head().head, 1, b"late");
        for space in [Space::Common, Space::Reserve] {
            history.late += usize::from(self.store.append(self.epoch, &mut more, space).is_ok());
        }
        history.late += usize::from(self.store.seal().is_ok());
        history.late += usize::from(self.store.fence().is_ok());
        ControlFlow::Break(())
    }
}

pub(crate) fn open(
    disk: &Arc<SimFs>,
    segment_bytes: u64,
) -> Result<(SegmentStore, Recovery), OpenError> {
    let key = key().verifier().clone();
    let settings = Settings {
        origin: key.origin().clone(),
        key,
        segment_bytes,
        nonce,
    };
    recover::open(Arc::clone(disk) as Arc<dyn Fs>, settings)
}

fn key() -> SigningKey {
    let origin = Origin::parse("example.com/crash").expect("an origin");
    SigningKey::from_seed(origin, &[3; 32]).expect("a key")
}

fn nonce(first: u64) -> io::Result<Nonce> {
    let mut bytes = [0xA5; 16];
    bytes[..8].copy_from_slice(&first.to_be_bytes());
    Ok(Nonce(bytes))
}

fn payload(salt: usize, len: usize) -> Vec<u8> {
    vec![u8::try_from(salt % 251).expect("small") + 1; len]
}

pub(crate) fn commit(head: &LogHead, entries: usize, payload: &[u8]) -> Commit {
    let mut builder = CommitBuilder::after(head);
    for _ in 0..entries {
        let index = builder.next_index();
        let draft = Draft {
            kind: if index == 0 {
                Kind::LOG_OPENED
            } else {
                Kind::new(140).expect("a kind")
            },
            now: UnixMicros::new(1_000_000 + index).expect("a time"),
            case: 0,
            actor: "agent:crash",
            via: "",
            idem: b"",
            payload,
        };
        builder.push(&draft).expect("a good entry");
    }
    builder.finish(&key()).expect("not empty")
}

pub(crate) fn to_usize(number: u64) -> usize {
    usize::try_from(number).expect("small")
}

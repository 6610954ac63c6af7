//! A store in memory: for logs that need not outlive the process, and the yardstick of the
//! conformance suite.

use std::io;

use bytes::Bytes;
use countersign_chain::commit::{Commit, LogHead};
use countersign_chain::frame::Nonce;
use countersign_chain::key::VerifierKey;
use parking_lot::RwLock;

use super::{AppendError, DurableHead, FrameRun, LogStore, ReadError, Room, Space};

const NONCE: Nonce = Nonce(*b"countersign-mem\n");

/// A log that ends with the process.
#[derive(Debug)]
pub struct MemoryStore {
    key: VerifierKey,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    frames: Vec<(u64, Bytes)>,
    head: DurableHead,
    sealed: DurableHead,
    epoch: u64,
}

impl MemoryStore {
    /// An empty log that is signed with this key.
    #[must_use]
    pub fn new(key: VerifierKey) -> Self {
        let empty = DurableHead {
            head: LogHead::empty(),
            checkpoint: None,
        };
        let (frames, head, sealed) = (Vec::new(), empty.clone(), empty);
        Self {
            key,
            state: RwLock::new(State {
                frames,
                head,
                sealed,
                epoch: 0,
            }),
        }
    }
}

impl LogStore for MemoryStore {
    fn key(&self) -> VerifierKey {
        self.key.clone()
    }

    fn head(&self) -> DurableHead {
        self.state.read().head.clone()
    }

    fn append(&self, epoch: u64, commit: &mut Commit, _space: Space) -> Result<(), AppendError> {
        let mut state = self.state.write();
        let (expected, got) = (state.head.head.size(), commit.first());
        if expected != got || epoch != state.epoch {
            return Err(AppendError::Conflict { expected, got });
        }
        let bytes = Bytes::copy_from_slice(commit.seal(&NONCE));
        state.frames.push((got, bytes));
        state.head = DurableHead {
            head: commit.head().clone(),
            checkpoint: Some(commit.checkpoint().clone()),
        };
        Ok(())
    }

    fn read(&self, from: u64, max_bytes: usize) -> Result<FrameRun, ReadError> {
        let state = self.state.read();
        let size = state.head.head.size();
        if from >= size {
            return Err(ReadError::OutOfRange { index: from, size });
        }
        let at = state
            .frames
            .partition_point(|(first, _)| *first <= from)
            .saturating_sub(1);
        let mut run: Vec<u8> = Vec::new();
        for (_, frame) in state.frames.iter().skip(at) {
            if !run.is_empty() && run.len() + frame.len() > max_bytes {
                break;
            }
            run.extend_from_slice(frame);
        }
        Ok(FrameRun::new(run.into(), NONCE))
    }

    fn seal(&self) -> Result<DurableHead, AppendError> {
        let mut state = self.state.write();
        state.sealed = state.head.clone();
        Ok(state.sealed.clone())
    }

    fn sealed(&self) -> DurableHead {
        self.state.read().sealed.clone()
    }

    fn fence(&self) -> Result<u64, AppendError> {
        let mut state = self.state.write();
        state.epoch += 1;
        Ok(state.epoch)
    }

    fn make_room(&self) -> io::Result<Room> {
        Ok(Room::Enough)
    }
}

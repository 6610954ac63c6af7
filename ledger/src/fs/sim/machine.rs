//! The machine around a simulated disk: power, the lock, the count of calls and what goes wrong at
//! which.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use rustix::io::Errno;

use super::disk::Disk;

/// What goes wrong at one changing call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call reports this error and did nothing. A sync stored nothing and forgot its changes.
    NotStored(Errno),
    /// The call reports this error and did all it was asked.
    ButStored(Errno),
    /// A write takes the first half of its bytes, and the next write finds the disk full. A sync
    /// stores the first half of its changes, forgets the others and reports a full disk, as any
    /// other call does, which does nothing.
    Short,
    /// The power fails before the call does anything.
    CrashBefore,
    /// The power fails when the call has done its work, before it returns.
    CrashAfter,
}

/// A kind of changing call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`crate::fs::Fs::create_dir`].
    CreateDir,
    /// [`crate::fs::Fs::create_new`].
    CreateNew,
    /// [`crate::fs::Fs::rename`] and [`crate::fs::Fs::rename_noreplace`].
    Rename,
    /// [`crate::fs::Fs::remove`].
    Remove,
    /// [`crate::fs::Fs::sync_dir`].
    SyncDir,
    /// [`crate::fs::FsFile::write_at`].
    Write,
    /// [`crate::fs::FsFile::allocate`].
    Allocate,
    /// [`crate::fs::FsFile::sync_data`].
    SyncData,
    /// [`crate::fs::FsFile::sync_all`].
    SyncAll,
}

/// One changing call that was made. Its number is its place in [`super::SimFs::trace`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// What was called.
    pub call: Call,
    /// The path given; for an open file, the path it was opened under.
    pub path: Arc<str>,
}

/// A disk and the machine around it.
pub(super) struct Machine {
    pub(super) disk: Disk,
    pub(super) power: Power,
    pub(super) trace: Vec<Op>,
    pub(super) faults: BTreeMap<usize, Fault>,
    pub(super) lock: Lock,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    On,
    Off,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    Free,
    Held,
}

/// How much of its work a call gets done.
#[derive(Clone, Copy)]
pub(super) enum Extent {
    Whole,
    Half,
    Nothing,
}

impl Extent {
    /// For calls that cannot be done in part.
    pub(super) fn whole_or_full(self) -> io::Result<()> {
        match self {
            Self::Whole => Ok(()),
            Self::Half | Self::Nothing => Err(Errno::NOSPC.into()),
        }
    }

    pub(super) fn of(self, changes: usize) -> usize {
        match self {
            Self::Whole => changes,
            Self::Half => changes / 2,
            Self::Nothing => 0,
        }
    }
}

impl Machine {
    pub(super) fn new(disk: Disk) -> Self {
        Self {
            disk,
            power: Power::On,
            trace: Vec::new(),
            faults: BTreeMap::new(),
            lock: Lock::Free,
        }
    }

    pub(super) fn check_power(&self) -> io::Result<()> {
        match self.power {
            Power::On => Ok(()),
            Power::Off => Err(power_is_off()),
        }
    }

    /// Numbers a call, and does it as far as the fault at that number allows.
    pub(super) fn change<T>(
        &mut self,
        op: Op,
        act: impl FnOnce(&mut Disk, Extent) -> io::Result<T>,
    ) -> io::Result<T> {
        self.check_power()?;
        let fault = self.faults.remove(&self.trace.len());
        self.trace.push(op);
        match fault {
            None => act(&mut self.disk, Extent::Whole),
            Some(Fault::Short) => act(&mut self.disk, Extent::Half),
            Some(Fault::NotStored(errno)) => {
                drop(act(&mut self.disk, Extent::Nothing));
                Err(errno.into())
            }
            Some(Fault::ButStored(errno)) => {
                act(&mut self.disk, Extent::Whole)?;
                Err(errno.into())
            }
            Some(Fault::CrashBefore) => {
                self.power = Power::Off;
                Err(power_is_off())
            }
            Some(Fault::CrashAfter) => {
                drop(act(&mut self.disk, Extent::Whole));
                self.power = Power::Off;
                Err(power_is_off())
            }
        }
    }
}

fn power_is_off() -> io::Error {
    io::Error::other("power is off")
}

//! [`SimFs`]: a disk in memory that loses power, tears writes, fails and fills up. The disk of the
//! fault tests.
//!
//! # Model
//!
//! - Processes see the newest state (the page cache). The device holds what was synced, by the
//!   rules in [`crate::fs`]. The difference is a list of *pending changes* in the order they were
//!   made: one for each 512-byte sector written, one for each growth of a file, one for each change
//!   of names.
//! - A power loss keeps any chosen part of the pending changes, each whole or not at all, and loses
//!   the others: [`SimFs::crash_image`]. A sector carries all its bytes of the moment it was
//!   written. A length without its sectors shows zeros; sectors past the length are not seen. A
//!   kept change of names brings along the earlier changes of the same names, for file systems log
//!   them in order.
//! - Every changing call has a number, counted from 0 whether the call succeeds or not; a write
//!   counts once per try. [`SimFs::fail_at`] says what happens at such a number.
//! - After a failed sync that stored nothing the changes are forgotten: processes still see them,
//!   the next sync succeeds without storing them, a power loss undoes them.
//!   [`crate::fs::Fs::open_device`] shows what the device holds.
//!
//! Not in the model: sectors that change while nobody writes them (but see [`SimFs::flip_bit`]),
//! writes that land elsewhere, reads that fail, hard links, folders that are renamed or removed.

mod calls;
mod disk;
mod image;
mod machine;
mod survive;
mod view;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
pub use rustix::io::Errno;

use disk::Disk;
pub use machine::{Call, Fault, Op};
use machine::{Machine, Power};
pub use survive::Survive;

/// Room on a new disk, in bytes.
const CAPACITY: u64 = 1 << 40;

/// The simulated disk. Clones are handles to the same disk; [`SimFs::crash_image`] makes another
/// one.
#[derive(Clone)]
pub struct SimFs {
    machine: Arc<Mutex<Machine>>,
}

impl SimFs {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Disk::new(CAPACITY))
    }

    fn with(disk: Disk) -> Self {
        Self {
            machine: Arc::new(Mutex::new(Machine::new(disk))),
        }
    }

    /// How many changing calls were made: the number that the next one gets.
    #[must_use]
    pub fn ops(&self) -> usize {
        self.machine.lock().trace.len()
    }

    /// All changing calls in order.
    #[must_use]
    pub fn trace(&self) -> Vec<Op> {
        self.machine.lock().trace.clone()
    }

    /// Lets the changing call of this number go wrong, once.
    pub fn fail_at(&self, op: usize, fault: Fault) {
        self.machine.lock().faults.insert(op, fault);
    }

    /// Whether a fault has switched the power off: every call fails from then on.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.machine.lock().power == Power::Off
    }

    /// How many pending changes there are.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.machine.lock().disk.pending()
    }

    /// The disk as another machine finds it after a power loss now: powered on, unlocked, without
    /// faults, calls counted from 0. This disk stays as it is, so that many images can be taken of
    /// one moment. Costs little: contents are shared until written.
    #[must_use]
    pub fn crash_image(&self, survive: Survive) -> Self {
        Self::with(self.machine.lock().disk.crash(survive))
    }

    /// Sets the room for all files together, in bytes; also below what they take now.
    pub fn set_capacity(&self, bytes: u64) {
        self.machine.lock().disk.capacity = bytes;
    }

    /// Contents of a file as processes see them, with the power on or off.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub fn read_file(&self, path: &str) -> io::Result<Vec<u8>> {
        let machine = self.machine.lock();
        let inode = machine.disk.find_file(path)?;
        let image = machine.disk.live.files.get(&inode).ok_or(Errno::STALE)?;
        let mut bytes = vec![0; image.len()];
        image.read(&mut bytes, 0);
        Ok(bytes)
    }

    /// Puts a file with these contents onto the device, in place of the file `path` or anew. Damage
    /// done to a disk, not a call of the program under test, as are the two below.
    ///
    /// # Errors
    /// `NotFound` when its folder is missing.
    pub fn write_file(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut machine = self.machine.lock();
        if let Err(error) = machine.disk.find_file(path) {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            machine.disk.create(path)?;
        }
        drop(machine);
        self.damage(path, |image| {
            image.set_len(0);
            image.trim();
            image.write(bytes, 0);
            image.set_len(bytes.len());
            Ok(())
        })
    }

    /// Flips one bit of a file on the device and in the cache: bit 0 is the lowest of the first
    /// byte. The device then holds the whole file as processes see it.
    ///
    /// # Errors
    /// `NotFound` without the file, `InvalidInput` past its end.
    pub fn flip_bit(&self, path: &str, bit: u64) -> io::Result<()> {
        self.damage(path, |image| {
            let at = to_usize(bit / 8)?;
            let mut byte = [0];
            if image.read(&mut byte, at) == 0 {
                let message = format!("expected a bit below {} bytes, got {bit}", image.len());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            image.write(&[byte[0] ^ 1 << (bit % 8)], at);
            Ok(())
        })
    }

    /// Cuts or extends a file on the device and in the cache. The device then holds the
    /// whole file as processes see it.
    ///
    /// # Errors
    /// `NotFound` without the file.
    pub fn truncate(&self, path: &str, len: u64) -> io::Result<()> {
        self.damage(path, |image| {
            image.set_len(to_usize(len)?);
            image.trim();
            Ok(())
        })
    }

    /// Harms a file and puts it onto the device, name included, as processes see it.
    fn damage(
        &self,
        path: &str,
        harm: impl FnOnce(&mut image::Image) -> io::Result<()>,
    ) -> io::Result<()> {
        let disk = &mut self.machine.lock().disk;
        let inode = disk.find_file(path)?;
        disk.sync_file(inode, |changes| changes);
        disk.store_path(path);
        let image = disk.live.files.get_mut(&inode).ok_or(Errno::STALE)?;
        harm(image)?;
        disk.durable.files.insert(inode, image.clone());
        Ok(())
    }
}

impl Default for SimFs {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimFs")
            .field("ops", &self.ops())
            .field("pending", &self.pending())
            .field("is_off", &self.is_off())
            .finish()
    }
}

fn to_usize(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(io::Error::other)
}

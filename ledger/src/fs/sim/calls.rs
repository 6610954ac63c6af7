//! The calls of [`Fs`] on a simulated disk: what each asks of it, and how far it gets under a
//! fault.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustix::io::Errno;

use super::disk::Disk;
use super::image::Image;
use super::machine::{Call, Extent, Lock, Op};
use super::view::{Entry, Inode};
use super::{SimFs, to_usize};
use crate::fs::{Fs, FsFile, FsLock};

impl SimFs {
    fn look<T>(&self, ask: impl FnOnce(&Disk) -> io::Result<T>) -> io::Result<T> {
        let machine = self.machine.lock();
        machine.check_power()?;
        ask(&machine.disk)
    }

    fn change<T>(
        &self,
        op: Op,
        act: impl FnOnce(&mut Disk, Extent) -> io::Result<T>,
    ) -> io::Result<T> {
        self.machine.lock().change(op, act)
    }

    fn file(&self, inode: Inode, path: &str, mode: Mode) -> Arc<dyn FsFile> {
        Arc::new(SimFile {
            fs: self.clone(),
            inode,
            path: path.into(),
            mode,
        })
    }
}

impl Fs for SimFs {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.change(op(Call::CreateDir, path), |disk, extent| {
            extent.whole_or_full()?;
            disk.create_dir(path)
        })
    }

    fn create_new(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        let inode = self.change(op(Call::CreateNew, path), |disk, extent| {
            extent.whole_or_full()?;
            disk.create(path)
        })?;
        Ok(self.file(inode, path, Mode::ReadWrite))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        let inode = self.look(|disk| disk.find_file(path))?;
        Ok(self.file(inode, path, Mode::ReadWrite))
    }

    fn open_read(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        let inode = self.look(|disk| disk.find_file(path))?;
        Ok(self.file(inode, path, Mode::Read))
    }

    fn open_device(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        let inode = self.look(|disk| disk.find_file(path))?;
        Ok(self.file(inode, path, Mode::Device))
    }

    fn rename_noreplace(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(op(Call::Rename, to), |disk, extent| {
            extent.whole_or_full()?;
            disk.rename_noreplace(from, to)
        })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(op(Call::Rename, to), |disk, extent| {
            extent.whole_or_full()?;
            disk.rename(from, to)
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.change(op(Call::Remove, path), |disk, extent| {
            extent.whole_or_full()?;
            disk.remove(path)
        })
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.change(op(Call::SyncDir, path), |disk, extent| {
            disk.need_folder(path)?;
            disk.sync_dir(path, |changes| extent.of(changes));
            extent.whole_or_full()
        })
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.look(|disk| {
            disk.need_folder(path)?;
            let inside = |name: &Arc<str>| match name.rsplit_once('/') {
                Some((folder, last)) => (folder == path).then(|| last.to_owned()),
                None => path.is_empty().then(|| name.to_string()),
            };
            Ok(disk.live.entries.keys().filter_map(inside).collect())
        })
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.look(|disk| match disk.find(path) {
            Ok(Entry::Folder | Entry::File(_)) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        })
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.look(|disk| Ok(disk.free()))
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn FsLock>> {
        let mut machine = self.machine.lock();
        machine.check_power()?;
        if machine.lock == Lock::Held {
            return Err(Errno::WOULDBLOCK.into());
        }
        machine.disk.find_file(path)?;
        machine.lock = Lock::Held;
        Ok(Box::new(SimLock { fs: self.clone() }))
    }
}

#[derive(Debug)]
struct SimLock {
    fs: SimFs,
}

impl FsLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.fs.machine.lock().lock = Lock::Free;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    ReadWrite,
    Read,
    Device,
}

struct SimFile {
    fs: SimFs,
    inode: Inode,
    path: Arc<str>,
    mode: Mode,
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path, inode, mode, ..
        } = self;
        write!(f, "SimFile({path:?}, inode {inode}, {mode:?})")
    }
}

impl SimFile {
    fn look<T>(&self, ask: impl FnOnce(&Image) -> io::Result<T>) -> io::Result<T> {
        self.fs.look(|disk| {
            let view = match self.mode {
                Mode::ReadWrite | Mode::Read => &disk.live,
                Mode::Device => &disk.durable,
            };
            ask(view.files.get(&self.inode).ok_or(Errno::STALE)?)
        })
    }

    fn change<T>(
        &self,
        call: Call,
        act: impl FnOnce(&mut Disk, Extent) -> io::Result<T>,
    ) -> io::Result<T> {
        self.fs.change(
            Op {
                call,
                path: Arc::clone(&self.path),
            },
            act,
        )
    }

    fn sync(&self, call: Call) -> io::Result<()> {
        self.change(call, |disk, extent| {
            disk.sync_file(self.inode, |changes| extent.of(changes));
            extent.whole_or_full()
        })
    }

    fn check_writable(&self) -> io::Result<()> {
        match self.mode {
            Mode::ReadWrite => Ok(()),
            Mode::Read | Mode::Device => Err(Errno::BADF.into()),
        }
    }
}

impl FsFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let offset = to_usize(offset)?;
        self.look(|image| Ok(image.read(buf, offset)))
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.check_writable()?;
        let offset = to_usize(offset)?;
        self.change(Call::Write, |disk, extent| match extent {
            Extent::Whole => disk.write(self.inode, buf, offset),
            Extent::Half => disk.write_short(self.inode, buf, offset),
            Extent::Nothing => Ok(0),
        })
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        let len = to_usize(len)?;
        self.change(Call::Allocate, |disk, extent| {
            extent.whole_or_full()?;
            disk.allocate(self.inode, len)
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync(Call::SyncData)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync(Call::SyncAll)
    }

    fn len(&self) -> io::Result<u64> {
        self.look(|image| u64::try_from(image.len()).map_err(io::Error::other))
    }
}

fn op(call: Call, path: &str) -> Op {
    Op {
        call,
        path: path.into(),
    }
}

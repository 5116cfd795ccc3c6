//! A disk in memory that can run full, refuse to sync, and lose what was not synced when the power goes.

use crate::disk::{Disk, DiskFile};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Debug, Clone, Default)]
pub(super) struct TestDisk(Arc<Mutex<Inner>>);

#[derive(Debug, Clone, Default)]
struct Inner {
    files: BTreeMap<PathBuf, Content>,
    /// Removed, but the directory was not synced since: a power cut may bring them back.
    removed: BTreeMap<PathBuf, Content>,
    locked: BTreeSet<PathBuf>,
    /// Bytes that may still be written.
    room: Option<usize>,
    /// Syncs that will fail.
    bad_syncs: usize,
    /// Whether a file may be cut.
    no_truncate: bool,
}

#[derive(Debug, Clone, Default)]
struct Content {
    live: Vec<u8>,
    synced: Vec<u8>,
    /// Whether its directory was synced since it was made.
    entry_synced: bool,
}

#[derive(Debug)]
struct Guard(TestDisk, PathBuf);

#[derive(Debug)]
struct Handle(TestDisk, PathBuf);

/// A little generator, so that a power cut is repeatable.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

impl TestDisk {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no test panics while it holds the disk")
    }

    /// The same content once more, not locked by anyone.
    pub(super) fn copy(&self) -> TestDisk {
        let mut inner = self.inner().clone();
        inner.locked.clear();
        TestDisk(Arc::new(Mutex::new(inner)))
    }

    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.inner().files.keys().cloned().collect()
    }

    pub(super) fn with_bytes<T>(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut inner = self.inner();
        let content = inner.files.get_mut(path).expect("the file exists");
        let result = change(&mut content.live);
        content.synced = content.live.clone();
        result
    }

    pub(super) fn set_room(&self, room: Option<usize>) {
        self.inner().room = room;
    }

    pub(super) fn fail_syncs(&self, count: usize) {
        self.inner().bad_syncs = count;
    }

    pub(super) fn forbid_truncate(&self, forbid: bool) {
        self.inner().no_truncate = forbid;
    }

    /// The power goes: of what was not synced, any part may be there or not.
    pub(super) fn cut_power(&self, dice: &mut Dice) {
        let mut inner = self.inner();
        inner.locked.clear();
        inner.bad_syncs = 0;
        let removed = std::mem::take(&mut inner.removed);
        for (path, content) in removed {
            if dice.below(2) == 0 {
                inner.files.entry(path).or_insert(content);
            }
        }
        inner.files.retain(|_, content| content.entry_synced || dice.below(2) == 0);
        for content in inner.files.values_mut() {
            let Content { live, synced, .. } = content;
            let length = match live.len().checked_sub(synced.len()) {
                Some(more) => synced.len() + dice.below(more + 1),
                None => synced.len(),
            };
            let after: Vec<u8> = (0..length)
                .map(|at| match (synced.get(at), live.get(at)) {
                    (Some(old), Some(new)) if old == new => *old,
                    // Overwritten in place, or appended: what a block of the file says is one or the other.
                    (old, new) => {
                        let block = Dice((at as u64 / 64) ^ length as u64).below(2) == 0;
                        let old = old.copied().unwrap_or(0);
                        if block { old } else { new.copied().unwrap_or(old) }
                    }
                })
                .collect();
            *live = after.clone();
            *synced = after;
            content.entry_synced = true;
        }
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for TestDisk {
    fn make_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let inner = self.inner();
        let inside = inner.files.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn lock(&self, dir: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        if self.inner().locked.insert(dir.to_owned()) {
            Ok(Box::new(Guard(self.clone(), dir.to_owned())))
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut inner = self.inner();
        if inner.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        inner.files.insert(path.to_owned(), Content::default());
        Ok(Box::new(Handle(self.clone(), path.to_owned())))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.length(path)?;
        Ok(Box::new(Handle(self.clone(), path.to_owned())))
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        Ok(self.inner().files.get(path).ok_or_else(missing)?.live.len() as u64)
    }

    fn read(&self, path: &Path, from: u64, limit: usize) -> io::Result<Vec<u8>> {
        let inner = self.inner();
        let live = &inner.files.get(path).ok_or_else(missing)?.live;
        let from = live.len().min(from as usize);
        Ok(live[from..live.len().min(from + limit)].to_vec())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let content = inner.files.remove(from).ok_or_else(missing)?;
        inner.files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let content = inner.files.remove(path).ok_or_else(missing)?;
        if let Some(room) = &mut inner.room {
            *room += content.live.len();
        }
        if content.entry_synced {
            inner.removed.insert(path.to_owned(), content);
        }
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        inner.removed.clear();
        for content in inner.files.values_mut() {
            content.entry_synced = true;
        }
        Ok(())
    }
}

impl Handle {
    /// The name the file has now: the state file is renamed while it is open.
    fn path(&self) -> PathBuf {
        let exists = self.0.inner().files.contains_key(&self.1);
        if exists { self.1.clone() } else { self.1.with_extension("") }
    }
}

impl DiskFile for Handle {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let path = self.path();
        let mut inner = self.0.inner();
        let offset = offset as usize;
        let length = inner.files.get(&path).map_or(0, |content| content.live.len());
        let grows = (offset + bytes.len()).saturating_sub(length);
        let granted = inner.room.unwrap_or(usize::MAX).min(grows);
        if let Some(room) = &mut inner.room {
            *room -= granted;
        }
        let live = &mut inner.files.get_mut(&path).ok_or_else(missing)?.live;
        let end = offset + bytes.len() - (grows - granted);
        live.resize(live.len().max(end), 0);
        live[offset..end].copy_from_slice(&bytes[..end - offset]);
        if granted < grows { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let path = self.path();
        let mut inner = self.0.inner();
        if inner.bad_syncs > 0 {
            inner.bad_syncs -= 1;
            return Err(io::Error::other("the disk does not answer"));
        }
        let content = inner.files.get_mut(&path).ok_or_else(missing)?;
        content.synced = content.live.clone();
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut inner = self.0.inner();
        if inner.no_truncate {
            return Err(io::Error::other("the disk is read-only now"));
        }
        let content = inner.files.get_mut(&self.1).ok_or_else(missing)?;
        let freed = content.live.len().saturating_sub(length as usize);
        content.live.truncate(length as usize);
        if let Some(room) = &mut inner.room {
            *room += freed;
        }
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.inner().locked.remove(&self.1);
    }
}

//! A disk in memory that runs full, fails in the middle of an operation, and at a power cut loses or tears
//! whatever was not synced.

use crate::dice::Dice;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use wattledger_link::disk::{Disk, DiskFile};

#[derive(Debug, Clone, Default)]
pub struct WorldDisk(Arc<Mutex<Plates>>);

#[derive(Debug, Default)]
struct Plates {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    /// The names as of the last sync of a directory, and what was done to them since, in order.
    synced_names: BTreeMap<PathBuf, usize>,
    renamed: Vec<Renaming>,
    locked: BTreeSet<PathBuf>,
    /// Changing operations until the machine is down.
    left: Option<u64>,
    is_down: bool,
    /// Bytes at which it is full.
    capacity: Option<usize>,
}

#[derive(Debug, Default)]
struct Content {
    now: Vec<u8>,
    unsynced: Vec<Change>,
}

/// A write (or a cut, where `new` is `None`) that no sync has followed yet.
#[derive(Debug)]
struct Change {
    at: usize,
    old: Vec<u8>,
    old_length: usize,
    new: Option<Vec<u8>>,
}

#[derive(Debug, Clone)]
enum Renaming {
    Made(PathBuf, usize),
    Moved(PathBuf, PathBuf),
    Removed(PathBuf),
}

impl Renaming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Renaming::Made(path, file) => drop(names.insert(path.clone(), *file)),
            Renaming::Removed(path) => drop(names.remove(path)),
            Renaming::Moved(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

impl Content {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.now.len() < end {
            self.now.resize(end, 0);
        }
        self.now[at..end].copy_from_slice(bytes);
    }

    /// Of the changes since the last sync, each is there, or not, or its beginning is.
    fn lose(&mut self, dice: &mut Dice) {
        let changes = mem::take(&mut self.unsynced);
        for change in changes.iter().rev() {
            self.now.truncate(change.old_length);
            self.now.resize(change.old_length, 0);
            self.now[change.at..change.at + change.old.len()].copy_from_slice(&change.old);
        }
        for change in changes {
            match (dice.below(4), &change.new) {
                (0, _) => {}
                (1, Some(new)) => self.write(change.at, &new[..dice.below(new.len() as u64 + 1) as usize]),
                (_, Some(new)) => self.write(change.at, new),
                (_, None) => self.now.truncate(change.at),
            }
        }
    }
}

impl WorldDisk {
    fn plates(&self) -> MutexGuard<'_, Plates> {
        self.0.lock().expect("no panic while held")
    }

    /// The machine goes down after so many more changes, in the middle of the last one.
    pub fn fail_after(&self, changes: u64) {
        self.plates().left = Some(changes);
    }

    /// It goes down no more, unless it has by now.
    pub fn mend(&self) {
        self.plates().left = None;
    }

    /// Whether it went down since the last restart.
    pub fn is_down(&self) -> bool {
        self.plates().is_down
    }

    /// Full once there are so many bytes more than now; `None`: there is room.
    pub fn leave_room(&self, bytes: Option<usize>) {
        let mut plates = self.plates();
        plates.capacity = bytes.map(|bytes| plates.used() + bytes);
    }

    /// The process was killed: the system still has what was written.
    pub fn restart(&self) {
        let mut plates = self.plates();
        plates.left = None;
        plates.is_down = false;
        plates.locked.clear();
    }

    /// The power was cut, and is back.
    pub fn cut_power(&self, dice: &mut Dice) {
        self.restart();
        let mut plates = self.plates();
        let renamed = mem::take(&mut plates.renamed);
        let kept = dice.below(renamed.len() as u64 + 1) as usize;
        let mut names = mem::take(&mut plates.synced_names);
        renamed[..kept].iter().for_each(|renaming| renaming.apply(&mut names));
        let named: BTreeSet<usize> = names.values().copied().collect();
        for (at, file) in plates.files.iter_mut().enumerate() {
            if named.contains(&at) { file.lose(dice) } else { *file = Content::default() }
        }
        plates.synced_names.clone_from(&names);
        plates.names = names;
    }

    /// Whether a power cut now would leave the last segment file as it is. Earlier ones may be what failed
    /// appends have left.
    pub fn last_segment_is_synced(&self) -> bool {
        let plates = self.plates();
        let mut names = plates.names.iter().rev();
        names.find(|(path, _)| path.extension().is_some_and(|e| e == "seg")).is_none_or(|(path, file)| {
            plates.files[*file].unsynced.is_empty() && plates.synced_names.get(path) == Some(file)
        })
    }
}

impl Plates {
    fn operate(&mut self) -> io::Result<()> {
        match self.left {
            Some(0) => self.is_down = true,
            Some(left) => self.left = Some(left - 1),
            None => {}
        }
        self.look()
    }

    fn look(&self) -> io::Result<()> {
        if self.is_down { Err(io::Error::other("the machine is down")) } else { Ok(()) }
    }

    fn used(&self) -> usize {
        self.names.values().map(|file| self.files[*file].now.len()).sum()
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&mut self, renaming: Renaming) {
        renaming.apply(&mut self.names);
        self.renamed.push(renaming);
    }

    fn write(&mut self, file: usize, at: usize, bytes: &[u8]) {
        let content = &mut self.files[file];
        let old_length = content.now.len();
        let old = content.now[at.min(old_length)..(at + bytes.len()).min(old_length)].to_vec();
        content.unsynced.push(Change { at: at.min(old_length), old, old_length, new: Some(bytes.to_vec()) });
        content.write(at, bytes);
    }
}

#[derive(Debug)]
struct Handle {
    disk: WorldDisk,
    file: usize,
}

#[derive(Debug)]
struct Lock(WorldDisk, PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.plates().locked.remove(&self.1);
    }
}

impl Disk for WorldDisk {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        self.plates().operate()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let plates = self.plates();
        plates.look()?;
        let inside = plates.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }

    fn lock(&self, dir: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        if self.plates().locked.insert(dir.to_owned()) {
            Ok(Box::new(Lock(self.clone(), dir.to_owned())))
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut plates = self.plates();
        plates.operate()?;
        if plates.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = plates.files.len();
        plates.files.push(Content::default());
        plates.rename(Renaming::Made(path.to_owned(), file));
        Ok(Box::new(Handle { disk: self.clone(), file }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let plates = self.plates();
        plates.look()?;
        let file = plates.file(path)?;
        Ok(Box::new(Handle { disk: self.clone(), file }))
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        let plates = self.plates();
        plates.look()?;
        let file = plates.file(path)?;
        Ok(plates.files[file].now.len() as u64)
    }

    fn read(&self, path: &Path, from: u64, limit: usize) -> io::Result<Vec<u8>> {
        let plates = self.plates();
        plates.look()?;
        let bytes = &plates.files[plates.file(path)?].now;
        let from = (from as usize).min(bytes.len());
        Ok(bytes[from..from.saturating_add(limit).min(bytes.len())].to_vec())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut plates = self.plates();
        plates.operate()?;
        plates.file(from)?;
        plates.rename(Renaming::Moved(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut plates = self.plates();
        plates.operate()?;
        plates.file(path)?;
        plates.rename(Renaming::Removed(path.to_owned()));
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut plates = self.plates();
        plates.operate()?;
        plates.synced_names = plates.names.clone();
        plates.renamed.clear();
        Ok(())
    }
}

impl DiskFile for Handle {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut plates = self.disk.plates();
        let at = offset as usize;
        if plates.left == Some(0) && !plates.is_down {
            // Down in the middle of this write: half of it is there.
            plates.write(self.file, at, &bytes[..bytes.len() / 2]);
        }
        plates.operate()?;
        let grown = (at + bytes.len()).saturating_sub(plates.files[self.file].now.len());
        let free = plates.capacity.map(|capacity| capacity.saturating_sub(plates.used()));
        if let Some(free) = free.filter(|free| grown > *free) {
            let fits = bytes.len() - (grown - free);
            plates.write(self.file, at, &bytes[..fits]);
            return Err(io::ErrorKind::StorageFull.into());
        }
        plates.write(self.file, at, bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut plates = self.disk.plates();
        plates.operate()?;
        plates.files[self.file].unsynced.clear();
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut plates = self.disk.plates();
        plates.operate()?;
        let content = &mut plates.files[self.file];
        let (old_length, at) = (content.now.len(), (length as usize).min(content.now.len()));
        let old = content.now[at..].to_vec();
        content.unsynced.push(Change { at, old, old_length, new: None });
        content.now.truncate(at);
        Ok(())
    }
}

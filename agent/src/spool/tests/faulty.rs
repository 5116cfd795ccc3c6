//! A disk in memory that fails after so many operations, and forgets what was not synced.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use wattledger_link::disk::{Disk, DiskFile};

/// A disk whose faults a test decides on.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaultyDisk(Arc<Mutex<Plates>>);

#[derive(Debug, Default)]
struct Plates {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, usize>,
    /// The names a power cut leaves.
    durable: BTreeMap<PathBuf, usize>,
    /// Operations until everything fails; `None`: never.
    left: Option<u32>,
    /// Bytes until the disk is full; `None`: never.
    capacity: Option<usize>,
    /// A file that can be neither written anew nor removed.
    refused: Option<PathBuf>,
}

#[derive(Debug, Default, Clone)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
}

/// How the machine goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The process is killed: the system still has what was written.
    Killed,
    /// The power is cut: of what was not synced, this share (in 256ths) of each file's new bytes stays.
    PowerCut(u8),
}

impl FaultyDisk {
    fn plates(&self) -> MutexGuard<'_, Plates> {
        self.0.lock().expect("no panic while held")
    }

    /// Fails every operation after so many more.
    pub(crate) fn fail_after(&self, operations: u32) {
        self.plates().left = Some(operations);
    }

    /// Refuses to hold more bytes than this.
    pub(crate) fn fill_up_at(&self, bytes: Option<usize>) {
        self.plates().capacity = bytes;
    }

    /// Refuses to replace or remove this file.
    pub(crate) fn refuse(&self, path: Option<&Path>) {
        self.plates().refused = path.map(Path::to_owned);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.plates().used()
    }

    /// Another disk with the same on it.
    pub(crate) fn copy(&self) -> FaultyDisk {
        let plates = self.plates();
        FaultyDisk(Arc::new(Mutex::new(Plates {
            files: plates.files.clone(),
            names: plates.names.clone(),
            durable: plates.durable.clone(),
            left: None,
            capacity: None,
            refused: None,
        })))
    }

    /// The files and their lengths.
    pub(crate) fn files(&self) -> Vec<(PathBuf, usize)> {
        let plates = self.plates();
        plates.names.iter().map(|(path, file)| (path.clone(), plates.files[*file].now.len())).collect()
    }

    /// Changes the bits of one byte.
    pub(crate) fn corrupt(&self, path: &Path, at: usize, mask: u8) {
        let mut plates = self.plates();
        let file = plates.names[path];
        plates.files[file].now[at] ^= mask;
    }

    /// The machine comes back after a crash.
    pub(crate) fn restart(&self, crash: Crash) {
        let mut plates = self.plates();
        plates.left = None;
        if let Crash::PowerCut(share) = crash {
            plates.names = plates.durable.clone();
            for file in &mut plates.files {
                let kept = file.synced.len().min(file.now.len());
                let new = file.now.len() - kept;
                let mut left = file.synced.clone();
                left.extend_from_slice(&file.now[kept..kept + new * usize::from(share) / 256]);
                file.now = left;
            }
        }
        for file in &mut plates.files {
            file.synced = file.now.clone();
        }
        plates.durable = plates.names.clone();
    }
}

impl Plates {
    fn operate(&mut self) -> io::Result<()> {
        match &mut self.left {
            Some(0) => Err(io::Error::other("the machine is down")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Lets the name of a file be changed.
    fn rename_or_remove(&mut self, path: &Path) -> io::Result<()> {
        self.operate()?;
        match &self.refused {
            Some(refused) if refused == path => Err(io::ErrorKind::PermissionDenied.into()),
            _ => Ok(()),
        }
    }

    fn used(&self) -> usize {
        self.names.values().map(|file| self.files[*file].now.len()).sum()
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[derive(Debug)]
struct Handle {
    disk: FaultyDisk,
    file: usize,
}

impl Disk for FaultyDisk {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        self.plates().operate()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut plates = self.plates();
        plates.operate()?;
        let inside = plates.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(()))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut plates = self.plates();
        plates.operate()?;
        if plates.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        plates.files.push(Content::default());
        let file = plates.files.len() - 1;
        plates.names.insert(path.to_owned(), file);
        Ok(Box::new(Handle { disk: self.clone(), file }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut plates = self.plates();
        plates.operate()?;
        let file = plates.file(path)?;
        Ok(Box::new(Handle { disk: self.clone(), file }))
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        let mut plates = self.plates();
        plates.operate()?;
        let file = plates.file(path)?;
        Ok(plates.files[file].now.len() as u64)
    }

    fn read(&self, path: &Path, from: u64, limit: usize) -> io::Result<Vec<u8>> {
        let mut plates = self.plates();
        plates.operate()?;
        let file = plates.file(path)?;
        let bytes = &plates.files[file].now;
        let from = (from as usize).min(bytes.len());
        Ok(bytes[from..(from + limit).min(bytes.len())].to_vec())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut plates = self.plates();
        plates.rename_or_remove(to)?;
        let file = plates.file(from)?;
        plates.names.remove(from);
        plates.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut plates = self.plates();
        plates.rename_or_remove(path)?;
        plates.file(path)?;
        plates.names.remove(path);
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut plates = self.plates();
        plates.operate()?;
        plates.durable = plates.names.clone();
        Ok(())
    }
}

impl DiskFile for Handle {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut plates = self.disk.plates();
        plates.operate()?;
        let end = offset as usize + bytes.len();
        let grown = end.saturating_sub(plates.files[self.file].now.len());
        if plates.capacity.is_some_and(|capacity| plates.used() + grown > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let content = &mut plates.files[self.file].now;
        if content.len() < end {
            content.resize(end, 0);
        }
        content[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut plates = self.disk.plates();
        plates.operate()?;
        let content = &mut plates.files[self.file];
        content.synced = content.now.clone();
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut plates = self.disk.plates();
        plates.operate()?;
        plates.files[self.file].now.truncate(length as usize);
        Ok(())
    }
}

//! A small text file that is replaced as a whole, and is itself again or nothing: its last line is a checksum
//! of what is before.

use crate::disk::Disk;
use std::io;
use std::path::Path;

/// Larger files are none of ours.
const LIMIT_BYTES: usize = 64 << 20;
const MARK: &str = "crc32 ";

/// Puts the text in the place of what the file held; it is whole and durable on return.
///
/// # Errors
/// What the disk says. The file is then what it was before.
pub fn replace(disk: &dyn Disk, path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    match disk.remove(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let sealed = format!("{text}{MARK}{:08x}\n", crc32fast::hash(text.as_bytes()));
    let mut file = disk.create(&draft)?;
    file.write_at(0, sealed.as_bytes())?;
    file.sync()?;
    disk.rename(&draft, path)?;
    path.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))
}

/// The text that was put there; `None` where there is no file, or any byte of it is another.
pub fn read(disk: &dyn Disk, path: &Path) -> Option<String> {
    let bytes = disk.read(path, 0, LIMIT_BYTES).ok()?;
    let mut text = String::from_utf8(bytes).ok()?;
    let at = text.rfind(MARK)?;
    if text[at..] != format!("{MARK}{:08x}\n", crc32fast::hash(&text.as_bytes()[..at])) {
        return None;
    }
    text.truncate(at);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::LocalDisk;

    #[test]
    fn it_is_whole_or_nothing() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("small");
        assert_eq!(read(&LocalDisk, &path), None);
        replace(&LocalDisk, &path, "first\n").expect("disk");
        replace(&LocalDisk, &path, "line\ncrc32 of a kind\n").expect("disk");
        assert_eq!(read(&LocalDisk, &path).as_deref(), Some("line\ncrc32 of a kind\n"));
        let bytes = std::fs::read(&path).expect("there");
        for at in 0..bytes.len() {
            std::fs::write(&path, &bytes[..at]).expect("disk");
            assert_eq!(read(&LocalDisk, &path), None, "cut at {at}");
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                std::fs::write(&path, changed).expect("disk");
                assert_eq!(read(&LocalDisk, &path), None, "bit {bit} of byte {at}");
            }
        }
    }
}

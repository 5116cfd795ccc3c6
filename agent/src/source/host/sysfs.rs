//! The kernel's small texts: attributes in sysfs and procfs. Their roots are told, so that a tree made
//! for a test, or one that a container has mounted elsewhere, is read the same way.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use wattledger_model::reading::Serial;

/// An attribute is at most a page.
const ATTRIBUTE_BYTES: u64 = 4_096;
/// Entries of one directory that are looked at: a machine has some hundred zones and sensors.
const ENTRIES: usize = 4_096;

/// Where the kernel shows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// Devices, `/sys`.
    pub sys: PathBuf,
    /// Processes and the boot's identity, `/proc`.
    pub proc: PathBuf,
}

impl Default for Roots {
    fn default() -> Roots {
        Roots { sys: "/sys".into(), proc: "/proc".into() }
    }
}

impl Roots {
    /// A number that differs from boot to boot; `None` where the kernel does not say.
    pub(super) fn boot(&self) -> Option<u32> {
        text(&self.proc.join("sys/kernel/random/boot_id")).ok().and_then(|id| mark(&id))
    }
}

/// A number for a text, another one for another text as far as 32 bits can tell; `None` for an empty one.
pub(super) fn mark(text: &str) -> Option<u32> {
    Serial::of(text).map(Serial::digest).map(|digest| (digest ^ (digest >> 32)) as u32)
}

/// What an attribute says.
///
/// # Errors
/// What the system says; an attribute longer than a page is none.
pub(super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut found = Vec::new();
    File::open(path)?.take(ATTRIBUTE_BYTES + 1).read_to_end(&mut found)?;
    if found.len() as u64 > ATTRIBUTE_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than a page"));
    }
    Ok(found)
}

/// The same as a line of text; what is not UTF-8 in it is replaced.
pub(super) fn text(path: &Path) -> io::Result<String> {
    bytes(path).map(|found| String::from_utf8_lossy(&found).trim().to_owned())
}

/// A whole number, which is all that an attribute's line may have.
///
/// # Errors
/// What it is instead, in words.
pub fn number(said: &[u8]) -> Result<i64, String> {
    let wrong = || {
        let shown: String = String::from_utf8_lossy(said).trim().chars().take(40).collect();
        format!("`{shown}` is not a whole number")
    };
    let line = std::str::from_utf8(said).map_err(|_| wrong())?.trim_ascii();
    let digits = line.strip_prefix('-').unwrap_or(line);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    line.parse().map_err(|_| wrong())
}

/// What an attribute that holds a whole number holds; `None` where it is not there or holds none.
pub(super) fn number_at(path: &Path) -> Option<i64> {
    bytes(path).ok().and_then(|said| number(&said).ok())
}

/// The names in a directory, sorted.
///
/// # Errors
/// What the system says.
pub(super) fn names_in(path: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(path)?.take(ENTRIES);
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
pub(super) mod made {
    //! A tree made for a test.

    use super::*;

    pub(in crate::source::host) struct Tree {
        pub(in crate::source::host) folder: tempfile::TempDir,
    }

    impl Tree {
        pub(in crate::source::host) fn new() -> Tree {
            let tree = Tree { folder: tempfile::tempdir().expect("a folder") };
            tree.boots("b8f2b0b9-6b4b-4f6e-8d1e-000000000001");
            tree
        }

        pub(in crate::source::host) fn roots(&self) -> Roots {
            Roots { sys: self.folder.path().join("sys"), proc: self.folder.path().join("proc") }
        }

        pub(in crate::source::host) fn path(&self, path: &str) -> PathBuf {
            self.folder.path().join(path)
        }

        pub(in crate::source::host) fn put(&self, path: &str, says: impl AsRef<[u8]>) {
            let path = self.path(path);
            fs::create_dir_all(path.parent().expect("inside the tree")).expect("a folder");
            fs::write(path, says).expect("a file");
        }

        pub(in crate::source::host) fn link(&self, path: &str, to: &str) {
            let (path, to) = (self.path(path), self.path(to));
            fs::create_dir_all(path.parent().expect("inside the tree")).expect("a folder");
            fs::create_dir_all(&to).expect("a folder");
            std::os::unix::fs::symlink(to, path).expect("a link");
        }

        pub(in crate::source::host) fn remove(&self, path: &str) {
            fs::remove_dir_all(self.path(path)).expect("it was there");
        }

        pub(in crate::source::host) fn boots(&self, id: &str) {
            self.put("proc/sys/kernel/random/boot_id", format!("{id}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_whole_and_alone() {
        assert_eq!(number(b"262143328850\n"), Ok(262_143_328_850));
        assert_eq!(number(b" -5000 \n"), Ok(-5_000));
        for no in ["", "\n", "-", "1.5", "1e3", "+1", "12 13", "0x1f", "9223372036854775808", "\u{660}"] {
            assert!(number(no.as_bytes()).is_err(), "{no}");
        }
        let error = number(&[0xff, 0xfe, b'1']).expect_err("no text");
        assert!(error.contains("is not a whole number"), "{error}");
    }

    #[test]
    fn a_boot_is_told_from_another_and_one_that_is_not_told_from_none() {
        let tree = made::Tree::new();
        let first = tree.roots().boot();
        assert_eq!((first.is_some(), tree.roots().boot()), (true, first));
        tree.boots("b8f2b0b9-6b4b-4f6e-8d1e-000000000002");
        assert_ne!(tree.roots().boot(), first);
        tree.boots("");
        assert_eq!(tree.roots().boot(), None);
    }

    #[test]
    fn an_attribute_has_an_end() {
        let tree = made::Tree::new();
        tree.put("sys/long", vec![b'1'; 5_000]);
        assert!(bytes(&tree.path("sys/long")).is_err());
        assert!(names_in(&tree.path("sys/none")).is_err());
        assert_eq!(names_in(&tree.path("sys")).expect("there"), ["long"]);
    }
}

//! What the collector occupies: memory of its process, and bytes in its data directory.

use crate::store::Layout;
use std::fs;
use std::path::Path;

/// Folders below the data directory that are looked into at most: the journal is one level down.
const DEPTH: usize = 2;

/// Resident memory of this process, bytes; `None` where the system does not tell it as Linux does.
pub(crate) fn memory_bytes() -> Option<u64> {
    resident(&fs::read_to_string("/proc/self/status").ok()?)
}

/// The line `VmRSS: 1234 kB` of `/proc/PID/status`; its kB are KiB. Source: proc(5).
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

/// Bytes of the files in the data directory: the ledger, its write-ahead log, the journal and what outputs
/// remember. `None` where it cannot be listed.
pub(crate) fn store_bytes(layout: &Layout) -> Option<u64> {
    bytes_below(&layout.dir, DEPTH)
}

fn bytes_below(folder: &Path, depth: usize) -> Option<u64> {
    let mut bytes = 0_u64;
    for entry in fs::read_dir(folder).ok()? {
        // Files come and go meanwhile: a segment of the journal that is done with is no error.
        let Ok(entry) = entry else { continue };
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() && depth > 1 {
            bytes += bytes_below(&entry.path(), depth - 1).unwrap_or(0);
        } else if about.is_file() {
            bytes += about.len();
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_the_kernels_words() {
        let status = "Name:\tcollector\nVmHWM:\t  260000 kB\nVmRSS:\t  123456 kB\nThreads:\t9\n";
        assert_eq!(resident(status), Some(123_456 * 1_024));
        assert_eq!(resident("Name:\tcollector\n"), None, "kernel threads have none");
        assert_eq!(resident("VmRSS:\tmuch\n"), None);
        if cfg!(target_os = "linux") {
            assert!(memory_bytes().is_some_and(|bytes| bytes > 1 << 20), "{:?}", memory_bytes());
        }
    }

    #[test]
    fn the_store_is_as_large_as_its_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(folder.path());
        fs::write(layout.database(), [0; 1_000]).expect("written");
        fs::create_dir(layout.journal()).expect("made");
        fs::write(layout.journal().join("1"), [0; 234]).expect("written");
        assert_eq!(store_bytes(&layout), Some(1_234));
        assert_eq!(store_bytes(&Layout::new(&folder.path().join("nowhere"))), None);
    }
}

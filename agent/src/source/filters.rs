//! What a broker delivers for a persistent session, kept over a restart: it goes on delivering what was subscribed
//! under an earlier configuration until that is unsubscribed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tracing::warn;
use wattledger_link::disk::LocalDisk;
use wattledger_link::small_file;

const FIRST_LINE: &str = "wattledger-filters 1";
/// Filters that are remembered, at most.
const MOST: usize = 10_000;

/// The topic filters of one source.
#[derive(Debug)]
pub(super) struct Filters {
    path: PathBuf,
    wanted: BTreeSet<String>,
    /// What the broker may know beside these.
    unwanted: BTreeSet<String>,
}

impl Filters {
    /// What an earlier run has written down; nothing where the file is missing or damaged.
    pub(super) fn load(path: &Path, wanted: impl Iterator<Item = String>) -> Filters {
        let wanted: BTreeSet<String> = wanted.collect();
        let text = small_file::read(&LocalDisk, path).unwrap_or_default();
        let mut lines = text.lines();
        let known = lines.next().filter(|first| *first == FIRST_LINE).map(|_| lines).into_iter().flatten();
        let unwanted =
            known.filter(|filter| !wanted.contains(*filter)).take(MOST).map(str::to_owned).collect();
        Filters { path: path.to_owned(), wanted, unwanted }
    }

    /// What is to be unsubscribed.
    pub(super) fn unwanted(&self) -> Vec<String> {
        self.unwanted.iter().cloned().collect()
    }

    /// Before a session begins: it may have all of them from now on.
    pub(super) fn note_all(&self) {
        self.write(self.wanted.iter().chain(&self.unwanted));
    }

    /// The broker has read what was unsubscribed.
    pub(super) fn note_wanted(&mut self) {
        if !self.unwanted.is_empty() {
            self.unwanted.clear();
            self.write(self.wanted.iter());
        }
    }

    fn write<'f>(&self, filters: impl Iterator<Item = &'f String>) {
        let lines = filters.filter(|filter| !filter.contains('\n'));
        let text: String = std::iter::once(FIRST_LINE)
            .chain(lines.map(String::as_str))
            .flat_map(|line| [line, "\n"])
            .collect();
        if small_file::read(&LocalDisk, &self.path).is_some_and(|there| there == text) {
            return;
        }
        if let Err(error) = small_file::replace(&LocalDisk, &self.path, &text) {
            let file = self.path.display();
            warn!(%file, %error, "cannot keep what is subscribed; what a later configuration drops may still come");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(path: &Path, wanted: &[&str]) -> Filters {
        Filters::load(path, wanted.iter().map(|filter| (*filter).to_owned()))
    }

    #[test]
    fn what_is_not_wanted_any_more_is_known_until_the_broker_has_heard() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("filters-hall");
        load(&path, &["a/#", "b/+ c"]).note_all();
        let mut next = load(&path, &["a/#", "d"]);
        assert_eq!(next.unwanted(), ["b/+ c"]);
        next.note_all();
        // It ends before it was connected.
        assert_eq!(load(&path, &["d"]).unwanted(), ["a/#", "b/+ c"]);
        next.note_wanted();
        assert_eq!(load(&path, &["a/#", "d"]).unwanted(), Vec::<String>::new());
        assert_eq!(load(&path, &[]).unwanted(), ["a/#", "d"]);
        std::fs::write(&path, "wattledger-filters 1\nx\n").expect("disk");
        assert_eq!(load(&path, &[]).unwanted(), Vec::<String>::new(), "a damaged file says nothing");
    }
}

//! Which batches may have been sent, kept over a restart.
//!
//! A batch that was never sent can be thinned; one that may have been is what it is. The file says a little
//! more than was sent, so that it need not be written for each batch. Where it is lost or damaged, everything
//! held may have been sent: then old batches are kept whole or dropped, never changed.

use crate::standing::NoStanding;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use wattledger_link::disk::Disk;
use wattledger_link::ranges::RangeSet;
use wattledger_link::small_file;
use wattledger_model::reading::Incarnation;
use wattledger_model::time::Timestamp;

const FIRST_LINE: &str = "wattledger-sent 1";

/// Writes what may have been sent of a spool; it is durable on return.
///
/// # Errors
/// What the disk says.
pub(crate) fn save(disk: &dyn Disk, path: &Path, of: Incarnation, sent: &RangeSet) -> io::Result<()> {
    small_file::replace(disk, path, &to_text(of, sent))
}

/// Removes the file, which then says that everything may have been sent; it is gone for good on return.
///
/// # Errors
/// What the disk says: the file may be there now, or again after a power cut.
pub(crate) fn forget(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    path.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))
}

/// Reads it; `None` where there is no file, or one that is damaged or of another spool.
pub(crate) fn load(disk: &dyn Disk, path: &Path, of: Incarnation) -> Option<RangeSet> {
    let (found, sent) = from_text(&small_file::read(disk, path)?).ok()?;
    (found == of).then_some(sent)
}

fn to_text(of: Incarnation, sent: &RangeSet) -> String {
    let mut text = format!("{FIRST_LINE}\nincarnation {} {}\nfloor {}\n", of.started.0, of.id, sent.floor());
    for (first, last) in sent.ranges() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "range {first} {last}");
    }
    text
}

fn from_text(text: &str) -> Result<(Incarnation, RangeSet), NoStanding> {
    let mut lines = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let number = |text: &str| text.parse::<u64>().map_err(|_| NoStanding);
    if lines.next().map(|words| words.join(" ")).as_deref() != Some(FIRST_LINE) {
        return Err(NoStanding);
    }
    let words = lines.next().ok_or(NoStanding)?;
    let ["incarnation", started, id] = words[..] else { return Err(NoStanding) };
    let started = Timestamp(started.parse().map_err(|_| NoStanding)?);
    let incarnation = Incarnation { started, id: number(id)? };
    let mut lines = lines.peekable();
    // The floor is always there.
    lines.peek().ok_or(NoStanding)?;
    let mut sent = RangeSet::default();
    for words in lines {
        match words[..] {
            ["floor", floor] => sent.raise_floor(number(floor)?),
            ["range", first, last] => sent.insert_range(number(first)?, number(last)?),
            _ => return Err(NoStanding),
        }
    }
    Ok((incarnation, sent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_link::disk::LocalDisk;

    #[test]
    fn it_reads_back_for_the_same_spool_alone() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("sent");
        let of = Incarnation { started: Timestamp(-5), id: u64::MAX };
        assert_eq!(load(&LocalDisk, &path, of), None);
        for sent in [RangeSet::default(), RangeSet::from_parts(7, [(9, 9), (20, 31)])] {
            save(&LocalDisk, &path, of, &sent).expect("disk");
            assert_eq!(load(&LocalDisk, &path, of), Some(sent));
            assert_eq!(load(&LocalDisk, &path, Incarnation { id: 1, ..of }), None);
        }
    }

    #[test]
    fn a_text_cut_short_says_nothing() {
        for text in [
            "",
            "wattledger-sent 1",
            "wattledger-sent 1\nincarnation 1 2\n",
            "wattledger-sent 2\nincarnation 1 2\nfloor 3\n",
        ] {
            assert_eq!(from_text(text), Err(NoStanding), "{text}");
        }
    }
}

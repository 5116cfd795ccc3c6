//! Which collector this agent frees on, and what that collector holds, kept over a restart.
//!
//! A convenience with one duty: to notice a new store. If the file is lost, everything held is sent
//! again, and the collector recognises what it has.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::str::FromStr;
use wattledger_link::disk::Disk;
use wattledger_link::ranges::RangeSet;
use wattledger_link::small_file;
use wattledger_model::name::Name;
use wattledger_model::reading::Incarnation;
use wattledger_model::time::Timestamp;

/// What is known of the collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The collector that was named in the configuration.
    pub collector: Name,
    /// The store it spoke for last.
    pub store_id: u64,
    /// The spool's incarnation.
    pub incarnation: Incarnation,
    /// Whether everything held when that store was first met has been offered to it since.
    pub caught_up: bool,
    /// What it holds.
    pub acknowledged: RangeSet,
}

const FIRST_LINE: &str = "wattledger-standing 2";

impl Standing {
    /// Writes the file; it is whole and durable on return.
    ///
    /// # Errors
    /// What the disk says.
    pub fn save(&self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        small_file::replace(disk, path, &self.to_text())
    }

    /// Reads the file; `None` where there is none, or one that makes no sense.
    pub fn load(disk: &dyn Disk, path: &Path) -> Option<Standing> {
        small_file::read(disk, path)?.parse().ok()
    }

    fn to_text(&self) -> String {
        let Incarnation { started, id } = self.incarnation;
        let mut text = format!(
            "{FIRST_LINE}\ncollector {}\nstore {}\nincarnation {} {id}\ncaught-up {}\nfloor {}\n",
            self.collector,
            self.store_id,
            started.0,
            self.caught_up,
            self.acknowledged.floor(),
        );
        for (first, last) in self.acknowledged.ranges() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "range {first} {last}");
        }
        text.push_str("end\n");
        text
    }
}

/// The file makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoStanding;

impl FromStr for Standing {
    type Err = NoStanding;

    fn from_str(text: &str) -> Result<Standing, NoStanding> {
        let mut lines = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let mut line = |word: &str, values: usize| {
            let found = lines.next().ok_or(NoStanding)?;
            let fits = found.first() == Some(&word) && found.len() == values + 1;
            if fits { Ok(found) } else { Err(NoStanding) }
        };
        fn number<T: FromStr>(text: &str) -> Result<T, NoStanding> {
            text.parse().map_err(|_| NoStanding)
        }
        let (first, version) = FIRST_LINE.split_once(' ').ok_or(NoStanding)?;
        if line(first, 1)?[1] != version {
            return Err(NoStanding);
        }
        let collector = number(line("collector", 1)?[1])?;
        let store_id = number(line("store", 1)?[1])?;
        let incarnation = line("incarnation", 2)?;
        let incarnation =
            Incarnation { started: Timestamp(number(incarnation[1])?), id: number(incarnation[2])? };
        let caught_up = number(line("caught-up", 1)?[1])?;
        let floor = number(line("floor", 1)?[1])?;
        let mut ranges = Vec::new();
        for line in lines {
            match line[..] {
                ["range", first, last] => ranges.push((number(first)?, number(last)?)),
                ["end"] => {
                    let acknowledged = RangeSet::from_parts(floor, ranges);
                    return Ok(Standing { collector, store_id, incarnation, caught_up, acknowledged });
                }
                _ => return Err(NoStanding),
            }
        }
        Err(NoStanding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_link::disk::LocalDisk;

    fn standing() -> Standing {
        Standing {
            collector: "campus".parse().expect("name"),
            store_id: u64::MAX,
            incarnation: Incarnation { started: Timestamp(-5), id: 9 },
            caught_up: true,
            acknowledged: RangeSet::from_parts(4, [(6, 9), (12, 12)]),
        }
    }

    #[test]
    fn it_reads_back_from_disk() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("standing");
        assert_eq!(Standing::load(&LocalDisk, &path), None);
        standing().save(&LocalDisk, &path).expect("disk");
        let later = Standing { caught_up: false, ..standing() };
        later.save(&LocalDisk, &path).expect("disk");
        assert_eq!(Standing::load(&LocalDisk, &path), Some(later));
    }

    #[test]
    fn a_file_cut_anywhere_is_no_standing() {
        let text = standing().to_text();
        assert_eq!(text.parse(), Ok(standing()));
        // The last line's end is the one byte that may be missing.
        for cut in 0..text.len() - 1 {
            assert_eq!(text[..cut].parse::<Standing>(), Err(NoStanding), "{cut}");
        }
    }
}

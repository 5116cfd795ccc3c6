//! What a source cannot read now: said once when it begins, once when it is over, and in the status for
//! as long as it lasts.

use std::collections::BTreeMap;
use tracing::{info, warn};

/// Different troubles whose beginnings are counted: a bound on memory.
const COUNTED: usize = 1_000;
/// Troubles that the status names; the rest are a number.
const SHOWN: usize = 8;

/// One thing that cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What is concerned: a zone, a file, a UPS. One trouble a thing.
    pub(super) what: String,
    /// What is wrong, and the mend where there is one.
    pub(super) says: String,
}

impl Trouble {
    pub(super) fn new(what: impl Into<String>, says: impl Into<String>) -> Trouble {
        Trouble { what: what.into(), says: says.into() }
    }
}

/// The troubles of one source, by the part of it that met them.
#[derive(Debug)]
pub(super) struct Troubles {
    source: String,
    now: BTreeMap<(String, String), String>,
    begun: BTreeMap<(String, String), u64>,
}

impl Troubles {
    pub(super) fn new(source: &str) -> Troubles {
        Troubles { source: source.to_owned(), now: BTreeMap::new(), begun: BTreeMap::new() }
    }

    /// All that is wrong with this part now. What has come and gone since the last time is logged: a thing
    /// that comes and goes all the time at its 1st, 10th, 100th, ... beginning. The number of lines is told.
    pub(super) fn set(&mut self, part: &str, troubles: Vec<Trouble>) -> usize {
        let found: BTreeMap<(String, String), String> =
            troubles.into_iter().map(|trouble| ((part.to_owned(), trouble.what), trouble.says)).collect();
        let mut lines = 0;
        for (key, says) in &found {
            if self.now.get(key) == Some(says) {
                continue;
            }
            let count = self.count(key);
            if is_worth_a_line(count) {
                warn!(source = %self.source, part, what = %key.1, %says, count, "cannot be read; skipped");
                lines += 1;
            }
        }
        let over = self.now.keys().filter(|key| key.0 == part && !found.contains_key(*key));
        for key in over.cloned().collect::<Vec<_>>() {
            if self.begun.get(&key).is_none_or(|count| is_worth_a_line(*count)) {
                info!(source = %self.source, part, what = %key.1, "can be read again");
                lines += 1;
            }
            self.now.remove(&key);
        }
        self.now.extend(found);
        lines
    }

    fn count(&mut self, key: &(String, String)) -> u64 {
        if self.begun.len() >= COUNTED && !self.begun.contains_key(key) {
            return 1;
        }
        let count = self.begun.entry(key.clone()).or_default();
        *count += 1;
        *count
    }

    /// For the status; empty where nothing is wrong.
    pub(super) fn detail(&self) -> String {
        let shown = self.now.iter().take(SHOWN).map(|((part, what), says)| match what.as_str() {
            "" => format!("{part}: {says}"),
            what => format!("{part} {what}: {says}"),
        });
        let mut all: Vec<String> = shown.collect();
        if self.now.len() > SHOWN {
            all.push(format!("and {} more", self.now.len() - SHOWN));
        }
        all.join("; ")
    }
}

/// 1, 10, 100, ...
fn is_worth_a_line(count: u64) -> bool {
    count.checked_ilog10().is_some_and(|digits| 10_u64.pow(digits) == count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_said_once_and_shown_while_it_lasts() {
        let mut troubles = Troubles::new("host");
        let denied = || vec![Trouble::new("package-0", "only root may read it")];
        assert_eq!((troubles.set("rapl", denied()), troubles.set("rapl", denied())), (1, 0));
        assert_eq!(troubles.set("hwmon", Vec::new()), 0, "another part has none of it");
        assert_eq!(troubles.detail(), "rapl package-0: only root may read it");
        assert_eq!(troubles.set("rapl", Vec::new()), 1, "it is over");
        assert_eq!((troubles.detail().as_str(), troubles.set("rapl", Vec::new())), ("", 0));
    }

    #[test]
    fn what_comes_and_goes_does_not_flood_the_log() {
        let mut troubles = Troubles::new("host");
        let mut lines = 0;
        for _ in 0..1_000 {
            lines += troubles.set("hwmon", vec![Trouble::new("fan", "no data")]);
            lines += troubles.set("hwmon", Vec::new());
        }
        assert_eq!(lines, 8, "at the 1st, 10th, 100th and 1000th time, and at the end of each");
        let many = (0..20).map(|n| Trouble::new(n.to_string(), "no data")).collect();
        troubles.set("hwmon", many);
        assert!(troubles.detail().ends_with("and 12 more"), "{}", troubles.detail());
    }
}

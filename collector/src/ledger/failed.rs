//! Failed reads: values that a register left and came back from, such as a 0 or a spike that a device
//! delivers where it could not read. Source: domain.md 5.3 (E20, E23).

use super::series::{Mark, Point, Register};
use std::collections::BTreeSet;
use wattledger_model::minute::StepClass;

/// At most this many readings in a row are taken for failed reads. Source: domain.md 5.3.
const LONGEST_FAILED_RUN: usize = 3;

/// Why a run of readings is taken for failed reads. Its entry is a jump or a fall, and the step across it is
/// normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedRead {
    /// The step out of it is not normal.
    OutIsNotNormal,
    /// All of it is exactly 0.
    AllZero,
    /// Without P_max: the register was back at or above the earlier value within three readings.
    Returned,
}

/// A reading that was dropped as a failed read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Its position among the given readings.
    pub index: usize,
    /// Instant of the reading before the run.
    pub from: i64,
    /// Instant of the reading after it.
    pub to: i64,
    /// Why it was dropped.
    pub why: FailedRead,
}

/// Finds runs of up to three failed reads; gives their positions among the points, ascending.
///
/// A run goes when its entry is a jump or a reset, the step across it is normal, and either the step out
/// of it is not normal or all of it is exactly 0. Without P_max, a fall that is back within three readings
/// goes. Nothing that spans a change of device evidence goes. The shortest run first, then the earliest;
/// each removal may make or unmake its neighbours.
pub(super) fn failed_reads(register: &Register<'_>, points: &[Point]) -> Vec<(usize, Dropped)> {
    let is_bad = |class| matches!(class, StepClass::Jump | StepClass::Reset);
    let suspicious: Vec<usize> =
        (1..points.len()).filter(|&i| is_bad(register.classify(&points[i - 1], &points[i]))).collect();
    if suspicious.is_empty() {
        return Vec::new();
    }
    let mut chain = Chain::new(points.len());
    // By (length, start): the first entry is the next to go. An entry that a removal nearby has made
    // obsolete is found out when its turn comes.
    let mut removable = BTreeSet::new();
    let offer = |removable: &mut BTreeSet<(usize, usize)>, chain: &Chain, start: usize| {
        let run = removable_run(register, points, chain, start);
        removable.extend(run.map(|run| (run.length, start)));
    };
    for start in suspicious {
        offer(&mut removable, &chain, start);
    }
    let mut gone: Vec<(usize, Dropped)> = Vec::new();
    let mut is_gone = vec![false; points.len()];
    while let Some((length, start)) = removable.pop_first() {
        let run = if is_gone[start] { None } else { removable_run(register, points, &chain, start) };
        let Some(run) = run.filter(|run| run.length == length) else { continue };
        let (from, to) = (points[run.before].at, points[run.after].at);
        for at in chain.run(start, length) {
            chain.remove(at);
            is_gone[at] = true;
            gone.push((at, Dropped { index: points[at].index as usize, from, to, why: run.why }));
        }
        for near in chain.around(start) {
            offer(&mut removable, &chain, near);
        }
    }
    gone.sort_unstable_by_key(|(at, _)| *at);
    gone
}

/// A run that can go, with its neighbours.
struct Run {
    before: usize,
    length: usize,
    after: usize,
    why: FailedRead,
}

fn removable_run(register: &Register<'_>, points: &[Point], chain: &Chain, start: usize) -> Option<Run> {
    let before = chain.previous(start)?;
    let entry = register.classify(&points[before], &points[start]);
    if !matches!(entry, StepClass::Jump | StepClass::Reset) {
        return None;
    }
    let mut last = start;
    let mut all_zero = true;
    let mut is_told = points[before].mark == Mark::Evident;
    for length in 1..=LONGEST_FAILED_RUN {
        all_zero &= points[last].position == 0;
        is_told |= points[last].mark == Mark::Evident;
        let after = chain.next(last)?;
        // Runs that earlier removals joined count as one: else a slow fall and rise would be eaten up from
        // its bottom, however long, and no reading would settle what comes after.
        if after - before > LONGEST_FAILED_RUN + 1 {
            return None;
        }
        let across = register.classify(&points[before], &points[after]) == StepClass::Normal;
        let out = register.classify(&points[last], &points[after]) == StepClass::Normal;
        let why = match register.rules(&points[after]).rated {
            None => Some(FailedRead::Returned),
            Some(_) if !out => Some(FailedRead::OutIsNotNormal),
            Some(_) => all_zero.then_some(FailedRead::AllZero),
        };
        if let Some(why) = why.filter(|_| across) {
            let run = chain.run(start, length);
            let told = [before, after].into_iter().chain(run).map(|at| points[at]);
            return (!is_told || register.is_one_device(told)).then_some(Run { before, length, after, why });
        }
        last = after;
    }
    None
}

/// The readings that are still there, linked to their neighbours.
struct Chain {
    previous: Vec<usize>,
    next: Vec<usize>,
}

const END: usize = usize::MAX;

impl Chain {
    fn new(length: usize) -> Chain {
        Chain {
            previous: (0..length).map(|i| i.checked_sub(1).unwrap_or(END)).collect(),
            next: (0..length).map(|i| if i + 1 < length { i + 1 } else { END }).collect(),
        }
    }

    fn previous(&self, at: usize) -> Option<usize> {
        Some(self.previous[at]).filter(|at| *at != END)
    }

    fn next(&self, at: usize) -> Option<usize> {
        Some(self.next[at]).filter(|at| *at != END)
    }

    fn run(&self, start: usize, length: usize) -> Vec<usize> {
        std::iter::successors(Some(start), |at| self.next(*at)).take(length).collect()
    }

    fn remove(&mut self, at: usize) {
        let (previous, next) = (self.previous[at], self.next[at]);
        if previous != END {
            self.next[previous] = next;
        }
        if next != END {
            self.previous[next] = previous;
        }
    }

    /// The starts whose removability a removal at `at` can change: a run's reach before it, and the one after.
    fn around(&self, at: usize) -> Vec<usize> {
        let after = self.next(at);
        let before = std::iter::successors(self.previous(at), |at| self.previous(*at));
        after.into_iter().chain(before.take(LONGEST_FAILED_RUN + 1)).collect()
    }
}

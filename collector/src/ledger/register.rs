//! From register readings to stretches: which readings count, what happened between two of them, and
//! what may be booked for it. Source: domain.md 5.2 to 5.4.
//!
//! Everything depends on a few readings around it only: eight steps in a row that are plainly forward
//! make what follows independent of what came before (see [`super::context`]).

use super::interpret::{RegisterRules, round_half_even};
use std::collections::BTreeSet;
use wattledger_model::minute::{Provenance, StepClass};

/// A register reading as a position on the ledger's scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Instant, ms since the epoch.
    pub at: i64,
    /// Position, in 1/9 000 000 of the base unit.
    pub position: i128,
}

/// The register's curve between two kept readings: linear from `start` to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Instant of the earlier reading.
    pub from: i64,
    /// Instant of the later reading.
    pub to: i64,
    /// Position at `from`.
    pub start: i128,
    /// Position at `to`, on the same scale as `start`.
    pub end: i128,
    /// What happened between the two.
    pub class: StepClass,
    /// How the difference is known; `None` where nothing can be booked.
    pub provenance: Option<Provenance>,
}

/// At most this many readings in a row are taken for failed reads. Source: domain.md 5.3.
const LONGEST_FAILED_RUN: usize = 3;

/// What the readings of a register come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walk {
    /// Positions, in the given readings, of failed reads.
    pub dropped: Vec<usize>,
    /// From each kept reading to the next.
    pub stretches: Vec<Stretch>,
}

/// Walks along readings sorted by strictly ascending instant.
pub fn walk(points: &[Point], rules: &RegisterRules) -> Walk {
    let dropped = failed_reads(points, rules);
    if dropped.is_empty() {
        return Walk { stretches: stretches(points, rules), dropped };
    }
    let mut bad = dropped.iter().copied().peekable();
    let kept: Vec<Point> =
        points.iter().enumerate().filter(|(i, _)| bad.next_if_eq(i).is_none()).map(|(_, p)| *p).collect();
    Walk { stretches: stretches(&kept, rules), dropped }
}

/// The class of the step from one reading to a later one, taken alone.
pub fn classify(earlier: Point, later: Point, rules: &RegisterRules) -> StepClass {
    let delta = later.position - earlier.position;
    let most = rules.most(later.at - earlier.at);
    if let (Some(modulus), Some(most)) = (rules.modulus, most)
        && most >= modulus
    {
        return StepClass::Undecidable;
    }
    if delta >= 0 {
        return if most.is_none_or(|most| delta <= most) { StepClass::Normal } else { StepClass::Jump };
    }
    if delta >= -2 * rules.resolution && later.position != 0 {
        return StepClass::Jitter;
    }
    if let (Some(modulus), Some(most)) = (rules.modulus, most)
        && (0..=most).contains(&(delta + modulus))
    {
        return StepClass::Rollover;
    }
    StepClass::Reset
}

/// Finds runs of up to three failed reads: values that the register left and came back from.
///
/// A run goes when its entry is a jump or a reset, the step across it is normal, and either the step out
/// of it is not normal or all of it is exactly 0. Without P_max, a fall that is back within three readings
/// goes. The shortest run first, then the earliest; each removal may make or unmake its neighbours.
fn failed_reads(points: &[Point], rules: &RegisterRules) -> Vec<usize> {
    let is_bad = |class| matches!(class, StepClass::Jump | StepClass::Reset);
    let suspicious: Vec<usize> =
        (1..points.len()).filter(|&i| is_bad(classify(points[i - 1], points[i], rules))).collect();
    if suspicious.is_empty() {
        return Vec::new();
    }
    let mut chain = Chain::new(points.len());
    // By (length, start): the first entry is the next to go. An entry that a removal nearby has made
    // obsolete is found out when its turn comes.
    let mut removable = BTreeSet::new();
    let offer = |removable: &mut BTreeSet<(usize, usize)>, chain: &Chain, start: usize| {
        removable.extend(removable_run(points, chain, start, rules).map(|length| (length, start)));
    };
    for start in suspicious {
        offer(&mut removable, &chain, start);
    }
    let mut gone = vec![false; points.len()];
    while let Some((length, start)) = removable.pop_first() {
        if gone[start] || removable_run(points, &chain, start, rules) != Some(length) {
            continue;
        }
        for at in chain.run(start, length) {
            chain.remove(at);
            gone[at] = true;
        }
        for near in chain.around(start) {
            offer(&mut removable, &chain, near);
        }
    }
    (0..points.len()).filter(|&at| gone[at]).collect()
}

fn removable_run(points: &[Point], chain: &Chain, start: usize, rules: &RegisterRules) -> Option<usize> {
    let kept_before = chain.previous(start)?;
    let before = points[kept_before];
    let entry = classify(before, points[start], rules);
    if !matches!(entry, StepClass::Jump | StepClass::Reset) {
        return None;
    }
    let mut last = start;
    let mut all_zero = true;
    for length in 1..=LONGEST_FAILED_RUN {
        all_zero &= points[last].position == 0;
        let after = chain.next(last)?;
        // Runs that earlier removals joined count as one: else a slow fall and rise would be eaten up from
        // its bottom, however long, and no reading would settle what comes after.
        if after - kept_before > LONGEST_FAILED_RUN + 1 {
            return None;
        }
        let across = classify(before, points[after], rules) == StepClass::Normal;
        let out = classify(points[last], points[after], rules) == StepClass::Normal;
        if across && (rules.rated.is_none() || !out || all_zero) {
            return Some(length);
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

fn stretches(kept: &[Point], rules: &RegisterRules) -> Vec<Stretch> {
    let mut all = Vec::with_capacity(kept.len().saturating_sub(1));
    let Some(&first) = kept.first() else { return all };
    let mut reference = first;
    for (i, pair) in kept.windows(2).enumerate() {
        let (from, to) = (pair[0], pair[1]);
        let mut class = classify(reference, to, rules);
        if class == StepClass::Jitter && stays_below(reference, &kept[i + 2..], rules) {
            class = StepClass::Reset;
        }
        let (start, end) = match class {
            StepClass::Normal => (reference.position, to.position),
            StepClass::Jitter => (reference.position, reference.position),
            StepClass::Rollover => (reference.position, to.position + rules.modulus.unwrap_or(0)),
            // What may be booked for these is decided from their neighbours below.
            _ => (0, 0),
        };
        let measured = matches!(class, StepClass::Normal | StepClass::Jitter | StepClass::Rollover)
            && !RegisterRules::is_beyond_booking(end - start);
        let provenance = measured.then(|| {
            if to.at - from.at <= rules.gap_limit_ms {
                Provenance::Measured
            } else {
                Provenance::Interpolated
            }
        });
        all.push(Stretch { from: from.at, to: to.at, start, end, class, provenance });
        if class != StepClass::Jitter {
            reference = to;
        }
    }
    estimate_breaks(&mut all, kept, rules);
    all
}

/// Whether the two readings after a jitter stay below the reference too: then it was a reset.
fn stays_below(reference: Point, after: &[Point], rules: &RegisterRules) -> bool {
    after.len() >= 2
        && after[..2]
            .iter()
            .all(|&later| matches!(classify(reference, later, rules), StepClass::Jitter | StepClass::Reset))
}

/// Books resets and jumps as the mean of the two adjacent mean rates, one neighbour if only one, nothing
/// if none; after a restart from zero at least what the new register shows. Source: domain.md 5.3.
///
/// The lower bound needs P_max: without it nothing tells a restart from a register that was set.
fn estimate_breaks(all: &mut [Stretch], kept: &[Point], rules: &RegisterRules) {
    for i in 0..all.len() {
        if !matches!(all[i].class, StepClass::Reset | StepClass::Jump) {
            continue;
        }
        let held = all[i].to - all[i].from;
        let neighbours = [i.checked_sub(1), Some(i + 1)];
        let energies: Vec<i128> = neighbours
            .into_iter()
            .filter_map(|at| all.get(at?))
            .filter(|near| matches!(near.provenance, Some(Provenance::Measured | Provenance::Interpolated)))
            .map(|near| {
                round_half_even((near.end - near.start) * i128::from(held), i128::from(near.to - near.from))
            })
            .collect();
        if energies.is_empty() {
            continue;
        }
        let mut energy = round_half_even(energies.iter().sum(), energies.len() as i128);
        let shown = kept[i + 1].position;
        if all[i].class == StepClass::Reset && rules.most(held).is_some_and(|most| shown <= most) {
            energy = energy.max(shown);
        }
        if !RegisterRules::is_beyond_booking(energy) {
            all[i].start = 0;
            all[i].end = energy;
            all[i].provenance = Some(Provenance::Estimated);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::interpret::POSITION_PER_BASE;
    use super::*;

    const WH: i128 = 1_000_000 * POSITION_PER_BASE;

    fn rules(resolution_wh: i128, modulus_wh: Option<i128>, rated_w: Option<i128>) -> RegisterRules {
        RegisterRules {
            resolution: resolution_wh * WH,
            modulus: modulus_wh.map(|modulus| modulus * WH),
            rated: rated_w.map(|rated| rated * 1_000_000),
            gap_limit_ms: 900_000,
        }
    }

    fn every_minute(wh: &[i128]) -> Vec<Point> {
        wh.iter().enumerate().map(|(i, wh)| Point { at: i as i64 * 60_000, position: wh * WH }).collect()
    }

    fn told(wh: &[i128], rules: &RegisterRules) -> String {
        let walk = walk(&every_minute(wh), rules);
        let steps: Vec<String> = walk
            .stretches
            .iter()
            .map(|s| match s.provenance {
                Some(p) => format!("{} {} {}", s.class.word(), (s.end - s.start) / WH, p.word()),
                None => format!("{} nothing", s.class.word()),
            })
            .collect();
        if walk.dropped.is_empty() {
            steps.join(", ")
        } else {
            format!("{}; dropped {:?}", steps.join(", "), walk.dropped)
        }
    }

    #[test]
    fn one_misread_zero_is_dropped() {
        let rules = rules(1, None, Some(60_000));
        assert_eq!(
            told(&[20, 45, 0, 46, 47], &rules),
            "normal 25 measured, normal 1 measured, normal 1 measured; dropped [2]"
        );
    }

    #[test]
    fn a_spike_is_dropped_and_its_return_too() {
        let rules = rules(1, None, Some(60_000));
        assert_eq!(told(&[0, 10, 99_999, 30], &rules), "normal 10 measured, normal 20 measured; dropped [2]");
    }

    #[test]
    fn a_reset_that_stays_is_estimated_from_its_neighbours() {
        let rules = rules(0, None, Some(6_000_000));
        assert_eq!(
            told(&[1_000, 1_010, 0, 20], &rules),
            "normal 10 measured, reset 15 estimated, normal 20 measured"
        );
    }

    #[test]
    fn two_resets_in_a_row_have_one_neighbour_each_and_not_less_than_the_new_register_shows() {
        let rules = rules(0, None, Some(6_000));
        assert_eq!(
            told(&[1_000, 1_010, 500, 100, 130], &rules),
            "normal 10 measured, reset 10 estimated, reset 100 estimated, normal 30 measured"
        );
    }

    #[test]
    fn a_lone_break_books_nothing() {
        assert_eq!(told(&[1_000, 3], &rules(0, None, None)), "reset nothing");
    }

    #[test]
    fn three_readings_below_make_jitter_a_reset() {
        let rules = rules(1, None, None);
        assert_eq!(
            told(&[100, 99, 98, 103], &rules),
            "jitter 0 measured, jitter 0 measured, normal 3 measured"
        );
        assert_eq!(
            told(&[90, 100, 99, 99, 99], &rules),
            "normal 10 measured, reset 5 estimated, normal 0 measured, normal 0 measured"
        );
    }

    #[test]
    fn without_a_rating_a_fall_that_comes_back_is_a_failed_read_and_others_are_resets() {
        let rules = rules(0, Some(1_000), None);
        assert_eq!(
            told(&[10, 20, 5, 6, 7, 30], &rules),
            "normal 10 measured, normal 10 measured; dropped [2, 3, 4]"
        );
        assert_eq!(
            told(&[980, 990, 5, 15], &rules),
            "normal 10 measured, reset 10 estimated, normal 10 measured",
            "a modulus alone does not make a rollover"
        );
    }

    #[test]
    fn a_flood_of_nonsense_takes_no_forever() {
        let wild: Vec<i128> = (0..20_000_i128).map(|i| (i * 7_919) % 10_007).collect();
        let walk = walk(&every_minute(&wild), &rules(1, None, Some(1_000)));
        assert!(walk.stretches.iter().all(|s| s.end >= s.start));
    }
}

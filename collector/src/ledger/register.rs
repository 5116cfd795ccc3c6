//! From register readings to stretches: which readings count, what happened between two of them, and
//! what may be booked for it. Source: domain.md 5.2 to 5.4.
//!
//! Everything depends on a few readings around it only: eight steps in a row that are plainly forward
//! make what follows independent of what came before (see [`super::context`]). What operators entered reaches
//! as far as it says.

use super::corrections;
use super::failed::{Dropped, failed_reads};
use super::interpret::{Interpretation, Unusable, round_half_even};
use super::rules::RegisterRules;
use super::series::{Point, Points, Register};
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::reading::Reading;
use wattledger_model::time::Timestamp;

/// The register's curve between two kept readings, or a part of it in one epoch: linear from `start` to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Instant of the earlier reading, or of the begin of the epoch.
    pub from: i64,
    /// Instant of the later reading, or of the begin of the next epoch.
    pub to: i64,
    /// Position at `from`.
    pub start: i128,
    /// Position at `to`, on the same scale as `start`.
    pub end: i128,
    /// What happened between the two.
    pub class: StepClass,
    /// How the difference is known; `None` where nothing can be booked.
    pub provenance: Option<Provenance>,
    /// The step began in the stretch before: an epoch begins between its two readings.
    pub is_continued: bool,
}

impl Stretch {
    /// Whether it is booked as it was metered, rather than estimated or not at all.
    pub(super) fn is_metered(&self) -> bool {
        matches!(self.provenance, Some(Provenance::Measured | Provenance::Interpolated))
    }
}

/// A step as it was classified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// What the later point was compared with: the earlier one, or a higher one before it.
    pub(super) reference: Point,
    /// The earlier point.
    pub(super) from: Point,
    /// The later point.
    pub(super) to: Point,
    /// What it was taken for.
    pub(super) class: StepClass,
    /// Where its stretches begin in the walk.
    pub(super) first_stretch: usize,
}

/// What the readings of a register come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walk {
    /// Failed reads, ascending.
    pub dropped: Vec<Dropped>,
    /// From each kept reading to the next, and the next epoch.
    pub stretches: Vec<Stretch>,
    /// Instants of declared exchanges that join the readings on both sides exactly.
    pub exchanges: Vec<i64>,
    /// Readings that could not be interpreted, and why.
    pub unusable: Vec<(Timestamp, Unusable)>,
}

/// Walks along readings sorted by strictly ascending instant.
pub fn walk(readings: &[Reading], meter: &Interpretation) -> Walk {
    walk_telling(&mut Register::new(readings, meter), meter, &mut |_| {})
}

/// As [`walk`], and tells of each step as it is classified.
pub(super) fn walk_telling(
    register: &mut Register<'_>,
    meter: &Interpretation,
    tell: &mut impl FnMut(Told),
) -> Walk {
    let Points { all, cuts, unusable } = register.points();
    let mut walk = Walk {
        stretches: Vec::with_capacity(all.len()),
        unusable,
        exchanges: Vec::new(),
        dropped: Vec::new(),
    };
    walk.exchanges.extend(cuts.iter().map(|cut| all[*cut].at));
    let mut from = 0;
    for to in cuts.into_iter().chain([all.len()]) {
        walk_run(register, &all[from..to], &mut walk, tell);
        from = to;
    }
    corrections::settle(&mut walk.stretches, &meter.corrections);
    walk
}

/// Walks along the points of one instrument, or of several whose exchange nobody signed off.
fn walk_run(register: &Register<'_>, points: &[Point], walk: &mut Walk, tell: &mut impl FnMut(Told)) {
    let dropped = failed_reads(register, points);
    if dropped.is_empty() {
        return stretches(register, points, &mut walk.stretches, tell);
    }
    let mut bad = dropped.iter().map(|(at, _)| *at).peekable();
    let kept: Vec<Point> =
        points.iter().enumerate().filter(|(i, _)| bad.next_if_eq(i).is_none()).map(|(_, p)| *p).collect();
    stretches(register, &kept, &mut walk.stretches, tell);
    walk.dropped.extend(dropped.into_iter().map(|(_, dropped)| dropped));
}

fn stretches(register: &Register<'_>, kept: &[Point], all: &mut Vec<Stretch>, tell: &mut impl FnMut(Told)) {
    let first_of_run = all.len();
    let Some(&first) = kept.first() else { return };
    let mut reference = first;
    let mut has_breaks = false;
    for (i, pair) in kept.windows(2).enumerate() {
        let (from, to) = (pair[0], pair[1]);
        let mut class = register.classify_step(&reference, &from, &to);
        if class == StepClass::Jitter && stays_below(register, &reference, &kept[i + 2..]) {
            class = StepClass::Reset;
        }
        tell(Told { reference, from, to, class, first_stretch: all.len() });
        has_breaks |= !add_step(register, Step { reference, from: from.at, to, class }, all);
        if class != StepClass::Jitter {
            reference = to;
        } else if reference.era != to.era {
            reference = register.read_again(&reference, to.era).unwrap_or(to);
        }
    }
    if has_breaks {
        estimate_breaks(register, &mut all[first_of_run..], kept);
    }
}

/// A step to be booked: from the reference, which holds at `from`.
struct Step {
    reference: Point,
    from: i64,
    to: Point,
    class: StepClass,
}

/// Adds the stretches of a step; gives whether it is metered.
#[inline]
fn add_step(register: &Register<'_>, step: Step, all: &mut Vec<Stretch>) -> bool {
    let Step { reference, from, to, class } = step;
    if class == StepClass::Normal && reference.era == to.era {
        let (start, end) = (reference.position, to.position);
        if !RegisterRules::is_beyond_booking(end - start) {
            let provenance = Some(register.provenance(to.at - from));
            all.push(Stretch { from, to: to.at, start, end, class, provenance, is_continued: false });
            return true;
        }
    }
    add_odd_step(register, &step, all)
}

/// As [`add_step`], for steps that are not simply forward or pass into another epoch.
#[cold]
fn add_odd_step(register: &Register<'_>, step: &Step, all: &mut Vec<Stretch>) -> bool {
    let Step { reference, from, to, class } = *step;
    let rolls = class == StepClass::Rollover;
    let parts = match class {
        StepClass::Normal | StepClass::Jitter | StepClass::Rollover => {
            register.parts(&reference, &to, from, rolls)
        }
        _ => None,
    };
    let parts = parts.filter(|parts| {
        !RegisterRules::is_beyond_booking(parts.iter().map(|part| part.end - part.start).sum())
    });
    let Some(parts) = parts else {
        // What may be booked for it, if anything, is decided from its neighbours.
        let nothing =
            Stretch { from, to: to.at, start: 0, end: 0, class, provenance: None, is_continued: false };
        all.push(nothing);
        return false;
    };
    let provenance = Some(register.provenance(to.at - from));
    for (i, part) in parts.into_iter().enumerate() {
        // Jitter books nothing: the reference is held.
        let is_held = class == StepClass::Jitter;
        let (start, end) = if is_held { (part.earlier, part.earlier) } else { (part.start, part.end) };
        let (from, to) = (part.from, part.to);
        all.push(Stretch { from, to, start, end, class, provenance, is_continued: i > 0 });
    }
    true
}

/// Whether the two readings after a jitter stay below the reference too: then it was a reset. What another
/// device shows, or the same after a restart, says nothing of it.
fn stays_below(register: &Register<'_>, reference: &Point, after: &[Point]) -> bool {
    let is_below = |later: &Point| {
        matches!(register.classify(reference, later), StepClass::Jitter | StepClass::Reset)
            && register.is_one_device([*reference, *later])
    };
    after.len() >= 2 && after[..2].iter().all(is_below)
}

/// Books resets, jumps and exchanges as the mean of the two adjacent mean rates, one neighbour if only one,
/// nothing if none; after a restart from zero at least what the new register shows. Source: domain.md 5.3.
///
/// The lower bound needs P_max: without it nothing tells a restart from a register that was set. A register
/// that counts both ways has none.
fn estimate_breaks(register: &Register<'_>, all: &mut [Stretch], kept: &[Point]) {
    let mut at = 0;
    for shown in &kept[1..] {
        let next = step_end(all, at);
        let Stretch { from, to, class, provenance, .. } = all[at];
        let is_break = matches!(class, StepClass::Reset | StepClass::Jump | StepClass::Exchange);
        if provenance.is_none() && is_break {
            let neighbours = [before(all, at), after(all, next)];
            if let Some(energy) = estimate(register, (from, to), class, neighbours, shown) {
                all[at].start = 0;
                all[at].end = energy;
                all[at].provenance = Some(Provenance::Estimated);
            }
        }
        at = next;
    }
}

/// What a break in `[from, to)` comes to by its metered neighbours.
fn estimate(
    register: &Register<'_>,
    (from, to): (i64, i64),
    class: StepClass,
    neighbours: [Option<&[Stretch]>; 2],
    shown: &Point,
) -> Option<i128> {
    let held = to - from;
    let energies: Vec<i128> = neighbours
        .into_iter()
        .flatten()
        .filter(|near| near[0].is_metered())
        .map(|near| {
            let energy: i128 = near.iter().map(|part| part.end - part.start).sum();
            let length = near[near.len() - 1].to - near[0].from;
            round_half_even(energy * i128::from(held), i128::from(length))
        })
        .collect();
    if energies.is_empty() {
        return None;
    }
    let energy = round_half_even(energies.iter().sum(), energies.len() as i128);
    let rules = register.rules(shown);
    let least = rules.carried(held).map(|carried| carried + 2 * rules.resolution_at(shown.position));
    let is_restart = class == StepClass::Reset && !rules.is_bidirectional;
    let energy = match least {
        Some(most) if is_restart && shown.position <= most => energy.max(shown.position),
        _ => energy,
    };
    (!RegisterRules::is_beyond_booking(energy)).then_some(energy)
}

/// Where the step that begins at a stretch ends.
pub(super) fn step_end(all: &[Stretch], at: usize) -> usize {
    at + 1 + all[at + 1..].iter().take_while(|stretch| stretch.is_continued).count()
}

/// The stretches of the step before.
fn before(all: &[Stretch], at: usize) -> Option<&[Stretch]> {
    let first = all[..at].iter().rposition(|stretch| !stretch.is_continued)?;
    Some(&all[first..at])
}

/// The stretches of the step after.
fn after(all: &[Stretch], next: usize) -> Option<&[Stretch]> {
    (next < all.len()).then(|| &all[next..step_end(all, next)])
}

#[cfg(test)]
mod tests;

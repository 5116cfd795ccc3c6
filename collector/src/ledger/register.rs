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
mod tests {
    use super::super::interpret::{Epoch, Joint, POSITION_PER_BASE};
    use super::*;
    use wattledger_model::correction::Correction;
    use wattledger_model::decimal::Decimal;
    use wattledger_model::reading::{Evidence, Quality, Serial};

    const WH: i128 = 1_000_000 * POSITION_PER_BASE;
    const MINUTE: i64 = 60_000;
    const START: i64 = 1_767_225_600_000;

    fn meter(resolution_wh: i64, modulus_wh: Option<i64>, rated_w: Option<i128>) -> Interpretation {
        let unit = "Wh".parse().ok();
        Interpretation {
            unit,
            resolution: Decimal::new(resolution_wh, 0),
            modulus: modulus_wh.map(|modulus| Decimal::new(modulus, 0)),
            rated: rated_w.map(|rated| rated * 1_000_000),
            ..Interpretation::unclaimed(unit)
        }
    }

    fn every_minute(wh: &[i64]) -> Vec<Reading> {
        let reading = |(i, wh): (usize, &i64)| Reading {
            at: Timestamp(START + i as i64 * MINUTE),
            arrived: Timestamp(0),
            value: Decimal::new(*wh, 0),
            unit: None,
            interval_ms: None,
            quality: Quality::Good,
            intake: None,
            evidence: None,
        };
        wh.iter().enumerate().map(reading).collect()
    }

    fn told(wh: &[i64], meter: &Interpretation) -> String {
        told_of(&every_minute(wh), meter)
    }

    fn told_of(readings: &[Reading], meter: &Interpretation) -> String {
        let walk = walk(readings, meter);
        let mut told = String::new();
        for s in &walk.stretches {
            let energy = (s.end - s.start) as f64 / WH as f64;
            told += match (s.is_continued, told.is_empty()) {
                (true, _) => " + ",
                (false, true) => "",
                (false, false) => ", ",
            };
            if !s.is_continued {
                told += &format!("{} ", s.class.word());
            }
            told += &match s.provenance {
                Some(Provenance::Measured) => format!("{energy}"),
                Some(p) => format!("{energy} {}", p.word()),
                None => "nothing".to_owned(),
            };
        }
        if !walk.exchanges.is_empty() {
            told += &format!("; exchanged {}", walk.exchanges.len());
        }
        if !walk.dropped.is_empty() {
            let dropped: Vec<usize> = walk.dropped.iter().map(|dropped| dropped.index).collect();
            told += &format!("; dropped {dropped:?}");
        }
        told
    }

    /// The same settings from the middle of a minute on, with another scale.
    fn epoch(meter: &Interpretation, minutes: f64, scale: i64, joint: Joint) -> Epoch {
        Epoch {
            from: Timestamp(START + (minutes * MINUTE as f64) as i64),
            joint,
            unit: meter.unit,
            scale: Decimal::new(scale, 0),
            modulus: meter.modulus,
            resolution: meter.resolution,
            rated: meter.rated,
            is_binary32: false,
        }
    }

    fn with(meter: Interpretation, epochs: &[(f64, i64, Joint)]) -> Interpretation {
        let later =
            epochs.iter().map(|&(minutes, scale, joint)| epoch(&meter, minutes, scale, joint)).collect();
        Interpretation { later, ..meter }
    }

    fn exchanged(last: Option<i64>, first: Option<i64>) -> Joint {
        let of = |value: Option<i64>| value.map(|value| Decimal::new(value, 0));
        Joint::Exchanged { last: of(last), first: of(first) }
    }

    #[test]
    fn one_misread_zero_is_dropped() {
        let meter = meter(1, None, Some(60_000));
        assert_eq!(told(&[20, 45, 0, 46, 47], &meter), "normal 25, normal 1, normal 1; dropped [2]");
    }

    #[test]
    fn a_spike_is_dropped_and_its_return_too() {
        let meter = meter(1, None, Some(60_000));
        assert_eq!(told(&[0, 10, 99_999, 30], &meter), "normal 10, normal 20; dropped [2]");
    }

    #[test]
    fn a_reset_that_stays_is_estimated_from_its_neighbours() {
        let meter = meter(0, None, Some(6_000_000));
        assert_eq!(told(&[1_000, 1_010, 0, 20], &meter), "normal 10, reset 15 estimated, normal 20");
    }

    #[test]
    fn two_resets_in_a_row_have_one_neighbour_each_and_not_less_than_the_new_register_shows() {
        let meter = meter(0, None, Some(6_000));
        assert_eq!(
            told(&[1_000, 1_010, 500, 100, 130], &meter),
            "normal 10, reset 10 estimated, reset 100 estimated, normal 30"
        );
    }

    #[test]
    fn a_lone_break_books_nothing() {
        assert_eq!(told(&[1_000, 3], &meter(0, None, None)), "reset nothing");
    }

    #[test]
    fn three_readings_below_make_jitter_a_reset() {
        let meter = meter(1, None, None);
        assert_eq!(told(&[100, 99, 98, 103], &meter), "jitter 0, jitter 0, normal 3");
        assert_eq!(told(&[90, 100, 99, 99, 99], &meter), "normal 10, reset 5 estimated, normal 0, normal 0");
    }

    #[test]
    fn without_a_rating_a_fall_that_comes_back_is_a_failed_read_and_others_are_resets() {
        let meter = meter(0, Some(1_000), None);
        assert_eq!(told(&[10, 20, 5, 6, 7, 30], &meter), "normal 10, normal 10; dropped [2, 3, 4]");
        assert_eq!(
            told(&[980, 990, 5, 15], &meter),
            "normal 10, reset 10 estimated, normal 10",
            "a modulus alone does not make a rollover"
        );
    }

    #[test]
    fn a_flood_of_nonsense_takes_no_forever() {
        let wild: Vec<i64> = (0..20_000).map(|i| (i * 7_919) % 10_007).collect();
        let walk = walk(&every_minute(&wild), &meter(1, None, Some(1_000)));
        assert!(walk.stretches.iter().all(|s| s.end >= s.start));
    }

    #[test]
    fn a_register_that_goes_on_is_read_by_each_epoch_in_its_own_time() {
        let meter = with(meter(0, None, None), &[(1.25, 3, Joint::Continues)]);
        assert_eq!(told(&[100, 110, 130, 140], &meter), "normal 10, normal 5 + 45, normal 30");
        // At the very instant of a reading nothing is cut.
        let meter = with(meter, &[(2.0, 3, Joint::Continues)]);
        assert_eq!(told(&[100, 110, 130, 140], &meter), "normal 10, normal 20, normal 30");
        // Several at once.
        let meter = with(meter, &[(0.5, 3, Joint::Continues), (0.75, 10, Joint::Continues)]);
        assert_eq!(told(&[0, 100], &meter), "normal 50 + 75 + 250");
    }

    #[test]
    fn the_step_rules_hold_where_an_epoch_begins() {
        let rated = |joints: &[(f64, i64, Joint)]| with(meter(1, Some(10_000), Some(6_000)), joints);
        let goes_on = [(1.5, 2, Joint::Continues)];
        // 100 Wh a minute by the rating, and a quarter more; once as much of the raw number in the new epoch.
        assert_eq!(
            told(&[0, 50, 0, 51, 60], &rated(&goes_on)),
            "normal 50, normal 0.25 + 1.5, normal 18; dropped [2]"
        );
        assert_eq!(
            told(&[0, 50, 900, 60, 70], &rated(&goes_on)),
            "normal 50, normal 2.5 + 15, normal 20; dropped [2]"
        );
        assert_eq!(told(&[0, 50, 49, 60], &rated(&goes_on)), "normal 50, jitter 0 + 0, normal 20");
        assert_eq!(told(&[9_960, 9_990, 10, 20], &rated(&goes_on)), "normal 30, rollover 10 + 20, normal 20");
        assert_eq!(
            told(&[5_000, 5_020, 10, 20], &rated(&goes_on)),
            "normal 20, reset 20 estimated, normal 20",
            "the mean of 20 and 20 is not below the 20 that the new register shows"
        );
        assert_eq!(
            told(
                &[0, 20, 40, 5_000, 5_010],
                &rated(&[(0.5, 2, Joint::Continues), (2.5, 1, Joint::Continues)])
            ),
            "normal 10 + 20, normal 40, jump 25 estimated, normal 10"
        );
        // The neighbour of a break is the whole step, whatever epochs it lies in.
        assert_eq!(
            told(&[0, 20, 5_000, 5_010], &rated(&[(0.5, 2, Joint::Continues), (1.0, 1, Joint::Continues)])),
            "normal 10 + 20, jump 20 estimated, normal 10"
        );
    }

    #[test]
    fn a_declared_exchange_joins_exactly_and_nothing_reaches_across() {
        let plain = meter(1, None, None);
        let declared = |last, first| with(plain.clone(), &[(1.5, 1, exchanged(Some(last), Some(first)))]);
        assert_eq!(
            told(&[100, 110, 7, 17], &declared(114, 2)),
            "normal 10, normal 4, normal 5, normal 10; exchanged 1"
        );
        // The new register stands a little below the old one: no jitter, no reference is held.
        assert_eq!(
            told(&[100, 110, 109, 110], &declared(110, 109)),
            "normal 10, normal 0, normal 0, normal 1; exchanged 1"
        );
        // Back at the old value within three readings: no failed read.
        assert_eq!(
            told(&[100, 110, 7, 115], &declared(112, 5)),
            "normal 10, normal 2, normal 2, normal 108; exchanged 1"
        );
        // A reset of the new one is not estimated by the old one's rate.
        assert_eq!(
            told(&[100, 110, 7, 17], &declared(112, 500)),
            "normal 10, normal 2, reset 5 estimated, normal 10; exchanged 1"
        );
        // By an operator, the same; and before or after all readings it joins nothing.
        let (last, first) = (Decimal::new(114, 0), Decimal::new(2, 0));
        let entered = |minutes: i64| Interpretation {
            corrections: vec![Correction::Exchange { at: Timestamp(START + minutes * MINUTE), last, first }],
            ..plain.clone()
        };
        assert_eq!(told(&[100, 110, 7, 17], &entered(2)), "normal 10, normal 4, normal 15; exchanged 1");
        for outside in [-1, 0, 5] {
            assert_eq!(told(&[100, 110, 117], &entered(outside)), "normal 10, normal 7");
        }
    }

    #[test]
    fn an_exchange_that_nobody_signed_off_is_estimated() {
        for joint in [exchanged(None, None), exchanged(Some(111), None), exchanged(None, Some(0))] {
            let meter = with(meter(0, None, None), &[(1.5, 2, joint)]);
            assert_eq!(told(&[100, 110, 500, 510], &meter), "normal 10, exchange 15 estimated, normal 20");
            assert_eq!(told(&[100, 500], &with(meter, &[(0.5, 1, joint)])), "exchange nothing");
        }
    }

    fn evident(wh: &[i64], serials: &[&str], boots: &[u32]) -> Vec<Reading> {
        let mut readings = every_minute(wh);
        for (i, reading) in readings.iter_mut().enumerate() {
            let serial = serials.get(i).and_then(|text| Serial::of(text));
            reading.evidence = Evidence::of(serial, boots.get(i).copied().filter(|boots| *boots > 0));
        }
        readings
    }

    #[test]
    fn another_serial_number_is_another_instrument() {
        let meter = meter(1, None, None);
        let readings = evident(&[100, 110, 109, 119], &["a", "a", "b", "b"], &[]);
        assert_eq!(told_of(&readings, &meter), "normal 10, exchange 10 estimated, normal 10");
        // Higher, too; and back within three readings is no failed read.
        let readings = evident(&[100, 110, 7, 115], &["a", "a", "b", "b"], &[]);
        assert_eq!(told_of(&readings, &meter), "normal 10, exchange 59 estimated, normal 108");
        // Where one is silent values decide, but a failed read is none between two devices.
        let readings = evident(&[100, 110, 7, 115], &["a", "a", "", "b"], &[]);
        assert_eq!(told_of(&readings, &meter), "normal 10, reset 59 estimated, normal 108");
        let signed = with(meter, &[(1.5, 1, exchanged(Some(111), Some(5)))]);
        let readings = evident(&[100, 110, 7, 17], &["a", "a", "b", "b"], &[]);
        assert_eq!(told_of(&readings, &signed), "normal 10, normal 1, normal 2, normal 10; exchanged 1");
    }

    #[test]
    fn a_fall_after_a_restart_is_a_reset_whatever_else_it_could_be() {
        let boots =
            |wh: &[i64], boots: &[u32], meter: &Interpretation| told_of(&evident(wh, &[], boots), meter);
        let rated = meter(1, Some(1_000), Some(6_000));
        let (same, other) = ([1, 1, 1, 1, 1], [1, 1, 2, 2, 2]);
        // Jitter, rollover, failed read.
        assert_eq!(boots(&[10, 20, 19, 30], &same, &rated), "normal 10, jitter 0, normal 10");
        assert_eq!(boots(&[10, 20, 19, 30], &other, &rated), "normal 10, reset 19 estimated, normal 11");
        assert_eq!(boots(&[980, 990, 5, 15], &same, &rated), "normal 10, rollover 15, normal 10");
        assert_eq!(boots(&[980, 990, 5, 15], &other, &rated), "normal 10, reset 10 estimated, normal 10");
        assert_eq!(boots(&[10, 20, 0, 21, 31], &same, &rated), "normal 10, normal 1, normal 10; dropped [2]");
        assert_eq!(
            boots(&[10, 20, 0, 21, 31], &other, &rated),
            "normal 10, reset 15.5 estimated, normal 21, normal 10"
        );
        // A restart alone changes nothing, and readings after it do not make a jitter before it a reset.
        assert_eq!(boots(&[10, 20, 30], &[1, 2, 3], &rated), "normal 10, normal 10");
        assert_eq!(
            boots(&[90, 100, 99, 99, 99], &[1, 1, 1, 2, 2], &meter(1, None, None)),
            "normal 10, jitter 0, reset 0 estimated, normal 0"
        );
        // Known between neighbours, though the reference said nothing.
        assert_eq!(
            boots(&[90, 100, 99, 98, 200], &[0, 0, 1, 2, 2], &meter(1, None, None)),
            "normal 10, jitter 0, reset 51 estimated, normal 102"
        );
    }

    #[test]
    fn a_register_that_counts_both_ways_goes_down_and_is_never_jitter() {
        let both = |meter: Interpretation| Interpretation { is_bidirectional: true, ..meter };
        assert_eq!(
            told(&[100, 90, 0, -50, 20], &both(meter(1, None, None))),
            "normal -10, normal -90, normal -50, normal 70"
        );
        let rated = both(meter(1, Some(1_000), Some(600)));
        assert_eq!(told(&[20, 15, 10, 990, 5], &rated), "normal -5, normal -5, normal -5; dropped [3]");
        assert_eq!(
            told(&[20, 15, 5, 998, 2, 0], &rated),
            "normal -5, normal -10, rollover -7, rollover 4, normal -2"
        );
    }

    #[test]
    fn a_binary32_is_as_exact_as_its_value_is_small() {
        let meter = Interpretation { is_binary32: true, ..meter(0, None, None) };
        let (low, high) = (1 << 23, 1 << 25);
        assert_eq!(told(&[high, high - 8, high], &meter), "jitter 0, normal 0");
        assert_eq!(told(&[low, low - 8, low - 7], &meter), "reset 1 estimated, normal 1");
    }

    #[test]
    fn what_could_have_passed_the_modulus_unseen_is_missing_until_somebody_settles_it() {
        let meter = meter(0, Some(100), Some(6_000));
        assert_eq!(told(&[10, 20, 30], &meter), "undecidable nothing, undecidable nothing");
        let settle = |from: i64, to: i64, amount_wh: i128| Correction::Settle {
            from: Timestamp(START + from * MINUTE),
            to: Timestamp(START + to * MINUTE),
            amount: amount_wh * 1_000_000,
        };
        let settled = Interpretation { corrections: vec![settle(0, 1, 110)], ..meter.clone() };
        assert_eq!(told(&[10, 20, 30], &settled), "undecidable 110 estimated, undecidable nothing");
        let settled = Interpretation { corrections: vec![settle(-5, 9, 220)], ..meter };
        assert_eq!(told(&[10, 20, 30], &settled), "undecidable 110 estimated, undecidable 110 estimated");
    }
}

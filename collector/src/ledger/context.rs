//! How much of a meter's series a change can touch, and how many readings around it settle that.
//!
//! The ledger is defined on the whole series; recomputing all of it for each new reading would be right
//! and slow. A *settled* reading makes what follows independent of what came before: for a register the
//! middle one of nine readings that go plainly forward, because within four of them every run of failed
//! reads has ended, every reference held by jitter has been passed or given up, and no estimate reaches
//! across. For power and gauges only the neighbours matter.

use super::interpret::{Interpretation, RegisterRules};
use super::register::{self, Point};
use wattledger_model::meter::Kind;
use wattledger_model::minute::StepClass;
use wattledger_model::reading::Reading;
use wattledger_model::time::{Interval, MINUTE_MS, Minute, Timestamp};

/// Readings before and after a change that it can influence directly.
const REACH: usize = 8;
/// Plain steps on each side of a settled reading.
const SETTLING: usize = 4;

/// The part of a series to fold again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Positions of the readings to fold.
    pub readings: std::ops::Range<usize>,
    /// The minutes that the fold determines; open ends are `i64::MIN` and `i64::MAX`.
    pub minutes: Interval,
    /// Steps from this instant on are determined.
    pub steps_from: Timestamp,
    /// Steps before this instant are determined.
    pub steps_to: Timestamp,
}

/// What to fold again, or what must be read first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needed {
    /// This is enough.
    Enough(Part),
    /// Readings before the first one given are needed.
    Earlier,
    /// Readings after the last one given are needed.
    Later,
}

/// Whether the given readings are all there are on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// No earlier reading exists.
    pub first: bool,
    /// No later reading exists.
    pub last: bool,
}

/// Decides which part of `readings`, sorted by instant, a change of the readings in `changed` touches.
pub fn needed(
    readings: &[Reading],
    changed: (Timestamp, Timestamp),
    ends: Ends,
    meter: &Interpretation,
) -> Needed {
    let first = readings.partition_point(|reading| reading.at < changed.0);
    let last = readings.partition_point(|reading| reading.at <= changed.1).saturating_sub(1);
    match meter.kind {
        Kind::Register => register_part(readings, first, last, ends, meter),
        _ => neighbour_part(readings, first, last, ends),
    }
}

fn part(readings: &[Reading], start: Option<usize>, end: Option<usize>, margin: usize) -> Part {
    let from = start.map_or(i64::MIN, |at| readings[at].at.0);
    let to = end.map_or(i64::MAX, |at| readings[at].at.0);
    Part {
        readings: start.map_or(0, |at| at - margin.min(at))
            ..end.map_or(readings.len(), |at| (at + margin + 1).min(readings.len())),
        minutes: Interval::new(
            Minute(start.map_or(i64::MIN, |_| Timestamp(from).minute_ceil().0)),
            Minute(end.map_or(i64::MAX, |_| Timestamp(to).minute().0)),
        ),
        steps_from: Timestamp(from),
        steps_to: Timestamp(to),
    }
}

fn neighbour_part(readings: &[Reading], first: usize, last: usize, ends: Ends) -> Needed {
    // The reading at or before the start of the minute in which the previous reading lies.
    let edge = first.checked_sub(1).map(|previous| readings[previous].at.minute().start());
    let start = edge.and_then(|edge| readings[..first].partition_point(|r| r.at <= edge).checked_sub(1));
    if start.is_none() && !ends.first {
        return Needed::Earlier;
    }
    let edge = readings.get(last + 1).map(|next| next.at.minute_ceil().start());
    let end = edge.and_then(|edge| {
        let at = readings.partition_point(|r| r.at < edge);
        (at < readings.len()).then_some(at)
    });
    if end.is_none() && !ends.last {
        return Needed::Later;
    }
    Needed::Enough(part(readings, start, end, 1))
}

fn register_part(
    readings: &[Reading],
    first: usize,
    last: usize,
    ends: Ends,
    meter: &Interpretation,
) -> Needed {
    let Some(unit) = super::fold::register_unit(readings, meter) else {
        return Needed::Enough(part(readings, None, None, 0));
    };
    let rules = meter.register_rules(unit);
    let settled = |at: usize| {
        at >= SETTLING
            && at + SETTLING < readings.len()
            && (at - SETTLING..at + SETTLING).all(|i| is_plain(&readings[i], &readings[i + 1], meter, &rules))
    };
    let start = first.checked_sub(REACH).and_then(|reached| {
        let edge = readings[reached].at.minute().start();
        let latest = readings[..=reached].partition_point(|r| r.at <= edge);
        (0..latest).rev().find(|at| settled(*at))
    });
    if start.is_none() && !ends.first {
        return Needed::Earlier;
    }
    let end = readings.get(last + REACH).and_then(|reached| {
        let edge = reached.at.0.div_euclid(MINUTE_MS) * MINUTE_MS + MINUTE_MS;
        let earliest = readings.partition_point(|r| r.at.0 < edge);
        (earliest..readings.len()).find(|at| settled(*at))
    });
    if end.is_none() && !ends.last {
        return Needed::Later;
    }
    Needed::Enough(part(readings, start, end, SETTLING))
}

fn is_plain(earlier: &Reading, later: &Reading, meter: &Interpretation, rules: &RegisterRules) -> bool {
    let point =
        |reading: &Reading| meter.position(reading).ok().map(|position| Point { at: reading.at.0, position });
    match (point(earlier), point(later)) {
        (Some(earlier), Some(later)) => register::classify(earlier, later, rules) == StepClass::Normal,
        _ => false,
    }
}

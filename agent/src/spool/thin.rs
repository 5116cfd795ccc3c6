//! What of a stretch of readings can go without changing what passed in any quarter of an hour. Pure.
//!
//! Registers keep the readings next to quarter-hour edges, and those around every step that is not normal:
//! a fall, a jump, another device, a gap. Power, flow and gauges become means of the time up to each
//! quarter-hour edge, by the trapezoid of domain.md 5.5. Readings without a unit, suspect ones and what has
//! no even pace stay as they are. Whatever stays keeps its intake number.

mod mean;
mod register;

use std::collections::BTreeMap;
use wattledger_model::batch::{Loss, LossCause};
use wattledger_model::meter::Kind;
use wattledger_model::name::Name;
use wattledger_model::reading::{Quality, Reading};
use wattledger_model::time::Timestamp;

/// Readings by meter.
pub(super) type ByMeter = BTreeMap<Name, Vec<Reading>>;

/// A quarter of an hour in ms: what is compared with grid figures, and no more than the gap limit's least.
const QUARTER_MS: i64 = 15 * 60_000;

/// Thins the readings in place, and tells how many of each meter went.
pub(super) fn thin(all: &mut ByMeter) -> Vec<Loss> {
    let mut losses = Vec::new();
    for (meter, readings) in all {
        readings.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.precedence(b)));
        let before = readings.len() as u64;
        let Some(span) = removed_span(readings, thinned) else { continue };
        losses.push(Loss {
            from: span.0,
            to: span.1,
            readings: before - readings.len() as u64,
            meter: Some(meter.clone()),
            cause: LossCause::Thinned,
        });
    }
    losses
}

/// Thins one meter's readings, sorted by instant. `None` where nothing is gained.
fn thinned(readings: &[Reading]) -> Option<Vec<Reading>> {
    let unit = readings.first()?.unit?;
    let even = readings.iter().all(|reading| reading.unit == Some(unit));
    match unit.kind() {
        _ if !even => None,
        Kind::Register => register::thinned(readings),
        Kind::Power | Kind::Flow | Kind::Gauge => mean::thinned(readings),
    }
}

/// Puts what a rule leaves in the place of the readings; the first and last instant that went.
fn removed_span(
    readings: &mut Vec<Reading>,
    rule: impl Fn(&[Reading]) -> Option<Vec<Reading>>,
) -> Option<(Timestamp, Timestamp)> {
    let left = rule(readings).filter(|left| left.len() < readings.len())?;
    let mut kept = left.iter().peekable();
    let mut span: Option<(Timestamp, Timestamp)> = None;
    for reading in readings.iter() {
        while kept.next_if(|kept| kept.at < reading.at).is_some() {}
        if kept.next_if(|kept| *kept == reading).is_none() {
            span = Some((span.map_or(reading.at, |(from, _)| from), reading.at));
        }
    }
    *readings = left;
    span
}

/// Whether a reading can be averaged or left out at all.
fn is_plain(reading: &Reading) -> bool {
    reading.quality == Quality::Good
}

/// The middle one of the steps between readings, ms; `None` where there are too few to tell.
fn usual_step(readings: &[Reading]) -> Option<i64> {
    let mut steps: Vec<i64> = readings.windows(2).map(|pair| pair[1].at.0 - pair[0].at.0).collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied().filter(|step| *step > 0)
}

/// The values as whole numbers of the smallest unit among them; `None` where they differ too much in size.
fn scaled(readings: &[Reading]) -> Option<(Vec<i128>, i8)> {
    let exponents = readings.iter().map(|reading| reading.value.exponent);
    let (least, most) = (exponents.clone().min()?, exponents.max()?);
    if most.abs_diff(least) > 6 {
        return None;
    }
    let values = readings.iter().map(|reading| {
        let up = 10_i128.pow(u32::from(reading.value.exponent.abs_diff(least)));
        i128::from(reading.value.mantissa) * up
    });
    Some((values.collect(), least))
}

#[cfg(test)]
mod tests;

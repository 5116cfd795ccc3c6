//! Power and gauges: what is booked is the integral of what was read, and nothing where nothing was read.

use super::{Booked, Counted};
use crate::meter::{Meter, Sampling};
use wattledger_model::minute::GaugeMinute;

const MINUTE: i64 = 60_000;

/// What the values of a meter stand for: `[from, to)` ms, and the values in mW at its ends.
fn spans(meter: &Meter, sampling: Sampling, readings: &[Counted]) -> Vec<(i64, i64, i128, i128)> {
    let mut spans = Vec::new();
    for (at, reading) in readings.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| readings[before]);
        let value = reading.truth.counts;
        match (sampling, before) {
            (Sampling::Mean, _) => {
                let from = (reading.at - meter.interval).max(before.map_or(i64::MIN, |before| before.at));
                spans.push((from, reading.at, value, value));
            }
            (_, Some(before)) if reading.at - before.at <= meter.gap() => {
                let end = if sampling == Sampling::OnChange { before.truth.counts } else { value };
                spans.push((before.at, reading.at, before.truth.counts, end));
            }
            _ => {}
        }
    }
    spans
}

/// Judges a power meter.
pub fn judge(meter: &Meter, sampling: Sampling, readings: &[Counted], booked: &Booked) -> Result<(), String> {
    let spans = spans(meter, sampling, readings);
    let [(measured, ms), interpolated, estimated] = booked.totals();
    if (interpolated, estimated) != ((0, 0), (0, 0)) || !booked.steps.is_empty() {
        return Err("power is never interpolated nor estimated".to_owned());
    }
    let held: i64 = spans.iter().map(|(from, to, ..)| to - from).sum();
    if ms != held {
        return Err(format!("{ms} ms are covered, and the readings cover {held}"));
    }
    // Twice the amount in mW ms; a µWh is 3 600 of these once. Each minute is rounded once.
    let twice: i128 = spans.iter().map(|(from, to, a, b)| (a + b) * i128::from(to - from)).sum();
    let off = (measured * 7_200 - twice).abs();
    if off > booked.minutes.len() as i128 * 3_600 {
        return Err(format!("{measured} µWh are booked, and the readings come to {}", twice / 7_200));
    }
    for (minute, content) in &booked.minutes {
        let (from, to) = (minute * MINUTE, (minute + 1) * MINUTE);
        let inside: i64 = spans.iter().map(|(a, b, ..)| (to.min(*b) - from.max(*a)).max(0)).sum();
        if i64::from(content.parts[0].ms) != inside {
            return Err(format!("minute {minute} claims {} ms, and {inside} are known", content.parts[0].ms));
        }
    }
    Ok(())
}

/// Judges a gauge.
pub fn judge_gauge(meter: &Meter, readings: &[Counted], levels: &[(i64, GaugeMinute)]) -> Result<(), String> {
    let spans = spans(meter, Sampling::Instant, readings);
    let held: i64 = spans.iter().map(|(from, to, ..)| to - from).sum();
    let ms: i64 = levels.iter().map(|(_, level)| i64::from(level.ms)).sum();
    if ms != held {
        return Err(format!("{ms} ms are covered, and the readings cover {held}"));
    }
    let values = || readings.iter().map(|reading| reading.truth.counts as f64 / 10.0);
    let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
    let slack = 1e-9 * (1.0 + high.abs() + low.abs());
    for (minute, level) in levels {
        let ordered = level.min <= level.mean + slack && level.mean <= level.max + slack;
        if !ordered || level.min < low - slack || high + slack < level.max {
            return Err(format!("minute {minute} says {level:?}, and the values are {low} to {high}"));
        }
    }
    Ok(())
}

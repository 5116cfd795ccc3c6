//! Power, flow and gauges: a mean over an interval carries the same energy as the values it was made of.
//!
//! A mean ends at each quarter-hour edge. The reading after the last mean is an instant value again, which
//! the collector joins to the mean by a trapezoid; the last mean is chosen so that both together are exact.

use super::{QUARTER_MS, is_plain, scaled};
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::Reading;

/// Digits that a mean has more than the values it is made of: the error of a quarter of an hour is far below
/// a base unit then.
const DIGITS: u32 = 9;
/// Steps longer than this are left to the collector's own gap rule.
const LONGEST_STEP_MS: i64 = 5 * 60_000;
/// Steps between instant values that tell what is usual. What a thinning left of them tells nothing any more: their
/// gaps would pass for their pace.
const FEWEST_STEPS: usize = 8;
/// Values beyond this are left alone: what is computed of them might not fit.
const LARGEST: i128 = 10_i128.pow(15);

/// What stays of the readings, sorted by instant. `None` where all of them do.
pub(super) fn thinned(readings: &[Reading]) -> Option<Vec<Reading>> {
    let usual = usual_instant_step(readings);
    let mut left = Vec::with_capacity(readings.len() / 2);
    let mut from = 0;
    for to in 1..=readings.len() {
        if to == readings.len() || !goes_on(&readings[to - 1], &readings[to], usual) {
            let run = &readings[from..to];
            match run_thinned(run) {
                Some(means) => left.extend(means),
                None => left.extend(run),
            }
            from = to;
        }
    }
    Some(left)
}

/// The middle one of the steps between instant values, ms; 0, which none keeps to, where they are too few.
fn usual_instant_step(readings: &[Reading]) -> i64 {
    let instants = |pair: &&[Reading]| pair.iter().all(|reading| reading.interval_ms.is_none());
    let steps = readings.windows(2).filter(instants).map(|pair| pair[1].at.0 - pair[0].at.0);
    let mut steps: Vec<i64> = steps.collect();
    steps.sort_unstable();
    if steps.len() < FEWEST_STEPS { 0 } else { steps[steps.len() / 2] }
}

/// Whether two neighbours are of one even run.
fn goes_on(before: &Reading, after: &Reading, usual: i64) -> bool {
    let step = after.at.0 - before.at.0;
    let paced = match (before.interval_ms, after.interval_ms) {
        (None, None) => step > 0 && 2 * step <= 3 * usual && step <= LONGEST_STEP_MS,
        // Means that touch.
        (Some(_), Some(interval)) => step == i64::from(interval),
        _ => false,
    };
    paced && is_plain(before) && is_plain(after) && before.evidence == after.evidence
}

fn run_thinned(run: &[Reading]) -> Option<Vec<Reading>> {
    if scaled(run)?.0.iter().any(|value| value.abs() > LARGEST) {
        return None;
    }
    let left = if run.first()?.interval_ms.is_some() { means_joined(run)? } else { averaged(run)? };
    (left.len() < run.len()).then_some(left)
}

/// The quarter-hour edge after an instant, and the one before it.
fn edge_after(at: i64) -> i64 {
    (at.div_euclid(QUARTER_MS) + 1) * QUARTER_MS
}

fn edge_before(at: i64) -> i64 {
    (at - 1).div_euclid(QUARTER_MS) * QUARTER_MS
}

/// Means within one quarter of an hour become one mean. The first stays: it may overlap what is before it.
fn means_joined(run: &[Reading]) -> Option<Vec<Reading>> {
    let (values, exponent) = scaled(run)?;
    let begins = |reading: &Reading| reading.at.0 - i64::from(reading.interval_ms.unwrap_or_default());
    let mut left: Vec<Reading> = run[..1].to_vec();
    let mut from = 1;
    for to in 2..=run.len() {
        let fits = run.get(to).is_some_and(|next| next.at.0 <= edge_after(begins(&run[from])));
        if fits {
            continue;
        }
        let part = from..to;
        from = to;
        let last = run[part.end - 1];
        if part.len() == 1 {
            left.push(last);
            continue;
        }
        let length = last.at.0 - begins(&run[part.start]);
        let sum: i128 =
            part.clone().map(|i| values[i] * i128::from(run[i].interval_ms.unwrap_or_default())).sum();
        left.push(mean_of(&last, sum, i128::from(length), exponent, 0)?.lasting(length)?);
    }
    Some(left)
}

/// Instant values: means up to each edge, one up to the last but one, and the last as it was.
fn averaged(run: &[Reading]) -> Option<Vec<Reading>> {
    let start = (0..run.len().saturating_sub(1)).find(|&i| run[i + 1].at.0 <= edge_after(run[i].at.0))?;
    let end = (start + 3..run.len()).rev().find(|&i| run[i - 1].at.0 > edge_before(run[i].at.0))?;
    let (values, exponent) = scaled(run)?;
    let more = 10_i128.pow(DIGITS);
    let values: Vec<i128> = values.into_iter().map(|value| value * more).collect();
    let mut left = run[..=start].to_vec();
    // From the last mean's end: its instant, and twice the area since.
    let (mut since, mut area) = (run[start].at.0, 0_i128);
    for i in start..end - 1 {
        let (a, b) = (run[i].at.0, run[i + 1].at.0);
        let level = |at: i64| {
            let rise = (values[i + 1] - values[i]) * i128::from(at - a);
            values[i] + rounded(rise, i128::from(b - a))
        };
        let edge = edge_after(a);
        if edge <= b && edge <= edge_before(run[end].at.0) {
            area += (values[i] + level(edge)) * i128::from(edge - a);
            let by = if edge == b { &run[i + 1] } else { &run[i] };
            let arrived = run[i + 1].arrived.max(by.arrived);
            let mean = mean_of(by, area, i128::from(2 * (edge - since)), exponent, DIGITS)?;
            let mean = Reading { at: wattledger_model::time::Timestamp(edge), arrived, ..mean };
            left.push(mean.lasting(edge - since)?);
            since = edge;
            area = (level(edge) + values[i + 1]) * i128::from(b - edge);
        } else {
            area += (values[i] + values[i + 1]) * i128::from(b - a);
        }
    }
    let (before, last) = (&run[end - 1], &run[end]);
    let step = i128::from(last.at.0 - before.at.0);
    let length = before.at.0 - since;
    if length == 0 {
        return None;
    }
    // m·L + (m + last)/2·step is what passed up to the last reading.
    let passed = area + (values[end - 1] + values[end]) * step - values[end] * step;
    let mean = mean_of(before, passed, 2 * i128::from(length) + step, exponent, DIGITS)?;
    left.push(mean.lasting(length)?);
    left.extend(&run[end..]);
    Some(left)
}

/// To the nearest; a half goes up.
fn rounded(numerator: i128, denominator: i128) -> i128 {
    (2 * numerator + denominator).div_euclid(2 * denominator)
}

/// The reading with the value `sum / weight`, in units of `10^(exponent - digits)`.
fn mean_of(reading: &Reading, sum: i128, weight: i128, exponent: i8, digits: u32) -> Option<Reading> {
    // Means of means get their digits here.
    let (sum, digits) = if digits == 0 { (sum * 10_i128.pow(DIGITS), DIGITS) } else { (sum, digits) };
    let mut value = rounded(sum, weight);
    let mut exponent = i32::from(exponent) - i32::try_from(digits).ok()?;
    while i64::try_from(value).is_err() || (value != 0 && value % 10 == 0) {
        value = rounded(value, 10);
        exponent += 1;
    }
    let value = Decimal::new(i64::try_from(value).ok()?, i8::try_from(exponent).ok().filter(|e| *e >= -100)?);
    Some(Reading { value, ..*reading })
}

trait Lasting: Sized {
    /// As the mean of an interval that ends at its instant.
    fn lasting(self, ms: i64) -> Option<Self>;
}

impl Lasting for Reading {
    fn lasting(self, ms: i64) -> Option<Reading> {
        Some(Reading { interval_ms: Some(u32::try_from(ms).ok().filter(|ms| *ms > 0)?), ..self })
    }
}

//! Power and flow integrated to energy and volume; gauges averaged. Source: domain.md 5.5.
//!
//! Nothing is integrated across a gap beyond the limit: that time is missing. A minute of power is
//! computed exactly, in fractions, and rounded once.

use super::corrections::{by_minute, joined};
use super::curve::Booked;
use super::interpret::{RATE_PER_BASE, round_half_even};
use wattledger_model::meter::Form;
use wattledger_model::minute::{GaugeMinute, Provenance};

/// A value at an instant: a rate (1/1000 base unit per hour), or a gauge's level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<V> {
    /// Instant, ms since the epoch.
    pub at: i64,
    /// The value.
    pub value: V,
    /// The interval that it is the mean of; `None` where it is not a mean.
    pub interval_ms: Option<i64>,
}

/// A value over `[from, to)`: linear from `start` to `end`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span<V> {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) start: V,
    pub(super) end: V,
}

/// How samples stand for the time between them.
#[derive(Debug, Clone, Copy)]
pub struct Spacing {
    /// How values stand for time, unless a sample carries an interval.
    pub form: Form,
    /// The nominal interval: the length of an interval mean that carries none.
    pub nominal_interval_ms: i64,
    /// The longest gap that is bridged.
    pub gap_limit_ms: i64,
}

/// A mean is of this long at most: the longest interval that a reading can carry, 49 days. A declared one
/// could be of ages, and all their minutes would be booked.
const LONGEST_MEAN_MS: i64 = u32::MAX as i64;

/// What samples, sorted by instant, stand for: at most one span a sample, ending at it.
pub(super) fn spans<V: Copy>(samples: &[Sample<V>], spacing: Spacing) -> impl Iterator<Item = Span<V>> {
    let mut previous: Option<Sample<V>> = None;
    samples.iter().filter_map(move |&sample| {
        let before = previous.replace(sample);
        let mean_of = sample
            .interval_ms
            .or_else(|| (spacing.form == Form::IntervalMean).then_some(spacing.nominal_interval_ms))
            .map(|interval| interval.min(LONGEST_MEAN_MS));
        if let Some(interval) = mean_of {
            // Two means never share time: the later one starts where the earlier one ended.
            let from = (sample.at - interval).max(before.map_or(i64::MIN, |before| before.at));
            return (from < sample.at).then_some(Span {
                from,
                to: sample.at,
                start: sample.value,
                end: sample.value,
            });
        }
        let before = before?;
        let end = if spacing.form == Form::OnChange { before.value } else { sample.value };
        (sample.at - before.at <= spacing.gap_limit_ms).then_some(Span {
            from: before.at,
            to: sample.at,
            start: before.value,
            end,
        })
    })
}

impl Span<i128> {
    /// What passes in `[from, to)` of the span, in base units, to the nearest.
    pub(super) fn amount(&self, from: i64, to: i64) -> i64 {
        let mut sum = MinuteSum::default();
        sum.add(self, from, to);
        sum.amount()
    }
}

/// The times that samples, sorted by instant, stand for: ascending, those that touch as one.
pub fn covered<V: Copy>(samples: &[Sample<V>], spacing: Spacing) -> Vec<(i64, i64)> {
    joined(spans(samples, spacing).map(|span| (span.from, span.to)).collect())
}

/// The sum of one minute, in half rate-milliseconds: a whole part and at most two fractions, one for the
/// span that enters the minute and one for the span that leaves it.
#[derive(Debug, Clone, Copy, Default)]
struct MinuteSum {
    minute: i64,
    ms: u32,
    whole: i128,
    fractions: [(i128, i128); 2],
}

impl MinuteSum {
    fn add(&mut self, span: &Span<i128>, from: i64, to: i64) {
        self.ms += (to - from) as u32;
        let held = i128::from(to - from);
        if span.start == span.end {
            self.whole += 2 * span.start * held;
            return;
        }
        let length = i128::from(span.to - span.from);
        let (a, b) = (i128::from(from - span.from), i128::from(to - span.from));
        let rise = (span.end - span.start) * (b * b - a * a);
        self.whole += 2 * span.start * held + rise.div_euclid(length);
        let rest = rise.rem_euclid(length);
        if rest != 0 {
            let free = usize::from(self.fractions[0].1 != 0);
            self.fractions[free] = (rest, length);
        }
    }

    /// In base units, rounded once, half to even.
    fn amount(&self) -> i64 {
        let [(n1, d1), (n2, d2)] = self.fractions.map(|(n, d)| if d == 0 { (0, 1) } else { (n, d) });
        let numerator = self.whole * (d1 * d2) + n1 * d2 + n2 * d1;
        round_half_even(numerator, 2 * d1 * d2 * RATE_PER_BASE * 3_600_000) as i64
    }
}

/// Integrates rates, sorted by instant, to amounts by minute.
pub fn integrate(samples: &[Sample<i128>], spacing: Spacing, booked: &mut Booked) {
    let mut sum = MinuteSum::default();
    let close = |sum: &MinuteSum, booked: &mut Booked| {
        if sum.ms > 0 {
            booked.add(sum.minute, Provenance::Measured, sum.amount(), sum.ms);
        }
    };
    for span in spans(samples, spacing) {
        for (minute, from, to) in by_minute(span.from, span.to) {
            if sum.minute != minute {
                close(&sum, booked);
                sum = MinuteSum { minute, ..MinuteSum::default() };
            }
            sum.add(&span, from, to);
        }
    }
    close(&sum, booked);
}

/// Averages levels, sorted by instant, over the time they cover in each minute.
pub fn average(samples: &[Sample<f64>], spacing: Spacing) -> Vec<(i64, GaugeMinute)> {
    let mut minutes: Vec<(i64, GaugeMinute)> = Vec::new();
    for span in spans(samples, spacing) {
        let length = (span.to - span.from) as f64;
        let level = |at: i64| span.start + (span.end - span.start) * ((at - span.from) as f64 / length);
        for (minute, from, to) in by_minute(span.from, span.to) {
            let (a, b) = (level(from), level(to));
            let held = (to - from) as u32;
            if minutes.last().is_none_or(|(last, _)| *last != minute) {
                minutes.push((minute, GaugeMinute { mean: 0.0, min: a.min(b), max: a.max(b), ms: 0 }));
            }
            if let Some((_, gauge)) = minutes.last_mut() {
                // `mean` holds the sum over time until the minute is complete.
                gauge.mean += (a + b) / 2.0 * f64::from(held);
                gauge.min = gauge.min.min(a.min(b));
                gauge.max = gauge.max.max(a.max(b));
                gauge.ms += held;
            }
        }
    }
    for (_, gauge) in &mut minutes {
        gauge.mean /= f64::from(gauge.ms);
    }
    minutes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wattledger_model::minute::Minute;

    const WATT: i128 = 1_000_000 * RATE_PER_BASE;

    fn spacing(form: Form, gap_limit_ms: i64) -> Spacing {
        Spacing { form, nominal_interval_ms: 60_000, gap_limit_ms }
    }

    fn watts(samples: &[(i64, i128)]) -> Vec<Sample<i128>> {
        samples.iter().map(|&(s, w)| Sample { at: s * 1_000, value: w * WATT, interval_ms: None }).collect()
    }

    fn integrated(samples: &[Sample<i128>], spacing: Spacing) -> Vec<(i64, Minute)> {
        let mut booked = Booked::default();
        integrate(samples, spacing, &mut booked);
        booked.into_minutes()
    }

    #[test]
    fn the_last_value_is_not_held_beyond_the_gap_limit() {
        let minutes =
            integrated(&watts(&[(0, 60), (60, 60), (600, 60), (660, 60)]), spacing(Form::Instant, 180_000));
        let told: Vec<_> = minutes.iter().map(|(m, minute)| (*m, minute.amount())).collect();
        assert_eq!(told, [(0, 1_000_000), (10, 1_000_000)]);
    }

    #[test]
    fn means_that_overlap_share_no_time() {
        let mean = |s: i64, w: i128, interval: i64| Sample {
            at: s * 1_000,
            value: w * WATT,
            interval_ms: Some(interval * 1_000),
        };
        let minutes =
            integrated(&[mean(3_600, 60, 3_600), mean(3_660, 120, 3_600)], spacing(Form::Instant, 0));
        let ms: u32 = minutes.iter().map(|(_, m)| m.parts[0].ms).sum();
        assert_eq!((minutes.len(), ms), (61, 3_660_000));
        assert_eq!(minutes[60].1.amount(), 2_000_000);
    }

    #[test]
    fn export_is_negative_and_stays_so() {
        let minutes = integrated(&watts(&[(0, -45), (60, -45)]), spacing(Form::Instant, 180_000));
        assert_eq!(minutes[0].1.amount(), -750_000);
    }

    #[test]
    fn a_gauge_is_weighted_by_time_not_by_readings() {
        let at = |s: i64, value: f64| Sample { at: s * 1_000, value, interval_ms: None };
        let held = average(&[at(0, 10.0), at(45, 20.0), at(60, 30.0)], spacing(Form::OnChange, 180_000));
        assert_eq!(held, [(0, GaugeMinute { mean: 12.5, min: 10.0, max: 20.0, ms: 60_000 })]);
        let linear = average(&[at(0, 10.0), at(60, 20.0)], spacing(Form::Instant, 180_000));
        assert_eq!(linear, [(0, GaugeMinute { mean: 15.0, min: 10.0, max: 20.0, ms: 60_000 })]);
    }

    proptest! {
        /// The sum over minutes is within half a base unit a minute of the exact trapezoid.
        #[test]
        fn rounding_is_once_a_minute(
            first in 0_i64..120_000,
            steps in prop::collection::vec((1_i64..400_000, -1_000_000_i64..1_000_000_000), 2..30),
        ) {
            let mut at = first;
            let mut samples = Vec::new();
            for (ms, milliwatts) in &steps {
                at += ms;
                samples.push(Sample { at, value: i128::from(*milliwatts) * WATT / 1_000, interval_ms: None });
            }
            let minutes = integrated(&samples, spacing(Form::Instant, 10_800_000));
            let twice: i128 = samples.windows(2).map(|w| (w[0].value + w[1].value) * i128::from(w[1].at - w[0].at)).sum();
            let sum: i128 = minutes.iter().map(|(_, m)| i128::from(m.amount())).sum();
            let scale = 2 * RATE_PER_BASE * 3_600_000;
            let off = (sum * scale - twice).abs();
            prop_assert!(off <= minutes.len() as i128 * scale / 2);
            let ms: i64 = minutes.iter().map(|(_, m)| i64::from(m.parts[0].ms)).sum();
            prop_assert_eq!(ms, samples[samples.len() - 1].at - samples[0].at);
        }
    }
}

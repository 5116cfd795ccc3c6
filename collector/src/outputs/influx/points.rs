//! From the ledger to points: what each measurement says of a meter's hour or day, or of a facility's stamp.

mod balance;
mod budget;
mod facility;
mod figures;
mod meter;
mod sums;
mod targets;
mod weather;

pub(crate) use crate::view::nodes;
pub(crate) use budget::limits;
pub(crate) use facility::FacilityPoints;
pub(crate) use figures::{FEWER, OF_ZONES, figure_values, indicators};
pub(crate) use meter::{MeterPoints, Repeated};
pub(crate) use targets::JUDGED;
pub(crate) use weather::{Gauge, gauges};

use super::catalog::{FieldSet, Measurement};
use super::line::{Fields, Lines, Series};
use super::written::{Before, Written};
use std::collections::HashMap;
use std::sync::Arc;
use wattledger_model::time::{HOUR_MINUTES, MINUTE_MS};

/// Points of one series that must go before others are written: a field that is no more cannot be
/// overwritten, only deleted with its point.
#[derive(Debug, Clone)]
pub(crate) struct Erasure {
    pub(crate) series: Arc<Series>,
    /// Time of the first point.
    pub(crate) from_ms: i64,
    /// Time of the last point.
    pub(crate) to_ms: i64,
}

/// Points in the making.
#[derive(Debug, Default)]
pub(crate) struct Points {
    pub(crate) lines: Lines,
    erasures: Vec<Erasure>,
    /// The place of each series' latest erasure.
    latest: HashMap<u32, usize>,
    pub(crate) written: Written,
    pub(crate) fields: Fields,
    /// Whether what is written now may be there with fields that its series had under another definition.
    pub(crate) redefined: bool,
}

impl Points {
    /// Ends the point whose fields were made. It is written unless it is known to be there as it is; where
    /// it may be there with fields that it has no more, it is erased first.
    pub(crate) fn finish(&mut self, series: &Arc<Series>, at_ms: i64, may_repeat: bool) {
        let set = self.fields.set();
        let digest = Written::digest(self.fields.text());
        let stale = match self.written.put(series.number, at_ms, set, digest) {
            Before::Known(before, digest_before) if before == set && digest_before == digest => return,
            Before::Known(before, _) => before.exceeds(set),
            Before::Unknown if self.redefined => may_repeat && (series.fields | series.once).exceeds(set),
            Before::Unknown => may_repeat && series.fields.exceeds(set),
        };
        if stale {
            self.erase(series, at_ms);
        }
        if set != FieldSet::default() {
            self.lines.add(series, &self.fields, at_ms);
        }
    }

    fn erase(&mut self, series: &Arc<Series>, at_ms: i64) {
        let next = self.erasures.len();
        let at = self.latest.entry(series.number).or_insert(next);
        match self.erasures.get_mut(*at) {
            // Only points that follow each other at once: nothing that stays lies between them.
            Some(last) if last.to_ms < at_ms && at_ms <= last.to_ms + series.at_most_ms => last.to_ms = at_ms,
            _ => {
                *at = next;
                self.erasures.push(Erasure { series: Arc::clone(series), from_ms: at_ms, to_ms: at_ms });
            }
        }
    }

    /// Takes out what is to be deleted.
    pub(crate) fn take_erasures(&mut self) -> Vec<Erasure> {
        self.latest.clear();
        std::mem::take(&mut self.erasures)
    }
}

/// Numbers series.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    /// Every series, at the place of its number.
    pub(crate) series: Vec<Arc<Series>>,
}

impl Numbering {
    /// Gives a series its number; two of its points that are no further apart than `at_most_ms` have none between.
    fn add(&mut self, mut series: Series, at_most_ms: i64) -> Arc<Series> {
        series.at_most_ms = at_most_ms;
        series.number = self.series.len() as u32;
        self.series.push(Arc::new(series));
        Arc::clone(&self.series[self.series.len() - 1])
    }
}

fn set(fields: &[usize]) -> FieldSet {
    fields.iter().fold(FieldSet::default(), |set, field| set | FieldSet::of(*field))
}

/// Every field of a measurement.
fn all_fields(measurement: &Measurement) -> FieldSet {
    (0..measurement.fields.len()).fold(FieldSet::default(), |all, field| all | FieldSet::of(field))
}

/// Local days last 21 to 27 hours.
const LONGEST_DAY_MS: i64 = 27 * HOUR_MS;
const HOUR_MS: i64 = HOUR_MINUTES * MINUTE_MS;
const MG_PER_KG: f64 = 1e6;
/// One microwatt-hour is 3.6 mJ, so that much in one millisecond is 3.6 W.
const W_PER_UWH_A_MS: f64 = 3.6;

#[cfg(test)]
mod tests {
    use super::super::catalog::{self, meter};
    use super::*;

    #[test]
    fn neighbours_are_erased_together_and_nothing_between_strangers() {
        let mut numbering = Numbering::default();
        let mut series = |meter: &str| {
            let tags = vec![meter.to_owned(), "s".to_owned()];
            numbering.add(Series::new(&catalog::METER, tags, FieldSet::of(meter::AMOUNT)), MINUTE_MS)
        };
        let (one, other) = (series("a"), series("b"));
        let mut points = Points::default();
        for minute in [1, 2, 3, 5, 6, 9] {
            points.finish(&one, minute * MINUTE_MS, true);
            points.finish(&other, minute * MINUTE_MS, minute < 3);
        }
        let erased: Vec<(u32, i64, i64)> = points
            .take_erasures()
            .iter()
            .map(|e| (e.series.number, e.from_ms / MINUTE_MS, e.to_ms / MINUTE_MS))
            .collect();
        assert_eq!(erased, [(0, 1, 3), (1, 1, 2), (0, 5, 6), (0, 9, 9)]);
        points.finish(&one, 10 * MINUTE_MS, true);
        assert_eq!(points.take_erasures().len(), 1, "each round has its own");
        assert!(points.lines.take().is_empty(), "a point without fields is none");
    }
}

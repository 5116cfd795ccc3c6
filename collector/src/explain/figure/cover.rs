//! Which meter took which minutes out of the common support, and what each adds inside it.

use super::content::Taken;
use crate::indicators::account::MILLIONTHS;
use crate::indicators::{TermSum, Weight};
use crate::ledger::block::Hour;
use crate::store::{MeterId, StoreError};
use crate::view::{MeterHour, View};
use std::collections::{BTreeMap, HashMap};
use wattledger_model::minute::{Minute as Booked, Provenance};
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS, Minute};

/// What lies outside the common support.
#[derive(Debug, Default)]
pub(super) struct Outside {
    /// By term: minutes in which it is not measured throughout.
    pub(super) taken: Vec<Taken>,
    /// By term: base units booked outside the support, whatever their provenance.
    pub(super) booked: Vec<i128>,
    /// By term: the same with its coefficient and weighted by its factor, kg; 0 of terms without one that changes.
    pub(super) weighted: Vec<f64>,
    /// By gap: the meters that are not measured throughout, with their minutes.
    pub(super) because: Vec<BTreeMap<MeterId, i64>>,
    /// Minutes in which every meter that belongs there is measured: one side has no meter then.
    pub(super) no_meter: i64,
}

/// Walks the gaps minute by minute. A term may have a factor that changes from time to time.
pub(super) fn outside(
    view: &View,
    sums: &[TermSum],
    weights: &[Option<&Weight>],
    gaps: &[Interval],
) -> Result<Outside, StoreError> {
    let mut hours = Hours { view, at: i64::MIN, read: HashMap::new() };
    let mut outside = Outside {
        taken: vec![Taken::default(); sums.len()],
        booked: vec![0; sums.len()],
        weighted: vec![0.0; sums.len()],
        ..Outside::default()
    };
    for gap in gaps {
        let mut because: BTreeMap<MeterId, i64> = BTreeMap::new();
        for minute in (gap.from.0..gap.to.0).map(Minute) {
            let mut lacking: Vec<(usize, Lack)> = Vec::new();
            for (at, sum) in sums.iter().enumerate().filter(|(_, sum)| sum.during.contains(minute)) {
                let booked = hours.minute(sum.term.meter, minute)?;
                outside.booked[at] += i128::from(booked.amount());
                if let Some(weight) = weights.get(at).copied().flatten() {
                    let coefficient = sum.term.millionths as f64 / MILLIONTHS as f64;
                    outside.weighted[at] += coefficient * booked.amount() as f64 * weight.at(minute);
                }
                lacking.extend(lack(&booked).map(|lack| (at, lack)));
            }
            outside.count(sums, &lacking, &mut because);
        }
        outside.because.push(because);
    }
    Ok(outside)
}

impl Outside {
    fn count(&mut self, sums: &[TermSum], lacking: &[(usize, Lack)], because: &mut BTreeMap<MeterId, i64>) {
        let mut meters: Vec<MeterId> = lacking.iter().map(|(at, _)| sums[*at].term.meter).collect();
        meters.sort_unstable();
        meters.dedup();
        for (at, lack) in lacking {
            let taken = &mut self.taken[*at];
            taken.minutes += 1;
            taken.alone += i64::from(meters.len() == 1);
            *match lack {
                Lack::Missing => &mut taken.missing,
                Lack::Estimated => &mut taken.estimated,
                Lack::Long => &mut taken.long,
            } += 1;
        }
        self.no_meter += i64::from(meters.is_empty());
        meters.into_iter().for_each(|meter| *because.entry(meter).or_default() += 1);
    }
}

/// Why a minute of a meter is not measured throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lack {
    Missing,
    Estimated,
    Long,
}

fn lack(booked: &Booked) -> Option<Lack> {
    let ms = |provenance| i64::from(booked.part(provenance).ms);
    let known: i64 = Provenance::ALL.into_iter().map(ms).sum();
    if ms(Provenance::Measured) == MINUTE_MS {
        None
    } else if known < MINUTE_MS {
        Some(Lack::Missing)
    } else if ms(Provenance::Estimated) > 0 {
        Some(Lack::Estimated)
    } else {
        Some(Lack::Long)
    }
}

/// The minutes of all meters in one hour, read once.
struct Hours<'v> {
    view: &'v View,
    at: i64,
    read: HashMap<MeterId, Option<Box<Hour>>>,
}

impl Hours<'_> {
    fn minute(&mut self, meter: MeterId, minute: Minute) -> Result<Booked, StoreError> {
        let hour = minute.hour();
        if hour != self.at {
            self.read.clear();
            self.at = hour;
        }
        if !self.read.contains_key(&meter) {
            let sums = match self.view.meter_hour(meter, hour)? {
                Some(MeterHour::Sums(sums)) => Some(sums),
                Some(MeterHour::Levels(_)) | None => None,
            };
            self.read.insert(meter, sums);
        }
        let sums = self.read.get(&meter).and_then(Option::as_ref);
        Ok(sums.map_or_else(Booked::default, |sums| sums[(minute.0 - hour * HOUR_MINUTES) as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::minute::Part;

    #[test]
    fn a_minute_lacks_what_is_worst_about_it() {
        let minute = |measured, interpolated, estimated| {
            let part = |ms| Part { amount: 1, ms };
            lack(&Booked { parts: [part(measured), part(interpolated), part(estimated)] })
        };
        assert_eq!(minute(60_000, 0, 0), None);
        assert_eq!(minute(59_999, 0, 0), Some(Lack::Missing));
        assert_eq!(minute(30_000, 0, 30_000), Some(Lack::Estimated));
        assert_eq!(minute(0, 60_000, 0), Some(Lack::Long));
        assert_eq!(minute(0, 30_000, 29_000), Some(Lack::Missing));
    }
}

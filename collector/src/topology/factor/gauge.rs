//! Emission factors that a gauge gives: from its hours in the ledger to a factor by time. Source: domain.md 4.1.
//!
//! The factor of an interval is the gauge's mean over it, weighted by time. An interval of which the ledger knows
//! less than half, or whose mean no electricity gives off, has none of its own: it is a hole, as a row that is
//! missing from a series is, and the factor of the year stands in.

use super::note::{Finer, Said};
use super::{Factor, Origins, extent, under};
use crate::config::Meter;
use crate::indicators::Weight;
use crate::ledger::block::GaugeHour;
use crate::ledger::interpret::DEFAULT_INTERVAL_MS;
use crate::store::MeterId;
use std::collections::BTreeMap;
use wattledger_model::calendar::Tz;
use wattledger_model::factor_series::is_factor;
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS, Minute};

/// The lengths that an interval can have, minutes: what an hour divides into, down to the finest that grids publish.
const LENGTHS: [i64; 8] = [60, 30, 20, 15, 12, 10, 6, 5];

/// A gauge of emission factors, and what stands in where it says nothing.
#[derive(Debug, Clone)]
pub struct FactorGauge {
    /// The gauge.
    pub meter: MeterId,
    /// The gauge's name.
    name: String,
    /// The unit of its readings.
    unit: &'static str,
    /// kg/kWh in one of its unit.
    kg_per_kwh: f64,
    /// The length of an interval, minutes; it divides an hour.
    step_minutes: i64,
    years: Factor,
    zone: Tz,
}

/// The factors of one hour, interval by interval.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HourOfFactors {
    /// kg/kWh; `None` where the gauge gives none.
    factors: Box<[Option<f64>]>,
    /// Intervals whose mean is no factor.
    unbelieved: i64,
}

/// What a gauge has said, and the factor by time that comes of it.
#[derive(Debug, Clone)]
pub(crate) struct SaidFactors {
    /// By hours since the epoch.
    hours: BTreeMap<i64, HourOfFactors>,
    /// Since when which of its factors holds, kg/kWh, neighbours differ; `None` from where none does.
    steps: Vec<(Minute, Option<f64>)>,
    /// Intervals whose mean is no factor.
    unbelieved: i64,
    /// kg per µWh by minute, that of the year where the gauge says nothing.
    weight: Weight,
    origins: Origins,
}

impl SaidFactors {
    /// The factor in kg per µWh by minute.
    pub(crate) fn weight(&self) -> &Weight {
        &self.weight
    }
}

impl FactorGauge {
    /// A declared gauge by its number; `years` stands in.
    pub(in crate::topology) fn new(declared: &Meter, meter: MeterId, years: Factor, zone: Tz) -> FactorGauge {
        let usual = declared.nominal_interval_ms.unwrap_or(DEFAULT_INTERVAL_MS) / MINUTE_MS;
        let shortest = LENGTHS[LENGTHS.len() - 1];
        let step_minutes = LENGTHS.into_iter().find(|length| *length <= usual).unwrap_or(shortest);
        // The check of the configuration lets no other unit pass, and none that is missing.
        let unit = declared.unit.map_or("kg/kWh", |unit| unit.symbol());
        FactorGauge {
            meter,
            name: declared.key.meter.to_string(),
            unit,
            kg_per_kwh: if unit == "g/kWh" { 1e-3 } else { 1.0 },
            step_minutes,
            years,
            zone,
        }
    }

    /// The factor while nothing is known of the gauge.
    pub(in crate::topology) fn alone(&self) -> Factor {
        under(self.years.clone(), &[]).with(self.noted(None))
    }

    fn noted(&self, said: Option<Said>) -> Finer {
        let (meter, unit) = (self.name.clone(), self.unit);
        Finer::Gauge { meter, unit, step_minutes: self.step_minutes, said }
    }

    /// The factors of one hour of the gauge.
    pub(crate) fn hour(&self, minutes: &GaugeHour) -> HourOfFactors {
        let mut unbelieved = 0;
        let intervals = minutes.chunks(self.step_minutes as usize).map(|minutes| {
            let ms: i64 = minutes.iter().map(|minute| i64::from(minute.ms)).sum();
            if 2 * ms < self.step_minutes * MINUTE_MS {
                return None;
            }
            let sum: f64 = minutes.iter().map(|minute| minute.mean * f64::from(minute.ms)).sum();
            let mean = sum / ms as f64 * self.kg_per_kwh;
            unbelieved += i64::from(!is_factor(mean));
            Some(mean).filter(|mean| is_factor(*mean))
        });
        let factors = intervals.collect();
        HourOfFactors { factors, unbelieved }
    }

    /// What is known of the gauge before its first hour.
    pub(crate) fn nothing_said(&self) -> SaidFactors {
        let Factor { weight, origins, .. } = under(self.years.clone(), &[]);
        SaidFactors { hours: BTreeMap::new(), steps: Vec::new(), unbelieved: 0, weight, origins }
    }

    /// Takes in hours since the epoch with their factors; `None` where there are none any more. Gives the hours that
    /// are others than before. Only the time from the first to the last of them is made again.
    pub(crate) fn renew(
        &self,
        said: &mut SaidFactors,
        renewed: impl IntoIterator<Item = (i64, Option<HourOfFactors>)>,
    ) -> Vec<i64> {
        let mut moved = Vec::new();
        let unbelieved = |hour: &Option<HourOfFactors>| hour.as_ref().map_or(0, |hour| hour.unbelieved);
        for (hour, factors) in renewed {
            if said.hours.get(&hour) == factors.as_ref() {
                continue;
            }
            moved.push(hour);
            said.unbelieved += unbelieved(&factors);
            let before = match factors {
                Some(factors) => said.hours.insert(hour, factors),
                None => said.hours.remove(&hour),
            };
            said.unbelieved -= unbelieved(&before);
        }
        if let (Some(first), Some(last)) = (moved.iter().min(), moved.iter().max()) {
            self.splice(said, *first, *last);
        }
        moved
    }

    /// Makes again what holds from the begin of one hour to the end of another.
    fn splice(&self, said: &mut SaidFactors, first: i64, last: i64) {
        let edges = Interval::new(Minute(first * HOUR_MINUTES), Minute((last + 1) * HOUR_MINUTES));
        let begin = said.steps.partition_point(|(since, _)| *since < edges.from);
        let end = said.steps.partition_point(|(since, _)| *since <= edges.to);
        let before = begin.checked_sub(1).map(|at| said.steps[at]);
        let fresh = self.steps(&said.hours, first, last, before.and_then(|(_, factor)| factor));
        // With the step that holds at the begin: what it says there counts.
        let near: Vec<(Minute, Option<f64>)> = before.into_iter().chain(fresh.iter().copied()).collect();
        said.steps.splice(begin..end, fresh);
        let Factor { weight, origins, .. } = under(self.years.clone(), &near);
        said.weight = said.weight.spliced(&weight, edges);
        said.origins = said.origins.spliced(&origins, edges);
    }

    /// The factor by time: the gauge's own, and that of the year elsewhere.
    pub(crate) fn factor(&self, said: &SaidFactors) -> Factor {
        let said_of = Said {
            of: extent(&said.steps, self.zone),
            unbelieved_minutes: said.unbelieved * self.step_minutes,
        };
        let factor = Factor {
            weight: said.weight.clone(),
            note: self.years.note.clone(),
            origins: said.origins.clone(),
        };
        factor.with(self.noted(Some(said_of)))
    }

    /// Since when which factor holds, kg/kWh, from the begin of one hour to the end of another, that edge too; `None`
    /// from where none does. Before them holds `now`.
    fn steps(
        &self,
        hours: &BTreeMap<i64, HourOfFactors>,
        first: i64,
        last: i64,
        mut now: Option<f64>,
    ) -> Vec<(Minute, Option<f64>)> {
        let mut steps: Vec<(Minute, Option<f64>)> = Vec::new();
        let mut go_on = |at: i64, factor: Option<f64>| {
            if now != factor {
                steps.push((Minute(at), factor));
                now = factor;
            }
        };
        let mut reached = first * HOUR_MINUTES;
        for (hour, of_hour) in hours.range(first..=last) {
            let start = hour * HOUR_MINUTES;
            if reached < start {
                go_on(reached, None);
            }
            for (at, factor) in (start..).step_by(self.step_minutes as usize).zip(&of_hour.factors) {
                go_on(at, *factor);
            }
            reached = start + HOUR_MINUTES;
        }
        let end = (last + 1) * HOUR_MINUTES;
        if reached < end {
            go_on(reached, None);
        }
        go_on(end, hours.get(&(last + 1)).and_then(|next| *next.factors.first()?));
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, of_years};
    use super::*;
    use crate::config::{Carbon, CollectorConfig};
    use crate::ledger::block::MINUTES;
    use proptest::prelude::*;
    use wattledger_model::minute::GaugeMinute;

    fn gauge(lines: &str) -> FactorGauge {
        let text = format!(
            "[collector]\nname = \"c\"\ndata_dir = \"/d\"\n[link]\nbroker = \"mqtt://127.0.0.1:1883\"\n\
             [[site]]\nname = \"s\"\ntime_zone = \"UTC\"\n[[meter]]\nname = \"kg\"\nsite = \"s\"\nkind = \"gauge\"\n{lines}\n"
        );
        let config = CollectorConfig::parse("c.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        let half =
            Carbon::Constant { kg_per_kwh: "0.5".parse().expect("a number"), year: None, source: None };
        FactorGauge::new(&config.meters[0], 7, of_years(&half, Tz::UTC), Tz::UTC)
    }

    /// An hour in which `value(minute)` is known for so many ms.
    fn hour(value: impl Fn(usize) -> (f64, u32)) -> GaugeHour {
        let mut minutes = [GaugeMinute::default(); MINUTES];
        for (at, minute) in minutes.iter_mut().enumerate() {
            let (mean, ms) = value(at);
            *minute = GaugeMinute { mean, min: mean, max: mean, ms };
        }
        minutes
    }

    fn factors(gauge: &FactorGauge, minutes: &GaugeHour) -> Vec<Option<f64>> {
        gauge.hour(minutes).factors.to_vec()
    }

    fn factor_of(gauge: &FactorGauge, hours: BTreeMap<i64, HourOfFactors>) -> Factor {
        let mut said = gauge.nothing_said();
        gauge.renew(&mut said, hours.into_iter().map(|(hour, of)| (hour, Some(of))));
        gauge.factor(&said)
    }

    #[test]
    fn an_hour_has_the_mean_of_its_known_time_if_that_is_half_of_it() {
        let hourly = gauge("unit = \"kg/kWh\"\nform = \"on-change\"\nnominal_interval = \"1h\"");
        let known = |minutes: usize| hour(|at| if at < minutes { (0.2, 60_000) } else { (0.0, 0) });
        assert_eq!(factors(&hourly, &known(60)), [Some(0.2)]);
        let half = factors(&hourly, &known(30))[0].expect("half is known");
        assert!((half - 0.2).abs() < 1e-15, "missing is not zero: {half}");
        assert_eq!(factors(&hourly, &known(29)), [None]);
        let uneven = hour(|at| if at == 0 { (0.8, 30_000) } else { (0.2, 60_000) });
        let mean = (0.8 * 0.5 + 0.2 * 59.0) / 59.5;
        assert!((factors(&hourly, &uneven)[0].expect("known") - mean).abs() < 1e-15);
    }

    #[test]
    fn a_gauge_that_is_read_more_often_has_finer_intervals() {
        let lengths = |interval: &str| {
            gauge(&format!("unit = \"kg/kWh\"\nnominal_interval = \"{interval}\"")).step_minutes
        };
        let all = ["10s", "1m", "5m", "7m", "15m", "45m", "1h", "1d"].map(lengths);
        assert_eq!(all, [5, 5, 5, 6, 15, 30, 60, 60]);
        let quarters = gauge("unit = \"kg/kWh\"\nnominal_interval = \"15m\"");
        let stairs = hour(|at| ((at / 15) as f64, 60_000));
        assert_eq!(factors(&quarters, &stairs), [Some(0.0), Some(1.0), Some(2.0), Some(3.0)]);
    }

    #[test]
    fn grams_are_thousandths_and_what_is_no_factor_is_a_hole_that_is_told() {
        let grams = gauge("unit = \"g/kWh\"\nnominal_interval = \"1h\"");
        assert_eq!(factors(&grams, &hour(|_| (250.0, 60_000))), [Some(0.25)]);
        for absurd in [-1.0, 3_001.0, f64::NAN] {
            assert_eq!(factors(&grams, &hour(|_| (absurd, 60_000))), [None], "{absurd}");
        }
        let hours = BTreeMap::from([
            (0, grams.hour(&hour(|_| (250.0, 60_000)))),
            (1, grams.hour(&hour(|_| (-1.0, 60_000)))),
        ]);
        let note = factor_of(&grams, hours).note.to_string();
        assert!(note.contains("60 min left out") && note.ends_with("else 0.5 kg/kWh"), "{note}");
    }

    #[test]
    fn hours_between_are_holes_with_the_factor_of_the_year() {
        let hourly = gauge("unit = \"kg/kWh\"\nnominal_interval = \"1h\"");
        let of = |value: f64| hourly.hour(&hour(|_| (value, 60_000)));
        // 2026-01-01T00:00Z.
        let midnight = 490_896;
        let said = [(10, of(0.2)), (11, of(0.3)), (13, of(0.3))];
        let factor = factor_of(&hourly, said.map(|(hour, of)| (midnight + hour, of)).into());
        let at = |hour: i64| Minute((midnight + hour) * 60);
        let found =
            [9, 10, 11, 12, 13, 14].map(|hour| (factor.weight.at(Minute(at(hour).0 + 59)) * 1e12).round());
        assert_eq!(found, [500.0, 200.0, 300.0, 500.0, 300.0, 500.0]);
        let origins = factor.origins.over(Interval::new(at(9), at(15)));
        let of_series: Vec<(bool, i64)> =
            origins.iter().map(|(origin, minutes)| (*origin == Origin::Series, *minutes)).collect();
        assert_eq!(of_series, [(false, 180), (true, 180)]);
        let note = "gauge kg in kg/kWh by 60 min (2026-01-01 10:00 to 2026-01-01 14:00 without 60 min in 1 hole, \
                    from 2026-01-01 12:00 on)";
        assert!(factor.note.to_string().starts_with(note), "{}", factor.note);
        let nothing = factor_of(&hourly, BTreeMap::new()).note.to_string();
        assert!(nothing.starts_with("gauge kg in kg/kWh by 60 min (nothing yet), else"), "{nothing}");
    }

    /// What holds when, remade from all hours, interval by interval.
    fn remade(
        gauge: &FactorGauge,
        hours: &BTreeMap<i64, HourOfFactors>,
    ) -> (Vec<(Minute, Option<f64>)>, Factor) {
        let mut at: BTreeMap<i64, Option<f64>> = BTreeMap::new();
        for (hour, of) in hours {
            for (start, factor) in
                (hour * HOUR_MINUTES..).step_by(gauge.step_minutes as usize).zip(&of.factors)
            {
                at.insert(start, *factor);
                at.entry(start + gauge.step_minutes).or_insert(None);
            }
        }
        let mut steps: Vec<(Minute, Option<f64>)> = Vec::new();
        for (start, factor) in at {
            if steps.last().and_then(|(_, before)| *before) != factor {
                steps.push((Minute(start), factor));
            }
        }
        let factor = under(gauge.years.clone(), &steps);
        (steps, factor)
    }

    proptest! {
        /// Hours around the begin of a year come in any order, change and go.
        #[test]
        fn what_is_spliced_is_what_is_remade_from_all_hours(
            rounds in prop::collection::vec(
                prop::collection::vec(
                    (0_i64..12, prop::option::of(prop::array::uniform2(0_u8..5))), 1..4), 1..25),
            later in any::<bool>(),
        ) {
            let text = "unit = \"kg/kWh\"\nnominal_interval = \"30m\"";
            let grid = FactorGauge { years: of_years(&Carbon::Grid("cn".to_owned()), Tz::UTC), ..gauge(text) };
            for gauge in [gauge(text), grid] {
                let mut said = gauge.nothing_said();
                let mut hours = BTreeMap::new();
                // 2021-01-01T00:00Z is in the midst of the first.
                let begin = if later { 490_896 } else { 447_072 - 6 };
                for round in &rounds {
                    let level = |value: u8| if value == 4 { -1.0 } else { f64::from(value) / 4.0 };
                    let renewed: Vec<_> = round.iter().map(|(at, values)| {
                        // Of a value of 3 the ledger knows too little.
                        let known = |value: u8| (level(value), if value == 3 { 0 } else { 60_000 });
                        let of = values.map(|values| gauge.hour(&hour(|minute| known(values[minute / 30]))));
                        (begin + at, of)
                    }).collect();
                    for (at, of) in &renewed {
                        match of {
                            Some(of) => drop(hours.insert(*at, of.clone())),
                            None => drop(hours.remove(at)),
                        }
                    }
                    gauge.renew(&mut said, renewed);
                    let (steps, factor) = remade(&gauge, &hours);
                    prop_assert_eq!(&said.steps, &steps);
                    prop_assert_eq!(&said.weight, &factor.weight);
                    prop_assert_eq!(&said.origins, &factor.origins);
                    prop_assert_eq!(said.unbelieved, hours.values().map(|hour| hour.unbelieved).sum::<i64>());
                    prop_assert_eq!(&said.hours, &hours);
                }
            }
        }
    }
}

//! How uncertain a figure is, from the instruments that measured it. Source: domain.md 6.

use super::View;
use crate::indicators::account::{MILLIONTHS, Place};
use crate::indicators::indicator::Numerator;
use crate::indicators::uncertainty::{Budget, Metered, quotient, total};
use crate::indicators::{Figure, Indicator, TermSum};
use crate::ledger::interpret::POSITION_PER_BASE;
use crate::store::{MeterId, StoreError};
use crate::topology::KnownMeter;
use rusqlite::params;
use std::collections::HashMap;
use wattledger_model::meter::Kind;
use wattledger_model::time::{HOUR_MINUTES, Interval, MINUTE_MS, Timestamp};

/// A meter's limit is that near rated load above this share of it.
const LOW_LOAD: f64 = 0.1;

/// Figures whose uncertainty is remembered.
const MOST_REMEMBERED: usize = 4_096;

/// Relative expanded uncertainty, and whether the figure is resolved, by facility, indicator and interval.
pub(super) type Remembered = HashMap<(usize, Indicator, Interval), (Option<f64>, Option<bool>)>;

/// How uncertain a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Uncertain {
    /// Expanded uncertainty U (k = 2), in the unit of the figure; `None` where it is not known.
    pub expanded: Option<f64>,
    /// Whether U is at most 5 % of the value; `None` where that cannot be said.
    pub resolved: Option<bool>,
}

/// What one instrument of a meter measured.
struct Part {
    meter: MeterId,
    sitting: usize,
    sum: TermSum,
    loaded_ms: i64,
    resolution: i128,
}

/// Coefficients by position among the parts.
type Coefficients = Vec<(usize, f64)>;

impl View {
    /// The uncertainty of an indicator's figure with all that made it; `None` where the facility has no meters for
    /// it or it is no sum or quotient of metered amounts. The uncertainty of emission factors is not in it.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn budget(
        &mut self,
        facility: usize,
        indicator: Indicator,
        interval: Interval,
    ) -> Result<Option<Budget>, StoreError> {
        let Some(accounts) = self.accounts[facility].ratios.get_mut(&indicator) else { return Ok(None) };
        let account = accounts.account(&self.connection, interval)?;
        let sums = accounts.by_term(&self.connection, interval)?;
        let booked: i128 = account.all_numerator.iter().sum();
        let meaning = indicator.meaning();
        // What carbon a base unit of the weighted terms came to on the mean of this interval.
        let own: f64 = own_kg(&sums);
        let mean = if booked == 0 { 0.0 } else { (account.all_weighted - own) / booked as f64 };
        let weight = if meaning.numerator == Numerator::Weighted { mean } else { 1.0 };
        let (parts, above, below) = self.parts(sums, weight)?;
        let metered: Vec<Metered<'_>> = parts.iter().filter_map(|part| self.metered(part)).collect();
        let (scale, offset) = meaning.scale_and_offset;
        // From base units to those of the figure.
        let units = match meaning.numerator {
            Numerator::Energy | Numerator::Other => 1.0,
            Numerator::Water => 1e6,
            Numerator::Weighted => 1e9,
        };
        Ok(Some(if meaning.is_ratio {
            quotient(&metered, &above, &below, scale * units, offset)
        } else {
            total(&metered, &above)
        }))
    }

    /// Expanded uncertainty U (k = 2) of a figure, in its unit; `None` where it is not known.
    ///
    /// # Errors
    /// As [`View::budget`].
    pub fn expanded(&mut self, facility: usize, figure: &Figure) -> Result<Option<f64>, StoreError> {
        let budget = self.budget(facility, figure.indicator, figure.interval)?;
        Ok(budget.and_then(|budget| expanded(&budget, figure)))
    }

    /// As [`View::expanded`], with whether the figure is resolved; remembered until the interval is another one, so
    /// that what is shown every second is reckoned once a minute.
    ///
    /// # Errors
    /// As [`View::budget`].
    pub fn uncertain(&mut self, facility: usize, figure: &Figure) -> Result<Uncertain, StoreError> {
        let key = (facility, figure.indicator, figure.interval);
        if let Some((relative, resolved)) = self.remembered.get(&key) {
            let expanded = relative.zip(figure.value).map(|(relative, value)| relative * value.abs());
            return Ok(Uncertain { expanded, resolved: *resolved });
        }
        let budget = self.budget(facility, figure.indicator, figure.interval)?;
        let u = budget.as_ref().and_then(|budget| expanded(budget, figure));
        let resolved = budget.as_ref().and_then(Budget::is_resolved);
        let relative =
            u.zip(figure.value).filter(|(_, value)| *value != 0.0).map(|(u, value)| u / value.abs());
        if self.remembered.len() >= MOST_REMEMBERED {
            self.remembered.clear();
        }
        self.remembered.insert(key, (relative, resolved));
        Ok(Uncertain { expanded: u, resolved })
    }

    /// Splits each term by the instruments that sat there, and says where they stand in the figure.
    fn parts(
        &self,
        sums: Vec<TermSum>,
        weight: f64,
    ) -> Result<(Vec<Part>, Coefficients, Coefficients), StoreError> {
        let mut parts: Vec<Part> = Vec::new();
        let (mut above, mut below) = (Vec::new(), Vec::new());
        for sum in sums {
            let Some(known) = self.topology.meters.get(&sum.term.meter) else { continue };
            let coefficient = sum.term.millionths as f64 / MILLIONTHS as f64;
            for (sitting, during) in sittings(known, sum.during) {
                let same = |part: &Part| {
                    (part.meter, part.sitting, part.sum.during) == (sum.term.meter, sitting, during)
                };
                let at = match parts.iter().position(same) {
                    Some(at) => at,
                    None => {
                        parts.push(self.part(known, sitting, during, &sum)?);
                        parts.len() - 1
                    }
                };
                match sum.place {
                    Place::Above => above.push((at, coefficient * weight)),
                    Place::Below => below.push((at, coefficient)),
                    Place::Own(own) => above.push((at, coefficient * own)),
                }
            }
        }
        Ok((parts, above, below))
    }

    fn part(
        &self,
        known: &KnownMeter,
        sitting: usize,
        during: Interval,
        sum: &TermSum,
    ) -> Result<Part, StoreError> {
        let sum = if during == sum.during {
            sum.clone()
        } else {
            TermSum::read(&self.connection, sum.term, sum.place, during)?
        };
        let mut loaded_ms: i64 = sum.ms.iter().sum();
        let rated = known.declared.instruments.get(sitting).and_then(|sitting| sitting.instrument.rated_load);
        let full =
            rated.map_or(0.0, |rated| rated as f64 * loaded_ms as f64 / (HOUR_MINUTES * MINUTE_MS) as f64);
        // A generator that ran for an hour is not one that idled for a year: what matters is its load then.
        if sum.amount() != 0 && (sum.amount().abs() as f64) < LOW_LOAD * full {
            loaded_ms = self.loaded_ms(known.id, during)?.max(MINUTE_MS).min(loaded_ms);
        }
        let resolution = self.resolution(known, during)?;
        Ok(Part { meter: known.id, sitting, sum, loaded_ms, resolution })
    }

    fn metered<'a>(&'a self, part: &'a Part) -> Option<Metered<'a>> {
        let known = self.topology.meters.get(&part.meter)?;
        Some(Metered {
            meter: known.declared.key.meter.as_str(),
            instrument: known.declared.instruments.get(part.sitting).map(|sitting| &sitting.instrument),
            amount: part.sum.amount(),
            estimated: part.sum.amounts[2],
            loaded_ms: part.loaded_ms,
            resolution: part.resolution,
            differences: u32::from(part.sum.ms.iter().any(|ms| *ms > 0)),
            cut: &part.sum.cut,
        })
    }

    /// Milliseconds of the hours in which anything passed.
    fn loaded_ms(&self, meter: MeterId, during: Interval) -> Result<i64, StoreError> {
        self.connection
            .prepare_cached(
                "SELECT coalesce(sum(measured_ms + interpolated_ms + estimated_ms), 0) FROM hour
                 WHERE meter = ?1 AND hour >= ?2 AND hour <= ?3
                 AND (measured <> 0 OR interpolated <> 0 OR estimated <> 0)",
            )
            .and_then(|mut s| {
                s.query_row(params![meter, during.from.hour(), during.to.hour()], |row| row.get(0))
            })
            .map_err(super::failed)
    }

    /// What the register resolves, base units; 0 of what is no register.
    fn resolution(&self, known: &KnownMeter, during: Interval) -> Result<i128, StoreError> {
        if known.interpretation.kind != Kind::Register {
            return Ok(0);
        }
        let last = Timestamp(during.to.start().0 - 1);
        let newest: Option<(String, Option<String>)> = self
            .connection
            .prepare_cached("SELECT value, unit FROM newest WHERE meter = ?1")
            .and_then(|mut s| {
                s.query_map([known.id], |row| Ok((row.get(0)?, row.get(1)?)))?.next().transpose()
            })
            .map_err(super::failed)?;
        let heard = newest.as_ref().and_then(|(_, unit)| unit.as_deref()?.parse().ok());
        let declared = known.sitting_at(last).and_then(|sitting| sitting.reads.unit).or(known.declared.unit);
        let Some(unit) = declared.or(heard) else { return Ok(0) };
        let rules = known.interpretation.register_rules_at(last, unit);
        let raw = newest.and_then(|(value, _)| value.parse().ok());
        // Of a binary32 the resolution follows the value: that of the newest reading stands for the window.
        let position = raw.and_then(|raw| known.interpretation.position_at(last, unit, raw)).unwrap_or(0);
        Ok(rules.resolution_at(position) / POSITION_PER_BASE)
    }
}

/// Expanded uncertainty of the figure that a budget is of. The budget goes by all that was booked in the window,
/// the figure by what both sides cover: the relative uncertainty is taken for the same.
pub fn expanded(budget: &Budget, figure: &Figure) -> Option<f64> {
    use crate::indicators::uncertainty::COVERAGE_FACTOR;
    match budget.relative() {
        Some(relative) => Some(COVERAGE_FACTOR * relative * figure.value?.abs()),
        None => budget.expanded(),
    }
}

/// The instruments that sat at a meter in some time, each with its share of it.
fn sittings(known: &KnownMeter, during: Interval) -> Vec<(usize, Interval)> {
    let all = &known.declared.instruments;
    let since = |at: usize| all.get(at).map(|sitting| sitting.instrument.from.minute_ceil());
    let part = |at: usize| {
        let from = if at == 0 { during.from } else { since(at).unwrap_or(during.from) };
        let to = since(at + 1).unwrap_or(during.to);
        (at, Interval::new(from, to).intersect(during))
    };
    (0..all.len().max(1)).map(part).filter(|(_, during)| !during.is_empty()).collect()
}

/// What the terms with weights of their own came to, kg.
fn own_kg(sums: &[TermSum]) -> f64 {
    let of = |sum: &TermSum| match sum.place {
        Place::Own(weight) => weight * sum.term.millionths as f64 / MILLIONTHS as f64 * sum.amount() as f64,
        Place::Above | Place::Below => 0.0,
    };
    sums.iter().map(of).sum()
}

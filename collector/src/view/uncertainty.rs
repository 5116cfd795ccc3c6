//! How uncertain a figure is, from the instruments that measured it. Source: domain.md 6.

use super::View;
use crate::config::Sitting;
use crate::indicators::account::{MILLIONTHS, Place};
use crate::indicators::indicator::Numerator;
use crate::indicators::uncertainty::{Budget, Metered, quotient, total};
use crate::indicators::{Account, Figure, Indicator, Term, TermSum};
use crate::ledger::interpret::POSITION_PER_BASE;
use crate::store::{MeterId, StoreError};
use crate::topology::KnownMeter;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
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
        let Some(accounts) = self.accounts[facility].ratio(indicator) else { return Ok(None) };
        let account = accounts.account(&self.connection, interval)?;
        let terms: Vec<(Term, Place)> = accounts.pair().terms().collect();
        self.budget_of(indicator, &terms, &account, interval).map(Some)
    }

    /// The uncertainty of `Σ E_DC / Σ E_IT` of several facilities, each over an interval of its own: that of one quotient
    /// of all their meters, so that instruments of one make are correlated across facilities too, and a meter that
    /// stands in several has one error. Source: domain.md 5.9, 6.2.
    ///
    /// # Errors
    /// As [`View::budget`].
    pub(crate) fn pooled_budget(&mut self, members: &[(usize, Interval)]) -> Result<Budget, StoreError> {
        let mut sums = Vec::new();
        for (facility, interval) in members {
            let Some(pair) = self.accounts[*facility].pair(Indicator::Pue) else { continue };
            let terms: Vec<(Term, Place)> = pair.terms().collect();
            sums.extend(self.by_term(&terms, *interval)?);
        }
        let (parts, above, below) = self.parts(sums, 1.0)?;
        let metered: Vec<Metered<'_>> = parts.iter().filter_map(|part| self.metered(part)).collect();
        Ok(quotient(&metered, &above, &below, 1.0, 0.0))
    }

    /// As [`View::budget`], of the partial PUE of a zone of a facility.
    ///
    /// # Errors
    /// As [`View::budget`].
    pub fn zone_budget(
        &mut self,
        facility: usize,
        zone: usize,
        interval: Interval,
    ) -> Result<Budget, StoreError> {
        let accounts = &mut self.accounts[facility].zones[zone];
        let account = accounts.account(&self.connection, interval)?;
        let terms: Vec<(Term, Place)> = accounts.pair().terms().collect();
        self.budget_of(Indicator::PpueZone, &terms, &account, interval)
    }

    /// The uncertainty of a sum of meters, in base units.
    pub(super) fn budget_of_sum(&mut self, terms: &[Term], interval: Interval) -> Result<Budget, StoreError> {
        let terms: Vec<(Term, Place)> = terms.iter().map(|term| (*term, Place::Above)).collect();
        let sums = self.by_term(&terms, interval)?;
        let (parts, above, _) = self.parts(sums, 1.0)?;
        let metered: Vec<Metered<'_>> = parts.iter().filter_map(|part| self.metered(part)).collect();
        Ok(total(&metered, &above))
    }

    /// Whether anything at all is said of how exact the meters of these terms are. Where nothing is, no figure of
    /// theirs has an uncertainty.
    pub(crate) fn says_how_exact(&self, terms: impl Iterator<Item = Term>) -> bool {
        let mut meters = terms.filter_map(|term| self.topology.meters.get(&term.meter));
        meters.any(|known| {
            known.declared.instruments.iter().any(|sitting| sitting.instrument.accuracy.is_some())
        })
    }

    /// What each term came to over an interval, by provenance.
    pub(crate) fn by_term(
        &mut self,
        terms: &[(Term, Place)],
        interval: Interval,
    ) -> Result<Vec<TermSum>, StoreError> {
        let of = |(term, place): &(Term, Place)| {
            self.meters.entry(term.meter).or_default().term(&self.connection, *term, *place, interval)
        };
        terms.iter().map(of).collect()
    }

    fn budget_of(
        &mut self,
        indicator: Indicator,
        terms: &[(Term, Place)],
        account: &Account,
        interval: Interval,
    ) -> Result<Budget, StoreError> {
        let sums = self.by_term(terms, interval)?;
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
        Ok(if meaning.is_ratio {
            quotient(&metered, &above, &below, scale * units, offset)
        } else {
            total(&metered, &above)
        })
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
        &mut self,
        sums: Vec<TermSum>,
        weight: f64,
    ) -> Result<(Vec<Part>, Coefficients, Coefficients), StoreError> {
        let topology = Arc::clone(&self.topology);
        let mut parts: Vec<Part> = Vec::new();
        let mut known_parts: HashMap<(MeterId, usize, Interval), usize> = HashMap::new();
        let (mut above, mut below) = (Vec::new(), Vec::new());
        for sum in sums {
            let Some(known) = topology.meters.get(&sum.term.meter) else { continue };
            let coefficient = sum.term.millionths as f64 / MILLIONTHS as f64;
            for (sitting, during) in sittings(known, sum.during) {
                let at = match known_parts.entry((sum.term.meter, sitting, during)) {
                    Entry::Occupied(part) => *part.get(),
                    Entry::Vacant(new) => {
                        parts.push(self.part(known, sitting, during, &sum)?);
                        *new.insert(parts.len() - 1)
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
        &mut self,
        known: &KnownMeter,
        sitting: usize,
        during: Interval,
        sum: &TermSum,
    ) -> Result<Part, StoreError> {
        let sum = if during == sum.during {
            sum.clone()
        } else {
            let of = self.meters.entry(sum.term.meter).or_default();
            of.term(&self.connection, sum.term, sum.place, during)?
        };
        let mut loaded_ms: i64 = sum.ms.iter().sum();
        let rated = known.declared.instruments.get(sitting).and_then(|sitting| sitting.instrument.rated_load);
        let full =
            rated.map_or(0.0, |rated| rated as f64 * loaded_ms as f64 / (HOUR_MINUTES * MINUTE_MS) as f64);
        // A generator that ran for an hour is not one that idled for a year: what matters is its load then.
        if sum.amount() != 0 && (sum.amount().abs() as f64) < LOW_LOAD * full {
            let of = self.meters.entry(known.id).or_default();
            let busy = of.loaded_ms(&self.connection, known.id, during)?;
            loaded_ms = busy.max(MINUTE_MS).min(loaded_ms);
        }
        let resolution = self.resolution(known, Timestamp(during.to.start().0 - 1))?;
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

    /// What the register resolves at an instant, base units; 0 of what is no register.
    fn resolution(&mut self, known: &KnownMeter, last: Timestamp) -> Result<i128, StoreError> {
        if known.interpretation.kind != Kind::Register {
            return Ok(0);
        }
        let heard = if follows_readings(known) { self.heard(known.id)? } else { None };
        let by_reading = heard.as_ref().and_then(|(_, unit)| unit.as_deref()?.parse().ok());
        let declared = known.sitting_at(last).and_then(|sitting| sitting.reads.unit).or(known.declared.unit);
        let Some(unit) = declared.or(by_reading) else { return Ok(0) };
        let rules = known.interpretation.register_rules_at(last, unit);
        let raw = heard.and_then(|(value, _)| value.parse().ok());
        // Of a binary32 the resolution follows the value: that of the newest reading stands for the window.
        let position = raw.and_then(|raw| known.interpretation.position_at(last, unit, raw)).unwrap_or(0);
        Ok(rules.resolution_at(position) / POSITION_PER_BASE)
    }

    /// Value and unit of a meter's newest reading.
    fn heard(&mut self, meter: MeterId) -> Result<Option<Heard>, StoreError> {
        if let Some(known) = self.heard.get(&meter) {
            return Ok(known.clone());
        }
        let newest = self
            .connection
            .prepare_cached("SELECT value, unit FROM newest WHERE meter = ?1")
            .and_then(|mut s| s.query_map([meter], |row| Ok((row.get(0)?, row.get(1)?)))?.next().transpose())
            .map_err(super::failed)?;
        self.heard.insert(meter, newest.clone());
        Ok(newest)
    }

    /// Whether what a meter resolves goes by its readings: by their unit, or by the size of their values.
    pub(crate) fn follows_readings(&self, meter: MeterId) -> bool {
        self.topology.meters.get(&meter).is_some_and(follows_readings)
    }

    /// What uncertainties owe to the newest readings of such meters: their resolutions as these stand now, by
    /// instrument. They change rarely, but where they do, they do for all of time.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub(crate) fn resolutions(&mut self, meters: &[MeterId]) -> Result<Vec<i128>, StoreError> {
        let topology = Arc::clone(&self.topology);
        let mut all = Vec::new();
        for known in meters.iter().filter_map(|meter| topology.meters.get(meter)) {
            let instants = known.declared.instruments.iter().map(|sitting| sitting.instrument.from);
            for at in instants {
                all.push(self.resolution(known, at)?);
            }
        }
        Ok(all)
    }
}

/// Value and unit of a reading.
pub(super) type Heard = (String, Option<String>);

fn follows_readings(known: &KnownMeter) -> bool {
    let is_binary32 = |sitting: &Sitting| sitting.reads.is_binary32;
    known.interpretation.kind == Kind::Register
        && (known.declared.unit.is_none()
            || known.interpretation.is_binary32
            || known.declared.instruments.iter().any(is_binary32))
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

//! A simulated world as a source: sites, weather, IT, plant, and meters with faults of their own.
//!
//! Everything is a function of seed, origin and instant. The same question has the same answer in any
//! order and after any restart, and registers are exact integrals of the power that the plant draws.

mod faults;
mod load;
mod noise;
mod plant;
mod site;
mod source;
mod totals;
mod weather;

pub use site::{FacilitySpec, Grid, MeterSpec, SiteSpec, sites};
pub use source::{Progress, SimulatedSource};

use faults::Faults;
use noise::Noise;
use plant::Flow;
use site::Shows;
use totals::{QUARTER_MS, Totals};
use wattledger_model::decimal::Decimal;
use wattledger_model::name::Name;
use wattledger_model::time::Timestamp;
use wattledger_model::unit::{Quantity, Unit};

/// One site of the simulated world with its meters.
#[derive(Debug)]
pub struct Simulation {
    site: &'static SiteSpec,
    facilities: Vec<Totals>,
    meters: Vec<Meter>,
}

/// What one meter shows at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The meter.
    pub meter: Name,
    /// The digits on its display.
    pub value: Decimal,
    /// The unit beside them.
    pub unit: Unit,
    /// The time that an interval mean stands for.
    pub interval_ms: Option<u32>,
}

/// A table that cannot be simulated: a fault of the program, found by its tests.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// A meter's name or unit is not valid.
    #[error("simulated meter `{meter}`: {detail}")]
    Meter {
        /// Its name in the table.
        meter: &'static str,
        /// What is wrong.
        detail: String,
    },
}

#[derive(Debug)]
struct Meter {
    name: Name,
    facility: usize,
    unit: Unit,
    /// Base units of the last digit shown.
    step: i64,
    digits: u8,
    /// Steps at which the register starts again.
    modulus: Option<i64>,
    shows: Shows,
    faults: Faults,
    error: Noise,
    /// When the register last started again and what had passed by then, once asked.
    reset: Option<(i64, i64)>,
}

impl Simulation {
    /// A site as it has been since `origin` (taken back to a full quarter-hour), when all registers
    /// show their first value. The world is the same for the same seed and origin.
    ///
    /// # Errors
    /// [`SimulationError`] for a table with an invalid name or unit.
    pub fn new(site: &'static SiteSpec, seed: u64, origin: Timestamp) -> Result<Simulation, SimulationError> {
        let origin_ms = origin.0.div_euclid(QUARTER_MS) * QUARTER_MS;
        let facilities = site.build(seed, origin_ms).into_iter().map(|f| Totals::new(f, origin_ms)).collect();
        let mut meters = Vec::new();
        for (facility, spec) in site.facilities.iter().enumerate() {
            for meter in spec.meters {
                meters.push(Meter::new(meter, facility, seed, origin_ms)?);
            }
        }
        Ok(Simulation { site, facilities, meters })
    }

    /// The site that is simulated.
    pub fn site(&self) -> &'static SiteSpec {
        self.site
    }

    /// What the meters show at an instant, those that answer. `since` is the last instant asked before:
    /// interval means reach back to it. `slow_too` includes weather and water.
    pub fn shown(&mut self, at: Timestamp, since: Timestamp, slow_too: bool) -> Vec<Shown> {
        let mut shown = Vec::with_capacity(self.meters.len());
        for meter in &mut self.meters {
            if (!slow_too && meter.is_slow()) || meter.faults.silent(at.0) {
                continue;
            }
            let totals = &mut self.facilities[meter.facility];
            if let Some((value, interval_ms)) = meter.show(totals, at.0, since.0) {
                shown.push(Shown { meter: meter.name.clone(), value, unit: meter.unit, interval_ms });
            }
        }
        shown
    }
}

impl Meter {
    fn new(
        spec: &'static MeterSpec,
        facility: usize,
        seed: u64,
        origin_ms: i64,
    ) -> Result<Meter, SimulationError> {
        let wrong = |detail: String| SimulationError::Meter { meter: spec.name, detail };
        let name = spec.name.parse::<Name>().map_err(|error| wrong(error.to_string()))?;
        let unit = spec.unit.parse::<Unit>().map_err(wrong)?;
        let tenth = 10_i64.pow(u32::from(spec.digits));
        Ok(Meter {
            name,
            facility,
            unit,
            step: (unit.size().0 / tenth).max(1),
            digits: spec.digits,
            modulus: spec.modulus.map(|modulus| modulus * tenth),
            shows: spec.shows,
            faults: Faults::of(spec.name, origin_ms),
            error: Noise::new(seed, spec.name),
            reset: None,
        })
    }

    fn is_slow(&self) -> bool {
        self.unit.quantity() != Quantity::Energy
    }

    fn show(&mut self, totals: &mut Totals, at: i64, since: i64) -> Option<(Decimal, Option<u32>)> {
        if self.faults.reads_zero(at) {
            return Some((self.decimal(0), None));
        }
        match self.shows {
            Shows::Register { flow, first } => Some((self.register(totals, at, flow, first), None)),
            Shows::Mean { flow } => {
                // Nothing is known from before the beginning, and no mean is of no time.
                let since = since.max(totals.begins());
                let interval_ms = u32::try_from(at - since).ok().filter(|ms| *ms > 0)?;
                let passed = (totals.by(at, flow) - totals.by(since, flow)) as f64;
                let per_hour = passed * 3_600_000.0 / f64::from(interval_ms);
                Some((self.decimal((per_hour / self.step as f64).round() as i64), Some(interval_ms)))
            }
            Shows::Temperature => {
                let dry = totals.facility.weather(at).dry_bulb_c + 0.1 * self.error.signed(at);
                Some((self.decimal((dry * 10.0).round() as i64), None))
            }
            Shows::Humidity => {
                let humid = totals.facility.weather(at).humidity_percent + 0.5 * self.error.signed(at);
                Some((self.decimal((humid.min(100.0) * 10.0).round() as i64), None))
            }
        }
    }

    /// The register's digits: whole steps only, as a display has them.
    fn register(&mut self, totals: &mut Totals, at: i64, flow: Flow, first: i64) -> Decimal {
        let passed = totals.by(at, flow);
        let steps = match self.faults.last_reset(at) {
            Some(reset_at) => {
                let before = match self.reset {
                    Some((known, before)) if known == reset_at => before,
                    _ => totals.by(reset_at, flow),
                };
                self.reset = Some((reset_at, before));
                (passed - before) / self.step
            }
            None => first * self.unit.size().0 / self.step + passed / self.step,
        };
        self.decimal(self.modulus.map_or(steps, |modulus| steps.rem_euclid(modulus)))
    }

    fn decimal(&self, steps: i64) -> Decimal {
        Decimal::new(steps, -(self.digits as i8))
    }
}

#[cfg(test)]
mod tests;

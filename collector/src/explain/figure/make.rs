//! Makes the explanation of a figure.

use super::super::error::ExplainError;
use super::super::source::Source;
use super::super::{Span, local};
use super::content::{
    Booked, Coverage, Estimated, FigureExplanation, Gap, GapMeter, MeterRow, Side, StepCount, Value,
};
use super::cover::{self, Outside};
use super::sides::{self, Sides};
use crate::config::{self, Claim};
use crate::indicators::account::{ALWAYS, MILLIONTHS};
use crate::indicators::figure::needed_coverage;
use crate::indicators::indicator::Numerator;
use crate::indicators::notation::notation;
use crate::indicators::{Account, Accounts, Figure, Indicator, Status, TermSum};
use crate::ledger::interpret::round_half_even;
use crate::outputs::reports::{Amount, ReportError, known_part};
use crate::store::StoreError;
use crate::topology::{Facility, Factor};
use crate::view::View;
use std::collections::BTreeMap;
use wattledger_model::calendar::{Period, Tz};
use wattledger_model::decimal::Decimal;
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::role::Role;
use wattledger_model::time::{Interval, Timestamp};
use wattledger_model::unit::{Quantity, Unit};

/// Gaps that are listed one by one.
const GAPS_LISTED: usize = 20;

/// Explains an indicator of a facility over a period, written as for reports.
///
/// # Errors
/// [`ExplainError`]: no such facility or period, an indicator that is no sum over meters, nothing known, or a
/// store that cannot be read.
pub fn figure(
    source: &Source<'_>,
    facility: &str,
    indicator: Indicator,
    period: &str,
    now: Timestamp,
) -> Result<FigureExplanation, ExplainError> {
    let mut view = source.view()?;
    let at = position(source, facility)?;
    let topology = source.topology.clone();
    let facility = &topology.facilities[at];
    view.begin()?;
    let (asked, interval, cut) = part(&view, at, facility, period, now)?;
    let mut sides = sides::of(facility, indicator).map_err(|why| ExplainError::Indicator {
        indicator: indicator.to_string(),
        facility: facility.name.to_string(),
        why,
    })?;
    let factor = sides.pair.weight.is_some().then(|| view.factor(at)).flatten();
    if let Some(factor) = &factor {
        sides.pair.weight = Some(factor.weight.clone());
    }
    let making = Making { source, view: &view, facility, indicator, interval, asked: &asked, sides, factor };
    let made = making.make(cut)?;
    view.end()?;
    Ok(made)
}

/// The position of a facility by its name.
pub(in crate::explain) fn position(source: &Source<'_>, facility: &str) -> Result<usize, ExplainError> {
    let facilities = &source.topology.facilities;
    let names = facilities.iter().map(|facility| facility.name.as_str());
    let found = names.clone().position(|name| name == facility);
    found.ok_or_else(|| ReportError::unknown_facility(facility, names).into())
}

/// The period, the part of it that is known, and why it is cut.
pub(in crate::explain) fn part(
    view: &View,
    at: usize,
    facility: &Facility,
    period: &str,
    now: Timestamp,
) -> Result<(Period, Interval, Option<String>), ExplainError> {
    let asked = Period::parse(period, facility.zone)?;
    let horizon = view.horizon(at).ok_or_else(|| ReportError::NothingRead(facility.name.to_string()))?;
    let (interval, complete) = known_part(&asked, facility.name.as_str(), horizon, now)?;
    let until = || local::minute(horizon, facility.zone);
    let cut = (!complete).then(|| format!("the period is not over: all meters are known up to {}", until()));
    Ok((asked, interval, cut))
}

struct Making<'m> {
    source: &'m Source<'m>,
    view: &'m View,
    facility: &'m Facility,
    indicator: Indicator,
    interval: Interval,
    asked: &'m Period,
    sides: Sides,
    /// What the numerator is weighted with, in carbon.
    factor: Option<Factor>,
}

impl Making<'_> {
    fn make(&self, cut: Option<String>) -> Result<FigureExplanation, ExplainError> {
        let connection = &self.view.connection;
        let (facility, interval) = (self.facility, self.interval);
        let mut accounts = Accounts::new(self.sides.pair.clone());
        let account = accounts.account(connection, interval)?;
        let sums = accounts.by_term(connection, interval)?;
        let gaps = accounts.gaps(connection, interval)?;
        let outside = cover::outside(self.view, &sums, &gaps)?;
        let rows: Result<Vec<MeterRow>, StoreError> =
            sums.iter().enumerate().map(|(at, sum)| self.row(sum, at, &outside)).collect();
        let rows = rows?;
        let figure = Figure::of(self.indicator, interval, &account);
        let meaning = self.indicator.meaning();
        Ok(FigureExplanation {
            explanation: "wattledger/explain-figure/v1",
            facility: facility.name.to_string(),
            title: facility.title.clone(),
            indicator: meaning.word,
            formula: meaning.formula,
            source: meaning.source.split("; domain.md").next().unwrap_or_default(),
            period: Span {
                text: self.asked.text.clone(),
                from: interval.from.start(),
                to: interval.to.start(),
                time_zone: facility.zone.name(),
                cut,
            },
            figure: self.value(&figure),
            sides: self.both(&account),
            coverage: self.coverage(&account, &gaps, &outside),
            category: (self.has_it()).then(|| self.category()),
            conversions: if self.has_total() { facility.conversions.clone() } else { Vec::new() },
            factor: self.factor.as_ref().map(|factor| factor.note_over(interval)),
            certificates: if self.factor.is_some() { self.certificates() } else { Vec::new() },
            next: self.next(&rows),
            meters: rows,
        })
    }

    fn value(&self, figure: &Figure) -> Value {
        Value {
            notation: notation(self.indicator, self.facility.category, self.interval, self.facility.zone),
            value: figure.value,
            rounded: figure.value.map(|value| self.indicator.shown(value)),
            unit: self.indicator.unit(),
            status: match figure.status {
                Status::Ok => "ok",
                Status::Provisional => "provisional",
                Status::Undefined => "undefined",
                Status::Implausible => "implausible",
                Status::NoData => "no-data",
            },
            coverage: figure.coverage,
            coverage_needed: needed_coverage(self.interval),
        }
    }

    /// The quantity of a side: litres above in WUE, energy everywhere else.
    fn quantity(&self, is_above: bool) -> Quantity {
        match self.indicator.meaning().numerator {
            Numerator::Water if is_above => Quantity::Volume,
            _ => Quantity::Energy,
        }
    }

    fn both(&self, account: &Account) -> Vec<Side> {
        let side = |is_above: bool, supported: i128, all: [i128; 3]| {
            let quantity = self.quantity(is_above);
            let weighted = is_above && self.sides.pair.weight.is_some();
            Side {
                side: word(is_above),
                unit: Amount::unit_of(quantity),
                supported: Amount::of(supported, quantity),
                booked: booked(all, quantity),
                supported_kg: weighted.then_some(account.weighted),
                booked_kg: weighted.then_some(account.all_weighted),
            }
        };
        let above = side(true, account.numerator, account.all_numerator);
        let below = || side(false, account.denominator, account.all_denominator);
        let is_ratio = self.indicator.is_ratio();
        std::iter::once(above).chain(is_ratio.then(below)).collect()
    }

    fn row(&self, sum: &TermSum, at: usize, outside: &Outside) -> Result<MeterRow, StoreError> {
        let (meter, quantity) = (sum.term.meter, self.quantity(sum.is_above()));
        let adds =
            |base: i128| round_half_even(base * i128::from(sum.term.millionths), i128::from(MILLIONTHS));
        let amount = |base: i128| Amount::of(adds(base), quantity);
        let (role, through) = self.role(sum);
        let (key, _) = self.source.meters.get(meter);
        let title = self.source.topology.meters.get(&meter).map(|known| known.declared.title.clone());
        let (mut counts, mut estimated) = (BTreeMap::new(), Vec::new());
        let steps = if sum.during.is_empty() { Vec::new() } else { self.view.steps(meter, sum.during)? };
        for step in steps {
            let class = if step.class == StepClass::Normal { "long" } else { step.class.word() };
            *counts.entry(class).or_default() += 1;
            if step.provenance == Some(Provenance::Estimated) {
                let adds = step.amount.map(amount);
                estimated.push(Estimated { class, from: step.from, to: step.to, adds });
            }
        }
        let during = sum.term.during;
        Ok(MeterRow {
            side: word(sum.is_above()),
            meter: key.to_string(),
            title: title.unwrap_or_default(),
            role: role.map(Role::word),
            through,
            coefficient: self.coefficient(sum),
            from: (during.from > ALWAYS.from).then(|| during.from.start()),
            to: (during.to < ALWAYS.to).then(|| during.to.start()),
            adds: booked(sum.amounts.map(adds), quantity),
            supported: amount(sum.amount() - outside.booked[at]),
            cut: amount(sum.cut.iter().sum()),
            takes: outside.taken[at],
            steps: counts.into_iter().map(|(class, count)| StepCount { class, count }).collect(),
            estimated,
        })
    }

    /// What a term counts as: by a claim of its meter, or through a virtual meter.
    fn role(&self, sum: &TermSum) -> (Option<Role>, Option<String>) {
        let roles = if sum.is_above() { &self.sides.above } else { &self.sides.below };
        let fits = |claim: &Claim| {
            claim.is_of_facility(&self.facility.name)
                && roles.contains(&claim.role)
                && !claim.during.intersect(sum.term.during).is_empty()
        };
        let known = self.source.topology.meters.get(&sum.term.meter);
        let own = known.and_then(|known| known.declared.claims.iter().find(|claim| fits(claim)));
        if let Some(claim) = own {
            return (Some(claim.role), None);
        }
        let (key, _) = self.source.meters.get(sum.term.meter);
        let holds = |one: &&config::Virtual| one.parts.iter().any(|part| part.meter == *key);
        for one in self.source.config.virtuals.iter().filter(holds) {
            if let Some(claim) = one.claims.iter().find(|claim| fits(claim)) {
                return (Some(claim.role), Some(one.key.to_string()));
            }
        }
        (None, None)
    }

    /// A coefficient in the units that people use: kWh from a litre or a kilogram of fuel, else a bare number.
    fn coefficient(&self, sum: &TermSum) -> String {
        let quantity = self.source.meters.unit(sum.term.meter).map_or(Quantity::Energy, Unit::quantity);
        let (exponent, unit) = match quantity {
            _ if quantity == self.quantity(sum.is_above()) => (-6, ""),
            // µWh a mL are 10⁻⁶ kWh a litre, µWh a mg 10⁻³ kWh a kg.
            Quantity::Volume => (-12, " kWh/L"),
            Quantity::Mass => (-9, " kWh/kg"),
            _ => (-6, ""),
        };
        format!("{}{unit}", Decimal::new(sum.term.millionths, exponent).normalized())
    }

    fn coverage(&self, account: &Account, gaps: &[Interval], outside: &Outside) -> Coverage {
        let mut order: Vec<usize> = (0..gaps.len()).collect();
        order.sort_by_key(|at| (-gaps[*at].minutes(), gaps[*at].from));
        order.truncate(GAPS_LISTED);
        let named = |(meter, minutes): (&i64, &i64)| {
            let (key, _) = self.source.meters.get(*meter);
            GapMeter { meter: key.to_string(), minutes: *minutes }
        };
        let gap = |at: &usize| Gap {
            from: gaps[*at].from.start(),
            to: gaps[*at].to.start(),
            minutes: gaps[*at].minutes(),
            because: outside.because[*at].iter().map(named).collect(),
        };
        Coverage {
            minutes: self.interval.minutes(),
            supported: account.minutes,
            no_meter: outside.no_meter,
            gaps: gaps.len(),
            longest: order.iter().map(gap).collect(),
        }
    }

    fn has_it(&self) -> bool {
        let is_it = |role: &Role| role.it_category().is_some();
        self.sides.above.iter().chain(&self.sides.below).any(is_it)
    }

    fn has_total(&self) -> bool {
        self.sides.above.contains(&Role::Fuel) || self.sides.below.contains(&Role::Fuel)
    }

    fn category(&self) -> String {
        let roles = if self.sides.below.iter().any(|role| role.it_category().is_some()) {
            &self.sides.below
        } else {
            &self.sides.above
        };
        let point = roles.iter().find_map(|role| Some((role, role.it_category()?)));
        let Some((role, category)) = point else { return "IT energy is not measured".to_owned() };
        let levels = &self.facility.it_levels;
        let others: Vec<&str> =
            levels.iter().filter(|level| level.role != *role).map(|level| level.role.word()).collect();
        let declared =
            self.source.config.facility(&self.facility.name).and_then(|facility| facility.it_energy);
        let why = match (self.indicator.own_category(), declared, &others[..]) {
            (Some(_), ..) => "the indicator is of that point".to_owned(),
            (None, _, []) => "the only point where it is metered".to_owned(),
            (None, Some(_), others) => {
                format!("chosen by `it_energy` of the facility; metered at {} too", others.join(", "))
            }
            (None, None, others) => {
                format!("the first that is metered; metered at {} too", others.join(", "))
            }
        };
        format!("category {category}: IT energy is measured at {role}, {why}")
    }

    fn certificates(&self) -> Vec<String> {
        let meets = |one: &&config::Certificate| !one.generated.intersect(self.interval).is_empty();
        let told = |one: &config::Certificate| {
            let energy = one.energy.map_or_else(
                || "as metered".to_owned(),
                |base| format!("{} kWh", Amount::kwh(base).grouped()),
            );
            let retired =
                one.retired.map_or_else(|| "not retired".to_owned(), |date| format!("retired {date}"));
            let reference = one.reference.as_deref().map_or_else(String::new, |number| format!(" {number}"));
            format!(
                "{}{reference}: {energy}, {retired}; counts in the market-based figures and the renewable share, not here",
                one.kind.word()
            )
        };
        self.facility.certificates.iter().filter(meets).map(told).collect()
    }

    /// The command that explains the meter which takes most from the common support.
    fn next(&self, rows: &[MeterRow]) -> Option<String> {
        let worst = rows.iter().max_by_key(|row| (row.takes.alone, row.takes.minutes))?;
        (worst.takes.minutes > 0).then(|| {
            let (meter, file) = (&worst.meter, &self.source.config.file);
            format!("wattledger explain meter {meter} --period {} --config {file}", self.asked.text)
        })
    }
}

const fn word(is_above: bool) -> &'static str {
    if is_above { "numerator" } else { "denominator" }
}

fn booked(parts: [i128; 3], quantity: Quantity) -> Booked {
    let [measured, interpolated, estimated] = parts.map(|base| Amount::of(base, quantity));
    Booked { total: Amount::of(parts.iter().sum(), quantity), measured, interpolated, estimated }
}

/// The time zone of a facility's explanation, by its name.
pub(super) fn zone(period: &Span) -> Tz {
    period.time_zone.parse().unwrap_or(Tz::UTC)
}

//! What each meter adds to its sum, and what each sum comes to.

use super::super::pending;
use super::content::{Booked, Estimated, MeterRow, Side, StepCount};
use super::cover::Outside;
use super::make::Making;
use super::sides::{CLAIMS, Group, Stands, Weigh};
use crate::config::{self, Claim};
use crate::engine::reread;
use crate::indicators::account::{ALWAYS, MILLIONTHS, Place};
use crate::indicators::{Account, Accounts, Indicator, Pair, Term, TermSum};
use crate::ledger::interpret::round_half_even;
use crate::outputs::reports::Amount;
use crate::store::StoreError;
use std::collections::BTreeMap;
use wattledger_model::decimal::Decimal;
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::role::Role;
use wattledger_model::time::MINUTE_MS;
use wattledger_model::unit::{Quantity, Unit};

/// The sums and their rows.
pub(super) struct Made {
    pub(super) sides: Vec<Side>,
    pub(super) meters: Vec<MeterRow>,
}

/// A term of a sum with what it came to.
struct Line<'s> {
    group: &'s Group,
    sum: &'s TermSum,
    /// Its position among the covered terms; `None` of what needs no coverage.
    at: Option<usize>,
}

impl Line<'_> {
    /// What it adds to its sum, in millionths of base units.
    fn adds(&self, base: i128) -> i128 {
        base * i128::from(self.sum.term.millionths)
    }

    /// Base units over the common support, before the coefficient.
    fn supported(&self, outside: &Outside) -> i128 {
        self.sum.amount() - self.at.map_or(0, |at| outside.booked[at])
    }
}

fn round(millionths: i128) -> i128 {
    round_half_even(millionths, i128::from(MILLIONTHS))
}

fn share(part: f64, all: f64) -> f64 {
    if all == 0.0 { 0.0 } else { part / all }
}

fn booked(parts: [i128; 3], quantity: Quantity) -> Booked {
    let [measured, interpolated, estimated] = parts.map(|base| Amount::of(base, quantity));
    Booked { total: Amount::of(parts.iter().sum(), quantity), measured, interpolated, estimated }
}

impl Making<'_> {
    /// The sums with their rows. `covered` are the sums of the pair's terms, in their order.
    pub(super) fn rows(
        &self,
        account: &Account,
        covered: &[TermSum],
        outside: &Outside,
    ) -> Result<Made, StoreError> {
        let mut made = Made { sides: Vec::new(), meters: Vec::new() };
        let mut after = 0;
        for group in &self.sums.groups {
            let beside: Vec<TermSum>;
            let (sums, first) = if group.stands == Stands::Beside {
                let read =
                    |term: &Term| TermSum::read(&self.view.connection, *term, Place::Above, self.interval);
                beside = group.terms.iter().map(read).collect::<Result<_, _>>()?;
                (&beside[..], None)
            } else {
                let first = after;
                after += group.terms.len();
                (&covered[first..after], Some(first))
            };
            let lines: Vec<Line<'_>> = sums
                .iter()
                .enumerate()
                .map(|(at, sum)| Line { group, sum, at: first.map(|first| first + at) })
                .collect();
            let rows = lines.iter().map(|line| self.row(line, outside)).collect::<Result<Vec<_>, _>>()?;
            made.sides.push(self.side(group, account, &lines, &rows, outside));
            made.meters.extend(rows);
        }
        Ok(made)
    }

    fn side(
        &self,
        group: &Group,
        account: &Account,
        lines: &[Line<'_>],
        rows: &[MeterRow],
        outside: &Outside,
    ) -> Side {
        let (supported, all) = match group.stands {
            Stands::Above => (account.numerator, account.all_numerator),
            Stands::Below => (account.denominator, account.all_denominator),
            Stands::Own | Stands::Beside => {
                let all =
                    |part: usize| round(lines.iter().map(|line| line.adds(line.sum.amounts[part])).sum());
                let supported = lines.iter().map(|line| line.adds(line.supported(outside))).sum();
                (round(supported), [all(0), all(1), all(2)])
            }
        };
        let kg = |of: fn(&MeterRow) -> Option<f64>| {
            let is_weighted = !matches!(group.weigh, Weigh::Not);
            is_weighted.then(|| rows.iter().filter_map(of).sum())
        };
        Side {
            side: group.side,
            of: group.of.clone(),
            unit: Amount::unit_of(group.quantity),
            counts: self.counts(group),
            supported: Amount::of(supported, group.quantity),
            booked: booked(all, group.quantity),
            supported_kg: kg(|row| row.supported_kg),
            booked_kg: kg(|row| row.booked_kg),
        }
    }

    /// Which of its two sums stands in the figure: quotients go by the common support, totals by all that is
    /// booked, and so do quotients of totals that are reported as such.
    fn counts(&self, group: &Group) -> Option<&'static str> {
        let of_totals = matches!(self.indicator, Indicator::Ref | Indicator::CueMarket);
        match group.side {
            CLAIMS => None,
            _ if self.indicator.is_ratio() && !of_totals => Some("supported"),
            _ => Some("booked"),
        }
    }

    fn row(&self, line: &Line<'_>, outside: &Outside) -> Result<MeterRow, StoreError> {
        let (group, sum) = (line.group, line.sum);
        let (meter, quantity) = (sum.term.meter, group.quantity);
        let amount = |base: i128| Amount::of(round(line.adds(base)), quantity);
        let (role, through) = self.role(sum.term, &group.roles);
        let (key, _) = self.source.meters.get(meter);
        let title = self.source.topology.meters.get(&meter).map(|known| known.declared.title.clone());
        let (mut counts, mut estimated) = (BTreeMap::new(), Vec::new());
        let steps = if sum.during.is_empty() { Vec::new() } else { self.view.steps(meter, sum.during)? };
        let mut covered_ms = sum.ms[0];
        for step in steps {
            let is_long = step.provenance == Some(Provenance::Interpolated);
            if is_long && step.to <= sum.during.to.start() {
                covered_ms += step.to.0 - step.from.0;
            }
            let class = if step.class == StepClass::Normal { "long" } else { step.class.word() };
            *counts.entry(class).or_default() += 1;
            if step.provenance == Some(Provenance::Estimated) {
                let adds = step.amount.map(amount);
                estimated.push(Estimated { class, from: step.from, to: step.to, adds });
            }
        }
        let (read, now) = (self.source.meters.get(meter).1, (self.now, self.facility.zone));
        let undecided = reread::undecided(&self.view.connection, meter, read, self.now)?;
        let during = sum.term.during;
        let kg = self.kg(line, outside)?;
        Ok(MeterRow {
            side: group.side,
            of: group.of.clone(),
            meter: key.to_string(),
            title: title.unwrap_or_default(),
            role: role.map(Role::word),
            through,
            coefficient: self.coefficient(sum, quantity),
            from: (during.from > ALWAYS.from).then(|| during.from.start()),
            to: (during.to < ALWAYS.to).then(|| during.to.start()),
            adds: booked(sum.amounts.map(|base| round(line.adds(base))), quantity),
            supported: amount(line.supported(outside)),
            supported_kg: kg.map(|(supported, _)| supported),
            booked_kg: kg.map(|(_, all)| all),
            known_s: sum.ms.map(|ms| ms as f64 / 1_000.0),
            coverage: share(covered_ms as f64, (sum.during.minutes() * MINUTE_MS) as f64),
            estimated_share: share(
                sum.amounts[2].abs() as f64,
                sum.amounts.iter().map(|base| base.abs() as f64).sum(),
            ),
            cut: amount(sum.cut.iter().sum()),
            takes: line.at.map(|at| outside.taken[at]).unwrap_or_default(),
            steps: counts.into_iter().map(|(class, count)| StepCount { class, count }).collect(),
            estimated,
            pending: pending::of(&undecided, sum.during, now, amount),
        })
    }

    /// What a row comes to by the factor of its sum, kg: over the common support, and all of it.
    fn kg(&self, line: &Line<'_>, outside: &Outside) -> Result<Option<(f64, f64)>, StoreError> {
        let coefficient = line.sum.term.millionths as f64 / MILLIONTHS as f64;
        Ok(match &line.group.weigh {
            Weigh::Not => None,
            Weigh::Each(constant) => {
                let kg = |base: i128| constant.kg * coefficient * base as f64;
                Some((kg(line.supported(outside)), kg(line.sum.amount())))
            }
            Weigh::By(weight) => {
                let pair = Pair { weight: Some(weight.clone()), ..Pair::alone(&[line.sum.term]) };
                let all = Accounts::new(pair).account(&self.view.connection, self.interval)?.all_weighted;
                Some((all - line.at.map_or(0.0, |at| outside.weighted[at]), all))
            }
        })
    }

    /// What a term counts as: by a claim of its meter, or through a virtual meter.
    pub(super) fn role(&self, term: Term, roles: &[Role]) -> (Option<Role>, Option<String>) {
        role(self.source, (&self.facility.name, self.sums.zone.as_ref()), term, roles)
    }

    /// A coefficient in the units that people use: kWh from a litre or a kilogram of fuel, else a bare number.
    fn coefficient(&self, sum: &TermSum, of_sum: Quantity) -> String {
        let quantity = self.source.meters.unit(sum.term.meter).map_or(Quantity::Energy, Unit::quantity);
        let (exponent, unit) = match quantity {
            _ if quantity == of_sum => (-6, ""),
            // µWh a mL are 10⁻⁶ kWh a litre, µWh a mg 10⁻³ kWh a kg.
            Quantity::Volume => (-12, " kWh/L"),
            Quantity::Mass => (-9, " kWh/kg"),
            _ => (-6, ""),
        };
        format!("{}{unit}", Decimal::new(sum.term.millionths, exponent).normalized())
    }
}

/// What a term counts as in a facility, or in one of its zones: by a claim of its meter, or through a virtual meter.
pub(super) fn role(
    source: &super::super::source::Source<'_>,
    (facility, zone): (&wattledger_model::name::Name, Option<&wattledger_model::name::Name>),
    term: Term,
    roles: &[Role],
) -> (Option<Role>, Option<String>) {
    let is_here = |claim: &Claim| match zone {
        Some(_) => claim.zone.as_ref() == zone,
        None => claim.is_of_facility(facility),
    };
    let fits = |claim: &Claim| {
        is_here(claim) && roles.contains(&claim.role) && !claim.during.intersect(term.during).is_empty()
    };
    let known = source.topology.meters.get(&term.meter);
    if let Some(claim) = known.and_then(|known| known.declared.claims.iter().find(|claim| fits(claim))) {
        return (Some(claim.role), None);
    }
    let (key, _) = source.meters.get(term.meter);
    let holds = |one: &&config::Virtual| one.parts.iter().any(|part| part.meter == *key);
    for one in source.config.virtuals.iter().filter(holds) {
        if let Some(claim) = one.claims.iter().find(|claim| fits(claim)) {
            return (Some(claim.role), Some(one.key.to_string()));
        }
    }
    (None, None)
}

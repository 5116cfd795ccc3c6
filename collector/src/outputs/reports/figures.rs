//! Figures, verdicts and emission factors as a report shows them.

use super::content::{Carbon, Factor, Figure as Shown, Horizon, Verdict};
use crate::config;
use crate::indicators::figure::needed_coverage;
use crate::indicators::notation::notation;
use crate::indicators::verdict::{Circumstances, DecisionRule, Judgement, judge};
use crate::indicators::{Account, Figure, Status};
use crate::topology::{self, Facility};
use chrono::Datelike;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::factor::FactorTable;
use wattledger_model::target::{Target, TargetKind};
use wattledger_model::time::{Interval, Minute, Timestamp};

/// A figure with its name, unit and rounding.
pub(super) fn shown(figure: &Figure, facility: &Facility) -> Shown {
    let divided = figure.status != Status::NoData && figure.indicator.is_ratio();
    Shown {
        indicator: figure.indicator.word(),
        notation: notation(figure.indicator, facility.category, figure.interval, facility.zone),
        unit: figure.indicator.unit(),
        value: figure.value,
        rounded: figure.value.map(|value| figure.indicator.shown(value)),
        numerator: divided.then_some(figure.numerator),
        denominator: divided.then_some(figure.denominator),
        status: match figure.status {
            Status::Ok => "ok",
            Status::Provisional => "provisional",
            Status::Undefined => "undefined",
            Status::Implausible => "implausible",
            Status::NoData => "no-data",
        },
        coverage: figure.coverage,
        coverage_needed: needed_coverage(figure.interval),
        interpolated: figure.interpolated,
        estimated: figure.estimated,
    }
}

/// A facility's account, in which there is common support only where both sides are metered: without meters of IT energy
/// none of its energy is over a time that both are covered. Source: domain.md 5.4.
pub(super) fn of_both(facility: &Facility, account: Account) -> Account {
    match facility.problem {
        Some(_) => Account { minutes: 0, numerator: 0, denominator: 0, ..account },
        None => account,
    }
}

/// The facility's targets and what the PUE says about each.
pub(super) fn verdicts(
    facility: &Facility,
    pue: &Figure,
    gaps: &[Interval],
    complete: bool,
    expanded: Option<f64>,
    now: Timestamp,
) -> Vec<Verdict> {
    let yearly = crate::indicators::notation::is_twelve_months(pue.interval, facility.zone);
    let gaps = if yearly { gaps } else { &[] };
    let circumstances = Circumstances {
        category: facility.category,
        complete,
        gaps,
        expanded,
        rule: DecisionRule::default(),
        on: calendar::date_of(facility.zone, now.minute()),
    };
    let of = |target: &Target| {
        let Judgement { verdict, reasons, horizon_passed, .. } = judge(pue, target, circumstances);
        Verdict {
            target: target.id.clone(),
            scope: target.scope.clone(),
            indicator: target.indicator.clone(),
            operator: target.limit.operator.word(),
            limit: target.limit.value,
            kind: match target.kind {
                TargetKind::Facility => "facility",
                TargetKind::Average => "average",
                TargetKind::Gate => "gate",
            },
            aspirational: target.aspirational,
            document: target.document.clone(),
            quote: target.quote.clone(),
            horizon: Horizon { from: target.from, until: target.until },
            horizon_passed,
            verdict: verdict.word(),
            reasons,
        }
    };
    facility.targets.iter().map(of).collect()
}

/// The method of carbon by factors of years.
pub(super) const BY_YEAR: &str = "Scope 2 of the electricity that utility meters measured, hour by hour with the \
                                  factor of its year; the market-based figure is CO2_market";
/// The method of carbon by factors finer than a year.
pub(super) const BY_INTERVAL: &str = "Scope 2 of the electricity that utility meters measured, each interval with its \
                                      own factor, with that of its year where it has none; the market-based figure is \
                                      CO2_market";

/// Carbon with the factors it was reckoned with: by the year as they are declared, finer ones in the note.
pub(super) fn carbon(
    figure: &Figure,
    facility: &Facility,
    declared: Option<&config::Carbon>,
    used: Option<&topology::Factor>,
) -> Carbon {
    Carbon {
        figure: shown(figure, facility),
        basis: "location-based",
        method: if used.is_some_and(topology::Factor::is_by_interval) { BY_INTERVAL } else { BY_YEAR },
        note: used.map(|used| used.note_over(figure.interval)),
        factors: factors(figure.interval, facility.zone, declared),
        claims: None,
    }
}

/// The factor of each local year of an interval, as it is declared.
pub(super) fn factors(interval: Interval, zone: Tz, declared: Option<&config::Carbon>) -> Vec<Factor> {
    let year_of = |minute| calendar::date_of(zone, minute).year();
    let years = year_of(interval.from)..=year_of(Minute(interval.to.0 - 1));
    declared.map_or(Vec::new(), |declared| years.filter_map(|year| factor(declared, year)).collect())
}

fn factor(declared: &config::Carbon, year: i32) -> Option<Factor> {
    match declared {
        config::Carbon::Constant { kg_per_kwh, year: of, source } => Some(Factor {
            year,
            kg_per_kwh: kg_per_kwh.to_f64(),
            factor_year: *of,
            substitute: of.is_some_and(|of| of != year),
            unconfirmed: false,
            source: source.clone(),
        }),
        config::Carbon::Grid(region) => {
            let found = FactorTable::embedded().find(region, year)?;
            Some(Factor {
                year,
                kg_per_kwh: found.factor.kg_per_kwh.to_f64(),
                factor_year: Some(found.factor.year),
                substitute: found.substitute,
                unconfirmed: found.factor.unconfirmed,
                source: found.source.map(|source| source.document.clone()),
            })
        }
    }
}

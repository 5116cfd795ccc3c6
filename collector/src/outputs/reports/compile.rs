//! Makes a report from one round of a view.

use super::amount::Amount;
use super::content::{
    BoundaryMeter, Component, Cut, Energies, EnergyParts, Facility, Gap, Gaps, Methods, MonthRow,
    NonElectric, NotKnown, Period, Report, StepCount, Table, Versions,
};
use super::error::ReportError;
use super::uncertainty::{self, Uncertainty};
use super::{budget, corrected, figures, hours, market, parts, shares, span};
use crate::config::{Claim, CollectorConfig};
use crate::engine::reread;
use crate::indicators::notation::zone_notation;
use crate::indicators::uncertainty::quotient;
use crate::indicators::{Account, Figure, Indicator, Term};
use crate::store::{MeterId, StoreError, digest};
use crate::topology::KnownMeter;
use crate::view::{self, View};
use std::collections::{BTreeMap, BTreeSet};
use wattledger_model::calendar::{self, Period as Asked, Tz};
use wattledger_model::factor::FactorTable;
use wattledger_model::meter::Kind;
use wattledger_model::role::Role;
use wattledger_model::target::{Target, TargetTable};
use wattledger_model::time::{Interval, Minute, Timestamp};
use wattledger_model::unit::Quantity;

/// Gaps that are listed one by one.
const GAPS_LISTED: usize = 50;

/// What a report needs beside the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Options<'c> {
    /// The collector's clock.
    pub generated_at: Timestamp,
    /// The configuration that the view's topology was made from.
    pub configuration: &'c CollectorConfig,
}

/// What counts as now, where it matters what may still come: of a view of an earlier state, the time that it is of.
pub(super) fn as_of(view: &View, options: Options<'_>) -> Timestamp {
    view.known().map_or(options.generated_at, |known| known.edge.min(options.generated_at))
}

/// Makes the report of a facility over a period: `2025`, `2025-Q2`, `2025-03`, `2025-03-01`, `12m-to-2025-10-31`,
/// `rolling-12m` or `FROM..TO`.
///
/// A period that is not over is cut at the facility's horizon, and the report says so. The view must not be
/// in a round: the report begins and ends its own.
///
/// # Errors
/// [`ReportError`]: no such facility, no such period, nothing known of it, or a store that cannot be read.
pub fn make(
    view: &mut View,
    facility: &str,
    period: &str,
    options: Options<'_>,
) -> Result<Report, ReportError> {
    let names = view.topology().facilities.iter().map(|facility| facility.name.as_str());
    let Some(at) = view.facility(facility) else {
        return Err(ReportError::unknown_facility(facility, names));
    };
    let change = view.begin()?;
    let report = compile(view, at, period, change, options);
    view.end()?;
    report
}

/// The report of the facility at a position of the topology. The view is in a round, whose change number is given.
pub(super) fn compile(
    view: &mut View,
    at: usize,
    period: &str,
    change: u64,
    options: Options<'_>,
) -> Result<Report, ReportError> {
    let topology = view.topology().clone();
    let facility = &topology.facilities[at];
    let horizon = view.horizon(at);
    let asked = Asked::parse_at(period, facility.zone, horizon.unwrap_or(options.generated_at.minute()))?;
    let horizon = horizon.ok_or_else(|| ReportError::NothingRead(facility.name.to_string()))?;
    let now = as_of(view, options);
    let (interval, complete) = span::known_part(&asked, facility.name.as_str(), horizon, now)?;

    // Before all else: months and gaps that begin within a UTC day are then summed from hours that are at hand.
    let hours = hours::hours(view, at, interval)?;
    let account = figures::of_both(facility, view.energies(at, interval)?);
    let pue = Figure::of(Indicator::Pue, interval, &account);
    let gaps = if facility.problem.is_some() { vec![interval] } else { view.gaps(at, interval)? };
    let uncertainty = match view.budget(at, Indicator::Pue, interval)? {
        Some(budget) => uncertainty::uncertainty(&budget, &pue),
        None => uncertainty::uncertainty(&quotient(&[], &[], &[], 1.0, 0.0), &pue),
    };
    let unexplained = view.unexplained(at, gaps.clone())?;
    let verdicts = figures::verdicts(facility, &pue, &unexplained, complete, uncertainty.expanded, now);
    let (carbon, factor) = (view.figure(at, Indicator::Carbon, interval)?, view.factor(at));
    let declared = options.configuration.facility(&facility.name);
    let by_location = declared.and_then(|declared| declared.carbon.as_ref());
    let parts = parts::parts(view, at, interval)?;
    Ok(Report {
        report: "wattledger/report/v2",
        facility: Facility {
            name: facility.name.to_string(),
            title: facility.title.clone(),
            site: facility.site.to_string(),
            category: facility.category,
            measuring_point: measuring_point(facility.category),
            problem: facility.problem,
        },
        period: period_part(&asked, facility.zone, interval, complete, horizon),
        pue: figures::shown(&pue, facility),
        methods: methods(facility, &uncertainty),
        uncertainty,
        verdicts,
        budget: budget::budget(view, at, interval)?,
        energies: energies(&account, &parts),
        parts: parts.rows,
        components: components(view, at, interval)?,
        shares: shares::shares(view, at, interval, &account)?,
        gaps: gaps_part(view, at, gaps)?,
        months: months(view, at, interval)?,
        wue: view.figure(at, Indicator::Wue, interval)?.map(|figure| figures::shown(&figure, facility)),
        cue: view.figure(at, Indicator::Cue, interval)?.map(|figure| figures::shown(&figure, facility)),
        carbon: carbon.map(|figure| figures::carbon(&figure, facility, by_location, factor.as_ref())),
        market: market::market(view, at, interval, declared)?,
        indicators: indicators(view, at, interval)?,
        corrections: corrected::corrections(view, at, interval)?,
        meters: meters(view, at, interval, options.generated_at)?,
        hours,
        restatement: None,
        versions: versions(view, &facility.targets, interval, change, options.generated_at)?,
        audit: corrected::head(view)?,
        seal: None,
    })
}

/// What has a place of its own in the report.
const BY_THEMSELVES: [Indicator; 6] = [
    Indicator::Pue,
    Indicator::EnergyRatio,
    Indicator::Wue,
    Indicator::Cue,
    Indicator::Carbon,
    Indicator::CarbonMarket,
];

fn indicators(
    view: &mut View,
    at: usize,
    interval: Interval,
) -> Result<Vec<super::content::Figure>, ReportError> {
    let topology = view.topology().clone();
    let facility = &topology.facilities[at];
    let mut all = Vec::new();
    for indicator in view.indicators(at) {
        if BY_THEMSELVES.contains(&indicator)
            || indicator.own_category().map(|c| c.number()) == facility.category
        {
            continue;
        }
        all.extend(view.figure(at, indicator, interval)?.map(|figure| figures::shown(&figure, facility)));
    }
    for (zone, declared) in facility.zones.iter().enumerate() {
        let figure = view.zone(at, zone, interval)?;
        let mut shown = figures::shown(&figure, facility);
        shown.notation = zone_notation(declared.name.as_str(), interval, facility.zone);
        all.push(shown);
    }
    Ok(all)
}

fn methods(facility: &crate::topology::Facility, uncertainty: &Uncertainty) -> Methods {
    Methods {
        ratio: "energies are summed over the time that both are covered, then divided; no ratio is averaged",
        non_electric: NonElectric(facility.conversions.clone()),
        uncertainty: uncertainty.in_words(),
        decision_rule: uncertainty.decision_rule(),
    }
}

fn measuring_point(category: Option<u8>) -> Option<&'static str> {
    let measured = |role: &&Role| category.is_some() && role.it_category() == category;
    Role::ALL.iter().find(measured).map(|role| role.word())
}

fn period_part(asked: &Asked, zone: Tz, interval: Interval, complete: bool, horizon: Minute) -> Period {
    let local = |minute| calendar::local(zone, minute).format("%Y-%m-%d %H:%M").to_string();
    let cut = (!complete).then(|| Cut {
        would_end: asked.interval.to.start(),
        reason: format!("the period is not over: all meters are known up to {horizon}"),
    });
    Period {
        text: asked.text.clone(),
        time_zone: zone.name(),
        from: interval.from.start(),
        to: interval.to.start(),
        from_local: local(interval.from),
        to_local: local(interval.to),
        hours: elapsed(interval.minutes()),
        complete,
        cut,
    }
}

fn elapsed(minutes: i64) -> f64 {
    minutes as f64 / 60.0
}

fn energies(account: &Account, of_total: &parts::Parts) -> Energies {
    let parts = |common: i128, all: [i128; 3]| EnergyParts {
        common: Amount::kwh(common),
        total: Amount::kwh(all.iter().sum()),
        measured: Amount::kwh(all[0]),
        interpolated: Amount::kwh(all[1]),
        estimated: Amount::kwh(all[2]),
    };
    Energies {
        unit: "kWh",
        facility: parts(account.numerator, account.all_numerator),
        it: parts(account.denominator, account.all_denominator),
        common_hours: elapsed(account.minutes),
        electricity: of_total.electricity,
        non_electric: of_total.non_electric,
    }
}

fn components(view: &mut View, at: usize, interval: Interval) -> Result<Vec<Component>, StoreError> {
    let mut parts = Vec::new();
    for component in view.components(at) {
        let view::Component::Role(role) = component else { continue };
        let account = view.component(at, component, interval)?;
        let (unit, amount): (_, fn(i128) -> Amount) = match role.quantity() {
            Quantity::Energy => ("kWh", Amount::kwh),
            Quantity::Volume => ("L", Amount::litres),
            Quantity::Mass | Quantity::Gauge => continue,
        };
        let all = account.all_numerator;
        parts.push(Component {
            role: role.word(),
            unit,
            total: amount(all.iter().sum()),
            measured: amount(all[0]),
            interpolated: amount(all[1]),
            estimated: amount(all[2]),
            coverage: account.minutes as f64 / interval.minutes() as f64,
        });
    }
    Ok(parts)
}

fn gaps_part(view: &mut View, at: usize, mut gaps: Vec<Interval>) -> Result<Gaps, StoreError> {
    let (count, minutes) = (gaps.len(), gaps.iter().map(|gap| gap.minutes()).sum());
    gaps.sort_by_key(|gap| (-gap.minutes(), gap.from));
    gaps.truncate(GAPS_LISTED);
    let mut longest = Vec::with_capacity(gaps.len());
    for gap in gaps {
        let covered = |account: Account| account.minutes == gap.minutes();
        let total = covered(view.component(at, view::Component::Total, gap)?);
        let it = covered(view.component(at, view::Component::It, gap)?);
        longest.push(Gap {
            from: gap.from.start(),
            to: gap.to.start(),
            minutes: gap.minutes(),
            unknown: match (total, it) {
                (false, false) => NotKnown::Both,
                (false, true) => NotKnown::FacilityEnergy,
                (true, false) => NotKnown::ItEnergy,
                (true, true) => NotKnown::Split,
            },
        });
    }
    Ok(Gaps { count, minutes, longest })
}

fn months(view: &mut View, at: usize, interval: Interval) -> Result<Vec<MonthRow>, StoreError> {
    let topology = view.topology().clone();
    let facility = &topology.facilities[at];
    let says_how_exact = view.says_how_exact(facility.total.iter().chain(&facility.it).copied());
    span::months(interval, facility.zone)
        .into_iter()
        .map(|(month, part)| {
            let account = figures::of_both(facility, view.energies(at, part)?);
            let pue = Figure::of(Indicator::Pue, part, &account);
            let expanded = if says_how_exact { view.expanded(at, &pue)? } else { None };
            Ok(MonthRow {
                month,
                from: part.from.start(),
                to: part.to.start(),
                hours: elapsed(part.minutes()),
                facility_kwh: Amount::kwh(account.numerator),
                it_kwh: Amount::kwh(account.denominator),
                pue: figures::shown(&pue, facility),
                expanded,
            })
        })
        .collect()
}

fn meters(
    view: &View,
    at: usize,
    interval: Interval,
    now: Timestamp,
) -> Result<Vec<BoundaryMeter>, StoreError> {
    let topology = view.topology();
    let facility = &topology.facilities[at];
    let terms = corrected::terms(facility).filter(|term| term.touches(interval));
    let in_sums: BTreeSet<MeterId> = terms.map(|term| term.meter).collect();
    let mut all: Vec<(Option<Role>, &KnownMeter)> = topology
        .meters
        .values()
        .filter(|meter| {
            let gives_factors = facility.factor_gauge.as_ref().is_some_and(|gauge| gauge.meter == meter.id);
            let is_own = meter.declared.facility.as_ref() == Some(&facility.name);
            gives_factors || is_own || in_sums.contains(&meter.id)
        })
        .map(|meter| (role(facility, meter, interval), meter))
        .collect();
    all.sort_by_key(|(role, meter)| (*role, &meter.declared.key));
    all.into_iter().map(|(role, meter)| boundary_meter(view, (role, meter), interval, now)).collect()
}

/// What a meter means for a facility: by its own claim, by that of a virtual meter in which it stands, or as declared.
fn role(facility: &crate::topology::Facility, meter: &KnownMeter, interval: Interval) -> Option<Role> {
    let is_held =
        |claim: &&Claim| claim.is_of_facility(&facility.name) && !claim.during.intersect(interval).is_empty();
    let claimed = meter.declared.claims.iter().find(is_held).map(|claim| claim.role);
    let stands = |terms: &[Term]| terms.iter().any(|term| term.meter == meter.id && term.touches(interval));
    let summed = || facility.components.iter().find(|(_, terms)| stands(terms)).map(|(role, _)| *role);
    claimed.or_else(summed).or(meter.declared.role)
}

/// Steps in an interval that are undecided now; what was so at an earlier time is not kept.
fn pending(view: &View, meter: &KnownMeter, interval: Interval, now: Timestamp) -> Result<usize, StoreError> {
    if view.known().is_some() {
        return Ok(0);
    }
    let steps = reread::undecided_as_corrected(&view.connection, meter.id, &meter.interpretation, now)?;
    Ok(steps.iter().filter(|step| interval.contains(step.from.minute())).count())
}

fn boundary_meter(
    view: &View,
    (role, meter): (Option<Role>, &KnownMeter),
    interval: Interval,
    now: Timestamp,
) -> Result<BoundaryMeter, StoreError> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for step in view.steps(meter.id, interval)? {
        *counts.entry(shares::reason(step.class)).or_default() += 1;
    }
    let (declared, read) = (&meter.declared, &meter.interpretation);
    let seconds = |ms: i64| ms as f64 / 1_000.0;
    Ok(BoundaryMeter {
        role: role.map(Role::word),
        meter: declared.key.meter.to_string(),
        title: declared.title.clone(),
        kind: declared.kind.word(),
        unit: declared.unit.map(|unit| unit.symbol()),
        scale: declared.scale.to_string(),
        rated: declared.rated_power.as_ref().map(ToString::to_string),
        form: (declared.kind != Kind::Register).then(|| read.form.word()),
        nominal_interval_s: seconds(read.nominal_interval_ms),
        gap_limit_s: seconds(read.gap_limit()),
        steps: counts.into_iter().map(|(class, count)| StepCount { class, count }).collect(),
        pending: pending(view, meter, interval, now)?,
    })
}

fn versions(
    view: &View,
    targets: &[Target],
    interval: Interval,
    change: u64,
    now: Timestamp,
) -> Result<Versions, StoreError> {
    let factors = FactorTable::embedded();
    let table = |table: &TargetTable| Table { name: table.name.clone(), version: table.version.clone() };
    let digest = digest::of(&view.connection, Some(interval))?;
    Ok(Versions {
        generated_at: now,
        known_at: view.known().map(|known| known.edge),
        engine: env!("CARGO_PKG_VERSION"),
        targets: TargetTable::of(targets).into_iter().map(table).collect(),
        factors: Table { name: factors.name.clone(), version: factors.version.clone() },
        change,
        ledger_digest: digest.hex,
        ledger_minutes: digest.minutes,
        ledger_steps: digest.steps,
    })
}

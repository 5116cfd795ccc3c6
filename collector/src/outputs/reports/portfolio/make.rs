//! Makes the report of a portfolio from one round of a view.

use super::super::amount::Amount;
use super::super::compile::{Options, as_of};
use super::super::error::ReportError;
use super::super::{figures, span};
use super::{Energies, Held, Portfolio, Row, Versions, Why, Without};
use crate::config::{CollectorConfig, portfolio::ALL};
use crate::indicators::notation::is_twelve_months;
use crate::indicators::uncertainty::{Budget, COVERAGE_FACTOR, with_uncertainty};
use crate::indicators::{Figure, Indicator, Status};
use crate::store::digest;
use crate::view::View;
use wattledger_model::calendar::{self, Period};
use wattledger_model::document;
use wattledger_model::time::Interval;

/// Makes the report of the facilities of a portfolio, or of `all`, over a period that each has in its own time zone.
///
/// A period that is not over is cut at each facility's horizon. The view must not be in a round: the report begins
/// and ends its own, so that all of it is of one state of the ledger.
///
/// # Errors
/// [`ReportError`]: no such portfolio or period, or a store that cannot be read. A facility of which nothing is
/// known is listed, and no error.
pub fn make(
    view: &mut View,
    name: &str,
    period: &str,
    options: Options<'_>,
) -> Result<Portfolio, ReportError> {
    let (title, members) = members(view, options.configuration, name)?;
    let change = view.begin()?;
    let made = gather(view, &members, period, options);
    let versions = made.and_then(|members| {
        let hull =
            members.iter().filter_map(|(_, member)| member.as_ref().ok()).map(|member| member.interval);
        let hull = hull.reduce(|a, b| Interval::new(a.from.min(b.from), a.to.max(b.to)));
        let ledger_digest = match hull {
            Some(hull) => digest::of(&view.connection, Some(hull))?.hex,
            None => String::new(),
        };
        let (generated_at, engine) = (options.generated_at, env!("CARGO_PKG_VERSION"));
        let pooled: Vec<(usize, Interval)> =
            members.iter().filter_map(|(at, member)| Some((*at, member.as_ref().ok()?.interval))).collect();
        let budget = view.pooled_budget(&pooled)?;
        Ok((members, budget, Versions { generated_at, engine, change, ledger_digest }))
    });
    view.end()?;
    let (members, budget, versions) = versions?;
    Ok(summed(view, (name, title, period), members, &budget, versions))
}

/// The title, and the positions of the facilities.
fn members(view: &View, config: &CollectorConfig, name: &str) -> Result<(String, Vec<usize>), ReportError> {
    if name == ALL {
        return Ok((String::new(), (0..view.topology().facilities.len()).collect()));
    }
    let Some(found) = config.portfolios.iter().find(|portfolio| portfolio.name.as_str() == name) else {
        let names = config.portfolios.iter().map(|portfolio| portfolio.name.as_str()).chain([ALL]);
        let hint = match document::nearest(name, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", names.collect::<Vec<_>>().join(", ")),
        };
        return Err(ReportError::UnknownPortfolio { name: name.chars().take(80).collect(), hint });
    };
    let at = found.facilities.iter().filter_map(|facility| view.facility(facility.as_str()));
    Ok((found.title.clone(), at.collect()))
}

/// One facility, as far as there is anything of it.
struct Member {
    interval: Interval,
    is_yearly: bool,
    figure: Figure,
    /// `E_DC` and `E_IT` in µWh: over the common support, and all.
    common: [i128; 2],
    total: [i128; 2],
    row: Row,
}

type Found = (usize, Result<Member, Why>);

fn gather(
    view: &mut View,
    members: &[usize],
    period: &str,
    options: Options<'_>,
) -> Result<Vec<Found>, ReportError> {
    members
        .iter()
        .map(|at| {
            let topology = view.topology().clone();
            let facility = &topology.facilities[*at];
            let Some(horizon) = view.horizon(*at) else { return Ok((*at, Err(Why::NothingRead))) };
            let asked = Period::parse_at(period, facility.zone, horizon)?;
            let known = span::known_part(&asked, facility.name.as_str(), horizon, as_of(view, options));
            match known {
                Ok((interval, complete)) => Ok((*at, Ok(member(view, *at, interval, complete, options)?))),
                Err(ReportError::Ahead { .. }) => Ok((*at, Err(Why::Ahead))),
                Err(error) => Err(error),
            }
        })
        .collect()
}

fn member(
    view: &mut View,
    at: usize,
    interval: Interval,
    complete: bool,
    options: Options<'_>,
) -> Result<Member, ReportError> {
    let topology = view.topology().clone();
    let facility = &topology.facilities[at];
    let account = figures::of_both(facility, view.energies(at, interval)?);
    let figure = Figure::of(Indicator::Pue, interval, &account);
    let expanded = view.expanded(at, &figure)?;
    let gaps = if facility.problem.is_some() { vec![interval] } else { view.gaps(at, interval)? };
    let gaps = view.unexplained(at, gaps)?;
    let verdicts = figures::verdicts(facility, &figure, &gaps, complete, expanded, as_of(view, options));
    let carbon = view.figure(at, Indicator::Carbon, interval)?;
    let (common, total) = (
        [account.numerator, account.denominator],
        [account.all_numerator.iter().sum(), account.all_denominator.iter().sum()],
    );
    let local = |minute| calendar::local(facility.zone, minute).format("%Y-%m-%d %H:%M").to_string();
    Ok(Member {
        interval,
        is_yearly: is_twelve_months(interval, facility.zone),
        figure,
        common,
        total,
        row: Row {
            name: facility.name.to_string(),
            title: facility.title.clone(),
            site: facility.site.to_string(),
            time_zone: facility.zone.name(),
            from: interval.from.start(),
            to: interval.to.start(),
            from_local: local(interval.from),
            to_local: local(interval.to),
            complete,
            category: facility.category,
            energies: energies(common, total),
            pue: figures::shown(&figure, facility),
            expanded,
            stated: figure.value.zip(expanded).map(|(value, u)| with_uncertainty(value, u)),
            carbon_kg: carbon.and_then(|carbon| carbon.value),
            carbon_coverage: carbon.map_or(0.0, |carbon| carbon.coverage),
            verdicts: verdicts
                .into_iter()
                .map(|held| Held { target: held.target, verdict: held.verdict })
                .collect(),
        },
    })
}

fn energies([facility, it]: [i128; 2], [facility_total, it_total]: [i128; 2]) -> Energies {
    Energies {
        unit: "kWh",
        facility: Amount::kwh(facility),
        it: Amount::kwh(it),
        facility_total: Amount::kwh(facility_total),
        it_total: Amount::kwh(it_total),
    }
}

fn summed(
    view: &View,
    (name, title, period): (&str, String, &str),
    found: Vec<Found>,
    budget: &Budget,
    versions: Versions,
) -> Portfolio {
    let (mut members, mut without) = (Vec::new(), Vec::new());
    for (at, member) in found {
        let facility = &view.topology().facilities[at];
        match member {
            Ok(member) => members.push(member),
            Err(why) => {
                let (name, title) = (facility.name.to_string(), facility.title.clone());
                without.push(Without { name, title, why });
            }
        }
    }
    let sum = |side: fn(&Member) -> [i128; 2]| {
        members.iter().map(side).fold([0; 2], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
    };
    let (common, total) = (sum(|member| member.common), sum(|member| member.total));
    // The quotient of the integers: one rounding, at the end.
    let pue = (common[1] != 0).then(|| common[0] as f64 / common[1] as f64);
    let expanded = pue.and_then(|pue| expanded(budget, pue));
    let in_figure = || members.iter().filter(|member| member.figure.value.is_some());
    let mut categories: Vec<u8> = in_figure().filter_map(|member| member.row.category).collect();
    categories.sort_unstable();
    categories.dedup();
    let complete = without.is_empty() && members.iter().all(|member| member.row.complete);
    let all_yearly = without.is_empty() && members.iter().all(|member| member.is_yearly);
    let with_energy = || members.iter().filter(|member| member.total[0] != 0);
    let carbon: Option<Vec<f64>> = with_energy().map(|member| member.row.carbon_kg).collect();
    let carbon_coverage = with_energy().map(|member| member.row.carbon_coverage).min_by(f64::total_cmp);
    let least = members.iter().map(|member| member.figure.coverage).fold(1.0, f64::min);
    Portfolio {
        portfolio: "wattledger/portfolio/v1",
        name: name.to_owned(),
        title,
        period: period.trim().to_owned(),
        complete,
        figure: if all_yearly && !members.is_empty() { "PUE" } else { "iPUE" },
        pue,
        status: status(pue, &members, &without),
        coverage: if without.is_empty() && !members.is_empty() { least } else { 0.0 },
        expanded,
        stated: pue.zip(expanded).map(|(value, u)| with_uncertainty(value, u)),
        categories,
        energies: energies(common, total),
        carbon_kg: carbon.filter(|all| !all.is_empty()).map(|all| all.iter().sum()),
        carbon_coverage: carbon_coverage.unwrap_or_default(),
        facilities: members.into_iter().map(|member| member.row).collect(),
        without,
        versions,
    }
}

/// Expanded uncertainty of the figure. The budget goes by all that is booked, the figure by what both sides cover: the
/// relative uncertainty is taken for the same.
fn expanded(budget: &Budget, pue: f64) -> Option<f64> {
    let u = COVERAGE_FACTOR * budget.relative()? * pue.abs();
    u.is_finite().then_some(u)
}

fn status(pue: Option<f64>, members: &[Member], without: &[Without]) -> &'static str {
    let is_whole = without.is_empty() && members.iter().all(|member| member.figure.status == Status::Ok);
    match pue {
        None if members.iter().all(|member| member.figure.status == Status::NoData) => "no-data",
        None => "undefined",
        Some(value) if value < 1.0 => "implausible",
        Some(_) if is_whole => "ok",
        Some(_) => "provisional",
    }
}

//! Makes the explanation of a figure.

use super::super::error::ExplainError;
use super::super::source::Source;
use super::super::{Span, local};
use super::content::{Coverage, Equation, FigureExplanation, Gap, GapMeter, MeterRow, Value};
use super::cover::{self, Outside};
use super::sides::{self, Sums, Weigh};
use super::told::Told;
use super::{rows, told};
use crate::config;
use crate::indicators::figure::needed_coverage;
use crate::indicators::indicator::Numerator;
use crate::indicators::notation::{notation, zone_notation};
use crate::indicators::{Account, Accounts, Figure, Indicator, Status, Weight};
use crate::outputs::reports::{Amount, ReportError, known_part};
use crate::topology::{Facility, Factor};
use crate::view::View;
use wattledger_model::calendar::{Period, Tz};
use wattledger_model::document;
use wattledger_model::role::Role;
use wattledger_model::time::{Interval, Timestamp};

/// Gaps that are listed one by one.
const GAPS_LISTED: usize = 20;

/// Explains an indicator of a facility over a period, written as for reports. A partial PUE of a zone needs the
/// zone's name where the facility has several.
///
/// # Errors
/// [`ExplainError`]: no such facility, zone or period, an indicator that the facility lacks something for, nothing
/// known, or a store that cannot be read.
pub fn figure(
    source: &Source<'_>,
    facility: &str,
    indicator: Indicator,
    zone: Option<&str>,
    period: &str,
    now: Timestamp,
) -> Result<FigureExplanation, ExplainError> {
    let mut view = source.view()?;
    let at = position(source, facility)?;
    let topology = source.topology.clone();
    let facility = &topology.facilities[at];
    view.begin()?;
    let (asked, interval, cut) = part(&view, at, facility, period, now)?;
    let refused = |why| ExplainError::Indicator {
        indicator: indicator.to_string(),
        facility: facility.name.to_string(),
        why,
    };
    let zone = chosen(facility, indicator, zone).map_err(refused)?;
    let facts = view.facts(at, interval);
    let location = view.factor(at);
    let sums = match zone {
        Some(zone) => sides::of_zone(&facility.zones[zone]),
        None => sides::of(facility, indicator, facts.as_ref(), view.pair(at, indicator)),
    };
    let sums = sums.map_err(refused)?;
    let published = match zone {
        Some(zone) => Some(view.zone(at, zone, interval)?),
        None => view.figure(at, indicator, interval)?,
    };
    let published = published.ok_or_else(|| refused("none of its meters has been read".to_owned()))?;
    let told = told::of(&mut view, source, (at, facility), indicator, interval)?;
    let making = Making {
        source,
        view: &view,
        facility,
        indicator,
        interval,
        asked: &asked,
        now,
        sums,
        location,
        published,
    };
    let made = making.make(cut, told)?;
    view.end()?;
    Ok(made)
}

/// The position of the zone that is meant; `None` where the indicator is of no zone.
fn chosen(facility: &Facility, indicator: Indicator, zone: Option<&str>) -> Result<Option<usize>, String> {
    let names = || facility.zones.iter().map(|zone| zone.name.as_str());
    let all = || names().collect::<Vec<_>>().join(", ");
    match (indicator, zone) {
        (Indicator::PpueZone, Some(name)) => match names().position(|zone| zone == name) {
            Some(at) => Ok(Some(at)),
            None => Err(match document::nearest(name, names()) {
                Some(near) => format!("it has no zone `{name}`; did you mean `{near}`?"),
                None => format!("it has no zone `{name}`; there are: {}", all()),
            }),
        },
        (Indicator::PpueZone, None) => match facility.zones.len() {
            0 => Ok(None),
            1 => Ok(Some(0)),
            _ => Err(format!("say which zone with --zone; there are: {}", all())),
        },
        (_, Some(_)) => {
            Err("a zone has a partial PUE only; leave --zone out, or ask for ppue-zone".to_owned())
        }
        (_, None) => Ok(None),
    }
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

pub(super) struct Making<'m> {
    pub(super) source: &'m Source<'m>,
    pub(super) view: &'m View,
    pub(super) facility: &'m Facility,
    pub(super) indicator: Indicator,
    pub(super) interval: Interval,
    asked: &'m Period,
    pub(super) now: Timestamp,
    pub(super) sums: Sums,
    /// The emission factor of grid electricity.
    location: Option<Factor>,
    published: Figure,
}

impl Making<'_> {
    fn make(&self, cut: Option<String>, told: Told) -> Result<FigureExplanation, ExplainError> {
        let connection = &self.view.connection;
        let (facility, interval) = (self.facility, self.interval);
        let mut accounts = Accounts::new(self.sums.pair.clone());
        let account = accounts.account(connection, interval)?;
        let covered = accounts.by_term(connection, interval)?;
        let is_covered = !covered.is_empty();
        let gaps = if is_covered { accounts.gaps(connection, interval)? } else { Vec::new() };
        let outside = cover::outside(self.view, &covered, &self.weights(), &gaps)?;
        let rows::Made { sides, meters } = self.rows(&account, &covered, &outside)?;
        let meaning = self.indicator.meaning();
        let is_carbon = self.sums.groups.iter().any(|group| matches!(group.weigh, Weigh::By(_)));
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
            figure: self.value(),
            equation: self.equation(),
            sides,
            gauges: told.gauges,
            given: told.given,
            claims: told.claims,
            refused: told.refused,
            excess: told.excess,
            rest: told.rest,
            coverage: is_covered.then(|| self.coverage(&account, &gaps, &outside)),
            category: self.category(),
            conversions: if self.has_total() {
                facility.conversions.iter().map(ToString::to_string).collect()
            } else {
                Vec::new()
            },
            factor: self
                .location
                .as_ref()
                .filter(|_| is_carbon)
                .map(|factor| factor.note_over(interval).to_string()),
            factors: self.factors(),
            certificates: if is_carbon { self.certificates() } else { Vec::new() },
            notes: self.notes(told.notes)?,
            next: self.next(&meters),
            meters,
        })
    }

    /// The factor of each covered term, where it changes from time to time.
    fn weights(&self) -> Vec<Option<&Weight>> {
        let groups = self.sums.groups.iter().filter(|group| group.stands != sides::Stands::Beside);
        groups
            .flat_map(|group| {
                let weight = match &group.weigh {
                    Weigh::By(weight) => Some(weight),
                    Weigh::Not | Weigh::Each(_) => None,
                };
                group.terms.iter().map(move |_| weight)
            })
            .collect()
    }

    fn value(&self) -> Value {
        let (figure, zone) = (&self.published, self.facility.zone);
        let name = match &self.sums.zone {
            Some(declared) => zone_notation(declared.as_str(), self.interval, zone),
            None => notation(self.indicator, self.facility.category, self.interval, zone),
        };
        Value {
            notation: name,
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

    fn equation(&self) -> Equation {
        let meaning = self.indicator.meaning();
        let (numerator_unit, denominator_unit) = match (self.indicator, meaning.numerator) {
            (Indicator::RackUtilisation, _) => ("racks", "racks"),
            (Indicator::Iteu, _) => ("%", ""),
            (Indicator::Ce, _) => ("FLOPS", "W"),
            (Indicator::CoalEquivalent, _) => ("tce", ""),
            (_, Numerator::Weighted) => ("kg", "kWh"),
            (_, Numerator::Water) => ("L", "kWh"),
            (_, Numerator::Energy | Numerator::Other) => ("kWh", "kWh"),
        };
        // A mean over servers and time is no quotient of two sums that anybody meters.
        let is_quotient = meaning.is_ratio && self.indicator != Indicator::Iteu;
        let (scale, offset) = meaning.scale_and_offset;
        Equation {
            numerator: self.published.numerator,
            numerator_unit,
            denominator: is_quotient.then_some(self.published.denominator),
            denominator_unit: if is_quotient { denominator_unit } else { "" },
            scale,
            offset,
        }
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

    fn has_total(&self) -> bool {
        let is_total = |roles: &[Role]| roles.contains(&Role::Fuel) && roles.contains(&Role::Utility);
        self.sums.groups.iter().any(|group| is_total(&group.roles))
    }

    /// Where IT energy is measured, and why there; `None` where the figure has none.
    fn category(&self) -> Option<String> {
        let mut roles = self.sums.groups.iter().flat_map(|group| &group.roles);
        let (role, category) = roles.find_map(|role| Some((role, role.it_category()?)))?;
        if self.sums.zone.is_some() {
            return Some(format!("category {category}: IT energy of the zone is measured at {role}"));
        }
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
        Some(format!("category {category}: IT energy is measured at {role}, {why}"))
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

/// The time zone of a facility's explanation, by its name.
pub(super) fn zone(period: &Span) -> Tz {
    period.time_zone.parse().unwrap_or(Tz::UTC)
}

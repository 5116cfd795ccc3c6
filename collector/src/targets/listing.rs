//! Every target of the tables with whether it applies, why, and what the figures say.

use super::group::{self, Member};
use super::held::{self, Asked, Held};
use crate::config::{CollectorConfig, Facility, Facts};
use crate::store::StoreError;
use crate::view::View;
use chrono::NaiveDate;
use serde::Serialize;
use wattledger_model::applicability::{Applicability, Subject, applies};
use wattledger_model::calendar::{self, Period, PeriodError, Tz, Window};
use wattledger_model::document;
use wattledger_model::target::{Target, TargetKind, TargetTable};
use wattledger_model::time::{Interval, Timestamp};

/// Why nothing can be listed.
#[derive(Debug, thiserror::Error)]
pub enum TargetsError {
    /// There is no such facility.
    #[error("facility `{name}` is not configured{hint}")]
    UnknownFacility {
        /// What was asked for.
        name: String,
        /// The nearest name.
        hint: String,
    },
    /// Nothing was read yet.
    #[error(
        "nothing is known yet of facility `{facility}` in that time: look again once its meters were read for a day"
    )]
    NoData {
        /// The facility.
        facility: String,
    },
    /// The period cannot be understood.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All targets, held against a facility or against the group of all facilities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listing {
    /// The facility; `None` for the group.
    pub facility: Option<String>,
    /// The period: as it was asked for, or the latest twelve months of complete data.
    pub period: String,
    /// The date by which horizons are judged, in local time.
    pub on: String,
    /// The tables with their versions.
    pub tables: Vec<(String, String)>,
    /// Indicators that are to be reported without a limit, each with the table that says so.
    pub key_figures: Vec<(String, String)>,
    /// The targets, in the order of the tables.
    pub rows: Vec<Row>,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub id: String,
    /// The table it stands in.
    pub table: String,
    /// Which facilities it is meant for.
    pub scope: String,
    /// What it limits.
    pub indicator: String,
    /// How values are compared.
    pub operator: &'static str,
    /// With what.
    pub limit: f64,
    /// `facility`, `average` of a group, or `gate`.
    pub kind: &'static str,
    /// Whether the document only aspires to it.
    pub aspirational: bool,
    /// From when.
    pub from: Option<String>,
    /// The last date, inclusive.
    pub until: Option<String>,
    /// Whether that has passed.
    pub horizon_passed: bool,
    /// The document that sets it.
    pub document: String,
    /// Whether the facility is held against it in reports, on the page and in outputs.
    pub in_use: bool,
    /// `yes`, `no`, or `unknown` where the facility does not say what decides.
    pub applies: &'static str,
    /// Why; of `unknown` the keys of the facility that decide; of a group its members.
    pub why: String,
    /// The value in the limit's unit, unrounded; `None` where it does not apply or is not known.
    pub value: Option<f64>,
    /// The value's expanded uncertainty (k = 2), where it is known.
    pub expanded: Option<f64>,
    /// Share of the period that is covered; of a group the least one of a member. `None` for what is declared.
    pub coverage: Option<f64>,
    /// The verdict; of a gate `triggered` or `not_triggered`. `None` where it does not apply, or is for a group.
    pub verdict: Option<&'static str>,
    /// Why there is no verdict, or what has to be said with it.
    pub reasons: Vec<String>,
}

/// The time that is asked about: what was written, or the latest twelve months up to the horizon.
struct Time {
    text: String,
    interval: Interval,
    is_over: bool,
}

fn time(view: &View, at: usize, period: Option<&str>) -> Result<Option<Time>, TargetsError> {
    let zone = view.topology().facilities[at].zone;
    let horizon = view.horizon(at);
    if let Some(period) = period {
        let Period { text, interval, .. } = Period::parse(period, zone)?;
        let is_over = horizon.is_some_and(|horizon| interval.to <= horizon);
        return Ok(Some(Time { text, interval, is_over }));
    }
    // Whole local days, as a yearly figure has them.
    let Some(horizon) = horizon else { return Ok(None) };
    let today = calendar::date_of(zone, horizon);
    let interval = calendar::interval(Window::Months12, zone, calendar::day_start(zone, today));
    let text = format!("{} to {today}, the latest twelve months", calendar::date_of(zone, interval.from));
    Ok(Some(Time { text, interval, is_over: true }))
}

fn configured<'c>(config: &'c CollectorConfig, name: &str) -> Result<&'c Facility, TargetsError> {
    let found = config.facilities.iter().find(|facility| facility.name.as_str() == name);
    let names = config.facilities.iter().map(|facility| facility.name.as_str());
    found.ok_or_else(|| unknown_facility(name, names))
}

pub(super) fn unknown_facility<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> TargetsError {
    TargetsError::UnknownFacility { name: name.to_owned(), hint: document::did_you_mean(name, names) }
}

fn subject<'f>(facility: &'f Facility, zone: Tz, now: Timestamp) -> Subject<'f> {
    Subject {
        attributes: &facility.attributes,
        scale: facility.facts.last().and_then(Facts::scale),
        on: calendar::date_of(zone, now.minute()),
    }
}

/// Every target for one facility, over a period or the latest twelve months.
///
/// # Errors
/// [`TargetsError`] where facility or period is not known, or the store cannot be read.
pub fn of_facility(
    view: &mut View,
    config: &CollectorConfig,
    name: &str,
    period: Option<&str>,
    now: Timestamp,
) -> Result<Listing, TargetsError> {
    let declared = configured(config, name)?;
    let at = view.facility(name).ok_or_else(|| unknown_facility(name, [].into_iter()))?;
    view.begin()?;
    let zone = view.topology().facilities[at].zone;
    let subject = subject(declared, zone, now);
    let time = time(view, at, period)?;
    let mut rows = Vec::new();
    for (table, target) in all() {
        let (applies, why) = said(&applies(target, subject));
        let in_use = declared.targets.contains(target);
        let held = match &time {
            _ if target.kind == TargetKind::Average => {
                None // Never a verdict on one facility.
            }
            Some(time) if applies == "yes" || in_use => {
                let asked =
                    Asked { at, declared, interval: time.interval, is_over: time.is_over, on: subject.on };
                Some(held::held(view, &asked, target)?)
            }
            None if applies == "yes" || in_use => Some(Held {
                verdict: "not_assessable",
                reasons: vec!["nothing is covered yet".to_owned()],
                ..Held::default()
            }),
            _ => None,
        };
        rows.push(row(table, target, (applies, why), in_use, held, subject.on));
    }
    view.end()?;
    let period = time.map_or_else(|| "no data yet".to_owned(), |time| time.text);
    let own = declared.attributes.country;
    let asks =
        |table: &&TargetTable| table.targets.iter().any(|t| own.is_some_and(|c| t.countries.contains(&c)));
    Ok(listing(Some(name.to_owned()), period, subject.on, rows, asks))
}

/// The targets for groups, held against all facilities to which they apply.
///
/// # Errors
/// [`TargetsError`] where the period is not known, or the store cannot be read.
pub fn of_group(
    view: &mut View,
    config: &CollectorConfig,
    period: Option<&str>,
    now: Timestamp,
) -> Result<Listing, TargetsError> {
    view.begin()?;
    let mut times = Vec::new();
    for declared in &config.facilities {
        if let Some(at) = view.facility(declared.name.as_str()) {
            times.push((at, declared, time(view, at, period)?));
        }
    }
    let on = calendar::date_of(Tz::UTC, now.minute());
    let mut rows = Vec::new();
    for (table, target) in all().filter(|(_, target)| target.kind == TargetKind::Average) {
        let mut members = Vec::new();
        let (mut names, mut unsaid) = (Vec::new(), Vec::new());
        for (at, declared, time) in &times {
            let zone = view.topology().facilities[*at].zone;
            match applies(target, subject(declared, zone, now)) {
                Applicability::DoesNot(_) => {}
                Applicability::Unknown(keys) => {
                    unsaid.push(format!("{} ({})", declared.name, keys.join(", ")));
                }
                Applicability::Applies(_) => {
                    names.push(declared.name.to_string());
                    if let Some(Time { interval, is_over, .. }) = *time {
                        members.push(Member { at: *at, declared, interval, is_over });
                    }
                }
            }
        }
        let mut held = group::held(view, &members, target)?;
        if !unsaid.is_empty() {
            held.reasons.push(format!("not known whether it counts: {}", unsaid.join("; ")));
        }
        let applies = if names.is_empty() { "no" } else { "yes" };
        rows.push(row(table, target, (applies, names.join(", ")), false, Some(held), on));
    }
    view.end()?;
    let texts = times.iter().filter_map(|(_, _, time)| time.as_ref()).map(|time| time.text.clone());
    let period = period.map(str::to_owned).or(texts.max()).unwrap_or_else(|| "no data yet".to_owned());
    Ok(listing(None, period, on, rows, |_| false))
}

fn all() -> impl Iterator<Item = (&'static TargetTable, &'static Target)> {
    TargetTable::embedded().iter().flat_map(|table| table.targets.iter().map(move |target| (table, target)))
}

fn said(applicability: &Applicability) -> (&'static str, String) {
    match applicability {
        Applicability::Applies(why) => ("yes", why.clone()),
        Applicability::DoesNot(why) => ("no", why.clone()),
        Applicability::Unknown(keys) => ("unknown", keys.join(", ")),
    }
}

fn row(
    table: &TargetTable,
    target: &Target,
    (applies, why): (&'static str, String),
    in_use: bool,
    held: Option<Held>,
    on: NaiveDate,
) -> Row {
    let verdict = held.as_ref().map(|held| held.verdict);
    let held = held.unwrap_or_default();
    Row {
        id: target.id.clone(),
        table: table.name.clone(),
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
        from: target.from.map(|date| date.to_string()),
        until: target.until.map(|date| date.to_string()),
        horizon_passed: target.has_passed(on),
        document: target.document.clone(),
        in_use,
        applies,
        why,
        value: held.value,
        expanded: held.expanded,
        coverage: held.coverage,
        verdict,
        reasons: held.reasons,
    }
}

fn listing(
    facility: Option<String>,
    period: String,
    on: NaiveDate,
    rows: Vec<Row>,
    asks: impl Fn(&&TargetTable) -> bool,
) -> Listing {
    let tables = TargetTable::embedded();
    let key_figures = tables
        .iter()
        .filter(asks)
        .flat_map(|table| table.key_figures.iter().map(|figure| (figure.clone(), table.name.clone())));
    Listing {
        facility,
        period,
        on: on.to_string(),
        key_figures: key_figures.collect(),
        tables: tables.iter().map(|table| (table.name.clone(), table.version.clone())).collect(),
        rows,
    }
}

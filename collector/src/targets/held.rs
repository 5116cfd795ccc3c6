//! A target held against what is known: a figure of the ledger over a period, or what is declared of the facility.

use crate::config;
use crate::indicators::figure::{Figure, needed_coverage};
use crate::indicators::verdict::{
    Circumstances, DecisionRule, Judgement, decide_unguarded, is_guarded, judge,
};
use crate::indicators::{Indicator, notation};
use crate::store::StoreError;
use crate::view::View;
use chrono::NaiveDate;
use wattledger_model::target::{Target, TargetKind};
use wattledger_model::time::Interval;

/// What is asked: a facility by its place in the topology and by its configuration, over a period that may not be over.
pub(super) struct Asked<'a> {
    pub(super) at: usize,
    pub(super) declared: &'a config::Facility,
    pub(super) interval: Interval,
    pub(super) is_over: bool,
    pub(super) on: NaiveDate,
}

/// A value held against a limit.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Held {
    /// The value in the limit's unit, unrounded.
    pub(super) value: Option<f64>,
    /// Its expanded uncertainty, where it is known.
    pub(super) expanded: Option<f64>,
    /// Share of the period that is covered; `None` for what is declared.
    pub(super) coverage: Option<f64>,
    /// A verdict's word; `triggered` or `not_triggered` of a gate; `not_assessable`.
    pub(super) verdict: &'static str,
    /// Why there is no verdict, or what has to be said with it.
    pub(super) reasons: Vec<String>,
}

/// Words of a gate.
const TRIGGERED: [&str; 2] = ["not_triggered", "triggered"];
const NOT_ASSESSABLE: &str = "not_assessable";

/// The target's indicator, where it is one of the ledger's. Coal equivalent has a name of its own in the documents.
fn indicator(target: &Target) -> Option<Indicator> {
    match target.indicator.as_str() {
        "tce" => Some(Indicator::CoalEquivalent),
        word => word.parse().ok(),
    }
}

/// Shares are tabulated as shares, and figures of some indicators are in percent.
fn share_of(indicator: Indicator, value: f64) -> f64 {
    if indicator.meaning().unit == "%" { value / 100.0 } else { value }
}

/// Holds a target against a facility's figure.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub(super) fn held(view: &mut View, asked: &Asked<'_>, target: &Target) -> Result<Held, StoreError> {
    match indicator(target) {
        Some(indicator) => measured(view, asked, target, indicator),
        None => Ok(declared(asked.declared, target)),
    }
}

fn measured(
    view: &mut View,
    asked: &Asked<'_>,
    target: &Target,
    indicator: Indicator,
) -> Result<Held, StoreError> {
    let Some(figure) = view.figure(asked.at, indicator, asked.interval)? else {
        let why = format!("the facility has no meters or facts for {}", indicator.meaning().title);
        return Ok(Held { verdict: NOT_ASSESSABLE, reasons: vec![why], ..Held::default() });
    };
    let facility = &view.topology().facilities[asked.at];
    let (category, zone) = (facility.category, facility.zone);
    let yearly = notation::is_twelve_months(asked.interval, zone);
    let partly = figure.coverage < 1.0 && figure.coverage >= needed_coverage(figure.interval);
    let gaps = if yearly && partly { view.gaps(asked.at, asked.interval)? } else { Vec::new() };
    let gaps = view.unexplained(asked.at, gaps)?;
    let guarded = asked.is_over && is_guarded(asked.interval) && figure.value.is_some();
    let expanded = if guarded { view.expanded(asked.at, &figure)? } else { None };
    let scaled = |value: f64| share_of(indicator, value);
    // The verdict is on the value in the limit's unit, for a single facility: a gate is judged like a limit first.
    let in_unit = Figure { value: figure.value.map(scaled), ..figure };
    let like =
        Target { kind: TargetKind::Facility, indicator: indicator.word().to_owned(), ..target.clone() };
    let circumstances = Circumstances {
        category,
        complete: asked.is_over,
        gaps: &gaps,
        expanded: expanded.map(scaled),
        rule: DecisionRule::default(),
        on: asked.on,
    };
    let Judgement { verdict, reasons, .. } = judge(&in_unit, &like, circumstances);
    let word = match (target.kind, verdict.meets()) {
        (TargetKind::Gate, Some(meets)) => TRIGGERED[usize::from(meets)],
        _ => verdict.word(),
    };
    Ok(Held {
        value: in_unit.value,
        expanded: expanded.map(scaled),
        coverage: Some(figure.coverage),
        verdict: word,
        reasons: reasons.iter().map(ToString::to_string).collect(),
    })
}

/// What is declared is compared as it stands: it has neither coverage nor uncertainty.
fn declared(facility: &config::Facility, target: &Target) -> Held {
    let facts = facility.facts.last();
    let own = &facility.attributes;
    const KW_PER_MICROWATT: f64 = 1e-9;
    let (key, value) = match target.indicator.as_str() {
        "dpue" => ("design_pue", own.design_pue.map(|pue| pue.to_f64())),
        "standard-racks" => ("standard_racks", facts.and_then(|facts| facts.standard_racks).map(f64::from)),
        "it-rated-power" => {
            let power = facts.and_then(|facts| facts.it_rated_microwatts);
            ("it_rated_power", power.map(|power| power as f64 * KW_PER_MICROWATT))
        }
        "green-low-carbon-grade" => ("green_grade", own.green_grade.map(f64::from)),
        "gbt-44989-level" => ("gbt_44989_level", own.gbt_44989_level.map(f64::from)),
        other => {
            let reasons = vec![format!("nothing is known here of {other}")];
            return Held { verdict: NOT_ASSESSABLE, reasons, ..Held::default() };
        }
    };
    let Some(value) = value else {
        let reasons = vec![format!("`{key}` of the facility is not declared")];
        return Held { verdict: NOT_ASSESSABLE, reasons, ..Held::default() };
    };
    let verdict = match target.kind {
        TargetKind::Gate => TRIGGERED[usize::from(target.limit.meets(value))],
        _ => decide_unguarded(target.limit, value).word(),
    };
    Held { value: Some(value), verdict, reasons: vec![format!("as declared by `{key}`")], ..Held::default() }
}

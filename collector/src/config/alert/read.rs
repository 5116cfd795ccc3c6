//! Reads a rule, and checks that it can ever be what its author means.

use super::{
    AlertRule, Condition, Feeds, Indicator, Opening, Phases, Severity, Side, Words, Written, feeds, phases,
    points, schedule,
};
use crate::config::declared::Declared;
use crate::config::facility::Facility;
use std::collections::BTreeMap;
use wattledger_model::calendar::Window;
use wattledger_model::document::{self, Placed, Table, Value};
use wattledger_model::name::Name;

/// What rules refer to.
pub(in crate::config) struct Around<'a, 'd> {
    pub(in crate::config) facilities: &'a [Facility],
    pub(in crate::config) facility_names: &'a Declared<'d>,
    pub(in crate::config) channels: &'a Declared<'d>,
    /// Whether a site, or where it is `None` any, has a real or virtual meter of a name.
    pub(in crate::config) has_meter: &'a dyn Fn(Option<&Name>, &Name) -> bool,
}

pub(in crate::config) fn read_rule(
    table: &mut Table<'_>,
    names: &mut Declared<'_>,
    around: &Around<'_, '_>,
) -> Option<AlertRule> {
    let name = table.required("name", document::name);
    name.iter().for_each(|name| names.declare(name));
    let facility = read_facility(table, around);
    let condition = read_condition(table);
    let meters = read_meters(table, condition.as_ref(), facility.as_ref().ok().copied().flatten(), around);
    points::check(table, condition.as_ref(), facility.as_ref().ok().copied().flatten(), around);
    let written = read_thresholds(table, condition.as_ref());
    if let Some(condition) = &condition {
        check_limit(table, condition, &written, facility.as_ref().ok().copied().flatten());
    }
    let severities = Severity::ALL.iter().map(|severity| (severity.word(), *severity));
    let severity = table.optional("severity", document::choice(severities));
    let sent_to = table.values("channels", document::name);
    for channel in &sent_to {
        around.channels.refers(channel);
    }
    let labels = read_labels(table);
    let annotations = read_annotations(table, &labels);
    let schedule: Vec<Opening> = schedule::read(table);
    Some(AlertRule {
        name: name?.value,
        condition: condition?,
        facility: facility.ok()?.map(|facility| facility.name.clone()),
        meters,
        written: written?,
        severity: severity.map_or(Severity::Warning, |severity| severity.value),
        channels: sent_to.into_iter().map(|channel| channel.value).collect(),
        labels,
        annotations,
        schedule,
        maintenance: Vec::new(),
        place: table.place(),
    })
}

/// The facility, or none for all; what is written and is not there has been reported.
fn read_facility<'a>(table: &mut Table<'_>, around: &Around<'a, '_>) -> Result<Option<&'a Facility>, ()> {
    let Some(name) = table.optional("facility", document::name) else {
        return if table.has("facility") { Err(()) } else { Ok(None) };
    };
    if !around.facility_names.refers(&name) {
        return Err(());
    }
    around.facilities.iter().find(|facility| facility.name == name.value).map(Some).ok_or(())
}

fn read_condition(table: &mut Table<'_>) -> Option<Condition> {
    let words = Condition::WORDS.into_iter().map(|word| (word, word));
    let written = table.optional("condition", document::choice(words));
    if written.is_none() && table.has("condition") {
        // What keys it would have is not known.
        table.allow(&["indicator", "window", "limit", "raise_by", "clear_by", "phases", "feeds", "capacity"]);
        return None;
    }
    let word = written.map_or("indicator", |word| word.value);
    Some(match word {
        "indicator" => {
            let indicators = Indicator::ALL.iter().map(|indicator| (indicator.word(), *indicator));
            let indicator = table.required("indicator", document::choice(indicators));
            let windows = Window::ALL.iter().map(|window| (window.word(), *window));
            let window = table.required("window", document::choice(windows));
            Condition::Indicator { indicator: indicator?.value, window: window?.value }
        }
        "pue-excursion" => read_excursion(table)?,
        "stale" => Condition::Stale,
        "coverage" => Condition::Coverage,
        "occurrence" => Condition::Occurrence,
        "frozen" => Condition::Frozen,
        "balance" => Condition::Balance,
        "phase-imbalance" => {
            let read: Option<Phases> = phases::read(table);
            Condition::PhaseImbalance(read?)
        }
        "redundancy" => {
            let read: Option<Feeds> = feeds::read(table);
            Condition::Redundancy(read?)
        }
        "clock" => Condition::Clock,
        "budget" => Condition::Budget,
        _ => Condition::BudgetCritical,
    })
}

fn read_excursion(table: &mut Table<'_>) -> Option<Condition> {
    let limit = table.optional("limit", document::float);
    let raise_by = table.optional("raise_by", document::float);
    let clear_by = table.optional("clear_by", document::float);
    if let Some(limit) = limit.as_ref().filter(|limit| limit.value < 1.0) {
        table
            .document()
            .error(limit.place, format!("a PUE is never below 1, and so no limit is {}", limit.value));
    }
    let above = |by: &Option<Placed<f64>>, usual: f64| by.as_ref().map_or(usual, |by| by.value);
    let (raise, clear) = (above(&raise_by, 0.05), above(&clear_by, 0.02));
    if let Some(by) = clear_by.as_ref().or(raise_by.as_ref()).filter(|_| clear > raise) {
        let message =
            format!("it would be cleared {clear} above the limit while it is raised {raise} above it");
        table.document().error(by.place, message);
    }
    Some(Condition::PueExcursion { limit: limit.map(|limit| limit.value), raise_by: raise, clear_by: clear })
}

/// A rule that has no limit to go by would be silent for ever.
fn check_limit(
    table: &Table<'_>,
    condition: &Condition,
    written: &Option<Written>,
    facility: Option<&Facility>,
) {
    let Condition::PueExcursion { limit: None, .. } = condition else { return };
    let (Some(facility), Some(written)) = (facility, written) else { return };
    let has_limit = facility.targets.iter().any(super::is_upper_on_pue);
    if written.raise.is_none() && !has_limit {
        let message = format!(
            "facility {} has no target with an upper limit on PUE: give the rule a `limit`",
            facility.name
        );
        table.document().missing(table.place(), message);
    }
}

fn read_meters(
    table: &mut Table<'_>,
    condition: Option<&Condition>,
    facility: Option<&Facility>,
    around: &Around<'_, '_>,
) -> Vec<Name> {
    let meters = table.values("meters", document::name);
    let about_meters = condition.is_none_or(|condition| {
        matches!(condition, Condition::Stale | Condition::Occurrence | Condition::Frozen | Condition::Balance)
    });
    if let (Some(first), false) = (meters.first(), about_meters) {
        let message = "`meters` belongs to the conditions stale, occurrence, frozen and balance";
        table.document().error(first.place, message);
    }
    for meter in &meters {
        let site = facility.map(|facility| &facility.site);
        if !(around.has_meter)(site, &meter.value) {
            let of = site.map(|site| format!(" in site {site}")).unwrap_or_default();
            table.document().missing(meter.place, format!("there is no meter `{}`{of}", meter.value));
        }
    }
    meters.into_iter().map(|meter| meter.value).collect()
}

/// What the rule says of its thresholds; `None` has been reported.
fn read_thresholds(table: &mut Table<'_>, condition: Option<&Condition>) -> Option<Written> {
    let raise_after = table.optional("raise_after", document::duration).map(|hold| hold.value);
    let clear_after = table.optional("clear_after", document::duration).map(|hold| hold.value);
    let min_coverage = table.optional("min_coverage", share).map(|share| share.value);
    let above = table.optional("raise_above", document::float);
    let below = table.optional("raise_below", document::float);
    let clear_below = table.optional("clear_below", document::float);
    let clear_above = table.optional("clear_above", document::float);
    let sides = (table.has("raise_above"), table.has("raise_below"));
    let is_open = match condition {
        Some(condition) => matches!(condition, Condition::Indicator { .. }),
        None => !table.has("condition"),
    };
    let side = match sides {
        (true, true) => {
            let message = "`raise_above` and `raise_below` exclude each other; make two rules";
            table.document().error(table.place(), message);
            return None;
        }
        (true, false) => Side::Above,
        (false, true) => Side::Below,
        (false, false) if is_open => {
            table.document().missing(table.place(), "`raise_above` or `raise_below` is missing");
            return None;
        }
        (false, false) => condition?.usual().0,
    };
    if let Some(condition) = condition.filter(|condition| !is_open && condition.usual().0 != side) {
        let fitting = if side == Side::Above { "raise_below" } else { "raise_above" };
        let message = format!("the condition {} is raised with `{fitting}`", condition.word());
        table.document().error(table.place(), message);
        return None;
    }
    let (raise, clear, stray, fitting) = match side {
        Side::Above => (above, clear_below, clear_above, "clear_below"),
        Side::Below => (below, clear_above, clear_below, "clear_above"),
    };
    if sides != (false, false) && raise.is_none() {
        return None;
    }
    if let Some(stray) = stray {
        table.document().error(stray.place, format!("this rule is cleared with `{fitting}`"));
    }
    if let Some(raise) = &raise {
        check_thresholds(table, side, raise, clear.as_ref(), condition);
    }
    let value = |placed: Option<Placed<f64>>| placed.map(|placed| placed.value);
    let (raise, clear) = (value(raise), value(clear));
    let side = is_open.then_some(side);
    Some(Written { side, raise, clear, raise_after, clear_after, min_coverage })
}

fn check_thresholds(
    table: &Table<'_>,
    side: Side,
    raise: &Placed<f64>,
    clear: Option<&Placed<f64>>,
    condition: Option<&Condition>,
) {
    let document = table.document();
    if let Some(clear) = clear.filter(|clear| side.is_beyond(clear.value, raise.value)) {
        let message =
            format!("the alert would be cleared at {} while it is raised at {}", clear.value, raise.value);
        document.error(clear.place, message);
    }
    let is_indicator = |condition: &&Condition| matches!(condition, Condition::Indicator { .. });
    let is_pue = |condition: &&Condition| match condition {
        Condition::Indicator { indicator, .. } => *indicator == Indicator::Pue,
        condition => matches!(condition, Condition::PueExcursion { .. }),
    };
    if raise.value < 0.0 && condition.filter(is_indicator).is_some() {
        document.error(raise.place, "no indicator is ever negative");
    } else if condition.filter(is_pue).is_some() && side == Side::Above && raise.value < 1.0 {
        document.warning(raise.place, "a PUE is never below 1: this alert would always be raised");
    }
}

/// Labels that every alert has: a rule's own must not hide them.
const TAKEN: [&str; 6] = ["rule", "condition", "facility", "subject", "severity", "alertname"];

fn read_labels(table: &mut Table<'_>) -> BTreeMap<String, String> {
    let Some(written) = table.optional("labels", document::entries(document::string)) else {
        return BTreeMap::new();
    };
    for (name, _) in &written.value {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.chars().all(is_word) || name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            let message = format!(
                "a label is made of letters, digits and _, and begins with no digit; `{name}` does not"
            );
            table.document().error(written.place, message);
        } else if TAKEN.contains(&name.as_str()) {
            let message = format!("the label `{name}` is given to every alert; take another name");
            table.document().error(written.place, message);
        }
    }
    written.value.into_iter().collect()
}

fn read_annotations(table: &mut Table<'_>, labels: &BTreeMap<String, String>) -> BTreeMap<String, Words> {
    let Some(written) = table.optional("annotations", document::entries(document::string)) else {
        return BTreeMap::new();
    };
    let mut annotations = BTreeMap::new();
    for (name, template) in written.value {
        match Words::new(&template, labels) {
            Ok(words) => {
                annotations.insert(name, words);
            }
            Err(error) => table.document().error(written.place, format!("annotation `{name}`: {error}")),
        }
    }
    annotations
}

/// A number from 0 to 1.
fn share(value: &Value<'_>) -> Result<f64, String> {
    match document::float(value)? {
        share if (0.0..=1.0).contains(&share) => Ok(share),
        other => Err(format!("is a share from 0 to 1, not {other}")),
    }
}

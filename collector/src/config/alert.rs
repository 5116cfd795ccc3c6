//! Alert rules.

use super::declared::Declared;
use std::time::Duration;
use wattledger_model::calendar::Window;
use wattledger_model::document::{self, Place, Placed, Table, Value};
use wattledger_model::name::Name;

/// A threshold on an indicator, with a hold time and a clear threshold of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRule {
    /// Its name: the alert's state is kept under it.
    pub name: Name,
    /// The facility it watches.
    pub facility: Name,
    /// What it watches.
    pub indicator: Indicator,
    /// Over which window.
    pub window: Window,
    /// On which side of the thresholds trouble lies.
    pub side: Side,
    /// Beyond this for [`AlertRule::raise_after`], the alert is raised.
    pub raise: f64,
    /// How long the figure must be beyond `raise`. Default 15 minutes.
    pub raise_after: Duration,
    /// Back within this for [`AlertRule::clear_after`], the alert is cleared. Default: the same as `raise`.
    pub clear: f64,
    /// How long the figure must be back within `clear`. Default 15 minutes.
    pub clear_after: Duration,
    /// Figures with less coverage, from 0 to 1, neither raise nor clear. Default 0.9.
    pub min_coverage: f64,
    /// How bad it is. Default a warning.
    pub severity: Severity,
    /// Where it is sent; the page shows it in any case.
    pub channels: Vec<Name>,
    /// Where it is declared.
    pub place: Place,
}

/// On which side of a threshold trouble lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Above it: `raise_above`, `clear_below`.
    Above,
    /// Below it: `raise_below`, `clear_above`.
    Below,
}

impl Side {
    /// Whether the value is strictly beyond the threshold.
    pub fn is_beyond(self, value: f64, threshold: f64) -> bool {
        match self {
            Side::Above => value > threshold,
            Side::Below => value < threshold,
        }
    }
}

/// What a rule can watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Indicator {
    /// Facility energy over IT energy.
    Pue,
    /// Litres of water per kWh of IT energy.
    Wue,
    /// Kilograms of CO₂ per kWh of IT energy.
    Cue,
}

impl Indicator {
    /// Every indicator.
    pub const ALL: &'static [Indicator] = &[Indicator::Pue, Indicator::Wue, Indicator::Cue];

    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Indicator::Pue => "pue",
            Indicator::Wue => "wue",
            Indicator::Cue => "cue",
        }
    }
}

/// How bad an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// To know.
    Info,
    /// To look at.
    Warning,
    /// To act on.
    Critical,
}

impl Severity {
    /// Every severity.
    pub const ALL: &'static [Severity] = &[Severity::Info, Severity::Warning, Severity::Critical];

    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

pub(super) fn read_rule(
    table: &mut Table<'_>,
    names: &mut Declared<'_>,
    facilities: &Declared<'_>,
    channels: &Declared<'_>,
) -> Option<AlertRule> {
    let name = table.required("name", document::name);
    name.iter().for_each(|name| names.declare(name));
    let facility = table.required("facility", document::name);
    if let Some(facility) = &facility {
        facilities.refers(facility);
    }
    let indicators = Indicator::ALL.iter().map(|indicator| (indicator.word(), *indicator));
    let indicator = table.required("indicator", document::choice(indicators));
    let window = table.required("window", document::choice(Window::ALL.iter().map(|w| (w.word(), *w))));
    let thresholds = read_thresholds(table, indicator.as_deref().copied());
    let raise_after = read_hold(table, "raise_after");
    let clear_after = read_hold(table, "clear_after");
    let min_coverage = table.optional("min_coverage", share);
    let severities = Severity::ALL.iter().map(|severity| (severity.word(), *severity));
    let severity = table.optional("severity", document::choice(severities));
    let sent_to = table.values("channels", document::name);
    for channel in &sent_to {
        channels.refers(channel);
    }
    let (side, raise, clear) = thresholds?;
    Some(AlertRule {
        name: name?.value,
        facility: facility?.value,
        indicator: indicator?.value,
        window: window?.value,
        side,
        raise,
        raise_after,
        clear,
        clear_after,
        min_coverage: min_coverage.map_or(0.9, |share| share.value),
        severity: severity.map_or(Severity::Warning, |severity| severity.value),
        channels: sent_to.into_iter().map(|channel| channel.value).collect(),
        place: table.place(),
    })
}

/// The side, the raise threshold and the clear threshold.
fn read_thresholds(table: &mut Table<'_>, indicator: Option<Indicator>) -> Option<(Side, f64, f64)> {
    let above = table.optional("raise_above", document::float);
    let below = table.optional("raise_below", document::float);
    let clear_below = table.optional("clear_below", document::float);
    let clear_above = table.optional("clear_above", document::float);
    let written = (table.has("raise_above"), table.has("raise_below"));
    let document = table.document();
    match written {
        (true, true) => {
            document
                .error(table.place(), "`raise_above` and `raise_below` exclude each other; make two rules");
            return None;
        }
        (false, false) => {
            document.missing(table.place(), "`raise_above` or `raise_below` is missing");
            return None;
        }
        _ => {}
    }
    let (side, raise, clear, stray, fitting) = if written.0 {
        (Side::Above, above?, clear_below, clear_above, "clear_below")
    } else {
        (Side::Below, below?, clear_above, clear_below, "clear_above")
    };
    if let Some(stray) = stray {
        document.error(stray.place, format!("this rule is cleared with `{fitting}`"));
    }
    check_thresholds(table, side, &raise, clear.as_ref(), indicator);
    Some((side, raise.value, clear.map_or(raise.value, |clear| clear.value)))
}

fn check_thresholds(
    table: &Table<'_>,
    side: Side,
    raise: &Placed<f64>,
    clear: Option<&Placed<f64>>,
    indicator: Option<Indicator>,
) {
    let document = table.document();
    if let Some(clear) = clear.filter(|clear| side.is_beyond(clear.value, raise.value)) {
        let message =
            format!("the alert would be cleared at {} while it is raised at {}", clear.value, raise.value);
        document.error(clear.place, message);
    }
    if raise.value < 0.0 {
        document.error(raise.place, "no indicator is ever negative");
    } else if indicator == Some(Indicator::Pue) && side == Side::Above && raise.value < 1.0 {
        document.warning(raise.place, "a PUE is never below 1: this alert would always be raised");
    }
}

fn read_hold(table: &mut Table<'_>, key: &'static str) -> Duration {
    table.optional(key, document::duration).map_or(Duration::from_secs(15 * 60), |hold| hold.value)
}

/// A number from 0 to 1.
fn share(value: &Value<'_>) -> Result<f64, String> {
    match document::float(value)? {
        share if (0.0..=1.0).contains(&share) => Ok(share),
        other => Err(format!("is a share from 0 to 1, not {other}")),
    }
}

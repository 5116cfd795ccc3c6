//! Alert rules: what each looks at, from where on that is trouble, and what is said of it.

mod feeds;
mod maintenance;
mod phases;
mod points;
mod read;
mod schedule;
mod words;

pub use feeds::Feeds;
pub use maintenance::Maintenance;
pub(super) use maintenance::read as read_maintenance;
pub use phases::Phases;
pub(super) use read::{Around, read_rule};
pub use schedule::Opening;
#[cfg(test)]
pub(crate) use words::sample as sample_message;
pub use words::{Words, WordsError};

use std::collections::BTreeMap;
use std::time::Duration;
use wattledger_model::calendar::Window;
use wattledger_model::document::Place;
use wattledger_model::name::Name;
use wattledger_model::target::{Operator, Target, TargetKind};

/// One rule: a condition with thresholds, each with a time that it must be kept for.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRule {
    /// Its name: what it has seen is kept under it.
    pub name: Name,
    /// What it looks at.
    pub condition: Condition,
    /// The facility it watches; `None` for every one.
    pub facility: Option<Name>,
    /// The meters it watches, where its condition is about meters; empty for all of the facility.
    pub meters: Vec<Name>,
    /// The thresholds, as far as they are written; see [`AlertRule::thresholds`].
    pub written: Written,
    /// How bad it is. Default a warning.
    pub severity: Severity,
    /// Where it is sent; the page shows it in any case.
    pub channels: Vec<Name>,
    /// Words of its own that go with each message, for whoever sorts them.
    pub labels: BTreeMap<String, String>,
    /// Texts that go with each message, as templates over it.
    pub annotations: BTreeMap<String, Words>,
    /// When it may raise and clear, by the clocks of the site; empty for always.
    pub schedule: Vec<Opening>,
    /// Times in which it raises nothing for some subjects.
    pub maintenance: Vec<Maintenance>,
    /// Where it is declared.
    pub place: Place,
}

/// What a rule looks at. Source: domain.md 7.1.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// An indicator of a facility over a window.
    Indicator {
        /// The indicator.
        indicator: Indicator,
        /// Over which window.
        window: Window,
    },
    /// PUE over an hour, against a limit of the facility.
    PueExcursion {
        /// The limit; `None` for the lowest upper limit on PUE among the facility's targets.
        limit: Option<f64>,
        /// Raised so much above the limit. Default 0.05.
        raise_by: f64,
        /// Cleared so much above the limit. Default 0.02.
        clear_by: f64,
    },
    /// The age of the newest reading of each meter.
    Stale,
    /// The share of the last 24 hours in which both sides of a facility's PUE are known.
    Coverage,
    /// A reset, rollover, jump, exchange or conflict of a meter.
    Occurrence,
    /// A register that stands still while power flows.
    Frozen,
    /// What a meter shows and those below it do not.
    Balance,
    /// The load of a UPS's phases.
    PhaseImbalance(Phases),
    /// Whether one feed could carry what two do.
    Redundancy(Feeds),
    /// The clock of an agent.
    Clock,
    /// The year's forecast PUE against a target. Source: domain.md 7.2.
    Budget,
    /// The PUE that a target still permits for the rest of the year against the best that was reached.
    /// Source: domain.md 7.2.
    BudgetCritical,
}

/// By which time a condition is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Clock {
    /// By the ledger's: each minute once, as soon as the facility's horizon has passed it, however late.
    Ledger,
    /// By the collector's own while it runs: what was before is not looked at.
    Wall,
}

/// The thresholds of one subject.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// On which side of the thresholds trouble lies.
    pub side: Side,
    /// Beyond this for `raise_after`, the alert is raised.
    pub raise: f64,
    /// Back within this for `clear_after`, it is cleared.
    pub clear: f64,
    /// How long the value must be beyond `raise`.
    pub raise_after: Duration,
    /// How long it must be back within `clear`.
    pub clear_after: Duration,
    /// A value with less coverage, from 0 to 1, neither raises nor clears.
    pub min_coverage: f64,
}

/// What a rule says of its thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Written {
    /// On which side trouble lies, where the condition leaves it open.
    pub side: Option<Side>,
    /// `raise_above` or `raise_below`.
    pub raise: Option<f64>,
    /// `clear_below` or `clear_above`.
    pub clear: Option<f64>,
    /// `raise_after`.
    pub raise_after: Option<Duration>,
    /// `clear_after`.
    pub clear_after: Option<Duration>,
    /// `min_coverage`.
    pub min_coverage: Option<f64>,
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

/// What a rule can watch of a facility.
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

/// Minutes of an hour and of a day, for the windows below.
const HOUR: i64 = 60;
const DAY: i64 = 1_440;

impl Condition {
    /// The words of all conditions, in the order of domain.md 7.1.
    pub const WORDS: [&'static str; 12] = [
        "indicator",
        "pue-excursion",
        "stale",
        "coverage",
        "occurrence",
        "frozen",
        "balance",
        "phase-imbalance",
        "redundancy",
        "clock",
        "budget",
        "budget-critical",
    ];

    /// The word used in configuration and outputs.
    pub const fn word(&self) -> &'static str {
        Condition::WORDS[match self {
            Condition::Indicator { .. } => 0,
            Condition::PueExcursion { .. } => 1,
            Condition::Stale => 2,
            Condition::Coverage => 3,
            Condition::Occurrence => 4,
            Condition::Frozen => 5,
            Condition::Balance => 6,
            Condition::PhaseImbalance(_) => 7,
            Condition::Redundancy(_) => 8,
            Condition::Clock => 9,
            Condition::Budget => 10,
            Condition::BudgetCritical => 11,
        }]
    }

    /// By which time it is judged.
    pub const fn clock(&self) -> Clock {
        match self {
            Condition::Stale | Condition::Clock => Clock::Wall,
            _ => Clock::Ledger,
        }
    }

    /// Minutes from one judgement to the next: as often as what it looks at can move noticeably.
    pub const fn cadence_minutes(&self) -> i64 {
        match self {
            Condition::Indicator { window, .. } => match window {
                Window::Minute | Window::QuarterHour | Window::Hour => 1,
                Window::Hours24 | Window::Day => 15,
                _ => HOUR,
            },
            Condition::PueExcursion { .. }
            | Condition::Stale
            | Condition::Clock
            | Condition::PhaseImbalance(_)
            | Condition::Redundancy(_) => 1,
            Condition::Coverage | Condition::Occurrence | Condition::Frozen | Condition::Balance => 15,
            Condition::Budget | Condition::BudgetCritical => HOUR,
        }
    }

    /// Minutes of the past that a value is made of, at the longest; 0 where it is of the moment.
    pub const fn window_minutes(&self) -> i64 {
        match self {
            Condition::Indicator { window, .. } => match window.elapsed_minutes() {
                Some(minutes) => minutes,
                None => match window {
                    Window::Day => DAY,
                    Window::Week => 7 * DAY,
                    Window::Month => 31 * DAY,
                    Window::Quarter => 92 * DAY,
                    _ => 366 * DAY,
                },
            },
            Condition::PueExcursion { .. } | Condition::Frozen => HOUR,
            Condition::Coverage | Condition::Balance => DAY,
            _ => 0,
        }
    }

    /// The word of the window its value is over, as messages have it; empty where it is of the moment.
    pub const fn window_word(&self) -> &'static str {
        match self {
            Condition::Indicator { window, .. } => window.word(),
            Condition::PueExcursion { .. } | Condition::Frozen => "1h",
            Condition::Coverage | Condition::Balance => "24h",
            Condition::Occurrence => "day",
            Condition::Budget | Condition::BudgetCritical => "year",
            _ => "",
        }
    }

    /// Side, hold times and coverage where a rule does not say. Source: domain.md 7.1.
    const fn usual(&self) -> (Side, i64, i64, f64) {
        match self {
            Condition::Indicator { .. } | Condition::PueExcursion { .. } => (Side::Above, 15, 15, 0.9),
            Condition::Coverage => (Side::Below, 0, 0, 0.0),
            Condition::Balance => (Side::Above, DAY, DAY, 0.9),
            Condition::PhaseImbalance(_) => (Side::Above, 15, 15, 0.9),
            Condition::Stale | Condition::Occurrence | Condition::Frozen => (Side::Above, 0, 0, 0.0),
            Condition::Redundancy(_) => (Side::Above, 0, 0, 0.9),
            // Statuses that a broker held back while the collector was away come all at once, and look late.
            Condition::Clock => (Side::Above, 5, 5, 0.0),
            // Two days in a row: one hot day is no drift. The last 30 days are what the forecast goes by.
            Condition::Budget => (Side::Above, DAY, DAY, 0.75),
            Condition::BudgetCritical => (Side::Below, DAY, DAY, 0.75),
        }
    }
}

impl AlertRule {
    /// The thresholds: those that are written, and for the others the condition's. `raise` and `clear` are what it
    /// goes by where the rule does not say; a rule that says one of them keeps their distance.
    pub fn thresholds(&self, raise: f64, clear: f64) -> Thresholds {
        let (side, raise_after, clear_after, min_coverage) = self.condition.usual();
        let side = self.written.side.unwrap_or(side);
        let (raise, clear) = match (self.written.raise, self.written.clear) {
            (Some(own), Some(back)) => (own, back),
            (Some(own), None) => (own, even(own - raise + clear)),
            // What is cleared beyond the threshold that raises would flap.
            (None, Some(back)) if side.is_beyond(back, raise) => (raise, raise),
            (None, Some(back)) => (raise, back),
            (None, None) => (raise, clear),
        };
        let minutes = |minutes: i64| Duration::from_secs(minutes.unsigned_abs() * 60);
        Thresholds {
            side,
            raise,
            clear,
            raise_after: self.written.raise_after.unwrap_or(minutes(raise_after)),
            clear_after: self.written.clear_after.unwrap_or(minutes(clear_after)),
            min_coverage: self.written.min_coverage.unwrap_or(min_coverage),
        }
    }

    /// Whether the rule watches a meter of this name.
    pub fn is_about_meter(&self, meter: &str) -> bool {
        self.meters.is_empty() || self.meters.iter().any(|own| own.as_str() == meter)
    }
}

/// Whether a target is one that an excursion of PUE is measured against: an upper limit on each facility's PUE.
pub(crate) fn is_upper_on_pue(target: &Target) -> bool {
    let is_upper = matches!(target.limit.operator, Operator::AtMost | Operator::Below);
    target.indicator == "pue" && is_upper && target.kind == TargetKind::Facility
}

/// A sum of decimals as somebody would write it: 1.25 + 0.05 is 1.3.
pub(crate) fn even(sum: f64) -> f64 {
    (sum * 1e9).round() / 1e9
}

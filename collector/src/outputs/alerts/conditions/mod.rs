//! What is seen at a minute: each condition looks at a facility and says of each of its subjects which value it has,
//! what its thresholds are, and what lies behind it. Nothing here decides. Source: domain.md 7.1.

mod balance;
mod budget;
mod clock;
mod coverage;
mod excursion;
mod frozen;
mod indicator;
mod occurrence;
mod phase;
mod power;
mod redundancy;
mod sources;
mod stale;

#[cfg(test)]
mod tests;

use crate::config::{AlertRule, Condition, Thresholds};
use crate::indicators::Term;
use crate::outputs::snapshot::Snapshot;
use crate::store::StoreError;
use crate::topology::{Facility, KnownMeter, Topology};
use crate::view::View;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use wattledger_model::calendar::Tz;
use wattledger_model::time::{Interval, Minute};

/// What of a facility an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum About {
    /// The facility itself.
    Facility,
    /// A meter of its site.
    Meter(String),
    /// One kind of thing that happens to a meter of its site, such as a reset.
    Happening {
        /// The meter.
        meter: String,
        /// What happens.
        what: String,
    },
    /// A meter with those below it, in the tree of meters.
    Node(String),
    /// An agent of its site.
    Agent(String),
    /// A target.
    Target(String),
    /// What the rule itself names: a UPS, a pair of feeds.
    Point(String),
}

/// Whom an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Subject {
    /// The facility.
    pub(crate) facility: String,
    /// What of it.
    pub(crate) about: About,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facility = &self.facility;
        match &self.about {
            About::Facility => f.write_str(facility),
            About::Meter(name) => write!(f, "{facility} meter {name}"),
            About::Happening { meter, what } => write!(f, "{facility} meter {meter} {what}"),
            About::Node(name) => write!(f, "{facility} node {name}"),
            About::Agent(name) => write!(f, "{facility} agent {name}"),
            About::Target(name) => write!(f, "{facility} target {name}"),
            About::Point(name) => write!(f, "{facility} {name}"),
        }
    }
}

/// What a condition sees of one subject at one minute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sighting {
    /// Whom it is about. A subject that is looked at is told of each time, also where nothing is known of it.
    pub(crate) subject: Subject,
    /// The value; `None` where nothing is known, which neither raises nor clears.
    pub(crate) value: Option<f64>,
    /// How much of what the value is made of is known, 0 to 1.
    pub(crate) coverage: f64,
    /// What it is held against.
    pub(crate) thresholds: Thresholds,
    /// What the value is, such as `PUE over 1 hour`.
    pub(crate) what: String,
    /// The value's unit in UCUM; `1` for a ratio or a number.
    pub(crate) unit: &'static str,
    /// Names of the meters of the site, and `agent NAME`, whose silence would explain it; none for a cause.
    pub(crate) derives_from: Vec<String>,
    /// The numbers behind it in one sentence; may be empty.
    pub(crate) cause: String,
}

/// What a condition remembers from one look to the next, by rule and facility. Most remember nothing.
pub(crate) type Recall = BTreeMap<String, i64>;

/// Where and when a condition looks.
pub(crate) struct Around<'a> {
    /// The ledger, in a round.
    pub(crate) view: &'a mut View,
    /// The facility.
    pub(crate) facility: usize,
    /// The end of what is looked at.
    pub(crate) at: Minute,
    /// What is known now of meters and agents; `None` in a replay.
    pub(crate) live: Option<&'a Snapshot>,
    /// What the condition remembers.
    pub(crate) recall: &'a mut Recall,
}

impl Around<'_> {
    /// The facilities and meters.
    pub(crate) fn topology(&self) -> Arc<Topology> {
        Arc::clone(self.view.topology())
    }

    /// The facility's clocks.
    pub(crate) fn zone(&self) -> Tz {
        self.of().zone
    }

    /// The facility.
    pub(crate) fn of(&self) -> &Facility {
        &self.view.topology().facilities[self.facility]
    }

    /// A subject of the facility.
    pub(crate) fn subject(&self, about: About) -> Subject {
        Subject { facility: self.of().name.to_string(), about }
    }

    /// The time that a value of so many minutes is made of.
    pub(crate) fn window(&self, minutes: i64) -> Interval {
        Interval::new(Minute(self.at.0 - minutes), self.at)
    }

    /// The names of the meters of some sums, in an interval.
    pub(crate) fn meters_of(&self, terms: &[&[Term]], interval: Interval) -> Vec<String> {
        let meters = &self.view.topology().meters;
        let counted = terms.iter().copied().flatten().filter(|term| term.touches(interval));
        let names: BTreeSet<&str> = counted
            .filter_map(|term| meters.get(&term.meter))
            .map(|known| known.declared.key.meter.as_str())
            .collect();
        names.into_iter().map(str::to_owned).collect()
    }
}

/// The meters that belong to a facility and that a rule watches, by name.
pub(crate) fn meters<'t>(topology: &'t Topology, facility: usize, rule: &AlertRule) -> Vec<&'t KnownMeter> {
    let name = &topology.facilities[facility].name;
    let belongs = |known: &&KnownMeter| {
        let declared = &known.declared;
        let claims = declared.claims.iter().any(|claim| claim.is_of_facility(name));
        (declared.facility.as_ref() == Some(name) || claims)
            && rule.is_about_meter(declared.key.meter.as_str())
    };
    let mut found: Vec<&KnownMeter> = topology.meters.values().filter(belongs).collect();
    found.sort_by(|a, b| a.declared.key.cmp(&b.declared.key));
    found
}

/// What a rule sees at a minute of a facility.
///
/// # Errors
/// [`StoreError`] where the ledger cannot be read.
pub(crate) fn look(rule: &AlertRule, around: &mut Around<'_>) -> Result<Vec<Sighting>, StoreError> {
    match &rule.condition {
        Condition::Indicator { .. } => indicator::look(rule, around),
        Condition::PueExcursion { .. } => excursion::look(rule, around),
        Condition::Stale => stale::look(rule, around),
        Condition::Coverage => coverage::look(rule, around),
        Condition::Occurrence => occurrence::look(rule, around),
        Condition::Frozen => frozen::look(rule, around),
        Condition::Balance => balance::look(rule, around),
        Condition::PhaseImbalance(_) => phase::look(rule, around),
        Condition::Redundancy(_) => redundancy::look(rule, around),
        Condition::Clock => clock::look(rule, around),
        Condition::Budget => budget::look(rule, around),
        Condition::BudgetCritical => budget::look_critical(rule, around),
    }
}

/// Whether the past can be judged by the store alone, without [`Around::live`]. What clocks of agents showed is not
/// kept.
pub(crate) const fn is_replayed(condition: &Condition) -> bool {
    !matches!(condition, Condition::Clock)
}

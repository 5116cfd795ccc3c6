//! Which metrics are read, and as which meters.

use super::payload::Metric;
use crate::map::{Claims, MeterTemplate, States, TopicPattern, Wrong, number_in, unit_spelled};
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::Kind;
use wattledger_model::name::Name;
use wattledger_model::reading::Cause;
use wattledger_model::unit::Unit;

/// How metrics of Sparkplug nodes become readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparkplugConfig {
    /// Whether nodes are asked to tell everything anew where something of theirs was missed.
    pub asks_rebirth: bool,
    /// The metrics that are read.
    pub metrics: Vec<MetricRule>,
}

/// Metrics that become readings of meters named alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricRule {
    /// The group, unless any.
    pub group: Option<String>,
    /// The edge node, unless any.
    pub edge: Option<String>,
    /// `GROUP/EDGE/DEVICE/METRIC` with its named parts; the device is empty for metrics of the node itself.
    pub pattern: TopicPattern,
    /// The meter.
    pub meter: MeterTemplate,
    /// The unit, unless the metric's own `engUnit` says it.
    pub unit: Option<Unit>,
    /// The node's own spellings of units, before the usual ones.
    pub spellings: Vec<(String, Unit)>,
    /// What the unit must be a unit of.
    pub kind: Option<Kind>,
    /// What words mean, where the metric is a state and no number.
    pub states: Option<States>,
    /// The length in ms of the interval whose mean the value is.
    pub interval_ms: Option<u32>,
}

impl SparkplugConfig {
    /// The one subscription that brings them all; overlapping ones would bring messages twice.
    pub fn filter(&self) -> String {
        let one = |level: fn(&MetricRule) -> &Option<String>| {
            let first = self.metrics.first().and_then(|rule| level(rule).as_deref());
            first.filter(|_| self.metrics.iter().all(|rule| level(rule).as_deref() == first)).unwrap_or("+")
        };
        format!("{}/{}/+/{}/#", super::NAMESPACE, one(|rule| &rule.group), one(|rule| &rule.edge))
    }

    /// Whether a node can have anything that is read.
    pub(super) fn reaches(&self, group: &str, edge: &str) -> bool {
        let any_or = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        self.metrics.iter().any(|rule| any_or(&rule.group, group) && any_or(&rule.edge, edge))
    }
}

impl MetricRule {
    /// The meter of a metric; `None` where the rule does not take it.
    pub(super) fn meter_of(&self, subject: &str, claims: &mut Claims) -> Option<Result<Name, Wrong>> {
        let captured = self.pattern.matched(subject)?;
        let named = self.meter.name(&captured).map_err(|error| Wrong::new(Cause::Name, error));
        Some(named.and_then(|meter| claims.claim(&self.meter, &captured, &meter).map(|()| meter)))
    }

    /// The number of a metric, whose data type its birth may have said.
    pub(super) fn number(&self, metric: &Metric, datatype: u32) -> Result<Decimal, Wrong> {
        let value = metric.value.as_ref().ok_or_else(|| Wrong::new(Cause::Payload, "there is no value"))?;
        let text = value.text(datatype);
        let text =
            text.map_err(|is| Wrong::new(Cause::Payload, format!("the value is {is}, not a number")))?;
        match &self.states {
            Some(states) => states.number(&text),
            None if matches!(value, super::payload::Value::Boolean(_)) => Err(Wrong::new(
                Cause::Payload,
                "the value is true or false; with kind = \"state\" it is a state",
            )),
            None => number_in(&text),
        }
    }

    /// The unit of a metric that says this one of itself.
    pub(super) fn unit_of(&self, said: Option<&str>) -> Result<Option<Unit>, Wrong> {
        let unit = match (self.unit, said) {
            (Some(unit), _) => unit,
            (None, Some(said)) if self.states.is_none() => unit_spelled(said, &self.spellings)?,
            (None, _) => return Ok(None),
        };
        match self.kind {
            Some(kind) if kind != unit.kind() => {
                let is = unit.kind();
                Err(Wrong::new(Cause::Unit, format!("`{unit}` is a unit of {is}, and the meter is a {kind}")))
            }
            _ => Ok(Some(unit)),
        }
    }
}

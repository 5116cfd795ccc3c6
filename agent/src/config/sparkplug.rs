//! `[source.mqtt.sparkplug]`: which metrics of Sparkplug B nodes are read, and as which meters.

use super::rules::{Meaning, check_interval, interval_ms, read_meaning};
use crate::map::{MeterTemplate, TopicPattern};
use crate::sparkplug::{MetricRule, SparkplugConfig};
use wattledger_model::document::{self, Table, Value};

/// Reads the table; `None` where there is none or it has a problem.
pub(super) fn read(table: &mut Table<'_>) -> Option<SparkplugConfig> {
    let asks_rebirth = table.optional("rebirth", document::boolean).is_none_or(|asks| asks.value);
    let mut tables = table.tables("metric");
    if table.is_present() && tables.is_empty() {
        let why = "say which metrics are read in [[source.mqtt.sparkplug.metric]]";
        table.document().missing(table.place(), why);
    }
    let metrics = tables.iter_mut().filter_map(metric).collect();
    table.is_present().then_some(SparkplugConfig { asks_rebirth, metrics })
}

fn metric(table: &mut Table<'_>) -> Option<MetricRule> {
    let group = table.optional("group", identifier);
    let edge = table.optional("edge", identifier);
    let device = table.optional("device", identifier);
    let metric = table.required("metric", document::string);
    let meter = table.required("meter", document::string);
    let interval = table.optional("interval", interval_ms);
    let folds = table.optional("fold_names", document::boolean).is_some_and(|folds| folds.value);
    let Meaning { unit, spellings, kind, states } = read_meaning(table);
    check_interval(table, interval.as_ref(), unit);
    let document = table.document();
    let level = |said: Option<&str>, name: &str| said.map_or_else(|| format!("{{{name}}}"), str::to_owned);
    let (group, edge) = (group.map(|group| group.value), edge.map(|edge| edge.value));
    let device = device.map(|device| device.value);
    let (metric, meter) = (metric?, meter?);
    let pattern = format!(
        "{}/{}/{}/{}",
        level(group.as_deref(), "group"),
        level(edge.as_deref(), "edge"),
        level(device.as_deref(), "device"),
        metric.value
    );
    let pattern = pattern.parse::<TopicPattern>();
    let pattern = pattern.map_err(|error| document.error(metric.place, format!("`metric`: {error}"))).ok()?;
    let template = MeterTemplate::parse(&meter.value, &pattern);
    let template = template.map_err(|error| document.error(meter.place, format!("`meter`: {error}"))).ok()?;
    let meter = if folds { template.folding() } else { template };
    let interval_ms = interval.map(|interval| interval.value);
    Some(MetricRule { group, edge, pattern, meter, unit, spellings, kind, states, interval_ms })
}

/// A group, node or device: one level of a topic.
fn identifier(value: &Value<'_>) -> Result<String, String> {
    let text = document::string(value)?;
    if text.contains(['/', '+', '#', '{', '}']) {
        return Err(format!("`{text}` is not an identifier of Sparkplug: it has no /, +, #, {{ or }}"));
    }
    Ok(text)
}

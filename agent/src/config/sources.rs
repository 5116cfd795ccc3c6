//! The `[source]` part of the configuration.

use super::rules::{self, check_interval, interval_ms};
use super::sparkplug;
use super::{
    BrokerConfig, HostConfig, MqttConfig, NutConfig, ReplayColumn, ReplayConfig, RuleOrigin, Speed, host,
    nut, read_broker,
};
use crate::instant::{TimeFormat, TimeRule};
use crate::map::Rule;
use crate::source::host::NAME as HOST;
use crate::sparkplug::SparkplugConfig;
use std::collections::BTreeSet;
use wattledger_link::session::SecretKeys;
use wattledger_model::document::{self, Table};
use wattledger_model::name::Name;

#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) mqtt: Vec<MqttConfig>,
    pub(super) host: Option<HostConfig>,
    pub(super) nut: Vec<NutConfig>,
    pub(super) replays: Vec<ReplayConfig>,
}

/// Reads all sources. One that has a problem is left out; the problem is in the document.
pub(super) fn read(root: &mut Table<'_>, link: Option<&BrokerConfig>) -> Sources {
    let mut source = root.table("source");
    let mut names = BTreeSet::from([HOST.to_owned()]);
    let mqtt =
        source.tables("mqtt").iter_mut().filter_map(|table| read_mqtt(table, link, &mut names)).collect();
    let replays =
        source.tables("replay").iter_mut().filter_map(|table| read_replay(table, &mut names)).collect();
    let nut = source.tables("nut").iter_mut().filter_map(|table| nut::read(table, &mut names)).collect();
    let host = host::read(&mut source.table(HOST));
    Sources { mqtt, host, nut, replays }
}

pub(super) fn read_name(table: &mut Table<'_>, names: &mut BTreeSet<String>) -> Option<Name> {
    let name = table.required("name", document::name)?;
    if !names.insert(name.value.to_string()) {
        table.document().error(name.place, format!("there is another source named `{}`", name.value));
    }
    Some(name.value)
}

fn read_mqtt(
    table: &mut Table<'_>,
    link: Option<&BrokerConfig>,
    names: &mut BTreeSet<String>,
) -> Option<MqttConfig> {
    let name = read_name(table, names);
    // Where the link's broker has a problem of its own, this one is not to blame for it.
    let broker = if link.is_some() || table.has("broker") { read_broker(table, link) } else { None };
    table.allow(&["username", "ca_file", "certificate_file", "key_file"]);
    table.allow(&SecretKeys::PASSWORD.all());
    let mut tables = table.tables("rule");
    let sparkplug = sparkplug::read(&mut table.table("sparkplug"));
    if tables.is_empty() && !table.has("sparkplug") {
        table.document().missing(table.place(), "a source without a [[source.mqtt.rule]] reads nothing");
    }
    let numbered = tables.iter_mut().enumerate().flat_map(|(at, table)| {
        let read = rules::read(table);
        check_apart(table, &read, sparkplug.as_ref());
        read.into_iter().map(move |(rule, reading)| (rule, RuleOrigin { number: at + 1, reading }))
    });
    let (rules, origins) = numbered.unzip();
    Some(MqttConfig { name: name?, broker: broker?, rules, origins, sparkplug })
}

/// Messages of Sparkplug are read by their metrics alone, and must come once: two overlapping subscriptions of
/// one session may bring them twice.
fn check_apart(table: &Table<'_>, rules: &[(Rule, Option<String>)], sparkplug: Option<&SparkplugConfig>) {
    let Some(theirs) = sparkplug.map(SparkplugConfig::filter) else { return };
    if let Some(rule) = rules.iter().map(|(rule, _)| rule).find(|rule| rule.topic.overlaps(&theirs)) {
        let ours = rule.topic.filter();
        table.document().error(
            table.place(),
            format!(
                "the topics `{ours}` of this rule and `{theirs}` of Sparkplug overlap, so messages would come twice; \
                 name more of the topic, or put the rule into a [[source.mqtt]] of its own with the same broker"
            ),
        );
    }
}

fn read_replay(table: &mut Table<'_>, names: &mut BTreeSet<String>) -> Option<ReplayConfig> {
    let name = read_name(table, names);
    let file = table.required("file", document::string);
    let time_column = table.required("time_column", document::string);
    let format = table.optional("time_format", document::parsed::<TimeFormat>);
    let zone = table.optional("time_zone", document::time_zone);
    let speed = table.optional("speed", document::parsed::<Speed>);
    let mut tables = table.tables("column");
    if tables.is_empty() {
        table
            .document()
            .missing(table.place(), "a file without a [[source.replay.column]] gives no readings");
    }
    let columns = tables.iter_mut().filter_map(read_column).collect();
    let time = TimeRule {
        format: format.map(|format| format.value).unwrap_or_default(),
        zone: Some(zone.map_or(chrono_tz::Tz::UTC, |zone| zone.value)),
    };
    Some(ReplayConfig {
        name: name?,
        file: file?.value.into(),
        time_column: time_column?.value,
        time,
        speed: speed.map_or(Speed::Max, |speed| speed.value),
        columns,
    })
}

fn read_column(table: &mut Table<'_>) -> Option<ReplayColumn> {
    let column = table.required("column", document::string);
    let meter = table.required("meter", document::name);
    let unit = table.optional("unit", document::unit).map(|unit| unit.value);
    let interval = table.optional("interval", interval_ms);
    check_interval(table, interval.as_ref(), unit);
    let interval_ms = interval.map(|interval| interval.value);
    Some(ReplayColumn { column: column?.value, meter: meter?.value, unit, interval_ms })
}

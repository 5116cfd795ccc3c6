//! The `[source.host]` part of the configuration.

use super::HostConfig;
use crate::source::host::{RaplZone, Roots};
use crate::source::names::NameTemplate;
use std::time::Duration;
use wattledger_model::document::{self, Table, Value};
use wattledger_model::meter::Kind;
use wattledger_model::unit::Quantity;

/// More than a server's processor package draws; what it may draw is told by nobody for sure.
const DEFAULT_MAX_WATTS: f64 = 1_000.0;

/// Reads the table; `None` where there is none, or it is switched off.
pub(super) fn read(table: &mut Table<'_>) -> Option<HostConfig> {
    if !table.is_present() {
        return None;
    }
    let enabled = table.optional("enabled", document::boolean);
    let interval = table.optional("interval", document::positive_duration);
    let meter = table.optional("meter", meter).map(|meter| meter.value);
    let is_on = |found: Option<document::Placed<bool>>| found.is_some_and(|found| found.value);
    let rapl = is_on(table.optional("rapl", document::boolean));
    let zones = table.values("rapl_zones", document::choice(RaplZone::WORDS));
    let rapl_max_watts = table.optional("rapl_max_power", watts);
    let hwmon = is_on(table.optional("hwmon", document::boolean));
    let hwmon_chips = table.values("hwmon_chips", document::string);
    let nvidia = table.optional("nvidia", document::boolean);
    let nvidia_library = table.optional("nvidia_library", document::string);
    let sysfs = table.optional("sysfs", document::string);
    if let Some(nvidia) = nvidia.as_ref().filter(|nvidia| nvidia.value && !cfg!(feature = "nvidia")) {
        table.document().warning(nvidia.place, "this agent is built without NVIDIA GPUs; they are not read");
    }
    let mut kinds: Vec<RaplZone> = zones.into_iter().map(|zone| zone.value).collect();
    if kinds.is_empty() {
        kinds = RaplZone::DEFAULT.to_vec();
    }
    let mut roots = Roots::default();
    if let Some(sysfs) = sysfs {
        roots.sys = sysfs.value.into();
    }
    enabled.is_none_or(|enabled| enabled.value).then(|| HostConfig {
        interval: interval.map_or(Duration::from_secs(10), |interval| interval.value),
        meter: meter.unwrap_or_else(|| parse("host-{hostname}-{zone}").expect("a template that gives names")),
        rapl: if rapl { kinds.into_iter().collect() } else { Default::default() },
        rapl_max_watts: rapl_max_watts.map_or(DEFAULT_MAX_WATTS, |watts| watts.value),
        hwmon,
        hwmon_chips: hwmon_chips.into_iter().map(|chip| chip.value).collect(),
        nvidia: is_on(nvidia),
        nvidia_library: nvidia_library.map(|library| library.value.into()),
        roots,
    })
}

fn parse(text: &str) -> Result<NameTemplate, String> {
    NameTemplate::parse(text, &["hostname", "zone"], "zone")
}

fn meter(value: &Value<'_>) -> Result<NameTemplate, String> {
    parse(&document::string(value)?)
}

fn watts(value: &Value<'_>) -> Result<f64, String> {
    let measure = document::measure(value)?;
    let unit = measure.unit;
    if (unit.kind(), unit.quantity()) != (Kind::Power, Quantity::Energy) {
        return Err(format!("`{unit}` is not a unit of power such as W"));
    }
    let (numerator, denominator) = unit.size();
    let watts = measure.value.to_f64() * numerator as f64 / denominator as f64 / 1e6;
    if !(1.0..=1e6).contains(&watts) {
        return Err("is not within 1 W to 1 MW".to_owned());
    }
    Ok(watts)
}

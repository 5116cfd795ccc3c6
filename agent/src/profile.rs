//! Ready-made rules for devices that are met often, as data: one file a family in `agent/profiles/`.
//!
//! `[[source.mqtt.rule]] profile = "tasmota"` stands for the rules of that file. Which they are, with an
//! example each, stands in `agent/profiles/README.md`.

use crate::config::rules::Parts;
use std::fmt::Write;
use wattledger_model::document::{self, Document, Problems, Table};

/// Every profile by its name.
const PROFILES: &[(&str, &str)] = &[
    ("dsmr", include_str!("../profiles/dsmr.toml")),
    ("esphome", include_str!("../profiles/esphome.toml")),
    ("homewizard", include_str!("../profiles/homewizard.toml")),
    ("homewizard-v2", include_str!("../profiles/homewizard-v2.toml")),
    ("shelly-gen1", include_str!("../profiles/shelly-gen1.toml")),
    ("shelly-gen2", include_str!("../profiles/shelly-gen2.toml")),
    ("shelly-gen2-status", include_str!("../profiles/shelly-gen2-status.toml")),
    ("tasmota", include_str!("../profiles/tasmota.toml")),
    ("tasmota-status", include_str!("../profiles/tasmota-status.toml")),
    ("zigbee2mqtt", include_str!("../profiles/zigbee2mqtt.toml")),
];

/// Rules for one family of devices.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    /// How a configuration calls it.
    pub(crate) name: String,
    /// Which devices.
    pub(crate) title: String,
    /// What the topics of its readings begin with.
    pub(crate) topic: String,
    /// What the names of its meters begin with.
    pub(crate) meter: String,
    /// Whether its devices send times without a zone.
    pub(crate) local_time: bool,
    /// JSON Pointers to what its messages have and others do not, so that they are known on any topic. None where
    /// the topics alone tell.
    pub(crate) signs: Vec<String>,
    /// What it can read.
    pub(crate) readings: Vec<Offered>,
}

/// One reading of a profile.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    /// How a configuration chooses it.
    pub(crate) id: String,
    /// Whether it is read only where a configuration chooses it.
    pub(crate) extra: bool,
    /// What its topic ends with.
    pub(crate) topic: String,
    /// What its meter's name ends with.
    pub(crate) meter: String,
    /// How it is read.
    pub(crate) parts: Parts,
}

/// The names of all profiles.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}

/// The profile of a name.
pub(crate) fn named(name: &str) -> Option<Profile> {
    let (name, text) = PROFILES.iter().find(|(known, _)| *known == name)?;
    Some(parse(name, text).expect("a test reads every profile"))
}

fn parse(name: &str, text: &str) -> Result<Profile, Problems> {
    let document = Document::parse(&format!("profiles/{name}.toml"), text);
    let made = read(name, &mut document.root());
    document.conclude(made).map(|(profile, _)| profile)
}

fn read(name: &str, root: &mut Table<'_>) -> Option<Profile> {
    let title = root.required("title", document::string);
    let topic = root.required("topic", document::string);
    let meter = root.required("meter", document::string);
    let local_time = root.optional("local_time", document::boolean).is_some_and(|local| local.value);
    let signs = root.values("signs", document::string).into_iter().map(|sign| sign.value).collect();
    let readings = root.tables("reading").iter_mut().filter_map(offered).collect();
    Some(Profile {
        name: name.to_owned(),
        title: title?.value,
        topic: topic?.value,
        meter: meter?.value,
        local_time,
        signs,
        readings,
    })
}

fn offered(table: &mut Table<'_>) -> Option<Offered> {
    let id = table.required("id", document::string);
    let extra = table.optional("extra", document::boolean).is_some_and(|extra| extra.value);
    let topic = table.optional("topic", document::string).map(|topic| topic.value);
    let meter = table.optional("meter", document::string).map(|meter| meter.value);
    let parts = Parts::read(table);
    let id = id?.value;
    let meter = meter.unwrap_or_else(|| id.clone());
    Some(Offered { id, extra, topic: topic.unwrap_or_default(), meter, parts })
}

/// The list of all profiles for people: topics, meters and units; what is read only where it is chosen is
/// in brackets.
pub fn listing() -> String {
    let mut list = String::new();
    for profile in names().filter_map(named) {
        let zone = if profile.local_time { "; needs time_zone" } else { "" };
        let lines = writeln!(list, "{}: {}{zone}", profile.name, profile.title).and_then(|()| {
            profile.readings.iter().try_for_each(|reading| {
                let topic = format!("{}{}", profile.topic, reading.topic);
                let meter = format!("{}-{}", profile.meter, reading.meter);
                let (open, close) = if reading.extra { ("[", "]") } else { ("", "") };
                let unit = reading.parts.unit_in_words();
                writeln!(list, "  {:<20} {topic} -> {meter}, {unit}", format!("{open}{}{close}", reading.id))
            })
        });
        lines.expect("a String takes all that is written");
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_profile_is_read_and_says_each_thing_once() {
        for (name, text) in PROFILES {
            let profile = parse(name, text).unwrap_or_else(|problems| panic!("{problems}"));
            assert!(!profile.readings.is_empty() && profile.readings.iter().any(|reading| !reading.extra));
            let ids: BTreeSet<_> = profile.readings.iter().map(|reading| &reading.id).collect();
            assert_eq!(ids.len(), profile.readings.len(), "{name}");
        }
        let sorted: Vec<_> = names().collect();
        assert!(sorted.is_sorted());
    }

    #[test]
    fn the_list_names_every_profile_and_reading() {
        let list = listing();
        for line in ["tasmota: ", "  energy               tele/{device}/SENSOR -> {device}-energy, kWh"] {
            assert!(list.lines().any(|told| told.starts_with(line)), "{line}\n{list}");
        }
        assert_eq!(list.lines().filter(|line| !line.starts_with(' ')).count(), PROFILES.len());
    }
}

//! `[[source.mqtt.rule]]`: rules as they are written, or as a profile has them.

use crate::instant::{TimeFormat, TimeRule};
use crate::map::{
    Each, EvidenceRule, Format, MeterTemplate, Path, Rule, States, TimeAt, TopicPattern, UnitRule,
};
use crate::profile::{self, Profile};
use chrono_tz::Tz;
use wattledger_model::document::{self, Placed, Table, Value, did_you_mean};
use wattledger_model::meter::Kind;
use wattledger_model::unit::Unit;

/// The rules of one `[[source.mqtt.rule]]`, with the profile's name for each where it is of one. What is wrong in
/// it is in the document.
pub(super) fn read(table: &mut Table<'_>) -> Vec<(Rule, Option<String>)> {
    if table.has("profile") {
        of_profile(table).unwrap_or_default()
    } else {
        own(table).into_iter().map(|rule| (rule, None)).collect()
    }
}

fn own(table: &mut Table<'_>) -> Option<Rule> {
    let topic = table.required("topic", document::parsed::<TopicPattern>);
    let meter = table.required("meter", document::string);
    let parts = Parts::read(table);
    let (topic, meter) = (topic?.value, meter?);
    let rule = parts.rule(topic, &meter.value);
    rule.map_err(|error| table.document().error(meter.place, format!("`meter`: {error}"))).ok()
}

/// Everything of a rule but the topics it takes and what its meters are called.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    format: Format,
    each: Option<Each>,
    value: Option<Path>,
    optional: bool,
    time: Option<TimeAt>,
    unit: UnitRule,
    kind: Option<Kind>,
    states: Option<States>,
    interval_ms: Option<u32>,
    evidence: EvidenceRule,
    folds: bool,
}

/// What `kind` can say of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Of(Kind),
    State,
}

impl Said {
    fn of_number(self) -> Option<Kind> {
        match self {
            Said::Of(kind) => Some(kind),
            Said::State => None,
        }
    }
}

impl Parts {
    /// Reads a rule's table, all but `topic` and `meter`.
    pub(crate) fn read(table: &mut Table<'_>) -> Parts {
        let format = table.optional("format", format);
        let each = read_each(table);
        let value = path(table, "value", each.is_some());
        let optional = flag(table, "optional");
        let time = read_time(table, each.is_some());
        let kind = table.optional("kind", kind);
        let states = read_states(table, kind.as_ref());
        let unit = read_unit(table, each.is_some(), kind.as_ref());
        let interval = table.optional("interval", interval_ms);
        let fixed = if let UnitRule::Fixed(unit) = unit { Some(unit) } else { None };
        check_interval(table, interval.as_ref(), fixed);
        let serial = path(table, "serial_path", each.is_some());
        let boots = path(table, "boots_path", each.is_some());
        let folds = flag(table, "fold_names");
        let needs_value =
            each.is_some() || format.as_ref().is_some_and(|format| format.value == Format::Dsmr);
        if needs_value && value.is_none() && !table.has("value") {
            let why = "which of it is the value? Say `value`, such as \"@.power\" of each element";
            table.document().missing(table.place(), why);
        }
        let kind = kind.and_then(|kind| kind.value.of_number());
        Parts {
            format: format.map(|format| format.value).unwrap_or_default(),
            each,
            value,
            optional,
            time,
            unit,
            kind,
            states,
            interval_ms: interval.map(|interval| interval.value),
            evidence: EvidenceRule { serial, boots },
            folds,
        }
    }

    /// The rule for these topics and meters.
    pub(crate) fn rule(self, topic: TopicPattern, meter: &str) -> Result<Rule, String> {
        let template = match self.each {
            Some(_) => MeterTemplate::parse_each(meter, &topic)?,
            None => MeterTemplate::parse(meter, &topic)?,
        };
        let meter = if self.folds { template.folding() } else { template };
        let Parts { format, each, value, optional, time, unit, kind, states, interval_ms, evidence, .. } =
            self;
        Ok(Rule {
            topic,
            meter,
            format,
            each,
            value,
            optional,
            time,
            unit,
            kind,
            states,
            interval_ms,
            evidence,
        })
    }

    /// The unit of what the rule reads, as a word for people.
    pub(crate) fn unit_in_words(&self) -> String {
        match (&self.states, &self.unit) {
            (Some(_), _) => "state".to_owned(),
            (None, UnitRule::Fixed(unit)) => unit.to_string(),
            (None, UnitRule::InPayload { .. }) => "as sent".to_owned(),
            (None, UnitRule::Unsaid) => "yours to say".to_owned(),
        }
    }

    fn takes_a_unit(&self) -> bool {
        self.unit == UnitRule::Unsaid && self.states.is_none()
    }
}

fn format(value: &Value<'_>) -> Result<Format, String> {
    document::choice([("json", Format::Json), ("dsmr", Format::Dsmr)])(value)
}

fn flag(table: &mut Table<'_>, key: &'static str) -> bool {
    table.optional(key, document::boolean).is_some_and(|flag| flag.value)
}

/// A path; one that begins with `@` only where the rule has elements.
fn path(table: &mut Table<'_>, key: &'static str, has_each: bool) -> Option<Path> {
    let path = table.optional(key, document::parsed::<Path>)?;
    if path.value.is_within_element() && !has_each {
        let said = path.value.as_str();
        table.document().error(
            path.place,
            format!("`{key}`: `{said}` begins at an element, and the rule has no `each`; begin with $ or /"),
        );
    }
    Some(path.value)
}

fn read_each(table: &mut Table<'_>) -> Option<Each> {
    let each = path(table, "each", false);
    let has_each = table.has("each");
    let name = path(table, "element", has_each);
    let id = path(table, "element_id", has_each);
    let has_names = table.has("elements");
    let names: Vec<String> =
        table.values("elements", document::string).into_iter().map(|name| name.value).collect();
    if (name.is_some() || id.is_some() || has_names) && !has_each {
        let why = "`element`, `element_id` and `elements` name what `each` gives; say `each`";
        table.document().error(table.place(), why);
    }
    if name.is_some() && has_names {
        table
            .document()
            .error(table.place(), "`element` and `elements` are two answers to one question; keep one");
    }
    Some(Each { path: each?, name, id, names })
}

fn read_time(table: &mut Table<'_>, has_each: bool) -> Option<TimeAt> {
    let path = path(table, "time", has_each);
    let format = table.optional("time_format", document::parsed::<TimeFormat>);
    let zone = table.optional("time_zone", document::time_zone);
    let optional = table.optional("time_optional", document::boolean);
    let stray = format.as_ref().map(|format| format.place);
    let stray = stray.or(zone.as_ref().map(|zone| zone.place)).or(optional.as_ref().map(|flag| flag.place));
    if let (Some(place), false) = (stray, table.has("time")) {
        table.document().error(place, "says how a time is written, and no `time` says where it stands");
    }
    let format = format.map(|format| format.value).unwrap_or_default();
    let rule = TimeRule { format, zone: zone.map(|zone| zone.value) };
    Some(TimeAt { path: path?, rule, optional: optional.is_some_and(|flag| flag.value) })
}

fn kind(value: &Value<'_>) -> Result<Said, String> {
    let kinds = Kind::ALL.iter().map(|kind| (kind.word(), Said::Of(*kind)));
    document::choice(kinds.chain([("state", Said::State)]))(value)
}

fn read_states(table: &mut Table<'_>, kind: Option<&Placed<Said>>) -> Option<States> {
    let states = table.optional("states", document::entries(document::decimal));
    let is_state = kind.is_some_and(|kind| kind.value == Said::State);
    match (&states, kind) {
        (Some(states), _) if !is_state => {
            table.document().error(states.place, "`states` needs `kind = \"state\"` beside it");
        }
        (Some(states), _) if states.value.is_empty() => {
            table.document().error(states.place, "`states` names no state");
        }
        (None, Some(kind)) if is_state && !table.has("states") => table.document().missing(
            kind.place,
            "say what the words of the device count as, such as states = { ON = 1, OFF = 0 }",
        ),
        _ => {}
    }
    Some(States::new(states?.value))
}

fn read_unit(table: &mut Table<'_>, has_each: bool, kind: Option<&Placed<Said>>) -> UnitRule {
    let unit = table.optional("unit", document::unit);
    let unit_path_place = table.optional("unit_path", document::parsed::<Path>).map(|path| path.place);
    let unit_path = path(table, "unit_path", has_each);
    let spellings = table.optional("units", document::entries(document::unit));
    if let (Some(_), Some(place)) = (&unit, unit_path_place) {
        let why = "`unit` and `unit_path` are two answers to one question; keep one";
        table.document().error(place, why);
    }
    if let (Some(spellings), None) = (&spellings, &unit_path) {
        let why = "`units` says how the device spells units; `unit_path` says where";
        table.document().error(spellings.place, why);
    }
    check_unit(table, unit.as_ref(), kind);
    match (unit, unit_path) {
        (Some(unit), _) => UnitRule::Fixed(unit.value),
        (None, Some(path)) => {
            UnitRule::InPayload { path, spellings: spellings.map(|units| units.value).unwrap_or_default() }
        }
        (None, None) => UnitRule::Unsaid,
    }
}

fn check_unit(table: &Table<'_>, unit: Option<&Placed<Unit>>, kind: Option<&Placed<Said>>) {
    match (unit, kind.map(|kind| kind.value)) {
        (Some(unit), Some(Said::Of(kind))) if unit.value.kind() != kind => {
            let (unit, is) = (unit.value, unit.value.kind());
            table
                .document()
                .error(table.place(), format!("`{unit}` is a unit of {is}, and `kind` says {kind}"));
        }
        (Some(unit), Some(Said::State)) => table.document().error(unit.place, "a state has no unit"),
        _ => {}
    }
}

/// What values mean whose messages may say their unit themselves, in a place that is known.
pub(super) struct Meaning {
    pub(super) unit: Option<Unit>,
    pub(super) spellings: Vec<(String, Unit)>,
    pub(super) kind: Option<Kind>,
    pub(super) states: Option<States>,
}

/// Reads `unit`, `units`, `kind` and `states`.
pub(super) fn read_meaning(table: &mut Table<'_>) -> Meaning {
    let kind = table.optional("kind", kind);
    let states = read_states(table, kind.as_ref());
    let unit = table.optional("unit", document::unit);
    let spellings = table.optional("units", document::entries(document::unit));
    check_unit(table, unit.as_ref(), kind.as_ref());
    Meaning {
        unit: unit.map(|unit| unit.value),
        spellings: spellings.map(|spellings| spellings.value).unwrap_or_default(),
        kind: kind.and_then(|kind| kind.value.of_number()),
        states,
    }
}

/// The length of an interval mean, in ms.
pub(super) fn interval_ms(value: &Value<'_>) -> Result<u32, String> {
    let interval = document::positive_duration(value)?;
    u32::try_from(interval.as_millis()).map_err(|_| "is longer than 49 days".to_owned())
}

/// A register is no mean.
pub(super) fn check_interval(table: &Table<'_>, interval: Option<&Placed<u32>>, unit: Option<Unit>) {
    if let (Some(interval), Some(unit)) = (interval, unit)
        && unit.kind() == Kind::Register
    {
        table
            .document()
            .error(interval.place, format!("`{unit}` is a register's unit, and a register is no mean"));
    }
}

/// The rules of a profile, with what the configuration says otherwise.
fn of_profile(table: &mut Table<'_>) -> Option<Vec<(Rule, Option<String>)>> {
    let profile = table.required("profile", known_profile);
    let topic = table.optional("topic", document::string);
    let meter = table.optional("meter", document::string);
    let chosen = table.values("readings", document::string);
    let zone = table.optional("time_zone", document::time_zone);
    let format = table.optional("time_format", document::parsed::<TimeFormat>);
    let unit = table.optional("unit", document::unit);
    let folds = table.optional("fold_names", document::boolean).is_none_or(|folds| folds.value);
    let profile = profile?;
    let document = table.document();
    let own = &profile.value;
    if own.local_time && zone.is_none() {
        let name = &own.name;
        document.missing(profile.place, format!("`{name}` sends local times: say `time_zone`"));
    }
    for id in &chosen {
        if !own.readings.iter().any(|reading| reading.id == id.value) {
            document.dangling(
                id.place,
                "reading",
                &id.value,
                own.readings.iter().map(|reading| &*reading.id),
            );
        }
    }
    let is_chosen = |id: &str, extra: bool| match chosen.is_empty() {
        true => !extra,
        false => chosen.iter().any(|chosen| chosen.value == id),
    };
    let base = topic.as_ref().map_or(&own.topic, |topic| &topic.value);
    let stem = meter.as_ref().map_or(&own.meter, |meter| &meter.value);
    let mut rules = Vec::new();
    let mut takes_unit = false;
    for reading in own.readings.iter().filter(|reading| is_chosen(&reading.id, reading.extra)) {
        let mut parts = reading.parts.clone();
        parts.folds = folds;
        takes_unit |= parts.takes_a_unit();
        if let (Some(unit), true) = (&unit, parts.takes_a_unit()) {
            parts.unit = UnitRule::Fixed(unit.value);
        }
        parts.told(zone.as_ref().map(|zone| zone.value), format.as_ref().map(|format| &format.value));
        let pattern = format!("{base}{}", reading.topic).parse::<TopicPattern>();
        let place = topic.as_ref().map_or(profile.place, |topic| topic.place);
        let pattern = pattern.map_err(|error| document.error(place, format!("`topic`: {error}"))).ok()?;
        let place = meter.as_ref().map_or(place, |meter| meter.place);
        let rule = parts.rule(pattern, &format!("{stem}-{}", reading.meter));
        let rule = rule.map_err(|error| document.error(place, format!("`meter`: {error}"))).ok()?;
        rules.push((rule, Some(reading.id.clone())));
    }
    if let (Some(unit), false) = (&unit, takes_unit) {
        document.error(unit.place, format!("`{}` says the units of these readings itself", own.name));
    }
    Some(rules)
}

impl Parts {
    /// What the configuration says of the times of a profile.
    fn told(&mut self, zone: Option<Tz>, format: Option<&TimeFormat>) {
        let Some(time) = &mut self.time else { return };
        time.rule.zone = zone.or(time.rule.zone);
        if let (Some(format), TimeFormat::Rfc3339) = (format, &time.rule.format) {
            time.rule.format = format.clone();
        }
    }
}

fn known_profile(value: &Value<'_>) -> Result<Profile, String> {
    let name = document::string(value)?;
    profile::named(&name)
        .ok_or_else(|| format!("there is no profile `{name}`{}", did_you_mean(&name, profile::names())))
}

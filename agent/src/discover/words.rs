//! What the names of topics and fields tell of units, kinds and roles. The tables are the vocabulary that
//! `agent/discover.md` documents; a test holds the two together.

use wattledger_model::meter::Kind;
use wattledger_model::role::Role;
use wattledger_model::unit::{Quantity, Unit};

/// Units at the end of a name, with the words of which one must stand beside it; none where the unit is a word that
/// means nothing else.
pub(super) const UNITS: &[(&str, &str, &[&str])] = &[
    ("kwh", "kWh", &[]),
    ("wh", "Wh", &[]),
    ("gwh", "GWh", &[]),
    ("kilowatthours", "kWh", &[]),
    ("watthours", "Wh", &[]),
    ("kw", "kW", &[]),
    ("kilowatt", "kW", &[]),
    ("kilowatts", "kW", &[]),
    ("watt", "W", &[]),
    ("watts", "W", &[]),
    ("w", "W", &["power", "apower", "load", "active"]),
    ("va", "VA", &["power", "apparent", "load"]),
    ("var", "var", &["power", "reactive"]),
    ("volt", "V", &[]),
    ("volts", "V", &[]),
    ("v", "V", &["voltage", "volt", "u"]),
    ("amp", "A", &[]),
    ("amps", "A", &[]),
    ("ampere", "A", &[]),
    ("a", "A", &["current"]),
    ("hz", "Hz", &[]),
    ("celsius", "Cel", &[]),
    ("degc", "Cel", &[]),
    ("c", "Cel", &["temperature", "temp", "t"]),
    ("fahrenheit", "[degF]", &[]),
    ("degf", "[degF]", &[]),
    ("f", "[degF]", &["temperature", "temp"]),
    ("percent", "%", &[]),
    ("pct", "%", &[]),
    ("m3", "m3", &[]),
    ("litre", "L", &[]),
    ("liter", "L", &[]),
    ("litres", "L", &[]),
    ("liters", "L", &[]),
    ("m3h", "m3/h", &[]),
    ("lpm", "L/min", &[]),
    ("pa", "Pa", &["pressure"]),
];

/// Two words at the end of a name that are one unit.
pub(super) const PAIRS: &[([&str; 2], &str)] = &[
    (["m3", "h"], "m3/h"),
    (["l", "h"], "L/h"),
    (["l", "min"], "L/min"),
    (["l", "s"], "L/s"),
    (["kilowatt", "hours"], "kWh"),
    (["watt", "hours"], "Wh"),
];

/// Words for what is measured, where no unit stands beside it: the units that it may be in.
pub(super) const QUANTITIES: &[(&str, &str)] = &[
    ("power", "W or kW"),
    ("apower", "W or kW"),
    ("energy", "kWh or Wh"),
    ("aenergy", "kWh or Wh"),
    ("electricity", "kWh or Wh"),
    ("consumption", "kWh, Wh, m3 or L"),
    ("voltage", "V or mV"),
    ("current", "A or mA"),
    ("temperature", "°C or °F"),
    ("temp", "°C or °F"),
    ("flow", "m3/h, L/min or L/s"),
    ("water", "m3 or L"),
    ("gas", "m3"),
    ("heat", "kWh, MJ or GJ"),
];

/// Those of them that are amounts, which may begin anew.
const AMOUNTS: &[&str] = &["energy", "aenergy", "electricity", "consumption", "water", "gas", "heat"];

/// Words whose unit is the same everywhere.
pub(super) const ALWAYS: &[(&str, &str)] = &[("humidity", "%"), ("frequency", "Hz")];

/// Words of registers, which count on for good.
pub(super) const COUNTING: &[&str] = &[
    "total",
    "totals",
    "import",
    "imported",
    "export",
    "exported",
    "counter",
    "register",
    "lifetime",
    "cumulative",
    "delivered",
    "received",
    "consumed",
    "produced",
    "returned",
    "forward",
    "reverse",
];

/// Words of amounts that begin anew, so that they are no registers.
pub(super) const PERIODIC: &[&str] = &[
    "today",
    "yesterday",
    "daily",
    "day",
    "hour",
    "hourly",
    "week",
    "weekly",
    "month",
    "monthly",
    "year",
    "yearly",
    "session",
    "trip",
    "interval",
    "period",
    "last",
    "minute",
    "delta",
    "quarter",
];

/// Words of what is no measurement, or of no use to a ledger.
pub(super) const NOT_MEASURED: &[&str] = &[
    "limit",
    "max",
    "maximum",
    "min",
    "minimum",
    "rated",
    "nominal",
    "setpoint",
    "target",
    "threshold",
    "price",
    "cost",
    "tariff",
    "forecast",
    "budget",
    "capacity",
    "config",
    "settings",
    "calibration",
    "battery",
    "uptime",
    "rssi",
    "wifi",
    "version",
    "time",
    "timestamp",
    "alarm",
    "status",
    "factor",
    "demand",
    "peak",
];

/// Words of places, and the role that a meter there may have at the collector.
pub(super) const ROLES: &[(&str, Role)] = &[
    ("utility", Role::Utility),
    ("grid", Role::Utility),
    ("mains", Role::Utility),
    ("generator", Role::Generator),
    ("genset", Role::Generator),
    ("solar", Role::OnSiteRenewable),
    ("pv", Role::OnSiteRenewable),
    ("ups", Role::UpsOutput),
    ("pdu", Role::PduOutput),
    ("server", Role::ItInput),
    ("chiller", Role::Cooling),
    ("cooling", Role::Cooling),
    ("crac", Role::Cooling),
    ("crah", Role::Cooling),
    ("hvac", Role::Cooling),
    ("pump", Role::Cooling),
    ("light", Role::Lighting),
    ("lighting", Role::Lighting),
    ("water", Role::Water),
    ("outdoor", Role::Outdoor),
];

/// What a name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A measurement in this unit.
    Known { unit: Unit, why: String },
    /// A measurement of which the unit is not sure: the question, and what may be.
    Unsure { question: String },
}

/// The words of a name, small letters: `activePower_L1`, `energy-kWh`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut all = Vec::new();
    for token in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|token| !token.is_empty()) {
        // A unit in mixed letters, before capitals are taken for the beginnings of words.
        let unit = ["kWh", "MWh", "GWh", "kW", "MW", "kVA", "m3", "Wh", "Hz"].iter().find(|unit| {
            let before = token.strip_suffix(**unit).and_then(|before| before.chars().last());
            token == **unit || before.is_some_and(|last| last.is_ascii_lowercase() || last.is_ascii_digit())
        });
        let rest = unit.map_or(token, |unit| &token[..token.len() - unit.len()]);
        let mut word = String::new();
        let mut was_small = false;
        for c in rest.chars() {
            if c.is_ascii_uppercase() && was_small && !word.is_empty() {
                all.push(std::mem::take(&mut word));
            }
            was_small = c.is_ascii_lowercase() || c.is_ascii_digit();
            word.push(c.to_ascii_lowercase());
        }
        if !word.is_empty() {
            all.push(word);
        }
        all.extend(unit.map(|unit| {
            if *unit == "MWh" || *unit == "MW" { (*unit).to_owned() } else { unit.to_lowercase() }
        }));
    }
    all
}

/// What a name tells of a number, with the words around it: those of the topic, and of the fields that it is in. `said`
/// is a unit that the message has beside the number.
pub(super) fn meaning(name: &str, around: &[String], said: Option<Unit>) -> Option<Meaning> {
    let own = words(name);
    let is_one_of = |all: &[&str], words: &[String]| words.iter().any(|word| all.contains(&word.as_str()));
    // The `min` of `flow_l_min` is no least value.
    let named = if pair_at_end(&own).is_some() { &own[..own.len() - 2] } else { &own[..] };
    if is_one_of(NOT_MEASURED, named) {
        return None;
    }
    if let Some(question) = ambiguous(&own).filter(|_| said.is_none()) {
        return Some(Meaning::Unsure { question });
    }
    let always = || own.iter().find_map(|word| ALWAYS.iter().find(|(known, _)| known == word));
    let by_name = || unit_at_end(&own).map(|unit| (unit, format!("`{name}` ends with it")));
    let known = said.map(|unit| (unit, "the message says it".to_owned())).or_else(by_name).or_else(|| {
        let (word, unit) = always()?;
        Some((
            unit.parse().expect("a test reads every unit of the tables"),
            format!("it is always that of {word}"),
        ))
    });
    let all = || own.iter().chain(around);
    let counts_on = all().find(|word| COUNTING.contains(&word.as_str()));
    let begins_anew = all().any(|word| PERIODIC.contains(&word.as_str()));
    if let Some((unit, why)) = known {
        if unit.kind() != Kind::Register {
            return Some(Meaning::Known { unit, why });
        }
        if begins_anew {
            // No register: its total is to be read, which the device may send too.
            return None;
        }
        let stored = match unit.quantity() {
            Quantity::Energy => "the energy of an interval, or what is stored",
            _ => "a level",
        };
        return Some(match counts_on {
            Some(word) => Meaning::Known { unit, why: format!("{why}; `{word}`: it counts on") },
            None => Meaning::Unsure {
                question: format!("unit = \"{unit}\" if it is a register that counts on, and not {stored}"),
            },
        });
    }
    let quantity =
        |words: &[String]| words.iter().find_map(|word| QUANTITIES.iter().find(|(known, _)| known == word));
    // `{"energy": {"total": 5}}`: what is counted stands around it.
    let counts_itself = is_one_of(COUNTING, &own);
    let (word, units) = quantity(&own).or_else(|| quantity(around).filter(|_| counts_itself))?;
    if begins_anew && AMOUNTS.contains(word) {
        return None;
    }
    Some(Meaning::Unsure { question: format!("the unit of this {word}: {units}?") })
}

/// Letters that are two units: `mw` is milliwatts and megawatts.
fn ambiguous(own: &[String]) -> Option<String> {
    let last = own.last()?;
    ["mw", "mwh", "MW", "MWh", "mj"].contains(&last.as_str()).then(|| {
        let (small, large) = match last.to_lowercase().as_str() {
            "mwh" => ("mWh", "MWh"),
            "mj" => ("mJ", "MJ"),
            _ => ("mW", "MW"),
        };
        format!("`{last}` may be {small} or {large}")
    })
}

fn pair_at_end(own: &[String]) -> Option<&'static str> {
    let [.., first, second] = own else { return None };
    PAIRS.iter().find(|(pair, _)| pair[0] == first && pair[1] == second).map(|(_, unit)| *unit)
}

fn unit_at_end(own: &[String]) -> Option<Unit> {
    let parse = |unit: &str| unit.parse().expect("a test reads every unit of the tables");
    if let Some(unit) = pair_at_end(own) {
        return Some(parse(unit));
    }
    let (last, before) = own.split_last()?;
    let (_, unit, beside) = UNITS.iter().find(|(word, ..)| word == last)?;
    let fits = beside.is_empty() || before.iter().any(|word| beside.contains(&word.as_str()));
    fits.then(|| parse(unit))
}

/// The role that a meter may have, and the word that says so.
pub(super) fn role(words: &[String]) -> Option<(&'static str, Role)> {
    let singular = |word: &str| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    words.iter().find_map(|word| {
        let word = singular(word);
        ROLES.iter().find(|(known, _)| *known == word || word.strip_suffix('s') == Some(*known)).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, around: &str) -> String {
        match meaning(name, &words(around), None) {
            Some(Meaning::Known { unit, .. }) => unit.to_string(),
            Some(Meaning::Unsure { question }) => format!("? {question}"),
            None => String::new(),
        }
    }

    #[test]
    fn names_are_taken_apart_at_capitals_and_whatever_is_no_letter() {
        for (name, apart) in [
            ("activePower_L1", "active power l1"),
            ("energy-kWh", "energy kwh"),
            ("totalkWh", "total kwh"),
            ("ENERGY", "energy"),
            ("totalMWh", "total MWh"),
            ("total_m3", "total m3"),
            ("tC", "t c"),
            ("é", ""),
        ] {
            assert_eq!(words(name).join(" "), apart, "{name}");
        }
    }

    #[test]
    fn a_unit_is_known_only_where_it_can_be_no_other() {
        for (name, around, unit) in [
            ("active_power_w", "", "W"),
            ("output_kw", "bms ups", "kW"),
            ("total_power_import_kwh", "", "kWh"),
            ("kwh", "total", "kWh"),
            ("voltage_v", "", "V"),
            ("current_a", "", "A"),
            ("temperature_c", "", "Cel"),
            ("tC", "", "Cel"),
            ("humidity", "", "%"),
            ("flow_l_min", "", "L/min"),
            ("total_m3", "water", "m3"),
        ] {
            assert_eq!(told(name, around), unit, "{name}");
        }
        for (name, around, says) in [
            ("power", "", "W or kW"),
            ("energy_kwh", "", "a register that counts on"),
            ("total", "home energy", "kWh or Wh"),
            ("tank_m3", "", "a level"),
            ("power_mw", "", "mW or MW"),
            ("totalMWh", "", "mWh or MWh"),
            ("temperature", "", "°C or °F"),
        ] {
            let told = told(name, around);
            assert!(told.starts_with("? ") && told.contains(says), "{name}: {told}");
        }
        for (nothing, around) in [
            ("power_limit_w", ""),
            ("linkquality", ""),
            ("phase_a", ""),
            ("w", ""),
            ("energy_price", ""),
            ("power_factor", ""),
            ("energy_today_kwh", ""),
            ("kwh", "total daily"),
            ("today", "energy"),
            ("total", "count"),
        ] {
            assert_eq!(told(nothing, around), "", "{nothing}");
        }
    }

    #[test]
    fn places_tell_of_roles() {
        let of = |topic: &str| role(&words(topic)).map(|(_, role)| role);
        assert_eq!(of("hall/chillers/2/power"), Some(Role::Cooling));
        assert_eq!(of("rack/pdu7/output"), Some(Role::PduOutput));
        assert_eq!(of("hall/x"), None);
    }

    #[test]
    fn the_vocabulary_is_documented_and_all_its_units_exist() {
        let page = include_str!("../../discover.md");
        let says =
            |word: &str| assert!(page.contains(&format!("`{word}`")), "discover.md does not have `{word}`");
        for (word, unit, beside) in UNITS {
            unit.parse::<Unit>().expect(unit);
            says(word);
            beside.iter().for_each(|word| says(word));
        }
        for (pair, unit) in PAIRS {
            unit.parse::<Unit>().expect(unit);
            says(&pair.join("_"));
        }
        for (word, unit) in ALWAYS {
            unit.parse::<Unit>().expect(unit);
            says(word);
        }
        QUANTITIES.iter().for_each(|(word, _)| says(word));
        ROLES.iter().for_each(|(word, _)| says(word));
        [COUNTING, PERIODIC, NOT_MEASURED].concat().into_iter().for_each(says);
    }
}

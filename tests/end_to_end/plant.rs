//! Two facilities of which every dashboard has something to show: targets, zones, a tree of meters, weather, water,
//! carbon by both methods, heat, certificates. Their days are warm by noon, and PUE follows the weather and the load.

use crate::chain::{SITE, Setting};
use crate::publish::Message;
use serde_json::json;

pub(crate) const QUARTER_MS: i64 = 900_000;

/// Names, roles and units of the hall's meters, with what else their declaration says.
const HALL: &[(&str, &str, &str, &str)] = &[
    ("main", "utility", "kWh", "rated_power = \"2 MW\"\nclass = \"0.5S\"\nct = \"none\"\nmake = \"a\"\n"),
    (
        "solar",
        "on-site-renewable",
        "kWh",
        "rated_power = \"300 kW\"\nclass = \"1\"\nct = \"none\"\nmake = \"b\"\n",
    ),
    (
        "ups-in",
        "ups-input",
        "kWh",
        "rated_power = \"2 MW\"\nclass = \"0.5S\"\nct = \"none\"\nfed_by = [\"main\"]\n",
    ),
    (
        "ups",
        "ups-output",
        "kWh",
        "rated_power = \"2 MW\"\nclass = \"0.5S\"\nct = \"none\"\nfed_by = [\"ups-in\"]\n",
    ),
    (
        "pdu",
        "pdu-output",
        "kWh",
        "rated_power = \"2 MW\"\nclass = \"0.2S\"\nct = \"none\"\nmake = \"c\"\nfed_by = [\"ups\"]\n",
    ),
    (
        "chillers",
        "cooling",
        "kWh",
        "rated_power = \"600 kW\"\nclass = \"1\"\nct = \"none\"\nfed_by = [\"main\"]\n",
    ),
    (
        "lighting",
        "lighting",
        "kWh",
        "rated_power = \"60 kW\"\nclass = \"1\"\nct = \"none\"\nfed_by = [\"main\"]\n",
    ),
    ("water", "water", "m3", "rated_flow = \"20 m3/h\"\n"),
    ("potable", "potable-water", "m3", "rated_flow = \"20 m3/h\"\n"),
    ("heat-sold", "heat-reuse", "kWh", "rated_power = \"2 MW\"\n"),
    ("heat-removed", "heat-removed", "kWh", "rated_power = \"2 MW\"\n"),
    (
        "diesel",
        "generator-fuel",
        "L",
        "rated_flow = \"600 L/h\"\ncarrier = \"diesel\"\nuncertainty = \"2 %\"\n",
    ),
];
const ANNEX: &[(&str, &str, &str, &str)] = &[
    ("annex-main", "utility", "kWh", "rated_power = \"200 kW\"\n"),
    ("annex-it", "it-input", "kWh", "rated_power = \"200 kW\"\n"),
    ("annex-cooling", "cooling", "kWh", "rated_power = \"60 kW\"\n"),
];

fn meters(facility: &str, meters: &[(&str, &str, &str, &str)]) -> String {
    meters
        .iter()
        .map(|(name, role, unit, more)| {
            format!(
                "[[meter]]\nname = \"{name}\"\nfacility = \"{facility}\"\nrole = \"{role}\"\nkind = \"register\"\n\
                 unit = \"{unit}\"\nresolution = \"0.001\"\nnominal_interval = \"15m\"\n{more}\n"
            )
        })
        .collect()
}

/// The two configurations. An alert is raised as soon as there is an hour's PUE.
pub(crate) fn setting() -> Setting {
    let hall = meters("hall", HALL);
    let annex = meters("annex", ANNEX);
    Setting {
        rules: r#"
[[source.mqtt.rule]]
topic = "hall/{meter}"
meter = "{meter}"
value = "/value"
time = "/time"
time_format = "epoch-ms"
unit_path = "/unit"
"#
        .to_owned(),
        places: format!(
            r#"[[site]]
name = "{SITE}"
time_zone = "America/Denver"

[[facility]]
name = "hall"
site = "{SITE}"
it_energy = "pdu-output"
targets = ["D130", "D125"]
emission_factor = "0.4 kg/kWh"
emission_factor_year = 2025
emission_factor_source = "of the test"
supplier_factor = "0.1 kg/kWh"
supplier_factor_year = 2025
supplier_factor_source = "of the test"
residual_factor = "0.6 kg/kWh"
residual_factor_source = "of the test"
racks = 400

[[facility.certificate]]
kind = "goo"
energy = "50 MWh"
from = 2020-01-01
to = 2035-01-01
market = "test"
retired = 2020-01-02
reference = "of the test"

[[zone]]
name = "room-1"
facility = "hall"

[[meter]]
name = "room-1-it"
site = "{SITE}"
kind = "register"
unit = "kWh"
rated_power = "1 MW"
nominal_interval = "15m"

[[meter.claim]]
zone = "room-1"
role = "pdu-output"

[[meter]]
name = "room-1-all"
site = "{SITE}"
kind = "register"
unit = "kWh"
rated_power = "1 MW"
nominal_interval = "15m"

[[meter.claim]]
zone = "room-1"
role = "zone-total"

[[virtual]]
name = "conversion"
facility = "hall"
role = "power-path"
sum = ["ups-in", "-ups"]

[[meter]]
name = "outdoor"
facility = "hall"
role = "outdoor"
kind = "gauge"
unit = "°C"
nominal_interval = "15m"

[[meter]]
name = "racks-in-use"
facility = "hall"
role = "racks-in-use"
kind = "gauge"
unit = "1"
nominal_interval = "15m"

[[facility]]
name = "annex"
site = "{SITE}"
targets = ["D130"]
emission_factor = "0.4 kg/kWh"
emission_factor_year = 2025
emission_factor_source = "of the test"

{hall}{annex}[[alert]]
name = "hall-high"
facility = "hall"
indicator = "pue"
window = "1h"
raise_above = 1.01
raise_after = "1m"
clear_below = 1.0
clear_after = "1m"
channels = ["bus"]

[[channel.mqtt]]
name = "bus"
"#
        ),
        retention: "400d",
    }
}

/// What everything draws at an instant, in kW, L/h and degrees.
struct Instant {
    outdoor: f64,
    it: f64,
    cooling: f64,
    conversion: f64,
}

impl Instant {
    fn at(ms: i64) -> Instant {
        let days = ms as f64 / 86_400_000.0;
        let turn = |period: f64, shift: f64| ((days / period + shift) * std::f64::consts::TAU).sin();
        let outdoor = 11.0 + 7.0 * turn(1.0, 0.9) + 4.0 * turn(9.0, 0.0) + turn(0.37, 0.2);
        let it = 420.0 + 45.0 * turn(1.0, 0.85) + 25.0 * turn(7.0, 0.1) + 8.0 * turn(0.11, 0.0);
        let cooling = it * (0.06 + 0.009 * (outdoor - 8.0).max(0.0));
        Instant { outdoor, it, cooling, conversion: 14.0 + 0.03 * it }
    }

    /// Power or flow of a meter.
    fn of(&self, meter: &str) -> f64 {
        let Instant { outdoor, it, cooling, conversion } = self;
        let lighting = 9.0;
        let solar = (6.0 * (outdoor - 8.0)).max(0.0);
        match meter {
            // A little goes where no meter stands.
            "main" => it + cooling + conversion + lighting + 3.0 - solar,
            "solar" => solar,
            "ups-in" => it * 1.005 + conversion,
            "ups" => it * 1.005,
            "pdu" => *it,
            "chillers" => *cooling,
            "lighting" => lighting,
            "water" => 0.8 * cooling / 1_000.0,
            "potable" => 0.3 * cooling / 1_000.0,
            "heat-sold" => it * 0.12,
            "heat-removed" => it * 1.05,
            "diesel" => 0.5,
            "room-1-it" => it * 0.4,
            "room-1-all" => it * 0.4 + cooling * 0.5,
            "annex-main" => it * 0.1 * 1.33 + cooling * 0.05,
            "annex-it" => it * 0.1,
            "annex-cooling" => cooling * 0.1,
            _ => unreachable!("`{meter}` is no meter of the plant"),
        }
    }
}

/// Every meter's readings of each quarter of an hour from `first` to `last`, and what must not be taken in: a reading
/// of a meter that nobody declared, and one from a clock that is ahead.
pub(crate) fn messages(first: i64, last: i64) -> Vec<Message> {
    let mut registers: Vec<(&str, &str, f64)> =
        HALL.iter().chain(ANNEX).map(|(name, _, unit, _)| (*name, *unit, 1_000.0)).collect();
    registers.extend([("room-1-it", "kWh", 50.0), ("room-1-all", "kWh", 70.0)]);
    let message = |meter: &str, time: i64, value: f64, unit: &str| {
        let value: serde_json::Number = format!("{value:.3}").parse().expect("a number");
        let payload = json!({ "time": time, "value": value, "unit": unit });
        Message::new(format!("hall/{meter}"), payload.to_string())
    };
    let mut all = Vec::new();
    for time in (first..=last).step_by(QUARTER_MS as usize) {
        let instant = Instant::at(time);
        for (meter, unit, total) in &mut registers {
            all.push(message(meter, time, *total, unit));
            *total += Instant::at(time + QUARTER_MS / 2).of(meter) * QUARTER_MS as f64 / 3_600_000.0;
        }
        all.push(message("outdoor", time, instant.outdoor, "Cel"));
        all.push(message("racks-in-use", time, 310.0, "1"));
    }
    all.push(message("stray", last, 1.0, "kWh"));
    all.push(message("lighting", last + 40 * QUARTER_MS, 9_999.0, "kWh"));
    all
}

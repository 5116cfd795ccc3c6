//! Every measurement, tag and field that is written to a database, declared once with type and unit.
//!
//! Tags are identities that never change. A field keeps its type for ever, because databases refuse a second
//! one: floats are always floats.

use std::ops::BitOr;

/// Version of what is declared here. A database that was written by an earlier one is written again from the start;
/// what each version added stands in `dashboards/README.md`.
pub const VERSION: u32 = 2;

/// What a measurement holds.
#[derive(Debug)]
pub struct Measurement {
    /// Its name.
    pub name: &'static str,
    /// Its tags, sorted.
    pub tags: &'static [&'static str],
    /// Its fields; a field's place here is its number in [`FieldSet`].
    pub fields: &'static [Field],
    /// What one point says, and what its time is.
    pub about: &'static str,
}

/// A field of a measurement.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type in the database.
    pub kind: FieldKind,
    /// Its unit; `1` for shares and ratios, empty for words.
    pub unit: &'static str,
    /// What it says.
    pub about: &'static str,
}

/// The type of a field in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// A 64-bit float.
    Float,
    /// A signed 64-bit integer.
    Integer,
    /// A text.
    Text,
}

const fn float(name: &'static str, unit: &'static str, about: &'static str) -> Field {
    Field { name, kind: FieldKind::Float, unit, about }
}

const fn count(name: &'static str, about: &'static str) -> Field {
    Field { name, kind: FieldKind::Integer, unit: "1", about }
}

/// Some fields of one measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct FieldSet(pub(crate) u16);

impl FieldSet {
    /// The one field of a number.
    pub(crate) const fn of(field: usize) -> FieldSet {
        FieldSet(1 << field)
    }

    /// Whether the field of a number is among these.
    pub(crate) const fn has(self, field: usize) -> bool {
        self.0 & 1 << field != 0
    }

    /// These but for the others.
    pub(crate) const fn without(self, others: FieldSet) -> FieldSet {
        FieldSet(self.0 & !others.0)
    }

    /// Whether any of these is not among the others.
    pub(crate) const fn exceeds(self, others: FieldSet) -> bool {
        self.0 & !others.0 != 0
    }
}

impl BitOr for FieldSet {
    type Output = FieldSet;

    fn bitor(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 | other.0)
    }
}

const COVERAGE: Field = float("coverage", "1", "share of the time that is covered, 0 to 1");
const INTERPOLATED: Field =
    float("interpolated", "1", "share of the booked amount that was spread over long steps");
const ESTIMATED: Field = float("estimated", "1", "share of the booked amount that was estimated");
const ENERGY: Field =
    float("energy_kwh", "kWh", "energy, whatever its provenance; absent where nothing is booked");
const VOLUME: Field =
    float("volume_l", "L", "volume, whatever its provenance, of components that are no energy");

/// Numbers of the fields of [`METER`].
pub(crate) mod meter {
    pub(crate) const AMOUNT: usize = 0;
    pub(crate) const POWER: usize = 1;
    pub(crate) const MEAN: usize = 2;
    pub(crate) const MIN: usize = 3;
    pub(crate) const MAX: usize = 4;
    pub(crate) const COVERAGE: usize = 5;
    pub(crate) const MEASURED: usize = 6;
    pub(crate) const INTERPOLATED: usize = 7;
    pub(crate) const ESTIMATED: usize = 8;
}

/// Minutes of single meters.
pub static METER: Measurement = Measurement {
    name: "wl_meter",
    tags: &["meter", "site"],
    fields: &[
        float("amount", "kWh, L or kg", "what passed in the minute, whatever its provenance"),
        float("power_w", "W", "mean power over the known time of the minute; energy meters only"),
        float("mean", "the gauge's unit", "time-weighted mean; gauges only"),
        float("min", "the gauge's unit", "lowest value; gauges only"),
        float("max", "the gauge's unit", "highest value; gauges only"),
        float("coverage", "1", "share of the minute that is measured or interpolated"),
        float("measured", "1", "share of the minute that is measured"),
        float("interpolated", "1", "share of the minute inside a long step"),
        float("estimated", "1", "share of the minute that is estimated"),
    ],
    about: "One minute of a declared meter, at the minute's start. A minute of which nothing is known has no point.",
};

/// Numbers of the fields of [`COMPONENT`], [`ENERGY_HOUR`] and [`ENERGY_DAY`].
pub(crate) mod sum {
    pub(crate) const ENERGY: usize = 0;
    pub(crate) const VOLUME: usize = 1;
    pub(crate) const COVERAGE: usize = 2;
    /// Of [`super::COMPONENT`] alone.
    pub(crate) const POWER: usize = 3;
}

/// Minutes of facility sums.
pub static COMPONENT: Measurement = Measurement {
    name: "wl_component",
    tags: &["component", "facility", "site"],
    fields: &[
        ENERGY,
        VOLUME,
        COVERAGE,
        float("power_w", "W", "mean power; only where all meters measured the whole minute"),
    ],
    about: "One minute of a facility's total, IT, or all meters of one role, at the minute's start.",
};

/// Hours of facility sums.
pub static ENERGY_HOUR: Measurement = Measurement {
    name: "wl_energy_hour",
    tags: &["component", "facility", "site"],
    fields: &[ENERGY, VOLUME, COVERAGE],
    about: "One UTC hour of a component, at the hour's start, once the horizon has passed its end.",
};

/// Local days of facility sums.
pub static ENERGY_DAY: Measurement = Measurement {
    name: "wl_energy_day",
    tags: &["component", "facility", "site"],
    fields: &[ENERGY, VOLUME, COVERAGE],
    about: "One local date of a component, at its first instant, once the horizon has passed its end.",
};

/// Numbers of the fields of [`INDICATOR`] and [`ZONE`].
pub(crate) mod indicator {
    pub(crate) const VALUE: usize = 0;
    pub(crate) const NUMERATOR: usize = 1;
    pub(crate) const DENOMINATOR: usize = 2;
    pub(crate) const COVERAGE: usize = 3;
    pub(crate) const INTERPOLATED: usize = 4;
    pub(crate) const ESTIMATED: usize = 5;
    /// Not of [`super::NOW`].
    pub(crate) const EXPANDED: usize = 6;
}

const VALUE: Field = float(
    "value",
    "the indicator's unit",
    "the unrounded value; absent where it is undefined: 1 (PUE), L/kWh (WUE), kg/kWh (CUE), kg (carbon), ...",
);
const NUMERATOR: Field = float(
    "numerator",
    "kWh, L, kg or the indicator's own",
    "what is divided; absent where nothing is covered",
);
const DENOMINATOR: Field = float(
    "denominator",
    "kWh or the indicator's own",
    "by what it is divided, mostly IT energy; absent where nothing is covered, and of what is no ratio",
);
const EXPANDED: Field = float(
    "expanded",
    "the value's unit",
    "expanded uncertainty (k = 2) of the value; absent where it is not known, and of windows shorter than a day",
);

/// Figures by window.
pub static INDICATOR: Measurement = Measurement {
    name: "wl_indicator",
    tags: &["facility", "indicator", "site", "window"],
    fields: &[VALUE, NUMERATOR, DENOMINATOR, COVERAGE, INTERPOLATED, ESTIMATED, EXPANDED],
    about: "One figure of one window. Rolling windows at their end, calendar ones at their start, to date. PUE, WUE, \
            CUE and carbon in all windows, other indicators in those of 24 hours and more but 7 days.",
};

/// Partial PUE of zones by window.
pub static ZONE: Measurement = Measurement {
    name: "wl_zone",
    tags: &["facility", "site", "window", "zone"],
    fields: INDICATOR.fields,
    about: "The partial PUE of a declared zone, at the time that the same window has in wl_indicator. Windows 24h, \
            30d, 12mo, day, month and year.",
};

/// Numbers of the fields of [`TARGET`].
pub(crate) mod target {
    pub(crate) const LIMIT: usize = 0;
    pub(crate) const VALUE: usize = 1;
    pub(crate) const COVERAGE: usize = 2;
    pub(crate) const MEETS: usize = 3;
    pub(crate) const VERDICT: usize = 4;
}

/// Figures held against targets.
pub static TARGET: Measurement = Measurement {
    name: "wl_target",
    tags: &["facility", "site", "target", "window"],
    fields: &[
        float("limit", "1", "the limit of the target"),
        float("value", "1", "the PUE that is held against it; absent where it is undefined"),
        COVERAGE,
        Field {
            name: "meets",
            kind: FieldKind::Integer,
            unit: "1",
            about: "1 where the value meets the limit, 0 where not; absent without a verdict",
        },
        Field { name: "verdict", kind: FieldKind::Text, unit: "", about: "the verdict, in a word" },
    ],
    about: "A facility's PUE against one target, at the time that the same window has in wl_indicator.",
};

/// Numbers of the fields of [`BUDGET`].
pub(crate) mod budget {
    pub(crate) const LIMIT: usize = 0;
    pub(crate) const VALUE: usize = 1;
    pub(crate) const COVERAGE: usize = 2;
    pub(crate) const PERMITTED: usize = 3;
    pub(crate) const OVERHEAD_LEFT: usize = 4;
    pub(crate) const DAYS_LEFT: usize = 5;
    pub(crate) const BURN_RATE: usize = 6;
    pub(crate) const BURN_RATE_DAY: usize = 7;
    pub(crate) const BURN_RATE_WEEK: usize = 8;
    pub(crate) const BURN_RATE_MONTH: usize = 9;
    pub(crate) const FORECAST: usize = 10;
}

/// What a year's target still permits.
pub static BUDGET: Measurement = Measurement {
    name: "wl_budget",
    tags: &["facility", "site", "target"],
    fields: &[
        float("limit", "1", "the limit of the target"),
        float("value", "1", "PUE of the year to date; absent where it is undefined"),
        COVERAGE,
        float(
            "permitted",
            "1",
            "mean PUE that the rest of the year may have; below 1 the target cannot be met",
        ),
        float(
            "overhead_left_kwh",
            "kWh",
            "overhead that the target still permits this year; below 0 it cannot be met",
        ),
        float(
            "days_left",
            "d",
            "how long that lasts at the mean overhead of the last 30 days; 0 where nothing is left",
        ),
        float(
            "burn_rate",
            "1",
            "overhead of the year to date by what its IT energy permits; above 1 overspends",
        ),
        float("burn_rate_1d", "1", "the same of the last 24 hours"),
        float("burn_rate_7d", "1", "the same of the last 7 days"),
        float("burn_rate_30d", "1", "the same of the last 30 days"),
        float("forecast", "1", "PUE of the whole year if its rest is as the last 30 days were"),
    ],
    about: "Where the year to date stands against one upper limit on PUE: one point a local date, at its first \
            instant, as of its end, or while it lasts as of the last full UTC hour.",
};

/// Numbers of the fields of [`BALANCE`].
pub(crate) mod balance {
    pub(crate) const PARENT: usize = 0;
    pub(crate) const CHILDREN: usize = 1;
    pub(crate) const RESIDUAL: usize = 2;
    pub(crate) const ALLOWED: usize = 3;
    pub(crate) const COVERAGE: usize = 4;
}

/// Nodes of the tree of meters.
pub static BALANCE: Measurement = Measurement {
    name: "wl_balance",
    tags: &["facility", "meter", "site"],
    fields: &[
        float(
            "parent_kwh",
            "kWh",
            "what flowed in while both sides are covered; absent where they never are",
        ),
        float("children_kwh", "kWh", "what was measured below in the same time"),
        float(
            "residual_kwh",
            "kWh",
            "what flowed in less what was measured below: losses, and what has no meter",
        ),
        float("allowed_kwh", "kWh", "expanded uncertainty (k = 2) of that; absent where it is not known"),
        COVERAGE,
    ],
    about: "One local date of a meter that feeds others, at the date's first instant, once the horizon has passed its \
            end. Feeds of one node are balanced together, their names joined by +. The facility is that of the feeds.",
};

/// Numbers of the fields of [`METER_DAY`].
pub(crate) mod meter_day {
    use wattledger_model::minute::StepClass;

    pub(crate) const COVERAGE: usize = 0;
    pub(crate) const MEASURED: usize = 1;
    pub(crate) const INTERPOLATED: usize = 2;
    pub(crate) const ESTIMATED: usize = 3;
    pub(crate) const AMOUNT: usize = 4;
    /// Steps by class. A small fall that books nothing is not in the step table, nor are readings that were dropped, and
    /// conflicts are no content of the ledger: there is nothing to count them by.
    pub(crate) const STEPS: [(StepClass, usize); 5] = [
        (StepClass::Reset, 5),
        (StepClass::Rollover, 6),
        (StepClass::Exchange, 7),
        (StepClass::Jump, 8),
        (StepClass::Undecidable, 9),
    ];
    /// Of whatever class.
    pub(crate) const LONG_STEPS: usize = 10;
}

/// Local days of single meters.
pub static METER_DAY: Measurement = Measurement {
    name: "wl_meter_day",
    tags: &["meter", "site"],
    fields: &[
        float("coverage", "1", "share of the day that is measured, or in long steps that lie wholly inside"),
        float("measured", "1", "share of the day that is measured"),
        float("interpolated", "1", "share of the day inside long steps"),
        float("estimated", "1", "share of the day that is estimated"),
        float(
            "amount",
            "kWh, L or kg",
            "what passed, whatever its provenance; absent where nothing is booked, and of gauges",
        ),
        count("resets", "steps that began on the day and were resets; counts are of registers only"),
        count("rollovers", "rollovers"),
        count("exchanges", "declared exchanges of the instrument"),
        count("jumps", "implausible jumps"),
        count("undecidable", "steps in which more could have passed than the modulus"),
        count("long_steps", "steps longer than the gap limit, of which only the total is measured"),
    ],
    about: "One date of a declared meter, at its first instant, in the time of its site, or in UTC of meters without a \
            facility; once readings have come in for an hour after it, from the meter's first day on.",
};

/// Numbers of the fields of [`WEATHER`].
pub(crate) mod weather {
    pub(crate) const MEAN: usize = 0;
    pub(crate) const MIN: usize = 1;
    pub(crate) const MAX: usize = 2;
    pub(crate) const COVERAGE: usize = 3;
}

/// Hours of outdoor gauges.
pub static WEATHER: Measurement = Measurement {
    name: "wl_weather",
    tags: &["facility", "meter", "site"],
    fields: &[
        float("mean", "the gauge's unit", "time-weighted mean; absent where nothing is covered"),
        float("min", "the gauge's unit", "lowest value"),
        float("max", "the gauge's unit", "highest value"),
        COVERAGE,
    ],
    about: "One UTC hour of a gauge in the role outdoor, at the hour's start, once the facility's horizon has passed \
            its end.",
};

/// Live figures.
pub static NOW: Measurement = Measurement {
    name: "wl_now",
    tags: &["facility", "indicator", "site", "window"],
    fields: &[VALUE, NUMERATOR, DENOMINATOR, COVERAGE, INTERPOLATED, ESTIMATED],
    about: "What each window comes to at the horizon, at the horizon. A record of what was shown: never restated.",
};

/// Agents' health.
pub static AGENT: Measurement = Measurement {
    name: "wl_agent",
    tags: &["agent", "site"],
    fields: &[
        float("live", "1", "1 while the agent is heard, else 0"),
        float("silent_s", "s", "time since the agent was last heard"),
        float("unacknowledged", "1", "batches in its spool that are not acknowledged"),
        float("spool_bytes", "By", "bytes in its spool"),
        float("spool_limit_bytes", "By", "bytes its spool may hold"),
        float("taken_in", "1", "readings taken in since its spool was made"),
        float("refused", "1", "payloads refused since its spool was made"),
        float("lost", "1", "readings dropped because its spool was full, or damaged on its disk"),
        float("thinned", "1", "readings thinned away because its spool was full"),
    ],
    about: "One agent as the collector sees it, by the collector's clock. Never restated.",
};

const fn words(name: &'static str, about: &'static str) -> Field {
    Field { name, kind: FieldKind::Text, unit: "", about }
}

/// Meters' health.
pub static METER_STATE: Measurement = Measurement {
    name: "wl_meter_state",
    tags: &["meter", "site"],
    fields: &[
        float(
            "live",
            "1",
            "1 while its latest reading is as recent as its nominal interval promises, else 0",
        ),
        float("age_s", "s", "time since its latest reading; absent before the first"),
        float("coverage_24h", "1", "share of the last 24 hours that is covered, 0 to 1"),
        float("resets", "1", "resets of the register that were booked"),
        float(
            "pending",
            "1",
            "falls and jumps of the register that readings to come may still decide otherwise",
        ),
        float("duplicates", "1", "readings that came again with the same value, since the store was made"),
        float("conflicts", "1", "readings for an instant that had another value, since the store was made"),
        float("refused", "1", "readings that cannot be booked, since the collector started"),
    ],
    about: "One declared meter as the collector sees it, by the collector's clock, every minute. Never restated.",
};

/// What was refused.
pub static QUARANTINE: Measurement = Measurement {
    name: "wl_quarantine",
    tags: &["cause"],
    fields: &[
        float("count", "1", "readings and payloads refused for this cause since the store was made"),
        float("held", "1", "how many of them are kept and wait for somebody to decide"),
    ],
    about: "What was refused for one cause, by the collector's clock, every minute. Never restated.",
};

/// The collector itself.
pub static COLLECTOR: Measurement = Measurement {
    name: "wl_collector",
    tags: &["collector"],
    fields: &[
        float("uptime_s", "s", "time since it started"),
        float("readings", "1", "readings taken in since it started, those that came again among them"),
        float("batches", "1", "payloads that became durable or were refused since it started"),
        float("commits", "1", "flushes to the ledger since it started"),
        float("readings_per_s", "1/s", "readings taken in each second since the point before"),
        float(
            "lag_s",
            "s",
            "longest wait of late from a payload's arrival until it was durable; absent where none came",
        ),
        float("flush_s", "s", "duration of the latest flush"),
        float("change", "1", "the ledger's change number"),
        float("store_bytes", "By", "bytes of the files in its data directory"),
        float("memory_bytes", "By", "resident memory of its process"),
        float("problems", "1", "things that are wrong now, as /healthz tells them"),
    ],
    about: "The collector itself, by its clock, every ten seconds. Never restated.",
};

/// How outputs keep up.
pub static OUTPUT: Measurement = Measurement {
    name: "wl_output",
    tags: &["collector", "output"],
    fields: &[
        float("ok", "1", "1 where it has written all there is, else 0"),
        float("behind", "1", "change numbers that it has not written yet"),
        float("points", "1", "points written since the collector started"),
        float(
            "refused_points",
            "1",
            "points that the database refused for good, since the collector started",
        ),
    ],
    about: "One output, by the collector's clock, every ten seconds while it can be written. Never restated.",
};

/// How messages of alerts fare.
pub static CHANNEL: Measurement = Measurement {
    name: "wl_channel",
    tags: &["channel", "collector"],
    fields: &[
        float("ok", "1", "0 from a delivery that failed until one that is taken, else 1"),
        float("delivered", "1", "messages that were taken, since the collector started"),
        float("failed", "1", "deliveries that failed, each attempt counted, since the collector started"),
        float("given_up", "1", "messages given up, since the collector started"),
    ],
    about: "One channel of alerts, by the collector's clock, every minute. Never restated.",
};

/// How far figures are behind.
pub static HORIZON: Measurement = Measurement {
    name: "wl_horizon",
    tags: &["facility", "site"],
    fields: &[float("lag_s", "s", "the collector's clock minus the facility's horizon")],
    about: "How far a facility's live figures are behind, by the collector's clock, every ten seconds. Never restated.",
};

/// Alerts as they stand.
pub static ALERT: Measurement = Measurement {
    name: "wl_alert",
    tags: &["facility", "rule", "severity"],
    fields: &[
        float("raised", "1", "1 while the alert is raised, 0 from when it was cleared"),
        float("value", "the indicator's unit", "the figure that was judged"),
        float(
            "limit",
            "the indicator's unit",
            "the threshold: that of raising, or at the end that of clearing",
        ),
        float("coverage", "1", "coverage of the figure, 0 to 1"),
    ],
    about: "One rule's alert at the end of a window that was judged: when it turned, and while it is raised at most \
            every minute. Never restated.",
};

/// Annotations.
pub static EVENT: Measurement = Measurement {
    name: "wl_event",
    tags: &["facility", "kind", "site"],
    fields: &[
        words("title", "what happened, in a line"),
        words("text", "why, or what exactly"),
        words("who", "who did it; `collector` where nobody asked for it"),
    ],
    about: "Something that happened: `alert-raised` and `alert-cleared` at the end of the window that decided it; \
            `correction` (also taken back), `admission` (also a discard) and `configuration` when they were made; \
            `exchange` when an instrument was exchanged. Facility and site are `-` where it has none. Events of one \
            series and instant are milliseconds apart. Never restated.",
};

/// Those of [`ALL`] that tell what was shown or happened at the time, and do not follow from the ledger.
pub static LIVE: &[&Measurement] =
    &[&NOW, &AGENT, &METER_STATE, &QUARANTINE, &COLLECTOR, &OUTPUT, &CHANNEL, &HORIZON, &ALERT, &EVENT];

/// Every measurement.
pub static ALL: &[&Measurement] = &[
    &METER,
    &METER_DAY,
    &COMPONENT,
    &ENERGY_HOUR,
    &ENERGY_DAY,
    &INDICATOR,
    &ZONE,
    &TARGET,
    &BUDGET,
    &BALANCE,
    &WEATHER,
    &NOW,
    &AGENT,
    &METER_STATE,
    &QUARANTINE,
    &COLLECTOR,
    &OUTPUT,
    &CHANNEL,
    &HORIZON,
    &ALERT,
    &EVENT,
];

/// The measurements that are functions of the ledger: they can be made again, and so be verified. All others are
/// records of what was shown at the time.
pub static DERIVED: &[&Measurement] = &[
    &METER,
    &METER_DAY,
    &COMPONENT,
    &ENERGY_HOUR,
    &ENERGY_DAY,
    &INDICATOR,
    &ZONE,
    &TARGET,
    &BUDGET,
    &BALANCE,
    &WEATHER,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn declarations_are_sound() {
        let mut kinds = BTreeMap::new();
        for measurement in ALL {
            assert!(measurement.name.starts_with("wl_"), "{}", measurement.name);
            assert!(measurement.tags.is_sorted(), "{}: databases index sorted tags faster", measurement.name);
            assert!(measurement.fields.len() <= 16, "{}: a field set has 16 bits", measurement.name);
            for field in measurement.fields {
                assert!(!measurement.tags.contains(&field.name), "`{}` is tag and field", field.name);
                assert!(
                    !field.about.is_empty() && (field.unit.is_empty() == (field.kind == FieldKind::Text))
                );
                let known = kinds.insert((measurement.name, field.name), field.kind);
                assert!(known.is_none(), "{}.{} stands twice", measurement.name, field.name);
            }
        }
    }

    #[test]
    fn what_is_not_made_from_the_ledger_says_so() {
        for measurement in ALL {
            let derived = DERIVED.iter().any(|derived| derived.name == measurement.name);
            let live = measurement.about.to_lowercase().contains("never restated");
            assert!(
                derived != live,
                "{}: is it derived from the ledger, or never restated?",
                measurement.name
            );
        }
        assert!(DERIVED.iter().all(|derived| ALL.iter().any(|all| all.name == derived.name)));
    }

    #[test]
    fn numbers_name_their_fields() {
        let name = |measurement: &Measurement, number: usize| measurement.fields[number].name;
        assert_eq!(name(&METER, meter::POWER), "power_w");
        assert_eq!(name(&METER, meter::MAX), "max");
        assert_eq!(name(&METER, meter::ESTIMATED), "estimated");
        assert_eq!(name(&COMPONENT, sum::POWER), "power_w");
        for measurement in [&COMPONENT, &ENERGY_HOUR, &ENERGY_DAY] {
            assert_eq!(name(measurement, sum::ENERGY), "energy_kwh");
            assert_eq!(name(measurement, sum::VOLUME), "volume_l");
            assert_eq!(name(measurement, sum::COVERAGE), "coverage");
        }
        assert_eq!(name(&INDICATOR, indicator::DENOMINATOR), "denominator");
        assert_eq!(name(&INDICATOR, indicator::ESTIMATED), "estimated");
        assert_eq!(name(&INDICATOR, indicator::EXPANDED), "expanded");
        assert_eq!(name(&BUDGET, budget::PERMITTED), "permitted");
        assert_eq!(name(&BUDGET, budget::BURN_RATE_MONTH), "burn_rate_30d");
        assert_eq!(name(&BUDGET, budget::FORECAST), "forecast");
        assert_eq!(name(&BALANCE, balance::ALLOWED), "allowed_kwh");
        assert_eq!(name(&METER_DAY, meter_day::AMOUNT), "amount");
        let steps = meter_day::STEPS.map(|(class, number)| (class.word(), name(&METER_DAY, number)));
        let words = ["resets", "rollovers", "exchanges", "jumps", "undecidable"];
        assert_eq!(steps.map(|(_, field)| field), words);
        assert!(steps[..4].iter().all(|(class, field)| *field == format!("{class}s")));
        assert_eq!(name(&METER_DAY, meter_day::LONG_STEPS), "long_steps");
        assert_eq!(name(&WEATHER, weather::COVERAGE), "coverage");
        assert_eq!(name(&TARGET, target::MEETS), "meets");
        assert_eq!(name(&TARGET, target::VERDICT), "verdict");
    }
}

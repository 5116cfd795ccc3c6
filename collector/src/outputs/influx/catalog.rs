//! Every measurement, tag and field that is written to a database, declared once with type and unit.
//!
//! Tags are identities that never change. A field keeps its type for ever, because databases refuse a second
//! one: floats are always floats.

use std::ops::BitOr;

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

/// Numbers of the fields of [`INDICATOR`].
pub(crate) mod indicator {
    pub(crate) const VALUE: usize = 0;
    pub(crate) const NUMERATOR: usize = 1;
    pub(crate) const DENOMINATOR: usize = 2;
    pub(crate) const COVERAGE: usize = 3;
    pub(crate) const INTERPOLATED: usize = 4;
    pub(crate) const ESTIMATED: usize = 5;
}

/// Figures by window.
pub static INDICATOR: Measurement = Measurement {
    name: "wl_indicator",
    tags: &["facility", "indicator", "site", "window"],
    fields: &[
        float("value", "1, L/kWh, kg/kWh or kg", "the unrounded value; absent where it is undefined"),
        float("numerator", "kWh, L or kg", "what is divided; absent where nothing is covered"),
        float("denominator", "kWh", "IT energy; absent where nothing is covered, and for carbon"),
        COVERAGE,
        INTERPOLATED,
        ESTIMATED,
    ],
    about: "One figure of one window. Rolling windows at their end, calendar ones at their start, to date.",
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

/// Live figures.
pub static NOW: Measurement = Measurement {
    name: "wl_now",
    tags: &["facility", "indicator", "site", "window"],
    fields: INDICATOR.fields,
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

/// Every measurement.
pub static ALL: &[&Measurement] =
    &[&METER, &COMPONENT, &ENERGY_HOUR, &ENERGY_DAY, &INDICATOR, &TARGET, &NOW, &AGENT];

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
        assert_eq!(name(&TARGET, target::MEETS), "meets");
        assert_eq!(name(&TARGET, target::VERDICT), "verdict");
    }
}

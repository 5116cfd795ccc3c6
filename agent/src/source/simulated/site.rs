//! The simulated world as tables: two sites, three facilities, their climate, plant and meters.
//!
//! `wattledger demo` writes the collector's configuration from these same tables, so both ends agree.

use super::load::Load;
use super::plant::{Facility, Flow, Plant, Sink};
use super::weather::Climate;

/// A place with one agent.
#[derive(Debug)]
pub struct SiteSpec {
    /// Name in topics and configuration.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// IANA time zone.
    pub time_zone: &'static str,
    /// What stands there.
    pub facilities: &'static [FacilitySpec],
}

/// A facility with a PUE of its own.
#[derive(Debug)]
pub struct FacilitySpec {
    /// Name in configuration and outputs.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// The role at which IT energy is measured, as configured.
    pub it_energy: &'static str,
    /// Targets it is held against, by id.
    pub targets: &'static [&'static str],
    /// Where its emission factor comes from.
    pub grid: Grid,
    /// Its meters.
    pub meters: &'static [MeterSpec],
    pub(crate) load: Load,
    pub(crate) plant: Plant,
}

/// Where a facility's emission factor comes from.
#[derive(Debug, Clone, Copy)]
pub enum Grid {
    /// A region of the factor table.
    Region(&'static str),
    /// A constant, kg/kWh as decimal text, with its year and origin.
    Constant {
        /// kg CO₂ per kWh.
        kg_per_kwh: &'static str,
        /// The year it holds for.
        year: u16,
        /// Where it is from.
        source: &'static str,
    },
}

/// One meter, as it would be declared in a configuration.
#[derive(Debug)]
pub struct MeterSpec {
    /// Name, unique in the site.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Role in the facility, as configured.
    pub role: &'static str,
    /// Unit as sent.
    pub unit: &'static str,
    /// Digits after the point that the meter shows.
    pub digits: u8,
    /// Where the register starts again at 0, in the meter's unit.
    pub modulus: Option<i64>,
    /// The most that the installation can carry, W; `None` where the meter is no electrical one.
    pub rated_watts: Option<u64>,
    /// The most that the pipe can carry, with its unit; `None` where the meter is none of a flow.
    pub rated_flow: Option<&'static str>,
    pub(crate) shows: Shows,
}

/// What a meter's display follows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shows {
    /// The integral of a flow, from a first value in the meter's unit.
    Register { flow: Flow, first: i64 },
    /// The mean of a flow since the last reading.
    Mean { flow: Flow },
    /// The temperature outside, °C.
    Temperature,
    /// The relative humidity outside, %.
    Humidity,
}

impl MeterSpec {
    /// The kind of meter, as configured.
    pub fn kind(&self) -> &'static str {
        match self.shows {
            Shows::Register { .. } => "register",
            Shows::Mean { .. } => "power",
            Shows::Temperature | Shows::Humidity => "gauge",
        }
    }
}

/// The sites of the simulated world.
pub fn sites() -> &'static [SiteSpec] {
    SITES
}

/// Every facility of every site, ready to be asked.
#[cfg(test)]
pub(crate) fn facilities(seed: u64, origin_ms: i64) -> Vec<Facility> {
    SITES.iter().flat_map(|site| site.build(seed, origin_ms)).collect()
}

impl SiteSpec {
    pub(crate) fn build(&self, seed: u64, origin_ms: i64) -> Vec<Facility> {
        let climate = if self.name == ULANQAB { COLD } else { TEMPERATE };
        self.facilities
            .iter()
            .map(|spec| {
                Facility::new(seed, self.name, spec.name, origin_ms, (spec.load, spec.plant, climate))
            })
            .collect()
    }
}

const HAMBURG: &str = "hamburg";
const ULANQAB: &str = "ulanqab";

const TEMPERATE: Climate = Climate {
    mean_c: 9.8,
    season_c: 8.6,
    day_c: 5.0,
    front_c: 5.0,
    humidity_percent: 78.0,
    latitude: 53.6,
    longitude: 10.0,
};

const COLD: Climate = Climate {
    mean_c: 4.6,
    season_c: 16.5,
    day_c: 7.5,
    front_c: 5.5,
    humidity_percent: 52.0,
    latitude: 41.0,
    longitude: 113.1,
};

const fn register(
    name: &'static str,
    title: &'static str,
    role: &'static str,
    flow: Flow,
    rated_watts: u64,
    first: i64,
) -> MeterSpec {
    MeterSpec {
        name,
        title,
        role,
        unit: "kWh",
        digits: 1,
        modulus: None,
        rated_watts: Some(rated_watts),
        rated_flow: None,
        shows: Shows::Register { flow, first },
    }
}

/// A register with finer steps, for small loads.
const fn fine(meter: MeterSpec) -> MeterSpec {
    MeterSpec { digits: 3, ..meter }
}

const fn gauge(name: &'static str, title: &'static str, unit: &'static str, shows: Shows) -> MeterSpec {
    MeterSpec {
        name,
        title,
        role: "outdoor",
        unit,
        digits: 1,
        modulus: None,
        rated_watts: None,
        rated_flow: None,
        shows,
    }
}

const fn water(name: &'static str, title: &'static str, first: i64) -> MeterSpec {
    MeterSpec {
        name,
        title,
        role: "water",
        unit: "m3",
        digits: 3,
        modulus: None,
        rated_watts: None,
        rated_flow: Some("6 m3/h"),
        shows: Shows::Register { flow: Flow::Water, first },
    }
}

const SITES: &[SiteSpec] = &[
    SiteSpec { name: HAMBURG, title: "Hamburg", time_zone: "Europe/Berlin", facilities: &[HALL, EDGE] },
    SiteSpec { name: ULANQAB, title: "Ulanqab", time_zone: "Asia/Shanghai", facilities: &[STEPPE] },
];

/// A large hall in a temperate climate: chilled water, towers, a water-side economiser.
const HALL: FacilitySpec = FacilitySpec {
    name: "hamburg-hall",
    title: "Hamburg, main hall",
    it_energy: "ups-output",
    targets: &["D130"],
    grid: Grid::Constant { kg_per_kwh: "0.38", year: 2025, source: "assumed for the demo" },
    load: Load {
        rated_watts: 1_500_000.0,
        base: 0.58,
        day: 0.09,
        weekend: 0.35,
        batch: 0.04,
        growth: 0.07,
        offset_hours: 1,
    },
    plant: Plant {
        feed_a: 0.53,
        ups_loss: [0.009, 0.016, 0.010],
        distribution_loss: 0.014,
        supply_loss: [0.003, 0.007],
        air_handlers: 0.055,
        sink: Sink::WetBulb,
        free_cooling: [5.0, 13.5],
        performance: [5.6, 0.10],
        first_chiller: 0.11,
        rejection: 0.042,
        water_litres: 1.75,
        water_above_c: 2.0,
        lighting_watts: 14_000.0,
        solar_watts: 240_000.0,
    },
    meters: &[
        register("hall-utility-a", "Utility, feed A", "utility", Flow::UtilityA, 2_000_000, 41_206_118),
        register("hall-utility-b", "Utility, feed B", "utility", Flow::UtilityB, 2_000_000, 38_790_402),
        register("hall-ups-a", "UPS A, output", "ups-output", Flow::UpsA, 1_600_000, 31_882_040),
        register("hall-ups-b", "UPS B, output", "ups-output", Flow::UpsB, 1_600_000, 28_011_977),
        register("hall-pdu-a", "PDUs on feed A", "pdu-output", Flow::PduA, 1_600_000, 9_120_665),
        register("hall-pdu-b", "PDUs on feed B", "pdu-output", Flow::PduB, 1_600_000, 8_034_219),
        register("hall-chiller-1", "Chiller 1", "cooling", Flow::ChillerA, 400_000, 3_300_871),
        register("hall-chiller-2", "Chiller 2", "cooling", Flow::ChillerB, 400_000, 904_310),
        // Six digits before the point: it rolls over every few years, once in the simulated one.
        MeterSpec {
            modulus: Some(1_000_000),
            ..register("hall-pumps", "Pumps and towers", "cooling", Flow::Rejection, 160_000, 840_551)
        },
        register("hall-air-handlers", "Air handlers", "cooling", Flow::AirHandlers, 160_000, 2_207_733),
        fine(register("hall-lighting", "Lighting and offices", "lighting", Flow::Lighting, 40_000, 377_120)),
        register("hall-solar", "Solar on the roof", "on-site-renewable", Flow::Solar, 300_000, 611_808),
        water("hall-water", "Make-up water of the towers", 58_211),
        gauge("outdoor-temperature", "Temperature outside", "Cel", Shows::Temperature),
        gauge("outdoor-humidity", "Humidity outside", "%", Shows::Humidity),
    ],
};

/// A small room under a large solar roof, with split units.
const EDGE: FacilitySpec = FacilitySpec {
    name: "hamburg-edge",
    title: "Hamburg, edge room",
    it_energy: "pdu-output",
    targets: &["D130"],
    grid: Grid::Constant { kg_per_kwh: "0.38", year: 2025, source: "assumed for the demo" },
    load: Load {
        rated_watts: 40_000.0,
        base: 0.55,
        day: 0.14,
        weekend: 0.25,
        batch: 0.02,
        growth: 0.05,
        offset_hours: 1,
    },
    plant: Plant {
        feed_a: 1.0,
        ups_loss: [0.014, 0.020, 0.012],
        distribution_loss: 0.012,
        supply_loss: [0.001, 0.003],
        air_handlers: 0.040,
        sink: Sink::DryBulb,
        free_cooling: [1.0, 12.0],
        performance: [4.6, 0.09],
        first_chiller: 1.0,
        rejection: 0.040,
        water_litres: 0.0,
        water_above_c: 50.0,
        lighting_watts: 500.0,
        solar_watts: 70_000.0,
    },
    meters: &[
        fine(register("edge-utility", "Utility", "utility", Flow::UtilityA, 100_000, 402_771)),
        fine(register("edge-solar", "Solar on the roof", "on-site-renewable", Flow::Solar, 100_000, 118_020)),
        fine(register("edge-export", "Feed-in", "export", Flow::Export, 100_000, 37_554)),
        fine(register("edge-pdu", "PDU output", "pdu-output", Flow::PduA, 63_000, 351_296)),
        MeterSpec {
            digits: 3,
            unit: "kW",
            shows: Shows::Mean { flow: Flow::ChillerA },
            ..register("edge-cooling", "Compressors", "cooling", Flow::ChillerA, 30_000, 0)
        },
    ],
};

/// A hall on a cold plateau: outside air through dry coolers for most of the year.
const STEPPE: FacilitySpec = FacilitySpec {
    name: "ulanqab-hall",
    title: "Ulanqab, hall 1",
    it_energy: "pdu-output",
    targets: &["D125"],
    grid: Grid::Region("cn-inner-mongolia"),
    load: Load {
        rated_watts: 2_400_000.0,
        base: 0.66,
        day: 0.05,
        weekend: 0.6,
        batch: 0.07,
        growth: 0.10,
        offset_hours: 8,
    },
    plant: Plant {
        feed_a: 0.51,
        ups_loss: [0.008, 0.014, 0.010],
        distribution_loss: 0.018,
        supply_loss: [0.003, 0.007],
        air_handlers: 0.050,
        sink: Sink::DryBulb,
        free_cooling: [12.0, 22.0],
        performance: [6.2, 0.12],
        first_chiller: 1.0,
        rejection: 0.034,
        water_litres: 0.8,
        water_above_c: 16.0,
        lighting_watts: 11_000.0,
        solar_watts: 0.0,
    },
    meters: &[
        register("utility-a", "Utility, feed A", "utility", Flow::UtilityA, 3_000_000, 12_407_733),
        register("utility-b", "Utility, feed B", "utility", Flow::UtilityB, 3_000_000, 11_962_008),
        register("ups-a", "UPS A, output", "ups-output", Flow::UpsA, 2_500_000, 10_690_154),
        register("ups-b", "UPS B, output", "ups-output", Flow::UpsB, 2_500_000, 10_200_381),
        register("pdu-a", "PDUs on feed A", "pdu-output", Flow::PduA, 2_500_000, 10_480_902),
        register("pdu-b", "PDUs on feed B", "pdu-output", Flow::PduB, 2_500_000, 9_988_120),
        register("chiller", "Chiller", "cooling", Flow::ChillerA, 500_000, 604_117),
        register("dry-coolers", "Dry coolers and pumps", "cooling", Flow::Rejection, 250_000, 1_120_406),
        water("spray-water", "Water of the sprays", 3_020),
        gauge("outdoor-temperature", "Temperature outside", "Cel", Shows::Temperature),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::name::Name;
    use wattledger_model::unit::Unit;

    #[test]
    fn names_and_units_are_valid_and_meters_unique_in_their_site() {
        let mut count = 0;
        for site in sites() {
            let mut seen = std::collections::BTreeSet::new();
            for meter in site.facilities.iter().flat_map(|facility| facility.meters) {
                assert!(meter.name.parse::<Name>().is_ok(), "{}", meter.name);
                let unit: Unit = meter.unit.parse().expect(meter.unit);
                assert_eq!(unit.kind().word(), meter.kind(), "{}", meter.name);
                assert!(seen.insert(meter.name), "{} twice", meter.name);
                count += 1;
            }
        }
        assert_eq!(count, 30);
    }
}

//! What a form may ask for: a closed list of values, each with what kind of thing it is.
//!
//! A template names values by these words and never computes: what a value is, is decided here and in
//! [`super::answer`]. A form for next year is a new file; a new value is a change of the program.

use std::fmt;
use std::str::FromStr;

/// What kind of thing a value is; a number's decides the units that it can be stated in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Dimension {
    /// Words, or a date as it is written.
    Words,
    /// Yes or no.
    Flag,
    /// A number of things.
    Count,
    /// A quotient of energies.
    Ratio,
    /// A share of a whole.
    Share,
    /// Energy, exact.
    Energy,
    /// Power, exact.
    Power,
    /// Volume, exact.
    Volume,
    /// Mass.
    Mass,
    /// Area.
    Area,
    /// Temperature.
    Temperature,
    /// Degree days of a year.
    DegreeDays,
    /// Time between readings.
    Minutes,
    /// Time elapsed.
    Hours,
    /// Water by energy.
    WaterRatio,
    /// Coal equivalent.
    Coal,
}

/// A unit that a number is stated in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    /// How it is written; empty for a bare number.
    pub(super) symbol: &'static str,
    /// Which power of ten of the dimension's own unit it is.
    pub(super) tens: i8,
}

const fn unit(symbol: &'static str, tens: i8) -> Unit {
    Unit { symbol, tens }
}

impl Dimension {
    /// The units, the dimension's own first; none for what is no number.
    pub(super) const fn units(self) -> &'static [Unit] {
        match self {
            Dimension::Words | Dimension::Flag => &[],
            Dimension::Count | Dimension::Ratio => const { &[unit("", 0)] },
            Dimension::Share => const { &[unit("", 0), unit("%", -2)] },
            Dimension::Energy => const { &[unit("kWh", 0), unit("MWh", 3), unit("GWh", 6)] },
            Dimension::Power => const { &[unit("kW", 0), unit("MW", 3)] },
            Dimension::Volume => const { &[unit("L", 0), unit("m³", 3)] },
            Dimension::Mass => const { &[unit("kg", 0), unit("t", 3)] },
            Dimension::Area => const { &[unit("m²", 0)] },
            Dimension::Temperature => const { &[unit("°C", 0)] },
            Dimension::DegreeDays => const { &[unit("K·d", 0)] },
            Dimension::Minutes => const { &[unit("min", 0)] },
            Dimension::Hours => const { &[unit("h", 0)] },
            Dimension::WaterRatio => const { &[unit("L/kWh", 0), unit("m³/MWh", 0)] },
            Dimension::Coal => const { &[unit("tce", 0)] },
        }
    }

    /// Whether it is a number, with decimals.
    pub(super) const fn is_number(self) -> bool {
        !self.units().is_empty()
    }
}

macro_rules! values {
    ($($value:ident: $word:literal, $dimension:ident, $about:literal;)+) => {
        /// A value that forms ask for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum Value {
            $(#[doc = $about] $value,)+
        }

        impl Value {
            /// Every value.
            pub(super) const ALL: &'static [Value] = &[$(Value::$value),+];

            /// The word in templates.
            pub(super) const fn word(self) -> &'static str {
                match self { $(Value::$value => $word),+ }
            }

            /// What kind of thing it is.
            pub(super) const fn dimension(self) -> Dimension {
                match self { $(Value::$value => Dimension::$dimension),+ }
            }
        }
    };
}

#[rustfmt::skip]
values! {
    FacilityTitle: "facility.title", Words, "The facility's name for people.";
    FacilityName: "facility.name", Words, "The facility's name in the configuration.";
    Owner: "facility.owner", Words, "Who owns it.";
    Operator: "facility.operator", Words, "Who operates it.";
    Address: "facility.address", Words, "Where it is.";
    Country: "facility.country", Words, "Its country by two letters.";
    CentreKind: "facility.type", Words, "Enterprise, colocation or co-hosting.";
    Boundary: "facility.boundary", Words, "What its boundary takes in.";
    MixedUse: "facility.mixed-use", Flag, "Whether the building is used for other things, too.";
    InService: "facility.in-service", Words, "The date of its start of operation.";
    Stage: "facility.stage", Words, "New, extended, existing or retrofitted.";
    Climate: "facility.climate", Words, "The climate that it is built for.";
    ElectricalRedundancy: "facility.electrical-redundancy", Words, "Redundancy of its power supply.";
    CoolingRedundancy: "facility.cooling-redundancy", Words, "Redundancy of its cooling.";
    FloorArea: "facility.floor-area", Area, "All its floor area.";
    ComputerRoomArea: "facility.computer-room-area", Area, "The floor area of its computer rooms.";
    Refrigerants: "facility.refrigerants", Words, "The refrigerants in its cooling.";
    DesignPue: "facility.design-pue", Ratio, "The PUE that it was designed for.";
    GreenGrade: "facility.green-grade", Words, "Its green low-carbon grade.";
    Gbt44989: "facility.gbt-44989-level", Count, "Its level by GB/T 44989-2024.";
    ItRatedPower: "facility.it-rated-power", Power, "Installed IT power demand.";
    PeriodFrom: "period.from", Words, "The first local time of the period.";
    PeriodTo: "period.to", Words, "The local time at which the period ends.";
    FirstDay: "period.first-day", Words, "The first local date in the period.";
    LastDay: "period.last-day", Words, "The last local date in the period.";
    Year: "period.year", Words, "The calendar year, where the period is one.";
    TimeZone: "period.time-zone", Words, "The time zone in which days begin.";
    Hours: "period.hours", Hours, "How long the period is, elapsed.";
    PueName: "pue.name", Words, "PUE over twelve months, iPUE over less or other.";
    PueNotation: "pue.notation", Words, "The figure's full name, with category and period.";
    PueCategory: "pue.category", Count, "The category, 1 to 3.";
    MeasuringPoint: "pue.measuring-point", Words, "Where IT energy is measured.";
    Pue: "pue.value", Ratio, "Facility energy over IT energy, over the time that both are covered.";
    PueStated: "pue.stated", Words, "The figure with its expanded uncertainty.";
    Coverage: "pue.coverage", Share, "Share of the period that both energies are covered.";
    Interpolated: "pue.interpolated", Share, "Share of the amounts whose split over time is interpolated.";
    Estimated: "pue.estimated", Share, "Share of the amounts that is estimated.";
    ReadingInterval: "pue.reading-interval", Minutes, "The longest usual time between readings of IT energy.";
    FacilityCommon: "energy.facility", Energy, "Facility energy over the time that both are covered.";
    ItCommon: "energy.it", Energy, "IT energy over the time that both are covered.";
    FacilityTotal: "energy.facility-total", Energy, "All facility energy that is booked.";
    ItTotal: "energy.it-total", Energy, "All IT energy that is booked.";
    ItAtUps: "energy.it-at-ups", Energy, "All IT energy booked at UPS outputs, or else at the declared point.";
    Generator: "energy.generator", Energy, "Output of generators on site.";
    HeatReused: "energy.heat-reused", Energy, "Heat that is used outside the boundary.";
    NonElectric: "method.non-electric", Words, "How fuel, heat and cooling fluid count.";
    RatioMethod: "method.ratio", Words, "What ratios are made of.";
    Water: "water.total", Volume, "All water that enters.";
    PotableWater: "water.potable", Volume, "Drinking water that enters.";
    Renewable: "renewable.total", Energy, "Renewable energy, retired and used, of all kinds.";
    RenewableCertificates: "renewable.certificates", Energy, "Of that, from guarantees of origin and certificates.";
    RenewableContracts: "renewable.contracts", Energy, "Of that, from power purchase agreements.";
    RenewableOnSite: "renewable.on-site", Energy, "Of that, generated on site.";
    RatioPue: "ratio.pue", Ratio, "Quotient of the reported energies.";
    RatioWue: "ratio.wue", WaterRatio, "Reported water over reported IT energy.";
    RatioErf: "ratio.erf", Share, "Reported reused heat over reported facility energy.";
    RatioRef: "ratio.ref", Share, "Reported renewable energy over reported facility energy, at most 1.";
    CarbonLocation: "carbon.location", Mass, "Scope 2, location-based.";
    CarbonMarket: "carbon.market", Mass, "Scope 2, market-based.";
    StandardRacks: "racks.standard", Count, "Its scale in standard racks of 2.5 kW.";
    Racks: "racks.all", Count, "All racks.";
    RacksInUse: "racks.in-use", Count, "Racks in use.";
    RackUtilisation: "racks.utilisation", Share, "Racks in use by all racks.";
    Scale: "racks.scale", Words, "Hyperscale, large or smaller.";
    RegisterDuty: "duty.cn-register", Flag, "Whether a yearly register entry is due, by target T27.";
    ReportDuty: "duty.eu-report", Flag, "Whether a yearly report is due, by target EU-1.";
    Coal: "coal.total", Coal, "Comprehensive energy consumption as coal equivalent.";
    CoalConvention: "coal.convention", Words, "How electricity counts in it.";
    KeyEnergyUser: "coal.key-energy-user", Flag, "Whether that makes it a key energy user, by target T26.";
    EnergyRatio: "gb40879.ratio", Ratio, "The energy ratio R_M2, measured over a year.";
    Grade: "gb40879.grade", Words, "The grade of that ratio, 1 to 3.";
    InletTemperature: "year.inlet-temperature", Temperature, "Mean inlet set-point of the IT equipment.";
    ReusedHeatTemperature: "year.reused-heat-temperature", Temperature, "Mean temperature of heat handed over.";
    CoolingDegreeDays: "year.cooling-degree-days", DegreeDays, "Cooling degree days.";
    BatteryOffered: "year.battery-offered", Power, "Mean battery capacity offered to the grid.";
    GridFunctions: "year.grid-functions", Words, "Services to the grid.";
    ServerCapacity: "year.server-capacity", Words, "Capacity of servers.";
    StorageCapacity: "year.storage-capacity", Words, "Capacity of storage.";
    BandwidthIn: "year.bandwidth-in", Words, "Bandwidth of incoming traffic.";
    BandwidthOut: "year.bandwidth-out", Words, "Bandwidth of outgoing traffic.";
    TrafficIn: "year.traffic-in", Words, "Incoming data.";
    TrafficOut: "year.traffic-out", Words, "Outgoing data.";
}

impl Value {
    /// Whether every report has it, so that a form need not say what would supply it.
    pub(super) const fn is_always_known(self) -> bool {
        matches!(
            self,
            Value::FacilityTitle
                | Value::FacilityName
                | Value::PeriodFrom
                | Value::PeriodTo
                | Value::FirstDay
                | Value::LastDay
                | Value::TimeZone
                | Value::Hours
                | Value::PueName
                | Value::PueNotation
                | Value::Coverage
                | Value::Interpolated
                | Value::Estimated
                | Value::NonElectric
                | Value::RatioMethod
        )
    }
}

impl FromStr for Value {
    type Err = String;

    fn from_str(text: &str) -> Result<Value, String> {
        let found = Value::ALL.iter().copied().find(|value| value.word() == text);
        found.ok_or_else(|| {
            let near = wattledger_model::document::did_you_mean(text, Value::ALL.iter().map(|v| v.word()));
            let text: String = text.chars().take(60).collect();
            format!("`{text}` is no value that forms can ask for{near}")
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn words_are_unique_and_read_back() {
        let words: BTreeSet<&str> = Value::ALL.iter().map(|value| value.word()).collect();
        assert_eq!(words.len(), Value::ALL.len());
        for value in Value::ALL {
            assert_eq!(value.word().parse(), Ok(*value));
        }
        let error = "pue.valu".parse::<Value>().expect_err("no such value");
        assert_eq!(error, "`pue.valu` is no value that forms can ask for; did you mean `pue.value`?");
    }
}

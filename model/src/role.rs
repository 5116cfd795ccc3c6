//! What a meter means for its facility: which side of the boundary, which part of the balance.

use crate::meter::Kind;
use crate::unit::Quantity;
use std::fmt;
use std::str::FromStr;

/// The role of a meter in a facility, or in a zone of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Supply from the grid, before any transfer switch.
    Utility,
    /// Output of an on-site generator.
    Generator,
    /// Output of on-site solar or wind.
    OnSiteRenewable,
    /// What leaves the facility, for example to the grid. Taken off once; never netted in a register.
    Export,
    /// IT energy at the UPS output: category 1.
    UpsOutput,
    /// IT energy at the PDU output: category 2.
    PduOutput,
    /// IT energy at the input of the IT equipment: category 3.
    ItInput,
    /// Chillers, pumps, towers, air handlers.
    Cooling,
    /// Lighting.
    Lighting,
    /// Losses of switchgear, transformers, UPS and PDUs.
    PowerPath,
    /// Other overhead: lifts, security, offices inside the boundary.
    Other,
    /// Water that enters the facility.
    Water,
    /// How busy the IT equipment is; a gauge, never turned into energy.
    ItLoad,
    /// Outdoor weather; a gauge.
    Outdoor,
    /// Fuel that enters the boundary to be burnt for anything but the emergency generators: boilers,
    /// absorption chillers and co-generation that are metered only at their input.
    Fuel,
    /// Fuel of the emergency generators. Part of `E_DC` only while their electrical output is not metered;
    /// always part of Scope 1 and of the coal equivalent.
    GeneratorFuel,
    /// Cooling that another's plant delivers: thermal energy.
    DistrictCooling,
    /// Heat that another's plant delivers: thermal energy.
    DistrictHeat,
    /// Heat that is used outside the boundary, at the hand-over point: thermal energy.
    HeatReuse,
    /// Heat that the cooling system takes out: thermal energy.
    HeatRemoved,
    /// Electricity into a storage inside the boundary.
    StorageCharge,
    /// Electricity out of a storage inside the boundary.
    StorageDischarge,
    /// The part of the water that is potable.
    PotableWater,
    /// Racks that are in use; a gauge.
    RacksInUse,
    /// What a zone takes in all.
    ZoneTotal,
    /// Electricity into the UPS: for the balance of the power path. Taken as IT energy it would flatter
    /// the PUE by the losses of the UPS.
    UpsInput,
}

/// Which sum of a facility or zone a role belongs to. Within one sum nothing may count twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Electricity that enters.
    Supply,
    /// Electricity that leaves.
    Delivery,
    /// IT energy, at one measuring point; the points are sums of their own.
    It(Role),
    /// Overhead by subsystem: together with IT energy it makes the whole.
    Overhead,
    /// Fuel, cooling and heat that enter.
    NonElectric(Role),
    /// A sum of its own, inside the boundary or beside it.
    Own(Role),
    /// A gauge: averaged, never summed.
    Gauge(Role),
}

impl Side {
    /// The sum in words, for messages: "counts twice in ...".
    pub fn words(self) -> String {
        match self {
            Side::Supply => "what enters".to_owned(),
            Side::Delivery => "what leaves".to_owned(),
            Side::It(role) => format!("IT energy at {role}"),
            Side::Overhead => "the overhead".to_owned(),
            Side::NonElectric(role) | Side::Own(role) | Side::Gauge(role) => role.to_string(),
        }
    }
}

impl Role {
    /// Every role, in the order of declaration.
    pub const ALL: &'static [Role] = &[
        Role::Utility,
        Role::Generator,
        Role::OnSiteRenewable,
        Role::Export,
        Role::UpsOutput,
        Role::PduOutput,
        Role::ItInput,
        Role::Cooling,
        Role::Lighting,
        Role::PowerPath,
        Role::Other,
        Role::Water,
        Role::ItLoad,
        Role::Outdoor,
        Role::Fuel,
        Role::GeneratorFuel,
        Role::DistrictCooling,
        Role::DistrictHeat,
        Role::HeatReuse,
        Role::HeatRemoved,
        Role::StorageCharge,
        Role::StorageDischarge,
        Role::PotableWater,
        Role::RacksInUse,
        Role::ZoneTotal,
        Role::UpsInput,
    ];

    /// The word used in configuration and outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Role::Utility => "utility",
            Role::Generator => "generator",
            Role::OnSiteRenewable => "on-site-renewable",
            Role::Export => "export",
            Role::UpsOutput => "ups-output",
            Role::PduOutput => "pdu-output",
            Role::ItInput => "it-input",
            Role::Cooling => "cooling",
            Role::Lighting => "lighting",
            Role::PowerPath => "power-path",
            Role::Other => "other",
            Role::Water => "water",
            Role::ItLoad => "it-load",
            Role::Outdoor => "outdoor",
            Role::Fuel => "fuel",
            Role::GeneratorFuel => "generator-fuel",
            Role::DistrictCooling => "district-cooling",
            Role::DistrictHeat => "district-heat",
            Role::HeatReuse => "heat-reuse",
            Role::HeatRemoved => "heat-removed",
            Role::StorageCharge => "storage-charge",
            Role::StorageDischarge => "storage-discharge",
            Role::PotableWater => "potable-water",
            Role::RacksInUse => "racks-in-use",
            Role::ZoneTotal => "zone-total",
            Role::UpsInput => "ups-input",
        }
    }

    /// The sum that a meter of this role belongs to. Source: domain.md 2.1 to 2.5.
    ///
    /// Storage is inside: what is charged has entered already, so only its losses count (2.3). Heat that is
    /// reused lowers neither PUE nor `E_DC` (2.4).
    pub const fn side(self) -> Side {
        match self {
            Role::Utility | Role::Generator | Role::OnSiteRenewable => Side::Supply,
            Role::Export => Side::Delivery,
            Role::UpsOutput | Role::PduOutput | Role::ItInput => Side::It(self),
            Role::Cooling | Role::Lighting | Role::PowerPath | Role::Other => Side::Overhead,
            Role::Fuel | Role::GeneratorFuel | Role::DistrictCooling | Role::DistrictHeat => {
                Side::NonElectric(self)
            }
            Role::ItLoad | Role::Outdoor | Role::RacksInUse => Side::Gauge(self),
            Role::Water
            | Role::PotableWater
            | Role::HeatReuse
            | Role::HeatRemoved
            | Role::StorageCharge
            | Role::StorageDischarge
            | Role::ZoneTotal
            | Role::UpsInput => Side::Own(self),
        }
    }

    /// How the meter counts in the facility's electricity: 1 what enters, −1 what leaves, 0 what is inside.
    /// Fuel, cooling and heat enter too, each by its own conversion. Source: domain.md 2.3.
    pub const fn facility_sign(self) -> i8 {
        match self.side() {
            Side::Supply => 1,
            Side::Delivery => -1,
            _ => 0,
        }
    }

    /// The PUE category that IT energy measured here gives; `None` where it is no IT energy.
    /// Source: domain.md 2.1.
    pub const fn it_category(self) -> Option<u8> {
        match self {
            Role::UpsOutput => Some(1),
            Role::PduOutput => Some(2),
            Role::ItInput => Some(3),
            _ => None,
        }
    }

    /// Whether it measures one subsystem's overhead. Source: domain.md 2.1.
    pub const fn is_overhead(self) -> bool {
        matches!(self.side(), Side::Overhead)
    }

    /// Whether a meter of this role measures fuel, and so needs its energy carrier.
    pub const fn is_fuel(self) -> bool {
        matches!(self, Role::Fuel | Role::GeneratorFuel)
    }

    /// Whether a zone can be claimed for in this role: its total and its IT energy. Source: domain.md 2.1.
    pub const fn is_of_zones(self) -> bool {
        matches!(self, Role::ZoneTotal) || self.it_category().is_some()
    }

    /// Whether a facility can be claimed for in this role.
    pub const fn is_of_facilities(self) -> bool {
        !matches!(self, Role::ZoneTotal)
    }

    /// What meters of this role measure; the usual one first.
    pub const fn quantities(self) -> &'static [Quantity] {
        match self {
            Role::Water | Role::PotableWater => &[Quantity::Volume],
            Role::ItLoad | Role::Outdoor | Role::RacksInUse => &[Quantity::Gauge],
            Role::Fuel | Role::GeneratorFuel => &[Quantity::Volume, Quantity::Mass, Quantity::Energy],
            _ => &[Quantity::Energy],
        }
    }

    /// What a meter of this role usually measures.
    pub const fn quantity(self) -> Quantity {
        self.quantities()[0]
    }

    /// Whether a meter of this role can measure this.
    pub fn measures(self, quantity: Quantity) -> bool {
        self.quantities().contains(&quantity)
    }

    /// Whether a meter of this kind can have the role.
    pub fn takes(self, kind: Kind) -> bool {
        self.quantities().iter().any(|quantity| match quantity {
            Quantity::Energy => matches!(kind, Kind::Register | Kind::Power),
            Quantity::Volume | Quantity::Mass => matches!(kind, Kind::Register | Kind::Flow),
            Quantity::Gauge => matches!(kind, Kind::Gauge),
        })
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        let found = Role::ALL.iter().copied().find(|role| role.word() == text);
        found.ok_or_else(|| format!("`{text}` is not a role"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_are_unique() {
        for role in Role::ALL {
            assert_eq!(role.word().parse(), Ok(*role));
        }
        assert!("UPS".parse::<Role>().is_err());
    }

    #[test]
    fn only_supply_and_delivery_have_a_sign_and_gauges_are_in_no_sum() {
        for role in Role::ALL {
            let electric = matches!(role.side(), Side::Supply | Side::Delivery);
            assert_eq!(role.facility_sign() != 0, electric, "{role}");
            assert_eq!(matches!(role.side(), Side::Gauge(_)), role.takes(Kind::Gauge), "{role}");
            assert_eq!(role.it_category().is_some(), matches!(role.side(), Side::It(_)), "{role}");
        }
    }

    #[test]
    fn the_input_of_a_ups_is_no_it_energy() {
        assert_eq!(Role::UpsInput.it_category(), None);
        assert_eq!(Role::UpsInput.facility_sign(), 0);
        assert!(!Role::UpsInput.is_overhead());
    }

    #[test]
    fn storage_counts_on_neither_side_of_the_boundary() {
        for role in [Role::StorageCharge, Role::StorageDischarge, Role::HeatReuse, Role::HeatRemoved] {
            assert_eq!(role.facility_sign(), 0, "{role}");
        }
    }

    #[test]
    fn fuel_is_measured_by_volume_by_mass_or_as_energy() {
        for role in [Role::Fuel, Role::GeneratorFuel] {
            let taken: Vec<_> = Kind::ALL.iter().filter(|kind| role.takes(**kind)).collect();
            assert_eq!(taken, [&Kind::Register, &Kind::Power, &Kind::Flow]);
            assert!(!role.measures(Quantity::Gauge));
        }
        assert!(!Role::Water.takes(Kind::Power));
    }
}

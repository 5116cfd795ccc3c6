//! What a meter means for its facility: which side of the boundary, which part of the balance.

use crate::meter::Kind;
use crate::unit::Quantity;
use std::fmt;
use std::str::FromStr;

/// The role of a meter in a facility.
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
        }
    }

    /// How the meter counts in the facility's energy: 1 what enters, −1 what leaves, 0 what is inside.
    /// Source: domain.md 2.3.
    pub const fn facility_sign(self) -> i8 {
        match self {
            Role::Utility | Role::Generator | Role::OnSiteRenewable => 1,
            Role::Export => -1,
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

    /// Whether it measures one subsystem's overhead.
    pub const fn is_overhead(self) -> bool {
        matches!(self, Role::Cooling | Role::Lighting | Role::PowerPath | Role::Other)
    }

    /// What a meter of this role measures.
    pub const fn quantity(self) -> Quantity {
        match self {
            Role::Water => Quantity::Volume,
            Role::ItLoad | Role::Outdoor => Quantity::Gauge,
            _ => Quantity::Energy,
        }
    }

    /// Whether a meter of this kind can have the role.
    pub const fn takes(self, kind: Kind) -> bool {
        match self.quantity() {
            Quantity::Energy => matches!(kind, Kind::Register | Kind::Power),
            Quantity::Volume | Quantity::Mass => matches!(kind, Kind::Register | Kind::Flow),
            Quantity::Gauge => matches!(kind, Kind::Gauge),
        }
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
    fn each_energy_role_is_on_one_side_only() {
        for role in Role::ALL {
            let parts = [role.facility_sign() != 0, role.it_category().is_some(), role.is_overhead()];
            let count = parts.iter().filter(|part| **part).count();
            assert_eq!(count, usize::from(role.quantity() == Quantity::Energy), "{role}");
        }
    }
}

//! Why there is no verdict, or what has to be said with one: as data, so that each language has its own words.

use super::super::category::Pue0Refused;
use serde::{Serialize, Serializer};
use std::fmt;

/// A reason beside a verdict. `Display` is the English of it, and what JSON holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// The target is for a group of facilities, or a gate.
    NotForOneFacility,
    /// The target is about another indicator.
    About {
        /// Which, by its word.
        indicator: String,
    },
    /// The figure is a ratio of peak demands.
    Category0,
    /// IT energy is not measured.
    NoCategory,
    /// The period still runs.
    NotOver,
    /// Nothing is covered.
    NothingCovered,
    /// The denominator is zero.
    NoItEnergy,
    /// A PUE below 1.
    BelowOne,
    /// A value that the indicator cannot have.
    Implausible,
    /// Too little is covered. Source: domain.md 5.4.
    Coverage {
        /// Share of the period in the common support, 0 to 1.
        is: f64,
        /// The share that a verdict needs, 0 to 1.
        needed: f64,
    },
    /// Gaps longer than a day that no operator explained. Source: domain.md 5.4.
    LongGaps {
        /// How many.
        count: usize,
    },
    /// The verdict is by simple acceptance, since U is not known.
    UncertaintyUnknown,
    /// The verdict is by simple acceptance, as it was configured.
    SimpleAcceptance,
    /// The target's last date has passed.
    HorizonPassed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NotForOneFacility => "the target is not one for a single facility",
            Reason::About { indicator } => return write!(f, "the target is about {indicator}"),
            Reason::Category0 => return Pue0Refused.fmt(f),
            Reason::NoCategory => "no meter measures IT energy, so there is no PUE category",
            Reason::NotOver => "the period is not over",
            Reason::NothingCovered => "nothing is covered",
            Reason::NoItEnergy => "IT energy is zero",
            Reason::BelowOne => "a PUE below 1 is implausible: a meter is missing or mislabelled",
            Reason::Implausible => "the value is implausible",
            Reason::Coverage { is, needed } => {
                let (is, needed) = (is * 100.0, needed * 100.0);
                return write!(f, "coverage {is:.2} % is below the {needed:.0} % that a verdict needs");
            }
            Reason::LongGaps { count } => {
                return write!(f, "{count} gaps longer than 24 h are not explained");
            }
            Reason::UncertaintyUnknown => "simple acceptance: the meters' uncertainty is not known",
            Reason::SimpleAcceptance => "simple acceptance, as configured",
            Reason::HorizonPassed => "horizon passed",
        })
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

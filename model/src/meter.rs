//! What a meter is: its key, what kind of value it shows, and how its values stand for time.

use crate::name::Name;
use std::fmt;
use std::str::FromStr;

/// A measuring point: its name is unique in its site and is never reused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MeterKey {
    /// The place the meter is at.
    pub site: Name,
    /// The meter's name within the site.
    pub meter: Name,
}

impl fmt::Display for MeterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.site, self.meter)
    }
}

/// What a meter's values mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A cumulative register (energy, volume, mass); preferred wherever there is one.
    Register,
    /// Electrical or thermal power; integrated to energy.
    Power,
    /// A flow of volume; integrated like power.
    Flow,
    /// A state of things: temperature, humidity, utilisation. Averaged, never summed.
    Gauge,
}

/// How one value of power, flow or a gauge stands for time. Source: domain.md 5.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// The value at the instant: trapezoid between neighbours.
    Instant,
    /// Published on change: the previous value held to the next reading or heartbeat.
    OnChange,
    /// The mean over the interval that ends at the instant.
    IntervalMean,
}

macro_rules! words {
    ($type:ident, $what:literal, $($variant:ident => $word:literal),+ $(,)?) => {
        impl $type {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// The word used in configuration, on the wire and in outputs.
            pub const fn word(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }
        }
        impl FromStr for $type {
            type Err = String;
            fn from_str(text: &str) -> Result<$type, String> {
                match text {
                    $($word => Ok($type::$variant),)+
                    _ => Err(format!(concat!("`{}` is not ", $what), text)),
                }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words!(Kind, "a kind of meter", Register => "register", Power => "power", Flow => "flow", Gauge => "gauge");
words!(Form, "a form of reading", Instant => "instant", OnChange => "on-change", IntervalMean => "interval-mean");

//! The device that sits at a measuring point: who made it, how exact it is, since when.

use crate::time::Timestamp;
use chrono::NaiveDate;
use std::fmt;
use std::str::FromStr;

/// Accuracy class of a meter. Source: IEC 62053-22 (0.2S, 0.5S), IEC 62053-21 (1, 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MeterClass {
    /// Class 0.2 S: ±0.2 % near rated load.
    S02,
    /// Class 0.5 S: ±0.5 %.
    S05,
    /// Class 1: ±1 %.
    One,
    /// Class 2: ±2 %.
    Two,
}

impl MeterClass {
    /// The limit of error near rated load, in percent.
    pub const fn limit_percent(self) -> f64 {
        match self {
            MeterClass::S02 => 0.2,
            MeterClass::S05 => 0.5,
            MeterClass::One => 1.0,
            MeterClass::Two => 2.0,
        }
    }
}

/// Accuracy class of a current transformer. Source: IEC 61869-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CurrentTransformerClass {
    /// Class 0.2 S.
    S02,
    /// Class 0.5 S.
    S05,
    /// Class 0.5.
    Half,
    /// Class 1.
    One,
}

/// Accuracy class of a voltage transformer: its limit of ratio error. Source: IEC 61869-3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VoltageTransformerClass {
    /// Class 0.2: ±0.2 %.
    C02,
    /// Class 0.5: ±0.5 %.
    C05,
    /// Class 1: ±1 %.
    One,
}

impl VoltageTransformerClass {
    /// The limit of ratio error, in percent.
    pub const fn limit_percent(self) -> f64 {
        match self {
            VoltageTransformerClass::C02 => 0.2,
            VoltageTransformerClass::C05 => 0.5,
            VoltageTransformerClass::One => 1.0,
        }
    }
}

macro_rules! words {
    ($type:ident, $what:literal, $($variant:ident => $word:literal),+ $(,)?) => {
        impl $type {
            /// Every class, the most exact first.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// The word used in configuration and reports.
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

words!(MeterClass, "a class of meters", S02 => "0.2S", S05 => "0.5S", One => "1", Two => "2");
words!(CurrentTransformerClass, "a class of current transformers", S02 => "0.2S", S05 => "0.5S", Half => "0.5", One => "1");
words!(VoltageTransformerClass, "a class of voltage transformers", C02 => "0.2", C05 => "0.5", One => "1");

/// How exact the meter itself is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Accuracy {
    /// By its class.
    Class(MeterClass),
    /// A stated limit of error in percent, taken as rectangular like a class limit.
    LimitPercent(f64),
    /// A stated expanded uncertainty (k = 2) of the whole channel, transformers included, in percent.
    ChannelPercent(f64),
}

/// How current reaches the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurrentPath {
    /// Through the meter itself: no transformer adds to its error.
    Direct,
    /// Through a current transformer of this class.
    Transformer(CurrentTransformerClass),
}

/// The device that sits at a measuring point from an instant on, until the next one.
///
/// What is `None` is not known, and makes the uncertainty of whatever it measures unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Instrument {
    /// Since when it sits there; the first one since ever.
    pub from: Timestamp,
    /// Its serial number.
    pub serial: Option<String>,
    /// Maker and type. Errors of one make are taken as correlated, those of different makes as independent;
    /// instruments without one are taken as of one make.
    pub make: Option<String>,
    /// How exact it is.
    pub accuracy: Option<Accuracy>,
    /// How current reaches it.
    pub current: Option<CurrentPath>,
    /// The load at the current transformer's rated current, in base units per hour (µW).
    pub rated_load: Option<i128>,
    /// The class of its voltage transformer; `None` where there is none.
    pub voltage_transformer: Option<VoltageTransformerClass>,
    /// When it was calibrated last.
    pub calibrated: Option<NaiveDate>,
}

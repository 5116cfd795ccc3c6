//! The standard uncertainty of one metering channel at its load. Source: domain.md 6.1.
//!
//! Limits of error are taken as rectangular: `u = a/√3`, and `u_ch² = u_meter² + u_CT² + u_VT²`. The load is
//! power by the power at rated current; a power factor below 1 makes the true current higher and the limit
//! smaller, so that taking power is on the safe side.
//!
//! Choices of this project, all to the wider side:
//! - Between two loads of the table of IEC 61869-2 the limit is that of the lower load.
//! - Below the lowest load of its class, a transformer has no limit: the uncertainty is unknown.
//! - A meter's limit is doubled below 10 % of rated load; IEC 62053-21 and -22 widen it by 1.25 to 2 there,
//!   from 5 or 10 % on. Below 1 % (classes 0.2S, 0.5S) or 5 % (1, 2) it is unknown.
//! - A meter that carries the current itself has no rated load to be compared with unless one is declared:
//!   its limit is doubled then.

use wattledger_model::instrument::{Accuracy, CurrentPath, CurrentTransformerClass, Instrument, MeterClass};

/// One channel: meter and transformers together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Channel {
    /// Standard uncertainty relative to the amount, 0.004 for 0.4 %.
    pub u_rel: f64,
    /// The meter's limit of error that was used, percent; `None` where the whole channel is stated.
    pub meter_limit_percent: Option<f64>,
    /// The current transformer's limit at this load, percent; `None` where there is none.
    pub current_limit_percent: Option<f64>,
    /// The voltage transformer's limit, percent; `None` where there is none.
    pub voltage_limit_percent: Option<f64>,
}

/// Why a channel's uncertainty is not known. Loads in percent of the rated one.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Unknown {
    /// No instrument is declared.
    #[error("no instrument is declared")]
    NoInstrument,
    /// The meter has neither class nor limit.
    #[error("the meter has no class and no stated uncertainty; declare `class` or a limit")]
    NoAccuracy,
    /// How current reaches the meter is not said.
    #[error("it is not said whether current comes through a transformer, and of which class")]
    NoCurrentPath,
    /// A transformer without rated load.
    #[error("the current transformer's rated load is not known, so its limit of error is not")]
    NoRatedLoad,
    /// Below what the class is specified for.
    #[error("at {load:.2} % of rated load the class of the {what} sets no limit; it begins at {lowest} %")]
    LoadTooLow {
        /// Meter or transformer.
        what: &'static str,
        /// The load.
        load: f64,
        /// The lowest load with a limit.
        lowest: f64,
    },
    /// Above what the class is specified for.
    #[error(
        "at {load:.0} % of rated load the class of the current transformer sets no limit; it ends at {highest} %"
    )]
    LoadTooHigh {
        /// The load.
        load: f64,
        /// The highest load with a limit.
        highest: f64,
    },
    /// A stated limit that is none.
    #[error("a stated uncertainty of {0} % is no uncertainty")]
    NoLimit(f64),
}

/// The highest load that IEC 61869-2 gives limits for, percent.
const HIGHEST_LOAD: f64 = 120.0;
/// Below it a meter's limit is doubled, percent.
const LOW_LOAD: f64 = 10.0;
const SQRT_3: f64 = 1.732_050_807_568_877_2;

/// The uncertainty of an instrument that carries `load` of its rated load (1 is all of it) while anything
/// flows; `None` where that is not known.
///
/// # Errors
/// [`Unknown`] says what is missing.
pub fn channel(instrument: &Instrument, load: Option<f64>) -> Result<Channel, Unknown> {
    let accuracy = instrument.accuracy.ok_or(Unknown::NoAccuracy)?;
    if let Accuracy::ChannelPercent(expanded) = accuracy {
        let expanded = stated(expanded)?;
        return Ok(Channel {
            u_rel: expanded / super::COVERAGE_FACTOR / 100.0,
            meter_limit_percent: None,
            current_limit_percent: None,
            voltage_limit_percent: None,
        });
    }
    let load = load.filter(|load| load.is_finite()).map(|load| load.abs() * 100.0);
    let current = match instrument.current.ok_or(Unknown::NoCurrentPath)? {
        CurrentPath::Direct => None,
        CurrentPath::Transformer(class) => Some(transformer_limit(class, load.ok_or(Unknown::NoRatedLoad)?)?),
    };
    let meter = match accuracy {
        Accuracy::Class(class) => meter_limit(class, load)?,
        Accuracy::LimitPercent(limit) | Accuracy::ChannelPercent(limit) => stated(limit)?,
    };
    let voltage = instrument.voltage_transformer.map(|class| class.limit_percent());
    let limits = [Some(meter), current, voltage];
    let squares: f64 = limits.into_iter().flatten().map(|limit| (limit / SQRT_3).powi(2)).sum();
    Ok(Channel {
        u_rel: squares.sqrt() / 100.0,
        meter_limit_percent: Some(meter),
        current_limit_percent: current,
        voltage_limit_percent: voltage,
    })
}

fn stated(percent: f64) -> Result<f64, Unknown> {
    if percent.is_finite() && percent >= 0.0 { Ok(percent) } else { Err(Unknown::NoLimit(percent)) }
}

/// A meter's limit of error, percent, at a load in percent.
fn meter_limit(class: MeterClass, load: Option<f64>) -> Result<f64, Unknown> {
    let lowest = match class {
        MeterClass::S02 | MeterClass::S05 => 1.0,
        MeterClass::One | MeterClass::Two => 5.0,
    };
    match load {
        Some(load) if load < lowest => Err(Unknown::LoadTooLow { what: "meter", load, lowest }),
        Some(load) if load >= LOW_LOAD => Ok(class.limit_percent()),
        _ => Ok(2.0 * class.limit_percent()),
    }
}

/// `(load, limit)` of a class, both in percent, by load. Source: IEC 61869-2, ratio error; domain.md 6.1.
const fn transformer_table(class: CurrentTransformerClass) -> &'static [(f64, f64)] {
    match class {
        CurrentTransformerClass::S02 => &[(1.0, 0.75), (5.0, 0.35), (20.0, 0.2), (100.0, 0.2)],
        CurrentTransformerClass::S05 => &[(1.0, 1.5), (5.0, 0.75), (20.0, 0.5), (100.0, 0.5)],
        CurrentTransformerClass::Half => &[(5.0, 1.5), (20.0, 0.75), (100.0, 0.5)],
        CurrentTransformerClass::One => &[(5.0, 3.0), (20.0, 1.5), (100.0, 1.0)],
    }
}

/// A current transformer's limit of ratio error, percent, at a load in percent.
fn transformer_limit(class: CurrentTransformerClass, load: f64) -> Result<f64, Unknown> {
    let table = transformer_table(class);
    if load > HIGHEST_LOAD {
        return Err(Unknown::LoadTooHigh { load, highest: HIGHEST_LOAD });
    }
    let below = table.iter().take_while(|(tabulated, _)| *tabulated <= load).last();
    below.map(|(_, limit)| *limit).ok_or(Unknown::LoadTooLow {
        what: "current transformer",
        load,
        lowest: table[0].0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wattledger_model::instrument::VoltageTransformerClass;
    use wattledger_model::time::Timestamp;

    fn instrument(accuracy: Accuracy, current: Option<CurrentPath>) -> Instrument {
        Instrument {
            from: Timestamp(0),
            serial: None,
            make: None,
            accuracy: Some(accuracy),
            current,
            rated_load: None,
            voltage_transformer: None,
            calibrated: None,
        }
    }

    fn through(class: CurrentTransformerClass) -> Option<CurrentPath> {
        Some(CurrentPath::Transformer(class))
    }

    #[test]
    fn an_oversized_transformer_is_worse_at_its_actual_load() {
        let half = instrument(Accuracy::Class(MeterClass::S05), through(CurrentTransformerClass::Half));
        let limits = |load| channel(&half, Some(load)).map(|found| found.current_limit_percent);
        assert_eq!(limits(1.0), Ok(Some(0.5)));
        assert_eq!(limits(0.99), Ok(Some(0.75)), "between two loads, the limit of the lower");
        assert_eq!(limits(0.05), Ok(Some(1.5)));
        assert_eq!(
            limits(0.03),
            Err(Unknown::LoadTooLow { what: "current transformer", load: 3.0, lowest: 5.0 })
        );
        assert!(matches!(limits(1.3), Err(Unknown::LoadTooHigh { .. })));
    }

    #[test]
    fn a_meter_is_worse_below_a_tenth_of_its_load_and_unknown_below_its_class() {
        let direct = |class| instrument(Accuracy::Class(class), Some(CurrentPath::Direct));
        let limit = |class, load| channel(&direct(class), load).map(|found| found.meter_limit_percent);
        assert_eq!(limit(MeterClass::S02, Some(0.10)), Ok(Some(0.2)));
        assert_eq!(limit(MeterClass::S02, Some(0.09)), Ok(Some(0.4)));
        assert!(limit(MeterClass::S02, Some(0.009)).is_err());
        assert!(limit(MeterClass::One, Some(0.049)).is_err());
        assert_eq!(limit(MeterClass::One, None), Ok(Some(2.0)), "without a rated load, doubled");
    }

    #[test]
    fn stated_uncertainties_are_taken_as_they_are_stated() {
        let whole = instrument(Accuracy::ChannelPercent(1.0), None);
        assert_eq!(channel(&whole, None).map(|found| found.u_rel), Ok(0.005), "k = 2");
        let limit = instrument(Accuracy::LimitPercent(0.3), Some(CurrentPath::Direct));
        assert_eq!(channel(&limit, None).map(|found| found.u_rel), Ok(0.3 / SQRT_3 / 100.0));
        let transformed = Instrument { voltage_transformer: Some(VoltageTransformerClass::C05), ..limit };
        let u_rel = channel(&transformed, None).expect("known").u_rel;
        assert!((u_rel - (0.09_f64 + 0.25).sqrt() / SQRT_3 / 100.0).abs() < 1e-15);
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let none = instrument(Accuracy::ChannelPercent(bad), None);
            assert!(matches!(channel(&none, None), Err(Unknown::NoLimit(_))), "{bad}");
        }
    }

    #[test]
    fn what_is_not_declared_is_unknown() {
        let class = Accuracy::Class(MeterClass::S05);
        assert_eq!(channel(&instrument(class, None), Some(1.0)), Err(Unknown::NoCurrentPath));
        let no_load = instrument(class, through(CurrentTransformerClass::S05));
        assert_eq!(channel(&no_load, None), Err(Unknown::NoRatedLoad));
        let none = Instrument { accuracy: None, ..no_load };
        assert_eq!(channel(&none, Some(1.0)), Err(Unknown::NoAccuracy));
    }

    proptest! {
        /// More load never makes a channel less exact.
        #[test]
        fn uncertainty_does_not_grow_with_load(low in 0.01_f64..1.2, more in 0.0_f64..1.0) {
            let high = (low + more).min(1.2);
            for meter in MeterClass::ALL {
                for class in CurrentTransformerClass::ALL {
                    let meter = instrument(Accuracy::Class(*meter), through(*class));
                    if let Ok(at_low) = channel(&meter, Some(low)) {
                        let at_high = channel(&meter, Some(high)).expect("known at more load");
                        prop_assert!(at_high.u_rel <= at_low.u_rel);
                    }
                }
            }
        }
    }
}

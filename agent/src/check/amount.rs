//! What a value is in the unit that people compare it in: kWh, kW, m³, m³/h, kg. Exact, as the ledger counts.

use wattledger_model::decimal::Decimal;
use wattledger_model::meter::Kind;
use wattledger_model::unit::{Quantity, Unit};

/// `None` for gauges, which stay in their unit, and for what is too large for any meter.
pub(super) fn converted(value: Decimal, unit: Unit) -> Option<String> {
    // So many decimals has the unit over the ledger's base unit: µWh, mL, mg, and these per hour.
    let (to, decimals) = match (unit.quantity(), unit.kind()) {
        (Quantity::Energy, Kind::Power) => ("kW", 9),
        (Quantity::Energy, _) => ("kWh", 9),
        (Quantity::Volume, Kind::Flow) => ("m3/h", 6),
        (Quantity::Volume, _) => ("m3", 6),
        (Quantity::Mass, _) => ("kg", 6),
        (Quantity::Gauge, _) => return None,
    };
    let (numerator, denominator) = unit.size();
    let power = 10_i128.checked_pow(u32::from(value.exponent.unsigned_abs()))?;
    let scaled = i128::from(value.mantissa).checked_mul(i128::from(numerator))?;
    let amount = if value.exponent < 0 {
        halves_up(scaled, i128::from(denominator).checked_mul(power)?)
    } else {
        halves_up(scaled.checked_mul(power)?, i128::from(denominator))
    };
    Some(format!("{} {to}", with_decimals(amount, decimals)))
}

fn halves_up(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator / denominator, (numerator % denominator).abs());
    if rest >= denominator - rest { whole + numerator.signum() } else { whole }
}

fn with_decimals(amount: i128, decimals: usize) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", amount.unsigned_abs(), width = decimals + 1);
    let (whole, rest) = digits.split_at(digits.len() - decimals);
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_in_the_units_that_people_compare() {
        for (value, unit, says) in [
            ("14.68792", "kWh", Some("14.68792 kWh")),
            ("153271.4", "Wh", Some("153.2714 kWh")),
            ("60127", "Wmin", Some("1.002116667 kWh")),
            ("262143.328911", "J", Some("0.072817591 kWh")),
            ("-45.252", "W", Some("-0.045252 kW")),
            ("3e2", "kW", Some("300 kW")),
            ("0.000", "kWh", Some("0 kWh")),
            ("111", "L/min", Some("6.66 m3/h")),
            ("2569.646", "m3", Some("2569.646 m3")),
            ("0.5", "t", Some("500 kg")),
            ("21.5", "°C", None),
            ("9e90", "GWh", None),
            ("1e-90", "kWh", None),
        ] {
            let told = converted(value.parse().expect(value), unit.parse().expect(unit));
            assert_eq!(told.as_deref(), says, "{value} {unit}");
        }
    }
}

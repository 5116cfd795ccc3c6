//! What kind of register a meter has, by chance but never absurd: as fine, as long and as well declared as real
//! ones are.

use super::Register;
use crate::dice::Dice;

/// A unit of a register: its spelling, and how many grains one of it is.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    pub unit: &'static str,
    pub grains: i128,
    /// Ninths of the ledger's base unit in as many grains.
    pub ninths: (i128, i128),
    /// Base units per hour that a rate of one grain per ms is, in tenths.
    pub rate_tenths: i128,
}

const MICROWATT_HOURS: (i128, i128) = (9, 3_600);
pub(super) const MILLILITRES: (i128, i128) = (9, 1_000_000);

const ENERGY: [Measure; 4] = [
    Measure { unit: "kWh", grains: 3_600_000_000_000, ninths: MICROWATT_HOURS, rate_tenths: 10_000 },
    Measure { unit: "Wh", grains: 3_600_000_000, ninths: MICROWATT_HOURS, rate_tenths: 10_000 },
    Measure { unit: "MWh", grains: 3_600_000_000_000_000, ninths: MICROWATT_HOURS, rate_tenths: 10_000 },
    Measure { unit: "J", grains: 1_000_000, ninths: MICROWATT_HOURS, rate_tenths: 10_000 },
];
const WATER: [Measure; 2] = [
    Measure { unit: "m3", grains: 1_000_000_000_000, ninths: MILLILITRES, rate_tenths: 36 },
    Measure { unit: "L", grains: 1_000_000_000, ninths: MILLILITRES, rate_tenths: 36 },
];

pub(super) fn register(dice: &mut Dice, is_water: bool, most: i64, interval: i64, length: i64) -> Register {
    let measure = if is_water { *dice.pick(&WATER) } else { *dice.pick(&ENERGY) };
    let scale = if measure.unit != "J" && dice.one_in(4) { *dice.pick(&[40, 200, 1_000]) } else { 1 };
    // As fine as about a hundredth of what flows between two reads, or as coarse as ten times that.
    let between = i128::from(most) * i128::from(interval);
    let mut exponent = -6;
    let grains = |exponent: i32| {
        let unit = measure.grains * i128::from(scale);
        if exponent < 0 {
            unit / 10_i128.pow(exponent.unsigned_abs())
        } else {
            unit * 10_i128.pow(exponent as u32)
        }
    };
    let wanted = between / i128::from(*dice.pick(&[1_000, 100, 20, 5, 1]));
    while exponent < 3 && grains(exponent) < wanted {
        exponent += 1;
    }
    // Joules are whole: a tenth of one is not a whole number of the ledger's positions.
    let exponent = if measure.unit == "J" { exponent.max(0) } else { exponent };
    let count = grains(exponent);
    let world = i128::from(most) * i128::from(length) / count + 1;
    let rated = dice.below(4) > 0;
    let restarts = dice.one_in(3);
    let modulus = (measure.unit != "J" && dice.one_in(2)).then(|| {
        if restarts {
            // Many worlds' worth: what falls by a restart is no rollover.
            64 * world
        } else {
            // A few rollovers a world, but far more than can flow between two reads.
            (world / i128::from(*dice.pick(&[1, 2, 5]))).max(40 * (between / count + 3))
        }
    });
    let rated_units =
        (i128::from(most) * measure.rate_tenths / 10).div_ceil_to(if is_water { 1_000 } else { 1_000_000 });
    // Without its resolution, a count too many in a short step is a jump.
    let resolution = rated || dice.one_in(2);
    // A wavering register must not seem to jump when it comes back.
    let depth = if rated && 5 * count > between { 1 } else { 2 };
    Register {
        measure,
        exponent,
        scale,
        count,
        modulus,
        rated: rated.then_some(rated_units),
        resolution,
        jitters: if resolution && dice.one_in(5) { depth } else { 0 },
        restarts,
        spike: modulus.map_or(50 * world + 1_000_000, |modulus| modulus / 2),
    }
}

trait DivCeil {
    /// So many of `unit`, rounded up.
    fn div_ceil_to(self, unit: i128) -> i64;
}

impl DivCeil for i128 {
    fn div_ceil_to(self, unit: i128) -> i64 {
        i64::try_from((self + unit - 1) / unit).expect("a rating is small")
    }
}

//! What a raw number means: unit, scale, modulus, resolution, limits. Configuration in, exact integers out.
//!
//! Registers become *positions*, power and flow become *rates*; both are integers so fine that joule
//! registers and scaled kWh registers lose nothing, and so bounded that no later product overflows 128 bits.

use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::{Form, Kind};
use wattledger_model::reading::Reading;
use wattledger_model::time::{MINUTE_MS, Timestamp};
use wattledger_model::unit::{Quantity, Unit};

/// Position units in one base unit (µWh, mL, mg): divisible by 9, so that joules are exact.
pub const POSITION_PER_BASE: i128 = 9_000_000;
/// Rate units in one base unit per hour.
pub const RATE_PER_BASE: i128 = 1_000;
/// No register shows more than this many base units: ten million GWh.
const POSITION_LIMIT: i128 = 10_000_000_000_000_000_000_000 * POSITION_PER_BASE;
/// No meter sees a greater rate than this: 10 GW, ten million litres an hour a thousand times over.
const RATE_LIMIT: i128 = 10_000_000_000_000_000 * RATE_PER_BASE;
/// A minute's amount must fit 64 bits with room for sums of a minute.
const STEP_LIMIT: i128 = (i64::MAX as i128 / 4) * POSITION_PER_BASE;

/// The longest gap that instantaneous power is integrated across, whatever the configuration says.
pub const INSTANT_GAP_LIMIT_MS: i64 = 3 * 3_600_000;
/// The shortest long-step limit of a register: shorter ones would cut inside one minute.
pub const REGISTER_GAP_FLOOR_MS: i64 = 2 * MINUTE_MS;
/// The nominal interval of a meter that declares none.
pub const DEFAULT_INTERVAL_MS: i64 = 60_000;

/// How the readings of one meter are interpreted: the part of the configuration its ledger depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpretation {
    /// The kind of meter.
    pub kind: Kind,
    /// The declared unit; `None` takes each reading's own.
    pub unit: Option<Unit>,
    /// Multiplies every raw value: the CT or pulse ratio.
    pub scale: Decimal,
    /// The register's modulus in raw units, where it is declared.
    pub modulus: Option<Decimal>,
    /// The register's resolution in raw units; zero where it is not declared.
    pub resolution: Decimal,
    /// The most that the installation can carry, in base units per hour (µW, mL/h).
    pub rated: Option<i128>,
    /// The nominal time between readings.
    pub nominal_interval_ms: i64,
    /// The declared limit above which a step is long or a gap is missing.
    pub gap_limit_ms: Option<i64>,
    /// How power, flow and gauge values stand for time.
    pub form: Form,
    /// The register is sent as an IEEE 754 binary32, so that its resolution follows its value.
    pub is_binary32: bool,
    /// The register may fall: it counts both directions of flow.
    pub is_bidirectional: bool,
    /// What holds later instead of the unit, scale, modulus, resolution and rating above; ascending.
    pub later: Vec<Epoch>,
    /// What operators entered.
    pub corrections: Vec<Correction>,
}

/// How a register is read from an instant on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Since when.
    pub from: Timestamp,
    /// How its readings join those of before.
    pub joint: Joint,
    /// As [`Interpretation::unit`].
    pub unit: Option<Unit>,
    /// As [`Interpretation::scale`].
    pub scale: Decimal,
    /// As [`Interpretation::modulus`].
    pub modulus: Option<Decimal>,
    /// As [`Interpretation::resolution`].
    pub resolution: Decimal,
    /// As [`Interpretation::rated`].
    pub rated: Option<i128>,
    /// As [`Interpretation::is_binary32`].
    pub is_binary32: bool,
}

/// How the register of an epoch joins that of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// The same register goes on: only what its numbers mean has changed.
    Continues,
    /// Another instrument, with the signed-off last register of the old and first register of the new one,
    /// in raw units. Where one is missing, what passed is estimated.
    Exchanged {
        /// The old register at its removal.
        last: Option<Decimal>,
        /// The new register at its installation.
        first: Option<Decimal>,
    },
}

/// Why a reading cannot be booked. It stays in the raw store: a mended configuration books it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unusable {
    /// Neither the reading nor the configuration names a unit.
    NoUnit,
    /// The reading's unit is not the declared one, or measures another thing.
    OtherUnit,
    /// The value is beyond anything a meter of this kind can show.
    Absurd,
}

impl Unusable {
    /// What is wrong and what mends it.
    pub const fn text(self) -> &'static str {
        match self {
            Unusable::NoUnit => "the reading has no unit; declare `unit` for the meter",
            Unusable::OtherUnit => {
                "the reading's unit differs from the declared one; correct `unit` of the meter or of the agent's rule"
            }
            Unusable::Absurd => "the value is beyond what any meter can show; check `unit` and `scale`",
        }
    }
}

impl Interpretation {
    /// How a meter that no configuration claims is read: by the unit it sends, with defaults.
    pub fn unclaimed(unit: Option<Unit>) -> Interpretation {
        Interpretation {
            kind: unit.map_or(Kind::Gauge, Unit::kind),
            unit: None,
            scale: Decimal::new(1, 0),
            modulus: None,
            resolution: Decimal::ZERO,
            rated: None,
            nominal_interval_ms: DEFAULT_INTERVAL_MS,
            gap_limit_ms: None,
            form: Form::Instant,
            is_binary32: false,
            is_bidirectional: false,
            later: Vec::new(),
            corrections: Vec::new(),
        }
    }

    /// The quantity that is booked, where the unit says so.
    pub fn quantity(&self, sent: Option<Unit>) -> Quantity {
        self.unit.or(sent).map_or(Quantity::Gauge, Unit::quantity)
    }

    /// The limit G: a register step longer than this is long; power and gauges are missing beyond it.
    ///
    /// Registers: max(3 × nominal interval, 15 min) unless declared. Power, flow and gauges: 3 × nominal
    /// interval unless declared. Source: domain.md 5.4, 5.5.
    pub fn gap_limit(&self) -> i64 {
        let default = 3 * self.nominal_interval_ms;
        match (self.kind, self.form) {
            (Kind::Register, _) => {
                self.gap_limit_ms.unwrap_or(default.max(15 * MINUTE_MS)).max(REGISTER_GAP_FLOOR_MS)
            }
            (Kind::Power | Kind::Flow, Form::Instant) => {
                self.gap_limit_ms.unwrap_or(default).min(INSTANT_GAP_LIMIT_MS)
            }
            _ => self.gap_limit_ms.unwrap_or(default),
        }
    }

    /// How long the horizon waits for this meter, and when it is stale: max(3 × interval, 180 s) or the limit.
    pub fn patience_ms(&self) -> i64 {
        self.gap_limit().max(3 * self.nominal_interval_ms)
    }

    fn unit_of(&self, reading: &Reading) -> Result<Unit, Unusable> {
        match (self.unit, reading.unit) {
            (Some(declared), Some(sent)) if declared != sent => Err(Unusable::OtherUnit),
            (Some(unit), _) | (None, Some(unit)) => {
                if unit.kind() == self.kind {
                    Ok(unit)
                } else {
                    Err(Unusable::OtherUnit)
                }
            }
            (None, None) => Err(Unusable::NoUnit),
        }
    }

    /// The register position of a reading, in 1/9 000 000 of the base unit, rounded half to even beyond that.
    ///
    /// # Errors
    /// [`Unusable`] where the unit is missing or another, or the value absurd.
    pub fn position(&self, reading: &Reading) -> Result<i128, Unusable> {
        self.scaled_position(self.unit_of(reading)?, reading.value)
    }

    fn scaled_position(&self, unit: Unit, value: Decimal) -> Result<i128, Unusable> {
        let (numerator, denominator) = unit.size();
        scaled(&[value, self.scale], &[i128::from(numerator), POSITION_PER_BASE], i128::from(denominator))
            .filter(|position| position.abs() <= POSITION_LIMIT)
            .ok_or(Unusable::Absurd)
    }

    /// The rate of a power or flow reading, in 1/1000 of the base unit per hour.
    ///
    /// # Errors
    /// As [`Interpretation::position`].
    pub fn rate(&self, reading: &Reading) -> Result<i128, Unusable> {
        self.rate_of(self.unit_of(reading)?, reading.value).ok_or(Unusable::Absurd)
    }

    /// A rate in `unit`, scaled, in 1/1000 of the base unit per hour; `None` where it is absurd.
    pub fn rate_of(&self, unit: Unit, value: Decimal) -> Option<i128> {
        let (numerator, denominator) = unit.size();
        let factors = [i128::from(numerator), RATE_PER_BASE];
        scaled(&[value, self.scale], &factors, i128::from(denominator))
            .filter(|rate| rate.abs() <= RATE_LIMIT)
    }

    /// The value of a gauge, in its own unit.
    ///
    /// # Errors
    /// As [`Interpretation::position`]; a gauge needs no unit.
    pub fn level(&self, reading: &Reading) -> Result<f64, Unusable> {
        if let (Some(declared), Some(sent)) = (self.unit, reading.unit)
            && declared != sent
        {
            return Err(Unusable::OtherUnit);
        }
        let level = reading.value.to_f64() * self.scale.to_f64();
        if level.is_finite() { Ok(level) } else { Err(Unusable::Absurd) }
    }

    /// The register rules of this meter for readings in `unit`.
    pub fn register_rules(&self, unit: Unit) -> RegisterRules {
        let of = |value: Decimal| self.scaled_position(unit, value).unwrap_or(0).abs();
        RegisterRules {
            resolution: of(self.resolution),
            modulus: self.modulus.map(of).filter(|modulus| *modulus > 0),
            rated: self.rated,
            gap_limit_ms: self.gap_limit(),
        }
    }
}

/// What the step classes need to know of a register, in position units. Source: domain.md 5.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterRules {
    /// Resolution q.
    pub resolution: i128,
    /// Modulus M.
    pub modulus: Option<i128>,
    /// P_max in base units per hour.
    pub rated: Option<i128>,
    /// Limit G.
    pub gap_limit_ms: i64,
}

impl RegisterRules {
    /// `E_max = 1.2·P_max·Δt + 2q`; `None` without P_max. Source: domain.md 5.3.
    pub fn most(&self, elapsed_ms: i64) -> Option<i128> {
        let rated = self.rated?;
        // 1.2 · P · ms / 3 600 000 base units, times the position scale: a whole factor of 3.
        const FACTOR: i128 = 12 * POSITION_PER_BASE / 36_000_000;
        let energy = rated * FACTOR * i128::from(elapsed_ms);
        Some(energy + 2 * self.resolution)
    }

    /// Whether a step is too large to be booked to any minute at all.
    pub fn is_beyond_booking(delta: i128) -> bool {
        delta.abs() > STEP_LIMIT
    }
}

/// `Π decimals × Π factors / divisor`, rounded half to even; `None` on overflow.
pub(crate) fn scaled(decimals: &[Decimal], factors: &[i128], divisor: i128) -> Option<i128> {
    let mut numerator: i128 = 1;
    let mut exponent: i32 = 0;
    for decimal in decimals {
        numerator = numerator.checked_mul(i128::from(decimal.mantissa))?;
        exponent += i32::from(decimal.exponent);
    }
    if numerator == 0 {
        return Some(0);
    }
    while numerator % 10 == 0 && exponent < 0 {
        numerator /= 10;
        exponent += 1;
    }
    let mut divisor = divisor;
    for factor in factors {
        let mut factor = *factor;
        // Cancel powers of ten first, so that long decimals do not overflow on the way.
        while exponent < 0 && factor % 10 == 0 {
            factor /= 10;
            exponent += 1;
        }
        numerator = numerator.checked_mul(factor)?;
    }
    if exponent >= 0 {
        numerator = numerator.checked_mul(10_i128.checked_pow(exponent.unsigned_abs())?)?;
    } else if exponent < -37 {
        return Some(0);
    } else {
        divisor = divisor.checked_mul(10_i128.checked_pow(exponent.unsigned_abs())?)?;
    }
    Some(round_half_even(numerator, divisor))
}

/// `numerator / denominator` to the nearest integer, halves to even. The denominator is positive.
pub fn round_half_even(numerator: i128, denominator: i128) -> i128 {
    let quotient = numerator.div_euclid(denominator);
    let remainder = numerator.rem_euclid(denominator);
    round_parts(quotient, remainder, denominator)
}

/// Rounds `quotient + remainder / denominator`, `0 <= remainder < denominator`, halves to even.
pub(crate) fn round_parts(quotient: i128, remainder: i128, denominator: i128) -> i128 {
    // Against what is left of it: twice the remainder of the largest denominators is beyond 128 bits.
    match remainder.cmp(&(denominator - remainder)) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::reading::Quality;

    fn reading(value: &str, unit: Option<&str>) -> Reading {
        Reading {
            at: Timestamp(0),
            arrived: Timestamp(0),
            value: value.parse().expect(value),
            unit: unit.map(|unit| unit.parse().expect(unit)),
            interval_ms: None,
            quality: Quality::Good,
            intake: None,
            evidence: None,
        }
    }

    fn meter(unit: &str, scale: &str) -> Interpretation {
        let unit: Unit = unit.parse().expect(unit);
        Interpretation {
            unit: Some(unit),
            scale: scale.parse().expect(scale),
            ..Interpretation::unclaimed(Some(unit))
        }
    }

    #[test]
    fn joules_and_scaled_registers_are_exact() {
        let wh = POSITION_PER_BASE * 1_000_000;
        assert_eq!(meter("J", "1").position(&reading("3600", None)), Ok(wh));
        assert_eq!(meter("J", "1").position(&reading("1", None)), Ok(2_500 * 1_000_000));
        assert_eq!(meter("kWh", "40").position(&reading("12.345", None)), Ok(493_800 * wh));
        assert_eq!(meter("kWh", "1").position(&reading("0.000000001", None)), Ok(POSITION_PER_BASE));
        // A float printed in full stays usable.
        assert!(meter("kWh", "1").position(&reading("12345678.90123456", None)).is_ok());
        assert_eq!(meter("kWh", "1").position(&reading("1e-60", None)), Ok(0));
    }

    #[test]
    fn units_must_agree_or_the_reading_is_not_booked() {
        let declared = meter("kWh", "1");
        assert_eq!(declared.position(&reading("1", Some("Wh"))), Err(Unusable::OtherUnit));
        assert_eq!(declared.position(&reading("1e30", None)), Err(Unusable::Absurd));
        let open = Interpretation::unclaimed("kWh".parse().ok());
        assert_eq!(open.position(&reading("1", None)), Err(Unusable::NoUnit));
        assert_eq!(open.position(&reading("1", Some("kW"))), Err(Unusable::OtherUnit));
        assert!(open.position(&reading("1", Some("Wh"))).is_ok());
        assert_eq!(meter("kW", "1").rate(&reading("1e9", None)), Err(Unusable::Absurd));
        assert_eq!(meter("W", "1").rate(&reading("-45.252", None)), Ok(-45_252_000_000));
    }

    #[test]
    fn the_most_that_can_pass_follows_the_rating() {
        // 200 kW for 15 minutes with q = 1 Wh: 60 002 Wh (vector E03).
        let mut e03 = meter("Wh", "1");
        e03.resolution = Decimal::new(1, 0);
        e03.rated = Some(200_000_000_000);
        let rules = e03.register_rules("Wh".parse().expect("unit"));
        assert_eq!(rules.most(900_000), Some(60_002 * 1_000_000 * POSITION_PER_BASE));
    }

    #[test]
    fn halves_go_to_even() {
        let rounded: Vec<_> = [-3, -1, 1, 3, 5].into_iter().map(|n| round_half_even(n, 2)).collect();
        assert_eq!(rounded, [-2, 0, 0, 2, 2]);
        assert_eq!(round_half_even(-7, 4), -2);
    }
}

//! What a raw number means: unit, scale, modulus, resolution, limits. Configuration in, exact integers out.
//!
//! Registers become *positions*, power and flow become *rates*; both are integers so fine that joule
//! registers and scaled kWh registers lose nothing, and so bounded that no later product overflows 128 bits.

use super::rules::RegisterRules;
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

/// The longest gap that instantaneous power is integrated across, whatever the configuration says.
pub const INSTANT_GAP_LIMIT_MS: i64 = 3 * 3_600_000;
/// The shortest long-step limit of a register: shorter ones would cut inside one minute.
pub const REGISTER_GAP_FLOOR_MS: i64 = 2 * MINUTE_MS;
/// The nominal interval of a meter that declares none.
pub const DEFAULT_INTERVAL_MS: i64 = 60_000;
/// No meter is stale before its newest reading is this old.
const SHORTEST_STALE_MS: i64 = 180_000;

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

    /// How old the newest reading may be before the meter is stale: max(3 × nominal interval, 180 s), ms.
    /// Source: domain.md 7.1.
    pub fn stale_after_ms(&self) -> i64 {
        self.nominal_interval_ms.saturating_mul(3).max(SHORTEST_STALE_MS)
    }

    /// What raw numbers mean before any later epoch.
    pub(super) fn numbers(&self) -> Numbers {
        Numbers {
            unit: self.unit,
            scale: self.scale,
            modulus: self.modulus,
            resolution: self.resolution,
            rated: self.rated,
            is_binary32: self.is_binary32,
        }
    }

    /// Unit and scale in force at an instant.
    fn read_at(&self, at: Timestamp) -> (Option<Unit>, Decimal) {
        if self.later.is_empty() {
            return (self.unit, self.scale);
        }
        let epoch = self.later.iter().filter(|epoch| epoch.from <= at).max_by_key(|epoch| epoch.from);
        epoch.map_or((self.unit, self.scale), |epoch| (epoch.unit, epoch.scale))
    }

    /// Whether readings at this instant count: no operator excluded them.
    pub fn counts(&self, at: Timestamp) -> bool {
        let excludes = |correction: &Correction| matches!(correction, Correction::Exclude { from, to } if (*from..*to).contains(&at));
        !self.corrections.iter().any(excludes)
    }

    /// Why a reading cannot be booked; nothing where it can.
    ///
    /// # Errors
    /// [`Unusable`] where the unit is missing or another, or the value absurd.
    pub fn usable(&self, reading: &Reading) -> Result<(), Unusable> {
        match self.kind {
            Kind::Register => self.position(reading).map(drop),
            Kind::Power | Kind::Flow => self.rate(reading).map(drop),
            Kind::Gauge => self.level(reading).map(drop),
        }
    }

    /// The register position of a reading, in 1/9 000 000 of the base unit, rounded half to even beyond that,
    /// as the epoch of its instant reads it.
    ///
    /// # Errors
    /// As [`Interpretation::usable`].
    pub fn position(&self, reading: &Reading) -> Result<i128, Unusable> {
        let (declared, scale) = self.read_at(reading.at);
        let unit = fitting_unit(self.kind, declared, reading.unit)?;
        scaled_position(unit, reading.value, scale).ok_or(Unusable::Absurd)
    }

    /// The rate of a power or flow reading, in 1/1000 of the base unit per hour, by the epoch of its instant.
    ///
    /// # Errors
    /// As [`Interpretation::usable`].
    pub fn rate(&self, reading: &Reading) -> Result<i128, Unusable> {
        let (declared, scale) = self.read_at(reading.at);
        let unit = fitting_unit(self.kind, declared, reading.unit)?;
        scaled_rate(unit, reading.value, scale).ok_or(Unusable::Absurd)
    }

    /// A rate in `unit`, scaled as before any later epoch, in 1/1000 of the base unit per hour; `None` where
    /// it is absurd.
    pub fn rate_of(&self, unit: Unit, value: Decimal) -> Option<i128> {
        scaled_rate(unit, value, self.scale)
    }

    /// The value of a gauge, in its own unit, by the epoch of its instant.
    ///
    /// # Errors
    /// As [`Interpretation::usable`]; a gauge needs no unit.
    pub fn level(&self, reading: &Reading) -> Result<f64, Unusable> {
        let (declared, scale) = self.read_at(reading.at);
        if let (Some(declared), Some(sent)) = (declared, reading.unit)
            && declared != sent
        {
            return Err(Unusable::OtherUnit);
        }
        let level = reading.value.to_f64() * scale.to_f64();
        if level.is_finite() { Ok(level) } else { Err(Unusable::Absurd) }
    }

    /// The register rules of this meter for readings in `unit`, before any later epoch.
    pub fn register_rules(&self, unit: Unit) -> RegisterRules {
        self.rules_of(&self.numbers(), unit)
    }

    /// The register rules of this meter for readings in `unit`, in the epoch of an instant.
    pub fn register_rules_at(&self, at: Timestamp, unit: Unit) -> RegisterRules {
        let epoch = self.later.iter().filter(|epoch| epoch.from <= at).max_by_key(|epoch| epoch.from);
        self.rules_of(&epoch.map_or(self.numbers(), Epoch::numbers), unit)
    }

    /// Where the register of an instant's epoch stands when it shows `value` in `unit`; `None` where that is absurd.
    pub fn position_at(&self, at: Timestamp, unit: Unit, value: Decimal) -> Option<i128> {
        let epoch = self.later.iter().filter(|epoch| epoch.from <= at).max_by_key(|epoch| epoch.from);
        scaled_position(unit, value, epoch.map_or(self.scale, |epoch| epoch.scale))
    }

    /// The rules as far as they are not given in raw units.
    pub(super) fn rules_without_unit(&self, numbers: &Numbers) -> RegisterRules {
        RegisterRules {
            resolution: 0,
            modulus: None,
            rated: numbers.rated,
            gap_limit_ms: self.gap_limit(),
            binary32_one: None,
            is_bidirectional: self.is_bidirectional,
        }
    }

    /// The rules that follow from the numbers of an epoch, for readings in `unit`.
    pub(super) fn rules_of(&self, numbers: &Numbers, unit: Unit) -> RegisterRules {
        let of = |value: Decimal| scaled_position(unit, value, numbers.scale).unwrap_or(0).abs();
        RegisterRules {
            resolution: of(numbers.resolution),
            modulus: numbers.modulus.map(of).filter(|modulus| *modulus > 0),
            rated: numbers.rated,
            gap_limit_ms: self.gap_limit(),
            binary32_one: numbers.is_binary32.then(|| of(Decimal::new(1, 0))),
            is_bidirectional: self.is_bidirectional,
        }
    }
}

/// What the raw numbers of one epoch mean. The fields are those of [`Epoch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) unit: Option<Unit>,
    pub(super) scale: Decimal,
    pub(super) modulus: Option<Decimal>,
    pub(super) resolution: Decimal,
    pub(super) rated: Option<i128>,
    pub(super) is_binary32: bool,
}

impl Numbers {
    /// Whether the rules are other ones for other units: something of them is given in raw units.
    pub(super) fn depend_on_unit(&self) -> bool {
        self.modulus.is_some() || !self.resolution.is_zero() || self.is_binary32
    }

    /// The position that a raw value stands for; `None` where it is absurd or has no unit that fits.
    pub(super) fn position(&self, value: Decimal, sent: Option<Unit>) -> Option<i128> {
        scaled_position(self.unit.or(sent)?, value, self.scale)
    }
}

impl Epoch {
    /// What raw numbers mean in this epoch.
    pub(super) fn numbers(&self) -> Numbers {
        Numbers {
            unit: self.unit,
            scale: self.scale,
            modulus: self.modulus,
            resolution: self.resolution,
            rated: self.rated,
            is_binary32: self.is_binary32,
        }
    }
}

/// The unit to read a value in, where the declared one and the one that was sent allow it.
pub(super) fn fitting_unit(kind: Kind, declared: Option<Unit>, sent: Option<Unit>) -> Result<Unit, Unusable> {
    match (declared, sent) {
        (Some(declared), Some(sent)) if declared != sent => Err(Unusable::OtherUnit),
        (Some(unit), _) | (None, Some(unit)) => {
            if unit.kind() == kind {
                Ok(unit)
            } else {
                Err(Unusable::OtherUnit)
            }
        }
        (None, None) => Err(Unusable::NoUnit),
    }
}

pub(super) fn scaled_position(unit: Unit, value: Decimal, scale: Decimal) -> Option<i128> {
    let (numerator, denominator) = unit.size();
    scaled(&[value, scale], &[i128::from(numerator), POSITION_PER_BASE], i128::from(denominator))
        .filter(|position| position.abs() <= POSITION_LIMIT)
}

fn scaled_rate(unit: Unit, value: Decimal, scale: Decimal) -> Option<i128> {
    let (numerator, denominator) = unit.size();
    scaled(&[value, scale], &[i128::from(numerator), RATE_PER_BASE], i128::from(denominator))
        .filter(|rate| rate.abs() <= RATE_LIMIT)
}

/// `Π decimals × Π factors / divisor`, rounded half to even; `None` on overflow.
pub(crate) fn scaled(decimals: &[Decimal], factors: &[i128], divisor: i128) -> Option<i128> {
    scaled_without_division(decimals, factors, divisor).or_else(|| scaled_widely(decimals, factors, divisor))
}

/// [`scaled`] where the divisor and the decimals' places cancel against factors of 64 bits, as they do for nearly
/// every reading; `None` for the others. Division of 128 bits takes most of the time of the general way.
fn scaled_without_division(decimals: &[Decimal], factors: &[i128], divisor: i128) -> Option<i128> {
    let (mut numerator, mut exponent) = (1_i128, 0_i32);
    for decimal in decimals {
        numerator = numerator.checked_mul(i128::from(decimal.mantissa))?;
        exponent += i32::from(decimal.exponent);
    }
    let mut divisor = i64::try_from(divisor).ok()?;
    for factor in factors {
        let mut factor = i64::try_from(*factor).ok()?;
        if divisor > 1 && factor % divisor == 0 {
            factor /= divisor;
            divisor = 1;
        }
        while exponent < 0 && factor % 10 == 0 {
            factor /= 10;
            exponent += 1;
        }
        numerator = numerator.checked_mul(i128::from(factor))?;
    }
    (divisor == 1 && exponent == 0).then_some(numerator)
}

fn scaled_widely(decimals: &[Decimal], factors: &[i128], divisor: i128) -> Option<i128> {
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
    use proptest::prelude::*;
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

    #[test]
    fn what_cancels_needs_no_division_and_what_does_not_is_left_to_it() {
        let value: Decimal = "12345.678".parse().expect("a decimal");
        for unit in ["kWh", "J", "Wmin"] {
            let (numerator, denominator) = unit.parse::<Unit>().expect(unit).size();
            let factors = [i128::from(numerator), POSITION_PER_BASE];
            let quick =
                scaled_without_division(&[value, Decimal::new(1, 0)], &factors, i128::from(denominator));
            assert!(quick.is_some(), "{unit}");
        }
        let fine: Decimal = "0.123456789012345678".parse().expect("a decimal");
        assert_eq!(scaled_without_division(&[fine], &[1_000], 1), None);
        assert_eq!(scaled(&[fine], &[1_000], 1), Some(123));
    }

    proptest! {
        #[test]
        fn the_quick_way_gives_what_the_general_way_gives(
            mantissas in prop::collection::vec((any::<i64>(), -18_i8..=6), 1..3),
            factors in prop::collection::vec(prop_oneof![1_i128..100, Just(1_000), Just(9_000_000), Just(10_i128.pow(18))], 0..3),
            divisor in prop_oneof![Just(1_i128), Just(9), Just(60), 1_i128..1_000],
        ) {
            let decimals: Vec<Decimal> =
                mantissas.iter().map(|&(mantissa, exponent)| Decimal { mantissa, exponent }).collect();
            let quick = scaled_without_division(&decimals, &factors, divisor);
            if let (Some(quick), Some(general)) = (quick, scaled_widely(&decimals, &factors, divisor)) {
                prop_assert_eq!(quick, general);
            }
        }
    }
}

//! What the step classes need to know of a register, and the class that follows from comparing two of its
//! readings. Source: domain.md 5.3.

use super::interpret::POSITION_PER_BASE;
use wattledger_model::minute::StepClass;

/// A minute's amount must fit 64 bits with room for sums of a minute.
const BOOKING_LIMIT: i128 = i64::MAX as i128 / 4;

/// What the numbers of a register may do, in position units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterRules {
    /// The declared resolution q.
    pub resolution: i128,
    /// Modulus M.
    pub modulus: Option<i128>,
    /// P_max in base units per hour.
    pub rated: Option<i128>,
    /// Limit G.
    pub gap_limit_ms: i64,
    /// One raw unit, where the register is sent as a binary32, so that its resolution follows its value.
    pub binary32_one: Option<i128>,
    /// The register counts both directions of flow, and may fall.
    pub is_bidirectional: bool,
}

impl RegisterRules {
    /// `1.2·P_max·Δt`, without the resolution; `None` without P_max. Source: domain.md 5.3.
    pub fn carried(&self, elapsed_ms: i64) -> Option<i128> {
        // 1.2 · P · ms / 3 600 000 base units, times the position scale: a whole factor of 3.
        const FACTOR: i128 = 12 * POSITION_PER_BASE / 36_000_000;
        Some(self.rated? * FACTOR * i128::from(elapsed_ms))
    }

    /// `E_max = 1.2·P_max·Δt + 2q` with the declared resolution; `None` without P_max. Source: domain.md 5.3.
    pub fn most(&self, elapsed_ms: i64) -> Option<i128> {
        Some(self.carried(elapsed_ms)? + 2 * self.resolution)
    }

    /// The resolution q at a position: the declared one, or that of a binary32 where it is coarser.
    /// Source: domain.md 5.3 (E08).
    pub fn resolution_at(&self, position: i128) -> i128 {
        match self.binary32_one {
            None => self.resolution,
            Some(one) => self.resolution.max(binary32_spacing(position, one)),
        }
    }

    /// Compares two positions of one epoch.
    pub(super) fn compare(&self, elapsed_ms: i64, earlier: i128, later: i128) -> Compared {
        let resolution = match self.binary32_one {
            None => self.resolution,
            Some(_) => self.resolution_at(earlier.abs().max(later.abs())),
        };
        Compared {
            delta: later - earlier,
            most: self.carried(elapsed_ms).map(|carried| carried + 2 * resolution),
            resolution,
            modulus: self.modulus,
            is_zero: later == 0,
            is_bidirectional: self.is_bidirectional,
        }
    }

    /// Whether a step is too large to be booked to any minute at all.
    pub fn is_beyond_booking(delta: i128) -> bool {
        delta.abs() > BOOKING_LIMIT * POSITION_PER_BASE
    }
}

/// Whether an amount in base units is too large to be booked to any minute at all.
pub(super) fn is_amount_beyond_booking(amount: i128) -> bool {
    !(-BOOKING_LIMIT..=BOOKING_LIMIT).contains(&amount)
}

/// The distance between neighbouring IEEE 754 binary32 numbers at `position`, where the number 1 stands at
/// `one`: 2^(e − 23) numbers for a value in [2^e, 2^(e + 1)). In position units, rounded down; 0 at zero.
pub fn binary32_spacing(position: i128, one: i128) -> i128 {
    /// Bits of a binary32's fraction.
    const FRACTION_BITS: u32 = 23;
    let magnitude = position.abs();
    if magnitude == 0 || one <= 0 {
        return 0;
    }
    if magnitude >= one {
        let exponent = (magnitude / one).ilog2();
        return match exponent.checked_sub(FRACTION_BITS) {
            Some(up) => one << up,
            None => one >> (FRACTION_BITS - exponent),
        };
    }
    // The least n with magnitude · 2^n >= one.
    let below = one.ilog2() - magnitude.ilog2();
    let below = if magnitude << below >= one { below } else { below + 1 };
    one.checked_shr(FRACTION_BITS + below).unwrap_or(0)
}

/// Two readings compared: everything that the class of the step between them follows from, in position units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Δ = later − earlier.
    pub delta: i128,
    /// E_max; `None` without P_max.
    pub most: Option<i128>,
    /// Resolution q.
    pub resolution: i128,
    /// Modulus M.
    pub modulus: Option<i128>,
    /// The later value is exactly 0.
    pub is_zero: bool,
    /// The register may fall.
    pub is_bidirectional: bool,
}

impl Compared {
    /// The class of the step, by its numbers alone.
    pub fn class(&self) -> StepClass {
        if self.is_bidirectional {
            return self.class_both_ways();
        }
        if let (Some(modulus), Some(most)) = (self.modulus, self.most)
            && most >= modulus
        {
            return StepClass::Undecidable;
        }
        if self.delta >= 0 {
            let fits = self.most.is_none_or(|most| self.delta <= most);
            return if fits { StepClass::Normal } else { StepClass::Jump };
        }
        if self.delta >= -2 * self.resolution && !self.is_zero {
            return StepClass::Jitter;
        }
        if let (Some(modulus), Some(most)) = (self.modulus, self.most)
            && (0..=most).contains(&(self.delta + modulus))
        {
            return StepClass::Rollover;
        }
        StepClass::Reset
    }

    /// A register that counts both ways passes up to E_max either way, so it needs a modulus beyond twice
    /// that; it has no jitter, and may pass its modulus downwards.
    fn class_both_ways(&self) -> StepClass {
        let Some(most) = self.most else { return StepClass::Normal };
        if self.modulus.is_some_and(|modulus| 2 * most >= modulus) {
            return StepClass::Undecidable;
        }
        if self.delta.abs() <= most {
            return StepClass::Normal;
        }
        if self.modulus.is_some() && (self.delta + self.rolled()).abs() <= most {
            return StepClass::Rollover;
        }
        if self.delta < 0 { StepClass::Reset } else { StepClass::Jump }
    }

    /// What a rollover adds to the difference: the modulus, downwards where the register went up.
    pub fn rolled(&self) -> i128 {
        let modulus = self.modulus.unwrap_or(0);
        if self.delta < 0 { modulus } else { -modulus }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: i128 = 9_000_000_000_000_000;

    #[test]
    fn a_register_that_counts_both_ways_may_fall_by_what_can_be_carried() {
        let of = |delta, modulus| {
            Compared { delta, most: Some(10), resolution: 1, modulus, is_zero: false, is_bidirectional: true }
                .class()
        };
        assert_eq!(
            [-11, -10, -1, 0, 10, 11].map(|delta| of(delta, None).word()),
            ["reset", "normal", "normal", "normal", "normal", "jump"]
        );
        assert_eq!(
            [-95, -50, 50, 95].map(|delta| of(delta, Some(100)).word()),
            ["rollover", "reset", "jump", "rollover"]
        );
        assert_eq!(of(1, Some(20)), StepClass::Undecidable, "up by 1, or down by 19?");
    }

    #[test]
    fn spacing_doubles_with_each_power_of_two() {
        let at = |value: i128| binary32_spacing(value * ONE, ONE) / ONE;
        assert_eq!([16_777_215, 16_777_216, 33_554_431, 33_554_432].map(at), [1, 2, 2, 4]);
        assert_eq!(binary32_spacing(-ONE, ONE), ONE >> 23);
        assert_eq!(binary32_spacing(ONE / 2, ONE), ONE >> 24);
        assert_eq!((binary32_spacing(0, ONE), binary32_spacing(1, ONE)), (0, 0));
    }

    proptest! {
        /// As the machine's own binary32 has it.
        #[test]
        fn spacing_is_the_distance_to_the_next_float(bits in 0x3f80_0000_u32..0x4e00_0000) {
            let (value, next) = (f32::from_bits(bits), f32::from_bits(bits + 1));
            // A power of two and a few bits: exact in both.
            let position = (f64::from(value) * (1_u64 << 23) as f64) as i128;
            let distance = ((f64::from(next) - f64::from(value)) * (1_u64 << 23) as f64) as i128;
            prop_assert_eq!(binary32_spacing(position, 1 << 23), distance);
        }
    }
}

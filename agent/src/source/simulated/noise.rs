//! Randomness without state: a hash of seed, name and position, so any instant can be asked for alone.

/// A source of noise of its own: two names never share a number, one name always gives the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noise(u64);

impl Noise {
    /// The noise that `name` has in the world of `seed`.
    pub(crate) fn new(seed: u64, name: &str) -> Noise {
        let folded = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Noise(mix(seed ^ folded))
    }

    /// Evenly spread in `[0, 1)`.
    pub(crate) fn share(self, position: i64) -> f64 {
        // 53 bits: as many as a float holds.
        (mix(self.0 ^ mix(position as u64)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly spread in `[-1, 1)`.
    pub(crate) fn signed(self, position: i64) -> f64 {
        self.share(position) * 2.0 - 1.0
    }

    /// A curve in `[-1, 1)` through one random value every `period_ms`, without corners.
    pub(crate) fn smooth(self, at_ms: i64, period_ms: i64) -> f64 {
        let from = at_ms.div_euclid(period_ms);
        let way = at_ms.rem_euclid(period_ms) as f64 / period_ms as f64;
        let eased = way * way * (3.0 - 2.0 * way);
        self.signed(from) * (1.0 - eased) + self.signed(from + 1) * eased
    }
}

/// The finalizer of SplitMix64: each bit of the input moves half of the output's.
const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer_and_names_differ() {
        let a = Noise::new(7, "load");
        assert_eq!(a.share(12), Noise::new(7, "load").share(12));
        assert_ne!(a.share(12), Noise::new(7, "sun").share(12));
        assert_ne!(a.share(12), Noise::new(8, "load").share(12));
    }

    #[test]
    fn values_fill_their_range_evenly() {
        let noise = Noise::new(1, "range");
        let mean = (0..10_000).map(|n| noise.share(n)).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert!((0..10_000).all(|n| (-1.0..1.0).contains(&noise.smooth(n * 977, 60_000))));
    }

    #[test]
    fn a_smooth_curve_has_no_jumps() {
        let noise = Noise::new(3, "curve");
        for at in (-200_000..200_000).step_by(100) {
            let step = noise.smooth(at + 100, 60_000) - noise.smooth(at, 60_000);
            assert!(step.abs() < 0.01, "{at}: {step}");
        }
    }
}

//! How long to wait before the next attempt: doubling, capped, and jittered from a given seed, so that
//! a hall of agents does not return to a restarted broker in one breath.

use std::time::Duration;

/// Waits between attempts. Pure: the same seed gives the same waits.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
    state: u64,
}

impl Backoff {
    /// Waits that start near `first`, double with each failure, and never exceed `cap`.
    pub fn new(seed: u64, first: Duration, cap: Duration) -> Backoff {
        Backoff { first, cap: cap.max(first), failures: 0, state: seed }
    }

    /// Notes a failure and gives the wait before the next attempt: between half and all of the
    /// doubled wait.
    pub fn next_wait(&mut self) -> Duration {
        // 2^20 times any sensible first wait is beyond any sensible cap.
        let doubled = self.first.saturating_mul(1 << self.failures.min(20)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        let half = doubled / 2;
        let share = (self.draw() >> 32) as u32;
        // share / 2^32 of the other half.
        half + Duration::from_nanos(
            ((half.as_nanos() * u128::from(share)) >> 32).try_into().unwrap_or(u64::MAX),
        )
    }

    /// Notes a success: the next failure waits briefly again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The splitmix64 step: enough spread for jitter, and reproducible.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_double_up_to_the_cap_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(7, Duration::from_millis(100), Duration::from_secs(5));
        let mut expected = Duration::from_millis(100);
        for _ in 0..40 {
            let wait = backoff.next_wait();
            assert!(expected / 2 <= wait && wait <= expected, "{wait:?} is not within {expected:?}");
            expected = (expected * 2).min(Duration::from_secs(5));
        }
        backoff.succeeded();
        assert!(backoff.next_wait() <= Duration::from_millis(100));
    }

    #[test]
    fn seeds_spread_the_first_wait_and_repeat_themselves() {
        let first = |seed| Backoff::new(seed, Duration::from_secs(1), Duration::from_secs(9)).next_wait();
        let mut waits: Vec<_> = (0..100).map(first).collect();
        assert_eq!(waits[3], first(3));
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 90, "only {} different waits from 100 seeds", waits.len());
    }

    proptest! {
        #[test]
        fn no_wait_exceeds_the_cap(seed: u64, first in 0_u64..1 << 40, cap in 0_u64..1 << 40, tries in 0..60) {
            let mut backoff = Backoff::new(seed, Duration::from_micros(first), Duration::from_micros(cap));
            for _ in 0..tries {
                prop_assert!(backoff.next_wait() <= Duration::from_micros(cap.max(first)));
            }
        }
    }
}

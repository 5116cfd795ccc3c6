//! Whether the machine's clock goes on as time does. Pure.

use std::time::Duration;
use wattledger_model::time::Timestamp;

/// A clock that is off by more than this from where running time puts it was set. Smoothly corrected clocks
/// stay far below between two looks.
const JUMP_MS: u64 = 1_000;

/// Compares the clock with running time.
#[derive(Debug, Default)]
pub(crate) struct ClockWatch {
    /// The clock less the running time, at the last look, ms.
    offset: Option<i64>,
    jumps: u64,
    last_ms: i64,
}

impl ClockWatch {
    /// Looks at the clock, at a time since the start; by how much it was set since the last look, ms.
    pub(crate) fn look(&mut self, now: Duration, clock: Timestamp) -> Option<i64> {
        let running = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let offset = clock.0.saturating_sub(running);
        let by = offset.saturating_sub(self.offset.replace(offset)?);
        if by.unsigned_abs() <= JUMP_MS {
            return None;
        }
        self.jumps += 1;
        self.last_ms = by;
        Some(by)
    }

    /// How often it was set since the start.
    pub(crate) fn jumps(&self) -> u64 {
        self.jumps
    }

    /// By how much the last time, ms; 0 before the first.
    pub(crate) fn last_ms(&self) -> i64 {
        self.last_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_told_from_one_that_drifts() {
        let mut watch = ClockWatch::default();
        let mut clock = 1_000_000;
        // Half a day at 500 ppm.
        for second in 0..43_200 {
            clock += if second % 2 == 0 { 1_001 } else { 1_000 };
            assert_eq!(watch.look(Duration::from_secs(second + 1), Timestamp(clock)), None);
        }
        assert_eq!(watch.look(Duration::from_secs(43_201), Timestamp(clock + 3_601_000)), Some(3_600_000));
        assert_eq!(watch.look(Duration::from_secs(43_202), Timestamp(clock + 2_000)), Some(-3_600_000));
        assert_eq!((watch.jumps(), watch.last_ms()), (2, -3_600_000));
    }
}

//! What meters do in real life: fall silent, start again at zero, fail to answer and say 0.
//!
//! A plan that returns every 365 days, counted from the simulation's origin.

use super::weather::{DAY_MS, HOUR_MS};

/// After this time the plan starts again.
const ROUND_MS: i64 = 365 * DAY_MS;
const MINUTE_MS: i64 = 60_000;

/// What a meter does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Says nothing for this long. The register counts on.
    Silent { for_ms: i64 },
    /// Says 0 once.
    ReadsZero,
    /// Starts again at zero.
    Resets,
}

/// Meter, when (ms into the round), what.
const PLAN: &[(&str, i64, Fault)] = &[
    ("utility-b", 61 * DAY_MS + 2 * HOUR_MS, Fault::Silent { for_ms: 9 * HOUR_MS }),
    ("edge-cooling", 118 * DAY_MS + 9 * HOUR_MS, Fault::Silent { for_ms: 3 * HOUR_MS }),
    ("outdoor-humidity", 170 * DAY_MS, Fault::Silent { for_ms: 30 * HOUR_MS }),
    ("pdu-b", 207 * DAY_MS + 13 * HOUR_MS, Fault::ReadsZero),
    ("hall-air-handlers", 289 * DAY_MS + 10 * HOUR_MS + 7 * MINUTE_MS, Fault::Resets),
    ("hall-ups-a", 352 * DAY_MS + 11 * HOUR_MS + 45 * MINUTE_MS, Fault::ReadsZero),
    ("hall-ups-b", 360 * DAY_MS + 4 * HOUR_MS, Fault::Silent { for_ms: 5 * HOUR_MS }),
];

/// The faults of one meter.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    origin_ms: i64,
    mine: Vec<(i64, Fault)>,
}

impl Faults {
    pub(crate) fn of(meter: &str, origin_ms: i64) -> Faults {
        let mine = PLAN.iter().filter(|(name, ..)| *name == meter).map(|(_, at, fault)| (*at, *fault));
        Faults { origin_ms, mine: mine.collect() }
    }

    /// Whether the meter gives no reading at this instant.
    pub(crate) fn silent(&self, at_ms: i64) -> bool {
        let into = self.time_of_round(at_ms);
        self.mine.iter().any(|(from, fault)| match fault {
            Fault::Silent { for_ms } => (*from..from + for_ms).contains(&into),
            _ => false,
        })
    }

    /// Whether the meter's value at this instant is a failed read delivered as 0.
    pub(crate) fn reads_zero(&self, at_ms: i64) -> bool {
        let into = self.time_of_round(at_ms);
        self.mine.iter().any(|(from, fault)| *fault == Fault::ReadsZero && *from == into)
    }

    /// The last time, at or before this instant, that the register started again.
    pub(crate) fn last_reset(&self, at_ms: i64) -> Option<i64> {
        let into = self.time_of_round(at_ms);
        let round_start = at_ms - into;
        let resets = self.mine.iter().filter(|(_, fault)| *fault == Fault::Resets);
        resets
            .map(|(from, _)| round_start + from - if *from > into { ROUND_MS } else { 0 })
            .filter(|reset| *reset >= self.origin_ms)
            .max()
    }

    fn time_of_round(&self, at_ms: i64) -> i64 {
        (at_ms - self.origin_ms).rem_euclid(ROUND_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_remembered_until_the_next_one() {
        let faults = Faults::of("hall-air-handlers", 1_000);
        let first = 1_000 + 289 * DAY_MS + 10 * HOUR_MS + 7 * MINUTE_MS;
        assert_eq!(faults.last_reset(first - 1), None);
        assert_eq!(faults.last_reset(first), Some(first));
        assert_eq!(faults.last_reset(first + ROUND_MS - 1), Some(first));
        assert_eq!(faults.last_reset(first + ROUND_MS), Some(first + ROUND_MS));
    }

    #[test]
    fn every_planned_meter_exists() {
        for (name, ..) in PLAN {
            let known = super::super::site::sites()
                .iter()
                .flat_map(|site| site.facilities)
                .flat_map(|facility| facility.meters)
                .any(|meter| meter.name == *name);
            assert!(known, "{name}");
        }
    }
}

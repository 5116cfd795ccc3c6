//! Sensors whose clocks are ahead of this machine's: their readings go to the collector, which keeps them in
//! quarantine, and whoever looks at the agent's status should know why.

use super::Mapped;
use std::collections::BTreeMap;
use std::fmt;
use wattledger_model::name::Name;

/// Ahead by more than this is told of. Source: domain.md 5.1.
const MOST_AHEAD_MS: i64 = 300_000;
/// Meters that are named; of more, only that there are more.
const NAMED: usize = 5;
/// Meters that are remembered.
const REMEMBERED: usize = 1_000;

/// The meters whose last reading was ahead, and by how many ms.
#[derive(Debug, Default)]
pub(super) struct Skews(BTreeMap<Name, i64>);

impl Skews {
    /// Looks at what was made of a message; whether there is something new to tell.
    pub(super) fn see(&mut self, mapped: &[Mapped]) -> bool {
        let mut turned = false;
        for mapped in mapped {
            let Mapped::Reading { meter, reading } = mapped else { continue };
            let ahead = reading.skew_ms();
            if ahead <= MOST_AHEAD_MS {
                turned |= !self.0.is_empty() && self.0.remove(meter).is_some();
            } else if self.0.len() < REMEMBERED || self.0.contains_key(meter) {
                turned |= self.0.insert(meter.clone(), ahead).is_none();
            }
        }
        turned
    }

    /// Whether every clock is right.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Skews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("clocks ahead of this machine's:")?;
        for (at, (meter, ahead)) in self.0.iter().take(NAMED).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma} {meter} by {} s", ahead / 1_000)?;
        }
        match self.0.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::decimal::Decimal;
    use wattledger_model::reading::{Quality, Reading};
    use wattledger_model::time::Timestamp;

    fn reading(meter: &str, skew_ms: i64) -> Mapped {
        let arrived = Timestamp(1_790_000_000_000);
        let reading = Reading {
            at: Timestamp(arrived.0 + skew_ms),
            arrived,
            value: Decimal::ZERO,
            unit: None,
            interval_ms: None,
            quality: Quality::Good,
            intake: None,
            evidence: None,
        };
        Mapped::Reading { meter: meter.parse().expect(meter), reading }
    }

    #[test]
    fn a_clock_is_told_of_while_it_is_ahead() {
        let mut skews = Skews::default();
        assert!(!skews.see(&[reading("a", 300_000), reading("b", -86_400_000)]) && skews.is_empty());
        assert!(skews.see(&[reading("a", 300_001), reading("b", 3_600_000)]));
        assert!(!skews.see(&[reading("a", 400_000)]), "known already");
        assert_eq!(skews.to_string(), "clocks ahead of this machine's: a by 400 s, b by 3600 s");
        assert!(skews.see(&[reading("a", 0)]));
        assert_eq!(skews.to_string(), "clocks ahead of this machine's: b by 3600 s");
    }

    #[test]
    fn a_whole_building_with_a_wrong_clock_is_one_short_line() {
        let mut skews = Skews::default();
        let all: Vec<Mapped> = (0..2_000).map(|meter| reading(&format!("m{meter}"), 600_000)).collect();
        assert!(skews.see(&all));
        assert!(skews.to_string().ends_with(", and 995 more") && skews.to_string().len() < 200);
    }
}

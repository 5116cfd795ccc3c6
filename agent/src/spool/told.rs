//! Losses as they are told: one entry for each meter and cause.

use std::collections::BTreeMap;
use wattledger_model::batch::{Loss, LossCause};
use wattledger_model::name::Name;

/// Entries of one batch at most; what is beyond is told without its meters.
const ENTRIES: usize = 5_000;

/// Losses joined by meter and cause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told(BTreeMap<(Option<Name>, LossCause), Loss>);

impl Told {
    /// Adds losses to what is told of their meters.
    pub(super) fn add(&mut self, losses: impl IntoIterator<Item = Loss>) {
        for mut loss in losses {
            if self.0.len() >= ENTRIES && !self.0.contains_key(&(loss.meter.clone(), loss.cause)) {
                loss.meter = None;
            }
            match self.0.get_mut(&(loss.meter.clone(), loss.cause)) {
                Some(there) => {
                    there.from = there.from.min(loss.from);
                    there.to = there.to.max(loss.to);
                    there.readings = there.readings.saturating_add(loss.readings);
                }
                None => drop(self.0.insert((loss.meter.clone(), loss.cause), loss)),
            }
        }
    }

    /// The entries, by meter.
    pub(super) fn losses(&self) -> Vec<Loss> {
        self.0.values().cloned().collect()
    }

    /// One entry for each cause, for people.
    pub(super) fn by_cause(&self) -> Vec<Loss> {
        let mut joined = Told::default();
        joined.add(self.0.values().map(|loss| Loss { meter: None, ..loss.clone() }));
        joined.losses()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattledger_model::time::Timestamp;

    fn loss(meter: &str, from: i64, to: i64, readings: u64, cause: LossCause) -> Loss {
        Loss { from: Timestamp(from), to: Timestamp(to), readings, meter: meter.parse().ok(), cause }
    }

    #[test]
    fn losses_of_a_meter_are_one_entry_for_each_cause() {
        let mut told = Told::default();
        told.add([loss("a", 5, 9, 3, LossCause::Thinned), loss("b", 1, 2, 4, LossCause::Dropped)]);
        told.add([loss("a", 2, 6, 1, LossCause::Thinned), loss("a", 7, 8, 2, LossCause::Dropped)]);
        let expected = [
            loss("a", 7, 8, 2, LossCause::Dropped),
            loss("a", 2, 9, 4, LossCause::Thinned),
            loss("b", 1, 2, 4, LossCause::Dropped),
        ];
        assert_eq!(told.losses(), expected);
        let sums = [loss("", 1, 8, 6, LossCause::Dropped), loss("", 2, 9, 4, LossCause::Thinned)];
        assert_eq!(told.by_cause(), sums);
    }

    #[test]
    fn more_meters_than_entries_are_told_together_and_none_is_forgotten() {
        let mut told = Told::default();
        for meter in 0..ENTRIES + 100 {
            told.add([loss(&format!("m{meter}"), 0, 1, 2, LossCause::Dropped)]);
        }
        assert_eq!(told.losses().len(), ENTRIES + 1);
        assert_eq!(told.losses().iter().map(|loss| loss.readings).sum::<u64>(), 2 * (ENTRIES as u64 + 100));
    }
}

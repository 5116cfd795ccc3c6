//! Means of gauges over any interval, weighted by time. Source: domain.md 5.5.

use super::{MeterHour, View};
use crate::store::{MeterId, StoreError};
use std::collections::HashMap;
use wattledger_model::minute::GaugeMinute;
use wattledger_model::time::{HOUR_MINUTES, Interval, Minute};

/// The sum of level times time, and the time, ms.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Level {
    pub(super) weighted: f64,
    pub(super) ms: i64,
}

/// Whole hours that were read already.
pub(super) type Hours = HashMap<(MeterId, i64), Level>;

/// Beyond this many hours the cache begins anew: a year of a hundred gauges.
const MOST_HOURS: usize = 876_000;

impl Level {
    fn of(minutes: &[GaugeMinute]) -> Level {
        let add = |sum: Level, minute: &GaugeMinute| Level {
            weighted: sum.weighted + minute.mean * f64::from(minute.ms),
            ms: sum.ms + i64::from(minute.ms),
        };
        minutes.iter().fold(Level::default(), add)
    }

    pub(super) fn mean(self) -> Option<f64> {
        (self.ms > 0).then(|| self.weighted / self.ms as f64)
    }

    fn add(&mut self, other: Level) {
        self.weighted += other.weighted;
        self.ms += other.ms;
    }
}

impl View {
    /// Milliseconds that are known of a gauge over an interval.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn level_ms(&mut self, meter: MeterId, interval: Interval) -> Result<i64, StoreError> {
        Ok(self.level(meter, interval)?.ms)
    }

    /// The level of a gauge over an interval.
    pub(super) fn level(&mut self, meter: MeterId, interval: Interval) -> Result<Level, StoreError> {
        let mut sum = Level::default();
        if interval.is_empty() {
            return Ok(sum);
        }
        if self.levels.len() > MOST_HOURS {
            self.levels.clear();
        }
        for hour in interval.from.hour()..=Minute(interval.to.0 - 1).hour() {
            let start = hour * HOUR_MINUTES;
            let inside = Interval::new(Minute(start), Minute(start + HOUR_MINUTES)).intersect(interval);
            let is_whole = inside.minutes() == HOUR_MINUTES;
            if let Some(known) = self.levels.get(&(meter, hour)).filter(|_| is_whole) {
                sum.add(*known);
                continue;
            }
            let Some(MeterHour::Levels(minutes)) = self.meter_hour(meter, hour)? else { continue };
            let level = Level::of(&minutes[(inside.from.0 - start) as usize..(inside.to.0 - start) as usize]);
            if is_whole {
                self.levels.insert((meter, hour), level);
            }
            sum.add(level);
        }
        Ok(sum)
    }
}

//! What the IT draws: nights, working days, batch jobs, and slow growth.

use super::noise::Noise;
use super::weather::{DAY_MS, HOUR_MS};
use std::f64::consts::TAU;

/// The shape of one facility's IT load. Shares are of the rated IT power.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Rated IT power, W.
    pub(crate) rated_watts: f64,
    /// What runs at any time.
    pub(crate) base: f64,
    /// What working hours add.
    pub(crate) day: f64,
    /// What remains of `day` at a weekend.
    pub(crate) weekend: f64,
    /// What the nightly batch jobs add while they run.
    pub(crate) batch: f64,
    /// Growth of the base in the first year.
    pub(crate) growth: f64,
    /// Local time less UTC, hours, without summer time.
    pub(crate) offset_hours: i64,
}

impl Load {
    /// IT power in watts at an instant; `origin_ms` is where growth starts.
    pub(crate) fn watts(&self, noise: Noise, origin_ms: i64, at_ms: i64) -> f64 {
        let local = at_ms + self.offset_hours * HOUR_MS;
        let day = local.div_euclid(DAY_MS);
        let hour = local.rem_euclid(DAY_MS) as f64 / HOUR_MS as f64;
        // 1970-01-01 was a Thursday.
        let weekend = (day + 3).rem_euclid(7) >= 5;
        let busy = (0.5 - 0.5 * (TAU * (hour - 3.5) / 24.0).cos()).powf(1.5);
        let years = (at_ms - origin_ms) as f64 / (365.25 * DAY_MS as f64);
        // Growth slows down, so that a demo kept for years does not pass the rating.
        let grown = self.growth * years.max(0.0) / (1.0 + 0.3 * years.max(0.0));
        let share = self.base * (1.0 + grown)
            + self.day * busy * if weekend { self.weekend } else { 1.0 }
            + self.batch * self.batch_runs(noise, day, hour)
            + 0.010 * noise.smooth(at_ms, 3 * HOUR_MS)
            + 0.004 * noise.smooth(at_ms, HOUR_MS / 2);
        self.rated_watts * share.clamp(0.05, 0.98)
    }

    /// Whether the night's batch jobs run, with soft edges: they start near one and take two to four hours.
    fn batch_runs(&self, noise: Noise, day: i64, hour: f64) -> f64 {
        let start = 1.0 + 0.5 * noise.share(2 * day);
        let end = start + 2.0 + 2.0 * noise.share(2 * day + 1);
        ((hour - start) * 2.0).clamp(0.0, 1.0) * ((end - hour) * 2.0).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: Load = Load {
        rated_watts: 1e6,
        base: 0.6,
        day: 0.1,
        weekend: 0.3,
        batch: 0.05,
        growth: 0.08,
        offset_hours: 1,
    };
    /// A Monday, 00:00 UTC.
    const MONDAY: i64 = 1_767_571_200_000;

    fn mean(from_ms: i64, hours: i64) -> f64 {
        let noise = Noise::new(2, "load");
        (0..hours).map(|h| LOAD.watts(noise, MONDAY, from_ms + h * HOUR_MS)).sum::<f64>() / hours as f64
    }

    #[test]
    fn working_days_draw_more_than_weekends_and_afternoons_more_than_nights() {
        assert!(mean(MONDAY, 120) > mean(MONDAY + 5 * DAY_MS, 48) + 10_000.0);
        let at = |hour: i64| (0..5).map(|d| mean(MONDAY + d * DAY_MS + hour * HOUR_MS, 1)).sum::<f64>() / 5.0;
        assert!(at(14) > at(22) + 20_000.0);
    }

    #[test]
    fn it_grows_slowly_and_stays_below_its_rating() {
        let grown = mean(MONDAY + 364 * DAY_MS, 168) / mean(MONDAY, 168);
        assert!((1.02..1.10).contains(&grown), "{grown}");
        assert!(mean(MONDAY + 100 * 364 * DAY_MS, 168) < 1e6);
    }
}

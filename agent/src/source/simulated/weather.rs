//! The air outside: seasons, days, fronts that pass, and the sun.

use super::noise::Noise;
use std::f64::consts::TAU;

pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;
const YEAR_DAYS: f64 = 365.2425;

/// A place's climate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Climate {
    /// Mean temperature of the year, °C.
    pub(crate) mean_c: f64,
    /// How far the warmest weeks lie above the mean, K.
    pub(crate) season_c: f64,
    /// How far a clear summer afternoon lies above the day's mean, K.
    pub(crate) day_c: f64,
    /// How far fronts move the temperature for some days, K.
    pub(crate) front_c: f64,
    /// Mean relative humidity, %.
    pub(crate) humidity_percent: f64,
    /// Degrees north.
    pub(crate) latitude: f64,
    /// Degrees east.
    pub(crate) longitude: f64,
}

/// The air and the sky at one instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Dry-bulb temperature, °C.
    pub(crate) dry_bulb_c: f64,
    /// Relative humidity, %.
    pub(crate) humidity_percent: f64,
    /// Wet-bulb temperature, °C: what an evaporating tower can come near.
    pub(crate) wet_bulb_c: f64,
    /// Output of a solar panel, as a share of its rating.
    pub(crate) sun: f64,
}

impl Climate {
    /// The weather at an instant (ms since the epoch, UTC) under a place's skies.
    pub(crate) fn at(&self, skies: &Skies, at_ms: i64) -> Weather {
        let solar_ms = at_ms + (self.longitude / 15.0 * HOUR_MS as f64) as i64;
        let hour = solar_ms.rem_euclid(DAY_MS) as f64 / HOUR_MS as f64;
        let year_day = (solar_ms as f64 / DAY_MS as f64).rem_euclid(YEAR_DAYS);
        // Warmest near 20 July, coldest half a year on.
        let season = (TAU * (year_day - 201.0) / YEAR_DAYS).cos();
        // 0 overcast, 1 clear.
        let clear = (0.5 + 0.8 * skies.cloud.smooth(at_ms, 9 * HOUR_MS)).clamp(0.0, 1.0);
        let swing = self.day_c * (0.65 + 0.35 * season) * (0.5 + 0.5 * clear);
        // Warmest in the middle of the afternoon.
        let daily = swing * (TAU * (hour - 15.0) / 24.0).cos();
        let front =
            self.front_c * skies.front.smooth(at_ms, 4 * DAY_MS) + skies.hours.smooth(at_ms, 5 * HOUR_MS);
        let dry_bulb_c = self.mean_c + self.season_c * season + daily + front;
        let damp = 14.0 * skies.damp.smooth(at_ms, 30 * HOUR_MS);
        let humidity_percent = (self.humidity_percent - 6.0 * season - 3.2 * daily + damp
            - 8.0 * (clear - 0.5))
            .clamp(15.0, 99.0);
        let wet_bulb_c = wet_bulb(dry_bulb_c, humidity_percent);
        let sun = self.elevation(year_day, hour).max(0.0).powf(1.15) * (0.18 + 0.72 * clear);
        Weather { dry_bulb_c, humidity_percent, wet_bulb_c, sun }
    }

    /// Sine of the sun's elevation.
    fn elevation(&self, year_day: f64, hour: f64) -> f64 {
        let declination = -23.44_f64.to_radians() * (TAU * (year_day + 10.0) / YEAR_DAYS).cos();
        let latitude = self.latitude.to_radians();
        let angle = TAU * (hour - 12.0) / 24.0;
        latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * angle.cos()
    }
}

/// The noises of one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Skies {
    front: Noise,
    hours: Noise,
    damp: Noise,
    cloud: Noise,
}

impl Skies {
    /// The noises that a place has in the world of `seed`.
    pub(crate) fn new(seed: u64, place: &str) -> Skies {
        let noise = |what: &str| Noise::new(seed, &format!("{place}/{what}"));
        Skies { front: noise("front"), hours: noise("hours"), damp: noise("damp"), cloud: noise("cloud") }
    }
}

/// Wet-bulb temperature at sea level by Stull's fit (2011), within 1 K from -20 to 50 °C and 5 to 99 %.
fn wet_bulb(dry_c: f64, humidity_percent: f64) -> f64 {
    let (t, h) = (dry_c.max(-20.0), humidity_percent);
    let wet = t * (0.151_977 * (h + 8.313_659).sqrt()).atan() + (t + h).atan() - (h - 1.676_331).atan()
        + 0.003_918_38 * h.powf(1.5) * (0.023_101 * h).atan()
        - 4.686_035;
    wet.min(dry_c)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPERATE: Climate = Climate {
        mean_c: 10.0,
        season_c: 8.5,
        day_c: 5.0,
        front_c: 5.0,
        humidity_percent: 76.0,
        latitude: 53.6,
        longitude: 10.0,
    };

    fn mean_of_month(month: i64) -> f64 {
        // 2026-01-01 and 30-day months are near enough for a mean.
        let start = 1_767_225_600_000 + month * 30 * DAY_MS;
        let skies = Skies::new(5, "test");
        (0..720).map(|h| TEMPERATE.at(&skies, start + h * HOUR_MS).dry_bulb_c).sum::<f64>() / 720.0
    }

    #[test]
    fn summer_is_warmer_than_winter_and_days_warmer_than_nights() {
        let (january, july) = (mean_of_month(0), mean_of_month(6));
        assert!((-5.0..6.0).contains(&january), "{january}");
        assert!((15.0..23.0).contains(&july), "{july}");
        let skies = Skies::new(5, "test");
        let day = 1_767_225_600_000 + 180 * DAY_MS;
        let mean = |hour: i64| {
            (0..30).map(|d| TEMPERATE.at(&skies, day + d * DAY_MS + hour * HOUR_MS).dry_bulb_c).sum::<f64>()
                / 30.0
        };
        assert!(mean(14) > mean(3) + 4.0);
    }

    #[test]
    fn the_sun_shines_by_day_only_and_more_in_summer() {
        let skies = Skies::new(5, "test");
        let yield_of = |first: i64| {
            (0..30 * 24)
                .map(|h| TEMPERATE.at(&skies, 1_767_225_600_000 + first * DAY_MS + h * HOUR_MS).sun)
                .sum::<f64>()
        };
        let midnight = TEMPERATE.at(&skies, 1_767_225_600_000 + 172 * DAY_MS);
        assert_eq!(midnight.sun, 0.0);
        assert!(yield_of(160) > 4.0 * yield_of(345));
    }

    #[test]
    fn wet_bulb_follows_the_published_point_and_never_passes_dry_bulb() {
        // Stull's own example: 20 °C at 50 % gives 13.7 °C.
        assert!((wet_bulb(20.0, 50.0) - 13.7).abs() < 0.05);
        for t in -40..45 {
            for h in (15..100).step_by(7) {
                assert!(wet_bulb(f64::from(t), f64::from(h)) <= f64::from(t));
            }
        }
    }
}

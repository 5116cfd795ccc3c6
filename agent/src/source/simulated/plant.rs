//! The building around the IT: what it takes to feed, cool and light it, as one balance of power.

use super::load::Load;
use super::noise::Noise;
use super::weather::{Climate, DAY_MS, HOUR_MS, Skies, Weather};

/// What can be metered in a facility. Power in watts, water in litres per hour; never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    UtilityA,
    UtilityB,
    UpsA,
    UpsB,
    PduA,
    PduB,
    ChillerA,
    ChillerB,
    /// Pumps and the fans of towers or dry coolers.
    Rejection,
    /// Fans of the air handlers in the hall.
    AirHandlers,
    Lighting,
    Solar,
    Export,
    /// Make-up water of towers and sprays, L/h.
    Water,
}

/// How many flows there are.
pub(crate) const FLOWS: usize = 14;

/// Which outside temperature free cooling goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sink {
    /// Evaporating towers follow the wet bulb.
    WetBulb,
    /// Dry coolers and condensers follow the dry bulb.
    DryBulb,
}

/// One facility's plant. Shares of "rated" are of the rated IT power.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plant {
    /// Share of the load on feed A; 1 where there is only one feed.
    pub(crate) feed_a: f64,
    /// UPS loss: at no load (share of rated), in proportion, and with the square of the load.
    pub(crate) ups_loss: [f64; 3],
    /// Loss between UPS and the outlets, in proportion.
    pub(crate) distribution_loss: f64,
    /// Transformer and switchgear loss: at no load (share of rated) and in proportion.
    pub(crate) supply_loss: [f64; 2],
    /// Air handlers at full load (share of rated); they slow down with the load.
    pub(crate) air_handlers: f64,
    /// What free cooling goes by.
    pub(crate) sink: Sink,
    /// At or below the first temperature (°C) no compressor runs, at or above the second all heat passes one.
    pub(crate) free_cooling: [f64; 2],
    /// Heat moved for each unit of compressor work with the sink at 20 °C, and what each kelvin above takes off.
    pub(crate) performance: [f64; 2],
    /// The most that the first chiller draws (share of rated); the second one does the rest.
    pub(crate) first_chiller: f64,
    /// Pumps, tower and cooler fans, as a share of the heat; half as much again at the hottest.
    pub(crate) rejection: f64,
    /// Water evaporated and blown down for each kWh of heat that needs it, L.
    pub(crate) water_litres: f64,
    /// Sprays and towers stand dry below this dry-bulb temperature, °C.
    pub(crate) water_above_c: f64,
    /// Lighting, offices, security, W.
    pub(crate) lighting_watts: f64,
    /// Rated solar power, W.
    pub(crate) solar_watts: f64,
}

/// A facility that can be asked for the power of everything in it, at any instant.
#[derive(Debug, Clone)]
pub(crate) struct Facility {
    pub(crate) load: Load,
    pub(crate) plant: Plant,
    pub(crate) climate: Climate,
    skies: Skies,
    it: Noise,
    feeds: Noise,
    origin_ms: i64,
}

impl Facility {
    /// `place` is shared by the facilities under one sky.
    pub(crate) fn new(
        seed: u64,
        place: &str,
        name: &str,
        origin_ms: i64,
        (load, plant, climate): (Load, Plant, Climate),
    ) -> Facility {
        Facility {
            load,
            plant,
            climate,
            skies: Skies::new(seed, place),
            it: Noise::new(seed, &format!("{name}/it")),
            feeds: Noise::new(seed, &format!("{name}/feeds")),
            origin_ms,
        }
    }

    /// The weather outside.
    pub(crate) fn weather(&self, at_ms: i64) -> Weather {
        self.climate.at(&self.skies, at_ms)
    }

    /// Every flow at an instant.
    pub(crate) fn flows(&self, at_ms: i64) -> [f64; FLOWS] {
        let plant = &self.plant;
        let weather = self.weather(at_ms);
        let it = self.load.watts(self.it, self.origin_ms, at_ms);
        let rated = self.load.rated_watts;
        let ups = it * (1.0 + plant.distribution_loss);
        let loaded = ups / rated;
        let ups_loss = rated * plant.ups_loss[0] + ups * (plant.ups_loss[1] + plant.ups_loss[2] * loaded);
        let air_handlers = rated * plant.air_handlers * (0.35 + 0.65 * loaded.powi(3)).min(1.0);
        // All that is spent inside the hall turns into heat there.
        let heat = ups + ups_loss + air_handlers;
        let cooling = self.cooling(heat, &weather);
        let lighting = plant.lighting_watts * self.occupied(at_ms);
        let below = ups + ups_loss + air_handlers + cooling.compressors + cooling.rejection + lighting;
        let drawn = below + rated * plant.supply_loss[0] + below * plant.supply_loss[1];
        let solar = plant.solar_watts * weather.sun;
        let export = (solar - drawn).max(0.0);
        let utility = drawn - solar + export;
        let a = if plant.feed_a < 1.0 {
            plant.feed_a + 0.01 * self.feeds.smooth(at_ms, 6 * HOUR_MS)
        } else {
            1.0
        };
        let lead = cooling.compressors.min(rated * plant.first_chiller);
        let mut flows = [0.0; FLOWS];
        for (flow, value) in [
            (Flow::UtilityA, utility * a),
            (Flow::UtilityB, utility * (1.0 - a)),
            (Flow::UpsA, ups * a),
            (Flow::UpsB, ups * (1.0 - a)),
            (Flow::PduA, it * a),
            (Flow::PduB, it * (1.0 - a)),
            (Flow::ChillerA, lead),
            (Flow::ChillerB, cooling.compressors - lead),
            (Flow::Rejection, cooling.rejection),
            (Flow::AirHandlers, air_handlers),
            (Flow::Lighting, lighting),
            (Flow::Solar, solar),
            (Flow::Export, export),
            (Flow::Water, cooling.water),
        ] {
            flows[flow as usize] = value;
        }
        flows
    }

    fn cooling(&self, heat: f64, weather: &Weather) -> Cooling {
        let plant = &self.plant;
        let sink = match plant.sink {
            Sink::WetBulb => weather.wet_bulb_c,
            Sink::DryBulb => weather.dry_bulb_c,
        };
        let [all_free, none_free] = plant.free_cooling;
        let mechanical = ((sink - all_free) / (none_free - all_free)).clamp(0.0, 1.0);
        let [at_20, per_kelvin] = plant.performance;
        // Condensers are not run colder than some 12 °C, and a compressor does not get arbitrarily bad.
        let performance = (at_20 - per_kelvin * (sink.max(12.0) - 20.0)).max(2.0);
        let compressors = heat * mechanical / performance;
        let strain = ((sink - all_free) / 25.0).clamp(0.0, 1.0);
        let rejection = (heat + compressors) * plant.rejection * (1.0 + 0.5 * strain);
        let wet = ((weather.dry_bulb_c - plant.water_above_c) / 4.0).clamp(0.0, 1.0);
        let water = (heat + compressors) / 1_000.0 * plant.water_litres * wet;
        Cooling { compressors, rejection, water }
    }

    /// Lights and offices: full on working days, a third at night.
    fn occupied(&self, at_ms: i64) -> f64 {
        let local = at_ms + self.load.offset_hours * HOUR_MS;
        let hour = local.rem_euclid(DAY_MS) as f64 / HOUR_MS as f64;
        let weekend = (local.div_euclid(DAY_MS) + 3).rem_euclid(7) >= 5;
        let rise = (hour - 6.5).clamp(0.0, 1.0) * (19.0 - hour).clamp(0.0, 1.0);
        0.35 + if weekend { 0.15 } else { 0.65 } * rise
    }
}

struct Cooling {
    compressors: f64,
    rejection: f64,
    water: f64,
}

#[cfg(test)]
mod tests {
    use super::super::site;
    use super::*;

    #[test]
    fn supply_equals_what_is_spent_at_every_instant() {
        for facility in site::facilities(11, 0) {
            let mut exported = 0.0;
            for step in 0..4_000 {
                let at = step * 7 * HOUR_MS;
                let flows = facility.flows(at);
                assert!(flows.iter().all(|value| *value >= 0.0 && value.is_finite()), "{flows:?}");
                let of = |flow: Flow| flows[flow as usize];
                let supplied = of(Flow::UtilityA) + of(Flow::UtilityB) + of(Flow::Solar) - of(Flow::Export);
                let known = of(Flow::UpsA)
                    + of(Flow::UpsB)
                    + of(Flow::ChillerA)
                    + of(Flow::ChillerB)
                    + of(Flow::Rejection)
                    + of(Flow::AirHandlers)
                    + of(Flow::Lighting);
                // The rest is lost in the UPS and in the supply: always something, never much.
                let lost = (supplied - known) / supplied;
                assert!((0.005..0.15).contains(&lost), "lost {lost}");
                assert!(of(Flow::PduA) + of(Flow::PduB) < of(Flow::UpsA) + of(Flow::UpsB));
                exported += of(Flow::Export);
            }
            assert_eq!(exported > 0.0, facility.plant.solar_watts > facility.load.rated_watts);
        }
    }

    #[test]
    fn cold_air_spares_the_compressors() {
        let facility = &site::facilities(11, 0)[0];
        // 1970-01-15 and 1970-07-20, at noon.
        let share = |day: i64| {
            let mut compressors = 0.0;
            for hour in 0..240 {
                let flows = facility.flows(day * DAY_MS + hour * HOUR_MS);
                compressors += flows[Flow::ChillerA as usize] + flows[Flow::ChillerB as usize];
            }
            compressors
        };
        assert!(share(195) > 5.0 * share(14), "{} {}", share(195), share(14));
    }
}

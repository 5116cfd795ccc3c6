//! UTC hours of the gauges that tell a facility's weather.

use super::{HOUR_MS, Numbering, Points, all_fields};
use crate::outputs::influx::catalog::{self, weather};
use crate::outputs::influx::line::Series;
use crate::store::StoreError;
use crate::topology::outdoor::{self, Gauge};
use crate::view::{MeterHour, View};
use std::sync::Arc;
use wattledger_model::minute::GaugeMinute;
use wattledger_model::time::{HOUR_MINUTES, MINUTE_MS, Minute};

/// The series of one gauge.
pub(super) struct WeatherPoints {
    gauge: Gauge,
    series: Arc<Series>,
}

impl WeatherPoints {
    pub(super) fn of(at: usize, view: &View, numbering: &mut Numbering) -> Vec<WeatherPoints> {
        let topology = view.topology();
        let facility = &topology.facilities[at];
        let series = |gauge: Gauge| {
            let known = topology.meters.get(&gauge.meter)?;
            let meter = known.declared.key.meter.to_string();
            let tags = vec![facility.name.to_string(), meter, facility.site.to_string()];
            let series = Series::new(&catalog::WEATHER, tags, all_fields(&catalog::WEATHER));
            Some(WeatherPoints { gauge, series: numbering.add(series, HOUR_MS) })
        };
        outdoor::gauges(topology, facility).into_iter().filter_map(series).collect()
    }

    pub(super) fn write(
        &self,
        hour: i64,
        may_repeat: bool,
        view: &mut View,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        let minutes = match view.meter_hour(self.gauge.meter, hour)? {
            Some(MeterHour::Levels(minutes)) => minutes.to_vec(),
            Some(MeterHour::Sums(_)) | None => Vec::new(),
        };
        let start = Minute(hour * HOUR_MINUTES);
        let is_told = |at: usize| self.gauge.tells(Minute(start.0 + at as i64));
        let minutes = minutes.iter().enumerate().filter(|(at, minute)| minute.ms > 0 && is_told(*at));
        let minutes: Vec<&GaugeMinute> = minutes.map(|(_, minute)| minute).collect();
        let ms: i64 = minutes.iter().map(|minute| i64::from(minute.ms)).sum();
        let (m, fields) = (&catalog::WEATHER, &mut points.fields);
        fields.clear();
        if ms > 0 {
            let weighted: f64 = minutes.iter().map(|minute| minute.mean * f64::from(minute.ms)).sum();
            fields.float(m, weather::MEAN, weighted / ms as f64);
            let (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
            fields.float(m, weather::MIN, minutes.iter().fold(low, |low, minute| low.min(minute.min)));
            fields.float(m, weather::MAX, minutes.iter().fold(high, |high, minute| high.max(minute.max)));
        }
        fields.float(m, weather::COVERAGE, ms as f64 / (HOUR_MINUTES * MINUTE_MS) as f64);
        points.finish(&self.series, start.start().0, may_repeat);
        Ok(())
    }
}

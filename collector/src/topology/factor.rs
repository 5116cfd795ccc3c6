//! Emission factors of electricity as weights by time, and what they are in words. Source: domain.md 4.1.

use crate::config::{Carbon, FactorSeries, Hourly};
use crate::indicators::Weight;
use crate::indicators::figure::UWH_PER_KWH;
use chrono::NaiveDate;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::factor::FactorTable;

/// The years that readings can be of.
const YEARS: std::ops::Range<i32> = 2000..2200;

/// An emission factor and what it is.
#[derive(Clone)]
pub struct Factor {
    /// kg per µWh by minute.
    pub weight: Weight,
    /// What it is, with year and source.
    pub note: String,
}

/// The emission factor by year. The year is that of local time, as factors are by year.
pub(super) fn of_years(carbon: &Carbon, zone: Tz) -> Factor {
    match carbon {
        Carbon::Constant { kg_per_kwh, year, source } => {
            let kg_per_uwh = kg_per_kwh.to_f64() / UWH_PER_KWH;
            let mut note = format!("{kg_per_kwh} kg/kWh");
            if let Some(year) = year {
                note.push_str(&format!(", year {year}"));
            }
            if let Some(source) = source {
                note.push_str(&format!(", {source}"));
            }
            Factor { weight: Weight::constant(kg_per_uwh), note }
        }
        Carbon::Grid(region) => {
            let table = FactorTable::embedded();
            let note = format!("grid {region}, {} {}", table.name, table.version);
            let of_year = |year| {
                let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
                let found = table.find(region, year)?;
                let since = calendar::day_start(zone, first);
                Some((since, found.factor.kg_per_kwh.to_f64() / UWH_PER_KWH))
            };
            Factor { weight: Weight::steps(YEARS.filter_map(of_year).collect()), note }
        }
    }
}

/// The location-based factor: by the hour where there is a series, by year where that has none.
pub(super) fn of_location(carbon: Option<&Carbon>, hourly: Option<&Hourly>, zone: Tz) -> Option<Factor> {
    let years = of_years(carbon?, zone);
    let Some(Hourly::Series(file)) = hourly else { return Some(years) };
    let shown = file.value.display();
    match FactorSeries::open(&file.value, zone) {
        Ok(series) => {
            let note = format!("series {shown} ({}), else {}", series.extent(zone), years.note);
            let kg_per_uwh = |kg: f64| kg / UWH_PER_KWH;
            let steps = series.steps().into_iter().map(|(since, kg)| (since, kg.map(kg_per_uwh)));
            let steps: Vec<_> = steps.collect();
            Some(Factor { weight: years.weight.under(&steps), note })
        }
        Err(error) => {
            tracing::warn!(%error, "a series of emission factors is not used");
            Some(Factor { note: format!("{} ({error})", years.note), ..years })
        }
    }
}

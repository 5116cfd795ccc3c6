//! Emission factors of electricity as weights by time, and what they are in words. Source: domain.md 4.1.

mod gauge;
pub mod note;

pub use gauge::FactorGauge;
pub(crate) use gauge::{HourOfFactors, SaidFactors};

use self::note::{Extent, Finer, Holes, Note, Noted, Years};
use crate::config::{Carbon, Hourly, open_series, read_series};
use crate::indicators::figure::UWH_PER_KWH;
use crate::indicators::{Weight, weight};
use chrono::NaiveDate;
use std::sync::Arc;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::factor::FactorTable;
use wattledger_model::time::{Interval, Minute};

/// The years that readings can be of.
const YEARS: std::ops::Range<i32> = 2000..2200;

/// Where an emission factor comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// A series by interval, or a gauge.
    Series,
    /// The factor of a year.
    Year {
        /// The generation year; `None` where it was not said.
        year: Option<i32>,
        /// Whether it is not the year of consumption: that one is not published, and the figure is restated
        /// once it is.
        is_substitute: bool,
        /// Whether no consulted source confirms the value.
        is_unconfirmed: bool,
        /// Whether there is a series or a gauge, and it says nothing of this time.
        instead_of_series: bool,
    },
}

/// The origins of an emission factor by time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    /// `(since, origin)`, ascending; neighbours differ.
    steps: Arc<[(Minute, Origin)]>,
}

impl Origins {
    fn of(mut steps: Vec<(Minute, Origin)>) -> Origins {
        steps.dedup_by_key(|(_, origin)| *origin);
        Origins { steps: steps.into() }
    }

    /// These, but for the edges in an interval, its end among them, which are those of others.
    fn spliced(&self, others: &Origins, edges: Interval) -> Origins {
        Origins::of(weight::spliced(&self.steps, &others.steps, edges))
    }

    /// For how many minutes of an interval the factor came from where, in the order in which they first count.
    pub fn over(&self, interval: Interval) -> Vec<(Origin, i64)> {
        let mut found: Vec<(Origin, i64)> = Vec::new();
        for (at, (since, origin)) in self.steps.iter().enumerate() {
            let until = self.steps.get(at + 1).map_or(Minute(i64::MAX), |(next, _)| *next);
            let minutes = Interval::new(*since, until).intersect(interval).minutes();
            match found.iter_mut().find(|(other, _)| other == origin) {
                Some((_, sum)) => *sum += minutes,
                None if minutes > 0 => found.push((*origin, minutes)),
                None => {}
            }
        }
        found
    }
}

/// An emission factor and what it is.
#[derive(Debug, Clone)]
pub struct Factor {
    /// kg per µWh by minute.
    pub weight: Weight,
    /// What it is, with year and source.
    pub note: Note,
    /// Where it comes from, by minute.
    pub origins: Origins,
}

impl Factor {
    /// Whether it is finer than a year: from a series or a gauge, with the year's where that says nothing.
    pub(crate) fn is_by_interval(&self) -> bool {
        let is_finer = |origin: &Origin| match origin {
            Origin::Series => true,
            Origin::Year { instead_of_series, .. } => *instead_of_series,
        };
        self.origins.steps.iter().any(|(_, origin)| is_finer(origin))
    }

    /// It with what is finer than a year.
    fn with(self, finer: Finer) -> Factor {
        Factor { note: Note { finer: Some(finer), ..self.note }, ..self }
    }

    /// What it is, and, where it is finer than a year, for how much of an interval it is what.
    pub(crate) fn note_over(&self, interval: Interval) -> Noted {
        let over = if self.is_by_interval() { self.origins.over(interval) } else { Vec::new() };
        Noted { note: self.note.clone(), over }
    }
}

/// The emission factor by year. The year is that of local time, as factors are by year.
pub(super) fn of_years(carbon: &Carbon, zone: Tz) -> Factor {
    let starts = YEARS.filter_map(|year| {
        let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
        Some((year, calendar::day_start(zone, first)))
    });
    let of_year = |year, is_substitute, is_unconfirmed| Origin::Year {
        year,
        is_substitute,
        is_unconfirmed,
        instead_of_series: false,
    };
    match carbon {
        Carbon::Constant { kg_per_kwh, year: stated, source } => {
            let years = Years::Constant { kg_per_kwh: *kg_per_kwh, year: *stated, source: source.clone() };
            let differs = |year| stated.is_some_and(|stated| stated != year);
            let origins = starts.map(|(year, since)| (since, of_year(*stated, differs(year), false)));
            Factor {
                weight: Weight::constant(kg_per_kwh.to_f64() / UWH_PER_KWH),
                note: Note { finer: None, years },
                origins: Origins::of(origins.collect()),
            }
        }
        Carbon::Grid(region) => {
            let table = FactorTable::embedded();
            let found: Vec<_> =
                starts.filter_map(|(year, since)| Some((since, table.find(region, year)?))).collect();
            let weights =
                found.iter().map(|(since, found)| (*since, found.factor.kg_per_kwh.to_f64() / UWH_PER_KWH));
            let origins = found.iter().map(|(since, found)| {
                (*since, of_year(Some(found.factor.year), found.substitute, found.factor.unconfirmed))
            });
            Factor {
                weight: Weight::steps(weights.collect()),
                note: Note {
                    finer: None,
                    years: Years::Grid {
                        region: region.clone(),
                        table: table.name.clone(),
                        version: table.version.clone(),
                    },
                },
                origins: Origins::of(origins.collect()),
            }
        }
    }
}

/// The location-based factor: by the hour where there is a series, by year where that has none. What a gauge has
/// said stands in the ledger: of that there is nothing in it.
pub(super) fn of_location(carbon: Option<&Carbon>, hourly: Option<&Hourly>, zone: Tz) -> Option<Factor> {
    let years = of_years(carbon?, zone);
    let (file, series) = match hourly {
        Some(Hourly::Series(file)) => (&file.value, open_series(&file.value, zone)),
        Some(Hourly::Kept { named, text }) => (named, read_series(named, text, zone)),
        Some(Hourly::Meter(_)) | None => return Some(years),
    };
    match series {
        Ok(series) => {
            let steps = series.steps();
            let finer = Finer::Series { file: file.display().to_string(), of: extent(&steps, zone) };
            Some(under(years, &steps).with(finer))
        }
        Err(error) => {
            tracing::warn!(%error, "a series of emission factors is not used");
            Some(years.with(Finer::Unusable { why: error.to_string() }))
        }
    }
}

/// Since when which factor holds, kg/kWh, ascending; `None` from where none does.
type Steps = [(Minute, Option<f64>)];

/// A factor by year where steps by interval say nothing.
fn under(years: Factor, steps: &Steps) -> Factor {
    let kg_per_uwh = |kg: f64| kg / UWH_PER_KWH;
    let weights: Vec<_> = steps.iter().map(|(since, kg)| (*since, kg.map(kg_per_uwh))).collect();
    let without = |origin| match origin {
        Origin::Year { year, is_substitute, is_unconfirmed, .. } => {
            Origin::Year { year, is_substitute, is_unconfirmed, instead_of_series: true }
        }
        Origin::Series => Origin::Series,
    };
    let says_something = |at: Minute| {
        let after = steps.partition_point(|(since, _)| *since <= at);
        after.checked_sub(1).is_some_and(|step| steps[step].1.is_some())
    };
    let year_at = |at: Minute| {
        let after = years.origins.steps.partition_point(|(since, _)| *since <= at);
        Some(without(years.origins.steps[after.checked_sub(1)?].1))
    };
    let edges = steps.iter().map(|(since, _)| *since);
    let mut edges: Vec<Minute> = edges.chain(years.origins.steps.iter().map(|(since, _)| *since)).collect();
    edges.sort_unstable();
    edges.dedup();
    let origin = |at: Minute| if says_something(at) { Some(Origin::Series) } else { year_at(at) };
    let origins = edges.into_iter().filter_map(|at| Some((at, origin(at)?)));
    Factor { weight: years.weight.under(&weights), origins: Origins::of(origins.collect()), note: years.note }
}

/// What steps say something of, by local clocks, and how much of that they leave out; `None` where they say
/// nothing at all.
fn extent(steps: &Steps, zone: Tz) -> Option<Extent> {
    let shown = |at: Minute| calendar::local(zone, at).format("%Y-%m-%d %H:%M").to_string();
    let (first, last) = (steps.iter().find(|(_, factor)| factor.is_some())?, steps.last()?);
    let pairs = steps.windows(2).filter(|pair| pair[0].1.is_none());
    let holes: Vec<Interval> = pairs.map(|pair| Interval::new(pair[0].0, pair[1].0)).collect();
    let holes = holes.first().map(|first| Holes {
        count: holes.len(),
        minutes: holes.iter().map(|hole| hole.minutes()).sum(),
        first: shown(first.from),
    });
    Some(Extent { from: shown(first.0), to: shown(last.0), holes })
}

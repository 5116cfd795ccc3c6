//! The recorded year: what a data centre's facility and IT used in each month of 2017, spread over the hours
//! that were covered.

use crate::chance::Chance;
use chrono::{Datelike, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::America::Denver;
use std::collections::BTreeSet;

pub(crate) const HOUR_MS: i64 = 3_600_000;

/// The published PUE of the year, and the mean of the published PUEs of its months, which it is not.
pub(crate) const PUE: f64 = 1.035_703_291_969_954_3;
pub(crate) const MEAN_OF_MONTHS: f64 = 1.035_566;

/// One month in the data centre's local time.
pub(crate) struct Month {
    /// Such as `2017-03`.
    pub(crate) name: String,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    pub(crate) valid_hours: usize,
    /// Mean power over the covered hours, µW.
    pub(crate) facility_uw: i64,
    pub(crate) it_uw: i64,
    /// The published PUE.
    pub(crate) pue: f64,
    /// Starts of the covered hours, ascending.
    pub(crate) present: Vec<i64>,
}

impl Month {
    pub(crate) fn hours(&self) -> usize {
        ((self.to_ms - self.from_ms) / HOUR_MS) as usize
    }
}

pub(crate) struct Year {
    pub(crate) months: Vec<Month>,
}

/// The first instant of a local month, in ms since the epoch.
fn month_start(year: i32, month: u32) -> i64 {
    let date = NaiveDate::from_ymd_opt(year, month, 1).expect("a date");
    let local = Denver.from_local_datetime(&date.and_time(NaiveTime::MIN)).earliest();
    local.expect("Denver changes its clocks at 2 o'clock").timestamp_millis()
}

/// A published energy in MWh as mean power over `hours`, in whole microwatts. In integers: the digits of the
/// file times 10^12 (µWh a MWh), rounded once.
fn mean_microwatts(mwh: &str, hours: usize) -> i64 {
    let (whole, fraction) = mwh.split_once('.').expect("the file writes fractions");
    let digits: i128 = format!("{whole}{fraction}").parse().expect("digits");
    let scale = 10_i128.pow(u32::try_from(fraction.len()).expect("short"));
    let (numerator, denominator) = (digits * 1_000_000_000_000, scale * hours as i128);
    i64::try_from((numerator * 2 + denominator) / (denominator * 2)).expect("a data centre's power")
}

impl Year {
    /// Reads the file; chance decides which hours of each month are absent, for both meters alike.
    pub(crate) fn recorded(chance: &mut Chance) -> Year {
        let text = include_str!("../recorded/pue-esif/esif_monthly_2017.csv");
        let months = text.lines().skip(1).map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let [name, it, facility, valid, pue] = fields.as_slice() else { panic!("five columns: {line}") };
            let (year, month) = name.split_once('-').expect("a month");
            let (year, month): (i32, u32) = (year.parse().expect("a year"), month.parse().expect("a month"));
            let from_ms = month_start(year, month);
            let to_ms = if month == 12 { month_start(year + 1, 1) } else { month_start(year, month + 1) };
            let hours = ((to_ms - from_ms) / HOUR_MS) as usize;
            let valid_hours: usize = valid.parse().expect("hours");
            let absent: BTreeSet<usize> = chance.choose(hours - valid_hours, hours).into_iter().collect();
            let present = (0..hours).filter(|hour| !absent.contains(hour));
            Month {
                name: (*name).to_owned(),
                from_ms,
                to_ms,
                valid_hours,
                facility_uw: mean_microwatts(facility, valid_hours),
                it_uw: mean_microwatts(it, valid_hours),
                pue: pue.parse().expect("a ratio"),
                present: present.map(|hour| from_ms + hour as i64 * HOUR_MS).collect(),
            }
        });
        Year { months: months.collect() }
    }

    pub(crate) fn start_ms(&self) -> i64 {
        self.months[0].from_ms
    }

    pub(crate) fn end_ms(&self) -> i64 {
        self.months[11].to_ms
    }

    pub(crate) fn valid_hours(&self) -> usize {
        self.months.iter().map(|month| month.valid_hours).sum()
    }

    /// Facility and IT energy of the year in kWh, as they are published.
    pub(crate) fn energy_kwh(&self) -> (f64, f64) {
        let sum = |power: fn(&Month) -> i64| -> f64 {
            let uwh: i128 = self.months.iter().map(|m| i128::from(power(m)) * m.valid_hours as i128).sum();
            uwh as f64 / 1e9
        };
        (sum(|month| month.facility_uw), sum(|month| month.it_uw))
    }

    /// Whether each hour of the year is covered, by its start, with the month it belongs to.
    pub(crate) fn hours(&self) -> impl Iterator<Item = (i64, &Month, bool)> {
        self.months.iter().flat_map(|month| {
            let present: BTreeSet<i64> = month.present.iter().copied().collect();
            (month.from_ms..month.to_ms)
                .step_by(HOUR_MS as usize)
                .map(move |start| (start, month, present.contains(&start)))
        })
    }
}

#[test]
fn the_recorded_year_is_what_its_publisher_says() {
    let year = Year::recorded(&mut Chance::seeded("the_recorded_year"));
    assert_eq!(year.months.len(), 12);
    assert_eq!(year.end_ms() - year.start_ms(), 8_760 * HOUR_MS);
    assert_eq!(year.valid_hours(), 7_550);
    for month in &year.months {
        assert_eq!(month.present.len(), month.valid_hours, "{}", month.name);
        let pue = month.facility_uw as f64 / month.it_uw as f64;
        assert!((pue - month.pue).abs() < 1e-11, "{}: {pue} and {}", month.name, month.pue);
    }
    let hours_of = |month: u32| year.months[month as usize - 1].hours();
    assert_eq!((hours_of(3), hours_of(11)), (743, 721), "the clocks change in March and November");
    let (facility, it) = year.energy_kwh();
    assert!((facility / it - PUE).abs() < 1e-11, "{}", facility / it);
    let mean = year.months.iter().map(|month| month.pue).sum::<f64>() / 12.0;
    assert!((mean - MEAN_OF_MONTHS).abs() < 1e-6 && (mean - PUE).abs() > 1e-4, "{mean}");
    let last = Denver.timestamp_millis_opt(year.end_ms()).earliest().expect("an instant");
    assert_eq!((last.year(), last.month(), last.day()), (2018, 1, 1));
}

//! The forecast tried on years whose end is known: simulated ones of several climates, and a recorded one.

use super::{Day, Forecast, History, Method, ToDate};
use chrono::{Datelike, Days, NaiveDate};
use std::fmt::Write;
use wattledger_model::target::{Limit, Operator};

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// Numbers that are as good as random, and the same each time.
struct Dice(u64);

impl Dice {
    fn even(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly normal, mean 0 and deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.even()).sum::<f64>() - 6.0
    }
}

/// Mean temperature of the year and by how much midsummer and midwinter differ from it, °C.
const CLIMATES: [(&str, f64, f64); 4] =
    [("cold", 6.0, 16.0), ("temperate", 10.0, 10.0), ("hot", 24.0, 6.0), ("monsoon", 19.0, 9.0)];

/// Three years of a hall that grows, ages, and is cooled by the weather; each year a little warmer or colder.
fn simulated(seed: u64, (mean, swing): (f64, f64), growth: f64) -> Vec<Day> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (seed + 1).wrapping_mul(0xD134_2543_DE82_EF95));
    let first = date("2023-01-01");
    let years: Vec<f64> = (0..3).map(|_| dice.normal()).collect();
    // Places differ in how far their extremes lag behind the sun.
    let lag = 20.0 + 8.0 * dice.normal();
    let mut spell = 0.0;
    let days = first.iter_days().take_while(|day| day.year() < 2026);
    let of = |(number, date): (usize, NaiveDate)| {
        spell = 0.8 * spell + 2.0 * dice.normal();
        let angle = std::f64::consts::TAU * (f64::from(date.ordinal()) - lag) / 365.25;
        let outdoor = mean - swing * angle.cos() + spell + years[(date.year() - 2023) as usize];
        let age = number as f64 / 365.0;
        let weekday = if date.weekday().number_from_monday() <= 5 { 40.0 } else { 0.0 };
        let it_kw = 800.0 * (1.0 + growth * age) + 20.0 * dice.normal() + weekday;
        let chillers = it_kw * 0.012 * (outdoor - 12.0).max(0.0) * (1.0 + 0.05 * age);
        let overhead_kw = (40.0 + 0.12 * it_kw + chillers) * (1.0 + 0.01 * dice.normal());
        let it_kwh = 24.0 * it_kw;
        Day { date, total_kwh: it_kwh + 24.0 * overhead_kw, it_kwh, coverage: 1.0, outdoor_c: Some(outdoor) }
    };
    days.enumerate().map(of).collect()
}

fn to_date(days: &[Day], from: NaiveDate, to: NaiveDate) -> ToDate {
    let of = days.iter().filter(|day| from <= day.date && day.date < to);
    of.fold(ToDate { total_kwh: 0.0, it_kwh: 0.0 }, |sum, day| ToDate {
        total_kwh: sum.total_kwh + day.total_kwh,
        it_kwh: sum.it_kwh + day.it_kwh,
    })
}

/// Errors of ours and of the naive forecast, and how often the interval held.
#[derive(Default)]
struct Score {
    ours: Vec<f64>,
    naive: Vec<f64>,
    held: usize,
}

impl Score {
    fn try_on(&mut self, days: &[Day], back: u64) -> Option<Method> {
        let last = days.last()?.date;
        let end = last.succ_opt()?;
        let start = NaiveDate::from_ymd_opt(last.year(), 1, 1)?;
        let now = end.checked_sub_days(Days::new(back))?;
        let history: History = days.iter().filter(|day| day.date < now).copied().collect();
        let forecast = Forecast::of(&history, to_date(days, start, now), now, end)?;
        let whole = to_date(days, start, end);
        let outcome = whole.total_kwh / whole.it_kwh;
        self.ours.push((forecast.year_pue - outcome).abs());
        self.naive.push((forecast.naive_year_pue - outcome).abs());
        let (low, high) = forecast.interval();
        self.held += usize::from(low <= outcome && outcome <= high);
        Some(forecast.method)
    }

    fn mean(errors: &[f64]) -> f64 {
        errors.iter().sum::<f64>() / errors.len() as f64
    }
}

/// A month, a quarter and half a year before the year's end.
const BACK: [(&str, u64); 3] = [("1 month", 30), ("1 quarter", 91), ("half a year", 182)];

/// What is known of the past: what the methods need, and less.
const KNOWN: [(&str, bool, i32); 4] = [
    ("three years and the weather", true, 2023),
    ("three years", false, 2023),
    ("the year alone and the weather", true, 2025),
    ("the year alone", false, 2025),
];

#[test]
fn simulated_years_are_foreseen_better_than_by_the_last_month() {
    let mut table =
        String::from("| known | before the year's end | ours | last 30 days | held by the interval |\n");
    let mut all = Score::default();
    for (known, has_weather, since) in KNOWN {
        for (name, back) in BACK {
            let mut score = Score::default();
            for (_, mean, swing) in CLIMATES {
                for seed in 0..8 {
                    let growth = [0.0, 0.05, 0.3][seed as usize % 3];
                    let mut days = simulated(seed, (mean, swing), growth);
                    days.retain(|day| day.date.year() >= since);
                    if !has_weather {
                        days.iter_mut().for_each(|day| day.outdoor_c = None);
                    }
                    score.try_on(&days, back).expect("a forecast");
                }
            }
            let (ours, naive) = (Score::mean(&score.ours), Score::mean(&score.naive));
            let held = score.held as f64 / score.ours.len() as f64;
            writeln!(table, "| {known} | {name} | {ours:.4} | {naive:.4} | {:.0} % |", held * 100.0)
                .expect("memory");
            assert!(ours <= naive * 1.02, "{table}");
            if since == 2023 && back > 30 {
                assert!(ours <= 0.5 * naive, "{table}");
            }
            all.held += score.held;
            all.ours.extend(score.ours);
        }
    }
    println!("{table}");
    let held = all.held as f64 / all.ours.len() as f64;
    assert!((0.75..=0.99).contains(&held), "the interval of nine in ten held in {held:.2}\n{table}");
}

#[test]
fn the_method_is_the_best_that_the_history_supports() {
    let days = simulated(1, (10.0, 10.0), 0.05);
    let method = |change: &dyn Fn(&mut Vec<Day>)| {
        let mut days = days.clone();
        change(&mut days);
        Score::default().try_on(&days, 91)
    };
    assert_eq!(method(&|_| {}), Some(Method::Weather));
    assert_eq!(method(&|days| days.iter_mut().for_each(|day| day.outdoor_c = None)), Some(Method::Season));
    assert_eq!(method(&|days| days.retain(|day| day.date.year() == 2025)), Some(Method::Mirrored));
    assert_eq!(method(&|days| days.retain(|day| day.date >= date("2025-08-15"))), Some(Method::Recent));
    assert_eq!(method(&|days| days.retain(|day| day.date >= date("2025-09-28"))), None, "less than a week");
}

#[test]
fn a_plant_that_ignores_the_weather_is_not_foreseen_by_it() {
    let mut days = simulated(3, (10.0, 10.0), 0.0);
    let mut dice = Dice(7);
    for day in &mut days {
        day.total_kwh = day.it_kwh * (1.2 + 0.01 * dice.normal());
    }
    let mut score = Score::default();
    assert_eq!(score.try_on(&days, 91), Some(Method::Season));
    assert!(score.ours[0] < 0.002, "{:?}", score.ours);
}

#[test]
fn what_is_spent_is_certain_and_what_is_to_come_is_not() {
    let days = simulated(2, (24.0, 6.0), 0.0);
    let foreseen = |back: u64| {
        let end = date("2026-01-01");
        let now = end.checked_sub_days(Days::new(back)).expect("a date");
        let history: History = days.iter().filter(|day| day.date < now).copied().collect();
        Forecast::of(&history, to_date(&days, date("2025-01-01"), now), now, end)
    };
    let (early, late) = (foreseen(182).expect("one"), foreseen(5).expect("one"));
    assert!(early.deviation > 5.0 * late.deviation, "{early:?} {late:?}");
    assert_eq!(foreseen(0), None, "nothing is left");
    let limit = |value| Limit { operator: Operator::AtMost, value };
    let at = |value| early.probability_of_breach(limit(value));
    assert!((at(early.year_pue) - 0.5).abs() < 1e-9);
    assert!(at(early.interval().0) > 0.94 && at(early.interval().1) < 0.06);
    assert!(at(1.0) > 0.999 && at(9.0) < 1e-9);
}

#[test]
fn a_recorded_year_is_foreseen() {
    let text = include_str!("../../../../tests/recorded/pue-esif/esif_monthly_2017.csv");
    let mut days = Vec::new();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let mut cells = line.split(',');
        let mut next = || cells.next().expect("five columns");
        let first = date(&format!("{}-01", next()));
        let [it_mwh, total_mwh, hours] =
            [next(), next(), next()].map(|cell| cell.parse::<f64>().expect("a number"));
        let all: Vec<NaiveDate> = first.iter_days().take_while(|day| day.month() == first.month()).collect();
        let count = all.len() as f64;
        days.extend(all.into_iter().map(|date| Day {
            date,
            total_kwh: total_mwh * 1_000.0 / count,
            it_kwh: it_mwh * 1_000.0 / count,
            coverage: (hours / (24.0 * count)).min(1.0),
            outdoor_c: None,
        }));
    }
    for (name, back) in BACK {
        let mut score = Score::default();
        let method = score.try_on(&days, back).expect("a forecast");
        let (ours, naive) = (score.ours[0], score.naive[0]);
        println!("| ESIF 2017, the year alone | {name} | {ours:.5} | {naive:.5} | {} |", method.word());
        assert!(ours < 0.002, "{name}: {ours}");
        assert_eq!(score.held, 1, "{name}");
    }
}

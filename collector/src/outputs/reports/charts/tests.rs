//! Drawings of reports made by hand. With `WATTLEDGER_CHARTS=DIR` they are written there, to be looked at.

use super::super::amount::Amount;
use super::super::content::Report;
use super::super::document::{Chart, Lang};
use super::super::{Options, make};
use super::{energy_split, heat_map, load_against_pue, monthly_pue};
use crate::outputs::hall::{Hall, at};
use std::path::Path;
use wattledger_model::time::Timestamp;

const TABLES: &str = r#"
[[facility]]
name = "hall-1"
site = "hall"
targets = ["D130", "D125"]
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1h"
rated_power = "200 kW"
class = "0.5S"
ct_class = "0.5S"
[[meter]]
name = "ups"
facility = "hall-1"
role = "ups-output"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1h"
rated_power = "200 kW"
class = "0.5S"
ct_class = "0.5S"
[[meter]]
name = "chiller"
facility = "hall-1"
role = "cooling"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1h"
[[meter]]
name = "lights"
facility = "hall-1"
role = "lighting"
kind = "power"
unit = "kW"
form = "interval-mean"
nominal_interval = "1h"
"#;

/// Hours from the local first of January 2025 on: load by the hour, cooling by the season, two days without IT power.
fn hall(hours: i64) -> Hall {
    let mut hall = Hall::new(TABLES);
    let from = at("2024-12-31T23:00:00Z").0;
    let turn = |hour: i64, period: f64| (hour as f64 / period * std::f64::consts::TAU).sin();
    for chunk in 0..=hours / 1_000 {
        let mut readings = Vec::new();
        for hour in chunk * 1_000..hours.min((chunk + 1) * 1_000) {
            let end = Timestamp(from + (hour + 1) * 3_600_000);
            let it = 90.0 + 12.0 * turn(hour - 8, 24.0) + 4.0 * turn(hour, 168.0);
            let cooling = 14.0 + 9.0 * turn(hour - 2_200, 8_760.0) + 5.0 * turn(hour - 9, 24.0);
            let tenth = |value: f64| (value * 10.0).round() / 10.0;
            readings.push(("main", end, tenth(it * 1.04 + cooling + 2.0), "kW", Some(3_600)));
            if !(2_000..2_048).contains(&hour) {
                readings.push(("ups", end, tenth(it), "kW", Some(3_600)));
            }
            readings.push(("chiller", end, tenth(cooling), "kW", Some(3_600)));
            readings.push(("lights", end, 2.0, "kW", Some(3_600)));
        }
        if !readings.is_empty() {
            hall.take(&readings);
        }
    }
    hall
}

fn report(hall: &Hall, period: &str) -> Report {
    let options = Options { generated_at: at("2026-01-05T00:00:00Z"), configuration: &hall.config };
    make(&mut hall.view(), "hall-1", period, options).expect("a report")
}

type Draw = fn(&Report, Lang) -> Option<Chart>;
const ALL: [Draw; 4] = [monthly_pue, energy_split, heat_map, load_against_pue];

fn kept_to_be_looked_at(chart: &Chart, lang: Lang) {
    if let Some(folder) = std::env::var_os("WATTLEDGER_CHARTS") {
        let name = format!("{}-{}.svg", chart.name, lang.word());
        std::fs::write(Path::new(&folder).join(name), &chart.svg).expect("written");
    }
}

/// The texts of a drawing.
fn texts(svg: &str) -> Vec<String> {
    let after = svg.split("<text").skip(1);
    let inner = after.filter_map(|part| part.split_once('>')?.1.split_once("</text>"));
    inner.map(|(words, _)| words.trim().to_owned()).collect()
}

#[test]
fn a_year_is_drawn_four_times_in_each_language() {
    let hall = hall(8_760);
    let year = report(&hall, "2025");
    assert!(year.months.iter().all(|month| month.expanded.is_some()), "the meters say how exact they are");
    for lang in Lang::ALL {
        for draw in ALL {
            let chart = draw(&year, lang).expect("there is all that it needs");
            kept_to_be_looked_at(&chart, lang);
            let svg = &chart.svg;
            assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{}", chart.name);
            for foreign in ["<script", "href", "@font-face", "url(", "NaN", "inf"] {
                assert!(!svg.contains(foreign), "{foreign} in {}", chart.name);
            }
            assert!(svg.len() < 400_000, "{} has {} bytes", chart.name, svg.len());
            assert!(!texts(svg).is_empty() && !chart.alt.is_empty() && !chart.title.is_empty());
            let families = svg.matches("font-family=").count();
            assert_eq!(svg.matches("font-family=\"sans-serif\"").count(), families, "{}", chart.name);
        }
    }
}

#[test]
fn the_months_are_named_with_their_figures_and_the_targets_they_are_held_against() {
    let hall = hall(8_760);
    let year = report(&hall, "2025");
    let said = texts(&monthly_pue(&year, Lang::En).expect("a year").svg);
    for month in &year.months {
        // The year stands at January.
        let name = if month.month == "2025-01" { &month.month[..] } else { &month.month[5..] };
        assert!(said.iter().any(|words| words == name), "{name} is not in {said:?}");
        let value = month.pue.rounded.as_ref().expect("covered");
        assert!(said.contains(value), "{value} is not in {said:?}");
    }
    for words in ["D130 ≤ 1.3", "D125 ≤ 1.25", "PUE", "month, local time"] {
        assert!(said.iter().any(|text| text.contains(words)), "{words} is not in {said:?}");
    }
    let mut of_group = year.clone();
    of_group.verdicts[1].kind = "average";
    let said = texts(&monthly_pue(&of_group, Lang::En).expect("a year").svg);
    assert!(!said.iter().any(|text| text.contains("D125")), "a group's average limits no one facility");
}

#[test]
fn the_energies_of_the_split_add_up_to_all_of_them() {
    let hall = hall(1_000);
    let month = report(&hall, "2025-01");
    let said = texts(&energy_split(&month, Lang::En).expect("energies").svg);
    let shares: Vec<f64> = said
        .iter()
        .filter_map(|text| text.split('·').nth(1)?.trim().strip_suffix(" %")?.parse().ok())
        .collect();
    assert_eq!(shares.len(), 4, "IT, cooling, lighting and the rest: {said:?}");
    assert!((shares.iter().sum::<f64>() - 100.0).abs() < 0.3, "{shares:?}");
}

#[test]
fn energies_of_different_times_are_not_drawn_as_shares_of_one_another() {
    let mut month = report(&hall(1_000), "2025-01");
    assert!(energy_split(&month, Lang::En).is_some());
    // The facility's energy of half the month against all of the month's IT energy: 160 %.
    let half = |amount: Amount| Amount::kwh((amount.to_f64() * 0.5e9) as i128);
    let whole = month.clone();
    month.pue.coverage = 0.5;
    let (facility, it) = (&mut month.energies.facility, &mut month.energies.it);
    (facility.common, facility.total, it.common) =
        (half(facility.common), half(facility.total), half(it.common));
    assert!(energy_split(&month, Lang::En).is_none());
    // Half the month of both, and cooling of all of it.
    month.energies.it.total = month.energies.it.common;
    assert!(energy_split(&month, Lang::En).is_none());
    for component in &mut month.components {
        component.coverage = 0.5;
    }
    assert!(energy_split(&month, Lang::En).is_some());
    // Nothing is covered on both sides: nothing can be said.
    let mut none = whole;
    none.pue.coverage = 0.0;
    none.energies.facility.common = Amount::kwh(0);
    none.energies.it.common = Amount::kwh(0);
    assert!(energy_split(&none, Lang::En).is_none());
}

#[test]
fn the_greatest_load_that_is_told_is_that_of_an_hour_and_not_the_end_of_the_axis() {
    let mut month = report(&hall(1_000), "2025-01");
    let hours = month.hours.as_mut().expect("a month has hours");
    hours.it_kw.iter_mut().for_each(|kw| *kw = kw.map(|_| 100.0));
    let drawn = load_against_pue(&month, Lang::En).expect("hours");
    assert!(drawn.alt.ends_with("up to 100 kW."), "{}", drawn.alt);
    month.hours.as_mut().expect("hours").it_kw[5] = Some(140.0);
    let drawn = load_against_pue(&month, Lang::En).expect("hours");
    assert!(drawn.alt.ends_with("up to 140 kW."), "{}", drawn.alt);
}

#[test]
fn an_hour_that_comes_twice_is_drawn_where_either_is_covered() {
    let mut year = report(&hall(8_760), "2025");
    let hours = year.hours.as_mut().expect("a year has hours");
    // In Berlin 2025-10-26 02:00 comes at 00:00 and again at 01:00 UTC.
    let later = (at("2025-10-26T01:00:00Z").0 - hours.from.0) / 3_600_000;
    assert!(hours.pue[later as usize].is_some());
    hours.pue[later as usize] = None;
    assert_eq!(drawn_rows(&heat_map(&year, Lang::En).expect("hours").svg), 8_760.0 - 48.0 - 1.0);
}

/// The rows of all runs of a heat map.
fn drawn_rows(svg: &str) -> f64 {
    let runs = svg
        .split("<path d=\"")
        .skip(1)
        .filter(|path| path.contains("crispEdges"))
        .flat_map(|path| path.split('v').skip(1));
    let rows: f64 = runs.filter_map(|run| run.split_once('h')?.0.parse::<f64>().ok()).sum();
    rows / 11.0
}

#[test]
fn hours_that_are_not_covered_are_left_blank() {
    let hall = hall(8_760);
    let year = report(&hall, "2025");
    let hours = year.hours.as_ref().expect("a year has hours");
    let map = heat_map(&year, Lang::En).expect("hours");
    assert!(map.alt.contains("8712 of 8760"), "{}", map.alt);
    // The rows of all runs come to the covered hours, less the hour that came twice.
    assert_eq!(drawn_rows(&map.svg), hours.pue.iter().flatten().count() as f64 - 1.0);
}

#[test]
fn what_there_is_nothing_to_draw_of_is_not_drawn() {
    let hall = hall(200);
    let day = report(&hall, "2025-01-03");
    assert!(monthly_pue(&day, Lang::En).is_none(), "a day has no months");
    assert!(heat_map(&day, Lang::En).is_none() && load_against_pue(&day, Lang::En).is_none());
    assert!(energy_split(&day, Lang::En).is_some());
    let before = report(&hall, "2024");
    assert!(ALL.iter().all(|draw| draw(&before, Lang::Zh).is_none()), "nothing is known of that year");
}

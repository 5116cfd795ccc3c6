//! A real grid's intensity by the hour, from the generation that was recorded to kilograms of CO₂.

use serde_json::Value;
use std::path::{Path, PathBuf};
use wattledger_collector::indicators::carbon::{
    Annual, Consumption, Instruments, LocationFactors, Origin, scope2,
};
use wattledger_model::calendar::{self, Tz};
use wattledger_model::factor_series::FactorSeries;
use wattledger_model::time::{Interval, Minute, Timestamp};

fn recorded(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recorded/carbon").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The recorded hours as a text of factors, by the rule that is published beside them.
fn as_series(production: &str, expected: &Value) -> String {
    let mut lines = production.lines();
    let columns: Vec<&str> = lines.next().expect("a header").split(',').skip(1).collect();
    let mut text = "time,g_per_kwh\n".to_owned();
    for line in lines {
        let (time, cells) = line.split_once(',').expect("a time");
        let (mut weighted, mut all) = (0.0, 0.0);
        for (column, cell) in columns.iter().zip(cells.split(',')) {
            if *column == "Hydro Pumped Storage" || cell.is_empty() {
                continue;
            }
            let mw: f64 = cell.parse().expect("a number");
            // What has no factor, like waste, counts below only.
            weighted += mw * expected["factors"][*column].as_f64().unwrap_or(0.0);
            all += mw;
        }
        text.push_str(&format!("{}Z,{}\n", time.replace(' ', "T"), weighted / all));
    }
    text
}

fn near(found: f64, expected: f64, relative: f64, what: &str) {
    assert!((found - expected).abs() <= relative * expected, "{what} is {found}, expected {expected}");
}

#[test]
fn the_french_grid_of_2020_has_its_published_intensity() {
    let expected: Value = serde_json::from_str(&recorded("fr_expected.json")).expect("JSON");
    let text = as_series(&recorded("fr_production_2020.csv"), &expected);
    let series = FactorSeries::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((series.step_minutes(), series.covers().minutes()), (60, 9_288 * 60));
    for (time, grams) in expected["published_points"].as_object().expect("points") {
        let at = Timestamp::from_rfc3339(&format!("{time}:00Z")).expect("a time").minute();
        near(series.at(at).expect("covered") * 1e3, grams.as_f64().expect("a number"), 1e-6, time);
    }

    let date = |text: &str| text.parse().expect("a date");
    let year = calendar::dates(Tz::UTC, date("2020-01-01"), date("2021-01-01"));
    let mean = expected["published_2020_statistics"]["mean"].as_f64().expect("a mean");
    near(mean, 56.337, 1e-5, "the published mean");
    near(series.mean(year).expect("covered") * 1e3, mean, 1e-3, "the mean of the hours");

    // A constant kilowatt all year: its carbon is the mean's, hour by hour.
    let consumption: Vec<Consumption> = (year.from.0..year.to.0)
        .step_by(60)
        .map(|from| Consumption {
            interval: Interval::new(Minute(from), Minute(from + 60)),
            energy_uwh: 1_000_000_000,
        })
        .collect();
    let factors = LocationFactors { series: Some(&series), annual: Annual::Unknown, zone: Tz::UTC };
    let none = Instruments { market: "fr", claims: &[], supplier: None, residual: None };
    let both = scope2(&consumption, &factors, &none).expect("reckoned");
    near(both.location_kg / 8_784.0 * 1e3, mean, 1e-3, "carbon by energy");
    assert_eq!(both.location.iter().map(|line| line.origin).collect::<Vec<_>>(), [Origin::Series]);
}

#[test]
fn an_hour_that_is_cut_out_is_named_as_a_gap() {
    let expected: Value = serde_json::from_str(&recorded("fr_expected.json")).expect("JSON");
    let text = as_series(&recorded("fr_production_2020.csv"), &expected);
    let cut: Vec<&str> =
        text.lines().enumerate().filter(|(at, _)| *at != 100).map(|(_, line)| line).collect();
    let problems = FactorSeries::parse(&cut.join("\n")).expect_err("a gap");
    assert_eq!((problems.problems.len(), problems.problems[0].0), (1, 101), "{problems}");
}

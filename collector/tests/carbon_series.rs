//! A real grid's intensity by the hour, from the generation that was recorded to kilograms of CO₂.

use serde_json::Value;
use std::path::{Path, PathBuf};
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::indicators::carbon::{Instruments, scope2};
use wattledger_collector::topology::{Origin, Topology};
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
    let series = FactorSeries::parse(&text, Tz::UTC).unwrap_or_else(|problems| panic!("{problems}"));
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

    // A constant kilowatt all year: its carbon is the mean's, hour by hour, by the factor that a facility has.
    let folder = tempfile::tempdir().expect("a folder");
    let facility = with_series(folder.path(), &text);
    let consumption: Vec<(Interval, i128)> = (year.from.0..year.to.0)
        .step_by(60)
        .map(|from| (Interval::new(Minute(from), Minute(from + 60)), 1_000_000_000))
        .collect();
    let none = Instruments { region: Some("fr"), claims: &[], supplier: None, residual: None };
    let weight = facility.facilities[0].factor.as_ref().expect("a factor");
    let both = scope2(year, &consumption, weight, &none);
    near(both.location_kg / 8_784.0 * 1e3, mean, 1e-3, "carbon by energy");
    let origins = facility.facilities[0].factor_origins.as_ref().expect("a factor");
    assert_eq!(origins.over(year), [(Origin::Series, 8_784 * 60)]);
}

/// A facility with a series of factors in a file, and 2 kg/kWh of 2018 where that has none.
fn with_series(folder: &Path, text: &str) -> Topology {
    let file = folder.join("fr.csv");
    std::fs::write(&file, text).expect("written");
    let config = format!(
        "[collector]\nname = \"c\"\ndata_dir = \"/d\"\n[link]\nbroker = \"mqtt://127.0.0.1:1883\"\n\
         [[site]]\nname = \"s\"\ntime_zone = \"UTC\"\n[[facility]]\nname = \"f\"\nsite = \"s\"\n\
         emission_factor = \"2 kg/kWh\"\nemission_factor_year = 2018\nfactor_series = \"{}\"\n",
        file.display()
    );
    let config = CollectorConfig::parse("c.toml", &config).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.check_secrets().to_string(), "", "the series can be used");
    Topology::compile(&config, |_| None)
}

#[test]
fn an_hour_that_is_cut_out_is_a_hole_that_is_told_and_takes_the_factor_of_the_year() {
    let expected: Value = serde_json::from_str(&recorded("fr_expected.json")).expect("JSON");
    let text = as_series(&recorded("fr_production_2020.csv"), &expected);
    let whole = FactorSeries::parse(&text, Tz::UTC).expect("a series");
    let cut: Vec<&str> =
        text.lines().enumerate().filter(|(at, _)| *at != 100).map(|(_, line)| line).collect();
    let cut = cut.join("\n");
    let series = FactorSeries::parse(&cut, Tz::UTC).expect("holes are no errors");
    let from = Minute(whole.covers().from.0 + 99 * 60);
    let hole = Interval::new(from, Minute(from.0 + 60));
    assert_eq!(series.holes(), [hole]);
    assert!(whole.at(from).is_some() && series.at(from).is_none());

    let folder = tempfile::tempdir().expect("a folder");
    let topology = with_series(folder.path(), &cut);
    let facility = &topology.facilities[0];
    let weight = facility.factor.as_ref().expect("a factor");
    near(weight.over(hole).expect("one factor") * 1e9, 2.0, 1e-12, "the factor in the hole");
    let note = facility.factor_note.as_ref().expect("a note").to_string();
    assert!(note.contains("without 60 min in 1 hole"), "{note}");
    let origins = facility.factor_origins.as_ref().expect("a factor");
    let around = Interval::new(Minute(from.0 - 60), Minute(from.0 + 120));
    let year = Origin::Year {
        year: Some(2018),
        is_substitute: true,
        is_unconfirmed: false,
        instead_of_series: true,
    };
    assert_eq!(origins.over(around), [(Origin::Series, 120), (year, 60)]);
}

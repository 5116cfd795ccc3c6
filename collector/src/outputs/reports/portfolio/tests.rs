//! Portfolios of facilities in several time zones.

use super::{Portfolio, Why, document, json, make};
use crate::outputs::hall::{Hall, at};
use crate::outputs::reports::document::{Block, Cell, Document, Lang, Table};
use crate::outputs::reports::tests::schemas::{accepted_of, assert_described, without_value};
use crate::outputs::reports::{Options, Schema};
use std::collections::BTreeSet;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::time::Timestamp;

const TABLES: &str = r#"
[[site]]
name = "east"
time_zone = "Asia/Shanghai"
[[facility]]
name = "hall-1"
site = "hall"
title = "Hall 1"
targets = ["D130"]
[[facility]]
name = "east-1"
site = "east"
title = "East 1"
targets = ["D130"]
[[facility]]
name = "hall-2"
site = "hall"
title = "Hall 2"
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[meter]]
name = "ups"
facility = "hall-1"
role = "ups-output"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[meter]]
name = "grid"
facility = "east-1"
role = "utility"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[meter]]
name = "racks"
facility = "east-1"
role = "pdu-output"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[portfolio]]
name = "both"
title = "Both halls"
facilities = ["east-1", "hall-1"]
"#;

/// The first and last instant of the year 2025 in a time zone.
fn edges(zone: &str) -> [Timestamp; 2] {
    let zone: Tz = zone.parse().expect("a zone");
    [2025, 2026].map(|year| {
        let date = chrono::NaiveDate::from_ymd_opt(year, 1, 1).expect("a date");
        calendar::day_start(zone, date).start()
    })
}

/// The two sites of P04, with registers at the first and last instant of the year 2025 of each.
fn halls() -> Hall {
    halls_by(TABLES)
}

fn halls_by(tables: &str) -> Hall {
    let mut hall = Hall::new(tables);
    let [from, to] = edges("Europe/Berlin");
    hall.take(&[
        ("main", from, 500.0, "kWh", None),
        ("ups", from, 700.0, "kWh", None),
        ("main", to, 500.0 + 1_200_000.0, "kWh", None),
        ("ups", to, 700.0 + 1_000_000.0, "kWh", None),
    ]);
    let [from, to] = edges("Asia/Shanghai");
    hall.take_at(
        "east",
        &[
            ("grid", from, 0.0, "kWh", None),
            ("racks", from, 0.0, "kWh", None),
            ("grid", to, 14_400_000.0, "kWh", None),
            ("racks", to, 9_000_000.0, "kWh", None),
        ],
    );
    hall
}

fn made(hall: &Hall, name: &str, period: &str) -> Portfolio {
    let options = Options { generated_at: at("2026-02-02T08:00:00Z"), configuration: &hall.config };
    make(&mut hall.view(), name, period, options).expect("a portfolio")
}

#[test]
fn the_pue_of_all_is_a_sum_over_a_sum_and_no_mean() {
    let hall = halls();
    let both = made(&hall, "both", "2025");
    assert_eq!(both.pue, Some(1.56), "P04: 15 600 MWh over 10 000 MWh; the mean of PUEs is 1.4");
    assert_eq!((both.figure, both.status, both.complete), ("PUE", "ok", true));
    assert_eq!(both.energies.facility.to_string(), "15600000");
    assert_eq!(both.energies.it.to_string(), "10000000");
    assert_eq!(both.categories, [1, 2]);
    let rows: Vec<_> =
        both.facilities.iter().map(|row| (row.name.as_str(), row.pue.value, row.time_zone)).collect();
    assert_eq!(
        rows,
        [("east-1", Some(1.6), "Asia/Shanghai"), ("hall-1", Some(1.2), "Europe/Berlin")],
        "in the order of the configuration"
    );
    let edges: Vec<_> = both.facilities.iter().map(|row| (row.from.to_string(), &row.from_local)).collect();
    assert_eq!(edges[0], ("2024-12-31T16:00:00Z".to_owned(), &"2025-01-01 00:00".to_owned()));
    assert_eq!(edges[1], ("2024-12-31T23:00:00Z".to_owned(), &"2025-01-01 00:00".to_owned()));
    assert_eq!(both.facilities[0].verdicts[0].verdict, "fail_unguarded");
    assert_eq!((both.expanded, both.carbon_kg), (None, None), "neither classes nor factors are declared");
    assert_eq!(both.versions.ledger_digest.len(), 64);
}

#[test]
fn carbon_of_all_is_known_no_better_than_that_of_the_least_covered() {
    let factor = "emission_factor = \"500 g/kWh\"\nemission_factor_year = 2024\n\
                  emission_factor_source = \"a table\"\ntargets = [\"D130\"]\n";
    let tables = TABLES.replace("targets = [\"D130\"]\n", factor);
    let mut hall = halls_by(&tables);
    let whole = made(&hall, "both", "2025");
    let kg = whole.carbon_kg.expect("both have a factor");
    assert!((kg - 7_800_000.0).abs() < 1e-6, "15 600 MWh by 500 g/kWh: {kg}");
    assert_eq!(whole.carbon_coverage, 1.0);
    // The next year's first half of one, and all of the other.
    let [_, east] = edges("Asia/Shanghai");
    let [_, here] = edges("Europe/Berlin");
    let (day, year) = (86_400_000, 365 * 86_400_000);
    let later = |at: Timestamp, ms: i64| Timestamp(at.0 + ms);
    hall.take(&[
        ("main", later(here, 73 * day), 1_300_000.0, "kWh", None),
        ("ups", later(here, year), 1_800_000.0, "kWh", None),
    ]);
    hall.take_at(
        "east",
        &[
            ("grid", later(east, year), 15_400_000.0, "kWh", None),
            ("racks", later(east, year), 9_800_000.0, "kWh", None),
        ],
    );
    let options = Options { generated_at: at("2027-02-02T08:00:00Z"), configuration: &hall.config };
    let next = make(&mut hall.view(), "both", "2026", options).expect("a portfolio");
    let of = |row: usize| (next.facilities[row].name.as_str(), next.facilities[row].carbon_coverage);
    assert_eq!([of(0), of(1)], [("east-1", 1.0), ("hall-1", 0.2)]);
    assert_eq!(next.carbon_coverage, 0.2);
}

#[test]
fn a_facility_without_data_is_named_and_makes_all_provisional() {
    let hall = halls();
    let all = made(&hall, "all", "2025");
    assert_eq!((all.pue, all.status, all.complete, all.coverage), (Some(1.56), "provisional", false, 0.0));
    let without: Vec<_> = all.without.iter().map(|one| (one.name.as_str(), one.why)).collect();
    assert_eq!(without, [("hall-2", Why::NothingRead)]);
    assert_eq!(all.figure, "iPUE", "one has not its twelve months");
    let ahead = made(&hall, "both", "2027");
    assert_eq!((ahead.pue, ahead.status), (None, "no-data"));
    assert!(ahead.without.iter().all(|one| one.why == Why::Ahead));
}

#[test]
fn a_facility_whose_it_energy_is_not_metered_is_in_no_ratio_and_in_all_that_is_booked() {
    let annex = "[[meter]]\nname = \"annex\"\nfacility = \"hall-2\"\nrole = \"utility\"\nkind = \"register\"\n\
                 unit = \"kWh\"\ngap_limit = \"1h\"\n";
    let mut hall = halls_by(&format!("{TABLES}{annex}"));
    let [from, to] = edges("Europe/Berlin");
    hall.take(&[("annex", from, 0.0, "kWh", None), ("annex", to, 5_000_000.0, "kWh", None)]);
    let all = made(&hall, "all", "2025");
    assert_eq!(all.pue, Some(1.56), "5 000 MWh without IT energy would make it 2.06");
    assert_eq!((all.status, all.coverage), ("provisional", 0.0));
    let energies = all.energies;
    assert_eq!(
        [energies.facility, energies.it, energies.facility_total].map(|amount| amount.to_string()),
        ["15600000", "10000000", "20600000"]
    );
    let row = all.facilities.iter().find(|row| row.name == "hall-2").expect("it has data");
    assert_eq!((row.pue.value, row.pue.status, row.pue.coverage), (None, "no-data", 0.0));
}

/// IT energy is known to 20 % in both halls, and what enters to 0.2 %.
#[test]
fn the_uncertainty_of_all_is_that_of_one_quotient_of_all_meters() {
    let of = |meter: &str, percent: &str, make: &str| {
        let name = format!("name = \"{meter}\"\n");
        (name.clone(), format!("{name}uncertainty = \"{percent} %\"\nmake = \"{make}\"\n"))
    };
    let with = |makes: [&str; 4]| {
        let meters = [("main", "0.2"), ("ups", "20"), ("grid", "0.2"), ("racks", "20")];
        let tables =
            meters.into_iter().zip(makes).fold(TABLES.to_owned(), |tables, ((meter, percent), make)| {
                let (bare, exact) = of(meter, percent, make);
                tables.replace(&bare, &exact)
            });
        made(&halls_by(&tables), "both", "2025").expanded.expect("every meter says how exact it is")
    };
    // dE_DC counts 1 and dE_IT counts the PUE of all, 1.56, whatever that of their own facility is. In MWh:
    let parts = [1_200.0 * 0.001, 1.56 * 1_000.0 * 0.1, 14_400.0 * 0.001, 1.56 * 9_000.0 * 0.1];
    let [main, ups, grid, racks] = parts;
    let apart = 2.0 * parts.iter().map(|u| u * u).sum::<f64>().sqrt() / 10_000.0;
    let found = with(["a", "b", "c", "d"]);
    assert!((found - apart).abs() < 1e-4 * apart, "{found} is not {apart}");
    // Instruments of one make are correlated, in whichever facility they are.
    let together = 2.0 * (main * main + grid * grid + (ups + racks).powi(2)).sqrt() / 10_000.0;
    let found = with(["a", "b", "c", "b"]);
    assert!((found - together).abs() < 1e-4 * together, "{found} is not {together}");
}

#[test]
fn a_name_that_is_no_portfolio_is_told_with_the_nearest() {
    let hall = halls();
    let options = Options { generated_at: at("2026-02-02T08:00:00Z"), configuration: &hall.config };
    let told = |name: &str, period: &str| {
        make(&mut hall.view(), name, period, options).expect_err("refused").to_string()
    };
    assert_eq!(told("bot", "2025"), "portfolio `bot` is not declared; did you mean `both`?");
    assert_eq!(told("everything", "2025"), "portfolio `everything` is not declared; there are: both, all");
    assert!(told("both", "last year").starts_with("`last year` is not a period"));
}

fn facilities(document: &Document) -> &Table {
    let mut blocks = document.sections.iter().flat_map(|section| &section.blocks);
    let found = blocks.find_map(|block| match block {
        Block::Table(table) if table.name == "facilities" => Some(table),
        _ => None,
    });
    found.expect("a table of facilities")
}

#[test]
fn it_is_laid_out_in_both_languages_with_a_row_a_facility() {
    let hall = halls();
    let all = made(&hall, "all", "2025");
    let english = document(&all, Lang::En);
    assert_eq!(english.title, "All facilities");
    assert_eq!(english.banners[0].headline, "iPUE of all: 1.560");
    assert!(english.banners[0].detail.contains("categories 1, 2: a figure of no one category"));
    assert_eq!(english.banners[1].headline, "1 without data");
    let table = facilities(&english);
    let shown: Vec<Vec<&str>> = table.rows.iter().map(|row| row.iter().map(Cell::shown).collect()).collect();
    assert_eq!(shown.len(), 2);
    assert_eq!(
        shown[0][..5],
        [
            "Hall 1",
            "2025-01-01 00:00 – 2026-01-01 00:00",
            "Europe/Berlin",
            "1\u{202f}200\u{202f}000",
            "1\u{202f}000\u{202f}000"
        ]
    );
    assert_eq!(shown[1][5..8], ["2", "1.600", ""]);
    assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    let chinese = document(&made(&hall, "both", "2025"), Lang::Zh);
    assert_eq!(chinese.title, "Both halls");
    assert_eq!(chinese.banners[0].headline, "整体PUE：1.560");
    assert_eq!(facilities(&chinese).columns[3].heading, "数据中心总能耗");
}

#[test]
fn its_json_has_exact_energies_and_null_for_what_is_not_known() {
    let hall = halls();
    let text = json(&made(&hall, "both", "2025"));
    let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(read["portfolio"], "wattledger/portfolio/v1");
    assert_eq!(read["energies"]["facility"].to_string(), "15600000");
    assert_eq!(read["pue"].to_string(), "1.56");
    assert!(read["expanded"].is_null() && read["carbon_kg"].is_null());
    assert_eq!(read["facilities"][0]["pue"]["notation"], "PUE2 (2025-12-31)");
    assert_eq!(read["facilities"][1]["from"], "2024-12-31T23:00:00Z");
}

#[test]
fn its_json_and_its_document_are_as_their_schemas_say() {
    let hall = halls();
    let read = |portfolio: &Portfolio| serde_json::from_str(&json(portfolio)).expect("JSON");
    let (mut known, never) = (made(&hall, "all", "2025"), made(&hall, "both", "2027"));
    let mut all: Vec<serde_json::Value> =
        vec![read(&known), read(&made(&hall, "both", "2025")), read(&never)];
    // What no meter or factor of these halls supplies.
    (known.expanded, known.stated, known.carbon_kg) = (Some(0.01), Some("1.56 ± 0.01".to_owned()), Some(3.5));
    all.push(read(&known));
    all.iter().for_each(|portfolio| assert_described(Schema::Portfolio, portfolio));
    assert_eq!(without_value(Schema::Portfolio, &all), BTreeSet::new());
    for lang in Lang::ALL {
        let laid_out = serde_json::to_value(document(&known, lang)).expect("plain data");
        assert_described(Schema::Document, &laid_out);
    }
    let accepted = accepted_of(Schema::Portfolio, &all[3]);
    assert_eq!(accepted.left_out, BTreeSet::new());
    let null: Vec<&str> = accepted.null.iter().map(String::as_str).collect();
    assert_eq!(null, ["carbon_kg", "expanded", "facilities.*.category", "pue", "stated"]);
}

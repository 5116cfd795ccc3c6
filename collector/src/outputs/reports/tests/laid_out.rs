//! What a document says in each language: everything, and nothing in another language.

use super::golden::october;
use crate::outputs::hall::{Hall, at};
use crate::outputs::reports::document::{Block, Cell, Document, Lang, Tone};
use crate::outputs::reports::{Options, Report, document, make};
use std::collections::BTreeSet;
use wattledger_model::calendar::{self, Tz};

/// A facility with all that a report has words for: fuel, delivered cooling, instruments, targets of every kind.
const TABLES: &str = r#"
[[facility]]
name = "hall-1"
site = "hall"
title = "Hall 1"
targets = ["D130", "D125", "T01", "T12", "T20", "T23", "T26", "GB-3"]
grid = "cn-beijing"
[facility.factors]
source = "supplier"
district_cooling = "0.25"
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
kind = "register"
unit = "kWh"
gap_limit = "1h"
rated_power = "1 MW"
class = "0.5S"
ct_class = "0.5"
ct_rated_power = "250 kW"
make = "Landis"
serial = "LG-4711"
calibrated = 2024-11-03
[[meter]]
name = "pdu"
facility = "hall-1"
role = "pdu-output"
kind = "register"
unit = "kWh"
gap_limit = "1h"
rated_power = "1 MW"
class = "0.2S"
ct = "none"
[[meter]]
name = "oil"
facility = "hall-1"
role = "generator-fuel"
carrier = "diesel"
kind = "register"
unit = "L"
rated_flow = "900 L/h"
uncertainty = "1 %"
[[meter]]
name = "chilled"
facility = "hall-1"
role = "district-cooling"
kind = "register"
unit = "kWh"
gap_limit = "1h"
rated_power = "1 MW"
uncertainty = "2 %"
"#;

/// A facility that measures no IT energy, and has no target.
const WITHOUT_IT: &str = r#"
[[facility]]
name = "hall-1"
site = "hall"
targets = []
[[meter]]
name = "main"
facility = "hall-1"
role = "utility"
kind = "register"
unit = "kWh"
"#;

/// Registers read at the first instant of each month from September 2025 on.
fn autumn() -> Hall {
    let mut hall = Hall::new(TABLES);
    let zone: Tz = "Europe/Berlin".parse().expect("a zone");
    let mut readings = Vec::new();
    for month in 8_u32..=12 {
        let date =
            chrono::NaiveDate::from_ymd_opt(2025 + (month / 12) as i32, month % 12 + 1, 1).expect("a date");
        let (edge, months) = (calendar::day_start(zone, date).start(), f64::from(month - 8));
        readings.push(("main", edge, 1_000.0 + 120_000.0 * months, "kWh", None));
        readings.push(("pdu", edge, 200.0 + 100_000.0 * months, "kWh", None));
        readings.push(("oil", edge, 50.0 + 30.0 * months, "L", None));
        readings.push(("chilled", edge, 10.0 + 4_000.0 * months, "kWh", None));
    }
    hall.take(&readings);
    hall
}

fn report(hall: &Hall, period: &str, now: &str) -> Report {
    let options = Options { generated_at: at(now), configuration: &hall.config };
    make(&mut hall.view(), "hall-1", period, options).expect("a report")
}

/// A month, a year of which little is known, a running period, one without data, one without IT energy.
pub(super) fn reports() -> Vec<Report> {
    let (hall, late) = (autumn(), "2026-01-05T00:00:00Z");
    let mut without_it = Hall::new(WITHOUT_IT);
    let reading = |value, text| ("main", at(text), value, "kWh", None);
    without_it.take(&[reading(1.0, "2025-02-01T00:00:00Z"), reading(2.0, "2025-02-01T00:10:00Z")]);
    vec![
        report(&october(), "2026-10", "2026-11-02T08:00:00Z"),
        report(&hall, "2025", late),
        report(&hall, "2025-10", late),
        report(&hall, "2025-12-20..2026-01-10", "2026-01-01T00:10:00Z"),
        report(&hall, "2024-03", late),
        report(&without_it, "2025-02-01", late),
    ]
}

/// Every text of a document that people read.
fn texts(document: &Document) -> Vec<String> {
    let mut all = vec![document.title.clone(), document.subtitle.clone(), document.foot.clone()];
    all.extend(document.mark.clone());
    for banner in &document.banners {
        all.extend([banner.headline.clone(), banner.detail.clone()]);
    }
    for section in &document.sections {
        all.push(section.title.clone());
        section.blocks.iter().for_each(|block| of_block(block, &mut all));
    }
    all
}

fn of_block(block: &Block, all: &mut Vec<String>) {
    match block {
        Block::Paragraph { text } | Block::Note { text, .. } => all.push(text.clone()),
        Block::Facts { facts } => {
            all.extend(facts.iter().flat_map(|fact| [fact.name.clone(), fact.is.shown().to_owned()]));
        }
        Block::Table(table) => {
            all.push(table.title.clone());
            all.extend(table.note.clone());
            let heads = table.columns.iter().map(|column| column.heading.clone());
            all.extend(heads.chain(table.columns.iter().filter_map(|column| column.unit.clone())));
            all.extend(table.rows.iter().flatten().map(|cell| cell.shown().to_owned()));
        }
        Block::Chart(chart) => {
            all.extend([chart.title.clone(), chart.alt.clone()]);
            all.extend(chart.note.clone());
        }
    }
}

/// Names, and what operators and documents say: they are in no language.
fn names(report: &Report) -> Vec<String> {
    let (facility, versions) = (&report.facility, &report.versions);
    let mut names = vec![
        facility.name.clone(),
        facility.title.clone(),
        facility.site.clone(),
        report.period.time_zone.to_owned(),
        report.report.to_owned(),
        versions.ledger_digest.clone(),
        report.audit.hash.clone(),
        versions.ledger_digest.chars().take(16).collect(),
        versions.factors.name.clone(),
    ];
    names.extend(report.methods.non_electric.0.iter().map(|by| by.factor.source.clone()));
    names.extend(["cn-beijing", "cn-excluding-traded"].map(str::to_owned));
    names.extend(versions.targets.iter().map(|table| table.name.clone()));
    names.extend(report.meters.iter().flat_map(|meter| [meter.meter.clone(), meter.title.clone()]));
    names.extend(
        report
            .uncertainty
            .meters
            .iter()
            .flat_map(|row| row.make.clone().into_iter().chain(row.serial.clone())),
    );
    for verdict in &report.verdicts {
        names.extend(verdict.quote.clone());
        names.push(verdict.target.clone());
    }
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names
}

fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// Units, symbols, notation and the names of standards.
const SYMBOLS: &[&str] = &[
    "PUE",
    "iPUE",
    "pPUE",
    "dPUE",
    "DCiE",
    "WUE",
    "CUE",
    "CO",
    "tce",
    "R",
    "M",
    "E",
    "DC",
    "IT",
    "U",
    "u",
    "w",
    "k",
    "a",
    "kWh",
    "d",
    "kg",
    "L",
    "h",
    "min",
    "s",
    "m",
    "W",
    "kW",
    "MW",
    "C",
    "scope",
    "Cel",
    "UPS",
    "PDU",
    "UTC",
    "SHA",
    "T",
    "Z",
    "S",
    "G",
    "GB",
    "ISO",
    "IEC",
    "JCGM",
    "JJF",
    "EN",
    "EU",
    "The",
    "Green",
    "Grid",
    "WP",
    "IDC",
    "wattledger",
    "market",
    "cooling",
    "ups",
    "output",
    "pdu",
    "it",
    "input",
    "utility",
];

#[test]
fn a_chinese_document_has_no_english_but_names_units_and_symbols() {
    let mut foreign = BTreeSet::new();
    for report in reports() {
        let names = names(&report);
        for text in texts(&document(&report, Lang::Zh)) {
            let rest = names.iter().fold(text.clone(), |rest, name| rest.replace(name.as_str(), " "));
            for word in rest.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()) {
                if !SYMBOLS.contains(&word) {
                    foreign.insert(format!("`{word}` in `{text}`"));
                }
            }
        }
    }
    assert!(foreign.is_empty(), "{foreign:#?}");
}

#[test]
fn an_english_document_has_no_chinese_but_what_documents_say() {
    for report in reports() {
        let documents: Vec<&String> = report
            .verdicts
            .iter()
            .flat_map(|verdict| std::iter::once(&verdict.document).chain(&verdict.quote))
            .collect();
        for text in texts(&document(&report, Lang::En)) {
            let rest = documents.iter().fold(text.clone(), |rest, said| rest.replace(said.as_str(), " "));
            let rest = rest.replace("当量值", "");
            assert!(!rest.chars().any(is_chinese), "{text}");
        }
    }
}

#[test]
fn both_languages_say_the_same_in_the_same_places() {
    let shape = |document: &Document| -> Vec<String> {
        let of = |block: &Block| match block {
            Block::Paragraph { .. } => "paragraph".to_owned(),
            Block::Note { tone, .. } => format!("note {tone:?}"),
            Block::Facts { facts } => {
                let values = facts.iter().map(|fact| number(&fact.is));
                format!("facts {:?}", values.collect::<Vec<_>>())
            }
            Block::Table(table) => {
                let values = table.rows.iter().flatten().map(number);
                format!("{} {} {:?}", table.name, table.columns.len(), values.collect::<Vec<_>>())
            }
            Block::Chart(chart) => chart.name.to_owned(),
        };
        let banners = document.banners.iter().map(|banner| format!("{:?}", banner.tone));
        let sections = document.sections.iter();
        banners
            .chain(sections.flat_map(|section| {
                std::iter::once(section.name.to_owned()).chain(section.blocks.iter().map(of))
            }))
            .collect()
    };
    for report in reports() {
        assert_eq!(shape(&document(&report, Lang::En)), shape(&document(&report, Lang::Zh)));
    }
}

/// A cell that is in no language, as it is printed.
fn number(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Empty => Some(String::new()),
        Cell::Number { shown, .. } | Cell::Share { shown, .. } | Cell::Instant { shown, .. } => {
            Some(shown.clone())
        }
        Cell::Text { .. } | Cell::Told { .. } => None,
    }
}

#[test]
fn tables_are_whole_and_names_are_stable() {
    for report in reports() {
        let document = document(&report, Lang::Zh);
        let mut names = BTreeSet::new();
        for section in &document.sections {
            assert!(names.insert(section.name), "`{}` twice", section.name);
            assert!(!section.blocks.is_empty(), "`{}` is empty", section.name);
            for block in &section.blocks {
                let Block::Table(table) = block else { continue };
                assert!(names.insert(table.name) || table.name == section.name, "`{}` twice", table.name);
                assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.name);
                assert!(!table.rows.is_empty() && table.columns.iter().all(|column| column.width > 0));
            }
        }
        let first: Vec<&str> = document.sections.iter().take(4).map(|section| section.name).collect();
        assert_eq!(first, ["summary", "verdicts", "period-and-boundary", "energies"]);
        assert_eq!(document.sections.last().map(|section| section.name), Some("provenance"));
    }
}

fn banner(document: &Document, at: usize) -> (Tone, &str) {
    (document.banners[at].tone, &document.banners[at].headline)
}

#[test]
fn the_headline_comes_first_and_then_each_verdict() {
    let month = report(&october(), "2026-10", "2026-11-02T08:00:00Z");
    let zh = document(&month, Lang::Zh);
    assert_eq!(banner(&zh, 0), (Tone::Neutral, "iPUE1 (2026-10-01:2026-10-31) = 1.26"));
    assert_eq!(banner(&zh, 1), (Tone::Good, "D130，PUE ≤ 1.3：通过（简单接受，无保护带）"));
    assert_eq!(banner(&zh, 2), (Tone::Bad, "D125，PUE ≤ 1.25：不通过（简单接受，无保护带）"));
    assert_eq!(
        zh.banners[0].detail,
        "扩展不确定度 U 未知；数据覆盖率 99.46 %（判定要求不低于 99.00 %），插值占比 0.00 %，估算占比 0.00 %"
    );
    let en = document(&month, Lang::En);
    assert_eq!(banner(&en, 1), (Tone::Good, "D130, PUE ≤ 1.3: pass, without guard band"));
    assert_eq!(en.banners.len(), 3);
    assert_eq!(
        en.subtitle,
        "Energy efficiency report of hall-1, 2026-10: 2026-10-01 00:00 to 2026-11-01 00:00 (Europe/Berlin)"
    );
}

#[test]
fn a_provisional_figure_and_a_running_period_are_said_before_the_verdicts() {
    let hall = autumn();
    let year = document(&report(&hall, "2025", "2026-01-05T00:00:00Z"), Lang::En);
    let (tone, headline) = banner(&year, 0);
    assert!(tone == Tone::Caution && headline.ends_with("(provisional)"), "{headline}");
    assert!(banner(&year, 1).1.ends_with(": not assessable"), "{:?}", year.banners[1]);
    let running = report(&hall, "2025-12-20..2026-01-10", "2026-01-01T00:10:00Z");
    let zh = document(&running, Lang::Zh);
    assert_eq!(banner(&zh, 1), (Tone::Caution, "报告期尚未结束"));
    assert!(zh.banners[1].detail.contains("2025-12-31T23:00:00Z"), "{}", zh.banners[1].detail);
}

#[test]
fn what_is_not_electricity_is_told_with_its_factor_and_method() {
    let year = report(&autumn(), "2025-10", "2026-01-05T00:00:00Z");
    let document = document(&year, Lang::Zh);
    let section = document.sections.iter().find(|section| section.name == "non-electric").expect("a section");
    let Block::Table(table) = &section.blocks[0] else { panic!("{section:?}") };
    let shown: Vec<Vec<&str>> =
        table.rows.iter().map(|row| row.iter().take(2).map(Cell::shown).collect()).collect();
    assert_eq!(
        shown,
        [["外购冷量", "0.25（supplier）"], ["柴油（发电机燃料）", "9.9 kWh/L（EN 50600-4 资料）"]]
    );
}

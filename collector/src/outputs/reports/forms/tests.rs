//! Forms filled from ledgers made by hand, in both languages.

use super::{all, document, find};
use crate::outputs::hall::{Hall, at};
use crate::outputs::reports::Options;
use crate::outputs::reports::document::{Block, Cell, Document, Lang, Table};
use wattledger_model::calendar::{self, Tz};

const METERS: &str = r#"
[[meter]]
name = "main"
title = "Feed A"
facility = "hall-1"
role = "utility"
kind = "register"
unit = "kWh"
gap_limit = "1h"
serial = "LG-4711"
class = "0.5S"
ct_class = "0.5"
rated_power = "1 MW"
[[meter]]
name = "ups"
facility = "hall-1"
role = "ups-output"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[meter]]
name = "pdu"
facility = "hall-1"
role = "pdu-output"
kind = "register"
unit = "kWh"
gap_limit = "1h"
[[meter]]
name = "tap"
facility = "hall-1"
role = "water"
kind = "register"
unit = "m3"
gap_limit = "1h"
[[meter]]
name = "heat"
facility = "hall-1"
role = "heat-reuse"
kind = "register"
unit = "kWh"
gap_limit = "1h"
"#;

const BARE: &str = r#"
[[facility]]
name = "hall-1"
site = "hall"
title = "Hall 1"
targets = ["D130", "T13"]
it_energy = "pdu-output"
"#;

const FACTS: &str = r#"
in_service = 2023-04-01
stage = "new"
climate = "cold"
standard_racks = 3200
racks = 800
racks_in_use = 512
it_rated_power = "4 MW"
design_pue = "1.22"
green_grade = "4A"
[facility.register]
owner = "Example Properties"
operator = "Example Hosting"
address = "Berlin"
boundary = "hall, plant rooms, offices"
type = "colocation"
mixed_use = false
electrical_redundancy = "2N"
cooling_redundancy = "N+1"
floor_area_m2 = 5200
computer_room_area_m2 = "2100.5"
refrigerants = ["R-1234ze(E)", "R-717"]
[[facility.register.year]]
year = 2025
cooling_degree_days = 41
inlet_temperature = "24 °C"
grid_functions = []
battery_offered = "0 kW"
[[facility.register.year]]
year = 2024
reused_heat_temperature = "38 °C"
[[facility.certificate]]
kind = "goo"
energy = "300 MWh"
from = 2025-01-01
to = 2026-01-01
retired = 2025-12-15
reference = "A"
[[facility.certificate]]
kind = "ppa"
energy = "60 MWh"
from = 2025-01-01
to = 2026-01-01
retired = 2025-12-15
reference = "B"
"#;

/// Registers at the first instant of each month of 2025, from its month `first` on; a month always gives the same.
fn hall(facility: &str, first: u32) -> Hall {
    let mut hall = Hall::new(&format!("{facility}{METERS}"));
    let zone: Tz = "Europe/Berlin".parse().expect("a zone");
    let mut readings = Vec::new();
    for month in first..=12 {
        let date = chrono::NaiveDate::from_ymd_opt(2025 + (month / 12) as i32, month % 12 + 1, 1);
        let edge = calendar::day_start(zone, date.expect("a date")).start();
        for (meter, each, unit) in [
            ("main", 120_000.0, "kWh"),
            ("ups", 100_000.0, "kWh"),
            ("pdu", 96_000.0, "kWh"),
            ("tap", 150.0, "m3"),
            ("heat", 10_000.0, "kWh"),
        ] {
            readings.push((meter, edge, 1_000.0 + each * f64::from(month), unit, None));
        }
    }
    hall.take(&readings);
    hall
}

fn with_facts() -> Hall {
    hall(&format!("{BARE}{FACTS}"), 0)
}

fn filled(hall: &Hall, form: &str, period: &str, lang: Lang) -> Document {
    let options = Options { generated_at: at("2026-02-02T08:00:00Z"), configuration: &hall.config };
    document(&mut hall.view(), "hall-1", period, options, form, lang).expect("a form")
}

fn table<'d>(document: &'d Document, name: &str) -> &'d Table {
    let blocks = document.sections.iter().flat_map(|section| &section.blocks);
    let mut tables = blocks.filter_map(|block| match block {
        Block::Table(table) if table.name == name => Some(table),
        _ => None,
    });
    tables.next().unwrap_or_else(|| panic!("no table {name}"))
}

/// The rows of a section's fields by their first words that are there: symbol or label; then value, unit and basis.
fn rows(document: &Document, section: &str) -> Vec<Vec<String>> {
    let shown = |row: &Vec<Cell>| row.iter().map(|cell| cell.shown().to_owned()).collect::<Vec<_>>();
    let of_row = |mut cells: Vec<String>| {
        if cells.len() == 5 {
            let symbol = cells.remove(0);
            if !symbol.is_empty() {
                cells[0] = symbol;
            }
        }
        cells
    };
    table(document, section).rows.iter().map(shown).map(of_row).collect()
}

#[track_caller]
fn says(document: &Document, section: &str, name: &str, expected: [&str; 3]) {
    let all = rows(document, section);
    let found = all.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("no {name} in {all:?}"));
    assert_eq!([&found[1], &found[2], &found[3]], expected, "{name}");
}

const WHOLE: &str = "covered 100.00 %, interpolated 100.00 %, estimated 0.00 %";
const WHOLE_ZH: &str = "数据覆盖率100.00 %，插值100.00 %，估算0.00 %";

#[test]
fn the_european_data_set_holds_what_is_metered_and_declared() {
    let hall = with_facts();
    let form = filled(&hall, "eu-2024-1364", "2025", Lang::En);
    says(&form, "identity", "Type (enterprise, colocation, co-hosting)", ["colocation", "", "declared"]);
    says(&form, "period", "Calendar year", ["2025", "", ""]);
    let due = "Report due (installed IT power demand of 500 kW or more)";
    says(&form, "period", due, ["yes", "", "held against EU-1"]);
    says(&form, "energy", "PDIT", ["4\u{202f}000", "kW", "declared"]);
    says(&form, "energy", "SCR", ["2\u{202f}100", "m²", "declared"]);
    says(&form, "energy", "EDC", ["1\u{202f}440\u{202f}000", "kWh", WHOLE]);
    says(&form, "energy", "EIT", ["1\u{202f}200\u{202f}000", "kWh", WHOLE]);
    says(&form, "energy", "WIN", ["1\u{202f}800.0", "m³", WHOLE]);
    says(&form, "energy", "EREUSE", ["120\u{202f}000", "kWh", WHOLE]);
    says(&form, "energy", "TIN", ["24.0", "°C", "declared"]);
    says(&form, "energy", "Types of refrigerants †", ["R-1234ze(E), R-717", "", "declared"]);
    says(&form, "energy", "Services to the grid †", ["none", "", "declared"]);
    says(&form, "energy", "ERES-TOT", ["360\u{202f}000", "kWh", "declared"]);
    says(&form, "energy", "ERES-GOO", ["300\u{202f}000", "kWh", "declared"]);
    says(&form, "energy", "ERES-PPA", ["60\u{202f}000", "kWh", "declared"]);
    says(&form, "indicators", "PUE", ["1.20", "", WHOLE]);
    says(&form, "indicators", "WUE", ["1.50", "m³/MWh", WHOLE]);
    says(&form, "indicators", "ERF", ["0.083", "", WHOLE]);
    says(&form, "indicators", "REF", ["0.250", "", WHOLE]);
    assert_eq!(form.title, "Hall 1");
    assert!(form.foot.starts_with("eu-2024-1364 2026-11-21 · hall-1 · 2025 · wattledger "), "{}", form.foot);

    let chinese = filled(&hall, "eu-2024-1364", "2025", Lang::Zh);
    says(&chinese, "energy", "EDC", ["1\u{202f}440\u{202f}000", "kWh", WHOLE_ZH]);
    says(&chinese, "identity", "类型（企业自用、主机托管、联合托管）", ["主机托管", "", "申报"]);
    says(&chinese, "indicators", "PUE", ["1.20", "", WHOLE_ZH]);
}

#[test]
fn what_is_not_known_is_named_missing_with_what_would_supply_it() {
    let hall = with_facts();
    let form = filled(&hall, "eu-2024-1364", "2025", Lang::En);
    let missing: Vec<(&str, &str)> =
        table(&form, "missing").rows.iter().map(|row| (row[0].shown(), row[2].shown())).collect();
    let symbols: Vec<&str> = missing.iter().map(|(symbol, _)| *symbol).collect();
    let expected = ["EDC-BG", "WIN-POT", "TWH", "CSERV", "CSTOR", "BIN", "BOUT", "TIN", "TOUT"];
    assert_eq!(symbols, expected, "another year's temperature of heat is none of this one");
    assert_eq!(missing[0].1, "a meter at the generators' output, with the role generator");
    assert!(missing.iter().all(|(_, needs)| !needs.is_empty()));
    says(&form, "energy", "EDC-BG", ["missing", "", missing[0].1]);
    let told: Vec<&str> = form.banners.iter().map(|banner| banner.headline.as_str()).collect();
    assert_eq!(
        told,
        [
            "draft form, not for filing",
            "Power usage effectiveness, EDC / EIT: 1.20",
            "30 of 39 items are filled"
        ]
    );
    assert!(form.banners[1].detail.contains("IT energy at the UPS output (category 1)"));

    let bare = self::hall(BARE, 11);
    let nothing = filled(&bare, "eu-2024-1364", "2024", Lang::En);
    let blocks = nothing.sections.iter().filter(|section| section.name != "measuring-points");
    for block in blocks.flat_map(|section| &section.blocks) {
        let Block::Table(table) = block else { continue };
        let numbers = table.rows.iter().flatten().filter(|cell| matches!(cell, Cell::Number { .. }));
        assert_eq!(numbers.count(), 0, "{}: what is not known is no number, and no zero", table.name);
    }
    let filled_in: Vec<String> = rows(&nothing, "energy")
        .into_iter()
        .filter(|row| row[1] != "missing")
        .map(|row| row[0].clone())
        .collect();
    assert!(filled_in.is_empty(), "{filled_in:?}");
}

/// Lines of a template's text that are exactly this.
fn lines(file: &str, line: &str) -> usize {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join(file)).expect(file);
    text.lines().filter(|read| *read == line).count()
}

#[test]
fn every_unconfirmed_item_of_a_form_is_listed_and_makes_a_draft_of_it() {
    let hall = with_facts();
    for form in all() {
        let items = lines(&form.file, "unconfirmed = true");
        let open = items + lines(&form.file, "[[open]]");
        assert_eq!(form.is_draft(), open > 0, "{}", form.id);
        for (lang, mark) in [(Lang::En, "draft form, not for filing"), (Lang::Zh, "草表，不得用于申报")]
        {
            let document = filled(&hall, &form.id, "2025", lang);
            assert_eq!(document.mark.as_deref(), (open > 0).then_some(mark), "{}", form.id);
            let has_list = document.sections.iter().any(|section| section.name == "unconfirmed");
            assert_eq!(has_list, open > 0, "{}", form.id);
            if open == 0 {
                continue;
            }
            assert_eq!(document.banners[0].headline, mark);
            let listed = &table(&document, "unconfirmed").rows;
            assert_eq!(listed.len(), open, "{}", form.id);
            assert!(listed.iter().all(|row| !row[1].shown().is_empty() && !row[2].shown().is_empty()));
            let marked: Vec<String> = document
                .sections
                .iter()
                .filter(|section| {
                    !["unconfirmed", "missing", "provenance", "monthly"].contains(&section.name)
                })
                .flat_map(|section| &section.blocks)
                .filter_map(|block| if let Block::Table(table) = block { Some(table) } else { None })
                .flat_map(|table| table.rows.iter().flatten())
                .filter_map(|cell| cell.shown().strip_suffix(" †").map(str::to_owned))
                .collect();
            assert_eq!(marked.len(), items, "{}", form.id);
            for label in marked {
                assert!(listed.iter().any(|row| row[1].shown() == label), "{} lists {label}", form.id);
            }
        }
    }
    assert!(find("eu-2024-1364").expect("embedded").is_draft());
    assert!(!find("monthly-pue").expect("embedded").is_draft(), "it is nobody's but the operator's");
}

#[test]
fn weights_that_are_to_be_confirmed_make_a_draft_of_any_form() {
    let fuel = "non_electric = \"source-weighted\"\n[[meter]]\nname = \"boiler\"\nfacility = \"hall-1\"\nrole = \"fuel\"\n\
                carrier = \"gas\"\nkind = \"register\"\nunit = \"m3\"\n";
    let hall = hall(&format!("{BARE}{fuel}"), 10);
    let form = filled(&hall, "monthly-pue", "2025-12", Lang::En);
    assert_eq!(form.mark.as_deref(), Some("draft form, not for filing"));
    let listed = &table(&form, "unconfirmed").rows;
    assert_eq!(listed.len(), 1);
    assert!(listed[0][1].shown().starts_with("source weighting of The Green Grid"));
}

#[test]
fn the_chinese_register_entry_says_scale_utilisation_coal_and_grade() {
    let hall = with_facts();
    let form = filled(&hall, "cn-register", "2025", Lang::Zh);
    says(&form, "identity", "应登记（标准机架超过100个，每个2.5 kW）", ["是", "", "对照T27判定"]);
    says(&form, "racks", "规模 †", ["大型（3000至9999个标准机架）", "", "申报"]);
    assert!(rows(&form, "racks").iter().any(|row| row[0] == "上架率" && row[1] == "64.0 %"), "{form:?}");
    says(&form, "energy", "数据中心总能耗", ["1\u{202f}440.000", "MWh", WHOLE_ZH]);
    says(&form, "energy", "PUE", ["1.25", "", WHOLE_ZH]);
    let coal = &rows(&form, "coal")[0];
    assert_eq!([coal[1].as_str(), coal[2].as_str()], ["177.0", "tce"], "1 440 MWh at 0.1229 kgce/kWh");
    assert!(coal[3].ends_with("电力按当量值折算"), "{}", coal[3]);
    says(&form, "coal", "重点用能单位（年综合能耗超过1万吨标准煤） †", ["否", "", "对照T26判定"]);
    says(&form, "grade", "GB 40879-2021能效等级 †", ["2级", "", WHOLE_ZH]);
    says(&form, "grade", "绿色低碳等级", ["4A", "", "申报"]);
    let english = filled(&hall, "cn-register", "2025", Lang::En);
    says(&english, "grade", "Grade by GB 40879-2021 †", ["grade 2", "", WHOLE]);
}

#[test]
fn half_a_year_of_data_makes_nobody_no_key_energy_user_and_an_implausible_ratio_has_no_grade() {
    let user = "Key energy user (more than 10 000 tce a year) †";
    let half = filled(&hall(BARE, 6), "cn-register", "2025", Lang::En);
    says(&half, "coal", user, ["missing", "", "a whole year's coal equivalent"]);
    let mut hall = Hall::new(&format!("{BARE}{METERS}"));
    let [from, to] = ["2024-12-31T23:00:00Z", "2025-12-31T23:00:00Z"].map(at);
    hall.take(&[
        ("main", from, 0.0, "kWh", None),
        ("pdu", from, 0.0, "kWh", None),
        ("main", to, 950_000.0, "kWh", None),
        ("pdu", to, 1_000_000.0, "kWh", None),
    ]);
    let form = filled(&hall, "cn-register", "2025", Lang::En);
    says(&form, "coal", user, ["no", "", "held against T26"]);
    says(&form, "energy", "PUE", ["0.95", "", WHOLE]);
    says(&form, "grade", "Grade by GB 40879-2021 †", ["missing", "", "a whole year's PUE"]);
}

#[test]
fn the_statement_by_the_standard_names_category_period_and_method() {
    let hall = with_facts();
    let form = filled(&hall, "iso-30134-2", "2025", Lang::En);
    says(&form, "statement", "Figure †", ["PUE2 (2025-12-31)", "", ""]);
    says(&form, "statement", "PUE", ["1.25", "", WHOLE]);
    says(&form, "statement", "E_IT", ["1\u{202f}152\u{202f}000", "kWh", WHOLE]);
    says(&form, "boundary", "Category", ["2", "", ""]);
    says(&form, "boundary", "IT energy is measured at", ["PDU output", "", ""]);
    says(
        &form,
        "boundary",
        "Energy that is not electricity",
        ["none is metered: electricity alone is counted", "", ""],
    );
    says(&form, "period", "Last day", ["2025-12-31", "", ""]);
    let needs = "class and current transformer of every meter on both sides (class, ct_class)";
    says(&form, "statement", "With expanded uncertainty", ["missing", "", needs]);
    let points = table(&form, "measuring-points");
    let shown: Vec<&str> = points.rows[0].iter().map(Cell::shown).collect();
    let expected =
        ["Feed A (main)", "grid supply", "register", "kWh", "60", "LG-4711", "", "0.5S", "0.5", ""];
    assert_eq!(shown, expected);
    let month = filled(&hall, "iso-30134-2", "2025-10", Lang::Zh);
    says(&month, "statement", "指标记法 †", ["iPUE2 (2025-10-01:2025-10-31)", "", ""]);
    says(&month, "statement", "iPUE", ["1.25", "", WHOLE_ZH]);
    let headline = month.banners.iter().find(|banner| banner.headline.contains("1.25")).expect("a headline");
    assert!(headline.detail.starts_with("iPUE2 (2025-10-01:2025-10-31)；"), "{}", headline.detail);
}

#[test]
fn measuring_points_are_the_real_meters_also_behind_a_virtual_one_while_they_stand_for_anything() {
    let claims = "[[meter.claim]]\nrole = \"pdu-output\"\nto = 2025-01-01\n";
    let meter = |name: &str, more: &str| {
        format!(
            "[[meter]]\nname = \"{name}\"\nkind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"5m\"\n\
             gap_limit = \"1h\"\nserial = \"S-{name}\"\nfacility = \"hall-1\"\n{more}"
        )
    };
    let tables = [
        BARE.to_owned(),
        meter("main", "role = \"utility\"\n"),
        meter("room", ""),
        meter("tenant", ""),
        meter("old", claims),
        "[[virtual]]\nname = \"it\"\ntitle = \"IT\"\nfacility = \"hall-1\"\nrole = \"pdu-output\"\n\
         sum = [\"room\", \"-tenant\"]\n"
            .to_owned(),
    ];
    let mut hall = Hall::new(&tables.concat());
    let [from, to] = ["2024-12-31T23:00:00Z", "2025-12-31T23:00:00Z"].map(at);
    let year = [("main", 1_200.0), ("room", 1_100.0), ("tenant", 100.0), ("old", 0.0)];
    let readings: Vec<_> = year
        .into_iter()
        .flat_map(|(meter, kwh)| [(meter, from, 0.0, "kWh", None), (meter, to, kwh, "kWh", None)])
        .collect();
    hall.take(&readings);
    let form = filled(&hall, "iso-30134-2", "2025", Lang::En);
    says(&form, "statement", "PUE", ["1.20", "", WHOLE]);
    says(&form, "boundary", "Longest interval between readings of IT energy †", ["5", "min", ""]);
    let points: Vec<Vec<&str>> = table(&form, "measuring-points")
        .rows
        .iter()
        .map(|row| [0, 1, 5].into_iter().map(|at| row[at].shown()).collect())
        .collect();
    assert_eq!(
        points,
        [
            ["main", "grid supply", "S-main"],
            ["room; in IT", "PDU output", "S-room"],
            ["tenant; taken off in IT", "PDU output", "S-tenant"],
        ],
        "the claim of the old one had ended"
    );
}

#[test]
fn the_monthly_sheet_has_a_row_a_month_and_the_whole_as_a_sum_over_a_sum() {
    let hall = with_facts();
    let form = filled(&hall, "monthly-pue", "2025", Lang::En);
    let months = table(&form, "months");
    assert_eq!(months.rows.len(), 13);
    let shown = |row: usize| months.rows[row].iter().map(Cell::shown).collect::<Vec<_>>();
    let energies = ["120\u{202f}000", "96\u{202f}000", "1.250", "100.00 %", "100.00 %", "0.00 %"];
    assert_eq!(shown(2)[..2], ["2025-03", "743"]);
    assert_eq!(shown(2)[2..8], energies);
    assert_eq!(shown(9)[..2], ["2025-10", "745"]);
    assert_eq!(
        shown(12)[..4],
        ["Whole period", "8\u{202f}760", "1\u{202f}440\u{202f}000", "1\u{202f}152\u{202f}000"]
    );
    let units: Vec<_> = months.columns.iter().filter_map(|column| column.unit.as_deref()).collect();
    assert_eq!(units, ["h", "kWh", "kWh"]);
    assert_eq!(form.mark, None);
    let targets = &table(&form, "targets").rows;
    let held: Vec<Vec<&str>> = targets.iter().map(|row| row.iter().map(Cell::shown).collect()).collect();
    assert_eq!(held[0][..2], ["D130", "PUE <= 1.3"]);
    assert_eq!(held[0][3..], ["each facility", "open", "pass, without guard band"]);
    assert_eq!(held[1][4], "2021-01-01 – 2021-12-31 (passed)");
    let month = filled(&hall, "monthly-pue", "2025-10", Lang::Zh);
    let only = &table(&month, "months").rows;
    assert_eq!((only.len(), only[0][0].shown()), (1, "2025-10"));
    says(&month, "statement", "指标名称", ["iPUE", "", ""]);
    says(&month, "identity", "截止（当地时间）", ["2025-11-01 00:00", "", ""]);
}

#[test]
fn a_period_that_is_not_over_is_marked_and_one_that_the_form_is_not_for_refused() {
    let hall = hall(BARE, 10);
    let options = |now| Options { generated_at: at(now), configuration: &hall.config };
    let made = |form: &str, period: &str, now| {
        document(&mut hall.view(), "hall-1", period, options(now), form, Lang::En)
    };
    let running = made("monthly-pue", "2026", "2026-01-01T00:10:00Z");
    let told = running.expect_err("not begun").to_string();
    assert!(told.contains("ask for an earlier period"), "{told}");
    let running = made("monthly-pue", "2025-12-01..2026-02-01", "2026-01-01T00:10:00Z").expect("a form");
    assert_eq!(running.mark.as_deref(), Some("preliminary: the period is not over"));
    assert_eq!(running.banners[0].headline, "preliminary: the period is not over");
    assert_eq!(running.banners[0].detail, "figures are up to 2026-01-01 00:00 (Europe/Berlin)");
    let told = |form: &str, period: &str| {
        made(form, period, "2026-02-02T08:00:00Z").expect_err("refused").to_string()
    };
    assert_eq!(
        told("eu-2024-1364", "2025-10"),
        "form `eu-2024-1364` is for a calendar year, such as 2025; `2025-10` is none"
    );
    assert!(told("cn-register", "2025-07-01..2026-07-01").contains("is for a calendar year"));
    assert_eq!(told("eu-2024-1346", "2025"), "there is no form `eu-2024-1346`; did you mean `eu-2024-1364`?");
}

#[test]
fn a_form_calls_what_is_measured_as_a_report_does_in_chinese() {
    use crate::outputs::reports::words;
    for role in wattledger_model::role::Role::ALL.iter().copied() {
        let of_report = words::role(Lang::Zh, role.word());
        assert_eq!(super::words::role(role).in_lang(Lang::Zh), of_report, "{role}");
    }
}

/// Words that are the same in every language.
const SAME: [&str; 1] = ["PUE"];

fn is_chinese(text: &str) -> bool {
    text.is_empty() || SAME.contains(&text) || text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[test]
fn a_chinese_form_has_its_headings_items_and_mends_in_chinese_and_an_english_one_none() {
    let hall = hall(BARE, 11);
    for form in all() {
        let document = filled(&hall, &form.id, "2025", Lang::Zh);
        for banner in &document.banners {
            assert!(is_chinese(&banner.headline) && is_chinese(&banner.detail), "{banner:?}");
        }
        for section in &document.sections {
            assert!(is_chinese(&section.title), "{}", section.title);
            for block in &section.blocks {
                let Block::Table(table) = block else { continue };
                for column in &table.columns {
                    assert!(is_chinese(&column.heading), "{} of {}", column.heading, form.id);
                }
                let named = |heading: &str| table.columns.iter().position(|column| column.heading == heading);
                let ours = ["项目", "补齐办法", "待核实内容"].into_iter().filter_map(named);
                for at in ours {
                    for row in &table.rows {
                        assert!(is_chinese(row[at].shown()), "{} of {}", row[at].shown(), form.id);
                    }
                }
            }
        }
        let english = format!("{:?}", filled(&hall, &form.id, "2025", Lang::En));
        let chinese: String = english.chars().filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c)).collect();
        // The documents of China have the names that they have.
        let named = chinese.replace("发改高技号", "").replace("工信部通信号", "");
        assert_eq!(named, "", "{}", form.id);
    }
}

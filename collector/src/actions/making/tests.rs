//! Scheduled reports, made of real ledgers.

mod frozen;

use super::*;
use crate::config::ScheduledReport;
use crate::outputs::hall::{Hall, at};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::thread;
use wattledger_model::document::{Place, Placed};
use wattledger_model::time::Timestamp;

const TABLES: &str = "
[[facility]]
name = \"hall-1\"
site = \"hall\"
[[meter]]
name = \"main\"
facility = \"hall-1\"
role = \"utility\"
kind = \"register\"
unit = \"kWh\"
[[meter]]
name = \"ups\"
facility = \"hall-1\"
role = \"ups-output\"
kind = \"register\"
unit = \"kWh\"
";
/// Of the hall, each month; formats follow.
const MONTHLY: &str = "[[report]]\nname = \"monthly\"\nfacility = \"hall-1\"\nevery = \"month\"\n";
/// Prints what it was told.
const ECHO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/outputs/reports/tests/printers/echo.sh");
/// Prints when it is told to.
const WAIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/outputs/reports/tests/printers/wait.sh");
const NOWHERE: &str = "/nowhere/wattledger-print";

fn october() -> (Timestamp, Timestamp) {
    (at("2026-09-30T22:00:00Z"), at("2026-10-31T23:00:00Z"))
}

/// A hall whose registers go on by so many kWh until then.
fn hall(tables: &str, to: Timestamp, kwh: (f64, f64)) -> Hall {
    let mut hall = Hall::new(&format!("{TABLES}{tables}"));
    let (from, _) = october();
    hall.take(&[
        ("main", from, 0.0, "kWh", None),
        ("ups", from, 0.0, "kWh", None),
        ("main", to, kwh.0, "kWh", None),
        ("ups", to, kwh.1, "kWh", None),
    ]);
    hall
}

fn printed_by(printer: &str) -> String {
    format!("[reports]\nprinter = \"{printer}\"\n")
}

fn making(hall: &Hall) -> Making {
    let topology = Arc::clone(hall.view().topology());
    Making::new(hall.layout.clone(), topology, Arc::new(hall.config.clone()))
}

fn due(report: &ScheduledReport) -> Due {
    Due {
        report: report.name.clone(),
        about: report.about.clone(),
        period: "2026-10".to_owned(),
        form: report.form.clone(),
        issued: None,
    }
}

/// The names of what is made, and what.
fn contents(made: &[Made]) -> Vec<(&str, &[u8])> {
    let whole = |one: &Made| one.content.as_deref().is_ok();
    assert!(made.iter().all(whole), "{made:?}");
    made.iter().filter_map(|one| Some((one.file_name.as_str(), one.content.as_deref().ok()?))).collect()
}

/// What the printer was told, by its echo.
fn echoed(pdf: &[u8]) -> Value {
    let text = std::str::from_utf8(pdf).expect("text");
    assert!(text.starts_with("%PDF-"));
    serde_json::from_str(text.lines().last().expect("what it was told")).expect("JSON")
}

#[test]
fn a_month_of_the_ledger_is_known_to_its_end_and_made_in_every_format() {
    let (from, to) = october();
    let hall = hall(&format!("{MONTHLY}formats = [\"text\", \"json\", \"csv\"]\n"), to, (1_300.0, 1_000.0));
    let (making, report) = (making(&hall), &hall.config.scheduled[0]);
    let known = making.known(&report.about).expect("known");
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].horizon, known[0].first), (Some(to.minute()), Some(from.minute())));

    let wanted: Vec<_> = report.formats.iter().map(|format| (*format, Lang::En)).collect();
    let made = making.make(&due(report), &wanted).expect("made");
    let made = contents(&made);
    let names: Vec<&str> = made.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["monthly_2026-10.txt", "monthly_2026-10.json", "monthly_2026-10.csv"]);
    let text = String::from_utf8_lossy(made[0].1).into_owned();
    assert!(text.contains("hall-1") && text.contains("1.3"), "{text}");
    let json: Value = serde_json::from_slice(made[1].1).expect("JSON");
    assert_eq!(json["facility"]["name"], "hall-1");

    let gone = About::Facility("hall-2".parse().expect("a name"));
    let why = making.known(&gone).expect_err("it is not declared").to_string();
    assert_eq!(why, "there is no facility `hall-2`");
}

#[test]
fn documents_are_made_in_each_language_and_the_pdf_has_the_report_inside() {
    let tables = format!(
        "{}{MONTHLY}formats = [\"json\", \"html\", \"xlsx\", \"pdf\"]\nlang = [\"en\", \"zh\"]\n",
        printed_by(ECHO)
    );
    let hall = hall(&tables, october().1, (1_300.0, 1_000.0));
    let html = [(ReportFormat::Html, Lang::En), (ReportFormat::Html, Lang::Zh)];
    let rest =
        [(ReportFormat::Json, Lang::En), (ReportFormat::Xlsx, Lang::Zh), (ReportFormat::Pdf, Lang::Zh)];
    let wanted: Vec<_> = html.into_iter().chain(rest).collect();
    let made = making(&hall).make(&due(&hall.config.scheduled[0]), &wanted).expect("made");
    let made = contents(&made);
    let names: Vec<&str> = made.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "monthly_2026-10.en.html",
            "monthly_2026-10.zh.html",
            "monthly_2026-10.json",
            "monthly_2026-10.zh.xlsx",
            "monthly_2026-10.zh.pdf"
        ]
    );
    let [english, chinese] = [0, 1].map(|at| String::from_utf8_lossy(made[at].1).into_owned());
    assert!(english.contains("lang=\"en\"") && chinese.contains("lang=\"zh"), "{english}");
    assert!(made[3].1.starts_with(b"PK"), "a workbook is a ZIP file");
    let told = echoed(made[4].1);
    assert_eq!(told["document"]["lang"], "zh");
    let inside = told["attachments"][0]["base64"].as_str().expect("the report");
    assert_eq!(STANDARD.decode(inside).expect("base64"), made[2].1, "the same report, byte for byte");
}

#[test]
fn without_a_printer_the_rest_is_made_and_what_was_to_be_printed_is_kept() {
    let tables = format!("{}{MONTHLY}formats = [\"html\", \"pdf\"]\n", printed_by(NOWHERE));
    let mut hall = hall(&tables, at("2026-10-25T22:00:00Z"), (1_300.0, 1_000.0));
    let (making, report) = (making(&hall), &hall.config.scheduled[0].clone());
    let wanted = [(ReportFormat::Pdf, Lang::En), (ReportFormat::Html, Lang::En)];
    let mut made = making.make(&due(report), &wanted).expect("made");
    assert!(made[1].content.as_ref().is_ok_and(|html| html.starts_with(b"<!")), "{made:?}");
    let unmade = made.remove(0).content.expect_err("there is no printer");
    assert!(
        unmade.why.contains("/nowhere/wattledger-print, is not a program; build it with"),
        "{}",
        unmade.why
    );
    let job = unmade.job.expect("it can be printed later");
    assert_eq!(making.print(job.clone()).expect_err("nor is there now").0, unmade.why);
    // More is known by the time that there is one; the paper says what the other files say.
    hall.take(&[("main", october().1, 2_600.0, "kWh", None), ("ups", october().1, 1_500.0, "kWh", None)]);
    let mut config = hall.config.clone();
    config.reports.printer = Some(Placed { value: ECHO.into(), place: Place::START });
    let making = Making::new(hall.layout.clone(), Arc::clone(hall.view().topology()), Arc::new(config));
    let told = echoed(&making.print(job.clone()).expect("printed"));
    assert_eq!(told, serde_json::from_slice::<Value>(&job).expect("JSON"));
    let now = making.make(&due(report), &wanted).expect("made");
    let now = echoed(contents(&now)[0].1);
    let headline = |told: &Value| told["document"]["banners"][0]["headline"].to_string();
    assert_ne!(headline(&now), headline(&told), "it would be another figure by now");
}

#[test]
fn a_form_says_the_same_in_both_languages_whatever_comes_while_it_is_printed() {
    let tables = format!(
        "{}{MONTHLY}form = \"monthly-pue\"\nformats = [\"html\", \"pdf\"]\nlang = [\"en\", \"zh\"]\n",
        printed_by(WAIT)
    );
    let mut hall = hall(&tables, at("2026-10-25T22:00:00Z"), (1_300.0, 1_000.0));
    let dir = tempfile::tempdir().expect("a directory");
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("it runs").success());
    let mut config = hall.config.clone();
    config.reports.fonts = vec![Placed { value: dir.path().to_owned(), place: Place::START }];
    let making = Making::new(hall.layout.clone(), Arc::clone(hall.view().topology()), Arc::new(config));
    let due = due(&hall.config.scheduled[0]);
    let wanted =
        [(ReportFormat::Html, Lang::En), (ReportFormat::Pdf, Lang::En), (ReportFormat::Html, Lang::Zh)];
    let made = thread::scope(|scope| {
        let made = scope.spawn(|| {
            let made = making.make(&due, &wanted);
            release(&pipe);
            made
        });
        // Opened once the printer runs, and closed once the ledger says something else.
        let printing = File::create(&pipe).expect("a printer at the other end");
        hall.take(&[("main", october().1, 2_600.0, "kWh", None), ("ups", october().1, 1_500.0, "kWh", None)]);
        drop(printing);
        made.join().expect("no panic").expect("made")
    });
    let made = contents(&made);
    let [english, chinese] = [0, 2].map(|at| String::from_utf8_lossy(made[at].1).into_owned());
    for text in [&english, &chinese] {
        assert!(text.contains("1.30") && !text.contains("1.73"), "{text}");
    }
}

/// Lets go whoever still waits for a printer that never ran.
fn release(pipe: &Path) {
    drop(File::options().read(true).write(true).open(pipe));
}

#[test]
fn a_portfolio_is_made_in_every_format_that_it_has() {
    let tables = format!(
        "{}[[portfolio]]\nname = \"both\"\nfacilities = [\"hall-1\"]\n[[report]]\nname = \"monthly\"\n\
         portfolio = \"both\"\nevery = \"month\"\nformats = [\"json\", \"html\", \"xlsx\", \"pdf\"]\n",
        printed_by(ECHO)
    );
    let hall = hall(&tables, october().1, (1_300.0, 1_000.0));
    let (making, report) = (making(&hall), &hall.config.scheduled[0]);
    assert_eq!(making.known(&report.about).expect("known").len(), 1);
    let wanted: Vec<_> = report.formats.iter().map(|format| (*format, Lang::En)).collect();
    let made = making.make(&due(report), &wanted).expect("made");
    let made = contents(&made);
    let json: Value = serde_json::from_slice(made[0].1).expect("JSON");
    assert_eq!(json["name"], "both");
    assert_eq!(json["pue"].as_f64(), Some(1.3));
    assert!(made[1].1.starts_with(b"<!") && made[2].1.starts_with(b"PK"));
    assert_eq!(echoed(made[3].1)["document"]["lang"], "en");
    assert_eq!(made[3].0, "monthly_2026-10.en.pdf");

    let why = making.issue(&due(report)).expect_err("it is none of a facility").0;
    assert_eq!(why, "a portfolio is not issued; issue the reports of its facilities");
}

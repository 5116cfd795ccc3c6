//! Emission factors that a gauge gives by the hour: what they do to carbon figures, from the text of a configuration
//! and readings, as outputs ask for them. Source: domain.md 4.1.

use std::sync::Arc;
use tempfile::TempDir;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::{Arrival, Engine};
use wattledger_collector::explain::{self, Source};
use wattledger_collector::indicators::Indicator;
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::open_engine;
use wattledger_collector::outputs::reports::{self, Options};
use wattledger_collector::store::Layout;
use wattledger_collector::topology::{Origin, Topology};
use wattledger_collector::view::View;
use wattledger_model::batch::AgentKey;
use wattledger_model::time::{HOUR_MINUTES, Interval, Minute, Timestamp};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;
const HOUR_MS: i64 = 3_600_000;
const QUARTER_MS: i64 = 900_000;
const DAY_HOURS: i64 = 24;
/// Everything that is weighted with the location-based factor.
const CARBON: [Indicator; 4] =
    [Indicator::Carbon, Indicator::Cue, Indicator::CarbonMarket, Indicator::CueMarket];
/// What stands in, kg/kWh.
const OF_THE_YEAR: f64 = 0.5;

const YEAR: &str = "emission_factor = \"0.5 kg/kWh\"\nemission_factor_year = 2024\n";
const ON_CHANGE: &str = "form = \"on-change\"\nnominal_interval = \"1h\"\ngap_limit = \"90m\"\n";
const MEAN: &str = "form = \"interval-mean\"\nnominal_interval = \"1h\"\n";

/// A reading: meter, unit, ms after the start, value.
type Given = (&'static str, &'static str, i64, f64);

/// The factor of an hour, kg/kWh: cleaner around noon.
fn factor(hour: i64) -> f64 {
    0.2 + 0.03 * (hour - 12).abs() as f64
}

/// Grid electricity of an hour, kWh.
fn grid(hour: i64) -> f64 {
    40.0 + 8.0 * (hour % 7) as f64
}

/// Registers of grid and IT energy over the day, each quarter of an hour.
fn energies() -> Vec<Given> {
    let (mut all, mut total) = (Vec::new(), 1_000.0);
    for quarter in 0..=4 * DAY_HOURS {
        all.push(("in", "kWh", quarter * QUARTER_MS, total));
        all.push(("it", "kWh", quarter * QUARTER_MS, 1_000.0 + 9.0 * quarter as f64));
        total += grid(quarter / 4) / 4.0;
    }
    all
}

/// A factor at the begin of each of its hours, and at the end of the last.
fn on_change(unit: &'static str, size: f64, hours: std::ops::Range<i64>) -> Vec<Given> {
    let end = hours.end;
    hours.chain([end]).map(|hour| ("factor", unit, hour * HOUR_MS, factor(hour) * size)).collect()
}

/// A factor at the end of its hour.
fn mean(hour: i64) -> Given {
    ("factor", "kg/kWh", (hour + 1) * HOUR_MS, factor(hour))
}

fn gauge(unit: &str, form: &str) -> String {
    format!("[[meter]]\nname = \"factor\"\nsite = \"s\"\nkind = \"gauge\"\nunit = \"{unit}\"\n{form}")
}

fn hours(from: i64, to: i64) -> Interval {
    let start = Timestamp(START).minute().0;
    Interval::new(Minute(start + from * HOUR_MINUTES), Minute(start + to * HOUR_MINUTES))
}

struct Site {
    dir: TempDir,
    config: CollectorConfig,
    engine: Engine,
}

impl Site {
    /// A facility with grid and IT meters, these lines of its own, and these meters beside.
    fn new(facility: &str, beside: &str) -> Site {
        let dir = tempfile::tempdir().expect("a directory");
        let registers = [("in", "utility"), ("it", "ups-output")].map(|(name, role)| {
            format!(
                "[[meter]]\nname = \"{name}\"\nfacility = \"f\"\nrole = \"{role}\"\nunit = \"kWh\"\n\
                 rated_power = \"1 MW\"\nnominal_interval = \"15m\"\ngap_limit = \"1h\"\n"
            )
        });
        let text = format!(
            "[collector]\nname = \"c\"\ndata_dir = \"{}\"\n[link]\nbroker = \"mqtt://127.0.0.1:1883\"\n\
             [[site]]\nname = \"s\"\ntime_zone = \"UTC\"\n[[facility]]\nname = \"f\"\nsite = \"s\"\n{facility}\n{}{beside}",
            dir.path().display(),
            registers.concat()
        );
        let config = CollectorConfig::parse("c.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(config.warnings.is_empty(), "{}", config.warnings);
        let engine = open_engine(&config, Timestamp(START)).expect("opens");
        Site { dir, config, engine }
    }

    /// One whose factors are those of a gauge.
    fn gauged(unit: &str, form: &str) -> Site {
        Site::new(&format!("{YEAR}factor_meter = \"factor\""), &gauge(unit, form))
    }

    /// One whose factors are those of a series in `folder`, without some hours, with the day's energy.
    fn with_series(folder: &TempDir, without: &[i64]) -> Site {
        let file = folder.path().join("factors.csv");
        let rows = (0..DAY_HOURS).filter(|hour| !without.contains(hour));
        let rows = rows.map(|hour| format!("{},{}\n", Timestamp(START + hour * HOUR_MS), factor(hour)));
        std::fs::write(&file, format!("time,kg/kWh\n{}", rows.collect::<String>())).expect("written");
        let mut site = Site::new(&format!("{YEAR}factor_series = \"{}\"", file.display()), "");
        site.take(&energies());
        site
    }

    /// Takes readings in at the end of the day.
    fn take(&mut self, readings: &[Given]) {
        self.take_at(readings, DAY_HOURS);
    }

    /// Takes readings in so many hours after the start.
    fn take_at(&mut self, readings: &[Given], hour: i64) {
        let rows: Vec<String> = readings
            .iter()
            .map(|(meter, unit, ms, value)| {
                let at = Timestamp(START + ms);
                format!("{{\"meter\":\"{meter}\",\"at\":\"{at}\",\"value\":\"{value}\",\"unit\":\"{unit}\"}}")
            })
            .collect();
        let arrival = Arrival {
            agent: AgentKey { site: "s".parse().expect("name"), agent: "a".parse().expect("name") },
            form: PayloadForm::Json,
            payload: format!("{{\"readings\":[{}]}}", rows.join(",")).into_bytes(),
        };
        let answered = self.engine.take(&[arrival], Timestamp(START + hour * HOUR_MS)).expect("taken");
        assert!(answered.refused.is_empty(), "{:?}", answered.refused);
        self.engine.flush().expect("flushed");
    }

    fn topology(&self) -> Arc<Topology> {
        Arc::new(Topology::compile(&self.config, |key| self.engine.meters().id(key)))
    }

    fn view(&self) -> View {
        let mut view = View::open(&Layout::new(self.dir.path()), self.topology()).expect("opens");
        view.begin().expect("begins");
        view
    }
}

fn value(view: &mut View, indicator: Indicator, interval: Interval) -> f64 {
    let figure = view.figure(0, indicator, interval).expect("read").expect("the facility has it");
    figure.value.unwrap_or_else(|| panic!("{indicator} has no value"))
}

/// Every carbon figure of the day, of hours within it, and of an interval that cuts hours.
fn all(view: &mut View) -> Vec<f64> {
    let day = hours(0, DAY_HOURS);
    let cut = Interval::new(Minute(day.from.0 + 95), Minute(day.from.0 + 805));
    let mut all = Vec::new();
    for indicator in CARBON {
        all.extend([day, hours(5, 6), hours(22, 24), cut].map(|interval| value(view, indicator, interval)));
    }
    all
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} is not {expected}");
}

fn all_near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(found, expected)| near(*found, *expected));
}

/// Grid electricity by the hour, each with its own factor; with the year's in those hours that have none.
fn by_hand(without: &[i64]) -> f64 {
    let of = |hour: i64| if without.contains(&hour) { OF_THE_YEAR } else { factor(hour) };
    (0..DAY_HOURS).map(|hour| grid(hour) * of(hour)).sum()
}

fn of_the_year() -> Origin {
    Origin::Year { year: Some(2024), is_substitute: true, is_unconfirmed: false, instead_of_series: true }
}

#[test]
fn a_gauge_gives_the_figures_of_a_series_with_the_same_values_in_either_unit() {
    let folder = tempfile::tempdir().expect("a folder");
    let with_series = Site::with_series(&folder, &[]);
    let mut series = with_series.view();
    let expected = all(&mut series);
    near(expected[0], by_hand(&[]));
    let day = hours(0, DAY_HOURS);
    for (unit, size) in [("kg/kWh", 1.0), ("g/kWh", 1e3)] {
        let mut site = Site::gauged(unit, ON_CHANGE);
        site.take(&energies());
        site.take(&on_change(unit, size, 0..DAY_HOURS));
        let mut view = site.view();
        all_near(&all(&mut view), &expected);
        near(value(&mut view, Indicator::Cue, day), by_hand(&[]) / (36.0 * DAY_HOURS as f64));
        let used = view.factor(0).expect("a factor");
        assert_eq!(used.origins.over(day), [(Origin::Series, day.minutes())]);
        assert_eq!(used.origins, series.factor(0).expect("a factor").origins);
        let scope2 = view.scope2(0, day).expect("read").expect("a grid meter");
        near(scope2.location_kg, by_hand(&[]));
        assert_eq!(scope2.without_factor_uwh, 0);
    }
}

#[test]
fn hours_without_a_value_are_holes_as_in_a_series_and_no_zeros() {
    let missing = [3, 4, 17];
    let mut site = Site::gauged("kg/kWh", MEAN);
    site.take(&energies());
    let published: Vec<Given> = (0..DAY_HOURS).filter(|hour| !missing.contains(hour)).map(mean).collect();
    site.take(&published);
    let folder = tempfile::tempdir().expect("a folder");
    let with_series = Site::with_series(&folder, &missing);
    let (mut view, mut series) = (site.view(), with_series.view());
    let found = all(&mut view);
    near(found[0], by_hand(&missing));
    all_near(&found, &all(&mut series));
    near(value(&mut view, Indicator::Carbon, hours(3, 4)), grid(3) * OF_THE_YEAR);
    let (used, as_series) = (view.factor(0).expect("a factor"), series.factor(0).expect("a factor"));
    let day = hours(0, DAY_HOURS);
    assert_eq!(used.origins.over(day), [(Origin::Series, 21 * 60), (of_the_year(), 3 * 60)]);
    assert_eq!(used.origins, as_series.origins);
    let holes = "2026-01-01 00:00 to 2026-01-02 00:00 without 180 min in 2 holes, from 2026-01-01 03:00 on";
    assert!(
        used.note
            .to_string()
            .starts_with(&format!("gauge factor in kg/kWh by 60 min ({holes}), else 0.5 kg/kWh")),
        "{}",
        used.note
    );
    assert!(as_series.note.to_string().contains(holes), "{}", as_series.note);
}

#[test]
fn while_the_gauge_has_said_nothing_the_factor_of_the_year_counts() {
    let mut site = Site::gauged("kg/kWh", MEAN);
    site.take(&energies());
    let mut view = site.view();
    let day = hours(0, DAY_HOURS);
    near(value(&mut view, Indicator::Carbon, day), (0..DAY_HOURS).map(grid).sum::<f64>() * OF_THE_YEAR);
    let used = view.factor(0).expect("a factor");
    let note = used.note.to_string();
    assert!(note.starts_with("gauge factor in kg/kWh by 60 min (nothing yet), else"), "{note}");
    assert_eq!(used.origins.over(day), [(of_the_year(), day.minutes())]);
}

#[test]
fn a_factor_that_comes_late_changes_figures_that_were_made_and_those_of_its_hours_alone() {
    let mut site = Site::gauged("kg/kWh", MEAN);
    site.take(&energies());
    let mut view = site.view();
    let mut missing: Vec<i64> = (0..DAY_HOURS).collect();
    near(all(&mut view)[0], by_hand(&missing));
    // Old hours, the latest hour, and hours between, each after figures of the same intervals were asked for.
    for late in [vec![7, 8], vec![23], vec![0, 12, 22], (1..7).collect()] {
        site.take(&late.iter().copied().map(mean).collect::<Vec<_>>());
        let before = value(&mut view, Indicator::CarbonMarket, hours(9, 10));
        view.begin().expect("begins");
        missing.retain(|hour| !late.contains(hour));
        let found = all(&mut view);
        near(found[0], by_hand(&missing));
        for hour in late {
            near(value(&mut view, Indicator::CarbonMarket, hours(hour, hour + 1)), grid(hour) * factor(hour));
        }
        assert_eq!(found, all(&mut site.view()), "as a view that never knew otherwise has it");
        assert_eq!(value(&mut view, Indicator::CarbonMarket, hours(9, 10)).to_bits(), before.to_bits());
    }
}

#[test]
fn what_was_known_before_a_factor_came_is_reckoned_without_it() {
    let mut site = Site::gauged("kg/kWh", MEAN);
    site.take(&energies());
    site.take(&[mean(3)]);
    site.take_at(&[mean(4)], 30);
    let (day, earlier) = (hours(0, DAY_HOURS), Timestamp(START + 28 * HOUR_MS));
    let without =
        |known: &[i64]| -> Vec<i64> { (0..DAY_HOURS).filter(|hour| !known.contains(hour)).collect() };
    near(value(&mut site.view(), Indicator::Carbon, day), by_hand(&without(&[3, 4])));
    let layout = Layout::new(site.dir.path());
    let mut then = View::open_as_known(&layout, site.topology(), earlier).expect("noted");
    then.begin().expect("begins");
    near(value(&mut then, Indicator::Carbon, day), by_hand(&without(&[3])));
    let own = then.factor(0).expect("a factor").origins.over(hours(3, 5));
    assert_eq!(own, [(Origin::Series, 60), (of_the_year(), 60)]);
}

#[test]
fn a_restart_and_a_rebuild_change_nothing() {
    let mut site = Site::gauged("kg/kWh", MEAN);
    site.take(&energies());
    site.take(&(0..20).map(mean).collect::<Vec<_>>());
    let before = all(&mut site.view());
    let Site { dir, config, engine } = site;
    drop(engine);
    let engine = open_engine(&config, Timestamp(START + 2 * DAY_HOURS * HOUR_MS)).expect("opens again");
    let mut site = Site { dir, config, engine };
    assert_eq!(all(&mut site.view()), before);
    site.engine.rebuild().expect("rebuilt");
    assert_eq!(all(&mut site.view()), before);
}

#[test]
fn the_order_in_which_factors_and_energies_come_leaves_no_trace() {
    let mut readings = energies();
    readings.extend((0..DAY_HOURS).filter(|hour| *hour != 9).map(mean));
    let mut expected: Option<Vec<u64>> = None;
    // 251 is prime and longer than the list: its multiples visit every place once, in another order each time.
    for stride in [1, 2, 57, 250] {
        let mut site = Site::gauged("kg/kWh", MEAN);
        let shuffled: Vec<Given> =
            (0..251_usize).map(|at| at * stride % 251).filter_map(|at| readings.get(at).copied()).collect();
        assert_eq!(shuffled.len(), readings.len());
        let mut view = site.view();
        for part in shuffled.chunks(40) {
            site.take(part);
            site.take(part);
            view.begin().expect("begins");
            view.figure(0, Indicator::Cue, hours(0, DAY_HOURS)).expect("read");
        }
        let found: Vec<u64> = all(&mut view).into_iter().map(f64::to_bits).collect();
        assert_eq!(expected.get_or_insert_with(|| found.clone()), &found, "stride {stride}");
    }
}

#[test]
fn what_no_electricity_gives_off_is_no_factor() {
    let mut site = Site::gauged("kg/kWh", MEAN);
    site.take(&energies());
    // Grams sent as kilograms, and a sign that is wrong.
    site.take(&[mean(1), ("factor", "kg/kWh", 3 * HOUR_MS, 230.0), ("factor", "kg/kWh", 4 * HOUR_MS, -0.2)]);
    let mut view = site.view();
    let carbon = |view: &mut View, hour| value(view, Indicator::Carbon, hours(hour, hour + 1));
    near(carbon(&mut view, 1), grid(1) * factor(1));
    near(carbon(&mut view, 2), grid(2) * OF_THE_YEAR);
    near(carbon(&mut view, 3), grid(3) * OF_THE_YEAR);
    let note = view.factor(0).expect("a factor").note.to_string();
    assert!(note.contains("; 120 min left out, whose values no electricity gives off"), "{note}");
}

#[test]
fn a_reading_in_the_other_unit_is_not_taken_for_a_factor() {
    let mut site = Site::gauged("kg/kWh", MEAN);
    site.take(&energies());
    site.take(&[("factor", "g/kWh", 2 * HOUR_MS, factor(1) * 1e3), mean(2)]);
    let mut view = site.view();
    near(value(&mut view, Indicator::Carbon, hours(1, 2)), grid(1) * OF_THE_YEAR);
    near(value(&mut view, Indicator::Carbon, hours(2, 3)), grid(2) * factor(2));
}

#[test]
fn explanation_and_report_tell_the_gauge_and_for_how_long_it_counted() {
    let mut site = Site::gauged("kg/kWh", MEAN);
    site.take(&energies());
    site.take(&(0..20).map(mean).collect::<Vec<_>>());
    let (layout, now) = (Layout::new(site.dir.path()), Timestamp(START + 2 * DAY_HOURS * HOUR_MS));
    let carbon = value(&mut site.view(), Indicator::Carbon, hours(0, DAY_HOURS));
    let told = "gauge factor in kg/kWh by 60 min (2026-01-01 00:00 to 2026-01-01 20:00), else 0.5 kg/kWh, year 2024; \
                of this period 1200 min have a factor of their own, 240 min that of 2024";

    let source = Source::open(&layout, &site.config).expect("opens");
    for indicator in [Indicator::Carbon, Indicator::Cue] {
        let made = explain::figure(&source, "f", indicator, None, "2026-01-01", now).expect("explained");
        assert_eq!(made.factor.as_deref(), Some(told));
        assert_eq!(made.sides[0].supported_kg.map(f64::to_bits), Some(carbon.to_bits()));
    }
    let pue = explain::figure(&source, "f", Indicator::Pue, None, "2026-01-01", now).expect("explained");
    assert_eq!(pue.factor, None, "a figure without carbon has no factor");

    let options = Options { generated_at: now, configuration: &site.config };
    let report = reports::make(&mut site.view(), "f", "2026-01-01", options).expect("made");
    let of = report.carbon.as_ref().expect("carbon");
    assert_eq!(of.note.as_ref().map(ToString::to_string).as_deref(), Some(told));
    assert_eq!(of.figure.value.map(f64::to_bits), Some(carbon.to_bits()));
    assert!(of.method.contains("each interval with its own factor"), "{}", of.method);
    assert!(report.meters.iter().any(|meter| meter.meter == "factor"), "the gauge is a part of the boundary");
}

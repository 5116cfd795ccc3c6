//! Figures of a whole facility: from the text of its configuration and readings of its meters, as outputs ask
//! for them.

use std::fmt::Write;
use std::sync::Arc;
use tempfile::TempDir;
use wattledger_collector::config::CollectorConfig;
use wattledger_collector::engine::{Arrival, Engine};
use wattledger_collector::indicators::Indicator;
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::open_engine;
use wattledger_collector::store::Layout;
use wattledger_collector::topology::Topology;
use wattledger_collector::view::View;
use wattledger_model::batch::AgentKey;
use wattledger_model::time::{Interval, Minute, Timestamp};

/// 2026-01-01T00:00:00Z, the first minute of the day that is looked at.
const START: i64 = 1_767_225_600_000;
const DAY_MINUTES: i64 = 1_440;

struct Site {
    _dir: TempDir,
    layout: Layout,
    config: CollectorConfig,
    engine: Engine,
}

fn day() -> Interval {
    let from = Timestamp(START).minute();
    Interval::new(from, Minute(from.0 + DAY_MINUTES))
}

impl Site {
    /// A facility with these lines of its own and these meters.
    fn new(facility: &str, meters: &str) -> Site {
        let dir = tempfile::tempdir().expect("a directory");
        let text = format!(
            "[collector]\nname = \"c\"\ndata_dir = \"{}\"\n[link]\nbroker = \"mqtt://127.0.0.1:1883\"\n\
             [[site]]\nname = \"s\"\ntime_zone = \"UTC\"\n[[facility]]\nname = \"f\"\nsite = \"s\"\n{facility}\n{meters}",
            dir.path().display()
        );
        let config = CollectorConfig::parse("c.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        let engine = open_engine(&config, Timestamp(START)).expect("opens");
        Site { layout: Layout::new(dir.path()), _dir: dir, config, engine }
    }

    /// Readings every quarter of an hour over the day: a register that rises by `step` each, or a steady value.
    fn give(&mut self, meter: &str, unit: &str, at_time: impl Fn(i64) -> f64) {
        self.give_from(0, meter, unit, at_time);
    }

    /// The same from a quarter of an hour of the day on.
    fn give_from(&mut self, first: i64, meter: &str, unit: &str, at_time: impl Fn(i64) -> f64) {
        let mut readings = String::new();
        for quarter in first..=96 {
            let at = Timestamp(START + quarter * 900_000);
            let comma = if quarter == first { "" } else { "," };
            let value = at_time(quarter);
            let _ = write!(
                readings,
                "{comma}{{\"meter\":\"{meter}\",\"at\":\"{at}\",\"value\":\"{value}\",\"unit\":\"{unit}\"}}"
            );
        }
        let arrival = Arrival {
            agent: AgentKey { site: "s".parse().expect("name"), agent: "a".parse().expect("name") },
            form: PayloadForm::Json,
            payload: format!("{{\"readings\":[{readings}]}}").into_bytes(),
        };
        let now = Timestamp(START + 86_400_000);
        let answered = self.engine.take(&[arrival], now).expect("taken");
        assert_eq!(answered.readings as i64, 97 - first, "{meter}");
    }

    fn register(&mut self, meter: &str, unit: &str, step: f64) {
        self.give(meter, unit, |quarter| 1_000.0 + step * quarter as f64);
    }

    fn view(&mut self) -> View {
        self.engine.flush().expect("flushed");
        let topology = Topology::compile(&self.config, |key| self.engine.meters().id(key));
        let mut view = View::open(&self.layout, Arc::new(topology)).expect("opens");
        view.begin().expect("begins");
        view
    }
}

fn meter(name: &str, role: &str, unit: &str, more: &str) -> String {
    format!(
        "[[meter]]\nname = \"{name}\"\nfacility = \"f\"\nrole = \"{role}\"\nunit = \"{unit}\"\n\
         nominal_interval = \"15m\"\ngap_limit = \"1h\"\n{more}\n"
    )
}

fn value(view: &mut View, indicator: Indicator) -> Option<f64> {
    view.figure(0, indicator, day()).expect("read")?.value
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.expect("a value");
    assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} is not {expected}");
}

#[test]
fn every_category_that_is_metered_has_its_pue_and_overheads_add_up() {
    let meters = [
        ("in", "utility"),
        ("ups", "ups-output"),
        ("pdu", "pdu-output"),
        ("it", "it-input"),
        ("chillers", "cooling"),
        ("path", "power-path"),
        ("rest", "other"),
    ];
    let text: String = meters.iter().map(|(name, role)| meter(name, role, "kWh", "")).collect();
    let mut site = Site::new("it_energy = \"ups-output\"", &text);
    for (name, kwh) in [
        ("in", 1_300.0),
        ("ups", 1_000.0),
        ("pdu", 980.0),
        ("it", 965.0),
        ("chillers", 200.0),
        ("path", 75.0),
    ] {
        site.register(name, "kWh", kwh / 96.0 * 4.0);
    }
    site.register("rest", "kWh", 25.0 / 96.0 * 4.0);
    let mut view = site.view();
    for (indicator, expected) in [
        (Indicator::Pue, 1.3),
        (Indicator::Pue1, 1.3),
        (Indicator::Pue2, 1_300.0 / 980.0),
        (Indicator::Pue3, 1_300.0 / 965.0),
        (Indicator::Dcie, 100.0 / 1.3),
        (Indicator::PpueCooling, 1.2),
        (Indicator::PpuePowerPath, 1.075),
        (Indicator::PpueOther, 1.025),
    ] {
        near(value(&mut view, indicator), expected);
    }
    assert_eq!(value(&mut view, Indicator::Wue), None, "there is no water meter");
    assert!(!view.indicators(0).contains(&Indicator::Wue));
}

#[test]
fn carbon_usage_counts_fuel_and_grid_over_what_all_cover() {
    let text = meter("in", "utility", "kWh", "")
        + &meter("it", "ups-output", "kWh", "")
        + &meter("engine", "generator", "kWh", "")
        + &meter("diesel", "generator-fuel", "L", "carrier = \"diesel\"");
    let mut site = Site::new("emission_factor = \"0.5 kg/kWh\"", &text);
    site.register("in", "kWh", 12.0);
    site.register("it", "kWh", 10.0);
    site.register("engine", "kWh", 1.0);
    site.register("diesel", "L", 2.0);
    let mut view = site.view();
    let litres = 2.0 * 96.0;
    let scope1 = value(&mut view, Indicator::Scope1).expect("fuel is metered");
    // Diesel gives off 3.0959 kg a kg, at about 0.84 kg a litre.
    assert!((scope1 / litres - 0.84 * 3.0959).abs() < 0.01, "{scope1} kg of {litres} L");
    let scope2 = 0.5 * 12.0 * 96.0;
    near(value(&mut view, Indicator::Carbon), scope2);
    near(value(&mut view, Indicator::Cue), (scope1 + scope2) / (10.0 * 96.0));
    // The generator's output counts, so its fuel does not count a second time.
    near(value(&mut view, Indicator::Pue), 1.3);
}

#[test]
fn racks_servers_and_computing_power_come_from_facts_and_gauges() {
    let text = meter("in", "utility", "kWh", "")
        + &meter("it", "ups-output", "kWh", "")
        + &meter("cpu-1", "it-load", "%", "")
        + &meter("cpu-2", "it-load", "%", "");
    let facts = "racks = 4000\nracks_in_use = 2150\ncompute_fp32_flops = 3.2e18";
    let mut site = Site::new(facts, &text);
    site.register("in", "kWh", 3.9);
    site.register("it", "kWh", 3.0);
    site.give("cpu-1", "%", |_| 20.0);
    site.give("cpu-2", "%", |_| 60.0);
    let mut view = site.view();
    near(value(&mut view, Indicator::RackUtilisation), 53.75);
    near(value(&mut view, Indicator::Iteu), 40.0);
    near(value(&mut view, Indicator::Ce), 3.2e18 / 12_000.0);
}

/// A site whose gauge of CPU utilisation has said nothing yet, and a view of it.
fn before_its_utilisation_came() -> (Site, View) {
    let text = meter("in", "utility", "kWh", "")
        + &meter("it", "ups-output", "kWh", "")
        + &meter("cpu", "it-load", "%", "");
    let mut site = Site::new("", &text);
    site.register("in", "kWh", 13.0);
    site.register("it", "kWh", 10.0);
    let view = site.view();
    (site, view)
}

#[test]
fn what_comes_late_changes_figures_of_an_interval_that_stays() {
    let (mut site, mut view) = before_its_utilisation_came();
    assert_eq!(value(&mut view, Indicator::Iteu), None);
    site.give("cpu", "%", |_| 25.0);
    site.engine.flush().expect("flushed");
    view.begin().expect("begins");
    near(value(&mut view, Indicator::Iteu), 25.0);
}

#[test]
fn what_comes_late_within_the_hour_changes_a_figure_that_the_horizon_has_passed() {
    let (mut site, mut view) = before_its_utilisation_came();
    let end = Timestamp(START).minute().0 + DAY_MINUTES;
    let minute = Interval::new(Minute(end - 20), Minute(end - 19));
    let of_minute =
        |view: &mut View| view.figure(0, Indicator::Iteu, minute).expect("read").expect("made").value;
    assert_eq!(of_minute(&mut view), None);
    site.give_from(92, "cpu", "%", |_| 25.0);
    site.engine.flush().expect("flushed");
    view.begin().expect("begins");
    near(of_minute(&mut view), 25.0);
}

/// The main meter as in vector U01, and ten IT channels of class 1 behind CTs of 1 %, each of its own make or
/// all of one.
fn channels(makes: impl Fn(usize) -> String) -> Site {
    let it = |at: usize| {
        let more = format!(
            "class = \"1\"\nct_class = \"1\"\nrated_power = \"40 kW\"\nct_rated_power = \"40 kW\"\nmake = \"{}\"",
            makes(at)
        );
        meter(&format!("it-{at}"), "ups-output", "kWh", &more)
    };
    let main = "class = \"0.5S\"\nct_class = \"0.5\"\nrated_power = \"520 kW\"\nct_rated_power = \"520 kW\"\nmake = \"m\"";
    let text = meter("in", "utility", "kWh", main) + &(0..10).map(it).collect::<String>();
    let mut site = Site::new("", &text);
    site.register("in", "kWh", 130.0);
    (0..10).for_each(|at| site.register(&format!("it-{at}"), "kWh", 10.0));
    site
}

#[test]
fn uncertainty_comes_from_the_declared_instruments() {
    // Vectors U02 and U03.
    for (own, expanded) in [(true, 0.012_559_193_2), (false, 0.023_734_644_2)] {
        let mut site = channels(|at| if own { format!("it-{at}") } else { "it".to_owned() });
        let mut view = site.view();
        let figure = view.figure(0, Indicator::Pue, day()).expect("read").expect("metered");
        near(figure.value, 1.3);
        let found = view.expanded(0, &figure).expect("read").expect("known");
        assert!((found - expanded).abs() < 1e-9, "{found}");
        let budget = view.budget(0, Indicator::Pue, day()).expect("read").expect("metered");
        let sum: f64 = budget.lines.iter().map(|line| line.contribution).sum();
        assert!((sum.sqrt() * 2.0 - expanded).abs() < 1e-9, "the rows add up");
        assert_eq!(budget.is_resolved(), Some(true));
        assert_eq!(view.uncertain(0, &figure).expect("read").expanded, Some(found));
    }
}

#[test]
fn an_undeclared_instrument_makes_the_uncertainty_unknown_and_says_which() {
    let text = meter("in", "utility", "kWh", "uncertainty = \"1 %\"") + &meter("it", "ups-output", "kWh", "");
    let mut site = Site::new("", &text);
    site.register("in", "kWh", 13.0);
    site.register("it", "kWh", 10.0);
    let mut view = site.view();
    let budget = view.budget(0, Indicator::Pue, day()).expect("read").expect("metered");
    assert_eq!(budget.expanded(), None);
    assert!(budget.unknown().iter().all(|why| why.starts_with("it: ")), "{:?}", budget.unknown());
    assert_eq!(budget.unknown().len(), 1);
}

#[test]
fn a_coarse_register_does_not_resolve_a_short_window() {
    let coarse = "resolution = \"1\"\nuncertainty = \"0.5 %\"";
    let text = meter("in", "utility", "kWh", coarse) + &meter("it", "ups-output", "kWh", coarse);
    let mut site = Site::new("", &text);
    site.register("in", "kWh", 33.0);
    site.register("it", "kWh", 25.0);
    let mut view = site.view();
    let minute = Interval::new(day().from, Minute(day().from.0 + 1));
    let budget = view.budget(0, Indicator::Pue, minute).expect("read").expect("metered");
    assert_eq!(budget.is_resolved(), Some(false), "a kWh in a minute of 100 kW is no resolution");
    assert!(budget.shortest_resolved(1).is_some());
    assert_eq!(
        view.budget(0, Indicator::Pue, day()).expect("read").expect("metered").is_resolved(),
        Some(true)
    );
}

#[test]
fn an_exchange_within_the_window_has_a_row_for_each_instrument() {
    let exchange = "[[meter.instrument]]\nserial = \"a\"\nclass = \"1\"\nct = \"none\"\nlast = \"1624\"\n\
                    [[meter.instrument]]\nfrom = \"2026-01-01T12:00:00Z\"\nserial = \"b\"\nclass = \"0.5S\"\nct = \"none\"\nfirst = \"1624\"";
    let text =
        meter("in", "utility", "kWh", exchange) + &meter("it", "ups-output", "kWh", "uncertainty = \"1 %\"");
    let mut site = Site::new("", &text);
    site.register("in", "kWh", 13.0);
    site.register("it", "kWh", 10.0);
    let mut view = site.view();
    near(value(&mut view, Indicator::Pue), 1.3);
    let budget = view.budget(0, Indicator::Pue, day()).expect("read").expect("metered");
    let rows: Vec<(Option<&str>, i128)> =
        budget.lines.iter().map(|line| (line.serial.as_deref(), line.amount / 1_000_000_000)).collect();
    assert_eq!(rows, [(Some("a"), 624), (Some("b"), 624), (None, 960)]);
}

#[test]
fn a_zone_has_a_partial_pue_of_its_own() {
    let claimed = "[[meter.claim]]\nfacility = \"f\"\nrole = \"ups-output\"\n\
                   [[meter.claim]]\nzone = \"z\"\nrole = \"ups-output\"";
    let zone = "[[zone]]\nname = \"z\"\nfacility = \"f\"\n";
    let bare = |name: &str, claims: &str| {
        format!(
            "[[meter]]\nname = \"{name}\"\nunit = \"kWh\"\nnominal_interval = \"15m\"\ngap_limit = \"1h\"\n{claims}\n"
        )
    };
    let text = zone.to_owned()
        + &meter("in", "utility", "kWh", "")
        + &bare("it", claimed)
        + &bare("room", "[[meter.claim]]\nzone = \"z\"\nrole = \"zone-total\"");
    let mut site = Site::new("", &text);
    site.register("in", "kWh", 13.0);
    site.register("it", "kWh", 10.0);
    site.register("room", "kWh", 12.8);
    let mut view = site.view();
    near(view.zone(0, 0, day()).expect("read").value, 1.28);
    near(value(&mut view, Indicator::Pue), 1.3);
}

#[test]
fn certificates_and_factors_give_market_carbon_renewable_share_and_coal() {
    let facility = "emission_factor = \"0.5 kg/kWh\"\nresidual_factor = \"0.6 kg/kWh\"\n\
                    [[facility.certificate]]\nkind = \"goo\"\nenergy = \"100 kWh\"\nsold = \"20 kWh\"\nreference = \"g-1\"\n\
                    from = 2026-01-01\nto = 2026-01-02\nretired = 2026-01-02\n";
    let text = meter("in", "utility", "kWh", "") + &meter("it", "ups-output", "kWh", "");
    let mut site = Site::new(facility, &text);
    site.register("in", "kWh", 13.0);
    site.register("it", "kWh", 10.0);
    let mut view = site.view();
    let grid = 13.0 * 96.0;
    near(value(&mut view, Indicator::Carbon), 0.5 * grid);
    near(value(&mut view, Indicator::CarbonMarket), 0.6 * (grid - 80.0));
    near(value(&mut view, Indicator::CueMarket), 0.6 * (grid - 80.0) / 960.0);
    near(value(&mut view, Indicator::Ref), 80.0 / grid);
    near(value(&mut view, Indicator::CoalEquivalent), grid * 0.1229 / 1_000.0);
    let both = view.scope2(0, day()).expect("read").expect("a grid meter");
    assert_eq!(both.rest_by.word(), "residual-mix");
}

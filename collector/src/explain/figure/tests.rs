//! Every indicator of one facility that has everything: its rows add up to the figure that is published.

use super::super::{ExplainError, FigureExplanation, Source, figure, json};
use super::content::{MeterRow, Side};
use crate::config::CollectorConfig;
use crate::engine::{Arrival, Engine, EngineConfig};
use crate::indicators::Indicator;
use crate::journal::PayloadForm;
use crate::outputs::reports::Amount;
use crate::store::Layout;
use crate::topology;
use serde_json::json as value;
use tempfile::TempDir;
use wattledger_model::batch::AgentKey;
use wattledger_model::time::{Interval, Minute, Timestamp};

/// 2022-12-31T12:00:00Z: a day with two years' emission factors.
const START: i64 = 1_672_488_000_000;
const QUARTER: i64 = 900_000;
const DAY: &str = "2022-12-31T12:00:00Z..2023-01-01T12:00:00Z";

const HEAD: &str = r#"
[collector]
name = "campus"
data_dir = "unused"
[link]
broker = "mqtt://127.0.0.1:1883"
[[site]]
name = "s"
time_zone = "UTC"
[[facility]]
name = "f"
site = "s"
"#;

const FACTS: &str = r#"
grid = "cn-shanghai"
residual_factor = "0.9 kg/kWh"
racks = 4000
compute_fp32_flops = 3.2e18
[[facility.certificate]]
kind = "goo"
energy = "100 kWh"
sold = "20 kWh"
reference = "g-1"
from = 2022-12-31
to = 2023-01-02
retired = 2023-01-01
[[facility.certificate]]
kind = "ppa"
energy = "50 kWh"
reference = "p-1"
from = 2022-12-31
to = 2023-01-02
[[facility.certificate]]
kind = "on-site"
reference = "roof"
from = 2022-12-31
to = 2023-01-02
retired = 2023-01-01
[[zone]]
name = "east"
facility = "f"
[[zone]]
name = "west"
facility = "f"
"#;

/// Name, role, unit, and what more its declaration says.
const METERS: &[(&str, &str, &str, &str)] = &[
    ("in", "utility", "kWh", "rated_power = \"2 MW\"\n"),
    ("in-2", "utility", "kWh", ""),
    ("roof", "on-site-renewable", "kWh", ""),
    ("out", "export", "kWh", ""),
    ("it", "ups-output", "kWh", "[[meter.claim]]\nzone = \"east\"\nrole = \"ups-output\"\n"),
    ("chiller", "cooling", "kWh", ""),
    ("removed", "heat-removed", "kWh", ""),
    ("reused", "heat-reuse", "kWh", ""),
    ("water", "water", "m3", ""),
    ("diesel", "generator-fuel", "L", "carrier = \"diesel\"\n"),
    ("gas", "fuel", "m3", "carrier = \"gas\"\n"),
    ("ethanol", "fuel", "L", "carrier = \"bioethanol\"\n"),
    ("cpu-1", "it-load", "%", ""),
    ("cpu-2", "it-load", "%", ""),
    ("racks", "racks-in-use", "1", ""),
];

struct Site {
    _dir: TempDir,
    layout: Layout,
    config: CollectorConfig,
    engine: Engine,
}

impl Site {
    fn new(facility: &str, meters: &[(&str, &str, &str, &str)], more: &str) -> Site {
        let mut text = format!("{HEAD}{facility}");
        for (name, role, unit, detail) in meters {
            let usual = "nominal_interval = \"15m\"\ngap_limit = \"1h\"\n";
            let (own, claims) = detail.split_at(detail.find("[[").unwrap_or(detail.len()));
            text += &format!(
                "[[meter]]\nname = \"{name}\"\nunit = \"{unit}\"\n{usual}{own}\
                 [[meter.claim]]\nfacility = \"f\"\nrole = \"{role}\"\n{claims}"
            );
        }
        text += more;
        let config = CollectorConfig::parse("c.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::new(dir.path());
        let engine = Engine::open(EngineConfig {
            layout: layout.clone(),
            raw_kept_ms: 400 * 86_400_000,
            meters: topology::interpretations(&config),
        })
        .expect("a new store");
        Site { layout, config, engine, _dir: dir }
    }

    /// Readings every quarter of an hour of the day, where there is a value.
    fn give(&mut self, meter: &str, unit: &str, at: impl Fn(i64) -> Option<f64>) {
        let reading = |quarter: i64| {
            let time = Timestamp(START + quarter * QUARTER).to_string();
            Some(value!({ "meter": meter, "at": time, "value": at(quarter)?.to_string(), "unit": unit }))
        };
        let readings: Vec<_> = (0..=96).filter_map(reading).collect();
        let agent = AgentKey { site: "s".parse().expect("name"), agent: "a".parse().expect("name") };
        let payload = value!({ "readings": readings }).to_string().into_bytes();
        self.engine.take(&[Arrival { agent, form: PayloadForm::Json, payload }], now()).expect("taken");
    }

    /// A facility that has all there is, with a late begin, a silence, a reset, and a gauge that is half known.
    fn whole() -> Site {
        let east = "[[meter]]\nname = \"room\"\nunit = \"kWh\"\nnominal_interval = \"15m\"\ngap_limit = \"1h\"\n\
                    [[meter.claim]]\nzone = \"east\"\nrole = \"zone-total\"\nshare = \"0.5\"\n";
        let mut site = Site::new(FACTS, METERS, east);
        let steady = |rate: f64| move |quarter: i64| Some(1_000.0 + rate * quarter as f64);
        for (meter, unit, rate) in [
            ("in", "kWh", 13.0),
            ("roof", "kWh", 0.75),
            ("out", "kWh", 0.25),
            ("chiller", "kWh", 2.0),
            ("removed", "kWh", 7.0),
            ("reused", "kWh", 1.5),
            ("water", "m3", 0.02),
            ("gas", "m3", 0.1),
            ("ethanol", "L", 0.5),
            ("room", "kWh", 25.6),
        ] {
            site.give(meter, unit, steady(rate));
        }
        site.give("in-2", "kWh", |quarter| (quarter >= 8).then_some(500.0 + 1.25 * quarter as f64));
        site.give("it", "kWh", |quarter| {
            (!(21..30).contains(&quarter)).then_some(2_000.0 + 10.0 * quarter as f64)
        });
        site.give("diesel", "L", |quarter| {
            Some(if quarter < 50 { 800.0 + 2.0 * quarter as f64 } else { 2.0 * (quarter - 49) as f64 })
        });
        site.give("cpu-1", "%", |_| Some(20.0));
        site.give("cpu-2", "%", |quarter| (quarter <= 48).then_some(60.0));
        site.give("racks", "1", |_| Some(2_150.0));
        site.engine.compact().expect("moved");
        site
    }

    fn source(&self) -> Source<'_> {
        Source::open(&self.layout, &self.config).expect("a store")
    }
}

fn now() -> Timestamp {
    Timestamp(START + 30 * 86_400_000)
}

fn day() -> Interval {
    let from = Timestamp(START).minute();
    Interval::new(from, Minute(from.0 + 1_440))
}

fn float(amount: Amount) -> f64 {
    amount.to_string().parse().expect("a number")
}

fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-6), "{what}: {found} is not {expected}");
}

/// What a sum stands for in the figure: its weight in kg, or its amount.
fn counted(side: &Side) -> f64 {
    let (amount, kg) = match side.counts {
        Some("supported") => (side.supported, side.supported_kg),
        _ => (side.booked.total, side.booked_kg),
    };
    kg.unwrap_or_else(|| float(amount))
}

fn row(side: &Side, row: &MeterRow) -> f64 {
    let (amount, kg) = match side.counts {
        Some("supported") => (row.supported, row.supported_kg),
        _ => (row.adds.total, row.booked_kg),
    };
    kg.unwrap_or_else(|| float(amount))
}

fn sum(told: &FigureExplanation, name: &str) -> f64 {
    told.sides.iter().filter(|side| side.side == name && side.counts.is_some()).map(counted).sum()
}

/// Rows add up to their sums, sums to numerator and denominator, and those give the value.
fn adds_up(told: &FigureExplanation) {
    let word = told.indicator;
    for side in &told.sides {
        let rows = || told.meters.iter().filter(|row| row.side == side.side && row.of == side.of);
        near(rows().map(|of| row(side, of)).sum(), counted(side), word);
        let all: f64 = rows().map(|row| float(row.adds.total)).sum();
        near(all, float(side.booked.total), word);
        for row in rows() {
            let parts = [row.adds.measured, row.adds.interpolated, row.adds.estimated];
            near(parts.map(float).iter().sum(), float(row.adds.total), word);
        }
    }
    let equation = &told.equation;
    let claimed: f64 = told.claims.iter().map(|claim| float(claim.counts)).sum();
    let gauges: f64 = told.gauges.iter().map(|gauge| gauge.adds).sum();
    let given =
        |side: &str| told.given.iter().filter(|given| given.side == side).map(|given| given.value).sum();
    let hours = told.coverage.as_ref().map_or(0.0, |coverage| coverage.supported as f64 / 60.0);
    let (above, below): (f64, f64) = match word {
        "iteu" => (gauges, 1.0),
        "rack-utilisation" => (gauges + given("numerator"), given("denominator")),
        "ce" => (given("numerator"), sum(told, "denominator") * 1_000.0 / hours),
        "ref" => (claimed - told.excess.map_or(0.0, float), sum(told, "denominator")),
        "coal-equivalent" => (sum(told, "numerator") / 1_000.0, 1.0),
        "carbon-market" | "cue-market" => {
            let rest = told.rest.as_ref().expect("something is left");
            let grid = float(told.sides[0].booked.total);
            near(claimed + float(rest.amount), grid, "what is claimed and what is not");
            let fuel: f64 = told.sides.iter().skip(1).filter_map(|side| side.booked_kg).sum();
            (rest.kg + fuel, sum(told, "denominator"))
        }
        _ => (sum(told, "numerator"), sum(told, "denominator")),
    };
    near(equation.numerator, above, word);
    let quotient = match equation.denominator {
        Some(denominator) => {
            near(denominator, below, word);
            above / below
        }
        None => above,
    };
    let found = told.figure.value.unwrap_or_else(|| panic!("{word} has a value"));
    near(found, equation.offset + equation.scale * quotient, word);
}

#[test]
fn the_rows_of_every_indicator_add_up_to_the_figure_that_is_published() {
    let site = Site::whole();
    let source = site.source();
    let mut view = source.view().expect("a view");
    view.begin().expect("begins");
    let mut told_of = Vec::new();
    for indicator in Indicator::ALL.iter().copied().filter(|one| *one != Indicator::PpueZone) {
        let published = view.figure(0, indicator, day()).expect("read");
        match (figure(&source, "f", indicator, None, DAY, now()), published) {
            (Ok(told), Some(published)) => {
                assert_eq!(told.figure.value, published.value, "{indicator}");
                assert_eq!(told.figure.coverage, published.coverage, "{indicator}");
                adds_up(&told);
                assert!(told.text().contains(&told.figure.notation), "{indicator}");
                let parsed: serde_json::Value = serde_json::from_str(&json(&told)).expect("JSON");
                assert_eq!(parsed["figure"]["value"].as_f64(), published.value, "{indicator}");
                told_of.push(indicator);
            }
            (Err(ExplainError::Indicator { why, .. }), None) => {
                assert!(why.starts_with("no meter is declared as "), "{indicator}: {why}");
            }
            (told, published) => panic!("{indicator}: {told:?}, published as {published:?}"),
        }
    }
    let untold: Vec<&str> = Indicator::ALL
        .iter()
        .filter(|indicator| !told_of.contains(indicator))
        .map(|indicator| indicator.word())
        .collect();
    // What has no meters here, and the zones, which have a test of their own.
    let expected =
        ["pue2", "pue3", "ppue-power-path", "ppue-lighting", "ppue-other", "ppue-zone", "wue-potable"];
    assert_eq!(untold, expected);
    let zone = figure(&source, "f", Indicator::PpueZone, Some("east"), DAY, now()).expect("told");
    assert_eq!(zone.figure.value, view.zone(0, 0, day()).expect("read").value);
    assert_eq!(zone.figure.notation, "pPUE_east (2022-12-31T12:00:2023-01-01T12:00)");
    adds_up(&zone);
    assert_eq!((zone.meters[0].role, zone.meters[0].coefficient.as_str()), (Some("zone-total"), "0.5"));
}

#[test]
fn fuel_is_told_in_its_own_unit_with_its_factor_and_what_has_none_is_said() {
    let site = Site::whole();
    let told = figure(&site.source(), "f", Indicator::Scope1, None, DAY, now()).expect("told");
    let units: Vec<(&str, &str)> =
        told.sides.iter().map(|side| (side.of.as_deref().unwrap_or(""), side.unit)).collect();
    assert_eq!(units, [("diesel as generator-fuel", "L"), ("gas as fuel", "L"), ("bioethanol as fuel", "L")]);
    let diesel = &told.meters[0];
    assert_eq!((diesel.role, diesel.estimated.len()), (Some("generator-fuel"), 1), "{diesel:?}");
    assert_eq!(diesel.known_s, [95.0 * 900.0, 0.0, 900.0]);
    assert_eq!(diesel.coverage, 95.0 / 96.0);
    near(diesel.estimated_share, 2.0 / 192.0, "the reset");
    near(diesel.booked_kg.expect("weighted"), 192.0 * 0.84 * 3.0959, "diesel");
    let factor = &told.factors[0];
    near(factor.value, 0.84 * 3.0959, "a factor by volume");
    assert_eq!(factor.unit, "kg CO₂/L");
    assert!(factor.source.contains("at a density of 0.84 kg/L"), "{}", factor.source);
    let text = told.text();
    let diesel = "for 1425 min measured and 15 min estimated, coverage 98.96 %, 1.04 % estimated";
    for words in ["Numerator: diesel as generator-fuel, L", diesel] {
        assert!(text.contains(words), "`{words}` is missing in\n{text}");
    }
    let coal = figure(&site.source(), "f", Indicator::CoalEquivalent, None, DAY, now()).expect("told");
    let without = "48.000 L of bioethanol as fuel are not in it: no factor of it is known";
    assert!(coal.notes.iter().any(|note| note == without), "{:?}", coal.notes);
    assert!(coal.text().contains(without), "{}", coal.text());
}

#[test]
fn carbon_usage_weights_each_hour_of_grid_electricity_and_all_fuel() {
    let site = Site::whole();
    let told = figure(&site.source(), "f", Indicator::Cue, None, DAY, now()).expect("told");
    let sides: Vec<(&str, &str)> =
        told.sides.iter().map(|side| (side.side, side.of.as_deref().unwrap_or(""))).collect();
    assert_eq!(
        sides,
        [
            ("numerator", "grid electricity"),
            ("denominator", ""),
            ("numerator", "diesel as generator-fuel"),
            ("numerator", "gas as fuel"),
            ("numerator", "bioethanol as fuel"),
        ]
    );
    // Half of the day by the factor of each year.
    let main = told.meters.iter().find(|row| row.meter == "s/in").expect("a row");
    near(main.booked_kg.expect("weighted"), 13.0 * 48.0 * (0.5849 + 0.5737), "the main feed");
    assert!(main.supported_kg < main.booked_kg, "the second feed began late");
    assert!(told.factor.is_some());
}

#[test]
fn claims_facts_and_gauges_say_what_counts_and_what_does_not() {
    let site = Site::whole();
    let source = site.source();
    let told = |indicator| figure(&source, "f", indicator, None, DAY, now()).expect("told");
    let share = told(Indicator::Ref);
    let claims: Vec<(&str, &str, String)> =
        share.claims.iter().map(|one| (one.kind, one.lot.as_str(), one.counts.to_string())).collect();
    // Half of the certificates' time lies in the day.
    assert_eq!(claims, [("goo", "g-1", "40".to_owned()), ("on-site", "roof", "48".to_owned())]);
    assert!(
        share.refused.iter().any(|one| one.lot == "p-1" && one.why == "the certificates are not retired"),
        "{:?}",
        share.refused
    );
    let roof: Vec<(&str, String)> = share
        .meters
        .iter()
        .filter(|row| row.side == "claims")
        .map(|row| (row.meter.as_str(), row.adds.total.to_string()))
        .collect();
    assert_eq!(roof, [("s/roof", "72".to_owned()), ("s/out", "-24".to_owned())]);
    let market = told(Indicator::CarbonMarket);
    assert_eq!(market.rest.as_ref().map(|rest| rest.by), Some("residual-mix"));
    let busy = told(Indicator::Iteu);
    let gauges: Vec<(&str, Option<f64>, f64, f64)> =
        busy.gauges.iter().map(|row| (row.meter.as_str(), row.mean, row.known_s, row.of_s)).collect();
    assert_eq!(gauges[0], ("s/cpu-1", Some(20.0), 86_400.0, 86_400.0));
    assert_eq!((gauges[1].1, gauges[1].2), (Some(60.0), 43_200.0));
    let racks = told(Indicator::RackUtilisation);
    assert_eq!((racks.figure.value, racks.given.len(), racks.gauges.len()), (Some(53.75), 1, 1));
    assert!(racks.given[0].source.starts_with("line ") && racks.given[0].source.ends_with(" of c.toml"));
    let coal = told(Indicator::CoalEquivalent);
    let factors: Vec<(&str, f64, &str)> =
        coal.factors.iter().map(|one| (one.of.as_str(), one.value, one.unit.as_str())).collect();
    assert_eq!(factors[0], ("electricity", 0.1229, "kgce/kWh"));
    for (told, words) in [
        (&share, "does not count: the certificates are not retired"),
        (&market, "by residual-mix"),
        (&busy, "known for 12 h, 50.00 % of its time; adds 20.000"),
        (&racks, "    = 100 x 2150.000 racks / 4000.000 racks"),
        (&coal, "electricity: 0.1229 kgce/kWh"),
    ] {
        assert!(told.text().contains(words), "`{words}` is missing in\n{}", told.text());
    }
}

#[test]
fn what_a_facility_lacks_for_an_indicator_is_named() {
    let bare = [("in", "utility", "kWh", ""), ("it", "ups-output", "kWh", "")];
    let mut site = Site::new("", &bare, "");
    site.give("in", "kWh", |quarter| Some(13.0 * quarter as f64));
    site.give("it", "kWh", |quarter| Some(10.0 * quarter as f64));
    site.engine.compact().expect("moved");
    let source = site.source();
    let why = |indicator, zone| match figure(&source, "f", indicator, zone, DAY, now()) {
        Err(ExplainError::Indicator { why, .. }) => why,
        other => panic!("{indicator}: {other:?}"),
    };
    let none = |roles: &str| format!("no meter is declared as {roles}");
    assert_eq!(why(Indicator::Ere, None), none("heat-reuse"));
    assert_eq!(why(Indicator::Pue2, None), none("pdu-output"));
    assert_eq!(why(Indicator::Scope1, None), none("fuel or generator-fuel"));
    assert_eq!(why(Indicator::Iteu, None), none("it-load"));
    let factor = "no emission factor is declared: give the facility a `grid` or an `emission_factor`";
    for indicator in [Indicator::Carbon, Indicator::CarbonMarket, Indicator::Cue, Indicator::CueMarket] {
        assert_eq!(why(indicator, None), factor);
    }
    assert!(why(Indicator::Ref, None).starts_with("no certificate or contract"));
    assert_eq!(
        why(Indicator::RackUtilisation, None),
        "the facility declares no `racks` then; the facility declares no `racks_in_use` then, and no gauge is \
         declared as racks-in-use"
    );
    assert_eq!(why(Indicator::Ce, None), "the facility declares no `compute_fp32_flops` then");
    assert_eq!(why(Indicator::PpueZone, None), "it has no zone");
    assert!(why(Indicator::Pue, Some("east")).starts_with("a zone has a partial PUE only"));
    let whole = Site::whole();
    let source = whole.source();
    let why = |zone| match figure(&source, "f", Indicator::PpueZone, zone, DAY, now()) {
        Err(ExplainError::Indicator { why, .. }) => why,
        other => panic!("{zone:?}: {other:?}"),
    };
    assert_eq!(why(None), "say which zone with --zone; there are: east, west");
    assert_eq!(why(Some("esat")), "it has no zone `esat`; did you mean `east`?");
    assert!(why(Some("west")).starts_with("zone `west` has no meter of what it takes in all"));
}

//! The domain's test vectors, run from their file. What is not run yet is listed, so that nobody takes a
//! green run for more than it is.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use wattledger_collector::engine::{Arrival, Engine, EngineConfig, merge};
use wattledger_collector::indicators::figure::{ML_PER_LITRE, UWH_PER_KWH};
use wattledger_collector::indicators::{Account, Accounts, Figure, Indicator, Pair, Status, Term, Weight};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::ledger::fold::{Folded, Minutes, fold};
use wattledger_collector::ledger::interpret::{Interpretation, POSITION_PER_BASE};
use wattledger_collector::ledger::register::{Point, walk};
use wattledger_collector::store::{self, Layout};
use wattledger_model::batch::AgentKey;
use wattledger_model::calendar::{self, Tz};
use wattledger_model::decimal::Decimal;
use wattledger_model::factor::FactorTable;
use wattledger_model::meter::{Form, Kind, MeterKey};
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::reading::{Incarnation, Intake, Quality, Reading};
use wattledger_model::time::{Interval, Minute, Timestamp};
use wattledger_model::unit::Unit;

/// Cases that nothing computes yet.
const NOT_YET: &[&str] = &[
    "E08", "E14", "E15", "E18", "P05", "P06", "P07", "P08", "P09", "P10", "P11", "P12", "P13", "P14", "W02",
    "W03", "W04", "C02", "C03", "U01", "U02", "U03", "U04", "U05", "K01", "K02", "B01", "B02", "A01", "A02",
    "A03",
];

struct Case(Value);

impl Case {
    fn id(&self) -> &str {
        self.0["id"].as_str().expect("id")
    }

    fn input(&self, key: &str) -> &Value {
        &self.0["inputs"][key]
    }

    fn number(&self, key: &str) -> f64 {
        self.input(key).as_f64().unwrap_or_else(|| panic!("{}: input {key}", self.id()))
    }

    fn expected(&self, key: &str) -> &Value {
        let value = &self.0["expected"][key];
        assert!(
            !value.is_null() || self.0["expected"].get(key).is_some(),
            "{}: no expected {key}",
            self.id()
        );
        value
    }

    /// Compares with the expected number within the case's own tolerance.
    fn agrees(&self, key: &str, found: f64) {
        let expected = self.expected(key).as_f64().unwrap_or_else(|| panic!("{}: expected {key}", self.id()));
        self.near(key, found, expected);
    }

    fn near(&self, key: &str, found: f64, expected: f64) {
        let tolerance = &self.0["tolerance"];
        let allowed = match (tolerance["relative"].as_f64(), tolerance["absolute"].as_f64()) {
            (Some(relative), _) => expected.abs() * relative,
            (_, Some(absolute)) => absolute,
            // Exact, as far as a decimal in the file can say it.
            _ => expected.abs() * f64::EPSILON,
        };
        assert!((found - expected).abs() <= allowed, "{}: {key} is {found}, expected {expected}", self.id());
    }
}

fn time(value: &Value) -> Timestamp {
    Timestamp::from_rfc3339(value.as_str().expect("a time")).expect("RFC 3339")
}

fn decimal(value: &Value) -> Decimal {
    value.to_string().parse().expect("a decimal")
}

fn reading(at: Timestamp, value: Decimal, unit: &str) -> Reading {
    let unit = Some(unit.parse().expect("unit"));
    Reading {
        at,
        arrived: at,
        value,
        unit,
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    }
}

fn readings(case: &Case, key: &str, unit: &str) -> Vec<Reading> {
    let rows = case.input(key).as_array().expect("readings");
    rows.iter().map(|row| reading(time(&row[0]), decimal(&row[1]), unit)).collect()
}

/// The meter that a case describes, by the suffix of its unit.
fn register(case: &Case) -> Interpretation {
    let unit: Unit = case.input("register_unit").as_str().expect("unit").parse().expect("unit");
    let own = |name: &str| {
        let value = case.input(&format!("{name}_{}", unit.symbol().to_lowercase()));
        (!value.is_null()).then(|| decimal(value))
    };
    Interpretation {
        kind: Kind::Register,
        unit: Some(unit),
        modulus: own("modulus"),
        resolution: own("resolution").unwrap_or(Decimal::ZERO),
        rated: case.input("p_max_w").as_i64().map(|watts| i128::from(watts) * 1_000_000),
        gap_limit_ms: case.input("interpolation_limit_s").as_i64().map(|s| s * 1_000),
        ..Interpretation::unclaimed(Some(unit))
    }
}

const MEASURED: usize = Provenance::Measured as usize;
const INTERPOLATED: usize = Provenance::Interpolated as usize;
const ESTIMATED: usize = Provenance::Estimated as usize;

/// Amounts in µWh and ms by provenance over an interval.
fn summed(folded: &Folded, from: Timestamp, to: Timestamp) -> [(i64, i64); 3] {
    let Minutes::Sums(minutes) = &folded.minutes else { panic!("not a sum") };
    let mut sums = [(0, 0); 3];
    for (minute, booked) in minutes {
        if (from.minute().0..to.minute().0).contains(minute) {
            for (sum, part) in sums.iter_mut().zip(booked.parts) {
                *sum = (sum.0 + part.amount, sum.1 + i64::from(part.ms));
            }
        }
    }
    sums
}

fn wh(uwh: i64) -> f64 {
    uwh as f64 / 1e6
}

fn kwh(uwh: i64) -> f64 {
    uwh as f64 / UWH_PER_KWH
}

fn classes(case: &Case, meter: &Interpretation) -> Vec<(String, i128, Option<Provenance>)> {
    let unit = meter.unit.expect("unit");
    let points: Vec<Point> = readings(case, "readings", unit.symbol())
        .iter()
        .map(|reading| Point { at: reading.at.0, position: meter.position(reading).expect("usable") })
        .collect();
    walk(&points, &meter.register_rules(unit))
        .stretches
        .iter()
        .map(|s| (s.class.word().to_owned(), (s.end - s.start) / POSITION_PER_BASE, s.provenance))
        .collect()
}

/// Coverage of a period: measured time, and long steps that lie wholly inside. Source: domain.md 5.4.
fn coverage(folded: &Folded, from: Timestamp, to: Timestamp) -> f64 {
    let sums = summed(folded, from, to);
    let long: i64 = folded
        .steps
        .iter()
        .filter(|step| step.is_long() && from <= step.from && step.to <= to)
        .map(|step| step.to.0 - step.from.0)
        .sum();
    (sums[MEASURED].1 + long) as f64 / (to.0 - from.0) as f64
}

fn run_case(case: &Case) -> bool {
    match case.id() {
        "E01" => e01(case),
        "E02" => e02(case),
        "E03" | "E04" => rollover(case),
        "E05" => e05(case),
        "E06" => e06(case),
        "E07" => e07(case),
        "E09" => e09(case),
        "E10" => e10(case),
        "E11" => e11(case),
        "E12" => e12(case),
        "E13" => e13(case),
        "E16" => e16(case),
        "E17" => e17(case),
        "E19" => e19(case),
        "E20" => e20(case),
        "E21" => e21(case),
        "E22" => e22(case),
        "E23" => e23(case),
        "P01" => p01(case),
        "P02" => p02(case),
        "P03" => p03(case),
        "P04" => p04(case),
        "P15" => p15(case),
        "D01" | "D02" | "D03" | "D04" => local_day(case),
        "D05" => local_months(case),
        "W01" => w01(case),
        "C01" => c01(case),
        "C04" => c04(case),
        "C05" => c05(case),
        _ => return false,
    }
    true
}

fn e01(case: &Case) {
    let folded = fold(&readings(case, "readings", "Wh"), &register(case));
    let bucket = case.input("bucket");
    case.agrees("energy_wh", wh(summed(&folded, time(&bucket[0]), time(&bucket[1]))[MEASURED].0));
}

fn e02(case: &Case) {
    let folded = fold(&readings(case, "readings", "Wh"), &register(case));
    let edges: Vec<Timestamp> = case.input("edges").as_array().expect("edges").iter().map(time).collect();
    let mut sum = 0;
    for (pair, expected) in edges.windows(2).zip(case.expected("energy_wh").as_array().expect("energies")) {
        let booked = summed(&folded, pair[0], pair[1])[MEASURED].0;
        case.near("energy_wh", wh(booked), expected.as_f64().expect("number"));
        sum += booked;
    }
    case.agrees("sum_wh", wh(sum));
}

fn rollover(case: &Case) {
    let meter = register(case);
    let found = classes(case, &meter);
    assert_eq!(found[0].0, case.expected("class").as_str().expect("class"));
    let base = found[0].1 as f64;
    let (unit, size) = if case.id() == "E03" { ("wh", 1e6) } else { ("kwh", UWH_PER_KWH) };
    case.agrees(&format!("energy_{unit}"), base / size);
    let rules = meter.register_rules(meter.unit.expect("unit"));
    let rows = case.input("readings");
    let most = rules.most(time(&rows[1][0]).0 - time(&rows[0][0]).0).expect("rated");
    case.agrees(&format!("e_max_{unit}"), (most / POSITION_PER_BASE) as f64 / size);
}

fn e05(case: &Case) {
    let meter = register(case);
    let found: Vec<String> = classes(case, &meter).into_iter().map(|(class, _, _)| class).collect();
    assert_eq!(serde_json::json!(found), *case.expected("classes"));
    let readings = readings(case, "readings", "Wh");
    let folded = fold(&readings, &meter);
    let (from, to) = (readings[0].at, readings[3].at);
    let sums = summed(&folded, from, to);
    case.agrees("estimated_wh", wh(sums[ESTIMATED].0));
    case.agrees("measured_wh", wh(sums[MEASURED].0));
    case.agrees("total_wh", wh(sums.iter().map(|(amount, _)| amount).sum()));
    case.agrees("covered_s", sums[MEASURED].1 as f64 / 1e3);
    case.agrees("coverage", coverage(&folded, from, to));
}

fn e06(case: &Case) {
    let meter = register(case);
    let found = classes(case, &meter);
    assert_eq!(found[0].0, case.expected("class").as_str().expect("class"));
    assert!(case.expected("energy_kwh").is_null() && found[0].2.is_none(), "nothing can be booked");
    let rules = meter.register_rules(meter.unit.expect("unit"));
    let rows = case.input("readings");
    let most = rules.most(time(&rows[1][0]).0 - time(&rows[0][0]).0).expect("rated");
    case.agrees("e_max_kwh", (most / POSITION_PER_BASE) as f64 / UWH_PER_KWH);
}

fn e07(case: &Case) {
    let found = classes(case, &register(case));
    let names: Vec<&str> = found.iter().map(|(class, _, _)| class.as_str()).collect();
    assert_eq!(serde_json::json!(names), *case.expected("classes"));
    for ((_, energy, _), expected) in
        found.iter().zip(case.expected("energy_kwh").as_array().expect("energies"))
    {
        case.near("energy_kwh", *energy as f64 / UWH_PER_KWH, expected.as_f64().expect("number"));
    }
}

fn e09(case: &Case) {
    let folded = fold(&readings(case, "readings", "kWh"), &register(case));
    let period = (time(&case.input("period")[0]), time(&case.input("period")[1]));
    let sums = summed(&folded, period.0, period.1);
    case.agrees("period_energy_kwh", kwh(sums.iter().map(|(amount, _)| amount).sum()));
    case.agrees("period_coverage", coverage(&folded, period.0, period.1));
    let long = folded.steps.iter().find(|step| step.is_long()).expect("a long step");
    case.agrees("long_step_s", (long.to.0 - long.from.0) as f64 / 1e3);
    let long_kwh = long.amount.expect("booked") as f64 / UWH_PER_KWH;
    case.agrees("period_measured_kwh", kwh(sums[MEASURED].0) + long_kwh);
    let inner = (time(&case.input("inner_bucket")[0]), time(&case.input("inner_bucket")[1]));
    let sums = summed(&folded, inner.0, inner.1);
    assert_eq!(case.expected("inner_bucket_provenance"), "interpolated");
    case.agrees("inner_bucket_kwh", kwh(sums[INTERPOLATED].0));
    case.agrees("inner_bucket_coverage", coverage(&folded, inner.0, inner.1));
}

fn e10(case: &Case) {
    let folded = fold(&readings(case, "readings", "kWh"), &register(case));
    let (from, to) = (time(&case.input("period")[0]), time(&case.input("period")[1]));
    let sums = summed(&folded, from, to);
    case.agrees("energy_kwh", kwh(sums.iter().map(|(amount, _)| amount).sum()));
    case.agrees("measured_kwh", kwh(sums[MEASURED].0));
    case.agrees("interpolated_kwh", kwh(sums[INTERPOLATED].0));
    case.agrees("coverage", coverage(&folded, from, to));
}

fn power(form: Form, gap_limit_ms: i64) -> Interpretation {
    let unit = Some("kW".parse().expect("unit"));
    Interpretation {
        kind: Kind::Power,
        form,
        gap_limit_ms: Some(gap_limit_ms),
        ..Interpretation::unclaimed(unit)
    }
}

fn all(folded: &Folded) -> (f64, i64) {
    let sums = summed(folded, Timestamp(0), Timestamp(i64::MAX));
    (kwh(sums[MEASURED].0), sums[MEASURED].1)
}

fn e11(case: &Case) {
    let samples = readings(case, "samples", "kW");
    let energy = |form| all(&fold(&samples, &power(form, 900_000))).0;
    case.agrees("energy_kwh_instant_trapezoid", energy(Form::Instant));
    case.agrees("energy_kwh_on_change_step", energy(Form::OnChange));
}

fn e12(case: &Case) {
    let limit = (case.number("max_gap_s") * 1e3) as i64;
    let folded = fold(&readings(case, "samples", "kW"), &power(Form::Instant, limit));
    let (energy, ms) = all(&folded);
    case.agrees("energy_kwh", energy);
    case.agrees("covered_s", ms as f64 / 1e3);
    case.agrees(
        "coverage",
        coverage(&folded, time(&case.input("period")[0]), time(&case.input("period")[1])),
    );
}

fn e13(case: &Case) {
    let interval_ms = (case.number("interval_s") * 1e3) as i64;
    let means: Vec<Reading> = case
        .input("means")
        .as_array()
        .expect("means")
        .iter()
        .zip(1..)
        .map(|(mean, at)| reading(Timestamp(at * interval_ms), decimal(mean), "kW"))
        .collect();
    let meter = Interpretation { nominal_interval_ms: interval_ms, ..power(Form::IntervalMean, interval_ms) };
    case.agrees("energy_kwh", all(&fold(&means, &meter)).0);
}

fn e16(case: &Case) {
    let incarnation = Incarnation { started: Timestamp(0), id: 1 };
    let rows = case.input("readings_time_value_n_quality").as_array().expect("readings");
    let given: Vec<Reading> = rows
        .iter()
        .map(|row| Reading {
            quality: if row[3] == "good" { Quality::Good } else { Quality::Suspect },
            intake: Some(Intake { incarnation, number: row[2].as_u64().expect("n") }),
            ..reading(time(&row[0]), decimal(&row[1]), "kWh")
        })
        .collect();
    let edges: Vec<Timestamp> = case.input("edges").as_array().expect("edges").iter().map(time).collect();
    let meter = register(case);
    for turn in 0..given.len() {
        let mut order = given.clone();
        order.rotate_left(turn);
        let kept = merge(Vec::new(), order);
        let values: Vec<i64> = kept.iter().map(|reading| reading.value.mantissa).collect();
        assert_eq!(serde_json::json!(values), *case.expected("kept"));
        let folded = fold(&kept, &meter);
        for (pair, expected) in
            edges.windows(2).zip(case.expected("energy_kwh").as_array().expect("energies"))
        {
            case.near(
                "energy_kwh",
                kwh(summed(&folded, pair[0], pair[1])[MEASURED].0),
                expected.as_f64().expect("number"),
            );
        }
    }
    let duplicates = given.iter().enumerate().filter(|(i, r)| given[..*i].contains(r)).count();
    case.agrees("duplicates", duplicates as f64);
}

/// A real engine with one register, fed by hand.
struct Bench {
    dir: tempfile::TempDir,
    engine: Engine,
}

fn key(meter: &str) -> MeterKey {
    MeterKey { site: "s".parse().expect("name"), meter: meter.parse().expect("name") }
}

impl Bench {
    fn new(meters: BTreeMap<MeterKey, Interpretation>) -> Bench {
        let dir = tempfile::tempdir().expect("a directory");
        let config = EngineConfig { layout: Layout::new(dir.path()), raw_kept_ms: i64::MAX, meters };
        let engine = Engine::open(config).expect("opens");
        Bench { dir, engine }
    }

    fn give(&mut self, meter: &str, readings: &[Reading]) {
        let rows: Vec<Value> = readings
            .iter()
            .map(|r| serde_json::json!({"meter": meter, "at": r.at.to_string(), "value": r.value.to_string(), "unit": r.unit.map(Unit::symbol)}))
            .collect();
        let payload = serde_json::json!({ "readings": rows }).to_string().into_bytes();
        let agent = AgentKey { site: "s".parse().expect("name"), agent: "hand".parse().expect("name") };
        let now = Timestamp(1_900_000_000_000);
        self.engine.take(&[Arrival { agent, form: PayloadForm::Json, payload }], now).expect("taken");
        self.engine.flush().expect("flushed");
    }

    fn account(&self, numerator: &str, denominator: Option<&str>, interval: Interval) -> Account {
        let connection = store::open_reader(&Layout::new(self.dir.path())).expect("opens");
        let term = |meter: &str| Term::all_of(self.engine.meters().id(&key(meter)).expect("known"));
        let denominator = denominator.map(term).into_iter().collect();
        let mut accounts =
            Accounts::new(Pair { numerator: vec![term(numerator)], denominator, weight: None });
        accounts.account(&connection, interval).expect("read")
    }
}

fn e17(case: &Case) {
    let mut bench = Bench::new(BTreeMap::from([(key("m"), register(case))]));
    let bucket =
        Interval::new(time(&case.input("bucket")[0]).minute(), time(&case.input("bucket")[1]).minute());
    bench.give("m", &readings(case, "before", "kWh"));
    let energy = |bench: &Bench| bench.account("m", None, bucket).numerator as f64 / UWH_PER_KWH;
    case.agrees("energy_kwh_before", energy(&bench));
    let before = bench.engine.change().expect("read");
    let late = case.input("late");
    bench.give("m", &[reading(time(&late[0]), decimal(&late[1]), "kWh")]);
    case.agrees("energy_kwh_after", energy(&bench));
    // The first flush published revision 1; each later change of the bucket is the next.
    case.agrees("revision_after", (bench.engine.change().expect("read") - before + 1) as f64);
}

/// Constant power from `from` to `to`, as the ledger books it.
fn constant_power(case: &Case, from: Timestamp, to: Timestamp) -> f64 {
    let kw = decimal(case.input("constant_power_kw"));
    let readings = [reading(from, kw, "kW"), reading(to, kw, "kW")];
    let folded = fold(&readings, &power(Form::OnChange, i64::MAX));
    kwh(summed(&folded, from, to)[MEASURED].0)
}

fn e19(case: &Case) {
    let (from, to) = (time(&case.input("interval")[0]), time(&case.input("interval")[1]));
    case.agrees("duration_s", ((to.0 - from.0) / 1_000) as f64);
    // Exact but for what integers cannot hold: each minute of power is rounded once, to a whole µWh.
    let minutes = (to.0 - from.0) / 60_000;
    let off_uwh = (constant_power(case, from, to) - case.expected("energy_kwh").as_f64().expect("number"))
        * UWH_PER_KWH;
    assert!(off_uwh.abs() <= 0.5 * minutes as f64, "E19: off by {off_uwh} µWh");
}

fn e20(case: &Case) {
    let meter = register(case);
    let rules = meter.register_rules(meter.unit.expect("unit"));
    let spacing_ms = (case.number("spacing_s") * 1e3) as i64;
    for (i, series) in case.input("series").as_array().expect("series").iter().enumerate() {
        let points: Vec<Point> = series
            .as_array()
            .expect("readings")
            .iter()
            .zip(0..)
            .map(|(value, at)| {
                let reading = reading(Timestamp(at * spacing_ms), decimal(value), "kWh");
                Point { at: reading.at.0, position: meter.position(&reading).expect("usable") }
            })
            .collect();
        let walk = walk(&points, &rules);
        assert_eq!(serde_json::json!(walk.dropped), case.expected("dropped_indices")[i], "series {i}");
        let measured: i128 = walk
            .stretches
            .iter()
            .filter(|s| s.provenance == Some(Provenance::Measured))
            .map(|s| (s.end - s.start) / POSITION_PER_BASE)
            .sum();
        case.near(
            "measured_kwh",
            measured as f64 / UWH_PER_KWH,
            case.expected("measured_kwh")[i].as_f64().expect("number"),
        );
        let reset = walk.stretches.iter().any(|s| s.class == StepClass::Reset);
        assert_eq!(case.expected("reset_in_series")[i], reset, "series {i}");
    }
}

fn e22(case: &Case) {
    let found = classes(case, &register(case));
    let names: Vec<&str> = found.iter().map(|(class, _, _)| class.as_str()).collect();
    assert_eq!(serde_json::json!(names), *case.expected("classes"));
    for ((_, energy, _), expected) in
        found.iter().zip(case.expected("energy_wh").as_array().expect("energies"))
    {
        case.near("energy_wh", wh(*energy as i64), expected.as_f64().expect("number"));
    }
    case.agrees("resets", names.iter().filter(|name| **name == "reset").count() as f64);
}

fn e23(case: &Case) {
    let meter = register(case);
    let names: Vec<String> = classes(case, &meter).into_iter().map(|(class, _, _)| class).collect();
    assert_eq!(serde_json::json!(names), *case.expected("classes"));
    let readings = readings(case, "readings", "kWh");
    let folded = fold(&readings, &meter);
    assert_eq!(folded.dropped, case.expected("dropped_indices").as_array().expect("indices").len());
    let sums = summed(&folded, readings[0].at, readings[4].at);
    case.agrees("measured_kwh", kwh(sums[MEASURED].0));
    case.agrees("estimated_kwh", kwh(sums[ESTIMATED].0));
}

fn e21(case: &Case) {
    // The case rounds to whole Wh; a register in µWh with the same digits rounds to the ledger's own unit.
    let given = readings(case, "readings", "uWh");
    let folded = fold(&given, &Interpretation::unclaimed("uWh".parse().ok()));
    let Minutes::Sums(minutes) = &folded.minutes else { panic!("not a sum") };
    let booked: Vec<i64> = minutes.iter().map(|(_, minute)| minute.amount()).collect();
    assert_eq!(serde_json::json!(booked), *case.expected("energy_wh"));
    case.agrees("sum_wh", booked.iter().sum::<i64>() as f64);
}

fn account(numerator: f64, denominator: f64) -> Account {
    let (numerator, denominator) = (numerator as i128, denominator as i128);
    Account { minutes: 60, numerator, denominator, all_numerator: [numerator, 0, 0], ..Account::default() }
}

fn hour() -> Interval {
    Interval::new(Minute(0), Minute(60))
}

fn p01(case: &Case) {
    let sums = account(case.number("e_dc_kwh") * UWH_PER_KWH, case.number("e_it_kwh") * UWH_PER_KWH);
    let pue = Figure::of(Indicator::Pue, hour(), &sums).value.expect("defined");
    case.agrees("pue", pue);
    case.agrees("dcie_percent", 100.0 / pue);
}

/// Hourly means of power for both sides, `null` for an hour without reading, through a real engine.
fn p02(case: &Case) {
    let unit = Some("kW".parse().expect("unit"));
    let mean = Interpretation {
        kind: Kind::Power,
        form: Form::IntervalMean,
        nominal_interval_ms: 3_600_000,
        ..Interpretation::unclaimed(unit)
    };
    let mut bench = Bench::new(BTreeMap::from([(key("dc"), mean.clone()), (key("it"), mean)]));
    let start = 1_780_000_000_000_i64.div_euclid(3_600_000) * 3_600_000;
    let sides = [("dc", "e_dc_kwh_per_hour"), ("it", "e_it_kwh_per_hour")];
    let mut hours = 0;
    for (meter, input) in sides {
        let values = case.input(input).as_array().expect("hours");
        hours = values.len() as i64;
        let readings: Vec<Reading> = values
            .iter()
            .zip(1..)
            .filter(|(value, _)| !value.is_null())
            .map(|(value, hour)| reading(Timestamp(start + hour * 3_600_000), decimal(value), "kW"))
            .collect();
        bench.give(meter, &readings);
    }
    let from = Timestamp(start).minute();
    let interval = Interval::new(from, Minute(from.0 + hours * 60));
    let figure = Figure::of(Indicator::Pue, interval, &bench.account("dc", Some("it"), interval));
    case.agrees("pue", figure.value.expect("defined"));
    case.agrees("coverage", figure.coverage);
}

/// The sums over hours, divided once.
fn p03(case: &Case) {
    let sum = |name: &str| -> f64 {
        case.input(name).as_array().expect("hours").iter().map(|value| value.as_f64().expect("number")).sum()
    };
    let sums = account(sum("e_dc_kwh") * UWH_PER_KWH, sum("e_it_kwh") * UWH_PER_KWH);
    case.agrees("pue", Figure::of(Indicator::Pue, hour(), &sums).value.expect("defined"));
}

/// The sums over sites, divided once.
fn p04(case: &Case) {
    let (mut dc, mut it) = (0.0, 0.0);
    for site in case.input("sites").as_array().expect("sites") {
        let e_it = site["e_it_mwh"].as_f64().expect("number") * 1e3;
        it += e_it;
        dc += e_it * site["pue"].as_f64().expect("number");
    }
    let sums = account(dc * UWH_PER_KWH, it * UWH_PER_KWH);
    case.agrees("fleet_pue", Figure::of(Indicator::Pue, hour(), &sums).value.expect("defined"));
}

fn p15(case: &Case) {
    let pairs = case.input("pairs_kwh").as_array().expect("pairs");
    for (i, pair) in pairs.iter().enumerate() {
        let of = |at: usize| pair[at].as_f64().expect("number") * UWH_PER_KWH;
        let figure = Figure::of(Indicator::Pue, hour(), &account(of(0), of(1)));
        let word = match figure.status {
            Status::Implausible => "implausible",
            Status::Undefined => "undefined",
            other => panic!("{other:?}"),
        };
        assert_eq!(case.expected("status")[i], word);
        match case.expected("pue")[i].as_f64() {
            Some(expected) => case.near("pue", figure.value.expect("defined"), expected),
            None => assert_eq!(figure.value, None),
        }
    }
}

fn local_day(case: &Case) {
    let zone: Tz = case.input("time_zone").as_str().expect("zone").parse().expect("zone");
    let date = case.input("local_date").as_str().expect("date").parse().expect("date");
    let day = calendar::day(zone, date);
    assert_eq!(day.from.start(), time(case.expected("start")));
    assert_eq!(day.to.start(), time(case.expected("end")));
    case.agrees("duration_s", (day.minutes() * 60) as f64);
    case.agrees("energy_kwh", constant_power(case, day.from.start(), day.to.start()));
}

fn local_months(case: &Case) {
    for (i, row) in case.input("months").as_array().expect("months").iter().enumerate() {
        let zone: Tz = row[0].as_str().expect("zone").parse().expect("zone");
        let date = format!("{}-01", row[1].as_str().expect("month")).parse().expect("date");
        let month = calendar::month(zone, date);
        assert_eq!(month.from.start(), time(&case.expected("start")[i]));
        assert_eq!(month.to.start(), time(&case.expected("end")[i]));
        assert_eq!(case.expected("hours")[i], month.minutes() / 60);
    }
}

fn w01(case: &Case) {
    let litres = case.number("water_m3") * 1e3;
    let sums = account(litres * ML_PER_LITRE, case.number("e_it_kwh") * UWH_PER_KWH);
    let wue = Figure::of(Indicator::Wue, hour(), &sums).value.expect("defined");
    case.agrees("wue_l_per_kwh", wue);
    case.agrees("wue_m3_per_mwh", wue);
}

fn carbon(weighted: f64, e_it_kwh: f64) -> Account {
    Account { weighted, all_weighted: weighted, ..account(1.0, e_it_kwh * UWH_PER_KWH) }
}

fn c01(case: &Case) {
    let table = FactorTable::embedded();
    for (region, factor, expected) in
        [("cn-beijing", "factor_beijing_2023", "beijing_kg"), ("cn", "factor_national_2023", "national_kg")]
    {
        let found = table.find(region, 2023).expect(region);
        case.near(factor, found.factor.kg_per_kwh.to_f64(), case.number(factor));
        let kg = case.number("grid_kwh") * found.factor.kg_per_kwh.to_f64();
        case.agrees(
            expected,
            Figure::of(Indicator::Carbon, hour(), &carbon(kg, 1.0)).value.expect("defined"),
        );
    }
}

/// Hourly factors weight each hour's own energy, in a real ledger.
fn c04(case: &Case) {
    let list = |name: &str| -> Vec<f64> {
        case.input(name).as_array().expect("list").iter().map(|v| v.as_f64().expect("number")).collect()
    };
    let (energies, factors) = (list("e_kwh"), list("factor_kg_per_kwh"));
    let mut bench = Bench::new(BTreeMap::from([(
        key("grid"),
        register(&Case(
            serde_json::json!({"inputs": {"register_unit": "kWh", "interpolation_limit_s": 7200}, "id": "C04"}),
        )),
    )]));
    let start = 1_780_000_000_000_i64.div_euclid(3_600_000) * 3_600_000;
    let mut total = 0.0;
    let mut given = vec![reading(Timestamp(start), Decimal::ZERO, "kWh")];
    for (energy, hour) in energies.iter().zip(1..) {
        total += energy;
        let value = Decimal::from_f64(total).expect("finite");
        given.push(reading(Timestamp(start + hour * 3_600_000), value, "kWh"));
    }
    bench.give("grid", &given);
    let from = Timestamp(start).minute();
    let steps = factors.iter().zip((from.0..).step_by(60)).map(|(f, at)| (Minute(at), f / UWH_PER_KWH));
    let weight = Weight::steps(steps.collect());
    let connection = store::open_reader(&Layout::new(bench.dir.path())).expect("opens");
    let term = Term::all_of(bench.engine.meters().id(&key("grid")).expect("known"));
    let mut accounts =
        Accounts::new(Pair { numerator: vec![term], denominator: Vec::new(), weight: Some(weight) });
    let interval = Interval::new(from, Minute(from.0 + 60 * energies.len() as i64));
    let sums = accounts.account(&connection, interval).expect("read");
    case.agrees("kg", Figure::of(Indicator::Carbon, interval, &sums).value.expect("defined"));
}

fn c05(case: &Case) {
    for (scope2, expected) in [("scope2_location_kg", "cue_location"), ("scope2_market_kg", "cue_market")] {
        let sums = carbon(case.number(scope2) + case.number("scope1_kg"), case.number("e_it_kwh"));
        case.agrees(expected, Figure::of(Indicator::Cue, hour(), &sums).value.expect("defined"));
    }
}

#[test]
fn the_vectors_agree_and_what_is_not_run_is_listed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/accounting.json");
    let text = std::fs::read_to_string(&path).expect("the vectors");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let mut left: BTreeSet<&str> = NOT_YET.iter().copied().collect();
    let mut ran = 0;
    for case in cases.into_iter().map(Case) {
        if run_case(&case) {
            ran += 1;
            assert!(!NOT_YET.contains(&case.id()), "{} runs; take it off the list", case.id());
        } else {
            assert!(left.remove(case.id()), "{} is neither run nor listed", case.id());
        }
    }
    assert!(left.is_empty(), "listed but not in the file: {left:?}");
    println!("{ran} vectors agree; not run yet: {}", NOT_YET.join(" "));
}

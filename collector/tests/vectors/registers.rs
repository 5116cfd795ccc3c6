//! Chapter E: registers, gaps, late data.

use super::bench::{Bench, key};
use super::case::*;
use std::collections::BTreeMap;
use wattledger_collector::engine::merge;
use wattledger_collector::indicators::figure::UWH_PER_KWH;
use wattledger_collector::ledger::fold::{Minutes, fold};
use wattledger_collector::ledger::interpret::{Epoch, Interpretation, Joint, POSITION_PER_BASE};
use wattledger_collector::ledger::register::walk;
use wattledger_model::minute::{Provenance, StepClass};
use wattledger_model::reading::{Incarnation, Intake, Quality, Reading};
use wattledger_model::time::{Interval, Timestamp};
use wattledger_model::unit::Unit;

pub(crate) fn run(case: &Case) -> bool {
    match case.id() {
        "E01" => e01(case),
        "E02" => e02(case),
        "E03" | "E04" => rollover(case),
        "E05" => e05(case),
        "E06" => e06(case),
        "E07" => e07(case),
        "E08" => e08(case),
        "E09" => e09(case),
        "E10" => e10(case),
        "E16" => e16(case),
        "E17" => e17(case),
        "E18" => e18(case),
        "E20" => e20(case),
        "E21" => e21(case),
        "E22" => e22(case),
        "E23" => e23(case),
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

fn e20(case: &Case) {
    let meter = register(case);
    let spacing_ms = (case.number("spacing_s") * 1e3) as i64;
    for (i, series) in case.input("series").as_array().expect("series").iter().enumerate() {
        let readings: Vec<Reading> = series
            .as_array()
            .expect("readings")
            .iter()
            .zip(0..)
            .map(|(value, at)| reading(Timestamp(at * spacing_ms), decimal(value), "kWh"))
            .collect();
        let walk = walk(&readings, &meter);
        let dropped: Vec<usize> = walk.dropped.iter().map(|dropped| dropped.index).collect();
        assert_eq!(serde_json::json!(dropped), case.expected("dropped_indices")[i], "series {i}");
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

fn e08(case: &Case) {
    let unit: Unit = "kWh".parse().expect("unit");
    let open = Interpretation::unclaimed(Some(unit));
    let meter = Interpretation { unit: Some(unit), is_binary32: true, ..open };
    let rules = meter.register_rules(unit);
    let values = case.input("register_value_kwh").as_array().expect("values");
    for (value, expected) in values.iter().zip(case.expected("resolution_kwh").as_array().expect("list")) {
        let position = meter.position(&reading(Timestamp(0), decimal(value), "kWh")).expect("usable");
        let resolution = (rules.resolution_at(position) / POSITION_PER_BASE) as f64 / UWH_PER_KWH;
        case.near("resolution_kwh", resolution, expected.as_f64().expect("number"));
    }
}

/// Two instruments at one measuring point, joined by their signed-off registers.
fn e18(case: &Case) {
    let shown = |of: &str, what: &str| decimal(&case.input(of)[what]);
    let exchanged = Timestamp(1_780_000_000_000);
    let base = register(case);
    let joint = Joint::Exchanged { last: Some(shown("old", "final")), first: Some(shown("new", "initial")) };
    let epoch = Epoch {
        from: exchanged,
        joint,
        unit: base.unit,
        scale: base.scale,
        modulus: None,
        resolution: base.resolution,
        rated: None,
        is_binary32: false,
    };
    let meter = Interpretation { later: vec![epoch], ..base };
    let (from, to) = (Timestamp(exchanged.0 - 3_600_000), Timestamp(exchanged.0 + 3_600_000));
    let given = [reading(from, shown("old", "start"), "kWh"), reading(to, shown("new", "end"), "kWh")];
    let folded = fold(&given, &meter);
    let sums = summed(&folded, Timestamp(0), Timestamp(i64::MAX));
    assert_eq!(sums[ESTIMATED], (0, 0), "nothing is estimated");
    case.agrees("energy_kwh", kwh(sums[MEASURED].0 + sums[INTERPOLATED].0));
    let told: Vec<(&str, i64)> =
        folded.steps.iter().map(|step| (step.class.word(), step.to.0 - step.from.0)).collect();
    assert_eq!(told, [("normal", 3_600_000), ("exchange", 0), ("normal", 3_600_000)]);
}

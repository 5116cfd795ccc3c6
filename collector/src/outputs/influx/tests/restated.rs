//! What comes late, or is another one now, writes again all that looks at it, and nothing of what was there remains.

use super::super::catalog::Measurement;
use super::super::cursor::Cursor;
use super::super::round::Rounds;
use super::derived::{DATE_MS, DAY_MS, DERIVED, QUARTERS, all, config, near, readings_between, written};
use super::memory::Memory;
use super::plant::{Plant, QUARTER_MS, START_MS, reading};
use super::rounds::Output;

/// What a measurement says differs between two databases.
fn differs(measurement: &Measurement, one: &Memory, other: &Memory) -> bool {
    let of = |memory: &Memory| -> Vec<_> {
        let all = memory.derived().into_iter();
        all.filter(|((key, _), _)| key.starts_with(&format!("{},", measurement.name))).collect()
    };
    of(one) != of(other)
}

fn assert_same(seen: &Memory, expected: &Memory) {
    let (seen, expected) = (seen.derived(), expected.derived());
    for (at, point) in &expected {
        assert_eq!(seen.get(at), Some(point), "{at:?}");
    }
    let more: Vec<_> = seen.keys().filter(|at| !expected.contains_key(*at)).collect();
    assert!(more.is_empty(), "{more:?}");
}

#[test]
fn what_comes_late_restates_every_measurement_whether_or_not_the_output_ran_on() {
    let expected = written(config(""), &all());
    for runs_on in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut plant = Plant::open(folder.path(), config(""));
        // Seven hours are missing of everything, over the end of a local date.
        let (from, to) = (130, 158);
        plant.book(&[readings_between(0, from), readings_between(to, QUARTERS + 1)].concat());
        let mut output = Output::new(&plant);
        output.catch_up();
        for measurement in DERIVED {
            assert!(differs(measurement, &output.memory, &expected), "{}", measurement.name);
        }
        plant.book(&readings_between(from, to));
        if !runs_on {
            output.restart(&plant, &plant.config);
        }
        output.catch_up();
        assert_same(&output.memory, &expected);
    }
}

#[test]
fn a_meter_s_first_and_silent_days_are_there_whatever_came_when() {
    let more = "[[meter]]\nname = \"lamp\"\nsite = \"site-a\"\nkind = \"power\"\nunit = \"kW\"\nform = \"interval-mean\"\n\
                nominal_interval = \"15m\"\n";
    let lamp = |from: i64, to: i64| -> Vec<String> {
        (from..to).map(|quarter| reading("lamp", START_MS + quarter * QUARTER_MS, 2.0, "kW")).collect()
    };
    // Two hours on the first day, and half of the last that is over.
    let (early, last) = (lamp(0, 9), lamp(300, 350));
    let expected = written(config(more), &[all(), early.clone(), last.clone()].concat());
    let key = "wl_meter_day,meter=lamp,site=site-a";
    assert_eq!(expected.count(key), 4, "the first, two that are silent, and the last");
    near(&expected, key, 1_774_656_000_000, "coverage", 0.0);
    for restarts in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut plant = Plant::open(folder.path(), config(more));
        plant.book(&all());
        let mut output = Output::new(&plant);
        output.catch_up();
        assert_eq!(output.memory.count(key), 0, "it never said anything");
        for some in [&last, &early] {
            plant.book(some);
            if restarts {
                output.restart(&plant, &plant.config);
            }
            output.catch_up();
        }
        assert_same(&output.memory, &expected);
    }
}

#[test]
fn a_step_that_books_nothing_is_counted_when_it_comes_late() {
    let odd = |quarter: i64, value: f64| reading("odd", START_MS + quarter * QUARTER_MS, value, "kWh");
    let others: Vec<String> = all().into_iter().filter(|reading| !reading.contains("\"odd\"")).collect();
    let known: Vec<String> =
        (0..20).chain(300..QUARTERS).map(|quarter| odd(quarter, quarter as f64)).collect();
    // More could have passed in these days than the modulus: nothing is booked in them.
    let late = odd(160, 160.0);
    let folder = tempfile::tempdir().expect("a folder");
    let narrow = || {
        let mut config = config("");
        let odd =
            config.meters.iter_mut().find(|meter| meter.key.meter.as_str() == "odd").expect("it is there");
        let modulus = "50".parse().expect("a number");
        odd.modulus = Some(modulus);
        odd.instruments[0].reads.modulus = Some(modulus);
        config
    };
    let mut plant = Plant::open(folder.path(), narrow());
    plant.book(&[others.clone(), known.clone()].concat());
    let mut output = Output::new(&plant);
    output.catch_up();
    let key = "wl_meter_day,meter=odd,site=site-a";
    let utc = 1_774_656_000_000;
    let count = |memory: &Memory, at: i64| memory.points[&(key.to_owned(), at)]["undecidable"].clone();
    assert_eq!(
        (count(&output.memory, utc - DAY_MS), count(&output.memory, utc)),
        ("1i".to_owned(), "0i".to_owned())
    );
    plant.book(std::slice::from_ref(&late));
    output.catch_up();
    assert_eq!(
        (count(&output.memory, utc - DAY_MS), count(&output.memory, utc)),
        ("1i".to_owned(), "1i".to_owned())
    );
    assert_same(&output.memory, &written(narrow(), &[others, known, vec![late]].concat()));
}

#[test]
fn a_meter_that_another_facility_claims_restates_that_one_too() {
    let more = "[[facility]]\nname = \"annex\"\nsite = \"site-a\"\n\
                [[meter]]\nname = \"annex-in\"\nfacility = \"annex\"\nrole = \"utility\"\nkind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"15m\"\n\
                [[meter]]\nname = \"annex-it\"\nfacility = \"annex\"\nrole = \"ups-output\"\nkind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"15m\"\n\
                [[meter]]\nname = \"shared\"\nsite = \"site-a\"\nkind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"15m\"\n\
                [[meter.claim]]\nfacility = \"hall\"\nrole = \"other\"\nshare = \"0.5\"\n\
                [[meter.claim]]\nfacility = \"annex\"\nrole = \"cooling\"\nshare = \"0.5\"\n";
    let annex = |from: i64, to: i64, meter: &'static str, step: f64| {
        (from..to)
            .map(move |quarter| reading(meter, START_MS + quarter * QUARTER_MS, step * quarter as f64, "kWh"))
    };
    let known: Vec<String> = all()
        .into_iter()
        .chain(annex(0, QUARTERS + 1, "annex-in", 3.0))
        .chain(annex(0, QUARTERS + 1, "annex-it", 2.0))
        .chain(annex(0, 90, "shared", 1.0))
        .chain(annex(120, QUARTERS + 1, "shared", 1.0))
        .collect();
    let late: Vec<String> = annex(90, 120, "shared", 1.0).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(more));
    plant.book(&known);
    let mut output = Output::new(&plant);
    output.catch_up();
    plant.book(&late);
    output.catch_up();
    assert_same(&output.memory, &written(config(more), &[known, late].concat()));
}

#[test]
fn a_resolution_that_follows_the_readings_restates_what_was_as_exact_as_it() {
    let more = "[[facility]]\nname = \"annex\"\nsite = \"site-a\"\n\
                [[meter]]\nname = \"annex-in\"\nfacility = \"annex\"\nrole = \"utility\"\nkind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"15m\"\nuncertainty = \"1 %\"\nencoding = \"binary32\"\n\
                [[meter]]\nname = \"annex-it\"\nfacility = \"annex\"\nrole = \"ups-output\"\nkind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"15m\"\nuncertainty = \"1 %\"\n";
    // Beyond 2^23 kWh a binary32 resolves 1 kWh, before half of one.
    let annex = |from: i64, to: i64, meter: &'static str, first: f64, step: f64| {
        (from..to).map(move |quarter| {
            reading(meter, START_MS + quarter * QUARTER_MS, first + step * quarter as f64, "kWh")
        })
    };
    let some = |from: i64, to: i64| -> Vec<String> {
        let above = annex(from, to, "annex-in", 8_388_008.0, 3.0);
        above.chain(annex(from, to, "annex-it", 0.0, 2.0)).collect()
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(more));
    plant.book(&some(0, 150));
    let mut output = Output::new(&plant);
    output.catch_up();
    let key = "wl_indicator,facility=annex,indicator=pue,site=site-a,window=day";
    let before = output.memory.field(key, DATE_MS, "expanded").expect("it is known");
    plant.book(&some(150, QUARTERS + 1));
    output.catch_up();
    let after = output.memory.field(key, DATE_MS, "expanded").expect("it is known");
    assert!(after > before, "{before}, then {after}");
    assert_same(&output.memory, &written(config(more), &some(0, QUARTERS + 1)));
}

#[test]
fn a_field_that_another_definition_takes_away_goes_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(""));
    plant.book(&all());
    let mut output = Output::new(&plant);
    output.catch_up();
    let key = "wl_indicator,facility=hall,indicator=pue,site=site-a,window=day";
    assert!(output.memory.field(key, DATE_MS, "expanded").is_some());
    let mut unsaid = config("");
    for meter in &mut unsaid.meters {
        meter.instruments[0].instrument.accuracy = None;
    }
    output.restart(&plant, &unsaid);
    output.catch_up();
    assert_eq!(output.memory.field(key, DATE_MS, "expanded"), None);
    let mut anew = Output::new(&plant);
    anew.rounds = Rounds::new(plant.view(&unsaid), Cursor::start(1, 1));
    anew.catch_up();
    assert_same(&output.memory, &anew.memory);
}

#[test]
fn another_version_writes_the_same_points_again_and_deletes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(""));
    plant.book(&all());
    let mut output = Output::new(&plant);
    output.catch_up();
    let before = Memory { points: output.memory.points.clone() };
    output.rounds = Rounds::new(plant.view(&plant.config), Cursor::start(1, 1));
    output.catch_up();
    assert_eq!(output.erased, 0);
    assert_same(&output.memory, &before);
}

/// What a late reading costs, told and not judged: the machine may be busy. It touches what 30 days look back at.
#[test]
fn a_late_reading_writes_what_looks_at_it_again_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(""));
    plant.book(&readings_between(0, 40 * 96));
    let mut output = Output::new(&plant);
    let began = std::time::Instant::now();
    output.catch_up();
    let (all, first) = (output.memory.points.len(), began.elapsed());
    let written = output.written;
    let began = std::time::Instant::now();
    plant.book(&[reading("in", START_MS + 30 * DAY_MS + 60_000, 100.0 + 15.0 * 2_880.0 + 0.5, "kWh")]);
    output.catch_up();
    let (again, took) = (output.written - written, began.elapsed());
    println!("{all} points in {first:?}; {again} of them again in {took:?}");
    assert!((100..20_000).contains(&again), "{again} lines for one reading");
}

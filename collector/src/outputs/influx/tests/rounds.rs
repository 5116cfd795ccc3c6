//! What ends up in the database is a function of the ledger, whatever happened on the way.

use super::super::cursor::Cursor;
use super::super::round::{Round, Rounds};
use super::memory::Memory;
use super::plant::{DAYS, Plant, QUARTER_MS, START_MS, config, reading, readings};
use crate::config::{CollectorConfig, Hourly};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Instant;
use wattledger_model::document::Placed;

/// An output that may crash: what it has written stays, what it remembers is what it last remembered.
pub(super) struct Output {
    pub(super) rounds: Rounds,
    kept: Option<String>,
    pub(super) memory: Memory,
    pub(super) erased: usize,
    pub(super) written: usize,
}

impl Output {
    pub(super) fn new(plant: &Plant) -> Output {
        let rounds = Rounds::new(plant.view(&plant.config), Cursor::start(1, 1));
        Output { rounds, kept: None, memory: Memory::default(), erased: 0, written: 0 }
    }

    pub(super) fn restart(&mut self, plant: &Plant, config: &CollectorConfig) {
        let kept = self.kept.as_deref().map(|text| serde_json::from_str(text).expect("a cursor"));
        self.rounds = Rounds::new(plant.view(config), kept.unwrap_or_else(|| Cursor::start(1, 1)));
    }

    fn round(&mut self) -> Round {
        self.rounds.next(Instant::now(), None).expect("the ledger is read")
    }

    /// Writes a round, as far as `remembered` says.
    fn deliver(&mut self, round: Round, remembered: bool) {
        if let Some(intent) = round.intent {
            self.kept = Some(intent);
        }
        for erasure in &round.erasures {
            self.erased += self.memory.erase(erasure);
        }
        for batch in &round.batches {
            self.written += batch.lines;
            self.memory.write(batch);
        }
        if remembered {
            self.kept = round.cursor.or(self.kept.take());
        }
    }

    pub(super) fn catch_up(&mut self) {
        for _ in 0..10_000 {
            let round = self.round();
            let caught_up = round.caught_up;
            self.deliver(round, true);
            if caught_up {
                return;
            }
        }
        panic!("it never catches up");
    }
}

pub(super) fn at_once(readings: &[String]) -> Memory {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(""));
    plant.book(readings);
    let mut output = Output::new(&plant);
    output.catch_up();
    output.memory
}

#[test]
fn a_plant_is_written_as_the_schema_has_it() {
    let memory = at_once(&readings(DAYS));
    let minute = |quarter: i64| START_MS + quarter * QUARTER_MS;
    let main = "wl_meter,meter=main,site=site-a";
    let near = |key: &str, at, field: &str, expected: f64| {
        let seen = memory.field(key, at, field).unwrap_or_else(|| panic!("no {field} of {key} at {at}"));
        assert!(
            (seen - expected).abs() <= 1e-9 * expected.abs(),
            "{key} {field}: {seen}, expected {expected}"
        );
    };
    near(main, minute(1), "amount", 1.0);
    near(main, minute(1), "power_w", 60_000.0);
    near(main, minute(1), "coverage", 1.0);
    near("wl_meter,meter=water,site=site-a", minute(1), "amount", 2.0);
    assert_eq!(memory.field("wl_meter,meter=water,site=site-a", minute(1), "power_w"), None);
    near("wl_meter,meter=outside,site=site-a", minute(0), "min", 4.0);
    near(main, minute(35), "interpolated", 1.0);
    near("wl_component,component=total,facility=hall,site=site-a", minute(1), "energy_kwh", 1.0);
    near("wl_component,component=it,facility=hall,site=site-a", minute(1), "power_w", 46_000.0);
    near("wl_component,component=water,facility=hall,site=site-a", minute(1), "volume_l", 2.0);
    let pue = "wl_indicator,facility=hall,indicator=pue,site=site-a,window=1h";
    near(pue, minute(8), "value", 15.0 / 11.5);
    near(pue, minute(8), "denominator", 46.0);
    let carbon = "wl_indicator,facility=hall,indicator=carbon,site=site-a,window=1h";
    near(carbon, minute(8), "value", 24.0);
    assert_eq!(memory.field(carbon, minute(8), "denominator"), None);
    near("wl_indicator,facility=hall,indicator=wue,site=site-a,window=15m", minute(8), "value", 30.0 / 11.5);
    // 2026-03-28 in Berlin, and the day of 23 hours after it.
    let midnight = 1_774_652_400_000;
    let day = "wl_energy_day,component=it,facility=hall,site=site-a";
    near(day, midnight, "energy_kwh", 96.0 * 11.5);
    near(day, midnight + 86_400_000, "energy_kwh", 92.0 * 11.5);
    near("wl_indicator,facility=hall,indicator=pue,site=site-a,window=day", midnight, "coverage", {
        memory
            .field(
                "wl_indicator,facility=hall,indicator=pue,site=site-a,window=24h",
                midnight + 86_400_000,
                "coverage",
            )
            .expect("a day")
    });
    near("wl_target,facility=hall,site=site-a,target=D130,window=24h", midnight + 86_400_000, "limit", 1.3);
    let verdicts = memory.points.values().filter_map(|point| point.get("verdict"));
    let verdicts: BTreeSet<&str> = verdicts.map(String::as_str).collect();
    let expected = ["\"conditional_pass\"", "\"non_compliant\"", "\"not_assessable\""];
    assert_eq!(
        verdicts,
        BTreeSet::from(expected),
        "of D130, of D125, and of time that is not known well enough"
    );
    let missing = memory.points.iter().filter(|((key, _), point)| {
        key == pue && point.get("coverage").is_some_and(|coverage| coverage == "0")
    });
    assert!(missing.clone().count() > 30, "there is time without coverage");
    for ((_, at), point) in missing {
        assert!(!point.contains_key("value") && !point.contains_key("numerator"), "at {at}: {point:?}");
    }
    let minutes = DAYS * 1_440;
    assert_eq!(
        memory.count("wl_component,component=total,"),
        minutes as usize + 20,
        "from the hour of the first data"
    );
    assert_eq!(
        memory.count("wl_indicator,facility=hall,indicator=pue,site=site-a,window=1m"),
        minutes as usize + 20
    );
    assert!(memory.count("wl_now,") >= 4 * 12);
}

#[test]
fn a_measured_value_that_is_none_after_all_is_withdrawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(""));
    let register =
        |quarter: i64| reading("main", START_MS + quarter * QUARTER_MS, (quarter * 15) as f64, "kWh");
    let it = |quarter: i64| reading("it", START_MS + quarter * QUARTER_MS, (quarter * 11) as f64, "kWh");
    plant.book(&(0..8).flat_map(|quarter| [register(quarter), it(quarter)]).collect::<Vec<_>>());
    let mut output = Output::new(&plant);
    output.catch_up();
    let key = "wl_indicator,facility=hall,indicator=pue,site=site-a,window=1m";
    let at = START_MS + 3 * QUARTER_MS + 120_000;
    assert!(output.memory.field(key, at, "value").is_some());
    for remembers in [true, false] {
        let spike = START_MS + 3 * QUARTER_MS + if remembers { 300_000 } else { 240_000 };
        plant.book(&[reading("main", spike, 45.0 + 14.5, "kWh")]);
        if !remembers {
            output.restart(&plant, &plant.config);
        }
        output.catch_up();
        assert_eq!(output.memory.field(key, at, "value"), None, "remembers: {remembers}");
        assert_eq!(output.memory.field(key, at, "coverage"), Some(0.0));
    }
    assert!(output.erased > 0);
}

#[test]
fn what_did_not_change_is_not_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(""));
    let all = readings(1);
    plant.book(&all[..all.len() - 20]);
    let mut output = Output::new(&plant);
    output.catch_up();
    let before = output.written;
    plant.book(&all[all.len() - 20..all.len() - 10]);
    output.catch_up();
    let after = output.written - before;
    assert!((100..3_000).contains(&after), "{after} lines for half an hour of five meters");
    output.catch_up();
    assert_eq!(output.written, before + after);
}

#[test]
fn meters_and_facilities_that_are_declared_later_are_written_from_the_start() {
    let later = "[[facility]]\nname = \"annex\"\nsite = \"site-a\"\n\
                 [[meter]]\nname = \"annex-in\"\nfacility = \"annex\"\nrole = \"utility\"\nkind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"15m\"\n\
                 [[meter]]\nname = \"annex-it\"\nfacility = \"annex\"\nrole = \"ups-output\"\nkind = \"register\"\nunit = \"kWh\"\nnominal_interval = \"15m\"\n";
    let annex = |quarter: i64| {
        let at = START_MS + quarter * QUARTER_MS;
        [
            reading("annex-in", at, (quarter * 3) as f64, "kWh"),
            reading("annex-it", at, (quarter * 2) as f64, "kWh"),
        ]
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(""));
    plant.book(&readings(1));
    plant.book(&(0..96).flat_map(annex).collect::<Vec<_>>());
    let mut output = Output::new(&plant);
    output.catch_up();
    assert_eq!(output.memory.count("wl_meter,meter=annex-in"), 0, "nobody claims it");

    drop(plant);
    let mut plant = Plant::open(folder.path(), config(later));
    plant.engine.flush().expect("the ledger follows the configuration");
    let config = config(later);
    output.restart(&plant, &config);
    output.catch_up();
    let mut anew = Output::new(&plant);
    anew.catch_up();
    assert_eq!(output.memory.derived(), anew.memory.derived());
    assert_eq!(output.memory.count("wl_meter,meter=annex-in"), 95 * 15);
}

#[test]
fn a_new_definition_of_a_facility_writes_its_points_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(""));
    plant.book(&readings(2));
    let mut output = Output::new(&plant);
    output.catch_up();
    let mut config = config("");
    config.facilities[0].targets.truncate(1);
    config.facilities[0].carbon = None;
    output.restart(&plant, &config);
    let before = output.written;
    output.catch_up();
    assert!(output.written - before > 2 * 1_440 * 5, "only {} lines", output.written - before);
}

#[test]
fn an_emission_factor_that_comes_late_writes_the_carbon_of_its_hour_again() {
    let gauge = "[[meter]]\nname = \"factor\"\nsite = \"site-a\"\nkind = \"gauge\"\nunit = \"kg/kWh\"\n\
                 form = \"interval-mean\"\nnominal_interval = \"1h\"\n";
    let mut config = config(gauge);
    let (value, place) = ("factor".parse().expect("a name"), config.meters[0].place);
    config.facilities[0].hourly = Some(Hourly::Meter(Placed { value, place }));
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config);
    plant.book(&readings(1));
    let mut output = Output::new(&plant);
    output.catch_up();
    let key = "wl_indicator,facility=hall,indicator=carbon,site=site-a,window=1m";
    // The readings begin at 06:20; the factor is of 08:00 to 09:00.
    let carbon = |output: &Output, minute: i64| {
        let found = output.memory.field(key, START_MS + minute * 60_000, "value");
        found.expect("the minute is measured")
    };
    let before = [90, 130, 170].map(|minute| carbon(&output, minute));
    plant.book(&[reading("factor", START_MS + 160 * 60_000, 0.1, "kg/kWh")]);
    output.catch_up();
    let after = [90, 130, 170].map(|minute| carbon(&output, minute));
    assert_eq!((after[0], after[2]), (before[0], before[2]));
    assert!((after[1] - before[1] / 4.0).abs() < 1e-12, "0.1 instead of 0.4 kg/kWh: {after:?}");
    let mut anew = Output::new(&plant);
    anew.catch_up();
    assert_eq!(output.memory.derived(), anew.memory.derived());
}

/// Lots of readings, each with its place in some order.
fn shuffled() -> impl Strategy<Value = (Vec<String>, Vec<u8>)> {
    let all = readings(DAYS);
    // The readings arrive roughly in order, as blocks of some hours that are late by up to a day.
    let blocks: Vec<Vec<String>> = all.chunks(41).map(<[String]>::to_vec).collect();
    let count = blocks.len();
    (prop::collection::vec(0_usize..24, count), prop::collection::vec(any::<u8>(), 200)).prop_map(
        move |(delays, fates)| {
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by_key(|block| (block + delays[*block], *block));
            (order.into_iter().flat_map(|block| blocks[block].clone()).collect(), fates)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Any order of arrival, any moment of writing, and crashes before and after a round was remembered.
    #[test]
    fn arrival_and_crashes_leave_no_trace((late, fates) in shuffled()) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut plant = Plant::open(folder.path(), config(""));
        let mut output = Output::new(&plant);
        let mut fates = fates.into_iter().cycle();
        for some in late.chunks(130) {
            plant.book(some);
            while let Some(fate) = fates.next().filter(|fate| *fate < 200) {
                let round = output.round();
                match fate {
                    0..150 => output.deliver(round, true),
                    150..175 => {
                        // Crashed after the database took it, before that was remembered.
                        output.deliver(round, false);
                        output.restart(&plant, &plant.config);
                    }
                    _ => output.restart(&plant, &plant.config),
                }
            }
        }
        output.catch_up();
        let expected = at_once(&readings(DAYS)).derived();
        let seen = output.memory.derived();
        for (at, point) in &expected {
            prop_assert_eq!(seen.get(at), Some(point), "{:?}", at);
        }
        let more: Vec<_> = seen.keys().filter(|at| !expected.contains_key(*at)).collect();
        prop_assert!(more.is_empty(), "{:?}", more);
    }
}

/// How fast points are made, told and not judged: the machine may be busy. A line of every minute is made of
/// figures that the store is asked for.
#[test]
fn points_are_made_by_the_hundred_thousand() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plant = Plant::open(folder.path(), config(""));
    plant.book(&readings(60));
    let mut output = Output::new(&plant);
    let began = Instant::now();
    let (mut lines, mut bytes, mut most) = (0, 0, 0);
    loop {
        let round = output.round();
        let held: usize = round.batches.iter().map(|batch| batch.text.len()).sum();
        (lines, bytes, most) =
            (lines + round.batches.iter().map(|b| b.lines).sum::<usize>(), bytes + held, most.max(held));
        if round.caught_up {
            break;
        }
    }
    let rate = lines as f64 / began.elapsed().as_secs_f64();
    println!(
        "{lines} lines, {} MiB, {rate:.0} lines/s; a round holds {} KiB at most",
        bytes >> 20,
        most >> 10
    );
    assert!(lines > 60 * 1_440 * 20, "{lines} lines");
    assert!(most < 16 << 20, "a round holds {most} bytes");
}

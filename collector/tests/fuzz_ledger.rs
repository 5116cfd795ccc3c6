//! The ledger under any readings and any way to read them: no panic and no overflow, amounts of registers
//! that are never negative, minutes that hold no more than a minute, and energy that is conserved.

#[path = "../../tests/property/explore.rs"]
mod explore;

use explore::explore;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use wattledger_collector::admit::admit;
use wattledger_collector::engine::{Arrival, Engine, EngineConfig};
use wattledger_collector::journal::PayloadForm;
use wattledger_collector::ledger::fold::{Folded, Minutes, fold};
use wattledger_collector::ledger::interpret::{
    Epoch, Interpretation, Joint, POSITION_PER_BASE, round_half_even,
};
use wattledger_collector::store::Layout;
use wattledger_model::batch::{AgentKey, Batch, Lineage};
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::meter::{Form, Kind, MeterKey};
use wattledger_model::minute::Provenance;
use wattledger_model::minute::StepClass;
use wattledger_model::reading::{Evidence, Incarnation, Intake, Quality, Reading, Serial};
use wattledger_model::time::Timestamp;
use wattledger_model::unit::Unit;
use wattledger_model::wire;

const START: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 86_400_000;
const RAW_KEPT_MS: i64 = 400 * DAY_MS;

fn extreme() -> impl Strategy<Value = i64> {
    select(&[i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX][..])
}

/// Digits and exponents as the wire lets them pass.
fn decimal() -> impl Strategy<Value = Decimal> {
    let mantissa =
        prop_oneof![4 => 0..100_000_i64, 2 => -1_000..1_000_i64, 1 => extreme(), 1 => any::<i64>()];
    let exponent = prop_oneof![4 => -3..3_i8, 1 => -100..=100_i8];
    (mantissa, exponent).prop_map(|(mantissa, exponent)| Decimal::new(mantissa, exponent))
}

fn positive() -> impl Strategy<Value = Decimal> {
    let mantissa = prop_oneof![4 => 1..10_000_i64, 1 => Just(i64::MAX), 1 => 1..=i64::MAX];
    let exponent = prop_oneof![4 => -3..3_i8, 1 => -100..=100_i8];
    (mantissa, exponent).prop_map(|(mantissa, exponent)| Decimal::new(mantissa, exponent))
}

fn units(kind: Kind) -> Vec<Unit> {
    let all = Unit::spellings().map(|text| text.parse::<Unit>().expect(text));
    all.filter(|unit| unit.kind() == kind).collect()
}

fn instant() -> impl Strategy<Value = Timestamp> {
    prop_oneof![3 => START..START + 3 * DAY_MS, 1 => extreme()].prop_map(Timestamp)
}

fn rated() -> impl Strategy<Value = Option<i128>> {
    let most =
        prop_oneof![3 => 1..10_000_000_000_000_i128, 1 => Just(10_000_000_000_000_000), 1 => 0..3_i128];
    prop::option::of(most)
}

fn epoch(unit: Unit) -> impl Strategy<Value = Epoch> {
    let joint = prop_oneof![
        Just(Joint::Continues),
        (prop::option::of(decimal()), prop::option::of(decimal()))
            .prop_map(|(last, first)| Joint::Exchanged { last, first }),
    ];
    let read = (positive(), prop::option::of(positive()), prop_oneof![Just(Decimal::ZERO), positive()]);
    (instant(), joint, read, rated(), any::<bool>()).prop_map(
        move |(from, joint, (scale, modulus, resolution), rated, is_binary32)| Epoch {
            from,
            joint,
            unit: Some(unit),
            scale,
            modulus,
            resolution,
            rated,
            is_binary32,
        },
    )
}

fn correction() -> impl Strategy<Value = Correction> {
    let amount = || prop_oneof![3 => 0..1_000_000_000_000_i128, 1 => Just(i128::from(i64::MAX))];
    let span = || {
        (instant(), 0..3 * DAY_MS).prop_map(|(from, length)| (from, Timestamp(from.0.saturating_add(length))))
    };
    prop_oneof![
        span().prop_map(|(from, to)| Correction::Exclude { from, to }),
        (span(), amount()).prop_map(|((from, to), amount)| Correction::Entry { from, to, amount }),
        (span(), amount()).prop_map(|((from, to), amount)| Correction::Settle { from, to, amount }),
        (instant(), decimal(), decimal()).prop_map(|(at, last, first)| Correction::Exchange {
            at,
            last,
            first
        }),
    ]
}

/// Everything a configuration can say of one meter; `plain` without exchanges, corrections and the like.
fn interpretation(kinds: &'static [Kind], plain: bool) -> impl Strategy<Value = Interpretation> {
    let interval =
        || prop_oneof![4 => 1_000..4_000_000_i64, 1 => 1..1_000_i64, 1 => Just(3_155_760_000_000_000)];
    select(kinds).prop_flat_map(move |kind| {
        let unit = select(units(kind)).boxed();
        let register = (prop::option::of(positive()), prop_oneof![Just(Decimal::ZERO), positive()], rated());
        let timing = (interval(), prop::option::of(interval()), select(Form::ALL));
        let scale = prop_oneof![2 => Just(Decimal::new(1, 0)), 1 => positive()];
        (unit, any::<bool>(), scale, register, timing, any::<[bool; 2]>()).prop_flat_map(
            move |(unit, declared, scale, (modulus, resolution, rated), (nominal, gap, form), flags)| {
                let more = if plain { 0..1_usize } else { 0..3_usize };
                (vec(epoch(unit), more.clone()), vec(correction(), more)).prop_map(
                    move |(mut later, corrections)| {
                        later.sort_by_key(|epoch| epoch.from);
                        later.dedup_by_key(|epoch| epoch.from);
                        Interpretation {
                            unit: declared.then_some(unit),
                            scale,
                            modulus,
                            resolution,
                            rated,
                            nominal_interval_ms: nominal,
                            gap_limit_ms: gap,
                            form,
                            is_binary32: flags[0] && !plain,
                            is_bidirectional: flags[1] && !plain,
                            later,
                            corrections,
                            ..Interpretation::unclaimed(Some(unit))
                        }
                    },
                )
            },
        )
    })
}

/// Readings at ascending instants, near and far apart, with values that climb, fall, jump and repeat.
fn series(value: impl Strategy<Value = Decimal>) -> impl Strategy<Value = Vec<(i64, Decimal, Option<u32>)>> {
    let apart = prop_oneof![6 => 1_000..100_000_i64, 2 => 1..1_000_i64, 2 => 100_000..30_000_000_i64, 1 => 1..5 * DAY_MS];
    let mean =
        prop_oneof![6 => Just(None), 1 => (0..7_200_000_u32).prop_map(Some), 1 => Just(Some(u32::MAX))];
    vec((apart, value, mean), 1..40).prop_map(|steps| {
        let mut at = START;
        let next = |(apart, value, mean)| {
            at += apart;
            (at, value, mean)
        };
        steps.into_iter().map(next).collect()
    })
}

fn readings(series: &[(i64, Decimal, Option<u32>)], unit: Option<Unit>) -> Vec<Reading> {
    let reading = |&(at, value, interval_ms): &(i64, Decimal, Option<u32>)| Reading {
        at: Timestamp(at),
        arrived: Timestamp(at),
        value,
        unit,
        interval_ms,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    };
    series.iter().map(reading).collect()
}

fn unit_of(meter: &Interpretation, kind_unit: usize) -> Option<Unit> {
    let all = units(meter.kind);
    meter.unit.or_else(|| all.get(kind_unit % all.len()).copied())
}

/// Minutes ascend, hold no more time than they have, and their parts can be added up.
fn hold_no_more_than_a_minute(folded: &Folded, meter: &Interpretation) -> Result<(), TestCaseError> {
    let never_negative = meter.kind == Kind::Register && !meter.is_bidirectional;
    match &folded.minutes {
        Minutes::Sums(minutes) => {
            prop_assert!(minutes.windows(2).all(|pair| pair[0].0 < pair[1].0), "ascending");
            for (at, minute) in minutes {
                let ms: u64 = minute.parts.iter().map(|part| u64::from(part.ms)).sum();
                prop_assert!(ms <= 60_000, "minute {at}: {minute:?}");
                let sum: i128 = minute.parts.iter().map(|part| i128::from(part.amount)).sum();
                prop_assert!(
                    !never_negative || minute.parts.iter().all(|part| part.amount >= 0),
                    "{at}: {minute:?}"
                );
                prop_assert_eq!(i128::from(minute.amount()), sum);
            }
        }
        Minutes::Levels(minutes) => {
            prop_assert!(minutes.windows(2).all(|pair| pair[0].0 < pair[1].0), "ascending");
            for (at, level) in minutes {
                prop_assert!((1..=60_000).contains(&level.ms), "minute {at}: {level:?}");
                let slack = 1e-9 * level.min.abs().max(level.max.abs());
                let inside = level.min - slack <= level.mean && level.mean <= level.max + slack;
                prop_assert!(inside, "minute {at}: {level:?}");
            }
        }
    }
    for step in &folded.steps {
        // A signed-off exchange takes no time.
        let takes_time = step.from < step.to || step.from == step.to && step.class == StepClass::Exchange;
        prop_assert!(takes_time, "{step:?}");
        prop_assert!(!never_negative || step.amount.is_none_or(|amount| amount >= 0), "{step:?}");
        prop_assert_eq!(step.amount.is_some(), step.provenance.is_some(), "{:?}", step);
    }
    Ok(())
}

#[test]
fn any_readings_read_in_any_way_are_booked_or_missing() {
    let input = (interpretation(Kind::ALL, false), 0..50_usize, series(decimal()));
    explore("ledger", 5_000, input, |(meter, unit, series)| {
        let readings = readings(&series, unit_of(&meter, unit));
        let folded = fold(&readings, &meter);
        prop_assert!(folded.unusable.len() + folded.dropped <= readings.len());
        hold_no_more_than_a_minute(&folded, &meter)
    });
}

#[test]
fn a_register_that_only_climbs_gives_last_minus_first_exactly() {
    let climbs = prop_oneof![3 => 0..1_000_i64, 1 => Just(0), 1 => 0..10_000_000_i64];
    let climbs = climbs.prop_map(|mantissa| Decimal::new(mantissa, 0));
    let input = (interpretation(&[Kind::Register], true), 0..50_usize, series(climbs), -9..3_i8);
    explore("conservation", 5_000, input, |(meter, unit, mut series, exponent)| {
        // The steps become the register; without rating and modulus nothing but a fall is out of order.
        let meter = Interpretation { rated: None, modulus: None, ..meter };
        let mut register = 0;
        for (_, value, _) in &mut series {
            register += value.mantissa;
            *value = Decimal::new(register, exponent);
        }
        let readings = readings(&series, unit_of(&meter, unit));
        let folded = fold(&readings, &meter);
        hold_no_more_than_a_minute(&folded, &meter)?;
        let positions: Vec<i128> =
            readings.iter().filter_map(|reading| meter.position(reading).ok()).collect();
        let (Some(first), Some(last)) = (positions.first(), positions.last()) else { return Ok(()) };
        if (last - first) / POSITION_PER_BASE >= i128::from(i64::MAX / 4) {
            // More than any minute can hold, be it by a part of a µWh: such a step is not booked at all.
            return Ok(());
        }
        let Minutes::Sums(minutes) = &folded.minutes else { panic!("a register has sums") };
        let booked: i128 = minutes.iter().map(|(_, minute)| i128::from(minute.amount())).sum();
        let edge = |position: &i128| round_half_even(*position, POSITION_PER_BASE);
        prop_assert_eq!(booked, edge(last) - edge(first));
        // All of the time between is known, as measured or as interpolated.
        let ms: i64 =
            minutes.iter().flat_map(|(_, minute)| minute.parts).map(|part| i64::from(part.ms)).sum();
        prop_assert_eq!(ms, readings[positions.len() - 1].at.0 - readings[0].at.0);
        let estimated = |minute: &wattledger_model::minute::Minute| minute.part(Provenance::Estimated).ms;
        prop_assert!(minutes.iter().all(|(_, minute)| estimated(minute) == 0));
        Ok(())
    });
}

#[test]
fn a_mean_declared_to_be_of_ages_books_no_ages() {
    // Once it booked every minute of a hundred thousand years, until memory ran out.
    for kind in [Kind::Power, Kind::Gauge] {
        let meter = Interpretation {
            kind,
            form: Form::IntervalMean,
            nominal_interval_ms: 3_155_760_000_000_000,
            ..Interpretation::unclaimed(None)
        };
        let unit = units(kind).first().copied();
        let folded = fold(&readings(&[(START, Decimal::new(1, 0), None)], unit), &meter);
        let minutes = match &folded.minutes {
            Minutes::Sums(minutes) => minutes.len(),
            Minutes::Levels(minutes) => minutes.len(),
        };
        assert!((1..100_000).contains(&minutes), "{kind}: {minutes} minutes");
    }
}

#[test]
fn a_negative_register_of_minute_scale_rounds_to_nothing() {
    // Twice the remainder of this division once was beyond 128 bits.
    let meter = Interpretation {
        kind: Kind::Register,
        unit: "MJ".parse().ok(),
        scale: Decimal::new(1, -48),
        ..Interpretation::unclaimed(None)
    };
    let reading = readings(&[(START, Decimal::new(-7_567_776_731, -3), None)], meter.unit)[0];
    assert_eq!(meter.position(&reading), Ok(0));
    assert_eq!(round_half_even(-1, i128::MAX), 0);
    assert_eq!(round_half_even(i128::MAX / 2 + 1, i128::MAX), 1);
}

fn agent() -> AgentKey {
    AgentKey { site: "hall".parse().expect("a name"), agent: "floor".parse().expect("a name") }
}

/// Readings with any times, values and units at all, as a batch may bring them.
fn batch_readings() -> impl Strategy<Value = Vec<(u32, Reading)>> {
    let time = || prop_oneof![6 => START..START + 20 * DAY_MS, 1 => extreme(), 1 => any::<i64>()];
    let unit = prop::option::of(select(Unit::spellings().collect::<Vec<_>>()));
    let number = prop::option::of(any::<u32>());
    let reading =
        (0..3_u32, (time(), time()), decimal(), unit, prop::option::of(1..=u32::MAX), any::<bool>(), number);
    let reading = reading.prop_map(|(meter, (at, arrived), value, unit, interval_ms, good, number)| {
        let incarnation = Incarnation { started: Timestamp(START), id: 1 };
        let reading = Reading {
            at: Timestamp(at),
            arrived: Timestamp(arrived),
            value,
            unit: unit.map(|unit| unit.parse().expect("a spelling")),
            interval_ms,
            quality: if good { Quality::Good } else { Quality::Suspect },
            intake: number.map(|number| Intake { incarnation, number: u64::from(number) }),
            evidence: number
                .and_then(|n| Evidence::of(Serial::from_digest(u64::from(n % 3)), (n % 5 == 0).then_some(n))),
        };
        (meter, reading)
    });
    vec(reading, 1..60)
}

#[test]
fn the_engine_goes_on_whatever_a_batch_brings() {
    let claimed = interpretation(Kind::ALL, false);
    let input = (claimed, batch_readings());
    explore("engine", 40, input, |(meter, readings)| {
        let dir = tempfile::tempdir().expect("a directory");
        let key = |name: &str| MeterKey {
            site: "hall".parse().expect("a name"),
            meter: name.parse().expect("a name"),
        };
        let config = EngineConfig {
            layout: Layout::new(dir.path()),
            raw_kept_ms: RAW_KEPT_MS,
            meters: BTreeMap::from([(key("claimed"), meter)]),
        };
        let now = Timestamp(START + 20 * DAY_MS);
        let admitted =
            readings.iter().filter(|(_, reading)| admit(reading, now, RAW_KEPT_MS).is_ok()).count();
        let batch = Batch {
            agent: agent(),
            incarnation: Incarnation { started: Timestamp(START), id: 1 },
            sequence: 0,
            meters: ["claimed", "one", "two"].map(|name| name.parse().expect("a name")).to_vec(),
            readings,
            refused: Vec::new(),
            losses: Vec::new(),
            lineage: Lineage::default(),
        };
        let payload = wire::encode_batch(&batch);
        let mut engine = Engine::open(config.clone()).expect("opens");
        let arrival = Arrival { agent: agent(), form: PayloadForm::Batch, payload };
        let answered = engine.take(&[arrival], now).expect("taken");
        prop_assert_eq!((answered.readings, answered.refused.len()), (admitted, 0));
        let digest = engine.digest().expect("folded");
        engine.compact().expect("moved to the raw store");
        prop_assert_eq!(engine.rebuild().expect("made again").changed_hours, 0);
        drop(engine);
        let mut engine = Engine::open(config).expect("opens again");
        prop_assert_eq!(engine.digest().expect("folded"), digest);
        Ok(())
    });
}

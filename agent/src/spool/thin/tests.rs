use super::*;
use proptest::prelude::*;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Evidence, Incarnation, Intake};

const START: i64 = 1_790_000_100_000 / QUARTER_MS * QUARTER_MS;

fn reading(number: usize, second: i64, value: i64, unit: &str) -> Reading {
    let at = Timestamp(START + second * 1_000);
    Reading {
        at,
        arrived: Timestamp(at.0 + 40),
        value: Decimal::new(value, -1),
        unit: unit.parse().ok(),
        interval_ms: None,
        quality: Quality::Good,
        intake: Some(Intake { incarnation: Incarnation::default(), number: number as u64 }),
        evidence: None,
    }
}

/// A meter that is read every ten seconds and shows these values.
fn every_ten_seconds(values: &[i64], unit: &str) -> Vec<Reading> {
    let readings = values.iter().enumerate();
    readings.map(|(i, value)| reading(i, 7 + 10 * i as i64, *value, unit)).collect()
}

fn thin_one(readings: &[Reading]) -> (Vec<Reading>, u64) {
    let meter: Name = "m".parse().expect("name");
    let mut all = ByMeter::from([(meter.clone(), readings.to_vec())]);
    let losses = thin(&mut all);
    let left = all.remove(&meter).expect("there");
    let told = losses.iter().map(|loss| loss.readings).sum();
    assert_eq!(left.len() as u64 + told, readings.len() as u64, "what went is told");
    assert!(left.windows(2).all(|pair| pair[0].at < pair[1].at));
    (left, told)
}

/// The register at an instant, by linear interpolation: twice, in tenths, times the step.
fn position(readings: &[Reading], at: i64) -> Option<f64> {
    let next = readings.partition_point(|reading| reading.at.0 < at);
    let (after, value) = (readings.get(next)?, |r: &Reading| r.value.mantissa as f64);
    if after.at.0 == at {
        return Some(value(after));
    }
    let before = readings.get(next.checked_sub(1)?)?;
    let share = (at - before.at.0) as f64 / (after.at.0 - before.at.0) as f64;
    Some(value(before) + share * (value(after) - value(before)))
}

#[test]
fn a_register_keeps_what_is_next_to_the_edges() {
    let values: Vec<i64> = (0..1_000).map(|i| 5_000 + 37 * i + i % 5).collect();
    let readings = every_ten_seconds(&values, "kWh");
    let (left, told) = thin_one(&readings);
    assert!(left.len() < 40 && told > 900, "{} are left", left.len());
    for quarter in 0..12 {
        let edge = START + quarter * QUARTER_MS;
        assert_eq!(position(&left, edge), position(&readings, edge), "quarter {quarter}");
    }
}

#[test]
fn a_reading_on_the_edge_is_enough() {
    let values: Vec<i64> = (0..400).map(|i| 5_000 + 37 * i).collect();
    let on_edges: Vec<Reading> =
        values.iter().enumerate().map(|(i, value)| reading(i, 10 * i as i64, *value, "Wh")).collect();
    let (left, _) = thin_one(&on_edges);
    let inside = &left[5..left.len() - 5];
    assert!(inside.iter().all(|reading| reading.at.0 % QUARTER_MS == 0), "{inside:?}");
    assert_eq!(inside.len(), 4);
}

#[test]
fn steps_that_are_not_normal_stay_with_what_is_around_them() {
    let plain: Vec<i64> = (0..600).map(|i| 100_000 + 40 * i).collect();
    let around = |change: &dyn Fn(&mut Vec<Reading>)| {
        let mut readings = every_ten_seconds(&plain, "kWh");
        change(&mut readings);
        let (left, told) = thin_one(&readings);
        assert!(told > 300, "{told}");
        let kept = |at: usize| left.contains(&readings[at]);
        (295..=304).all(kept)
    };
    assert!(!around(&|_| {}), "the middle of nothing special goes");
    assert!(around(&|all| all[300].value.mantissa -= 70), "a fall");
    assert!(around(&|all| all[300..].iter_mut().for_each(|r| r.value.mantissa += 900)), "a jump");
    assert!(
        around(&|all| all[300..].iter_mut().for_each(|r| r.evidence = Evidence::of(None, Some(2)))),
        "a restart"
    );
    assert!(around(&|all| all[300].quality = Quality::Suspect), "a doubtful one");
    assert!(around(&|all| all[300..].iter_mut().for_each(|r| r.at.0 += 61_000)), "a gap");
}

#[test]
fn what_may_go_round_and_what_has_no_unit_stays_whole() {
    let wraps: Vec<i64> = (0..900).map(|i| 40 * i % 20_000).collect();
    assert_eq!(thin_one(&every_ten_seconds(&wraps, "Wh")).1, 0);
    let plain: Vec<i64> = (0..900).collect();
    assert_eq!(thin_one(&every_ten_seconds(&plain, "")).1, 0);
}

/// Twice the area in 1/10 units and ms of `[from, to)`, as the collector integrates. Source: domain.md 5.5.
fn area(readings: &[Reading], from: i64, to: i64) -> f64 {
    let mut sum = 0.0;
    for (i, reading) in readings.iter().enumerate() {
        let value = |r: &Reading| r.value.mantissa as f64 * 10_f64.powi(i32::from(r.value.exponent) + 1);
        let before = i.checked_sub(1).map(|i| &readings[i]);
        let (begin, start) = match (reading.interval_ms, before) {
            (Some(interval), _) => {
                let begin = reading.at.0 - i64::from(interval);
                (begin.max(before.map_or(i64::MIN, |b| b.at.0)), value(reading))
            }
            (None, Some(before)) if reading.at.0 - before.at.0 <= 60_000 => (before.at.0, value(before)),
            _ => continue,
        };
        let level =
            |at: i64| start + (value(reading) - start) * (at - begin) as f64 / (reading.at.0 - begin) as f64;
        let (a, b) = (begin.max(from), reading.at.0.min(to));
        if a < b {
            sum += (level(a) + level(b)) * (b - a) as f64;
        }
    }
    sum
}

fn covered(readings: &[Reading]) -> i64 {
    let ms = |(i, reading): (usize, &Reading)| match (reading.interval_ms, i.checked_sub(1)) {
        (Some(interval), _) => i64::from(interval),
        (None, Some(before)) => {
            Some(reading.at.0 - readings[before].at.0).filter(|ms| *ms <= 60_000).unwrap_or(0)
        }
        (None, None) => 0,
    };
    readings.iter().enumerate().map(ms).sum()
}

proptest! {
    #[test]
    fn power_and_gauges_come_to_the_same_in_every_quarter(
        values in prop::collection::vec(-50_000_i64..500_000, 4..700),
        gaps in prop::collection::vec((0_usize..700, 1_i64..400), 0..4),
        offset in 0_i64..900,
        unit in prop::sample::select(vec!["kW", "W", "Cel", "m3/h"]),
    ) {
        let mut readings = every_ten_seconds(&values, unit);
        for reading in &mut readings {
            reading.at.0 += offset * 1_000;
        }
        for (at, by) in gaps {
            readings.iter_mut().skip(at).for_each(|reading| reading.at.0 += by * 1_000);
        }
        let (left, told) = thin_one(&readings);
        prop_assert!(values.len() < 200 || told > 0);
        let (first, last) = (readings[0].at.0, readings[readings.len() - 1].at.0);
        prop_assert_eq!(covered(&left), covered(&readings), "the same time is covered");
        let mut edge = first.div_euclid(QUARTER_MS) * QUARTER_MS;
        while edge < last {
            let (a, b) = (area(&left, edge, edge + QUARTER_MS), area(&readings, edge, edge + QUARTER_MS));
            prop_assert!((a - b).abs() < 1e-2, "{} of {} in {}", a - b, b, edge);
            edge += QUARTER_MS;
        }
        // What was thinned once can be thinned again.
        let (again, _) = thin_one(&left);
        prop_assert!((area(&again, first, last) - area(&readings, first, last)).abs() < 1e-1);
    }

    #[test]
    fn registers_come_to_the_same_at_every_edge(
        steps in prop::collection::vec((1_i64..40, 0_i64..90), 2..600),
        odd in prop::collection::vec((0_usize..600, -3_000_i64..9_000), 0..4),
    ) {
        let (mut at, mut value) = (0, 1_000_000);
        let mut readings = Vec::new();
        for (i, (seconds, more)) in steps.iter().enumerate() {
            at += seconds;
            value += more + odd.iter().filter(|(at, _)| *at == i).map(|(_, by)| by).sum::<i64>();
            readings.push(reading(i, at, value, "Wh"));
        }
        let (left, _) = thin_one(&readings);
        for quarter in 1..=(at / 900) {
            let edge = START + quarter * QUARTER_MS;
            prop_assert_eq!(position(&left, edge), position(&readings, edge));
        }
        prop_assert_eq!((left.first(), left.last()), (readings.first(), readings.last()));
    }

    #[test]
    fn means_are_joined_within_a_quarter(lengths in prop::collection::vec(1_i64..40, 2..200)) {
        let mut at = 0;
        let readings: Vec<Reading> = lengths
            .iter()
            .enumerate()
            .map(|(i, seconds)| {
                at += seconds * 10;
                let interval_ms = u32::try_from(seconds * 10_000).ok();
                Reading { interval_ms, ..reading(i, at, 1_000 + (i as i64 * 7_919) % 5_000, "kW") }
            })
            .collect();
        let (left, _) = thin_one(&readings);
        let end = START + at * 1_000;
        for edge in (START..end).step_by(QUARTER_MS as usize) {
            let (a, b) = (area(&left, edge, edge + QUARTER_MS), area(&readings, edge, edge + QUARTER_MS));
            prop_assert!((a - b).abs() < 1e-2, "{} of {}", a - b, b);
        }
    }
}

#[test]
fn what_thinning_left_of_instants_is_not_averaged_over_their_gaps() {
    let values: Vec<i64> = (0..334).map(|i| 100_000 + 7_919 * i % 50_021).collect();
    let mut readings = every_ten_seconds(&values, "W");
    for (at, by_s) in [(166, 324), (299, 241)] {
        readings.iter_mut().skip(at).for_each(|reading| reading.at.0 += by_s * 1_000);
    }
    let (left, told) = thin_one(&readings);
    let (again, _) = thin_one(&left);
    let all = |readings: &[Reading]| area(readings, i64::MIN, i64::MAX);
    assert!(told > 0 && (all(&again) - all(&readings)).abs() < 1e-1, "{} of {}", all(&again), all(&readings));
}

#[test]
fn values_of_any_size_are_thinned_or_left_alone() {
    let mut readings = every_ten_seconds(&(0..600).collect::<Vec<i64>>(), "W");
    for (at, exponent) in [(100, -60), (200, 90), (300, -100)] {
        readings[at].value.exponent = exponent;
    }
    let (left, _) = thin_one(&readings);
    assert!([100, 200, 300].iter().all(|at| left.contains(&readings[*at])));
}

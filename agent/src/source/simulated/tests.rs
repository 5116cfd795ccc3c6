//! The simulated world as a whole: it repeats itself, conserves energy, and looks like a data centre.

use super::totals::{QUARTER_MS, Totals};
use super::weather::{DAY_MS, HOUR_MS};
use super::*;
use std::collections::BTreeMap;

/// 2025-11-21T00:00:00Z.
const ORIGIN: Timestamp = Timestamp(1_763_683_200_000);
const YEAR_MS: i64 = 365 * DAY_MS;

fn simulation(site: usize, seed: u64) -> Simulation {
    Simulation::new(&sites()[site], seed, ORIGIN).expect("the tables are valid")
}

/// What every meter shows at the quarter-hours of `(from, to]`.
fn quarters(simulation: &mut Simulation, from: i64, to: i64) -> Vec<(i64, Shown)> {
    let mut all = Vec::new();
    let mut last = from;
    let mut at = (from.div_euclid(QUARTER_MS) + 1) * QUARTER_MS;
    while at <= to {
        all.extend(
            simulation.shown(Timestamp(at), Timestamp(last), true).into_iter().map(|shown| (at, shown)),
        );
        last = at;
        at += QUARTER_MS;
    }
    all
}

fn flows(facility: &mut Totals, from: i64, to: i64, of: &[Flow]) -> f64 {
    of.iter().map(|flow| (facility.by(to, *flow) - facility.by(from, *flow)) as f64).sum()
}

/// PUE as a perfect accountant would find it, with IT energy taken where the facility declares it.
fn pue(simulation: &mut Simulation, facility: usize, from: i64, to: i64) -> f64 {
    let it = match simulation.site().facilities[facility].it_energy {
        "ups-output" => [Flow::UpsA, Flow::UpsB],
        _ => [Flow::PduA, Flow::PduB],
    };
    let totals = &mut simulation.facilities[facility];
    let supplied = flows(totals, from, to, &[Flow::UtilityA, Flow::UtilityB, Flow::Solar]);
    (supplied - flows(totals, from, to, &[Flow::Export])) / flows(totals, from, to, &it)
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another_one() {
    let month = |seed| quarters(&mut simulation(0, seed), ORIGIN.0, ORIGIN.0 + 30 * DAY_MS);
    let first = month(1);
    assert_eq!(first, month(1));
    assert_ne!(first, month(2));
}

#[test]
fn a_run_that_was_interrupted_gives_the_readings_of_one_run() {
    let end = ORIGIN.0 + 40 * DAY_MS;
    let cut = ORIGIN.0 + 17 * DAY_MS + 5 * HOUR_MS;
    for site in 0..2 {
        let whole = quarters(&mut simulation(site, 3), ORIGIN.0, end);
        let mut parts = quarters(&mut simulation(site, 3), ORIGIN.0, cut);
        parts.extend(quarters(&mut simulation(site, 3), cut, end));
        assert_eq!(parts, whole);
    }
}

#[test]
fn register_differences_equal_the_integral_of_power_within_their_resolution() {
    for site in 0..2 {
        let mut simulation = simulation(site, 5);
        let (from, to) = (ORIGIN.0 + 20 * DAY_MS, ORIGIN.0 + 29 * DAY_MS + 1_234_000);
        let first = simulation.shown(Timestamp(from), ORIGIN, true);
        let last = simulation.shown(Timestamp(to), Timestamp(from), true);
        let mut registers = 0;
        for (at, (first, last)) in first.iter().zip(&last).enumerate() {
            let meter = &simulation.meters[at];
            let Shows::Register { flow, .. } = meter.shows else { continue };
            let shown = (last.value.mantissa - first.value.mantissa) * meter.step;
            let (step, facility) = (meter.step, meter.facility);
            let totals = &mut simulation.facilities[facility];
            let true_amount = totals.by(to, flow) - totals.by(from, flow);
            assert!((shown - true_amount).abs() < step, "{}: {shown} {true_amount}", first.meter);
            registers += 1;
        }
        assert!(registers >= 9);
    }
}

#[test]
fn pue_is_plausible_each_season_and_lowest_in_winter() {
    for seed in [1, 2, 3] {
        for site in 0..2 {
            let mut simulation = simulation(site, seed);
            for facility in 0..simulation.site().facilities.len() {
                let mut month = |first: i64| {
                    let from = ORIGIN.0 + first * DAY_MS;
                    pue(&mut simulation, facility, from, from + 30 * DAY_MS)
                };
                // From 20 January and from 9 July on.
                let (winter, summer) = (month(60), month(230));
                assert!((1.10..1.30).contains(&winter), "seed {seed}: winter {winter}");
                assert!((1.18..1.48).contains(&summer), "seed {seed}: summer {summer}");
                assert!(summer > winter + 0.03, "seed {seed}: {winter} {summer}");
            }
        }
    }
}

#[test]
fn over_the_year_two_facilities_meet_their_target_and_one_misses_narrowly() {
    for seed in [1, 2, 3, 20_260_101] {
        let mut hamburg = simulation(0, seed);
        let mut ulanqab = simulation(1, seed);
        let year = (ORIGIN.0, ORIGIN.0 + YEAR_MS);
        let hall = pue(&mut hamburg, 0, year.0, year.1);
        let edge = pue(&mut hamburg, 1, year.0, year.1);
        let cold = pue(&mut ulanqab, 0, year.0, year.1);
        assert!((1.22..1.29).contains(&hall), "seed {seed}: hall {hall}");
        assert!((1.305..1.35).contains(&edge), "seed {seed}: edge {edge}");
        assert!((1.15..1.24).contains(&cold), "seed {seed}: cold {cold}");
    }
}

#[test]
fn a_year_has_a_million_readings_and_every_planned_fault() {
    let mut count = 0;
    let mut by_meter: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    for site in 0..2 {
        let mut simulation = simulation(site, 1);
        for (at, shown) in quarters(&mut simulation, ORIGIN.0, ORIGIN.0 + YEAR_MS) {
            count += 1;
            by_meter.entry(shown.meter.to_string()).or_default().push((at, shown.value.mantissa));
        }
    }
    assert!((1_000_000..1_100_000).contains(&count), "{count}");
    let falls = |meter: &str| {
        let values = &by_meter[meter];
        values.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[1].1).collect::<Vec<_>>()
    };
    let longest_silence = |meter: &str| {
        by_meter[meter].windows(2).map(|pair| pair[1].0 - pair[0].0).max().expect("it has readings")
    };
    let rolled = falls("hall-pumps");
    assert!(rolled.len() == 1 && rolled[0] < 1_000, "{rolled:?}");
    let reset = falls("hall-air-handlers");
    assert!(reset.len() == 1 && reset[0] > 0 && reset[0] < 1_000, "{reset:?}");
    assert_eq!(falls("hall-ups-a"), [0]);
    assert_eq!(falls("pdu-b"), [0]);
    assert_eq!(longest_silence("hall-ups-b"), 5 * HOUR_MS + QUARTER_MS);
    assert_eq!(longest_silence("utility-b").div_euclid(HOUR_MS), 9);
    assert!(falls("hall-utility-a").is_empty());
}

#[test]
fn an_interval_mean_is_the_energy_of_its_own_interval() {
    let mut simulation = simulation(0, 9);
    let at = ORIGIN.0 + 230 * DAY_MS + 13 * HOUR_MS;
    let shown = simulation.shown(Timestamp(at), Timestamp(at - 2_000), false);
    let cooling = shown.iter().find(|shown| shown.meter.as_str() == "edge-cooling").expect("it answers");
    assert_eq!(cooling.interval_ms, Some(2_000));
    let totals = &mut simulation.facilities[1];
    let passed = totals.by(at, Flow::ChillerA) - totals.by(at - 2_000, Flow::ChillerA);
    let kilowatts = passed as f64 * 1_800.0 / 1e9;
    assert!(kilowatts > 1.0 && (cooling.value.to_f64() - kilowatts).abs() <= 0.000_51, "{kilowatts}");
    assert!(shown.iter().all(|shown| shown.meter.as_str() != "outdoor-temperature"));
}

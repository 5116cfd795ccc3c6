use super::super::context::tests::{START, any_meter, readings, series};
use super::*;
use proptest::prelude::*;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Evidence, Quality, Serial};
use wattledger_model::time::Minute;

fn register(rated_w: Option<i128>) -> Interpretation {
    let unit = "kWh".parse().ok();
    Interpretation {
        unit,
        resolution: Decimal::new(1, 0),
        rated: rated_w.map(|rated| rated * 1_000_000),
        ..Interpretation::unclaimed(unit)
    }
}

fn hourly(values: &[i64]) -> Vec<Reading> {
    let reading = |(hour, value): (usize, &i64)| Reading {
        at: Timestamp(START + hour as i64 * 3_600_000),
        arrived: Timestamp(START),
        value: Decimal::new(*value, 0),
        unit: "kWh".parse().ok(),
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    };
    values.iter().enumerate().map(reading).collect()
}

fn minutes(from: i64, to: i64) -> Interval {
    let first = Timestamp(START).minute().0;
    Interval::new(Minute(first + from), Minute(first + to))
}

/// The rules of the steps, one a line.
fn told(readings: &[Reading], meter: &Interpretation, interval: Interval) -> String {
    let explained = explain(readings, meter, interval);
    let lines: Vec<String> = explained.steps.iter().map(|step| step.rule.clone()).collect();
    lines.join("\n")
}

fn all(readings: &[Reading], meter: &Interpretation) -> String {
    told(readings, &Interpretation { gap_limit_ms: Some(3_600_000), ..meter.clone() }, minutes(0, 10_000))
}

#[test]
fn each_rule_is_told_with_the_figures_that_were_compared() {
    let rated = register(Some(100_000));
    assert_eq!(
        all(&hourly(&[1_000, 1_100, 1_098, 9_000, 9_050]), &rated),
        "forward by 100 kWh, within E_max = 122 kWh (1.2 x the rating x 1 h + 2 x 1 kWh)\n\
         back by 2 kWh, no more than 2 q = 2 kWh: nothing passed, and the higher value stays the reference\n\
         forward by 7900 kWh, more than E_max = 242 kWh (1.2 x the rating x 2 h + 2 x 1 kWh); \
         compared with the higher value of 2026-01-01T01:00:00Z; \
         estimated as the mean of the metered rates next to it\n\
         forward by 50 kWh, within E_max = 122 kWh (1.2 x the rating x 1 h + 2 x 1 kWh)"
    );
    assert_eq!(
        all(&hourly(&[1_000, 1_010, 80]), &rated),
        "forward by 10 kWh, within E_max = 122 kWh (1.2 x the rating x 1 h + 2 x 1 kWh)\n\
         back by 930 kWh: more than the resolution explains, so that it is a reset; \
         estimated as the mean of the metered rates next to it, and not less than the new register shows"
    );
    let modulus = |modulus| Interpretation { modulus: Some(Decimal::new(modulus, 0)), ..rated.clone() };
    assert_eq!(
        all(&hourly(&[950, 20]), &modulus(1_000)),
        "back by 930 kWh: past the modulus of 1000 kWh it went 70 kWh, \
         within E_max = 122 kWh (1.2 x the rating x 1 h + 2 x 1 kWh)"
    );
    assert_eq!(
        all(&hourly(&[50, 60]), &modulus(100)),
        "E_max = 122 kWh (1.2 x the rating x 1 h + 2 x 1 kWh) could have passed, which is not below the modulus \
         of 100 kWh: nothing tells how often the register went round; missing until an operator settles it"
    );
    assert_eq!(
        told(&hourly(&[50, 60]), &register(None), minutes(10, 20)),
        "forward by 10 kWh, and no rating bounds it; 1 h is longer than the limit of 15 min: \
         the total is measured, its split over time is linear"
    );
    let mut exchanged = hourly(&[50, 60]);
    for (reading, serial) in exchanged.iter_mut().zip(["a", "b"]) {
        reading.evidence = Evidence::of(Serial::of(serial), None);
    }
    assert_eq!(
        all(&exchanged, &rated),
        "another serial number: the instrument was exchanged, and nobody declared how the registers join; \
         nothing metered lies next to it: missing"
    );
}

#[test]
fn every_reading_around_has_its_fate() {
    let mut given = hourly(&[100, 110, 0, 120, 130, 140, 150]);
    given[4].unit = "W".parse().ok();
    let meter = Interpretation {
        corrections: vec![Correction::Exclude { from: given[5].at, to: Timestamp(given[5].at.0 + 1) }],
        ..register(Some(100_000))
    };
    let explained = explain(&given, &meter, minutes(70, 230));
    let fates: Vec<String> = explained.readings.iter().map(|told| told.fate.to_string()).collect();
    assert_eq!(fates.len(), 6, "from the reading before the interval to the one after it: {fates:?}");
    assert_eq!(fates[0], "kept");
    assert!(fates[1].starts_with("dropped as a failed read"), "{}", fates[1]);
    assert!(fates[1].ends_with("all in between are exactly 0"), "{}", fates[1]);
    assert!(fates[3].starts_with("not used: the reading's unit differs"), "{}", fates[3]);
    assert_eq!([&fates[2], &fates[4], &fates[5]], ["kept", "excluded by an operator", "kept"]);
    assert_eq!(explained.corrections[0].effect, "1 of the readings do not count");
}

#[test]
fn what_operators_entered_is_told_with_what_it_did() {
    let at = |minute: i64| Timestamp(START + minute * MINUTE_MS);
    let kwh = 1_000_000_000;
    let meter = Interpretation {
        corrections: vec![
            Correction::Entry { from: at(120), to: at(240), amount: 12 * kwh },
            Correction::Entry { from: at(0), to: at(60), amount: 5 * kwh },
            Correction::Settle { from: at(60), to: at(120), amount: 7 * kwh },
            Correction::Exchange { at: at(500), last: Decimal::ZERO, first: Decimal::ZERO },
        ],
        ..register(None)
    };
    let explained = explain(&hourly(&[100, 110, 10]), &meter, minutes(0, 180));
    let effects: Vec<&str> = explained.corrections.iter().map(|told| told.effect.as_str()).collect();
    assert_eq!(
        effects,
        [
            "12 kWh spread evenly over 2 h of which nothing else is known, 6 kWh of it here",
            "books nothing: all of its time is known",
            "takes the place of what was estimated or missing for one step",
        ]
    );
    assert!(explained.steps[1].rule.ends_with("booked as an operator settled it"));
    let amounts = explained.booked.map(|(amount, ms)| (amount / kwh, ms / MINUTE_MS));
    assert_eq!((amounts, explained.missing_ms), ([(0, 0), (10, 60), (13, 120)], 0));
}

#[test]
fn power_is_told_by_its_form_and_its_gaps() {
    let unit = "kW".parse().ok();
    let meter = Interpretation { nominal_interval_ms: 3_600_000, ..Interpretation::unclaimed(unit) };
    let mut given = hourly(&[10, 20, 30, 30, 30, 30]);
    for reading in &mut given {
        reading.unit = unit;
    }
    given.drain(2..5);
    let limited = Interpretation { gap_limit_ms: Some(3_600_000), ..meter };
    let explained = explain(&given, &limited, minutes(30, 400));
    let told: Vec<_> =
        explained.steps.iter().map(|step| (step.between, step.inside, step.rule.as_str())).collect();
    assert_eq!(
        told,
        [
            (Between::Span(Form::Instant), Some(8_750_000_000), "linear between the two values"),
            (Between::Gap, None, "4 h without a value, longer than the limit of 1 h: missing"),
        ]
    );
    assert_eq!(explained.missing_ms, 340 * MINUTE_MS);
}

#[test]
fn amounts_are_told_in_the_units_of_people() {
    let told = |amount, quantity| rule::amount(amount, quantity);
    assert_eq!(told(-1_500_000_001, Quantity::Energy), "-1.500000001 kWh");
    assert_eq!(told(2_000, Quantity::Volume), "2 L");
    assert_eq!(told(1, Quantity::Mass), "0.000001 kg");
    assert_eq!([0, 1_500, 90_000, 7_200_000].map(rule::duration), ["0 ms", "1500 ms", "90 s", "2 h"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    /// What the steps and the entries are told to have booked is what the minutes hold.
    #[test]
    fn the_parts_add_up_to_what_is_booked(
        all in series(), meter in any_meter(), from in -10_i64..100, length in 0_i64..200,
    ) {
        let readings = readings(&all, &meter);
        let explained = explain(&readings, &meter, minutes(from, from + length));
        let booked: i128 = explained.booked.iter().map(|(amount, _)| amount).sum();
        let steps: i128 = explained.steps.iter().filter_map(|step| step.inside).sum();
        let entries: i128 = explained.corrections.iter().map(|told| told.inside).sum();
        if meter.kind == Kind::Register {
            prop_assert_eq!(steps + entries, booked);
        }
        prop_assert!(explained.missing_ms >= 0);
        prop_assert!(explained.steps.windows(2).all(|pair| pair[0].from <= pair[1].from));
    }
}

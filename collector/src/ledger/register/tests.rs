use super::super::interpret::{Epoch, Joint, POSITION_PER_BASE};
use super::*;
use wattledger_model::correction::Correction;
use wattledger_model::decimal::Decimal;
use wattledger_model::reading::{Evidence, Quality, Serial};

const WH: i128 = 1_000_000 * POSITION_PER_BASE;
const MINUTE: i64 = 60_000;
const START: i64 = 1_767_225_600_000;

fn meter(resolution_wh: i64, modulus_wh: Option<i64>, rated_w: Option<i128>) -> Interpretation {
    let unit = "Wh".parse().ok();
    Interpretation {
        unit,
        resolution: Decimal::new(resolution_wh, 0),
        modulus: modulus_wh.map(|modulus| Decimal::new(modulus, 0)),
        rated: rated_w.map(|rated| rated * 1_000_000),
        ..Interpretation::unclaimed(unit)
    }
}

fn every_minute(wh: &[i64]) -> Vec<Reading> {
    let reading = |(i, wh): (usize, &i64)| Reading {
        at: Timestamp(START + i as i64 * MINUTE),
        arrived: Timestamp(0),
        value: Decimal::new(*wh, 0),
        unit: None,
        interval_ms: None,
        quality: Quality::Good,
        intake: None,
        evidence: None,
    };
    wh.iter().enumerate().map(reading).collect()
}

fn told(wh: &[i64], meter: &Interpretation) -> String {
    told_of(&every_minute(wh), meter)
}

fn told_of(readings: &[Reading], meter: &Interpretation) -> String {
    let walk = walk(readings, meter);
    let mut told = String::new();
    for s in &walk.stretches {
        let energy = (s.end - s.start) as f64 / WH as f64;
        told += match (s.is_continued, told.is_empty()) {
            (true, _) => " + ",
            (false, true) => "",
            (false, false) => ", ",
        };
        if !s.is_continued {
            told += &format!("{} ", s.class.word());
        }
        told += &match s.provenance {
            Some(Provenance::Measured) => format!("{energy}"),
            Some(p) => format!("{energy} {}", p.word()),
            None => "nothing".to_owned(),
        };
    }
    if !walk.exchanges.is_empty() {
        told += &format!("; exchanged {}", walk.exchanges.len());
    }
    if !walk.dropped.is_empty() {
        let dropped: Vec<usize> = walk.dropped.iter().map(|dropped| dropped.index).collect();
        told += &format!("; dropped {dropped:?}");
    }
    told
}

/// The same settings from the middle of a minute on, with another scale.
fn epoch(meter: &Interpretation, minutes: f64, scale: i64, joint: Joint) -> Epoch {
    Epoch {
        from: Timestamp(START + (minutes * MINUTE as f64) as i64),
        joint,
        unit: meter.unit,
        scale: Decimal::new(scale, 0),
        modulus: meter.modulus,
        resolution: meter.resolution,
        rated: meter.rated,
        is_binary32: false,
    }
}

fn with(meter: Interpretation, epochs: &[(f64, i64, Joint)]) -> Interpretation {
    let later = epochs.iter().map(|&(minutes, scale, joint)| epoch(&meter, minutes, scale, joint)).collect();
    Interpretation { later, ..meter }
}

fn exchanged(last: Option<i64>, first: Option<i64>) -> Joint {
    let of = |value: Option<i64>| value.map(|value| Decimal::new(value, 0));
    Joint::Exchanged { last: of(last), first: of(first) }
}

#[test]
fn one_misread_zero_is_dropped() {
    let meter = meter(1, None, Some(60_000));
    assert_eq!(told(&[20, 45, 0, 46, 47], &meter), "normal 25, normal 1, normal 1; dropped [2]");
}

#[test]
fn a_spike_is_dropped_and_its_return_too() {
    let meter = meter(1, None, Some(60_000));
    assert_eq!(told(&[0, 10, 99_999, 30], &meter), "normal 10, normal 20; dropped [2]");
}

#[test]
fn a_reset_that_stays_is_estimated_from_its_neighbours() {
    let meter = meter(0, None, Some(6_000_000));
    assert_eq!(told(&[1_000, 1_010, 0, 20], &meter), "normal 10, reset 15 estimated, normal 20");
}

#[test]
fn a_fall_beyond_what_the_installation_carries_is_no_rollover() {
    let meter = meter(1, Some(1_000), Some(600));
    let kept = "normal 5, normal 5, reset 5 estimated, normal 5, normal 5";
    assert_eq!(told(&[500, 505, 510, 5, 10, 15], &meter), kept);
    assert_eq!(told(&[990, 995, 0, 5], &meter), "normal 5, rollover 5, normal 5");
}

#[test]
fn two_resets_in_a_row_have_one_neighbour_each_and_not_less_than_the_new_register_shows() {
    let meter = meter(0, None, Some(6_000));
    assert_eq!(
        told(&[1_000, 1_010, 500, 100, 130], &meter),
        "normal 10, reset 10 estimated, reset 100 estimated, normal 30"
    );
}

#[test]
fn a_lone_break_books_nothing() {
    assert_eq!(told(&[1_000, 3], &meter(0, None, None)), "reset nothing");
}

#[test]
fn three_readings_below_make_jitter_a_reset() {
    let meter = meter(1, None, None);
    assert_eq!(told(&[100, 99, 98, 103], &meter), "jitter 0, jitter 0, normal 3");
    assert_eq!(told(&[90, 100, 99, 99, 99], &meter), "normal 10, reset 5 estimated, normal 0, normal 0");
}

#[test]
fn without_a_rating_a_fall_that_comes_back_is_a_failed_read_and_others_are_resets() {
    let meter = meter(0, Some(1_000), None);
    assert_eq!(told(&[10, 20, 5, 6, 7, 30], &meter), "normal 10, normal 10; dropped [2, 3, 4]");
    assert_eq!(
        told(&[980, 990, 5, 15], &meter),
        "normal 10, reset 10 estimated, normal 10",
        "a modulus alone does not make a rollover"
    );
}

#[test]
fn a_flood_of_nonsense_takes_no_forever() {
    let wild: Vec<i64> = (0..20_000).map(|i| (i * 7_919) % 10_007).collect();
    let walk = walk(&every_minute(&wild), &meter(1, None, Some(1_000)));
    assert!(walk.stretches.iter().all(|s| s.end >= s.start));
}

#[test]
fn a_register_that_goes_on_is_read_by_each_epoch_in_its_own_time() {
    let meter = with(meter(0, None, None), &[(1.25, 3, Joint::Continues)]);
    assert_eq!(told(&[100, 110, 130, 140], &meter), "normal 10, normal 5 + 45, normal 30");
    // At the very instant of a reading nothing is cut.
    let meter = with(meter, &[(2.0, 3, Joint::Continues)]);
    assert_eq!(told(&[100, 110, 130, 140], &meter), "normal 10, normal 20, normal 30");
    // Several at once.
    let meter = with(meter, &[(0.5, 3, Joint::Continues), (0.75, 10, Joint::Continues)]);
    assert_eq!(told(&[0, 100], &meter), "normal 50 + 75 + 250");
}

#[test]
fn the_step_rules_hold_where_an_epoch_begins() {
    let rated = |joints: &[(f64, i64, Joint)]| with(meter(1, Some(10_000), Some(6_000)), joints);
    let goes_on = [(1.5, 2, Joint::Continues)];
    // 100 Wh a minute by the rating, and a quarter more; once as much of the raw number in the new epoch.
    assert_eq!(
        told(&[0, 50, 0, 51, 60], &rated(&goes_on)),
        "normal 50, normal 0.25 + 1.5, normal 18; dropped [2]"
    );
    assert_eq!(
        told(&[0, 50, 900, 60, 70], &rated(&goes_on)),
        "normal 50, normal 2.5 + 15, normal 20; dropped [2]"
    );
    assert_eq!(told(&[0, 50, 49, 60], &rated(&goes_on)), "normal 50, jitter 0 + 0, normal 20");
    assert_eq!(told(&[9_960, 9_990, 10, 20], &rated(&goes_on)), "normal 30, rollover 10 + 20, normal 20");
    assert_eq!(
        told(&[5_000, 5_020, 10, 20], &rated(&goes_on)),
        "normal 20, reset 20 estimated, normal 20",
        "the mean of 20 and 20 is not below the 20 that the new register shows"
    );
    assert_eq!(
        told(&[0, 20, 40, 5_000, 5_010], &rated(&[(0.5, 2, Joint::Continues), (2.5, 1, Joint::Continues)])),
        "normal 10 + 20, normal 40, jump 25 estimated, normal 10"
    );
    // The neighbour of a break is the whole step, whatever epochs it lies in.
    assert_eq!(
        told(&[0, 20, 5_000, 5_010], &rated(&[(0.5, 2, Joint::Continues), (1.0, 1, Joint::Continues)])),
        "normal 10 + 20, jump 20 estimated, normal 10"
    );
}

#[test]
fn a_declared_exchange_joins_exactly_and_nothing_reaches_across() {
    let plain = meter(1, None, None);
    let declared = |last, first| with(plain.clone(), &[(1.5, 1, exchanged(Some(last), Some(first)))]);
    assert_eq!(
        told(&[100, 110, 7, 17], &declared(114, 2)),
        "normal 10, normal 4, normal 5, normal 10; exchanged 1"
    );
    // The new register stands a little below the old one: no jitter, no reference is held.
    assert_eq!(
        told(&[100, 110, 109, 110], &declared(110, 109)),
        "normal 10, normal 0, normal 0, normal 1; exchanged 1"
    );
    // Back at the old value within three readings: no failed read.
    assert_eq!(
        told(&[100, 110, 7, 115], &declared(112, 5)),
        "normal 10, normal 2, normal 2, normal 108; exchanged 1"
    );
    // A reset of the new one is not estimated by the old one's rate.
    assert_eq!(
        told(&[100, 110, 7, 17], &declared(112, 500)),
        "normal 10, normal 2, reset 5 estimated, normal 10; exchanged 1"
    );
    // By an operator, the same; and before or after all readings it joins nothing.
    let (last, first) = (Decimal::new(114, 0), Decimal::new(2, 0));
    let entered = |minutes: i64| Interpretation {
        corrections: vec![Correction::Exchange { at: Timestamp(START + minutes * MINUTE), last, first }],
        ..plain.clone()
    };
    assert_eq!(told(&[100, 110, 7, 17], &entered(2)), "normal 10, normal 4, normal 15; exchanged 1");
    for outside in [-1, 0, 5] {
        assert_eq!(told(&[100, 110, 117], &entered(outside)), "normal 10, normal 7");
    }
}

#[test]
fn an_exchange_that_nobody_signed_off_is_estimated() {
    for joint in [exchanged(None, None), exchanged(Some(111), None), exchanged(None, Some(0))] {
        let meter = with(meter(0, None, None), &[(1.5, 2, joint)]);
        assert_eq!(told(&[100, 110, 500, 510], &meter), "normal 10, exchange 15 estimated, normal 20");
        assert_eq!(told(&[100, 500], &with(meter, &[(0.5, 1, joint)])), "exchange nothing");
    }
}

fn evident(wh: &[i64], serials: &[&str], boots: &[u32]) -> Vec<Reading> {
    let mut readings = every_minute(wh);
    for (i, reading) in readings.iter_mut().enumerate() {
        let serial = serials.get(i).and_then(|text| Serial::of(text));
        reading.evidence = Evidence::of(serial, boots.get(i).copied().filter(|boots| *boots > 0));
    }
    readings
}

#[test]
fn another_serial_number_is_another_instrument() {
    let meter = meter(1, None, None);
    let readings = evident(&[100, 110, 109, 119], &["a", "a", "b", "b"], &[]);
    assert_eq!(told_of(&readings, &meter), "normal 10, exchange 10 estimated, normal 10");
    // Higher, too; and back within three readings is no failed read.
    let readings = evident(&[100, 110, 7, 115], &["a", "a", "b", "b"], &[]);
    assert_eq!(told_of(&readings, &meter), "normal 10, exchange 59 estimated, normal 108");
    // Where one is silent values decide, but a failed read is none between two devices.
    let readings = evident(&[100, 110, 7, 115], &["a", "a", "", "b"], &[]);
    assert_eq!(told_of(&readings, &meter), "normal 10, reset 59 estimated, normal 108");
    let signed = with(meter, &[(1.5, 1, exchanged(Some(111), Some(5)))]);
    let readings = evident(&[100, 110, 7, 17], &["a", "a", "b", "b"], &[]);
    assert_eq!(told_of(&readings, &signed), "normal 10, normal 1, normal 2, normal 10; exchanged 1");
}

#[test]
fn a_fall_after_a_restart_is_a_reset_whatever_else_it_could_be() {
    let boots = |wh: &[i64], boots: &[u32], meter: &Interpretation| told_of(&evident(wh, &[], boots), meter);
    let rated = meter(1, Some(1_000), Some(6_000));
    let (same, other) = ([1, 1, 1, 1, 1], [1, 1, 2, 2, 2]);
    // Jitter, rollover, failed read.
    assert_eq!(boots(&[10, 20, 19, 30], &same, &rated), "normal 10, jitter 0, normal 10");
    assert_eq!(boots(&[10, 20, 19, 30], &other, &rated), "normal 10, reset 19 estimated, normal 11");
    assert_eq!(boots(&[980, 990, 5, 15], &same, &rated), "normal 10, rollover 15, normal 10");
    assert_eq!(boots(&[980, 990, 5, 15], &other, &rated), "normal 10, reset 10 estimated, normal 10");
    assert_eq!(boots(&[10, 20, 0, 21, 31], &same, &rated), "normal 10, normal 1, normal 10; dropped [2]");
    assert_eq!(
        boots(&[10, 20, 0, 21, 31], &other, &rated),
        "normal 10, reset 15.5 estimated, normal 21, normal 10"
    );
    // A restart alone changes nothing, and readings after it do not make a jitter before it a reset.
    assert_eq!(boots(&[10, 20, 30], &[1, 2, 3], &rated), "normal 10, normal 10");
    assert_eq!(
        boots(&[90, 100, 99, 99, 99], &[1, 1, 1, 2, 2], &meter(1, None, None)),
        "normal 10, jitter 0, reset 0 estimated, normal 0"
    );
    // Known between neighbours, though the reference said nothing.
    assert_eq!(
        boots(&[90, 100, 99, 98, 200], &[0, 0, 1, 2, 2], &meter(1, None, None)),
        "normal 10, jitter 0, reset 51 estimated, normal 102"
    );
}

#[test]
fn a_register_that_counts_both_ways_goes_down_and_is_never_jitter() {
    let both = |meter: Interpretation| Interpretation { is_bidirectional: true, ..meter };
    assert_eq!(
        told(&[100, 90, 0, -50, 20], &both(meter(1, None, None))),
        "normal -10, normal -90, normal -50, normal 70"
    );
    let rated = both(meter(1, Some(1_000), Some(600)));
    assert_eq!(told(&[20, 15, 10, 990, 5], &rated), "normal -5, normal -5, normal -5; dropped [3]");
    assert_eq!(
        told(&[20, 15, 5, 998, 2, 0], &rated),
        "normal -5, normal -10, rollover -7, rollover 4, normal -2"
    );
}

#[test]
fn a_binary32_is_as_exact_as_its_value_is_small() {
    let meter = Interpretation { is_binary32: true, ..meter(0, None, None) };
    let (low, high) = (1 << 23, 1 << 25);
    assert_eq!(told(&[high, high - 8, high], &meter), "jitter 0, normal 0");
    assert_eq!(told(&[low, low - 8, low - 7], &meter), "reset 1 estimated, normal 1");
}

#[test]
fn what_could_have_passed_the_modulus_unseen_is_missing_until_somebody_settles_it() {
    let meter = meter(0, Some(100), Some(6_000));
    assert_eq!(told(&[10, 20, 30], &meter), "undecidable nothing, undecidable nothing");
    let settle = |from: i64, to: i64, amount_wh: i128| Correction::Settle {
        from: Timestamp(START + from * MINUTE),
        to: Timestamp(START + to * MINUTE),
        amount: amount_wh * 1_000_000,
    };
    let settled = Interpretation { corrections: vec![settle(0, 1, 110)], ..meter.clone() };
    assert_eq!(told(&[10, 20, 30], &settled), "undecidable 110 estimated, undecidable nothing");
    let settled = Interpretation { corrections: vec![settle(-5, 9, 220)], ..meter };
    assert_eq!(told(&[10, 20, 30], &settled), "undecidable 110 estimated, undecidable 110 estimated");
}

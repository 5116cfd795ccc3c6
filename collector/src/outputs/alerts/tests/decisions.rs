//! Decisions alone: figures in, events out.

use crate::config::{Side, Thresholds};
use crate::outputs::alerts::{Event, State, Turn};
use proptest::prelude::*;
use std::time::Duration;
use wattledger_model::time::Minute;

fn rule(side: Side, (raise, raise_after): (f64, u64), (clear, clear_after): (f64, u64)) -> Thresholds {
    Thresholds {
        side,
        raise,
        clear,
        raise_after: Duration::from_secs(raise_after * 60),
        clear_after: Duration::from_secs(clear_after * 60),
        min_coverage: 0.9,
    }
}

fn usual() -> Thresholds {
    rule(Side::Above, (1.35, 15), (1.32, 15))
}

type Sample = (i64, Option<f64>, f64);

fn turns(rule: &Thresholds, samples: &[Sample]) -> Vec<(i64, &'static str)> {
    let mut state = State::default();
    let step = |&(at, value, coverage): &Sample| {
        state.step(Minute(at), value, coverage, rule).map(|event| (event.at.0, event.turn.word()))
    };
    samples.iter().filter_map(step).collect()
}

fn covered(values: &[(i64, f64)]) -> Vec<Sample> {
    values.iter().map(|(at, value)| (*at, Some(*value), 1.0)).collect()
}

#[test]
fn the_event_says_since_when_and_with_which_figure() {
    let mut state = State::default();
    let rule = rule(Side::Above, (1.35, 2), (1.32, 1));
    let mut step = |at, value| state.step(Minute(at), Some(value), 0.97, &rule);
    assert_eq!((step(10, 1.4), step(11, 1.41)), (None, None));
    let raised = Event { turn: Turn::Raised, at: Minute(12), since: Minute(10), value: 1.42, coverage: 0.97 };
    assert_eq!(step(12, 1.42), Some(raised));
    assert_eq!((step(13, 1.42), step(14, 1.3)), (None, None));
    let cleared =
        Event { turn: Turn::Cleared, at: Minute(15), since: Minute(10), value: 1.31, coverage: 0.97 };
    assert_eq!(step(15, 1.31), Some(cleared));
}

#[test]
fn thin_coverage_stops_the_clock_of_the_hold_and_does_not_set_it_back() {
    let high =
        |minutes: std::ops::Range<i64>| minutes.map(|at| (at, Some(1.4), 1.0)).collect::<Vec<Sample>>();
    let mut samples = high(0..11);
    samples.extend((11..60).map(|at| (at, Some(1.0), 0.89)));
    samples.extend((60..90).map(|at| (at, None, 0.0)));
    samples.extend(high(90..100));
    // Ten minutes before the silence, five after it.
    assert_eq!(turns(&usual(), &samples), [(95, "raised")]);
}

#[test]
fn missing_data_does_not_clear() {
    let mut samples: Vec<Sample> = (0..16).map(|at| (at, Some(1.4), 1.0)).collect();
    samples.extend((16..200).map(|at| (at, None, 0.0)));
    samples.extend((200..210).map(|at| (at, Some(1.3), 1.0)));
    assert_eq!(turns(&usual(), &samples), [(15, "raised")]);
    samples.extend((210..216).map(|at| (at, Some(1.3), 1.0)));
    assert_eq!(turns(&usual(), &samples), [(15, "raised"), (215, "cleared")]);
}

#[test]
fn a_value_at_the_threshold_is_not_beyond_it() {
    let at_raise: Vec<Sample> = (0..60).map(|at| (at, Some(1.35), 1.0)).collect();
    assert_eq!(turns(&usual(), &at_raise), []);
    let mut at_clear: Vec<Sample> = (0..20).map(|at| (at, Some(1.36), 1.0)).collect();
    at_clear.extend((20..90).map(|at| (at, Some(1.32), 1.0)));
    assert_eq!(turns(&usual(), &at_clear), [(15, "raised")]);
}

#[test]
fn below_is_the_mirror_of_above_and_no_hold_is_at_once() {
    let rule = rule(Side::Below, (1.0, 0), (1.05, 2));
    let samples = covered(&[(0, 1.01), (1, 0.99), (2, 1.06), (3, 1.05), (4, 1.06), (5, 1.07), (6, 1.06)]);
    assert_eq!(turns(&rule, &samples), [(1, "raised"), (6, "cleared")]);
}

#[test]
fn a_minute_is_judged_once_and_what_is_not_a_number_is_missing() {
    let mut state = State::from(Minute(10));
    let rule = rule(Side::Above, (1.35, 0), (1.32, 0));
    assert_eq!(state.step(Minute(10), Some(2.0), 1.0, &rule), None);
    assert_eq!(state.step(Minute(11), Some(f64::NAN), 1.0, &rule), None);
    assert_eq!(state.step(Minute(12), Some(f64::INFINITY), 1.0, &rule), None);
    assert!(state.step(Minute(13), Some(2.0), 1.0, &rule).is_some());
    assert_eq!(state.step(Minute(13), Some(1.0), 1.0, &rule), None);
}

fn story() -> impl Strategy<Value = Vec<Sample>> {
    let value = prop_oneof![
        2 => Just(None),
        4 => Just(Some(1.40)),
        1 => Just(Some(1.35)),
        2 => Just(Some(1.33)),
        1 => Just(Some(1.32)),
        4 => Just(Some(1.20)),
    ];
    let coverage = prop_oneof![9 => Just(1.0), 1 => Just(0.5)];
    let runs = prop::collection::vec((1..4_i64, value, coverage, 1..12_usize), 1..40);
    runs.prop_map(|runs| {
        let mut at = 0;
        let mut samples = Vec::new();
        for (gap, value, coverage, times) in runs {
            for _ in 0..times {
                at += gap;
                samples.push((at, value, coverage));
            }
        }
        samples
    })
}

/// Minutes, up to the last sample, for which the figure was known to be on the asked side without a known one
/// on the other.
fn known_hold(samples: &[Sample], asks: impl Fn(f64) -> bool) -> i64 {
    let known = |sample: &Sample| sample.1.filter(|_| sample.2 >= 0.9);
    let mut minutes = 0;
    for pair in samples.windows(2).rev() {
        let ends = [known(&pair[0]).map(&asks), known(&pair[1]).map(&asks)];
        if ends.contains(&Some(false)) {
            break;
        }
        if ends == [Some(true), Some(true)] {
            minutes += pair[1].0 - pair[0].0;
        }
    }
    minutes
}

#[test]
fn what_is_passed_over_and_what_is_ended_is_no_turn_of_the_value() {
    let rule = usual();
    let mut state = State::default();
    let raised = |minutes: std::ops::Range<i64>, state: &mut State| {
        minutes.filter_map(|at| state.step(Minute(at), Some(1.4), 1.0, &rule)).count()
    };
    assert_eq!(raised(0..10, &mut state), 0);
    assert_eq!(state.on_its_way_since(), Some(Minute(0)));
    (10..500).for_each(|at| state.pass(Minute(at)));
    assert_eq!(raised(500..506, &mut state), 0, "nine minutes before, five after");
    state.resume(Minute(1_000));
    assert_eq!(raised(1_001..1_002, &mut state), 0, "what lies between counts for nothing");
    assert_eq!(raised(1_002..1_003, &mut state), 1);
    assert_eq!((state.on_its_way_since(), state.raised_since()), (None, Some(Minute(0))));
    let ended = state.end(Minute(2_000)).expect("it was raised");
    assert_eq!(
        (ended.turn, ended.at, ended.since, ended.value),
        (Turn::Cleared, Minute(2_000), Minute(0), 1.4)
    );
    assert_eq!((state.end(Minute(2_001)), state.raised_since()), (None, None), "once");
}

proptest! {
    #[test]
    fn missing_minutes_neither_raise_nor_clear_wherever_they_lie(
        samples in story(),
        gaps in prop::collection::vec((any::<prop::sample::Index>(), 1..400_i64), 0..8),
    ) {
        // The same story with holes of missing minutes in it has the same turns, each later by the holes before it,
        // where a hole costs the time of the step that it cuts.
        let rule = rule(Side::Above, (1.35, 0), (1.32, 0));
        let mut at_sample: Vec<i64> = vec![0; samples.len()];
        for (index, length) in &gaps {
            at_sample[index.index(samples.len())] += length;
        }
        let (mut whole, mut holed) = (State::default(), State::default());
        let mut shift = 0;
        for (sample, hole) in samples.iter().zip(at_sample) {
            let (at, value, coverage) = *sample;
            for missing in 1..=hole {
                let minute = Minute(at - 1 + shift + missing);
                prop_assert_eq!(holed.step(minute, None, 0.0, &rule), None);
            }
            shift += hole;
            let turn = |event: Option<Event>| event.map(|event| (event.turn, event.value, event.coverage));
            let expected = turn(whole.step(Minute(at), value, coverage, &rule));
            prop_assert_eq!(turn(holed.step(Minute(at + shift), value, coverage, &rule)), expected);
            prop_assert_eq!(holed.raised_since().is_some(), whole.raised_since().is_some());
        }
    }

    #[test]
    fn each_turn_has_its_time_and_comes_no_later(samples in story(), raise in 0..20_i64, clear in 0..20_i64) {
        let rule = rule(Side::Above, (1.35, raise.unsigned_abs()), (1.32, clear.unsigned_abs()));
        let mut state = State::default();
        // Where the figures begin that count for the next turn: those before it have done their work.
        let mut from = 0;
        let mut is_raised = false;
        for (at, sample) in samples.iter().enumerate() {
            let event = state.step(Minute(sample.0), sample.1, sample.2, &rule);
            let counts = sample.2 >= 0.9;
            let asks = |value: f64| if is_raised { value < 1.32 } else { value > 1.35 };
            let due = sample.1.is_some_and(|value| counts && asks(value))
                && known_hold(&samples[from..=at], asks) >= if is_raised { clear } else { raise };
            prop_assert_eq!(event.is_some(), due, "at minute {}", sample.0);
            if let Some(event) = event {
                // Raised and cleared take turns, beginning with raised.
                prop_assert_eq!(event.turn, if is_raised { Turn::Cleared } else { Turn::Raised });
                is_raised = !is_raised;
                from = at + 1;
            }
            prop_assert_eq!(state.raised_since().is_some(), is_raised);
        }
    }

    #[test]
    fn nothing_turns_between_the_thresholds(before in story(), band in prop::collection::vec(1.32..=1.35, 1..100)) {
        let rule = usual();
        let mut state = State::default();
        for (at, value, coverage) in &before {
            state.step(Minute(*at), *value, *coverage, &rule);
        }
        let end = before.last().map_or(0, |sample| sample.0);
        for (at, value) in (end + 1..).zip(band) {
            prop_assert_eq!(state.step(Minute(at), Some(value), 1.0, &rule), None);
        }
    }

    #[test]
    fn a_restart_at_any_step_changes_nothing(samples in story(), restarts in prop::collection::vec(any::<bool>(), 500)) {
        let rule = usual();
        let (mut whole, mut restarted) = (State::default(), State::default());
        for (sample, restart) in samples.iter().zip(restarts.into_iter().cycle()) {
            if restart {
                let text = serde_json::to_string(&restarted).expect("plain data");
                restarted = serde_json::from_str(&text).expect("reads back");
                // A minute that was judged may be offered again.
                if let Some(last) = restarted.last() {
                    prop_assert_eq!(restarted.step(last, sample.1, 1.0, &rule), None);
                }
            }
            let (at, value, coverage) = *sample;
            let event = whole.step(Minute(at), value, coverage, &rule);
            prop_assert_eq!(restarted.step(Minute(at), value, coverage, &rule), event);
            prop_assert_eq!(&restarted, &whole);
        }
    }
}
